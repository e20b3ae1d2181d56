//! Nodes, weights and interpolation matrices of the collocation, which depend on nothing and are computed once.
//!
//! With x = √τ/√T on [0, 1]: the boundary is a polynomial through the Chebyshev–Lobatto nodes x_i = (1 − cos(iπ/n))/2;
//! integrals over the time m = τc² still to run before exercise are Gauss–Legendre sums in c on [0, 1], which takes the
//! root out of the integrand. The boundary is then needed at √(τ_i − m) = √τ_i·√(1 − c²): at fixed places, so that
//! interpolation is a fixed matrix.

use std::f64::consts::PI;
use std::sync::LazyLock;

/// Collocation nodes, without the one at τ = 0, where the boundary is known (n of the paper).
pub const NODES: usize = 6;
/// Quadrature nodes of the fixed-point equation (l). An even number, like the next: processors take two at once.
pub const FIXED: usize = 12;
/// Those of all collocation nodes, one after the other: long loops keep the processor busy.
pub const FLAT: usize = NODES * FIXED;
/// Quadrature nodes of the price (p).
pub const FINAL: usize = 22;
/// Quadrature nodes of the greeks, whose integrands are steeper near the boundary.
pub const FINE: usize = 64;

/// What the solver and the price need.
#[derive(Debug)]
pub struct Grid {
    /// x_i, i = 1…n, ascending to 1.
    pub x: [f64; NODES],
    /// The rule of the fixed-point equation.
    pub fixed: Rule<FIXED>,
    /// `at_fixed[j][i·l + k]`: weight of the value at node j for the value at x_i·√(1 − c_k²).
    pub at_fixed: [[f64; FLAT]; NODES],
    /// The rule of the price.
    pub last: Rule<FINAL>,
    /// The rule of the greeks.
    pub fine: Rule<FINE>,
}

/// A Gauss–Legendre rule on [0, 1].
#[derive(Debug)]
pub struct Rule<const N: usize> {
    /// Nodes, descending.
    pub c: [f64; N],
    /// 1/c.
    pub inverse: [f64; N],
    /// Weights; their sum is 1.
    pub w: [f64; N],
    /// `from[j][k]`: weight of the value at node j for the value at √(1 − c_k²).
    pub from: [[f64; N]; NODES],
}

/// The one grid.
pub static GRID: LazyLock<Grid> = LazyLock::new(Grid::new);

impl Grid {
    fn new() -> Self {
        let x: [f64; NODES] = std::array::from_fn(|i| lobatto(i + 1));
        let fixed = Rule::new();
        let mut at_fixed = [[0.0; FLAT]; NODES];
        for (i, x) in x.iter().enumerate() {
            for (k, c) in fixed.c.iter().enumerate() {
                for (row, weight) in at_fixed.iter_mut().zip(interpolation(x * complement(*c))) {
                    row[i * FIXED + k] = weight;
                }
            }
        }
        Self { x, fixed, at_fixed, last: Rule::new(), fine: Rule::new() }
    }
}

/// √(1 − c²).
pub fn complement(c: f64) -> f64 {
    ((1.0 - c) * (1.0 + c)).sqrt()
}

/// x_i, i = 0…n.
fn lobatto(i: usize) -> f64 {
    0.5 * (1.0 - libm::cos(PI * i as f64 / NODES as f64))
}

/// Weights of the values at x_1…x_n for the polynomial's value at x in [0, 1]; the value at x_0 = 0 is 0. Barycentric
/// form of the second kind.
pub fn interpolation(x: f64) -> [f64; NODES] {
    let mut weights = [0.0; NODES];
    let mut total = 0.0;
    for i in 0..=NODES {
        let apart = x - lobatto(i);
        if apart == 0.0 {
            return std::array::from_fn(|j| if j + 1 == i { 1.0 } else { 0.0 });
        }
        let half = if i == 0 || i == NODES { 0.5 } else { 1.0 };
        let weight = if i % 2 == 0 { half / apart } else { -half / apart };
        total += weight;
        if i > 0 {
            weights[i - 1] = weight;
        }
    }
    weights.map(|weight| weight / total)
}

impl<const N: usize> Rule<N> {
    /// Newton's method on the Legendre polynomial from the usual cosine start; six steps are more than it needs.
    fn new() -> Self {
        let mut rule = Self { c: [0.0; N], inverse: [0.0; N], w: [0.0; N], from: [[0.0; N]; NODES] };
        for k in 0..N {
            let mut y = libm::cos(PI * (k as f64 + 0.75) / (N as f64 + 0.5));
            let mut slope = 1.0;
            for _ in 0..6 {
                let (mut value, mut before) = (1.0, 0.0);
                for degree in 0..N {
                    let d = degree as f64;
                    let next = ((2.0 * d + 1.0) * y * value - d * before) / (d + 1.0);
                    before = value;
                    value = next;
                }
                slope = N as f64 * (y * value - before) / (y * y - 1.0);
                y -= value / slope;
            }
            let c = 0.5 * (1.0 + y);
            rule.c[k] = c;
            rule.inverse[k] = 1.0 / c;
            rule.w[k] = 1.0 / ((1.0 - y * y) * slope * slope);
            for (row, weight) in rule.from.iter_mut().zip(interpolation(complement(c))) {
                row[k] = weight;
            }
        }
        rule
    }
}

/// The values a matrix of this module gives, column by column.
#[inline(always)]
pub fn apply<const N: usize>(matrix: &[[f64; N]; NODES], values: &[f64; NODES]) -> [f64; N] {
    let mut sums = [0.0; N];
    for (row, value) in matrix.iter().zip(values) {
        for (sum, weight) in sums.iter_mut().zip(row) {
            *sum += weight * value;
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_of_n_nodes_is_exact_to_degree_2n_less_1() {
        let rule = Rule::<FIXED>::new();
        for degree in 0..2 * FIXED {
            let sum: f64 = (0..FIXED).map(|k| rule.w[k] * libm::pow(rule.c[k], degree as f64)).sum();
            let exact = 1.0 / (degree as f64 + 1.0);
            assert!((sum / exact - 1.0).abs() < 1e-13, "degree {degree}: {sum} is not {exact}");
        }
    }

    #[test]
    fn interpolation_is_exact_for_the_polynomials_it_spans() {
        for degree in 1..=NODES {
            for x in [0.0, 0.03, 0.5, 0.77, 1.0, lobatto(2)] {
                let weights = interpolation(x);
                let sum: f64 = (0..NODES).map(|j| weights[j] * libm::pow(lobatto(j + 1), degree as f64)).sum();
                assert!((sum - libm::pow(x, degree as f64)).abs() < 1e-14, "degree {degree} at {x}");
            }
        }
    }
}
