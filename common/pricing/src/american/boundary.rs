//! The exercise boundary by spectral collocation (Andersen, Lake and Offengenden 2016, "High performance American option
//! pricing", equation A).
//!
//! With X = min(1, r/q) the function H(√τ) = ln²(B(τ)/X) is nearly a polynomial. Its values at the nodes come from QD+
//! and two Newton steps on all nodes' equations at once, the boundary inside the integrals included. (The paper's
//! fixed-point steps cost a little less, but part from the solution where |r − q|√T exceeds about 1.5 σ.)
//!
//! Promises: finite, 0 < B ≤ X, whatever the inputs in range: a step that leaves this is not taken.

use super::carry::Carry;
use super::grid::{FIXED, FLAT, GRID, NODES, apply};
use super::start;
use crate::normal::{cdf_with, pdf};

/// Newton steps on the whole system. After one, volatilities of the reference's prices err by 5e-4; a third changes
/// nothing that shows.
const STEPS: usize = 2;
/// No step takes a node's ln(X/B) further than this factor, either way.
const LEAP: f64 = 4.0;
/// ln(X/B) lies below this.
const LOWEST: f64 = 650.0;

/// The boundary of a put of strike 1 at one volatility.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Boundary {
    /// The volatility, an annual fraction.
    pub vol: f64,
    /// H = ln²(B/X) at the nodes.
    pub h: [f64; NODES],
}

/// The equations' residuals at the nodes, and their derivatives in every node's ln(X/B).
struct System {
    residual: [f64; NODES],
    jacobian: [[f64; NODES]; NODES],
}

impl Boundary {
    /// For a carry over whose whole time the boundary moves.
    pub fn solve(carry: &Carry, vol: f64) -> Self {
        // s = ln(X/B)
        let mut s = start::ln_boundary(carry, vol).map(|ln_b| (carry.ln_start - ln_b).max(0.0));
        for _ in 0..STEPS {
            let Some(step) = System::new(carry, vol, &s).solution() else { break };
            for (s, step) in s.iter_mut().zip(step) {
                let next = (*s - step).clamp(*s / LEAP, *s * LEAP);
                // NaN compares false.
                if next < LOWEST {
                    *s = next;
                }
            }
        }
        Self { vol, h: s.map(|s| s * s) }
    }

    /// ln of the boundary at the carry's full time: at or below, a put is exercised.
    pub fn ln_now(&self, carry: &Carry) -> f64 {
        carry.ln_start - self.h[NODES - 1].sqrt()
    }
}

/// What the quadrature needs at all nodes of all equations: d±, their densities and Φ(d+).
struct Quadrature {
    root_h: [f64; FLAT],
    plus: [f64; FLAT],
    minus: [f64; FLAT],
    plus_pdf: [f64; FLAT],
    minus_pdf: [f64; FLAT],
    plus_cdf: [f64; FLAT],
}

impl Quadrature {
    #[inline(always)]
    fn new(carry: &Carry, vol: f64, s: &[f64; NODES]) -> Self {
        let grid = &*GRID;
        let h = apply(&grid.at_fixed, &s.map(|s| s * s));
        let zero = [0.0; FLAT];
        let mut this = Self { root_h: zero, plus: zero, minus: zero, plus_pdf: zero, minus_pdf: zero, plus_cdf: zero };
        for (root, h) in this.root_h.iter_mut().zip(h) {
            *root = positive_root(h);
        }
        for (i, s) in s.iter().enumerate() {
            let root = carry.tau_root[i];
            let spread = vol * root;
            let scale = 1.0 / spread;
            let drift = (carry.rate - carry.yield_) * root / vol;
            for k in 0..FIXED {
                let at = i * FIXED + k;
                let middle = (this.root_h[at] - s) * scale * grid.fixed.inverse[k] + drift * grid.fixed.c[k];
                let half = 0.5 * spread * grid.fixed.c[k];
                this.plus[at] = middle + half;
                this.minus[at] = middle - half;
            }
        }
        for at in 0..FLAT {
            this.plus_pdf[at] = pdf(this.plus[at]);
        }
        for at in 0..FLAT {
            this.minus_pdf[at] = pdf(this.minus[at]);
        }
        for at in 0..FLAT {
            this.plus_cdf[at] = cdf_with(this.plus[at], this.plus_pdf[at]);
        }
        this
    }
}

