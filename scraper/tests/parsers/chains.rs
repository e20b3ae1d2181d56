//! Chains of CBOE and Yahoo, from our own fixtures: each row holds one trap.

use fleet_core::domain::{
    Chain, ContractQuote, OccSymbol, Price, RefusedRow, Ticker, UnderlyingClass, UnderlyingFacts,
};
use fleet_scraper::parse_error::ParseError;
use fleet_scraper::vendors::yahoo::parse::ChainPage;
use fleet_scraper::vendors::{cboe, yahoo};
use jiff::civil::date;

pub const CBOE: &[u8] = include_bytes!("../../fixtures/cboe_index.json");
pub const YAHOO: &[u8] = include_bytes!("../../fixtures/yahoo_chain.json");

fn ticker(text: &str) -> Ticker {
    Ticker::parse(text).unwrap()
}

fn price(dollars: f64) -> Price {
    Price::from_dollars(dollars).unwrap()
}

fn index() -> Chain {
    cboe::parse::chain(CBOE, &ticker("SPX")).unwrap()
}

fn page() -> ChainPage {
    yahoo::parse::chain_page(YAHOO, &ticker("TESTX")).unwrap()
}

fn row<'a>(rows: &'a [ContractQuote], symbol: &str) -> &'a ContractQuote {
    let symbol = OccSymbol::parse(symbol).unwrap();
    rows.iter().find(|quote| quote.symbol == symbol).unwrap_or_else(|| panic!("no {symbol}"))
}

fn reasons(refused: &[RefusedRow]) -> Vec<(&str, &str)> {
    refused.iter().map(|line| (line.symbol.as_str(), line.reason.word())).collect()
}

#[test]
fn cboe_keeps_or_refuses_every_row() {
    let chain = index();
    assert_eq!(chain.rows(), 10);
    assert_eq!(chain.contracts.len(), 5, "a duplicate is kept: the analysis refuses it");
    assert_eq!(
        reasons(&chain.refused),
        [
            ("NDX261218C20000000", "contradiction"),
            ("SPX261318C06000000", "bad_symbol"),
            ("SPXW261127C06200000", "bad_price"),
            ("", "missing_field"),
            ("", "missing_field"),
        ]
    );
    assert_eq!(chain.expirations, [date(2026, 11, 27), date(2026, 12, 18)]);
}

