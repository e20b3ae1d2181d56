//! Every part of a fleet dies, stops and comes back: the same table, no ticker lost, no trade twice. Notices are counted
//! where they are sent: each one is sent, and none twice, but the one that was under way when its sender was killed.
//!
//! Each outage is tried once, or `OPTIONFLEET_TEST_REPEATS` times, at once, because most of the time is spent waiting for
//! leases and servers.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use fleet_core::domain::{ScanState, TradeRecord};
use fleet_market::MarketConfig;
use fleet_tests::fleet::World;
use fleet_tests::market::{Market, config};
use fleet_tests::program::{Ran, Running};
use fleet_tests::servers::{Servers, Watcher};
use fleet_tests::wait::wait_until;
use serde_json::Value;

use crate::result::result;

const TICKERS: u32 = 24;
const SLOT: [&str; 2] = ["--slot", "1030"];
/// Each answer of the market takes so long, so that every phase can be met.
const LATENCY: Duration = Duration::from_millis(40);
/// A dead coordinator's lease ends after 15 s, a silent holder's delivery after 30 s; a queue that lost its tasks is
/// noticed in seconds, a ghost in it after 60 s.
const PATIENCE: Duration = Duration::from_secs(230);
/// Whoever has no patience has given up by then.
const AWAY: Duration = Duration::from_secs(6);
/// Longer than a lease lasts.
const FREEZE: Duration = Duration::from_secs(20);

/// A fleet in the middle of a scan.
struct Fleet {
    servers: Servers,
    market: Market,
    watcher: Watcher,
    _workers: Vec<Running>,
    /// So many notices may be sent twice: one for each sender that was killed while it sent.
    may_be_twice: usize,
}

type Left = (BTreeMap<String, TradeRecord>, BTreeMap<String, (String, bool)>);

impl Fleet {
    fn new() -> Self {
        let (servers, market) = (Servers::new(), slow_market());
        let watcher = servers.watcher();
        let workers = ["w1", "w2"].map(|name| servers.worker(name, 3)).into();
        Self { servers, market, watcher, _workers: workers, may_be_twice: 0 }
    }

    fn launch(&self) -> Running {
        let sink = format!("file:{}", self.servers.notices().display());
        self.servers.scan(&self.market, SLOT).args(["--notify", &sink]).spawn()
    }

    /// Every notice the store holds as sent was sent, as it reads there, once; or twice, where that cannot be helped.
    fn check_sent(&self, notices: &BTreeMap<String, (String, bool)>) {
        let mut times: BTreeMap<String, usize> = BTreeMap::new();
        for (key, text) in self.servers.sent() {
            assert_eq!(notices.get(&key), Some(&(text, true)), "{key} was sent");
            *times.entry(key).or_default() += 1;
        }
        assert_eq!(times.keys().collect::<Vec<_>>(), notices.keys().collect::<Vec<_>>(), "notices that were sent");
        let twice: Vec<_> = times.iter().filter(|(_, times)| **times > 1).collect();
        eprintln!("{} notices, sent more than once: {twice:?}, allowed: {}", times.len(), self.may_be_twice);
        assert!(twice.len() <= self.may_be_twice && twice.iter().all(|(_, times)| **times <= 2), "{twice:?}");
    }

    /// Waits until the scan is so far.
    fn reaches(&self, scan: &mut Running, state: ScanState, outcomes: u32) {
        wait_until(&format!("{} with {outcomes} outcomes", state.word()), PATIENCE, || {
            let seen = self.watcher.scan();
            let is_met = seen.is_some_and(|(_, at, done)| at >= state && done >= outcomes);
            assert!(is_met || !scan.has_ended(), "the scan ended before it was {} at {outcomes}", state.word());
            is_met.then_some(())
        });
    }

    fn finished(&self, ran: Ran) -> Value {
        let json = ran.expect_code(0).json();
        let (_, state, outcomes) = self.watcher.scan().expect("the scan is there");
        assert_eq!((state, outcomes), (ScanState::Done, TICKERS));
        json
    }
}

fn slow_market() -> Market {
    Market::start(MarketConfig { latency: LATENCY, ..config(4, TICKERS) })
}

