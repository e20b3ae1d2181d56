//! Sessions: which there are, when they open and close, and how many lie between two dates.
//!
//! Promises: nothing here guesses. A date outside [`FIRST`](super::FIRST) to [`LAST`](super::LAST) has no *known*
//! session: [`is_session`] says no, everything that would have to step over such dates says `None`.

use jiff::Timestamp;
use jiff::civil::Date;

use super::new_york::{at_new_york, exchange_date};
use super::table::{Day, day as day_of, nth, rank};

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

impl Session {
    /// Whether it closes at 13:00.
    #[must_use]
    pub fn is_half(&self) -> bool {
        day_of(self.date) == Some(Day::Half)
    }
}

/// Whether the calendar knows a regular session on this date. Outside the calendar none is known:
/// [`day`](super::day) tells that apart from a closed exchange.
#[must_use]
#[inline]
pub fn is_session(day: Date) -> bool {
    matches!(day_of(day), Some(Day::Full | Day::Half))
}

/// Whether a session of this date is known that closes at 13:00.
#[must_use]
pub fn is_early_close(day: Date) -> bool {
    day_of(day) == Some(Day::Half)
}

/// When the session of a date closes; `None` where no session is known.
#[must_use]
pub fn close_of(day: Date) -> Option<Timestamp> {
    match day_of(day)? {
        Day::Full => Some(at_new_york(day, 16, 0, 0)),
        Day::Half => Some(at_new_york(day, 13, 0, 0)),
        Day::Closed => None,
    }
}

/// The session of a date; `None` where none is known.
#[must_use]
pub fn session(day: Date) -> Option<Session> {
    Some(Session { date: day, close: close_of(day)?, open: at_new_york(day, 9, 30, 0) })
}

/// The session that is running at an instant (open ≤ at < close); `None` where none is known to run.
#[must_use]
pub fn session_at(at: Timestamp) -> Option<Session> {
    session(exchange_date(at)).filter(|s| s.open <= at && at < s.close)
}

/// The first session strictly after a date; `None` where the calendar does not know it.
#[must_use]
pub fn next_session(day: Date) -> Option<Date> {
    nth(rank(day)? + 1)
}

/// The last session strictly before a date; `None` where the calendar does not know it.
#[must_use]
pub fn previous_session(day: Date) -> Option<Date> {
    nth(rank(day)?.checked_sub(u32::from(is_session(day)))?)
}

/// A date if it is a session, else the last session before it; `None` where the calendar does not know it.
#[must_use]
pub fn session_on_or_before(day: Date) -> Option<Date> {
    if is_session(day) { Some(day) } else { previous_session(day) }
}

/// The session that lies so many sessions before another one (0: itself); `None` when `session` is none, or where the
/// calendar begins later.
#[must_use]
pub fn sessions_back(session: Date, back: u32) -> Option<Date> {
    if !is_session(session) {
        return None;
    }
    nth(rank(session)?.checked_sub(back)?)
}

/// The session whose opening comes next at an instant (strictly later); `None` where the calendar does not know it.
#[must_use]
pub fn next_open(at: Timestamp) -> Option<Session> {
    let today = exchange_date(at);
    match session(today) {
        Some(s) if at < s.open => Some(s),
        Some(_) | None => session(next_session(today)?),
    }
}

/// The exchange date an instant is booked under, for entries and caches: its own date if that is a session, else the
/// last session before. Outside the calendar, where no session is known, it is the date itself.
#[must_use]
pub fn session_date(at: Timestamp) -> Date {
    let today = exchange_date(at);
    session_on_or_before(today).unwrap_or(today)
}

/// Sessions in (from, to]: how many have begun after `from`, up to and including `to`. 0 when to ≤ from; `None` when
/// either lies outside the calendar.
#[must_use]
pub fn sessions_between(from: Date, to: Date) -> Option<u32> {
    Some(rank(to)?.saturating_sub(rank(from)?))
}

/// The sessions from one date to another, both included, oldest first. Of dates outside the calendar there are none.
pub fn sessions(from: Date, to: Date) -> impl Iterator<Item = Date> {
    // Clamping leaves the known part of the range; an empty range stays empty.
    let first = from.max(super::FIRST);
    let before = rank(first).map_or(u32::MAX, |n| n - u32::from(is_session(first)));
    let last = rank(to.min(super::LAST)).unwrap_or(0);
    (before..last).filter_map(|n| nth(n + 1))
}
