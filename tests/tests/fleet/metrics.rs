//! The numbers beside a candidate and its underlying, as a person asks for them after a scan.

use fleet_tests::fleet::World;
use fleet_tests::market::{Market, config};

#[test]
fn a_scan_tells_metrics_and_explain_has_the_rest() {
    let world = World::new();
    let market = Market::start(config(1, 30));
    let (_, json) = world.scan_json(&market, ["--top", "0"]);
    let candidate = &json["candidates"][0];
    let (symbol, ticker) = (candidate["symbol"].as_str().expect("a candidate"), candidate["underlying"].as_str());
    let ticker = ticker.expect("its underlying");
    let metrics = &candidate["metrics"];
    assert!(metrics["greeks"]["theta_per_day"].as_f64().is_some_and(|theta| theta < 0.0), "{metrics}");
    assert!(metrics["bought"]["pop"].as_f64().is_some_and(|pop| 0.0 < pop && pop < 1.0), "{metrics}");
    let told = &json["underlyings"][ticker];
    // A store that has seen one session knows no rank.
    assert!(told["iv_rank"].is_null() && told["iv_sessions"] == 1, "{told}");
    let iv30 = told["iv30"].as_f64().expect("an IV30");

    let text = world.with_store(["explain", symbol]).run().expect_code(0).stdout;
    for words in ["Greeks     delta", "(risk-neutral)", "Bought call at", "Sold call, covered by shares", "In the past"]
    {
        assert!(text.to_lowercase().contains(&words.to_lowercase()), "no `{words}` in\n{text}");
    }
    let text = world.with_store(["explain", ticker]).run().expect_code(0).stdout;
    for words in ["IV30", "1 session known, 30 are the least", "HV20", "one standard deviation (68 %)"] {
        assert!(text.contains(words), "no `{words}` in\n{text}");
    }
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    let told = world.with_store(["explain", ticker, "--format", "json"]).run().expect_code(0).stdout;
    let told: serde_json::Value = serde_json::from_str(&told).expect("JSON");
    assert_eq!(told["metrics"]["iv30"].as_f64(), Some(iv30));
    let _ = world.with_store(["explain", "NOSUCH"]).run().expect_code(2);

    let scan = json["scan"].as_str().expect("a scan");
    let named = world.with_store(["explain", ticker, "--scan", scan]).run().expect_code(0).stdout;
    assert_eq!(named, text, "the newest scan by its name");
    let named = world.with_store(["explain", symbol, "--scan", scan]).run().expect_code(0).stdout;
    assert!(named.contains("Greeks     delta"), "{named}");
    let other = world.with_store(["explain", ticker, "--scan", "other-1"]).run().expect_code(2).stderr;
    assert!(other.contains(&format!("other-1 has no answer for {ticker}")), "{other}");
    let other = world.with_store(["explain", symbol, "--scan", "other-1"]).run().expect_code(2).stderr;
    assert!(other.contains(&format!("of {ticker} it is {scan}, not other-1")), "{other}");
}
