//! Scans of the simulated market through gateways, over the real SDK, against an emulator of AWS that really forwards.
//! `scripts/aws-emulator` starts it and runs this; without it each test says that it was skipped.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use fleet_gateways::aws::{Aws, AwsSettings};
use fleet_gateways::provider::GatewayProvider;
use fleet_gateways::region::Region;
use fleet_gateways::resource::ResourceKind;
use fleet_tests::fleet::World;
use fleet_tests::market::{Market, config};
use fleet_tests::program::Invocation;
use fleet_tests::servers::Servers;
use serde_json::Value;

use crate::judged;

/// Where the emulator listens.
const ENDPOINT: &str = "OPTIONFLEET_TEST_AWS_ENDPOINT";
const REGIONS: [&str; 3] = ["us-east-1", "us-west-2", "eu-central-1"];
/// An emulator forwards some tens of requests a second.
const PATIENCE: Duration = Duration::from_secs(420);

struct Emulator {
    url: String,
    runtime: tokio::runtime::Runtime,
    aws: Aws,
}

impl Emulator {
    /// `None`, and a loud word, where there is none.
    fn find() -> Option<Self> {
        let Ok(url) = std::env::var(ENDPOINT) else {
            eprintln!("SKIPPED: {ENDPOINT} is not set; scripts/aws-emulator runs this");
            return None;
        };
        let runtime = tokio::runtime::Runtime::new().expect("a runtime can be built");
        let settings = AwsSettings { endpoint_url: Some(url.clone()), ..AwsSettings::default() };
        let aws = runtime.block_on(Aws::connect(settings)).expect("the emulator's credentials are found");
        let emulator = Self { url, runtime, aws };
        assert_eq!(emulator.things(), Vec::<String>::new(), "the emulator is empty at first");
        Some(emulator)
    }

    /// Everything in the three Regions, whosever it is.
    fn things(&self) -> Vec<String> {
        let mut all = Vec::new();
        for code in REGIONS {
            let region = Region::parse(code).expect("a Region");
            for kind in ResourceKind::ALL {
                let page = self.runtime.block_on(self.aws.list(&region, kind, None)).expect("the emulator lists");
                all.extend(page.items.iter().map(|item| item.at.to_string()));
            }
        }
        all
    }

    /// A program that finds the emulator where it looks for AWS.
    fn with(&self, invocation: Invocation) -> Invocation {
        let regions = format!("[{}]", REGIONS.map(|code| format!("\"{code}\"")).join(", "));
        invocation
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("OPTIONFLEET_GATEWAYS__AWS_ENDPOINT_URL", self.url.as_str())
            .env("OPTIONFLEET_GATEWAYS__REGIONS", regions)
            .env("OPTIONFLEET_GATEWAYS__TEST_URL", "\"\"")
            .patience(PATIENCE)
    }
}

/// Every line of the market's log about a vendor: path, and header by name.
fn vendor_requests(log: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(log).expect("the market logs");
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("a log line is JSON"));
    lines.filter(|line| !line["vendor"].is_null()).collect()
}

/// Every request came through a gateway, over all of them, as one browser or another, and tells nothing of us.
fn assert_through_gateways(log: &Path) {
    let requests = vendor_requests(log);
    assert!(requests.len() > 20, "{} requests", requests.len());
    let mut gateways = BTreeSet::new();
    for request in &requests {
        let headers = request["headers"].as_object().expect("headers");
        let header = |name: &str| headers.get(name).and_then(Value::as_str).unwrap_or_default();
        let path = &request["path"];
        let gateway = header("x-amzn-apigateway-api-id");
        assert!(!gateway.is_empty(), "{path} came directly: {headers:?}");
        gateways.insert(gateway.to_owned());
        assert_eq!(header("x-api-key"), "-", "the key of {path}");
        assert_eq!(header("x-forwarded-for"), "-", "the client's address of {path}");
        for (name, value) in headers {
            let text = value.as_str().unwrap_or_default();
            // The market itself is 127.0.0.1, and `host` names it.
            let address = name != "host" && name != "origin" && name != "referer" && text.contains("127.0.0.1");
            assert!(!address, "{path} tells an address: {name}: {text}");
        }
        let agent = header("user-agent");
        assert!(agent.starts_with("Mozilla/5.0 ("), "{path} came as {agent:?}");
        let chromium = agent.contains("Chrome/");
        assert_eq!(
            header("sec-ch-ua").is_empty(),
            !chromium,
            "{path}: {agent} with sec-ch-ua {:?}",
            header("sec-ch-ua")
        );
        if let Some(major) = agent.split("Chrome/").nth(1).and_then(|rest| rest.split('.').next()) {
            assert!(
                header("sec-ch-ua").contains(&format!("v=\"{major}\"")),
                "{path}: {agent}: {}",
                header("sec-ch-ua")
            );
        }
    }
    assert_eq!(gateways.len(), REGIONS.len(), "{gateways:?}");
    eprintln!("{} requests, all through {} gateways", requests.len(), gateways.len());
}

