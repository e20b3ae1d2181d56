//! Sources of market data.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::gateway::GatewayUse;

/// A source of market data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Vendor {
    /// The universe, from its screener.
    Finviz,
    /// Whole chains, delayed about 15 minutes.
    Cboe,
    /// Chains by expiration, and bars.
    Yahoo,
    /// Chains and bars with an account's token.
    Robinhood,
}

impl Vendor {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Finviz, Self::Cboe, Self::Yahoo, Self::Robinhood];

    /// The word used in configuration, logs and output.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Finviz => "finviz",
            Self::Cboe => "cboe",
            Self::Yahoo => "yahoo",
            Self::Robinhood => "robinhood",
        }
    }

    /// Whether its quotes come late by agreement: about 15 minutes. Only an account's are live.
    #[must_use]
    pub const fn is_delayed(self) -> bool {
        !matches!(self, Self::Robinhood)
    }
}

impl fmt::Display for Vendor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// Requests that left this process, retries included. Written as one map, vendors by their words, so that counts of before
/// there were gateways are read and written alike.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestCounts {
    /// By vendor.
    #[serde(flatten)]
    pub vendors: BTreeMap<Vendor, u32>,
    /// What each gateway was used for, by its name; empty where none was.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub gateways: BTreeMap<String, GatewayUse>,
}

impl RequestCounts {
    /// Counts of these vendors, and no gateway.
    #[must_use]
    pub fn of<const N: usize>(vendors: [(Vendor, u32); N]) -> Self {
        Self { vendors: BTreeMap::from(vendors), gateways: BTreeMap::new() }
    }

    /// Counts some more.
    pub fn add(&mut self, vendor: Vendor, requests: u32) {
        if requests > 0 {
            *self.vendors.entry(vendor).or_default() += requests;
        }
    }

    /// A gateway was used.
    pub fn add_use(&mut self, gateway: &str, used: &GatewayUse) {
        match self.gateways.get_mut(gateway) {
            Some(known) => known.merge(used),
            None => drop(self.gateways.insert(gateway.to_owned(), *used)),
        }
    }

    /// Adds another count to this one.
    pub fn merge(&mut self, other: &Self) {
        for (vendor, requests) in &other.vendors {
            self.add(*vendor, *requests);
        }
        for (gateway, used) in &other.gateways {
            self.add_use(gateway, used);
        }
    }

    /// Over all vendors.
    #[must_use]
    pub fn total(&self) -> u32 {
        self.vendors.values().sum()
    }
}
