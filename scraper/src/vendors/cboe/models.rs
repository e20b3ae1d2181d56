//! The wire shape of CBOE's delayed quotes, as it is. Only what we read; unknown fields are skipped.

use serde::Deserialize;

use crate::vendors::field::{List, Number, Object, Text};

/// The whole body.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Envelope<'a> {
    /// Publication time, UTC, `2026-08-17 18:42:35`. Keeps advancing after the close: it never dates the quotes.
    #[serde(borrow)]
    pub timestamp: Text<'a>,
    /// `AAPL`, `_SPX`.
    #[serde(borrow)]
    pub symbol: Text<'a>,
    /// Everything else.
    #[serde(borrow)]
    pub data: Object<Data<'a>>,
}

/// The underlying and its options.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Data<'a> {
    /// `AAPL`, `^SPX`.
    #[serde(borrow)]
    pub symbol: Text<'a>,
    /// `stock`, `etf`, `index`.
    #[serde(borrow)]
    pub security_type: Text<'a>,
    /// Price of the underlying, dollars.
    pub current_price: Number,
    /// New York wall-clock time of that price, without offset.
    #[serde(borrow)]
    pub last_trade_time: Text<'a>,
    /// Every contract of every expiration.
    #[serde(borrow)]
    pub options: List<Object<Row<'a>>>,
}

/// One contract. Sizes, counts and prices are all floats on the wire (`29.0`).
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Row<'a> {
    /// Compact OCC symbol.
    #[serde(borrow)]
    pub option: Text<'a>,
    /// Dollars per share; 0 is "nobody".
    pub bid: Number,
    /// Dollars per share; 0 is "nobody".
    pub ask: Number,
    /// Contracts traded this session.
    pub volume: Number,
    /// Open contracts, previous session.
    pub open_interest: Number,
    /// Annual fraction; 0.0 is "not computable".
    pub iv: Number,
    /// Dollars per share; 0.0 when it never traded.
    pub last_trade_price: Number,
    /// New York wall-clock time without offset, or null.
    #[serde(borrow)]
    pub last_trade_time: Text<'a>,
}
