//! Price steps. Which of the three classes an underlying's options trade in is read off its own quotes: no vendor
//! tells it.

use fleet_core::domain::{ContractQuote, Price};

/// Steps below and from three dollars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticks {
    /// Units (ten-thousandths of a dollar) below three dollars.
    pub low: u64,
    /// Units from three dollars.
    pub high: u64,
}

const CENT: u64 = 100;
const NICKEL: u64 = 500;
const DIME: u64 = 1_000;
const BAND: u64 = 30_000;

/// Which way a price is rounded to its step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rounding {
    /// To the nearest step, halves up.
    Nearest,
    /// To the step below.
    Down,
}

#[derive(Default)]
struct Band {
    prices: usize,
    off_nickel: usize,
    off_dime: usize,
}

impl Band {
    fn add(&mut self, units: u64) {
        self.prices += 1;
        self.off_nickel += usize::from(!units.is_multiple_of(NICKEL));
        self.off_dime += usize::from(!units.is_multiple_of(DIME));
    }

    /// One price in a hundred may be an error of the vendor.
    const fn is_off(&self, off: usize) -> bool {
        off * 100 > self.prices
    }
}

impl Ticks {
    /// Every price in cents.
    pub const PENNY: Self = Self { low: CENT, high: CENT };
    /// The penny program: cents below three dollars, nickels above.
    pub const PROGRAM: Self = Self { low: CENT, high: NICKEL };
    /// Everything else: nickels below three dollars, dimes above.
    pub const NICKEL: Self = Self { low: NICKEL, high: DIME };

    /// The class of the prices in these quotes.
    #[must_use]
    pub fn infer<'a>(quotes: impl Iterator<Item = &'a ContractQuote>) -> Self {
        let (mut low, mut high) = (Band::default(), Band::default());
        for price in quotes.flat_map(|q| [q.bid, q.ask]).flatten().filter(|p| !p.is_zero()) {
            if price.units() < BAND { low.add(price.units()) } else { high.add(price.units()) }
        }
        if high.is_off(high.off_nickel) {
            Self::PENNY
        } else if low.is_off(low.off_nickel) || high.is_off(high.off_dime) {
            Self::PROGRAM
        } else {
            Self::NICKEL
        }
    }

    /// The step at a price, dollars.
    #[must_use]
    pub fn at(&self, dollars: f64) -> f64 {
        self.units_at(dollars * 10_000.0) as f64 / 10_000.0
    }

    fn units_at(&self, units: f64) -> u64 {
        if units < BAND as f64 { self.low } else { self.high }
    }

    /// A number of units rounded to a step. Negative numbers become zero.
    #[must_use]
    pub fn round(&self, units: f64, rounding: Rounding) -> Price {
        let tick = self.units_at(units) as f64;
        let steps = match rounding {
            // A half that floating point wrote a hair too low is a half all the same (8.65 × 0.70 = 6.055).
            Rounding::Nearest => (units / tick + 0.5 + 1e-9).floor(),
            // A billionth of a step forgives the noise of a product such as 19.20 × 1.15.
            Rounding::Down => (units / tick + 1e-9).floor(),
        };
        Price::from_units((steps.max(0.0) * tick) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(prices: &[(u64, u64)]) -> Ticks {
        let symbol = fleet_core::domain::OccSymbol::parse("AAPL270319C00450000").unwrap();
        let quotes: Vec<ContractQuote> = prices
            .iter()
            .map(|(bid, ask)| ContractQuote {
                symbol,
                bid: Some(Price::from_units(*bid)),
                ask: Some(Price::from_units(*ask)),
                last: None,
                volume: None,
                open_interest: None,
                vendor_iv: None,
            })
            .collect();
        Ticks::infer(quotes.iter())
    }

    #[test]
    fn classes_are_read_off_the_quotes() {
        assert_eq!(class(&[(100, 200), (40_100, 40_300)]), Ticks::PENNY);
        assert_eq!(class(&[(100, 200), (40_500, 41_000)]), Ticks::PROGRAM);
        assert_eq!(class(&[(500, 1_000), (40_500, 41_000)]), Ticks::PROGRAM);
        assert_eq!(class(&[(500, 1_000), (40_000, 41_000)]), Ticks::NICKEL);
        assert_eq!(class(&[]), Ticks::NICKEL);
    }

    #[test]
    fn steps_change_at_three_dollars() {
        let round = |units, how| Ticks::NICKEL.round(units, how).units();
        assert_eq!(round(29_740.0, Rounding::Nearest), 29_500);
        assert_eq!(round(29_760.0, Rounding::Nearest), 30_000);
        assert_eq!(round(30_500.0, Rounding::Nearest), 31_000, "halves go up");
        assert_eq!(
            Ticks::PENNY.round(86_500.0 * (1.0 - 30.0 / 100.0), Rounding::Nearest).units(),
            60_600,
            "8.65 x 0.7"
        );
        assert_eq!(round(30_999.0, Rounding::Down), 30_000);
        assert_eq!(round(-5.0, Rounding::Nearest), 0);
    }
}
