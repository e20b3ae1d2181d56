//! Robinhood's bodies: our fixtures, recorded bodies, and bodies that mean harm.

use std::collections::BTreeMap;

use fleet_core::domain::{Instrument, OccSymbol, OptionKind, Price, Ticker};
use fleet_scraper::inspect::{Kind, Verdict, inspect};
use fleet_scraper::parse_error::ParseError;
use fleet_scraper::vendors::robinhood::{Uuid, parse};
use jiff::civil::date;

use crate::captures::{captures, read};

pub const EQUITY: &[u8] = include_bytes!("../../fixtures/robinhood_equity.json");
pub const CHAINS: &[u8] = include_bytes!("../../fixtures/robinhood_chains.json");
pub const CONTRACTS: &[u8] = include_bytes!("../../fixtures/robinhood_instruments.json");
pub const MARKS: &[u8] = include_bytes!("../../fixtures/robinhood_marks.json");
pub const QUOTE: &[u8] = include_bytes!("../../fixtures/robinhood_quote.json");
pub const BARS: &[u8] = include_bytes!("../../fixtures/robinhood_bars.json");
pub const CONTRACT_BARS: &[u8] = include_bytes!("../../fixtures/robinhood_contract_bars.json");

fn testx() -> Ticker {
    Ticker::parse("TESTX").unwrap()
}

fn id(last: u128) -> Uuid {
    Uuid::from_bits(0x6e29_80cb_87e9_45bc_abd8_0000_0000_0000 + last)
}

fn occ(text: &str) -> OccSymbol {
    OccSymbol::parse(text).unwrap()
}

fn dollars(text: &str) -> Option<Price> {
    Some(Price::from_dollars(text.parse().unwrap()).unwrap())
}

