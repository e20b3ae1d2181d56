//! The one answer to a task, and how a ticker was accounted for.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::candidate::{Candidate, Check, NearMiss};
use super::money::Price;
use super::occ::OccSymbol;
use super::quote::ContractQuote;
use super::scan::ScanId;
use super::ticker::Ticker;
use super::trade::{Mark, TradeId, TradeTransition};
use super::vendor::{RequestCounts, Vendor};

/// Counts of contracts by the place where each left: `refused:<reason>`, `gate:<name>`, `unknown:<input>`,
/// `not_examined`, `strategy:<name>` (checked and not fired), `candidate`. They sum to the rows of the chain.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Funnel(pub BTreeMap<String, u64>);

impl Funnel {
    /// Counts one contract out (or in).
    pub fn count(&mut self, place: &str) {
        match self.0.get_mut(place) {
            Some(n) => *n += 1,
            None => {
                self.0.insert(place.to_owned(), 1);
            }
        }
    }

    /// Adds another funnel to this one.
    pub fn merge(&mut self, other: &Self) {
        for (place, n) in &other.0 {
            *self.0.entry(place.clone()).or_default() += n;
        }
    }

    /// Contracts counted in all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }
}

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

/// What the finding amounts to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    /// Contracts went through the gates.
    Analysed,
    /// The whole ticker was set aside. Expected; never an error.
    Skipped(SkipReason),
}

/// Where the spot came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpotSource {
    /// Put–call parity on the chain's own quotes.
    Implied,
    /// The vendor's price, because no pair was usable and its time is within 60 s of the quotes.
    Vendor,
    /// Neither was usable: no IV, no greeks.
    None,
}

/// Where a finding's numbers came from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// Who served the chain.
    pub vendor: Vendor,
    /// When the quotes were valid.
    pub quote_time: Option<Timestamp>,
    /// When the chain's response arrived (wall clock; the only field of a finding that differs between equal runs).
    pub fetched_at: Option<Timestamp>,
    /// The vendor's own spot.
    pub vendor_spot: Option<Price>,
    /// The spot the analysis used for the underlying.
    pub spot: Option<f64>,
    /// Where it came from.
    pub spot_source: SpotSource,
    /// S*/S_vendor − 1.
    pub spot_gap: Option<f64>,
    /// Implied forward by expiration, in dollars.
    pub forwards: BTreeMap<Date, f64>,
    /// Words such as `delayed`, `spot_not_simultaneous`, `yield_assumed`, `unknown_oi`.
    pub flags: Vec<String>,
}

/// The one answer to a task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Of which underlying.
    pub ticker: Ticker,
    /// The instant it pretends to be at.
    pub as_of: Timestamp,
    /// What it amounts to.
    pub answer: Answer,
    /// Where its numbers came from.
    pub provenance: Provenance,
    /// Counts that sum to the chain's rows.
    pub funnel: Funnel,
    /// Signals that fired, best first (score descending, then symbol). Controls are last.
    pub candidates: Vec<Candidate>,
    /// Contracts that reached a strategy and missed, fewest misses first; at most ten.
    pub near_misses: Vec<NearMiss>,
    /// Changes of live trades on this underlying.
    pub transitions: Vec<TradeTransition>,
    /// Marks of live trades on this underlying.
    pub marks: Vec<(TradeId, Mark)>,
    /// Expirations that were wanted and not served; not empty makes the ticker partial.
    pub not_served: Vec<Date>,
    /// Requests it took, retries included.
    pub requests: RequestCounts,
}

/// Everything the last scan knows of one contract; what `explain` prints.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ContractExplanation {
    /// The quote as it was.
    pub quote: ContractQuote,
    /// Where it left the funnel.
    pub place: String,
    /// The measured value and threshold of the gate that stopped it.
    pub gate: Option<Check>,
    /// Implied volatility at mid, annual fraction.
    pub iv: Option<f64>,
    /// Delta.
    pub delta: Option<f64>,
    /// For contracts that reached a strategy: its name and every check.
    pub strategies: Vec<(String, Vec<Check>)>,
}

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

/// Convenience for reports.
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

/// The contract an explanation is of.
impl ContractExplanation {
    /// Its symbol.
    #[must_use]
    pub const fn symbol(&self) -> &OccSymbol {
        &self.quote.symbol
    }
}
