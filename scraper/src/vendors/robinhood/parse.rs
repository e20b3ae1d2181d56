//! Robinhood's bodies become domain values, one reader a kind of body. Pure; every row is read or refused with a reason.
//!
//! - `listing`: the id of a stock, its chains, and pages of contracts;
//! - `marks`: what contracts quote, and what the stock trades at;
//! - `bars`: daily bars without the points nobody traded;
//! - `trouble`: the vendor's own errors, which come with any status.

mod bars;
mod listing;
mod marks;
mod trouble;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::Deserialize;

pub use bars::{BarsReading, bars, read_bars};
pub use listing::{ContractPage, ListedChain, ListedContract, chains, contracts, equity};
pub use marks::{MarkRow, Marks, MarksReading, marks, read_marks, spot};
pub use trouble::{retry_secs, trouble};

use crate::parse_error::ParseError;
use crate::vendors::body;
use crate::vendors::field::{Object, Shape};

/// Reads an object, or the vendor's own error in its place.
fn object<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, ParseError> {
    if let Some(error) = trouble(bytes) {
        return Err(error);
    }
    let read: Object<T> = body::json(bytes)?;
    read.into_read().map(|Shape(value)| value).ok_or_else(|| malformed("the body is no JSON object"))
}

fn date(text: &str) -> Option<Date> {
    (text.len() == 10).then(|| text.parse().ok()).flatten()
}

/// An instant with its offset, `2026-01-16T21:14:59.823367617Z`. The year 1 stands for "never".
fn instant(text: &str) -> Option<Timestamp> {
    text.parse::<Timestamp>().ok().filter(|at| at.as_second() > 0)
}

fn malformed(why: &str) -> ParseError {
    ParseError::Malformed(why.to_owned())
}
