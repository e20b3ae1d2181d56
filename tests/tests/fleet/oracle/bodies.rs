//! The market's raw bodies, read with nothing but a JSON tree: what the oracle knows of a ticker.

use fleet_tests::market::Market;
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use serde_json::Value;

use super::calendar;

/// One row of a CBOE chain.
#[derive(Debug, Clone)]
pub struct Row {
    /// The OCC symbol as written.
    pub symbol: String,
    pub root: String,
    pub expiration: Date,
    pub call: bool,
    pub strike: f64,
    /// 0 where nobody bids.
    pub bid: f64,
    /// 0 where nobody offers.
    pub ask: f64,
    pub open_interest: f64,
    pub volume: f64,
}

/// A CBOE chain.
#[derive(Debug, Clone)]
pub struct Chain {
    pub rows: Vec<Row>,
    pub vendor_spot: f64,
    pub spot_time: Timestamp,
    pub quote_time: Timestamp,
}

/// One day of a Yahoo chart.
#[derive(Debug, Clone, Copy)]
pub struct Day {
    pub date: Date,
    pub open: f64,
    pub high: f64,
    pub low: f64,
    pub close: f64,
    pub volume: f64,
}

/// A Yahoo chart.
#[derive(Debug, Clone, Default)]
pub struct Chart {
    pub days: Vec<Day>,
    pub last_split: Option<Date>,
    /// Ex-dates and dollars a share.
    pub dividends: Vec<(Date, f64)>,
}

/// Vendors' floats are decimals of a ten-thousandth.
fn exact(dollars: f64) -> f64 {
    (dollars * 10_000.0).round() / 10_000.0
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is not a number"))
}

pub fn new_york_text(text: &str) -> Timestamp {
    let wall: DateTime = text.parse().unwrap_or_else(|why| panic!("{text}: {why}"));
    wall.to_zoned(calendar::NEW_YORK.clone()).expect("in range").timestamp()
}

/// Splits `AAPL270319C00450000` from the right.
fn read_symbol(symbol: &str) -> (String, Date, bool, f64) {
    let (root, tail) = symbol.split_at(symbol.len() - 15);
    let part = |range: std::ops::Range<usize>| tail[range].parse::<i16>().expect("digits");
    let expiration = Date::new(2000 + part(0..2), part(2..4) as i8, part(4..6) as i8).expect("a date");
    (root.to_owned(), expiration, &tail[6..7] == "C", tail[7..].parse::<f64>().expect("digits") / 1000.0)
}

/// The chain of a ticker, from CBOE's page.
pub fn chain(market: &Market, ticker: &str) -> Chain {
    read_chain(&market.json(&format!("/cboe/api/global/delayed_quotes/options/{ticker}.json")))
}

/// A CBOE body. Quotes are as old as the newest of its own and its contracts' last trades.
pub fn read_chain(body: &Value) -> Chain {
    let data = &body["data"];
    let published: DateTime = body["timestamp"].as_str().expect("a time of publication").parse().expect("a time");
    let published = published.to_zoned(jiff::tz::TimeZone::UTC).expect("in range").timestamp();
    let spot_time = new_york_text(data["last_trade_time"].as_str().expect("a text"));
    let mut newest = spot_time;
    let mut rows = Vec::new();
    for option in data["options"].as_array().expect("an array") {
        let symbol = option["option"].as_str().expect("a text").to_owned();
        let (root, expiration, call, strike) = read_symbol(&symbol);
        let traded = option["last_trade_time"].as_str().map(new_york_text);
        // What is later than its own publication has not happened.
        newest = newest.max(traded.filter(|at| *at <= published).unwrap_or(newest));
        rows.push(Row {
            symbol,
            root,
            expiration,
            call,
            strike,
            bid: exact(number(&option["bid"])),
            ask: exact(number(&option["ask"])),
            open_interest: number(&option["open_interest"]),
            volume: number(&option["volume"]),
        });
    }
    Chain { rows, vendor_spot: exact(number(&data["current_price"])), spot_time, quote_time: newest }
}

/// A Yahoo chart body: days with a close and a volume; a date given twice keeps its last row.
pub fn read_chart(body: &Value) -> Chart {
    let result = &body["chart"]["result"][0];
    let mut chart = Chart::default();
    for split in result["events"]["splits"].as_object().into_iter().flatten() {
        let at = Timestamp::from_second(split.1["date"].as_i64().expect("seconds")).expect("in range");
        chart.last_split = chart.last_split.max(Some(calendar::new_york_date(at)));
    }
    for paid in result["events"]["dividends"].as_object().into_iter().flatten() {
        let at = Timestamp::from_second(paid.1["date"].as_i64().expect("seconds")).expect("in range");
        chart.dividends.push((calendar::new_york_date(at), exact(number(&paid.1["amount"]))));
    }
    let quote = &result["indicators"]["quote"][0];
    for (at, time) in result["timestamp"].as_array().into_iter().flatten().enumerate() {
        let (Some(close), Some(volume)) = (quote["close"][at].as_f64(), quote["volume"][at].as_f64()) else { continue };
        let date = calendar::new_york_date(Timestamp::from_second(time.as_i64().expect("seconds")).expect("in range"));
        if chart.days.last().is_some_and(|day| day.date == date) {
            chart.days.pop();
        }
        let price = |name: &str| exact(quote[name][at].as_f64().expect("a day with a close has the other prices"));
        let (open, high, low) = (price("open"), price("high"), price("low"));
        chart.days.push(Day { date, open, high, low, close: exact(close), volume });
    }
    chart
}
