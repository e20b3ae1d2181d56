//! American options of the oracle: binomial trees (Leisen and Reimer 1996, "Binomial models for option valuation", their
//! second Peizer–Pratt inversion), rolled back with exercise at every node. Their error falls like one over the steps, so
//! that two trees tell what infinitely many steps would give. Slow, and nobody else's code.

use super::maths::{black, d1_d2, implied_vol, normal};

/// Steps of the two trees, odd numbers. At a spot of 100, up to a year and at volatilities of .2 and more, the price then
/// errs by some $.0005 (the tests below).
const STEPS: [usize; 2] = [151, 301];

/// What an option is besides its volatility.
#[derive(Debug, Clone, Copy)]
pub struct Contract {
    pub call: bool,
    pub spot: f64,
    pub strike: f64,
    pub years: f64,
    pub rate: f64,
    pub dividend_yield: f64,
}

/// Price and delta.
#[derive(Debug, Clone, Copy)]
pub struct Valued {
    pub price: f64,
    pub delta: f64,
}

impl Contract {
    fn forward(&self) -> f64 {
        self.spot * ((self.rate - self.dividend_yield) * self.years).exp()
    }

    fn exercise(&self, at: f64) -> f64 {
        if self.call { at - self.strike } else { self.strike - at }
    }

    /// Whether waiting always pays: a call without dividends (Merton 1973).
    pub fn is_never_exercised_early(&self) -> bool {
        self.call && self.dividend_yield <= 0.0 && self.rate >= self.dividend_yield
    }

    /// What it is worth at a volatility.
    pub fn valued(&self, vol: f64) -> Valued {
        if self.is_never_exercised_early() {
            let forward = self.forward();
            let (d1, _) = d1_d2(forward, self.strike, self.years, vol);
            return Valued {
                price: black(true, forward, self.strike, self.years, self.rate, vol),
                delta: (-self.dividend_yield * self.years).exp() * normal(d1),
            };
        }
        let [few, many] = STEPS.map(|steps| self.tree(vol, steps));
        let share = STEPS[0] as f64 / (STEPS[1] - STEPS[0]) as f64;
        let beyond = |few: f64, many: f64| many + share * (many - few);
        Valued {
            price: beyond(few.price, many.price).max(self.exercise(self.spot)),
            delta: beyond(few.delta, many.delta),
        }
    }

    /// The volatility at which it is worth `price`, from the European one of that price by the European vega.
    pub fn implied_vol(&self, price: f64) -> Option<f64> {
        let forward = self.forward();
        let mut vol = implied_vol(self.call, price, forward, self.strike, self.years, self.rate)?;
        for _ in 0..if self.is_never_exercised_early() { 0 } else { 6 } {
            let (d1, _) = d1_d2(forward, self.strike, self.years, vol);
            let density = (-d1 * d1 / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
            let vega = forward * (-self.rate * self.years).exp() * density * self.years.sqrt();
            vol -= (self.valued(vol).price - price) / vega;
        }
        Some(vol)
    }

    /// Dollars a share and calendar day, by the Black–Scholes equation from price, delta and a difference of deltas.
    pub fn theta(&self, vol: f64) -> f64 {
        let Valued { price, delta } = self.valued(vol);
        let step = 0.005 * self.spot;
        let at = |spot: f64| Self { spot, ..*self }.valued(vol).delta;
        let gamma = (at(self.spot + step) - at(self.spot - step)) / (2.0 * step);
        let carried = self.rate * price - (self.rate - self.dividend_yield) * self.spot * delta;
        (carried - vol * vol * self.spot * self.spot * gamma / 2.0) / 365.0
    }

    fn tree(&self, vol: f64, steps: usize) -> Valued {
        let step = self.years / steps as f64;
        let (d1, d2) = d1_d2(self.forward(), self.strike, self.years, vol);
        let (up_by_d2, up_by_d1) = (inversion(d2, steps), inversion(d1, steps));
        let growth = ((self.rate - self.dividend_yield) * step).exp();
        let (up, down) = (growth * up_by_d1 / up_by_d2, growth * (1.0 - up_by_d1) / (1.0 - up_by_d2));
        let discount = (-self.rate * step).exp();
        let (by_up, by_down, apart) = (discount * up_by_d2, discount * (1.0 - up_by_d2), up / down);
        let lowest = |left: usize| self.spot * down.powi(left as i32);
        let mut values: Vec<f64> =
            (0..=steps).map(|ups| self.exercise(lowest(steps) * apart.powi(ups as i32)).max(0.0)).collect();
        // Deltas one and two steps from now, to be carried on to now.
        let mut deltas = [0.0; 3];
        for left in (0..steps).rev() {
            let mut spot = lowest(left);
            for ups in 0..=left {
                let held = by_up * values[ups + 1] + by_down * values[ups];
                let exercised = if self.call { spot - self.strike } else { self.strike - spot };
                values[ups] = if held > exercised { held } else { exercised };
                spot *= apart;
            }
            if let (1 | 2, Some(delta)) = (left, deltas.get_mut(left)) {
                *delta = (values[left] - values[0]) / (lowest(left) * (apart.powi(left as i32) - 1.0));
            }
        }
        Valued { price: values[0], delta: 2.0 * deltas[1] - deltas[2] }
    }
}

/// The probability whose binomial distribution has the normal's value at `z`, nearly.
fn inversion(z: f64, steps: usize) -> f64 {
    let n = steps as f64;
    let a = z / (n + 1.0 / 3.0 + 0.1 / (n + 1.0));
    let root = (0.25 - 0.25 * (-a * a * (n + 1.0 / 6.0)).exp()).sqrt();
    if z < 0.0 { 0.5 - root } else { 0.5 + root }
}

#[cfg(test)]
mod golden {
    use fleet_tests::recordings::shared;

