//! Robinhood as vendor of chains, of bars, of both: the simulated market serves it beside the others, from one world.

use std::collections::BTreeMap;

use fleet_market::ROBINHOOD_TOKEN;
use fleet_tests::fleet::World;
use fleet_tests::market::{LoggedRequest, Market, config};
use fleet_tests::program::Ran;
use serde_json::Value;

const BOTH: &str = "[vendors]\nchain_order = [\"robinhood\"]\nbars = \"robinhood\"\n";

/// A scan with a configuration and a token.
fn scan(world: &World, market: &Market, settings: &str, token: Option<&str>) -> Ran {
    let file = world.write("optionfleet.toml", settings);
    let mut command = world.scan(market, ["--format", "json", "--top", "0", "--slot", "1030", "--config"]).args([file]);
    if let Some(token) = token {
        command = command.env("ROBINHOOD_TOKEN", token);
    }
    command.run()
}

/// What each candidate is, and what it quotes.
fn candidates(json: &Value) -> BTreeMap<String, [Value; 4]> {
    let rows = json["candidates"].as_array().unwrap_or_else(|| panic!("no candidates in {json:.300}"));
    let of =
        |row: &Value| [row["bid"].clone(), row["ask"].clone(), row["volume"].clone(), row["open_interest"].clone()];
    rows.iter().map(|row| (row["symbol"].as_str().expect("a symbol").to_owned(), of(row))).collect()
}

fn by_vendor(log: &[LoggedRequest]) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for vendor in log.iter().filter_map(LoggedRequest::vendor) {
        *counts.entry(vendor.to_owned()).or_default() += 1;
    }
    counts
}

/// Robinhood's quotes are live, CBOE's 15 minutes old: a quarter of an hour later CBOE quotes what Robinhood quoted.
#[test]
fn a_table_from_robinhood_is_the_table_of_cboe_and_yahoo_a_quarter_of_an_hour_later() {
    let world = World::new();
    let market = Market::logged(config(3, 40), world.path());
    let live = scan(&world, &market, BOTH, Some(ROBINHOOD_TOKEN)).expect_code(0);
    let first = market.log();
    let counted = by_vendor(&first);
    let printed: BTreeMap<String, u64> = serde_json::from_value(live.json()["requests"].clone()).expect("counts");
    assert_eq!(printed, counted, "what the market counts is what the scan prints");
    assert_eq!(counted.keys().collect::<Vec<_>>(), ["finviz", "robinhood"], "nobody else was asked");
    let tickers = live.json()["tickers"].as_u64().unwrap_or(40);
    eprintln!("robinhood: {} requests for {tickers} tickers", counted["robinhood"]);

    let _ = market.advance(0, 15);
    let delayed = scan(&World::new(), &market, "", None).expect_code(0);
    let (live, delayed) = (candidates(&live.json()), candidates(&delayed.json()));
    assert!(!live.is_empty(), "no candidate to compare");
    assert_eq!(live, delayed);
}

#[test]
fn chains_and_bars_may_come_from_different_vendors() {
    let world = World::new();
    let market = Market::logged(config(3, 40), world.path());
    let whole = candidates(&scan(&world, &market, BOTH, Some(ROBINHOOD_TOKEN)).expect_code(0).json());
    let chains = "[vendors]\nchain_order = [\"robinhood\"]\n";
    assert_eq!(candidates(&scan(&World::new(), &market, chains, Some(ROBINHOOD_TOKEN)).expect_code(0).json()), whole);
    let plain = candidates(&scan(&World::new(), &market, "", None).expect_code(0).json());
    let bars = "[vendors]\nbars = \"robinhood\"\n";
    assert_eq!(candidates(&scan(&World::new(), &market, bars, Some(ROBINHOOD_TOKEN)).expect_code(0).json()), plain);
}

#[test]
fn pages_are_followed_and_marks_come_forty_at_a_time() {
    let world = World::new();
    let market = Market::logged(config(3, 10), world.path());
    let _ = scan(&world, &market, BOTH, Some(ROBINHOOD_TOKEN)).expect_code(0);
    let log = market.log();
    assert!(log.iter().any(|request| request.path.contains("/options/instruments/?cursor=")), "no page was followed");
    let batches: Vec<usize> = log
        .iter()
        .filter_map(|request| {
            request.path.split_once("/marketdata/options/?ids=").map(|(_, ids)| ids.split(',').count())
        })
        .collect();
    assert!(batches.contains(&40) && batches.iter().all(|ids| *ids <= 40), "{batches:?}");
    assert!(log.iter().filter(|request| request.vendor() == Some("robinhood")).all(|request| request.status == 200));
}

#[test]
fn a_missing_token_is_said_before_anything_is_asked() {
    let world = World::new();
    let market = Market::logged(config(3, 5), world.path());
    let ran = scan(&world, &market, BOTH, None).expect_code(2);
    assert!(ran.stderr.contains("ROBINHOOD_TOKEN") && ran.stderr.contains("token"), "{}", ran.stderr);
    assert!(market.log().iter().all(|request| request.vendor().is_none()), "a vendor was asked all the same");
}

#[test]
fn a_token_that_is_refused_fails_the_tickers_with_what_to_do_and_is_shown_nowhere() {
    let world = World::new();
    let market = Market::logged(config(3, 5), world.path());
    let secret = "expired-s3cret-token";
    let ran = scan(&world, &market, BOTH, Some(secret));
    assert_ne!(ran.code, Some(0), "{}", ran.stderr);
    let told = format!("{}{}", ran.stdout, ran.stderr);
    assert!(told.contains("its token has expired or is not valid (Invalid token.)"), "{told:.2000}");
    assert!(!told.contains(secret), "the token is in the output");
    for file in std::fs::read_dir(world.path()).expect("the world is there") {
        let path = file.expect("a file").path();
        let bytes = std::fs::read(&path).unwrap_or_default();
        assert!(!bytes.windows(secret.len()).any(|piece| piece == secret.as_bytes()), "{}", path.display());
    }
}
