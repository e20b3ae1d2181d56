//! How a ticker of a scan was accounted for: exactly once, with a finding or with the reason why there is none.

use serde::{Deserialize, Serialize};

use super::finding::Finding;
use super::scan::ScanId;
use super::ticker::Ticker;
use super::vendor::RequestCounts;

/// How a ticker failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailReason {
    /// Stable snake_case word, e.g. `throttled`, `not_found`, `malformed`, `challenge_page`, `timeout`.
    pub word: String,
    /// One sentence for a person.
    pub detail: String,
}

/// How a ticker was accounted for. Exactly one a ticker and scan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// There is an answer (which may be a skip, or partial).
    Found(Box<Finding>),
    /// There is none and trying again in this scan would not help.
    Failed {
        /// Why.
        reason: FailReason,
        /// Requests made all the same.
        requests: RequestCounts,
    },
    /// It broke its worker too often.
    Poison {
        /// Deliveries it had.
        attempts: u32,
    },
    /// Not done when the deadline came.
    Sealed,
}

/// An outcome as stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredOutcome {
    /// Of which scan.
    pub scan: ScanId,
    /// Of which ticker.
    pub ticker: Ticker,
    /// How it was accounted for.
    pub outcome: Outcome,
    /// Name of the worker that committed it.
    pub worker: String,
    /// The delivery attempt that succeeded, from 1.
    pub attempt: u32,
}

impl StoredOutcome {
    /// The finding, if there is one.
    #[must_use]
    pub fn finding(&self) -> Option<&Finding> {
        match &self.outcome {
            Outcome::Found(finding) => Some(finding),
            Outcome::Failed { .. } | Outcome::Poison { .. } | Outcome::Sealed => None,
        }
    }
}
