//! Coordinator and workers as processes of their own, on real servers: the same table as on one machine, whoever comes
//! and goes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use fleet_core::domain::ScanState;
use fleet_market::MarketConfig;
use fleet_tests::fleet::World;
use fleet_tests::market::{Market, config};
use fleet_tests::program::Running;
use fleet_tests::servers::{Servers, Watcher};
use fleet_tests::wait::wait_until;

use crate::result::{result, without_fetch_times};

const SLOT: [&str; 2] = ["--slot", "1030"];
const PATIENCE: Duration = Duration::from_secs(180);

fn outcomes_reach(watcher: &Watcher, scan: &mut Running, wanted: u32) -> u32 {
    wait_until(&format!("{wanted} outcomes"), PATIENCE, || {
        let seen = watcher.scan().map_or(0, |(_, _, outcomes)| outcomes);
        assert!(seen >= wanted || !scan.has_ended(), "the scan ended before {wanted} outcomes");
        (seen >= wanted).then_some(seen)
    })
}

#[test]
fn three_workers_give_the_table_of_one_machine() {
    let market = Market::start(config(1, 500));
    let alone = World::new();
    let (ran, expected) = alone.scan_json(&market, SLOT);
    let _ = ran.expect_code(0);
    let servers = Servers::new();
    let workers: Vec<Running> = ["w1", "w2", "w3"].map(|name| servers.worker(name, 4)).into();
    let fleet = servers.scan(&market, SLOT).patience(PATIENCE).run().expect_code(0).json();
    assert_eq!(without_fetch_times(&fleet), without_fetch_times(&expected));
    assert!(!expected["candidates"].as_array().expect("candidates").is_empty(), "an empty table proves nothing");
    let mut committed: BTreeMap<String, u32> = BTreeMap::new();
    for outcome in servers.watcher().outcomes() {
        *committed.entry(outcome.worker).or_default() += 1;
    }
    eprintln!("tickers by worker: {committed:?}");
    assert_eq!(committed.keys().map(String::as_str).collect::<Vec<_>>(), ["w1", "w2", "w3"]);
    assert_eq!(committed.values().sum::<u32>(), 500);
    drop(workers);
}

#[test]
fn a_worker_killed_at_work_costs_an_attempt_and_no_ticker() {
    let market = Market::start(MarketConfig { latency: Duration::from_millis(20), ..config(1, 500) });
    let alone = World::new();
    let (ran, expected) = alone.scan_json(&market, SLOT);
    let _ = ran.expect_code(0);
    let servers = Servers::new();
    let watcher = servers.watcher();
    let _others = ["w2", "w3"].map(|name| servers.worker(name, 4));
    let victim = servers.worker("w1", 8);
    let mut scan = servers.scan(&market, SLOT).spawn();
    let seen = outcomes_reach(&watcher, &mut scan, 100);
    // With eight slots and answers that take 20 ms it holds deliveries practically always.
    let ended = victim.kill();
    assert_eq!(ended.code, None, "the worker had ended by itself: {}", ended.stderr);
    assert!(seen <= 300, "killed too late, after {seen} outcomes");
    let ran = scan.wait(PATIENCE).expect_code(0);
    let outcomes = watcher.outcomes();
    let again = outcomes.iter().filter(|outcome| outcome.attempt >= 2).count();
    eprintln!("killed after {seen} outcomes; {again} tickers were delivered again");
    assert!(again >= 1, "the killed worker held nothing");
    let tickers: BTreeSet<_> = outcomes.iter().map(|outcome| &outcome.ticker).collect();
    assert_eq!((outcomes.len(), tickers.len()), (500, 500));
    assert_eq!(result(&ran.json()), result(&expected));
}

