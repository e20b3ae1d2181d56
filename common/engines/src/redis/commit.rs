//! The atomic commit: one ticker's outcome and all that comes with it, in one call. The first writer wins.

use fleet_core::domain::{
    Mark, NoticeKind, SUMMARIES_KEPT, SessionSummary, StoredOutcome, TradeId, TradeRecord, TradeState, TradeTransition,
    Transition,
};
use fleet_core::seams::{Commit, CommitAnswer, StoreError};
use fleet_core::wire;

use super::call::{Again, Call};
use super::record::{StoredConfirmation, StoredExit, StoredFill};
use super::{RedisStore, scripts};
use crate::sqlite::MAX_EXPLANATION_BYTES;

pub(super) async fn commit(store: &RedisStore, commit: &Commit) -> Result<CommitAnswer, StoreError> {
    let Commit { scan, stamp, ticker, outcome, worker, attempt, trades, transitions, marks, explanations, summary } =
        commit;
    let stored = StoredOutcome {
        scan: scan.clone(),
        ticker: ticker.clone(),
        outcome: outcome.clone(),
        worker: worker.clone(),
        attempt: *attempt,
    };
    let stamp = stamp.as_ref().map_or("", |stamp| &stamp.0);
    let call = store.call(&scripts::COMMIT).scan(scan).text(stamp).text(ticker.as_str()).body(&stored)?;
    let call = with_summary(call.bytes(kept(commit, explanations)), summary.as_ref());
    let mut call = call.count(marks.len());
    for (trade, mark) in marks {
        call = with_mark(call, trade, mark)?;
    }
    call = call.count(transitions.len());
    for transition in transitions {
        call = with_transition(call, transition)?;
    }
    call = call.count(trades.len());
    for trade in trades {
        // That a person ignores the trade is known to the script, and said again when it is read.
        call = with_proposal(call, &TradeRecord { state: TradeState::Proposed, scan: scan.clone(), ..trade.clone() })?;
    }
    let answer = call.send(Again::Unsafe).await?.of_scan(scan)?;
    match answer.word() {
        "committed" => Ok(CommitAnswer::Committed),
        "duplicate" => Ok(CommitAnswer::Duplicate),
        "late" => Ok(CommitAnswer::Late),
        "made anew" => Ok(CommitAnswer::MadeAnew),
        "no ticker" => Err(StoreError::NotFound(format!("ticker {ticker} in the manifest of scan {scan}"))),
        _ => Err(answer.surprise()),
    }
}

/// A freak chain's explanation cannot make its commit fail.
fn kept<'a>(commit: &Commit, explanations: &'a [u8]) -> &'a [u8] {
    if explanations.len() <= MAX_EXPLANATION_BYTES {
        return explanations;
    }
    let (scan, ticker, bytes) = (&commit.scan, &commit.ticker, explanations.len());
    tracing::warn!(%scan, %ticker, bytes, limit_bytes = MAX_EXPLANATION_BYTES, "explanation not kept");
    &[]
}

fn with_summary<'a>(call: Call<'a>, summary: Option<&SessionSummary>) -> Call<'a> {
    let call = match summary {
        Some(summary) => {
            call.text(&summary.session.to_string()).instant(summary.as_of).bytes(&wire::pack_summary(summary))
        }
        None => call.text("").int(0).text(""),
    };
    call.int(SUMMARIES_KEPT)
}

fn with_mark<'a>(call: Call<'a>, trade: &TradeId, mark: &Mark) -> Result<Call<'a>, StoreError> {
    call.text(trade.as_str()).instant(mark.at).body(mark)
}

fn with_transition<'a>(call: Call<'a>, change: &TradeTransition) -> Result<Call<'a>, StoreError> {
    let transition = &change.transition;
    let call = call.text(change.trade.as_str()).text(transition.from().word()).text(transition.to().word());
    let call = match transition {
        Transition::Filled(fill) => call.text("fill").body(&StoredFill(fill.clone()))?,
        Transition::Closed(exit) => call.text("exit").body(&StoredExit(exit.clone()))?,
        Transition::Confirmed { confirmation, .. } => {
            call.text("confirmation").body(&StoredConfirmation(*confirmation))?
        }
        Transition::Lapsed { at: _ } => call.text("").text(""),
    };
    match &change.notice {
        Some(notice) => call.text(&notice.key()).body(notice).map(|call| call.int(perishes(notice.kind))),
        None => Ok(call.text("").text("").int(0)),
    }
}

fn with_proposal<'a>(call: Call<'a>, trade: &TradeRecord) -> Result<Call<'a>, StoreError> {
    call.text(trade.id.as_str())
        .text(&trade.strategy)
        .text(&trade.symbol.to_string())
        .text(trade.underlying.as_str())
        .instant(trade.signalled_at)
        .int(trade.control)
        .int(trade.ignored)
        .text(&trade.entry_session.to_string())
        .instant(trade.plan.tell_until())
        .body(trade)
}

/// 1 for a notice that makes no sense after its trade's validity.
pub(super) fn perishes(kind: NoticeKind) -> i64 {
    match kind {
        NoticeKind::Buy => 1,
        NoticeKind::Filled | NoticeKind::Lapsed | NoticeKind::Exit | NoticeKind::Confirmed => 0,
    }
}
