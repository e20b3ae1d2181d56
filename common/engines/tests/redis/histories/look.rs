//! Everything that can be read of a store.

use fleet_core::domain::*;
use fleet_core::seams::*;
use jiff::civil::date;

use super::values::{SCANS, TICKERS, scan_of};
use super::{Difference, History};

impl History {
    /// Reads everything; all stores must show the same.
    pub(super) async fn look(&self) -> Result<(), Difference> {
        self.look_at_scans().await?;
        self.look_at_trades().await?;
        self.look_at_the_rest().await
    }

    async fn look_at_scans(&self) -> Result<(), Difference> {
        for limit in [0, 1, 9] {
            let _ = self.ask("list of scans", async |store| store.list_scans(limit).await).await?;
        }
        let _ = self.ask("unfinished scans", async |store| store.unfinished_scans().await).await?;
        for slot in SCANS {
            let scan = &scan_of(slot);
            let about = |what| format!("{what} of {scan}");
            let _ = self.ask(&about("state"), async |store| store.scan_state(scan).await).await?;
            let _ = self.ask(&about("lease"), async |store| store.lease(scan).await).await?;
            let _ = self.ask(&about("manifest"), async |store| store.manifest(scan).await).await?;
            let _ = self.ask(&about("missing"), async |store| store.missing(scan).await).await?;
            let _ = self.ask(&about("missing count"), async |store| store.missing_count(scan).await).await?;
            let _ = self.ask(&about("attempts"), async |store| store.attempts_counted(scan).await).await?;
            let _ = self.ask(&about("requests"), async |store| store.scan_requests(scan).await).await?;
            for places in [0..u32::MAX, 1..3, 4..4, 5..900] {
                let _ = self.ask(&about("outcomes"), async |store| store.outcomes(scan, places.clone()).await).await?;
            }
        }
        Ok(())
    }

    async fn look_at_trades(&self) -> Result<(), Difference> {
        let mut ids: Vec<TradeId> = Vec::new();
        for filter in filters() {
            let trades = self.ask(&format!("trades of {filter:?}"), async |store| store.trades(&filter).await).await?;
            ids.extend(trades.into_iter().flatten().map(|trade| trade.id));
        }
        ids.sort();
        ids.dedup();
        for id in ids {
            let _ = self.ask("trade", async |store| store.trade(&id).await).await?;
        }
        let _ = self.ask("portfolio version", async |store| store.portfolio_version().await).await?;
        let _ = self.ask("live underlyings", async |store| store.live_underlyings().await).await?;
        Ok(())
    }

    async fn look_at_the_rest(&self) -> Result<(), Difference> {
        let _ = self.ask("notices", async |store| store.notices().await).await?;
        let _ = self.ask("unsent notices", async |store| store.unsent_notices().await).await?;
        let _ = self.ask("budgets", async |store| store.budget_stands().await).await?;
        let _ = self.ask("workers", async |store| store.workers().await).await?;
        for text in TICKERS {
            let ticker = Ticker::parse(text).unwrap();
            let _ = self.ask("explanation", async |store| store.explanation(&ticker).await).await?;
            for newest in [0, 2, 9] {
                let _ = self.ask("summaries", async |store| store.summaries(&ticker, newest).await).await?;
            }
            for day in 18..=20 {
                let of = Instrument::Underlying(ticker.clone());
                let _ = self.ask("bars", async |store| store.cached_bars(&of, date(2026, 11, day)).await).await?;
            }
        }
        Ok(())
    }
}

/// One for each index and each field.
fn filters() -> Vec<TradeFilter> {
    let all = TradeFilter { controls: true, ..TradeFilter::default() };
    let tsla = Some(Ticker::parse("TSLA").unwrap());
    let mut filters = vec![
        all.clone(),
        TradeFilter::default(),
        TradeFilter { limit: 2, ..all.clone() },
        TradeFilter { live: true, ..all.clone() },
        TradeFilter { underlying: tsla.clone(), ..all.clone() },
        TradeFilter { underlying: tsla.clone(), live: true, ..all.clone() },
        TradeFilter { entry_session: Some(date(2026, 11, 19)), ..all.clone() },
        TradeFilter { entry_session: Some(date(2026, 11, 19)), underlying: tsla, ..TradeFilter::default() },
        TradeFilter { state: Some(TradeState::Proposed), live: true, ..all.clone() },
    ];
    for state in [TradeState::Proposed, TradeState::Pending, TradeState::Open, TradeState::Closed, TradeState::Capped] {
        filters.push(TradeFilter { state: Some(state), ..all.clone() });
    }
    for slot in SCANS {
        let scan = Some(scan_of(slot));
        filters.push(TradeFilter { scan: scan.clone(), ..all.clone() });
        filters.push(TradeFilter { scan, state: Some(TradeState::Proposed), ..all.clone() });
    }
    filters
}
