//! Volatility of an out-of-the-money Black price, for markets' volatilities; anything else is the library's.
//!
//! In units of √(FK), with m = |F − K| and x = |ln(F/K)|, the price b(x, s) of total volatility s = σ√T is inverted in
//! three strides:
//! 1. the normal (Bachelier) model: m/s depends on m/b alone, a function of one variable, kept as a polynomial to some 2e-6;
//! 2. from the normal to the lognormal volatility by the expansion of Hagan and Woodward (1999): good to about s⁴/1000;
//! 3. one Householder step of order 4 (Jäckel 2015) on b itself, which the library computes without cancellation.
//!
//! Promises: errors as small as the library's own (the reference grid's test holds both to it), in less time;
//! `None` where the last step was not small, or moneyness is 0 or beyond six standard deviations.

use implied_vol::{DefaultSpecialFn, PriceBlackScholesNormalised};

use crate::normal::exp;

/// √(2π).
const ROOT_TWO_PI: f64 = 2.506_628_274_631_000_2;
/// L = ln(1 + m/(√(2π) b)) of six and a half standard deviations, in the polynomial's variable L/(L + 2).
const FARTHEST: f64 = 0.9305707139297857;
/// Within it the polynomial is used.
const FAR: f64 = 23.0;
/// z·√(1 + L/2)/L, z = m/s in the normal model, as a polynomial in 2·(L/(L + 2))/[`FARTHEST`] − 1, from degree 0 to 14:
/// its Chebyshev interpolant, computed with 30 digits.
const NORMAL: [f64; 15] = [
    0.7807126469116128,
    -0.053061011662851466,
    0.14672910235667608,
    0.023611216304978942,
    0.03649068330158196,
    -0.00123806108693772,
    -0.0017940390889031488,
    -0.011827417816763965,
    -0.01056916659536187,
    -0.0030782199053946226,
    0.008122835830385233,
    0.0066209357709124195,
    0.00041699155780629385,
    -0.0009036123187656716,
    1.4790890871700212e-05,
];
/// The first step's share of s below which its error, about the fourth power, is rounding.
const SMALL: f64 = 1e-4;
/// A second step is taken where the first was not small.
const STEPS: usize = 2;

/// A total volatility, with the logarithm that was needed to find it.
#[derive(Debug, Clone, Copy)]
pub struct Total {
    /// σ√T.
    pub vol: f64,
    /// ln(F/K).
    pub ln_forward: f64,
}

impl Total {
    /// ln(F/K)/s ± s/2.
    pub fn d1_d2(self) -> (f64, f64) {
        let d1 = self.ln_forward / self.vol + 0.5 * self.vol;
        (d1, d1 - self.vol)
    }
}

/// The total volatility at which an option out of the money is worth `price`, all in dollars undiscounted.
pub fn total_vol(forward: f64, strike: f64, price: f64) -> Option<Total> {
    let gap = strike - forward;
    let scale = 1.0 / (forward * strike).sqrt();
    let (m, b) = (gap.abs() * scale, price * scale);
    // log1p keeps the digits of strikes near the forward.
    let x = if gap.abs() < 0.1 * forward { libm::log1p(gap / forward) } else { libm::log(strike / forward) };
    let x2 = x * x;
    let spacing = normal_spacing(gap.abs() / price)?;
    let mut s = lognormal_vol(m / (spacing * (1.0 + x2 * (1.0 / 24.0 + x2 * (1.0 / 1920.0)))), x2);
    for _ in 0..STEPS {
        // A step from far away may lead below 0 or nowhere; the library is not asked what that is worth.
        if !(s > 0.0 && s.is_finite()) {
            return None;
        }
        let step = householder(x, s, b);
        s += step;
        if step.abs() < SMALL * s {
            return Some(Total { vol: s, ln_forward: -x });
        }
    }
    None
}

/// m/s of the normal model, by m/b.
fn normal_spacing(ratio: f64) -> Option<f64> {
    let ratio = ratio / ROOT_TWO_PI;
    // Six digits are enough here, and log is faster than log1p.
    let l = if ratio > 1e-6 { libm::log(1.0 + ratio) } else { ratio };
    // NaN and an infinite ratio compare false.
    if !(l > 0.0 && l < FAR) {
        return None;
    }
    let t = 2.0 / FARTHEST * l / (l + 2.0) - 1.0;
    let (t2, c) = (t * t, &NORMAL);
    let (t4, cubic) = (t2 * t2, |at: usize| (c[at] + c[at + 1] * t) + (c[at + 2] + c[at + 3] * t) * t2);
    let high = cubic(8) + ((c[12] + c[13] * t) + c[14] * t2) * t4;
    let factor = (cubic(0) + cubic(4) * t4) + high * (t4 * t4);
    Some(factor * l / (1.0 + 0.5 * l).sqrt())
}

/// s of the lognormal model, from that of the normal one over 1 + x²/24 + x⁴/1920; the correction knows s itself and is
/// applied twice.
fn lognormal_vol(base: f64, x2: f64) -> f64 {
    let first = base * base;
    let s = base * (1.0 + first * (1.0 / 24.0 + first * (1.0 / 576.0)));
    let s2 = s * s;
    base * (1.0 + s2 * (1.0 / 24.0 - x2 * (1.0 / 2880.0) + s2 * (7.0 / 5760.0)))
}

/// The step to the root of b(x, s) = b by the first three derivatives.
fn householder(x: f64, s: f64, b: f64) -> f64 {
    let normalised = PriceBlackScholesNormalised::builder().log_moneyness(x).total_volatility(s);
    let price = normalised.build_unchecked().calculate::<DefaultSpecialFn>();
    let inverse = 1.0 / s;
    let h = x * inverse;
    // 1/b' = √(2π) e^((x²/s² + s²/4)/2)
    let newton = (b - price) * (ROOT_TWO_PI * exp(0.5 * (h * h + 0.25 * s * s)));
    let second = h * h * inverse - 0.25 * s;
    let third = second * second - 3.0 * (h * inverse) * (h * inverse) - 0.25;
    let below = newton * (second + third * newton * (1.0 / 6.0));
    newton * (1.0 + 0.5 * second * newton) / (1.0 + below)
}
