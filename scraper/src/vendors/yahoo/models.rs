//! The wire shapes of Yahoo's options, chart and error bodies, as they are. Only what we read.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::vendors::field::{Field, Flag, List, Number, Object, Text};

/// Any body: exactly one of the keys is there.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Envelope<'a> {
    /// Options.
    #[serde(borrow, rename = "optionChain")]
    pub option_chain: Object<Answer<'a, OptionResult<'a>>>,
    /// Bars.
    #[serde(borrow)]
    pub chart: Object<Answer<'a, ChartResult<'a>>>,
    /// Errors of the gateway before the API (unauthorized, unknown errors).
    #[serde(borrow)]
    pub finance: Object<Answer<'a, Nothing>>,
}

/// `{"result": [..] or null, "error": null or {..}}`
#[derive(Debug, PartialEq, Deserialize)]
#[serde(bound(deserialize = "R: Deserialize<'de>"))]
pub struct Answer<'a, R> {
    /// One result, or none.
    #[serde(default)]
    pub result: List<Object<R>>,
    /// The vendor's own error.
    #[serde(borrow, default)]
    pub error: Object<VendorError<'a>>,
}

/// A result nothing is read of.
#[derive(Debug, Default, PartialEq, Deserialize)]
pub struct Nothing {}

/// The vendor's own error.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct VendorError<'a> {
    /// `Not Found`, `Unauthorized`, `Bad Request`.
    #[serde(borrow)]
    pub code: Text<'a>,
    /// A sentence.
    #[serde(borrow)]
    pub description: Text<'a>,
}

/// One underlying's options of one expiration.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct OptionResult<'a> {
    /// `AAPL`, `BRK-B`, `^SPX`.
    #[serde(borrow)]
    pub underlying_symbol: Text<'a>,
    /// Every listed expiration, epoch seconds of midnight UTC.
    pub expiration_dates: List<Number>,
    /// The underlying.
    #[serde(borrow)]
    pub quote: Object<UnderlyingQuote<'a>>,
    /// No element when the symbol has no options, else one.
    #[serde(borrow)]
    pub options: List<Object<ExpirationBlock<'a>>>,
}

/// The underlying's own quote.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct UnderlyingQuote<'a> {
    /// `EQUITY`, `ETF`, `INDEX`, …
    #[serde(borrow)]
    pub quote_type: Text<'a>,
    /// Dollars.
    pub regular_market_price: Number,
    /// Epoch seconds.
    pub regular_market_time: Number,
    /// Annual fraction; unreliable (`dividendYield` beside it is in percent).
    pub trailing_annual_dividend_yield: Number,
    /// Dollars.
    pub market_cap: Number,
    /// Epoch seconds of a report, often the last one.
    pub earnings_timestamp: Number,
    /// Epoch seconds: the next report is not earlier.
    pub earnings_timestamp_start: Number,
    /// Epoch seconds: the next report is not later.
    pub earnings_timestamp_end: Number,
    /// Whether the next report is an estimate. Bodies before about 2024 do not say.
    pub is_earnings_date_estimate: Flag,
}

/// One expiration's rows.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ExpirationBlock<'a> {
    /// Epoch seconds of midnight UTC.
    pub expiration_date: Number,
    /// Calls.
    #[serde(borrow)]
    pub calls: List<Object<Row<'a>>>,
    /// Puts.
    #[serde(borrow)]
    pub puts: List<Object<Row<'a>>>,
}

/// One contract.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Row<'a> {
    /// Compact OCC symbol.
    #[serde(borrow)]
    pub contract_symbol: Text<'a>,
    /// Dollars.
    pub strike: Number,
    /// Epoch seconds of midnight UTC of the expiration's date.
    pub expiration: Number,
    /// Dollars per share; may be days old.
    pub last_price: Number,
    /// Epoch seconds.
    pub last_trade_date: Number,
    /// Dollars per share; 0 is "no quote".
    pub bid: Number,
    /// Dollars per share; 0 is "no quote".
    pub ask: Number,
    /// Contracts traded this session; missing means none.
    pub volume: Number,
    /// Open contracts, previous session.
    pub open_interest: Number,
    /// Annual fraction, often a placeholder.
    pub implied_volatility: Number,
}

/// One instrument's bars.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct ChartResult<'a> {
    /// About the instrument.
    #[serde(borrow)]
    pub meta: Object<ChartMeta<'a>>,
    /// Epoch seconds; absent when there are no bars.
    pub timestamp: List<Number>,
    /// Dividends and splits.
    pub events: Object<ChartEvents>,
    /// The numbers.
    pub indicators: Object<Indicators>,
}

/// About the instrument of a chart.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ChartMeta<'a> {
    /// As Yahoo spells it.
    #[serde(borrow)]
    pub symbol: Text<'a>,
    /// `1d`.
    #[serde(borrow)]
    pub data_granularity: Text<'a>,
    /// Seconds east of UTC.
    pub gmtoffset: Number,
    /// `America/New_York`.
    #[serde(borrow)]
    pub exchange_timezone_name: Text<'a>,
}

/// Dividends and splits. Capital gains, which funds distribute beside them, are not read.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct ChartEvents {
    /// By epoch seconds as text; of old ones the key is another instant than the dividend's own.
    pub dividends: Field<BTreeMap<String, Object<Dividend>>>,
    /// By epoch seconds as text.
    pub splits: Field<BTreeMap<String, Object<Split>>>,
}

/// One cash dividend.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Dividend {
    /// Dollars per share, split-adjusted.
    pub amount: Number,
    /// Epoch seconds of the open of the first session without it.
    pub date: Number,
}

/// One split.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Split {
    /// Epoch seconds.
    pub date: Number,
}

/// The numbers of a chart.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Indicators {
    /// One element.
    pub quote: List<Object<QuoteArrays>>,
}

/// Parallel arrays, one element a timestamp, `null` where there was no trade.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct QuoteArrays {
    /// Dollars, split-adjusted.
    pub open: List<Number>,
    /// Dollars, split-adjusted.
    pub high: List<Number>,
    /// Dollars, split-adjusted.
    pub low: List<Number>,
    /// Dollars, split-adjusted.
    pub close: List<Number>,
    /// Shares or contracts.
    pub volume: List<Number>,
}
