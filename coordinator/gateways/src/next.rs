//! Bringing up, decided: what is to be done next for each thing, and whether a set that is there will do. Pure.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::region::Region;
use crate::resource::{ResourceId, ResourceKind};
use crate::set::{GatewaySet, Intent, IntentPart, IntentState, Order};
use crate::spec::SpecHash;

/// What is to be done next for an intent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Ask for it.
    Create,
    /// An attempt has no answer: look for what it made.
    Find {
        /// When it was asked for.
        since: Timestamp,
    },
    /// Describe and deploy an API.
    Deploy(ResourceId),
    /// A plan has nothing more to be done to it.
    Enough,
    /// Let a key use the plan.
    Join {
        /// The key.
        key: ResourceId,
        /// The plan.
        plan: ResourceId,
    },
    /// Something else must come first.
    Wait,
    /// Nothing.
    Done,
}

/// What is to be done next for one of a Region's intents.
#[must_use]
pub fn next(intent: &Intent, region: &[Intent]) -> Next {
    let ready = |intent: &Intent| matches!(intent.state, IntentState::Ready { .. });
    let apis_ready = region.iter().filter(|other| other.id.kind() == ResourceKind::RestApi).all(ready);
    let plan = region.iter().find(|other| other.id.part == IntentPart::UsagePlan).and_then(Intent::resource);
    match (&intent.state, intent.id.kind()) {
        (IntentState::Planned, ResourceKind::UsagePlan) if !apis_ready => Next::Wait,
        (IntentState::Planned, _) => Next::Create,
        (IntentState::Attempted { at }, _) => Next::Find { since: *at },
        (IntentState::Made { resource, .. }, ResourceKind::RestApi) => Next::Deploy(resource.clone()),
        (IntentState::Made { .. }, ResourceKind::UsagePlan) => Next::Enough,
        (IntentState::Made { resource, .. }, ResourceKind::ApiKey) => match plan {
            Some(plan) => Next::Join { key: resource.clone(), plan: plan.clone() },
            None => Next::Wait,
        },
        (IntentState::Ready { .. } | IntentState::Gone, _) => Next::Done,
    }
}

/// What a run asks for, in all.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// The set.
    pub order: &'a Order,
    /// What its gateways are to be.
    pub spec: &'a SpecHash,
    /// In how many Regions at least.
    pub least: usize,
}

