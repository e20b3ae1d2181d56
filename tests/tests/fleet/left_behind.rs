//! What launches leave behind: scans whose coordinator died and whose slot is over, and scans that are old.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use fleet_core::domain::{Outcome, ScanId, ScanState, TradeState};
use fleet_core::seams::{ManualClock, Outbox, ScanSummary, Scans, TradeFilter, Trades};
use fleet_engines::sqlite::SqliteStore;
use fleet_market::MarketConfig;
use fleet_tests::fleet::World;
use fleet_tests::market::{Market, config};
use fleet_tests::servers::{Servers, sent_notices};
use fleet_tests::wait::wait_until;
use jiff::{SignedDuration, Timestamp};
use tokio::runtime::{Builder, Runtime};

const TICKERS: u32 = 24;
/// Each answer of the market takes so long, so that a scan can be met at work.
const LATENCY: Duration = Duration::from_millis(60);
/// A killed scan's lease ends after 15 s; the rest is the scan itself on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

fn slow_market() -> Market {
    Market::start(MarketConfig { latency: LATENCY, ..config(4, TICKERS) })
}

/// A store's file as another process sees it.
struct Seen {
    runtime: Runtime,
    store: SqliteStore,
}

impl Seen {
    fn open(path: &Path) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime can be built");
        let store = wait_until("the store can be opened", PATIENCE, || {
            path.exists().then(|| SqliteStore::open(path).ok()).flatten()
        });
        Self { runtime, store }
    }

    /// By slot.
    fn scans(&self) -> BTreeMap<String, ScanSummary> {
        let scans = self.runtime.block_on(self.store.list_scans(1000)).unwrap_or_default();
        let slot = |scan: &ScanSummary| scan.scan.as_str().rsplit('-').next().unwrap_or_default().to_owned();
        scans.into_iter().map(|scan| (slot(&scan), scan)).collect()
    }

    /// Nobody coordinates the scan any more, and its deadline, if that is wanted, is over.
    fn is_over(&self, scan: &ScanId, wanted: Wanted) -> Option<()> {
        let is_held = self.runtime.block_on(self.store.lease(scan)).ok()??.held.is_some();
        let deadline = self.runtime.block_on(self.store.manifest(scan)).ok()??.deadline;
        (!is_held && (wanted == Wanted::Lease || deadline <= Timestamp::now())).then_some(())
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Lease,
    LeaseAndDeadline,
}

/// A scan of slot 1000 whose coordinator, and so worker, was killed when so many tickers were done.
fn killed(world: &World, market: &Market, outcomes: u32, more: &[&str]) -> (Seen, ScanId) {
    let mut scan = world.scan(market, ["--slot", "1000"]).args(more).spawn();
    let seen = Seen::open(&world.store_path());
    let id = wait_until("the scan is under way", PATIENCE, || {
        let first = seen.scans().remove("1000").filter(|scan| scan.outcomes >= outcomes);
        assert!(first.is_some() || !scan.has_ended(), "the scan ended by itself");
        first.map(|scan| scan.scan)
    });
    assert_eq!(scan.kill().code, None, "it was over before it was killed");
    (seen, id)
}

#[test]
fn a_scan_whose_deadline_is_over_is_settled_and_told_of_by_the_next_slots_launch() {
    let (world, market) = (World::new(), slow_market());
    // Late enough that it has proposed trades.
    let (seen, first) = killed(&world, &market, TICKERS - 3, &["--deadline", "10s"]);
    let filter = TradeFilter { state: Some(TradeState::Proposed), scan: Some(first.clone()), ..TradeFilter::default() };
    let proposed = seen.runtime.block_on(seen.store.trades(&filter)).expect("the store answers");
    assert!(!proposed.is_empty(), "a scan without a proposal proves nothing here");
    wait_until("the first slot is over", PATIENCE, || seen.is_over(&first, Wanted::LeaseAndDeadline));

    let (file, sink) = (world.file("notices.jsonl"), format!("file:{}", world.file("notices.jsonl").display()));
    let ran = world.scan(&market, ["--slot", "1030", "--notify", &sink]).patience(PATIENCE).run().expect_code(0);
    assert!(
        ran.stderr.contains(&format!("{first}, left in running by an earlier launch, is closed")),
        "{}",
        ran.stderr
    );
    let scans = seen.scans();
    assert_eq!((scans["1000"].state, scans["1030"].state), (ScanState::Done, ScanState::Done));
    let outcomes = seen.runtime.block_on(seen.store.outcomes(&first, 0..TICKERS)).expect("the store answers");
    assert!(outcomes.iter().any(|outcome| outcome.outcome == Outcome::Sealed), "nothing was missing");
    let mut taken = Vec::new();
    for trade in &proposed {
        let (now, _) = seen.runtime.block_on(seen.store.trade(&trade.id)).expect("it answers").expect("it is there");
        assert_eq!(now.scan, first, "{}", trade.id);
        // There may be more of them than the caps leave room for.
        assert!(matches!(now.state, TradeState::Pending | TradeState::Capped), "{}: {:?}", trade.id, now.state);
        taken.extend((now.state == TradeState::Pending).then_some(format!("{}|buy", trade.id)));
    }
    let sent: Vec<String> = sent_notices(&file).into_iter().map(|(key, _)| key).collect();
    let stored = seen.runtime.block_on(seen.store.notices()).expect("the store answers");
    let mut owed: Vec<String> = stored.into_iter().map(|(notice, _)| notice.key()).collect();
    assert!(!taken.is_empty() && taken.iter().all(|key| owed.contains(key)), "{taken:?} of {owed:?}");
    assert!(sent.iter().take(taken.len()).all(|key| taken.contains(key)), "the earlier scan's come first: {sent:?}");
    let mut told = sent.clone();
    told.sort();
    owed.sort();
    assert_eq!(told, owed, "each notice is sent once");
}

