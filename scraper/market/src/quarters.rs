//! What happens to a company once a quarter: its shares go ex-dividend, and it reports.
//!
//! Prices know nothing of either: they are drawn without them, and options are priced at the continuous yield that a
//! year's dividends come to. So the dividends agree with the options' forwards over a year, and no price falls on a day.

use jiff::{SignedDuration, Timestamp};

use crate::draw;
use crate::listing::Profile;
use crate::path::cents;
use crate::time::Sessions;

/// Sessions of a quarter.
const QUARTER: usize = 63;
/// A company with a lower yield pays nothing worth a dividend.
const LEAST_YIELD: f64 = 0.003;
/// A report that is not announced yet is expected within so many days.
const WINDOW: SignedDuration = SignedDuration::from_hours(4 * 24);

/// A cash dividend.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Dividend {
    /// The open of the first session without it, epoch seconds.
    pub date: i64,
    /// Dollars per share.
    pub amount: f64,
}

/// Every dividend with an ex-date in a range of epoch seconds, its end excluded.
pub(crate) fn dividends(profile: &Profile, sessions: &Sessions, range: std::ops::Range<i64>) -> Vec<Dividend> {
    if profile.dividend_yield < LEAST_YIELD {
        return Vec::new();
    }
    let amount = cents(profile.dividend_yield * profile.anchor / 4.0);
    let opens = sessions.all().iter().skip(phase(profile, "dividend")).step_by(QUARTER);
    let dates = opens.map(|session| session.open.as_second());
    dates.filter(|date| range.contains(date)).map(|date| Dividend { date, amount }).collect()
}

/// Reports as Yahoo knows them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Reports {
    /// The newest one that was held.
    pub last: Option<Timestamp>,
    /// The next one: from when to when it is expected.
    pub next: Option<(Timestamp, Timestamp)>,
    /// Whether the next one is not announced yet.
    pub is_estimate: bool,
}

/// Half an hour after the close of one session in a quarter. Every other company has announced its next one.
pub(crate) fn reports(profile: &Profile, sessions: &Sessions, now: Timestamp) -> Reports {
    let closes = sessions.all().iter().skip(phase(profile, "report")).step_by(QUARTER).map(|session| session.close);
    let at = closes.map(|close| close.saturating_add(SignedDuration::from_mins(30)).unwrap_or(close));
    let (held, coming): (Vec<Timestamp>, Vec<Timestamp>) = at.partition(|at| *at <= now);
    let is_estimate = draw::key(profile.key, "announced").is_multiple_of(2);
    let next = coming.first().map(|at| {
        let until = if is_estimate { at.saturating_add(WINDOW).unwrap_or(*at) } else { *at };
        (*at, until)
    });
    Reports { last: held.last().copied(), next, is_estimate }
}

/// The first session of a company's quarters: each has days of its own.
fn phase(profile: &Profile, what: &str) -> usize {
    usize::try_from(draw::key(profile.key, what) % QUARTER as u64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listing::{Faults, listing};
    use crate::time::HISTORY;

    #[test]
    fn a_years_dividends_are_the_yield() {
        let sessions = Sessions::new();
        let profiles = listing(1, 60, Faults::None);
        let all = i64::MIN..sessions.get(HISTORY).open.as_second();
        let (mut payers, mut others) = (0, 0);
        for profile in &profiles {
            let paid = dividends(profile, &sessions, all.clone());
            if paid.is_empty() {
                assert!(profile.dividend_yield < LEAST_YIELD, "{}", profile.ticker);
                others += 1;
                continue;
            }
            payers += 1;
            assert!(paid.len() >= 5, "320 sessions are five quarters");
            let year: f64 = paid.iter().rev().take(4).map(|dividend| dividend.amount).sum();
            // To the cent, four times.
            assert!((year - profile.dividend_yield * profile.anchor).abs() <= 0.02, "{}: {year}", profile.ticker);
        }
        assert!(payers > 15 && others > 15, "{payers} pay, {others} do not");
    }

    #[test]
    fn a_report_is_over_or_to_come() {
        let sessions = Sessions::new();
        let now = crate::time::start();
        let reports: Vec<Reports> =
            listing(1, 60, Faults::None).iter().map(|profile| reports(profile, &sessions, now)).collect();
        for report in &reports {
            assert!(report.last.is_some_and(|last| last <= now));
            if let Some((from, until)) = report.next {
                assert!(from > now && (from < until) == report.is_estimate);
            }
        }
        let known = reports.iter().filter(|report| report.next.is_some()).count();
        assert!((20..60).contains(&known), "{known} know their next report");
    }
}
