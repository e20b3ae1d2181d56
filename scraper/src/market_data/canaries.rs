//! Canaries: requests whose answers are known to move, sent over each gateway now and then, before a vendor's next request.
//!
//! CBOE is asked for the chain of a busy underlying. Yahoo is asked for its bars (the running session's volume grows), and for
//! the page of its nearest expiration too once chains are asked of it. Every page of Finviz's screener is its own canary (see
//! [`universe`](super::universe)); Robinhood is asked from this machine alone. A canary that fails says what any request says
//! about its gateway; only what it brought is judged here. Refuses: to try a canary twice, and to keep anybody from asking
//! because of one.

use std::sync::atomic::Ordering;

use fleet_core::domain::calendar::exchange_date;
use fleet_core::domain::{BarSeries, CanaryPlan, Instrument, Vendor};
use fleet_core::seams::{FetchFailure, RequestTally};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use super::{CBOE_ORIGIN, VendorMarket, ask};
use crate::egress::canary::{Progress, Pulse};
use crate::egress::{Lease, Probe};
use crate::fetch::{Ask, Purpose};
use crate::handshake::ORIGIN;
use crate::identity::RequestKind;
use crate::vendors::{cboe, yahoo};

/// Days of bars that a canary asks Yahoo for: some sessions, whatever holidays there are.
const BAR_DAYS: i64 = 10;

impl VendorMarket {
    /// Sends a canary to a vendor if one is due over some gateway. `now` is the time in the market, for Yahoo's bars.
    pub(super) async fn send_due_canary(&self, vendor: Vendor, now: Timestamp, tally: &RequestTally) {
        let Some((lease, plan)) = self.fetcher.egress.due_canary(vendor).await else { return };
        let sent = self.fetcher.egress.now();
        let mut brought = Vec::new();
        for probe in self.probes(vendor) {
            let pulse = match (vendor, probe) {
                (Vendor::Cboe, _) => self.cboe_pulse(&lease, &plan, tally).await,
                (_, Probe::Chain) => self.yahoo_chain_pulse(&lease, &plan, tally).await,
                (_, Probe::Bars) => self.yahoo_bars_pulse(&lease, &plan, now, tally).await,
            };
            let told = |failure: &FetchFailure| {
                tracing::info!(%vendor, gateway = lease.gateway(), failure = %failure, "canary brought nothing");
            };
            brought.push((probe, pulse.inspect_err(told).ok()));
        }
        self.fetcher.egress.canaries_brought(vendor, &lease, sent, &brought, tally);
    }

    /// What canaries ask a vendor for: what scans ask it for.
    fn probes(&self, vendor: Vendor) -> Vec<Probe> {
        match vendor {
            Vendor::Cboe => vec![Probe::Chain],
            Vendor::Yahoo => {
                let bars = (self.bars == Vendor::Yahoo).then_some(Probe::Bars);
                let chain = self.asks_yahoo_chains.load(Ordering::Relaxed).then_some(Probe::Chain);
                bars.into_iter().chain(chain).collect()
            }
            Vendor::Finviz | Vendor::Robinhood => Vec::new(),
        }
    }

    async fn cboe_pulse(&self, lease: &Lease, plan: &CanaryPlan, tally: &RequestTally) -> Result<Pulse, FetchFailure> {
        let host = self.cboe.as_ref().ok_or_else(super::no_route)?;
        let url = cboe::urls::chain(&host.base, &plan.ticker);
        let asked = ask(host, &url, RequestKind::Data { origin: CBOE_ORIGIN }, None)?;
        self.once(lease, &asked, tally, |body| {
            let chain = cboe::parse::chain(body, &plan.ticker).map_err(|error| error.into_failure())?;
            Ok(Pulse::of_rows(chain.quote_time, &chain.contracts, chain.refused.len()))
        })
        .await
    }

    async fn yahoo_chain_pulse(
        &self,
        lease: &Lease,
        plan: &CanaryPlan,
        tally: &RequestTally,
    ) -> Result<Pulse, FetchFailure> {
        let bases = self.yahoo.as_ref().ok_or_else(super::no_route)?;
        let session = match lease.handshake.session() {
            Some(session) => session,
            None => lease.handshake.renew(None, &self.fetcher, lease, bases, tally).await?,
        };
        let url = yahoo::urls::chain(&bases.query, &plan.ticker, None, Some(&session.crumb));
        let asked = ask(&bases.query_host(), &url, RequestKind::Data { origin: ORIGIN }, Some(session.cookie))?;
        self.once(lease, &asked, tally, |body| {
            let page = yahoo::parse::chain_page(body, &plan.ticker).map_err(|error| error.into_failure())?;
            Ok(Pulse::of_rows(page.newest_trade, &page.rows, page.refused.len()))
        })
        .await
    }

    async fn yahoo_bars_pulse(
        &self,
        lease: &Lease,
        plan: &CanaryPlan,
        now: Timestamp,
        tally: &RequestTally,
    ) -> Result<Pulse, FetchFailure> {
        let bases = self.yahoo.as_ref().ok_or_else(super::no_route)?;
        let instrument = Instrument::Underlying(plan.ticker.clone());
        let from = now.saturating_sub(SignedDuration::from_hours(24 * BAR_DAYS)).unwrap_or(now);
        // The running session's bar is asked for too.
        let until = now.saturating_add(SignedDuration::from_hours(24)).unwrap_or(now);
        let url = yahoo::urls::bars(&bases.query, &instrument, from, until);
        let cookie = lease.handshake.session().map(|session| session.cookie);
        let asked = ask(&bases.query_host(), &url, RequestKind::Data { origin: ORIGIN }, cookie)?;
        self.once(lease, &asked, tally, |body| {
            let series = yahoo::parse::bars(body, &instrument).map_err(|error| error.into_failure())?;
            Ok(pulse_of_bars(&series, exchange_date(from)))
        })
        .await
    }

    /// One try.
    async fn once(
        &self,
        lease: &Lease,
        asked: &Ask,
        tally: &RequestTally,
        read: impl Fn(&[u8]) -> Result<Pulse, FetchFailure>,
    ) -> Result<Pulse, FetchFailure> {
        let asked = Ask { purpose: Purpose::Aside, ..asked.clone() };
        self.fetcher.one_try(lease, &asked, 1, 0, tally, |reply| read(&reply.body)).await.map_err(|miss| miss.failure)
    }
}

/// Bars before `from` may be there or not: a vendor rounds as it likes.
fn pulse_of_bars(series: &BarSeries, from: Date) -> Pulse {
    let bars = series.bars.iter().filter(|bar| bar.date > from);
    Pulse {
        progress: series.bars.last().map(|bar| Progress::Traded(bar.date, bar.volume)),
        rows: u32::try_from(bars.count()).unwrap_or(u32::MAX),
        with_interest: None,
    }
}
