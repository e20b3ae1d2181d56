//! The market's own clock. It starts at [`start`] whatever the seed and moves only when told to.
//!
//! The world knows 320 sessions before the first one and 30 after; asking for more is refused.

use fleet_core::domain::calendar::{self, Session};
use jiff::civil::{Date, date};
use jiff::{SignedDuration, Timestamp};

/// Sessions of history before the first one: enough for SMA(200), a year of bars and the vendors' ranges.
pub(crate) const HISTORY: usize = 320;
/// Sessions the clock can be advanced in all.
pub const MAX_ADVANCE: u32 = 30;
/// The first session: a third Friday, so that a monthly expires today; Thanksgiving and its half day follow.
const FIRST_SESSION: Date = date(2026, 11, 20);

/// 10:30 New York on 2026-11-20, the instant every simulated market starts at.
#[must_use]
pub fn start() -> Timestamp {
    calendar::at_new_york(FIRST_SESSION, 10, 30, 0)
}

/// All sessions the world knows, oldest first; index [`HISTORY`] is the first session.
#[derive(Debug)]
pub(crate) struct Sessions(Vec<Session>);

/// An instant as seen by prices: which session, and how much of it has passed. Outside market hours it is the last
/// instant of the session before.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Moment {
    /// Index into the sessions.
    pub session: usize,
    /// 0 at the open, 1 at the close.
    pub fraction: f64,
    /// The instant itself, never after the session's close.
    pub at: Timestamp,
}

impl Sessions {
    pub(crate) fn new() -> Self {
        let before = calendar::sessions(calendar::FIRST, FIRST_SESSION);
        let mut days: Vec<Date> = before.collect();
        days.drain(..days.len().saturating_sub(HISTORY + 1));
        days.extend(calendar::sessions(FIRST_SESSION, calendar::LAST).skip(1).take(MAX_ADVANCE as usize));
        Self(days.into_iter().filter_map(calendar::session).collect())
    }

    pub(crate) fn all(&self) -> &[Session] {
        &self.0
    }

    pub(crate) fn get(&self, index: usize) -> Session {
        self.0[index.min(self.0.len() - 1)]
    }

    /// Index of the last session on or before a date.
    pub(crate) fn on_or_before(&self, day: Date) -> usize {
        self.0.partition_point(|s| s.date <= day).saturating_sub(1)
    }

    /// Index of the first session on or after a date.
    pub(crate) fn on_or_after(&self, day: Date) -> usize {
        self.0.partition_point(|s| s.date < day).min(self.0.len() - 1)
    }

    pub(crate) fn moment(&self, at: Timestamp) -> Moment {
        let session = self.0.partition_point(|s| s.open <= at).saturating_sub(1);
        let Session { open, close, .. } = self.0[session];
        let at = at.clamp(open, close);
        let length = close.duration_since(open).as_secs_f64();
        Moment { session, fraction: at.duration_since(open).as_secs_f64() / length, at }
    }

    /// The instant of a session's close.
    pub(crate) fn close_of(&self, session: usize) -> Moment {
        let session = session.min(self.0.len() - 1);
        Moment { session, fraction: 1.0, at: self.0[session].close }
    }

    /// Where the clock stands after being told to advance, or why it does not.
    pub(crate) fn advanced(&self, now: Timestamp, sessions: u32, minutes: u32) -> Result<Timestamp, String> {
        if sessions == 0 && minutes == 0 {
            return Err(format!("nothing to advance; ask for sessions=1 to {MAX_ADVANCE} or minutes=1 to 390"));
        }
        let current = self.moment(now).session;
        let target = current + sessions as usize;
        if sessions > MAX_ADVANCE || target >= self.0.len() {
            let left = self.0.len() - 1 - current;
            return Err(format!("this market ends {left} sessions from now ({MAX_ADVANCE} in all); start another"));
        }
        let Session { open, close, .. } = self.0[target];
        let into = now.duration_since(self.0[current].open);
        let mut next = open.saturating_add(into).unwrap_or(open);
        if sessions > 0 && next >= close {
            // A half day: its last five minutes stand for a time that it does not have.
            next = close.saturating_sub(SignedDuration::from_mins(5)).unwrap_or(open);
        }
        let next = next.saturating_add(SignedDuration::from_mins(i64::from(minutes))).unwrap_or(close);
        if next > close {
            return Err(format!("{minutes} minutes lead past the close of the session; advance sessions=1 instead"));
        }
        Ok(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_keeps_the_time_of_day_and_skips_thanksgiving() {
        let sessions = Sessions::new();
        let at = |n, m| sessions.advanced(start(), n, m).map(calendar::new_york_text);
        assert_eq!(at(1, 0).unwrap(), "2026-11-23 10:30");
        assert_eq!(at(4, 10).unwrap(), "2026-11-27 10:40");
        assert_eq!(at(0, 330).unwrap(), "2026-11-20 16:00");
        assert!(at(0, 331).unwrap_err().contains("past the close"));
        assert!(at(30, 0).is_ok());
        assert!(at(31, 0).unwrap_err().contains("30"));
        assert!(at(0, 0).is_err());
    }

    #[test]
    fn before_the_open_prices_stand_at_the_last_close() {
        let sessions = Sessions::new();
        let early = sessions.moment(calendar::at_new_york(date(2026, 11, 23), 9, 20, 0));
        assert_eq!(early, sessions.close_of(HISTORY));
        assert_eq!(sessions.get(HISTORY).date, FIRST_SESSION);
    }
}
