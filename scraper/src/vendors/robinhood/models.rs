//! The wire shapes of Robinhood's API, as they are. Only what we read; unknown fields are skipped.

use serde::Deserialize;

use crate::vendors::field::{Flag, List, Number, Object, Text};

/// A page of a list. A batch has no `next`.
#[derive(Debug, Deserialize)]
#[serde(default, bound(deserialize = "T: Deserialize<'de>"))]
pub struct Page<'a, T> {
    /// What is listed; null where something of a batch is not known.
    pub results: List<Object<T>>,
    /// The whole address of the next page, to be followed as it is; null on the last.
    #[serde(borrow)]
    pub next: Text<'a>,
}

impl<T> Default for Page<'_, T> {
    fn default() -> Self {
        Self { results: List::default(), next: Text::default() }
    }
}

/// A stock, of `/instruments/`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Equity<'a> {
    /// Its id.
    #[serde(borrow)]
    pub id: Text<'a>,
    /// `AAPL`, `BRK.B`.
    #[serde(borrow)]
    pub symbol: Text<'a>,
}

/// A chain, of `/options/chains/`. A stock can have several: adjusted ones beside the standard one.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ChainRow<'a> {
    /// Its id.
    #[serde(borrow)]
    pub id: Text<'a>,
    /// The root of its contracts: `AAPL`, adjusted `DSCK1`.
    #[serde(borrow)]
    pub symbol: Text<'a>,
    /// Cash that is delivered too; null for all but adjusted chains.
    #[serde(borrow)]
    pub cash_component: Text<'a>,
    /// `YYYY-MM-DD`; empty for dead chains.
    #[serde(borrow)]
    pub expiration_dates: List<Text<'a>>,
    /// `"100.0000"` unless adjusted.
    #[serde(borrow)]
    pub trade_value_multiplier: Text<'a>,
}

/// A contract, of `/options/instruments/`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Contract<'a> {
    /// Its id.
    #[serde(borrow)]
    pub id: Text<'a>,
    /// The root.
    #[serde(borrow)]
    pub chain_symbol: Text<'a>,
    /// `YYYY-MM-DD`.
    #[serde(borrow)]
    pub expiration_date: Text<'a>,
    /// `call`, `put`.
    #[serde(borrow, rename = "type")]
    pub kind: Text<'a>,
    /// Dollars, a decimal.
    #[serde(borrow)]
    pub strike_price: Text<'a>,
}

/// A mark, of `/marketdata/options/`: what a contract quotes.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Mark<'a> {
    /// The address of the contract.
    #[serde(borrow)]
    pub instrument: Text<'a>,
    /// Its id; since some time after 2018.
    #[serde(borrow)]
    pub instrument_id: Text<'a>,
    /// Its padded OCC symbol; since some time after 2018.
    #[serde(borrow)]
    pub occ_symbol: Text<'a>,
    /// Dollars per share; 0 is "nobody".
    #[serde(borrow)]
    pub bid_price: Text<'a>,
    /// Dollars per share; 0 is "nobody".
    #[serde(borrow)]
    pub ask_price: Text<'a>,
    /// Contracts traded this session.
    pub volume: Number,
    /// Open contracts, previous session.
    pub open_interest: Number,
    /// Annual fraction; null where there is none.
    #[serde(borrow)]
    pub implied_volatility: Text<'a>,
    /// When the quote was last brought up to date; not in 2018.
    #[serde(borrow)]
    pub updated_at: Text<'a>,
}

/// A stock's quote, of `/marketdata/quotes/ID/`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Quote<'a> {
    /// `AAPL`.
    #[serde(borrow)]
    pub symbol: Text<'a>,
    /// The last trade of the regular session, dollars.
    #[serde(borrow)]
    pub last_trade_price: Text<'a>,
    /// When that was.
    #[serde(borrow)]
    pub venue_last_trade_time: Text<'a>,
}

/// Bars of a stock (`historicals`) or of a contract (`data_points`).
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Historicals<'a> {
    /// Of a stock.
    #[serde(borrow)]
    pub symbol: Text<'a>,
    /// The address of the contract.
    #[serde(borrow)]
    pub instrument: Text<'a>,
    /// `day`.
    #[serde(borrow)]
    pub interval: Text<'a>,
    /// A contract's.
    #[serde(borrow)]
    pub data_points: List<Object<Point<'a>>>,
    /// A stock's.
    #[serde(borrow)]
    pub historicals: List<Object<Point<'a>>>,
}

/// One bar.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Point<'a> {
    /// A daily one: midnight UTC of its date.
    #[serde(borrow)]
    pub begins_at: Text<'a>,
    /// Dollars.
    #[serde(borrow)]
    pub open_price: Text<'a>,
    /// Dollars.
    #[serde(borrow)]
    pub high_price: Text<'a>,
    /// Dollars.
    #[serde(borrow)]
    pub low_price: Text<'a>,
    /// Dollars.
    #[serde(borrow)]
    pub close_price: Text<'a>,
    /// Shares or contracts.
    pub volume: Number,
    /// True: nobody traded, the vendor filled it in.
    pub interpolated: Flag,
}
