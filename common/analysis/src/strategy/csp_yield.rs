//! S4 `csp_yield`: a put out of the money sold against cash, where volatility is dear and the trend holds (ANALYTICS
//! 2.3). Credit is the bid. A high share of wins is no edge: the loss of a put sold is many times its credit.

use fleet_core::domain::{Check, Direction as Side, Operator, OptionKind, Score};
use serde::{Deserialize, Serialize};

use super::checks::{abs_delta, dte, either, kind, no_earnings, scored};
use super::{Card, Case, ContractView, Judgement, Needs, PlanRules, Problems, Role, Strategy, UnderlyingView, part};
use crate::config::AnalysisConfig;
use crate::metrics::expected_move::ExpectedMove;
use crate::metrics::expected_value::ExpectedValue;
use crate::metrics::position::{Entry, Position};
use crate::metrics::realised::implied_to_realised;
use crate::metrics::yields::PutYield;
use crate::tick::Rounding;

/// What S4 is.
pub const CARD: Card = Card {
    name: "csp_yield",
    code: "S4",
    role: Role::Signal,
    looks_for: "puts to sell against cash: a fair yield at the bid, dear volatility, no report before expiration",
    reference: REFERENCE,
};

const REFERENCE: &str = "\
# Puts sold against cash. A high share of wins is no edge: one loss is many times a credit. Off by default.
#enabled = false
# Calendar days to expiration; those at or below exit_dte are left out.
#dte = [21, 45]
# Delta without its sign.
#abs_delta = [0.12, 0.22]
# Price of the underlying, dollars: what a contract binds is a hundred times the strike.
#spot = [10.0, 300.0]
# Yield a year on the collateral less the credit, at the bid, percent; above the second number it is too good to be true.
#annual_roc_pct = [12.0, 80.0]
# Volatility is dear: IV rank at least this …
#min_iv_rank = 30.0
# … or IV30 over HV20 at least this.
#min_iv_to_hv20 = 1.1
# Largest spread as a percentage of mid.
#max_spread_pct = 8.0
# Smallest open interest in contracts.
#min_open_interest = 250
# The trend holds: the close above its 200-session average, or below its highest of a year by less than this, percent.
#max_drawdown_pct = 15.0
# The breakeven is at least so many expected moves (one standard deviation) below the price.
#min_breakeven_moves = 0.8
# Fire although the company reports before expiration.
#allow_earnings = false
# Sell at bid + this share of the spread.
#sell_spread_share = 0.0
# The limit to sell at stands for so long.
#validity_minutes = 30
# Buy back when this share of the credit is earned, percent.
#target_pct = 50.0
# Buy back when this share of the credit is lost, percent.
#stop_pct = 200.0
# Buy back when calendar days to expiration come down to this.
#exit_dte = 21
";

/// S4's settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CspYield {
    /// Whether it runs.
    pub enabled: bool,
    /// Calendar days to expiration, from and to.
    pub dte: [i32; 2],
    /// Delta without its sign, from and to.
    pub abs_delta: [f64; 2],
    /// The underlying's price, dollars, from and to.
    pub spot: [f64; 2],
    /// Yield a year on net collateral at the bid, percent, from and to.
    pub annual_roc_pct: [f64; 2],
    /// IV rank at least this …
    pub min_iv_rank: f64,
    /// … or IV30 over HV20 at least this.
    pub min_iv_to_hv20: f64,
    /// Largest spread, percent of mid.
    pub max_spread_pct: f64,
    /// Smallest open interest, contracts.
    pub min_open_interest: u32,
    /// The close is above its 200-session average, or below its highest of a year by less than this, percent.
    pub max_drawdown_pct: f64,
    /// The breakeven is so many expected moves below the price.
    pub min_breakeven_moves: f64,
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
    /// Buy back when calendar days to expiration come down to this.
    pub exit_dte: i32,
}

impl Default for CspYield {
    fn default() -> Self {
        Self {
            enabled: false,
            dte: [21, 45],
            abs_delta: [0.12, 0.22],
            spot: [10.0, 300.0],
            annual_roc_pct: [12.0, 80.0],
            min_iv_rank: 30.0,
            min_iv_to_hv20: 1.1,
            max_spread_pct: 8.0,
            min_open_interest: 250,
            max_drawdown_pct: 15.0,
            min_breakeven_moves: 0.8,
            allow_earnings: false,
            sell_spread_share: 0.0,
            validity_minutes: 30,
            target_pct: 50.0,
            stop_pct: 200.0,
            exit_dte: 21,
        }
    }
}

/// What is asked of one put.
struct Numbers {
    annual_roc_pct: Option<f64>,
    iv_to_hv20: Option<f64>,
    value: Option<ExpectedValue>,
    breakeven_moves: Option<f64>,
}

impl Numbers {
    fn of(case: &Case<'_>) -> Self {
        let Case { contract, underlying, .. } = case;
        let volatilities = &underlying.volatilities;
        let symbol = &contract.quote.symbol;
        let entry = entry(contract);
        let forecast = volatilities.realised.forecast;
        let at_the_money = volatilities.at_the_money.get(&(symbol.root, symbol.expiration)).copied();
        let one_sigma =
            contract.spot.and_then(|spot| ExpectedMove::of(spot, at_the_money, contract.dte, None).one_sigma);
        let distance = entry.and_then(|entry| Some(entry.spot - entry.breakeven_price()?));
        Self {
            annual_roc_pct: annual_roc_pct(contract),
            iv_to_hv20: implied_to_realised(volatilities.iv30, volatilities.realised.hv20),
            value: entry.zip(contract.market).and_then(|(entry, market)| ExpectedValue::of(&entry, market, forecast)),
            breakeven_moves: distance.zip(one_sigma).map(|(distance, sigma)| distance / sigma),
        }
    }
}

