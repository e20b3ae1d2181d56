//! A small world for the tests of whole scans: a real queue, a real store in a directory of its own, and market data
//! generated here, some tickers of which misbehave in one known way.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use fleet_analysis::AnalysisConfig;
use fleet_core::domain::{
    Answer, Bar, BarSeries, Candidate, Chain, ContractQuote, DeliveryLimits, EntryPlan, Finding, Funnel, Instrument,
    Manifest, OccSymbol, Price, Provenance, RequestCounts, ScanId, Score, ScorePart, SpotSource, Ticker, Vendor,
    VendorPlan, VendorRoute, VendorSpot,
};
use fleet_core::seams::{
    Budgets as _, ChainRequest, Clock, FetchError, FetchFailure, Holder, ManualClock, MarketData, RequestTally,
    UniverseAnswer,
};
use fleet_engines::in_process::InProcessQueue;
use fleet_engines::sqlite::SqliteStore;
use fleet_worker::{MarketFactory, WorkerOptions};
use jiff::civil::{Date, date};
use jiff::{Timestamp, ToSpan};
use tokio::sync::{mpsc, watch};

use super::run::Pace;
use super::{Patience, PortfolioCaps, Progress, ScanParts, ScanRequest, UniverseSource};
use crate::notify::RecordingNotifier;

/// Friday, 2026-11-20, 11:00 in New York.
pub(super) const AS_OF: &str = "2026-11-20T16:00:00Z";

/// How a ticker misbehaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// The code that fetches it panics, always.
    Panic,
    /// The first so many chain requests are answered with 503.
    Unavailable(u32),
    /// Not known.
    Gone,
    /// No answer as long as anybody waits.
    Hang,
}

/// Market data made up on the spot.
#[derive(Default)]
pub(super) struct TestMarket {
    pub(super) faults: BTreeMap<Ticker, Fault>,
    /// Each chain takes so long.
    pub(super) latency: Duration,
    /// Chain requests by ticker.
    pub(super) asked: Mutex<BTreeMap<Ticker, u32>>,
    pub(super) universe: Vec<Ticker>,
}

#[async_trait]
impl MarketData for TestMarket {
    async fn universe(&self, _filter: &str, tally: &RequestTally) -> Result<UniverseAnswer, FetchError> {
        tally.count(Vendor::Finviz);
        let (tickers, total) = (self.universe.clone(), self.universe.len() as u32);
        Ok(UniverseAnswer { tickers, total, pages: 1, left_out: vec!["ACME-WT".to_owned()] })
    }

    async fn chain(
        &self,
        ticker: &Ticker,
        _want: &ChainRequest,
        tally: &RequestTally,
    ) -> Result<(Chain, Timestamp), FetchError> {
        tally.count(Vendor::Cboe);
        let asked = {
            let mut asked = self.asked.lock().unwrap();
            let asked = asked.entry(ticker.clone()).or_default();
            *asked += 1;
            *asked
        };
        tokio::time::sleep(self.latency).await;
        let failed = |failure| FetchError { vendor: Vendor::Cboe, what: format!("chain of {ticker}"), failure };
        match self.faults.get(ticker) {
            Some(Fault::Panic) => panic!("a fault injected into {ticker}"),
            Some(Fault::Unavailable(times)) if asked <= *times => Err(failed(FetchFailure::Server(503))),
            Some(Fault::Gone) => Err(failed(FetchFailure::NotFound)),
            Some(Fault::Hang) => std::future::pending().await,
            Some(Fault::Unavailable(_)) | None => Ok((chain(ticker), AS_OF.parse().unwrap())),
        }
    }

    async fn bars(
        &self,
        instrument: &Instrument,
        _from: Date,
        _until: Timestamp,
        tally: &RequestTally,
    ) -> Result<BarSeries, FetchError> {
        tally.count(Vendor::Yahoo);
        Ok(bars(instrument))
    }
}

/// Calls and puts around 100 dollars, four months out.
fn chain(ticker: &Ticker) -> Chain {
    let expiration = date(2027, 1, 15);
    let quote = |strike: u32, letter: char| {
        let moneyness = if letter == 'C' { 100.0 - f64::from(strike) } else { f64::from(strike) - 100.0 };
        let mid = moneyness.max(0.0) + 6.0 - f64::from(strike.abs_diff(100)) * 0.1;
        ContractQuote {
            symbol: OccSymbol::parse(&format!("{ticker}270115{letter}{:08}", strike * 1000)).unwrap(),
            bid: Price::from_dollars(mid - 0.05).ok(),
            ask: Price::from_dollars(mid + 0.05).ok(),
            last: None,
            volume: Some(500),
            open_interest: Some(2000),
            vendor_iv: None,
        }
    };
    let strikes = (80..=120).step_by(5);
    Chain {
        underlying: ticker.clone(),
        vendor: Vendor::Cboe,
        quote_time: Some(AS_OF.parse().unwrap()),
        vendor_spot: Some(VendorSpot { price: Price::from_units(1_000_000), time: None }),
        vendor_yield: None,
        facts: Default::default(),
        contracts: strikes.flat_map(|strike| [quote(strike, 'C'), quote(strike, 'P')]).collect(),
        refused: Vec::new(),
        expirations: vec![expiration],
        not_served: Vec::new(),
    }
}

