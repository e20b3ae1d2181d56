//! A contract whose own price history is oversold and turning: what S1 and its mirror have in common.

use fleet_core::domain::{Check, Operator, ScorePart};

use super::{Case, part};
use crate::indicators::Indicators;

/// What of a contract's own bars is wanted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reversal {
    /// Bars the contract must have.
    pub min_bars: u32,
    /// Lowest RSI(14) of the last three closed bars.
    pub max_rsi: f64,
    /// Lowest %B(20, 2) of the last three closed bars, fraction.
    pub max_pct_b: f64,
    /// RSI(14) of the decay-adjusted closes' last: an option's raw closes read oversold by the passing of days alone.
    pub max_adjusted_rsi: f64,
}

/// RSI after an unchanged close is what it was before, but for rounding: less than this is no rise.
const NOISE: f64 = 1e-9;

fn rise(now: Option<f64>, before: Option<f64>) -> Option<f64> {
    now.zip(before).map(|(now, before)| now - before).map(|rise| if rise.abs() < NOISE { 0.0 } else { rise })
}

impl Reversal {
    /// The mandatory checks.
    pub(super) fn checks(&self, own: &Indicators) -> Vec<Check> {
        vec![
            Check::new("bars", Some(own.bars as f64), Operator::AtLeast, self.min_bars.into()),
            Check::new("min_rsi_3", own.min_rsi, Operator::AtMost, self.max_rsi),
            Check::new("rsi_rise", rise(own.rsi, own.rsi_before), Operator::Above, 0.0),
            Check::new("min_pct_b_3", own.min_pct_b, Operator::AtMost, self.max_pct_b),
            Check::new("pct_b_rise", rise(own.pct_b, own.pct_b_before), Operator::Above, 0.0),
            Check::new("adjusted_rsi", own.adjusted_rsi, Operator::AtMost, self.max_adjusted_rsi),
        ]
    }

    /// The check that only scores.
    pub(super) fn scored(own: &Indicators) -> Check {
        Check { mandatory: false, ..Check::new("macd_hist_rise", own.macd_rise, Operator::Above, 0.0) }
    }

    /// The score, 100 points; `trend` is the share of the underlying's part.
    pub(super) fn parts(&self, case: &Case<'_>, own: &Indicators, trend: Option<f64>) -> Vec<ScorePart> {
        let rose = own.macd_rise.map(|rise| super::holds(rise > 0.0));
        vec![
            part("rsi", 25.0, own.min_rsi.map(|rsi| (self.max_rsi - rsi) / 15.0)),
            part("pct_b", 15.0, own.min_pct_b.map(|b| (self.max_pct_b - b) / 0.25)),
            part("trend", 20.0, trend),
            part("macd", 10.0, rose),
            part("volume", 10.0, own.relative_volume.map(|v| (v - 0.5) / 1.5)),
            part("spread", 20.0, Some((0.10 - case.contract.spread_pct / 100.0) / 0.08)),
        ]
    }

    /// Words that go with a candidate.
    pub(super) fn flags(case: &Case<'_>) -> Vec<&'static str> {
        case.underlying.earnings.is_unknown().then_some("earnings_unknown").into_iter().collect()
    }
}
