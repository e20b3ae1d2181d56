//! S3 `cheap_iv`: an option at the money where volatility is cheap against its own past and against what the underlying
//! moves (ANALYTICS 2.3). One leg; the side by the slope of the underlying's 20-session average.

use fleet_core::domain::{Check, ExitSignals, Operator, OptionKind, Score, calendar};
use serde::{Deserialize, Serialize};

use super::checks::{abs_delta, dte, no_earnings, scored};
use super::{
    Card, Case, ContractView, Judgement, Needs, PlanRules, Problems, Role, Strategy, UnderlyingView, holds, part,
};
use crate::config::AnalysisConfig;
use crate::metrics::empirical::EmpiricalValue;
use crate::metrics::position::{Entry, Position};
use crate::metrics::realised::implied_to_realised;
use crate::tick::Rounding;

/// What S3 is.
pub const CARD: Card = Card {
    name: "cheap_iv",
    code: "S3",
    role: Role::Signal,
    looks_for: "options at the money where volatility is cheap against its own past and against what the underlying moves",
    reference: REFERENCE,
};

const REFERENCE: &str = "\
# Options at the money where volatility is cheap: against its own past year, against what the underlying moves, and with
# no report ahead. Dark until the store has its history. Off by default.
#enabled = false
# Calendar days to expiration.
#dte = [45, 90]
# Delta without its sign: at the money.
#abs_delta = [0.45, 0.55]
# IV rank at most this …
#max_iv_rank = 20.0
# … and IV percentile at most this …
#max_iv_percentile = 20.0
# … over at least so many sessions of the underlying's own history.
#min_iv_sessions = 120
# IV30 over HV20, and over HV60, at most this.
#max_iv_to_hv = [0.9, 1.0]
# Volatility of the front over that of 60 to 90 days (or of 75 days between two expirations) at most this: above it the
# front expects something.
#max_term_slope = 1.0
# No report within so many sessions before: HV20 would contain its jump.
#quiet_sessions = 20
# Fire although the company reports before expiration.
#allow_earnings = false
# The limit to buy at, mid rounded down to a tick, stands for so long.
#validity_minutes = 30
# Sell so far above the buy price, percent.
#target_pct = 25.0
# Sell so far below the buy price, percent.
#stop_pct = 25.0
# Sell when the IV percentile reaches this.
#exit_iv_percentile = 50.0
# Sell when calendar days to expiration come down to this.
#exit_dte = 30
";

/// S3's settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CheapIv {
    /// Whether it runs.
    pub enabled: bool,
    /// Calendar days to expiration, from and to.
    pub dte: [i32; 2],
    /// Delta without its sign, from and to.
    pub abs_delta: [f64; 2],
    /// Largest IV rank.
    pub max_iv_rank: f64,
    /// Largest IV percentile.
    pub max_iv_percentile: f64,
    /// Sessions of IV history, today's included, at least.
    pub min_iv_sessions: u32,
    /// Largest IV30 over HV20, and over HV60.
    pub max_iv_to_hv: [f64; 2],
    /// Largest volatility of the front over that of 60 to 90 days.
    pub max_term_slope: f64,
    /// Sessions before in which there was no report.
    pub quiet_sessions: u32,
    /// Fire although the company reports before expiration.
    pub allow_earnings: bool,
    /// The buy limit stands for so long.
    pub validity_minutes: u32,
    /// Sell so far above the buy price, percent.
    pub target_pct: f64,
    /// Sell so far below the buy price, percent.
    pub stop_pct: f64,
    /// Sell when the IV percentile reaches this.
    pub exit_iv_percentile: f64,
    /// Sell when calendar days to expiration come down to this.
    pub exit_dte: i32,
}

impl Default for CheapIv {
    fn default() -> Self {
        Self {
            enabled: false,
            dte: [45, 90],
            abs_delta: [0.45, 0.55],
            max_iv_rank: 20.0,
            max_iv_percentile: 20.0,
            min_iv_sessions: 120,
            max_iv_to_hv: [0.9, 1.0],
            max_term_slope: 1.0,
            quiet_sessions: 20,
            allow_earnings: false,
            validity_minutes: 30,
            target_pct: 25.0,
            stop_pct: 25.0,
            exit_iv_percentile: 50.0,
            exit_dte: 30,
        }
    }
}

/// Mean profit at expiration in the underlying's own past, dollars per share: bought at mid and the configured share of
/// the half-spread, with commission for two sides. Unknown where the past has fewer than five independent stretches as long
/// as the contract has left: nobody is shown such a mean, and nothing fires on it.
fn past_value(case: &Case<'_>, config: &AnalysisConfig) -> Option<f64> {
    let Case { contract, underlying, .. } = case;
    let symbol = &contract.quote.symbol;
    let position = match symbol.kind {
        OptionKind::Call => Position::LongCall,
        OptionKind::Put => Position::LongPut,
    };
    let half_spread = (contract.ask.dollars() - contract.bid.dollars()) / 2.0;
    let costs = config.costs.half_spread_share * half_spread + 2.0 * config.costs.commission / 100.0;
    let (spot, strike, price) = (contract.spot?, symbol.strike.dollars(), contract.mid + costs);
    let sessions = calendar::sessions_between(underlying.today, symbol.expiration)?;
    EmpiricalValue::of(&Entry { position, spot, strike, price }, &underlying.past.closes, sessions as usize)
        .filter(EmpiricalValue::tells)
        .map(|value| value.per_share)
}

