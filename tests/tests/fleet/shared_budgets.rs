//! Three workers draw from one budget, and a vendor's "stop" to one of them stops all.

use std::time::Duration;

use fleet_market::MarketConfig;
use fleet_tests::market::{LoggedRequest, Market, config};
use fleet_tests::servers::Servers;

const PATIENCE: Duration = Duration::from_secs(180);

/// When a vendor was asked, in milliseconds, in order.
fn times(log: &[LoggedRequest], vendor: &str) -> Vec<i64> {
    let mut times: Vec<i64> = log.iter().filter(|r| r.vendor() == Some(vendor)).map(|r| r.at_ms).collect();
    times.sort_unstable();
    times
}

#[test]
fn three_workers_together_keep_each_budget_in_every_ten_seconds() {
    let (cboe, yahoo) = (3.0, 6.0);
    let servers = Servers::new();
    let market = Market::logged(config(2, 45), servers.world.path());
    let file = servers.world.write(
        "optionfleet.toml",
        format!(
            "[vendors.finviz]\nper_address_per_sec = 1.0\n\
             [vendors.cboe]\nper_address_per_sec = {cboe:?}\n\
             [vendors.yahoo]\nper_address_per_sec = {yahoo:?}\n\
             [bars]\nmax_per_ticker = 2\n"
        ),
    );
    let _workers = ["w1", "w2", "w3"].map(|name| servers.worker(name, 4));
    let store = servers.redis.url();
    let scan = servers.optionfleet(["scan", "--market", market.url(), "--store", &store, "--config"]).args([file]);
    let _ = scan.patience(PATIENCE).run().expect_code(0);
    let log = market.log();
    for (vendor, per_sec) in [("finviz", 1.0), ("cboe", cboe), ("yahoo", yahoo)] {
        let times = times(&log, vendor);
        assert!(!times.is_empty(), "{vendor} was never asked");
        let most = times.iter().map(|from| times.iter().filter(|at| (*from..from + 10_000).contains(at)).count()).max();
        eprintln!("{vendor}: {} requests, at most {most:?} within ten seconds", times.len());
        assert!(most <= Some((10.0 * per_sec) as usize), "{vendor}: {most:?} requests within ten seconds");
    }
    let cboe = times(&log, "cboe");
    assert!(cboe[cboe.len() - 1] - cboe[0] > 11_000, "the scan was too short to fill a window");
}

#[test]
fn a_stop_that_one_worker_is_told_stops_all_within_a_second() {
    let stop = Duration::from_secs(6);
    let servers = Servers::new();
    let market = Market::logged(
        MarketConfig { limit_per_sec: Some(12.0), retry_after: stop, ..config(2, 60) },
        servers.world.path(),
    );
    // Twice as fast as the vendor allows, and chains only: it will say stop.
    let file = servers.world.write(
        "optionfleet.toml",
        "[vendors.cboe]\nper_address_per_sec = 25.0\ntotal_per_sec = 25.0\n\
         [strategies.oversold_call]\nenabled = false\n[strategies.control]\nenabled = false\n",
    );
    let _workers = ["w1", "w2", "w3"].map(|name| servers.worker(name, 4));
    let store = servers.redis.url();
    let scan = servers.optionfleet(["scan", "--market", market.url(), "--store", &store, "--config"]).args([file]);
    let ran = scan.patience(PATIENCE).run();
    assert!([Some(0), Some(3)].contains(&ran.code), "{}", ran.stderr);
    let log = market.log();
    let stops: Vec<i64> =
        log.iter().filter(|r| r.vendor() == Some("cboe") && r.status == 429).map(|r| r.at_ms).collect();
    assert!(!stops.is_empty(), "the vendor never said stop");
    let asked = times(&log, "cboe");
    let until = i64::try_from(stop.as_millis()).expect("a few seconds");
    for stop in &stops {
        let late: Vec<i64> = asked.iter().map(|at| at - stop).filter(|after| (1_000..until).contains(after)).collect();
        assert!(late.is_empty(), "asked again {late:?} ms after a stop of {until} ms");
    }
    let last = stops.iter().max().expect("a stop");
    assert!(asked.iter().any(|at| *at >= last + until), "nobody asked again after the last stop");
    eprintln!("{} stops among {} requests", stops.len(), asked.len());
}
