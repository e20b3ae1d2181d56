//! Whether what a canary brought over one gateway can be believed, by what the others brought. Pure.
//!
//! Vendors are known to serve old data without an error after a few hundred requests from one address. A canary asks for
//! something that is known to move; one gateway whose answer has stopped moving, or has lost rows, shows beside the others.
//! Nothing is compared with a clock: a simulated market has a time of its own.

use std::collections::VecDeque;
use std::fmt;

use fleet_core::domain::Chain;
use jiff::Timestamp;
use jiff::civil::Date;

use super::rotation::Moment;

/// Fewer than this share of the rows that were known is a shrunken answer.
const ROWS_KEPT: f64 = 0.8;
/// Fewer than this share of the rows with open interest that were known is a block of zeros.
const INTEREST_KEPT: f64 = 0.5;
/// An answer of so many rows has open interest somewhere.
const SURELY_SOME: u32 = 20;
/// Answers remembered. Older ones than these are too old to compare with.
const REMEMBERED: usize = 64;

/// How far an answer's data has come. What came later is greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Progress {
    /// Newest time in it.
    Time(Timestamp),
    /// Its newest bar, and how much was traded in it.
    Traded(Date, u64),
}

/// What a canary brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pulse {
    /// How far its data has come; `None`: nothing says.
    pub(crate) progress: Option<Progress>,
    /// Rows.
    pub(crate) rows: u32,
    /// Rows with open interest; `None`: rows of this kind have none.
    pub(crate) with_interest: Option<u32>,
}

impl Pulse {
    /// Of a chain.
    pub(crate) fn of_chain(chain: &Chain) -> Self {
        let with_interest =
            chain.contracts.iter().filter(|quote| quote.open_interest.is_some_and(|open| open > 0)).count();
        Self {
            progress: chain.quote_time.map(Progress::Time),
            rows: count(chain.contracts.len() + chain.refused.len()),
            with_interest: Some(count(with_interest)),
        }
    }
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// Why an answer is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Disbelief {
    /// It is older than what another gateway had shown before.
    Old { shown: Progress, known: Progress },
    /// It says no time at all, where others did.
    Undated,
    /// It has lost rows.
    Shrunken { rows: u32, known: u32 },
    /// Its open interest is gone.
    NoInterest { with_interest: u32, known: u32 },
}

impl fmt::Display for Disbelief {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Old { shown: Progress::Time(shown), known: Progress::Time(known) } => {
                write!(f, "its data is of {shown}, others had shown {known}")
            }
            Self::Old { .. } => f.write_str("its newest bar is older than others had shown"),
            Self::Undated => f.write_str("its data has no time, that of others has"),
            Self::Shrunken { rows, known } => write!(f, "it has {rows} rows where {known} are known"),
            Self::NoInterest { with_interest, known } => {
                write!(f, "{with_interest} of its rows have open interest where {known} are known to")
            }
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Seen {
    at: Moment,
    progress: Progress,
}

/// What canaries to one vendor brought so far.
#[derive(Debug)]
pub(crate) struct Judge {
    /// A vendor's own copies may be so far apart.
    lag: Moment,
    seen: VecDeque<Seen>,
    rows: u32,
    with_interest: u32,
}

impl Judge {
    pub(crate) const fn new(lag: Moment) -> Self {
        Self { lag, seen: VecDeque::new(), rows: 0, with_interest: 0 }
    }

