//! How long it takes at AWS' pace: for people, before it begins. Pure.
//!
//! What counts is the fullest Region, because Regions do not wait for each other.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::pace::interval;
use crate::plan::RegionWork;
use crate::quota::Operation;
use crate::region::Region;

/// What a call takes apart from waiting for its turn: a round trip to a far Region.
const CALL: Duration = Duration::from_millis(100);

/// Expected time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Estimate {
    /// Of each Region.
    pub regions: BTreeMap<Region, Duration>,
}

impl Estimate {
    /// Of all of it.
    #[must_use]
    pub fn total(&self) -> Duration {
        self.regions.values().max().copied().unwrap_or_default()
    }
}

/// Of deleting: the waves of a Region one after the other, in each the operation that takes longest.
#[must_use]
pub fn of_work(work: &[RegionWork]) -> Estimate {
    let wave = |steps: &Vec<crate::plan::DeleteStep>| {
        let mut counts: BTreeMap<Operation, u32> = BTreeMap::new();
        for step in steps {
            *counts.entry(step.operation()).or_default() += 1;
        }
        counts.into_iter().map(|(operation, count)| turns(operation, count)).max().unwrap_or_default()
    };
    let regions = work.iter().map(|region| (region.region.clone(), region.waves.iter().map(wave).sum()));
    Estimate { regions: regions.collect() }
}

/// Of bringing up `per_region` gateways in each of these Regions.
#[must_use]
pub fn of_raising(regions: &[Region], per_region: u32) -> Estimate {
    // Created one after the other, each deployed as soon as it can be: the slower of the two decides. Then put, plan and
    // key, one call each.
    let slowest = turns(Operation::CreateRestApi, per_region).max(turns(Operation::CreateDeployment, per_region));
    let one = slowest + CALL * 4;
    Estimate { regions: regions.iter().map(|region| (region.clone(), one)).collect() }
}

/// `count` calls of an operation asked for at once.
fn turns(operation: Operation, count: u32) -> Duration {
    interval(operation).unwrap_or_default() * count.saturating_sub(1) + CALL
}
