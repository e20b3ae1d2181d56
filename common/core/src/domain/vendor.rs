//! Sources of market data.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

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
    /// Chains and bars with an account's token (a later capability).
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
}

impl fmt::Display for Vendor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// Requests that left this process, by vendor, retries included.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RequestCounts(pub BTreeMap<Vendor, u32>);

impl RequestCounts {
    /// Counts some more.
    pub fn add(&mut self, vendor: Vendor, requests: u32) {
        if requests > 0 {
            *self.0.entry(vendor).or_default() += requests;
        }
    }

    /// Adds another count to this one.
    pub fn merge(&mut self, other: &Self) {
        for (vendor, requests) in &other.0 {
            self.add(*vendor, *requests);
        }
    }

    /// Over all vendors.
    #[must_use]
    pub fn total(&self) -> u32 {
        self.0.values().sum()
    }
}
