//! What the newest scan knows of each contract: one opaque compressed blob a ticker.
//!
//! An older scan that is resumed does not replace what a newer one wrote, and a commit without a blob (a ticker that
//! failed) leaves the last one there. A blob beyond [`MAX_EXPLANATION_BYTES`] is not kept, so that a freak chain
//! cannot make its commit fail. When a scan is sealed, only the [`MAX_EXPLANATIONS`] of the newest scans stay.

use async_trait::async_trait;
use fleet_core::domain::{ScanId, Ticker};
use fleet_core::seams::{Explanations, StoreError};
use rusqlite::OptionalExtension;

use super::failure::Failure;
use super::{SqliteStore, Work, row};

/// Tickers whose explanations are kept: more than there are US underlyings with options.
pub const MAX_EXPLANATIONS: i64 = 10_000;
/// A chain of 10,000 contracts takes about a tenth of this.
pub const MAX_EXPLANATION_BYTES: usize = 8 << 20;

#[async_trait]
impl Explanations for SqliteStore {
    async fn explanation(&self, ticker: &Ticker) -> Result<Option<(ScanId, Vec<u8>)>, StoreError> {
        let ticker = ticker.clone();
        self.read(move |work| {
            let mut statement = work.tx.prepare_cached("SELECT scan, body FROM explanations WHERE ticker = ?")?;
            let found: Option<(String, Vec<u8>)> =
                statement.query_row([ticker.as_str()], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
            found.map(|(scan, body)| Ok((row::scan_id(&scan)?, body))).transpose()
        })
        .await
    }
}

/// Keeps a blob unless a newer scan's is there. `seq` is the scan's place in the order of creation.
pub(super) fn keep(work: &Work<'_>, ticker: &Ticker, scan: &ScanId, seq: i64, body: &[u8]) -> Result<(), Failure> {
    if body.is_empty() {
        return Ok(());
    }
    if body.len() > MAX_EXPLANATION_BYTES {
        tracing::warn!(%scan, %ticker, bytes = body.len(), limit_bytes = MAX_EXPLANATION_BYTES, "explanation not kept");
        return Ok(());
    }
    work.tx
        .prepare_cached(
            "INSERT INTO explanations (ticker, scan, seq, body) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (ticker) DO UPDATE SET scan = ?2, seq = ?3, body = ?4 WHERE seq <= ?3",
        )?
        .execute((ticker.as_str(), scan.as_str(), seq, body))?;
    Ok(())
}

/// Lets go of the oldest scans' blobs beyond the bound.
pub(super) fn bound(work: &Work<'_>) -> Result<(), Failure> {
    work.tx
        .prepare_cached(
            "DELETE FROM explanations WHERE ticker IN
                 (SELECT ticker FROM explanations ORDER BY seq DESC, ticker LIMIT -1 OFFSET ?)",
        )?
        .execute([MAX_EXPLANATIONS])?;
    Ok(())
}
