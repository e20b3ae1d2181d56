//! What one delivery goes through (DESIGN 6): is it wanted, count the attempt, scan the ticker under a deadline with
//! panics caught, commit, and say what becomes of the delivery.
//!
//! Promises: the delivery is acknowledged only after the store said that the ticker is accounted for; every way out is
//! a [`Conclusion`]; a store that cannot be used at all is the worker's end and no ticker's failure. Refuses: to touch the
//! delivery itself (its `scanner` does), and to retry within a delivery.

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use fleet_core::domain::{Answer, DeliveryLimits, FailReason, Outcome, RequestCounts, Task, Vendor};
use fleet_core::seams::{Attempt, Commit, CommitAnswer, FetchFailure, StoreError};
use futures::FutureExt;

use crate::back_off::rest_after;
use crate::past::{Past, retry_after};
use crate::prepared::{PrepareError, PreparedScan};
use crate::scan_ticker::{TickerError, TickerJob, scan_ticker};
use crate::{Accounted, WorkerContext, in_time};

/// A task this worker cannot work on waits so long for another one: it may be newer, or better connected.
const REST_WHEN_UNABLE: Duration = Duration::from_secs(30);

/// What becomes of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Conclusion {
    /// The ticker is accounted for, or needs no doing.
    Ack,
    /// Somebody does it later.
    HandBack(Duration),
}

/// How an attempt ended without a commit.
#[derive(Debug)]
pub(crate) enum Mishap {
    /// It failed.
    Error(TickerError),
    /// It took longer than a delivery may; how the last request had failed by then, unless it was answered.
    TimedOut { last: Option<(Vendor, FetchFailure)> },
    /// It panicked; what was said.
    Panicked(String),
    /// It was not made, being one too many; why the one before gave nothing, if anybody lived to say.
    NotMade(Option<FailReason>),
}

/// What a mishap means for the ticker.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Ruling {
    /// Trying again may help.
    Again(Duration),
    /// It will not: the ticker is accounted for like this.
    Give(Outcome),
}

/// Works on one delivery's task.
pub(crate) async fn work(worker: &WorkerContext, task: &Task) -> Conclusion {
    if worker.has_given_up() {
        return Conclusion::HandBack(REST_WHEN_UNABLE);
    }
    let scan = match worker.scans.get(&task.scan, &worker.parts).await {
        Ok(scan) => scan,
        Err(error) => return unable(worker, task, &error),
    };
    let attempt = match in_time::store(worker.parts.store.count_attempt(&task.scan, &task.ticker)).await {
        Ok(Attempt::Run(attempt)) => attempt,
        Ok(Attempt::Done | Attempt::Sealed) => return Conclusion::Ack,
        Ok(Attempt::Unknown) => {
            tracing::warn!(scan = %task.scan, ticker = %task.ticker, "task of no known scan dropped");
            return Conclusion::Ack;
        }
        Err(error) => return store_failed(worker, &scan, task, 1, &error),
    };

    let started = Instant::now();
    let commit = match attempt_ticker(worker, &scan, task, attempt).await {
        Ok(commit) => commit,
        Err(Mishap::Error(TickerError::Store(error))) => return store_failed(worker, &scan, task, attempt, &error),
        Err(mishap) => {
            let past = scan.past(&task.ticker);
            let requests = || scan.tally(&task.ticker).counts();
            match rule(&mishap, task, attempt, &past, &scan.manifest.limits, requests) {
                Ruling::Again(rest) => {
                    report_hand_back(task, attempt, &mishap, rest);
                    scan.remember(&task.ticker, remembered(&past, &mishap, &scan.manifest.limits));
                    return Conclusion::HandBack(rest);
                }
                Ruling::Give(outcome) => without_finding(worker, task, attempt, outcome),
            }
        }
    };
    match in_time::store(worker.parts.store.commit(&commit)).await {
        Ok(answer) => {
            scan.forget(&task.ticker);
            report(&commit, answer, started.elapsed());
            if answer == CommitAnswer::Committed {
                announce(worker, &commit);
            }
            Conclusion::Ack
        }
        Err(error) => store_failed(worker, &scan, task, attempt, &error),
    }
}