    /// Judges an answer to a canary that was sent then and arrived now. One that is believed is what the next are compared
    /// with.
    pub(crate) fn judge(&mut self, sent: Moment, now: Moment, pulse: &Pulse) -> Result<(), Disbelief> {
        let before = sent.saturating_sub(self.lag);
        let known = self.seen.iter().filter(|seen| seen.at <= before).map(|seen| seen.progress).max();
        match (pulse.progress, known) {
            (Some(shown), Some(known)) if shown < known => return Err(Disbelief::Old { shown, known }),
            (None, Some(_)) => return Err(Disbelief::Undated),
            _ => {}
        }
        if f64::from(pulse.rows) < ROWS_KEPT * f64::from(self.rows) {
            return Err(Disbelief::Shrunken { rows: pulse.rows, known: self.rows });
        }
        if let Some(with_interest) = pulse.with_interest {
            let lost = f64::from(with_interest) < INTEREST_KEPT * f64::from(self.with_interest);
            if lost || (with_interest == 0 && pulse.rows >= SURELY_SOME) {
                return Err(Disbelief::NoInterest { with_interest, known: self.with_interest });
            }
            self.with_interest = self.with_interest.max(with_interest);
        }
        self.rows = self.rows.max(pulse.rows);
        if let Some(progress) = pulse.progress {
            self.seen.push_back(Seen { at: now, progress });
            if self.seen.len() > REMEMBERED {
                self.seen.pop_front();
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pulse(minute: i64, rows: u32, with_interest: u32) -> Pulse {
        let at = Timestamp::from_second(1_795_185_000 + 60 * minute).unwrap();
        Pulse { progress: Some(Progress::Time(at)), rows, with_interest: Some(with_interest) }
    }

    fn secs(secs: u64) -> Moment {
        Moment::from_secs(secs)
    }

    #[test]
    fn what_stands_still_while_others_move_is_old() {
        let mut judge = Judge::new(secs(120));
        assert_eq!(judge.judge(secs(0), secs(1), &pulse(0, 100, 80)), Ok(()));
        assert_eq!(judge.judge(secs(300), secs(301), &pulse(5, 100, 80)), Ok(()));
        assert_eq!(judge.judge(secs(310), secs(311), &pulse(0, 100, 80)), Ok(()), "copies may be two minutes apart");
        let old = judge.judge(secs(430), secs(431), &pulse(0, 100, 80));
        assert!(matches!(old, Err(Disbelief::Old { .. })), "{old:?}");
        assert_eq!(judge.judge(secs(440), secs(441), &pulse(5, 100, 80)), Ok(()), "as new as what is known");
        let undated = Pulse { progress: None, ..pulse(9, 100, 80) };
        assert_eq!(judge.judge(secs(600), secs(601), &undated), Err(Disbelief::Undated));
    }

    #[test]
    fn lost_rows_and_lost_interest_are_seen_and_a_little_less_is_not() {
        let mut judge = Judge::new(secs(0));
        assert_eq!(judge.judge(secs(0), secs(0), &pulse(0, 100, 80)), Ok(()));
        assert_eq!(judge.judge(secs(1), secs(1), &pulse(0, 90, 60)), Ok(()));
        assert_eq!(judge.judge(secs(2), secs(2), &pulse(0, 79, 70)), Err(Disbelief::Shrunken { rows: 79, known: 100 }));
        let lost = judge.judge(secs(3), secs(3), &pulse(0, 100, 39));
        assert_eq!(lost, Err(Disbelief::NoInterest { with_interest: 39, known: 80 }));
    }

    #[test]
    fn no_open_interest_at_all_needs_no_other_to_compare_with() {
        let fresh = || Judge::new(secs(0));
        let all_zero = fresh().judge(secs(0), secs(0), &pulse(0, 200, 0));
        assert_eq!(all_zero, Err(Disbelief::NoInterest { with_interest: 0, known: 0 }));
        assert_eq!(fresh().judge(secs(0), secs(0), &pulse(0, 3, 0)), Ok(()), "three rows may have none");
    }

    #[test]
    fn bars_move_by_what_is_traded() {
        let mut judge = Judge::new(secs(0));
        let day = |volume| Pulse {
            progress: Some(Progress::Traded(jiff::civil::date(2026, 11, 20), volume)),
            rows: 5,
            with_interest: None,
        };
        assert_eq!(judge.judge(secs(0), secs(0), &day(1000)), Ok(()));
        assert_eq!(judge.judge(secs(1), secs(1), &day(1000)), Ok(()));
        assert!(judge.judge(secs(2), secs(2), &day(999)).is_err());
    }
}
