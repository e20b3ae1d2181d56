//! S6 `covered_call_yield`: a call sold on shares that a person holds, into strength and where volatility is dear
//! (ANALYTICS 2.3). Nothing is looked at of underlyings without a declared holding of a hundred shares.

use fleet_core::domain::{Check, Direction as Side, ExitSignals, Operator, OptionKind, Score};
use serde::{Deserialize, Serialize};

use super::checks::{abs_delta, dte, either, kind, no_earnings, scored};
use super::{Card, Case, ContractView, Judgement, Needs, PlanRules, Problems, Role, Strategy, UnderlyingView, part};
use crate::config::AnalysisConfig;
use crate::indicators::Indicators;
use crate::metrics::position::{Entry, Position};
use crate::metrics::yields::CallYield;

/// What S6 is.
pub const CARD: Card = Card {
    name: "covered_call_yield",
    code: "S6",
    role: Role::Signal,
    looks_for: "calls to sell on shares that are held, into strength and where volatility is dear",
    reference: REFERENCE,
};

const REFERENCE: &str = "\
# Calls sold on shares that a person says to hold (a hundred of an underlying at least). Off by default.
#enabled = false
# Calendar days to expiration.
#dte = [21, 45]
# Delta.
#delta = [0.2, 0.3]
# Yield a year if the share stays where it is, at the bid, percent.
#min_static_annual_pct = 8.0
# The call itself is strong: its own RSI(14) at least this …
#min_rsi = 65.0
# … or its %B(20, 2) at least this.
#min_pct_b = 0.95
# IV rank at least this.
#min_iv_rank = 30.0
# Fire although the company reports before expiration.
#allow_earnings = false
# Sell at bid + this share of the spread.
#sell_spread_share = 0.0
# The limit to sell at stands for so long.
#validity_minutes = 30
# Buy back when this share of the credit is earned, percent.
#target_pct = 60.0
# Buy back when this share of the credit is lost, percent. ANALYTICS names no stop; a plan has one.
#stop_pct = 200.0
# Buy back (roll) when the call's delta reaches this.
#exit_delta = 0.5
# Buy back when calendar days to expiration come down to this.
#exit_dte = 0
";

/// S6's settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CoveredCallYield {
    /// Whether it runs.
    pub enabled: bool,
    /// Calendar days to expiration, from and to.
    pub dte: [i32; 2],
    /// Delta, from and to.
    pub delta: [f64; 2],
    /// Static yield a year at the bid, percent.
    pub min_static_annual_pct: f64,
    /// The call's own RSI(14) at least this …
    pub min_rsi: f64,
    /// … or its %B(20, 2) at least this.
    pub min_pct_b: f64,
    /// IV rank at least this.
    pub min_iv_rank: f64,
    /// Fire although the company reports before expiration.
    pub allow_earnings: bool,
    /// Sell at bid + this share of the spread.
    pub sell_spread_share: f64,
    /// The limit stands for so long.
    pub validity_minutes: u32,
    /// Buy back when this share of the credit is earned, percent.
    pub target_pct: f64,
    /// Buy back when this share of the credit is lost, percent.
    pub stop_pct: f64,
    /// Buy back when the call's delta reaches this.
    pub exit_delta: f64,
    /// Buy back when calendar days to expiration come down to this.
    pub exit_dte: i32,
}

impl Default for CoveredCallYield {
    fn default() -> Self {
        Self {
            enabled: false,
            dte: [21, 45],
            delta: [0.20, 0.30],
            min_static_annual_pct: 8.0,
            min_rsi: 65.0,
            min_pct_b: 0.95,
            min_iv_rank: 30.0,
            allow_earnings: false,
            sell_spread_share: 0.0,
            validity_minutes: 30,
            target_pct: 60.0,
            stop_pct: 200.0,
            exit_delta: 0.5,
            exit_dte: 0,
        }
    }
}

/// Sold at the bid.
fn yields(contract: &ContractView<'_>) -> Option<CallYield> {
    let (position, strike) = (Position::CoveredCall, contract.quote.symbol.strike.dollars());
    let entry = Entry { position, spot: contract.spot?, strike, price: contract.bid.dollars() };
    CallYield::of(&entry, contract.dte)
}

