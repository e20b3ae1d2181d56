//! NYSE sessions and option settlement instants, by rule and table. New York time is compiled in.
//!
//! Sources: NYSE Rule 7.2 (holidays), the exchange's announcements for unscheduled closures since 2000 (listed in
//! `UNSCHEDULED`). Checked from 2000 to 2030 against an independent calendar where its files are present.

use jiff::civil::{Date, Weekday, date, time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

use super::contract::Settlement;
use super::occ::OccSymbol;

/// One regular trading session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Session {
    /// Its New York date.
    pub date: Date,
    /// 09:30 New York.
    pub open: Timestamp,
    /// 16:00 New York, 13:00 on half days.
    pub close: Timestamp,
}

/// Weekday closures that follow no rule.
const UNSCHEDULED: &[(i16, i8, i8)] = &[
    (2001, 9, 11),
    (2001, 9, 12),
    (2001, 9, 13),
    (2001, 9, 14),
    (2004, 6, 11),
    (2007, 1, 2),
    (2012, 10, 29),
    (2012, 10, 30),
    (2018, 12, 5),
    (2025, 1, 9),
];

fn new_york() -> TimeZone {
    static NEW_YORK: TimeZone = jiff::tz::get!("America/New_York");
    NEW_YORK.clone()
}

/// The date in New York at an instant.
#[must_use]
pub fn exchange_date(at: Timestamp) -> Date {
    // New York is four to five hours behind UTC, always: in these hours it has UTC's date, and no zone need be asked.
    if at.as_second().rem_euclid(86_400) >= 5 * 3600 {
        return TimeZone::UTC.to_datetime(at).date();
    }
    at.to_zoned(new_york()).date()
}

/// New York wall-clock text of an instant: `2026-11-20 10:05`.
#[must_use]
pub fn new_york_text(at: Timestamp) -> String {
    at.to_zoned(new_york()).strftime("%Y-%m-%d %H:%M").to_string()
}

