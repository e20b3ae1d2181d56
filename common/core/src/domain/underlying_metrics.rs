//! What an underlying's chain, history and bars come to: volatility in context, what the market expects, what is traded
//! (ANALYTICS section 1; every choice is in the analysis' RULES section 10). What is not known is `None`, never 0.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// An underlying in numbers, once a ticker and scan.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct UnderlyingMetrics {
    /// Implied volatility at the money at 30 calendar days, annual fraction.
    pub iv30: Option<f64>,
    /// 100·(IV30 − lowest)/(highest − lowest) of the last 252 sessions, today's included, 0 to 100. `None` below 30
    /// sessions, or without an IV30 today.
    pub iv_rank: Option<f64>,
    /// Share of the earlier of these sessions whose IV30 was strictly below today's, percent. `None` likewise.
    pub iv_percentile: Option<f64>,
    /// Sessions with an IV30 that stand behind rank and percentile, today's included, at most 252.
    pub iv_sessions: u32,
    /// IV of the 25-delta put less IV of the 25-delta call about 30 days out, annual fraction.
    pub skew_25: Option<f64>,
    /// IV of the front over IV of 60 to 90 days (of 75 between two expirations where none is listed there), a ratio; above 1
    /// is backwardation.
    pub term_slope: Option<f64>,
    /// How much it really moved.
    pub realised: RealisedVols,
    /// IV30 over `realised.hv20`, a ratio.
    pub iv30_to_hv20: Option<f64>,
    /// IV30 over `realised.hv30`.
    pub iv30_to_hv30: Option<f64>,
    /// IV30 over `realised.hv60`.
    pub iv30_to_hv60: Option<f64>,
    /// Put volume over call volume of today, over expirations of at most `put_call_max_dte` days.
    pub put_call_volume: Option<f64>,
    /// Put over call open interest, over the same expirations.
    pub put_call_open_interest: Option<f64>,
    /// Calendar days to the last expiration that the two ratios count.
    pub put_call_max_dte: i32,
    /// Mean daily volume of all its options over the 20 sessions before today, contracts, from whole sessions only.
    pub usual_option_volume: Option<f64>,
    /// The move expected by each of the nearest expirations, nearest first.
    pub expected_moves: Vec<ExpirationMove>,
}

/// Realised volatilities from daily bars adjusted for dividends, annual fractions.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RealisedVols {
    /// Close to close over 20 sessions.
    pub hv20: Option<f64>,
    /// Over 30.
    pub hv30: Option<f64>,
    /// Over 60.
    pub hv60: Option<f64>,
    /// Yang and Zhang's, from open, high, low and close of 30 sessions.
    pub yang_zhang30: Option<f64>,
    /// √((hv20² + hv60²)/2): the volatility believed in for expected values.
    pub forecast: Option<f64>,
}

/// How far the market expects the underlying to move by one expiration, dollars either way. The three are different
/// distances.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ExpirationMove {
    /// The expiration.
    pub expiration: Date,
    /// Calendar days to it.
    pub dte: i32,
    /// Implied volatility at the money, annual fraction.
    pub atm_iv: Option<f64>,
    /// S·σ_ATM·√(DTE/365): one standard deviation, about 68 % of outcomes.
    pub one_sigma: Option<f64>,
    /// 0.85 × the at-the-money straddle: about .68 of a standard deviation, half of the outcomes.
    pub straddle_85: Option<f64>,
    /// 1.2533 × the straddle: about one standard deviation.
    pub straddle_one_sigma: Option<f64>,
}
