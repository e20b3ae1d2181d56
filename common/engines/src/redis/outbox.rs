//! Notices not yet sent. A claim is a promise to answer within a time; after it, somebody else may claim.

use async_trait::async_trait;
use fleet_core::domain::Notice;
use fleet_core::seams::{ClaimedNotice, Holder, NoticeClaim, Outbox, StoreError};

use super::call::Again;
use super::reply::Reply;
use super::{RedisStore, scripts};

/// Notices read at once: 300 bytes each.
const NOTICES_A_PAGE: u32 = 500;

#[async_trait]
impl Outbox for RedisStore {
    async fn claim_notices(&self, holder: &Holder, claim: &NoticeClaim) -> Result<Vec<ClaimedNotice>, StoreError> {
        let NoticeClaim { max, lasts, as_of } = claim;
        let call = self.call(&scripts::CLAIM).text(&holder.0).int(*max).span(*lasts).instant(*as_of);
        let rows = call.send(Again::Unsafe).await?.ok()?.rows()?;
        let claimed = |mut row: super::reply::Row| Ok(ClaimedNotice { key: row.text()?, notice: row.whole()? });
        rows.into_iter().map(claimed).collect()
    }

    async fn unsent_notices(&self) -> Result<u32, StoreError> {
        self.call(&scripts::LIST_NOTICES).text("unsent").send(Again::Safe).await?.ok()?.count()
    }

    async fn confirm_notice(&self, key: &str) -> Result<(), StoreError> {
        let call = self.call(&scripts::NOTICE).text("confirm").text(key);
        known(call.send(Again::Safe).await?, key)
    }

    async fn release_notice(&self, holder: &Holder, key: &str) -> Result<(), StoreError> {
        let call = self.call(&scripts::NOTICE).text("release").text(key).text(&holder.0);
        known(call.send(Again::Unsafe).await?, key)
    }

    async fn notices(&self) -> Result<Vec<(Notice, bool)>, StoreError> {
        let mut notices = Vec::new();
        let mut after = "-inf".to_owned();
        // Each round goes on after a later notice.
        loop {
            let call = self.call(&scripts::LIST_NOTICES).text("all").text(&after).int(NOTICES_A_PAGE);
            let rows = call.send(Again::Safe).await?.ok()?.rows()?;
            let full = rows.len() as u32 == NOTICES_A_PAGE;
            for mut row in rows {
                after = row.text()?;
                notices.push((row.whole()?, row.int()? == 1));
            }
            if !full {
                return Ok(notices);
            }
        }
    }
}

fn known(answer: Reply, key: &str) -> Result<(), StoreError> {
    match answer.word() {
        "no notice" => Err(StoreError::NotFound(format!("notice {key}"))),
        _ => answer.ok().map(drop),
    }
}
