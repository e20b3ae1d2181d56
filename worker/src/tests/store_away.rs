//! A store that fails, over the whole way of a delivery: a real file that another process holds, and one that is full.

use std::sync::Condvar;

use fleet_core::domain::{ScanId, TraceContext};
use fleet_core::seams::{Budgets, Clock, Delivery, Published, QueueError};
use fleet_engines::sqlite::SqliteSettings;
use tokio::sync::{mpsc, watch};

use super::*;

/// A clock that stands still while it is told to. A store asks its clock once it holds the file's write lock.
struct HeldClock {
    held: Mutex<bool>,
    released: Condvar,
    is_waiting: watch::Sender<bool>,
}

impl Clock for HeldClock {
    fn now(&self) -> Timestamp {
        let mut held = self.held.lock().unwrap();
        while *held {
            self.is_waiting.send_replace(true);
            held = self.released.wait(held).unwrap();
        }
        self.is_waiting.send_replace(false);
        Timestamp::now()
    }
}

/// Another process that writes for long.
pub(super) struct OtherProcess {
    store: SqliteStore,
    clock: Arc<HeldClock>,
}

impl OtherProcess {
    pub(super) fn new(world: &World) -> Self {
        let (is_waiting, _) = watch::channel(false);
        let clock = Arc::new(HeldClock { held: Mutex::new(false), released: Condvar::new(), is_waiting });
        Self { store: SqliteStore::open_with_clock(world.store.path(), clock.clone()).unwrap(), clock }
    }

    /// Returns once the file is locked.
    pub(super) async fn lock(&self) {
        *self.clock.held.lock().unwrap() = true;
        let store = self.store.clone();
        tokio::spawn(async move { store.block(Vendor::Robinhood, Duration::from_millis(1)).await });
        self.clock.is_waiting.subscribe().wait_for(|waiting| *waiting).await.unwrap();
    }

    pub(super) fn unlock(&self) {
        *self.clock.held.lock().unwrap() = false;
        self.clock.released.notify_all();
    }
}

/// A test that failed while it held the file must end, not hang.
impl Drop for OtherProcess {
    fn drop(&mut self) {
        self.unlock();
    }
}

/// A queue that says when a task is handed back, and delivers it again at once.
pub(super) struct Told {
    pub(super) queue: InProcessQueue,
    pub(super) handed_back: mpsc::UnboundedSender<Duration>,
}

struct ToldDelivery(Box<dyn Delivery>, mpsc::UnboundedSender<Duration>);

#[async_trait]
impl TaskQueue for Told {
    async fn publish(&self, task: &Task, round: u32) -> Result<Published, QueueError> {
        self.queue.publish(task, round).await
    }

    async fn pull(&self, max: usize, wait: Duration) -> Result<Vec<Box<dyn Delivery>>, QueueError> {
        let told = |delivery| Box::new(ToldDelivery(delivery, self.handed_back.clone())) as Box<dyn Delivery>;
        Ok(self.queue.pull(max, wait).await?.into_iter().map(told).collect())
    }

    async fn purge(&self, scan: &ScanId, ticker: Option<&Ticker>) -> Result<u64, QueueError> {
        self.queue.purge(scan, ticker).await
    }

    async fn backlog(&self, scan: &ScanId) -> Result<u64, QueueError> {
        self.queue.backlog(scan).await
    }

    async fn ping(&self) -> Result<(), QueueError> {
        self.queue.ping().await
    }
}

#[async_trait]
impl Delivery for ToldDelivery {
    fn task(&self) -> &Task {
        self.0.task()
    }

    fn trace(&self) -> TraceContext {
        self.0.trace()
    }

    async fn ack(self: Box<Self>) -> Result<(), QueueError> {
        self.0.ack().await
    }

    async fn retry_in(self: Box<Self>, delay: Duration) -> Result<(), QueueError> {
        self.1.send(delay).unwrap();
        self.0.retry_in(Duration::from_millis(1)).await
    }

    async fn progress(&self) -> Result<(), QueueError> {
        self.0.progress().await
    }
}

/// A market in whose every chain the other process locks the store's file.
struct Locking {
    market: Market,
    other: Arc<OtherProcess>,
}

#[async_trait]
impl MarketData for Locking {
    async fn universe(&self, filter: &str, tally: &RequestTally) -> Result<UniverseAnswer, FetchError> {
        self.market.universe(filter, tally).await
    }

    async fn chain(
        &self,
        ticker: &Ticker,
        want: &ChainRequest,
        tally: &RequestTally,
    ) -> Result<(Chain, Timestamp), FetchError> {
        let answer = self.market.chain(ticker, want, tally).await;
        self.other.lock().await;
        answer
    }

