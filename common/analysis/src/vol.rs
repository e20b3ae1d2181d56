//! Implied volatility on the forward, and the bounds no honest price leaves.

use fleet_core::domain::{ExerciseStyle, OptionKind};
use implied_vol::{DefaultSpecialFn, ImpliedBlackVolatility};

use crate::forward::Carry;
use crate::pricing::{Factors, Greeks, Terms, greeks_with};

/// Volatilities outside are artefacts of a price near a bound.
const VOL: std::ops::RangeInclusive<f64> = 0.01..=5.0;

/// No-arbitrage bounds of a price, dollars.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    /// At least this.
    pub lower: f64,
    /// At most this.
    pub upper: f64,
}

/// What a contract is, for pricing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Priced {
    /// Call or put.
    pub kind: OptionKind,
    /// When it may be exercised.
    pub style: ExerciseStyle,
    /// Dollars per share.
    pub strike: f64,
    /// Dollars per share.
    pub spot: f64,
    /// Continuous risk-free rate.
    pub rate: f64,
    /// Time and forward.
    pub carry: Carry,
    /// What the contracts of one expiration share.
    pub factors: Factors,
}

/// Volatility and greeks at one price.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VolPoint {
    /// Annual fraction.
    pub iv: f64,
    /// At that volatility.
    pub greeks: Greeks,
}

impl Priced {
    /// The bounds of its style.
    #[must_use]
    pub fn bounds(&self) -> Bounds {
        let discount = self.carry.discount;
        let (spot, strike) = (self.carry.forward * discount, self.strike * discount);
        let (lower, upper) = match self.kind {
            OptionKind::Call => (spot - strike, spot),
            OptionKind::Put => (strike - spot, strike),
        };
        match self.style {
            ExerciseStyle::European => Bounds { lower: lower.max(0.0), upper },
            ExerciseStyle::American => match self.kind {
                OptionKind::Call => Bounds { lower: lower.max(self.spot - self.strike).max(0.0), upper: self.spot },
                OptionKind::Put => Bounds { lower: lower.max(self.strike - self.spot).max(0.0), upper: self.strike },
            },
        }
    }

    /// Volatility and greeks at a price; `None` where the price is outside the bounds or within a tick of the lower.
    #[must_use]
    pub fn vol_at(&self, price: f64, tick: f64) -> Option<VolPoint> {
        let Bounds { lower, upper } = self.bounds();
        if price <= lower + tick || price >= upper {
            return None;
        }
        let Carry { years, forward, yield_, .. } = self.carry;
        let iv = ImpliedBlackVolatility::builder()
            .forward(forward)
            .strike(self.strike)
            .expiry(years)
            .is_call(self.kind == OptionKind::Call)
            .option_price(price / self.carry.discount)
            .build()?
            .calculate::<DefaultSpecialFn>()
            .filter(|iv| VOL.contains(iv))?;
        let terms = Terms { spot: self.spot, strike: self.strike, years, rate: self.rate, yield_ };
        let greeks = greeks_with(self.kind, terms, self.factors, iv)?;
        Some(VolPoint { iv, greeks })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pricing::black;

    fn priced(kind: OptionKind, strike: f64) -> Priced {
        let years = 45.0 / 365.0;
        let (forward, discount) = (100.0 * libm::exp(0.04 * years), libm::exp(-0.04 * years));
        let carry = Carry { years, forward, yield_: 0.0, discount, assumed: false };
        let factors = Factors::of(years, 0.04, 0.0);
        Priced { kind, style: ExerciseStyle::American, strike, spot: 100.0, rate: 0.04, carry, factors }
    }

    #[test]
    fn the_golden_put_of_the_csp_example() {
        let point = priced(OptionKind::Put, 95.0).vol_at((1.85 + 2.00) / 2.0, 0.01).unwrap();
        assert!((point.iv - 0.300445).abs() < 0.5e-6, "{}", point.iv);
    }

    #[test]
    fn price_to_volatility_and_back() {
        for kind in [OptionKind::Call, OptionKind::Put] {
            for strike in [70.0, 90.0, 100.0, 115.0, 140.0] {
                for vol in [0.1, 0.3, 1.2, 4.5] {
                    let p = priced(kind, strike);
                    let price = p.carry.discount * black(kind, p.carry.forward, strike, p.carry.years, vol);
                    let Some(point) = p.vol_at(price, 0.0) else { continue };
                    let again = p.carry.discount * black(kind, p.carry.forward, strike, p.carry.years, point.iv);
                    assert!((again - price).abs() < 1e-9, "{kind:?} {strike} {vol}: {}", point.iv);
                }
            }
        }
    }

    #[test]
    fn near_a_bound_there_is_no_volatility() {
        let call = priced(OptionKind::Call, 80.0);
        let Bounds { lower, upper } = call.bounds();
        assert_eq!(call.vol_at(lower + 0.01, 0.01), None);
        assert!(call.vol_at(lower + 0.02, 0.01).is_some());
        assert_eq!(call.vol_at(upper, 0.01), None);
        assert_eq!(priced(OptionKind::Put, 120.0).bounds().lower, 20.0, "may be exercised at once");
    }
}
