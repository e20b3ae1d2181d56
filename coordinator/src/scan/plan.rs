//! What will be scanned, in which order, and what that costs.
//!
//! The order: underlyings with a live trade first (their exits must not be what a deadline cuts off), then the universe
//! as its source orders it. Estimates count requests without retries: `low` when every bar is in the session's cache
//! and nothing gets past the cheap gates, `high` when every ticker needs all it may ask for.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use fleet_core::domain::{Manifest, RequestCounts, Ticker, UnderlyingFacts, Vendor, VendorPlan};
use fleet_core::seams::{MarketData, RequestTally, StoreError, UniverseAnswer};
use jiff::{SignedDuration, Timestamp};

use super::{ScanError, ScanParts, ScanRequest, UniverseSource};

/// A screener serves a page a second at its budget; the whole market is about 450 pages.
const UNIVERSE_TIMEOUT: Duration = Duration::from_secs(15 * 60);
/// The store answers or is as good as away.
const STORE_TIMEOUT: Duration = Duration::from_secs(30);
/// The shortest deadline that is chosen for a person: time for five attempts of a slow ticker.
const SHORTEST_DEADLINE: Duration = Duration::from_secs(10 * 60);
/// A deadline further away than this is a unit error.
const LONGEST_DEADLINE: Duration = Duration::from_secs(7 * 24 * 3600);
/// Yahoo's handshake: a cookie and a crumb.
const YAHOO_HANDSHAKE: u32 = 2;

/// A range of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RequestRange {
    /// At least, if nothing is retried.
    pub low: u32,
    /// At most, if nothing is retried.
    pub high: u32,
}

/// What a scan is expected to cost.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PlanEstimate {
    /// Requests by vendor.
    pub requests: BTreeMap<Vendor, RequestRange>,
    /// Seconds the low counts take at the budgets.
    pub seconds_low: f64,
    /// Seconds the high counts take at the budgets: the planned time.
    pub seconds: f64,
}

/// A scan as it will be run.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The manifest, ready to be frozen.
    pub manifest: Manifest,
    /// The screener's answer, where one was asked.
    pub universe: Option<UniverseAnswer>,
    /// Underlyings that are in the plan because of a live trade.
    pub live: Vec<Ticker>,
    /// What it is expected to cost from here on (the universe is read already).
    pub estimate: PlanEstimate,
    /// Requests that planning itself made.
    pub requests: RequestCounts,
}

impl Plan {
    /// The same plan with the vendors asked otherwise, such as through gateways: what that would cost.
    #[must_use]
    pub fn with_vendors(mut self, vendors: VendorPlan) -> Self {
        self.estimate = estimate(&self.manifest.tickers, &vendors, 0);
        self.manifest.vendors = vendors;
        self
    }
}

/// Reads the universe and makes the plan. Writes nothing, so that a dry run is this and no more.
pub async fn plan(parts: &ScanParts, request: &ScanRequest) -> Result<Plan, ScanError> {
    let market = parts.markets.market_for(&request.template).map_err(ScanError::Market)?;
    let tally = RequestTally::default();
    let universe = read_universe(market.as_ref(), &request.universe, &tally).await?;
    let listed = match (&universe, &request.universe) {
        (Some(answer), _) => &answer.tickers,
        (None, UniverseSource::Tickers(tickers)) => tickers,
        (None, UniverseSource::Screener { .. }) => &Vec::new(),
    };
    let live = tokio::time::timeout(STORE_TIMEOUT, parts.store.live_underlyings())
        .await
        .unwrap_or_else(|_| Err(StoreError::Unavailable("no answer in time".to_owned())))?;
    let tickers = in_order(&live, listed);
    if tickers.is_empty() {
        return Err(ScanError::EmptyUniverse);
    }
    let estimate = estimate(&tickers, &request.template.vendors, 0);
    let allowance = allowance(request.deadline, estimate.seconds);
    let manifest = Manifest {
        scan: request.scan.clone(),
        config_hash: request.config_hash.clone(),
        deadline: later(parts.clock.now(), allowance),
        facts: of_universe(&request.template.facts, &tickers),
        tickers,
        ..request.template.clone()
    };
    Ok(Plan { manifest, universe, live, estimate, requests: tally.counts() })
}

