//! What one delivery of a task may take, in time, requests and repetitions.

use serde::{Deserialize, Serialize};

/// Limits of one delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryLimits {
    /// A delivery may take this long.
    pub timeout_secs: u32,
    /// A ticker is poison after this many deliveries.
    pub max_attempts: u32,
    /// A single request may take this long.
    pub request_timeout_secs: u32,
    /// A request is tried this often in all.
    pub request_tries: u32,
    /// A Retry-After longer than this fails the ticker.
    pub max_retry_after_secs: u32,
}
