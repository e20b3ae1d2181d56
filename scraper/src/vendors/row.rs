//! What the rows of all vendors share: prices, counts, times and implied volatilities with typed refusals, and the
//! notes that `inspect` shows.

use std::collections::BTreeMap;

use fleet_core::domain::calendar::at_new_york;
use fleet_core::domain::{OccSymbol, Price, RefusedRow, RowRefusal};
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::field::{Field, Number, Text};

/// An annual implied volatility above 500 % is an artefact of an illiquid or expiring contract, not an opinion.
pub const ABSURD_IV: f64 = 5.0;

/// Counts above 2⁵³ are not exact in a JSON number.
const MAX_COUNT: f64 = 9_007_199_254_740_992.0;

/// A quote's last trade may be this much later than the underlying's before it is taken for junk: a long weekend.
/// Without a limit, one wrong row would make a stale chain look fresh.
pub const TIME_SLACK: SignedDuration = SignedDuration::from_hours(4 * 24);

/// A trade may be this much later than the instant a body was published: the clocks of two machines. Anything later has
/// not happened yet, and must not make a fresh chain look as if it were of another day.
pub const CLOCK_SLACK: SignedDuration = SignedDuration::from_mins(2);

/// What was noticed while reading a body, beside the values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Notes {
    /// Fields that were missing or null, with the number of rows.
    pub missing: BTreeMap<&'static str, u64>,
    /// Placeholders that were read as "nothing", with the number of rows.
    pub placeholders: BTreeMap<&'static str, u64>,
}

impl Notes {
    /// One more row without this field.
    pub fn missing(&mut self, field: &'static str) {
        *self.missing.entry(field).or_default() += 1;
    }

    /// One more row with this placeholder.
    pub fn placeholder(&mut self, what: &'static str) {
        *self.placeholders.entry(what).or_default() += 1;
    }
}

/// The contract of a row.
pub fn symbol(field: &Text<'_>) -> Result<OccSymbol, RowRefusal> {
    match field {
        Field::Read(text) => OccSymbol::parse(text).map_err(|_| RowRefusal::BadSymbol),
        Field::Missing | Field::Null | Field::Wrong(_) => Err(RowRefusal::MissingField),
    }
}

/// A number that may be left out. A value of the wrong type refuses the row.
pub fn number(field: &Number, name: &'static str, notes: &mut Notes) -> Result<Option<f64>, RowRefusal> {
    match field {
        Field::Read(value) => Ok(Some(*value)),
        Field::Missing | Field::Null => {
            notes.missing(name);
            Ok(None)
        }
        Field::Wrong(_) => Err(RowRefusal::MissingField),
    }
}

/// A price that may be left out.
pub fn price(field: &Number, name: &'static str, notes: &mut Notes) -> Result<Option<Price>, RowRefusal> {
    number(field, name, notes)?
        .map(|dollars| Price::from_dollars(dollars).map_err(|_| RowRefusal::BadPrice))
        .transpose()
}

/// A bid or an ask: vendors write 0 for "nobody".
pub fn quoted(
    field: &Number,
    name: &'static str,
    zero: &'static str,
    notes: &mut Notes,
) -> Result<Option<Price>, RowRefusal> {
    let read = price(field, name, notes)?;
    if read.is_some_and(Price::is_zero) {
        notes.placeholder(zero);
    }
    Ok(read.filter(|price| !price.is_zero()))
}

/// A whole number that may be left out; `29.0` is one.
pub fn count(field: &Number, name: &'static str, notes: &mut Notes) -> Result<Option<u64>, RowRefusal> {
    match number(field, name, notes)? {
        None => Ok(None),
        Some(n) if (0.0..=MAX_COUNT).contains(&n) && n.fract() == 0.0 => Ok(Some(n as u64)),
        Some(_) => Err(RowRefusal::BadCount),
    }
}

/// A row that is refused, with its symbol as it was written, printable and shortened to 40 characters.
pub fn refused(symbol: &Text<'_>, reason: RowRefusal) -> RefusedRow {
    let written = symbol.read().map_or_else(String::new, |text| printable(text, 40));
    RefusedRow { symbol: written, reason }
}

