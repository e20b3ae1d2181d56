//! What happens, as data: for a progress bar, a log, or nobody.

use std::time::Duration;

use jiff::Timestamp;

use crate::estimate::Estimate;
use crate::plan::DeleteStep;
use crate::quota::Operation;
use crate::region::Region;
use crate::set::{IntentId, SetId};

/// One thing that happened.
#[derive(Debug, Clone)]
pub enum Progress {
    /// A set is to be brought up.
    Raising {
        /// Which.
        set: SetId,
        /// How long it takes at AWS' pace.
        estimate: Estimate,
    },
    /// A thing exists.
    Made(IntentId),
    /// A thing does what it is for.
    Ready(IntentId),
    /// A set that was kept warm is used again.
    Reused(SetId),
    /// Creating failed in a Region; what it has there is taken down.
    Failed {
        /// Where.
        region: Region,
        /// Why, in words.
        why: String,
    },
    /// A pass of deleting begins.
    TearingDown {
        /// Things to delete.
        things: usize,
        /// How long it takes at AWS' pace.
        estimate: Estimate,
    },
    /// A step of deleting is done; also if the thing was not there any more.
    Done(DeleteStep),
    /// A step of deleting failed; it is tried again if that can help.
    NotDone {
        /// Which.
        step: DeleteStep,
        /// Why, in words.
        why: String,
    },
    /// AWS answered 429.
    Throttled {
        /// Where.
        region: Region,
        /// Which operation.
        operation: Operation,
        /// What it asked for.
        retry_after: Option<Duration>,
    },
    /// Nothing is left to delete, but a call without an answer may still take effect: looking again then.
    Settling {
        /// When.
        until: Timestamp,
    },
}

/// Sees what happens. Called from many tasks; it must not wait.
pub trait Watcher: Send + Sync {
    /// This happened.
    fn saw(&self, progress: &Progress);
}

/// Nobody watches.
#[derive(Debug, Clone, Copy, Default)]
pub struct Nobody;

impl Watcher for Nobody {
    fn saw(&self, _: &Progress) {}
}

impl<F: Fn(&Progress) + Send + Sync> Watcher for F {
    fn saw(&self, progress: &Progress) {
        self(progress);
    }
}
