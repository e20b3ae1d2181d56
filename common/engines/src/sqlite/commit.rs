//! The atomic commit: one ticker's outcome and all that comes with it, in one transaction. The first writer wins.
//!
//! Order inside: marks (of trades live until now), transitions with their notices, then proposals, so that a trade
//! that lapses or is sold makes room for a new one on the same contract; then the explanations and the summary.

use fleet_core::domain::{
    Mark, Outcome, ScanId, ScanState, StoredOutcome, TradeId, TradeRecord, TradeState, TradeTransition,
};
use fleet_core::seams::{Commit, CommitAnswer, StoreError};
use fleet_core::wire;
use rusqlite::named_params;

use super::failure::Failure;
use super::{Work, explanations, row, scans, summaries};

pub(super) fn commit(work: &Work<'_>, commit: Commit) -> Result<CommitAnswer, Failure> {
    let Commit { scan, stamp, ticker, outcome, worker, attempt, trades, transitions, marks, explanations, summary } =
        commit;
    let found = row::scan(work, &scan)?;
    if stamp.is_some_and(|stamp| stamp != found.stamp()) {
        return Ok(CommitAnswer::MadeAnew);
    }
    if !scans::planned(work, &scan, &ticker)? {
        return Err(StoreError::NotFound(format!("ticker {ticker} in the manifest of scan {scan}")).into());
    }
    if found.state >= ScanState::Sealed {
        return Ok(CommitAnswer::Late);
    }
    let stored = StoredOutcome { scan, ticker, outcome, worker, attempt };
    if !add_outcome(work, &stored)? {
        return Ok(CommitAnswer::Duplicate);
    }
    for (trade, mark) in &marks {
        add_mark(work, trade, mark)?;
    }
    for transition in &transitions {
        apply(work, &stored.scan, transition)?;
    }
    for trade in &trades {
        propose(work, &stored.scan, trade)?;
    }
    explanations::keep(work, &stored.ticker, &stored.scan, found.seq, &explanations)?;
    if let Some(summary) = &summary {
        summaries::keep(work, &stored.ticker, summary)?;
    }
    Ok(CommitAnswer::Committed)
}

/// Writes an outcome unless the ticker has one; whether it did.
pub(super) fn add_outcome(work: &Work<'_>, stored: &StoredOutcome) -> Result<bool, Failure> {
    let written = work
        .tx
        .prepare_cached(
            "INSERT INTO outcomes (scan, ticker, sealed, body) VALUES (?, ?, ?, ?)
             ON CONFLICT (scan, ticker) DO NOTHING",
        )?
        .execute((
            stored.scan.as_str(),
            stored.ticker.as_str(),
            matches!(stored.outcome, Outcome::Sealed),
            wire::encode(stored)?,
        ))?;
    Ok(written == 1)
}

/// A mark of a live trade; one an instant.
fn add_mark(work: &Work<'_>, id: &TradeId, mark: &Mark) -> Result<(), Failure> {
    let Some(mut trade) = row::find_trade(work, id)?.filter(|trade| trade.state.is_live()) else { return Ok(()) };
    let added = work
        .tx
        .prepare_cached("INSERT INTO marks (trade, at_us, body) VALUES (?, ?, ?) ON CONFLICT DO NOTHING")?
        .execute((id.as_str(), mark.at.as_microsecond(), wire::encode(mark)?))?;
    let newest = trade.last_mark.as_ref().is_none_or(|last| last.at < mark.at);
    if added == 1 && newest {
        trade.last_mark = Some(mark.clone());
        row::update_trade(work, &trade)?;
    }
    Ok(())
}

/// A transition from its own starting state, with its notice unless a person ignores the trade.
fn apply(work: &Work<'_>, scan: &ScanId, change: &TradeTransition) -> Result<(), Failure> {
    let Some(trade) = row::find_trade(work, &change.trade)? else { return Ok(()) };
    let Some(next) = trade.after(&change.transition) else { return Ok(()) };
    row::update_trade(work, &next)?;
    match &change.notice {
        Some(notice) => row::add_notice(work, scan, &next, notice),
        None => Ok(()),
    }
}

/// Proposes a trade in the name of this scan, unless it is more than proposed already or its strategy has a live trade
/// in its contract. That a person ignores it outlives the scan that proposed it first.
fn propose(work: &Work<'_>, scan: &ScanId, trade: &TradeRecord) -> Result<(), Failure> {
    let known = row::find_trade(work, &trade.id)?;
    let settled = known.as_ref().is_some_and(|known| known.state != TradeState::Proposed);
    if settled || row::has_live(work, trade)? {
        return Ok(());
    }
    let ignored = trade.ignored || known.is_some_and(|known| known.ignored);
    let proposed = TradeRecord { state: TradeState::Proposed, scan: scan.clone(), ignored, ..trade.clone() };
    work.tx
        .prepare_cached(
            "INSERT OR REPLACE INTO trades (id, strategy, symbol, underlying, state, control, ignored, scan,
                                            signalled_us, entry_session, body)
             VALUES (:id, :strategy, :symbol, :underlying, :state, :control, :ignored, :scan, :signalled_us,
                     :entry_session, :body)",
        )?
        .execute(named_params! {
            ":id": proposed.id.as_str(),
            ":strategy": proposed.strategy,
            ":symbol": proposed.symbol.to_string(),
            ":underlying": proposed.underlying.as_str(),
            ":state": proposed.state.word(),
            ":control": proposed.control,
            ":ignored": proposed.ignored,
            ":scan": proposed.scan.as_str(),
            ":signalled_us": proposed.signalled_at.as_microsecond(),
            ":entry_session": proposed.entry_session.to_string(),
            ":body": wire::encode(&proposed)?,
        })?;
    Ok(())
}
