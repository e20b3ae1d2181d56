//! The right to coordinate a scan. The epoch grows by one whenever the lease is given out; it is compared in the script
//! of the write it guards.

use std::time::Duration;

use fleet_core::domain::ScanId;
use fleet_core::seams::{Holder, Lease, LeaseAnswer, LeaseView, StoreError};

use super::call::Again;
use super::reply::Row;
use super::{RedisStore, scripts};

pub(super) async fn take(
    store: &RedisStore,
    scan: &ScanId,
    holder: &Holder,
    ttl: Duration,
) -> Result<LeaseAnswer, StoreError> {
    let call = store.call(&scripts::LEASE).text("take").scan(scan).text(&holder.0).span(ttl);
    let answer = call.send(Again::Unsafe).await?.of_scan(scan)?;
    match answer.word() {
        "taken" => {
            let epoch = epoch(&mut answer.rest())?;
            Ok(LeaseAnswer::Taken(Lease { scan: scan.clone(), epoch, holder: holder.clone() }))
        }
        "held" => {
            let mut row = answer.rest();
            epoch(&mut row)?;
            Ok(LeaseAnswer::Held { holder: Holder(row.text()?), expires_in: row.span()? })
        }
        _ => Err(answer.surprise()),
    }
}

pub(super) async fn view(store: &RedisStore, scan: &ScanId) -> Result<Option<LeaseView>, StoreError> {
    let answer = store.call(&scripts::LEASE).text("view").scan(scan).send(Again::Safe).await?;
    match answer.word() {
        "no scan" => Ok(None),
        "free" => Ok(Some(LeaseView { epoch: epoch(&mut answer.rest())?, held: None })),
        "held" => {
            let mut row = answer.rest();
            Ok(Some(LeaseView { epoch: epoch(&mut row)?, held: Some((Holder(row.text()?), row.span()?)) }))
        }
        _ => Err(answer.surprise()),
    }
}

pub(super) async fn renew(store: &RedisStore, lease: &Lease, ttl: Duration) -> Result<(), StoreError> {
    let call = store.call(&scripts::LEASE).text("renew").lease(lease).span(ttl);
    call.send(Again::Safe).await?.of_lease(lease)?.ok().map(drop)
}

pub(super) async fn release(store: &RedisStore, lease: &Lease) -> Result<(), StoreError> {
    store.call(&scripts::LEASE).text("release").lease(lease).send(Again::Safe).await?.ok().map(drop)
}

fn epoch(row: &mut Row) -> Result<u64, StoreError> {
    let epoch = row.int()?;
    u64::try_from(epoch).map_err(|_| row.damaged("epoch", &epoch.to_string()))
}
