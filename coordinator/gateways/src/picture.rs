//! What there is and what is wanted, at one moment, and what follows from it for each thing. Pure.
//!
//! Wanted is what the ledger says; existing is the ledger's ids and everything that carries our tag. The ledger is read
//! before the Regions are: so a set may have been opened since, and its things are known by their tags' lease alone.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use crate::provider::ProviderError;
use crate::region::Region;
use crate::resource::{Resource, ResourceId, ResourceKind, ResourceRef};
use crate::set::{GatewaySet, Intent, IntentId, IntentState, SetId, SetState};
use crate::tags::{self, OwnerTag};

/// Whether leases of runs are respected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leases {
    /// What is under a lease is spared.
    Honoured,
    /// Everything of ours is deleted, whoever uses it.
    Overridden,
}

/// What a set is whose lease is over while the ledger does not say so yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lapsed {
    /// As good as released: what is told of it.
    Orphan,
    /// Still wanted: its run may renew it until the ledger ends it, and nothing is deleted before that.
    Wanted,
}

/// One Region as it was seen.
#[derive(Debug, Clone)]
pub enum Sight {
    /// Everything in it.
    Seen {
        /// Before this nothing was looked at.
        from: Timestamp,
        /// Of all kinds, whosever they are.
        resources: Vec<Resource>,
    },
    /// It could not be looked at.
    Blind(ProviderError),
}

/// Everything a decision about deleting is made from.
#[derive(Debug, Clone)]
pub struct Picture {
    /// Our tag.
    pub owner: OwnerTag,
    /// When it was taken.
    pub now: Timestamp,
    /// Whether leases count.
    pub leases: Leases,
    /// What a lease that is over means.
    pub lapsed: Lapsed,
    /// Our sets in this account, closed ones too.
    pub sets: BTreeMap<SetId, GatewaySet>,
    /// Every Region that was looked at, or that the ledger names.
    pub regions: BTreeMap<Region, Sight>,
    /// Regions that are to be seen, whatever the ledger names: those of the configuration.
    pub expected: BTreeSet<Region>,
    /// Why it is not known which Regions there are beside these; `None`: it is known.
    pub elsewhere: Option<ProviderError>,
}

/// What is to become of a thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It is not ours: it is not touched.
    Foreign,
    /// A set in the ledger wants it.
    Wanted(SetId),
    /// Our ledger does not know it, and its lease lasts: another ledger's run uses it.
    Leased {
        /// Until then.
        until: Timestamp,
    },
    /// It is to be deleted.
    Orphan(Orphan),
}

/// Why nobody wants a thing of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Orphan {
    /// Its run is done with it.
    Released(SetId),
    /// Its lease ended.
    Expired {
        /// Then.
        at: Timestamp,
    },
    /// A second one beside the one its set uses: the answer to its creation was lost.
    Surplus(SetId),
    /// Its tags name no end of a lease.
    NoLease,
    /// All of ours are to be deleted.
    Forced,
}

impl Picture {
    /// What is to become of a thing.
    #[must_use]
    pub fn fate(&self, resource: &Resource) -> Fate {
        if !self.owner.owns(&resource.tags) {
            return Fate::Foreign;
        }
        if self.leases == Leases::Overridden {
            return Fate::Orphan(Orphan::Forced);
        }
        let Some(set) = tags::set(&resource.tags).and_then(|id| self.sets.get(&id)) else {
            return match tags::expires_at(&resource.tags) {
                Some(until) if until > self.now => Fate::Leased { until },
                Some(at) => Fate::Orphan(Orphan::Expired { at }),
                None => Fate::Orphan(Orphan::NoLease),
            };
        };
        match set.state {
            SetState::Released | SetState::Closed => return Fate::Orphan(Orphan::Released(set.id.clone())),
            SetState::Wanted if !self.is_live(set) => {
                return Fate::Orphan(Orphan::Expired { at: set.expires_at });
            }
            SetState::Wanted => {}
        }
        let named = tags::intent(&resource.tags);
        match set.intents.iter().find(|intent| Some(&intent.id) == named.as_ref()) {
            None => Fate::Orphan(Orphan::Surplus(set.id.clone())),
            Some(intent) if !intent.wanted => Fate::Orphan(Orphan::Released(set.id.clone())),
            Some(intent) => match intent.resource() {
                Some(id) if *id != resource.at.id => Fate::Orphan(Orphan::Surplus(set.id.clone())),
                // Without an id its run may be about to write it.
                Some(_) | None => Fate::Wanted(set.id.clone()),
            },
        }
    }

