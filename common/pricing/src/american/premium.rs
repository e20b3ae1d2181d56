//! The early-exercise premium given the boundary (Kim 1990): a put of strike 1 earns interest r on the strike and forgoes
//! dividends qS while it lies below the boundary,
//! ∫ [r e^(−rm) Φ(−d−(m, S/B)) − q S e^(−qm) Φ(−d+(m, S/B))] dm.

use super::boundary::{Boundary, positive_root};
use super::carry::{Carry, Flows};
use super::grid::{GRID, NODES, Rule, apply, complement, interpolation};
use crate::normal::{cdf_with, exp, pdf};

/// Pieces of the integral where the boundary stands still for most of the time: it steps there, and a rule of few nodes
/// would miss the step.
const PIECES: usize = 12;

/// Where a put of strike 1 stands.
#[derive(Debug, Clone, Copy)]
pub struct At {
    /// S/K.
    pub s: f64,
    /// Its logarithm.
    pub ln_s: f64,
}

/// Premium and its slopes in S.
#[derive(Debug, Clone, Copy)]
pub struct Slopes {
    /// First.
    pub delta: f64,
    /// Second.
    pub gamma: f64,
}

/// The premium where the boundary moves throughout.
pub fn moving(boundary: &Boundary, carry: &Carry, at: At) -> f64 {
    let rule = &GRID.last;
    let (plus, minus) = distances(boundary, carry, rule, at);
    weighed(&carry.flows, at.s, &plus, &minus)
}

/// The slopes of the same integral, by a finer rule.
pub fn slopes(boundary: &Boundary, carry: &Carry, at: At) -> Slopes {
    let rule = &GRID.fine;
    let flows = Flows::new(rule, carry.years, carry.rate, carry.yield_);
    let (plus, minus) = distances(boundary, carry, rule, at);
    let spread = boundary.vol * carry.root;
    let (mut delta, mut gamma) = (0.0, 0.0);
    for k in 0..rule.c.len() {
        let (plus_pdf, minus_pdf) = (pdf(plus[k]), pdf(minus[k]));
        let steep = rule.inverse[k] / spread;
        let (interest, dividends) =
            (flows.interest[k] * minus_pdf * steep / at.s, flows.dividends[k] * plus_pdf * steep);
        delta += dividends - interest - flows.dividends[k] * cdf_with(-plus[k], plus_pdf);
        gamma += (interest * (minus[k] * steep + 1.0) + dividends * (1.0 - plus[k] * steep)) / at.s;
    }
    Slopes { delta, gamma }
}

/// d+ and d− at the nodes of a rule.
#[inline(always)]
fn distances<const N: usize>(boundary: &Boundary, carry: &Carry, rule: &Rule<N>, at: At) -> ([f64; N], [f64; N]) {
    let h = apply(&rule.from, &boundary.h);
    let spread = boundary.vol * carry.root;
    let scale = 1.0 / spread;
    let drift = (carry.rate - carry.yield_) * carry.root / boundary.vol;
    let distance = at.ln_s - carry.ln_start;
    let (mut plus, mut minus) = ([0.0; N], [0.0; N]);
    for k in 0..N {
        let middle = (distance + positive_root(h[k])) * scale * rule.inverse[k] + drift * rule.c[k];
        let half = 0.5 * spread * rule.c[k];
        plus[k] = middle + half;
        minus[k] = middle - half;
    }
    (plus, minus)
}

/// The integral's sum; short loops of one thing each, so that the compiler can do two nodes at once.
#[inline(always)]
fn weighed<const N: usize>(flows: &Flows<N>, s: f64, plus: &[f64; N], minus: &[f64; N]) -> f64 {
    let (mut plus_pdf, mut minus_pdf) = ([0.0; N], [0.0; N]);
    for k in 0..N {
        plus_pdf[k] = pdf(plus[k]);
    }
    for k in 0..N {
        minus_pdf[k] = pdf(minus[k]);
    }
    let mut earned = [0.0; N];
    for k in 0..N {
        earned[k] = flows.interest[k] * cdf_with(-minus[k], minus_pdf[k]);
    }
    for k in 0..N {
        earned[k] -= flows.dividends[k] * s * cdf_with(-plus[k], plus_pdf[k]);
    }
    earned.iter().sum()
}

/// Premium and slopes over `years` where the boundary moves only over the carry's time and stands still before. For
/// volatilities far from any market's, whose integrand may step: in pieces.
pub fn standing(boundary: &Boundary, carry: &Carry, years: f64, at: At) -> (f64, Slopes) {
    let rule = &GRID.last;
    let (mut premium, mut slopes) = (0.0, Slopes { delta: 0.0, gamma: 0.0 });
    let drift = carry.rate - carry.yield_;
    for piece in 0..PIECES {
        for (node, w) in rule.c.iter().zip(rule.w) {
            let c = (piece as f64 + node) / PIECES as f64;
            let run = years * c * c;
            let weight = 2.0 * years * c * w / PIECES as f64;
            let x = (years / carry.years).sqrt() * complement(c);
            let h: f64 = if x >= 1.0 {
                boundary.h[NODES - 1]
            } else {
                interpolation(x).iter().zip(boundary.h).map(|(weight, h)| weight * h).sum()
            };
            let spread = boundary.vol * run.sqrt();
            let d_plus = (at.ln_s - carry.ln_start + positive_root(h) + drift * run) / spread + 0.5 * spread;
            let d_minus = d_plus - spread;
            let (plus, minus) = (pdf(d_plus), pdf(d_minus));
            let interest = weight * carry.rate * exp(-carry.rate * run);
            let dividends = weight * carry.yield_ * exp(-carry.yield_ * run);
            let under = cdf_with(-d_plus, plus);
            premium += interest * cdf_with(-d_minus, minus) - dividends * at.s * under;
            let (interest, paid) = (interest * minus / (spread * at.s), dividends * plus / spread);
            slopes.delta += paid - interest - dividends * under;
            slopes.gamma += (interest * (d_minus / spread + 1.0) + paid * (1.0 - d_plus / spread)) / at.s;
        }
    }
    (premium, slopes)
}
