//! A whole worker on a real queue and a real store, with market data that misbehaves where it is told to.

mod bars;
mod in_doubt;
mod known;
mod leaving;
mod made_anew;
mod queue_away;
mod store_away;
mod too_large;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use fleet_analysis::AnalysisConfig;
use fleet_core::domain::{
    BarSeries, Chain, DeliveryLimits, Instrument, Manifest, Outcome, ScanId, Task, Ticker, Vendor, VendorPlan,
    VendorRoute,
};
use fleet_core::seams::{
    ChainRequest, FetchError, FetchFailure, Holder, Lease, LeaseAnswer, MarketData, RequestTally, Scans, SystemClock,
    TaskQueue, UniverseAnswer,
};
use fleet_engines::in_process::InProcessQueue;
use fleet_engines::sqlite::SqliteStore;
use jiff::Timestamp;

use crate::{MarketFactory, RunningWorker, WorkerOptions, WorkerParts, start};

/// Chains without contracts; a ticker that begins with `H` hangs (after it was told to wait 50 s), one that begins with
/// `S` finds the vendor's server broken.
#[derive(Default)]
struct Market {
    working: AtomicU32,
    most_at_once: AtomicU32,
    asked: Mutex<Vec<Ticker>>,
    /// As of when, as the manifest says.
    asked_as_of: Mutex<Vec<Option<Timestamp>>>,
    /// One that hangs was told nothing.
    silent: AtomicBool,
}

#[async_trait]
impl MarketData for Market {
    async fn universe(&self, _: &str, _: &RequestTally) -> Result<UniverseAnswer, FetchError> {
        Ok(UniverseAnswer { tickers: Vec::new(), total: 0, pages: 0, left_out: Vec::new() })
    }

    async fn chain(
        &self,
        ticker: &Ticker,
        request: &ChainRequest,
        tally: &RequestTally,
    ) -> Result<(Chain, Timestamp), FetchError> {
        self.asked.lock().unwrap().push(ticker.clone());
        self.asked_as_of.lock().unwrap().push(request.as_of);
        let at_once = self.working.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_at_once.fetch_max(at_once, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(20)).await;
        if ticker.as_str().starts_with('H') {
            if !self.silent.load(Ordering::SeqCst) {
                let retry_after = Some(Duration::from_secs(50));
                tally.note(Some((Vendor::Cboe, FetchFailure::Throttled { retry_after })));
            }
            std::future::pending::<()>().await;
        }
        self.working.fetch_sub(1, Ordering::SeqCst);
        if ticker.as_str().starts_with('S') {
            let (vendor, what) = (Vendor::Cboe, format!("chain of {ticker}"));
            return Err(FetchError { vendor, what, failure: FetchFailure::Server(503) });
        }
        let now = Timestamp::now();
        let chain = Chain {
            underlying: ticker.clone(),
            vendor: Vendor::Cboe,
            quote_time: Some(now),
            vendor_spot: None,
            vendor_yield: None,
            facts: Default::default(),
            contracts: Vec::new(),
            refused: Vec::new(),
            expirations: Vec::new(),
            not_served: Vec::new(),
        };
        Ok((chain, now))
    }

    async fn bars(
        &self,
        instrument: &Instrument,
        _: jiff::civil::Date,
        _: Timestamp,
        _: &RequestTally,
    ) -> Result<BarSeries, FetchError> {
        Ok(BarSeries {
            instrument: instrument.clone(),
            bars: Vec::new(),
            last_split: None,
            dividends: Some(Vec::new()),
            incomplete: 0,
            complete_from: None,
        })
    }
}

struct Same(Arc<Market>);

impl MarketFactory for Same {
    fn market_for(&self, _: &Manifest) -> Result<Arc<dyn MarketData>, String> {
        Ok(Arc::clone(&self.0) as Arc<dyn MarketData>)
    }
}

struct World {
    queue: InProcessQueue,
    store: SqliteStore,
    market: Arc<Market>,
    scan: ScanId,
    lease: Lease,
    _directory: tempfile::TempDir,
}

impl World {
    /// A frozen scan of these tickers, each in the queue.
    async fn new(tickers: &[&str], version: u32) -> Self {
        Self::with(tickers, |manifest| manifest.version = version).await
    }

    /// As [`World::new`], with something else in the manifest.
    async fn with(tickers: &[&str], change: impl FnOnce(&mut Manifest)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&directory.path().join("test.db")).unwrap();
        let scan = ScanId::parse("worker-20261120-1000").unwrap();
        store.open_scan(&scan, "hash").await.unwrap();
        let holder = Holder("test".to_owned());
        let lease = match store.take_lease(&scan, &holder, Duration::from_secs(60)).await.unwrap() {
            LeaseAnswer::Taken(lease) => lease,
            held @ LeaseAnswer::Held { .. } => panic!("{held:?}"),
        };
        let tickers: Vec<Ticker> = tickers.iter().map(|ticker| Ticker::parse(ticker).unwrap()).collect();
        let mut manifest = manifest(&scan, &tickers, Manifest::VERSION);
        change(&mut manifest);
        store.freeze_manifest(&lease, &manifest).await.unwrap();
        let queue = InProcessQueue::new(Duration::from_secs(30));
        for ticker in tickers {
            queue.publish(&Task { scan: scan.clone(), ticker }, 0).await.unwrap();
        }
        Self { queue, store, market: Arc::default(), scan, lease, _directory: directory }
    }

    fn parts(&self) -> WorkerParts {
        WorkerParts {
            queue: Arc::new(self.queue.clone()),
            store: Arc::new(self.store.clone()),
            markets: Arc::new(Same(Arc::clone(&self.market))),
            clock: Arc::new(SystemClock),
        }
    }

    async fn start(&self, slots: usize) -> RunningWorker {
        start(self.parts(), WorkerOptions { name: "w".to_owned(), slots }).await.unwrap()
    }

    async fn missing(&self) -> usize {
        self.store.missing(&self.scan).await.unwrap().len()
    }

    async fn backlog(&self) -> u64 {
        self.queue.backlog(&self.scan).await.unwrap()
    }

    fn asked(&self) -> usize {
        self.market.asked.lock().unwrap().len()
    }
}

