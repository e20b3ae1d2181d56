//! Gateways as a scan and its workers know them: which ones there are, how to reach them, and what they were used for.
//! How they come to be and end is the crate `fleet-gateways`' business.
//!
//! A request to `{origin}{path}?{query}` of a vendor goes to `{base_url}/{route}{path}?{query}` with the key in the header
//! [`KEY_HEADER`]; the route is `{vendor}.{name of the base URL}`: see [`route_name`].

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::ticker::Ticker;
use super::vendor::Vendor;

/// The header that carries a gateway's key.
pub const KEY_HEADER: &str = "x-api-key";

/// The name of the route that leads to one of a vendor's hosts, e.g. `cboe.base`, `yahoo.query`, `yahoo.cookie`.
/// `base_url` is the name configuration gives the host's base URL.
#[must_use]
pub fn route_name(vendor: Vendor, base_url: &str) -> String {
    format!("{vendor}.{base_url}")
}

/// A gateway's key: a secret. It is shown nowhere, not even in debug output, and belongs into no manifest.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct GatewayKey(String);

impl GatewayKey {
    /// Wraps a key.
    #[must_use]
    pub const fn new(key: String) -> Self {
        Self(key)
    }

    /// The secret itself, for the header.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for GatewayKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// One gateway and how a worker gets in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatewayEndpoint {
    /// Its Region, and its number where a Region has several: `us-east-1`, `us-east-1/2`.
    pub name: String,
    /// Up to and with its stage, without a slash at the end.
    pub base_url: String,
    /// Its key.
    pub api_key: GatewayKey,
}

impl fmt::Display for GatewayEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.name)
    }
}

/// Which requests of a scan go through gateways, and how fast. It holds no secret: keys come from the store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GatewayPlan {
    /// The set of gateways, as the store knows it.
    pub set: String,
    /// Names of the gateways in it.
    pub names: Vec<String>,
    /// Vendors that are asked through them; the others are asked from this machine.
    pub vendors: Vec<Vendor>,
    /// Requests a second that a vendor bears from one address. A vendor that is missing is not limited by address.
    pub per_address_per_sec: BTreeMap<Vendor, f64>,
    /// Requests whose answers are known to move, sent to see whether they do; `None`: none are sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary: Option<CanaryPlan>,
}

/// Which canaries travel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CanaryPlan {
    /// The underlying that is asked for: one whose options are traded all day.
    pub ticker: Ticker,
    /// One canary to a vendor over each gateway before the first of so many requests to it, 1 or more.
    pub every_requests: u32,
    /// A vendor's own copies may be so far apart, s: only what a gateway shows that is older than what another one had shown
    /// so long before is called old.
    #[serde(default = "default_lag")]
    pub lag_secs: u32,
}

const fn default_lag() -> u32 {
    CanaryPlan::LAG_SECS
}

impl CanaryPlan {
    /// Caches in front of vendors keep answers for seconds, rarely a minute.
    pub const LAG_SECS: u32 = 120;
}

impl GatewayPlan {
    /// Requests a second to a vendor over so many healthy gateways: its budget for all, `total`, and no more than each
    /// gateway's address is allowed. `None`: neither limits.
    #[must_use]
    pub fn budget_per_sec(&self, vendor: Vendor, total: Option<f64>, healthy: usize) -> Option<f64> {
        let addresses = self.per_address_per_sec.get(&vendor).map(|each| each * healthy as f64);
        match (total, addresses) {
            (Some(total), Some(addresses)) => Some(total.min(addresses)),
            (one, other) => one.or(other),
        }
    }
}

/// What one gateway was used for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatewayUse {
    /// Requests that left through it, canaries included.
    pub requests: u32,
    /// Those that came to nothing because of it or of the vendor's view of it: refused, throttled, failed, no answer.
    pub errors: u32,
    /// Time until the whole answer was there, ms, over all requests that were answered.
    pub latency_ms: u64,
    /// Requests that were answered.
    pub answered: u32,
    /// How often a canary stopped its use for a vendor.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub quarantined: u32,
}

fn is_zero(count: &u32) -> bool {
    *count == 0
}

impl GatewayUse {
    /// Adds another use of the same gateway.
    pub fn merge(&mut self, other: &Self) {
        self.requests = self.requests.saturating_add(other.requests);
        self.errors = self.errors.saturating_add(other.errors);
        self.latency_ms = self.latency_ms.saturating_add(other.latency_ms);
        self.answered = self.answered.saturating_add(other.answered);
        self.quarantined = self.quarantined.saturating_add(other.quarantined);
    }

    /// Mean time until the whole answer was there, ms; `None`: nothing was answered.
    #[must_use]
    pub fn mean_latency_ms(&self) -> Option<u64> {
        self.latency_ms.checked_div(self.answered.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_never_shown() {
        let endpoint = GatewayEndpoint {
            name: "us-east-1".to_owned(),
            base_url: "https://x.example/v1".to_owned(),
            api_key: GatewayKey::new("s3cret".to_owned()),
        };
        for text in [format!("{endpoint:?}"), endpoint.to_string()] {
            assert!(!text.contains("s3cret"), "{text}");
        }
        assert!(format!("{endpoint:?}").contains("***"));
    }

    #[test]
    fn the_budget_is_the_smaller_of_the_vendors_and_the_addresses() {
        let plan = GatewayPlan {
            set: "s".to_owned(),
            names: Vec::new(),
            vendors: vec![Vendor::Cboe],
            per_address_per_sec: BTreeMap::from([(Vendor::Cboe, 2.0)]),
            canary: None,
        };
        let budget = |total, healthy| plan.budget_per_sec(Vendor::Cboe, total, healthy);
        assert_eq!(budget(Some(12.0), 10), Some(12.0));
        assert_eq!(budget(Some(12.0), 5), Some(10.0));
        assert_eq!(budget(None, 5), Some(10.0));
        assert_eq!(budget(Some(12.0), 0), Some(0.0));
        assert_eq!(plan.budget_per_sec(Vendor::Yahoo, Some(3.0), 1), Some(3.0), "not limited by address");
        assert_eq!(plan.budget_per_sec(Vendor::Yahoo, None, 1), None);
    }

    #[test]
    fn a_mean_of_nothing_is_none() {
        assert_eq!(GatewayUse::default().mean_latency_ms(), None);
        let mut used = GatewayUse { requests: 2, answered: 2, latency_ms: 50, ..GatewayUse::default() };
        used.merge(&GatewayUse { requests: 2, errors: 1, answered: 1, latency_ms: 40, quarantined: 1 });
        assert_eq!((used.requests, used.errors, used.mean_latency_ms()), (4, 1, Some(30)));
    }
}
