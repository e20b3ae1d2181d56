//! How values are written in columns, and the few look-ups that several concerns share.

use std::time::Duration;

use fleet_core::domain::{Notice, NoticeKind, ScanId, ScanState, Ticker, TradeId, TradeRecord};
use fleet_core::seams::{Lease, ScanStamp, StoreError};
use fleet_core::wire;
use jiff::Timestamp;
use rusqlite::{OptionalExtension, named_params};

use super::Work;
use super::failure::Failure;

/// A scan's row without its manifest.
pub(super) struct ScanRow {
    pub(super) seq: i64,
    pub(super) state: ScanState,
    pub(super) config_hash: String,
    pub(super) epoch: u64,
    /// Nobody, or who and until when.
    pub(super) holder: Option<String>,
    pub(super) lease_until_us: i64,
    pub(super) frozen: bool,
    pub(super) created_us: i64,
}

impl ScanRow {
    /// Seqs are never given out twice by one file; the instant tells files apart.
    pub(super) fn stamp(&self) -> ScanStamp {
        ScanStamp(format!("{}-{}", self.seq, self.created_us))
    }
}

pub(super) fn scan_state(word: &str) -> Result<ScanState, Failure> {
    const ALL: [ScanState; 6] = [
        ScanState::Init,
        ScanState::Publishing,
        ScanState::Running,
        ScanState::Sealed,
        ScanState::Alerting,
        ScanState::Done,
    ];
    ALL.into_iter().find(|s| s.word() == word).ok_or_else(|| Failure::BadValue("scan state", word.to_owned()))
}

pub(super) fn instant(micros: i64) -> Result<Timestamp, Failure> {
    Timestamp::from_microsecond(micros).map_err(|_| Failure::BadValue("instant", micros.to_string()))
}

pub(super) fn ticker(text: &str) -> Result<Ticker, Failure> {
    Ticker::parse(text).map_err(|_| Failure::BadValue("ticker", text.to_owned()))
}

pub(super) fn scan_id(text: &str) -> Result<ScanId, Failure> {
    ScanId::parse(text).map_err(|_| Failure::BadValue("scan id", text.to_owned()))
}

pub(super) fn micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

pub(super) fn span(micros: i64) -> Duration {
    Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}

/// A count as SQLite holds it.
pub(super) fn count(n: i64) -> Result<u32, Failure> {
    u32::try_from(n).map_err(|_| Failure::BadValue("count", n.to_string()))
}

/// A scan's row, if there is one.
pub(super) fn find_scan(work: &Work<'_>, scan: &ScanId) -> Result<Option<ScanRow>, Failure> {
    let mut statement = work.tx.prepare_cached(
        "SELECT seq, state, config_hash, epoch, holder, lease_until_us, manifest IS NOT NULL, created_us
         FROM scans WHERE scan = ?",
    )?;
    let found = statement
        .query_row([scan.as_str()], |row| {
            let state: String = row.get(1)?;
            let row = ScanRow {
                seq: row.get(0)?,
                state: ScanState::Init,
                config_hash: row.get(2)?,
                epoch: row.get::<_, i64>(3)?.unsigned_abs(),
                holder: row.get(4)?,
                lease_until_us: row.get(5)?,
                frozen: row.get(6)?,
                created_us: row.get(7)?,
            };
            Ok((row, state))
        })
        .optional()?;
    found.map(|(row, state)| Ok(ScanRow { state: scan_state(&state)?, ..row })).transpose()
}

/// A scan's row; `NotFound` if there is none.
pub(super) fn scan(work: &Work<'_>, scan: &ScanId) -> Result<ScanRow, Failure> {
    find_scan(work, scan)?.ok_or_else(|| StoreError::NotFound(format!("scan {scan}")).into())
}

/// The scan of a lease, if the lease is still the caller's. In the same transaction as the write it guards.
pub(super) fn fenced_scan(work: &Work<'_>, lease: &Lease) -> Result<ScanRow, Failure> {
    let row = scan(work, &lease.scan)?;
    if row.epoch == lease.epoch && row.holder.as_deref() == Some(lease.holder.0.as_str()) {
        Ok(row)
    } else {
        Err(StoreError::Fenced { scan: lease.scan.clone(), held: lease.epoch }.into())
    }
}

pub(super) fn set_state(work: &Work<'_>, scan: &ScanId, state: ScanState) -> Result<(), Failure> {
    work.tx.prepare_cached("UPDATE scans SET state = ? WHERE scan = ?")?.execute([state.word(), scan.as_str()])?;
    Ok(())
}

/// A trade, if there is one.
pub(super) fn find_trade(work: &Work<'_>, id: &TradeId) -> Result<Option<TradeRecord>, Failure> {
    let mut statement = work.tx.prepare_cached("SELECT body FROM trades WHERE id = ?")?;
    let body: Option<Vec<u8>> = statement.query_row([id.as_str()], |row| row.get(0)).optional()?;
    body.map(|body| wire::decode(&body).map_err(Failure::from)).transpose()
}

/// A trade; `NotFound` if there is none.
pub(super) fn trade(work: &Work<'_>, id: &TradeId) -> Result<TradeRecord, Failure> {
    find_trade(work, id)?.ok_or_else(|| StoreError::NotFound(format!("trade {id}")).into())
}

/// Writes what may change of a trade. Everything else of it is as it was when it was added.
pub(super) fn update_trade(work: &Work<'_>, trade: &TradeRecord) -> Result<(), Failure> {
    work.tx
        .prepare_cached("UPDATE trades SET state = :state, ignored = :ignored, body = :body WHERE id = :id")?
        .execute(named_params! {
            ":id": trade.id.as_str(),
            ":state": trade.state.word(),
            ":ignored": trade.ignored,
            ":body": wire::encode(trade)?,
        })?;
    Ok(())
}

/// Whether a strategy has a live trade in a contract.
pub(super) fn has_live(work: &Work<'_>, trade: &TradeRecord) -> Result<bool, Failure> {
    let mut statement = work.tx.prepare_cached(
        "SELECT 1 FROM trades WHERE underlying = ? AND strategy = ? AND symbol = ? AND state IN ('pending', 'open')",
    )?;
    Ok(statement.exists((trade.underlying.as_str(), &trade.strategy, trade.symbol.to_string()))?)
}

/// Puts a scan's notice of a trade into the outbox, unless one with its key is or was there, or the trade is ignored.
pub(super) fn add_notice(work: &Work<'_>, scan: &ScanId, trade: &TradeRecord, notice: &Notice) -> Result<(), Failure> {
    if trade.ignored {
        return Ok(());
    }
    let expires = match notice.kind {
        NoticeKind::Buy => Some(trade.plan.tell_until().as_microsecond()),
        NoticeKind::Filled | NoticeKind::Lapsed | NoticeKind::Exit | NoticeKind::Confirmed => None,
    };
    work.tx
        .prepare_cached(
            "INSERT INTO outbox (key, trade, scan, expires_us, body) VALUES (?, ?, ?, ?, ?)
             ON CONFLICT (key) DO NOTHING",
        )?
        .execute((notice.key(), trade.id.as_str(), scan.as_str(), expires, wire::encode(notice)?))?;
    Ok(())
}
