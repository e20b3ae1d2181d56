//! Every session of 2000 to 2035, one bit a day, made from the rules at compile time.
//!
//! Promises: each answer is a look-up (no loop over days, no allocation); a date outside the table is `None`, never a
//! guess.

use jiff::civil::{Date, date};

use super::days::civil_days;
use super::rules::{Civil, closure, is_short};

/// The first date the calendar knows.
pub const FIRST: Date = date(2000, 1, 1);
/// The last date the calendar knows. Holidays beyond are likely to change before they come.
pub const LAST: Date = date(2035, 12, 31);

const FIRST_YEAR: i32 = 2000;
const MONTHS: usize = 36 * 12;

/// One month. Bit 0 is the 1st.
#[derive(Clone, Copy)]
struct Month {
    sessions: u32,
    short: u32,
    /// Sessions of all months before.
    before: u32,
}

static TABLE: [Month; MONTHS] = table();

const fn table() -> [Month; MONTHS] {
    let mut table = [Month { sessions: 0, short: 0, before: 0 }; MONTHS];
    let (mut at, mut before) = (0, 0);
    while at < MONTHS {
        let (year, month) = (FIRST_YEAR + at as i32 / 12, at as i32 % 12 + 1);
        let next = if month == 12 { civil_days(year + 1, 1, 1) } else { civil_days(year, month + 1, 1) };
        let first = civil_days(year, month, 1);
        let (mut sessions, mut short, mut number) = (0, 0, first);
        while number < next {
            // 1970-01-01 was a Thursday.
            let weekday = (number + 3).rem_euclid(7);
            let on = Civil { year, month, day: number - first + 1, weekday };
            if closure(on).is_none() {
                sessions |= 1 << (number - first);
                if is_short(on) {
                    short |= 1 << (number - first);
                }
            }
            number += 1;
        }
        table[at] = Month { sessions, short, before };
        before += sessions.count_ones();
        at += 1;
    }
    table
}

/// What the table says of a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Day {
    /// A session that closes at 16:00 New York.
    Full,
    /// A session that closes at 13:00 New York.
    Half,
    /// No session.
    Closed,
}

/// What a date is; `None` outside the calendar.
#[must_use]
#[inline]
pub fn day(day: Date) -> Option<Day> {
    let (month, bit) = place(day)?;
    Some(if month.sessions & bit == 0 {
        Day::Closed
    } else if month.short & bit == 0 {
        Day::Full
    } else {
        Day::Half
    })
}

/// Sessions from the calendar's first date up to and including a date; `None` outside the calendar.
pub(super) fn rank(day: Date) -> Option<u32> {
    let (month, bit) = place(day)?;
    // The bits of the day and of all days before it.
    Some(month.before + (month.sessions & (bit | (bit - 1))).count_ones())
}

/// The date of the nth session of the calendar, from 1; `None` beyond its ends.
pub(super) fn nth(n: u32) -> Option<Date> {
    let at = TABLE.partition_point(|month| month.before < n).checked_sub(1)?;
    let month = TABLE[at];
    let mut left = month.sessions;
    for _ in 1..n - month.before {
        left &= left.wrapping_sub(1);
    }
    // Without a bit left the nth session would lie after the last month.
    (left != 0)
        .then(|| date(FIRST_YEAR as i16 + (at / 12) as i16, (at % 12) as i8 + 1, left.trailing_zeros() as i8 + 1))
}

fn place(day: Date) -> Option<(&'static Month, u32)> {
    let years = usize::try_from(i32::from(day.year()) - FIRST_YEAR).ok()?;
    let month = TABLE.get(years * 12 + day.month() as usize - 1)?;
    Some((month, 1 << (day.day() - 1)))
}
