//! Which weekdays the exchange is closed on and which sessions are short: NYSE Rule 7.2 for what follows a rule, the
//! exchange's announcements for what does not.
//!
//! Promises: right for every weekday of 2000 to 2030 (held to an independent calendar where its files are present); from
//! there to 2035 the rules of today. Refuses to say anything of other years: [`super::table`] asks only for those it
//! holds. Everything is `const`: the table is made at compile time.

/// A civil date in plain numbers, so that it can be reckoned with at compile time.
#[derive(Clone, Copy)]
pub(super) struct Civil {
    pub year: i32,
    pub month: i32,
    pub day: i32,
    /// 0 is Monday.
    pub weekday: i32,
}

const MONDAY: i32 = 0;
const WEDNESDAY: i32 = 2;
const THURSDAY: i32 = 3;
const FRIDAY: i32 = 4;

/// Why the exchange holds no session on a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closure {
    /// Saturday or Sunday.
    Weekend,
    /// 1 January; on a Sunday kept on Monday, on a Saturday not at all.
    NewYear,
    /// Third Monday of January.
    MartinLutherKing,
    /// Third Monday of February.
    Washington,
    /// Two days before Easter Sunday.
    GoodFriday,
    /// Last Monday of May.
    Memorial,
    /// 19 June, from 2022.
    Juneteenth,
    /// 4 July.
    Independence,
    /// First Monday of September.
    Labor,
    /// Fourth Thursday of November.
    Thanksgiving,
    /// 25 December.
    Christmas,
    /// Follows no rule: an attack, a storm, a day of mourning.
    Unscheduled,
}

impl Closure {
    /// Its name for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Weekend => "weekend",
            Self::NewYear => "New Year's Day",
            Self::MartinLutherKing => "Martin Luther King Jr. Day",
            Self::Washington => "Washington's Birthday",
            Self::GoodFriday => "Good Friday",
            Self::Memorial => "Memorial Day",
            Self::Juneteenth => "Juneteenth",
            Self::Independence => "Independence Day",
            Self::Labor => "Labor Day",
            Self::Thanksgiving => "Thanksgiving Day",
            Self::Christmas => "Christmas Day",
            Self::Unscheduled => "unscheduled closure",
        }
    }
}

/// Why a date has no session; `None`: it has one.
pub(super) const fn closure(on: Civil) -> Option<Closure> {
    if on.weekday > FRIDAY {
        return Some(Closure::Weekend);
    }
    if is_unscheduled(on) {
        return Some(Closure::Unscheduled);
    }
    match on.month {
        // A Saturday the 1st is not kept on 31 December: the year's books are closed on it.
        1 if on.day == 1 || (on.day == 2 && on.weekday == MONDAY) => Some(Closure::NewYear),
        1 if is_nth(on, 3, MONDAY) => Some(Closure::MartinLutherKing),
        2 if is_nth(on, 3, MONDAY) => Some(Closure::Washington),
        3 | 4 if is_good_friday(on) => Some(Closure::GoodFriday),
        5 if on.weekday == MONDAY && on.day > 24 => Some(Closure::Memorial),
        6 if on.year >= 2022 && keeps(on, 19) => Some(Closure::Juneteenth),
        7 if keeps(on, 4) => Some(Closure::Independence),
        9 if is_nth(on, 1, MONDAY) => Some(Closure::Labor),
        11 if is_nth(on, 4, THURSDAY) => Some(Closure::Thanksgiving),
        12 if keeps(on, 25) => Some(Closure::Christmas),
        _ => None,
    }
}

/// Whether the session of a date is short (it ends at 13:00). Means nothing on a date without a session.
pub(super) const fn is_short(on: Civil) -> bool {
    match (on.month, on.day) {
        // The Friday after Thanksgiving: the day after a fourth Thursday.
        (11, 23..=29) => on.weekday == FRIDAY,
        // Christmas Eve; on a Friday it is the holiday itself.
        (12, 24) => on.weekday != FRIDAY,
        // Once only: the Friday after Christmas.
        (12, 26) => on.year == 2003,
        // The 3rd, when both it and the 4th are weekdays; until 2012 a Wednesday the 3rd was a full day.
        (7, 3) => on.weekday < WEDNESDAY || on.weekday == THURSDAY || (on.weekday == WEDNESDAY && on.year >= 2013),
        // And the Friday after a Thursday the 4th was short instead.
        (7, 5) => on.weekday == FRIDAY && on.year < 2013,
        _ => false,
    }
}

/// Weekday closures that follow no rule.
const fn is_unscheduled(on: Civil) -> bool {
    matches!(
        (on.year, on.month, on.day),
        // The attacks of 11 September.
        (2001, 9, 11..=14)
        // Mourning of Presidents Reagan, Ford, Bush and Carter.
        | (2004, 6, 11) | (2007, 1, 2) | (2018, 12, 5) | (2025, 1, 9)
        // Hurricane Sandy.
        | (2012, 10, 29 | 30)
    )
}

/// Whether a date is the nth of its weekday in its month.
const fn is_nth(on: Civil, nth: i32, weekday: i32) -> bool {
    on.weekday == weekday && (on.day - 1) / 7 + 1 == nth
}

/// Whether a holiday of a fixed date is kept on this weekday: on its date, a Saturday's on Friday, a Sunday's on Monday.
/// (Every one that this is asked of lies well inside its month.)
const fn keeps(on: Civil, holiday: i32) -> bool {
    on.day == holiday
        || (on.weekday == FRIDAY && on.day + 1 == holiday)
        || (on.weekday == MONDAY && on.day - 1 == holiday)
}

/// Two days before Easter Sunday (Gregorian), by the anonymous algorithm of 1876 (Meeus, Astronomical Algorithms,
/// chapter 8).
const fn is_good_friday(on: Civil) -> bool {
    let (a, b, c) = (on.year % 19, on.year / 100, on.year % 100);
    let (d, e) = (b / 4, b % 4);
    let g = (b - (b + 8) / 25 + 1) / 3;
    let h = (19 * a + b - d - g + 15) % 30;
    let (i, k) = (c / 4, c % 4);
    let l = (32 + 2 * e + 2 * i - h - k) % 7;
    let m = (a + 11 * h + 22 * l) / 451;
    // 31 × month + (day − 1): two days less may be the month before, where 31 is right for March.
    let easter = h + l - 7 * m + 114;
    31 * on.month + on.day - 1 == easter - 2
}
