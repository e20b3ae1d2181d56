//! Whose the queue's stream is, where two stores call themselves the same.
//!
//! A store that is copied (a dump, an append-only file, a replica that was cut off) has the id of the first, so both would
//! use one stream. Nothing that a server says of itself tells them apart for good: addresses differ for one server and stay
//! for another, and its own ids change with a restart and go with a dump. So whoever opens the pair of a store and its stream
//! draws a claim, which is noted in the store first and then in the stream. A claim that was drawn after the copy was made
//! is known to one of them only: the other one, meeting it at the stream, calls itself otherwise from then on and has a
//! stream of its own, which the next launch or reconciliation fills. Which of the two keeps the name does not matter.
//!
//! An older state of a store that is put back, and a store whose server lost its last moments, may be taken for a copy too.
//! That costs the same: its tasks are published again.

use fleet_core::seams::StoreError;

use super::call::Again;
use super::{RedisStore, id, scripts};
use crate::store_id::StoreId;

/// Claims kept: each opening draws one, and only the last matters.
const KEPT: u32 = 1_000;

/// A claim of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct QueueClaim(pub(crate) String);

impl RedisStore {
    /// Whether this store drew a claim.
    pub(crate) async fn knows(&self, claim: &QueueClaim) -> Result<bool, StoreError> {
        let call = self.call(&scripts::QUEUE_CLAIM).text("look").text(&claim.0);
        Ok(call.send(Again::Safe).await?.ok()?.int()? == 1)
    }

    /// A new claim, noted here.
    pub(crate) async fn draw_claim(&self) -> Result<QueueClaim, StoreError> {
        let claim = QueueClaim(StoreId::draw().to_string());
        let call = self.call(&scripts::QUEUE_CLAIM).text("draw").text(&claim.0).int(KEPT);
        call.send(Again::Safe).await?.ok()?;
        Ok(claim)
    }

    /// The store calls itself otherwise than `known` from now on; as others have it by now, if they were first.
    pub(crate) async fn renew_id(&self, known: &StoreId) -> Result<StoreId, StoreError> {
        let offered = StoreId::draw();
        let call = self.call(&scripts::QUEUE_CLAIM).text("renew").text(known.as_str()).text(offered.as_str());
        let mut row = call.send(Again::Safe).await?.ok()?;
        match row.optional_text()? {
            Some(text) => id(&text, self.address()),
            // It was emptied meanwhile.
            None => self.id().await,
        }
    }
}
