//! One run over a universe with one configuration: its id, its states, its manifest, its tasks.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ticker::Ticker;
use super::vendor::Vendor;

/// `<universe label>-<YYYYMMDD>-<slot>`: letters, digits, `_` and `-`, at most 80 characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ScanId(String);

/// Why a text is not a scan id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a scan id such as finviz-20261120-1000")]
pub struct BadScanId(pub String);

/// Which run of a day: `HHMM` from cron, or the start time to the second, `HHMMSS`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Slot(pub String);

impl ScanId {
    /// Reads an id.
    pub fn parse(text: &str) -> Result<Self, BadScanId> {
        let fits = !text.is_empty()
            && text.len() <= 80
            && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        if fits { Ok(Self(text.to_owned())) } else { Err(BadScanId(text.chars().take(80).collect())) }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ScanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl TryFrom<String> for ScanId {
    type Error = BadScanId;
    fn try_from(text: String) -> Result<Self, BadScanId> {
        Self::parse(&text)
    }
}

impl From<ScanId> for String {
    fn from(id: ScanId) -> Self {
        id.0
    }
}

/// The states of a scan, in order. (`DESIGN 6`; TEARDOWN is for gateways, which come later.)
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScanState {
    /// Created; the manifest is not frozen yet.
    Init,
    /// The manifest is frozen; tasks are being published.
    Publishing,
    /// Every task was published; workers are at it.
    Running,
    /// Every ticker is accounted for; late commits are refused.
    Sealed,
    /// Caps were applied and notices written; the outbox is being drained.
    Alerting,
    /// Finished.
    Done,
}

impl ScanState {
    /// The word used in output.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Init => "init",
            Self::Publishing => "publishing",
            Self::Running => "running",
            Self::Sealed => "sealed",
            Self::Alerting => "alerting",
            Self::Done => "done",
        }
    }
}

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
    /// The version this code writes.
    pub const VERSION: u32 = 1;
}

/// Where to fetch, and how fast.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VendorPlan {
    /// Vendors of chains, in order of preference.
    pub chain_order: Vec<Vendor>,
    /// The vendor of bars.
    pub bars: Vendor,
    /// One route a vendor in use.
    pub routes: Vec<VendorRoute>,
    /// The client identity every request carries (header name, value), in order.
    pub identity: Vec<(String, String)>,
    /// Bars of at most this many contracts a ticker are asked for.
    pub max_bars_per_ticker: u32,
    /// Daily bars asked for, in sessions.
    pub bar_sessions: u32,
    /// Only a contract with an expiration in this window of calendar days (or a live trade) is asked for where a
    /// vendor serves chains by expiration: the union of the strategies' windows.
    pub dte_window: (i32, i32),
}

/// How one vendor is reached.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VendorRoute {
    /// Which.
    pub vendor: Vendor,
    /// Base URLs by host name as configuration spells them (`query`, `cookie` for Yahoo; `base` for the others).
    pub base_urls: std::collections::BTreeMap<String, String>,
    /// Requests a second over all egresses together; `None` is unlimited, allowed for loopback only.
    pub budget_per_sec: Option<f64>,
    /// The vendor's quotes may be this old.
    pub max_quote_age_secs: i64,
}

/// Limits of one delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryLimits {
    /// A delivery may take this long.
    pub timeout_secs: u32,
    /// A ticker is poison after this many deliveries.
    pub max_attempts: u32,
    /// A single request may take this long.
    pub request_timeout_secs: u32,
    /// A request is tried this often in all.
    pub request_tries: u32,
    /// A Retry-After longer than this fails the ticker.
    pub max_retry_after_secs: u32,
}

/// One ticker of one scan.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Task {
    /// Of which scan.
    pub scan: ScanId,
    /// Which ticker.
    pub ticker: Ticker,
}

impl Task {
    /// Message id for de-duplication: `<scan>:<ticker>:<round>`.
    #[must_use]
    pub fn message_id(&self, round: u32) -> String {
        format!("{}:{}:{round}", self.scan, self.ticker)
    }
}
