//! A ticker on its way to a finding: the snapshot as it grows, and what its chain was found to be when it arrived.
//!
//! Promises: [`Examination::wanted`] and [`Examination::finish`] answer what [`crate::wanted`] and
//! [`crate::analyse_explained`] answer for the same snapshot; the chain is sifted once. Refuses: to change the chain.

use std::sync::Arc;

use fleet_core::domain::{BarSeries, ContractExplanation, Finding, Instrument, RequestCounts};

use crate::answer;
use crate::config::AnalysisConfig;
use crate::sifting::Sifting;
use crate::snapshot::{MarketSnapshot, Wanted};
use crate::stage::Stage;

/// A ticker on its way to a finding.
#[derive(Debug)]
pub struct Examination {
    snapshot: MarketSnapshot,
    config: Arc<AnalysisConfig>,
    sifting: Sifting,
}

impl Examination {
    /// Sifts the snapshot's chain. This is most of the work.
    #[must_use]
    pub fn begin(snapshot: MarketSnapshot, config: Arc<AnalysisConfig>) -> Self {
        let sifting = Sifting::of(&snapshot, &config);
        Self { snapshot, config, sifting }
    }

    /// The snapshot so far.
    #[must_use]
    pub const fn snapshot(&self) -> &MarketSnapshot {
        &self.snapshot
    }

    /// What to fetch next.
    #[must_use]
    pub fn wanted(&self) -> Wanted {
        crate::wanted_of(&self.stage())
    }

    /// Bars came.
    pub fn add(&mut self, series: BarSeries) {
        match &series.instrument {
            Instrument::Underlying(_) => self.snapshot.underlying_bars = Some(series),
            Instrument::Contract(symbol) => {
                let symbol = *symbol;
                self.snapshot.contract_bars.insert(symbol, series);
            }
        }
    }

    /// The requests it took, for the finding.
    pub fn note_requests(&mut self, requests: RequestCounts) {
        self.snapshot.requests = requests;
    }

    /// The one answer to a task, and what is known of each readable row, in the chain's order.
    #[must_use]
    pub fn finish(&self) -> (Finding, Vec<ContractExplanation>) {
        answer::assemble(&self.stage())
    }

    fn stage(&self) -> Stage<'_> {
        Stage::of(&self.snapshot, &self.config, &self.sifting)
    }
}
