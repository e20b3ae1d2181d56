//! Which crate may use which (DESIGN 2): the words know no engine, the engines no vendor, and nothing knows the tests.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use fleet_tests::recordings::repository;
use serde_json::Value;

/// What each crate may use of ours.
const MAY_USE: [(&str, &[&str]); 13] = [
    ("fleet-core", &[]),
    ("fleet-analysis", &["fleet-core", "fleet-pricing", "fleet-indicators"]),
    ("fleet-pricing", &[]),
    ("fleet-indicators", &[]),
    ("fleet-engines", &["fleet-core"]),
    ("fleet-scraper", &["fleet-core"]),
    ("fleet-market", &["fleet-core", "fleet-analysis", "fleet-scraper"]),
    ("fleet-gateways", &["fleet-core"]),
    ("fleet-telemetry", &[]),
    ("fleet-servers", &[]),
    ("fleet-worker", &["fleet-core", "fleet-analysis", "fleet-engines", "fleet-scraper", "fleet-telemetry"]),
    (
        "fleet-coordinator",
        &[
            "fleet-core",
            "fleet-analysis",
            "fleet-indicators",
            "fleet-pricing",
            "fleet-engines",
            "fleet-scraper",
            "fleet-telemetry",
            "fleet-worker",
            "fleet-market",
            "fleet-gateways",
        ],
    ),
    (
        "fleet-tests",
        &[
            "fleet-core",
            "fleet-analysis",
            "fleet-pricing",
            "fleet-engines",
            "fleet-scraper",
            "fleet-worker",
            "fleet-market",
            "fleet-coordinator",
            "fleet-gateways",
            "fleet-servers",
        ],
    ),
];

/// Libraries with their places (the tests may use any).
const PLACES: [(&str, &[&str]); 10] = [
    ("aws-config", &["fleet-gateways"]),
    ("aws-sdk-sts", &["fleet-gateways"]),
    ("aws-smithy-http-client", &["fleet-gateways"]),
    ("aws-sdk-apigateway", &["fleet-gateways"]),
    ("reqwest", &["fleet-scraper"]),
    ("governor", &["fleet-scraper", "fleet-gateways"]),
    ("scraper", &["fleet-scraper"]),
    ("async-nats", &["fleet-engines"]),
    ("redis", &["fleet-engines"]),
    ("rusqlite", &["fleet-engines"]),
];

/// Anything that could open a socket, keep time or start a thread pool.
const NOT_IN_THE_PURE_CORE: [&str; 12] = [
    "tokio", "mio", "socket2", "hyper", "reqwest", "axum", "rustls", "ractor", "rusqlite", "tracing", "rand",
    "governor",
];

fn cargo(args: &[&str]) -> String {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let out = Command::new(cargo).args(args).current_dir(repository()).output().expect("cargo can be run");
    assert!(out.status.success(), "cargo {args:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).expect("cargo writes UTF-8")
}

/// Every package of the workspace with the names of its dependencies by kind (`normal`, `dev`, `build`).
fn packages() -> BTreeMap<String, BTreeMap<String, BTreeSet<String>>> {
    let metadata: Value =
        serde_json::from_str(&cargo(&["metadata", "--format-version", "1", "--no-deps", "--offline", "--locked"]))
            .expect("cargo metadata is JSON");
    let mut packages = BTreeMap::new();
    for package in metadata["packages"].as_array().expect("packages") {
        let mut kinds: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for dependency in package["dependencies"].as_array().expect("dependencies") {
            let kind = dependency["kind"].as_str().unwrap_or("normal").to_owned();
            kinds.entry(kind).or_default().insert(dependency["name"].as_str().expect("a name").to_owned());
        }
        packages.insert(package["name"].as_str().expect("a name").to_owned(), kinds);
    }
    packages
}

#[test]
fn each_crate_uses_only_what_it_may() {
    let packages = packages();
    let expected: BTreeSet<&str> = MAY_USE.iter().map(|(name, _)| *name).collect();
    assert_eq!(packages.keys().map(String::as_str).collect::<BTreeSet<_>>(), expected, "members of the workspace");
    for (name, may) in MAY_USE {
        for (kind, used) in &packages[name] {
            for ours in used.iter().filter(|used| expected.contains(used.as_str())) {
                assert!(ours != "fleet-tests", "{name} uses the tests");
                // A crate's own tests may reach further; what it ships may not.
                assert!(kind == "dev" || may.contains(&ours.as_str()), "{name} may not use {ours}");
            }
        }
    }
}

#[test]
fn each_library_with_places_stays_there() {
    for (name, kinds) in packages() {
        for (library, places) in PLACES {
            let used = kinds.iter().any(|(kind, used)| kind != "dev" && used.contains(library));
            let may = places.contains(&name.as_str()) || name == "fleet-tests";
            assert!(!used || may, "{name} uses {library}, which belongs to {places:?}");
        }
    }
}

#[test]
fn the_pure_core_reaches_nothing_with_a_socket() {
    for (name, known) in [("fleet-core", "serde"), ("fleet-analysis", "serde"), ("fleet-indicators", "ta-lib")] {
        let tree = cargo(&["tree", "-p", name, "-e", "normal", "--prefix", "none", "--offline", "--locked"]);
        let reached: BTreeSet<&str> = tree.lines().filter_map(|line| line.split_whitespace().next()).collect();
        assert!(reached.contains(known), "the tree of {name} was not read: {tree}");
        for library in NOT_IN_THE_PURE_CORE {
            assert!(!reached.contains(library), "{name} reaches {library}");
        }
    }
}
