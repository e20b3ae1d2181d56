//! Trades as people and the coordinator read them, and the two things a person may do to one.

use async_trait::async_trait;
use fleet_core::domain::{Exit, Mark, ScanId, Ticker, TradeId, TradeRecord, Transition};
use fleet_core::seams::{StoreError, TradeFilter, Trades};
use fleet_core::wire;
use rusqlite::named_params;

use super::failure::Failure;
use super::{SqliteStore, Work, row, settle};

#[async_trait]
impl Trades for SqliteStore {
    async fn trades(&self, filter: &TradeFilter) -> Result<Vec<TradeRecord>, StoreError> {
        let filter = filter.clone();
        self.read(move |work| trades(work, &filter)).await
    }

    async fn trade(&self, id: &TradeId) -> Result<Option<(TradeRecord, Vec<Mark>)>, StoreError> {
        let id = id.clone();
        self.read(move |work| {
            let Some(trade) = row::find_trade(work, &id)? else { return Ok(None) };
            Ok(Some((trade, marks(work, &id)?)))
        })
        .await
    }

    async fn portfolio_version(&self) -> Result<u64, StoreError> {
        self.read(settle::version).await
    }

    async fn live_underlyings(&self) -> Result<Vec<Ticker>, StoreError> {
        self.read(live_underlyings).await
    }

    async fn ignore_trade(&self, id: &TradeId) -> Result<TradeRecord, StoreError> {
        let id = id.clone();
        self.write(move |work| ignore(work, &id)).await
    }

    async fn close_trade(&self, id: &TradeId, exit: &Exit) -> Result<TradeRecord, StoreError> {
        let (id, exit) = (id.clone(), exit.clone());
        self.write(move |work| close(work, &id, exit)).await
    }
}

/// Live trades on an underlying, controls too.
pub(super) fn live(work: &Work<'_>, underlying: &Ticker) -> Result<Vec<TradeRecord>, Failure> {
    trades(work, &TradeFilter::live_on(underlying))
}

fn trades(work: &Work<'_>, filter: &TradeFilter) -> Result<Vec<TradeRecord>, Failure> {
    let mut statement = work.tx.prepare_cached(
        "SELECT body FROM trades
         WHERE CASE WHEN :state IS NULL THEN state <> 'proposed' ELSE state = :state END
           AND (:scan IS NULL OR scan = :scan)
           AND (:underlying IS NULL OR underlying = :underlying)
           AND (NOT :live OR state IN ('pending', 'open'))
           AND (:entry_session IS NULL OR entry_session = :entry_session)
           AND (:controls OR NOT control)
         ORDER BY signalled_us DESC, id
         LIMIT CASE :limit WHEN 0 THEN -1 ELSE :limit END",
    )?;
    let rows = statement.query_map(
        named_params! {
            ":state": filter.state.map(|state| state.word()),
            ":scan": filter.scan.as_ref().map(ScanId::as_str),
            ":underlying": filter.underlying.as_ref().map(Ticker::as_str),
            ":live": filter.live,
            ":entry_session": filter.entry_session.map(|day| day.to_string()),
            ":controls": filter.controls,
            ":limit": filter.limit,
        },
        |row| row.get::<_, Vec<u8>>(0),
    )?;
    rows.map(|body| Ok(wire::decode(&body?)?)).collect()
}

fn marks(work: &Work<'_>, id: &TradeId) -> Result<Vec<Mark>, Failure> {
    let mut statement = work.tx.prepare_cached("SELECT body FROM marks WHERE trade = ? ORDER BY at_us")?;
    let rows = statement.query_map([id.as_str()], |row| row.get::<_, Vec<u8>>(0))?;
    rows.map(|body| Ok(wire::decode(&body?)?)).collect()
}

fn live_underlyings(work: &Work<'_>) -> Result<Vec<Ticker>, Failure> {
    let mut statement = work.tx.prepare_cached(
        "SELECT DISTINCT underlying FROM trades WHERE state IN ('pending', 'open') ORDER BY underlying",
    )?;
    let rows = statement.query_map([], |row| row.get::<_, String>(0))?;
    rows.map(|text| row::ticker(&text?)).collect()
}

/// Notices nobody has claimed yet go with it; one that is claimed may be on its way already.
fn ignore(work: &Work<'_>, id: &TradeId) -> Result<TradeRecord, Failure> {
    let mut trade = row::trade(work, id)?;
    trade.ignored = true;
    row::update_trade(work, &trade)?;
    work.tx
        .prepare_cached("DELETE FROM outbox WHERE trade = ? AND sent = 0 AND claimed_until_us <= ?")?
        .execute((id.as_str(), work.now))?;
    Ok(trade)
}

fn close(work: &Work<'_>, id: &TradeId, exit: Exit) -> Result<TradeRecord, Failure> {
    let trade = row::trade(work, id)?;
    let closed = trade.after(&Transition::Closed(exit)).ok_or_else(|| {
        StoreError::Conflict(format!("trade {id} is {}; only an open trade can be closed", trade.state.word()))
    })?;
    row::update_trade(work, &closed)?;
    Ok(closed)
}
