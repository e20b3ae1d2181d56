//! Bodies that mean harm, or are simply broken: each reader answers with a typed error and a sentence, and
//! builds nothing that takes time with the square of a body's size (such a test would not end).

use fleet_core::domain::{Instrument, Ticker};
use fleet_scraper::inspect::inspect;
use fleet_scraper::parse_error::ParseError;
use fleet_scraper::vendors::{cboe, finviz, yahoo};

fn aapl() -> Ticker {
    Ticker::parse("AAPL").unwrap()
}

/// What every reader says of a body, by the word of its failure.
fn words(body: &[u8]) -> [String; 5] {
    let word =
        |error: Option<ParseError>| error.map_or("ok".to_owned(), |error| error.into_failure().word().to_owned());
    [
        word(cboe::parse::chain(body, &aapl()).err()),
        word(yahoo::parse::chain_page(body, &aapl()).err()),
        word(yahoo::parse::bars(body, &Instrument::Underlying(aapl())).err()),
        word(yahoo::parse::crumb(body).err()),
        word(finviz::parse::screener(body).err()),
    ]
}

fn check(name: &str, body: &[u8], expected: [&str; 5]) {
    assert_eq!(words(body), expected, "{name}");
    let _ = inspect(body, None);
}

const MALFORMED: [&str; 5] = ["malformed"; 5];

#[test]
fn bodies_that_are_nothing() {
    check("empty", b"", ["malformed", "malformed", "malformed", "unauthorized", "malformed"]);
    check("blank", b" \r\n ", ["malformed", "malformed", "malformed", "unauthorized", "malformed"]);
    check("null", b"null", ["malformed", "malformed", "malformed", "malformed", "malformed"]);
    check("empty object", b"{}", MALFORMED);
    check("empty array", b"[]", MALFORMED);
    check("zero bytes", &[0; 4096], MALFORMED);
    check("not UTF-8", &[0xFF; 4096], MALFORMED);
    check("a screener page not in UTF-8", b"<html><body><table class=\"screener_table\">\xFF\xFE", MALFORMED);
}

#[test]
fn texts_and_pages_that_say_what_they_are() {
    check("throttled", b"Too many requests.", ["throttled"; 5]);
    check("throttled at the edge", b"Edge: Too Many Requests", ["throttled"; 5]);
    check("challenge", include_bytes!("../../fixtures/challenge.html"), ["blocked"; 5]);
    check("consent", include_bytes!("../../fixtures/consent.html"), ["consent"; 5]);
    check("an unknown page", b"<html><body>We are updating our site.</body></html>", MALFORMED);
}

#[test]
fn vendors_own_errors() {
    let error = |code: &str, description: &str| {
        format!(
            "{{\"finance\":{{\"result\":null,\"error\":{{\"code\":\"{code}\",\"description\":\"{description}\"}}}}}}"
        )
    };
    let mut expected = ["malformed", "unauthorized", "unauthorized", "unauthorized", "malformed"];
    check("stale crumb", error("Unauthorized", "Invalid Crumb").as_bytes(), expected);
    expected[1..4].fill("vendor_error");
    check("unknown error", error("Made Up", "I am made up").as_bytes(), expected);
    check("a long description", error("X", &"é\\n".repeat(1_000_000)).as_bytes(), expected);
    expected[1..4].fill("throttled");
    check("throttled in JSON", error("Too Many Requests", "").as_bytes(), expected);
}

#[test]
fn depth_and_size() {
    for open in ["[", "{\"a\":", "{\"data\":{\"options\":[", "{\"optionChain\":{\"result\":[{\"options\":["] {
        let deep = open.repeat(100_000);
        check(&format!("100,000 × {open}"), deep.as_bytes(), MALFORMED);
    }
    let inside = format!("{{\"data\":{{\"x\":{}", "[".repeat(300_000));
    check("very deep inside a skipped field", inside.as_bytes(), MALFORMED);
    let texts = format!("{{\"data\":\"{}\"}}", "x".repeat(5_000_000));
    check("a huge text", texts.as_bytes(), MALFORMED);
    for open in ["<div>", "<b>", "<table><tr><td>", "<a href=x>", "<select>", "<svg>", "<p><b><i>"] {
        check(&format!("many × {open}"), open.repeat(100_000).as_bytes(), MALFORMED);
        check(
            &format!("nearly as many as allowed × {open}"),
            open.repeat(8_000 / open.matches('<').count()).as_bytes(),
            MALFORMED,
        );
    }
    check("a long page", "<br>text ".repeat(500_000).as_bytes(), MALFORMED);
    check("an endless comment", format!("<!-- TS\n{}", "A|1|1\n".repeat(100_000)).as_bytes(), MALFORMED);
}

fn cboe_row(fields: &str) -> String {
    format!(
        "{{\"timestamp\":\"2026-11-20 15:05:00\",\"symbol\":\"AAPL\",\"data\":{{\"symbol\":\"AAPL\",\"current_price\":230.5,\
         \"last_trade_time\":\"2026-11-20T09:50:00\",\"options\":[{{\"option\":\"AAPL261218C00230000\",{fields}}},\
         {{\"option\":\"AAPL261218P00230000\",\"bid\":4.1,\"ask\":4.2}}]}}}}"
    )
}

