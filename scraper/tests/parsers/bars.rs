//! Yahoo's bars, from our own fixture and from small bodies that hold one trap each.

use fleet_core::domain::{BarSeries, CashDividend, Instrument, OccSymbol, Price, Ticker};
use fleet_scraper::parse_error::ParseError;
use fleet_scraper::vendors::yahoo::parse::bars;
use jiff::civil::date;

pub const BARS: &[u8] = include_bytes!("../../fixtures/yahoo_bars.json");

fn underlying(ticker: &str) -> Instrument {
    Instrument::Underlying(Ticker::parse(ticker).unwrap())
}

/// A body of daily rows with the same number in all four prices.
fn body(symbol: &str, zone: &str, times: &str, prices: &str, volumes: &str) -> String {
    format!(
        r#"{{"chart":{{"result":[{{"meta":{{"symbol":"{symbol}","dataGranularity":"1d",{zone}}},"timestamp":{times},
        "indicators":{{"quote":[{{"open":{prices},"high":{prices},"low":{prices},"close":{prices},"volume":{volumes}}}]}}}}],"error":null}}}}"#
    )
}

const NEW_YORK: &str = r#""gmtoffset":-18000,"exchangeTimezoneName":"America/New_York""#;

fn read(body: &str) -> Result<BarSeries, ParseError> {
    bars(body.as_bytes(), &underlying("TESTX"))
}

#[test]
fn nulls_negatives_and_the_running_session() {
    let series = bars(BARS, &underlying("TESTX")).unwrap();
    let days: Vec<_> =
        series.bars.iter().map(|bar| (bar.date.to_string(), bar.close.to_string(), bar.volume)).collect();
    // A null row and a negative close are incomplete; the session's second row replaces its first.
    assert_eq!(
        days,
        [
            ("2026-11-16".to_owned(), "101.00".to_owned(), 1000),
            ("2026-11-17".to_owned(), "102.25".to_owned(), 2000),
            ("2026-11-20".to_owned(), "105.75".to_owned(), 450),
        ]
    );
    assert_eq!(series.incomplete, 2);
    assert_eq!(series.last_split, Some(date(2026, 11, 17)));
    assert_eq!(series.dividends, Some(vec![paid(date(2026, 11, 16), 0.2)]));
    assert_eq!(series.bars[0].open, Price::from_dollars(100.0).unwrap(), "split-adjusted, not dividend-adjusted");
}

