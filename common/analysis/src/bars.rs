//! Which bars may be believed: closed at `as_of`, traded, after the last split, and dense enough.
//!
//! Promises: no bar of a session that was not closed ever gets through (no look-ahead).

use fleet_core::domain::{Bar, BarSeries, Check, Instrument, Operator, TradedSessions, Verdict, calendar};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use crate::config::Coverage;

/// The newest session whose daily bars are final at an instant; with `intraday`, the newest that has opened.
///
/// Where the calendar knows no such session (an `as_of` outside it) it is the date before `as_of`: no later bar counts,
/// and as those of dates without a known session never do, no bar counts that the calendar cannot vouch for.
#[must_use]
pub fn last_closed_session(as_of: Timestamp, coverage: &Coverage) -> Date {
    let before = |day: Date| calendar::previous_session(day).unwrap_or_else(|| day.yesterday().unwrap_or(day));
    if coverage.intraday {
        let today = calendar::session_date(as_of);
        let has_opened = calendar::session(today).is_some_and(|session| session.open <= as_of);
        return if has_opened { today } else { before(today) };
    }
    let delay = SignedDuration::from_mins(coverage.bar_final_minutes.into());
    let mut day = calendar::session_date(as_of);
    // The delay is at most a day: three steps are more than enough.
    for _ in 0..3 {
        let closed = calendar::close_of(day).and_then(|close| close.checked_add(delay).ok());
        if closed.is_some_and(|at| at <= as_of) {
            break;
        }
        day = before(day);
    }
    day
}

/// The believable bars of a series, oldest first.
#[must_use]
pub fn believable(series: &BarSeries, last_closed: Date, not_before: Option<Date>) -> Vec<Bar> {
    // Indices have no volume of their own; a contract's bar without volume is no trade.
    let needs_volume = matches!(series.instrument, Instrument::Contract(_));
    let mut bars: Vec<Bar> = series
        .bars
        .iter()
        .filter(|bar| bar.date <= last_closed && not_before.is_none_or(|day| bar.date >= day))
        .filter(|bar| (bar.volume > 0 || !needs_volume) && !bar.close.is_zero() && calendar::is_session(bar.date))
        .copied()
        .collect();
    // The type promises this order; a vendor's mistake must not become an indicator.
    bars.sort_by_key(|bar| bar.date);
    bars.dedup_by_key(|bar| bar.date);
    bars
}

/// The last split known at `last_closed`, of an underlying's or a contract's series.
#[must_use]
pub fn last_split(underlying: Option<&BarSeries>, contract: &BarSeries, last_closed: Date) -> Option<Date> {
    let known = |split: Option<Date>| split.filter(|day| *day <= last_closed);
    known(underlying.and_then(|u| u.last_split)).max(known(contract.last_split))
}

/// Sessions after the last bar, up to the last closed one; `None` without a bar, or outside the calendar.
#[must_use]
pub fn sessions_old(bars: &[Bar], last_closed: Date) -> Option<u32> {
    bars.last().and_then(|bar| calendar::sessions_between(bar.date, last_closed))
}

/// How densely a contract traded.
#[derive(Debug, Clone, PartialEq)]
pub struct Density {
    /// The condition that failed first, if one did.
    pub failed: Option<Check>,
    /// Sessions of the window with a trade.
    pub sessions: TradedSessions,
    /// Median volume of the window's bars.
    pub median_volume: Option<f64>,
}

/// Judges bars by the coverage gate.
#[must_use]
pub fn density(bars: &[Bar], last_closed: Date, coverage: &Coverage) -> Density {
    // A window that begins before the calendar has no start, and holds every bar: none is older than the calendar.
    let start = calendar::sessions_back(last_closed, coverage.window_sessions.saturating_sub(1)).unwrap_or(Date::MIN);
    let window: Vec<&Bar> = bars.iter().filter(|bar| bar.date >= start).collect();
    let mut volumes: Vec<f64> = window.iter().map(|bar| bar.volume as f64).collect();
    let median_volume = median(&mut volumes);
    let at_least = |name, value: usize, threshold: u32| {
        Check::new(name, Some(value as f64), Operator::AtLeast, f64::from(threshold))
    };
    let age = sessions_old(bars, last_closed).map(f64::from);
    let checks = [
        at_least("bars", bars.len(), coverage.min_bars),
        at_least("traded_sessions", window.len(), coverage.min_traded_sessions),
        Check::new("last_trade_age_sessions", age, Operator::AtMost, coverage.max_age_sessions.into()),
        Check::new("median_volume", median_volume, Operator::AtLeast, coverage.min_median_volume),
    ];
    let failed = checks.into_iter().find(|check| check.verdict != Verdict::Pass);
    let sessions = TradedSessions { traded: window.len() as u32, of: coverage.window_sessions };
    Density { failed, sessions, median_volume }
}

/// The middle number, of an even count the mean of the two middle ones; `None` of none.
pub(crate) fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let n = values.len();
    let upper = values.get(n / 2)?;
    Some(if n.is_multiple_of(2) { (values[n / 2 - 1] + upper) / 2.0 } else { *upper })
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn a_session_is_closed_some_time_after_its_close() {
        let last =
            |day, hour, minute| last_closed_session(calendar::at_new_york(day, hour, minute, 0), &Coverage::default());
        assert_eq!(last(date(2026, 11, 20), 10, 30), date(2026, 11, 19));
        assert_eq!(last(date(2026, 11, 20), 16, 44), date(2026, 11, 19));
        assert_eq!(last(date(2026, 11, 20), 16, 45), date(2026, 11, 20));
        assert_eq!(last(date(2026, 11, 22), 12, 0), date(2026, 11, 20), "a Sunday");
        assert_eq!(last(date(2026, 11, 27), 13, 45), date(2026, 11, 27), "a half day");
        let slow = Coverage { bar_final_minutes: 1440, ..Coverage::default() };
        let at = calendar::at_new_york(date(2026, 11, 23), 10, 30, 0);
        assert_eq!(last_closed_session(at, &slow), date(2026, 11, 20));
    }

    #[test]
    fn with_intraday_the_running_session_counts() {
        let intraday = Coverage { intraday: true, ..Coverage::default() };
        let last = |day, hour, minute| last_closed_session(calendar::at_new_york(day, hour, minute, 0), &intraday);
        assert_eq!(last(date(2026, 11, 20), 9, 29), date(2026, 11, 19));
        assert_eq!(last(date(2026, 11, 20), 9, 30), date(2026, 11, 20));
        assert_eq!(last(date(2026, 11, 22), 8, 0), date(2026, 11, 20), "a Sunday");
    }

    #[test]
    fn medians() {
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&mut [4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(&mut []), None);
    }
}
