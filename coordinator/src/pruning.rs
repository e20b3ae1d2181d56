//! Retention: scans that are over and old are deleted, by hand (`scans prune`) and after each scan.
//!
//! Both delete by the store's one rule: done or given up before it had a manifest, never what can be resumed, and never
//! a trade; the oldest first. Promises: after a scan at most [`A_LAUNCH`] scans are deleted, so that a store which was never
//! pruned costs each launch a little and none a lot.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::failure::Failure;

/// So many scans are deleted after one: a week of half hours. A thousand tickers each are deleted in about a second.
pub const A_LAUNCH: u64 = 100;

/// The instant so long ago.
pub fn ago(now: Timestamp, age: Duration) -> Result<Timestamp, Failure> {
    let age = SignedDuration::try_from(age).map_err(|_| Failure::usage("--older-than is more than time can hold"))?;
    now.checked_sub(age).map_err(|_| Failure::usage("--older-than reaches back before time began"))
}
