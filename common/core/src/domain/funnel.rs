//! Where the contracts of a chain went: each leaves at exactly one place.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Counts of contracts by the place where each left: `refused:<reason>`, `gate:<name>`, `unknown:<input>`,
/// `not_wanted` (no strategy looks for such a contract), `not_examined`, `strategy:<name>` (it looked and a check failed),
/// `candidate`. They sum to the rows of the chain.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Funnel(pub BTreeMap<String, u64>);

impl Funnel {
    /// Counts one contract out (or in).
    pub fn count(&mut self, place: &str) {
        self.add(place, 1);
    }

    /// Counts so many contracts out (or in).
    pub fn add(&mut self, place: &str, contracts: u64) {
        match self.0.get_mut(place) {
            Some(n) => *n += contracts,
            None => {
                self.0.insert(place.to_owned(), contracts);
            }
        }
    }

    /// Adds another funnel to this one.
    pub fn merge(&mut self, other: &Self) {
        for (place, n) in &other.0 {
            *self.0.entry(place.clone()).or_default() += n;
        }
    }

    /// Contracts counted in all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }
}
