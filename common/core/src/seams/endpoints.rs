//! Where a worker gets the gateways of a scan with their keys, which no manifest holds.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;

use super::store::StoreError;
use crate::domain::GatewayEndpoint;

/// Gateways by set.
#[async_trait]
pub trait Endpoints: Send + Sync {
    /// The gateways of a set that can be used now, by name. A set nobody knows, or of which nothing is ready, has none.
    async fn endpoints(&self, set: &str) -> Result<Vec<GatewayEndpoint>, StoreError>;
}

/// Gateways that are told: of a process that made them itself, and of tests.
#[derive(Debug, Default)]
pub struct MemoryEndpoints(Mutex<BTreeMap<String, Vec<GatewayEndpoint>>>);

impl MemoryEndpoints {
    /// Tells the gateways of a set, in place of those told before.
    pub fn tell(&self, set: &str, mut endpoints: Vec<GatewayEndpoint>) {
        endpoints.sort_by(|one, other| one.name.cmp(&other.name));
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(set.to_owned(), endpoints);
    }
}

#[async_trait]
impl Endpoints for MemoryEndpoints {
    async fn endpoints(&self, set: &str) -> Result<Vec<GatewayEndpoint>, StoreError> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).get(set).cloned().unwrap_or_default())
    }
}