/// The instant of a New York wall-clock time. A time that a clock change skips or repeats is resolved as RFC 5545
/// does; no session opens or closes at one.
#[must_use]
pub fn at_new_york(day: Date, hour: i8, minute: i8, second: i8) -> Timestamp {
    new_york()
        .to_ambiguous_timestamp(day.to_datetime(time(hour, minute, second, 0)))
        .compatible()
        .unwrap_or(if day.year() < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

/// Whether the exchange holds a regular session on this date.
#[must_use]
pub fn is_session(day: Date) -> bool {
    !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday)
        && !is_holiday(day)
        && !UNSCHEDULED.contains(&(day.year(), day.month(), day.day()))
}

/// Whether the session of this date closes at 13:00. Meaningless on a date without a session.
#[must_use]
pub fn is_early_close(day: Date) -> bool {
    let (y, m, d) = (day.year(), day.month(), day.day());
    let thanksgiving_friday = m == 11
        && day.weekday() == Weekday::Friday
        && day.yesterday().is_ok_and(|thursday| thursday == nth_weekday(y, 11, 4, Weekday::Thursday));
    let christmas_eve = m == 12 && d == 24 && day.weekday() != Weekday::Friday;
    let before_independence_day = m == 7
        && match day.weekday() {
            // The 3rd, when both it and the 4th are weekdays; a Friday the 3rd is the holiday itself.
            Weekday::Monday | Weekday::Tuesday | Weekday::Thursday => d == 3,
            // Until 2012 a Wednesday the 3rd was a full day and Friday the 5th was short.
            Weekday::Wednesday => d == 3 && y >= 2013,
            Weekday::Friday => d == 5 && y < 2013,
            Weekday::Saturday | Weekday::Sunday => false,
        };
    let odd = matches!((y, m, d), (2003, 12, 26));
    is_session(day) && (thanksgiving_friday || christmas_eve || before_independence_day || odd)
}

/// The session of a date, if there is one.
#[must_use]
pub fn session(day: Date) -> Option<Session> {
    is_session(day).then(|| Session {
        date: day,
        open: at_new_york(day, 9, 30, 0),
        close: at_new_york(day, if is_early_close(day) { 13 } else { 16 }, 0, 0),
    })
}

/// The session that is running at an instant (open ≤ at < close).
#[must_use]
pub fn session_at(at: Timestamp) -> Option<Session> {
    session(exchange_date(at)).filter(|s| s.open <= at && at < s.close)
}

/// The first session strictly after a date.
#[must_use]
pub fn next_session(day: Date) -> Date {
    step(day, 1)
}

/// The last session strictly before a date.
#[must_use]
pub fn previous_session(day: Date) -> Date {
    step(day, -1)
}

fn step(mut day: Date, by: i32) -> Date {
    // The longest closure since 1933 is a week; the bound only guards the ends of the calendar.
    for _ in 0..15 {
        day = if by > 0 { day.tomorrow() } else { day.yesterday() }.unwrap_or(day);
        if is_session(day) {
            return day;
        }
    }
    day
}

/// The session whose opening comes next at an instant (strictly later).
#[must_use]
pub fn next_open(at: Timestamp) -> Session {
    let today = exchange_date(at);
    let day = match session(today) {
        Some(s) if at < s.open => today,
        Some(_) | None => next_session(today),
    };
    session(day).unwrap_or(Session { date: day, open: Timestamp::MAX, close: Timestamp::MAX })
}

/// The exchange date an instant belongs to for entries and caches: its own date if that is a session, else the last
/// session before.
#[must_use]
pub fn session_date(at: Timestamp) -> Date {
    let today = exchange_date(at);
    if is_session(today) { today } else { previous_session(today) }
}

/// Sessions in (from, to]: how many have begun after `from`, up to and including `to`. 0 when to ≤ from.
#[must_use]
pub fn sessions_between(from: Date, to: Date) -> u32 {
    let mut n = 0;
    let mut day = from;
    while day < to {
        day = day.tomorrow().unwrap_or(to);
        n += u32::from(is_session(day));
    }
    n
}

/// Whole calendar days from the exchange date of `as_of` to an expiration; negative once it is past.
#[must_use]
pub fn dte(as_of: Timestamp, expiration: Date) -> i32 {
    days_until(exchange_date(as_of), expiration)
}

/// Whole calendar days from one date to another; negative when it is past.
#[must_use]
pub fn days_until(from: Date, to: Date) -> i32 {
    days_since_epoch(to) - days_since_epoch(from)
}

/// Days from 1970-01-01 (the proleptic Gregorian calendar; Hinnant, "chrono-compatible low-level date algorithms").
fn days_since_epoch(day: Date) -> i32 {
    let month = i32::from(day.month());
    let year = i32::from(day.year()) - i32::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + i32::from(day.day()) - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// The instant a contract settles: the session's close (13:00 on half days) for PM settlement, 09:30 of the OCC date
/// for AM settlement. An expiration on a date without a session (before 2015 monthlies carried Saturdays) settles at
/// the close of the session before.
#[must_use]
pub fn settlement_instant(symbol: &OccSymbol) -> Timestamp {
    let day = if is_session(symbol.expiration) { symbol.expiration } else { previous_session(symbol.expiration) };
    match symbol.settlement() {
        Settlement::Am => at_new_york(day, 9, 30, 0),
        Settlement::Pm => session(day).map_or_else(|| at_new_york(day, 16, 0, 0), |s| s.close),
    }
}

/// Years from `as_of` to settlement: calendar seconds / 31,536,000, at least one hour; `None` once it is past.
#[must_use]
pub fn years_to_settlement(as_of: Timestamp, symbol: &OccSymbol) -> Option<f64> {
    let left: SignedDuration = settlement_instant(symbol).duration_since(as_of);
    (left > SignedDuration::ZERO).then(|| left.as_secs_f64().max(3600.0) / 31_536_000.0)
}

fn is_holiday(day: Date) -> bool {
    let (y, m, d, weekday) = (day.year(), day.month(), day.day(), day.weekday());
    // A Saturday holiday is kept on Friday, a Sunday one on Monday. (All of these lie well inside their months.)
    let observed = |date_of: i8| {
        d == date_of
            || (weekday == Weekday::Friday && d + 1 == date_of)
            || (weekday == Weekday::Monday && d - 1 == date_of)
    };
    let is_nth = |nth: i8, wanted: Weekday| weekday == wanted && (d - 1) / 7 + 1 == nth;
    match m {
        // New Year's Day on a Saturday is not kept on 31 December. The third Monday is Martin Luther King's.
        1 => d == 1 || (d == 2 && weekday == Weekday::Monday) || is_nth(3, Weekday::Monday),
        2 => is_nth(3, Weekday::Monday),
        3 | 4 => easter(y).checked_sub(2.days()).is_ok_and(|good_friday| day == good_friday),
        5 => weekday == Weekday::Monday && d > 24,
        6 => y >= 2022 && observed(19),
        7 => observed(4),
        9 => is_nth(1, Weekday::Monday),
        11 => is_nth(4, Weekday::Thursday),
        12 => observed(25),
        _ => false,
    }
}

fn nth_weekday(year: i16, month: i8, nth: i8, weekday: Weekday) -> Date {
    date(year, month, 1).nth_weekday_of_month(nth, weekday).unwrap_or(date(year, month, 1))
}

/// Easter Sunday (Gregorian), by the anonymous algorithm of 1876 (Meeus, Astronomical Algorithms, chapter 8).
fn easter(year: i16) -> Date {
    let y = i32::from(year);
    // A vendor's mistake may be dated before our era: rounded down there too, every step stays within its range.
    let (a, b, c) = (y.rem_euclid(19), y.div_euclid(100), y.rem_euclid(100));
    let (d, e) = (b.div_euclid(4), b.rem_euclid(4));
    let g = (b - (b + 8).div_euclid(25) + 1).div_euclid(3);
    let h = (19 * a + b - d - g + 15).rem_euclid(30);
    let (i, k) = (c / 4, c % 4);
    let l = (32 + 2 * e + 2 * i - h - k).rem_euclid(7);
    let m = (a + 11 * h + 22 * l) / 451;
    let n = h + l - 7 * m + 114;
    date(year, (n / 31) as i8, (n % 31 + 1) as i8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_days() {
        assert!(is_session(date(2026, 11, 20)));
        assert!(!is_session(date(2026, 11, 26)), "Thanksgiving");
        assert!(is_early_close(date(2026, 11, 27)));
        assert!(!is_session(date(2026, 4, 3)), "Good Friday");
        assert!(!is_session(date(2026, 6, 19)), "Juneteenth");
        assert!(!is_session(date(2026, 7, 3)), "Independence Day kept on Friday");
        assert!(is_session(date(2021, 12, 31)), "New Year on a Saturday is not kept on Friday");
        assert_eq!(next_session(date(2026, 11, 25)), date(2026, 11, 27));
        assert_eq!(sessions_between(date(2026, 11, 20), date(2026, 11, 27)), 4);
    }

    #[test]
    fn days_and_dates_are_those_of_the_library() {
        let start = date(1969, 12, 1);
        let mut day = start;
        for n in 0..50_000 {
            assert_eq!(days_until(start, day), n, "{day}");
            day = day.tomorrow().unwrap();
        }
        let year_0 = date(0, 2, 28);
        assert_eq!(days_until(year_0, date(-4, 3, 1)), year_0.until(date(-4, 3, 1)).unwrap().get_days());
        let mut at: Timestamp = "2026-03-07T00:00:00Z".parse().unwrap();
        for _ in 0..20_000 {
            assert_eq!(exchange_date(at), at.to_zoned(new_york()).date(), "{at}");
            at += SignedDuration::from_mins(37);
        }
    }

    #[test]
    fn every_date_there_is_can_be_asked_for() {
        for year in -9999..=9999 {
            let easter = easter(year);
            assert_eq!(easter.weekday(), Weekday::Sunday, "{easter}");
            assert!((date(year, 3, 22)..=date(year, 4, 25)).contains(&easter), "{easter}");
        }
        for day in [Date::MIN, Date::MAX, date(-1199, 2, 15)] {
            let _ = (is_session(day), is_early_close(day), next_session(day), previous_session(day));
            let _ = (session(day), session_date(at_new_york(day, 12, 0, 0)), next_open(at_new_york(day, 12, 0, 0)));
        }
    }

    #[test]
    fn daylight_saving_moves_the_open() {
        let open = |y, m, d| session(date(y, m, d)).unwrap().open.to_string();
        assert_eq!(open(2026, 3, 6), "2026-03-06T14:30:00Z");
        assert_eq!(open(2026, 3, 9), "2026-03-09T13:30:00Z");
        assert_eq!(open(2026, 11, 2), "2026-11-02T14:30:00Z");
    }

    #[test]
    fn settlement_instants() {
        let at = |text| settlement_instant(&OccSymbol::parse(text).unwrap()).to_string();
        assert_eq!(at("SPX261218C05000000"), "2026-12-18T14:30:00Z");
        assert_eq!(at("SPXW261218C05000000"), "2026-12-18T21:00:00Z");
        assert_eq!(at("AAPL261127C00200000"), "2026-11-27T18:00:00Z", "half day");
    }

    /// Dates of a reference file: the first word of each line that is no comment. `None`, said aloud, without the file.
    fn reference(name: &str) -> Option<std::collections::BTreeSet<Date>> {
        let path = format!("{}/../../../shared/reference/{name}", env!("CARGO_MANIFEST_DIR"));
        let Ok(text) = std::fs::read_to_string(&path) else {
            eprintln!("SKIPPED: {name} is not here, the calendar was not compared");
            return None;
        };
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        Some(lines.filter_map(|line| line.split_whitespace().next()).map(|word| word.parse().unwrap()).collect())
    }

    #[test]
    fn no_difference_from_an_independent_calendar() {
        let Some(closed) = reference("nyse-closed.txt") else { return };
        let Some(early) = reference("nyse-early-closes.txt") else { return };
        assert!(closed.len() > 250 && early.len() > 50, "the files were not read whole");
        let mut differences = Vec::new();
        let mut day = date(2000, 1, 3);
        while day <= date(2030, 12, 31) {
            let weekend = matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
            if is_session(day) == (weekend || closed.contains(&day)) {
                differences.push(format!("{day} session {}", is_session(day)));
            }
            if is_early_close(day) != early.contains(&day) {
                differences.push(format!("{day} early close {}", is_early_close(day)));
            }
            day = day.tomorrow().unwrap();
        }
        assert_eq!(differences, Vec::<String>::new());
    }
}