#[test]
fn a_scan_on_one_machine_asks_through_three_regions_and_leaves_nothing() {
    let Some(emulator) = Emulator::find() else { return };
    let world = World::new();
    let market = Market::logged(config(3, 12), world.path());
    let scan = world.scan(&market, ["--gateways", "--slot", "1030", "--format", "json"]);
    let ran = emulator.with(scan).run().expect_code(0);
    eprintln!("{}", ran.stderr);
    let log = world.file("requests.jsonl");
    assert_through_gateways(&log);
    assert_eq!(emulator.things(), Vec::<String>::new(), "left behind");

    // The same scan without gateways finds the same.
    let direct = World::new();
    let plain = direct.scan(&market, ["--slot", "1030", "--format", "json"]).run().expect_code(0);
    let (through, plain) = (ran.json(), plain.json());
    assert!(!judged(&through).is_empty(), "no candidate to compare");
    assert_eq!(judged(&through), judged(&plain));
}

#[test]
fn a_fleets_workers_ask_through_three_regions_too() {
    let Some(emulator) = Emulator::find() else { return };
    let servers = Servers::new();
    let market = Market::logged(config(4, 12), servers.world.path());
    let _workers = ["w1", "w2"].map(|name| servers.worker(name, 4));
    let ran = emulator.with(servers.scan(&market, ["--gateways", "--slot", "1030"])).run().expect_code(0);
    eprintln!("{}", ran.stderr);
    assert_through_gateways(&servers.world.file("requests.jsonl"));
    assert_eq!(emulator.things(), Vec::<String>::new(), "left behind");
}

#[test]
fn gateways_that_are_kept_warm_are_used_again_and_go_when_told() {
    let Some(emulator) = Emulator::find() else { return };
    let world = World::new();
    let market = Market::logged(config(5, 3), world.path());
    let scan = |slot: &str| {
        let scan = emulator.with(world.scan(&market, ["--gateways", "--slot", slot]));
        scan.env("OPTIONFLEET_GATEWAYS__KEEP_WARM", "2h").run().expect_code(0)
    };
    let _ = scan("1030");
    let kept = emulator.things();
    assert_eq!(kept.len(), 9, "an API, a plan and a key in each Region: {kept:?}");
    let again = scan("1031");
    assert!(again.stderr.contains("are used again"), "{}", again.stderr);
    assert_eq!(emulator.things(), kept);
    // A scan of the same name with another store, on another machine say, is no business of theirs.
    let elsewhere = World::new();
    let other = emulator.with(elsewhere.scan(&market, ["--gateways", "--slot", "1030"])).run().expect_code(0);
    assert_eq!(emulator.things(), kept, "{}", other.stderr);
    let down = emulator.with(world.with_store(["gateways", "down"])).run().expect_code(0);
    assert_eq!(emulator.things(), Vec::<String>::new(), "left behind: {}", down.stderr);
}