/// A slow climb to 100 dollars.
fn bars(instrument: &Instrument) -> BarSeries {
    let last = date(2026, 11, 19);
    let bar = |age: u32| {
        let close = Price::from_dollars(100.0 - f64::from(age) * 0.05).unwrap();
        Bar { date: last - i64::from(age).days(), open: close, high: close, low: close, close, volume: 1000 }
    };
    let bars = (0..300).rev().map(bar).collect();
    BarSeries {
        instrument: instrument.clone(),
        bars,
        last_split: None,
        dividends: Some(Vec::new()),
        incomplete: 0,
        complete_from: None,
    }
}

/// The market is the same for every manifest.
pub(super) struct SameMarket(pub(super) Arc<TestMarket>);

impl MarketFactory for SameMarket {
    fn market_for(&self, _manifest: &Manifest) -> Result<Arc<dyn MarketData>, String> {
        Ok(Arc::clone(&self.0) as Arc<dyn MarketData>)
    }
}

/// Everything a scan's test needs.
pub(super) struct World {
    pub(super) store: SqliteStore,
    pub(super) market: Arc<TestMarket>,
    pub(super) notifier: Arc<RecordingNotifier>,
    pub(super) clock: Arc<ManualClock>,
    pub(super) max_attempts: u32,
    _directory: tempfile::TempDir,
}

/// A store's file that another process writes to for long; until it is dropped.
pub(super) struct Locked(Arc<(Mutex<bool>, Condvar)>);

/// Stands still while it is told to. A store asks its clock once it holds the file's write lock.
struct HeldClock {
    held: Arc<(Mutex<bool>, Condvar)>,
    waits: watch::Sender<bool>,
}

impl Clock for HeldClock {
    fn now(&self) -> Timestamp {
        self.waits.send_replace(true);
        let (held, released) = self.held.as_ref();
        drop(released.wait_while(held.lock().unwrap(), |held| *held).unwrap());
        Timestamp::now()
    }
}

impl Locked {
    /// Returns once the file is locked.
    pub(super) async fn of(store: &SqliteStore) -> Self {
        let held = Arc::new((Mutex::new(true), Condvar::new()));
        let (waits, mut is_locked) = watch::channel(false);
        let clock = Arc::new(HeldClock { held: Arc::clone(&held), waits });
        let other = SqliteStore::open_with_clock(store.path(), clock).unwrap();
        tokio::spawn(async move { other.block(Vendor::Robinhood, Duration::from_millis(1)).await });
        is_locked.wait_for(|locked| *locked).await.unwrap();
        Self(held)
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        *self.0.0.lock().unwrap() = false;
        self.0.1.notify_all();
    }
}

/// Fast enough for a test, with the proportions of the real thing.
pub(super) const TEST_PACE: Pace = Pace {
    lease: Duration::from_millis(1500),
    renew: Duration::from_millis(300),
    poll: Duration::from_millis(20),
    look: Duration::from_millis(40),
    finish: Duration::from_millis(100),
};

