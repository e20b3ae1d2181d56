//! What one delivery goes through (DESIGN 6): is it wanted, count the attempt, scan the ticker under a deadline with
//! panics caught, commit, and say what becomes of the delivery. Its slot is free for another one as soon as there is
//! nothing left to do but to commit.
//!
//! Promises: the delivery is acknowledged only after the store said that the ticker is accounted for; every way out is
//! a [`Conclusion`]; what failed is judged by `ruling`; a store that cannot be used at all is the worker's end and no ticker's failure. Refuses: to touch the
//! delivery itself (its `scanner` does), and to retry within a delivery.

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use fleet_core::domain::{DeliveryLimits, FailReason, Outcome, RequestCounts, Task, TradeRecord};
use fleet_core::seams::{Attempt, Begun, Commit, CommitAnswer, RequestTally, StoreError};
use fleet_telemetry::WorkerMetrics;
use futures::FutureExt;

use crate::back_off::rest_after;
use crate::handover::Handover;
use crate::prepared::{PrepareError, PreparedScan};
use crate::ruling::{Mishap, Ruling, remembered, rule};
use crate::scan_ticker::{TickerError, TickerJob, scan_ticker};
use crate::{Accounted, WorkerContext, chain_text, in_time, wide_event};

/// A task this worker cannot work on waits so long for another one: it may be newer, or better connected.
const REST_WHEN_UNABLE: Duration = Duration::from_secs(30);

/// A task of a scan that the store does not know waits so long: a store that is put back is found, and thousands of such
/// tasks are no burden.
const REST_WHEN_UNKNOWN: Duration = Duration::from_secs(600);

/// What becomes of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Conclusion {
    /// The ticker is accounted for, or needs no doing.
    Ack,
    /// Somebody does it later.
    HandBack(Duration),
}

/// Works on one delivery's task. `computed` is called when nothing is left to do but to write the answer down.
pub(crate) async fn work(worker: &WorkerContext, handover: &Handover, computed: impl FnOnce()) -> Conclusion {
    let task = &handover.task;
    if worker.has_given_up() {
        return back(worker, "gave_up", REST_WHEN_UNABLE);
    }
    let scan = match worker.scans.get(&task.scan, &worker.parts).await {
        Ok(scan) => scan,
        Err(error) => return unable(worker, task, &error).await,
    };
    handover.counted.begin(&scan.stamp);
    let store = worker.parts.store.as_ref();
    let begun = in_time::store(store.begin_attempt(&task.scan, Some(&scan.stamp), &task.ticker)).await;
    let (attempt, live) = match begun {
        Ok(Begun { attempt: Attempt::Run(attempt), live }) => (attempt, live),
        Ok(Begun { attempt: Attempt::Done | Attempt::Sealed, .. }) => {
            handover.counted.settle();
            return Conclusion::Ack;
        }
        Ok(Begun { attempt: Attempt::Unknown, .. }) => {
            handover.counted.settle();
            worker.scans.forget(&scan);
            return of_no_scan(worker);
        }
        Ok(Begun { attempt: Attempt::MadeAnew, .. }) => {
            handover.counted.settle();
            worker.scans.forget(&scan);
            return made_anew(worker, task);
        }
        Err(error) => return store_failed(worker, &scan, handover, 1, &error).await,
    };
    worker.store_answered();
    worker.instruments.metrics.attempt();

    let started = Instant::now();
    let commit = match attempt_ticker(worker, &scan, task, attempt, live).await {
        Ok(commit) => commit,
        Err(Mishap::Error(TickerError::Store(error))) => {
            return store_failed(worker, &scan, handover, attempt, &error).await;
        }
        Err(mishap) => {
            // It came to something, also when nothing is committed: from here on it counts.
            handover.counted.settle();
            let past = scan.past(&task.ticker);
            let requests = || scan.tally(&task.ticker).counts();
            match rule(&mishap, task, attempt, &past, &scan.manifest.limits, requests) {
                Ruling::Again(rest) => {
                    wide_event::handed_back(attempt, mishap.word(), &mishap.text(), rest);
                    scan.remember(&task.ticker, remembered(&past, &mishap, &scan.manifest.limits));
                    return back(worker, mishap.word(), rest);
                }
                Ruling::Give(outcome) => without_finding(worker, &scan, task, attempt, outcome),
            }
        }
    };
    computed();
    let (commit, answer) = commit_or_say_why_not(worker, &scan, commit).await;
    match answer {
        Ok(CommitAnswer::MadeAnew) => {
            handover.counted.settle();
            worker.scans.forget(&scan);
            made_anew(worker, task)
        }
        Err(StoreError::NotFound(_)) => {
            handover.counted.settle();
            worker.scans.forget(&scan);
            of_no_scan(worker)
        }
        Ok(answer @ (CommitAnswer::Committed | CommitAnswer::Duplicate | CommitAnswer::Late)) => {
            handover.counted.settle();
            scan.forget(&task.ticker);
            committed(worker, handover, &commit, answer, started.elapsed());
            Conclusion::Ack
        }
        Err(error) => store_failed(worker, &scan, handover, attempt, &error).await,
    }
}