#[test]
fn workers_may_come_late_leave_in_the_middle_and_be_replaced() {
    let market = Market::start(MarketConfig { latency: Duration::from_millis(30), ..config(4, 120) });
    let alone = World::new();
    let (ran, expected) = alone.scan_json(&market, SLOT);
    let _ = ran.expect_code(0);
    let servers = Servers::new();
    let watcher = servers.watcher();
    let mut scan = servers.scan(&market, SLOT).spawn();
    wait_until("the scan runs without a worker", PATIENCE, || {
        watcher.scan().filter(|(_, state, _)| *state == ScanState::Running)
    });
    let first = servers.worker("early", 3);
    outcomes_reach(&watcher, &mut scan, 15);
    let second = servers.worker("added", 3);
    outcomes_reach(&watcher, &mut scan, 40);
    for worker in [first, second] {
        worker.signal("TERM");
        let left = worker.wait(PATIENCE);
        assert_eq!(left.code, Some(0), "a drained worker: {}", left.stderr);
    }
    let after_drain = watcher.scan().map(|(_, _, outcomes)| outcomes).expect("the scan is there");
    assert!(after_drain < 120, "everything was done before the workers left");
    let _others = ["late1", "late2"].map(|name| servers.worker(name, 4));
    let ran = scan.wait(PATIENCE).expect_code(0);
    assert_eq!(result(&ran.json()), result(&expected));
    let outcomes = watcher.outcomes();
    let again = outcomes.iter().filter(|outcome| outcome.attempt >= 2).count();
    assert_eq!(again, 0, "what a leaving worker hands back counts as an attempt");
    let names: BTreeSet<_> = outcomes.iter().map(|outcome| outcome.worker.as_str()).collect();
    assert!(names.contains("early") && names.contains("added"), "{names:?}");
    assert!(names.iter().any(|name| name.starts_with("late")), "{names:?}");
}

#[test]
fn without_any_worker_a_person_is_told_how_to_start_one_and_the_deadline_seals() {
    let market = Market::start(config(1, 12));
    let servers = Servers::new();
    let ran = servers.scan(&market, ["--slot", "1030", "--deadline", "20s"]).patience(PATIENCE).run().expect_code(3);
    assert!(ran.stderr.contains("no worker has checked in for 1"), "{}", ran.stderr);
    let command = format!("optionfleet-worker --queue {} --store redis://", servers.nats.url());
    assert!(ran.stderr.contains(&command), "{command:?} is not in\n{}", ran.stderr);
    let json = ran.json();
    assert_eq!(json["tickers"]["sealed"], 12);
}

#[test]
fn ctrl_c_of_the_coordinator_stops_the_fleet_and_resuming_goes_on() {
    let market = Market::start(MarketConfig { latency: Duration::from_millis(60), ..config(4, 120) });
    let servers = Servers::new();
    let watcher = servers.watcher();
    let _worker = servers.worker("w1", 3);
    let mut scan = servers.scan(&market, SLOT).spawn();
    outcomes_reach(&watcher, &mut scan, 10);
    scan.signal("INT");
    let ran = scan.wait(PATIENCE).expect_code(130);
    let (id, _, _) = watcher.scan().expect("the scan is there");
    assert!(ran.stderr.contains(&format!("--resume {id}")), "{}", ran.stderr);
    wait_until("the worker finishes what it holds", PATIENCE, || (watcher.busy("w1") == Some(0)).then_some(()));
    let (_, state, outcomes) = watcher.scan().expect("the scan is there");
    assert_eq!((state, watcher.backlog(&id)), (ScanState::Running, Some(0)));
    assert!(outcomes < 60, "{outcomes} of 120 tickers were done though the scan was interrupted after 10");
    let resumed = servers.scan(&market, ["--resume", id.as_str()]).patience(PATIENCE).run().expect_code(0).json();
    assert_eq!(resumed["tickers"]["missing"], 0);
    assert_eq!(watcher.outcomes().len(), 120);
}

#[test]
fn a_simulated_market_wants_a_store_that_was_named_for_it() {
    let market = Market::start(config(1, 5));
    let servers = Servers::new();
    let refused = servers.optionfleet(["scan", "--market", market.url()]).run().expect_code(2);
    assert!(refused.stderr.contains("beside real ones"), "{}", refused.stderr);
    assert!(servers.watcher().scan().is_none(), "something was stored all the same");
}
