//! A ledger in memory: the rules without a disk. It is as lasting as its process, so it is for tests and for a provider
//! that is as short-lived.

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use fleet_core::seams::Holder;
use jiff::Timestamp;

use crate::ledger::{Ledger, LedgerError, Part};
use crate::resource::ResourceId;
use crate::set::{GatewaySet, Intent, IntentId, IntentState, SetId, SetState};

/// Sets by name.
#[derive(Debug, Default)]
pub struct MemoryLedger {
    sets: Mutex<BTreeMap<SetId, GatewaySet>>,
}

impl From<Vec<GatewaySet>> for MemoryLedger {
    fn from(sets: Vec<GatewaySet>) -> Self {
        Self { sets: Mutex::new(sets.into_iter().map(|set| (set.id.clone(), set)).collect()) }
    }
}

impl MemoryLedger {
    fn with<T>(&self, act: impl FnOnce(&mut BTreeMap<SetId, GatewaySet>) -> T) -> T {
        act(&mut self.sets.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    fn with_set<T>(
        &self,
        id: &SetId,
        act: impl FnOnce(&mut GatewaySet) -> Result<T, LedgerError>,
    ) -> Result<T, LedgerError> {
        self.with(|sets| act(sets.get_mut(id).ok_or_else(|| LedgerError::NotFound(format!("set {id}")))?))
    }

    fn with_intent<T>(
        &self,
        id: &IntentId,
        act: impl FnOnce(&mut Intent) -> Result<T, LedgerError>,
    ) -> Result<T, LedgerError> {
        self.with_set(&id.set, |set| {
            let intent = set.intents.iter_mut().find(|intent| intent.id == *id);
            act(intent.ok_or_else(|| LedgerError::NotFound(format!("intent {id}")))?)
        })
    }
}

fn wanted(set: &GatewaySet) -> Result<(), LedgerError> {
    match set.state {
        SetState::Wanted => Ok(()),
        SetState::Released | SetState::Closed => Err(LedgerError::NotWanted(set.id.to_string())),
    }
}

/// A set that nobody holds is anybody's who held it.
fn held(set: &GatewaySet, holder: &Holder) -> Result<(), LedgerError> {
    let elsewhere = set.holder.as_ref().is_some_and(|held_by| held_by != holder);
    if elsewhere { Err(LedgerError::NotHeld(set.id.to_string())) } else { Ok(()) }
}

fn release(set: &mut GatewaySet) {
    set.intents.iter_mut().for_each(|intent| intent.wanted = false);
    if set.state == SetState::Wanted {
        set.state = SetState::Released;
    }
}

#[async_trait]
impl Ledger for MemoryLedger {
    async fn open(&self, set: &GatewaySet) -> Result<GatewaySet, LedgerError> {
        Ok(self.with(|sets| sets.entry(set.id.clone()).or_insert_with(|| set.clone()).clone()))
    }

    async fn sets(&self) -> Result<Vec<GatewaySet>, LedgerError> {
        Ok(self.with(|sets| sets.values().cloned().collect()))
    }

    async fn attempt(&self, intent: &IntentId, at: Timestamp) -> Result<(), LedgerError> {
        self.with_intent(intent, |intent| match (&intent.state, intent.wanted) {
            (_, false) => Err(LedgerError::NotWanted(intent.id.to_string())),
            (IntentState::Planned | IntentState::Attempted { .. } | IntentState::Gone, true) => {
                intent.state = IntentState::Attempted { at };
                Ok(())
            }
            (IntentState::Made { .. } | IntentState::Ready { .. }, true) => Ok(()),
        })
    }

    async fn not_made(&self, intent: &IntentId) -> Result<(), LedgerError> {
        self.with_intent(intent, |intent| {
            if matches!(intent.state, IntentState::Attempted { .. }) {
                intent.state = IntentState::Planned;
            }
            Ok(())
        })
    }

    async fn made(&self, intent: &IntentId, resource: &ResourceId) -> Result<ResourceId, LedgerError> {
        self.with_intent(intent, |intent| match &intent.state {
            IntentState::Made { resource, .. } | IntentState::Ready { resource, .. } => Ok(resource.clone()),
            IntentState::Attempted { at } => {
                intent.state = IntentState::Made { resource: resource.clone(), at: *at };
                Ok(resource.clone())
            }
            // Nothing was written before it was made: that is a mistake of the caller's, and the thing must be known.
            IntentState::Planned | IntentState::Gone => {
                intent.state = IntentState::Made { resource: resource.clone(), at: Timestamp::MIN };
                Ok(resource.clone())
            }
        })
    }

    async fn ready(&self, intent: &IntentId) -> Result<(), LedgerError> {
        self.with_intent(intent, |intent| {
            if let IntentState::Made { resource, at } = &intent.state {
                intent.state = IntentState::Ready { resource: resource.clone(), at: *at };
            }
            Ok(())
        })
    }

    async fn gone(&self, intent: &IntentId) -> Result<(), LedgerError> {
        self.with_intent(intent, |intent| {
            if !intent.wanted {
                intent.state = IntentState::Gone;
            }
            Ok(())
        })
    }

    async fn claim(
        &self,
        set: &SetId,
        holder: &Holder,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<bool, LedgerError> {
        self.with_set(set, |set| {
            let free = set.holder.is_none() && set.is_live(now);
            if free {
                set.holder = Some(holder.clone());
                set.expires_at = set.expires_at.max(expires_at);
            }
            Ok(free)
        })
    }

    async fn renew(&self, set: &SetId, holder: &Holder, expires_at: Timestamp) -> Result<(), LedgerError> {
        self.with_set(set, |set| {
            wanted(set)?;
            held(set, holder)?;
            set.expires_at = set.expires_at.max(expires_at);
            Ok(())
        })
    }

    async fn park(&self, set: &SetId, holder: &Holder, expires_at: Timestamp) -> Result<(), LedgerError> {
        self.with_set(set, |set| {
            wanted(set)?;
            held(set, holder)?;
            set.holder = None;
            set.expires_at = expires_at;
            Ok(())
        })
    }

    async fn release(&self, set: &SetId, part: &Part, holder: Option<&Holder>) -> Result<(), LedgerError> {
        self.with_set(set, |set| {
            holder.map_or(Ok(()), |holder| held(set, holder))?;
            match part {
                Part::Whole => release(set),
                Part::Region(region) => {
                    set.intents.iter_mut().filter(|i| i.id.region == *region).for_each(|i| i.wanted = false);
                    if set.intents.iter().all(|intent| !intent.wanted) {
                        release(set);
                    }
                }
            }
            Ok(())
        })
    }

    async fn expire(&self, set: &SetId, now: Timestamp) -> Result<bool, LedgerError> {
        self.with_set(set, |set| {
            let over = now >= set.expires_at;
            if over {
                release(set);
            }
            Ok(over)
        })
    }

    async fn close(&self, set: &SetId) -> Result<bool, LedgerError> {
        self.with_set(set, |set| {
            let over = set.state != SetState::Wanted && set.intents.iter().all(|intent| !intent.may_exist());
            if over {
                set.state = SetState::Closed;
            }
            Ok(over)
        })
    }

    async fn forget(&self, opened_before: Timestamp) -> Result<u32, LedgerError> {
        Ok(self.with(|sets| {
            let before = sets.len();
            sets.retain(|_, set| set.state != SetState::Closed || set.opened_at >= opened_before);
            u32::try_from(before - sets.len()).unwrap_or(u32::MAX)
        }))
    }
}
