//! S5m `macd_cross`: a call deep in the money when the MACD(12, 26, 9) of the underlying crosses above its signal line: `sma_cross` with
//! other lines.

use fleet_core::domain::Cross;
use serde::{Deserialize, Serialize};

use super::cross::Crossing;
use super::family::Member;
use super::{Card, Role};

/// What S5m is.
pub const CARD: Card = Card {
    name: "macd_cross",
    code: "S5m",
    role: Role::Signal,
    looks_for: "calls deep in the money when the underlying's MACD crosses above its signal line",
    reference: REFERENCE,
};

const REFERENCE: &str = "\
# sma_cross with other lines: the underlying's MACD(12, 26, 9) crosses above its signal line …
#enabled = false
# … while the close is above the average of so many sessions.
#trend_sessions = 50
# Calendar days to expiration of the call.
#dte = [60, 120]
# Its delta: deep enough to move like the underlying.
#delta = [0.68, 0.8]
# At most this share of its price is not intrinsic value.
#max_extrinsic_share = 0.5
# Buy at bid + this share of the spread, rounded to a tick.
#buy_spread_share = 0.4
# The buy limit stands for so long.
#validity_minutes = 30
# Sell so far above the buy price, percent. ANALYTICS names no target; a plan has one.
#target_pct = 100.0
# Sell so far below the buy price, percent.
#stop_pct = 35.0
# Sell when calendar days to expiration come down to this.
#exit_dte = 30
";

/// S5m's settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MacdCross {
    /// Whether it runs.
    pub enabled: bool,
    /// Sessions of the long average.
    pub trend_sessions: u32,
    /// Calendar days to expiration, from and to.
    pub dte: [i32; 2],
    /// Delta, from and to.
    pub delta: [f64; 2],
    /// Largest share of the price that is not intrinsic value.
    pub max_extrinsic_share: f64,
    /// Buy at bid + this share of the spread.
    pub buy_spread_share: f64,
    /// The buy limit stands for so long.
    pub validity_minutes: u32,
    /// Sell so far above the buy price, percent.
    pub target_pct: f64,
    /// Sell so far below the buy price, percent.
    pub stop_pct: f64,
    /// Sell when calendar days to expiration come down to this.
    pub exit_dte: i32,
}

impl Default for MacdCross {
    fn default() -> Self {
        Self {
            enabled: false,
            trend_sessions: 50,
            dte: [60, 120],
            delta: [0.68, 0.80],
            max_extrinsic_share: 0.5,
            buy_spread_share: 0.4,
            validity_minutes: 30,
            target_pct: 100.0,
            stop_pct: 35.0,
            exit_dte: 30,
        }
    }
}

impl Member for MacdCross {
    type Family = Crossing;

    fn family(&self) -> Crossing {
        Crossing {
            cross: Cross::Macd,
            trend_sessions: self.trend_sessions,
            dte: self.dte,
            delta: self.delta,
            max_extrinsic_share: self.max_extrinsic_share,
            buy_spread_share: self.buy_spread_share,
            validity_minutes: self.validity_minutes,
            target_pct: self.target_pct,
            stop_pct: self.stop_pct,
            exit_dte: self.exit_dte,
        }
    }
}
