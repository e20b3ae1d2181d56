//! IV rank and percentile over a store's own sessions, session after session. The IV30 of each session is the product's
//! (`compare` holds it to the raw bodies); the rest is recomputed here.

use std::collections::BTreeMap;

use fleet_core::domain::ScanId;
use fleet_core::seams::Scans;
use fleet_engines::sqlite::SqliteStore;
use fleet_tests::fleet::World;
use fleet_tests::market::{Market, config};

const SEED: u64 = 3;
const TICKERS: u32 = 2;
/// One more than the least that have a rank; the simulated market has no more ahead of it.
const SESSIONS: usize = 31;
const LEAST: usize = 30;

/// Rank and percentile of the last of a series, which is today's.
pub fn place(series: &[Option<f64>]) -> (Option<f64>, Option<f64>) {
    let Some(Some(today)) = series.last().copied() else { return (None, None) };
    let known: Vec<f64> = series.iter().copied().flatten().collect();
    if known.len() < LEAST {
        return (None, None);
    }
    let low = known.iter().copied().fold(f64::INFINITY, f64::min);
    let high = known.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let below = known.iter().filter(|vol| **vol < today).count();
    let earlier = known.len() - 1;
    (Some(100.0 * (today - low) / (high - low)), Some(100.0 * below as f64 / earlier as f64))
}

fn check_near(what: &str, product: Option<f64>, oracle: Option<f64>) {
    let agree = match (product, oracle) {
        (Some(product), Some(oracle)) => (product - oracle).abs() <= 1e-9,
        (product, oracle) => product.is_none() && oracle.is_none(),
    };
    assert!(agree, "{what}: product {product:?}, oracle {oracle:?}");
}

#[test]
fn rank_and_percentile_are_of_the_sessions_the_store_has_seen() {
    let world = World::new();
    let market = Market::start(config(SEED, TICKERS));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be built");
    let mut seen: BTreeMap<String, Vec<Option<f64>>> = BTreeMap::new();
    let mut ranked = 0;
    for session in 1..=SESSIONS {
        if session > 1 {
            let _ = market.advance(1, 0);
        }
        let (ran, json) = world.scan_json(&market, ["--slot", "1030", "--top", "0"]);
        let _ = ran.expect_code(0);
        let scan = ScanId::parse(json["scan"].as_str().expect("a scan id")).expect("a scan id");
        let outcomes = runtime.block_on(async {
            let store = SqliteStore::open(&world.store_path()).expect("the store opens");
            store.outcomes(&scan, 0..u32::MAX).await.expect("the store answers")
        });
        assert_eq!(outcomes.len(), TICKERS as usize);
        for outcome in &outcomes {
            let ticker = outcome.ticker.as_str();
            let told = outcome.finding().and_then(|finding| finding.metrics.as_deref()).expect("usable quotes");
            let series = seen.entry(ticker.to_owned()).or_default();
            series.push(told.iv30);
            let (rank, percentile) = place(series);
            check_near(&format!("{ticker} rank in session {session}"), told.iv_rank, rank);
            check_near(&format!("{ticker} percentile in session {session}"), told.iv_percentile, percentile);
            assert_eq!(told.iv_sessions as usize, series.iter().flatten().count(), "{ticker} in session {session}");
            ranked += usize::from(rank.is_some());
        }
    }
    assert!(ranked > 0, "no ticker had an IV30 in {LEAST} sessions");
}
