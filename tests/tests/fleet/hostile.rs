//! Bodies no vendor should send: each costs its own ticker and nothing else, in little memory, and is named.

use fleet_core::domain::calendar;
use fleet_tests::fleet::{World, unlimited};
use fleet_tests::process::memory;
use fleet_tests::recorded_market::{Page, Pages, RecordedMarket};
use jiff::civil::date;
use serde_json::{Value, json};

/// The peak of a scan that never holds more than the limit of a body (32 MB) a few times.
const PEAK_KB: u64 = 200 * 1024;

/// A chain of one contract as CBOE writes it.
fn chain(symbol: &str, contract: Value) -> Value {
    json!({
        "timestamp": "2026-11-20 15:30:00", "symbol": symbol,
        "data": {
            "symbol": symbol, "security_type": "stock", "exchange_id": 1, "current_price": 100.0, "bid": 99.9,
            "ask": 100.1, "bid_size": 1, "ask_size": 1, "open": 100.0, "high": 101.0, "low": 99.0, "close": 100.0,
            "prev_day_close": 100.0, "volume": 1000, "iv30": 20.0, "last_trade_time": "2026-11-20T10:15:00",
            "options": [contract],
        },
    })
}

fn contract(symbol: &str) -> Value {
    json!({
        "option": symbol, "bid": 2.0, "bid_size": 10.0, "ask": 2.1, "ask_size": 10.0, "iv": 0.2, "open_interest": 500.0,
        "volume": 50.0, "delta": 0.5, "gamma": 0.01, "vega": 0.1, "theta": -0.01, "rho": 0.1, "theo": 2.05,
        "change": 0.0, "open": 2.0, "high": 2.1, "low": 2.0, "tick": "up", "last_trade_price": 2.05,
        "last_trade_time": "2026-11-20T10:10:00", "percent_change": 0.0, "prev_day_close": 2.0,
    })
}

/// Each ticker with the body it gets and the word its failure must have.
fn hostile() -> Vec<(&'static str, Page, &'static str)> {
    let deep = "[".repeat(100_000);
    let inside = format!("{{\"data\":{{\"options\":{}{}}}}}", "[".repeat(100_000), "]".repeat(100_000));
    let not_a_number = chain("NANS", contract("NANS270319C00100000")).to_string().replace("2.1,", "NaN,");
    vec![
        ("DEEP", Page::json(deep), "malformed"),
        ("NESTED", Page::json(inside), "malformed"),
        ("BOMB", Page::gzip_bomb(1 << 30), "too_large"),
        ("LARGE", Page::json(vec![b' '; 40_000_000]), "too_large"),
        ("NANS", Page::json(not_a_number), "malformed"),
        ("OTHER", Page::json(chain("MSFT", contract("MSFT270319C00100000")).to_string()), "wrong_symbol"),
        ("EMPTY", Page::json(""), "malformed"),
        ("BINARY", Page::json(vec![0xFF; 1000]), "malformed"),
    ]
}

#[test]
fn hostile_bodies_cost_their_own_ticker_only() {
    let mut pages = Pages::new();
    let path = |ticker: &str| format!("/cboe/api/global/delayed_quotes/options/{ticker}.json");
    let mut expected: Vec<(String, &str)> = Vec::new();
    for (ticker, page, word) in hostile().into_iter() {
        pages.insert(path(ticker), page);
        expected.push((ticker.to_owned(), word));
    }

    expected.sort();
    pages.insert(path("FINE"), Page::json(chain("FINE", contract("FINE270319C00100000")).to_string()));
    let tickers: Vec<&str> = expected.iter().map(|(ticker, _)| ticker.as_str()).chain(["FINE"]).collect();
    let tickers = tickers.join(",");

    let market = RecordedMarket::start(calendar::at_new_york(date(2026, 11, 20), 10, 30, 0), pages);
    let world = World::new();
    let command =
        world.with_store(["scan", "--market", market.url(), "--tickers", &tickers, "--format", "json", "--quiet"]);
    let mut running = unlimited(command).spawn();
    let mut peak_kb = 0;
    while !running.has_ended() {
        peak_kb = peak_kb.max(memory(running.pid()).map_or(0, |memory| memory.peak_kb));
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let json = running.wait(std::time::Duration::from_secs(60)).expect_code(3).json();
    let failed = json["failed"].as_array().expect("failed tickers");
    let mut failed: Vec<(String, &str)> = failed
        .iter()
        .map(|f| (f["ticker"].as_str().expect("a ticker").to_owned(), f["word"].as_str().expect("a word")))
        .collect();
    failed.sort();
    assert_eq!(failed, expected);
    assert_eq!(json["tickers"]["total"], 9);
    assert_eq!(json["funnel"]["total"], 1, "the healthy ticker was scanned: {}", json["funnel"]);
    eprintln!("hostile bodies: peak {} MB", peak_kb / 1024);
    assert!(peak_kb < PEAK_KB, "peak of {} MB", peak_kb / 1024);
}