impl System {
    /// R_i = ln N − ln D − (r−q)τ_i − ln B(τ_i), which is zero on the boundary, with
    /// N = n(d−)/(σ√τ) + r ∫ e^(ru) n(d−)/(σ√m) dm and D = n(d+)/(σ√τ) + Φ(d+) + q ∫ e^(qu) [Φ(d+) + n(d+)/(σ√m)] dm
    /// over m = τ_i − u; outside the integrals d± is of B(τ_i)/K, inside of B(τ_i)/B(u).
    fn new(carry: &Carry, vol: f64, s: &[f64; NODES]) -> Self {
        let grid = &*GRID;
        let rule = &grid.fixed;
        let q = Quadrature::new(carry, vol, s);
        let inverse_vol = 1.0 / vol;
        let mut system = Self { residual: [0.0; NODES], jacobian: [[0.0; NODES]; NODES] };
        for i in 0..NODES {
            let root = carry.tau_root[i];
            let spread = vol * root;
            let drift = (carry.rate - carry.yield_) * carry.tau[i];
            let d_plus = (carry.ln_start - s[i] + drift) / spread + 0.5 * spread;
            let d_minus = d_plus - spread;
            let (plus, minus) = (pdf(d_plus), pdf(d_minus));
            let (by_interest, by_dividends) = (2.0 * carry.rate * root * inverse_vol, 2.0 * carry.yield_ * root);
            let (mut n, mut d) = (0.0, 0.0);
            for k in 0..FIXED {
                let at = i * FIXED + k;
                n += carry.growth_rate[at] * q.minus_pdf[at];
                d += carry.growth_yield[at] * (q.plus_pdf[at] * inverse_vol + root * rule.c[k] * q.plus_cdf[at]);
            }
            let n = minus / spread + by_interest * n;
            let d = plus / spread + cdf_with(d_plus, plus) + by_dividends * d;
            // Slopes of ln N − ln D in ln(B(τ_i)/B(u)), node by node, and their sum.
            let (by_n, by_d) = (by_interest / (n * spread), by_dividends / (d * spread));
            let (mut slopes, mut sum) = ([0.0; FIXED], 0.0);
            for (k, slope) in slopes.iter_mut().enumerate() {
                let at = i * FIXED + k;
                let of_n = -carry.growth_rate[at] * q.minus_pdf[at] * q.minus[at];
                let of_d = carry.growth_yield[at] * q.plus_pdf[at] * (root * rule.c[k] - q.plus[at] * inverse_vol);
                let of_both = (by_n * of_n - by_d * of_d) * rule.inverse[k];
                sum += of_both;
                *slope = if q.root_h[at] > 0.0 { of_both / q.root_h[at] } else { 0.0 };
            }
            let outside = (-minus * d_minus / n - (plus * spread - plus * d_plus) / d) / (spread * spread);
            for (j, (row, s)) in grid.at_fixed.iter().zip(s).enumerate() {
                let inside: f64 =
                    row[i * FIXED..][..FIXED].iter().zip(&slopes).map(|(weight, slope)| weight * slope).sum();
                system.jacobian[i][j] = s * inside;
            }
            system.jacobian[i][i] += 1.0 - outside - sum;
            system.residual[i] = libm::log(n / d) - drift - carry.ln_start + s[i];
        }
        system
    }

    /// J⁻¹R by elimination with pivots; `None` if it is singular or no number.
    fn solution(mut self) -> Option<[f64; NODES]> {
        let (j, r) = (&mut self.jacobian, &mut self.residual);
        for column in 0..NODES {
            let pivot = (column..NODES).max_by(|a, b| j[*a][column].abs().total_cmp(&j[*b][column].abs()))?;
            j.swap(column, pivot);
            r.swap(column, pivot);
            let (top, below) = j.split_at_mut(column + 1);
            let top = &top[column];
            if !top[column].is_normal() {
                return None;
            }
            let inverse = 1.0 / top[column];
            for (row, offset) in below.iter_mut().zip(column + 1..) {
                let factor = row[column] * inverse;
                for (cell, above) in row.iter_mut().zip(top).skip(column) {
                    *cell -= factor * above;
                }
                r[offset] -= factor * r[column];
            }
        }
        let mut solution = [0.0; NODES];
        for row in (0..NODES).rev() {
            let known: f64 = (row + 1..NODES).map(|k| j[row][k] * solution[k]).sum();
            solution[row] = (r[row] - known) / j[row][row];
        }
        Some(solution)
    }
}

/// √h of an interpolated h, which may dip below zero.
#[inline(always)]
pub fn positive_root(h: f64) -> f64 {
    (if h > 0.0 { h } else { 0.0 }).sqrt()
}
#[cfg(test)]
mod tests {
    use super::*;

    /// Carries and volatilities from calm to wild.
    fn cases() -> [(Carry, f64); 5] {
        [
            (Carry::new(0.25, 0.045, 0.015), 0.25),
            (Carry::new(1.0, 0.08, 0.0), 0.02),
            (Carry::new(3.0, 0.045, 0.06), 0.9),
            (Carry::new(0.02, 0.01, 0.03), 0.12),
            (Carry::new(1.0, 0.03, 0.03), 2.0),
        ]
    }

    fn start_of(carry: &Carry, vol: f64) -> [f64; NODES] {
        start::ln_boundary(carry, vol).map(|ln_b| carry.ln_start - ln_b)
    }

    #[test]
    fn the_jacobian_is_the_slope_of_the_residuals() {
        for (carry, vol) in cases() {
            let s = start_of(&carry, vol);
            let here = System::new(&carry, vol, &s);
            for j in 0..NODES {
                let mut moved = s;
                let by = 1e-6 * s[j];
                moved[j] += by;
                let there = System::new(&carry, vol, &moved);
                for i in 0..NODES {
                    let slope = (there.residual[i] - here.residual[i]) / by;
                    let got = here.jacobian[i][j];
                    assert!((slope - got).abs() < 1e-4 * (1.0 + slope.abs()), "{i} {j} at {vol}: {got}, not {slope}");
                }
            }
        }
    }

    #[test]
    fn two_steps_solve_the_system() {
        for (carry, vol) in cases() {
            let s = Boundary::solve(&carry, vol).h.map(f64::sqrt);
            let still = System::new(&carry, vol, &s).solution().unwrap();
            for (s, step) in s.iter().zip(still) {
                assert!(step.abs() < 1e-5 * (1.0 + s), "at {vol} a third step would be {step} of {s}");
            }
        }
    }

    #[test]
    fn a_singular_system_has_no_solution() {
        let system = System { residual: [1.0; NODES], jacobian: [[1.0; NODES]; NODES] };
        assert_eq!(system.solution(), None);
        let mut nan = System { residual: [1.0; NODES], jacobian: [[0.0; NODES]; NODES] };
        nan.jacobian[0][0] = f64::NAN;
        assert_eq!(nan.solution(), None);
    }
}
