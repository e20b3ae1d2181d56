//! Scans through simulated gateways: every request through one, the same answer, nothing left; and what is said where there
//! is no AWS.

use std::collections::BTreeSet;
use std::time::Duration;

use fleet_tests::fleet::World;
use fleet_tests::market::{Market, config};
use fleet_tests::servers::Servers;
use serde_json::Value;

use crate::judged;

const THREE: &str = "[\"us-east-1\", \"us-west-2\", \"eu-west-1\"]";

/// The market's log of requests to vendors, with their headers.
fn vendor_requests(world: &World) -> Vec<Value> {
    let text = std::fs::read_to_string(world.file("requests.jsonl")).expect("the market logs");
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("a log line is JSON"));
    lines.filter(|line| !line["vendor"].is_null()).collect()
}

/// Each came through a gateway, and tells neither key nor address of ours; answers how many gateways there were.
fn gateways_of(requests: &[Value]) -> usize {
    let mut gateways = BTreeSet::new();
    for request in requests {
        let header = |name: &str| request["headers"][name].as_str().unwrap_or_default().to_owned();
        let gateway = header("x-amzn-apigateway-api-id");
        assert!(!gateway.is_empty(), "it came directly: {request}");
        assert_eq!((header("x-api-key").as_str(), header("x-forwarded-for").as_str()), ("-", "-"), "{request}");
        gateways.insert(gateway);
    }
    gateways.len()
}

#[test]
fn a_scan_through_gateways_finds_the_same_and_asks_nobody_directly() {
    let world = World::new();
    let market = Market::logged(config(3, 20), world.path());
    let args = ["--slot", "1030", "--format", "json"];
    let through = world.scan(&market, ["--gateways"]).args(args).env("OPTIONFLEET_GATEWAYS__REGIONS", THREE);
    let through = through.run().expect_code(0);
    let requests = vendor_requests(&world);
    assert!(requests.len() > 40, "{} requests", requests.len());
    assert_eq!(gateways_of(&requests), 3);
    for said in [
        "bringing up gateways in 3 Regions",
        "3 gateways are up",
        // They refuse their key at first, as AWS' own do.
        "3 gateways do not answer yet",
        "gateways are gone: 9 things deleted",
    ] {
        assert!(through.stderr.contains(said), "{said:?} is not in\n{}", through.stderr);
    }

    let direct = World::new();
    let direct = direct.scan(&market, args).run().expect_code(0).json();
    let through = through.json();
    assert!(!judged(&through).is_empty(), "no candidate to compare");
    assert_eq!(judged(&through), judged(&direct));
}

#[test]
fn workers_of_a_fleet_ask_through_the_coordinators_gateways() {
    let servers = Servers::new();
    let market = Market::logged(config(4, 20), servers.world.path());
    let _workers = ["w1", "w2"].map(|name| servers.worker(name, 4));
    let scan = servers.scan(&market, ["--gateways", "--slot", "1030"]).env("OPTIONFLEET_GATEWAYS__REGIONS", THREE);
    let _ = scan.run().expect_code(0);
    assert_eq!(gateways_of(&vendor_requests(&servers.world)), 3);
}

/// cron launches a slot every five minutes, whether its scan still runs or not.
#[test]
fn a_second_launch_of_a_running_scan_makes_no_gateways_and_takes_none() {
    let world = World::new();
    let market = Market::logged(config(3, 40), world.path());
    let scan = |per_sec: &str| {
        let slow = world.with_store(["scan", "--market", market.url(), "--gateways", "--slot", "1030"]);
        slow.env("OPTIONFLEET_GATEWAYS__REGIONS", THREE).env("OPTIONFLEET_VENDORS__CBOE__TOTAL_PER_SEC", per_sec)
    };
    let running = scan("1").spawn();
    let deadline = std::time::Instant::now() + Duration::from_secs(60);
    while vendor_requests(&world).len() < 5 {
        assert!(std::time::Instant::now() < deadline, "the scan asks nobody");
        std::thread::sleep(Duration::from_millis(50));
    }
    let second = scan("1").run().expect_code(5);
    assert!(!second.stderr.contains("bringing up gateways"), "{}", second.stderr);
    let ran = running.wait(Duration::from_secs(120)).expect_code(0);
    assert!(ran.stderr.contains("gateways are gone: 9 things deleted"), "{}", ran.stderr);
    assert_eq!(gateways_of(&vendor_requests(&world)), 3, "those of the launch that runs");
}