/// The put as it would be sold: at the bid.
fn entry(contract: &ContractView<'_>) -> Option<Entry> {
    let (position, strike) = (Position::CashSecuredPut, contract.quote.symbol.strike.dollars());
    Some(Entry { position, spot: contract.spot?, strike, price: contract.bid.dollars() })
}

fn annual_roc_pct(contract: &ContractView<'_>) -> Option<f64> {
    PutYield::of(&entry(contract)?, contract.dte)?.annual_pct
}

impl Strategy for CspYield {
    fn needs(&self) -> Needs {
        Needs { volatilities: true, earnings: !self.allow_earnings, ..Needs::default() }
    }

    fn screen(&self, contract: &ContractView<'_>, config: &AnalysisConfig) -> Vec<Check> {
        // One that is entered at its exit's days to expiration would be left at once.
        let from = self.dte[0].max(self.exit_dte.saturating_add(1));
        let roc = annual_roc_pct(contract);
        let open_interest = contract.open_interest.map(|n| n as f64);
        let mut checks = vec![kind(contract, OptionKind::Put)];
        checks.extend(dte(contract, [from, self.dte[1]]));
        checks.extend(abs_delta(contract, self.abs_delta));
        checks.extend([
            Check::new("spot_min", contract.spot, Operator::AtLeast, self.spot[0]),
            Check::new("spot_max", contract.spot, Operator::AtMost, self.spot[1]),
            Check::new("spread_pct", Some(contract.spread_pct), Operator::AtMost, self.max_spread_pct),
            Check::new("open_interest", open_interest, Operator::AtLeast, self.min_open_interest.into()),
            Check::new("annual_roc_pct", roc, Operator::AtLeast, self.annual_roc_pct[0]),
            self.net_check(contract, config),
        ]);
        checks
    }

    fn pre_gate(&self, underlying: &UnderlyingView<'_>) -> Vec<Check> {
        let above = Check::new("close_to_sma200", underlying.state.close_to_sma200, Operator::Above, 1.0);
        let near = Check::new("drawdown_pct", underlying.drawdown_pct, Operator::Below, self.max_drawdown_pct);
        let volatilities = &underlying.volatilities;
        let ratio = implied_to_realised(volatilities.iv30, volatilities.realised.hv20);
        let ranked = Check::new("iv_rank", volatilities.rank.rank, Operator::AtLeast, self.min_iv_rank);
        let rich = Check::new("iv_to_hv20", ratio, Operator::AtLeast, self.min_iv_to_hv20);
        let mut checks = either("trend", above, near).to_vec();
        checks.extend(either("dear_volatility", ranked, rich));
        checks
    }

    fn judge(&self, case: &Case<'_>, config: &AnalysisConfig) -> Judgement {
        let Case { contract, underlying, .. } = case;
        let numbers = Numbers::of(case);
        let per_share = numbers.value.map(|value| value.per_share);
        let earnings = no_earnings(contract, underlying);
        let mut checks = self.screen(contract, config);
        checks.extend(self.pre_gate(underlying));
        checks.extend([
            Check::new("too_good", numbers.annual_roc_pct, Operator::AtMost, self.annual_roc_pct[1]),
            if self.allow_earnings { scored(earnings) } else { earnings },
            Check::new("expected_value", per_share, Operator::Above, 0.0),
            Check::new("breakeven_moves", numbers.breakeven_moves, Operator::AtLeast, self.min_breakeven_moves),
        ]);
        let least = self.annual_roc_pct[0];
        let parts = vec![
            part("yield", 30.0, numbers.annual_roc_pct.map(|roc| (roc - least) / 28.0)),
            part("iv_rank", 20.0, underlying.volatilities.rank.rank.map(|rank| (rank - self.min_iv_rank) / 50.0)),
            part("iv_to_hv", 10.0, numbers.iv_to_hv20.map(|ratio| (ratio - 1.0) / 0.5)),
            part("breakeven", 20.0, numbers.breakeven_moves.map(|moves| (moves - self.min_breakeven_moves) / 0.8)),
            part("spread", 20.0, Some((0.08 - contract.spread_pct / 100.0) / 0.06)),
        ];
        Judgement { checks, score: Score { parts }, flags: vec!["short"] }
    }

    fn rules(&self, _config: &AnalysisConfig) -> PlanRules {
        PlanRules {
            direction: Side::Short,
            spread_share: self.sell_spread_share,
            rounding: Rounding::Nearest,
            validity_minutes: self.validity_minutes,
            target_pct: self.target_pct,
            stop_pct: self.stop_pct,
            exit_dte: self.exit_dte,
            ..PlanRules::default()
        }
    }

    fn problems(&self, all: &mut Problems) {
        all.days("dte", self.dte);
        all.range("abs_delta", self.abs_delta, 0.0, 1.0);
        all.range("spot", self.spot, 0.0, 1e6);
        all.range("annual_roc_pct", self.annual_roc_pct, 0.0, 10_000.0);
        all.number("min_iv_rank", self.min_iv_rank, 0.0, 100.0);
        all.number("min_iv_to_hv20", self.min_iv_to_hv20, 0.0, 100.0);
        all.number("max_spread_pct", self.max_spread_pct, 0.0, 200.0);
        all.number("max_drawdown_pct", self.max_drawdown_pct, 0.0, 100.0);
        all.number("min_breakeven_moves", self.min_breakeven_moves, -10.0, 10.0);
        self.rules(&AnalysisConfig::default()).problems("sell_spread_share", all);
        if self.dte[1] <= self.exit_dte {
            all.say("dte", "must reach beyond exit_dte, or every trade is left at once");
        }
    }
}
