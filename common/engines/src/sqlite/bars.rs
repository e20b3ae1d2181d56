//! Daily bars of a session and of the newest one before it. A cache: it may forget, it never invents.
//!
//! Its size is bounded twice: the first series of a new session clears those of all but the newest earlier one; and at
//! [`MAX_SERIES`] earlier sessions' make room, then nothing more is kept (the vendor is asked again).

use async_trait::async_trait;
use fleet_core::domain::{BarSeries, Instrument, KeptBars};
use fleet_core::seams::{BarCache, StoreError};
use fleet_core::wire;
use jiff::civil::Date;
use rusqlite::OptionalExtension;

use super::failure::Failure;
use super::{SqliteStore, Work};

/// Series kept at most: 7,000 underlyings with a dozen contracts each, at about 5 KB a series.
pub const MAX_SERIES: i64 = 100_000;

#[async_trait]
impl BarCache for SqliteStore {
    async fn cached_bars(&self, instrument: &Instrument, session: Date) -> Result<Option<BarSeries>, StoreError> {
        let (key, session) = (key(instrument), session.to_string());
        self.read(move |work| {
            let mut statement =
                work.tx.prepare_cached("SELECT body FROM bar_cache WHERE instrument = ? AND session = ?")?;
            let body: Option<Vec<u8>> = statement.query_row((key, session), |row| row.get(0)).optional()?;
            body.map(|body| wire::decode(&body).map_err(Failure::from)).transpose()
        })
        .await
    }

    async fn earlier_bars(
        &self,
        instrument: &Instrument,
        session: Date,
    ) -> Result<Option<(Date, KeptBars)>, StoreError> {
        let (key, session) = (key(instrument), session.to_string());
        self.read(move |work| earlier(work, &key, &session)).await
    }

    async fn cache_bars(&self, session: Date, bars: &KeptBars) -> Result<(), StoreError> {
        let (bars, session) = (bars.clone(), session.to_string());
        self.write(move |work| keep(work, &session, &bars)).await
    }
}

/// Dates are compared as text: ISO dates of four-digit years sort by time.
fn earlier(work: &Work<'_>, key: &str, session: &str) -> Result<Option<(Date, KeptBars)>, Failure> {
    let mut statement = work.tx.prepare_cached(
        "SELECT session, body FROM bar_cache WHERE instrument = ? AND session < ? ORDER BY session DESC LIMIT 1",
    )?;
    let row: Option<(String, Vec<u8>)> =
        statement.query_row((key, session), |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let Some((day, body)) = row else { return Ok(None) };
    // We wrote the date; one that cannot be read is as good as none.
    let Ok(day) = day.parse() else { return Ok(None) };
    Ok(Some((day, wire::decode(&body)?)))
}

fn keep(work: &Work<'_>, session: &str, bars: &KeptBars) -> Result<(), Failure> {
    let known = work.tx.prepare_cached("SELECT 1 FROM bar_cache WHERE session = ?")?.exists([session])?;
    if !known {
        let older = "DELETE FROM bar_cache WHERE session < (SELECT max(session) FROM bar_cache WHERE session < ?)";
        work.tx.prepare_cached(older)?.execute([session])?;
    }
    let key = key(&bars.series.instrument);
    work.tx.prepare_cached("DELETE FROM bar_cache WHERE instrument = ? AND session <= ?")?.execute((&key, session))?;
    let count = || -> Result<i64, Failure> {
        Ok(work.tx.prepare_cached("SELECT count(*) FROM bar_cache")?.query_row([], |row| row.get(0))?)
    };
    let mut kept = count()?;
    if kept >= MAX_SERIES {
        work.tx.prepare_cached("DELETE FROM bar_cache WHERE session < ?")?.execute([session])?;
        kept = count()?;
    }
    if kept < MAX_SERIES {
        work.tx.prepare_cached("INSERT INTO bar_cache (instrument, session, body) VALUES (?, ?, ?)")?.execute((
            &key,
            session,
            wire::encode(bars)?,
        ))?;
    }
    Ok(())
}

/// Tickers and contracts are kept apart by their first letter.
fn key(instrument: &Instrument) -> String {
    match instrument {
        Instrument::Underlying(ticker) => format!("u:{ticker}"),
        Instrument::Contract(symbol) => format!("c:{symbol}"),
    }
}