#[test]
fn cboe_says_what_an_underlying_is_and_no_more() {
    let index = UnderlyingFacts { class: Some(UnderlyingClass::Index), ..UnderlyingFacts::default() };
    assert_eq!(self::index().facts, index);
    let of = |word: &str| {
        let body = String::from_utf8_lossy(CBOE).replace(r#""security_type":"index""#, word);
        cboe::parse::chain(body.as_bytes(), &ticker("SPX")).unwrap().facts.class
    };
    assert_eq!(of(r#""security_type":"stock""#), Some(UnderlyingClass::Stock));
    assert_eq!(of(r#""security_type":"etf""#), Some(UnderlyingClass::Fund));
    for unknown in [r#""security_type":"warrant""#, r#""security_type":null"#, r#""security_type":7"#, r#""x":1"#] {
        assert_eq!(of(unknown), None, "{unknown}");
    }
}

#[test]
fn cboe_zeroes_and_artefacts_are_nothing() {
    let chain = index();
    let untraded = row(&chain.contracts, "SPXW261218P06000000");
    assert_eq!((untraded.bid, untraded.ask, untraded.last), (None, Some(price(0.05)), None));
    assert_eq!((untraded.volume, untraded.open_interest, untraded.vendor_iv), (Some(0), Some(0), None));
    assert_eq!(row(&chain.contracts, "SPXW261127C06000000").vendor_iv, None, "827 % is an artefact");
    let whole = row(&chain.contracts, "SPX261218C06000000");
    assert_eq!((whole.bid, whole.volume, whole.vendor_iv), (Some(price(101.5)), Some(29), Some(0.1432)));
}

#[test]
fn cboe_is_dated_by_its_newest_believable_trade() {
    let chain = index();
    // 09:50:02 in New York: newer than the index's own 09:49:58; a trade of 2036 is junk.
    assert_eq!(chain.quote_time.unwrap().to_string(), "2026-11-20T14:50:02Z");
    let spot = chain.vendor_spot.unwrap();
    assert_eq!((spot.price, spot.time.unwrap().to_string()), (price(6010.25), "2026-11-20T14:49:58Z".to_owned()));
}

/// A body with the underlying's trade at 09:49:58, one of 09:48:00, and one odd row; gives the instant it is dated by.
#[track_caller]
fn check_cboe_dated(timestamp: &str, odd: &str, expected: &str) {
    let row = |strike: u32, at: &str| {
        format!(
            r#"{{"option":"AAPL261218C{:08}","bid":1,"ask":2,"last_trade_price":1.5,"last_trade_time":"{at}"}}"#,
            strike * 1000
        )
    };
    let body = format!(
        r#"{{"timestamp":"{timestamp}","symbol":"AAPL","data":{{"symbol":"AAPL","last_trade_time":"2026-11-20T09:49:58",
        "options":[{},{}]}}}}"#,
        row(200, "2026-11-20T09:48:00"),
        row(210, odd),
    );
    let chain = cboe::parse::chain(body.as_bytes(), &ticker("AAPL")).unwrap();
    assert_eq!(chain.contracts.len(), 2, "the odd row itself is kept");
    assert_eq!(chain.quote_time.unwrap().to_string(), expected, "published {timestamp}, traded {odd}");
}

#[test]
fn cboe_trades_after_the_publication_date_nothing() {
    let (published, own) = ("2026-11-20 15:05:10", "2026-11-20T14:49:58Z");
    check_cboe_dated(published, "2026-11-20T10:05:00", "2026-11-20T15:05:00Z");
    check_cboe_dated(published, "2026-11-20T10:07:10", "2026-11-20T15:07:10Z");
    check_cboe_dated(published, "2026-11-20T10:07:11", own);
    check_cboe_dated(published, "2026-11-20T16:00:00", own);
    check_cboe_dated(published, "2026-11-23T10:00:00", own);
    // Without a publication, what is known is the underlying's own time: a long weekend of it.
    for unreadable in ["", "today"] {
        check_cboe_dated(unreadable, "2026-11-24T09:00:00", "2026-11-24T14:00:00Z");
        check_cboe_dated(unreadable, "2026-11-25T09:00:00", own);
    }
}

#[test]
fn cboe_about_another_symbol_is_refused() {
    let error = cboe::parse::chain(CBOE, &ticker("AAPL")).unwrap_err();
    assert_eq!(error, ParseError::WrongSymbol { asked: "AAPL".into(), got: "_SPX".into() });
    // The envelope says one thing, all rows another.
    let body =
        br#"{"symbol":"AAPL","data":{"symbol":"AAPL","options":[{"option":"MSFT261218C00400000","bid":1,"ask":2}]}}"#;
    let error = cboe::parse::chain(body, &ticker("AAPL")).unwrap_err();
    assert_eq!(error, ParseError::WrongSymbol { asked: "AAPL".into(), got: "MSFT261218C00400000".into() });
}

fn check_cboe_changed(options: &str, expected: &str) {
    let body = format!("{{\"symbol\":\"AAPL\",\"data\":{{\"symbol\":\"AAPL\",\"options\":{options}}}}}");
    let error = cboe::parse::chain(body.as_bytes(), &ticker("AAPL")).unwrap_err().to_string();
    assert!(error.contains(expected), "{error}");
}

#[test]
fn a_changed_layout_is_an_error_and_never_an_empty_chain() {
    check_cboe_changed("null", "`data.options` is null");
    check_cboe_changed("{}", "`data.options` is an object");
    check_cboe_changed(r#"[{"contract":"AAPL261218C00230000","bid":1,"ask":2}]"#, "none of the 1 rows can be read");
    check_cboe_changed(r#"[{"option":"AAPL261218C00230000","b":1,"a":2}]"#, "no row has a `bid` or an `ask` field");
    check_cboe_changed(r#"[{"option":"AAPL 261218 C 230","bid":1,"ask":2}]"#, "bad_symbol (`AAPL 261218 C 230`)");
    let none = br#"{"symbol":"AAPL","data":{"symbol":"AAPL","options":[]}}"#;
    assert_eq!(cboe::parse::chain(none, &ticker("AAPL")).unwrap().rows(), 0, "no options is an answer");
}

#[test]
fn yahoo_keeps_or_refuses_every_row() {
    let page = page();
    assert_eq!(page.expiration, Some(date(2026, 12, 18)));
    assert_eq!(page.listed, [date(2026, 11, 27), date(2026, 12, 18), date(2027, 1, 16)]);
    assert_eq!(page.rows.len(), 5);
    assert_eq!(
        reasons(&page.refused),
        [
            ("TESTX261218C00110000", "contradiction"),
            ("TESTX261218C00110000", "contradiction"),
            ("TESTX261218P00110000", "contradiction"),
            ("OTHER261218C00110000", "contradiction"),
            ("TESTX261218P00100000", "bad_count"),
        ]
    );
    assert!(!page.is_unlisted_date());
}

#[test]
fn yahoo_placeholders_are_nothing() {
    let page = page();
    let live = row(&page.rows, "TESTX261218C00095000");
    assert_eq!((live.bid, live.volume, live.vendor_iv), (Some(price(7.0)), Some(12), Some(0.3141)));
    let dead = row(&page.rows, "TESTX261218C00100000");
    assert_eq!((dead.bid, dead.ask, dead.volume, dead.vendor_iv), (None, None, Some(0), None));
    assert_eq!(row(&page.rows, "TESTX261218C00105000").vendor_iv, None, "1e-5 is where the bisection starts");
    let adjusted = row(&page.rows, "TESTX1261218C00100000");
    assert_eq!((adjusted.open_interest, adjusted.vendor_iv), (None, None));
    assert_eq!(row(&page.rows, "TESTX261218P00095000").bid, None, "a missing bid is no bid");
}

#[test]
fn yahoo_is_dated_by_its_newest_believable_trade() {
    let page = page();
    assert_eq!(page.newest_trade.unwrap().as_second(), 1_795_187_001);
    let spot = page.vendor_spot.unwrap();
    assert_eq!((spot.price, spot.time.unwrap().as_second()), (price(101.37), 1_795_187_400));
}

fn yahoo(result: &str) -> Result<ChainPage, ParseError> {
    let body = format!("{{\"optionChain\":{{\"result\":[{result}],\"error\":null}}}}");
    yahoo::parse::chain_page(body.as_bytes(), &ticker("TESTX"))
}

#[test]
fn yahoo_answers_without_rows() {
    let none = yahoo(r#"{"underlyingSymbol":"TESTX","expirationDates":[],"strikes":[],"options":[]}"#).unwrap();
    assert!(none.listed.is_empty() && none.expiration.is_none() && none.rows.is_empty());
    let block = r#""options":[{"expirationDate":1795651200,"calls":[],"puts":[]}]"#;
    let unlisted = yahoo(&format!(r#"{{"underlyingSymbol":"TESTX","expirationDates":[1795737600],{block}}}"#)).unwrap();
    assert!(unlisted.is_unlisted_date());
    assert_eq!(yahoo("").unwrap_err(), ParseError::NotFound);
    let wrong = yahoo(r#"{"underlyingSymbol":"AAPL","expirationDates":[],"options":[]}"#).unwrap_err();
    assert_eq!(wrong, ParseError::WrongSymbol { asked: "TESTX".into(), got: "AAPL".into() });
}

#[test]
fn a_one_sided_chain_is_a_chain() {
    let put = r#"{"contractSymbol":"TESTX261127P00100000","strike":100,"bid":1,"ask":2,"expiration":1795737600}"#;
    let block = format!(r#""options":[{{"expirationDate":1795737600,"calls":[],"puts":[{put}]}}]"#);
    let page = yahoo(&format!(r#"{{"underlyingSymbol":"TESTX","expirationDates":[1795737600],{block}}}"#)).unwrap();
    assert_eq!((page.rows.len(), page.refused.len()), (1, 0));
    assert_eq!(page.newest_trade, None);
}

fn check_yahoo_changed(rest: &str, expected: &str) {
    let error = yahoo(&format!(r#"{{"underlyingSymbol":"TESTX",{rest}}}"#)).unwrap_err().to_string();
    assert!(error.contains(expected), "{error}");
}

#[test]
fn a_changed_page_is_an_error_and_never_a_symbol_without_options() {
    check_yahoo_changed(r#""options":[]"#, "`expirationDates` is missing");
    check_yahoo_changed(r#""expirationDates":["x"],"options":[]"#, "holds something that is no date");
    check_yahoo_changed(r#""expirationDates":[1795737600],"options":[]"#, "there is no block of options");
    check_yahoo_changed(r#""expirationDates":[1795737600]"#, "`options` is missing");
    let block = |inside: &str| format!(r#""expirationDates":[1795737600],"options":[{{{inside}}}]"#);
    check_yahoo_changed(&block(r#""calls":[],"puts":[]"#), "`expirationDate` is missing");
    check_yahoo_changed(&block(r#""expirationDate":1795737600,"puts":[]"#), "`calls` is missing");
    check_yahoo_changed(
        &block(r#""expirationDate":1795737600,"calls":[],"puts":[{"symbol":"x"}]"#),
        "none of the 1 rows",
    );
    let bare = r#"{"contractSymbol":"TESTX261127P00100000","strike":100}"#;
    check_yahoo_changed(
        &block(&format!(r#""expirationDate":1795737600,"calls":[],"puts":[{bare}]"#)),
        "no row has a `bid`",
    );
}
