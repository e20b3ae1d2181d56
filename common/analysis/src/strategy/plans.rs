//! Where to enter and when to leave, from a strategy's settings and a contract's quote; and what that may bring.

use fleet_core::domain::{Advice, Check, Direction, EntryPlan, ExitSignals, Operator, Price};
use jiff::{SignedDuration, Timestamp};

use super::ContractView;
use super::problems::Problems;
use crate::config::AnalysisConfig;
use crate::tick::Rounding;

/// A plan's settings, whatever they are called in their strategy's table.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PlanRules {
    /// Bought or sold first.
    pub direction: Direction,
    /// The limit is bid + this share of the spread …
    pub spread_share: f64,
    /// … rounded to a tick so.
    pub rounding: Rounding,
    /// The limit stands for so long.
    pub validity_minutes: u32,
    /// Leave so far above the entry, percent; of a short position, with this share of the credit earned.
    pub target_pct: f64,
    /// Leave so far below the entry, percent; of a short position, with this share of the credit lost.
    pub stop_pct: f64,
    /// Leave after so many sessions.
    pub time_stop_sessions: Option<u32>,
    /// Leave when the contract's RSI(14) reaches this.
    pub exit_rsi: Option<f64>,
    /// Leave when calendar days to expiration come down to this.
    pub exit_dte: i32,
    /// Reasons to leave beside price and time.
    pub signals: ExitSignals,
    /// The next session's rise of the open interest over the volume that confirms, percent.
    pub confirm_pct: Option<f64>,
    /// What people are told.
    pub advice: Advice,
}

/// A bought contract without any reason to leave but price and expiration.
impl Default for PlanRules {
    fn default() -> Self {
        Self {
            direction: Direction::Long,
            spread_share: 0.4,
            rounding: Rounding::Nearest,
            validity_minutes: 30,
            target_pct: 15.0,
            stop_pct: 30.0,
            time_stop_sessions: None,
            exit_rsi: None,
            exit_dte: 0,
            signals: ExitSignals::default(),
            confirm_pct: None,
            advice: Advice::Act,
        }
    }
}

impl PlanRules {
    /// The ranges that every plan is held to; `spread_share` is what the strategy calls that share.
    pub fn problems(&self, spread_share: &str, all: &mut Problems) {
        // A bought contract cannot lose more than it cost, nor a sold one earn more than its credit.
        let (most_target, most_stop) = match self.direction {
            Direction::Long => (1000.0, 100.0),
            Direction::Short => (100.0, 10_000.0),
        };
        all.number(spread_share, self.spread_share, 0.0, 1.0);
        all.count("validity_minutes", self.validity_minutes.into(), 1, 1440);
        all.number("target_pct", self.target_pct, 0.1, most_target);
        all.number("stop_pct", self.stop_pct, 0.1, most_stop);
        all.count("time_stop_sessions", self.time_stop_sessions.unwrap_or(1).into(), 1, 500);
        all.number("exit_rsi", self.exit_rsi.unwrap_or(100.0), 0.0, 100.0);
        all.number("exit_dte", self.exit_dte.into(), 0.0, 2000.0);
    }

    /// `target +15 %, stop -30 %, out after 5 sessions, at RSI 60 or at 21 DTE; a buy limit stands 30 min`.
    #[must_use]
    pub fn words(&self) -> String {
        let outs = [
            self.time_stop_sessions.map(|sessions| format!("after {sessions} sessions")),
            self.exit_rsi.map(|rsi| format!("at RSI {rsi}")),
            self.signals.iv_percentile.map(|percentile| format!("at IV percentile {percentile}")),
            self.signals.delta.map(|delta| format!("at delta {delta}")),
            self.signals.cross.map(|_| "when the lines cross back".to_owned()),
        ];
        let outs = outs.into_iter().flatten().collect::<Vec<_>>().join(", ");
        let outs = if outs.is_empty() { "out".to_owned() } else { format!("out {outs} or") };
        let (target, stop, validity) = (self.target_pct, self.stop_pct, self.validity_minutes);
        let (levels, limit) = match self.direction {
            Direction::Long => (format!("target +{target} %, stop -{stop} %"), "buy"),
            Direction::Short => (format!("bought back with {target} % of the credit earned or {stop} % lost"), "sell"),
        };
        format!("{levels}, {outs} at {} DTE; a {limit} limit stands {validity} min", self.exit_dte)
    }
}

