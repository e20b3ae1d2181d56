//! Notices not yet sent. A claim is a promise to answer within a time; after it, somebody else may claim.

use async_trait::async_trait;
use fleet_core::domain::Notice;
use fleet_core::seams::{ClaimedNotice, Holder, NoticeClaim, Outbox, StoreError};
use fleet_core::wire;
use rusqlite::named_params;

use super::failure::Failure;
use super::{SqliteStore, Work, row};

#[async_trait]
impl Outbox for SqliteStore {
    async fn claim_notices(&self, holder: &Holder, claim: &NoticeClaim) -> Result<Vec<ClaimedNotice>, StoreError> {
        let (holder, claim) = (holder.clone(), *claim);
        self.write(move |work| claim_notices(work, &holder, claim)).await
    }

    async fn unsent_notices(&self) -> Result<u32, StoreError> {
        self.read(|work| {
            let mut statement = work.tx.prepare_cached("SELECT count(*) FROM outbox WHERE sent = 0")?;
            row::count(statement.query_row([], |row| row.get(0))?)
        })
        .await
    }

    async fn confirm_notice(&self, key: &str) -> Result<(), StoreError> {
        let key = key.to_owned();
        self.write(move |work| {
            let update = "UPDATE outbox SET sent = 1, holder = NULL, claimed_until_us = 0 WHERE key = ?";
            let changed = work.tx.prepare_cached(update)?.execute([&key])?;
            known(changed, &key)
        })
        .await
    }

    async fn release_notice(&self, holder: &Holder, key: &str) -> Result<(), StoreError> {
        let (holder, key) = (holder.clone(), key.to_owned());
        self.write(move |work| release(work, &holder, &key)).await
    }

    async fn notices(&self) -> Result<Vec<(Notice, bool)>, StoreError> {
        self.read(|work| {
            let mut statement = work.tx.prepare_cached("SELECT body, sent FROM outbox ORDER BY seq")?;
            let rows = statement.query_map([], |row| Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, bool>(1)?)))?;
            rows.map(|row| {
                let (body, sent) = row?;
                Ok((wire::decode(&body)?, sent))
            })
            .collect()
        })
        .await
    }
}

fn claim_notices(work: &Work<'_>, holder: &Holder, claim: NoticeClaim) -> Result<Vec<ClaimedNotice>, Failure> {
    // One that is claimed may be on its way.
    work.tx
        .prepare_cached("DELETE FROM outbox WHERE sent = 0 AND claimed_until_us <= ? AND expires_us < ?")?
        .execute((work.now, claim.as_of.as_microsecond()))?;
    let mut statement = work.tx.prepare_cached(
        "SELECT seq, key, body FROM outbox WHERE sent = 0 AND claimed_until_us <= ? ORDER BY seq LIMIT ?",
    )?;
    let free: Vec<(i64, String, Vec<u8>)> = statement
        .query_map((work.now, claim.max), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<Result<_, rusqlite::Error>>()?;
    let mut take =
        work.tx.prepare_cached("UPDATE outbox SET holder = :holder, claimed_until_us = :until WHERE seq = :seq")?;
    let until = work.now.saturating_add(row::micros(claim.lasts));
    free.into_iter()
        .map(|(seq, key, body)| {
            take.execute(named_params! { ":holder": holder.0, ":until": until, ":seq": seq })?;
            Ok(ClaimedNotice { key, notice: wire::decode(&body)? })
        })
        .collect()
}

/// Of a trade that was ignored meanwhile, the notice is dropped instead. A stale holder changes nothing.
fn release(work: &Work<'_>, holder: &Holder, key: &str) -> Result<(), Failure> {
    let mut drop_ignored = work.tx.prepare_cached(
        "DELETE FROM outbox WHERE key = ? AND holder = ? AND sent = 0
         AND EXISTS (SELECT 1 FROM trades WHERE trades.id = outbox.trade AND ignored = 1)",
    )?;
    if drop_ignored.execute([key, &holder.0])? == 1 {
        return Ok(());
    }
    let update = "UPDATE outbox SET holder = NULL, claimed_until_us = 0 WHERE key = ? AND holder = ?";
    if work.tx.prepare_cached(update)?.execute([key, &holder.0])? == 1 {
        return Ok(());
    }
    let exists = work.tx.prepare_cached("SELECT 1 FROM outbox WHERE key = ?")?.exists([key])?;
    known(usize::from(exists), key)
}

fn known(changed: usize, key: &str) -> Result<(), Failure> {
    if changed == 1 { Ok(()) } else { Err(StoreError::NotFound(format!("notice {key}")).into()) }
}
