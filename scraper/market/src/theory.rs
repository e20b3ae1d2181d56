//! The price the simulated market believes in: Black–Scholes on its own smile.
//!
//! Written here and not taken from the analysis on purpose: a market that priced with the code under test would hide
//! that code's errors. Formulas: Hull, Options, Futures and Other Derivatives, chapters 15, 17 and 19.

use fleet_core::domain::OptionKind;

/// The market's continuous risk-free rate.
pub(crate) const RATE: f64 = 0.04;

/// What a price depends on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Inputs {
    pub kind: OptionKind,
    pub spot: f64,
    pub strike: f64,
    /// Years to settlement, above zero.
    pub years: f64,
    /// Continuous dividend yield.
    pub dividend_yield: f64,
    /// Annual fraction.
    pub vol: f64,
}

/// The greeks as CBOE prints them: vega per point, theta per calendar day, rho per point.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Greeks {
    pub delta: f64,
    pub gamma: f64,
    pub vega: f64,
    pub theta: f64,
    pub rho: f64,
}

fn cdf(x: f64) -> f64 {
    0.5 * libm::erfc(-x * std::f64::consts::FRAC_1_SQRT_2)
}

fn density(x: f64) -> f64 {
    libm::exp(-0.5 * x * x) * 0.398_942_280_401_432_7
}

impl Inputs {
    fn d1_d2(&self) -> (f64, f64) {
        let deviation = self.vol * libm::sqrt(self.years);
        let drift = (RATE - self.dividend_yield) * self.years;
        let d1 = (libm::log(self.spot / self.strike) + drift) / deviation + 0.5 * deviation;
        (d1, d1 - deviation)
    }

    const fn sign(&self) -> f64 {
        match self.kind {
            OptionKind::Call => 1.0,
            OptionKind::Put => -1.0,
        }
    }

    /// Dollars per share. The contracts are American, so never below what exercising brings at once.
    pub(crate) fn price(&self) -> f64 {
        let (d1, d2) = self.d1_d2();
        let sign = self.sign();
        let asset = self.spot * libm::exp(-self.dividend_yield * self.years);
        let cash = self.strike * libm::exp(-RATE * self.years);
        let european = sign * (asset * cdf(sign * d1) - cash * cdf(sign * d2));
        european.max(sign * (self.spot - self.strike)).max(0.0)
    }

    pub(crate) fn greeks(&self) -> Greeks {
        let (d1, d2) = self.d1_d2();
        let sign = self.sign();
        let root = libm::sqrt(self.years);
        let carry = libm::exp(-self.dividend_yield * self.years);
        let cash = self.strike * libm::exp(-RATE * self.years);
        let decay = -self.spot * carry * density(d1) * self.vol / (2.0 * root);
        let interest = sign * RATE * cash * cdf(sign * d2);
        let income = sign * self.dividend_yield * self.spot * carry * cdf(sign * d1);
        Greeks {
            delta: sign * carry * cdf(sign * d1),
            gamma: carry * density(d1) / (self.spot * self.vol * root),
            vega: self.spot * carry * density(d1) * root / 100.0,
            theta: (decay - interest + income) / 365.0,
            rho: sign * cash * self.years * cdf(sign * d2) / 100.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Golden values of ANALYTICS section 1.
    #[test]
    fn golden_values() {
        let call = Inputs {
            kind: OptionKind::Call,
            spot: 100.0,
            strike: 105.0,
            years: 45.0 / 365.0,
            dividend_yield: 0.0,
            vol: 0.3,
        };
        let put = Inputs { kind: OptionKind::Put, strike: 95.0, ..call };
        let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-6, "{a} is not {b}");
        near(call.price(), 2.419_380);
        near(put.price(), 1.919_748);
        near(call.greeks().delta, 0.358_042);
        near(put.greeks().theta, -0.036_051);
        near(call.greeks().vega, 0.131_113);
    }

    #[test]
    fn a_deep_put_is_worth_its_exercise() {
        let put =
            Inputs { kind: OptionKind::Put, spot: 50.0, strike: 100.0, years: 0.75, dividend_yield: 0.0, vol: 0.2 };
        assert_eq!(put.price(), 50.0);
    }
}