/// One attempt, with its deadline, panics caught. An attempt beyond the last is not made: whatever ended the others
/// would end it too.
async fn attempt_ticker(
    worker: &WorkerContext,
    scan: &PreparedScan,
    task: &Task,
    attempt: u32,
) -> Result<Commit, Mishap> {
    let limits = &scan.manifest.limits;
    if attempt > limits.max_attempts.max(1) {
        return Err(Mishap::NotMade(scan.past(&task.ticker).last));
    }
    let (tally, past) = (scan.tally(&task.ticker), scan.past(&task.ticker));
    tally.note(None);
    let job = TickerJob {
        task,
        attempt,
        past: &past,
        worker: &worker.name,
        manifest: &scan.manifest,
        analysis: &scan.analysis,
        market: scan.market.as_ref(),
        store: worker.parts.store.as_ref(),
        tally: &tally,
        clock: worker.parts.clock.as_ref(),
    };
    let limit = Duration::from_secs(u64::from(limits.timeout_secs.max(1)));
    match tokio::time::timeout(limit, AssertUnwindSafe(scan_ticker(&job)).catch_unwind()).await {
        Ok(Ok(answer)) => answer.map_err(Mishap::Error),
        Ok(Err(panic)) => Err(Mishap::Panicked(panic_text(panic.as_ref()))),
        Err(_) => Err(Mishap::TimedOut { last: tally.last_failure() }),
    }
}

/// Decides what a mishap means. What may pass comes back until the last attempt, a vendor's failure only once; a panic
/// is poison at the end, and so are deliveries of which nobody can say why they gave nothing.
pub(crate) fn rule(
    mishap: &Mishap,
    task: &Task,
    attempt: u32,
    past: &Past,
    limits: &DeliveryLimits,
    requests: impl FnOnce() -> RequestCounts,
) -> Ruling {
    let last_attempt = attempt >= limits.max_attempts;
    let (is_over, rest) = match mishap {
        Mishap::Error(TickerError::Store(_)) => (false, None),
        Mishap::Error(TickerError::Fetch(error)) => {
            (past.is_last(&error.failure, attempt, limits), retry_after(&error.failure))
        }
        Mishap::Error(TickerError::NoRoute(_)) | Mishap::NotMade(_) => (true, None),
        Mishap::Panicked(_) => (last_attempt, None),
        // The vendor asked for more time than there was: it would again.
        Mishap::TimedOut { last: Some((_, FetchFailure::Throttled { .. })) } => (true, None),
        Mishap::TimedOut { last: Some((_, failure)) } => (last_attempt || past.is_last(failure, attempt, limits), None),
        Mishap::TimedOut { last: None } => (last_attempt, None),
    };
    if !is_over {
        return Ruling::Again(rest_after(task, attempt, rest));
    }
    Ruling::Give(match reason(mishap, limits) {
        Some(reason) => Outcome::Failed { reason, requests: requests() },
        None => Outcome::Poison { attempts: attempt.min(limits.max_attempts.max(1)) },
    })
}

/// A mishap in words; `None` when there are none but that it broke.
fn reason(mishap: &Mishap, limits: &DeliveryLimits) -> Option<FailReason> {
    let (word, detail) = match mishap {
        Mishap::Error(TickerError::Fetch(error)) => (error.failure.word(), error.to_string()),
        Mishap::Error(TickerError::Store(error)) => ("store", error.to_string()),
        Mishap::Error(error @ TickerError::NoRoute(_)) => ("no_route", error.to_string()),
        Mishap::TimedOut { last: None } => ("delivery_timeout", format!("not done within {} s", limits.timeout_secs)),
        Mishap::TimedOut { last: Some((vendor, failure)) } => {
            let throttled = matches!(failure, FetchFailure::Throttled { .. });
            let word = if throttled { failure.word() } else { "delivery_timeout" };
            (word, format!("not done within {} s; last: {vendor}: {failure}", limits.timeout_secs))
        }
        Mishap::Panicked(_) => return None,
        Mishap::NotMade(reason) => return reason.clone(),
    };
    Some(FailReason { word: word.to_owned(), detail })
}

/// What a ticker's next delivery should know of this one.
fn remembered(past: &Past, mishap: &Mishap, limits: &DeliveryLimits) -> Past {
    let failure = match mishap {
        Mishap::Error(TickerError::Fetch(error)) => Some(&error.failure),
        Mishap::TimedOut { last } => last.as_ref().map(|(_, failure)| failure),
        Mishap::Error(TickerError::Store(_) | TickerError::NoRoute(_)) | Mishap::Panicked(_) | Mishap::NotMade(_) => {
            None
        }
    };
    past.and(reason(mishap, limits), failure)
}