/// What is said of the tickers of a scan; a person's file may name the whole market.
fn of_universe(facts: &BTreeMap<Ticker, UnderlyingFacts>, tickers: &[Ticker]) -> BTreeMap<Ticker, UnderlyingFacts> {
    let said = |ticker: &Ticker| facts.get(ticker).map(|said| (ticker.clone(), said.clone()));
    tickers.iter().filter_map(said).collect()
}

async fn read_universe(
    market: &dyn MarketData,
    source: &UniverseSource,
    tally: &RequestTally,
) -> Result<Option<UniverseAnswer>, ScanError> {
    match source {
        UniverseSource::Tickers(_) => Ok(None),
        UniverseSource::Screener { filter } => tokio::time::timeout(UNIVERSE_TIMEOUT, market.universe(filter, tally))
            .await
            .map_err(|_| ScanError::UniverseTimeout(UNIVERSE_TIMEOUT))?
            .map(Some)
            .map_err(ScanError::Universe),
    }
}

/// Live underlyings, then the universe; no ticker twice.
#[must_use]
pub fn in_order(live: &[Ticker], universe: &[Ticker]) -> Vec<Ticker> {
    let mut seen = BTreeSet::new();
    live.iter().chain(universe).filter(|ticker| seen.insert(*ticker)).cloned().collect()
}

/// What scanning these tickers costs at a vendor plan's budgets; `universe_pages` pages are read before.
#[must_use]
pub fn estimate(tickers: &[Ticker], vendors: &VendorPlan, universe_pages: u32) -> PlanEstimate {
    let n = u32::try_from(tickers.len()).unwrap_or(u32::MAX);
    let mut requests: BTreeMap<Vendor, RequestRange> = BTreeMap::new();
    let mut add = |vendor, low: u32, high: u32| {
        let range = requests.entry(vendor).or_default();
        range.low = range.low.saturating_add(low);
        range.high = range.high.saturating_add(high);
    };
    if universe_pages > 0 {
        add(Vendor::Finviz, universe_pages, universe_pages);
    }
    if let Some(vendor) = vendors.chain_order.first() {
        let (low, high) = chain_requests(*vendor, vendors.dte_window);
        add(*vendor, n.saturating_mul(low), n.saturating_mul(high));
    }
    add(vendors.bars, 0, n.saturating_mul(vendors.max_bars_per_ticker.saturating_add(1)));
    if requests.get(&Vendor::Yahoo).is_some_and(|range| range.high > 0) {
        requests.entry(Vendor::Yahoo).and_modify(|range| range.high = range.high.saturating_add(YAHOO_HANDSHAKE));
    }
    let seconds = |pick: fn(&RequestRange) -> u32| {
        let of = |(vendor, range): (&Vendor, &RequestRange)| seconds_at_budget(vendors, *vendor, pick(range));
        requests.iter().map(of).fold(0.0, f64::max)
    };
    let (seconds_low, seconds) = (seconds(|range| range.low), seconds(|range| range.high));
    PlanEstimate { requests, seconds_low, seconds }
}

/// Requests one chain takes: CBOE serves it whole; Yahoo by expiration, of which there is at most about one a week in
/// the window, and the first request brings one of them. Robinhood lists contracts and quotes forty of them at a time.
fn chain_requests(vendor: Vendor, (from, to): (i32, i32)) -> (u32, u32) {
    let weeks = u32::try_from(to.saturating_sub(from).max(0) / 7 + 1).unwrap_or(1);
    match vendor {
        Vendor::Cboe | Vendor::Finviz => (1, 1),
        Vendor::Yahoo => (1, 1 + weeks),
        // The stock, its chains, its price; then a page and about three batches of marks for each expiration.
        Vendor::Robinhood => (3, 3 + 4 * weeks),
    }
}

/// Requests a second to a vendor: its own budget, and where it is asked through gateways no more than each of them may
/// send, all of them healthy. Gateways whose number nobody knows yet count as one. `None` is unlimited.
#[must_use]
pub fn budget_per_sec(vendors: &VendorPlan, vendor: Vendor) -> Option<f64> {
    let own = vendors.routes.iter().find(|route| route.vendor == vendor)?.budget_per_sec;
    match &vendors.gateways {
        Some(gateways) if gateways.vendors.contains(&vendor) => {
            gateways.budget_per_sec(vendor, own, gateways.names.len().max(1))
        }
        Some(_) | None => own,
    }
}

