//! Implied volatility of an American price.
//!
//! y(σ) is the *European* volatility of the American price at σ: nearly σ itself, and smooth, so that a secant on it
//! takes few prices. It starts at the European volatility of the price sought, which is never below the
//! American one. A bracket is kept by the prices themselves; what leaves it, or has no European volatility, halves it.

use crate::black::{self, IMPLIED, vol_on_forward};
use crate::terms::Terms;

/// Relative step at which the secant has converged; the error left is about its square.
const SETTLED: f64 = 1e-7;
/// From this step on every second step halves the bracket, so that the rest converge surely.
const PATIENCE: usize = 10;
/// 10 secant steps and 45 halvings: the bracket's ratio of 500 is then below 1 + 1e-12.
const STEPS: usize = 100;
/// A volatility that was found by halving must give the price within this, relative to the strike.
const HIT: f64 = 1e-7;

/// The volatility in [`IMPLIED`] at which `value` is `target`; `None` if there is none. `value` rises with volatility.
pub fn invert(terms: &Terms, target: f64, mut value: impl FnMut(f64) -> f64) -> Option<f64> {
    let (discount, spot) = black::present(terms);
    let european = |price: f64| vol_on_forward(terms.kind, spot, terms.strike * discount, terms.years, price);
    let wanted = european(target);
    let (mut low, mut high) = (*IMPLIED.start(), *IMPLIED.end());
    let mut vol = wanted.unwrap_or_else(|| middle(low, high)).clamp(low, high);
    let mut before: Option<(f64, f64)> = None;
    for step in 0..STEPS {
        let price = value(vol);
        if price > target {
            high = vol;
        } else {
            low = vol;
        }
        let gap = wanted.and_then(|wanted| european(price).map(|y| y - wanted));
        let secant = match (gap, before) {
            (Some(gap), Some((vol_before, gap_before))) => vol - gap * (vol - vol_before) / (gap - gap_before),
            (Some(gap), None) => vol - gap,
            (None, _) => f64::NAN,
        };
        // NaN compares false and halves, and so does a secant through two equal gaps.
        let halve = step >= PATIENCE && step % 2 == 0;
        let taken = secant > low && secant < high && !halve;
        if (secant - vol).abs() <= SETTLED * vol && IMPLIED.contains(&secant) {
            return Some(secant);
        }
        before = gap.map(|gap| (vol, gap));
        vol = if taken { secant } else { middle(low, high) };
        if high / low < 1.0 + 1e-12 {
            break;
        }
    }
    ((value(vol) - target).abs() <= HIT * terms.strike).then_some(vol)
}

/// The geometric mean: volatilities differ by factors.
fn middle(low: f64, high: f64) -> f64 {
    (low * high).sqrt()
}
