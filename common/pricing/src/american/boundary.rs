//! The exercise boundary by spectral collocation (Andersen, Lake and Offengenden 2016, "High performance American option
//! pricing", fixed-point system A).
//!
//! With X = min(1, r/q) the function H(√τ) = ln²(B(τ)/X) is nearly a polynomial. Its values at the nodes come from QD+,
//! one partial Jacobi–Newton step and plain fixed-point steps, all nodes at once.
//!
//! Promises: finite, 0 < B ≤ X, whatever the inputs in range: a step that leaves this is not taken.

use super::carry::Carry;
use super::grid::{FIXED, FLAT, GRID, NODES, apply};
use super::start;
use crate::normal::{cdf_with, exp, pdf};

/// Plain fixed-point steps after the Newton step. No step misses by cents; more gain nothing that shows.
const PLAIN_STEPS: usize = 1;
/// No boundary lies below e⁻⁶⁵⁰ of the strike.
const LOWEST: f64 = -650.0;

/// The boundary of a put of strike 1 at one volatility.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Boundary {
    /// The volatility, an annual fraction.
    pub vol: f64,
    /// H = ln²(B/X) at the nodes.
    pub h: [f64; NODES],
}

#[derive(Clone, Copy)]
enum Step {
    Newton,
    Plain,
}

/// ∫ e^(ru) n(d−)/(σ√m) dm and ∫ e^(qu) [Φ(d+) + n(d+)/(σ√m)] dm over m = τ_i − u.
struct Integrals {
    interest: [f64; NODES],
    dividends: [f64; NODES],
}

impl Boundary {
    /// For a carry over whose whole time the boundary moves.
    pub fn solve(carry: &Carry, vol: f64) -> Self {
        let mut ln_b = start::ln_boundary(carry, vol);
        let mut this = Self { vol, h: squares(carry, &ln_b) };
        for step in std::iter::once(Step::Newton).chain(std::iter::repeat_n(Step::Plain, PLAIN_STEPS)) {
            let integrals = this.integrals(carry, &ln_b);
            for (i, ln_b) in ln_b.iter_mut().enumerate() {
                let next = improved(carry, vol, (i, *ln_b), &integrals, step);
                // NaN compares false.
                if next <= carry.ln_start && next > LOWEST {
                    *ln_b = next;
                }
            }
            this.h = squares(carry, &ln_b);
        }
        this
    }

    /// ln of the boundary at the carry's full time: at or below, a put is exercised.
    pub fn ln_now(&self, carry: &Carry) -> f64 {
        carry.ln_start - self.h[NODES - 1].sqrt()
    }

    fn integrals(&self, carry: &Carry, ln_b: &[f64; NODES]) -> Integrals {
        let grid = &*GRID;
        let rule = &grid.fixed;
        let h = apply(&grid.at_fixed, &self.h);
        let (mut plus, mut minus) = ([0.0; FLAT], [0.0; FLAT]);
        for (i, ln_b) in ln_b.iter().enumerate() {
            let root = carry.tau_root[i];
            let spread = self.vol * root;
            let scale = 1.0 / spread;
            let drift = (carry.rate - carry.yield_) * root / self.vol;
            let distance = ln_b - carry.ln_start;
            for k in 0..FIXED {
                let at = i * FIXED + k;
                let middle = (distance + positive_root(h[at])) * scale * rule.inverse[k] + drift * rule.c[k];
                let half = 0.5 * spread * rule.c[k];
                plus[at] = middle + half;
                minus[at] = middle - half;
            }
        }
        let (mut plus_pdf, mut minus_pdf, mut plus_cdf) = ([0.0; FLAT], [0.0; FLAT], [0.0; FLAT]);
        for at in 0..FLAT {
            plus_pdf[at] = pdf(plus[at]);
        }
        for at in 0..FLAT {
            minus_pdf[at] = carry.growth_rate[at] * pdf(minus[at]);
        }
        for at in 0..FLAT {
            plus_cdf[at] = cdf_with(plus[at], plus_pdf[at]);
        }
        let mut integrals = Integrals { interest: [0.0; NODES], dividends: [0.0; NODES] };
        let inverse_vol = 1.0 / self.vol;
        for i in 0..NODES {
            let root = carry.tau_root[i];
            let (mut interest, mut dividends) = (0.0, 0.0);
            for k in 0..FIXED {
                let at = i * FIXED + k;
                interest += minus_pdf[at];
                dividends += carry.growth_yield[at] * (plus_pdf[at] * inverse_vol + root * rule.c[k] * plus_cdf[at]);
            }
            integrals.interest[i] = 2.0 * root * inverse_vol * interest;
            integrals.dividends[i] = 2.0 * root * dividends;
        }
        integrals
    }
}

/// ln B(τ_i) after one step.
fn improved(carry: &Carry, vol: f64, (i, ln_b): (usize, f64), integrals: &Integrals, step: Step) -> f64 {
    let drift = (carry.rate - carry.yield_) * carry.tau[i];
    let spread = vol * carry.tau_root[i];
    let d_plus = (ln_b + drift) / spread + 0.5 * spread;
    let d_minus = d_plus - spread;
    let (plus, minus) = (pdf(d_plus), pdf(d_minus));
    let n = minus / spread + carry.rate * integrals.interest[i];
    let d = plus / spread + cdf_with(d_plus, plus) + carry.yield_ * integrals.dividends[i];
    let ln_f = libm::log(n / d) - drift;
    match step {
        Step::Plain => ln_f,
        Step::Newton => {
            let (b, f) = (exp(ln_b), exp(ln_f));
            let n_slope = -minus * d_minus / (b * spread * spread);
            let d_slope = (plus - plus * d_plus / spread) / (b * spread);
            let slope = f * (n_slope / n - d_slope / d);
            libm::log(b - (f - b) / (slope - 1.0))
        }
    }
}

fn squares(carry: &Carry, ln_b: &[f64; NODES]) -> [f64; NODES] {
    ln_b.map(|ln_b| (ln_b - carry.ln_start) * (ln_b - carry.ln_start))
}

/// √h of an interpolated h, which may dip below zero.
#[inline(always)]
pub fn positive_root(h: f64) -> f64 {
    (if h > 0.0 { h } else { 0.0 }).sqrt()
}
