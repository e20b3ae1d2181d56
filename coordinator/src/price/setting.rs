//! What holds for every row: the instant, the tick, the cash dividends.

use fleet_core::domain::calendar;
use fleet_pricing::Terms;
use fleet_pricing::dividends::Dividend;
use jiff::Timestamp;
use jiff::civil::Date;

use super::lines::shown;

/// Seconds of a year of 365 days.
pub const YEAR_SECS: f64 = 31_536_000.0;

/// What holds for every row.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    /// From when the years to an expiration count.
    pub as_of: Timestamp,
    /// A price within so many dollars of its lower bound tells no volatility.
    pub tick: f64,
    /// Cash dividends of the underlying; with any before settlement, American contracts are priced by finite differences.
    pub dividends: Vec<Dividend>,
}

impl Setting {
    /// The dividends that an underlying pays in so many years from now.
    pub fn dividends_before(&self, years: f64) -> impl Iterator<Item = &Dividend> {
        self.dividends.iter().filter(move |paid| paid.cash > 0.0 && paid.years < years)
    }

    /// What the cash dividends before settlement are worth today, dollars a share.
    #[must_use]
    pub fn worth_of_dividends(&self, terms: &Terms) -> f64 {
        let Terms { years, rate, yield_, .. } = *terms;
        self.dividends_before(years).map(|paid| paid.cash * (-(rate - yield_) * paid.years).exp()).sum()
    }

    /// An underlying cannot pay out all it is worth.
    ///
    /// # Errors
    /// The dividends, in words, where they are worth the spot or more.
    pub fn check_dividends(&self, terms: &Terms) -> Result<(), String> {
        let worth = self.worth_of_dividends(terms);
        let spot = terms.spot;
        if worth < spot {
            return Ok(());
        }
        let all: Vec<&Dividend> = self.dividends_before(terms.years).collect();
        Err(match all.as_slice() {
            [one] => format!("the dividend of {} dollars is not below the spot, {spot}", one.cash),
            several => format!(
                "the {} dividends before settlement are worth {worth:.2} dollars today, not less than the spot, {spot}",
                several.len()
            ),
        })
    }
}

/// A cash dividend as it is typed, `2026-12-10:0.25`: the ex-date and dollars per share.
///
/// # Errors
/// What is no such thing, or lies before `as_of`.
pub fn dividend(text: &str, as_of: Timestamp) -> Result<Dividend, String> {
    let wanted = || format!("`{}` is no dividend such as 2026-12-10:0.25", shown(text));
    let (date, cash) = text.split_once(':').ok_or_else(wanted)?;
    let date = plain_date(date).ok_or_else(wanted)?;
    let cash: f64 = cash.trim().parse().map_err(|_| wanted())?;
    if !cash.is_finite() || cash < 0.0 {
        return Err(wanted());
    }
    // The price falls at the open of the ex-date.
    let years = calendar::at_new_york(date, 9, 30, 0).duration_since(as_of).as_secs_f64() / YEAR_SECS;
    if years <= 0.0 {
        return Err(format!("the dividend of {date} lies before the instant of the analysis, {as_of}"));
    }
    Ok(Dividend { years, cash })
}

/// Reads `2026-11-20`, and nothing else that could be taken for a date.
#[must_use]
pub fn plain_date(text: &str) -> Option<Date> {
    let text = text.trim();
    let is_plain = text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    if is_plain { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dividends_fall_at_the_open_of_their_date() {
        let as_of = "2026-11-20T15:30:00Z".parse().unwrap();
        let told = dividend("2026-12-10:0.25", as_of).unwrap();
        // 20 days less an hour.
        assert!((told.years - (20.0 * 24.0 - 1.0) / 8760.0).abs() < 1e-12 && told.cash == 0.25);
        for bad in ["2026-12-10", "10.12.2026:1", "2026-12-10:x", "2026-12-10:-1", "2026-12-10:nan"] {
            assert!(dividend(bad, as_of).unwrap_err().contains("is no dividend such as"), "{bad}");
        }
        assert!(dividend("2026-11-20:1", as_of).unwrap_err().contains("lies before the instant"));
    }
}
