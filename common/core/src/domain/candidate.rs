//! What a strategy says of one contract: checks, score, candidate, near miss.

use std::borrow::Cow;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::contract_metrics::ContractMetrics;
use super::money::Price;
use super::occ::OccSymbol;
use super::pricing_model::PricingModel;
use super::ticker::Ticker;
use super::trade::EntryPlan;

/// Outcome of one check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The condition holds.
    Pass,
    /// It does not.
    Fail,
    /// An input is missing. A mandatory unknown keeps a strategy from firing.
    Unknown,
}

/// How a value is compared with a threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operator {
    /// value ≥ threshold
    #[serde(rename = ">=")]
    AtLeast,
    /// value ≤ threshold
    #[serde(rename = "<=")]
    AtMost,
    /// value > threshold
    #[serde(rename = ">")]
    Above,
    /// value < threshold
    #[serde(rename = "<")]
    Below,
}

/// One condition of a strategy with everything needed to check it by hand.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// Stable snake_case name, e.g. `min_rsi_3`.
    pub name: Cow<'static, str>,
    /// What was measured, in the unit the name implies; `None` makes the verdict unknown.
    pub value: Option<f64>,
    /// The comparison.
    pub operator: Operator,
    /// What the value is compared with.
    pub threshold: f64,
    /// The outcome.
    pub verdict: Verdict,
    /// Whether the strategy can fire without it.
    pub mandatory: bool,
}

impl Check {
    /// Compares and records. A NaN value counts as missing.
    #[must_use]
    pub fn new(name: &'static str, value: Option<f64>, operator: Operator, threshold: f64) -> Self {
        let value = value.filter(|v| v.is_finite());
        let verdict = match value {
            None => Verdict::Unknown,
            Some(v) => {
                let holds = match operator {
                    Operator::AtLeast => v >= threshold,
                    Operator::AtMost => v <= threshold,
                    Operator::Above => v > threshold,
                    Operator::Below => v < threshold,
                };
                if holds { Verdict::Pass } else { Verdict::Fail }
            }
        };
        Self { name: Cow::Borrowed(name), value, operator, threshold, verdict, mandatory: true }
    }
}

/// One part of a score.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScorePart {
    /// Stable snake_case name.
    pub name: Cow<'static, str>,
    /// Points given, 0 to `max`. An unknown input gives 0 and the maximum stays.
    pub points: f64,
    /// Points possible.
    pub max: f64,
    /// Whether the input was missing.
    pub unknown: bool,
}

/// Orders candidates within one scan. The total is always the sum of the parts.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Score {
    /// The parts, in a fixed order.
    pub parts: Vec<ScorePart>,
}

impl Score {
    /// Sum of the points, 0 to 100.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.parts.iter().map(|part| part.points).sum()
    }
}

/// A contract whose signal fired.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// The underlying.
    pub underlying: Ticker,
    /// The contract.
    pub symbol: OccSymbol,
    /// Name of the strategy, e.g. `oversold_call`.
    pub strategy: String,
    /// Bid at signal.
    pub bid: Price,
    /// Ask at signal.
    pub ask: Price,
    /// (bid + ask) / 2 in dollars.
    pub mid: f64,
    /// What to buy at and how to leave.
    pub plan: EntryPlan,
    /// (target − buy) / buy, percent: entered at the limit.
    pub gross_pct: f64,
    /// Net profit potential after half-spreads and commission, percent: entered at mid and a share of the half-spread
    /// (ANALYTICS section 1).
    pub net_pct: f64,
    /// Contracts traded today.
    pub volume: Option<u64>,
    /// Open interest.
    pub open_interest: Option<u64>,
    /// (ask − bid) / mid, percent.
    pub spread_pct: f64,
    /// Implied volatility at mid, annual fraction.
    pub iv: Option<f64>,
    /// Delta per $1 of the underlying.
    pub delta: Option<f64>,
    /// What both were computed with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<PricingModel>,
    /// Calendar days from the exchange date of as-of to expiration.
    pub dte: i32,
    /// RSI(14) of the contract's last closed bar.
    pub rsi: Option<f64>,
    /// Sessions it traded in, of the last so many; `None` where its bars were not asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coverage: Option<TradedSessions>,
    /// The indicators that were asked for by name, in the order asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub indicators: Vec<NamedReading>,
    /// Why it stands where it stands.
    pub score: Score,
    /// Every check, in a fixed order.
    pub checks: Vec<Check>,
    /// When the quotes were valid.
    pub quote_time: Timestamp,
    /// The spot (American) or forward-implied spot used for this contract's expiration.
    pub spot_used: Option<f64>,
    /// Words such as `delayed`, `spot_not_simultaneous`, `earnings_unknown`.
    pub flags: Vec<String>,
    /// A control (strategy S0): followed on paper, never alerted, never shown among candidates.
    pub control: bool,
    /// What a professional reads beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics: Option<Box<ContractMetrics>>,
}

/// How many of the last closed sessions a contract traded in: the badge `18/20`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TradedSessions {
    /// Sessions with a trade.
    pub traded: u32,
    /// Sessions looked at.
    pub of: u32,
}

impl fmt::Display for TradedSessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.traded, self.of)
    }
}

/// An indicator that was asked for by name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NamedReading {
    /// As it was asked for, in lower case: `bbands:20:2`.
    pub spec: String,
    /// Its outputs, in their order.
    pub outputs: Vec<NamedOutput>,
}

/// One output of an indicator at the last closed bar. `None` in the lookback, where the function has no value, and where
/// there are no bars that could be believed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NamedOutput {
    /// The TA-Lib wheel's name of it: `real` or `integer` where there is but one.
    pub name: String,
    /// On the contract's own bars.
    pub contract: Option<f64>,
    /// On the underlying's.
    pub underlying: Option<f64>,
}

/// A contract that reached a strategy and missed some checks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NearMiss {
    /// The contract.
    pub symbol: OccSymbol,
    /// The strategy that refused it.
    pub strategy: String,
    /// Mandatory checks that failed or were unknown.
    pub missed: Vec<Check>,
    /// Number of checks in all.
    pub of: u32,
}

/// How far from firing a contract was, by the mandatory checks it did not pass; the nearest is the least. What failed
/// counts, then what is not known. One of which nothing failed did not come near, it is in the dark: those are the farthest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct MissDistance {
    in_the_dark: bool,
    failed: usize,
    unknown: usize,
}

impl MissDistance {
    /// Of the checks that a contract did not pass.
    #[must_use]
    pub fn of(missed: &[Check]) -> Self {
        let count = |verdict: Verdict| missed.iter().filter(|check| check.verdict == verdict).count();
        let (failed, unknown) = (count(Verdict::Fail), count(Verdict::Unknown));
        Self { in_the_dark: failed == 0, failed, unknown }
    }
}
