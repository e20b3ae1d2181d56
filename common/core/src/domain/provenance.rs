//! Where a finding's numbers came from, so that a person can judge them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::money::Price;
use super::vendor::Vendor;

/// Where the spot came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpotSource {
    /// Put–call parity on the chain's own quotes.
    Implied,
    /// The vendor's price: because no pair was usable and its time is within 60 s of the quotes, or because the
    /// configuration prices on it.
    Vendor,
    /// Neither was usable: no IV, no greeks.
    None,
}

/// Where a finding's numbers came from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// Who served the chain.
    pub vendor: Vendor,
    /// When the quotes were valid.
    pub quote_time: Option<Timestamp>,
    /// When the chain's response arrived (wall clock; the only field of a finding that differs between equal runs).
    pub fetched_at: Option<Timestamp>,
    /// The vendor's own spot.
    pub vendor_spot: Option<Price>,
    /// The spot the analysis used for the underlying.
    pub spot: Option<f64>,
    /// Where it came from.
    pub spot_source: SpotSource,
    /// S*/S_vendor − 1.
    pub spot_gap: Option<f64>,
    /// Implied forward by expiration, in dollars.
    pub forwards: BTreeMap<Date, f64>,
    /// Words such as `delayed`, `spot_not_simultaneous`, `yield_assumed`, `unknown_oi`.
    pub flags: Vec<String>,
}
