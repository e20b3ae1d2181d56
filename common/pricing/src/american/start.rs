//! The first guess of the exercise boundary: QD+ (Li 2010, "Analytical approximations for the critical stock prices of
//! American options: a performance comparison").
//!
//! Its equation is multiplied by K − S − p(S), p being the European put, so that it is smooth where that difference
//! vanishes; and it is solved to 1e-11, because noise in the guess as the volatility changes would break interpolation
//! over volatilities. All nodes are solved side by side, in y = ln S.

use super::carry::Carry;
use super::grid::NODES;
use crate::normal::{cdf_with, exp, pdf};

/// Accuracy of ln B. Newton's error after a step is about the step's square over the equation's scale, which is σ√τ.
const ACCURACY: f64 = 1e-11;
/// Newton's method, kept inside its bracket by halving it; 60 halvings of any bracket leave nothing to halve.
const STEPS: usize = 60;
/// No boundary is sought below e⁻⁶⁰⁰ of the strike.
const LOWEST: f64 = -600.0;

/// ln of the boundary of a put of strike 1 at the nodes.
pub fn ln_boundary(carry: &Carry, vol: f64) -> [f64; NODES] {
    let equations = Equations::new(carry, vol);
    let perpetual = ln_perpetual(carry, vol);
    let (mut low, mut high) = ([(perpetual - 1.0).max(LOWEST); NODES], [carry.ln_start; NODES]);
    let mut y = seed(carry, vol, perpetual);
    for _ in 0..STEPS {
        let (value, slope) = equations.at(&y);
        let mut settled = true;
        for i in 0..NODES {
            if value[i] > 0.0 {
                high[i] = y[i];
            } else {
                low[i] = y[i];
            }
            let newton = y[i] - value[i] / slope[i];
            // NaN compares false and halves.
            let next = if newton > low[i] && newton < high[i] { newton } else { 0.5 * (low[i] + high[i]) };
            let step = next - y[i];
            settled &= step * step <= ACCURACY * equations.spread[i];
            y[i] = next;
        }
        if settled {
            break;
        }
    }
    y
}

/// ln B∞ of the perpetual put: B∞ = λ/(λ − 1) with the negative root λ of λ² + (ω−1)λ − 2r/σ² = 0, ω = 2(r−q)/σ².
fn ln_perpetual(carry: &Carry, vol: f64) -> f64 {
    let lambda = negative_root(2.0 * (carry.rate - carry.yield_) / (vol * vol) - 1.0, 2.0 * carry.rate / (vol * vol));
    libm::log((lambda / (lambda - 1.0)).max(f64::MIN_POSITIVE)).clamp(LOWEST, 0.0).min(carry.ln_start)
}

/// The negative root of λ² + bλ − c = 0, c ≥ 0, without cancellation.
fn negative_root(b: f64, c: f64) -> f64 {
    let root = (b * b + 4.0 * c).sqrt();
    if b > 0.0 { -0.5 * (b + root) } else { -2.0 * c / (root - b) }
}

/// Between the start and the perpetual boundary as Barone-Adesi and Whaley (1987) guess it.
fn seed(carry: &Carry, vol: f64, perpetual: f64) -> [f64; NODES] {
    let (start, end) = (exp(carry.ln_start), exp(perpetual));
    std::array::from_fn(|i| {
        let away = ((carry.rate - carry.yield_) * carry.tau[i] - 2.0 * vol * carry.tau_root[i]).min(0.0) / (1.0 - end);
        libm::log(end + (start - end) * exp(away)).clamp(perpetual, carry.ln_start)
    })
}

/// Everything that does not know S, by node.
struct Equations {
    rate: f64,
    yield_: f64,
    variance: f64,
    drift: [f64; NODES],
    spread: [f64; NODES],
    strike: [f64; NODES],
    spot: [f64; NODES],
    beta: [f64; NODES],
    alpha: [f64; NODES],
}

impl Equations {
    fn new(carry: &Carry, vol: f64) -> Self {
        let (rate, yield_, variance) = (carry.rate, carry.yield_, vol * vol);
        let mut this = Self {
            rate,
            yield_,
            variance,
            drift: carry.tau.map(|tau| (rate - yield_) * tau),
            spread: carry.tau_root.map(|root| vol * root),
            strike: [0.0; NODES],
            spot: [0.0; NODES],
            beta: [0.0; NODES],
            alpha: [0.0; NODES],
        };
        let b = 2.0 * (rate - yield_) / variance - 1.0;
        for i in 0..NODES {
            let tau = carry.tau[i];
            // r/(1 − e^(−rτ)), which tends to 1/τ.
            let speed = if (rate * tau).abs() > 1e-9 { -rate / libm::expm1(-rate * tau) } else { 1.0 / tau };
            let c = 2.0 * speed / variance;
            // 2λ + ω − 1 = −root.
            let root = (b * b + 4.0 * c).sqrt();
            let alpha = -2.0 / (variance * root);
            this.strike[i] = exp(-rate * tau);
            this.spot[i] = exp(-yield_ * tau);
            this.beta[i] = alpha * this.strike[i] * (speed - c * speed / (root * root)) - negative_root(b, c);
            this.alpha[i] = alpha;
        }
        this
    }

    /// The left sides of the equations, and their slopes in y.
    fn at(&self, y: &[f64; NODES]) -> ([f64; NODES], [f64; NODES]) {
        let (mut value, mut slope) = ([0.0; NODES], [0.0; NODES]);
        for i in 0..NODES {
            let (s, spread, scale) = (exp(y[i]), self.spread[i], 1.0 / self.spread[i]);
            let d1 = (y[i] + self.drift[i]) * scale + 0.5 * spread;
            let d2 = d1 - spread;
            let density = pdf(d1);
            let minus_d1 = self.spot[i] * cdf_with(-d1, density);
            let minus_d2 = self.strike[i] * cdf_with(-d2, pdf(d2));
            let density = self.spot[i] * density;
            let decay = 0.5 * self.variance * scale * density;
            let put = minus_d2 - s * minus_d1;
            let theta = self.rate * minus_d2 - s * (self.yield_ * minus_d1 + decay);
            let theta_slope =
                (self.yield_ - self.rate) * density * scale - self.yield_ * minus_d1 - decay * (1.0 - d1 * scale);
            let kept = 1.0 - minus_d1;
            value[i] = kept * s - self.beta[i] * (1.0 - s - put) + self.alpha[i] * theta;
            slope[i] = s * (kept + density * scale + self.beta[i] * kept + self.alpha[i] * theta_slope);
        }
        (value, slope)
    }
}
