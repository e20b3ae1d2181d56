//! What is known of an underlying beside prices: what kind of thing it is, when it reports, what it pays, what a person
//! holds of it. What is not known is `None` and never a guess.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::money::Price;

/// What kind of thing an underlying is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnderlyingClass {
    /// A company's share.
    Stock,
    /// An exchange-traded fund.
    Fund,
    /// An index.
    Index,
}

/// A day on which a company reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EarningsDate {
    /// New York date of the report.
    pub date: Date,
    /// Whether it is an estimate, not announced.
    pub estimated: bool,
}

/// A cash dividend of an underlying.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CashDividend {
    /// The first session without it.
    pub ex_date: Date,
    /// Dollars per share, on the scale of the bars it came with (after later splits).
    pub amount: Price,
}

/// Shares a person says to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holding {
    /// Shares, above 0.
    pub shares: u32,
    /// Paid per share.
    pub cost_basis: Price,
}

/// What is known of an underlying beside prices. Dividends are with its bars: [`super::BarSeries::dividends`].
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct UnderlyingFacts {
    /// What it is; `None`: nobody said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<UnderlyingClass>,
    /// Dates of reports, past and future, ascending; `None`: nobody said. A list that ends before today says nothing of
    /// the next report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earnings: Option<Vec<EarningsDate>>,
    /// Market capitalisation, dollars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub market_cap: Option<f64>,
    /// What a person holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holding: Option<Holding>,
}