#[test]
fn a_stock_is_found_by_its_code_and_no_other() {
    assert_eq!(parse::equity(EQUITY, &testx()).unwrap().to_string(), "0ab4f79f-c84a-4f7b-8132-000000000075");
    let other = parse::equity(EQUITY, &Ticker::parse("AAPL").unwrap());
    assert_eq!(other, Err(ParseError::WrongSymbol { asked: "AAPL".into(), got: "TESTX".into() }));
    assert_eq!(parse::equity(br#"{"results":[],"next":null}"#, &testx()), Err(ParseError::NotFound));
}

#[test]
fn chains_are_standard_adjusted_or_dead() {
    let chains = parse::chains(CHAINS).unwrap();
    let told: Vec<_> = chains.iter().map(|c| (c.symbol.as_str(), c.is_standard, c.expirations.len())).collect();
    assert_eq!(told, [("TESTX", true, 2), ("TESTX1", false, 1), ("TESTX", true, 0)]);
    assert_eq!(chains[0].expirations, [date(2026, 11, 27), date(2026, 12, 18)], "in order");
}

#[test]
fn a_page_of_contracts_names_each_and_refuses_what_is_none() {
    let page = parse::contracts(CONTRACTS).unwrap();
    let told: Vec<_> = page.contracts.iter().map(|c| (c.id, c.symbol.to_string())).collect();
    assert_eq!(
        told,
        [
            (id(1), "TESTX261218C00105000".to_owned()),
            (id(2), "TESTX261218P00105000".to_owned()),
            (id(3), "TESTX261127C00102500".to_owned()),
        ]
    );
    let refused: Vec<_> = page.refused.iter().map(|row| (row.symbol.as_str(), row.reason.word())).collect();
    assert_eq!(
        refused,
        [
            ("TESTX 2026-12-18 straddle 100.0000", "bad_symbol"),
            ("TESTX 2026-12-18 call 100.00005", "bad_price"),
            ("TESTX ? ? ?", "missing_field"),
        ]
    );
    assert_eq!(page.next.as_deref(), Some("https://api.robinhood.com/options/instruments/?cursor=cD0yJTNE"));
}

#[test]
fn marks_are_joined_to_the_contracts_that_were_asked_for() {
    let asked = BTreeMap::from([
        (id(1), occ("TESTX261218C00105000")),
        (id(2), occ("TESTX261218P00105000")),
        (id(3), occ("TESTX261127C00102500")),
        (id(4), occ("TESTX261127P00102500")),
    ]);
    let read = parse::marks(MARKS, &asked).unwrap();
    assert_eq!(read.quotes.len(), 2);
    let call = &read.quotes[0];
    assert_eq!((call.symbol.kind, call.bid, call.ask), (OptionKind::Call, dollars("1.23"), dollars("1.25")));
    assert_eq!((call.volume, call.open_interest, call.vendor_iv), (Some(97), Some(1724), Some(0.264_583)));
    assert_eq!(call.last, None, "a trade without its time is none");
    let put = &read.quotes[1];
    assert_eq!((put.bid, put.vendor_iv, put.volume), (None, None, Some(0)), "0 is nobody, null is nothing");
    let refused: Vec<_> = read.refused.iter().map(|row| (row.symbol.as_str(), row.reason.word())).collect();
    assert_eq!(refused, [("TESTX261127C00102500", "bad_price"), ("TESTX261127P00102500", "missing_field")]);
    assert_eq!(read.times.iter().max().unwrap().to_string(), "2026-11-20T15:29:59.823367617Z");
}

#[test]
fn a_mark_of_another_contract_is_never_taken() {
    let wrong = BTreeMap::from([(id(1), occ("TESTX261218C00110000")), (id(2), occ("TESTX261218P00105000"))]);
    let read = parse::marks(MARKS, &wrong).unwrap();
    assert_eq!(read.quotes.iter().map(|quote| quote.symbol).collect::<Vec<_>>(), [occ("TESTX261218P00105000")]);
    assert!(
        read.refused.iter().any(|row| row.reason.word() == "contradiction" && row.symbol == "TESTX261218C00110000")
    );
    let twice =
        String::from_utf8_lossy(MARKS).replace("000000000002", "000000000001").replace("P00105000", "C00105000");
    let asked = BTreeMap::from([(id(1), occ("TESTX261218C00105000"))]);
    let read = parse::marks(twice.as_bytes(), &asked).unwrap();
    assert_eq!(read.quotes.len(), 2, "which of two marks is right is not for a reader to choose: {read:?}");
    let stranger = parse::marks(MARKS, &BTreeMap::new()).unwrap();
    assert!(stranger.quotes.is_empty() && stranger.refused.len() == 3, "{stranger:?}");
}

#[test]
fn the_price_of_a_stock_has_its_time() {
    let spot = parse::spot(QUOTE, &testx()).unwrap().unwrap();
    assert_eq!(Some(spot.price), dollars("103.12"));
    assert_eq!(spot.time.unwrap().to_string(), "2026-11-20T15:29:58.1Z");
    assert!(matches!(parse::spot(QUOTE, &Ticker::parse("AAPL").unwrap()), Err(ParseError::WrongSymbol { .. })));
    assert_eq!(parse::spot(br#"{"symbol":"TESTX","last_trade_price":null}"#, &testx()), Ok(None));
}

#[test]
fn points_nobody_traded_are_no_bars() {
    let range = (date(2026, 11, 17), date(2026, 11, 19));
    let series = parse::bars(BARS, &Instrument::Underlying(testx()), None, range).unwrap();
    assert_eq!(series.dividends, None, "it tells nobody's");
    let days: Vec<_> = series.bars.iter().map(|bar| (bar.date, bar.volume)).collect();
    assert_eq!(days, [(date(2026, 11, 17), 51_234), (date(2026, 11, 19), 48_000)], "in the range, not interpolated");
    assert_eq!(Some(series.bars[0].low), dollars("100.25"));
    let all = (date(2026, 1, 1), date(2026, 12, 31));
    let contract = Instrument::Contract(occ("TESTX261218C00105000"));
    let series = parse::bars(CONTRACT_BARS, &contract, Some(id(1)), all).unwrap();
    assert_eq!(series.bars.iter().map(|bar| bar.date).collect::<Vec<_>>(), [date(2026, 11, 17)]);
    assert_eq!(series.incomplete, 2, "one without volume, one without high and low");
    assert!(matches!(parse::bars(CONTRACT_BARS, &contract, Some(id(2)), all), Err(ParseError::WrongSymbol { .. })));
    let other = Instrument::Underlying(Ticker::parse("AAPL").unwrap());
    assert!(matches!(parse::bars(BARS, &other, None, all), Err(ParseError::WrongSymbol { .. })));
    let weekly = String::from_utf8_lossy(BARS).replace("\"day\"", "\"week\"");
    let error = parse::bars(weekly.as_bytes(), &Instrument::Underlying(testx()), None, all).unwrap_err();
    assert!(error.to_string().contains("bars of a week"), "{error}");
}

/// A fixture with one text replaced.
fn changed(body: &[u8], from: &str, to: &str) -> Vec<u8> {
    let text = String::from_utf8_lossy(body);
    assert!(text.contains(from), "{from} is not in the fixture");
    text.replacen(from, to, 1).into_bytes()
}

#[test]
fn one_bad_mark_costs_one_mark() {
    #[track_caller]
    fn check(from: &str, to: &str, reason: &str) {
        let read = parse::read_marks(&changed(MARKS, from, to)).unwrap();
        let words: Vec<_> = read.refused.iter().map(|row| row.reason.word()).collect();
        assert_eq!(words, [reason, "bad_price"], "{to}");
    }
    let bid = r#""bid_price":"1.230000""#;
    for bad in ["-1.23", "1e3", "NaN", "", "1,23", "99999999999"] {
        check(bid, &format!("\"bid_price\":\"{bad}\""), "bad_price");
    }
    for wrong in ["1.23", "[]", "{}", "true"] {
        check(bid, &format!("\"bid_price\":{wrong}"), "missing_field");
    }
    check(r#""volume":97"#, r#""volume":-5"#, "bad_count");
    check(r#""volume":97"#, r#""volume":0.5"#, "bad_count");
    check(r#""open_interest":1724"#, r#""open_interest":1e300"#, "bad_count");
    check(r#""implied_volatility":"0.264583""#, r#""implied_volatility":"high""#, "bad_price");
    check(r#""updated_at":"2026-11-20T15:29:59.823367617Z""#, r#""updated_at":"just now""#, "missing_field");
    check("TESTX 261218C00105000", "TESTX", "bad_symbol");
    check(
        r#""instrument_id":"6e2980cb-87e9-45bc-abd8-000000000001""#,
        r#""instrument_id":"6e2980cb-87e9-45bc-abd8-0000000000ff""#,
        "contradiction",
    );
}

#[test]
fn bodies_that_are_no_answer_are_refused() {
    type Reader = fn(&[u8]) -> Option<ParseError>;
    let readers: [(&str, Reader); 6] = [
        ("equity", |body| parse::equity(body, &testx()).err()),
        ("chains", |body| parse::chains(body).err()),
        ("contracts", |body| parse::contracts(body).err()),
        ("marks", |body| parse::read_marks(body).err()),
        ("spot", |body| parse::spot(body, &testx()).err()),
        ("bars", |body| parse::read_bars(body).err()),
    ];
    let deep = "[".repeat(100_000);
    for (name, reader) in readers {
        let word = |body: &[u8]| reader(body).map(|error| error.into_failure().word());
        for body in ["", " ", "null", "{}", "[]", "\0\0", "<html>", &deep, &format!("{{\"results\":{deep}")] {
            assert_eq!(word(body.as_bytes()), Some("malformed"), "{name}: {:.40}", body);
        }
        assert_eq!(word(b"Too Many Requests"), Some("throttled"), "{name}");
        assert_eq!(word(br#"{"detail":"Invalid token."}"#), Some("unauthorized"), "{name}");
        assert_eq!(word(include_bytes!("../../fixtures/challenge.html")), Some("blocked"), "{name}");
    }
    for body in [EQUITY, CHAINS, CONTRACTS, MARKS, QUOTE, BARS, CONTRACT_BARS] {
        for end in 0..body.len() - 1 {
            assert!(readers.iter().all(|(_, reader)| reader(&body[..end]).is_some()), "cut at {end} and read");
        }
    }
}

#[test]
fn a_changed_layout_is_an_error() {
    let renamed = String::from_utf8_lossy(MARKS).replace("bid_price", "bid").replace("ask_price", "ask");
    let error = parse::read_marks(renamed.as_bytes()).unwrap_err().to_string();
    assert!(error.contains("the layout changed"), "{error}");
    let renamed = String::from_utf8_lossy(CONTRACTS).replace("strike_price", "strike");
    assert!(parse::contracts(renamed.as_bytes()).unwrap_err().to_string().contains("none of the 6 contracts"));
    let renamed = String::from_utf8_lossy(CHAINS).replace("expiration_dates", "expirations");
    assert!(parse::chains(renamed.as_bytes()).unwrap_err().to_string().contains("`expiration_dates`"));
}

#[test]
fn fixtures_are_told_by_their_content() {
    for (body, kind, rows) in [
        (CHAINS, Kind::RobinhoodChains, 3),
        (CONTRACTS, Kind::RobinhoodInstruments, 3),
        (MARKS, Kind::RobinhoodMarks, 2),
        (BARS, Kind::RobinhoodHistoricals, 3),
        (CONTRACT_BARS, Kind::RobinhoodHistoricals, 2),
    ] {
        let found = inspect(body, None);
        assert_eq!((found.kind, found.verdict, found.rows), (kind, Verdict::Understood, rows), "{found:?}");
    }
}

/// Recorded bodies: kind, verdict and rows as a person counted them.
#[test]
fn every_recording_is_understood_or_refused_with_its_reason() {
    let Some(folder) = captures() else { return };
    let check = |file: &str, kind: Kind, verdict: Verdict, rows: u64, words: &str| {
        let found = inspect(&read(&folder, &format!("robinhood/{file}")), None);
        assert_eq!((found.kind, found.verdict, found.rows), (kind, verdict, rows), "{file}: {}", found.detail);
        assert!(found.lines().join("\n").contains(words), "{file}: {:?}", found.lines());
    };
    use Kind::{
        ErrorBody, RobinhoodChains, RobinhoodHistoricals, RobinhoodInstruments as Instruments, RobinhoodMarks, Unknown,
    };
    use Verdict::{NoBars, NoOptions, Understood, Unrecognised, VendorError};
    check("options_chains_get.0.json", RobinhoodChains, Understood, 750, "423 of them with expirations");
    check("options_chains_optionChainId_get.0.json", RobinhoodChains, NoOptions, 1, "none with an expiration");
    check("excerpts/option_chain_MRO_2020.json", RobinhoodChains, Understood, 1, "12, from 2020-06-19 to 2022-01-21");
    check("options_instruments_get.0.json", Instruments, Understood, 1, "another_page: no");
    check("options_instruments_id_get.0.json", Instruments, Understood, 1, "roots: SPY");
    check("excerpts/option_instrument_IWM_20260106.json", Instruments, Understood, 1, "roots: IWM");
    check("marketdata_options_get.0.json", RobinhoodMarks, Understood, 1, "do not name their contract");
    check("marketdata_options_id_get.0.json", RobinhoodMarks, Understood, 1, "bid_zero 1");
    check("excerpts/option_marketdata_IWM_20260116.json", RobinhoodMarks, Understood, 1, "1 of them with a bid below");
    for file in ["marketdata_options_historicals_get.0.json", "marketdata_options_historicals_id_get.0.json"] {
        check(file, RobinhoodHistoricals, NoBars, 0, "120 of them filled in");
    }
    let credentials = "Authentication credentials were not provided.";
    for file in ["marketdata_options_get.1.json", "options_chains_get.1.json", "options_instruments_get.1.json"] {
        check(file, ErrorBody, VendorError, 0, credentials);
    }
    check("options_instruments_id_get.1.json", ErrorBody, VendorError, 0, credentials);
    check("marketdata_options_get.2.json", ErrorBody, VendorError, 0, "instruments: Invalid instrument url(s).");
    for folder in ["marketdata_options_historicals_get", "marketdata_options_historicals_id_get"] {
        check(&format!("{folder}.1.json"), ErrorBody, VendorError, 0, "Unable to log in");
        check(&format!("{folder}.2.json"), ErrorBody, VendorError, 0, "interval: This field is required.");
        check(&format!("{folder}.3.json"), ErrorBody, VendorError, 0, "is not a valid choice");
    }
    check("schema_2026_routes_options.json", Unknown, Unrecognised, 0, "no kind of body we read");
}

#[test]
fn recorded_values_are_exact() {
    let Some(folder) = captures() else { return };
    let body = |file: &str| read(&folder, &format!("robinhood/{file}"));
    let mark = &parse::read_marks(&body("excerpts/option_marketdata_IWM_20260116.json")).unwrap().rows[0];
    assert_eq!((mark.bid, mark.ask), (dollars("0.37"), dollars("0.39")));
    assert_eq!((mark.volume, mark.open_interest, mark.vendor_iv), (Some(10_897), Some(1_724), Some(0.164_583)));
    assert_eq!(mark.symbol, Some(occ("IWM260120P00263000")));
    let listed = parse::contracts(&body("excerpts/option_instrument_IWM_20260106.json")).unwrap().contracts[0];
    assert_eq!((Some(listed.symbol), listed.id), (mark.symbol, mark.id));
    let old = &parse::read_marks(&body("marketdata_options_get.0.json")).unwrap().rows[0];
    assert_eq!((old.bid, old.ask, old.symbol, old.updated_at), (None, dollars("0.12"), None, None));
    let chains = parse::chains(&body("options_chains_get.0.json")).unwrap();
    let adjusted = chains.iter().filter(|chain| !chain.is_standard).count();
    assert_eq!(adjusted, 198, "by a digit in the root, cash, or another multiplier");
}
