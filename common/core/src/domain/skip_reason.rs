//! Why a whole ticker was set aside: an expected answer, never an error.

use serde::{Deserialize, Serialize};

use super::candidate::Check;

/// Why a ticker gave nothing, though nothing went wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "skip", rename_all = "snake_case")]
pub enum SkipReason {
    /// The vendor lists no options for it.
    NoOptions,
    /// The quotes are older than the vendor's limit.
    StaleQuotes {
        /// as_of − quote_time.
        age_secs: i64,
        /// The limit.
        limit_secs: i64,
    },
    /// Nothing in the chain dates it.
    UndatedQuotes,
    /// The implied spot is too far from the vendor's (> 2 %).
    SpotGap {
        /// S*/S_vendor − 1, as a fraction.
        gap: f64,
    },
    /// The underlying's own state rules out every strategy (e.g. its RSI is above the pre-gate).
    UnderlyingPreGate {
        /// Which condition.
        check: Check,
    },
    /// The underlying has too few closed bars for its own indicators.
    ThinUnderlying {
        /// Bars there are.
        bars: u32,
        /// Bars there must be.
        needed: u32,
    },
}
