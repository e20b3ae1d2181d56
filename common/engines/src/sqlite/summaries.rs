//! What underlyings' chains came to: one row an underlying and session, the one of the latest instant.
//!
//! Its size is bounded: [`SUMMARIES_KEPT`] rows of some 100 bytes an underlying; the oldest sessions go. Scans that are
//! pruned leave theirs here.

use async_trait::async_trait;
use fleet_core::domain::{SUMMARIES_KEPT, SessionSummary, Ticker};
use fleet_core::seams::{StoreError, Summaries};
use fleet_core::wire;

use super::failure::Failure;
use super::{SqliteStore, Work};

#[async_trait]
impl Summaries for SqliteStore {
    async fn summaries(&self, underlying: &Ticker, newest: u32) -> Result<Vec<SessionSummary>, StoreError> {
        let underlying = underlying.clone();
        self.read(move |work| read(work, &underlying, newest)).await
    }
}

/// Dates are compared as text: ISO dates of four-digit years sort by time.
fn read(work: &Work<'_>, underlying: &Ticker, newest: u32) -> Result<Vec<SessionSummary>, Failure> {
    let mut statement =
        work.tx.prepare_cached("SELECT body FROM summaries WHERE ticker = ? ORDER BY session DESC LIMIT ?")?;
    let rows = statement.query_map((underlying.as_str(), newest), |row| row.get::<_, Vec<u8>>(0))?;
    let mut summaries = rows.map(|body| Ok(wire::unpack_summary(&body?)?)).collect::<Result<Vec<_>, Failure>>()?;
    summaries.reverse();
    Ok(summaries)
}

/// Keeps a summary unless one of a later instant of its session is there.
pub(super) fn keep(work: &Work<'_>, underlying: &Ticker, summary: &SessionSummary) -> Result<(), Failure> {
    work.tx
        .prepare_cached(
            "INSERT INTO summaries (ticker, session, as_of_us, body) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (ticker, session) DO UPDATE SET as_of_us = ?3, body = ?4 WHERE as_of_us <= ?3",
        )?
        .execute((
            underlying.as_str(),
            summary.session.to_string(),
            summary.as_of.as_microsecond(),
            wire::pack_summary(summary),
        ))?;
    work.tx
        .prepare_cached(
            "DELETE FROM summaries WHERE ticker = ?1 AND session <=
                 (SELECT session FROM summaries WHERE ticker = ?1 ORDER BY session DESC LIMIT 1 OFFSET ?2)",
        )?
        .execute((underlying.as_str(), SUMMARIES_KEPT))?;
    Ok(())
}
