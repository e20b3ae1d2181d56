//! The one answer to a task.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::candidate::{Candidate, NearMiss};
use super::funnel::Funnel;
use super::provenance::Provenance;
use super::session_summary::SessionSummary;
use super::skip_reason::SkipReason;
use super::ticker::Ticker;
use super::trade::{Mark, TradeId, TradeTransition};
use super::underlying_metrics::UnderlyingMetrics;
use super::vendor::RequestCounts;

/// What the finding amounts to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    /// Contracts went through the gates.
    Analysed,
    /// The whole ticker was set aside. Expected; never an error.
    Skipped(SkipReason),
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
    /// Contracts that reached a strategy and missed, the nearest first ([`super::MissDistance`]); at most ten.
    pub near_misses: Vec<NearMiss>,
    /// Changes of live trades on this underlying.
    pub transitions: Vec<TradeTransition>,
    /// Marks of live trades on this underlying.
    pub marks: Vec<(TradeId, Mark)>,
    /// What the chain came to, for the underlying's history; `None` where its quotes were not usable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<SessionSummary>,
    /// What chain, history and bars of the underlying come to; `None` where its quotes were not usable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics: Option<Box<UnderlyingMetrics>>,
    /// Sessions of the past year whose volatility at 30 days is known of the underlying, this one included; `None` where no
    /// strategy asks for its history.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iv_sessions: Option<u32>,
    /// Expirations that were wanted and not served; not empty makes the ticker partial.
    pub not_served: Vec<Date>,
    /// Requests it took, retries included.
    pub requests: RequestCounts,
}
