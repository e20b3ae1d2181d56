//! A fleet of one test: a NATS server, a Redis server, a market, and the programs that meet there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use fleet_core::domain::{ScanId, ScanState, StoredOutcome, TradeRecord};
use fleet_core::seams::{ScanSummary, StoreError, TradeFilter};
use fleet_engines::connect::{Engines, QueueAddress, Secrets, StoreAddress, open};
use fleet_servers::{NatsServer, RedisServer};
use tokio::runtime::{Builder, Runtime};

use crate::fleet::{World, unlimited};
use crate::market::Market;
use crate::program::{Invocation, Running, bin};
use crate::wait::wait_until;

/// Servers answer in milliseconds, or are being restarted by a test.
const PATIENCE: Duration = Duration::from_secs(60);

/// Two servers and a directory.
pub struct Servers {
    /// Where programs run.
    pub world: World,
    /// The queue's server.
    pub nats: NatsServer,
    /// The store's server.
    pub redis: RedisServer,
}

impl Servers {
    /// Starts them.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "starting two servers is not a default value")]
    pub fn new() -> Self {
        fleet_scraper::install_crypto_provider();
        Self { world: World::new(), nats: NatsServer::start(), redis: RedisServer::start() }
    }

    /// `optionfleet` with both addresses in its environment.
    #[must_use]
    pub fn optionfleet<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Invocation {
        self.at(self.world.optionfleet(args))
    }

    /// A program with both addresses in its environment.
    fn at(&self, invocation: Invocation) -> Invocation {
        invocation.env("OPTIONFLEET_QUEUE", self.nats.url()).env("OPTIONFLEET_STORE", self.redis.url())
    }

    /// `optionfleet scan` of a market, as fast as it goes.
    #[must_use]
    pub fn scan<'a>(&self, market: &Market, args: impl IntoIterator<Item = &'a str>) -> Invocation {
        let store = self.redis.url();
        unlimited(
            self.optionfleet(["scan", "--market", market.url(), "--store", &store, "--format", "json"]).args(args),
        )
    }

    /// Where scans write the notices they send, if they are told to.
    #[must_use]
    pub fn notices(&self) -> PathBuf {
        self.world.file("notices.jsonl")
    }

    /// Every notice that was sent, as often as it was: key and text, in the order of sending.
    ///
    /// # Panics
    /// When a line is no notice.
    #[must_use]
    pub fn sent(&self) -> Vec<(String, String)> {
        sent_notices(&self.notices())
    }

    /// Starts a worker.
    #[must_use]
    pub fn worker(&self, name: &str, slots: u32) -> Running {
        let worker = Invocation::of(&bin("optionfleet-worker"), self.world.path());
        self.at(worker).args(["--name", name, "--slots", &slots.to_string()]).spawn()
    }

    /// A process' own view of both.
    #[must_use]
    pub fn watcher(&self) -> Watcher {
        Watcher::open(&self.nats.url(), &self.redis.url())
    }
}

/// The notices in a file that `--notify file:PATH` wrote: key and text, in the order of sending.
///
/// # Panics
/// When a line is no notice.
#[must_use]
pub fn sent_notices(file: &Path) -> Vec<(String, String)> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let field = |line: &serde_json::Value, name: &str| {
        line[name].as_str().unwrap_or_else(|| panic!("{line} has no {name}")).to_owned()
    };
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|why| panic!("{line}: {why}")));
    lines.map(|line: serde_json::Value| (field(&line, "key"), field(&line, "text"))).collect()
}

/// What a process sees of a fleet's queue and store.
pub struct Watcher {
    runtime: Runtime,
    engines: Engines,
}

impl Watcher {
    fn open(queue: &str, store: &str) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let queue = QueueAddress::parse(queue).expect("a queue's address");
        let store = StoreAddress::parse(store).expect("a store's address");
        let opened = runtime.block_on(open(&queue, &store, &Secrets::default()));
        Self { engines: opened.unwrap_or_else(|why| panic!("the servers do not answer: {why}")), runtime }
    }

    /// Asks the store until it answers.
    fn ask<T>(&self, mut question: impl AsyncFnMut(&Engines) -> Result<T, StoreError>) -> T {
        wait_until("the store answers", PATIENCE, || self.runtime.block_on(question(&self.engines)).ok())
    }

    /// The newest scan, its state and its outcomes; `None`: there is none, or the store is away.
    #[must_use]
    pub fn scan(&self) -> Option<(ScanId, ScanState, u32)> {
        let scans = self.runtime.block_on(self.engines.store.list_scans(1)).ok()?;
        scans.into_iter().next().map(|scan| (scan.scan, scan.state, scan.outcomes))
    }

    /// Every scan, newest first.
    #[must_use]
    pub fn scans(&self) -> Vec<ScanSummary> {
        self.ask(async |engines| engines.store.list_scans(1000).await)
    }

    /// Whether somebody coordinates a scan.
    #[must_use]
    pub fn is_held(&self, scan: &ScanId) -> bool {
        self.ask(async |engines| engines.store.lease(scan).await).is_some_and(|lease| lease.held.is_some())
    }

    /// Every outcome of the newest scan.
    #[must_use]
    pub fn outcomes(&self) -> Vec<StoredOutcome> {
        let scan = self.ask(async |engines| engines.store.list_scans(1).await).remove(0).scan;
        self.ask(async |engines| engines.store.outcomes(&scan, 0..u32::MAX).await)
    }

    /// Names of the workers that are there.
    #[must_use]
    pub fn workers(&self) -> BTreeSet<String> {
        let workers = self.ask(async |engines| engines.store.workers().await);
        workers.into_iter().map(|worker| worker.report.name).collect()
    }

    /// Deliveries a worker holds now, as it said last; `None`: it is not there.
    #[must_use]
    pub fn busy(&self, name: &str) -> Option<u32> {
        let workers = self.runtime.block_on(self.engines.store.workers()).ok()?;
        workers.into_iter().find(|worker| worker.report.name == name).map(|worker| worker.report.busy)
    }

    /// Tasks of a scan in the queue.
    #[must_use]
    pub fn backlog(&self, scan: &ScanId) -> Option<u64> {
        self.runtime.block_on(self.engines.queue.backlog(scan)).ok()
    }

    /// Trades by id, and notices by key with whether they were sent; none twice.
    ///
    /// # Panics
    /// When a notice is there twice.
    #[must_use]
    pub fn left(&self) -> (BTreeMap<String, TradeRecord>, BTreeMap<String, (String, bool)>) {
        let filter = TradeFilter { controls: true, ..TradeFilter::default() };
        let trades = self.ask(async |engines| engines.store.trades(&filter).await);
        let notices = self.ask(async |engines| engines.store.notices().await);
        let keys: BTreeSet<String> = notices.iter().map(|(notice, _)| notice.key()).collect();
        assert_eq!(keys.len(), notices.len(), "a notice is in the outbox twice");
        (
            trades.into_iter().map(|trade| (trade.id.to_string(), trade)).collect(),
            notices.into_iter().map(|(notice, sent)| (notice.key(), (notice.text, sent))).collect(),
        )
    }
}
