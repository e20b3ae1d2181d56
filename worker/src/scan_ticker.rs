//! The story of the program: one ticker of one scan becomes one commit.
//!
//! Promises: the only decisions here are what to fetch and where from (the session's cache before the vendor); what it
//! means is decided by `fleet-analysis`, which is pure. Requests are in the outcome, those of failed attempts too.
//! Refuses: to commit, to retry and to judge failures; `protocol` does.

use std::collections::BTreeMap;
use std::sync::Arc;

use fleet_analysis::{AnalysisConfig, MarketSnapshot, Wanted, analyse_explained, new_trades, wanted};
use fleet_core::domain::calendar;
use fleet_core::domain::{BarSeries, Chain, Instrument, Manifest, Outcome, Task, TradeRecord, VendorRoute};
use fleet_core::seams::{
    ChainRequest, Clock, Commit, FetchError, FetchFailure, MarketData, RequestTally, Store, StoreError, TradeFilter,
};
use jiff::Timestamp;
use jiff::civil::Date;

use crate::{explanation, in_time};

/// The analysis asks for the underlying's bars, then for contracts' bars; a few more rounds do no harm, an endless
/// conversation would.
const MAX_ROUNDS: u32 = 8;

/// One task with everything it is done with.
pub struct TickerJob<'a> {
    /// What is to be done.
    pub task: &'a Task,
    /// The delivery attempt, from 1.
    pub attempt: u32,
    /// Name of the worker.
    pub worker: &'a str,
    /// Everything that changes the answer.
    pub manifest: &'a Manifest,
    /// The manifest's analysis settings, read.
    pub analysis: &'a Arc<AnalysisConfig>,
    /// The outside world.
    pub market: &'a dyn MarketData,
    /// Live trades and the session's bars.
    pub store: &'a dyn Store,
    /// Counts the requests.
    pub tally: &'a RequestTally,
    /// Wall-clock time, for what is asked for before anything has arrived.
    pub clock: &'a dyn Clock,
}

/// Why there is no commit (yet).
#[derive(Debug, thiserror::Error)]
pub enum TickerError {
    /// A vendor did not give what was asked.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The manifest names no route to the vendor that served the chain.
    #[error("the manifest has no route to {0}")]
    NoRoute(fleet_core::domain::Vendor),
}

/// Scans one ticker: live trades, chain, the bars the analysis wants, analysis, commit (not yet written).
pub async fn scan_ticker(job: &TickerJob<'_>) -> Result<Commit, TickerError> {
    let live_trades = live_trades(job).await?;
    let request = chain_request(job.manifest, &live_trades, job.clock.now());
    let (chain, arrived_at) = job.market.chain(&job.task.ticker, &request, job.tally).await?;
    let mut snapshot = snapshot(job, chain, arrived_at, live_trades)?;

    for _ in 0..MAX_ROUNDS {
        match wanted(&snapshot, job.analysis) {
            Wanted::Nothing => break,
            Wanted::UnderlyingBars => {
                let instrument = Instrument::Underlying(job.task.ticker.clone());
                snapshot.underlying_bars = Some(bars(job, instrument, snapshot.as_of).await?);
            }
            Wanted::ContractBars(symbols) => {
                for symbol in symbols {
                    let series = bars(job, Instrument::Contract(symbol), snapshot.as_of).await?;
                    snapshot.contract_bars.insert(symbol, series);
                }
            }
        }
    }

    snapshot.requests = job.tally.counts();
    Ok(analysed(job, snapshot).await)
}

/// Live trades on the underlying, controls too.
async fn live_trades(job: &TickerJob<'_>) -> Result<Vec<TradeRecord>, TickerError> {
    let filter =
        TradeFilter { underlying: Some(job.task.ticker.clone()), live: true, controls: true, ..TradeFilter::default() };
    Ok(in_time::store(job.store.trades(&filter)).await?)
}

/// What of the chain is wanted: the strategies' window, and every expiration a live trade waits for.
fn chain_request(manifest: &Manifest, live_trades: &[TradeRecord], now: Timestamp) -> ChainRequest {
    let today = calendar::exchange_date(manifest.as_of.unwrap_or(now));
    let listed = |expiration: &Date| *expiration >= today;
    ChainRequest {
        as_of: manifest.as_of,
        dte_window: manifest.vendors.dte_window,
        also: live_trades.iter().map(|trade| trade.symbol.expiration).filter(listed).collect(),
    }
}