/// Vendors are asked side by side, so a scan takes as long as its slowest vendor. An unlimited one takes no time.
fn seconds_at_budget(vendors: &VendorPlan, vendor: Vendor, requests: u32) -> f64 {
    match budget_per_sec(vendors, vendor) {
        Some(per_sec) if per_sec > 0.0 => f64::from(requests) / per_sec,
        Some(_) | None => 0.0,
    }
}

/// How long a launch may take: as asked, else max(10 min, 2 × planned time).
#[must_use]
pub fn allowance(asked: Option<Duration>, planned_secs: f64) -> Duration {
    let planned = Duration::try_from_secs_f64(2.0 * planned_secs).unwrap_or(LONGEST_DEADLINE);
    asked.unwrap_or(planned.max(SHORTEST_DEADLINE)).min(LONGEST_DEADLINE)
}

/// An instant so much later.
pub(super) fn later(at: Timestamp, by: Duration) -> Timestamp {
    SignedDuration::try_from(by).ok().and_then(|by| at.checked_add(by).ok()).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use fleet_core::domain::VendorRoute;

    use super::*;

    fn tickers(text: &str) -> Vec<Ticker> {
        text.split_whitespace().map(|ticker| Ticker::parse(ticker).unwrap()).collect()
    }

    fn vendors(chain: Vendor, budget_per_sec: Option<f64>) -> VendorPlan {
        let route =
            |vendor| VendorRoute { vendor, base_urls: BTreeMap::new(), budget_per_sec, max_quote_age_secs: 1800 };
        VendorPlan {
            chain_order: vec![chain],
            bars: Vendor::Yahoo,
            routes: Vendor::ALL.into_iter().map(route).collect(),
            identity: Vec::new(),
            max_bars_per_ticker: 12,
            bar_sessions: 250,
            underlying_bar_sessions: None,
            dte_window: (20, 60),
            gateways: None,
        }
    }

    #[test]
    fn live_underlyings_come_first_and_none_twice() {
        assert_eq!(in_order(&tickers("MSFT TSLA"), &tickers("AAPL TSLA NVDA AAPL")), tickers("MSFT TSLA AAPL NVDA"));
    }

    #[test]
    fn what_is_said_of_other_tickers_stays_behind() {
        let said = UnderlyingFacts { market_cap: Some(1e9), ..UnderlyingFacts::default() };
        let facts = tickers("AAPL MSFT").into_iter().map(|ticker| (ticker, said.clone())).collect();
        let kept = of_universe(&facts, &tickers("TSLA MSFT"));
        assert_eq!(kept.into_keys().collect::<Vec<_>>(), tickers("MSFT"));
    }

    #[test]
    fn a_hundred_tickers_through_cboe() {
        let tickers: Vec<Ticker> = (0..100).map(|n| Ticker::parse(&format!("T{n}")).unwrap()).collect();
        let estimate = estimate(&tickers, &vendors(Vendor::Cboe, Some(10.0)), 5);
        assert_eq!(estimate.requests[&Vendor::Finviz], RequestRange { low: 5, high: 5 });
        assert_eq!(estimate.requests[&Vendor::Cboe], RequestRange { low: 100, high: 100 });
        assert_eq!(estimate.requests[&Vendor::Yahoo], RequestRange { low: 0, high: 1302 });
        assert_eq!((estimate.seconds_low, estimate.seconds), (10.0, 130.2));
    }

    #[test]
    fn chains_by_expiration_cost_one_request_each() {
        let estimate = estimate(&tickers("A B"), &vendors(Vendor::Yahoo, None), 0);
        assert_eq!(estimate.requests[&Vendor::Yahoo], RequestRange { low: 2, high: 2 * 7 + 2 * 13 + 2 });
        assert_eq!(estimate.seconds, 0.0, "unlimited takes no time");
    }

    #[test]
    fn the_deadline_is_twice_the_planned_time_and_at_least_ten_minutes() {
        assert_eq!(allowance(None, 10.0), Duration::from_secs(600));
        assert_eq!(allowance(None, 3900.0), Duration::from_secs(7800));
        assert_eq!(allowance(None, f64::INFINITY), LONGEST_DEADLINE);
        assert_eq!(allowance(Some(Duration::from_secs(5)), 3900.0), Duration::from_secs(5));
    }
}
