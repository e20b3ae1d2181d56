//! The servers, a frozen scan in them, and the whole worker at it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use fleet_analysis::AnalysisConfig;
use fleet_core::domain::*;
use fleet_core::seams::*;
use fleet_engines::connect::{Engines, QueueAddress, Secrets, StoreAddress, open};
use fleet_servers::{NatsServer, RedisServer};
use fleet_worker::{MarketFactory, WorkerOptions, WorkerParts, start_watched};
use futures::{StreamExt, stream};
use jiff::Timestamp;
use jiff::civil::Date;
use tokio::sync::mpsc;

/// Publications under way at once, as the coordinator has them.
pub const WINDOW: usize = 256;
/// Between two looks at what is left in the queue: a thousandth of a measurement, on both sides.
const PAUSE: Duration = Duration::from_millis(1);
/// A measurement takes seconds.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// One measurement.
#[derive(Debug, Clone, Copy)]
pub struct Measured {
    /// From the first publication until the queue holds nothing of the scan: every outcome is stored, every delivery
    /// acknowledged.
    pub wall: Duration,
    /// Of this process: our side of the connections, and the worker.
    pub cpu: Duration,
}

/// A scan that is ready to be published.
pub struct Scan {
    pub id: ScanId,
    pub tickers: Vec<Ticker>,
}

/// Two servers and our way to them.
pub struct World {
    pub nats: NatsServer,
    _redis: RedisServer,
    pub queue: Arc<dyn TaskQueue>,
    pub store: Arc<dyn Store>,
    pub slots: usize,
}

impl World {
    pub async fn new(slots: usize) -> Self {
        let (nats, redis) = (NatsServer::start(), RedisServer::start());
        let queue = QueueAddress::parse(&nats.url()).expect("the server's own address");
        let store = StoreAddress::parse(&redis.url()).expect("the server's own address");
        let Engines { queue, store, .. } =
            open(&queue, &store, &Secrets::default()).await.expect("both servers answer");
        Self { nats, _redis: redis, queue, store, slots }
    }

    /// A scan with its manifest frozen, running.
    pub async fn scan(&self, round: u32, at: usize, tickers: u32) -> Scan {
        let id = ScanId::parse(&format!("overhead-{round}-{at}")).expect("a scan id");
        let tickers: Vec<Ticker> = (0..tickers).map(ticker).collect();
        self.store.open_scan(&id, "overhead").await.expect("the scan is opened");
        let holder = Holder("overhead".to_owned());
        let LeaseAnswer::Taken(lease) = self.store.take_lease(&id, &holder, PATIENCE * 2).await.expect("a lease")
        else {
            panic!("somebody else holds the lease of {id}");
        };
        let manifest = manifest(&id, tickers.clone());
        self.store.freeze_manifest(&lease, &manifest).await.expect("the manifest is frozen");
        for state in [ScanState::Publishing, ScanState::Running] {
            self.store.advance(&lease, state).await.expect("the scan advances");
        }
        Scan { id, tickers }
    }

    /// Puts all tasks of a scan into the queue.
    pub async fn publish(&self, scan: &Scan) {
        let offer = |ticker: &Ticker| {
            let task = Task { scan: scan.id.clone(), ticker: ticker.clone() };
            async move { self.queue.publish(&task, 0).await.expect("the task is taken") }
        };
        stream::iter(&scan.tickers).map(offer).buffer_unordered(WINDOW).for_each(|_| async {}).await;
    }

    /// The whole worker, up before the first publication.
    pub async fn worker(&self, scan: &Scan) -> Measured {
        let (accounted, mut news) = mpsc::unbounded_channel();
        let parts = WorkerParts {
            queue: Arc::clone(&self.queue),
            store: Arc::clone(&self.store),
            markets: Arc::new(NothingListed),
            clock: Arc::new(SystemClock),
        };
        let options = WorkerOptions { name: "overhead:1".to_owned(), slots: self.slots };
        let worker = start_watched(parts, options, accounted).await.expect("the worker starts");
        let watch = Watch::start();
        let all = async {
            for _ in &scan.tickers {
                let one = news.recv().await.expect("the worker works");
                assert!(!one.failed, "{} failed", one.ticker);
            }
            // The news of a ticker comes before its acknowledgement.
            self.emptied(scan).await;
        };
        let both = async { tokio::join!(self.publish(scan), all) };
        tokio::time::timeout(PATIENCE, both).await.expect("the worker is stuck");
        let measured = watch.stop();
        worker.drain(Duration::from_secs(5)).await;
        self.check(scan).await;
        measured
    }

