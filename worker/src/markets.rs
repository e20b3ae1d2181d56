//! The way to the vendors that a manifest names: straight from this machine or through its gateways, within budgets that the
//! store holds.

use std::error::Error;
use std::sync::Arc;

use fleet_core::domain::Manifest;
use fleet_core::seams::{Budgets, Endpoints, MarketData};
use fleet_scraper::{Access, VendorMarket};

use crate::{MarketFactory, chain_text};

/// Reaches vendors as the manifest says.
pub struct VendorMarkets {
    budgets: Arc<dyn Budgets>,
    endpoints: Arc<dyn Endpoints>,
    access: Access,
}

impl VendorMarkets {
    /// Every request is drawn from these budgets; gateways and their keys come from `endpoints`.
    #[must_use]
    pub fn new(budgets: Arc<dyn Budgets>, endpoints: Arc<dyn Endpoints>, access: impl Into<Access>) -> Self {
        Self { budgets, endpoints, access: access.into() }
    }
}

impl MarketFactory for VendorMarkets {
    fn market_for(&self, manifest: &Manifest) -> Result<Arc<dyn MarketData>, String> {
        let (budgets, endpoints) = (Arc::clone(&self.budgets), Arc::clone(&self.endpoints));
        VendorMarket::new(&manifest.vendors, manifest.limits, budgets, endpoints, self.access.clone())
            .map(|market| Arc::new(market) as Arc<dyn MarketData>)
            .map_err(|error| chain_text(&error as &dyn Error))
    }
}