/// The beginning of a vendor's text, for people: nothing in it moves a terminal's cursor.
#[must_use]
pub fn printable(text: &str, characters: usize) -> String {
    text.chars().take(characters).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// An instant given as epoch seconds.
#[must_use]
pub fn epoch(seconds: f64) -> Option<Timestamp> {
    if !(seconds.is_finite() && seconds.abs() < 1e11) {
        return None;
    }
    Timestamp::from_second(seconds as i64).ok()
}

/// The UTC date of an instant given as epoch seconds (expirations are midnight UTC of their date).
#[must_use]
pub fn utc_date(seconds: f64) -> Option<Date> {
    epoch(seconds).map(|at| TimeZone::UTC.to_datetime(at).date())
}

/// A wall-clock time of New York without offset, `2026-08-17T14:27:32` (a space instead of the T is read too).
#[must_use]
pub fn new_york(text: &str) -> Option<Timestamp> {
    let at: DateTime = text.trim().parse().ok()?;
    // Only to the second: fractions have never been seen and would not be used.
    Some(at_new_york(at.date(), at.hour(), at.minute(), at.second()))
}

/// A time of UTC without offset, `2026-08-17 18:42:35`.
#[must_use]
pub fn utc(text: &str) -> Option<Timestamp> {
    let at: DateTime = text.trim().parse().ok()?;
    TimeZone::UTC.to_timestamp(at).ok()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn counts_are_whole_and_not_negative() {
        let read = |n: f64| count(&Field::Read(n), "volume", &mut Notes::default());
        assert_eq!(read(29.0), Ok(Some(29)));
        for bad in [-1.0, 0.5, f64::NAN, f64::INFINITY, 1e300] {
            assert_eq!(read(bad), Err(RowRefusal::BadCount), "{bad}");
        }
    }

    #[test]
    fn prices_are_checked_and_zero_is_nobody() {
        let mut notes = Notes::default();
        let mut read = |n: f64| quoted(&Field::Read(n), "bid", "bid_zero", &mut notes);
        assert_eq!(read(0.0), Ok(None));
        assert_eq!(read(1.25), Ok(Some(Price::from_units(12_500))));
        for bad in [-0.01, f64::NAN, 1e9] {
            assert_eq!(read(bad), Err(RowRefusal::BadPrice), "{bad}");
        }
        assert_eq!(notes.placeholders["bid_zero"], 1);
        assert_eq!(price(&Field::Wrong("a text"), "bid", &mut notes), Err(RowRefusal::MissingField));
        assert_eq!(price(&Field::Null, "bid", &mut notes), Ok(None));
        assert_eq!(notes.missing["bid"], 1);
    }

    #[test]
    fn a_refused_row_is_shown_without_control_characters() {
        let symbol = Field::Read("A\u{1b}[2J\n".repeat(20).into());
        let shown = refused(&symbol, RowRefusal::BadSymbol).symbol;
        assert!(shown.starts_with("A [2J A [2J ") && shown.chars().count() == 40, "{shown:?}");
    }

    #[test]
    fn times_are_read_in_their_zone() {
        assert_eq!(new_york("2026-08-17T14:27:32").unwrap().to_string(), "2026-08-17T18:27:32Z");
        assert_eq!(new_york("2026-12-17 14:27:32").unwrap().to_string(), "2026-12-17T19:27:32Z");
        assert_eq!(utc("2026-08-17 18:42:35").unwrap().to_string(), "2026-08-17T18:42:35Z");
        assert_eq!(utc_date(1_756_425_600.0), Some(date(2025, 8, 29)));
        for bad in ["", "18:42:35", "yesterday", "2026-13-01T00:00:00"] {
            assert_eq!(new_york(bad), None, "{bad}");
        }
        assert_eq!(epoch(f64::NAN), None);
        assert_eq!(epoch(1e300), None);
    }
}
