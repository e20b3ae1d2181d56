//! Daily bars of an underlying or of one option contract.

use std::fmt;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::facts::CashDividend;
use super::money::Price;
use super::occ::OccSymbol;
use super::ticker::Ticker;

/// What a series of bars belongs to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Instrument {
    /// A stock, ETF or index.
    Underlying(Ticker),
    /// One option contract.
    Contract(OccSymbol),
}

impl fmt::Display for Instrument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Underlying(ticker) => write!(f, "{ticker}"),
            Self::Contract(symbol) => write!(f, "{symbol}"),
        }
    }
}

/// One session's open, high, low, close and volume. A session without a trade has no bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bar {
    /// The New York date of the session.
    pub date: Date,
    /// First trade.
    pub open: Price,
    /// Highest trade.
    pub high: Price,
    /// Lowest trade.
    pub low: Price,
    /// Last trade.
    pub close: Price,
    /// Shares or contracts traded.
    pub volume: u64,
}

/// Bars of one instrument, oldest first, one a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BarSeries {
    /// Whose bars.
    pub instrument: Instrument,
    /// Ascending by date, no date twice. May end with the running session's provisional bar.
    pub bars: Vec<Bar>,
    /// Date of the underlying's last split inside the range asked for, where the vendor tells it.
    pub last_split: Option<Date>,
    /// Cash dividends with an ex-date inside the range asked for, ascending. `None`: the vendor tells none of anybody, so nobody
    /// knows. Rows that lack it are of one that told of none.
    #[serde(default = "told_of_none", skip_serializing_if = "is_told_of_none")]
    pub dividends: Option<Vec<CashDividend>>,
    /// Rows the vendor sent that were no complete bar (nulls, no volume).
    pub incomplete: u32,
    /// The first date asked for. From there on the series is complete: a session without a bar had none when it was
    /// asked for. `None`: not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub complete_from: Option<Date>,
}

#[expect(clippy::unnecessary_wraps, reason = "serde wants the field's type")]
const fn told_of_none() -> Option<Vec<CashDividend>> {
    Some(Vec::new())
}

fn is_told_of_none(dividends: &Option<Vec<CashDividend>>) -> bool {
    dividends.as_ref().is_some_and(Vec::is_empty)
}

/// Bars as a cache keeps them for the scans to come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptBars {
    /// The bars.
    #[serde(flatten)]
    pub series: BarSeries,
    /// The session in which the vendor was last asked for all of them; what is newer was joined to it. `None`: not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub whole_in: Option<Date>,
}