#[test]
fn a_scan_that_is_killed_at_any_moment_leaves_nothing_that_cleanup_does_not_find() {
    let Some(emulator) = Emulator::find() else { return };
    let began = |world: &World, market: &Market| {
        (Instant::now(), emulator.with(world.scan(market, ["--gateways", "--slot", "1030"])).spawn())
    };
    // How long an undisturbed one takes, at best.
    let market = Market::start(config(6, 4));
    let whole = (0..2).map(|_| {
        let world = World::new();
        let (at, scan) = began(&world, &market);
        let _ = scan.wait(PATIENCE).expect_code(0);
        at.elapsed().as_secs_f64()
    });
    let whole = whole.fold(f64::INFINITY, f64::min);
    let mut really_left = 0;
    // Seeded moments: four of ten while gateways are made, three while they are deleted, three between.
    let mut state = 0x9e37_79b9_u64;
    for (round, (from, to)) in [
        (0.0, 0.3),
        (0.0, 0.3),
        (0.0, 0.3),
        (0.0, 0.3),
        (0.3, 0.7),
        (0.3, 0.7),
        (0.3, 0.7),
        (0.75, 0.95),
        (0.75, 0.95),
        (0.75, 0.95),
    ]
    .into_iter()
    .enumerate()
    {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let share = (state >> 33) as f64 / f64::from(1_u32 << 31);
        let moment = Duration::from_secs_f64(whole * (from + (to - from) * share));
        let world = World::new();
        let (_, mut scan) = began(&world, &market);
        std::thread::sleep(moment);
        let ended = scan.has_ended();
        let said = scan.kill();
        // A call that was on its way may take effect yet.
        std::thread::sleep(Duration::from_secs(1));
        let left = emulator.things().len();
        really_left += u32::from(!ended && left > 0);
        let cleanup = emulator.with(world.with_store(["cleanup", "--yes"]));
        let ran = REGIONS.iter().fold(cleanup, |run, code| run.args(["--region", *code])).run().expect_code(0);
        eprintln!("killed after {moment:?} (ended: {ended}): {left} things left\n{}{}", said.stderr, ran.stderr);
        assert_eq!(emulator.things(), Vec::<String>::new(), "round {round}: left behind: {}", ran.stderr);
    }
    // Or the moments were none at which anything could be left.
    assert!(really_left >= 3, "only {really_left} of ten kills left anything behind");
}

/// Answers every request with an address, as those do who tell people theirs.
fn tells_addresses() -> String {
    use std::io::{Read as _, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { break };
            let mut head = [0; 4096];
            // Who goes away in between gets no answer.
            if stream.read(&mut head).is_ok() {
                let _ = stream
                    .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 12\r\nconnection: close\r\n\r\n203.0.113.7\n");
            }
        }
    });
    url
}

#[test]
fn gateways_are_brought_up_tried_listed_and_taken_down_by_hand() {
    let Some(emulator) = Emulator::find() else { return };
    let world = World::new();
    let told = tells_addresses();
    let run = |words: &[&str], code| {
        let ran =
            emulator.with(world.with_store(words.iter().copied())).env("OPTIONFLEET_GATEWAYS__TEST_URL", told.as_str());
        ran.run().expect_code(code)
    };
    let _ = run(&["gateways", "test"], 1);
    let up = run(&["gateways", "up", "--keep", "1h"], 0);
    let mut names: Vec<&str> = up.stdout.lines().collect();
    names.sort_unstable();
    assert_eq!(names, ["eu-central-1", "us-east-1", "us-west-2"]);
    let tried = run(&["gateways", "test", "--format", "json"], 0).json();
    let tried = tried["gateways"].as_array().expect("gateways").clone();
    assert_eq!(tried.len(), 3);
    for gateway in &tried {
        assert_eq!((&gateway["status"], &gateway["address"]), (&200.into(), &"203.0.113.7".into()), "{gateway}");
    }
    let listed = run(&["gateways", "list", "--format", "json"], 0).json();
    let things = listed["things"].as_array().expect("things").clone();
    assert_eq!(things.len(), 9, "{listed}");
    assert!(things.iter().all(|thing| thing["orphan"] == false), "{listed}");
    // Kept for the next scan: that is no orphan.
    let _ = run(&["cleanup", "--yes"], 0);
    assert_eq!(emulator.things().len(), 9);
    let _ = run(&["gateways", "down"], 0);
    assert_eq!(emulator.things(), Vec::<String>::new(), "left behind");
}
