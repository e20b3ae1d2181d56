//! The way to the vendors that a manifest names: straight from this machine, within budgets that the store holds.

use std::error::Error;
use std::sync::Arc;

use fleet_core::domain::Manifest;
use fleet_core::seams::{Budgets, MarketData};
use fleet_scraper::{TlsSettings, VendorMarket};

use crate::{MarketFactory, chain_text};

/// Reaches vendors directly.
pub struct DirectMarkets {
    budgets: Arc<dyn Budgets>,
    tls: TlsSettings,
}

impl DirectMarkets {
    /// Every request is drawn from these budgets.
    #[must_use]
    pub fn new(budgets: Arc<dyn Budgets>, tls: TlsSettings) -> Self {
        Self { budgets, tls }
    }
}

impl MarketFactory for DirectMarkets {
    fn market_for(&self, manifest: &Manifest) -> Result<Arc<dyn MarketData>, String> {
        VendorMarket::new(&manifest.vendors, manifest.limits, Arc::clone(&self.budgets), self.tls.clone())
            .map(|market| Arc::new(market) as Arc<dyn MarketData>)
            .map_err(|error| chain_text(&error as &dyn Error))
    }
}
