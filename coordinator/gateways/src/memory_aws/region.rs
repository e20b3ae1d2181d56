//! What exists in one Region, and what each call does to it.
//!
//! Everything takes effect at once; only lists are late, each thing by its own seeded time, and an API or stage that is
//! deleted stays attached to its plan for a moment, as AWS does it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use tokio::time::Instant;

use super::seeded::{between, mix};
use crate::provider::{Conflict, Page, ProviderError};
use crate::quota::MAX_REST_APIS;
use crate::region::Region;
use crate::resource::{ApiKeyValue, AttachedStage, Resource, ResourceId, ResourceKind, ResourceRef, StageName, Tags};

/// The instant something happens at, on both clocks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stamp {
    pub(super) now: Instant,
    pub(super) wall: Timestamp,
}

/// One thing.
#[derive(Debug, Clone)]
struct Thing {
    name: String,
    tags: Tags,
    created_at: Timestamp,
    /// Lists show it from then on.
    listed_from: Instant,
    what: What,
}

#[derive(Debug, Clone)]
enum What {
    RestApi { methods: usize, stages: BTreeSet<StageName> },
    UsagePlan { attached: Vec<Attached>, keys: BTreeSet<ResourceId> },
    ApiKey { value: ApiKeyValue },
}

/// A stage in a plan; `until`: it is deleted, and detached then.
#[derive(Debug, Clone)]
struct Attached {
    stage: AttachedStage,
    until: Option<Instant>,
}

/// Everything in a Region.
#[derive(Debug, Clone, Default)]
pub(super) struct RegionWorld {
    things: BTreeMap<(ResourceKind, ResourceId), Thing>,
    /// Deleted, and still listed until then.
    ghosts: Vec<(Resource, Instant)>,
}

/// What is needed to make something.
pub(super) struct New {
    pub(super) at: ResourceRef,
    pub(super) name: String,
    pub(super) tags: Tags,
    /// Lists show it after this time.
    pub(super) lag: Duration,
}

fn not_found<T>(what: &str, id: &ResourceId) -> Result<T, ProviderError> {
    Err(ProviderError::NotFound(format!("{what} {id}")))
}

impl RegionWorld {
    fn thing(&mut self, kind: ResourceKind, id: &ResourceId) -> Result<&mut Thing, ProviderError> {
        match self.things.get_mut(&(kind, id.clone())) {
            Some(thing) => Ok(thing),
            None => not_found(kind.word(), id),
        }
    }

    fn insert(&mut self, new: New, what: What, at: &Stamp) -> ResourceId {
        let thing = Thing { name: new.name, tags: new.tags, created_at: at.wall, listed_from: at.now + new.lag, what };
        self.things.insert((new.at.kind, new.at.id.clone()), thing);
        new.at.id
    }

    pub(super) fn create_rest_api(&mut self, new: New, at: &Stamp) -> Result<ResourceId, ProviderError> {
        let there = self.things.keys().filter(|(kind, _)| *kind == ResourceKind::RestApi).count();
        if there >= MAX_REST_APIS {
            return Err(ProviderError::LimitReached(format!("{MAX_REST_APIS} regional REST APIs")));
        }
        Ok(self.insert(new, What::RestApi { methods: 0, stages: BTreeSet::new() }, at))
    }

    pub(super) fn put_rest_api(&mut self, api: &ResourceId, body: &str) -> Result<(), ProviderError> {
        let parsed: Value = serde_json::from_str(body)
            .map_err(|error| ProviderError::BadRequest(format!("invalid OpenAPI: {error}")))?;
        let Some(paths) = parsed["paths"].as_object() else {
            return Err(ProviderError::BadRequest("invalid OpenAPI: no paths".to_owned()));
        };
        let count = paths.values().filter_map(Value::as_object).map(serde_json::Map::len).sum();
        match &mut self.thing(ResourceKind::RestApi, api)?.what {
            What::RestApi { methods, .. } => *methods = count,
            What::UsagePlan { .. } | What::ApiKey { .. } => {}
        }
        Ok(())
    }

