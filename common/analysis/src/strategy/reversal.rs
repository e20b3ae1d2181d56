//! A contract whose own price history is oversold and turning: S1 and its mirror S1p.

use fleet_core::domain::{Check, Operator, OptionKind, Score, ScorePart};

use super::checks::{abs_delta, delta, dte, kind, scored};
use super::family::Family;
use super::plans::net_check;
use super::{Case, ContractView, Judgement, Needs, PlanRules, Problems, UnderlyingView, part};
use crate::config::AnalysisConfig;
use crate::indicators::Indicators;

/// What is bought, and what of its own bars and of the underlying is wanted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Reversal {
    /// Calls while the underlying's trend holds, or puts while it falls.
    pub(super) kind: OptionKind,
    pub(super) dte: [i32; 2],
    /// Without its sign.
    pub(super) delta: [f64; 2],
    /// Bars the contract must have.
    pub(super) min_bars: u32,
    /// The underlying's RSI(14), at most of calls, at least of puts.
    pub(super) underlying_rsi: f64,
    /// Lowest RSI(14) of the last three closed bars.
    pub(super) max_rsi: f64,
    /// Lowest %B(20, 2) of the last three closed bars, fraction.
    pub(super) max_pct_b: f64,
    /// RSI(14) of the decay-adjusted closes' last: an option's raw closes read oversold by the passing of days alone.
    pub(super) max_adjusted_rsi: f64,
    /// The underlying's close over its average: of calls at least this share of 200 sessions', of puts below this of 50.
    pub(super) close_to_average: f64,
    pub(super) rules: PlanRules,
}

/// RSI after an unchanged close is what it was before, but for rounding: less than this is no rise.
const NOISE: f64 = 1e-9;

fn rise(now: Option<f64>, before: Option<f64>) -> Option<f64> {
    now.zip(before).map(|(now, before)| now - before).map(|rise| if rise.abs() < NOISE { 0.0 } else { rise })
}

impl Reversal {
    /// The underlying's trend, and its share of the score.
    fn trend(&self, underlying: &UnderlyingView<'_>) -> (Check, Option<f64>) {
        let wanted = self.close_to_average;
        let (name, ratio, operator, sign) = match self.kind {
            OptionKind::Call => ("close_to_sma200", underlying.state.close_to_sma200, Operator::AtLeast, 1.0),
            OptionKind::Put => ("close_to_sma50", underlying.close_to_sma50, Operator::Below, -1.0),
        };
        (Check::new(name, ratio, operator, wanted), ratio.map(|ratio| sign * (ratio - wanted) / 0.2))
    }

    /// What of the contract's own bars is mandatory.
    fn own_checks(&self, own: &Indicators) -> [Check; 6] {
        [
            Check::new("bars", Some(own.bars as f64), Operator::AtLeast, self.min_bars.into()),
            Check::new("min_rsi_3", own.min_rsi, Operator::AtMost, self.max_rsi),
            Check::new("rsi_rise", rise(own.rsi, own.rsi_before), Operator::Above, 0.0),
            Check::new("min_pct_b_3", own.min_pct_b, Operator::AtMost, self.max_pct_b),
            Check::new("pct_b_rise", rise(own.pct_b, own.pct_b_before), Operator::Above, 0.0),
            Check::new("adjusted_rsi", own.adjusted_rsi, Operator::AtMost, self.max_adjusted_rsi),
        ]
    }

    /// The score, 100 points; `trend` is the share of the underlying's part.
    fn parts(&self, contract: &ContractView<'_>, own: &Indicators, trend: Option<f64>) -> Vec<ScorePart> {
        let rose = own.macd_rise.map(|rise| super::holds(rise > 0.0));
        vec![
            part("rsi", 25.0, own.min_rsi.map(|rsi| (self.max_rsi - rsi) / 15.0)),
            part("pct_b", 15.0, own.min_pct_b.map(|b| (self.max_pct_b - b) / 0.25)),
            part("trend", 20.0, trend),
            part("macd", 10.0, rose),
            part("volume", 10.0, own.relative_volume.map(|v| (v - 0.5) / 1.5)),
            part("spread", 20.0, Some((0.10 - contract.spread_pct / 100.0) / 0.08)),
        ]
    }
}

impl Family for Reversal {
    fn needs(&self) -> Needs {
        Needs { own_bars: true, ..Needs::default() }
    }

    fn screen(&self, contract: &ContractView<'_>, _config: &AnalysisConfig) -> Vec<Check> {
        let mut checks = vec![kind(contract, self.kind)];
        checks.extend(dte(contract, self.dte));
        checks.extend(match self.kind {
            OptionKind::Call => delta(contract, self.delta),
            OptionKind::Put => abs_delta(contract, self.delta),
        });
        checks
    }

    fn pre_gate(&self, underlying: &UnderlyingView<'_>) -> Vec<Check> {
        let operator = match self.kind {
            OptionKind::Call => Operator::AtMost,
            OptionKind::Put => Operator::AtLeast,
        };
        vec![Check::new("underlying_rsi", underlying.state.rsi, operator, self.underlying_rsi)]
    }

    fn judge(&self, case: &Case<'_>, config: &AnalysisConfig) -> Judgement {
        let Case { contract, underlying, own } = case;
        let blank = Indicators::default();
        let own = own.unwrap_or(&blank);
        let (trend, share) = self.trend(underlying);
        let mut checks = self.screen(contract, config);
        checks.extend(self.pre_gate(underlying));
        checks.extend(self.own_checks(own));
        checks.extend([
            trend,
            net_check(contract, &self.rules, config),
            scored(Check::new("macd_hist_rise", own.macd_rise, Operator::Above, 0.0)),
        ]);
        let flags = underlying.earnings.is_unknown().then_some("earnings_unknown").into_iter().collect();
        Judgement { checks, score: Score { parts: self.parts(contract, own, share) }, flags }
    }

    fn rules(&self) -> PlanRules {
        self.rules
    }

    fn problems(&self, all: &mut Problems) {
        let (delta, underlying_rsi, close_to_average) = match self.kind {
            OptionKind::Call => ("delta", "max_underlying_rsi", "min_close_to_sma200"),
            OptionKind::Put => ("abs_delta", "min_underlying_rsi", "max_close_to_sma50"),
        };
        all.days("dte", self.dte);
        all.range(delta, self.delta, 0.0, 1.0);
        all.count("min_bars", self.min_bars.into(), 21, 5000);
        all.number(underlying_rsi, self.underlying_rsi, 0.0, 100.0);
        all.number("max_rsi", self.max_rsi, 0.0, 100.0);
        all.number("max_pct_b", self.max_pct_b, -2.0, 3.0);
        all.number("max_adjusted_rsi", self.max_adjusted_rsi, 0.0, 100.0);
        all.number(close_to_average, self.close_to_average, 0.0, 10.0);
        self.rules.problems("buy_spread_share", all);
    }
}
