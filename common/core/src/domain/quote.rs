//! What a vendor says of one contract at one instant.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::money::Price;
use super::occ::OccSymbol;

/// One contract's row of a chain. What the vendor left out is `None`, never 0.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ContractQuote {
    /// The contract.
    pub symbol: OccSymbol,
    /// Best bid per share; `None` when nobody bids (vendors write 0).
    pub bid: Option<Price>,
    /// Best ask per share; `None` when nobody offers (vendors write 0).
    pub ask: Option<Price>,
    /// The last trade; `None` when the contract never traded or the vendor does not date it.
    pub last: Option<LastTrade>,
    /// Contracts traded this session. Yahoo's missing volume means no trade today and arrives as `Some(0)`.
    pub volume: Option<u64>,
    /// Open contracts, as of the previous session.
    pub open_interest: Option<u64>,
    /// The vendor's own implied volatility, an annual fraction; `None` for its placeholders. Shown, never used.
    pub vendor_iv: Option<f64>,
}

/// A trade that happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastTrade {
    /// Price per share.
    pub price: Price,
    /// When.
    pub time: Timestamp,
}

impl ContractQuote {
    /// Half way between bid and ask in dollars; `None` unless 0 < bid < ask.
    #[must_use]
    pub fn mid(&self) -> Option<f64> {
        let (bid, ask) = (self.bid?, self.ask?);
        if bid.is_zero() || bid >= ask { None } else { Some((bid.dollars() + ask.dollars()) / 2.0) }
    }

    /// Ask − bid in dollars; `None` unless 0 < bid < ask.
    #[must_use]
    pub fn spread(&self) -> Option<f64> {
        self.mid()?;
        Some(self.ask?.minus(self.bid?).dollars())
    }
}
