//! A ledger in memory: the rules without a disk. It is as lasting as its process, so it is for tests and for a provider
//! that is as short-lived.

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use fleet_core::seams::Holder;
use jiff::Timestamp;

use crate::ledger::{Ledger, LedgerError, Part};
use crate::resource::ResourceId;
use crate::rules;
use crate::set::{GatewaySet, IntentId, SetId};

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

    fn change<T>(
        &self,
        id: &SetId,
        act: impl FnOnce(&mut GatewaySet) -> Result<T, LedgerError>,
    ) -> Result<T, LedgerError> {
        self.with(|sets| act(sets.get_mut(id).ok_or_else(|| LedgerError::NotFound(format!("set {id}")))?))
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
        self.change(&intent.set, |set| rules::attempt(set, intent, at))
    }

    async fn not_made(&self, intent: &IntentId) -> Result<(), LedgerError> {
        self.change(&intent.set, |set| rules::not_made(set, intent))
    }

    async fn made(&self, intent: &IntentId, resource: &ResourceId) -> Result<ResourceId, LedgerError> {
        self.change(&intent.set, |set| rules::made(set, intent, resource))
    }

    async fn ready(&self, intent: &IntentId) -> Result<(), LedgerError> {
        self.change(&intent.set, |set| rules::ready(set, intent))
    }

    async fn gone(&self, intent: &IntentId) -> Result<(), LedgerError> {
        self.change(&intent.set, |set| rules::gone(set, intent))
    }

    async fn claim(
        &self,
        set: &SetId,
        holder: &Holder,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<bool, LedgerError> {
        self.change(set, |set| Ok(rules::claim(set, holder, now, expires_at)))
    }

    async fn renew(&self, set: &SetId, holder: &Holder, expires_at: Timestamp) -> Result<(), LedgerError> {
        self.change(set, |set| rules::renew(set, holder, expires_at))
    }

    async fn park(&self, set: &SetId, holder: &Holder, expires_at: Timestamp) -> Result<(), LedgerError> {
        self.change(set, |set| rules::park(set, holder, expires_at))
    }

    async fn release(&self, set: &SetId, part: &Part, holder: Option<&Holder>) -> Result<(), LedgerError> {
        self.change(set, |set| rules::release(set, part, holder))
    }

    async fn expire(&self, set: &SetId, now: Timestamp) -> Result<bool, LedgerError> {
        self.change(set, |set| Ok(rules::expire(set, now)))
    }

    async fn close(&self, set: &SetId) -> Result<bool, LedgerError> {
        self.change(set, |set| Ok(rules::close(set)))
    }

    async fn forget(&self, opened_before: Timestamp) -> Result<u32, LedgerError> {
        Ok(self.with(|sets| {
            let before = sets.len();
            sets.retain(|_, set| !rules::forgettable(set, opened_before));
            u32::try_from(before - sets.len()).unwrap_or(u32::MAX)
        }))
    }
}
