//! May a scan start now? The regular session by our calendar, and a warning window inside it. Pure.

use jiff::Timestamp;

use fleet_core::domain::calendar::{self, new_york_text};

/// What the hour says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hour {
    /// The session runs and spreads have settled.
    Good,
    /// The session runs; the sentence says what to mind.
    Warned(String),
    /// No session runs; the sentence says when the next one opens.
    Closed(String),
}

/// Judges an instant. Around the open and the close spreads are wide and quotes late: 09:45 to 15:45 (and a quarter of
/// an hour before the close of a half day) is the window in which a scan reads best.
#[must_use]
pub fn judge(at: Timestamp) -> Hour {
    let Some(session) = calendar::session_at(at) else {
        return Hour::Closed(match calendar::next_open(at) {
            Some(next) => format!("the market is closed; it opens {} New York", new_york_text(next.open)),
            None => format!("no session is known then: the calendar ends with {}", calendar::LAST),
        });
    };
    let quarter = jiff::SignedDuration::from_mins(15);
    if at.duration_since(session.open) < quarter {
        Hour::Warned("the market opened less than 15 minutes ago: quotes are those of before the open".to_owned())
    } else if session.close.duration_since(at) < quarter {
        Hour::Warned("the market closes in less than 15 minutes".to_owned())
    } else {
        Hour::Good
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(at: &str, expected: &str) {
        let text = match judge(at.parse().unwrap()) {
            Hour::Good => "good".to_owned(),
            Hour::Warned(text) | Hour::Closed(text) => text,
        };
        assert!(text.contains(expected), "{at}: {text}");
    }

    #[test]
    fn the_session_decides() {
        check("2026-11-20T15:05:00Z", "good");
        check("2026-11-20T14:29:59Z", "opens 2026-11-20 09:30");
        check("2026-11-20T14:31:00Z", "opened less than 15");
        check("2026-11-20T20:46:00Z", "closes in less than 15");
        check("2026-11-20T21:00:00Z", "opens 2026-11-23 09:30");
        check("2026-11-26T15:05:00Z", "opens 2026-11-27 09:30");
        check("2026-11-27T17:50:00Z", "closes in less than 15");
        check("2026-11-27T18:10:00Z", "opens 2026-11-30 09:30");
        check("2036-01-02T15:00:00Z", "no session is known then");
    }
}
