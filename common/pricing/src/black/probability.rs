//! Risk-neutral probabilities of a European option's ending in the money, and of the strike's being touched before.

use super::{d1_d2, normal_cdf};
use crate::terms::{Refused, Terms, check_vol};

/// Risk-neutral probability that a European option ends in the money: N(±d2).
///
/// # Errors
/// [`Refused::OutOfRange`]; [`Refused::Expired`].
pub fn prob_itm(terms: &Terms, vol: f64) -> Result<f64, Refused> {
    terms.check_alive()?;
    check_vol(vol)?;
    Ok(normal_cdf(terms.kind.sign() * d1_d2(terms, vol).1))
}

/// Risk-neutral probability that the underlying reaches the strike before settlement; 1 at the strike or in the money.
///
/// First passage of a geometric Brownian motion: with m = sgn(S−K), ν = r−q−σ²/2,
/// N([m ln(K/S) − mνT]/(σ√T)) + (K/S)^(2ν/σ²) N([m ln(K/S) + mνT]/(σ√T)), the second term through its logarithm, because
/// it is ∞·0 at low volatility.
///
/// # Errors
/// [`Refused::OutOfRange`]; [`Refused::Expired`].
pub fn prob_touch(terms: &Terms, vol: f64) -> Result<f64, Refused> {
    terms.check_alive()?;
    check_vol(vol)?;
    if terms.intrinsic() > 0.0 || terms.spot == terms.strike {
        return Ok(1.0);
    }
    let Terms { spot, strike, years, rate, yield_, .. } = *terms;
    let drift = rate - yield_ - 0.5 * vol * vol;
    let spread = vol * years.sqrt();
    let side = if spot > strike { 1.0 } else { -1.0 };
    let distance = libm::log(strike / spot);
    let straight = normal_cdf(side * (distance - drift * years) / spread);
    let reflected =
        libm::exp(2.0 * drift / (vol * vol) * distance + ln_cdf(side * (distance + drift * years) / spread));
    Ok((straight + reflected).clamp(0.0, 1.0))
}

/// ln N(x); below −30 by the first terms of the tail's expansion, where N(x) itself would lose its digits.
fn ln_cdf(x: f64) -> f64 {
    if x > -30.0 {
        return libm::log(normal_cdf(x));
    }
    let square = x * x;
    // ln √(2π)
    -0.5 * square - libm::log(-x) - 0.918_938_533_204_672_8 - libm::log1p(1.0 / square)
}

#[cfg(test)]
mod tests {
    use super::super::DAYS;
    use super::*;
    use crate::terms::Kind;

    fn terms(kind: Kind, spot: f64, strike: f64, days: f64, (rate, yield_): (f64, f64)) -> Terms {
        Terms { kind, spot, strike, years: days / DAYS, rate, yield_ }
    }

    #[test]
    fn a_touch_is_finite_where_its_second_term_is_infinity_times_zero() {
        let far = terms(Kind::Call, 100.0, 105.0, 45.0, (0.3, 0.0));
        let p = prob_touch(&far, 0.001).unwrap();
        assert!((0.0..=1.0).contains(&p), "{p}");
        // A drift of 3.7 % against a distance of 4.9 % and a volatility of .1 %: it does not get there.
        assert!(p < 1e-6, "{p}");
        let near = terms(Kind::Call, 100.0, 103.0, 45.0, (0.3, 0.0));
        assert!(prob_touch(&near, 0.001).unwrap() > 1.0 - 1e-6);
    }
}
