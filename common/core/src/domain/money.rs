//! Exact prices. A vendor's float is rounded to a ten-thousandth of a dollar here, once (2.35 arrives as
//! 2.3499999), and NaN, infinities and negative numbers are refused at this edge.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A price per share in dollars, exact to 1/10,000. Never negative. Serialised as a number of dollars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Price(u64);

/// An amount of dollars that may be negative, exact to 1/10,000. Serialised as a number of dollars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(from = "f64", into = "f64")]
pub struct Money(i64);

/// Why a number is not a price.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum BadPrice {
    /// NaN or an infinity.
    #[error("the price is not a finite number")]
    NotFinite,
    /// Less than zero.
    #[error("the price {0} is negative")]
    Negative(f64),
    /// More than [`Price::MAX_DOLLARS`].
    #[error("the price {0} is above ten million dollars")]
    TooLarge(f64),
}

const UNITS: f64 = 10_000.0;

impl Price {
    /// Nothing listed costs more; a larger number is a unit error.
    pub const MAX_DOLLARS: f64 = 10_000_000.0;
    /// No money.
    pub const ZERO: Self = Self(0);

    /// Rounds dollars to the nearest ten-thousandth.
    pub fn from_dollars(dollars: f64) -> Result<Self, BadPrice> {
        if !dollars.is_finite() {
            return Err(BadPrice::NotFinite);
        }
        if dollars < 0.0 {
            return Err(BadPrice::Negative(dollars));
        }
        if dollars > Self::MAX_DOLLARS {
            return Err(BadPrice::TooLarge(dollars));
        }
        Ok(Self((dollars * UNITS).round() as u64))
    }

    /// A price of so many ten-thousandths of a dollar.
    #[must_use]
    pub const fn from_units(units: u64) -> Self {
        Self(units)
    }

    /// Ten-thousandths of a dollar.
    #[must_use]
    pub const fn units(self) -> u64 {
        self.0
    }

    /// Dollars, for statistics: the one place where exactness is given up. The result is the double nearest to the
    /// exact decimal.
    #[must_use]
    pub fn dollars(self) -> f64 {
        self.0 as f64 / UNITS
    }

    /// Whether this is nothing at all, which vendors use for "no quote".
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// This price less another, signed.
    #[must_use]
    pub const fn minus(self, other: Self) -> Money {
        Money(self.0 as i64 - other.0 as i64)
    }
}

impl Money {
    /// Rounds dollars to the nearest ten-thousandth; a number that is not finite becomes zero dollars (serde only
    /// hands us JSON numbers, which are finite).
    #[must_use]
    pub fn from_dollars(dollars: f64) -> Self {
        if dollars.is_finite() { Self((dollars * UNITS).round() as i64) } else { Self(0) }
    }

    /// Dollars.
    #[must_use]
    pub fn dollars(self) -> f64 {
        self.0 as f64 / UNITS
    }

    /// So many times this amount.
    #[must_use]
    pub const fn times(self, n: i64) -> Self {
        Self(self.0.saturating_mul(n))
    }

    /// This amount less another.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl TryFrom<f64> for Price {
    type Error = BadPrice;
    fn try_from(dollars: f64) -> Result<Self, BadPrice> {
        Self::from_dollars(dollars)
    }
}

impl From<Price> for f64 {
    fn from(price: Price) -> Self {
        price.dollars()
    }
}

impl From<f64> for Money {
    fn from(dollars: f64) -> Self {
        Self::from_dollars(dollars)
    }
}

impl From<Money> for f64 {
    fn from(money: Money) -> Self {
        money.dollars()
    }
}

impl fmt::Display for Price {
    /// Two decimals, or as many as it takes to be exact.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = if self.0.is_multiple_of(100) {
            format!("{}.{:02}", self.0 / 10_000, self.0 % 10_000 / 100)
        } else {
            format!("{}.{:04}", self.0 / 10_000, self.0 % 10_000)
        };
        f.pad(&text)
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{:.2}", self.dollars()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn float_noise_is_rounded_away() {
        assert_eq!(Price::from_dollars(2.349_999_9).unwrap(), Price::from_units(23_500));
        assert_eq!(Price::from_dollars(2.349_999_9).unwrap().dollars(), 2.35);
        assert_eq!(Price::from_units(23_500).to_string(), "2.35");
        assert_eq!(Price::from_units(23_501).to_string(), "2.3501");
    }

    #[test]
    fn what_is_no_price_is_refused() {
        assert_eq!(Price::from_dollars(f64::NAN), Err(BadPrice::NotFinite));
        assert_eq!(Price::from_dollars(f64::INFINITY), Err(BadPrice::NotFinite));
        assert_eq!(Price::from_dollars(-0.01), Err(BadPrice::Negative(-0.01)));
        assert!(Price::from_dollars(1e9).is_err());
    }

    #[test]
    fn json_keeps_the_exact_amount() {
        let price = Price::from_units(12_345_678);
        let text = serde_json::to_string(&price).unwrap();
        assert_eq!(text, "1234.5678");
        assert_eq!(serde_json::from_str::<Price>(&text).unwrap(), price);
    }
}
