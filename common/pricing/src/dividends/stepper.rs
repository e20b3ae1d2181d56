//! A column of values over ln(S/K), moved back in time. Everything is per dollar of strike.
//!
//! The strike is a node, so that every grid sees the payoff's kink alike, and the payoff there is its mean over a cell.

use crate::terms::{Kind, Terms};

/// Nodes in ln S.
const NODES: usize = 360;
/// Standard deviations on each side.
const WIDTH: f64 = 5.0;
/// The grid reaches down to where dividends take the price, but no further than this part of it.
const DEEPEST: f64 = 0.05;

/// Evenly spaced ln(S/K).
#[derive(Debug, Clone, Copy)]
pub struct Space {
    /// The lowest node.
    low: f64,
    /// Between two nodes, positive.
    step: f64,
}

impl Space {
    /// For dividends of `cash` dollars in all; `None` if the price cannot move.
    pub fn new(terms: &Terms, vol: f64, cash: f64) -> Option<Self> {
        let middle = libm::log(terms.spot / terms.strike);
        let width = WIDTH * vol * terms.years.sqrt();
        let drift = (terms.rate - terms.yield_ - 0.5 * vol * vol) * terms.years;
        let paid = libm::log((1.0 - cash / terms.spot).max(DEEPEST));
        let low = middle + drift.min(0.0) + paid - width;
        let high = middle + drift.max(0.0) + width;
        let step = (high - low) / (NODES - 1) as f64;
        (step > 1e-12).then(|| Self { low: (low / step).floor() * step, step })
    }

    fn x(&self, i: usize) -> f64 {
        // Through the integer, so that the strike's node is 0 exactly.
        ((self.low / self.step).round() + i as f64) * self.step
    }
}

/// The values and what they are bounded by.
#[derive(Debug)]
pub struct Stepper {
    space: Space,
    kind: Kind,
    s: Vec<f64>,
    intrinsic: Vec<f64>,
    values: Vec<f64>,
    right: Vec<f64>,
}

#[derive(Clone, Copy)]
enum Scheme {
    CrankNicolson,
    ImplicitHalf,
}

/// One interior row of the operator ½σ²V'' + μV' − rV, times half a step in time; the same for every node.
#[derive(Clone, Copy)]
struct Operator {
    below: f64,
    here: f64,
    above: f64,
}

impl Operator {
    fn new(terms: &Terms, vol: f64, space: Space, half_time: f64) -> Self {
        let variance = vol * vol;
        let drift = terms.rate - terms.yield_ - 0.5 * variance;
        // Exponential fitting (Il'in 1969): the variance where the drift is small, upwinding where it rules.
        let ratio = drift * space.step / variance;
        let fitted = if ratio.abs() < 1e-4 { variance } else { variance * ratio / libm::tanh(ratio) };
        let diffusion = 0.5 * fitted / (space.step * space.step) * half_time;
        let convection = 0.5 * drift / space.step * half_time;
        Self {
            below: diffusion - convection,
            here: -2.0 * diffusion - terms.rate * half_time,
            above: diffusion + convection,
        }
    }
}

impl Stepper {
    /// At settlement.
    pub fn new(space: Space, kind: Kind) -> Self {
        let s: Vec<f64> = (0..NODES).map(|i| libm::exp(space.x(i))).collect();
        let intrinsic: Vec<f64> = s.iter().map(|s| (kind.sign() * (s - 1.0)).max(0.0)).collect();
        let mut values = intrinsic.clone();
        if let Some(kink) = (0..NODES).find(|i| space.x(*i) == 0.0) {
            // The mean of |S − K|/2 over a cell around the strike.
            values[kink] = space.step / 8.0;
        }
        Self { space, kind, s, intrinsic, values, right: vec![0.0; NODES] }
    }

    /// Back by `years` in `steps` steps, at least two.
    pub fn roll(&mut self, terms: &Terms, vol: f64, years: f64, steps: usize) {
        let operator = Operator::new(terms, vol, self.space, 0.5 * years / steps as f64);
        let factors = self.factors(operator);
        for _ in 0..4 {
            self.step(operator, &factors, Scheme::ImplicitHalf);
        }
        for _ in 2..steps {
            self.step(operator, &factors, Scheme::CrankNicolson);
        }
    }

