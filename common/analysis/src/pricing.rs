//! European option prices and greeks in closed form, on `libm::erfc` so that every machine computes the same bits.
//!
//! Promises: finite output for finite input (negative spots, strikes, times and volatilities count as zero); the
//! golden values of ANALYTICS section 1 to the digits given. Refuses: early exercise, which needs an engine of its own.
//!
//! Units: dollars per share, years of 365 days, continuous annual rates and volatility as fractions.

use fleet_core::domain::OptionKind;

/// Sensitivities of one European option.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Greeks {
    /// Dollars per $1 of the underlying.
    pub delta: f64,
    /// Delta per $1 of the underlying.
    pub gamma: f64,
    /// Dollars per calendar day.
    pub theta_per_day: f64,
    /// Dollars per volatility point (0.01).
    pub vega_per_point: f64,
    /// Dollars per point (0.01) of the risk-free rate.
    pub rho_per_point: f64,
    /// Risk-neutral probability of ending in the money.
    pub prob_itm: f64,
}

/// What prices an option besides its kind and its volatility.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Terms {
    /// Dollars per share.
    pub spot: f64,
    /// Dollars per share.
    pub strike: f64,
    /// Years to settlement.
    pub years: f64,
    /// Continuous risk-free rate.
    pub rate: f64,
    /// Continuous dividend yield.
    pub yield_: f64,
}

/// Standard normal distribution function.
#[must_use]
pub fn normal_cdf(x: f64) -> f64 {
    0.5 * libm::erfc(-x * std::f64::consts::FRAC_1_SQRT_2)
}

/// Standard normal density.
#[must_use]
pub fn normal_pdf(x: f64) -> f64 {
    // 1/√(2π)
    0.398_942_280_401_432_7 * libm::exp(-0.5 * x * x)
}

/// Undiscounted price of a European option on a forward (Black 1976).
#[must_use]
pub fn black(kind: OptionKind, forward: f64, strike: f64, years: f64, vol: f64) -> f64 {
    let (forward, strike) = (forward.max(0.0), strike.max(0.0));
    let spread = vol.max(0.0) * libm::sqrt(years.max(0.0));
    let intrinsic = match kind {
        OptionKind::Call => (forward - strike).max(0.0),
        OptionKind::Put => (strike - forward).max(0.0),
    };
    if spread <= 0.0 || forward <= 0.0 || strike <= 0.0 {
        return intrinsic;
    }
    let d1 = libm::log(forward / strike) / spread + 0.5 * spread;
    let d2 = d1 - spread;
    // The out-of-the-money leg is computed and parity gives the other: no digits are lost deep in the money.
    let out_of_the_money = if forward <= strike {
        forward * normal_cdf(d1) - strike * normal_cdf(d2)
    } else {
        strike * normal_cdf(-d2) - forward * normal_cdf(-d1)
    };
    intrinsic + out_of_the_money.max(0.0)
}

/// What the contracts of one expiration share.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Factors {
    /// √years
    root: f64,
    /// e^(−yield·years)
    carry: f64,
    /// e^(−rate·years)
    discount: f64,
}

impl Factors {
    /// Computes them once for an expiration.
    #[must_use]
    pub fn of(years: f64, rate: f64, yield_: f64) -> Self {
        Self { root: libm::sqrt(years), carry: libm::exp(-yield_ * years), discount: libm::exp(-rate * years) }
    }
}

/// Closed-form greeks; `None` unless spot, strike, years and volatility are positive and everything is finite.
#[must_use]
pub fn greeks(kind: OptionKind, terms: Terms, vol: f64) -> Option<Greeks> {
    greeks_with(kind, terms, Factors::of(terms.years, terms.rate, terms.yield_), vol)
}

