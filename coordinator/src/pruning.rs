//! Retention: scans that are over and old are deleted, by hand (`scans prune`) and after each scan.
//!
//! Both delete by the store's one rule: done or given up before it had a manifest, never what can be resumed, and never
//! a trade. Promises: after a scan at most [`A_LAUNCH`] scans are deleted, so that a store which was never pruned costs
//! each launch a little and none a lot. Refuses: to prune by itself a store that holds more scans than it looks at.

use std::time::Duration;

use fleet_core::domain::ScanState;
use fleet_core::seams::{ScanSummary, Store, StoreError};
use jiff::{SignedDuration, Timestamp};

use crate::failure::Failure;
use crate::scan::Patience;

/// So many scans are deleted after one: a week of half hours. A thousand tickers each are deleted in about a second.
pub const A_LAUNCH: usize = 100;
/// More scans than this are no store's of one person; it is pruned by hand.
const LOOKED_AT: u32 = 10_000;

/// What is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cut {
    Nothing,
    /// What was created before this.
    Before(Timestamp),
    /// The oldest scans were not looked at, so nobody knows how many there are.
    TooMany,
}

/// What became of old scans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pruned {
    /// So many were deleted.
    Scans(u64),
    /// None, because the store holds more than is looked at.
    TooMany,
}

/// The instant so long ago.
pub fn ago(now: Timestamp, age: Duration) -> Result<Timestamp, Failure> {
    let age = SignedDuration::try_from(age).map_err(|_| Failure::usage("--older-than is more than time can hold"))?;
    now.checked_sub(age).map_err(|_| Failure::usage("--older-than reaches back before time began"))
}

/// Deletes the oldest of the scans created before an instant.
pub async fn after_a_scan(store: &dyn Store, patience: Patience, before: Timestamp) -> Result<Pruned, StoreError> {
    let scans = patience.store(|| store.list_scans(LOOKED_AT)).await?;
    match cut(&scans, before, LOOKED_AT as usize) {
        Cut::Nothing => Ok(Pruned::Scans(0)),
        Cut::Before(before) => Ok(Pruned::Scans(patience.store(|| store.prune_scans(before)).await?)),
        Cut::TooMany => Ok(Pruned::TooMany),
    }
}

/// `scans`: newest first, at most `looked_at` of them.
fn cut(scans: &[ScanSummary], before: Timestamp, looked_at: usize) -> Cut {
    let is_over = |scan: &ScanSummary| scan.state == ScanState::Done || scan.state == ScanState::Init;
    let mut old: Vec<Timestamp> =
        scans.iter().filter(|scan| scan.created_at < before && is_over(scan)).map(|scan| scan.created_at).collect();
    old.sort_unstable();
    match old.get(A_LAUNCH) {
        _ if old.is_empty() => Cut::Nothing,
        _ if scans.len() >= looked_at => Cut::TooMany,
        Some(next) => Cut::Before(*next),
        None => Cut::Before(before),
    }
}

#[cfg(test)]
mod tests {
    use fleet_core::domain::ScanId;

    use super::*;

    fn at(second: usize) -> Timestamp {
        Timestamp::from_second(second as i64).unwrap()
    }

    /// So many finished scans, one a second, newest first.
    fn scans(n: usize) -> Vec<ScanSummary> {
        let scan = |second| ScanSummary {
            scan: ScanId::parse(&format!("x-{second}")).unwrap(),
            state: ScanState::Done,
            created_at: at(second),
            tickers: 1,
            outcomes: 1,
        };
        (0..n).rev().map(scan).collect()
    }

    #[test]
    fn a_launch_deletes_the_oldest_and_not_too_many() {
        assert_eq!(cut(&scans(10), at(0), 1000), Cut::Nothing);
        assert_eq!(cut(&scans(10), at(4), 1000), Cut::Before(at(4)));
        assert_eq!(cut(&scans(A_LAUNCH), at(900), 1000), Cut::Before(at(900)));
        assert_eq!(cut(&scans(300), at(250), 1000), Cut::Before(at(A_LAUNCH)), "0 to 99 go");
    }

    #[test]
    fn what_can_be_resumed_is_not_counted_and_a_store_too_large_is_left() {
        let mut some = scans(10);
        some.iter_mut().for_each(|scan| scan.state = ScanState::Running);
        assert_eq!(cut(&some, at(9), 1000), Cut::Nothing);
        assert_eq!(cut(&scans(10), at(9), 10), Cut::TooMany);
    }
}