    pub(super) fn create_deployment(&mut self, api: &ResourceId, stage: &StageName) -> Result<(), ProviderError> {
        match &mut self.thing(ResourceKind::RestApi, api)?.what {
            What::RestApi { methods: 0, .. } => {
                Err(ProviderError::BadRequest("the REST API does not contain any methods".to_owned()))
            }
            What::RestApi { stages, .. } => {
                stages.insert(stage.clone());
                Ok(())
            }
            What::UsagePlan { .. } | What::ApiKey { .. } => Ok(()),
        }
    }

    fn has_stage(&self, wanted: &AttachedStage) -> bool {
        match self.things.get(&(ResourceKind::RestApi, wanted.api.clone())).map(|thing| &thing.what) {
            Some(What::RestApi { stages, .. }) => stages.contains(&wanted.stage),
            Some(What::UsagePlan { .. } | What::ApiKey { .. }) | None => false,
        }
    }

    pub(super) fn create_usage_plan(
        &mut self,
        new: New,
        stages: &[AttachedStage],
        at: &Stamp,
    ) -> Result<ResourceId, ProviderError> {
        if let Some(missing) = stages.iter().find(|stage| !self.has_stage(stage)) {
            return not_found("stage of REST API", &missing.api);
        }
        let attached = stages.iter().map(|stage| Attached { stage: stage.clone(), until: None }).collect();
        Ok(self.insert(new, What::UsagePlan { attached, keys: BTreeSet::new() }, at))
    }

    pub(super) fn create_api_key(
        &mut self,
        new: New,
        value: &ApiKeyValue,
        at: &Stamp,
    ) -> Result<ResourceId, ProviderError> {
        let taken = self.things.values().any(|thing| match &thing.what {
            What::ApiKey { value: other } => other == value,
            What::RestApi { .. } | What::UsagePlan { .. } => false,
        });
        if taken {
            return Err(ProviderError::Conflict(Conflict::AlreadyExists));
        }
        Ok(self.insert(new, What::ApiKey { value: value.clone() }, at))
    }

    pub(super) fn create_usage_plan_key(&mut self, plan: &ResourceId, key: &ResourceId) -> Result<(), ProviderError> {
        self.thing(ResourceKind::ApiKey, key)?;
        match &mut self.thing(ResourceKind::UsagePlan, plan)?.what {
            What::UsagePlan { keys, .. } => {
                let is_new = keys.insert(key.clone());
                if is_new { Ok(()) } else { Err(ProviderError::Conflict(Conflict::AlreadyExists)) }
            }
            What::RestApi { .. } | What::ApiKey { .. } => Ok(()),
        }
    }

    pub(super) fn detach_stage(&mut self, plan: &ResourceId, stage: &AttachedStage) -> Result<(), ProviderError> {
        match &mut self.thing(ResourceKind::UsagePlan, plan)?.what {
            What::UsagePlan { attached, .. } => {
                let before = attached.len();
                attached.retain(|attached| attached.stage != *stage);
                if attached.len() == before { not_found("stage of REST API", &stage.api) } else { Ok(()) }
            }
            What::RestApi { .. } | What::ApiKey { .. } => Ok(()),
        }
    }

    pub(super) fn tag(&mut self, at: &ResourceRef, tags: &Tags) -> Result<(), ProviderError> {
        self.thing(at.kind, &at.id)?.tags.extend(tags.clone());
        Ok(())
    }

    pub(super) fn delete_stage(
        &mut self,
        api: &ResourceId,
        stage: &StageName,
        at: &Stamp,
        detach_lag: Duration,
    ) -> Result<(), ProviderError> {
        match &mut self.thing(ResourceKind::RestApi, api)?.what {
            What::RestApi { stages, .. } => {
                if !stages.remove(stage) {
                    return not_found("stage of REST API", api);
                }
            }
            What::UsagePlan { .. } | What::ApiKey { .. } => {}
        }
        self.end_attachments(at.now + detach_lag, |attached| attached.api == *api && attached.stage == *stage);
        Ok(())
    }

    fn end_attachments(&mut self, until: Instant, of: impl Fn(&AttachedStage) -> bool) {
        for thing in self.things.values_mut() {
            if let What::UsagePlan { attached, .. } = &mut thing.what {
                for one in attached.iter_mut().filter(|one| one.until.is_none() && of(&one.stage)) {
                    one.until = Some(until);
                }
            }
        }
    }

