//! S0 `control`: a small fixed share of all contracts past the gates, followed like candidates and never alerted, so that
//! a strategy's results have something to be compared with.
//!
//! The lot is a hash of entry session and contract: repeating a scan in a session draws the same contracts. Only
//! contracts whose plan could pay are drawn, as for a signal; and only few of an underlying are followed at a time,
//! because each costs a request for bars at every scan.

use fleet_core::domain::{Check, OccSymbol, Operator, Score};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{
    Card, Case, ContractView, Judgement, Needs, PlanRules, Problems, Role, Strategy, UnderlyingView, potential,
};
use crate::config::AnalysisConfig;

/// What S0 is.
pub const CARD: Card = Card {
    name: "control",
    code: "S0",
    role: Role::Control,
    looks_for: "nothing: a small fixed share of all contracts past the gates, for comparison with the other strategies",
    reference: REFERENCE,
};

const REFERENCE: &str = "\
# Contracts chosen by hash and followed with the same exits, for comparison. Never alerted, never in the table.
#enabled = true
# So many of a thousand.
#per_mille = 2
# Calendar days to expiration.
#dte = [45, 270]
";

/// Controls of one underlying that are followed at a time: a comparison needs many underlyings, not many contracts of
/// one, and each control's bars are a request of every scan until it is left.
pub const MAX_PER_TICKER: usize = 2;

/// S0's settings. Its plan is S1's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Control {
    /// Whether it runs.
    pub enabled: bool,
    /// Contracts of a thousand that become controls.
    pub per_mille: u32,
    /// Calendar days to expiration, from and to.
    pub dte: [i32; 2],
}

impl Default for Control {
    fn default() -> Self {
        Self { enabled: true, per_mille: 2, dte: [45, 270] }
    }
}

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

impl Strategy for Control {
    fn needs(&self) -> Needs {
        Needs::default()
    }

    fn screen(&self, contract: &ContractView<'_>, config: &AnalysisConfig) -> Vec<Check> {
        let dte = Some(f64::from(contract.dte));
        let lot = f64::from(lot(contract.entry_session, &contract.quote.symbol));
        let potential = potential(contract, &self.plan(contract, jiff::Timestamp::UNIX_EPOCH, config), config);
        vec![
            Check::new("dte_min", dte, Operator::AtLeast, self.dte[0].into()),
            Check::new("dte_max", dte, Operator::AtMost, self.dte[1].into()),
            Check::new("lot", Some(lot), Operator::Below, self.per_mille.into()),
            Check::new("gross_pct", potential.map(|p| p.gross_pct), Operator::Above, 0.0),
            Check::new("net_pct", potential.map(|p| p.net_pct), Operator::AtLeast, config.costs.min_net_pct),
        ]
    }

    fn pre_gate(&self, _underlying: &UnderlyingView<'_>) -> Vec<Check> {
        Vec::new()
    }

    fn judge(&self, case: &Case<'_>, config: &AnalysisConfig) -> Judgement {
        Judgement { checks: self.screen(case.contract, config), score: Score::default(), flags: Vec::new() }
    }

    fn rules(&self, config: &AnalysisConfig) -> PlanRules {
        config.strategies.oversold_call.rules(config)
    }

    fn problems(&self, all: &mut Problems) {
        all.count("per_mille", self.per_mille.into(), 0, 1000);
        all.days("dte", self.dte);
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
