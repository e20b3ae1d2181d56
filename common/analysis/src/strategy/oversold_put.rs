//! S1p `oversold_put`: the mirror of S1 for falling underlyings. A put whose own price history is oversold and turning,
//! because an underlying below its average of 50 sessions rose for a while (ANALYTICS 2.3).

use fleet_core::domain::{Check, Operator, OptionKind, Score};
use serde::{Deserialize, Serialize};

use super::reversal::Reversal;
use super::{Card, Case, ContractView, Judgement, Needs, PlanRules, Problems, Role, Strategy, UnderlyingView, holds};
use crate::config::AnalysisConfig;
use crate::indicators::Indicators;

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

impl OversoldPut {
    const fn reversal(&self) -> Reversal {
        Reversal {
            min_bars: self.min_bars,
            max_rsi: self.max_rsi,
            max_pct_b: self.max_pct_b,
            max_adjusted_rsi: self.max_adjusted_rsi,
        }
    }
}

impl Strategy for OversoldPut {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn enabled(&self) -> bool {
        self.enabled
    }

    fn dte(&self) -> [i32; 2] {
        self.dte
    }

    fn needs(&self) -> Needs {
        Needs { own_bars: true, ..Needs::default() }
    }

    fn screen(&self, contract: &ContractView<'_>, _config: &AnalysisConfig) -> Vec<Check> {
        let is_put = holds(contract.quote.symbol.kind == OptionKind::Put);
        let dte = Some(f64::from(contract.dte));
        let abs_delta = contract.delta.map(f64::abs);
        vec![
            Check::new("is_put", Some(is_put), Operator::AtLeast, 1.0),
            Check::new("dte_min", dte, Operator::AtLeast, self.dte[0].into()),
            Check::new("dte_max", dte, Operator::AtMost, self.dte[1].into()),
            Check::new("abs_delta_min", abs_delta, Operator::AtLeast, self.abs_delta[0]),
            Check::new("abs_delta_max", abs_delta, Operator::AtMost, self.abs_delta[1]),
        ]
    }

    fn pre_gate(&self, underlying: &UnderlyingView<'_>) -> Vec<Check> {
        vec![Check::new("underlying_rsi", underlying.state.rsi, Operator::AtLeast, self.min_underlying_rsi)]
    }

    fn judge(&self, case: &Case<'_>, config: &AnalysisConfig) -> Judgement {
        let blank = Indicators::default();
        let own = case.own.unwrap_or(&blank);
        let reversal = self.reversal();
        let trend = case.underlying.close_to_sma50;
        let mut checks = self.screen(case.contract, config);
        checks.extend(self.pre_gate(case.underlying));
        checks.extend(reversal.checks(own));
        checks.extend([
            Check::new("close_to_sma50", trend, Operator::Below, self.max_close_to_sma50),
            self.net_check(case.contract, config),
            Reversal::scored(own),
        ]);
        let trend = trend.map(|trend| (self.max_close_to_sma50 - trend) / 0.2);
        Judgement { checks, score: Score { parts: reversal.parts(case, own, trend) }, flags: Reversal::flags(case) }
    }

    fn rules(&self, _config: &AnalysisConfig) -> PlanRules {
        PlanRules {
            spread_share: self.buy_spread_share,
            validity_minutes: self.validity_minutes,
            target_pct: self.target_pct,
            stop_pct: self.stop_pct,
            time_stop_sessions: Some(self.time_stop_sessions),
            exit_rsi: Some(self.exit_rsi),
            exit_dte: self.exit_dte,
            ..PlanRules::default()
        }
    }

    fn problems(&self, all: &mut Problems) {
        all.days("dte", self.dte);
        all.range("abs_delta", self.abs_delta, 0.0, 1.0);
        all.count("min_bars", self.min_bars.into(), 21, 5000);
        all.number("min_underlying_rsi", self.min_underlying_rsi, 0.0, 100.0);
        all.number("max_rsi", self.max_rsi, 0.0, 100.0);
        all.number("max_pct_b", self.max_pct_b, -2.0, 3.0);
        all.number("max_adjusted_rsi", self.max_adjusted_rsi, 0.0, 100.0);
        all.number("max_close_to_sma50", self.max_close_to_sma50, 0.0, 10.0);
        self.rules(&AnalysisConfig::default()).problems("buy_spread_share", all);
    }
}
