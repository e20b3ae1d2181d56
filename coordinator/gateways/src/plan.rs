//! From a picture to steps: what is deleted, in which order. Pure, and the only place that decides to delete anything.
//!
//! In each Region waves follow each other; the steps of a wave may run side by side.
//!
//! - One API: the API, then its plan, then its key. Three calls, no stage to delete first.
//! - Several APIs, of which AWS deletes one in 30 s: *disarm* first (stages, plan, key: nothing answers any more), then
//!   *reap* the APIs.
//! - A plan that was refused twice because stages are attached to it: the stages are taken out of it first. Only those
//!   whose API is not somebody else's; a plan that somebody attached a stage of theirs to is left alone.

use std::collections::{BTreeMap, BTreeSet};

use crate::picture::Picture;
use crate::quota::Operation;
use crate::region::Region;
use crate::resource::{AttachedStage, Resource, ResourceKind, ResourceRef};

/// A plan is refused so often before its stages are taken out of it.
const REFUSALS_BEFORE_DETACHING: u32 = 2;

/// One call that deletes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum DeleteStep {
    /// The stage of an API: it stops answering.
    Stage(ResourceRef),
    /// One stage's place in a usage plan.
    Detach {
        /// The plan.
        plan: ResourceRef,
        /// The stage.
        stage: AttachedStage,
    },
    /// The thing itself.
    Thing(ResourceRef),
}

impl DeleteStep {
    /// The operation it is.
    #[must_use]
    pub const fn operation(&self) -> Operation {
        match self {
            Self::Stage(_) => Operation::DeleteStage,
            Self::Detach { .. } => Operation::UpdateUsagePlan,
            Self::Thing(resource) => Operation::Delete(resource.kind),
        }
    }

    /// The thing it is about.
    #[must_use]
    pub const fn about(&self) -> &ResourceRef {
        match self {
            Self::Stage(resource) | Self::Thing(resource) => resource,
            Self::Detach { plan, .. } => plan,
        }
    }
}

/// What is to be done in one Region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegionWork {
    /// Where.
    pub region: Region,
    /// One after the other; never empty ones.
    pub waves: Vec<Vec<DeleteStep>>,
}

/// What earlier passes of one reconciliation learned.
#[derive(Debug, Clone, Default)]
pub struct Experience {
    /// Deleted, whatever lists show.
    pub gone: BTreeSet<ResourceRef>,
    /// How often deleting a plan was refused.
    pub refusals: BTreeMap<ResourceRef, u32>,
    /// Deleting these fails and will again (no permission): they are left.
    pub given_up: BTreeSet<ResourceRef>,
}

/// The steps that follow from a picture.
#[must_use]
pub fn plan(picture: &Picture, experience: &Experience) -> Vec<RegionWork> {
    let regions = picture.regions.keys();
    regions.map(|region| region_work(picture, experience, region)).filter(|work| !work.waves.is_empty()).collect()
}