/// As [`greeks`], with the factors of its expiration.
#[must_use]
pub fn greeks_with(kind: OptionKind, terms: Terms, factors: Factors, vol: f64) -> Option<Greeks> {
    let Terms { spot, strike, years, rate, yield_ } = terms;
    let Factors { root, carry, discount } = factors;
    let (d1, d2) = d1_d2(terms, root, vol)?;
    let sign = match kind {
        OptionKind::Call => 1.0,
        OptionKind::Put => -1.0,
    };
    let density = normal_pdf(d1);
    let (n1, n2) = (normal_cdf(sign * d1), normal_cdf(sign * d2));
    let theta = -spot * carry * density * vol / (2.0 * root) - sign * rate * strike * discount * n2
        + sign * yield_ * spot * carry * n1;
    let all = Greeks {
        delta: sign * carry * n1,
        gamma: carry * density / (spot * vol * root),
        theta_per_day: theta / 365.0,
        vega_per_point: spot * carry * density * root / 100.0,
        rho_per_point: sign * strike * years * discount * n2 / 100.0,
        prob_itm: n2,
    };
    let finite = [all.delta, all.gamma, all.theta_per_day, all.vega_per_point, all.rho_per_point, all.prob_itm];
    finite.iter().all(|x| x.is_finite()).then_some(all)
}

fn d1_d2(terms: Terms, root: f64, vol: f64) -> Option<(f64, f64)> {
    let Terms { spot, strike, years, rate, yield_ } = terms;
    let positive = [spot, strike, years, vol].iter().all(|x| x.is_finite() && *x > 0.0);
    if !positive || !rate.is_finite() || !yield_.is_finite() {
        return None;
    }
    let spread = vol * root;
    let d1 = (libm::log(spot / strike) + (rate - yield_ + 0.5 * vol * vol) * years) / spread;
    d1.is_finite().then_some((d1, d1 - spread))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Golden {
        kind: OptionKind,
        terms: Terms,
        vol: f64,
        // price, delta, gamma, theta, vega, prob ITM
        wanted: [f64; 6],
    }

    fn check(golden: &Golden) {
        let Golden { kind, terms, vol, wanted } = golden;
        let g = greeks(*kind, *terms, *vol).unwrap();
        let Terms { spot, strike, years, rate, yield_ } = *terms;
        let forward = spot * libm::exp((rate - yield_) * years);
        let price = libm::exp(-rate * years) * black(*kind, forward, strike, years, *vol);
        let got = [price, g.delta, g.gamma, g.theta_per_day, g.vega_per_point, g.prob_itm];
        for (got, wanted) in got.iter().zip(wanted) {
            assert!((got - wanted).abs() <= 0.5000001e-6, "{got} is not {wanted} ({kind:?} {terms:?})");
        }
    }

    #[test]
    fn golden_values() {
        let terms = |spot, strike, days: f64, rate, yield_| Terms { spot, strike, years: days / 365.0, rate, yield_ };
        for golden in [
            Golden {
                kind: OptionKind::Call,
                terms: terms(100.0, 105.0, 45.0, 0.04, 0.0),
                vol: 0.30,
                wanted: [2.419380, 0.358042, 0.035449, -0.047363, 0.131113, 0.319523],
            },
            Golden {
                kind: OptionKind::Put,
                terms: terms(100.0, 95.0, 45.0, 0.04, 0.0),
                vol: 0.30,
                wanted: [1.919748, -0.278793, 0.031890, -0.036051, 0.117949, 0.315225],
            },
            Golden {
                kind: OptionKind::Call,
                terms: terms(279.0, 279.0, 45.0, 0.0, 0.0),
                vol: 0.15,
                wanted: [5.861586, 0.510505, 0.027140, -0.065114, 0.390682, 0.489495],
            },
            Golden {
                kind: OptionKind::Put,
                terms: terms(50.0, 45.0, 30.0, 0.05, 0.02),
                vol: 0.55,
                wanted: [1.093165, -0.222464, 0.037770, -0.038064, 0.042685, 0.272593],
            },
        ] {
            check(&golden);
        }
    }

    #[test]
    fn nothing_left_is_intrinsic_value() {
        assert_eq!(black(OptionKind::Call, 105.0, 100.0, 0.0, 0.3), 5.0);
        assert_eq!(black(OptionKind::Put, 95.0, 100.0, 1.0, 0.0), 5.0);
        assert_eq!(
            greeks(OptionKind::Put, Terms { spot: 0.0, strike: 1.0, years: 1.0, rate: 0.0, yield_: 0.0 }, 0.3),
            None
        );
    }
}
