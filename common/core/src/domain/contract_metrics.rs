//! What a professional reads beside one contract (ANALYTICS sections 1 and 2.1; every choice is in the analysis' RULES
//! section 10). What is not known is `None`, never 0.
//!
//! Units: dollars per share unless a name ends in `_per_contract`; volatilities are annual fractions, chances fractions
//! from 0 to 1, `_pct` percent.

use serde::{Deserialize, Serialize};

use super::pricing_model::CashPriced;
use super::underlying_metrics::ExpirationMove;

/// One contract in numbers: those that reached a strategy have them.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ContractMetrics {
    /// Volatility at the bid. `None` where the bid is at a bound and tells none.
    pub iv_bid: Option<f64>,
    /// Volatility at the ask.
    pub iv_ask: Option<f64>,
    /// Half the difference of the two.
    pub iv_uncertainty: Option<f64>,
    /// At the volatility of the mid, with cash dividends where `cash` is there; `None` where that is known no better than ± 10
    /// points, as the chances are.
    pub greeks: Option<ContractGreeks>,
    /// Risk-neutral chance of ending in the money: N(d2) of a call, N(−d2) of a put.
    pub prob_itm: Option<f64>,
    /// 1 − that.
    pub prob_otm: Option<f64>,
    /// Risk-neutral chance that the underlying reaches the strike before settlement.
    pub prob_touch: Option<f64>,
    /// As somebody who buys it at the ask.
    pub bought: Option<PositionMetrics>,
    /// As somebody who sells it at the bid: a put against its strike in cash, a call against shares bought at the spot.
    pub sold: Option<PositionMetrics>,
    /// Today's volume over open interest. `None` where nothing was open.
    pub volume_to_open_interest: Option<f64>,
    /// Traded today with nothing open before.
    pub is_new: bool,
    /// Today's volume over its own median of the 20 sessions before.
    pub volume_to_own_median: Option<f64>,
    /// Today's volume over the mean volume of all the underlying's options in the 20 sessions before.
    pub volume_to_underlying_mean: Option<f64>,
    /// 0 to 100: spread, open interest, usual volume, traded sessions.
    pub liquidity: Option<f64>,
    /// Ask − bid.
    pub spread: Option<f64>,
    /// That, in price steps of the mid.
    pub spread_ticks: Option<f64>,
    /// What leaving at once costs, dollars.
    pub cost_to_leave_per_contract: Option<f64>,
    /// What its underlying is expected to move by its expiration.
    pub expected_move: Option<ExpirationMove>,
    /// What its own bars say.
    pub bars: Option<BarMetrics>,
    /// Priced with cash dividends: candidates, and contracts of live trades, with an ex-date before settlement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cash: Option<Box<CashPriced>>,
}

/// Sensitivities of one contract.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ContractGreeks {
    /// Dollars per $1 of the underlying.
    pub delta: f64,
    /// Delta per $1 of the underlying.
    pub gamma: f64,
    /// Dollars per calendar day.
    pub theta_per_day: f64,
    /// Dollars per volatility point (0.01).
    pub vega_per_point: f64,
    /// Dollars per point (0.01) of the risk-free rate.
    pub rho_per_point: f64,
}

/// What is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Position {
    /// A call bought.
    LongCall,
    /// A put bought.
    LongPut,
    /// A put sold against its strike in cash.
    CashSecuredPut,
    /// A share bought and a call on it sold.
    CoveredCall,
}

