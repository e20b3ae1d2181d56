//! Decimal texts (`"0.370000"`) become exact values, without a float on the way.

use fleet_core::domain::{Price, RowRefusal, Strike};

use crate::vendors::field::{Field, Text};
use crate::vendors::row::Notes;

/// Digits a decimal has at most, before and after its point: prices have thirteen.
const MAX_DIGITS: usize = 18;

/// A text read as a number of 10⁻ⁿ; digits beyond are rounded half up. `None` unless it is plain digits with at most one
/// point: no sign, no exponent, no NaN.
fn scaled(text: &str, places: usize) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let plain = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !plain(whole) || !plain(fraction) || whole.len() + fraction.len() > MAX_DIGITS {
        return None;
    }
    let kept = fraction.bytes().chain(std::iter::repeat(b'0')).take(places);
    let digits = whole.bytes().chain(kept);
    let value = digits.fold(0_u128, |value, digit| value * 10 + u128::from(digit - b'0'));
    let rounded = value + u128::from(fraction.as_bytes().get(places).is_some_and(|digit| *digit >= b'5'));
    u64::try_from(rounded).ok()
}

/// A price in dollars, exact to a ten-thousandth.
pub fn price_of(text: &str) -> Option<Price> {
    let price = Price::from_units(scaled(text.trim(), 4)?);
    (price.dollars() <= Price::MAX_DOLLARS).then_some(price)
}

/// A strike in dollars, exact: one that is no whole number of thousandths is none.
pub fn strike_of(text: &str) -> Option<Strike> {
    let tenths = scaled(text.trim(), 4)?;
    let thousandths = u32::try_from(tenths / 10).ok().filter(|_| tenths.is_multiple_of(10))?;
    Strike::from_thousandths(thousandths)
}

/// A price that may be left out. A value that is no text refuses the row.
pub fn price(field: &Text<'_>, name: &'static str, notes: &mut Notes) -> Result<Option<Price>, RowRefusal> {
    match field {
        Field::Read(text) => price_of(text).map(Some).ok_or(RowRefusal::BadPrice),
        Field::Missing | Field::Null => {
            notes.missing(name);
            Ok(None)
        }
        Field::Wrong(_) => Err(RowRefusal::MissingField),
    }
}

/// A bid or an ask: 0 is "nobody".
pub fn quoted(
    field: &Text<'_>,
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

/// A statistic such as an implied volatility, which is shown and never added up: the nearest double.
pub fn statistic(text: &str) -> Option<f64> {
    let unsigned = text.trim().strip_prefix('-').unwrap_or(text.trim());
    scaled(unsigned, 0)?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_exact_and_nothing_else_is_one() {
        for (text, units) in [
            ("0.370000", 3_700),
            ("0.0000", 0),
            ("251", 2_510_000),
            ("0.00005", 1),
            ("0.00004", 0),
            ("1.99999", 20_000),
            ("10000000", 100_000_000_000),
        ] {
            assert_eq!(price_of(text), Some(Price::from_units(units)), "{text}");
        }
        for bad in
            ["", ".", "1.", ".5", "-0.01", "+1", "1e3", "NaN", "inf", "1,000", "0x10", "10000000.1", "1.2.3", "١"]
        {
            assert_eq!(price_of(bad), None, "{bad}");
        }
        assert_eq!(price_of(&"9".repeat(40)), None);
    }

    #[test]
    fn strikes_are_whole_thousandths() {
        assert_eq!(strike_of("251.0000"), Strike::from_thousandths(251_000));
        assert_eq!(strike_of("2.1250"), Strike::from_thousandths(2_125));
        for bad in ["0.0000", "0.0001", "100000.0", "-1"] {
            assert_eq!(strike_of(bad), None, "{bad}");
        }
    }

    #[test]
    fn statistics_may_be_negative() {
        assert_eq!(statistic("-0.200402"), Some(-0.200_402));
        for bad in ["--1", "1e5", "nan", ""] {
            assert_eq!(statistic(bad), None, "{bad}");
        }
    }
}