/// What is known once the chain is there.
fn snapshot(
    job: &TickerJob<'_>,
    chain: Chain,
    arrived_at: Timestamp,
    live_trades: Vec<TradeRecord>,
) -> Result<MarketSnapshot, TickerError> {
    let serves = |route: &&VendorRoute| route.vendor == chain.vendor;
    let route = job.manifest.vendors.routes.iter().find(serves).ok_or(TickerError::NoRoute(chain.vendor))?;
    Ok(MarketSnapshot {
        scan: job.task.scan.clone(),
        ticker: job.task.ticker.clone(),
        as_of: job.manifest.as_of.unwrap_or(arrived_at),
        chain,
        fetched_at: Some(arrived_at),
        max_quote_age_secs: route.max_quote_age_secs,
        underlying_bars: None,
        contract_bars: BTreeMap::new(),
        max_bars: job.manifest.vendors.max_bars_per_ticker,
        live_trades,
        requests: job.tally.counts(),
    })
}

/// Daily bars, from the session's cache or else from the vendor. A contract the vendor of bars does not know has no
/// bars; every other failure is the ticker's.
async fn bars(job: &TickerJob<'_>, instrument: Instrument, as_of: Timestamp) -> Result<BarSeries, TickerError> {
    let session = cache_session(as_of);
    if let Some(series) = in_time::store(job.store.cached_bars(&instrument, session)).await? {
        return Ok(series);
    }
    let series = match job.market.bars(&instrument, job.manifest.vendors.bar_sessions, as_of, job.tally).await {
        Err(FetchError { failure: FetchFailure::NotFound, .. }) if matches!(instrument, Instrument::Contract(_)) => {
            BarSeries { instrument, bars: Vec::new(), last_split: None, incomplete: 0 }
        }
        answer => answer?,
    };
    in_time::store(job.store.cache_bars(session, &series)).await?;
    Ok(series)
}

/// The session that fetched bars are good for: the one whose close comes next. Until then no daily bar closes; bars
/// fetched after today's close belong to the next session's scans, which then find today's closed bar in them.
fn cache_session(as_of: Timestamp) -> Date {
    let today = calendar::exchange_date(as_of);
    match calendar::session(today) {
        Some(session) if as_of < session.close => today,
        Some(_) | None => calendar::next_session(today),
    }
}

/// Analyses off the async threads (a large chain takes tens of milliseconds) and makes the commit.
async fn analysed(job: &TickerJob<'_>, snapshot: MarketSnapshot) -> Commit {
    let analysis = Arc::clone(job.analysis);
    let computed = tokio::task::spawn_blocking(move || {
        let (finding, explanations) = analyse_explained(&snapshot, &analysis);
        (finding, explanation::pack(&explanations))
    })
    .await;
    let (finding, explanations) = match computed {
        Ok(computed) => computed,
        // A bug in the analysis is the delivery's, which counts it; nothing cancels this task.
        Err(failure) => std::panic::resume_unwind(failure.into_panic()),
    };
    Commit {
        scan: job.task.scan.clone(),
        ticker: job.task.ticker.clone(),
        worker: job.worker.to_owned(),
        attempt: job.attempt,
        trades: new_trades(&finding, &job.task.scan),
        transitions: finding.transitions.clone(),
        marks: finding.marks.clone(),
        explanations,
        outcome: Outcome::Found(Box::new(finding)),
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn bars_are_good_until_the_next_close() {
        let check = |at: &str, session: Date| assert_eq!(cache_session(at.parse().unwrap()), session, "{at}");
        check("2026-11-20T13:00:00Z", date(2026, 11, 20)); // before the open
        check("2026-11-20T20:59:59Z", date(2026, 11, 20)); // within the session
        check("2026-11-20T21:00:00Z", date(2026, 11, 23)); // at the close: today's bar is closed now
        check("2026-11-22T12:00:00Z", date(2026, 11, 23)); // Sunday
        check("2026-11-25T22:00:00Z", date(2026, 11, 27)); // over Thanksgiving
    }
}
