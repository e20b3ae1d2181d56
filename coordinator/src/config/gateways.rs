//! `[gateways]`: requests by way of API Gateway endpoints in several Regions.

use std::time::Duration;

use fleet_core::domain::{CanaryPlan, Ticker, Vendor};
use fleet_worker::program::times::duration;
use serde::{Deserialize, Serialize};

/// Gateways of scans. What a vendor bears from one address is its `per_address_per_sec`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GatewaySettings {
    /// Every scan goes through gateways, as with `--gateways`.
    pub enabled: bool,
    /// Who makes them: `aws`, or `simulated` (in this process).
    pub provider: String,
    /// Regions' codes; none is every Region that is enabled for the account.
    pub regions: Vec<String>,
    /// Gateways in each Region.
    pub per_region: u32,
    /// A scan goes on with gateways in so many Regions; with fewer it does not begin.
    pub least_regions: u32,
    /// Vendors that are asked through gateways; others are asked from this machine.
    pub vendors: Vec<String>,
    /// After a scan its gateways stay for the next one, so long (`2h`); empty: they are deleted.
    pub keep_warm: String,
    /// Only what carries exactly this tag is ever deleted.
    pub owner: String,
    /// What `gateways test` asks for over each gateway, and what new ones are asked for until they answer: a URL that answers
    /// with the address of who connects to it; empty: they are used untried.
    pub test_url: String,
    /// The underlying that canaries ask for; empty: none are sent.
    pub canary: String,
    /// A canary to a vendor over each gateway before the first of so many requests to it.
    pub canary_every: u32,
    /// Another address of AWS' API, an emulator's; empty is AWS itself.
    pub aws_endpoint_url: String,
}

impl Default for GatewaySettings {
    fn default() -> Self {
        let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Self {
            enabled: false,
            provider: "aws".to_owned(),
            regions: owned(&["us-east-1", "us-east-2", "us-west-1", "us-west-2"]),
            per_region: 1,
            least_regions: 1,
            vendors: owned(&["finviz", "cboe", "yahoo"]),
            keep_warm: String::new(),
            owner: "optionfleet".to_owned(),
            test_url: "https://ipv4.icanhazip.com".to_owned(),
            canary: "SPY".to_owned(),
            canary_every: 50,
            aws_endpoint_url: String::new(),
        }
    }
}

impl GatewaySettings {
    /// The vendors that are asked through gateways.
    #[must_use]
    pub fn routed(&self) -> Vec<Vendor> {
        Vendor::ALL.into_iter().filter(|vendor| self.vendors.iter().any(|word| word == vendor.word())).collect()
    }

    /// The canaries that travel; `None`: none do.
    #[must_use]
    pub fn canaries(&self) -> Option<CanaryPlan> {
        let ticker = Ticker::parse(self.canary.trim()).ok()?;
        Some(CanaryPlan { ticker, every_requests: self.canary_every, lag_secs: CanaryPlan::LAG_SECS })
    }

    /// How long gateways are kept for the next scan; `None`: they are not.
    #[must_use]
    pub fn warm(&self) -> Option<Duration> {
        duration(self.keep_warm.trim()).ok().filter(|time| !time.is_zero())
    }
}
