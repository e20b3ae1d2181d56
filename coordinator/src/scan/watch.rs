//! What a coordinator makes of a fleet it can only see through the store and the queue. Pure.
//!
//! - Nobody works: said after 15 s, and again each minute, because a person must start a worker.
//! - Fewer tasks are in the queue than tickers are missing, twice in a row: the queue lost some (it was wiped, or killed
//!   before its disk had them), and what is missing is published again. Looked at in this order, queue first, a commit
//!   in between only makes the queue look fuller.
//!
//! Refuses: to count tickers; only the store's set difference does.

use std::time::Duration;

/// No worker for so long is worth a word: one that was started together with the scan has checked in by then.
pub const FIRST_WORD: Duration = Duration::from_secs(15);
/// Said again so often.
pub const NEXT_WORD: Duration = Duration::from_secs(60);
/// So many short looks in a row are no accident of timing.
const SHORT_LOOKS: u32 = 2;

/// What one look found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Since the watching began.
    pub at: Duration,
    /// Workers that checked in lately and do not leave.
    pub workers: u32,
    /// Tasks in the queue, waiting or delivered; `None`: it did not answer.
    pub backlog: Option<u64>,
    /// Tickers without an outcome, asked after the queue.
    pub missing: u32,
}

/// What follows from a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advice {
    /// Tell that nobody works, since so long.
    SayNoWorker(Duration),
    /// Publish what is missing again.
    Republish,
}

/// What was seen so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FleetWatch {
    /// When a worker was last seen, or the watching began.
    seen: Duration,
    /// When it was last said that there is none.
    said: Option<Duration>,
    short_looks: u32,
}

impl FleetWatch {
    /// What follows.
    #[must_use]
    pub fn step(mut self, look: Look) -> (Self, Vec<Advice>) {
        let mut advice = Vec::new();
        if look.workers > 0 {
            (self.seen, self.said) = (look.at, None);
        } else if look.missing > 0 {
            let due = self.said.map_or(self.seen + FIRST_WORD, |said| said + NEXT_WORD);
            if look.at >= due {
                self.said = Some(look.at);
                advice.push(Advice::SayNoWorker(look.at - self.seen));
            }
        }
        let is_short = look.backlog.is_some_and(|backlog| backlog < u64::from(look.missing));
        self.short_looks = if is_short { self.short_looks + 1 } else { 0 };
        if self.short_looks >= SHORT_LOOKS {
            self.short_looks = 0;
            advice.push(Advice::Republish);
        }
        (self, advice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn advice(looks: &[Look]) -> Vec<(u64, Advice)> {
        let mut watch = FleetWatch::default();
        let mut all = Vec::new();
        for look in looks {
            let (next, advice) = watch.step(*look);
            watch = next;
            all.extend(advice.into_iter().map(|advice| (look.at.as_secs(), advice)));
        }
        all
    }

    fn look(at: u64, workers: u32, backlog: Option<u64>, missing: u32) -> Look {
        Look { at: Duration::from_secs(at), workers, backlog, missing }
    }

    #[test]
    fn nobody_at_work_is_said_after_15_seconds_and_each_minute() {
        let looks: Vec<Look> = (0..140).map(|at| look(at, 0, Some(9), 9)).collect();
        let said = |at: u64| (at, Advice::SayNoWorker(Duration::from_secs(at)));
        assert_eq!(advice(&looks), [said(15), said(75), said(135)]);
    }

    #[test]
    fn a_worker_that_leaves_is_missed_from_then_on() {
        let looks: Vec<Look> = (0..40).map(|at| look(at, u32::from(at < 20), Some(9), 9)).collect();
        assert_eq!(advice(&looks), [(34, Advice::SayNoWorker(Duration::from_secs(15)))]);
    }

    #[test]
    fn a_queue_that_lost_tasks_is_filled_again() {
        let looks = [look(0, 3, Some(9), 9), look(2, 3, Some(4), 8), look(4, 3, Some(4), 7), look(6, 3, Some(4), 6)];
        assert_eq!(advice(&looks), [(4, Advice::Republish)]);
    }

    #[test]
    fn a_commit_between_two_questions_and_a_silent_queue_are_no_loss() {
        let looks = [look(0, 3, Some(8), 9), look(2, 3, Some(8), 8), look(4, 3, None, 8), look(6, 3, Some(7), 8)];
        assert_eq!(advice(&looks), []);
        assert_eq!(advice(&[look(60, 0, Some(0), 0)]), [], "nothing is missing, so nobody is");
    }
}
