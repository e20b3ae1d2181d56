//! What the newest scan knows of one contract: which rule stopped it, and by how much; where it ranks.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::candidate::Check;
use super::contract_metrics::ContractMetrics;
use super::occ::OccSymbol;
use super::pricing_model::PricingModel;
use super::quote::ContractQuote;

/// Everything the last scan knows of one contract; what `explain` prints.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ContractExplanation {
    /// The quote as it was.
    pub quote: ContractQuote,
    /// Where it left the funnel.
    pub place: Cow<'static, str>,
    /// The measured value and threshold of the gate that stopped it.
    pub gate: Option<Check>,
    /// Implied volatility at mid, annual fraction.
    pub iv: Option<f64>,
    /// Delta.
    pub delta: Option<f64>,
    /// What both were computed with, or why they were not; `None` where there was nothing to compute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<PricingModel>,
    /// For contracts that reached a strategy: its name and every check.
    pub strategies: Vec<(String, Vec<Check>)>,
    /// For contracts past the gates, where the configuration ranks them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ranked: Option<Ranked>,
    /// What its own bars say, where the configuration ranks contracts and its bars were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub technicals: Option<Technicals>,
    /// For contracts whose bars reached a strategy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics: Option<Box<ContractMetrics>>,
}

/// A contract's greeks beside delta, and its place among the contracts past the gates.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Ranked {
    /// Delta per $1 of the underlying.
    pub gamma: f64,
    /// Dollars per calendar day.
    pub theta_per_day: f64,
    /// Dollars per volatility point (0.01).
    pub vega_per_point: f64,
    /// Dollars per point (0.01) of the risk-free rate.
    pub rho_per_point: f64,
    /// Orders the contracts past the gates.
    pub score: RankScore,
}

/// The parts of a rank's score (RULES section 9). Its total is always their sum.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RankScore {
    /// For volume and open interest.
    pub liquidity: f64,
    /// Against a wide spread; never above 0.
    pub spread: f64,
    /// For a delta near one half.
    pub delta: f64,
    /// For the direction its own bars speak for; `None` where they are not known, and counts as 0.
    pub technical: Option<f64>,
}

impl RankScore {
    /// Sum of the parts.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.liquidity + self.spread + self.delta + self.technical.unwrap_or(0.0)
    }
}

/// Indicators of a contract's own last bar, as far as they are known.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Technicals {
    /// RSI(14).
    pub rsi: Option<f64>,
    /// MACD(12, 26, 9) histogram, dollars.
    pub macd_histogram: Option<f64>,
    /// %B(20, 2), fraction of the band.
    pub pct_b: Option<f64>,
}

impl ContractExplanation {
    /// Its symbol.
    #[must_use]
    pub const fn symbol(&self) -> &OccSymbol {
        &self.quote.symbol
    }
}
