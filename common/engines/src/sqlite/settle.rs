//! The end of a scan: sealing it (what is not done stays undone) and settling it (proposed trades are taken, capped
//! or withdrawn; notices). Both can be done
//! again by whoever takes over half way, and change nothing then.

use fleet_core::domain::{Outcome, ScanId, ScanState, StoredOutcome, Ticker, TradeId, TradeRecord, TradeState};
use fleet_core::seams::{Lease, PortfolioDecision, StoreError};

use super::failure::Failure;
use super::{Work, commit, explanations, row, scans};

pub(super) fn seal(work: &Work<'_>, lease: &Lease) -> Result<Vec<Ticker>, Failure> {
    let found = row::fenced_scan(work, lease)?;
    if !found.frozen {
        return Err(StoreError::Conflict(format!("scan {} has no manifest; it cannot be sealed", lease.scan)).into());
    }
    if found.state < ScanState::Sealed {
        for (ticker, attempt) in scans::missing(work, &lease.scan)? {
            let (scan, worker) = (lease.scan.clone(), lease.holder.0.clone());
            commit::add_outcome(work, &StoredOutcome { scan, ticker, outcome: Outcome::Sealed, worker, attempt })?;
        }
        row::set_state(work, &lease.scan, ScanState::Sealed)?;
        explanations::bound(work)?;
    }
    sealed(work, lease)
}

/// Tickers that were sealed without an answer, in the manifest's order.
fn sealed(work: &Work<'_>, lease: &Lease) -> Result<Vec<Ticker>, Failure> {
    let mut statement = work.tx.prepare_cached(
        "SELECT a.ticker FROM attempts AS a JOIN outcomes AS o ON o.scan = a.scan AND o.ticker = a.ticker
         WHERE a.scan = ? AND o.sealed = 1 ORDER BY a.place",
    )?;
    let rows = statement.query_map([lease.scan.as_str()], |row| row.get::<_, String>(0))?;
    rows.map(|ticker| row::ticker(&ticker?)).collect()
}

pub(super) fn settle(work: &Work<'_>, lease: &Lease, decision: &PortfolioDecision) -> Result<(), Failure> {
    let found = row::fenced_scan(work, lease)?;
    if found.state > ScanState::Sealed {
        return Ok(());
    }
    if found.state < ScanState::Sealed {
        return Err(StoreError::Conflict(format!("scan {} is not sealed; it cannot be settled", lease.scan)).into());
    }
    if version(work)? != decision.basis {
        let message = format!("the portfolio changed while scan {} was decided about", lease.scan);
        return Err(StoreError::Conflict(message).into());
    }
    for id in &decision.taken {
        if let Some(trade) = proposed(work, &lease.scan, id)?
            && !row::has_live(work, &trade)?
        {
            row::update_trade(work, &TradeRecord { state: TradeState::Pending, ..trade })?;
        }
    }
    for id in &decision.capped {
        if let Some(trade) = proposed(work, &lease.scan, id)? {
            row::update_trade(work, &TradeRecord { state: TradeState::Capped, ..trade })?;
        }
    }
    withdraw(work, &lease.scan)?;
    for notice in &decision.notices {
        let is_taken = |trade: &TradeRecord| trade.scan == lease.scan && trade.state == TradeState::Pending;
        if let Some(trade) = row::find_trade(work, &notice.trade)?.filter(is_taken) {
            row::add_notice(work, &lease.scan, &trade, notice)?;
        }
    }
    work.tx.prepare_cached("UPDATE portfolio SET version = version + 1")?.execute([])?;
    row::set_state(work, &lease.scan, ScanState::Alerting)
}

/// How many settlements there were.
pub(super) fn version(work: &Work<'_>) -> Result<u64, Failure> {
    let version: i64 = work.tx.prepare_cached("SELECT version FROM portfolio")?.query_row([], |row| row.get(0))?;
    u64::try_from(version).map_err(|_| Failure::BadValue("portfolio version", version.to_string()))
}

/// A trade that this scan proposes.
fn proposed(work: &Work<'_>, scan: &ScanId, id: &TradeId) -> Result<Option<TradeRecord>, Failure> {
    let found = row::find_trade(work, id)?;
    Ok(found.filter(|trade| trade.state == TradeState::Proposed && trade.scan == *scan))
}

/// What a scan still proposes is gone.
pub(super) fn withdraw(work: &Work<'_>, scan: &ScanId) -> Result<(), Failure> {
    work.tx.prepare_cached("DELETE FROM trades WHERE scan = ? AND state = 'proposed'")?.execute([scan.as_str()])?;
    Ok(())
}