    /// The index of the k-th node seen from the side where it is not exercised.
    fn order(&self, k: usize) -> usize {
        match self.kind {
            Kind::Put => NODES - 1 - k,
            Kind::Call => k,
        }
    }

    /// Elimination from the side where it is not exercised: per row, the factor of the row before and 1/pivot.
    fn factors(&self, operator: Operator) -> Vec<(f64, f64)> {
        let (before, after) = self.sides(operator);
        let diagonal = 1.0 - operator.here;
        let mut factors = vec![(0.0, 1.0); NODES];
        let mut inverse = 1.0;
        let mut link = 0.0;
        for row in factors.iter_mut().take(NODES - 1).skip(1) {
            let factor = -before * inverse;
            inverse = 1.0 / (diagonal - factor * link);
            *row = (factor, inverse);
            link = -after;
        }
        factors
    }

    /// Coefficients of the neighbour on the side where it is not exercised, and of the other.
    fn sides(&self, operator: Operator) -> (f64, f64) {
        match self.kind {
            Kind::Put => (operator.above, operator.below),
            Kind::Call => (operator.below, operator.above),
        }
    }

    fn step(&mut self, operator: Operator, factors: &[(f64, f64)], scheme: Scheme) {
        let Operator { below, here, above } = operator;
        match scheme {
            Scheme::ImplicitHalf => self.right.copy_from_slice(&self.values),
            Scheme::CrankNicolson => {
                for (right, v) in self.right[1..NODES - 1].iter_mut().zip(self.values.windows(3)) {
                    *right = v[1] + below * v[0] + here * v[1] + above * v[2];
                }
            }
        }
        let (_, after) = self.sides(operator);
        // Both ends hold the intrinsic value: worthless on one side, exercised (or too far to matter) on the other.
        let (first, last) = (self.order(0), self.order(NODES - 1));
        self.right[first] = self.intrinsic[first];
        let mut carried = self.right[first];
        for (k, (factor, _)) in factors.iter().enumerate().take(NODES - 1).skip(1) {
            let i = self.order(k);
            carried = self.right[i] - factor * carried;
            self.right[i] = carried;
        }
        self.values[first] = self.intrinsic[first];
        let mut next = self.intrinsic[last];
        self.values[last] = next;
        for k in (1..NODES - 1).rev() {
            let i = self.order(k);
            next = ((self.right[i] + after * next) * factors[k].1).max(self.intrinsic[i]);
            self.values[i] = next;
        }
    }

    /// Just before an ex-date the option is worth what it is after the fall, or its exercise.
    pub fn pay(&mut self, cash: f64) {
        for i in 0..NODES {
            let after = (self.s[i] - cash).max(self.s[0]);
            self.right[i] = self.read(libm::log(after)).0.max(self.intrinsic[i]);
        }
        std::mem::swap(&mut self.values, &mut self.right);
    }

    /// Value, slope and curvature in S at ln S, by the cubic through four nodes; constant beyond the ends.
    pub fn read(&self, x: f64) -> (f64, f64, f64) {
        let place = ((x - self.space.x(0)) / self.space.step).clamp(0.0, (NODES - 1) as f64);
        let first = (place.floor() as usize).saturating_sub(1).min(NODES - 4);
        let t = place - first as f64;
        let v = &self.values[first..first + 4];
        // Newton's differences.
        let (d1, d2, d3) = (v[1] - v[0], v[2] - 2.0 * v[1] + v[0], v[3] - 3.0 * v[2] + 3.0 * v[1] - v[0]);
        let value = v[0] + t * (d1 + (t - 1.0) / 2.0 * (d2 + (t - 2.0) / 3.0 * d3));
        let slope = d1 + (2.0 * t - 1.0) / 2.0 * d2 + (3.0 * t * t - 6.0 * t + 2.0) / 6.0 * d3;
        let curvature = d2 + (t - 1.0) * d3;
        let (slope, curvature) = (slope / self.space.step, curvature / (self.space.step * self.space.step));
        let s = libm::exp(x);
        (value, slope / s, (curvature - slope) / (s * s))
    }
}