fn without_finding(worker: &WorkerContext, task: &Task, attempt: u32, outcome: Outcome) -> Commit {
    Commit {
        scan: task.scan.clone(),
        ticker: task.ticker.clone(),
        outcome,
        worker: worker.name.clone(),
        attempt,
        trades: Vec::new(),
        transitions: Vec::new(),
        marks: Vec::new(),
        explanations: Vec::new(),
    }
}

fn unable(worker: &WorkerContext, task: &Task, error: &PrepareError) -> Conclusion {
    tracing::warn!(scan = %task.scan, ticker = %task.ticker, error = chain_text(error), "task handed back unopened");
    match error {
        PrepareError::NoManifest => Conclusion::Ack,
        PrepareError::Store(store) => {
            if is_for_good(store) {
                worker.give_up(&store.to_string());
            }
            Conclusion::HandBack(rest_after(task, 1, None))
        }
        PrepareError::UnknownVersion(_) | PrepareError::Settings(_) | PrepareError::Market(_) => {
            Conclusion::HandBack(REST_WHEN_UNABLE)
        }
    }
}

/// The ticker has done nothing wrong: it comes back, or, when the store will not, the worker gives up.
fn store_failed(
    worker: &WorkerContext,
    scan: &PreparedScan,
    task: &Task,
    attempt: u32,
    error: &StoreError,
) -> Conclusion {
    let rest = rest_after(task, attempt, None);
    tracing::warn!(scan = %task.scan, ticker = %task.ticker, attempt, %error, "store failed, task handed back");
    if is_for_good(error) {
        worker.give_up(&error.to_string());
    }
    let reason = FailReason { word: "store".to_owned(), detail: error.to_string() };
    scan.remember(&task.ticker, scan.past(&task.ticker).and(Some(reason), None));
    Conclusion::HandBack(rest)
}

