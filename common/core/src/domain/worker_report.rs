//! What a worker says of itself, for people who ask who is there.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What a worker says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerReport {
    /// Its name, one a process, e.g. `host:pid`.
    pub name: String,
    /// Version of its program.
    pub version: String,
    /// Deliveries it works on at once at most.
    pub slots: u32,
    /// Deliveries it works on now.
    pub busy: u32,
    /// Tickers it accounted for since it started.
    pub committed: u64,
    /// It takes no more tasks and leaves.
    pub draining: bool,
    /// When it started (its own clock).
    pub started_at: Timestamp,
}