fn manifest(scan: &ScanId, tickers: &[Ticker], version: u32) -> Manifest {
    let route = VendorRoute {
        vendor: Vendor::Cboe,
        base_urls: BTreeMap::new(),
        budget_per_sec: None,
        max_quote_age_secs: 1800,
    };
    Manifest {
        version,
        scan: scan.clone(),
        tickers: tickers.to_vec(),
        as_of: None,
        facts: Default::default(),
        analysis: serde_json::to_value(AnalysisConfig::default()).unwrap(),
        vendors: VendorPlan {
            chain_order: vec![Vendor::Cboe],
            bars: Vendor::Yahoo,
            routes: vec![route],
            identity: Vec::new(),
            max_bars_per_ticker: 12,
            bar_sessions: 250,
            underlying_bar_sessions: None,
            dte_window: (20, 60),
            gateways: None,
        },
        limits: DeliveryLimits {
            timeout_secs: 60,
            max_attempts: 3,
            request_timeout_secs: 5,
            request_tries: 1,
            max_retry_after_secs: 10,
        },
        config_hash: "hash".to_owned(),
        deadline: Timestamp::MAX,
    }
}

/// Waits until it holds, at most 10 s.
async fn until<C: Future<Output = bool>>(holds: impl Fn() -> C) {
    let began = Instant::now();
    while !holds().await {
        assert!(began.elapsed() < Duration::from_secs(10), "waited too long");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn every_slot_is_used_and_no_more() {
    let tickers: Vec<String> = (0..12).map(|n| format!("T{n}")).collect();
    let world = World::new(&tickers.iter().map(String::as_str).collect::<Vec<_>>(), Manifest::VERSION).await;
    let worker = world.start(3).await;
    until(async || world.missing().await == 0).await;
    until(async || world.backlog().await == 0).await;
    worker.drain(Duration::from_secs(5)).await;
    assert_eq!(world.market.most_at_once.load(Ordering::SeqCst), 3);
    assert_eq!(world.asked(), 12);
    for outcome in world.store.outcomes(&world.scan, 0..u32::MAX).await.unwrap() {
        assert!(matches!(outcome.outcome, Outcome::Found(_)), "{outcome:?}");
    }
}

#[tokio::test]
async fn a_drain_finishes_what_is_held_and_hands_the_rest_back() {
    let world = World::new(&["A", "HANG", "B", "C", "D"], Manifest::VERSION).await;
    let worker = world.start(2).await;
    until(async || world.asked() >= 2).await;
    let began = Instant::now();
    worker.drain(Duration::from_millis(500)).await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    let missing = world.missing().await;
    assert!(missing < 5, "what was held was not finished");
    assert_eq!(world.backlog().await, missing as u64, "every missing ticker is in the queue");
    let free = world.queue.pull(5, Duration::from_millis(500)).await.unwrap();
    assert_eq!(free.len(), missing, "none of them is held by anybody");
}

#[tokio::test]
async fn a_manifest_of_a_newer_version_is_handed_back_unopened() {
    let world = World::new(&["A", "B"], Manifest::VERSION + 1).await;
    let worker = world.start(2).await;
    // Both are put off: nothing can be pulled, nothing was done, no attempt was counted.
    until(async || world.queue.pull(1, Duration::from_millis(20)).await.unwrap().is_empty()).await;
    worker.drain(Duration::from_secs(1)).await;
    assert_eq!((world.asked(), world.missing().await, world.backlog().await), (0, 2, 2));
}

#[tokio::test]
async fn a_manifest_of_an_older_version_is_worked_on() {
    for version in 1..Manifest::VERSION {
        let world = World::new(&["A"], version).await;
        let worker = world.start(1).await;
        until(async || world.missing().await == 0).await;
        worker.stop().await;
        assert_eq!(world.asked(), 1, "version {version}");
    }
}

#[tokio::test]
async fn a_worker_without_slots_is_refused() {
    let world = World::new(&[], Manifest::VERSION).await;
    assert!(start(world.parts(), WorkerOptions { name: "w".to_owned(), slots: 0 }).await.is_err());
}

/// The only outcome of a world of one ticker: its word and its sentence.
async fn failure_of(world: &World) -> (String, String) {
    let worker = world.start(1).await;
    until(async || world.missing().await == 0).await;
    worker.stop().await;
    match world.store.outcomes(&world.scan, 0..u32::MAX).await.unwrap().remove(0).outcome {
        Outcome::Failed { reason, .. } => (reason.word, reason.detail),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_failing_vendor_is_asked_in_two_deliveries_whatever_the_manifest_allows() {
    let world = World::with(&["S"], |manifest| manifest.limits.max_attempts = 9).await;
    assert_eq!(failure_of(&world).await.0, "server_error");
    assert_eq!(world.asked(), 2);
}

#[tokio::test]
async fn a_delivery_that_waits_for_a_throttling_vendor_to_its_end_fails_as_throttled() {
    let world = World::with(&["HANG"], |manifest| manifest.limits.timeout_secs = 1).await;
    let (word, detail) = failure_of(&world).await;
    let expected = "not done within 1 s; last: cboe: the vendor asks us to slow down for 50 s";
    assert_eq!((word.as_str(), detail.as_str(), world.asked()), ("throttled", expected, 1));
}
