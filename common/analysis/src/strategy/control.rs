//! S0 `control`: a small fixed share of all contracts past the gates, followed like candidates and never alerted, so that
//! a strategy's results have something to be compared with.
//!
//! The lot is a hash of entry session and contract: repeating a scan in a session draws the same contracts. Only
//! contracts whose plan could pay are drawn, as for a signal; and only few of an underlying are followed at a time,
//! because each costs a request for bars at every scan.

use fleet_core::domain::{Check, EntryPlan, OccSymbol, Operator, Score};
use jiff::Timestamp;
use jiff::civil::Date;

use super::{ContractView, Judgement, Role, Strategy, long_plan, potential};
use crate::config::AnalysisConfig;
use crate::indicators::{Indicators, UnderlyingState};

/// Controls of one underlying that are followed at a time: a comparison needs many underlyings, not many contracts of
/// one, and each control's bars are a request of every scan until it is left.
pub const MAX_PER_TICKER: usize = 2;

/// S0.
#[derive(Debug, Clone, Copy)]
pub struct ControlStrategy;

/// A contract's lot of a session, 0 to 999.
#[must_use]
pub fn lot(entry_session: Date, symbol: &OccSymbol) -> u32 {
    // FNV-1a, then the finaliser of MurmurHash3: FNV alone leaves the low bits of similar texts alike.
    let mut hash: u64 = 14_695_981_039_346_656_037;
    for byte in format!("{entry_session}|{symbol}").bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(1_099_511_628_211);
    }
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    ((hash ^ (hash >> 33)) % 1000) as u32
}

impl Strategy for ControlStrategy {
    fn name(&self) -> &'static str {
        "control"
    }

    fn code(&self) -> &'static str {
        "S0"
    }

    fn role(&self) -> Role {
        Role::Control
    }

    fn dte_window(&self, config: &AnalysisConfig) -> Option<(i32, i32)> {
        let rules = &config.strategies.control;
        rules.enabled.then_some((rules.dte[0], rules.dte[1]))
    }

    fn screen(&self, contract: &ContractView<'_>, config: &AnalysisConfig) -> Vec<Check> {
        let rules = &config.strategies.control;
        let dte = Some(f64::from(contract.dte));
        let lot = f64::from(lot(contract.entry_session, &contract.quote.symbol));
        let plan = self.plan(contract, Timestamp::UNIX_EPOCH, config);
        let potential = potential(contract, &plan, config);
        vec![
            Check::new("dte_min", dte, Operator::AtLeast, rules.dte[0].into()),
            Check::new("dte_max", dte, Operator::AtMost, rules.dte[1].into()),
            Check::new("lot", Some(lot), Operator::Below, rules.per_mille.into()),
            Check::new("gross_pct", potential.map(|p| p.gross_pct), Operator::Above, 0.0),
            Check::new("net_pct", potential.map(|p| p.net_pct), Operator::AtLeast, config.costs.min_net_pct),
        ]
    }

    fn pre_gate(&self, _underlying: &UnderlyingState, _config: &AnalysisConfig) -> Option<Check> {
        None
    }

    fn judge(
        &self,
        contract: &ContractView<'_>,
        _underlying: &UnderlyingState,
        _indicators: &Indicators,
        config: &AnalysisConfig,
    ) -> Judgement {
        Judgement { checks: self.screen(contract, config), score: Score::default() }
    }

    fn plan(&self, contract: &ContractView<'_>, at: Timestamp, config: &AnalysisConfig) -> EntryPlan {
        long_plan(contract, at, &config.strategies.oversold_call, config.costs.commission)
    }

    fn flags(&self) -> &'static [&'static str] {
        &[]
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn lots_are_fixed_for_ever_and_spread_evenly() {
        let symbol = OccSymbol::parse("TSLA270319C00450000").unwrap();
        assert_eq!(lot(date(2026, 11, 20), &symbol), lot(date(2026, 11, 20), &symbol));
        let low = (1..=9999)
            .filter(|strike| {
                let symbol = OccSymbol::parse(&format!("TSLA270319C{:08}", strike * 500)).unwrap();
                lot(date(2026, 11, 20), &symbol) < 100
            })
            .count();
        assert!((850..1150).contains(&low), "{low} of about 1000");
    }
}
