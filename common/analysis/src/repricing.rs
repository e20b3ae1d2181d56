//! Which contracts are priced once more with cash dividends: candidates but controls, and what followed signals hold.
//! Nobody acts on a control, and its comparison is with what signals were judged by.

use std::collections::{BTreeMap, BTreeSet};

use fleet_core::domain::{Candidate, PricingModel};

use crate::cash_dividends::{CashDividends, Repriced};
use crate::stage::Stage;

/// The contracts of one ticker that were priced once more, by row.
#[derive(Debug, Default)]
pub(crate) struct Repricing {
    /// With cash dividends.
    repriced: BTreeMap<usize, Repriced>,
    /// With a yield after all: what their prices may be off by, dollars.
    bounds: BTreeMap<usize, f64>,
}

impl Repricing {
    /// Of what fired, controls not yet among it.
    pub(crate) fn of(stage: &Stage<'_>, candidates: &[Candidate]) -> Self {
        let fired = candidates.iter().map(|candidate| candidate.symbol);
        let held = stage.followed_signals().map(|trade| trade.symbol);
        let rows: BTreeSet<usize> = fired.chain(held).filter_map(|symbol| stage.rows.by_symbol.get(&symbol)).collect();
        let mut repricing = Self::default();
        if rows.is_empty() {
            return repricing;
        }
        let Some(cash) = CashDividends::of(stage.snapshot, stage.config, stage.sifting) else { return repricing };
        for row in rows {
            if let Some(repriced) = cash.reprice(row) {
                repricing.repriced.insert(row, repriced);
            } else if let Some(bound) = cash.bound(row) {
                repricing.bounds.insert(row, bound);
            }
        }
        repricing
    }

    /// Rows with cash dividends.
    pub(crate) fn rows(&self) -> impl Iterator<Item = usize> {
        self.repriced.keys().copied()
    }

    /// A row with cash dividends.
    pub(crate) fn get(&self, row: usize) -> Option<&Repriced> {
        self.repriced.get(&row)
    }

    /// A row's model, with what its dividends as a yield may cost.
    pub(crate) fn bounded(&self, row: usize, model: Option<PricingModel>) -> Option<PricingModel> {
        let dividend_bound = self.bounds.get(&row).copied();
        model.map(|model| PricingModel { dividend_bound, ..model })
    }

    /// Tells a candidate what it is worth with cash dividends.
    pub(crate) fn tell(&self, row: usize, candidate: &mut Candidate) {
        candidate.model = self.bounded(row, candidate.model);
        if let Some(Repriced { told, .. }) = self.get(row) {
            candidate.iv = Some(told.iv);
            candidate.delta = Some(told.delta);
            candidate.model = Some(told.model);
        }
    }
}