    /// Every thing of ours with its fate, by Region.
    pub fn ours(&self) -> impl Iterator<Item = (&Resource, Fate)> {
        self.seen().map(|resource| (resource, self.fate(resource))).filter(|(_, fate)| *fate != Fate::Foreign)
    }

    fn seen(&self) -> impl Iterator<Item = &Resource> {
        self.regions.values().flat_map(|sight| match sight {
            Sight::Seen { resources, .. } => resources.as_slice(),
            Sight::Blind(_) => &[],
        })
    }

    /// Whether an intent is to exist.
    #[must_use]
    pub fn is_wanted(&self, set: &GatewaySet, intent: &Intent) -> bool {
        self.leases == Leases::Honoured && intent.wanted && self.is_live(set)
    }

    fn is_live(&self, set: &GatewaySet) -> bool {
        set.state == SetState::Wanted && (self.lapsed == Lapsed::Wanted || set.is_live(self.now))
    }

    /// Regions in which something of ours may be that could not be looked at, and why.
    pub fn blind(&self) -> impl Iterator<Item = (&Region, &ProviderError)> {
        self.unseen().filter(|(region, cause)| !self.is_excused(region, cause))
    }

    /// Regions these credentials may not look at and that nothing says we ever used, with the answer: an organisation may
    /// deny them to everybody.
    pub fn denied(&self) -> impl Iterator<Item = (&Region, &ProviderError)> {
        self.unseen()
            .filter(|(region, cause)| matches!(cause, ProviderError::Denied(_)) && self.is_excused(region, cause))
    }

    fn unseen(&self) -> impl Iterator<Item = (&Region, &ProviderError)> {
        self.regions.iter().filter_map(|(region, sight)| match sight {
            Sight::Seen { .. } => None,
            Sight::Blind(cause) => Some((region, cause)),
        })
    }

    /// Whether not having seen a Region leaves nothing open. Nothing can be where we may not go, unless we once might and
    /// the ledger knows. Credentials that may not look anywhere have no such excuse: they are wrong.
    fn is_excused(&self, region: &Region, cause: &ProviderError) -> bool {
        let mut intents = self.sets.values().flat_map(|set| &set.intents);
        let is_named = intents.any(|intent| intent.may_exist() && intent.id.region == *region);
        let sees_some = || self.regions.values().any(|sight| matches!(sight, Sight::Seen { .. }));
        match cause {
            ProviderError::RegionDisabled(_) => !is_named,
            ProviderError::Denied(_) => !is_named && !self.expected.contains(region) && sees_some(),
            _ => false,
        }
    }

    /// Intents that are not wanted and because of which something may exist.
    pub fn left(&self) -> impl Iterator<Item = &Intent> {
        self.sets.values().flat_map(move |set| {
            set.intents.iter().filter(move |intent| intent.may_exist() && !self.is_wanted(set, intent))
        })
    }

    /// What the ledger is to learn from this picture about intents that are not wanted. `settle`: so long after a call its
    /// effect can be missing from what is seen (the call's own limit, and how far lists lag behind).
    #[must_use]
    pub fn settlements(&self, settle: Duration) -> Vec<Settlement> {
        self.left().filter_map(|intent| self.settlement(intent, settle)).collect()
    }

