//! What one delivery goes through (DESIGN 6): is it wanted, count the attempt, scan the ticker under a deadline with
//! panics caught, commit, and say what becomes of the delivery.
//!
//! Promises: the delivery is acknowledged only after the store said that the ticker is accounted for; every way out is
//! a [`Conclusion`]. Refuses: to touch the delivery itself (its `scanner` does), and to retry within a delivery.

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use fleet_core::domain::{Answer, DeliveryLimits, FailReason, Outcome, RequestCounts, Task};
use fleet_core::seams::{Attempt, Commit, CommitAnswer, FetchFailure, StoreError};
use futures::FutureExt;

use crate::back_off::rest_after;
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
    /// It took longer than a delivery may.
    TimedOut,
    /// It panicked; what was said.
    Panicked(String),
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
    let scan = match worker.scans.get(&task.scan, &worker.parts).await {
        Ok(scan) => scan,
        Err(error) => return unable(task, &error),
    };
    let attempt = match in_time::store(worker.parts.store.count_attempt(&task.scan, &task.ticker)).await {
        Ok(Attempt::Run(attempt)) => attempt,
        Ok(Attempt::Done | Attempt::Sealed) => return Conclusion::Ack,
        Ok(Attempt::Unknown) => {
            tracing::warn!(scan = %task.scan, ticker = %task.ticker, "task of no known scan dropped");
            return Conclusion::Ack;
        }
        Err(error) => return store_failed(task, 1, &error),
    };

    let started = Instant::now();
    let commit = match attempt_ticker(worker, &scan, task, attempt).await {
        Ok(commit) => commit,
        Err(mishap) => {
            match rule(&mishap, task, attempt, &scan.manifest.limits, || scan.tally(&task.ticker).counts()) {
                Ruling::Again(rest) => {
                    report_hand_back(task, attempt, &mishap, rest);
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
        Err(error) => store_failed(task, attempt, &error),
    }
}

/// One attempt, with its deadline, panics caught. An attempt beyond the last is not made: its worker died each time.
async fn attempt_ticker(
    worker: &WorkerContext,
    scan: &PreparedScan,
    task: &Task,
    attempt: u32,
) -> Result<Commit, Mishap> {
    let limits = &scan.manifest.limits;
    if attempt > limits.max_attempts.max(1) {
        return Err(Mishap::Panicked("its worker did not live to say".to_owned()));
    }
    let tally = scan.tally(&task.ticker);
    let job = TickerJob {
        task,
        attempt,
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
        Err(_) => Err(Mishap::TimedOut),
    }
}

/// Decides what a mishap means. Transient failures come back until the last attempt; a panic is poison then.
pub(crate) fn rule(
    mishap: &Mishap,
    task: &Task,
    attempt: u32,
    limits: &DeliveryLimits,
    requests: impl FnOnce() -> RequestCounts,
) -> Ruling {
    let last = attempt >= limits.max_attempts;
    let failed = |word: &str, detail: String| {
        let reason = FailReason { word: word.to_owned(), detail };
        Ruling::Give(Outcome::Failed { reason, requests: requests() })
    };
    match mishap {
        Mishap::Error(TickerError::Store(_)) => Ruling::Again(rest_after(task, attempt, None)),
        Mishap::Error(TickerError::Fetch(error)) => {
            let retry_after = retry_after(&error.failure);
            let bearable = retry_after.is_none_or(|wait| wait.as_secs() <= u64::from(limits.max_retry_after_secs));
            if error.failure.is_transient() && bearable && !last {
                Ruling::Again(rest_after(task, attempt, retry_after))
            } else {
                failed(error.failure.word(), error.to_string())
            }
        }
        Mishap::Error(error @ TickerError::NoRoute(_)) => failed("no_route", error.to_string()),
        Mishap::TimedOut if last => {
            let detail = format!("not done within {} s, in {attempt} deliveries", limits.timeout_secs);
            failed("delivery_timeout", detail)
        }
        Mishap::Panicked(_) if last => {
            Ruling::Give(Outcome::Poison { attempts: attempt.min(limits.max_attempts.max(1)) })
        }
        Mishap::TimedOut | Mishap::Panicked(_) => Ruling::Again(rest_after(task, attempt, None)),
    }
}

fn retry_after(failure: &FetchFailure) -> Option<Duration> {
    match failure {
        FetchFailure::Throttled { retry_after } => *retry_after,
        FetchFailure::Network(_)
        | FetchFailure::Timeout(_)
        | FetchFailure::Blocked(_)
        | FetchFailure::Consent
        | FetchFailure::Unauthorized(_)
        | FetchFailure::NotFound
        | FetchFailure::Server(_)
        | FetchFailure::Status(_)
        | FetchFailure::Malformed(_)
        | FetchFailure::TooLarge { .. }
        | FetchFailure::VendorError { .. }
        | FetchFailure::WrongSymbol { .. }
        | FetchFailure::Budget(_) => None,
    }
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

fn unable(task: &Task, error: &PrepareError) -> Conclusion {
    tracing::warn!(scan = %task.scan, ticker = %task.ticker, error = chain_text(error), "task handed back unopened");
    match error {
        PrepareError::NoManifest => Conclusion::Ack,
        PrepareError::Store(StoreError::Newer { .. } | StoreError::Foreign(_) | StoreError::Damaged(_))
        | PrepareError::UnknownVersion(_)
        | PrepareError::Settings(_)
        | PrepareError::Market(_) => Conclusion::HandBack(REST_WHEN_UNABLE),
        PrepareError::Store(_) => Conclusion::HandBack(rest_after(task, 1, None)),
    }
}

fn store_failed(task: &Task, attempt: u32, error: &StoreError) -> Conclusion {
    let rest = rest_after(task, attempt, None);
    tracing::warn!(scan = %task.scan, ticker = %task.ticker, attempt, %error, "store failed, task handed back");
    Conclusion::HandBack(rest)
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
        Mishap::TimedOut => "it took too long".to_owned(),
        Mishap::Panicked(text) => format!("panic: {text}"),
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
        rule(mishap, &task, attempt, &LIMITS, RequestCounts::default)
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
    fn transient_failures_come_back_until_the_last_attempt() {
        check_again(&fetch(FetchFailure::Server(503)), 1);
        check_again(&fetch(FetchFailure::Network("reset".to_owned())), 2);
        check_failed(&fetch(FetchFailure::Server(503)), 3, "server_error");
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
        assert_eq!(ruling(&panic, 4), Ruling::Give(Outcome::Poison { attempts: 3 }));
        check_again(&Mishap::TimedOut, 2);
        check_failed(&Mishap::TimedOut, 3, "delivery_timeout");
    }

    #[test]
    fn a_store_that_is_away_costs_no_ticker() {
        check_again(&Mishap::Error(TickerError::Store(StoreError::Unavailable("locked".to_owned()))), 9);
    }
}
