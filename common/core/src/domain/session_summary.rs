//! What one session's chain of an underlying came to: the series that ranks, percentiles and usual volumes are made of.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// Sessions of which summaries are kept: the 252 of a year, which ranks and percentiles look back over, the 20 that the
/// usual volume of the oldest of them is the mean of, and some to spare. Then the oldest goes.
pub const SUMMARIES_KEPT: u32 = 280;

/// One underlying's chain in one session, in a few numbers. A store keeps one an underlying and session: the one of the
/// latest `as_of`, for [`SUMMARIES_KEPT`] sessions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SessionSummary {
    /// The exchange session it belongs to.
    pub session: Date,
    /// The instant it was taken at. A store keeps it to the microsecond.
    pub as_of: Timestamp,
    /// The underlying's price, as the chain implies it, dollars; `None` where neither the chain nor the vendor gives one.
    pub spot: Option<f64>,
    /// Volatility at the money at 30 days, annual fraction; `None` where no two expirations bracket 30 days.
    pub iv30: Option<f64>,
    /// Volatility of the 25-delta put less that of the 25-delta call about 30 days out, annual fraction;
    /// `None` where either is not quoted.
    pub skew_25: Option<f64>,
    /// Volatility of the front over that of 60 to 90 days (of 75 between two expirations where none is listed
    /// there); `None` where either is not known.
    pub term_slope: Option<f64>,
    /// Calls traded so far, contracts, over all expirations served.
    pub call_volume: u64,
    /// Puts traded so far.
    pub put_volume: u64,
    /// Open calls; `None` where the chain's open interest means nothing.
    pub call_open_interest: Option<u64>,
    /// Open puts; `None` where the chain's open interest means nothing.
    pub put_open_interest: Option<u64>,
}
