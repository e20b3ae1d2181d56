//! The faulty tickers: each is wrong in one known way, and each is accounted for in the way the golden file says.

use std::collections::{BTreeMap, BTreeSet};

use fleet_core::domain::{Answer, Finding, NearMiss, Outcome, ScanId, SkipReason, StoredOutcome};
use fleet_core::seams::Scans;
use fleet_engines::sqlite::SqliteStore;
use fleet_market::MarketConfig;
use fleet_tests::fleet::World;
use fleet_tests::market::{Market, config};
use fleet_tests::recordings::repository;

const FAULTY: [&str; 19] = [
    "OKAY", "EMPTY", "WIDE", "CROSS", "BRK.B", "DUPE", "FLAP", "SOFT", "LIMIT", "CUT", "GONE", "HUGE", "YOUNG", "HALT",
    "NEGTV", "SHAPE", "HTML", "BLOCK", "STALE",
];

/// Outcome and reason in stable words. Of a chain that was analysed the reason is its funnel.
fn told(outcome: &StoredOutcome) -> (String, String) {
    match &outcome.outcome {
        Outcome::Failed { reason, .. } => ("failed".to_owned(), reason.word.clone()),
        Outcome::Poison { .. } => ("poison".to_owned(), String::new()),
        Outcome::Sealed => ("sealed".to_owned(), String::new()),
        Outcome::Found(finding) => match &finding.answer {
            Answer::Skipped(reason) => {
                let word = match reason {
                    SkipReason::NoOptions => "no_options",
                    SkipReason::StaleQuotes { .. } => "stale_quotes",
                    SkipReason::UndatedQuotes => "undated_quotes",
                    SkipReason::SpotGap { .. } => "spot_gap",
                    SkipReason::UnderlyingPreGate { .. } => "underlying_pre_gate",
                    SkipReason::ThinUnderlying { .. } => "thin_underlying",
                };
                ("skipped".to_owned(), word.to_owned())
            }
            Answer::Analysed => {
                let places: Vec<String> = finding.funnel.0.iter().map(|(place, n)| format!("{place}={n}")).collect();
                let outcome = if finding.not_served.is_empty() { "found" } else { "partial" };
                (outcome.to_owned(), format!("{}{}", places.join(" "), missed_by_all(finding)))
            }
        },
    }
}

/// Checks that every near miss missed: what kept the whole ticker from firing.
fn missed_by_all(finding: &Finding) -> String {
    let missed = |miss: &NearMiss| miss.missed.iter().map(|check| check.name.to_string()).collect::<BTreeSet<_>>();
    let all = finding.near_misses.iter().map(missed).reduce(|a, b| a.intersection(&b).cloned().collect());
    let names: Vec<String> = all.unwrap_or_default().into_iter().collect();
    if names.is_empty() { String::new() } else { format!(", all missed {}", names.join(" ")) }
}

#[test]
fn each_faulty_ticker_is_accounted_for_as_the_golden_file_says() {
    let world = World::new();
    let market = Market::start(MarketConfig { faults: true, ..config(1, 5) });
    // Without the pre-gate, so that the funnel of every chain is seen.
    let file = world.write("optionfleet.toml", "[strategies.oversold_call]\nmax_underlying_rsi = 100.0\n");
    let tickers = FAULTY.join(",");
    let command = world.scan(&market, ["--format", "json", "--tickers", &tickers, "--config"]).args([file]);
    let ran = command.run().expect_code(3);
    let json = ran.json();
    let scan = ScanId::parse(json["scan"].as_str().expect("a scan id")).expect("a scan id");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be built");
    let outcomes = runtime.block_on(async {
        let store = SqliteStore::open(&world.store_path()).expect("the store opens");
        store.outcomes(&scan, 0..u32::MAX).await.expect("the store answers")
    });
    let by_ticker: BTreeMap<&str, (String, String)> =
        outcomes.iter().map(|outcome| (outcome.ticker.as_str(), told(outcome))).collect();
    let mut got = String::from("ticker\toutcome\treason\n");
    for ticker in FAULTY {
        let (outcome, reason) = by_ticker.get(ticker).unwrap_or_else(|| panic!("{ticker} is not accounted for"));
        got.push_str(&format!("{ticker}\t{outcome}\t{reason}\n"));
    }
    let golden = repository().join("tests/golden/faulty.tsv");
    let expected = std::fs::read_to_string(&golden).unwrap_or_default();
    assert!(got == expected, "{} says\n{expected}\nthe scan says\n{got}", golden.display());

    // Only real failures are listed under exit 3.
    let failed: Vec<&str> =
        by_ticker.iter().filter(|(_, told)| told.0 == "failed").map(|(ticker, _)| *ticker).collect();
    let listed = json["failed"].as_array().expect("the failed tickers");
    let mut listed: Vec<&str> = listed.iter().map(|f| f["ticker"].as_str().expect("a ticker")).collect();
    listed.sort_unstable();
    assert_eq!(listed, failed);
}
