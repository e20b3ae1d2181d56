//! S1p `oversold_put`: the mirror of S1 for falling underlyings. A put whose own price history is oversold and turning,
//! because an underlying below its average of 50 sessions rose for a while (ANALYTICS 2.3).

use fleet_core::domain::OptionKind;
use serde::{Deserialize, Serialize};

use super::family::Member;
use super::reversal::Reversal;
use super::{Card, PlanRules, Role};

/// What S1p is.
pub const CARD: Card = Card {
    name: "oversold_put",
    code: "S1p",
    role: Role::Signal,
    looks_for: "puts whose own price history is oversold and turning, while the underlying falls",
    reference: REFERENCE,
};

const REFERENCE: &str = "\
# Puts whose own price history is oversold and turning, while the underlying falls (its close is below its average of
# 50 sessions): the mirror of oversold_call for bear markets. Off by default.
#enabled = false
# Calendar days to expiration: enough that time decay does not decide.
#dte = [45, 270]
# Delta without its sign: neither a lottery ticket nor the stock itself.
#abs_delta = [0.25, 0.65]
# Bars the contract must have to fire.
#min_bars = 60
# No bars of contracts are asked for while the underlying's RSI(14) is below this: it saves half of all requests.
#min_underlying_rsi = 50.0
# The lowest RSI(14) of the contract's last three closed bars is at most this, and rising again.
#max_rsi = 35.0
# The lowest %B(20, 2) of the last three closed bars is at most this, and rising again.
#max_pct_b = 0.05
# The RSI(14) of the decay-adjusted closes is at most this: time decay alone makes raw closes read oversold.
#max_adjusted_rsi = 40.0
# The underlying's close is below this share of its 50-session average.
#max_close_to_sma50 = 1.0
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

/// S1p's settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OversoldPut {
    /// Whether it runs.
    pub enabled: bool,
    /// Calendar days to expiration, from and to.
    pub dte: [i32; 2],
    /// Delta without its sign, from and to.
    pub abs_delta: [f64; 2],
    /// Bars the contract must have.
    pub min_bars: u32,
    /// The underlying's RSI(14) may be so low before any contract's bars are asked for.
    pub min_underlying_rsi: f64,
    /// Lowest RSI(14) of the last three closed bars.
    pub max_rsi: f64,
    /// Lowest %B(20, 2) of the last three closed bars, fraction.
    pub max_pct_b: f64,
    /// RSI(14) of the decay-adjusted closes' last.
    pub max_adjusted_rsi: f64,
    /// The underlying's close over its 50-session average is below this.
    pub max_close_to_sma50: f64,
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

impl Default for OversoldPut {
    fn default() -> Self {
        Self {
            enabled: false,
            dte: [45, 270],
            abs_delta: [0.25, 0.65],
            min_bars: 60,
            min_underlying_rsi: 50.0,
            max_rsi: 35.0,
            max_pct_b: 0.05,
            max_adjusted_rsi: 40.0,
            max_close_to_sma50: 1.0,
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

impl Member for OversoldPut {
    type Family = Reversal;

    fn family(&self) -> Reversal {
        Reversal {
            kind: OptionKind::Put,
            dte: self.dte,
            delta: self.abs_delta,
            min_bars: self.min_bars,
            underlying_rsi: self.min_underlying_rsi,
            max_rsi: self.max_rsi,
            max_pct_b: self.max_pct_b,
            max_adjusted_rsi: self.max_adjusted_rsi,
            close_to_average: self.max_close_to_sma50,
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
