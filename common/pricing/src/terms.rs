//! What is priced, and which inputs are refused.
//!
//! Promises: every function of this crate that takes [`Terms`] checks them first, so that inside every number is finite
//! and in its range. Refuses, with a typed reason, what lies outside: no price is guessed for it.

use thiserror::Error;

/// The right to buy or to sell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The right to buy at the strike.
    Call,
    /// The right to sell at the strike.
    Put,
}

impl Kind {
    /// 1 for a call, −1 for a put.
    #[must_use]
    pub const fn sign(self) -> f64 {
        match self {
            Self::Call => 1.0,
            Self::Put => -1.0,
        }
    }
}

/// What prices an option besides its volatility.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Terms {
    /// Call or put.
    pub kind: Kind,
    /// Price of the underlying, dollars per share, .0001 to 100,000,000.
    pub spot: f64,
    /// Dollars per share, .0001 to 100,000,000.
    pub strike: f64,
    /// Years of 365 days to settlement, 0 to 30. Nothing left is allowed: the price is the intrinsic value.
    pub years: f64,
    /// Continuous risk-free rate a year, −.5 to 3 (.045 is 4.5 %).
    pub rate: f64,
    /// Continuous dividend yield a year, −.5 to 3.
    pub yield_: f64,
}

/// A contract of a chain at a volatility.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Dollars per share.
    pub strike: f64,
    /// Annual fraction.
    pub vol: f64,
}

/// A contract of a chain at a price.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quoted {
    /// Dollars per share.
    pub strike: f64,
    /// Dollars.
    pub price: f64,
    /// A price within so many dollars of its lower bound tells no volatility.
    pub tick: f64,
}

/// Why nothing is computed.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
pub enum Refused {
    /// NaN, or a number outside what this crate computes with.
    #[error("{what} is {value}, outside {low} to {high}")]
    OutOfRange {
        /// The name of the input.
        what: &'static str,
        /// What was given.
        value: f64,
        /// The least value that is taken.
        low: f64,
        /// The greatest value that is taken.
        high: f64,
    },
    /// Sensitivities of an option at its settlement do not exist.
    #[error("no time is left to settlement")]
    Expired,
    /// A put with r < 0 and q < r (a call with q < 0 and r < q) is exercised between two boundaries, and this engine
    /// knows one.
    #[error("early exercise has two boundaries at rate {rate} and yield {yield_}")]
    TwoBoundaries {
        /// The risk-free rate, as given.
        rate: f64,
        /// The dividend yield, as given.
        yield_: f64,
    },
}

/// Dollars per share: from a hundredth of a cent to more than any share ever cost.
const DOLLARS: (f64, f64) = (1e-4, 1e8);
/// Thirty years: ten times the longest listed option.
const YEARS: (f64, f64) = (0.0, 30.0);
/// Continuous rates and yields that are computed with, lowest and highest. 300 % a year; with 30 years every growth factor is
/// below e¹⁰⁵ and every product of two finite.
pub const RATE: (f64, f64) = (-0.5, 3.0);
/// Annual volatilities that are computed with, lowest and highest.
pub const VOL: (f64, f64) = (1e-4, 10.0);

fn within(what: &'static str, value: f64, (low, high): (f64, f64)) -> Result<(), Refused> {
    // NaN compares false and is refused.
    if value >= low && value <= high { Ok(()) } else { Err(Refused::OutOfRange { what, value, low, high }) }
}

/// Checks a volatility, an annual fraction from .0001 to 10.
///
/// # Errors
/// [`Refused::OutOfRange`].
pub fn check_vol(vol: f64) -> Result<(), Refused> {
    within("volatility", vol, VOL)
}

pub(crate) fn check_strike(strike: f64) -> Result<(), Refused> {
    within("strike", strike, DOLLARS)
}

impl Terms {
    /// Checks every field's range.
    ///
    /// # Errors
    /// [`Refused::OutOfRange`] for the first field outside.
    pub fn check(&self) -> Result<(), Refused> {
        within("spot", self.spot, DOLLARS)?;
        check_strike(self.strike)?;
        within("years", self.years, YEARS)?;
        within("rate", self.rate, RATE)?;
        within("yield", self.yield_, RATE)
    }

    /// [`Self::check`] for sensitivities, which need time.
    ///
    /// # Errors
    /// [`Refused::Expired`] if no time is left, else as [`Self::check`].
    pub fn check_alive(&self) -> Result<(), Refused> {
        self.check()?;
        if self.years > 0.0 { Ok(()) } else { Err(Refused::Expired) }
    }

    /// What exercise at once brings, dollars; never negative.
    #[must_use]
    pub fn intrinsic(&self) -> f64 {
        (self.kind.sign() * (self.spot - self.strike)).max(0.0)
    }
}
