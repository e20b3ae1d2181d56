//! Settings of the analysis. Every default is that of ANALYTICS section 2; units are in the names; unknown keys are
//! refused by serde, values out of range by [`AnalysisConfig::problems`], all of them in one go.

use fleet_pricing::black::IMPLIED;
use serde::{Deserialize, Serialize};

use crate::metrics::activity::PUT_CALL_DTE;
pub use crate::named_indicators::{NamedIndicators, NotShown};
pub use crate::pricing_rules::{DividendSource, ExerciseRule, ExpiryInstant, Pricing, SpotChoice, VolatilityOf};
pub use crate::rates::Rates;
pub use crate::strategy::Strategies;
use crate::strategy::{Problems, Role};

/// Everything that changes what the analysis answers. TOML tables of the same names.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AnalysisConfig {
    /// What every contract must pass.
    pub gates: Gates,
    /// Interest and dividends.
    pub rates: Rates,
    /// Which spot, dividends, bounds and instant of expiry price a contract.
    pub pricing: Pricing,
    /// What a trade costs.
    pub costs: Costs,
    /// How densely a contract must have traded for its indicators to mean anything.
    pub coverage: Coverage,
    /// One table a strategy.
    pub strategies: Strategies,
    /// The ranking of every contract past the gates.
    pub ranking: Ranking,
    /// What is told beside a contract and its underlying; no strategy's own thresholds.
    pub metrics: Metrics,
    /// Indicators shown by name.
    pub indicators: NamedIndicators,
}

/// What every contract must pass before any strategy sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Gates {
    /// Smallest bid, dollars per share.
    pub min_bid: f64,
    /// Largest spread as a percentage of mid …
    pub max_spread_pct: f64,
    /// … but a spread of so many dollars always passes.
    pub max_spread_dollars: f64,
    /// How a spread is held to its limit.
    pub spread_arithmetic: SpreadArithmetic,
    /// Smallest open interest, contracts.
    pub min_open_interest: u64,
    /// Smallest volume today, contracts.
    pub min_volume: u64,
    /// Implied volatility from and to, annual fractions.
    pub iv: [f64; 2],
    /// An implied spot further from the vendor's is flagged `spot_not_simultaneous`, percent.
    pub flag_spot_gap_pct: f64,
    /// An implied spot further from the vendor's skips the ticker, percent.
    pub max_spot_gap_pct: f64,
    /// When at least this share of a chain has an open interest of 0, open interest is unknown, percent.
    pub unknown_oi_pct: f64,
    /// Whether a price that contradicts those of neighbouring strikes stops a contract.
    pub across_strikes: bool,
}

/// How a spread is held to its limit: it matters only for a spread of exactly the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpreadArithmetic {
    /// In ten-thousandths of a dollar: exactly the limit passes.
    Exact,
    /// In binary dollars, as programs that keep prices in floats do: of spreads of exactly the limit some pass.
    Binary,
}

/// What a trade costs, and how much must be left.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Costs {
    /// Dollars per contract and side.
    pub commission: f64,
    /// Share of the half-spread lost on each side in the net profit potential.
    pub half_spread_share: f64,
    /// Smallest net profit potential of a candidate, percent.
    pub min_net_pct: f64,
}

/// How densely a contract must have traded for its indicators to mean anything.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Coverage {
    /// The last so many closed sessions are looked at.
    pub window_sessions: u32,
    /// Sessions of the window with a trade.
    pub min_traded_sessions: u32,
    /// Sessions from the last traded bar to the last closed session.
    pub max_age_sessions: u32,
    /// Median volume of the window's bars, contracts.
    pub min_median_volume: f64,
    /// Bars in all, for the underlying too.
    pub min_bars: u32,
    /// A session's bar is final so many minutes after its close (the vendor's lag and 15 minutes).
    pub bar_final_minutes: u32,
    /// Whether the running session's provisional bar counts as closed. Such bars are never cached.
    pub intraday: bool,
}

/// The ranking of every contract past the gates, whichever strategy looks at it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ranking {
    /// Whether contracts are ranked.
    pub enabled: bool,
    /// Calendar days to expiration, from and to.
    pub dte: [i32; 2],
    /// Weight of ln(1 + open interest) beside ln(1 + volume).
    pub open_interest: f64,
    /// Points lost by a spread as wide as its mid.
    pub spread: f64,
    /// Weight of |delta|·(1 − |delta|).
    pub delta: f64,
    /// Weight of what the contract's own bars say.
    pub technical: f64,
}

/// What is told beside a contract and its underlying.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Metrics {
    /// Put/call ratios look so many calendar days ahead.
    pub put_call_max_dte: i32,
    /// A size hint is the contracts whose most possible loss together is at most so many dollars.
    pub risk_dollars: f64,
}

impl Default for Gates {
    fn default() -> Self {
        Self {
            min_bid: 0.10,
            max_spread_pct: 10.0,
            max_spread_dollars: 0.05,
            spread_arithmetic: SpreadArithmetic::Exact,
            min_open_interest: 100,
            min_volume: 10,
            iv: [0.05, 3.0],
            flag_spot_gap_pct: 0.3,
            max_spot_gap_pct: 2.0,
            unknown_oi_pct: 90.0,
            across_strikes: true,
        }
    }
}

impl Default for Costs {
    fn default() -> Self {
        Self { commission: 0.65, half_spread_share: 0.75, min_net_pct: 3.0 }
    }
}

