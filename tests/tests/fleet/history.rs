//! History builds itself: every scan leaves what each chain came to, and the next session's scan ranks against it. What a
//! person says of underlyings is frozen with the scan.

use fleet_core::domain::{EarningsDate, ScanId, SessionSummary, Ticker};
use fleet_core::seams::{Scans, Summaries};
use fleet_engines::sqlite::SqliteStore;
use fleet_tests::fleet::World;
use fleet_tests::market::{Market, config};
use jiff::civil::{Date, date};
use serde_json::Value;

/// Asks the store that the scans have left.
fn ask<T>(world: &World, ask: impl AsyncFnOnce(SqliteStore) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be built");
    runtime.block_on(ask(SqliteStore::open(&world.store_path()).expect("the store opens")))
}

fn kept(world: &World, ticker: &str) -> Vec<SessionSummary> {
    let ticker = Ticker::parse(ticker).expect("a ticker of the market");
    ask(world, async |store| store.summaries(&ticker, 99).await.expect("the store answers"))
}

/// So many contracts fire that every session has some, and the report tells of their underlyings.
const EASY: &str = "[strategies.oversold_call]\nmax_underlying_rsi = 100.0\nmax_rsi = 100.0\nmax_pct_b = 3.0\n\
                    max_adjusted_rsi = 100.0\nmin_close_to_sma200 = 0.0\n";

/// Scans under a slot; the sessions that stand behind each underlying's rank.
fn sessions_after(world: &World, market: &Market, slot: &str) -> Vec<(String, u64)> {
    let file = world.write("easy.toml", EASY);
    let (ran, json) = world.scan_json(market, ["--slot", slot, "--config", &file.display().to_string()]);
    let _ = ran.expect_code(0);
    let underlyings = json["underlyings"].as_object().expect("underlyings");
    let sessions = |told: &Value| told["iv_sessions"].as_u64().expect("a number of sessions");
    underlyings.iter().map(|(ticker, told)| (ticker.clone(), sessions(told))).collect()
}

#[test]
fn each_session_adds_one_to_the_history_however_often_it_is_scanned() {
    let world = World::new();
    let market = Market::start(config(1, 20));
    let first = sessions_after(&world, &market, "1030");
    assert!(!first.is_empty() && first.iter().all(|(_, sessions)| *sessions == 1), "{first:?}");
    let (ticker, _) = &first[0];
    let before = kept(&world, ticker);
    assert_eq!(before.iter().map(|summary| summary.session).collect::<Vec<Date>>(), [date(2026, 11, 20)]);
    assert!(before[0].iv30.is_some() && before[0].call_volume > 0, "{before:?}");

    let _ = market.advance(0, 30);
    let again = sessions_after(&world, &market, "1100");
    assert!(again.iter().all(|(_, sessions)| *sessions == 1), "{again:?}");
    let later = kept(&world, ticker);
    assert_eq!(later.len(), 1);
    assert!(later[0].as_of > before[0].as_of && later[0].call_volume > before[0].call_volume, "{later:?}");

    let _ = market.advance(1, 0);
    let next = sessions_after(&world, &market, "1101");
    assert!(!next.is_empty() && next.iter().all(|(_, sessions)| *sessions == 2), "{next:?}");
    let both = kept(&world, ticker);
    assert_eq!(both[..1], later[..]);
    assert_eq!(both.iter().map(|s| s.session).collect::<Vec<Date>>(), [date(2026, 11, 20), date(2026, 11, 23)]);
}

#[test]
fn what_a_person_says_of_the_universe_is_in_the_manifest() {
    let world = World::new();
    let market = Market::start(config(1, 5));
    let tickers: Vec<Ticker> = {
        let (ran, _) = world.scan_json(&market, ["--slot", "1030"]);
        let _ = ran.expect_code(0);
        manifest(&world, "1030").tickers
    };
    let ours = tickers[0].clone();
    let reports = world.write("reports.csv", format!("ticker,date\n{ours},2026-12-03\nNOSUCH,2026-12-03\n"));
    let file = world.write(
        "optionfleet.toml",
        format!("[earnings]\nfile = \"{}\"\n[holdings]\nshares = [[\"{ours}\", 300, 12.5]]\n", reports.display()),
    );
    let _ = world.scan(&market, ["--slot", "1031", "--config"]).args([file]).run().expect_code(0);
    let facts = manifest(&world, "1031").facts;
    assert_eq!(facts.keys().collect::<Vec<_>>(), [&ours], "nobody else's");
    assert_eq!(facts[&ours].earnings, Some(vec![EarningsDate { date: date(2026, 12, 3), estimated: false }]));
    assert_eq!(facts[&ours].holding.map(|holding| holding.shares), Some(300));
}

/// Of the scan of a slot.
fn manifest(world: &World, slot: &str) -> fleet_core::domain::Manifest {
    ask(world, async |store| {
        let scans = store.list_scans(9).await.expect("the store answers");
        let ends = |scan: &ScanId| scan.as_str().ends_with(slot);
        let scan = scans.into_iter().map(|summary| summary.scan).find(ends).expect("a scan of the slot");
        store.manifest(&scan).await.expect("the store answers").expect("a frozen manifest")
    })
}
