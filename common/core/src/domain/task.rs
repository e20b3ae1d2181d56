//! The unit of work: one ticker of one scan.

use serde::{Deserialize, Serialize};

use super::scan::ScanId;
use super::ticker::Ticker;

/// One ticker of one scan.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Task {
    /// Of which scan.
    pub scan: ScanId,
    /// Which ticker.
    pub ticker: Ticker,
}

impl Task {
    /// Message id for de-duplication: `<scan>:<ticker>:<round>`.
    #[must_use]
    pub fn message_id(&self, round: u32) -> String {
        format!("{}:{}:{round}", self.scan, self.ticker)
    }
}
