//! The atomic commit: one ticker's outcome and all that comes with it, in one transaction. The first writer wins.
//!
//! Order inside: marks (of trades live until now), transitions with their notices, then new trades, so that a trade
//! that lapses or is sold makes room for a new one on the same contract; then the explanations.

use fleet_core::domain::{Mark, Outcome, ScanState, StoredOutcome, TradeId, TradeRecord, TradeTransition};
use fleet_core::seams::{Commit, CommitAnswer, StoreError};
use fleet_core::wire;
use rusqlite::named_params;

use super::failure::Failure;
use super::{Work, explanations, row, scans};

pub(super) fn commit(work: &Work<'_>, commit: Commit) -> Result<CommitAnswer, Failure> {
    let Commit { scan, ticker, outcome, worker, attempt, trades, transitions, marks, explanations } = commit;
    let found = row::scan(work, &scan)?;
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
        apply(work, transition)?;
    }
    for trade in &trades {
        add_trade(work, trade)?;
    }
    explanations::keep(work, &stored.ticker, &stored.scan, found.seq, &explanations)?;
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
fn apply(work: &Work<'_>, change: &TradeTransition) -> Result<(), Failure> {
    let Some(trade) = row::find_trade(work, &change.trade)? else { return Ok(()) };
    let Some(next) = trade.after(&change.transition) else { return Ok(()) };
    row::update_trade(work, &next)?;
    match &change.notice {
        Some(notice) if !next.ignored => row::add_notice(work, notice),
        Some(_) | None => Ok(()),
    }
}

/// A new trade, unless it exists or its strategy has a live trade in its contract: the table's two unique keys.
fn add_trade(work: &Work<'_>, trade: &TradeRecord) -> Result<(), Failure> {
    work.tx
        .prepare_cached(
            "INSERT INTO trades (id, strategy, symbol, underlying, state, control, ignored, scan, signalled_us,
                                 entry_session, body)
             VALUES (:id, :strategy, :symbol, :underlying, :state, :control, :ignored, :scan, :signalled_us,
                     :entry_session, :body)
             ON CONFLICT DO NOTHING",
        )?
        .execute(named_params! {
            ":id": trade.id.as_str(),
            ":strategy": trade.strategy,
            ":symbol": trade.symbol.to_string(),
            ":underlying": trade.underlying.as_str(),
            ":state": trade.state.word(),
            ":control": trade.control,
            ":ignored": trade.ignored,
            ":scan": trade.scan.as_str(),
            ":signalled_us": trade.signalled_at.as_microsecond(),
            ":entry_session": trade.entry_session.to_string(),
            ":body": wire::encode(trade)?,
        })?;
    Ok(())
}
