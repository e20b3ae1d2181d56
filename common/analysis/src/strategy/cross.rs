//! Two lines of the underlying that cross: what `sma_cross` and `macd_cross` have in common.
//!
//! BUY is the bar on which the fast line comes to stand at or above the slow one while the close is above the long
//! average; SELL the bar on which it comes to stand below it after a BUY. A cross up below the long average is no BUY, so
//! that the cross down after it concerns nobody. Between them one HOLDs or WAITs. A scan enters on the quotes of the
//! session after the BUY bar, never at that bar's close.

use fleet_core::domain::{Check, Cross, ExitSignals, Operator, OptionKind, Score};

use super::checks::{delta, dte, kind};
use super::family::Family;
use super::plans::net_check;
use super::{Case, ContractView, Judgement, Needs, PlanRules, Problems, UnderlyingView, part};
use crate::config::AnalysisConfig;
use crate::indicators::{last_sma, macd_histogram};

/// The fast line less the slow one at the last bar, dollars.
pub(crate) fn gap(closes: &[f64], cross: Cross) -> Option<f64> {
    match cross {
        Cross::Sma { fast, slow } => {
            Some(last_sma(closes, usize::try_from(fast).ok()?)? - last_sma(closes, usize::try_from(slow).ok()?)?)
        }
        Cross::Macd => macd_histogram(closes).pop().flatten(),
    }
}

/// Two lines, and what is bought when they cross.
pub(super) struct Crossing {
    pub(super) cross: Cross,
    /// Sessions of the long average.
    pub(super) trend_sessions: u32,
    pub(super) dte: [i32; 2],
    pub(super) delta: [f64; 2],
    pub(super) max_extrinsic_share: f64,
    pub(super) buy_spread_share: f64,
    pub(super) validity_minutes: u32,
    pub(super) target_pct: f64,
    pub(super) stop_pct: f64,
    pub(super) exit_dte: i32,
}

impl Crossing {
    fn trend(&self, closes: &[f64]) -> Option<f64> {
        let average = last_sma(closes, usize::try_from(self.trend_sessions).ok()?).filter(|average| *average > 0.0)?;
        Some(closes.last()? / average)
    }
}

impl Family for Crossing {
    fn needs(&self) -> Needs {
        Needs::default()
    }

    fn screen(&self, contract: &ContractView<'_>, config: &AnalysisConfig) -> Vec<Check> {
        let mut checks = vec![kind(contract, OptionKind::Call)];
        checks.extend(dte(contract, self.dte));
        checks.extend(delta(contract, self.delta));
        checks.extend([
            Check::new("extrinsic_share", extrinsic_share(contract), Operator::AtMost, self.max_extrinsic_share),
            net_check(contract, &self.rules(), config),
        ]);
        checks
    }

    /// All three make a BUY.
    fn pre_gate(&self, underlying: &UnderlyingView<'_>) -> Vec<Check> {
        let closes: Vec<f64> = underlying.bars.iter().map(|bar| bar.close.dollars()).collect();
        let before = closes.len().checked_sub(1).and_then(|n| gap(&closes[..n], self.cross));
        vec![
            Check::new("fast_over_slow", gap(&closes, self.cross), Operator::AtLeast, 0.0),
            Check::new("fast_over_slow_before", before, Operator::Below, 0.0),
            Check::new("close_to_trend", self.trend(&closes), Operator::Above, 1.0),
        ]
    }

    fn rules(&self) -> PlanRules {
        PlanRules {
            spread_share: self.buy_spread_share,
            validity_minutes: self.validity_minutes,
            target_pct: self.target_pct,
            stop_pct: self.stop_pct,
            exit_dte: self.exit_dte,
            signals: ExitSignals { cross: Some(self.cross), ..ExitSignals::default() },
            ..PlanRules::default()
        }
    }

    fn judge(&self, case: &Case<'_>, config: &AnalysisConfig) -> Judgement {
        let Case { contract, underlying, .. } = case;
        let mut checks = self.screen(contract, config);
        checks.extend(self.pre_gate(underlying));
        let closes: Vec<f64> = underlying.bars.iter().map(|bar| bar.close.dollars()).collect();
        let trend = self.trend(&closes);
        let extrinsic = extrinsic_share(contract);
        let parts = vec![
            part("trend", 40.0, trend.map(|trend| (trend - 1.0) / 0.1)),
            part("extrinsic", 30.0, extrinsic.map(|share| 1.0 - share / self.max_extrinsic_share)),
            part("spread", 30.0, Some((0.10 - contract.spread_pct / 100.0) / 0.08)),
        ];
        let flags = if underlying.earnings.is_unknown() { vec!["earnings_unknown"] } else { Vec::new() };
        Judgement { checks, score: Score { parts }, flags }
    }

    fn problems(&self, all: &mut Problems) {
        all.count("trend_sessions", self.trend_sessions.into(), 2, 500);
        all.days("dte", self.dte);
        all.range("delta", self.delta, 0.0, 1.0);
        all.number("max_extrinsic_share", self.max_extrinsic_share, 0.01, 1.0);
        self.rules().problems("buy_spread_share", all);
    }
}

/// The share of a call's price that is not intrinsic value.
fn extrinsic_share(contract: &ContractView<'_>) -> Option<f64> {
    let intrinsic = (contract.spot? - contract.quote.symbol.strike.dollars()).max(0.0);
    Some((contract.mid - intrinsic) / contract.mid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gap_by_hand() {
        // Averages of the last two and of the last three: 4.5 − 4.
        let sma = Cross::Sma { fast: 2, slow: 3 };
        assert_eq!(gap(&[1.0, 3.0, 4.0, 5.0], sma), Some(0.5));
        assert_eq!(gap(&[4.0, 5.0], sma), None);
        assert_eq!(gap(&[1.0; 20], Cross::Macd), None);
        assert!(gap(&(1..=60).map(|n| f64::from(n * n)).collect::<Vec<_>>(), Cross::Macd).unwrap() > 0.0);
    }
}
