//! Vendors: one folder each, with `urls` (where), `models` (the wire shape as it is) and `parse` (bytes become domain
//! values). Everything here is pure: no network, no clock, no logging, and no panic on any bytes.
//!
//! Shared by the vendors:
//! - [`field`]: a JSON field that may be missing, null or of the wrong type without spoiling its row;
//! - [`body`]: what a body is before anything is read from it (JSON, a throttle text, a block page, HTML);
//! - [`row`]: prices, counts, times and implied volatilities of a row, with typed refusals and the notes that
//!   `inspect` shows.

pub mod body;
pub mod cboe;
pub mod field;
pub mod finviz;
pub mod robinhood;
pub mod row;
pub mod yahoo;
