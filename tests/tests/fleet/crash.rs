//! `kill -9` of a scan in every phase, then `--resume`: nothing lost, nothing twice, and the same result as a scan that
//! was left alone.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use fleet_core::domain::{ScanId, ScanState, TradeRecord};
use fleet_core::seams::{Outbox, Scans, TradeFilter, Trades};
use fleet_engines::sqlite::SqliteStore;
use fleet_market::MarketConfig;
use fleet_tests::fleet::World;
use fleet_tests::market::{Market, config};
use fleet_tests::wait::wait_until;
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

use crate::result::result;

const TICKERS: u32 = 24;
const SLOT: [&str; 2] = ["--slot", "1030"];
/// Each answer of the market takes so long, so that every phase can be met.
const LATENCY: Duration = Duration::from_millis(40);
/// A killed scan's lease ends after 15 s; the rest is the scan itself on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);

/// When the killer strikes.
#[derive(Debug, Clone, Copy)]
enum Moment {
    /// The scan stands here, or further.
    State(ScanState),
    /// So many tickers have an outcome.
    Outcomes(u32),
}

const MOMENTS: [Moment; 8] = [
    Moment::State(ScanState::Init),
    Moment::State(ScanState::Publishing),
    Moment::State(ScanState::Running),
    Moment::Outcomes(1),
    Moment::Outcomes(12),
    Moment::Outcomes(TICKERS),
    Moment::State(ScanState::Sealed),
    Moment::State(ScanState::Alerting),
];

fn slow_market() -> Market {
    Market::start(MarketConfig { latency: LATENCY, ..config(4, TICKERS) })
}

/// Another process' view of a scan's store.
struct Watcher {
    runtime: Runtime,
    store: SqliteStore,
}

impl Watcher {
    fn open(path: &Path) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime can be built");
        let store = wait_until("the store can be opened", PATIENCE, || {
            path.exists().then(|| SqliteStore::open(path).ok()).flatten()
        });
        Self { runtime, store }
    }

    fn scan(&self) -> Option<(ScanId, ScanState, u32)> {
        let scans = self.runtime.block_on(self.store.list_scans(1)).ok()?;
        scans.into_iter().next().map(|scan| (scan.scan, scan.state, scan.outcomes))
    }

    /// Trades without the time of day at which they were stored, and notices by key.
    fn left(&self) -> (BTreeMap<String, TradeRecord>, BTreeMap<String, (String, bool)>) {
        let filter = TradeFilter { controls: true, ..TradeFilter::default() };
        let trades = self.runtime.block_on(self.store.trades(&filter)).expect("the store answers");
        let notices = self.runtime.block_on(self.store.notices()).expect("the store answers");
        let keys: BTreeSet<String> = notices.iter().map(|(notice, _)| notice.key()).collect();
        assert_eq!(keys.len(), notices.len(), "a notice is in the outbox twice");
        (
            trades.into_iter().map(|trade| (trade.id.to_string(), trade)).collect(),
            notices.into_iter().map(|(notice, sent)| (notice.key(), (notice.text, sent))).collect(),
        )
    }
}

/// What a killed and resumed scan left.
struct Resumed {
    was_killed: bool,
    json: Value,
    watcher: Watcher,
    /// The store lives as long as its directory.
    _world: World,
}

fn killed_and_resumed(moment: Moment) -> Resumed {
    let world = World::new();
    let market = slow_market();
    let mut scan = world.scan(&market, SLOT).args(["--format", "json"]).spawn();
    let watcher = Watcher::open(&world.store_path());
    let id = wait_until(&format!("{moment:?}"), PATIENCE, || {
        let (id, state, outcomes) = watcher.scan()?;
        let met = match moment {
            Moment::State(wanted) => state >= wanted,
            Moment::Outcomes(wanted) => outcomes >= wanted,
        };
        assert!(met || !scan.has_ended(), "the scan ended before {moment:?}");
        met.then_some(id)
    });
    let was_killed = scan.kill().code.is_none();
    let (_, at, outcomes) = watcher.scan().expect("the scan is there");
    eprintln!("{moment:?}: killed: {was_killed}, left in {} with {outcomes} outcomes", at.word());
    let resumed = world.scan(&market, ["--resume", id.as_str(), "--format", "json"]).patience(PATIENCE).run();
    let json = resumed.expect_code(0).json();
    Resumed { was_killed, json, watcher, _world: world }
}

#[test]
fn a_scan_killed_in_any_phase_and_resumed_is_the_scan_that_was_left_alone() {
    let alone = World::new();
    let market = slow_market();
    let (ran, json) = alone.scan_json(&market, SLOT);
    let _ = ran.expect_code(0);
    let expected = result(&json);
    let (trades, notices) = Watcher::open(&alone.store_path()).left();
    assert!(!trades.is_empty() && !notices.is_empty(), "a scan without a trade proves nothing here");

    std::thread::scope(|threads| {
        // At once, because each waits for the dead scan's lease.
        let runs: Vec<_> =
            MOMENTS.iter().map(|moment| (moment, threads.spawn(move || killed_and_resumed(*moment)))).collect();
        let mut killed = 0;
        for (moment, run) in runs {
            let resumed = run.join().unwrap_or_else(|_| panic!("{moment:?} failed"));
            assert_eq!(result(&resumed.json), expected, "killed at {moment:?}");
            let (trades_now, notices_now) = resumed.watcher.left();
            assert_eq!(trades_now, trades, "trades after a kill at {moment:?}");
            assert_eq!(notices_now, notices, "notices after a kill at {moment:?}");
            let (_, state, outcomes) = resumed.watcher.scan().expect("the scan is there");
            assert_eq!((state, outcomes), (ScanState::Done, TICKERS), "killed at {moment:?}");
            killed += u32::from(resumed.was_killed);
        }
        // The last phases are short: there a scan may end before it is killed.
        assert!(killed >= 6, "only {killed} scans were killed in time");
    });
}