    async fn bars(
        &self,
        instrument: &Instrument,
        from: jiff::civil::Date,
        until: Timestamp,
        tally: &RequestTally,
    ) -> Result<BarSeries, FetchError> {
        self.market.bars(instrument, from, until, tally).await
    }
}

impl MarketFactory for Locking {
    fn market_for(&self, _: &Manifest) -> Result<Arc<dyn MarketData>, String> {
        Ok(Arc::new(Self { market: Market::default(), other: Arc::clone(&self.other) }))
    }
}

pub(super) fn impatient(world: &World, max_bytes: Option<u64>) -> SqliteStore {
    let settings = SqliteSettings { busy_wait: Duration::from_millis(20), max_bytes, ..SqliteSettings::default() };
    SqliteStore::open_with(world.store.path(), settings).unwrap()
}

async fn outcome(world: &World) -> Outcome {
    until(async || world.missing().await == 0).await;
    world.store.outcomes(&world.scan, 0..u32::MAX).await.unwrap().remove(0).outcome
}

/// The manifest allows three attempts, and each time the file is locked when the ticker is to be committed.
#[tokio::test]
async fn a_ticker_whose_store_was_away_each_time_fails_with_the_stores_words() {
    let world = World::new(&["A"], Manifest::VERSION).await;
    let other = Arc::new(OtherProcess::new(&world));
    let (handed_back, mut told) = mpsc::unbounded_channel();
    let parts = WorkerParts {
        queue: Arc::new(Told { queue: world.queue.clone(), handed_back }),
        store: Arc::new(impatient(&world, None)),
        markets: Arc::new(Locking { market: Market::default(), other: Arc::clone(&other) }),
        clock: Arc::new(SystemClock),
    };
    let worker = start(parts, WorkerOptions { name: "w".to_owned(), slots: 1 }).await.unwrap();
    for _ in 0..3 {
        told.recv().await.unwrap();
        other.unlock();
    }
    match outcome(&world).await {
        Outcome::Failed { reason, .. } => {
            assert_eq!(reason.word, "store");
            assert!(reason.detail.contains("the store is unavailable"), "{}", reason.detail);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(worker.gave_up(), None);
    worker.stop().await;
}

#[tokio::test]
async fn a_ticker_whose_workers_died_each_time_is_poison() {
    let world = World::new(&["A"], Manifest::VERSION).await;
    for _ in 0..3 {
        world.store.begin_attempt(&world.scan, None, &Ticker::parse("A").unwrap()).await.unwrap();
    }
    let worker = world.start(1).await;
    assert_eq!(outcome(&world).await, Outcome::Poison { attempts: 3 });
    assert_eq!(world.asked(), 0);
    worker.stop().await;
}

#[tokio::test]
async fn a_full_disk_is_the_workers_end_and_no_tickers() {
    let tickers: Vec<String> = (0..200).map(|n| format!("T{n}")).collect();
    let world = World::new(&tickers.iter().map(String::as_str).collect::<Vec<_>>(), Manifest::VERSION).await;
    // Some outcomes still fit into pages that are there.
    let size = std::fs::metadata(world.store.path()).unwrap().len();
    let parts = WorkerParts {
        queue: Arc::new(world.queue.clone()),
        store: Arc::new(impatient(&world, Some(size))),
        markets: Arc::new(Same(Arc::clone(&world.market))),
        clock: Arc::new(SystemClock),
    };
    let worker = start(parts, WorkerOptions { name: "w".to_owned(), slots: 4 }).await.unwrap();
    until(async || worker.gave_up().is_some()).await;
    let why = worker.gave_up().unwrap();
    assert!(why.contains("the disk is full") && why.contains("test.db"), "{why}");
    // Every other ticker is handed back unopened, and is there for who comes when there is room.
    until(async || world.queue.pull(1, Duration::from_millis(20)).await.unwrap().is_empty()).await;
    worker.drain(Duration::from_secs(1)).await;
    let missing = world.missing().await;
    assert!(missing > 0);
    // Each slot works on one, and has two at most whose commits and acknowledgements are on their way.
    assert!(world.asked() <= 200 - missing + 4 * 3, "{} were asked for, {missing} are missing", world.asked());
    assert_eq!(world.backlog().await, missing as u64);
    for outcome in world.store.outcomes(&world.scan, 0..u32::MAX).await.unwrap() {
        assert!(matches!(outcome.outcome, Outcome::Found(_)), "{outcome:?}");
    }
}
