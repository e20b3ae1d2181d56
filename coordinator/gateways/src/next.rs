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

/// A set that an order may use instead of a new one: kept warm, of the same specification, in the same Regions, complete.
/// Pure.
#[must_use]
pub fn reusable<'a>(sets: &'a [GatewaySet], order: &Order, spec: &SpecHash, now: Timestamp) -> Option<&'a GatewaySet> {
    let wanted: BTreeSet<&Region> = order.regions.iter().collect();
    let apis = |set: &GatewaySet| set.intents.iter().filter(|i| i.id.kind() == ResourceKind::RestApi).count();
    let count = wanted.len() * usize::try_from(order.per_region.max(1)).unwrap_or(usize::MAX);
    let complete =
        |set: &GatewaySet| set.intents.iter().all(|i| i.wanted && matches!(i.state, IntentState::Ready { .. }));
    sets.iter().find(|set| {
        set.is_live(now)
            && set.holder.is_none()
            && set.spec_hash == *spec
            && set.regions().iter().collect::<BTreeSet<_>>() == wanted
            && apis(set) == count
            && complete(set)
    })
}
