//! What a volatility and its greeks were computed with, so that a person can do it again.

use serde::{Deserialize, Serialize};

use super::facts::ExpectedDividend;
use super::provenance::SpotSource;

/// How early exercise entered a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExerciseModel {
    /// Exercise at settlement only: closed form on the forward.
    European,
    /// Early exercise.
    American,
    /// Early exercise, with cash dividends on their ex-dates: finite differences.
    AmericanCashDividends,
    /// Closed form on the forward, though the contract may be exercised early: it did not pass the gates on quote, open
    /// interest and volume, and a volatility near enough costs a hundredth.
    EuropeanApproximation,
    /// Nothing was computed: early exercise has two boundaries at these rates (r < 0 and q < r for a put, q < 0 and r < q
    /// for a call), and the engine knows one.
    TwoBoundaries,
    /// Nothing was computed: a rate, a yield, a price or the time is beyond what the engine computes with.
    OutOfRange,
}

/// What a volatility and its greeks were computed with. Dividends enter as a continuous yield, unless the model says cash.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PricingModel {
    /// How early exercise entered.
    pub exercise: ExerciseModel,
    /// Price of the underlying, dollars per share; with cash dividends, the dividends to come still in it.
    pub spot: f64,
    /// Where the chain's spot came from. Hours before settlement `spot` may differ from it, so that the forward is right.
    pub spot_source: SpotSource,
    /// Continuous risk-free rate of the expiration, annual fraction.
    pub rate: f64,
    /// Continuous dividend yield of the expiration, annual fraction: the one its forward implies, unless assumed. With cash
    /// dividends, what the forward leaves beside them.
    #[serde(rename = "yield")]
    pub yield_: f64,
    /// The expiration's quotes did not tell the yield.
    pub yield_assumed: bool,
    /// Dollars a share that a price may be off by because dividends are a yield in it. Told of candidates and contracts of
    /// live trades; `None`: none is expected before settlement, or nothing is known of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dividend_bound: Option<f64>,
}

/// A contract priced with cash dividends, beside what gates and strategies saw of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CashPriced {
    /// Volatility at the mid, annual fraction.
    pub iv: f64,
    /// Dollars per $1 of the underlying, at that volatility.
    pub delta: f64,
    /// What both were computed with.
    pub model: PricingModel,
    /// The dividends before its settlement, ascending; never empty.
    pub dividends: Vec<ExpectedDividend>,
}
