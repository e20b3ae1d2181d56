//! What one session's chain of an underlying came to: the series that ranks, percentiles and usual volumes are made of.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// One underlying's chain in one session, in a few numbers. A store keeps one an underlying and session: the one of the
/// latest `as_of`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SessionSummary {
    /// The exchange session it belongs to.
    pub session: Date,
    /// The instant it was taken at.
    pub as_of: Timestamp,
    /// The underlying's price, as the chain implies it, dollars.
    pub spot: Option<f64>,
    /// Volatility at the money at 30 days, annual fraction.
    pub iv30: Option<f64>,
    /// Volatility of the 25-delta put less that of the 25-delta call about 30 days out, annual fraction.
    pub skew_25: Option<f64>,
    /// Volatility of the front over that of 60 to 90 days.
    pub term_slope: Option<f64>,
    /// Calls traded so far, contracts, over all expirations served.
    pub call_volume: u64,
    /// Puts traded so far.
    pub put_volume: u64,
    /// Open calls; `None` where the chain's open interest means nothing.
    pub call_open_interest: Option<u64>,
    /// Open puts.
    pub put_open_interest: Option<u64>,
}