/// An entry inside the spread, with target and stop around it.
#[must_use]
pub fn plan(contract: &ContractView<'_>, at: Timestamp, rules: &PlanRules, commission_dollars: f64) -> EntryPlan {
    let (bid, ask) = (contract.bid.units() as f64, contract.ask.units() as f64);
    let limit = contract.ticks.round(bid + rules.spread_share * (ask - bid), rules.rounding);
    let entered = limit.units() as f64;
    let validity = SignedDuration::from_mins(rules.validity_minutes.into());
    let (target, stop) = match rules.direction {
        Direction::Long => (1.0 + rules.target_pct / 100.0, 1.0 - rules.stop_pct / 100.0),
        Direction::Short => (1.0 - rules.target_pct / 100.0, 1.0 + rules.stop_pct / 100.0),
    };
    EntryPlan {
        direction: rules.direction,
        buy: limit,
        target: contract.ticks.round(entered * target, Rounding::Down),
        stop: contract.ticks.round(entered * stop, Rounding::Nearest),
        valid_until: at.checked_add(validity).unwrap_or(Timestamp::MAX),
        time_stop_sessions: rules.time_stop_sessions,
        exit_rsi: rules.exit_rsi,
        exit_dte: rules.exit_dte,
        signals: rules.signals,
        confirm_pct: rules.confirm_pct,
        advice: rules.advice,
        commission: Price::from_dollars(commission_dollars).unwrap_or(Price::ZERO),
    }
}

/// What a trade may bring, percent of what is paid; of a short position, of what is received.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Potential {
    /// (target − buy)/buy; of a short position, (credit − target)/credit.
    pub gross_pct: f64,
    /// After half-spreads and commission, entered at mid and left at the target.
    pub net_pct: f64,
}

/// Profit potential of a plan (ANALYTICS section 1; of a short position its mirror); `None` for one that enters at
/// nothing.
#[must_use]
pub fn potential(contract: &ContractView<'_>, plan: &EntryPlan, config: &AnalysisConfig) -> Option<Potential> {
    let (limit, target) = (plan.buy.dollars(), plan.target.dollars());
    let slip = config.costs.half_spread_share * (contract.ask.dollars() - contract.bid.dollars()) / 2.0;
    let fees = 2.0 * config.costs.commission / 100.0;
    // What is entered at, and what is gained on the way to the target, after both slips.
    let (entered, gross, net) = match plan.direction {
        Direction::Long => {
            let paid = contract.mid + slip;
            (paid, target - limit, (target - slip) - paid - fees)
        }
        Direction::Short => {
            let received = contract.mid - slip;
            (received, limit - target, received - (target + slip) - fees)
        }
    };
    (limit > 0.0 && entered > 0.0)
        .then(|| Potential { gross_pct: 100.0 * gross / limit, net_pct: 100.0 * net / entered })
}

/// `net_pct`: whether what such a plan leaves after costs is worth it.
#[must_use]
pub(super) fn net_check(contract: &ContractView<'_>, rules: &PlanRules, config: &AnalysisConfig) -> Check {
    let plan = plan(contract, Timestamp::UNIX_EPOCH, rules, config.costs.commission);
    let net = potential(contract, &plan, config).map(|potential| potential.net_pct);
    Check::new("net_pct", net, Operator::AtLeast, config.costs.min_net_pct)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_in_words() {
        let s1 = PlanRules { time_stop_sessions: Some(5), exit_rsi: Some(60.0), exit_dte: 21, ..PlanRules::default() };
        let words = "target +15 %, stop -30 %, out after 5 sessions, at RSI 60 or at 21 DTE; a buy limit stands 30 min";
        assert_eq!(s1.words(), words);
        let short =
            PlanRules { direction: Direction::Short, target_pct: 50.0, stop_pct: 200.0, ..PlanRules::default() };
        let words =
            "bought back with 50 % of the credit earned or 200 % lost, out at 0 DTE; a sell limit stands 30 min";
        assert_eq!(short.words(), words);
    }
}
