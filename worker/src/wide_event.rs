//! What is said of a delivery when it ends: one event with everything, for machines to sum up and people to search.
//! Constant messages, fields with units; a field that is not known is left out.

use std::time::Duration;

use fleet_core::domain::{Answer, Outcome, RequestCounts, Vendor};
use fleet_core::seams::{Commit, CommitAnswer};

use crate::handover::Handover;

/// How an outcome is called in events and numbers.
pub(crate) const fn outcome_word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Found(finding) => match finding.answer {
            Answer::Analysed => "analysed",
            Answer::Skipped(_) => "skipped",
        },
        Outcome::Failed { .. } => "failed",
        Outcome::Poison { .. } => "poison",
        Outcome::Sealed => "sealed",
    }
}

const fn answer_word(answer: CommitAnswer) -> &'static str {
    match answer {
        CommitAnswer::Committed => "committed",
        CommitAnswer::Duplicate => "duplicate",
        CommitAnswer::Late => "late",
        CommitAnswer::MadeAnew => "made_anew",
    }
}

/// A delivery came to a commit: the one wide event of a ticker.
pub(crate) fn finished(handover: &Handover, commit: &Commit, answer: CommitAnswer, elapsed: Duration) {
    let (mut reason, mut detail, mut rows, mut candidates) = (None, None, None, None);
    let none = RequestCounts::default();
    let requests = match &commit.outcome {
        Outcome::Found(finding) => {
            rows = Some(finding.funnel.total());
            candidates = Some(finding.candidates.iter().filter(|candidate| !candidate.control).count());
            &finding.requests
        }
        Outcome::Failed { reason: why, requests } => {
            (reason, detail) = (Some(why.word.as_str()), Some(why.detail.as_str()));
            requests
        }
        Outcome::Poison { .. } | Outcome::Sealed => &none,
    };
    let of = |vendor: Vendor| requests.vendors.get(&vendor).copied();
    tracing::info!(
        scan = %commit.scan,
        ticker = %commit.ticker,
        worker = commit.worker,
        attempt = commit.attempt,
        outcome = outcome_word(&commit.outcome),
        reason,
        detail,
        answer = answer_word(answer),
        rows,
        candidates,
        trades = commit.trades.len(),
        transitions = commit.transitions.len(),
        marks = commit.marks.len(),
        requests = requests.total(),
        requests_finviz = of(Vendor::Finviz),
        requests_cboe = of(Vendor::Cboe),
        requests_yahoo = of(Vendor::Yahoo),
        requests_robinhood = of(Vendor::Robinhood),
        explanation_bytes = commit.explanations.len(),
        elapsed_ms = elapsed.as_millis() as u64,
        held_ms = handover.received.elapsed().as_millis() as u64,
        trace_id = handover.trace.trace_id(),
        parent_id = handover.trace.parent_id(),
        span_id = handover.span_id,
        "ticker finished"
    );
}

/// A delivery came to nothing and goes back. (Its span says which.)
pub(crate) fn handed_back(attempt: u32, reason: &'static str, why: &str, rest: Duration) {
    tracing::info!(attempt, reason, why, rest_ms = rest.as_millis() as u64, "ticker handed back");
}