/// A plan makes no gateways, so the screener is asked from here.
#[test]
fn a_plan_reads_the_universe_and_says_what_gateways_would_buy() {
    let world = World::new();
    let market = Market::logged(config(3, 20), world.path());
    let plan = |regions: &str| {
        let scan = world.with_store(["scan", "--market", market.url(), "--gateways", "--dry-run"]);
        let limited = scan.env("OPTIONFLEET_VENDORS__CBOE__PER_ADDRESS_PER_SEC", "2");
        let limited = limited.env("OPTIONFLEET_VENDORS__CBOE__TOTAL_PER_SEC", "100");
        limited.env("OPTIONFLEET_GATEWAYS__REGIONS", regions).run().expect_code(0)
    };
    let three = plan(THREE);
    for said in ["20 at 6/s", "3 addresses: us-east-1 us-west-2 eu-west-1"] {
        assert!(three.stdout.contains(said), "{said:?} is not in\n{}", three.stdout);
    }
    assert!(!three.stderr.contains("bringing up"), "{}", three.stderr);
    let all = plan("[]");
    assert!(!all.stdout.contains("inf") && all.stdout.contains("34 addresses"), "{}", all.stdout);
}

#[test]
fn an_interrupted_scan_takes_its_gateways_down_and_its_next_launch_gets_others() {
    let world = World::new();
    let market = Market::logged(config(3, 40), world.path());
    let scan = || {
        let slow = world.with_store(["scan", "--market", market.url(), "--gateways", "--slot", "1030"]);
        slow.env("OPTIONFLEET_GATEWAYS__REGIONS", THREE).env("OPTIONFLEET_VENDORS__CBOE__TOTAL_PER_SEC", "8")
    };
    let running = scan().spawn();
    let deadline = std::time::Instant::now() + Duration::from_secs(60);
    while vendor_requests(&world).len() < 10 {
        assert!(std::time::Instant::now() < deadline, "the scan asks nobody");
        std::thread::sleep(Duration::from_millis(50));
    }
    running.signal("INT");
    let ran = running.wait(Duration::from_secs(60)).expect_code(130);
    assert!(ran.stderr.contains("gateways are gone: 9 things deleted"), "{}", ran.stderr);
    let ran = scan().run().expect_code(0);
    assert!(ran.stderr.contains("gateways are gone: 9 things deleted"), "{}", ran.stderr);
    assert_eq!(gateways_of(&vendor_requests(&world)), 6, "three each time");
}

#[test]
fn without_credentials_nothing_is_made_and_the_sentence_says_what_to_do() {
    let world = World::new();
    let market = Market::start(config(3, 2));
    for words in [
        vec!["gateways", "up"],
        vec!["gateways", "test"],
        vec!["cleanup", "--yes"],
        vec!["scan", "--market", market.url(), "--gateways", "--tickers", "AAPL"],
    ] {
        let ran = world.with_store(words.iter().copied()).env("AWS_EC2_METADATA_DISABLED", "true");
        // An address that nobody listens at, so that no mistake could reach AWS.
        let ran = ran.env("OPTIONFLEET_GATEWAYS__AWS_ENDPOINT_URL", "http://127.0.0.1:9").run().expect_code(2);
        assert!(ran.stderr.contains("there are no AWS credentials"), "{words:?}: {}", ran.stderr);
        assert!(ran.stderr.contains("AWS_ACCESS_KEY_ID"), "{words:?}: {}", ran.stderr);
    }
    assert_eq!(market.requests(), 0, "a vendor was asked");
}

#[test]
fn gateways_of_aws_are_not_made_for_a_market_on_this_machine() {
    let world = World::new();
    let market = Market::start(config(3, 2));
    let scan = world.with_store(["scan", "--market", market.url(), "--gateways", "--tickers", "AAPL"]);
    let ran = scan.env("OPTIONFLEET_GATEWAYS__PROVIDER", "aws").run().expect_code(2);
    assert!(ran.stderr.contains("cannot reach http://127.0.0.1:"), "{}", ran.stderr);
}
