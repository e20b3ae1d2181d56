//! Where the coordinator keeps what it knows of gateways: the ledger of what was asked for and created, and the endpoints
//! that workers use. The store knows nothing of either: to it they are rows with a name, compared byte for byte.

use std::sync::Arc;

use async_trait::async_trait;

use super::endpoints::Endpoints;
use super::store::StoreError;
use crate::domain::GatewayEndpoint;
use crate::wire::{self, KeptEndpoints};

/// A row about gateways.
#[derive(Clone, PartialEq, Eq)]
pub struct GatewayRow {
    /// Its name, e.g. `set/scan-1`.
    pub name: String,
    /// What it says. It may hold keys, so that it is shown nowhere.
    pub body: Vec<u8>,
}

impl std::fmt::Debug for GatewayRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "GatewayRow({}, {} bytes)", self.name, self.body.len())
    }
}

/// Rows about gateways: a few dozen, of some kilobytes each.
#[async_trait]
pub trait GatewayRows: Send + Sync {
    /// All rows whose names begin so, by name.
    async fn gateway_rows(&self, prefix: &str) -> Result<Vec<GatewayRow>, StoreError>;

    /// What a row says; `None`: there is none of that name.
    async fn gateway_row(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// Replaces a row that is exactly `from` (`None`: there is none) by `to` (`None`: it is deleted). `false`: it is
    /// neither, and stays. A row that is `to` already is `true`, so that a call whose answer was lost can be sent again.
    async fn swap_gateway_row(&self, name: &str, from: Option<&[u8]>, to: Option<&[u8]>) -> Result<bool, StoreError>;
}

/// The row that holds a set's endpoints.
#[must_use]
pub fn endpoints_row(set: &str) -> String {
    format!("endpoints/{set}")
}

/// The endpoints that a store's rows hold.
#[derive(Clone)]
pub struct StoredEndpoints(Arc<dyn GatewayRows>);

impl StoredEndpoints {
    /// In these rows.
    #[must_use]
    pub fn new(rows: Arc<dyn GatewayRows>) -> Self {
        Self(rows)
    }
}

#[async_trait]
impl Endpoints for StoredEndpoints {
    async fn endpoints(&self, set: &str) -> Result<Vec<GatewayEndpoint>, StoreError> {
        let Some(body) = self.0.gateway_row(&endpoints_row(set)).await? else { return Ok(Vec::new()) };
        let KeptEndpoints(mut endpoints) =
            wire::decode(&body).map_err(|error| StoreError::Damaged(format!("gateways of {set}: {error}")))?;
        endpoints.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(endpoints)
    }
}
