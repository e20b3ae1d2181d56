//! Memory: the largest chain fits, and a long scan does not grow.

use std::time::Duration;

use fleet_core::seams::Scans;
use fleet_engines::sqlite::SqliteStore;
use fleet_market::MarketConfig;
use fleet_tests::fleet::World;
use fleet_tests::market::{Market, config};
use fleet_tests::process::memory;
use fleet_tests::program::Running;

const PATIENCE: Duration = Duration::from_secs(180);
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Watches a process to its end.
fn watch(running: &mut Running, mut see: impl FnMut(fleet_tests::process::Memory)) {
    while !running.has_ended() {
        if let Some(memory) = memory(running.pid()) {
            see(memory);
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

#[test]
fn ten_thousand_contracts_stay_below_150_megabytes_with_one_slot() {
    let world = World::new();
    let market = Market::start(MarketConfig { faults: true, ..config(1, 20) });
    // Without the pre-gate, so that its bars are fetched too.
    let settings = "[scan]\nslots = 1\n[strategies.oversold_call]\nmax_underlying_rsi = 100.0\n";
    let file = world.write("optionfleet.toml", settings);
    let command = world.scan(&market, ["--tickers", "HUGE", "--format", "json", "--config"]).args([file]);
    let mut running = command.spawn();
    let mut peak_kb = 0;
    watch(&mut running, |memory| peak_kb = peak_kb.max(memory.peak_kb));
    let json = running.wait(PATIENCE).expect_code(0).json();
    let contracts = json["funnel"]["total"].as_u64().expect("a total");
    assert!(contracts >= 10_000, "HUGE has only {contracts} contracts");
    assert!(peak_kb > 1_000, "nothing was measured");
    eprintln!("HUGE: {contracts} contracts, peak {} MB", peak_kb / 1024);
    assert!(peak_kb < 150 * 1024, "peak of {} MB", peak_kb / 1024);
}

#[test]
fn five_hundred_tickers_take_no_more_than_one_hundred() {
    let world = World::new();
    let market = Market::start(config(1, 500));
    let mut running = world.scan(&market, ["--format", "json", "--quiet"]).spawn();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be built");
    let mut store = None;
    let mut samples: Vec<(u32, u64)> = Vec::new();
    watch(&mut running, |memory| {
        if store.is_none() && world.store_path().exists() {
            store = SqliteStore::open(&world.store_path()).ok();
        }
        let scans = store.as_ref().and_then(|store| runtime.block_on(store.list_scans(1)).ok());
        if let Some(scan) = scans.and_then(|scans| scans.into_iter().next()) {
            samples.push((scan.outcomes, memory.resident_kb));
        }
    });
    let _ = running.wait(PATIENCE).expect_code(0);
    // What is resident breathes with the chains in work: the middle of what was seen around a count.
    let around = |from: u32, to: u32| {
        let mut seen: Vec<u64> = samples.iter().filter(|(n, _)| (from..=to).contains(n)).map(|(_, kb)| *kb).collect();
        seen.sort_unstable();
        assert!(!seen.is_empty(), "no look between ticker {from} and {to} among {}", samples.len());
        seen[seen.len() / 2]
    };
    // The making of the report is among the last: all tickers are accounted for then.
    let (early, late) = (around(85, 115), around(470, 500));
    eprintln!("resident after ticker 100: {} MB, after 500: {} MB", early / 1024, late / 1024);
    assert!(late * 10 <= early * 11, "grew from {early} kB after ticker 100 to {late} kB after 500");
}