    pub(super) fn delete(
        &mut self,
        reference: &ResourceRef,
        at: &Stamp,
        lags: (Duration, Duration),
    ) -> Result<(), ProviderError> {
        let (list_lag, detach_lag) = lags;
        let thing = self.thing(reference.kind, &reference.id)?;
        if let What::UsagePlan { attached, .. } = &thing.what
            && attached.iter().any(|one| one.until.is_none_or(|until| until > at.now))
        {
            return Err(ProviderError::Conflict(Conflict::StagesAttached));
        }
        let was_listed = thing.listed_from <= at.now;
        let resource = self.describe(reference)?;
        self.things.remove(&(reference.kind, reference.id.clone()));
        if was_listed {
            self.ghosts.push((resource, at.now + list_lag));
        }
        match reference.kind {
            ResourceKind::RestApi => self.end_attachments(at.now + detach_lag, |stage| stage.api == reference.id),
            ResourceKind::ApiKey => {
                for thing in self.things.values_mut() {
                    if let What::UsagePlan { keys, .. } = &mut thing.what {
                        keys.remove(&reference.id);
                    }
                }
            }
            ResourceKind::UsagePlan => {}
        }
        Ok(())
    }

    pub(super) fn describe(&self, reference: &ResourceRef) -> Result<Resource, ProviderError> {
        match self.things.get(&(reference.kind, reference.id.clone())) {
            Some(thing) => Ok(resource(reference, thing)),
            None => not_found(reference.kind.word(), &reference.id),
        }
    }

    pub(super) fn list(
        &mut self,
        region: &Region,
        kind: ResourceKind,
        after: Option<&str>,
        page: usize,
        now: Instant,
    ) -> Page {
        self.ghosts.retain(|(_, until)| *until > now);
        let there = self
            .things
            .iter()
            .filter(|((of, _), thing)| *of == kind && thing.listed_from <= now)
            .map(|((_, id), thing)| resource(&ResourceRef { region: region.clone(), kind, id: id.clone() }, thing));
        let ghosts = self.ghosts.iter().filter(|(ghost, _)| ghost.at.kind == kind).map(|(ghost, _)| ghost.clone());
        let mut items: Vec<Resource> = there.chain(ghosts).collect();
        items.sort_by(|one, other| one.at.id.cmp(&other.at.id));
        items.retain(|item| after.is_none_or(|after| item.at.id.0.as_str() > after));
        let next = (items.len() > page).then(|| items[page - 1].at.id.0.clone());
        items.truncate(page);
        Page { items, next }
    }

    pub(super) fn existing(&self, region: &Region) -> Vec<Resource> {
        let describe = |((kind, id), thing): (&(ResourceKind, ResourceId), &Thing)| {
            resource(&ResourceRef { region: region.clone(), kind: *kind, id: id.clone() }, thing)
        };
        self.things.iter().map(describe).collect()
    }

    /// A thing of somebody else's, complete, shown by lists at once.
    pub(super) fn plant(&mut self, reference: &ResourceRef, name: &str, tags: &Tags, at: &Stamp) {
        let new = New { at: reference.clone(), name: name.to_owned(), tags: tags.clone(), lag: Duration::ZERO };
        let what = match reference.kind {
            ResourceKind::RestApi => What::RestApi { methods: 1, stages: BTreeSet::from([StageName::ours()]) },
            ResourceKind::UsagePlan => What::UsagePlan { attached: Vec::new(), keys: BTreeSet::new() },
            ResourceKind::ApiKey => What::ApiKey { value: ApiKeyValue::new(format!("planted-{}", reference.id)) },
        };
        self.insert(new, what, at);
    }
}

fn resource(reference: &ResourceRef, thing: &Thing) -> Resource {
    let (stages, created_at) = match &thing.what {
        What::UsagePlan { attached, .. } => (attached.iter().map(|one| one.stage.clone()).collect(), None),
        What::RestApi { .. } | What::ApiKey { .. } => (Vec::new(), Some(thing.created_at)),
    };
    Resource { at: reference.clone(), name: thing.name.clone(), created_at, tags: thing.tags.clone(), stages }
}

/// How late a list shows what was made or deleted.
pub(super) fn lag(seed: u64, number: u64, most: Duration) -> Duration {
    between(mix(seed, number, 4), Duration::ZERO, most)
}