/// Ex-dividend dates from today to expiration, told or projected, that a holder of a call in the money would take by
/// exercising. Of a call out of the money none matters.
fn ex_dividends_in_the_money(contract: &ContractView<'_>, underlying: &UnderlyingView<'_>) -> Option<f64> {
    let symbol = &contract.quote.symbol;
    if symbol.strike.dollars() >= contract.spot? {
        return Some(0.0);
    }
    underlying.ex_dividends(symbol.expiration, |date| underlying.today <= date && date <= symbol.expiration)
}

impl Strategy for CoveredCallYield {
    fn needs(&self) -> Needs {
        Needs {
            own_bars: true,
            volatilities: true,
            // Below this many sessions there is no rank.
            history_sessions: Some(30),
            earnings: !self.allow_earnings,
        }
    }

    fn screen(&self, contract: &ContractView<'_>, config: &AnalysisConfig) -> Vec<Check> {
        let holding = contract.facts.holding;
        let over_cost = holding.map(|held| contract.quote.symbol.strike.dollars() - held.cost_basis.dollars());
        let a_year = yields(contract).and_then(|yields| yields.static_annual_pct);
        let mut checks = vec![kind(contract, OptionKind::Call)];
        checks.extend(dte(contract, self.dte));
        checks.extend(abs_delta(contract, self.delta));
        checks.extend([
            Check::new("shares", holding.map(|held| held.shares.into()), Operator::AtLeast, 100.0),
            Check::new("strike_over_cost", over_cost, Operator::AtLeast, 0.0),
            Check::new("static_annual_pct", a_year, Operator::AtLeast, self.min_static_annual_pct),
            self.net_check(contract, config),
        ]);
        checks
    }

    fn pre_gate(&self, underlying: &UnderlyingView<'_>) -> Vec<Check> {
        vec![Check::new("iv_rank", underlying.volatilities.rank.rank, Operator::AtLeast, self.min_iv_rank)]
    }

    fn judge(&self, case: &Case<'_>, config: &AnalysisConfig) -> Judgement {
        let Case { contract, underlying, own } = case;
        let blank = Indicators::default();
        let own = own.unwrap_or(&blank);
        let earnings = no_earnings(contract, underlying);
        let strong = [
            Check::new("rsi", own.rsi, Operator::AtLeast, self.min_rsi),
            Check::new("pct_b", own.pct_b, Operator::AtLeast, self.min_pct_b),
        ];
        let [rsi, pct_b] = strong;
        let mut checks = self.screen(contract, config);
        checks.extend(self.pre_gate(underlying));
        checks.extend(either("strength", rsi, pct_b));
        checks.extend([
            if self.allow_earnings { scored(earnings) } else { earnings },
            Check::new(
                "ex_dividends_in_the_money",
                ex_dividends_in_the_money(contract, underlying),
                Operator::AtMost,
                0.0,
            ),
        ]);
        let a_year = yields(contract).and_then(|yields| yields.static_annual_pct);
        let parts = vec![
            part("yield", 40.0, a_year.map(|pct| (pct - self.min_static_annual_pct) / 20.0)),
            part("iv_rank", 20.0, underlying.volatilities.rank.rank.map(|rank| (rank - self.min_iv_rank) / 50.0)),
            part("rsi", 20.0, own.rsi.map(|rsi| (rsi - 50.0) / 30.0)),
            part("spread", 20.0, Some((0.10 - contract.spread_pct / 100.0) / 0.08)),
        ];
        Judgement { checks, score: Score { parts }, flags: vec!["short", "covered"] }
    }

    fn rules(&self, _config: &AnalysisConfig) -> PlanRules {
        PlanRules {
            direction: Side::Short,
            spread_share: self.sell_spread_share,
            validity_minutes: self.validity_minutes,
            target_pct: self.target_pct,
            stop_pct: self.stop_pct,
            exit_dte: self.exit_dte,
            signals: ExitSignals { delta: Some(self.exit_delta), ..ExitSignals::default() },
            ..PlanRules::default()
        }
    }

    fn problems(&self, all: &mut Problems) {
        all.days("dte", self.dte);
        all.range("delta", self.delta, 0.0, 1.0);
        all.number("min_static_annual_pct", self.min_static_annual_pct, 0.0, 1000.0);
        all.number("min_rsi", self.min_rsi, 0.0, 100.0);
        all.number("min_pct_b", self.min_pct_b, -2.0, 3.0);
        all.number("min_iv_rank", self.min_iv_rank, 0.0, 100.0);
        all.number("exit_delta", self.exit_delta, 0.0, 1.0);
        self.rules(&AnalysisConfig::default()).problems("sell_spread_share", all);
    }
}
