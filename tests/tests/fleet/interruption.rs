//! Ctrl-C hands the work back and says how to go on; a second launch of a running scan says who holds it; a database
//! of a newer version is left alone.

use std::time::{Duration, Instant};

use fleet_market::MarketConfig;
use fleet_tests::fleet::World;
use fleet_tests::market::{Market, config};
use fleet_tests::wait::wait_until;

const PATIENCE: Duration = Duration::from_secs(60);
/// What the first Ctrl-C may take.
const HANDS_BACK_WITHIN: Duration = Duration::from_secs(10);

fn slow_market(latency_ms: u64) -> Market {
    Market::start(MarketConfig { latency: Duration::from_millis(latency_ms), ..config(4, 24) })
}

#[test]
fn ctrl_c_prints_what_there_is_and_the_command_that_goes_on() {
    let world = World::new();
    let market = slow_market(300);
    let scan = world.scan(&market, ["--slot", "1030", "--format", "json"]).spawn();
    wait_until("the scan asks for chains", PATIENCE, || (market.requests() >= 8).then_some(()));
    let began = Instant::now();
    scan.signal("INT");
    let ran = scan.wait(PATIENCE).expect_code(130);
    assert!(began.elapsed() < HANDS_BACK_WITHIN, "it took {:?}", began.elapsed());
    let json = ran.json();
    assert_eq!(json["completion"], "partial");
    let id = json["scan"].as_str().expect("a scan id");
    let command = ran.stderr.lines().find(|line| line.contains("--resume")).unwrap_or_else(|| {
        panic!("no command to go on with: {}", ran.stderr);
    });
    assert!(command.contains(id), "{command}");

    let resumed = world.scan(&market, ["--resume", id, "--format", "json"]).run().expect_code(0).json();
    assert_eq!(resumed["completion"], "complete");
    assert_eq!(resumed["tickers"]["missing"], 0);
}

#[test]
fn a_closed_terminal_is_an_interruption_too() {
    let world = World::new();
    let market = slow_market(300);
    let scan = world.scan(&market, ["--slot", "1030", "--format", "json"]).spawn();
    wait_until("the scan asks for chains", PATIENCE, || (market.requests() >= 8).then_some(()));
    scan.signal("HUP");
    let ran = scan.wait(PATIENCE).expect_code(130);
    assert_eq!(ran.json()["completion"], "partial");
}

#[test]
fn a_scan_to_which_nobody_listens_ends_as_any_other() {
    let world = World::new();
    let market = slow_market(0);
    let scan =
        world.scan(&market, ["--slot", "1030", "--format", "json", "--gateways"]).env("OPTIONFLEET_LOG", "debug");
    let ran = scan.unheard().run().expect_code(0);
    assert_eq!(ran.json()["completion"], "complete");
}

#[test]
fn an_unfinished_scan_is_not_gone_on_with_once_the_markets_clock_moved_on() {
    let world = World::new();
    let market = slow_market(300);
    let scan = world.scan(&market, ["--slot", "1030", "--format", "json"]).spawn();
    wait_until("the scan asks for chains", PATIENCE, || (market.requests() >= 8).then_some(()));
    scan.signal("INT");
    let id = scan.wait(PATIENCE).expect_code(130).json()["scan"].as_str().expect("a scan id").to_owned();
    let _ = market.advance(0, 30);
    for again in [["--resume", &id], ["--slot", "1030"]] {
        let refused = world.scan(&market, again).run().expect_code(2);
        assert!(
            refused.stderr.contains(&format!("the market's clock moved on since {id} began")),
            "{}",
            refused.stderr
        );
        assert_eq!(refused.stdout, "");
    }
}

#[test]
fn a_second_launch_of_a_running_scan_exits_5_and_names_the_holder() {
    let world = World::new();
    let market = slow_market(3_000);
    let first = world.scan(&market, ["--slot", "1030"]).spawn();
    wait_until("the first scan has a store", PATIENCE, || (market.requests() >= 1).then_some(()));
    let second = world.scan(&market, ["--slot", "1030"]).patience(PATIENCE).run().expect_code(5);
    assert!(second.stderr.contains(&first.pid().to_string()), "the holder is not named: {}", second.stderr);
    assert_eq!(second.stdout, "");
    let _ = first.kill();
}

#[test]
fn a_database_of_a_newer_version_is_refused_and_left_alone() {
    let world = World::new();
    let market = Market::start(config(1, 2));
    let _ = world.scan(&market, ["--slot", "1030"]).run().expect_code(0);
    // SQLite keeps `user_version` in bytes 60 to 63 of its file.
    let mut bytes = std::fs::read(world.store_path()).expect("the store is there");
    bytes[60..64].copy_from_slice(&9_999_u32.to_be_bytes());
    let _ = world.write("store.db", &bytes);
    for rest in ["store.db-wal", "store.db-shm"] {
        // Only there while a connection is.
        let _ = std::fs::remove_file(world.file(rest));
    }
    let ran = world.scan(&market, ["--slot", "1031"]).run().expect_code(1);
    assert!(ran.stderr.contains("newer"), "{}", ran.stderr);
    assert_eq!(std::fs::read(world.store_path()).expect("it is still there"), bytes);
}
