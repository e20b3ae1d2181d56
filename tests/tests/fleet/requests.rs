//! Requests: what the market counts is what the scan prints, budgets hold in every window, bars are paid for once a
//! session, and only those that are missing.

use std::collections::{BTreeMap, BTreeSet};

use fleet_tests::fleet::World;
use fleet_tests::market::{LoggedRequest, Market, config};
use serde_json::Value;

fn by_vendor(log: &[LoggedRequest]) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for vendor in log.iter().filter_map(LoggedRequest::vendor) {
        *counts.entry(vendor.to_owned()).or_default() += 1;
    }
    counts
}

fn printed(json: &Value) -> BTreeMap<String, u64> {
    let requests = json["requests"].as_object().unwrap_or_else(|| panic!("no requests in {json:.300}"));
    requests.iter().map(|(vendor, n)| (vendor.clone(), n.as_u64().expect("a count"))).collect()
}

#[test]
fn the_markets_log_equals_the_printed_count_and_a_second_scan_asks_for_no_bars() {
    let world = World::new();
    let market = Market::logged(config(3, 40), world.path());

    let (ran, json) = world.scan_json(&market, ["--slot", "1030"]);
    let _ = ran.expect_code(0);
    let first = market.log();
    assert_eq!(printed(&json), by_vendor(&first));
    let bars = |log: &[LoggedRequest]| log.iter().filter(|r| r.path.contains("/v8/finance/chart/")).count();
    assert!(bars(&first) > 0, "the first scan of a session asks for bars");

    let (ran, json) = world.scan_json(&market, ["--slot", "1031"]);
    let _ = ran.expect_code(0);
    let second = market.log().split_off(first.len());
    assert_eq!(printed(&json), by_vendor(&second));
    assert!(!second.is_empty(), "the second scan asks for fresh chains");
    assert_eq!(bars(&second), 0, "bars do not change within a session");

    let _ = market.advance(1, 0);
    let (ran, _) = world.scan_json(&market, ["--slot", "1032"]);
    let _ = ran.expect_code(0);
    assert!(bars(&market.log().split_off(first.len() + second.len())) > 0, "a new session has new bars");
}

/// The requests for bars in a log: symbol, and the first second asked for.
fn charts(log: &[LoggedRequest]) -> Vec<(String, i64)> {
    let asked = log.iter().filter_map(|request| request.path.split_once("/v8/finance/chart/"));
    asked
        .map(|(_, rest)| {
            let (symbol, query) = rest.split_once('?').expect("a range is asked for");
            let begins = query.split('&').find_map(|pair| pair.strip_prefix("period1=")).expect("a first second");
            (symbol.to_owned(), begins.parse().expect("a number"))
        })
        .collect()
}

/// What the analysis made of each candidate's bars.
fn judged(json: &Value) -> BTreeMap<String, Value> {
    let candidates = json["candidates"].as_array().expect("candidates");
    let of = |candidate: &Value| serde_json::json!([candidate["score"], candidate["rsi"], candidate["checks"]]);
    candidates.iter().map(|c| (c["symbol"].as_str().expect("a symbol").to_owned(), of(c))).collect()
}

#[test]
fn a_later_session_asks_for_the_bars_that_are_missing_and_finds_the_same() {
    let world = World::new();
    let market = Market::logged(config(3, 40), world.path());
    let (ran, _) = world.scan_json(&market, ["--slot", "1030", "--top", "0"]);
    let _ = ran.expect_code(0);
    let first = market.log();
    let known: BTreeSet<String> = charts(&first).into_iter().map(|(symbol, _)| symbol).collect();

    let now = market.advance(1, 0)["now"].as_str().expect("a clock").to_owned();
    let now: jiff::Timestamp = now.parse().expect("an instant");
    let (ran, joined) = world.scan_json(&market, ["--slot", "1031", "--top", "0"]);
    let _ = ran.expect_code(0);
    let again: Vec<_> =
        charts(&market.log().split_off(first.len())).into_iter().filter(|(s, _)| known.contains(s)).collect();
    let month_ago = now.as_second() - 30 * 86_400;
    let tails = again.iter().filter(|(_, begins)| *begins > month_ago).count();
    // What never traded is asked for whole; nothing else is due after one session.
    assert!(2 * tails > again.len(), "{tails} of {} known series were asked for by what is missing", again.len());

    // The same scan where nothing is known asks for everything.
    let fresh = World::new();
    let before = market.log().len();
    let (ran, whole) = fresh.scan_json(&market, ["--slot", "1031", "--top", "0"]);
    let _ = ran.expect_code(0);
    assert!(charts(&market.log().split_off(before)).iter().all(|(_, begins)| *begins < month_ago));
    assert!(!judged(&whole).is_empty(), "no candidate to compare");
    assert_eq!(judged(&joined), judged(&whole));

    // Five sessions later every series is due to be asked for whole.
    let now = market.advance(5, 0)["now"].as_str().expect("a clock").to_owned();
    let now: jiff::Timestamp = now.parse().expect("an instant");
    let before = market.log().len();
    let (ran, _) = world.scan_json(&market, ["--slot", "1032", "--top", "0"]);
    let _ = ran.expect_code(0);
    let month_ago = now.as_second() - 30 * 86_400;
    let renewed = charts(&market.log().split_off(before));
    assert!(!renewed.is_empty(), "nothing was asked for");
    assert!(renewed.iter().all(|(_, begins)| *begins < month_ago), "a series was not asked for whole");
}

#[test]
fn no_vendor_gets_more_than_its_budget_in_any_ten_seconds() {
    // Slow enough that the whole scan is longer than a window, fast enough for a test.
    let (cboe, yahoo) = (2.0, 4.0);
    let world = World::new();
    let market = Market::logged(config(2, 26), world.path());
    let file = world.write(
        "optionfleet.toml",
        format!(
            "[vendors.finviz]\nper_address_per_sec = 1.0\n\
             [vendors.cboe]\nper_address_per_sec = {cboe:?}\n\
             [vendors.yahoo]\nper_address_per_sec = {yahoo:?}\n\
             [bars]\nmax_per_ticker = 2\n"
        ),
    );
    let ran = world.with_store(["scan", "--market", market.url(), "--config"]).args([file]).run();
    let _ = ran.expect_code(0);
    let log = market.log();
    for (vendor, per_sec) in [("finviz", 1.0), ("cboe", cboe), ("yahoo", yahoo)] {
        let times: Vec<i64> = log.iter().filter(|r| r.vendor() == Some(vendor)).map(|r| r.at_ms).collect();
        assert!(!times.is_empty(), "{vendor} was never asked");
        // Requests leave evenly; the way to the log may shift one by a tenth of a second.
        let most = times.iter().map(|from| times.iter().filter(|at| (*from..from + 9_900).contains(at)).count()).max();
        assert!(most <= Some((10.0 * per_sec) as usize), "{vendor}: {most:?} requests within ten seconds");
    }
    let cboe = log.iter().filter(|r| r.vendor() == Some("cboe"));
    let (first, last) = cboe.fold((i64::MAX, 0), |(first, last), r| (first.min(r.at_ms), last.max(r.at_ms)));
    assert!(last - first > 11_000, "the scan was too short ({} ms) to fill a window", last - first);
}