/// Commits. A finding too large for the store is a failure of the ticker, with the store's words, at once: the next
/// attempt would make the same one. What was decided about live trades, their exits above all, is committed all the same.
async fn commit_or_say_why_not(
    worker: &WorkerContext,
    scan: &PreparedScan,
    commit: Commit,
) -> (Commit, Result<CommitAnswer, StoreError>) {
    let answer = in_time::store(worker.parts.store.commit(&commit)).await;
    let (Err(StoreError::TooLarge(why)), Outcome::Found(finding)) = (&answer, &commit.outcome) else {
        return (commit, answer);
    };
    tracing::warn!(ticker = %commit.ticker, why, "the store refuses this finding; the ticker fails");
    let reason = FailReason { word: "store".to_owned(), detail: why.clone() };
    let outcome = Outcome::Failed { reason, requests: finding.requests.clone() };
    let task = Task { scan: commit.scan.clone(), ticker: commit.ticker.clone() };
    let failed = without_finding(worker, scan, &task, commit.attempt, outcome);
    let smaller = Commit { transitions: commit.transitions, marks: commit.marks, summary: commit.summary, ..failed };
    let answer = in_time::store(worker.parts.store.commit(&smaller)).await;
    (smaller, answer)
}

fn back(worker: &WorkerContext, reason: &'static str, rest: Duration) -> Conclusion {
    worker.instruments.metrics.handed_back(reason);
    Conclusion::HandBack(rest)
}

/// The queue knows a scan that the store does not: the store lost it (an old copy was put back, a primary died), or it
/// was pruned. Throwing the task away would hide the first; it comes back until the queue's own limit ends it.
fn of_no_scan(worker: &WorkerContext) -> Conclusion {
    tracing::warn!("task of a scan that the store does not know, handed back");
    back(worker, "unknown_scan", REST_WHEN_UNKNOWN)
}

/// The scan was pruned, or its store emptied, and made again since its manifest was read. Whatever was counted was of the
/// old one and is gone with it: nothing is taken back from the new one.
fn made_anew(worker: &WorkerContext, task: &Task) -> Conclusion {
    tracing::warn!("scan was made anew meanwhile, ticker is done again under its new manifest");
    back(worker, "made_anew", rest_after(task, 1, None))
}

fn committed(worker: &WorkerContext, handover: &Handover, commit: &Commit, answer: CommitAnswer, elapsed: Duration) {
    wide_event::finished(handover, commit, answer, elapsed);
    if answer == CommitAnswer::Committed {
        worker.instruments.metrics.ticker(wide_event::outcome_word(&commit.outcome), elapsed);
        worker.activity.committed();
        announce(worker, commit);
    }
}

/// The live trades, as the store gave them.
type ReadTrades = Result<Vec<TradeRecord>, StoreError>;

/// The live trades an attempt begins with. An attempt beyond the last is not made, however reading them went: whatever
/// ended the others would end it too.
fn begin(
    attempt: u32,
    limits: &DeliveryLimits,
    live: ReadTrades,
    last: impl FnOnce() -> Option<FailReason>,
) -> Result<Vec<TradeRecord>, Mishap> {
    if attempt > limits.max_attempts.max(1) {
        return Err(Mishap::NotMade(last()));
    }
    live.map_err(|error| Mishap::Error(TickerError::Store(error)))
}

/// One attempt, with its deadline, panics caught.
async fn attempt_ticker(
    worker: &WorkerContext,
    scan: &PreparedScan,
    task: &Task,
    attempt: u32,
    live: ReadTrades,
) -> Result<Commit, Mishap> {
    let limits = &scan.manifest.limits;
    let live = begin(attempt, limits, live, || scan.past(&task.ticker).last)?;
    let (tally, past) = (scan.tally(&task.ticker), scan.past(&task.ticker));
    tally.note(None);
    let _seen = RequestsSeen::of(&tally, &worker.instruments.metrics);
    let job = TickerJob {
        task,
        attempt,
        past: &past,
        worker: &worker.name,
        manifest: &scan.manifest,
        stamp: &scan.stamp,
        analysis: &scan.analysis,
        market: scan.market.as_ref(),
        store: worker.parts.store.as_ref(),
        unvouched: &scan.unvouched,
        tally: &tally,
        clock: worker.parts.clock.as_ref(),
    };
    let limit = Duration::from_secs(u64::from(limits.timeout_secs.max(1)));
    match tokio::time::timeout(limit, AssertUnwindSafe(scan_ticker(&job, live)).catch_unwind()).await {
        Ok(Ok(answer)) => answer.map_err(Mishap::Error),
        Ok(Err(panic)) => Err(Mishap::Panicked(panic_text(panic.as_ref()))),
        Err(_) => Err(Mishap::TimedOut { last: tally.last_failure() }),
    }
}

/// Adds the requests of one attempt to the worker's numbers, however it ends.
struct RequestsSeen<'a> {
    tally: &'a RequestTally,
    before: RequestCounts,
    metrics: &'a WorkerMetrics,
}

