//! The manifest of a scan: everything that changes its answer, in one place, frozen before the first task is out.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::delivery_limits::DeliveryLimits;
use super::facts::UnderlyingFacts;
use super::scan::ScanId;
use super::ticker::Ticker;
use super::vendor_plan::VendorPlan;

/// Everything that changes a scan's answer. Frozen before the first task is published; a worker needs nothing else.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`Manifest::VERSION`]; a worker hands back what it does not know.
    pub version: u32,
    /// Whose.
    pub scan: ScanId,
    /// Tickers, most liquid first. The order of publication.
    pub tickers: Vec<Ticker>,
    /// The instant every ticker pretends to be at; `None` live, where it is the arrival of the ticker's chain.
    pub as_of: Option<Timestamp>,
    /// What a person says of underlyings, for those tickers of which something is said. It goes before what a vendor says:
    /// [`UnderlyingFacts::merged`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub facts: BTreeMap<Ticker, UnderlyingFacts>,
    /// Settings of the analysis (gates, strategies, rates), as `fleet-analysis` writes and reads them.
    pub analysis: serde_json::Value,
    /// Where to fetch, and how fast.
    pub vendors: VendorPlan,
    /// Limits a delivery is held to.
    pub limits: DeliveryLimits,
    /// Hash of all configuration that changes the answer; a slot whose hash differs is refused.
    pub config_hash: String,
    /// When the scan must be sealed (wall clock of the coordinator).
    pub deadline: Timestamp,
}

impl Manifest {
    /// The version this code writes. It grows whenever a worker that does not know a field would give another answer:
    /// 2 since there are facts, 3 since underlyings' bars are asked for further back than contracts' and there are gateways
    /// (who does not know them would ask vendors from its own address). Older ones are read: a scan that was frozen before
    /// an update is worked on after it.
    pub const VERSION: u32 = 3;
}
