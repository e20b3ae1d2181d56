//! Which workers are there: a row each, forgotten when its time is over.

use std::time::Duration;

use async_trait::async_trait;
use fleet_core::domain::WorkerReport;
use fleet_core::seams::{Roster, SeenWorker, StoreError};

use super::failure::Failure;
use super::{SqliteStore, Work, row};

#[async_trait]
impl Roster for SqliteStore {
    async fn check_in(&self, report: &WorkerReport, lasts: Duration) -> Result<(), StoreError> {
        let report = report.clone();
        self.write(move |work| check_in(work, &report, lasts)).await
    }

    async fn check_out(&self, name: &str) -> Result<(), StoreError> {
        let name = name.to_owned();
        self.write(move |work| {
            work.tx.prepare_cached("DELETE FROM workers WHERE name = ?")?.execute([name])?;
            Ok(())
        })
        .await
    }

    async fn workers(&self) -> Result<Vec<SeenWorker>, StoreError> {
        self.read(workers).await
    }
}

fn check_in(work: &Work<'_>, report: &WorkerReport, lasts: Duration) -> Result<(), Failure> {
    // Whoever says something clears away those that do not.
    work.tx.prepare_cached("DELETE FROM workers WHERE until_us <= ?")?.execute([work.now])?;
    work.tx
        .prepare_cached("INSERT OR REPLACE INTO workers (name, seen_us, until_us, body) VALUES (?, ?, ?, ?)")?
        .execute((
            &report.name,
            work.now,
            work.now.saturating_add(row::micros(lasts)),
            fleet_core::wire::encode(report)?,
        ))?;
    Ok(())
}

fn workers(work: &Work<'_>) -> Result<Vec<SeenWorker>, Failure> {
    let mut statement = work.tx.prepare_cached("SELECT seen_us, body FROM workers WHERE until_us > ? ORDER BY name")?;
    let rows = statement.query_map([work.now], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?)))?;
    rows.map(|row| {
        let (seen_us, body) = row?;
        Ok(SeenWorker { report: fleet_core::wire::decode(&body)?, seen_ago: row::span(work.now - seen_us) })
    })
    .collect()
}
