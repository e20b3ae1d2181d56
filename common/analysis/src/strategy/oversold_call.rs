//! S1 `oversold_call`: a call whose own price history is oversold and turning, in an underlying that is not broken.
//! ANALYTICS 2.3: the raw closes fire, and the decay-adjusted ones must agree, because theta drift alone makes raw closes
//! read oversold.

use fleet_core::domain::OptionKind;
use serde::{Deserialize, Serialize};

use super::family::Member;
use super::reversal::Reversal;
use super::{Card, PlanRules, Role};

/// What S1 is.
pub const CARD: Card = Card {
    name: "oversold_call",
    code: "S1",
    role: Role::Signal,
    looks_for: "calls whose own price history is oversold and turning, while the underlying's trend holds",
    reference: REFERENCE,
};

const REFERENCE: &str = "\
# Calls whose own price history is oversold and turning, while the underlying's trend holds.
#enabled = true
# Calendar days to expiration: enough that time decay does not decide.
#dte = [45, 270]
# Delta: neither a lottery ticket nor the stock itself.
#delta = [0.25, 0.65]
# Bars the contract must have to fire.
#min_bars = 60
# No bars of contracts are asked for while the underlying's RSI(14) is above this: it saves half of all requests.
#max_underlying_rsi = 50.0
# The lowest RSI(14) of the contract's last three closed bars is at most this, and rising again.
#max_rsi = 35.0
# The lowest %B(20, 2) of the last three closed bars is at most this, and rising again.
#max_pct_b = 0.05
# The RSI(14) of the decay-adjusted closes is at most this: time decay alone makes raw closes read oversold.
#max_adjusted_rsi = 40.0
# The underlying's close is at least this share of its 200-session average.
#min_close_to_sma200 = 0.9
# Buy at bid + this share of the spread, rounded to a tick.
#buy_spread_share = 0.4
# The buy limit stands for so long.
#validity_minutes = 30
# Sell so far above the buy price, percent.
#target_pct = 15.0
# Sell so far below the buy price, percent.
#stop_pct = 30.0
# Sell after so many sessions.
#time_stop_sessions = 5
# Sell when the contract's RSI(14) reaches this.
#exit_rsi = 60.0
# Sell when calendar days to expiration come down to this.
#exit_dte = 21
";

/// S1's settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OversoldCall {
    /// Whether it runs.
    pub enabled: bool,
    /// Calendar days to expiration, from and to.
    pub dte: [i32; 2],
    /// Delta, from and to.
    pub delta: [f64; 2],
    /// Bars the contract must have.
    pub min_bars: u32,
    /// The underlying's RSI(14) may be so high before any contract's bars are asked for.
    pub max_underlying_rsi: f64,
    /// Lowest RSI(14) of the last three closed bars.
    pub max_rsi: f64,
    /// Lowest %B(20, 2) of the last three closed bars, fraction.
    pub max_pct_b: f64,
    /// RSI(14) of the decay-adjusted closes' last.
    pub max_adjusted_rsi: f64,
    /// The underlying's close over its 200-session average.
    pub min_close_to_sma200: f64,
    /// Buy at bid + this share of the spread.
    pub buy_spread_share: f64,
    /// The buy limit stands for so long.
    pub validity_minutes: u32,
    /// Sell so far above the buy price, percent.
    pub target_pct: f64,
    /// Sell so far below the buy price, percent.
    pub stop_pct: f64,
    /// Sell after so many sessions.
    pub time_stop_sessions: u32,
    /// Sell when the contract's RSI(14) reaches this.
    pub exit_rsi: f64,
    /// Sell when calendar days to expiration come down to this.
    pub exit_dte: i32,
}

impl Default for OversoldCall {
    fn default() -> Self {
        Self {
            enabled: true,
            dte: [45, 270],
            delta: [0.25, 0.65],
            min_bars: 60,
            max_underlying_rsi: 50.0,
            max_rsi: 35.0,
            max_pct_b: 0.05,
            max_adjusted_rsi: 40.0,
            min_close_to_sma200: 0.90,
            buy_spread_share: 0.4,
            validity_minutes: 30,
            target_pct: 15.0,
            stop_pct: 30.0,
            time_stop_sessions: 5,
            exit_rsi: 60.0,
            exit_dte: 21,
        }
    }
}

impl Member for OversoldCall {
    type Family = Reversal;

    fn family(&self) -> Reversal {
        Reversal {
            kind: OptionKind::Call,
            dte: self.dte,
            delta: self.delta,
            min_bars: self.min_bars,
            underlying_rsi: self.max_underlying_rsi,
            max_rsi: self.max_rsi,
            max_pct_b: self.max_pct_b,
            max_adjusted_rsi: self.max_adjusted_rsi,
            close_to_average: self.min_close_to_sma200,
            rules: PlanRules {
                spread_share: self.buy_spread_share,
                validity_minutes: self.validity_minutes,
                target_pct: self.target_pct,
                stop_pct: self.stop_pct,
                time_stop_sessions: Some(self.time_stop_sessions),
                exit_rsi: Some(self.exit_rsi),
                exit_dte: self.exit_dte,
                ..PlanRules::default()
            },
        }
    }
}