/// One bad row beside a good one costs one row, with its reason.
fn check_row(fields: &str, reason: &str) {
    let chain =
        cboe::parse::chain(cboe_row(fields).as_bytes(), &aapl()).unwrap_or_else(|error| panic!("{fields}: {error}"));
    assert_eq!(chain.contracts.len(), 1, "{fields}");
    assert_eq!(chain.refused.len(), 1, "{fields}");
    assert_eq!(chain.refused[0].reason.word(), reason, "{fields}");
    assert_eq!(chain.refused[0].symbol, "AAPL261218C00230000", "{fields}");
}

#[test]
fn a_bad_row_costs_one_row() {
    check_row(r#""bid":-1,"ask":2"#, "bad_price");
    check_row(r#""bid":1,"ask":-0.01"#, "bad_price");
    check_row(r#""bid":"NaN","ask":2"#, "bad_price");
    check_row(r#""bid":1e30,"ask":2"#, "bad_price");
    check_row(r#""bid":99999999999999999999999999,"ask":2"#, "bad_price");
    check_row(r#""bid":"1.5","ask":2"#, "missing_field");
    check_row(r#""bid":[1],"ask":2"#, "missing_field");
    check_row(r#""bid":{"raw":1},"ask":2"#, "missing_field");
    check_row(r#""bid":true,"ask":2"#, "missing_field");
    check_row(r#""bid":1,"ask":2,"volume":-5"#, "bad_count");
    check_row(r#""bid":1,"ask":2,"volume":1.5"#, "bad_count");
    check_row(r#""bid":1,"ask":2,"open_interest":1e300"#, "bad_count");
    check_row(r#""bid":1,"ask":2,"last_trade_price":1,"last_trade_time":"yesterday""#, "missing_field");
    check_row(r#""bid":1,"ask":2,"last_trade_time":17"#, "missing_field");
}

#[test]
fn numbers_that_are_no_json_name_the_place() {
    for broken in [r#""bid":NaN"#, r#""bid":1e999"#, r#""bid":-Infinity"#] {
        let error = cboe::parse::chain(cboe_row(broken).as_bytes(), &aapl()).unwrap_err().to_string();
        assert!(error.contains("the JSON is broken at byte 1") && error.contains("near `"), "{broken}: {error}");
    }
}

#[test]
fn every_truncation_of_a_good_body_is_an_error() {
    let body = cboe_row(r#""bid":1,"ask":2"#);
    assert!(cboe::parse::chain(body.as_bytes(), &aapl()).is_ok());
    for end in 0..body.len() {
        let error = cboe::parse::chain(&body.as_bytes()[..end], &aapl()).expect_err("a truncated body was read");
        assert!(matches!(error, ParseError::Malformed(_)), "cut at {end}: {error}");
    }
}

/// The most memory this process ever had, in MB; nothing where the system does not say.
fn peak_mb() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()? / 1024)
}

/// The largest body that is accepted, filled with what is written shortest: once 2.4 to 3.5 GB when read.
#[test]
fn a_body_of_millions_of_tiny_rows_is_refused_and_takes_little_room() {
    let filled = |head: &str, item: &str, tail: &str| {
        format!("{head}{}{}", item.repeat((32_000_000 - head.len() - tail.len()) / item.len()), tail)
    };
    let cboe = r#"{"timestamp":"2026-11-20 15:05:00","symbol":"AAPL","data":{"symbol":"AAPL","options":["#;
    let yahoo = r#"{"optionChain":{"result":[{"underlyingSymbol":"AAPL","expirationDates":[1797552000],"options":["#;
    let block = r#"{"expirationDate":1797552000,"calls":["#;
    let chart = r#"{"chart":{"result":[{"meta":{"symbol":"AAPL","dataGranularity":"1d"},"timestamp":["#;
    let mut errors = Vec::new();
    for item in ["{},", "0,", "null,"] {
        let body = filled(cboe, item, "{}]}}");
        errors.push(cboe::parse::chain(body.as_bytes(), &aapl()).unwrap_err());
        let body = filled(&format!("{yahoo}{block}"), item, r#"{}],"puts":[]}]}],"error":null}}"#);
        errors.push(yahoo::parse::chain_page(body.as_bytes(), &aapl()).unwrap_err());
    }
    let body = filled(yahoo, r#"{"calls":[{}]},"#, r#"{}]}],"error":null}}"#);
    errors.push(yahoo::parse::chain_page(body.as_bytes(), &aapl()).unwrap_err());
    let body = filled(chart, "0,", "0]}],\"error\":null}}");
    errors.push(yahoo::parse::bars(body.as_bytes(), &Instrument::Underlying(aapl())).unwrap_err());
    for error in errors {
        let ParseError::Malformed(why) = error else { panic!("{error}") };
        assert!(why.contains("more values in its lists than any chain or series has"), "{why}");
    }
    // Two bodies, and what was read of one until it was refused.
    let peak = peak_mb();
    assert!(peak.is_none_or(|mb| mb < 400), "{peak:?} MB");
}