    fn settlement(&self, intent: &Intent, settle: Duration) -> Option<Settlement> {
        let Some(Sight::Seen { from, resources }) = self.regions.get(&intent.id.region) else { return None };
        let absent = |at: Timestamp| {
            let until = at.saturating_add(settle).unwrap_or(Timestamp::MAX);
            let id = intent.id.clone();
            Some(if *from >= until { Settlement::Gone(id) } else { Settlement::Wait { intent: id, until } })
        };
        match &intent.state {
            IntentState::Planned | IntentState::Gone => None,
            IntentState::Attempted { at } => match self.answers(intent, resources) {
                Some(resource) => Some(Settlement::Adopt { intent: intent.id.clone(), resource }),
                None => absent(*at),
            },
            IntentState::Made { resource, at } | IntentState::Ready { resource, at } => {
                let there = resources.iter().any(|seen| seen.at.kind == intent.id.kind() && seen.at.id == *resource);
                if there { None } else { absent(*at) }
            }
        }
    }

    /// The thing that was made for an intent: the first by id, if there are several.
    fn answers(&self, intent: &Intent, resources: &[Resource]) -> Option<ResourceId> {
        answering(&self.owner, &intent.id, resources)
    }

    /// Things of ours to delete, in one Region.
    pub fn orphans(&self, region: &Region) -> impl Iterator<Item = &Resource> {
        let resources = match self.regions.get(region) {
            Some(Sight::Seen { resources, .. }) => resources.as_slice(),
            Some(Sight::Blind(_)) | None => &[],
        };
        resources.iter().filter(|resource| matches!(self.fate(resource), Fate::Orphan(_)))
    }

    /// Whether a usage plan covers a stage of an API that is there and not ours.
    #[must_use]
    pub fn has_foreign_stage(&self, plan: &Resource) -> bool {
        let covered = |other: &Resource| {
            other.at.region == plan.at.region
                && other.at.kind == ResourceKind::RestApi
                && plan.stages.iter().any(|stage| stage.api == other.at.id)
        };
        self.seen().any(|other| covered(other) && self.fate(other) == Fate::Foreign)
    }

    /// What an attempt without an answer made is known now, here too.
    pub fn adopt(&mut self, id: &IntentId, resource: &ResourceId) {
        let intents = self.sets.get_mut(&id.set).map(|set| set.intents.iter_mut());
        for intent in intents.into_iter().flatten().filter(|intent| intent.id == *id) {
            if let IntentState::Attempted { at } = intent.state {
                intent.state = IntentState::Made { resource: resource.clone(), at };
            }
        }
    }

    /// Leaves out what is known to be deleted, which lists may still show.
    pub fn forget(&mut self, gone: &BTreeSet<ResourceRef>) {
        for sight in self.regions.values_mut() {
            if let Sight::Seen { resources, .. } = sight {
                resources.retain(|resource| !gone.contains(&resource.at));
            }
        }
    }
}

/// The thing among these that was made for an intent: the first by id, if there are several.
#[must_use]
pub fn answering(owner: &OwnerTag, intent: &IntentId, resources: &[Resource]) -> Option<ResourceId> {
    let answers = |resource: &&Resource| {
        resource.at.kind == intent.kind()
            && owner.owns(&resource.tags)
            && tags::intent(&resource.tags).as_ref() == Some(intent)
    };
    resources.iter().filter(answers).map(|resource| resource.at.id.clone()).min()
}

/// What the ledger is to learn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settlement {
    /// An attempt without an answer made this.
    Adopt {
        /// Which intent.
        intent: IntentId,
        /// What it made.
        resource: ResourceId,
    },
    /// It is certain that nothing exists.
    Gone(IntentId),
    /// Nothing is seen, but it may be too early.
    Wait {
        /// Which intent.
        intent: IntentId,
        /// Until then.
        until: Timestamp,
    },
}