/// The scan of one machine that was left alone.
fn expected() -> (Value, Left) {
    let servers = Servers::new();
    let market = slow_market();
    let alone = World::new();
    let (ran, json) = alone.scan_json(&market, SLOT);
    let _ = ran.expect_code(0);
    // Trades as a fleet that is left alone stores them: the same ones.
    let worker = servers.worker("alone", 4);
    let fleet = servers.scan(&market, SLOT).patience(PATIENCE).run().expect_code(0).json();
    drop(worker);
    assert_eq!(result(&fleet), result(&json));
    let left = servers.watcher().left();
    assert!(!left.0.is_empty() && !left.1.is_empty(), "a scan without a trade proves nothing here");
    (result(&json), left)
}

/// So often a kill that came too late is tried again.
const TRIES: usize = 5;

fn repeats() -> usize {
    std::env::var("OPTIONFLEET_TEST_REPEATS").ok().and_then(|text| text.parse().ok()).unwrap_or(1)
}

/// Tries an outage, which gives the finished scan's JSON.
fn check(outage: impl Fn(&mut Fleet) -> Value + Sync) {
    let (table, left) = expected();
    std::thread::scope(|threads| {
        let runs: Vec<_> = (0..repeats())
            .map(|_| {
                threads.spawn(|| {
                    let mut fleet = Fleet::new();
                    let json = outage(&mut fleet);
                    let left = fleet.watcher.left();
                    fleet.check_sent(&left.1);
                    (result(&json), left)
                })
            })
            .collect();
        for (n, run) in runs.into_iter().enumerate() {
            let (table_now, left_now) = run.join().unwrap_or_else(|_| panic!("try {n} failed"));
            assert_eq!(table_now, table, "the table of try {n}");
            assert_eq!(left_now, left, "trades and notices of try {n}");
        }
    });
}

/// `kill -9` of the coordinator once the scan is so far, then the same launch again. Some states are so short that a kill
/// can come too late: that proves nothing, and is no failure of the fleet; it is tried again.
fn check_coordinator_killed(state: ScanState, outcomes: u32) {
    for _ in 0..TRIES {
        let met = AtomicU32::new(0);
        check(|fleet| {
            let mut scan = fleet.launch();
            fleet.reaches(&mut scan, state, outcomes);
            let killed = scan.kill();
            let (_, at, done) = fleet.watcher.scan().expect("the scan is there");
            eprintln!("killed: {}, left in {} with {done} outcomes", killed.code.is_none(), at.word());
            met.fetch_add(u32::from(killed.code.is_none() && at == state), Ordering::Relaxed);
            // Only then notices are sent.
            fleet.may_be_twice = usize::from(at == ScanState::Alerting);
            fleet.finished(fleet.launch().wait(PATIENCE))
        });
        if met.into_inner() as usize * 2 >= repeats() {
            return;
        }
    }
    panic!("in {TRIES} tries no kill, or less than half of them, came in {}", state.word());
}

#[test]
fn coordinator_killed_in_init() {
    check_coordinator_killed(ScanState::Init, 0);
}

#[test]
fn coordinator_killed_in_publishing() {
    check_coordinator_killed(ScanState::Publishing, 0);
}

#[test]
fn coordinator_killed_in_running() {
    check_coordinator_killed(ScanState::Running, 5);
}

#[test]
fn coordinator_killed_in_sealed() {
    check_coordinator_killed(ScanState::Sealed, TICKERS);
}

#[test]
fn coordinator_killed_in_alerting() {
    check_coordinator_killed(ScanState::Alerting, TICKERS);
}

/// At the first notice that is sent: in all likelihood before it is confirmed.
#[test]
fn coordinator_killed_while_it_sends() {
    let met = AtomicU32::new(0);
    check(|fleet| {
        let mut scan = fleet.launch();
        fleet.reaches(&mut scan, ScanState::Running, 1);
        let (file, give_up) = (fleet.servers.notices(), Instant::now() + PATIENCE);
        // No rest in between: it is a matter of a millisecond.
        while file.metadata().map_or(0, |meta| meta.len()) == 0 {
            assert!(Instant::now() < give_up, "no notice was sent");
        }
        let killed = scan.kill();
        let sent: Vec<String> = fleet.servers.sent().into_iter().map(|(key, _)| key).collect();
        let unconfirmed =
            fleet.watcher.left().1.iter().filter(|(key, (_, is_sent))| sent.contains(key) && !is_sent).count();
        eprintln!("killed: {}, {} sent, {unconfirmed} not confirmed", killed.code.is_none(), sent.len());
        met.fetch_add(u32::from(killed.code.is_none()), Ordering::Relaxed);
        assert!(unconfirmed <= 1, "{unconfirmed} were under way at once");
        fleet.may_be_twice = unconfirmed;
        fleet.finished(fleet.launch().wait(PATIENCE))
    });
    assert!(met.into_inner() as usize * 2 >= repeats(), "it was over before it was killed");
}

