//! What the newest scan knows of each contract: one opaque compressed blob a ticker, written by its commit.

use async_trait::async_trait;
use fleet_core::domain::{ScanId, Ticker};
use fleet_core::seams::{Explanations, StoreError};

use super::call::Again;
use super::{RedisStore, scripts};

#[async_trait]
impl Explanations for RedisStore {
    async fn explanation(&self, ticker: &Ticker) -> Result<Option<(ScanId, Vec<u8>)>, StoreError> {
        let mut row = self.call(&scripts::EXPLANATION).text(ticker.as_str()).send(Again::Safe).await?.ok()?;
        let Some(scan) = row.optional_text()? else { return Ok(None) };
        let scan = ScanId::parse(&scan).map_err(|_| row.damaged("scan id", &scan))?;
        Ok(row.bytes()?.map(|body| (scan, body)))
    }
}
