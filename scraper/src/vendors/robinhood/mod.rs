//! Robinhood's brokerage API: chains, contracts, marks in batches, and bars, with an account's token.
//!
//! Prices are decimal texts and become exact; contracts have ids of their own, which the listing pages map to OCC symbols.

pub mod decimal;
pub mod models;
pub mod parse;
pub mod urls;
mod uuid;

pub use uuid::Uuid;