impl Default for Coverage {
    fn default() -> Self {
        Self {
            window_sessions: 20,
            min_traded_sessions: 15,
            max_age_sessions: 1,
            min_median_volume: 20.0,
            min_bars: 36,
            bar_final_minutes: 45,
            intraday: false,
        }
    }
}

impl Default for Ranking {
    fn default() -> Self {
        Self { enabled: false, dte: [0, 2000], open_interest: 0.5, spread: 4.0, delta: 2.0, technical: 1.0 }
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self { put_call_max_dte: PUT_CALL_DTE, risk_dollars: 1000.0 }
    }
}

impl AnalysisConfig {
    /// A sentence for every value that is out of range; empty when the configuration can be used.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let mut all = Problems::default();
        let Self { gates, rates, pricing, costs, coverage, strategies, ranking, metrics, indicators } = self;
        all.of_table("gates");
        all.number("min_bid", gates.min_bid, 0.0, 1000.0);
        all.number("max_spread_pct", gates.max_spread_pct, 0.0, 200.0);
        all.number("max_spread_dollars", gates.max_spread_dollars, 0.0, 100.0);
        all.range("iv", gates.iv, *IMPLIED.start(), *IMPLIED.end());
        all.number("flag_spot_gap_pct", gates.flag_spot_gap_pct, 0.0, 100.0);
        all.number("max_spot_gap_pct", gates.max_spot_gap_pct, 0.0, 100.0);
        all.number("unknown_oi_pct", gates.unknown_oi_pct, 1.0, 100.0);
        all.of_table("rates");
        rates.problems(&mut all);
        all.of_table("pricing");
        all.number("min_time_value_ticks", pricing.min_time_value_ticks, 0.0, 100.0);
        all.of_table("costs");
        all.number("commission", costs.commission, 0.0, 100.0);
        all.number("half_spread_share", costs.half_spread_share, 0.0, 1.0);
        all.number("min_net_pct", costs.min_net_pct, -100.0, 1000.0);
        all.of_table("coverage");
        // RSI(14) and the 20-bar bands need 21 bars; 36 and more let Wilder's average forget its seed.
        all.count("min_bars", coverage.min_bars.into(), 21, 5000);
        all.count("window_sessions", coverage.window_sessions.into(), 1, 250);
        let window = coverage.window_sessions.into();
        all.count("min_traded_sessions", coverage.min_traded_sessions.into(), 0, window);
        all.count("max_age_sessions", coverage.max_age_sessions.into(), 0, 250);
        all.number("min_median_volume", coverage.min_median_volume, 0.0, 1e9);
        all.count("bar_final_minutes", coverage.bar_final_minutes.into(), 0, 1440);
        for strategy in strategies.each() {
            all.of_table(&format!("strategies.{}", strategy.card().name));
            strategy.problems(&mut all);
        }
        all.of_table("ranking");
        all.days("dte", ranking.dte);
        all.number("open_interest", ranking.open_interest, 0.0, 100.0);
        all.number("spread", ranking.spread, 0.0, 100.0);
        all.number("delta", ranking.delta, 0.0, 100.0);
        all.number("technical", ranking.technical, 0.0, 100.0);
        all.of_table("metrics");
        all.number("put_call_max_dte", metrics.put_call_max_dte.into(), 0.0, 2000.0);
        all.number("risk_dollars", metrics.risk_dollars, 1.0, 1e9);
        all.of_table("indicators");
        if let Err(why) = indicators.specs() {
            all.say("shown", &format!("is not understood: {why}"));
        }
        all.into_sentences()
    }

    /// Calendar days to expiration that any enabled strategy or the ranking looks at: the union of their windows, from
    /// and to. With none enabled, an empty window (0, 0).
    #[must_use]
    pub fn dte_window(&self) -> (i32, i32) {
        let ranked = self.ranking.enabled.then_some(self.ranking.dte);
        let enabled = || [Role::Signal, Role::Control].into_iter().flat_map(|role| self.strategies.enabled(role));
        let windows = || enabled().map(|(_, strategy)| strategy.dte()).chain(ranked);
        let from = windows().map(|[from, _]| from).min().unwrap_or(0);
        let to = windows().map(|[_, to]| to).max().unwrap_or(0);
        (from, to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_in_range() {
        assert_eq!(AnalysisConfig::default().problems(), Vec::<String>::new());
        assert_eq!(AnalysisConfig::default().dte_window(), (45, 270));
    }

    #[test]
    fn every_mistake_is_listed_at_once() {
        let mut config = AnalysisConfig::default();
        config.gates.min_bid = f64::NAN;
        config.gates.iv = [3.0, 0.05];
        config.strategies.oversold_call.stop_pct = 101.0;
        config.coverage.min_bars = 3;
        assert_eq!(config.problems().len(), 4, "{:?}", config.problems());
    }

    #[test]
    fn unknown_keys_are_refused_and_missing_ones_are_defaults() {
        assert!(serde_json::from_str::<AnalysisConfig>(r#"{"gates":{"min_bud":1}}"#).is_err());
        let config: AnalysisConfig = serde_json::from_str(r#"{"gates":{"min_bid":1}}"#).unwrap();
        assert_eq!(config.gates.min_bid, 1.0);
        assert_eq!(config.strategies, Strategies::default());
    }
}
