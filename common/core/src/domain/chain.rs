//! All quoted contracts of one underlying at one instant, as one vendor gave them.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::facts::UnderlyingFacts;
use super::money::Price;
use super::quote::ContractQuote;
use super::ticker::Ticker;
use super::vendor::Vendor;

/// A chain as understood from a vendor's body: every row of the body is in `contracts` or in `refused`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Chain {
    /// Whose options these are.
    pub underlying: Ticker,
    /// Who said so.
    pub vendor: Vendor,
    /// When the quotes were valid (ANALYTICS 2.2 says how each vendor tells it); `None` when nothing dates them.
    pub quote_time: Option<Timestamp>,
    /// The vendor's price of the underlying. Rarely of the same instant as the quotes.
    pub vendor_spot: Option<VendorSpot>,
    /// The vendor's trailing dividend yield, annual fraction; `None` where it gives none. Used only where a
    /// configuration asks for it.
    #[serde(default)]
    pub vendor_yield: Option<f64>,
    /// What the vendor says of the underlying beside its price: CBOE only what kind of thing it is, Yahoo also when it
    /// reports and what it is worth.
    #[serde(default)]
    pub facts: UnderlyingFacts,
    /// Readable rows, in the vendor's order. Duplicates are still in here: the analysis refuses them.
    pub contracts: Vec<ContractQuote>,
    /// Rows that could not be read, each with its reason.
    pub refused: Vec<RefusedRow>,
    /// Every expiration the vendor lists, ascending.
    pub expirations: Vec<Date>,
    /// Expirations that were wanted and not served; not empty makes the ticker partial.
    pub not_served: Vec<Date>,
}

/// The vendor's price of the underlying, with its time where it is given.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct VendorSpot {
    /// Dollars per share.
    pub price: Price,
    /// When the vendor saw it.
    pub time: Option<Timestamp>,
}

/// A row of a body that is not a contract we can use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedRow {
    /// The symbol as it was written, shortened to 40 characters.
    pub symbol: String,
    /// Why.
    pub reason: RowRefusal,
}

/// Why a row was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowRefusal {
    /// The symbol is not an OCC symbol.
    BadSymbol,
    /// A price is NaN, negative or absurdly large.
    BadPrice,
    /// A count (volume, open interest) is negative, fractional or NaN.
    BadCount,
    /// The row's own strike or expiration contradicts its symbol.
    Contradiction,
    /// A field the row cannot do without is missing or of the wrong type.
    MissingField,
    /// The same contract appears more than once.
    Duplicate,
}

impl RowRefusal {
    /// The word used in funnels and JSON.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::BadSymbol => "bad_symbol",
            Self::BadPrice => "bad_price",
            Self::BadCount => "bad_count",
            Self::Contradiction => "contradiction",
            Self::MissingField => "missing_field",
            Self::Duplicate => "duplicate",
        }
    }
}

impl Chain {
    /// Rows the body held: readable and refused.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.contracts.len() + self.refused.len()
    }
}
