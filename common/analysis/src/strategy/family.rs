//! Strategies that differ in their settings alone: one family has the logic ([`super::reversal`], [`super::cross`]), and the file
//! of each member says with what.

use fleet_core::domain::Check;

use super::{Case, ContractView, Judgement, Listed, Needs, PlanRules, Problems, Strategy, UnderlyingView};
use crate::config::AnalysisConfig;

/// A strategy that is one of a family and nothing else.
pub(super) trait Member: Listed + std::fmt::Debug + Send + Sync {
    /// Whose logic it has.
    type Family: Family;

    /// The family with this member's settings.
    fn family(&self) -> Self::Family;
    /// A sentence for every setting out of range that the family does not know.
    fn own_problems(&self, _all: &mut Problems) {}
}

/// What the members of a family have in common: a [`Strategy`] but for its place in the list.
pub(super) trait Family {
    /// As [`Strategy::needs`].
    fn needs(&self) -> Needs;
    /// As [`Strategy::screen`].
    fn screen(&self, contract: &ContractView<'_>, config: &AnalysisConfig) -> Vec<Check>;
    /// As [`Strategy::pre_gate`].
    fn pre_gate(&self, underlying: &UnderlyingView<'_>) -> Vec<Check>;
    /// As [`Strategy::judge`].
    fn judge(&self, case: &Case<'_>, config: &AnalysisConfig) -> Judgement;
    /// As [`Strategy::rules`].
    fn rules(&self) -> PlanRules;
    /// As [`Strategy::problems`].
    fn problems(&self, all: &mut Problems);
}

impl<M: Member> Strategy for M {
    fn needs(&self) -> Needs {
        self.family().needs()
    }

    fn screen(&self, contract: &ContractView<'_>, config: &AnalysisConfig) -> Vec<Check> {
        self.family().screen(contract, config)
    }

    fn pre_gate(&self, underlying: &UnderlyingView<'_>) -> Vec<Check> {
        self.family().pre_gate(underlying)
    }

    fn judge(&self, case: &Case<'_>, config: &AnalysisConfig) -> Judgement {
        self.family().judge(case, config)
    }

    fn rules(&self, _config: &AnalysisConfig) -> PlanRules {
        self.family().rules()
    }

    fn problems(&self, all: &mut Problems) {
        self.own_problems(all);
        self.family().problems(all);
    }
}