#[test]
fn dates_are_the_exchanges() {
    // 14:30 UTC on 20 November, and the same instant for an exchange ten hours ahead.
    let new_york = read(&body("TESTX", NEW_YORK, "[1795185000]", "[5]", "[1]")).unwrap();
    assert_eq!(new_york.bars[0].date, date(2026, 11, 20));
    let sydney = r#""gmtoffset":36000,"exchangeTimezoneName":"Australia/Sydney""#;
    let ahead = read(&body("TESTX", sydney, "[1795185000]", "[5]", "[1]")).unwrap();
    assert_eq!(ahead.bars[0].date, date(2026, 11, 21));
    let unsaid = read(&body("TESTX", r#""x":1"#, "[1795145400]", "[5]", "[1]")).unwrap();
    assert_eq!(unsaid.bars[0].date, date(2026, 11, 19), "22:30 in New York");
}

/// A body of one row with these events.
fn events(zone: &str, events: &str) -> BarSeries {
    let rows = body("TESTX", zone, "[1795185000]", "[5]", "[1]");
    read(&rows.replacen("\"timestamp\"", &format!("\"events\":{events},\"timestamp\""), 1)).unwrap()
}

fn paid(ex_date: jiff::civil::Date, dollars: f64) -> CashDividend {
    CashDividend { ex_date, amount: Price::from_dollars(dollars).unwrap() }
}

#[test]
fn dividends_go_by_the_ex_date_of_the_exchange() {
    // 14:30 UTC on 20 and on 17 November; the key of an old one is another instant than its own.
    let two = r#"{"dividends":{"1":{"amount":0.62,"date":1795185000},"1794925800":{"amount":0.56,"date":1794925800}}}"#;
    let series = events(NEW_YORK, two);
    assert_eq!(series.dividends, Some(vec![paid(date(2026, 11, 17), 0.56), paid(date(2026, 11, 20), 0.62)]));
    assert_eq!(series.bars[0].close, Price::from_dollars(5.0).unwrap(), "no price is adjusted for them");
    let keyed = events(NEW_YORK, r#"{"dividends":{"1794925800":{"amount":0.56}}}"#);
    assert_eq!(keyed.dividends, Some(vec![paid(date(2026, 11, 17), 0.56)]), "the key dates one without a date");
    // 22:30 in New York is not yet the next day.
    let late = events(NEW_YORK, r#"{"dividends":{"x":{"amount":0.5,"date":1795145400}}}"#);
    assert_eq!(late.dividends, Some(vec![paid(date(2026, 11, 19), 0.5)]));
}

#[test]
fn dividends_that_cannot_be_are_none() {
    for bad in [
        r#"{"dividends":null}"#,
        r#"{"dividends":[]}"#,
        r#"{"dividends":{"1794925800":null}}"#,
        r#"{"dividends":{"1794925800":{"date":1794925800}}}"#,
        r#"{"dividends":{"1794925800":{"amount":0,"date":1794925800}}}"#,
        r#"{"dividends":{"1794925800":{"amount":-0.5,"date":1794925800}}}"#,
        r#"{"dividends":{"1794925800":{"amount":"NaN","date":1794925800}}}"#,
        r#"{"dividends":{"x":{"amount":0.5}}}"#,
        r#"{"dividends":{"x":{"amount":0.5,"date":1e300}}}"#,
    ] {
        assert_eq!(events(NEW_YORK, bad).dividends, Some(Vec::new()), "{bad}");
    }
}

#[test]
fn rows_may_come_in_any_order() {
    let series = read(&body("TESTX", NEW_YORK, "[1795185000,1794839400]", "[6,5]", "[1,1]")).unwrap();
    assert!(series.bars.is_sorted_by_key(|bar| bar.date));
    assert_eq!(series.bars.len(), 2);
}

#[test]
fn a_contracts_row_without_volume_is_no_bar() {
    let symbol = "TESTX261218C00100000";
    let text = body(symbol, NEW_YORK, "[1794839400,1794925800]", "[5,5]", "[0,3]");
    let series = bars(text.as_bytes(), &Instrument::Contract(OccSymbol::parse(symbol).unwrap())).unwrap();
    assert_eq!((series.bars.len(), series.incomplete), (1, 1));
    let fund = body("TESTX", NEW_YORK, "[1794839400,1794925800]", "[5,5]", "[0,3]");
    assert_eq!(read(&fund).unwrap().bars.len(), 2, "an index or a fund has no volume");
}

#[test]
fn a_contract_that_never_traded_is_an_empty_series() {
    let symbol = "TESTX261218C00100000";
    let text = format!(
        r#"{{"chart":{{"result":[{{"meta":{{"symbol":"{symbol}"}},"indicators":{{"quote":[{{}}]}}}}],"error":null}}}}"#
    );
    let series = bars(text.as_bytes(), &Instrument::Contract(OccSymbol::parse(symbol).unwrap())).unwrap();
    assert_eq!((series.bars.len(), series.incomplete), (0, 0));
}

fn check(body: &str, expected: &str) {
    let error = read(body).unwrap_err().to_string();
    assert!(error.contains(expected), "{error}");
}

#[test]
fn what_is_no_series_is_an_error() {
    check(&body("OTHER", NEW_YORK, "[1]", "[1]", "[1]"), "asked for TESTX, the answer is about OTHER");
    check(&body("TESTX", NEW_YORK, "null", "[1]", "[1]"), "`timestamp` is null, beside 1 closes");
    check(&body("TESTX", NEW_YORK, "[1,2]", "[1]", "[1]"), "2 timestamps beside 1 values of `open`");
    check(&body("TESTX", NEW_YORK, "[1]", "null", "[1]"), "1 timestamps, and no `open`");
    check(&body("TESTX", NEW_YORK, "[1]", "{}", "[1]"), "`close` is an object, not an array");
    check(&body("TESTX", NEW_YORK, "[1]", "[1]", "[1]").replace("\"1d\"", "\"1h\""), "bars of 1h where daily");
    check(r#"{"chart":{"result":null,"error":null}}"#, "`chart.result` is null");
    check(r#"{"optionChain":{"result":[],"error":null}}"#, "`chart` is missing");
    assert_eq!(read(r#"{"chart":{"result":[],"error":null}}"#).unwrap_err(), ParseError::NotFound);
    let gone = r#"{"chart":{"result":null,"error":{"code":"Not Found","description":"No data found"}}}"#;
    assert_eq!(read(gone).unwrap_err(), ParseError::NotFound);
}

#[test]
fn absurd_numbers_cost_one_row() {
    let zeros = read(&body("TESTX", NEW_YORK, "[1794839400,1794925800]", "[0,5]", "[1,1]")).unwrap();
    assert_eq!((zeros.bars.len(), zeros.incomplete), (1, 1));
    let times = read(&body("TESTX", NEW_YORK, "[1e300,1794925800]", "[5,5]", "[1,1]")).unwrap();
    assert_eq!((times.bars.len(), times.incomplete), (1, 1));
    let texts = read(&body("TESTX", NEW_YORK, "[\"x\",1794925800]", "[5,5]", "[1,1]")).unwrap();
    assert_eq!((texts.bars.len(), texts.incomplete), (1, 1));
}

#[test]
fn a_price_that_cannot_be_is_told_apart_from_a_null() {
    let text = body("TESTX", NEW_YORK, "[1794839400,1794925800,1795012200]", "[0,5,null]", "[1,1,1]");
    let reading = fleet_scraper::vendors::yahoo::parse::read_bars(text.as_bytes()).unwrap();
    assert_eq!((reading.bars.len(), reading.incomplete, reading.rows), (1, 1, 3));
    assert_eq!(reading.impossible, [date(2026, 11, 16)]);
    assert_eq!(read(&text).unwrap().incomplete, 2);
    let upside_down = body("TESTX", NEW_YORK, "[1794839400]", "[5]", "[1]").replacen("\"low\":[5]", "\"low\":[6]", 1);
    assert_eq!(read(&upside_down).unwrap().incomplete, 1, "a low above the high");
}
