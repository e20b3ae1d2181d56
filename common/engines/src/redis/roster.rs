//! Which workers are there: a report each, forgotten when its time is over.

use std::time::Duration;

use async_trait::async_trait;
use fleet_core::domain::WorkerReport;
use fleet_core::seams::{Roster, SeenWorker, StoreError};

use super::call::Again;
use super::{RedisStore, scripts};

#[async_trait]
impl Roster for RedisStore {
    async fn check_in(&self, report: &WorkerReport, lasts: Duration) -> Result<(), StoreError> {
        let call = self.call(&scripts::ROSTER).text("in").text(&report.name).body(report)?.span(lasts);
        call.send(Again::Safe).await?.ok().map(drop)
    }

    async fn check_out(&self, name: &str) -> Result<(), StoreError> {
        self.call(&scripts::ROSTER).text("out").text(name).send(Again::Safe).await?.ok().map(drop)
    }

    async fn workers(&self) -> Result<Vec<SeenWorker>, StoreError> {
        let rows = self.call(&scripts::ROSTER).text("list").send(Again::Safe).await?.ok()?.rows()?;
        let mut workers = Vec::new();
        for mut row in rows {
            workers.push(SeenWorker { seen_ago: row.span()?, report: row.whole()? });
        }
        workers.sort_by(|a, b| a.report.name.cmp(&b.report.name));
        Ok(workers)
    }
}