/// One contract held as one position, entered at a price that can be had at once: the ask of what is bought, the bid of
/// what is sold. Every number here is of that price, not of a plan's limit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PositionMetrics {
    /// Which.
    pub position: Position,
    /// The ask of what is bought, the bid of what is sold.
    pub price: f64,
    /// The underlying's price at expiration at which nothing is won or lost.
    pub breakeven: Option<f64>,
    /// From the spot, percent; negative below it.
    pub breakeven_pct: Option<f64>,
    /// ln(breakeven/spot)/(σ√T), standard deviations.
    pub breakeven_sigma: Option<f64>,
    /// Risk-neutral probability of profit at expiration.
    pub pop: Option<f64>,
    /// 1 − |delta|, of what is sold only: what some programs show as probability of profit.
    pub pop_delta: Option<f64>,
    /// The most a contract entered at `price` can lose, dollars before costs. A candidate's own `max_loss` is of the plan's
    /// limit.
    pub max_loss_per_contract: Option<f64>,
    /// Mean profit at expiration under the underlying's forecast volatility.
    pub ev: Option<ExpectedProfit>,
    /// Mean profit at expiration in the underlying's own past.
    pub ev_hist: Option<PastProfit>,
    /// What the premium of a sold option earns; `None` of a bought one.
    pub yields: Option<PremiumYield>,
    /// Contracts whose most possible loss together is at most the risk that the configuration allows. `Some(0)`: one is
    /// too many.
    pub size_hint: Option<u32>,
}

/// Mean of the undiscounted profit at expiration, before commissions.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ExpectedProfit {
    /// The volatility believed in, annual fraction.
    pub vol: f64,
    /// Dollars per share.
    pub per_share: f64,
    /// Over the most it can lose, fraction.
    pub to_max_loss: Option<f64>,
    /// Dollars per share and calendar day.
    pub per_day: Option<f64>,
}

/// Mean profit over every stretch of the past as long as the contract has left, before commissions. Without an interval
/// it says nothing, and nothing but JSON tells it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PastProfit {
    /// Dollars per share.
    pub per_share: f64,
    /// Lower end of its 95 % interval. `None` where the past amounts to fewer than five independent stretches.
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
    /// Share of stretches that ended with a profit, fraction.
    pub won: f64,
    /// Sessions of a stretch.
    pub sessions: u32,
    /// Overlapping stretches.
    pub windows: u32,
    /// About how many independent ones they amount to: windows/sessions.
    pub n_eff: f64,
}

/// What the premium of a sold option earns at the bid, percent; a year is × 365/DTE, `None` below 5 days.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "snake_case")]
pub enum PremiumYield {
    /// Of a cash-secured put.
    CashSecuredPut {
        /// bid/(K − bid): on net collateral.
        roc_pct: f64,
        /// That a year.
        roc_annual_pct: Option<f64>,
        /// bid/K: on the strike.
        on_strike_pct: f64,
        /// That a year.
        on_strike_annual_pct: Option<f64>,
    },
    /// Of a covered call.
    CoveredCall {
        /// bid/(S − bid): the share stays where it is.
        static_pct: f64,
        /// That a year.
        static_annual_pct: Option<f64>,
        /// (K − S + bid)/(S − bid): the share is called away.
        if_called_pct: f64,
        /// That a year.
        if_called_annual_pct: Option<f64>,
    },
}

/// What a contract's own closed daily bars say (ANALYTICS 2.1), where they cover enough sessions.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct BarMetrics {
    /// RSI(14) of the last closed bar.
    pub rsi: Option<f64>,
    /// %B(20, 2), fraction of the band.
    pub pct_b: Option<f64>,
    /// MACD(12, 26, 9) histogram, dollars.
    pub macd_histogram: Option<f64>,
    /// Its change from the bar before, dollars.
    pub macd_rise: Option<f64>,
    /// Last close over the volume-weighted mean price of the bars of the last 20 closed sessions.
    pub close_to_vwap20: Option<f64>,
    /// ATR(14) over the last close, percent.
    pub atr14_pct: Option<f64>,
    /// The last bar's volume over the median volume of the coverage window.
    pub relative_volume: Option<f64>,
    /// Sessions with a trade among the last 20 closed ones.
    pub traded_sessions: u32,
    /// Of the decay-adjusted closes; `None` where there is no such series.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adjusted: Option<Oscillators>,
}

/// What one series of closes says at its last bar.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Oscillators {
    /// RSI(14).
    pub rsi: Option<f64>,
    /// %B(20, 2), fraction of the band.
    pub pct_b: Option<f64>,
    /// MACD(12, 26, 9) histogram, dollars.
    pub macd_histogram: Option<f64>,
    /// Its change from the bar before, dollars.
    pub macd_rise: Option<f64>,
}