/// Cron knows nothing of servers that are just restarting.
#[test]
fn servers_away_when_the_scan_is_launched() {
    check(|fleet| {
        fleet.servers.nats.kill();
        fleet.servers.redis.kill();
        let mut scan = fleet.launch();
        std::thread::sleep(AWAY);
        assert!(!scan.has_ended(), "the scan did not wait: {}", scan.wait(PATIENCE).stderr);
        fleet.servers.redis.restart();
        fleet.servers.nats.restart();
        let ran = scan.wait(PATIENCE);
        let told = ran.stderr.lines().filter(|line| line.contains("tries on for 90 s")).count();
        assert_eq!(told, 1, "{}", ran.stderr);
        fleet.finished(ran)
    });
}

#[test]
fn two_coordinators_for_one_slot() {
    check(|fleet| {
        let (a, b) = (fleet.launch(), fleet.launch());
        let (a, b) = (a.wait(PATIENCE), b.wait(PATIENCE));
        let codes = [a.code, b.code];
        // The second waits for as long as a lease lasts: it prints the finished table, or names the holder.
        assert!(codes.contains(&Some(0)) && codes.iter().all(|code| [Some(0), Some(5)].contains(code)), "{codes:?}");
        for ran in [&a, &b] {
            assert!(ran.code == Some(0) || ran.stderr.contains("is running this scan"), "{}", ran.stderr);
        }
        if codes == [Some(0), Some(0)] {
            assert_eq!(result(&a.json()), result(&b.json()));
        }
        fleet.finished(if a.code == Some(0) { a } else { b })
    });
}

#[test]
fn coordinator_frozen_past_its_lease_and_thawed() {
    check(|fleet| {
        let mut frozen = fleet.launch();
        fleet.reaches(&mut frozen, ScanState::Running, 3);
        frozen.signal("STOP");
        let json = fleet.finished(fleet.launch().wait(PATIENCE));
        frozen.signal("CONT");
        let thawed = frozen.wait(PATIENCE);
        assert_eq!(thawed.code, Some(5), "the thawed one: {}", thawed.stderr);
        json
    });
}

#[test]
fn nats_killed_and_restarted_with_its_store() {
    check(|fleet| {
        let mut scan = fleet.launch();
        fleet.reaches(&mut scan, ScanState::Running, 5);
        fleet.servers.nats.kill();
        fleet.servers.nats.restart();
        fleet.finished(scan.wait(PATIENCE))
    });
}

#[test]
fn nats_killed_and_restarted_without_its_store() {
    check(|fleet| {
        let mut scan = fleet.launch();
        fleet.reaches(&mut scan, ScanState::Running, 5);
        fleet.servers.nats.kill();
        fleet.servers.nats.restart_wiped();
        fleet.finished(scan.wait(PATIENCE))
    });
}

#[test]
fn nats_frozen() {
    check(|fleet| {
        let mut scan = fleet.launch();
        fleet.reaches(&mut scan, ScanState::Running, 5);
        fleet.servers.nats.freeze();
        std::thread::sleep(FREEZE);
        fleet.servers.nats.thaw();
        fleet.finished(scan.wait(PATIENCE))
    });
}

#[test]
fn redis_frozen() {
    check(|fleet| {
        let mut scan = fleet.launch();
        fleet.reaches(&mut scan, ScanState::Running, 5);
        fleet.servers.redis.freeze();
        std::thread::sleep(FREEZE);
        fleet.servers.redis.thaw();
        fleet.finished(scan.wait(PATIENCE))
    });
}

#[test]
fn redis_killed_and_restarted_from_its_file() {
    check(|fleet| {
        let mut scan = fleet.launch();
        fleet.reaches(&mut scan, ScanState::Running, 5);
        fleet.servers.redis.kill();
        fleet.servers.redis.restart();
        fleet.finished(scan.wait(PATIENCE))
    });
}
