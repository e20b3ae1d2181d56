//! `optionfleet demo`: what the README promises of it, on twenty seeds, with no network and no certificates.

use std::collections::BTreeSet;

use fleet_tests::fleet::World;
use fleet_tests::program::Invocation;
use serde_json::Value;

const SEEDS: std::ops::RangeInclusive<u64> = 1..=20;

fn demo(world: &World, seed: u64) -> Invocation {
    world.with_store(["demo", "--seed"]).args([seed.to_string()])
}

fn symbols(json: &Value) -> BTreeSet<String> {
    let candidates = json["candidates"].as_array().unwrap_or_else(|| panic!("no candidates in {json:.400}"));
    candidates.iter().map(|candidate| candidate["symbol"].as_str().expect("a symbol").to_owned()).collect()
}

/// Counts of the funnel add up to the contracts that were served.
fn check_funnel(json: &Value) {
    let places = json["funnel"]["places"].as_object().expect("places");
    let sum: u64 = places.values().map(|n| n.as_u64().expect("a count")).sum();
    assert!(sum > 10_000, "a funnel of only {sum} contracts");
    assert_eq!(Some(sum), json["funnel"]["total"].as_u64(), "the funnel does not add up");
    let tickers = &json["tickers"];
    assert_eq!(tickers["total"], 60);
    let fates = ["analysed", "skipped"].map(|fate| tickers[fate].as_u64().expect("a count"));
    assert_eq!(fates.iter().sum::<u64>(), 60, "{tickers}");
}

#[test]
fn twenty_seeds_give_candidates_and_each_its_own() {
    let mut seen = BTreeSet::new();
    for seed in SEEDS {
        let world = World::new();
        let json = demo(&world, seed).args(["--format", "json"]).run().expect_code(0).json();
        let symbols = symbols(&json);
        assert!(!symbols.is_empty(), "seed {seed} has no candidate");
        check_funnel(&json);
        assert!(seen.insert(symbols), "seed {seed} repeats another seed's candidates");
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes_whatever_the_seed_before() {
    let table = |seed| demo(&World::new(), seed).run().expect_code(0).stdout;
    let (first, other, again) = (table(7), table(8), table(7));
    assert_ne!(first, other);
    assert!(first == again, "the same seed gave two tables:\n{first}\n{again}");
    for line in first.lines() {
        assert!(line.chars().count() <= 100, "wider than 100 columns: {line}");
    }
}

#[test]
fn no_network_and_no_certificates_are_needed() {
    let world = World::new();
    // Nothing listens on port 9; whoever obeyed these could not even reach the market on loopback.
    let dead = "http://127.0.0.1:9";
    let mut demo = demo(&world, 1).env("SSL_CERT_FILE", "/nonexistent").env("SSL_CERT_DIR", "/nonexistent");
    for name in ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
        demo = demo.env(name, dead);
    }
    let ran = demo.run().expect_code(0);
    assert!(ran.stdout.contains("candidate"), "{}", ran.stdout);
}

#[test]
fn faults_are_listed_with_exit_3() {
    let world = World::new();
    let ran = demo(&world, 1).args(["--faults"]).run().expect_code(3);
    for failed in ["GONE", "BLOCK", "SHAPE"] {
        assert!(ran.stdout.contains(failed), "{failed} is not listed:\n{}", ran.stdout);
    }
}
