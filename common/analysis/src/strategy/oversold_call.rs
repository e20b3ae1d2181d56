//! S1 `oversold_call`: a call whose own price history is oversold and turning, in an underlying that is not broken.
//! ANALYTICS 2.3, on the raw series: theta drift makes raw RSI read low more often than decay-adjusted RSI would.

use std::borrow::Cow;

use fleet_core::domain::{Check, EntryPlan, Operator, OptionKind, Score, ScorePart};
use jiff::Timestamp;

use super::{ContractView, Judgement, Role, Strategy, long_plan, potential};
use crate::config::AnalysisConfig;
use crate::indicators::{Indicators, UnderlyingState};

/// S1.
#[derive(Debug, Clone, Copy)]
pub struct OversoldCallStrategy;

impl Strategy for OversoldCallStrategy {
    fn name(&self) -> &'static str {
        "oversold_call"
    }

    fn code(&self) -> &'static str {
        "S1"
    }

    fn role(&self) -> Role {
        Role::Signal
    }

    fn dte_window(&self, config: &AnalysisConfig) -> Option<(i32, i32)> {
        let rules = &config.strategies.oversold_call;
        rules.enabled.then_some((rules.dte[0], rules.dte[1]))
    }

    fn screen(&self, contract: &ContractView<'_>, config: &AnalysisConfig) -> Vec<Check> {
        let rules = &config.strategies.oversold_call;
        let is_call = f64::from(u8::from(contract.quote.symbol.kind == OptionKind::Call));
        let dte = Some(f64::from(contract.dte));
        vec![
            Check::new("is_call", Some(is_call), Operator::AtLeast, 1.0),
            Check::new("dte_min", dte, Operator::AtLeast, rules.dte[0].into()),
            Check::new("dte_max", dte, Operator::AtMost, rules.dte[1].into()),
            Check::new("delta_min", contract.delta, Operator::AtLeast, rules.delta[0]),
            Check::new("delta_max", contract.delta, Operator::AtMost, rules.delta[1]),
        ]
    }

    fn pre_gate(&self, underlying: &UnderlyingState, config: &AnalysisConfig) -> Option<Check> {
        let limit = config.strategies.oversold_call.max_underlying_rsi;
        Some(Check::new("underlying_rsi", underlying.rsi, Operator::AtMost, limit))
    }

    fn judge(
        &self,
        contract: &ContractView<'_>,
        underlying: &UnderlyingState,
        indicators: &Indicators,
        config: &AnalysisConfig,
    ) -> Judgement {
        let rules = &config.strategies.oversold_call;
        let rise = |now: Option<f64>, before: Option<f64>| now.zip(before).map(|(now, before)| now - before);
        let plan = self.plan(contract, Timestamp::UNIX_EPOCH, config);
        let net = potential(contract, &plan, config).map(|p| p.net_pct);
        let mut checks = self.screen(contract, config);
        checks.extend(self.pre_gate(underlying, config));
        checks.extend([
            Check::new("bars", Some(indicators.bars as f64), Operator::AtLeast, rules.min_bars.into()),
            Check::new("min_rsi_3", indicators.min_rsi, Operator::AtMost, rules.max_rsi),
            Check::new("rsi_rise", rise(indicators.rsi, indicators.rsi_before), Operator::Above, 0.0),
            Check::new("min_pct_b_3", indicators.min_pct_b, Operator::AtMost, rules.max_pct_b),
            Check::new("pct_b_rise", rise(indicators.pct_b, indicators.pct_b_before), Operator::Above, 0.0),
            Check::new("close_to_sma200", underlying.close_to_sma200, Operator::AtLeast, rules.min_close_to_sma200),
            Check::new("net_pct", net, Operator::AtLeast, config.costs.min_net_pct),
            Check { mandatory: false, ..Check::new("macd_hist_rise", indicators.macd_rise, Operator::Above, 0.0) },
        ]);
        let rose = indicators.macd_rise.map(|rise| f64::from(u8::from(rise > 0.0)));
        let parts = vec![
            part("rsi", 25.0, indicators.min_rsi.map(|rsi| (rules.max_rsi - rsi) / 15.0)),
            part("pct_b", 15.0, indicators.min_pct_b.map(|b| (rules.max_pct_b - b) / 0.25)),
            part("trend", 20.0, underlying.close_to_sma200.map(|t| (t - rules.min_close_to_sma200) / 0.2)),
            part("macd", 10.0, rose),
            part("volume", 10.0, indicators.relative_volume.map(|v| (v - 0.5) / 1.5)),
            part("spread", 20.0, Some((0.10 - contract.spread_pct / 100.0) / 0.08)),
        ];
        Judgement { checks, score: Score { parts } }
    }

    fn plan(&self, contract: &ContractView<'_>, at: Timestamp, config: &AnalysisConfig) -> EntryPlan {
        long_plan(contract, at, &config.strategies.oversold_call, config.costs.commission)
    }

    fn flags(&self) -> &'static [&'static str] {
        &["raw_rsi", "earnings_unknown"]
    }
}

fn part(name: &'static str, max: f64, share: Option<f64>) -> ScorePart {
    let points = share.map_or(0.0, |share| max * share.clamp(0.0, 1.0));
    ScorePart { name: Cow::Borrowed(name), points, max, unknown: share.is_none() }
}
