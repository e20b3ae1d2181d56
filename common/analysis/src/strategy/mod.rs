//! Strategies: named sets of checks, a score and a plan. Adding one is one file here and one line in [`registry`].

pub mod control;
pub mod oversold_call;

use fleet_core::domain::{Check, ContractQuote, EntryPlan, Price, Score};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use crate::config::{AnalysisConfig, OversoldCall};
use crate::indicators::{Indicators, UnderlyingState};
use crate::tick::{Rounding, Ticks};

/// What a strategy is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It finds candidates.
    Signal,
    /// It takes contracts by lot, for comparison; never alerted.
    Control,
}

/// A contract past the gates.
#[derive(Debug, Clone, Copy)]
pub struct ContractView<'a> {
    /// The row.
    pub quote: &'a ContractQuote,
    /// Bid, above zero and below the ask.
    pub bid: Price,
    /// Ask.
    pub ask: Price,
    /// Half way, dollars.
    pub mid: f64,
    /// Of mid.
    pub spread_pct: f64,
    /// Dollars per $1 of the underlying.
    pub delta: Option<f64>,
    /// Calendar days to expiration.
    pub dte: i32,
    /// The chain's price steps.
    pub ticks: Ticks,
    /// The session a trade would begin in.
    pub entry_session: Date,
}

/// What was found of a contract that was looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// Every check, in a fixed order.
    pub checks: Vec<Check>,
    /// Orders candidates.
    pub score: Score,
}

/// A named set of checks, a score and a plan.
pub trait Strategy: Sync {
    /// Its name in configuration, funnel and records.
    fn name(&self) -> &'static str;
    /// Its code in notices.
    fn code(&self) -> &'static str;
    /// What it is for.
    fn role(&self) -> Role;
    /// Calendar days to expiration it looks at; `None` when it is switched off.
    fn dte_window(&self, config: &AnalysisConfig) -> Option<(i32, i32)>;
    /// Checks that need no bars. A contract that passes all of them is eligible.
    fn screen(&self, contract: &ContractView<'_>, config: &AnalysisConfig) -> Vec<Check>;
    /// The check of the underlying that must pass before any contract's bars are asked for.
    fn pre_gate(&self, underlying: &UnderlyingState, config: &AnalysisConfig) -> Option<Check>;
    /// All checks and the score of a contract with bars.
    fn judge(
        &self,
        contract: &ContractView<'_>,
        underlying: &UnderlyingState,
        indicators: &Indicators,
        config: &AnalysisConfig,
    ) -> Judgement;
    /// What to pay and when to leave.
    fn plan(&self, contract: &ContractView<'_>, at: Timestamp, config: &AnalysisConfig) -> EntryPlan;
    /// Words that go with its candidates.
    fn flags(&self) -> &'static [&'static str];
}

/// Every strategy, in the order in which they are asked.
#[must_use]
pub fn registry() -> &'static [&'static dyn Strategy] {
    &[&oversold_call::OversoldCallStrategy, &control::ControlStrategy]
}

/// The code of a strategy in notices; its name where the registry does not know it (any more).
#[must_use]
pub fn code_of(name: &str) -> &str {
    registry().iter().find(|s| s.name() == name).map_or(name, |s| s.code())
}

/// Long entry inside the spread, with target and stop around it.
#[must_use]
pub fn long_plan(
    contract: &ContractView<'_>,
    at: Timestamp,
    rules: &OversoldCall,
    commission_dollars: f64,
) -> EntryPlan {
    let (bid, ask) = (contract.bid.units() as f64, contract.ask.units() as f64);
    let buy = contract.ticks.round(bid + rules.buy_spread_share * (ask - bid), Rounding::Nearest);
    let paid = buy.units() as f64;
    let validity = SignedDuration::from_mins(rules.validity_minutes.into());
    EntryPlan {
        buy,
        target: contract.ticks.round(paid * (1.0 + rules.target_pct / 100.0), Rounding::Down),
        stop: contract.ticks.round(paid * (1.0 - rules.stop_pct / 100.0), Rounding::Nearest),
        valid_until: at.checked_add(validity).unwrap_or(Timestamp::MAX),
        time_stop_sessions: rules.time_stop_sessions,
        exit_rsi: Some(rules.exit_rsi),
        exit_dte: rules.exit_dte,
        commission: Price::from_dollars(commission_dollars).unwrap_or(Price::ZERO),
    }
}

/// What a trade may bring, percent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Potential {
    /// (target − buy)/buy.
    pub gross_pct: f64,
    /// After half-spreads and commission, bought at mid and sold at the target.
    pub net_pct: f64,
}

/// Profit potential of a plan (ANALYTICS section 1); `None` for a plan that buys at nothing.
#[must_use]
pub fn potential(contract: &ContractView<'_>, plan: &EntryPlan, config: &AnalysisConfig) -> Option<Potential> {
    let (buy, target) = (plan.buy.dollars(), plan.target.dollars());
    let slip = config.costs.half_spread_share * (contract.ask.dollars() - contract.bid.dollars()) / 2.0;
    let paid = contract.mid + slip;
    let fees = 2.0 * config.costs.commission / 100.0;
    (buy > 0.0 && paid > 0.0).then(|| Potential {
        gross_pct: 100.0 * (target - buy) / buy,
        net_pct: 100.0 * ((target - slip) - paid - fees) / paid,
    })
}
