//! An engine that is away: how long to rest before it is asked again, and when to say so. Pure.
//!
//! Promises: a person reads when it went away, once a minute that it still is, and when it came back, however many
//! slots and tickers noticed; it is asked again within 5 s.

use std::time::{Duration, Instant};

/// Between two lines about the same trouble.
const TELL_EVERY: Duration = Duration::from_secs(60);
/// A restart of a server takes seconds: who asks more often than this is a burden, more rarely is late.
const REST: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(5));

/// Whether an engine is away, and since when.
#[derive(Debug, Default)]
pub(crate) struct Trouble {
    away: Option<Away>,
}

#[derive(Debug)]
struct Away {
    since: Instant,
    told: Instant,
    untold: u32,
}

/// What a failed call means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Failed {
    /// The caller asks nothing of it for so long: half the time it has been away, between 0.25 s and 5 s.
    pub(crate) rest: Duration,
    /// Say so now, and how many failures were not told since the last line; `None`: it was said lately.
    pub(crate) tell: Option<u32>,
}

impl Trouble {
    /// A call failed.
    pub(crate) fn failed(&mut self, now: Instant) -> Failed {
        let Some(away) = &mut self.away else {
            self.away = Some(Away { since: now, told: now, untold: 0 });
            return Failed { rest: REST.0, tell: Some(0) };
        };
        let rest = (now.saturating_duration_since(away.since) / 2).clamp(REST.0, REST.1);
        if now.saturating_duration_since(away.told) < TELL_EVERY {
            away.untold = away.untold.saturating_add(1);
            return Failed { rest, tell: None };
        }
        away.told = now;
        Failed { rest, tell: Some(std::mem::take(&mut away.untold)) }
    }

    /// A call succeeded. `Some`: it had been away for so long.
    pub(crate) fn succeeded(&mut self, now: Instant) -> Option<Duration> {
        self.away.take().map(|away| now.saturating_duration_since(away.since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_told_at_once_then_each_minute_then_when_it_is_over() {
        let (mut trouble, start) = (Trouble::default(), Instant::now());
        let mut told = Vec::new();
        for secs in 0..130_u32 {
            let failed = trouble.failed(start + Duration::from_secs(secs.into()));
            told.extend(failed.tell.map(|untold| (secs, untold)));
        }
        assert_eq!(told, [(0, 0), (60, 59), (120, 59)]);
        assert_eq!(trouble.succeeded(start + Duration::from_secs(140)), Some(Duration::from_secs(140)));
        assert_eq!(trouble.succeeded(start + Duration::from_secs(141)), None);
        assert_eq!(trouble.failed(start + Duration::from_secs(142)).tell, Some(0), "a new trouble is told at once");
    }

    #[test]
    fn rests_grow_with_the_time_it_is_away() {
        let (mut trouble, start) = (Trouble::default(), Instant::now());
        let mut rest = |ms| trouble.failed(start + Duration::from_millis(ms)).rest.as_millis();
        assert_eq!([rest(0), rest(100), rest(2000), rest(9000), rest(90_000)], [250, 250, 1000, 4500, 5000]);
    }
}