/// A set that may be used instead of a new one: kept warm, of the same specification, made for the same Regions, and up in
/// enough of them. (A Region where it failed, and was undone, would fail again.)
#[must_use]
pub fn reusable<'a>(sets: &'a [GatewaySet], asked: &Asked<'_>, now: Timestamp) -> Option<&'a GatewaySet> {
    let wanted: BTreeSet<&Region> = asked.order.regions.iter().collect();
    let per_region = usize::try_from(asked.order.per_region.max(1)).unwrap_or(usize::MAX);
    let is_up = |set: &GatewaySet, region: &Region| {
        let ready = |intent: &Intent| intent.wanted && matches!(intent.state, IntentState::Ready { .. });
        set.in_region(region).all(ready)
    };
    let is_undone = |set: &GatewaySet, region: &Region| set.in_region(region).all(|intent| !intent.wanted);
    let apis = |set: &GatewaySet, region: &Region| {
        set.in_region(region).filter(|i| i.id.kind() == ResourceKind::RestApi).count()
    };
    sets.iter().find(|set| {
        let regions = set.regions();
        set.is_live(now)
            && set.holder.is_none()
            && set.spec_hash == *asked.spec
            && regions.iter().collect::<BTreeSet<_>>() == wanted
            && regions.iter().all(|region| apis(set, region) == per_region)
            && regions.iter().all(|region| is_up(set, region) || is_undone(set, region))
            && regions.iter().filter(|region| is_up(set, region)).count() >= asked.least.max(1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::region::AccountId;
    use crate::set::{Entropy, Opening, SetId};
    use crate::tags::OwnerTag;
    use fleet_core::seams::Holder;

    fn order() -> Order {
        Order {
            set: SetId::parse("set").unwrap(),
            holder: Holder("run".to_owned()),
            regions: ["us-east-1", "us-west-2"].map(|code| Region::parse(code).unwrap()).to_vec(),
            per_region: 1,
            expires_at: at(100),
            entropy: Entropy([0; 32]),
        }
    }

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_second(secs).unwrap()
    }

    fn drawn() -> GatewaySet {
        let opening = Opening {
            account: AccountId("1".to_owned()),
            owner: OwnerTag::parse("desk").unwrap(),
            spec_hash: SpecHash("a".to_owned()),
            at: at(0),
        };
        GatewaySet::draw(&order(), opening)
    }

    fn id(text: &str) -> ResourceId {
        ResourceId(text.to_owned())
    }

    fn made(text: &str) -> IntentState {
        IntentState::Made { resource: id(text), at: at(1) }
    }

    fn ready(text: &str) -> IntentState {
        IntentState::Ready { resource: id(text), at: at(1) }
    }

    /// The next steps of API, plan and key in these states.
    fn check(states: [IntentState; 3], expected: [Next; 3]) {
        let mut intents: Vec<Intent> = drawn().intents.into_iter().take(3).collect();
        for (intent, state) in intents.iter_mut().zip(states.clone()) {
            intent.state = state;
        }
        let steps: Vec<Next> = intents.iter().map(|intent| next(intent, &intents)).collect();
        assert_eq!(steps, expected, "{states:?}");
    }

    #[test]
    fn each_thing_is_made_as_soon_as_what_it_needs_is_there() {
        use IntentState::{Attempted, Gone, Planned};
        let join = || Next::Join { key: id("k"), plan: id("p") };
        check([Planned, Planned, Planned], [Next::Create, Next::Wait, Next::Create]);
        check([made("a"), Planned, made("k")], [Next::Deploy(id("a")), Next::Wait, Next::Wait]);
        check([ready("a"), Planned, Planned], [Next::Done, Next::Create, Next::Create]);
        check([ready("a"), made("p"), made("k")], [Next::Done, Next::Enough, join()]);
        check([ready("a"), ready("p"), made("k")], [Next::Done, Next::Done, join()]);
        check([ready("a"), ready("p"), ready("k")], [Next::Done, Next::Done, Next::Done]);
        let find = || Next::Find { since: at(7) };
        let lost = || Attempted { at: at(7) };
        check([lost(), lost(), lost()], [find(), find(), find()]);
        check([Gone, Gone, Gone], [Next::Done, Next::Done, Next::Done]);
    }

    #[test]
    fn a_set_that_was_kept_warm_fits_only_what_it_was_made_for() {
        let warm = || {
            let mut set = drawn();
            set.holder = None;
            set.intents.iter_mut().for_each(|intent| intent.state = ready("x"));
            set
        };
        let (order, spec) = (order(), SpecHash("a".to_owned()));
        let fits = |set: &GatewaySet, least: usize, now: i64| {
            reusable(std::slice::from_ref(set), &Asked { order: &order, spec: &spec, least }, at(now)).is_some()
        };
        assert!(fits(&warm(), 2, 50));
        assert!(!fits(&warm(), 2, 100), "its lease is over");
        let but = |change: &dyn Fn(&mut GatewaySet)| {
            let mut set = warm();
            change(&mut set);
            set
        };
        assert!(!fits(&but(&|set| set.holder = Some(Holder("other".to_owned()))), 2, 50), "held");
        assert!(!fits(&but(&|set| set.spec_hash = SpecHash("b".to_owned())), 2, 50), "other routes");
        assert!(!fits(&but(&|set| set.intents[0].state = made("x")), 1, 50), "not all of it is up");
        let undone = but(&|set| set.intents.iter_mut().take(3).for_each(|intent| intent.wanted = false));
        assert!(fits(&undone, 1, 50), "a Region where it failed");
        assert!(!fits(&undone, 2, 50), "too few Regions");
    }
}