#[test]
fn a_scan_whose_deadline_is_ahead_is_left_and_a_person_is_told_how_to_go_on() {
    let (world, market) = (World::new(), slow_market());
    let (seen, first) = killed(&world, &market, 5, &[]);
    wait_until("the first launch's lease is over", PATIENCE, || seen.is_over(&first, Wanted::Lease));
    let ran = world.scan(&market, ["--slot", "1030"]).patience(PATIENCE).run().expect_code(0);
    assert!(ran.stderr.contains(&format!("go on with it by --resume {first}")), "{}", ran.stderr);
    assert_eq!(seen.scans()["1000"].state, ScanState::Running);
    let resumed = world.scan(&market, ["--resume", first.as_str()]).patience(PATIENCE).run().expect_code(0);
    assert!(!resumed.stdout.is_empty());
    assert_eq!(seen.scans()["1000"].state, ScanState::Done);
}

#[test]
fn what_a_fleet_finished_without_its_coordinator_is_settled_before_its_deadline() {
    let market = slow_market();
    let servers = Servers::new();
    let watcher = servers.watcher();
    let _worker = servers.worker("w1", 4);
    let mut scan = servers.scan(&market, ["--slot", "1000"]).spawn();
    let first = wait_until("the scan runs", PATIENCE, || {
        assert!(!scan.has_ended(), "the scan ended by itself");
        watcher.scan().filter(|(_, state, done)| *state == ScanState::Running && *done > 0).map(|(id, _, _)| id)
    });
    assert_eq!(scan.kill().code, None, "it was over before it was killed");
    wait_until("the workers are done and the lease is over", PATIENCE, || {
        (watcher.scan()?.2 == TICKERS && !watcher.is_held(&first)).then_some(())
    });
    let ran = servers.scan(&market, ["--slot", "1030"]).patience(PATIENCE).run().expect_code(0);
    let closed = format!("{first}, left in running by an earlier launch, is closed: 0 tickers without an answer");
    assert!(ran.stderr.contains(&closed), "{}", ran.stderr);
    assert!(watcher.scans().iter().all(|scan| scan.state == ScanState::Done));
    let (trades, notices) = watcher.left();
    assert!(trades.values().any(|trade| trade.scan == first && trade.state == TradeState::Pending), "no trade of it");
    assert!(notices.values().all(|(_, sent)| *sent) && !notices.is_empty(), "{notices:?}");
}

/// A scan of so many days ago that was given up before it had a manifest.
fn aged(path: &Path, days: i64) -> ScanId {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime can be built");
    let then = Timestamp::now() - SignedDuration::from_hours(24 * days);
    let store = SqliteStore::open_with_clock(path, Arc::new(ManualClock::new(then))).expect("the store can be opened");
    let scan = ScanId::parse(&format!("old-20200101-{days:04}")).expect("a scan id");
    let _ = runtime.block_on(store.open_scan(&scan, "hash")).expect("it is opened");
    scan
}

#[test]
fn old_scans_are_deleted_after_a_scan_unless_that_is_off() {
    let (world, market) = (World::new(), Market::start(config(1, 5)));
    let path = world.store_path();
    let (old, young) = (aged(&path, 31), aged(&path, 29));
    let left =
        || -> Vec<String> { Seen::open(&path).scans().into_values().map(|scan| scan.scan.to_string()).collect() };
    let scan = |slot: &str| world.scan(&market, ["--slot", slot]);
    let _ = scan("1000").env("OPTIONFLEET_STORE__KEEP_SCANS_DAYS", "0").run().expect_code(0);
    assert!(left().contains(&old.to_string()), "deleted though that is off: {:?}", left());
    let ran = scan("1030").run().expect_code(0);
    assert!(ran.stderr.contains("scans older than 30 days deleted: 1; trades stay"), "{}", ran.stderr);
    assert!(!left().contains(&old.to_string()) && left().contains(&young.to_string()), "{:?}", left());
    let _ = scan("1100").env("OPTIONFLEET_STORE__KEEP_SCANS_DAYS", "28").run().expect_code(0);
    assert!(!left().contains(&young.to_string()) && left().len() == 3, "{:?}", left());
}