impl<'a> RequestsSeen<'a> {
    fn of(tally: &'a RequestTally, metrics: &'a WorkerMetrics) -> Self {
        Self { tally, before: tally.counts(), metrics }
    }
}

impl Drop for RequestsSeen<'_> {
    fn drop(&mut self) {
        for (vendor, requests) in self.tally.counts().vendors {
            let before = self.before.vendors.get(&vendor).copied().unwrap_or_default();
            self.metrics.requests(vendor.word(), requests.saturating_sub(before));
        }
    }
}

fn without_finding(worker: &WorkerContext, scan: &PreparedScan, task: &Task, attempt: u32, outcome: Outcome) -> Commit {
    Commit {
        scan: task.scan.clone(),
        stamp: Some(scan.stamp.clone()),
        ticker: task.ticker.clone(),
        outcome,
        worker: worker.name.clone(),
        attempt,
        trades: Vec::new(),
        transitions: Vec::new(),
        marks: Vec::new(),
        explanations: Vec::new(),
        summary: None,
    }
}

async fn unable(worker: &WorkerContext, task: &Task, error: &PrepareError) -> Conclusion {
    match error {
        PrepareError::NoManifest => of_no_scan(worker),
        PrepareError::Store(store) => {
            rest_for_the_store(worker, store).await;
            back(worker, "store", rest_after(task, 1, None))
        }
        PrepareError::UnknownVersion(_) | PrepareError::Settings(_) | PrepareError::Market(_) => {
            tracing::warn!(error = chain_text(error), "task handed back unopened");
            back(worker, "unable", REST_WHEN_UNABLE)
        }
    }
}

/// The ticker has done nothing wrong: it comes back, or, when the store will not, the worker gives up.
async fn store_failed(
    worker: &WorkerContext,
    scan: &PreparedScan,
    handover: &Handover,
    attempt: u32,
    error: &StoreError,
) -> Conclusion {
    handover.counted.settle();
    let task = &handover.task;
    tracing::debug!(attempt, %error, "store failed, task handed back");
    let reason = FailReason { word: "store".to_owned(), detail: error.to_string() };
    scan.remember(&task.ticker, scan.past(&task.ticker).and(Some(reason), None));
    rest_for_the_store(worker, error).await;
    back(worker, "store", rest_after(task, attempt, None))
}

/// Keeps the slot from taking another task that the store would fail too; a drain ends the rest.
async fn rest_for_the_store(worker: &WorkerContext, error: &StoreError) {
    let rest = worker.store_failed(error);
    if is_for_good(error) {
        worker.give_up(&error.to_string());
    } else {
        tokio::time::sleep(rest).await;
    }
}

/// Whether a store stays unusable until a person does something about it.
const fn is_for_good(error: &StoreError) -> bool {
    match error {
        StoreError::Full(_) | StoreError::Damaged(_) | StoreError::Newer { .. } | StoreError::Foreign(_) => true,
        StoreError::Unavailable(_)
        | StoreError::Fenced { .. }
        | StoreError::NotFound(_)
        | StoreError::Conflict(_)
        | StoreError::TooLarge(_) => false,
    }
}

fn announce(worker: &WorkerContext, commit: &Commit) {
    let (failed, candidates) = match &commit.outcome {
        Outcome::Found(finding) => (false, finding.candidates.iter().filter(|c| !c.control).count()),
        Outcome::Failed { .. } | Outcome::Poison { .. } | Outcome::Sealed => (true, 0),
    };
    if let Some(accounted) = &worker.accounted {
        // Nobody listening is fine: the store has it.
        let _ = accounted.send(Accounted {
            scan: commit.scan.clone(),
            ticker: commit.ticker.clone(),
            failed,
            candidates: candidates as u32,
        });
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("no text").chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: DeliveryLimits = DeliveryLimits {
        timeout_secs: 120,
        max_attempts: 3,
        request_timeout_secs: 10,
        request_tries: 3,
        max_retry_after_secs: 60,
    };

    fn away() -> ReadTrades {
        Err(StoreError::Unavailable("away".to_owned()))
    }

    #[test]
    fn trades_that_cannot_be_read_are_the_attempts_mishap() {
        assert_eq!(begin(3, &LIMITS, Ok(Vec::new()), || None).ok(), Some(Vec::new()));
        let failed = begin(3, &LIMITS, away(), || None);
        assert!(matches!(failed, Err(Mishap::Error(TickerError::Store(StoreError::Unavailable(_))))), "{failed:?}");
    }

    /// Or a ticker whose trades can never be read would be delivered for ever.
    #[test]
    fn an_attempt_beyond_the_last_is_not_made_whatever_its_trades_are() {
        let reason = || Some(FailReason { word: "store".to_owned(), detail: "away".to_owned() });
        for live in [away(), Ok(Vec::new())] {
            let answer = begin(4, &LIMITS, live, reason);
            assert!(matches!(&answer, Err(Mishap::NotMade(last)) if *last == reason()), "{answer:?}");
        }
    }
}
