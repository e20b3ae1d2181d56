//! Yahoo's two large bodies, read quickly when they look exactly as they always do.
//!
//! A scan reads hundreds of megabytes of chains, nearly all of it in one shape. This reader knows only that shape and a
//! subset of JSON: known fields of the usual type, texts without escapes in plain ASCII, no key twice. Promises: what it
//! reads is what serde reads of the same bytes, value for value; tests compare the two on every recorded body and on
//! thousands of damaged ones. Refuses (`None`) everything else, also what is merely unusual: then serde reads the body
//! and says what is wrong with it.

mod scan;

use super::models::{
    ChartEvents, ChartMeta, ChartResult, Dividend, ExpirationBlock, Indicators, OptionResult, QuoteArrays, Row, Split,
    UnderlyingQuote,
};
use scan::Scan;

/// Rows of one side of an expiration, to begin with: most have fewer.
const USUAL_ROWS: usize = 128;

/// The one result of an options body.
pub fn options(bytes: &[u8]) -> Option<OptionResult<'_>> {
    only_result(bytes, b"optionChain", option_result)
}

/// The one result of a chart body.
pub fn chart(bytes: &[u8]) -> Option<ChartResult<'_>> {
    only_result(bytes, b"chart", chart_result)
}

/// `{"<name>":{"result":[one],"error":null}}`
fn only_result<'a, T>(bytes: &'a [u8], name: &[u8], read: impl Fn(&mut Scan<'a>) -> Option<T>) -> Option<T> {
    let mut scan = Scan::of(bytes)?;
    let mut found = None;
    scan.object(|scan, key| {
        if key != name || found.is_some() {
            return None;
        }
        let mut error_seen = false;
        scan.object(|scan, key| match key {
            b"result" if found.is_none() => {
                scan.token(b'[')?;
                found = Some(read(scan)?);
                scan.token(b']')
            }
            b"error" if !error_seen => {
                error_seen = true;
                scan.literal(b"null")
            }
            _ => None,
        })
    })?;
    scan.end()?;
    found
}

fn option_result<'a>(scan: &mut Scan<'a>) -> Option<OptionResult<'a>> {
    let mut result = OptionResult::default();
    scan.object(|scan, key| match key {
        b"underlyingSymbol" => scan.text(&mut result.underlying_symbol),
        b"expirationDates" => scan.numbers(&mut result.expiration_dates),
        b"quote" => scan.shape(&mut result.quote, |scan, quote: &mut UnderlyingQuote<'a>, key| match key {
            b"regularMarketPrice" => scan.number(&mut quote.regular_market_price),
            b"regularMarketTime" => scan.number(&mut quote.regular_market_time),
            b"trailingAnnualDividendYield" => scan.number(&mut quote.trailing_annual_dividend_yield),
            b"quoteType" => scan.text(&mut quote.quote_type),
            b"marketCap" => scan.number(&mut quote.market_cap),
            b"earningsTimestamp" => scan.number(&mut quote.earnings_timestamp),
            b"earningsTimestampStart" => scan.number(&mut quote.earnings_timestamp_start),
            b"earningsTimestampEnd" => scan.number(&mut quote.earnings_timestamp_end),
            b"isEarningsDateEstimate" => scan.flag(&mut quote.is_earnings_date_estimate),
            _ => scan.skip(0),
        }),
        b"options" => scan.list(&mut result.options, 1, |scan, block: &mut ExpirationBlock<'a>, key| match key {
            b"expirationDate" => scan.number(&mut block.expiration_date),
            b"calls" => scan.list(&mut block.calls, USUAL_ROWS, row_field),
            b"puts" => scan.list(&mut block.puts, USUAL_ROWS, row_field),
            _ => scan.skip(0),
        }),
        _ => scan.skip(0),
    })?;
    Some(result)
}

fn row_field<'a>(scan: &mut Scan<'a>, row: &mut Row<'a>, key: &[u8]) -> Option<()> {
    match key {
        b"contractSymbol" => scan.text(&mut row.contract_symbol),
        b"strike" => scan.number(&mut row.strike),
        b"expiration" => scan.number(&mut row.expiration),
        b"lastPrice" => scan.number(&mut row.last_price),
        b"lastTradeDate" => scan.number(&mut row.last_trade_date),
        b"bid" => scan.number(&mut row.bid),
        b"ask" => scan.number(&mut row.ask),
        b"volume" => scan.number(&mut row.volume),
        b"openInterest" => scan.number(&mut row.open_interest),
        b"impliedVolatility" => scan.number(&mut row.implied_volatility),
        _ => scan.skip(0),
    }
}

fn chart_result<'a>(scan: &mut Scan<'a>) -> Option<ChartResult<'a>> {
    let mut result = ChartResult::default();
    scan.object(|scan, key| match key {
        b"meta" => scan.shape(&mut result.meta, |scan, meta: &mut ChartMeta<'a>, key| match key {
            b"symbol" => scan.text(&mut meta.symbol),
            b"dataGranularity" => scan.text(&mut meta.data_granularity),
            b"gmtoffset" => scan.number(&mut meta.gmtoffset),
            b"exchangeTimezoneName" => scan.text(&mut meta.exchange_timezone_name),
            _ => scan.skip(0),
        }),
        b"timestamp" => scan.numbers(&mut result.timestamp),
        b"events" => scan.shape(&mut result.events, |scan, events: &mut ChartEvents, key| match key {
            b"dividends" => scan.table(&mut events.dividends, |scan, dividend: &mut Dividend, key| match key {
                b"amount" => scan.number(&mut dividend.amount),
                b"date" => scan.number(&mut dividend.date),
                _ => scan.skip(0),
            }),
            b"splits" => scan.table(&mut events.splits, |scan, split: &mut Split, key| match key {
                b"date" => scan.number(&mut split.date),
                _ => scan.skip(0),
            }),
            _ => scan.skip(0),
        }),
        b"indicators" => scan.shape(&mut result.indicators, |scan, indicators: &mut Indicators, key| match key {
            b"quote" => scan.list(&mut indicators.quote, 1, |scan, arrays: &mut QuoteArrays, key| match key {
                b"open" => scan.numbers(&mut arrays.open),
                b"high" => scan.numbers(&mut arrays.high),
                b"low" => scan.numbers(&mut arrays.low),
                b"close" => scan.numbers(&mut arrays.close),
                b"volume" => scan.numbers(&mut arrays.volume),
                _ => scan.skip(0),
            }),
            _ => scan.skip(0),
        }),
        _ => scan.skip(0),
    })?;
    Some(result)
}

#[cfg(test)]
mod tests;
