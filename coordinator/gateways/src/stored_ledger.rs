//! The ledger in a store: a row a set. A change reads the row, applies the rules, and replaces the row it read; where
//! another process was faster it is applied anew, to what that one left.

use std::sync::Arc;

use async_trait::async_trait;
use fleet_core::seams::{GatewayRow, GatewayRows, Holder, StoreError};
use fleet_core::wire::{self, Wire};
use jiff::Timestamp;
use tokio::sync::Mutex;

use crate::ledger::{Ledger, LedgerError, Part};
use crate::resource::ResourceId;
use crate::rules;
use crate::set::{GatewaySet, IntentId, SetId};

/// What the names of the rows begin with.
const SETS: &str = "set/";
/// A change is applied anew this often: a set is one run's, so that few processes ever meet at it.
const MAX_MEETINGS: u32 = 100;

impl Wire for GatewaySet {
    const NAME: &'static str = "set of gateways";
    const VERSION: u32 = 1;
}

/// A ledger in a store's rows.
pub struct StoredLedger {
    rows: Arc<dyn GatewayRows>,
    /// The changes of this process follow each other: its Regions come up at once, and all change one row.
    turn: Mutex<()>,
}

impl StoredLedger {
    /// In these rows.
    #[must_use]
    pub fn new(rows: Arc<dyn GatewayRows>) -> Self {
        Self { rows, turn: Mutex::default() }
    }

    /// Applies a change to a set, and again to what is there then, until nobody was faster.
    async fn change<T>(
        &self,
        id: &SetId,
        change: impl Fn(&mut GatewaySet) -> Result<T, LedgerError>,
    ) -> Result<T, LedgerError> {
        let name = row_of(id);
        let _turn = self.turn.lock().await;
        for _ in 0..MAX_MEETINGS {
            let body = self.rows.gateway_row(&name).await.map_err(unavailable)?;
            let body = body.ok_or_else(|| LedgerError::NotFound(format!("set {id}")))?;
            let mut set = read(&body)?;
            let before = set.clone();
            let answer = change(&mut set)?;
            if set == before || self.swap(&name, Some(&body), Some(&written(&set)?)).await? {
                return Ok(answer);
            }
        }
        Err(LedgerError::Unavailable(format!("the gateways {id} are changed by somebody else all the time")))
    }

    async fn swap(&self, name: &str, from: Option<&[u8]>, to: Option<&[u8]>) -> Result<bool, LedgerError> {
        self.rows.swap_gateway_row(name, from, to).await.map_err(unavailable)
    }

    async fn all(&self) -> Result<Vec<(GatewayRow, GatewaySet)>, LedgerError> {
        let rows = self.rows.gateway_rows(SETS).await.map_err(unavailable)?;
        rows.into_iter().map(|row| read(&row.body).map(|set| (row, set))).collect()
    }
}

fn row_of(id: &SetId) -> String {
    format!("{SETS}{id}")
}

fn unavailable(error: StoreError) -> LedgerError {
    LedgerError::Unavailable(error.to_string())
}

fn read(body: &[u8]) -> Result<GatewaySet, LedgerError> {
    wire::decode(body).map_err(|error| LedgerError::Damaged(error.to_string()))
}

fn written(set: &GatewaySet) -> Result<Vec<u8>, LedgerError> {
    wire::encode(set).map_err(|error| LedgerError::Damaged(error.to_string()))
}

#[async_trait]
impl Ledger for StoredLedger {
    async fn open(&self, set: &GatewaySet) -> Result<GatewaySet, LedgerError> {
        let (name, body) = (row_of(&set.id), written(set)?);
        // Somebody opened it first, and it may be forgotten by the time it is read.
        for _ in 0..MAX_MEETINGS {
            if self.swap(&name, None, Some(&body)).await? {
                return Ok(set.clone());
            }
            if let Some(stored) = self.rows.gateway_row(&name).await.map_err(unavailable)? {
                return read(&stored);
            }
        }
        Err(LedgerError::Unavailable(format!("the gateways {} come and go", set.id)))
    }

    async fn sets(&self) -> Result<Vec<GatewaySet>, LedgerError> {
        let mut sets: Vec<GatewaySet> = self.all().await?.into_iter().map(|(_, set)| set).collect();
        sets.sort_by(|one, other| one.id.cmp(&other.id));
        Ok(sets)
    }

    async fn attempt(&self, intent: &IntentId, at: Timestamp) -> Result<(), LedgerError> {
        self.change(&intent.set, |set| rules::attempt(set, intent, at)).await
    }

    async fn not_made(&self, intent: &IntentId) -> Result<(), LedgerError> {
        self.change(&intent.set, |set| rules::not_made(set, intent)).await
    }

    async fn made(&self, intent: &IntentId, resource: &ResourceId) -> Result<ResourceId, LedgerError> {
        self.change(&intent.set, |set| rules::made(set, intent, resource)).await
    }

    async fn ready(&self, intent: &IntentId) -> Result<(), LedgerError> {
        self.change(&intent.set, |set| rules::ready(set, intent)).await
    }

    async fn gone(&self, intent: &IntentId) -> Result<(), LedgerError> {
        self.change(&intent.set, |set| rules::gone(set, intent)).await
    }

    async fn claim(
        &self,
        set: &SetId,
        holder: &Holder,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<bool, LedgerError> {
        self.change(set, |set| Ok(rules::claim(set, holder, now, expires_at))).await
    }

    async fn renew(&self, set: &SetId, holder: &Holder, expires_at: Timestamp) -> Result<(), LedgerError> {
        self.change(set, |set| rules::renew(set, holder, expires_at)).await
    }

    async fn park(&self, set: &SetId, holder: &Holder, expires_at: Timestamp) -> Result<(), LedgerError> {
        self.change(set, |set| rules::park(set, holder, expires_at)).await
    }

    async fn release(&self, set: &SetId, part: &Part, holder: Option<&Holder>) -> Result<(), LedgerError> {
        self.change(set, |set| rules::release(set, part, holder)).await
    }

    async fn expire(&self, set: &SetId, now: Timestamp) -> Result<bool, LedgerError> {
        self.change(set, |set| Ok(rules::expire(set, now))).await
    }

    async fn close(&self, set: &SetId) -> Result<bool, LedgerError> {
        self.change(set, |set| Ok(rules::close(set))).await
    }

    async fn forget(&self, opened_before: Timestamp) -> Result<u32, LedgerError> {
        let mut forgotten = 0;
        for (row, set) in self.all().await? {
            if rules::forgettable(&set, opened_before) && self.swap(&row.name, Some(&row.body), None).await? {
                forgotten += 1;
            }
        }
        Ok(forgotten)
    }
}
