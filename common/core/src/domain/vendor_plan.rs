//! How a scan reaches its vendors: in which order, at which addresses, and how fast.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::bar::Instrument;
use super::gateway::GatewayPlan;
use super::vendor::Vendor;

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
    /// Daily bars of a contract asked for, in sessions.
    pub bar_sessions: u32,
    /// Daily bars of an underlying asked for, in sessions: its past returns are of five years, a contract is listed for
    /// less. `None`, in manifests of before version 3: as many as of a contract.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub underlying_bar_sessions: Option<u32>,
    /// Only a contract with an expiration in this window of calendar days (or a live trade) is asked for where a
    /// vendor serves chains by expiration: the union of the strategies' windows.
    pub dte_window: (i32, i32),
    /// Gateways that requests go through; `None`: every request leaves from this machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateways: Option<GatewayPlan>,
}

impl VendorPlan {
    /// Sessions of daily bars that are asked for, of one instrument.
    #[must_use]
    pub fn bar_sessions_of(&self, instrument: &Instrument) -> u32 {
        match instrument {
            Instrument::Underlying(_) => self.underlying_bar_sessions.unwrap_or(self.bar_sessions),
            Instrument::Contract(_) => self.bar_sessions,
        }
    }
}

/// How one vendor is reached.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VendorRoute {
    /// Which.
    pub vendor: Vendor,
    /// Base URLs by host name as configuration spells them (`query`, `cookie` for Yahoo; `base` for the others).
    pub base_urls: BTreeMap<String, String>,
    /// Requests a second over all egresses together; `None` is unlimited, allowed for loopback only.
    pub budget_per_sec: Option<f64>,
    /// The vendor's quotes may be this old.
    pub max_quote_age_secs: i64,
}