impl World {
    pub(super) fn new(market: TestMarket) -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self {
            store: SqliteStore::open(&directory.path().join("test.db")).unwrap(),
            market: Arc::new(market),
            notifier: Arc::new(RecordingNotifier::default()),
            clock: Arc::new(ManualClock::new(AS_OF.parse().unwrap())),
            max_attempts: 3,
            _directory: directory,
        }
    }

    /// What a process has: the store is the same, the queue is a new one.
    pub(super) fn parts(&self) -> ScanParts {
        ScanParts {
            queue: Arc::new(InProcessQueue::new(Duration::from_secs(30))),
            store: Arc::new(self.store.clone()),
            markets: Arc::new(SameMarket(Arc::clone(&self.market))),
            notifier: Arc::clone(&self.notifier) as Arc<_>,
            clock: Arc::clone(&self.clock) as Arc<dyn Clock>,
            patience: Patience::ONE_MACHINE,
        }
    }

    pub(super) fn request(&self, universe: UniverseSource) -> ScanRequest {
        let scan = ScanId::parse("tickers-20261120-1100").unwrap();
        let route =
            |vendor| VendorRoute { vendor, base_urls: BTreeMap::new(), budget_per_sec: None, max_quote_age_secs: 1800 };
        let template = Manifest {
            version: Manifest::VERSION,
            scan: scan.clone(),
            tickers: Vec::new(),
            as_of: Some(AS_OF.parse().unwrap()),
            facts: Default::default(),
            analysis: serde_json::to_value(AnalysisConfig::default()).unwrap(),
            vendors: VendorPlan {
                chain_order: vec![Vendor::Cboe],
                bars: Vendor::Yahoo,
                routes: vec![route(Vendor::Cboe), route(Vendor::Yahoo)],
                identity: Vec::new(),
                max_bars_per_ticker: 12,
                bar_sessions: 300,
                underlying_bar_sessions: None,
                dte_window: (20, 60),
                gateways: None,
            },
            limits: DeliveryLimits {
                timeout_secs: 1,
                max_attempts: self.max_attempts,
                request_timeout_secs: 1,
                request_tries: 1,
                max_retry_after_secs: 10,
            },
            config_hash: "hash".to_owned(),
            deadline: Timestamp::UNIX_EPOCH,
        };
        ScanRequest {
            scan,
            config_hash: "hash".to_owned(),
            universe,
            template,
            deadline: None,
            caps: PortfolioCaps::default(),
            holder: Holder("test:1".to_owned()),
            worker: Some(WorkerOptions { name: "test-worker".to_owned(), slots: 4 }),
        }
    }
}

/// A candidate of so many points, valid until its signal.
pub(super) fn candidate(ticker: &str, strike: u32, points: f64) -> Candidate {
    let as_of: Timestamp = AS_OF.parse().unwrap();
    let price = |dollars| Price::from_dollars(dollars).unwrap();
    Candidate {
        underlying: Ticker::parse(ticker).unwrap(),
        symbol: OccSymbol::parse(&format!("{ticker}270115C{:08}", strike * 1000)).unwrap(),
        strategy: "oversold_call".to_owned(),
        bid: price(2.3),
        ask: price(2.4),
        mid: 2.35,
        plan: EntryPlan {
            buy: price(2.35),
            target: price(3.0),
            stop: price(1.5),
            valid_until: as_of,
            time_stop_sessions: Some(5),
            direction: fleet_core::domain::Direction::Long,
            signals: fleet_core::domain::ExitSignals::default(),
            confirm_pct: None,
            advice: fleet_core::domain::Advice::Act,
            exit_rsi: None,
            exit_dte: 7,
            commission: price(0.65),
        },
        gross_pct: 27.0,
        net_pct: 24.0,
        volume: None,
        open_interest: None,
        spread_pct: 4.0,
        iv: None,
        delta: None,
        model: None,
        dte: 56,
        rsi: None,
        coverage: None,
        indicators: Vec::new(),
        score: Score { parts: vec![ScorePart { name: "all".into(), points, max: 100.0, unknown: false }] },
        checks: Vec::new(),
        quote_time: as_of,
        spot_used: None,
        flags: Vec::new(),
        control: false,
        metrics: None,
    }
}

/// A finding with these candidates.
pub(super) fn finding(candidates: Vec<Candidate>) -> Finding {
    Finding {
        ticker: candidates[0].underlying.clone(),
        as_of: AS_OF.parse().unwrap(),
        answer: Answer::Analysed,
        provenance: Provenance {
            vendor: Vendor::Cboe,
            quote_time: None,
            fetched_at: None,
            vendor_spot: None,
            spot: None,
            spot_source: SpotSource::None,
            spot_gap: None,
            forwards: BTreeMap::new(),
            flags: Vec::new(),
        },
        funnel: Funnel::default(),
        candidates,
        near_misses: Vec::new(),
        transitions: Vec::new(),
        marks: Vec::new(),
        summary: None,
        metrics: None,
        iv_sessions: None,
        not_served: Vec::new(),
        requests: RequestCounts::default(),
    }
}

/// So many tickers: `T0`, `T1`, ….
pub(super) fn tickers(n: usize) -> Vec<Ticker> {
    (0..n).map(|n| ticker(&format!("T{n}"))).collect()
}

pub(super) fn ticker(text: &str) -> Ticker {
    Ticker::parse(text).unwrap()
}

/// A channel that is listened to by nobody, and an interrupt that never comes.
pub(super) fn unwatched() -> (mpsc::UnboundedSender<Progress>, watch::Receiver<bool>) {
    (mpsc::unbounded_channel().0, watch::channel(false).1)
}

/// The tickers of a set of outcomes.
pub(super) fn set(tickers: &[Ticker]) -> BTreeSet<Ticker> {
    tickers.iter().cloned().collect()
}
