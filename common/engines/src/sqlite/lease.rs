//! The right to coordinate a scan. The epoch grows by one whenever the lease is given out, so that a write of whoever
//! had it before is known by its number; it is compared in the transaction of the write itself.

use std::time::Duration;

use fleet_core::domain::ScanId;
use fleet_core::seams::{Holder, Lease, LeaseAnswer, LeaseView};
use rusqlite::named_params;

use super::Work;
use super::failure::Failure;
use super::row;

pub(super) fn take(work: &Work<'_>, scan: &ScanId, holder: &Holder, ttl: Duration) -> Result<LeaseAnswer, Failure> {
    let found = row::scan(work, scan)?;
    if let Some(present) = found.holder
        && found.lease_until_us > work.now
    {
        let expires_in = row::span(found.lease_until_us - work.now);
        return Ok(LeaseAnswer::Held { holder: Holder(present), expires_in });
    }
    let epoch = found.epoch + 1;
    work.tx
        .prepare_cached(
            "UPDATE scans SET epoch = :epoch, holder = :holder, lease_until_us = :until WHERE scan = :scan",
        )?
        .execute(named_params! {
            ":epoch": epoch.cast_signed(),
            ":holder": holder.0,
            ":until": work.now.saturating_add(row::micros(ttl)),
            ":scan": scan.as_str(),
        })?;
    Ok(LeaseAnswer::Taken(Lease { scan: scan.clone(), epoch, holder: holder.clone() }))
}

pub(super) fn view(work: &Work<'_>, scan: &ScanId) -> Result<Option<LeaseView>, Failure> {
    let Some(found) = row::find_scan(work, scan)? else { return Ok(None) };
    let left = found.lease_until_us - work.now;
    let held = found.holder.filter(|_| left > 0).map(|holder| (Holder(holder), row::span(left)));
    Ok(Some(LeaseView { epoch: found.epoch, held }))
}

/// Also after its time, as long as nobody else took it: the epoch says so.
pub(super) fn renew(work: &Work<'_>, lease: &Lease, ttl: Duration) -> Result<(), Failure> {
    row::fenced_scan(work, lease)?;
    work.tx
        .prepare_cached("UPDATE scans SET lease_until_us = ? WHERE scan = ?")?
        .execute((work.now.saturating_add(row::micros(ttl)), lease.scan.as_str()))?;
    Ok(())
}

pub(super) fn release(work: &Work<'_>, lease: &Lease) -> Result<(), Failure> {
    work.tx
        .prepare_cached(
            "UPDATE scans SET holder = NULL, lease_until_us = 0 WHERE scan = ? AND epoch = ? AND holder = ?",
        )?
        .execute((lease.scan.as_str(), lease.epoch.cast_signed(), &lease.holder.0))?;
    Ok(())
}
