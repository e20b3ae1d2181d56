//! American options: Andersen, Lake and Offengenden (2016) for one contract, or for a smile whose contracts share their
//! exercise boundaries ([`Smile`]).
//!
//! ```text
//! carry (time, rates) → start (QD+) → boundary (collocation) → premium (Kim's integral) → contract, invert, smile
//! ```
//!
//! Promises: price = European price + a premium that is never negative, and never below the intrinsic value; within
//! $.0005 of a high-precision reference at spot 100, 7 days to 3 years, volatility .12 to .9, rates and yields of 0 to
//! 6 %, and within a cent or two at volatilities from .01 to 5 and rates to 30 %; finite for every input that is not
//! refused.
//!
//! Where early exercise is never optimal the price is the European one: a put with r ≤ 0 and q ≥ r, a call with q ≤ 0
//! and r ≥ q. Refuses: a put with r < 0 and q < r, a call with q < 0 and r < q ([`Refused::TwoBoundaries`]).

mod boundary;
mod carry;
mod contract;
mod grid;
mod invert;
mod premium;
mod smile;
mod start;

pub use contract::{boundary, bounds, greeks, implied_vol, price};
pub(crate) use contract::{difference, exercise as boundary_count, exercised_greeks};
pub(crate) use invert::invert;
pub use smile::Smile;

#[cfg(doc)]
use crate::Refused;
