//! European options in closed form (Black 1976; Merton 1973 on the spot), on `libm`, so that every machine computes the
//! same bits of a price or a greek. The last bits of an implied volatility are the `implied-vol` library's, and with it the
//! system's.
//!
//! Promises: the golden values of the tests to their digits; out-of-the-money prices keep their relative precision, and
//! parity gives the other leg. Refuses: inputs out of range ([`Refused`]). Early exercise is [`crate::american`]'s.
//!
//! Units: dollars per share; years of 365 days; continuous annual rates; volatility as an annual fraction.

mod implied;
mod probability;
mod total;

use crate::normal;
use crate::terms::{Kind, Refused, Terms, check_vol};

pub use implied::{IMPLIED, Implied, implied_vol, solve, vol_on_forward};
pub use probability::{prob_itm, prob_touch};
use total::Total;

/// Days of a year, for theta.
pub(crate) const DAYS: f64 = 365.0;

/// Sensitivities of one option.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Greeks {
    /// Dollars per $1 of the underlying.
    pub delta: f64,
    /// Delta per $1 of the underlying.
    pub gamma: f64,
    /// Dollars per calendar day.
    pub theta_per_day: f64,
    /// Dollars per volatility point (.01).
    pub vega_per_point: f64,
    /// Dollars per point (.01) of the risk-free rate.
    pub rho_per_point: f64,
}

/// No-arbitrage bounds of a price, dollars.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    /// At least this.
    pub lower: f64,
    /// At most this.
    pub upper: f64,
}