fn region_work(picture: &Picture, experience: &Experience, region: &Region) -> RegionWork {
    let orphans: Vec<&Resource> = picture
        .orphans(region)
        .filter(|orphan| !experience.gone.contains(&orphan.at) && !experience.given_up.contains(&orphan.at))
        .collect();
    let of = |kind: ResourceKind| orphans.iter().copied().filter(move |orphan| orphan.at.kind == kind);
    let things = |kind| of(kind).map(|orphan| DeleteStep::Thing(orphan.at.clone())).collect::<Vec<_>>();

    let apis = things(ResourceKind::RestApi);
    let plans: Vec<&Resource> = of(ResourceKind::UsagePlan).filter(|plan| !picture.has_foreign_stage(plan)).collect();
    let stubborn = |plan: &&&Resource| {
        experience.refusals.get(&plan.at).is_some_and(|refusals| *refusals >= REFUSALS_BEFORE_DETACHING)
    };
    let detach: Vec<DeleteStep> = plans
        .iter()
        .filter(stubborn)
        .flat_map(|plan| {
            plan.stages.iter().map(|stage| DeleteStep::Detach { plan: plan.at.clone(), stage: stage.clone() })
        })
        .collect();
    let plans: Vec<DeleteStep> = plans.into_iter().map(|plan| DeleteStep::Thing(plan.at.clone())).collect();
    let keys = things(ResourceKind::ApiKey);

    let waves = if apis.len() <= 1 {
        vec![apis, detach, plans, keys]
    } else {
        let stages = of(ResourceKind::RestApi).map(|api| DeleteStep::Stage(api.at.clone())).collect();
        vec![stages, detach, plans, keys, apis]
    };
    RegionWork { region: region.clone(), waves: waves.into_iter().filter(|wave| !wave.is_empty()).collect() }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::picture::{Lapsed, Leases, Sight};
    use crate::resource::{ResourceId, StageName, Tags};
    use crate::tags::{OWNER, OwnerTag};

    fn region() -> Region {
        Region::parse("us-east-1").unwrap()
    }

    fn reference(kind: ResourceKind, id: &str) -> ResourceRef {
        ResourceRef { region: region(), kind, id: ResourceId(id.to_owned()) }
    }

    /// A thing of this owner's without a lease; a plan covers these APIs.
    fn thing(owner: &str, kind: ResourceKind, id: &str, covers: &[&str]) -> Resource {
        let stage = |api: &&str| AttachedStage { api: ResourceId((*api).to_owned()), stage: StageName::ours() };
        Resource {
            at: reference(kind, id),
            name: "optionfleet".to_owned(),
            created_at: None,
            tags: Tags::from([(OWNER.to_owned(), owner.to_owned())]),
            stages: covers.iter().map(stage).collect(),
        }
    }

    fn picture(resources: Vec<Resource>) -> Picture {
        let from = Timestamp::UNIX_EPOCH;
        Picture {
            owner: OwnerTag::parse("desk").unwrap(),
            now: from,
            leases: Leases::Honoured,
            lapsed: Lapsed::Wanted,
            sets: BTreeMap::new(),
            regions: BTreeMap::from([(region(), Sight::Seen { from, resources })]),
            expected: BTreeSet::new(),
            elsewhere: None,
        }
    }

    /// The waves of the one Region, each step in a word.
    fn waves(resources: Vec<Resource>, experience: &Experience) -> Vec<String> {
        let words = |step: &DeleteStep| match step {
            DeleteStep::Stage(api) => format!("stage of {}", api.id),
            DeleteStep::Detach { plan, stage } => format!("{} from {}", stage.api, plan.id),
            DeleteStep::Thing(thing) => thing.id.to_string(),
        };
        let wave = |steps: &Vec<DeleteStep>| steps.iter().map(words).collect::<Vec<_>>().join(", ");
        plan(&picture(resources), experience).iter().flat_map(|work| work.waves.iter().map(wave)).collect()
    }

    fn ours(apis: &[&str]) -> Vec<Resource> {
        let mut all = vec![
            thing("desk", ResourceKind::ApiKey, "key", &[]),
            thing("desk", ResourceKind::UsagePlan, "plan", apis),
            thing("other", ResourceKind::RestApi, "theirs", &[]),
        ];
        all.extend(apis.iter().map(|api| thing("desk", ResourceKind::RestApi, api, &[])));
        all
    }

    #[test]
    fn one_api_goes_first_and_several_are_disarmed_first() {
        let fresh = Experience::default();
        assert_eq!(waves(ours(&["a"]), &fresh), ["a", "plan", "key"]);
        assert_eq!(waves(ours(&["a", "b"]), &fresh), ["stage of a, stage of b", "plan", "key", "a, b"]);
        assert_eq!(waves(vec![thing("desk", ResourceKind::ApiKey, "key", &[])], &fresh), ["key"]);
        assert_eq!(waves(vec![thing("other", ResourceKind::ApiKey, "key", &[])], &fresh), [""; 0]);
    }

    #[test]
    fn a_plan_refused_twice_is_detached_first() {
        let plan = reference(ResourceKind::UsagePlan, "plan");
        let refused = |times| Experience { refusals: BTreeMap::from([(plan.clone(), times)]), ..Experience::default() };
        assert_eq!(waves(ours(&["a"]), &refused(1)), ["a", "plan", "key"]);
        assert_eq!(waves(ours(&["a"]), &refused(2)), ["a", "a from plan", "plan", "key"]);
    }

    #[test]
    fn a_plan_with_somebody_elses_stage_is_left() {
        let mut all = ours(&["a"]);
        all.push(thing("desk", ResourceKind::UsagePlan, "shared", &["a", "theirs"]));
        let plan = reference(ResourceKind::UsagePlan, "shared");
        let refused = Experience { refusals: BTreeMap::from([(plan, 5)]), ..Experience::default() };
        assert_eq!(waves(all, &refused), ["a", "plan", "key"]);
    }

    #[test]
    fn what_is_gone_or_given_up_is_not_tried_again() {
        let experience = Experience {
            gone: BTreeSet::from([reference(ResourceKind::RestApi, "a")]),
            given_up: BTreeSet::from([reference(ResourceKind::ApiKey, "key")]),
            ..Experience::default()
        };
        assert_eq!(waves(ours(&["a"]), &experience), ["plan"]);
    }
}
