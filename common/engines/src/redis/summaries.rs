//! What underlyings' chains came to: a hash an underlying, one value a session, the one of the latest instant.
//!
//! Its size is bounded: [`SUMMARIES_KEPT`] values of some 75 bytes an underlying, which the server keeps in one piece (its
//! default for hashes is up to 512 entries of up to 64 bytes); the oldest sessions go. Scans that are pruned leave theirs
//! here.
//!
//! [`SUMMARIES_KEPT`]: fleet_core::domain::SUMMARIES_KEPT

use async_trait::async_trait;
use fleet_core::domain::{SessionSummary, Ticker};
use fleet_core::seams::{StoreError, Summaries};
use fleet_core::wire;

use super::call::Again;
use super::{RedisStore, failure, scripts};

#[async_trait]
impl Summaries for RedisStore {
    async fn summaries(&self, underlying: &Ticker, newest: u32) -> Result<Vec<SessionSummary>, StoreError> {
        let call = self.call(&scripts::SUMMARIES).text(underlying.as_str());
        let mut row = call.send(Again::Safe).await?.ok()?.row()?;
        let mut summaries = Vec::new();
        while !row.is_over() {
            let session = row.text()?;
            let body = row.bytes()?.ok_or_else(|| row.damaged("session summary", &session))?;
            summaries.push(wire::unpack_summary(&body).map_err(|error| failure::wire(error, self.address()))?);
        }
        summaries.sort_by_key(|summary| summary.session);
        let older = summaries.len().saturating_sub(newest as usize);
        summaries.drain(..older);
        Ok(summaries)
    }
}