impl Bounds {
    /// Whether a price tells a volatility: inside the bounds, and more than a tick above the lower one. A negative tick
    /// counts as zero.
    #[must_use]
    pub fn tell(&self, price: f64, tick: f64) -> bool {
        price > self.lower + tick.max(0.0) && price < self.upper
    }
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

/// Undiscounted price on a forward, dollars (Black 1976). Negative forwards, strikes, times and volatilities count as
/// zero; NaN gives NaN.
#[must_use]
pub fn on_forward(kind: Kind, forward: f64, strike: f64, years: f64, vol: f64) -> f64 {
    let (forward, strike) = (forward.max(0.0), strike.max(0.0));
    let spread = vol.max(0.0) * years.max(0.0).sqrt();
    let intrinsic = (kind.sign() * (forward - strike)).max(0.0);
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

/// Discount factor and discounted forward.
pub(crate) fn present(terms: &Terms) -> (f64, f64) {
    (normal::exp(-terms.rate * terms.years), terms.spot * normal::exp(-terms.yield_ * terms.years))
}

/// Price, dollars.
///
/// # Errors
/// [`Refused::OutOfRange`].
pub fn price(terms: &Terms, vol: f64) -> Result<f64, Refused> {
    terms.check()?;
    check_vol(vol)?;
    Ok(value(terms, vol))
}

/// [`price`] of what was checked.
pub(crate) fn value(terms: &Terms, vol: f64) -> f64 {
    let (discount, spot) = present(terms);
    on_forward(terms.kind, spot, terms.strike * discount, terms.years, vol)
}

/// Bounds of a European price: the discounted intrinsic value on the forward; the discounted spot or strike.
///
/// # Errors
/// [`Refused::OutOfRange`].
pub fn bounds(terms: &Terms) -> Result<Bounds, Refused> {
    terms.check()?;
    Ok(bounds_at(terms, present(terms)))
}

fn bounds_at(terms: &Terms, (discount, spot): (f64, f64)) -> Bounds {
    let strike = terms.strike * discount;
    match terms.kind {
        Kind::Call => Bounds { lower: (spot - strike).max(0.0), upper: spot },
        Kind::Put => Bounds { lower: (strike - spot).max(0.0), upper: strike },
    }
}

/// Closed-form greeks: delta ±e^(−qT)N(±d1), gamma e^(−qT)n(d1)/(Sσ√T), theta
/// [−Se^(−qT)n(d1)σ/(2√T) ∓ rKe^(−rT)N(±d2) ± qSe^(−qT)N(±d1)]/365, vega Se^(−qT)n(d1)√T/100, rho ±KTe^(−rT)N(±d2)/100.
///
/// # Errors
/// [`Refused::OutOfRange`]; [`Refused::Expired`].
pub fn greeks(terms: &Terms, vol: f64) -> Result<Greeks, Refused> {
    terms.check_alive()?;
    check_vol(vol)?;
    Ok(sensitivities(terms, vol))
}

/// [`greeks`] of what was checked.
pub(crate) fn sensitivities(terms: &Terms, vol: f64) -> Greeks {
    let Terms { spot, strike, years, rate, yield_, .. } = *terms;
    let ln_forward = libm::log(spot / strike) + (rate - yield_) * years;
    let total = Total { vol: vol * years.sqrt(), ln_forward };
    let (d1, d2) = total.d1_d2();
    let [normals] = normals(terms.kind.sign(), &[d1], &[d2]);
    closed_form(terms, present(terms), total, normals)
}

fn closed_form(terms: &Terms, (discount, spot): (f64, f64), total: Total, normals: Normals) -> Greeks {
    let Terms { kind, strike, years, rate, yield_, .. } = *terms;
    let Normals { density, n1, n2 } = normals;
    let carried = kind.sign() * spot * n1;
    let owed = kind.sign() * strike * discount * n2;
    let theta = -0.5 * spot * density * total.vol / years - rate * owed + yield_ * carried;
    Greeks {
        delta: carried / terms.spot,
        gamma: spot * density / (total.vol * terms.spot * terms.spot),
        theta_per_day: theta / DAYS,
        vega_per_point: spot * density * years.sqrt() / 100.0,
        rho_per_point: owed * years / 100.0,
    }
}

/// n(d1), N(±d1) and N(±d2).
#[derive(Debug, Clone, Copy)]
struct Normals {
    density: f64,
    n1: f64,
    n2: f64,
}

fn normals<const N: usize>(sign: f64, d1: &[f64; N], d2: &[f64; N]) -> [Normals; N] {
    let density = d1.map(normal::pdf);
    let density2 = d2.map(normal::pdf);
    let n1: [f64; N] = std::array::from_fn(|k| normal::cdf_with(sign * d1[k], density[k]));
    let n2: [f64; N] = std::array::from_fn(|k| normal::cdf_with(sign * d2[k], density2[k]));
    std::array::from_fn(|k| Normals { density: density[k], n1: n1[k], n2: n2[k] })
}

fn d1_d2(terms: &Terms, vol: f64) -> (f64, f64) {
    let Terms { spot, strike, years, rate, yield_, .. } = *terms;
    let spread = vol * years.sqrt();
    let d1 = (libm::log(spot / strike) + (rate - yield_ + 0.5 * vol * vol) * years) / spread;
    (d1, d1 - spread)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Golden {
        terms: Terms,
        vol: f64,
        // price, delta, gamma, theta, vega, prob ITM, prob touch
        wanted: [f64; 7],
    }

    fn terms(kind: Kind, spot: f64, strike: f64, days: f64, (rate, yield_): (f64, f64)) -> Terms {
        Terms { kind, spot, strike, years: days / DAYS, rate, yield_ }
    }

    fn check(golden: &Golden) {
        let Golden { terms, vol, wanted } = golden;
        let g = greeks(terms, *vol).unwrap();
        let got = [
            price(terms, *vol).unwrap(),
            g.delta,
            g.gamma,
            g.theta_per_day,
            g.vega_per_point,
            prob_itm(terms, *vol).unwrap(),
            prob_touch(terms, *vol).unwrap(),
        ];
        for (got, wanted) in got.iter().zip(wanted) {
            assert!((got - wanted).abs() <= 0.5000001e-6, "{got} is not {wanted} ({terms:?})");
        }
    }

    #[test]
    fn golden_values() {
        for golden in [
            Golden {
                terms: terms(Kind::Call, 100.0, 105.0, 45.0, (0.04, 0.0)),
                vol: 0.30,
                wanted: [2.419380, 0.358042, 0.035449, -0.047363, 0.131113, 0.319523, 0.641490],
            },
            Golden {
                terms: terms(Kind::Put, 100.0, 95.0, 45.0, (0.04, 0.0)),
                vol: 0.30,
                wanted: [1.919748, -0.278793, 0.031890, -0.036051, 0.117949, 0.315225, 0.628082],
            },
            Golden {
                terms: terms(Kind::Call, 279.0, 279.0, 45.0, (0.0, 0.0)),
                vol: 0.15,
                wanted: [5.861586, 0.510505, 0.027140, -0.065114, 0.390682, 0.489495, 1.0],
            },
            Golden {
                terms: terms(Kind::Put, 50.0, 45.0, 30.0, (0.05, 0.02)),
                vol: 0.55,
                wanted: [1.093165, -0.222464, 0.037770, -0.038064, 0.042685, 0.272593, 0.525333],
            },
        ] {
            check(&golden);
        }
    }

    #[test]
    fn rho_is_the_slope_in_the_rate() {
        for kind in [Kind::Call, Kind::Put] {
            let at = |rate| price(&terms(kind, 100.0, 105.0, 200.0, (rate, 0.02)), 0.3).unwrap();
            let slope = (at(0.04 + 1e-5) - at(0.04 - 1e-5)) / 2e-5 / 100.0;
            let rho = greeks(&terms(kind, 100.0, 105.0, 200.0, (0.04, 0.02)), 0.3).unwrap().rho_per_point;
            assert!((slope - rho).abs() < 1e-8, "{kind:?}: {rho}, not {slope}");
        }
    }

    #[test]
    fn nothing_left_is_intrinsic_value_without_greeks() {
        let put = terms(Kind::Put, 95.0, 100.0, 0.0, (0.05, 0.0));
        assert_eq!(price(&put, 0.3), Ok(5.0));
        assert_eq!(greeks(&put, 0.3), Err(Refused::Expired));
        assert_eq!(on_forward(Kind::Call, 105.0, 100.0, 1.0, 0.0), 5.0);
    }

    #[test]
    fn numbers_out_of_range_are_refused_by_name() {
        let put = terms(Kind::Put, 95.0, 100.0, 10.0, (0.05, 0.0));
        let name = |terms: Terms, vol: f64| match price(&terms, vol) {
            Err(Refused::OutOfRange { what, .. }) => what,
            other => panic!("{other:?}"),
        };
        assert_eq!(name(Terms { spot: f64::NAN, ..put }, 0.2), "spot");
        assert_eq!(name(Terms { strike: 0.0, ..put }, 0.2), "strike");
        assert_eq!(name(Terms { years: -0.1, ..put }, 0.2), "years");
        assert_eq!(name(Terms { rate: 4.5, ..put }, 0.2), "rate");
        assert_eq!(name(Terms { yield_: f64::INFINITY, ..put }, 0.2), "yield");
        assert_eq!(name(put, 20.0), "volatility");
    }
}
