//! Every indicator of the TA-Lib Python wheel by name, as pure functions of bars.
//!
//! ```
//! use fleet_indicators::{Bars, Column, Spec, compute};
//!
//! let closes: Vec<f64> = (0..40).map(|day| 10.0 + f64::from(day % 7)).collect();
//! let bars = Bars::new([(Column::Close, closes)])?;
//! let rsi: Spec = "rsi:14".parse()?;
//! let outputs = compute(&rsi, &bars)?;
//! assert_eq!(outputs[0].at(13), None, "the lookback");
//! assert!(outputs[0].last().is_some());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Promises
//! - **The same numbers as the C library**, within 1e-12 of a series' scale, for all 201 functions of the wheel. The
//!   golden file in `tests/` was written by `scripts/reference-indicators` from the wheel itself. The Rust library has
//!   some 36 functions more; they are not offered, because nothing holds them.
//! - **A missing value is `None`, never a number**: in the lookback, at an absent bar, where the function has no finite
//!   value (the logarithm of 0), and where a ratio of movements meets a window without movement (`still.rs`): TA-Lib's
//!   RSI of a flat window is 0, which reads "oversold".
//! - **An absent bar is absent**: a bar with a value missing, or with a volume of 0, is left out before the library
//!   sees the series, and its place in the outputs is `None`. It is never repeated. NaN never reaches the library.
//! - **No look-ahead**: a value at a bar depends on that bar and earlier ones only.
//!
//! Conventions of TA-Lib that differ elsewhere, kept as they are: an EMA is seeded by the simple average of its first N;
//! both averages of MACD start at the slow lookback; ATR and ADX take their first true range at bar 1; OBV starts at the
//! first volume; BBANDS uses the population deviation. Unstable periods are 0: the first value is given as soon as it can
//! be computed.
//!
//! Refuses: series of different lengths, more than [`MAX_BARS`] bars, negative volumes, and parameters outside their
//! ranges, each with a typed error that names what is wanted.

mod average;
mod bars;
mod catalogue;
mod columns;
mod compute;
mod extremes;
mod spec;
mod still;
mod table;

pub use average::MovingAverage;
pub use bars::{Bars, BarsError, MAX_BARS};
pub use catalogue::{Domain, Group, Indicator, Input, Parameter, all, find};
pub use columns::Column;
pub use compute::{ComputeError, Output, compute};
pub use spec::{MAX_SPECS, Spec, SpecError, Value};
