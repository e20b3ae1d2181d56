//! Strategies: named sets of checks, a score and a plan, each with its own settings.
//!
//! ```text
//! screen   what the chain alone decides          → eligible contracts
//! pre_gate what the underlying's bars and history decide → before any contract's bars are asked for
//! judge    everything, as one `Case`             → checks, score, flags
//! plan     where to enter and when to leave
//! ```
//!
//! Adding one is one file here and one line in the list below: the file holds the settings with their defaults, ranges
//! and annotated TOML, and the strategy; configuration, reference file, funnel and reports follow from the list. The
//! worked example is in ARCHITECTURE.md.
//!
//! Promises: a strategy reads its own settings, the [`Case`] it is given and the costs, nothing else; every check has its
//! value; what is not known is unknown and never passes.

#[macro_use]
mod registry;
mod checks;
pub(crate) mod cross;
mod family;
mod plans;
mod problems;
mod reversal;
mod room;
mod underlying;
mod views;

use std::borrow::Cow;

use fleet_core::domain::{Check, EntryPlan, Score, ScorePart};
use jiff::Timestamp;

use crate::config::AnalysisConfig;

pub use plans::{PlanRules, Potential, potential};
pub use problems::Problems;
pub use room::Room;
pub use underlying::{Earnings, UnderlyingView, Volatilities};
pub use views::{Case, ContractView};

strategies! {
    oversold_call: OversoldCall,
    oversold_put: OversoldPut,
    unusual_volume: UnusualVolume,
    cheap_iv: CheapIv,
    csp_yield: CspYield,
    sma_cross: SmaCross,
    macd_cross: MacdCross,
    covered_call_yield: CoveredCallYield,
    control: Control,
}

/// What a strategy is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It finds candidates.
    Signal,
    /// It takes contracts by lot, for comparison; never alerted.
    Control,
}

/// What a strategy is, whatever its settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Card {
    /// Its name in configuration, funnel and records.
    pub name: &'static str,
    /// Its code in notices and tables.
    pub code: &'static str,
    /// What it is for.
    pub role: Role,
    /// What it looks for, one sentence for people.
    pub looks_for: &'static str,
    /// The lines below `[strategies.<name>]` of the annotated configuration file: every setting commented out with its
    /// default, a reason above it.
    pub reference: &'static str,
}

/// What a strategy cannot do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Needs {
    /// The contract's own daily bars: a request each, for as many contracts as there is room for.
    pub own_bars: bool,
    /// The underlying's volatilities (implied at 30 days, realised, their history) and how its contracts were traded.
    pub volatilities: bool,
    /// Sessions of the underlying's IV history; it is dark until the store has so many.
    pub history_sessions: Option<u32>,
    /// When the underlying reports: where that is not known it does not fire.
    pub earnings: bool,
}

/// What was found of a contract that was looked at.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Judgement {
    /// Every check, in a fixed order.
    pub checks: Vec<Check>,
    /// Orders candidates.
    pub score: Score,
    /// Words that go with the candidate.
    pub flags: Vec<&'static str>,
}

/// What every strategy says of itself. The list writes it.
pub trait Listed {
    /// What it is.
    fn card(&self) -> &'static Card;
    /// Whether it runs.
    fn enabled(&self) -> bool;
    /// Calendar days to expiration it looks at, from and to.
    fn dte(&self) -> [i32; 2];
}

/// A named set of checks, a score and a plan, with its settings.
pub trait Strategy: Listed + std::fmt::Debug + Send + Sync {
    /// What it cannot do without.
    fn needs(&self) -> Needs;
    /// Checks that need no bars. A contract that passes all of them is eligible.
    fn screen(&self, contract: &ContractView<'_>, config: &AnalysisConfig) -> Vec<Check>;
    /// Checks of the underlying alone. Unless all pass, no contract's bars are asked for on its behalf.
    fn pre_gate(&self, underlying: &UnderlyingView<'_>) -> Vec<Check>;
    /// All checks (those of screen and pre-gate among them) and the score.
    fn judge(&self, case: &Case<'_>, config: &AnalysisConfig) -> Judgement;
    /// Where to enter and when to leave.
    fn rules(&self, config: &AnalysisConfig) -> PlanRules;
    /// A sentence for every setting that is out of range.
    fn problems(&self, all: &mut Problems);

    /// Whether what is left after costs is worth it.
    fn net_check(&self, contract: &ContractView<'_>, config: &AnalysisConfig) -> Check {
        plans::net_check(contract, &self.rules(config), config)
    }

    /// The plan for one contract.
    fn plan(&self, contract: &ContractView<'_>, at: Timestamp, config: &AnalysisConfig) -> EntryPlan {
        plans::plan(contract, at, &self.rules(config), config.costs.commission)
    }
}

impl Strategies {
    /// The enabled ones of a role with their places in the list.
    pub fn enabled(&self, role: Role) -> impl Iterator<Item = (usize, &dyn Strategy)> {
        self.each().into_iter().enumerate().filter(move |(_, s)| s.enabled() && s.card().role == role)
    }

    /// Places in the list of the enabled ones that want contracts' own bars.
    #[must_use]
    pub fn of_own_bars(&self) -> Vec<usize> {
        self.enabled(Role::Signal).filter(|(_, s)| s.needs().own_bars).map(|(at, _)| at).collect()
    }
}

/// The code of a strategy in notices; its name where nobody knows it (any more).
#[must_use]
pub fn code_of(name: &str) -> &str {
    cards().into_iter().find(|card| card.name == name).map_or(name, |card| card.code)
}

/// The strategies' part of the annotated configuration file.
#[must_use]
pub fn reference() -> String {
    let section = |card: &&Card| format!("[strategies.{}]\n{}", card.name, card.reference);
    cards().iter().map(section).collect::<Vec<_>>().join("\n")
}

/// A part of a score: `share` of `max` points, held to 0..=1; unknown, it gives none and the maximum stays.
fn part(name: &'static str, max: f64, share: Option<f64>) -> ScorePart {
    let share = share.filter(|share| share.is_finite());
    let points = share.map_or(0.0, |share| max * share.clamp(0.0, 1.0));
    ScorePart { name: Cow::Borrowed(name), points, max, unknown: share.is_none() }
}

/// A condition as a number: 1 where it holds.
fn holds(condition: bool) -> f64 {
    f64::from(u8::from(condition))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_is_named_like_its_table() {
        let tables = serde_json::to_value(Strategies::default()).unwrap();
        let tables = tables.as_object().unwrap();
        assert_eq!(tables.len(), cards().len());
        let mut codes = std::collections::BTreeSet::new();
        for (card, strategy) in cards().into_iter().zip(Strategies::default().each()) {
            assert!(tables.contains_key(card.name), "{} has no table", card.name);
            assert_eq!(card, strategy.card());
            assert_eq!(place_text(card.name), Some(format!("strategy:{}", card.name).as_str()));
            assert_eq!(code_of(card.name), card.code);
            assert!(codes.insert(card.code), "{} is used twice", card.code);
        }
    }
}
