//! Where to enter and when to leave, from a strategy's settings and a contract's quote; and what that may bring.

use fleet_core::domain::{EntryPlan, Price};
use jiff::{SignedDuration, Timestamp};

use super::ContractView;
use super::problems::Problems;
use crate::config::AnalysisConfig;
use crate::tick::Rounding;

/// A plan's settings, whatever they are called in their strategy's table.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PlanRules {
    /// Buy at bid + this share of the spread.
    pub buy_spread_share: f64,
    /// The limit stands for so long.
    pub validity_minutes: u32,
    /// Leave so far above the entry, percent.
    pub target_pct: f64,
    /// Leave so far below the entry, percent.
    pub stop_pct: f64,
    /// Leave after so many sessions.
    pub time_stop_sessions: u32,
    /// Leave when the contract's RSI(14) reaches this.
    pub exit_rsi: Option<f64>,
    /// Leave when calendar days to expiration come down to this.
    pub exit_dte: i32,
}

impl PlanRules {
    /// The ranges that every plan is held to.
    pub fn problems(&self, all: &mut Problems) {
        all.number("buy_spread_share", self.buy_spread_share, 0.0, 1.0);
        all.count("validity_minutes", self.validity_minutes.into(), 1, 1440);
        all.number("target_pct", self.target_pct, 0.1, 1000.0);
        all.number("stop_pct", self.stop_pct, 0.1, 100.0);
        all.count("time_stop_sessions", self.time_stop_sessions.into(), 1, 500);
        all.number("exit_rsi", self.exit_rsi.unwrap_or(100.0), 0.0, 100.0);
        all.number("exit_dte", self.exit_dte.into(), 0.0, 2000.0);
    }

    /// `target +15 %, stop -30 %, out after 5 sessions, at RSI 60 or at 21 DTE; a buy limit stands 30 min`.
    #[must_use]
    pub fn words(&self) -> String {
        let rsi = self.exit_rsi.map(|rsi| format!(", at RSI {rsi}")).unwrap_or_default();
        format!(
            "target +{} %, stop -{} %, out after {} sessions{rsi} or at {} DTE; a buy limit stands {} min",
            self.target_pct, self.stop_pct, self.time_stop_sessions, self.exit_dte, self.validity_minutes
        )
    }
}

/// Long entry inside the spread, with target and stop around it.
#[must_use]
pub fn long_plan(contract: &ContractView<'_>, at: Timestamp, rules: &PlanRules, commission_dollars: f64) -> EntryPlan {
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
        exit_rsi: rules.exit_rsi,
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