    use super::*;

    /// Broadie and Detemple (1996), table 1: calls of half a year, strike 100, volatility 20 %, rate 3 %, yield 7 %.
    #[test]
    fn the_calls_of_broadie_and_detemple() {
        for (spot, wanted) in [(80.0, 0.219), (90.0, 1.386), (100.0, 4.783), (110.0, 11.098), (120.0, 20.000)] {
            let call = Contract { call: true, spot, strike: 100.0, years: 0.5, rate: 0.03, dividend_yield: 0.07 };
            let got = call.valued(0.2).price;
            assert!((got - wanted).abs() < 1.5e-3, "{spot}: {got}, not {wanted}");
        }
    }

    #[test]
    fn delta_is_the_slope() {
        for (call, dividend_yield) in [(false, 0.0), (true, 0.05), (true, 0.0)] {
            let contract = Contract { call, spot: 100.0, strike: 105.0, years: 0.5, rate: 0.04, dividend_yield };
            let at = |spot| Contract { spot, ..contract }.valued(0.3).price;
            let (slope, delta) = (at(100.5) - at(99.5), contract.valued(0.3).delta);
            assert!((delta - slope).abs() < 5e-4, "{delta}, not {slope}");
        }
    }

    #[test]
    fn prices_of_the_reference_grid() {
        let Some(path) = shared("reference/american-grid.csv") else { return };
        let text = std::fs::read_to_string(path).expect("the table is readable");
        let mut errors = Vec::new();
        // Every 29th row: all maturities, volatilities and rates come up.
        for row in text.lines().skip(1).step_by(29) {
            let cells: Vec<f64> = row.split(',').map(|cell| cell.parse().expect("a number")).collect();
            let [years, strike, vol, rate, dividend_yield, is_call, wanted] = cells[..] else { panic!("{row}") };
            let contract = Contract { call: is_call == 1.0, spot: 100.0, strike, years, rate, dividend_yield };
            let error = (contract.valued(vol).price - wanted).abs();
            // Three years at a volatility of 12 % are further than anything compared here.
            assert!(error < 4e-3, "{row}: {error}");
            errors.push(error);
        }
        errors.sort_by(f64::total_cmp);
        let p95 = errors[errors.len() * 95 / 100];
        assert!(errors.len() > 50 && p95 < 5e-4, "{} rows, 95 % within {p95}", errors.len());
    }
}