/// 1 where the contract is of the side that the underlying's 20-session average moves to; unknown where it is flat.
fn with_the_slope(contract: &ContractView<'_>, underlying: &UnderlyingView<'_>) -> Check {
    let side = underlying.sma20_rise.filter(|rise| *rise != 0.0).map(|rise| {
        let wanted = if rise > 0.0 { OptionKind::Call } else { OptionKind::Put };
        holds(contract.quote.symbol.kind == wanted)
    });
    Check::new("with_sma20", side, Operator::AtLeast, 1.0)
}

impl Strategy for CheapIv {
    fn needs(&self) -> Needs {
        Needs { volatilities: true, history_sessions: Some(self.min_iv_sessions), earnings: true, ..Needs::default() }
    }

    fn screen(&self, contract: &ContractView<'_>, config: &AnalysisConfig) -> Vec<Check> {
        let mut checks = dte(contract, self.dte).to_vec();
        checks.extend(abs_delta(contract, self.abs_delta));
        checks.push(self.net_check(contract, config));
        checks
    }

    fn pre_gate(&self, underlying: &UnderlyingView<'_>) -> Vec<Check> {
        let volatilities = &underlying.volatilities;
        let to_realised = |realised| implied_to_realised(volatilities.iv30, realised);
        // Without its first session the calendar knows no past: nothing is known of reports in it.
        let quiet_from = calendar::sessions_back(underlying.entry_session, self.quiet_sessions);
        let reported = quiet_from.and_then(|from| underlying.earnings.since(from));
        let sessions = Some(volatilities.rank.sessions as f64);
        vec![
            Check::new("iv_sessions", sessions, Operator::AtLeast, self.min_iv_sessions.into()),
            Check::new("iv_rank", volatilities.rank.rank, Operator::AtMost, self.max_iv_rank),
            Check::new("iv_percentile", volatilities.rank.percentile, Operator::AtMost, self.max_iv_percentile),
            Check::new("iv_to_hv20", to_realised(volatilities.realised.hv20), Operator::AtMost, self.max_iv_to_hv[0]),
            Check::new("iv_to_hv60", to_realised(volatilities.realised.hv60), Operator::AtMost, self.max_iv_to_hv[1]),
            Check::new("term_slope", volatilities.term_slope, Operator::AtMost, self.max_term_slope),
            Check::new("recent_earnings", reported, Operator::AtMost, 0.0),
        ]
    }

    fn judge(&self, case: &Case<'_>, config: &AnalysisConfig) -> Judgement {
        let Case { contract, underlying, .. } = case;
        let volatilities = &underlying.volatilities;
        let ratio = implied_to_realised(volatilities.iv30, volatilities.realised.hv20);
        let value = past_value(case, config);
        let earnings = no_earnings(contract, underlying);
        let mut checks = self.screen(contract, config);
        checks.extend(self.pre_gate(underlying));
        checks.extend([
            if self.allow_earnings { scored(earnings) } else { earnings },
            with_the_slope(contract, underlying),
            Check::new("past_value", value, Operator::Above, 0.0),
        ]);
        let parts = vec![
            part("iv_rank", 25.0, volatilities.rank.rank.map(|rank| (self.max_iv_rank - rank) / 20.0)),
            part("iv_percentile", 15.0, volatilities.rank.percentile.map(|p| (self.max_iv_percentile - p) / 20.0)),
            part("iv_to_hv", 20.0, ratio.map(|ratio| (self.max_iv_to_hv[0] - ratio) / 0.3)),
            part("term", 10.0, volatilities.term_slope.map(|slope| (self.max_term_slope - slope) / 0.2)),
            part("past_value", 10.0, value.map(|value| value / contract.mid / 0.5)),
            part("spread", 20.0, Some((0.10 - contract.spread_pct / 100.0) / 0.08)),
        ];
        Judgement { checks, score: Score { parts }, flags: Vec::new() }
    }

    fn rules(&self, _config: &AnalysisConfig) -> PlanRules {
        PlanRules {
            spread_share: 0.5,
            rounding: Rounding::Down,
            validity_minutes: self.validity_minutes,
            target_pct: self.target_pct,
            stop_pct: self.stop_pct,
            exit_dte: self.exit_dte,
            signals: ExitSignals { iv_percentile: Some(self.exit_iv_percentile), ..ExitSignals::default() },
            ..PlanRules::default()
        }
    }

    fn problems(&self, all: &mut Problems) {
        all.days("dte", self.dte);
        all.range("abs_delta", self.abs_delta, 0.0, 1.0);
        all.number("max_iv_rank", self.max_iv_rank, 0.0, 100.0);
        all.number("max_iv_percentile", self.max_iv_percentile, 0.0, 100.0);
        // Fewer than 30 sessions have no rank at all, and no more than a year's are kept.
        all.count("min_iv_sessions", self.min_iv_sessions.into(), 30, 252);
        all.range("max_iv_to_hv", self.max_iv_to_hv, 0.0, 100.0);
        all.number("max_term_slope", self.max_term_slope, 0.0, 100.0);
        all.count("quiet_sessions", self.quiet_sessions.into(), 0, 250);
        all.number("exit_iv_percentile", self.exit_iv_percentile, 0.0, 100.0);
        self.rules(&AnalysisConfig::default()).problems("spread_share", all);
    }
}