/// Whether a store stays unusable until a person does something about it.
const fn is_for_good(error: &StoreError) -> bool {
    match error {
        StoreError::Full(_) | StoreError::Damaged(_) | StoreError::Newer { .. } | StoreError::Foreign(_) => true,
        StoreError::Unavailable(_) | StoreError::Fenced { .. } | StoreError::NotFound(_) | StoreError::Conflict(_) => {
            false
        }
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

/// The one wide event of a ticker.
fn report(commit: &Commit, answer: CommitAnswer, elapsed: Duration) {
    let (word, detail, rows, candidates, requests) = match &commit.outcome {
        Outcome::Found(finding) => {
            let word = match &finding.answer {
                Answer::Analysed => "analysed",
                Answer::Skipped(_) => "skipped",
            };
            let candidates = finding.candidates.iter().filter(|c| !c.control).count();
            (word, String::new(), finding.funnel.total(), candidates, finding.requests.total())
        }
        Outcome::Failed { reason, requests } => ("failed", reason.detail.clone(), 0, 0, requests.total()),
        Outcome::Poison { .. } => ("poison", String::new(), 0, 0, 0),
        Outcome::Sealed => ("sealed", String::new(), 0, 0, 0),
    };
    tracing::info!(
        scan = %commit.scan,
        ticker = %commit.ticker,
        worker = commit.worker,
        attempt = commit.attempt,
        outcome = word,
        detail,
        answer = ?answer,
        rows,
        candidates,
        trades = commit.trades.len(),
        transitions = commit.transitions.len(),
        requests,
        explanation_bytes = commit.explanations.len(),
        elapsed_ms = elapsed.as_millis() as u64,
        "ticker finished"
    );
}

fn report_hand_back(task: &Task, attempt: u32, mishap: &Mishap, rest: Duration) {
    let why = match mishap {
        Mishap::Error(error) => error.to_string(),
        Mishap::TimedOut { last: None } => "it took too long".to_owned(),
        Mishap::TimedOut { last: Some((vendor, failure)) } => format!("it took too long; last: {vendor}: {failure}"),
        Mishap::Panicked(text) => format!("panic: {text}"),
        Mishap::NotMade(_) => "one attempt too many".to_owned(),
    };
    let rest_ms = rest.as_millis() as u64;
    tracing::info!(scan = %task.scan, ticker = %task.ticker, attempt, why, rest_ms, "ticker handed back");
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("no text").chars().take(200).collect()
}

/// An error with its causes, on one line.
fn chain_text(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use fleet_core::domain::{ScanId, Ticker, Vendor};
    use fleet_core::seams::FetchError;

    use super::*;

    const LIMITS: DeliveryLimits = DeliveryLimits {
        timeout_secs: 120,
        max_attempts: 3,
        request_timeout_secs: 10,
        request_tries: 3,
        max_retry_after_secs: 60,
    };

    fn ruling(mishap: &Mishap, attempt: u32) -> Ruling {
        let task = Task { scan: ScanId::parse("s").unwrap(), ticker: Ticker::parse("AAPL").unwrap() };
        // What earlier attempts would have left behind had they ended like this one.
        let past = (1..attempt).fold(Past::default(), |past, _| remembered(&past, mishap, &LIMITS));
        rule(mishap, &task, attempt, &past, &LIMITS, RequestCounts::default)
    }

    fn fetch(failure: FetchFailure) -> Mishap {
        Mishap::Error(TickerError::Fetch(FetchError {
            vendor: Vendor::Cboe,
            what: "chain of AAPL".to_owned(),
            failure,
        }))
    }

    fn check_again(mishap: &Mishap, attempt: u32) {
        assert!(matches!(ruling(mishap, attempt), Ruling::Again(_)), "{mishap:?} at {attempt}");
    }

    fn check_failed(mishap: &Mishap, attempt: u32, word: &str) {
        match ruling(mishap, attempt) {
            Ruling::Give(Outcome::Failed { reason, .. }) => assert_eq!(reason.word, word),
            other => panic!("{mishap:?} at {attempt}: {other:?}"),
        }
    }

    #[test]
    fn a_vendors_failure_comes_back_once_and_others_until_the_last_attempt() {
        check_again(&fetch(FetchFailure::Server(503)), 1);
        check_failed(&fetch(FetchFailure::Server(503)), 2, "server_error");
        check_again(&fetch(FetchFailure::Network("reset".to_owned())), 1);
        check_failed(&fetch(FetchFailure::Network("reset".to_owned())), 2, "network");
        check_again(&fetch(FetchFailure::Budget("locked".to_owned())), 2);
        check_failed(&fetch(FetchFailure::Budget("locked".to_owned())), 3, "budget");
    }

    #[test]
    fn permanent_failures_are_final_at_once() {
        check_failed(&fetch(FetchFailure::NotFound), 1, "not_found");
        check_failed(&fetch(FetchFailure::Blocked("challenge".to_owned())), 1, "blocked");
        check_failed(&Mishap::Error(TickerError::NoRoute(Vendor::Cboe)), 1, "no_route");
    }

    #[test]
    fn a_retry_after_beyond_the_limit_fails_the_ticker() {
        let throttled = |secs| fetch(FetchFailure::Throttled { retry_after: Some(Duration::from_secs(secs)) });
        assert_eq!(ruling(&throttled(60), 1), Ruling::Again(Duration::from_secs(60)));
        check_failed(&throttled(61), 1, "throttled");
    }

    #[test]
    fn panics_become_poison_and_hung_vendors_a_failure() {
        let panic = Mishap::Panicked("boom".to_owned());
        check_again(&panic, 2);
        assert_eq!(ruling(&panic, 3), Ruling::Give(Outcome::Poison { attempts: 3 }));
        check_again(&Mishap::TimedOut { last: None }, 2);
        check_failed(&Mishap::TimedOut { last: None }, 3, "delivery_timeout");
    }

    #[test]
    fn an_attempt_too_many_tells_why_the_one_before_failed() {
        let known = FailReason { word: "store".to_owned(), detail: "the store is unavailable: locked".to_owned() };
        check_failed(&Mishap::NotMade(Some(known)), 4, "store");
        assert_eq!(ruling(&Mishap::NotMade(None), 4), Ruling::Give(Outcome::Poison { attempts: 3 }));
    }

    #[test]
    fn a_timeout_says_how_the_last_request_failed() {
        let check = |failure: FetchFailure, attempt, expected: &str| match ruling(
            &Mishap::TimedOut { last: Some((Vendor::Yahoo, failure)) },
            attempt,
        ) {
            Ruling::Give(Outcome::Failed { reason, .. }) => {
                assert_eq!(format!("{}: {}", reason.word, reason.detail), expected);
            }
            other => panic!("{other:?}"),
        };
        let wait = Some(Duration::from_secs(50));
        check(
            FetchFailure::Throttled { retry_after: wait },
            1,
            "throttled: not done within 120 s; last: yahoo: the vendor asks us to slow down for 50 s",
        );
        let timeout = FetchFailure::Timeout(Duration::from_secs(20));
        check_again(&Mishap::TimedOut { last: Some((Vendor::Yahoo, timeout.clone())) }, 1);
        check(timeout, 2, "delivery_timeout: not done within 120 s; last: yahoo: no answer within 20 s");
    }
}
