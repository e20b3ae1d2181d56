//! Option prices, implied volatilities and greeks: numbers in, numbers out.
//!
//! ```text
//! terms      what is priced, and which inputs are refused
//! black      European, closed form, on the spot or the forward
//! american   early exercise: one contract, or a smile whose contracts share their boundaries
//! dividends  early exercise with cash dividends, by finite differences
//! curve      the risk-free rate of a number of days
//! ```
//!
//! Promises: same inputs, same bits; no clock, I/O, randomness, thread or panic; finite output for every input that is
//! not refused. It knows nothing of chains, calendars or vendors: whoever calls it brings the years.
//!
//! Units everywhere: dollars per share, years of 365 days, continuous annual rates and yields as fractions, volatility
//! as an annual fraction.

pub mod american;
pub mod black;
pub mod curve;
pub mod dividends;
mod normal;
mod terms;

pub use black::{Bounds, Greeks};
pub use terms::{Kind, Point, Quoted, RATE, Refused, Terms, VOL, check_vol};
