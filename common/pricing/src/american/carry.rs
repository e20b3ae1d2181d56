//! What all contracts of one expiration and side share: time, rates, and every factor that does not know the volatility.
//!
//! Only puts of strike 1 are solved. A call is one by symmetry, C(S, K, r, q) = P(K, S, q, r), so that rate and yield
//! here may be swapped.

use super::grid::{FINAL, FIXED, FLAT, GRID, NODES, Rule};
use crate::normal::exp;

/// Where the boundary has come within e⁻²⁰ of its perpetual value, it is held constant: polynomials and quadratures over
/// a longer time would miss the short one in which it moves.
const DECAY: f64 = 20.0;

/// A put's time and rates, with their tables.
#[derive(Debug, Clone)]
pub struct Carry {
    /// Years over which the boundary moves, positive.
    pub years: f64,
    /// √years.
    pub root: f64,
    /// Rate at which the strike is discounted.
    pub rate: f64,
    /// Rate at which the underlying is.
    pub yield_: f64,
    /// ln X, X = min(1, r/q) being where the boundary starts at settlement.
    pub ln_start: f64,
    /// τ_i.
    pub tau: [f64; NODES],
    /// √τ_i.
    pub tau_root: [f64; NODES],
    /// w_k e^(r(τ_i − m)), node after node.
    pub growth_rate: [f64; FLAT],
    /// w_k e^(q(τ_i − m)).
    pub growth_yield: [f64; FLAT],
    /// The price's integral.
    pub flows: Flows<FINAL>,
}

/// What a put of strike 1 earns by exercise over its time, at the nodes of a rule.
#[derive(Debug, Clone)]
pub struct Flows<const N: usize> {
    /// 2 T w_k c_k r e^(−rm): interest on the strike, at m = T c_k².
    pub interest: [f64; N],
    /// 2 T w_k c_k q e^(−qm): dividends forgone.
    pub dividends: [f64; N],
}

impl<const N: usize> Flows<N> {
    /// For years, rate and yield.
    pub fn new(rule: &Rule<N>, years: f64, rate: f64, yield_: f64) -> Self {
        let mut flows = Self { interest: [0.0; N], dividends: [0.0; N] };
        for k in 0..N {
            let c = rule.c[k];
            flows.interest[k] = 2.0 * years * rule.w[k] * c * rate * exp(-rate * years * c * c);
            flows.dividends[k] = 2.0 * years * rule.w[k] * c * yield_ * exp(-yield_ * years * c * c);
        }
        flows
    }
}

impl Carry {
    /// For years (positive), rate and yield of a put that is exercised early somewhere.
    pub fn new(years: f64, rate: f64, yield_: f64) -> Self {
        let grid = &*GRID;
        let tau = grid.x.map(|x| years * x * x);
        let (mut growth_rate, mut growth_yield) = ([0.0; FLAT], [0.0; FLAT]);
        for (i, tau) in tau.iter().enumerate() {
            for k in 0..FIXED {
                let (c, at) = (grid.fixed.c[k], i * FIXED + k);
                let run = tau * (1.0 - c * c);
                growth_rate[at] = grid.fixed.w[k] * exp(rate * run);
                growth_yield[at] = grid.fixed.w[k] * exp(yield_ * run);
            }
        }
        Self {
            years,
            root: years.sqrt(),
            rate,
            yield_,
            ln_start: if yield_ > rate { libm::log((rate / yield_).max(f64::MIN_POSITIVE)) } else { 0.0 },
            tau,
            tau_root: tau.map(f64::sqrt),
            growth_rate,
            growth_yield,
            flows: Flows::new(&grid.last, years, rate, yield_),
        }
    }

    /// Years after which the boundary no longer moves at this volatility: 20 over the rate at which an American price
    /// tends to the perpetual one, r + ½((r − q − σ²/2)/σ)². Infinite where it always moves.
    pub fn horizon(rate: f64, yield_: f64, vol: f64) -> f64 {
        let drift = (rate - yield_) / vol - 0.5 * vol;
        DECAY / (rate + 0.5 * drift * drift).max(0.0)
    }

    /// Whether the boundary moves over the whole time at this volatility.
    pub fn moves_throughout(&self, vol: f64) -> bool {
        self.years <= Self::horizon(self.rate, self.yield_, vol)
    }
}
