//! Yahoo's bodies become domain values: [`chain_page`], [`bars`], [`crumb`]. Pure.
//!
//! Whatever was asked for, Yahoo may answer with an error object (also with status 200), a rate-limit text or a
//! consent page; all three readers recognise them first.

mod bars;
mod chain;
mod crumb;
mod facts;

pub use bars::{BarsReading, bars, read_bars};
pub use chain::{ChainPage, PageReading, chain_page, read_chain_page};
pub use crumb::crumb;

use super::models::{Answer, ChartResult, Envelope, OptionResult, VendorError};
use super::quick;
use crate::parse_error::{ParseError, excerpt};
use crate::vendors::body;
use crate::vendors::field::{Object, Shape};

fn envelope(bytes: &[u8]) -> Result<Envelope<'_>, ParseError> {
    let read: Object<Envelope<'_>> = body::json(bytes)?;
    let Some(Shape(envelope)) = read.into_read() else {
        return Err(malformed("the body is no JSON object"));
    };
    if let Some(Shape(finance)) = envelope.finance.read() {
        return Err(own_error(&finance.error).unwrap_or_else(|| malformed("an error body that holds no error")));
    }
    Ok(envelope)
}

/// The one result of an options body.
fn option_result(bytes: &[u8]) -> Result<OptionResult<'_>, ParseError> {
    quick::options(bytes).map_or_else(|| option_result_by_serde(bytes), Ok)
}

/// The one result of a chart body.
fn chart_result(bytes: &[u8]) -> Result<ChartResult<'_>, ParseError> {
    quick::chart(bytes).map_or_else(|| chart_result_by_serde(bytes), Ok)
}

/// Reads any body, and says what is wrong with it.
pub(super) fn option_result_by_serde(bytes: &[u8]) -> Result<OptionResult<'_>, ParseError> {
    only_result(envelope(bytes)?.option_chain, "optionChain")
}

/// Reads any body, and says what is wrong with it.
pub(super) fn chart_result_by_serde(bytes: &[u8]) -> Result<ChartResult<'_>, ParseError> {
    only_result(envelope(bytes)?.chart, "chart")
}

/// Whether a body is one of Yahoo's error objects, whatever was asked for.
#[must_use]
pub fn is_error_body(bytes: &[u8]) -> bool {
    let Ok(Some(Shape(envelope))) = body::json::<Object<Envelope<'_>>>(bytes).map(Object::into_read) else {
        return false;
    };
    let chart = envelope.chart.read().and_then(|Shape(answer)| own_error(&answer.error));
    let options = envelope.option_chain.read().and_then(|Shape(answer)| own_error(&answer.error));
    envelope.finance.read().is_some() || chart.or(options).is_some()
}

/// The one result of an answer, or the error it holds. `name` is the answer's key.
fn only_result<'a, R>(answer: Object<Answer<'a, R>>, name: &str) -> Result<R, ParseError> {
    let Some(Shape(answer)) = answer.into_read() else {
        return Err(ParseError::Malformed(format!("`{name}` is missing or no object")));
    };
    if let Some(error) = own_error(&answer.error) {
        return Err(error);
    }
    let found = answer.result.found();
    let Some(mut results) = answer.result.into_read() else {
        return Err(ParseError::Malformed(format!("`{name}.result` is {found}, and there is no error")));
    };
    // An unknown symbol is an empty list with status 200.
    let Some(first) = results.drain(..).next() else { return Err(ParseError::NotFound) };
    match first.into_read() {
        Some(Shape(result)) => Ok(result),
        None => Err(ParseError::Malformed(format!("`{name}.result` holds something that is no object"))),
    }
}

fn own_error(error: &Object<VendorError<'_>>) -> Option<ParseError> {
    let Shape(error) = error.read()?;
    let code = error.code.read().map_or("", |code| code.as_ref());
    let description = error.description.read().map_or("", |text| text.as_ref());
    let says = |words: &str| code.eq_ignore_ascii_case(words) || description.eq_ignore_ascii_case(words);
    Some(if says("Not Found") {
        ParseError::NotFound
    } else if says("Unauthorized") || says("Invalid Crumb") || says("Invalid Cookie") {
        ParseError::Unauthorized(excerpt(description))
    } else if says("Too Many Requests") {
        ParseError::Throttled
    } else {
        ParseError::VendorError { code: excerpt(code), description: long_excerpt(description) }
    })
}

/// A description is a sentence; it may be twice as long as what is quoted of a body.
fn long_excerpt(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(160).collect()
}

fn malformed(why: &str) -> ParseError {
    ParseError::Malformed(why.to_owned())
}
