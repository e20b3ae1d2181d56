//! The end of a scan: sealing it (what is not done stays undone) and settling it (caps, notices). Both can be done
//! again by whoever takes over half way, and change nothing then.

use fleet_core::domain::{Outcome, ScanState, StoredOutcome, Ticker, TradeState};
use fleet_core::seams::{Lease, Settlement, StoreError};

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

pub(super) fn settle(work: &Work<'_>, lease: &Lease, settlement: &Settlement) -> Result<(), Failure> {
    let found = row::fenced_scan(work, lease)?;
    if found.state > ScanState::Sealed {
        return Ok(());
    }
    if found.state < ScanState::Sealed {
        return Err(StoreError::Conflict(format!("scan {} is not sealed; it cannot be settled", lease.scan)).into());
    }
    for id in &settlement.capped {
        if let Some(mut trade) = row::find_trade(work, id)?
            && trade.state == TradeState::Pending
            && trade.scan == lease.scan
        {
            trade.state = TradeState::Capped;
            row::update_trade(work, &trade)?;
        }
    }
    for notice in &settlement.notices {
        if !row::find_trade(work, &notice.trade)?.is_some_and(|trade| trade.ignored) {
            row::add_notice(work, notice)?;
        }
    }
    row::set_state(work, &lease.scan, ScanState::Alerting)
}