    /// Returns when the queue holds nothing of the scan any more. Its caller's patience is the limit.
    pub async fn emptied(&self, scan: &Scan) {
        while self.queue.backlog(&scan.id).await.expect("the queue answers") > 0 {
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Every ticker has its outcome, or the measurement is of something else.
    pub async fn check(&self, scan: &Scan) {
        assert_eq!(self.store.missing_count(&scan.id).await.expect("the store answers"), 0, "tickers of {}", scan.id);
    }
}

/// Takes the time.
pub struct Watch {
    wall: Instant,
    cpu: Duration,
}

impl Watch {
    pub fn start() -> Self {
        Self { wall: Instant::now(), cpu: cpu() }
    }

    pub fn stop(self) -> Measured {
        Measured { wall: self.wall.elapsed(), cpu: cpu().saturating_sub(self.cpu) }
    }
}

/// CPU time of this process so far, in user and in system mode (proc(5), fields 14 and 15, in hundredths of a second).
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    Duration::from_millis(fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum::<u64>() * 10)
}

/// A market that answers at once that nothing is listed: the analysis has nothing to do.
struct NothingListed;

impl MarketFactory for NothingListed {
    fn market_for(&self, _: &Manifest) -> Result<Arc<dyn MarketData>, String> {
        Ok(Arc::new(Self))
    }
}

#[async_trait]
impl MarketData for NothingListed {
    async fn universe(&self, _: &str, _: &RequestTally) -> Result<UniverseAnswer, FetchError> {
        Ok(UniverseAnswer { tickers: Vec::new(), total: 0, pages: 1, left_out: Vec::new() })
    }

    async fn chain(
        &self,
        ticker: &Ticker,
        _: &ChainRequest,
        tally: &RequestTally,
    ) -> Result<(Chain, Timestamp), FetchError> {
        tally.count(Vendor::Cboe);
        Ok((nothing(ticker), Timestamp::now()))
    }

    async fn bars(
        &self,
        instrument: &Instrument,
        from: Date,
        _: Timestamp,
        _: &RequestTally,
    ) -> Result<BarSeries, FetchError> {
        Ok(BarSeries {
            instrument: instrument.clone(),
            bars: Vec::new(),
            last_split: None,
            dividends: Some(Vec::new()),
            incomplete: 0,
            complete_from: Some(from),
        })
    }
}

/// The chain of an underlying without options.
pub fn nothing(ticker: &Ticker) -> Chain {
    Chain {
        underlying: ticker.clone(),
        vendor: Vendor::Cboe,
        quote_time: None,
        vendor_spot: None,
        vendor_yield: None,
        facts: Default::default(),
        contracts: Vec::new(),
        refused: Vec::new(),
        expirations: Vec::<Date>::new(),
        not_served: Vec::new(),
    }
}

/// `A`, `B`, …: no two are the same.
fn ticker(mut n: u32) -> Ticker {
    let mut text = String::new();
    loop {
        text.push(char::from(b'A' + (n % 26) as u8));
        n /= 26;
        if n == 0 {
            return Ticker::parse(&text).unwrap_or_else(|why| panic!("{why}"));
        }
        n -= 1;
    }
}

fn manifest(scan: &ScanId, tickers: Vec<Ticker>) -> Manifest {
    let route = VendorRoute {
        vendor: Vendor::Cboe,
        base_urls: [("base".to_owned(), "http://127.0.0.1:9".to_owned())].into(),
        budget_per_sec: None,
        max_quote_age_secs: 1200,
    };
    Manifest {
        version: Manifest::VERSION,
        scan: scan.clone(),
        tickers,
        as_of: None,
        facts: Default::default(),
        analysis: serde_json::to_value(AnalysisConfig::default()).expect("settings can be written"),
        vendors: VendorPlan {
            chain_order: vec![Vendor::Cboe],
            bars: Vendor::Yahoo,
            routes: vec![route],
            identity: Vec::new(),
            max_bars_per_ticker: 12,
            bar_sessions: 250,
            underlying_bar_sessions: None,
            dte_window: (45, 270),
            gateways: None,
        },
        limits: DeliveryLimits {
            timeout_secs: 120,
            max_attempts: 5,
            request_timeout_secs: 20,
            request_tries: 4,
            max_retry_after_secs: 90,
        },
        config_hash: "overhead".to_owned(),
        deadline: Timestamp::now() + PATIENCE,
    }
}
