//! Our volatilities beside the vendors' on recorded chains, each difference in its tail explained: by the width of the
//! quote, or by inputs of the vendor's that are not the market's. And put–call parity of American contracts.

mod aapl;
mod aapl_parity;
mod rut;

use std::path::Path;

use fleet_pricing::{Kind, Terms};

/// What rounds away: a price is quoted in cents, a volatility printed with four digits.
const CENT: f64 = 0.01;

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|why| panic!("cannot read {}: {why}", path.display()))
}

/// Differences in order.
struct Distribution(Vec<f64>);

impl Distribution {
    fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().map(f64::abs).collect();
        assert!(!values.is_empty(), "nothing to compare");
        values.sort_by(f64::total_cmp);
        Self(values)
    }

    fn at(&self, share: f64) -> f64 {
        self.0[((self.0.len() - 1) as f64 * share) as usize]
    }

    fn told(&self) -> String {
        let [median, p90, p99, most] = [0.5, 0.9, 0.99, 1.0].map(|share| self.at(share));
        format!("{} volatilities apart by median {median:.5}, p90 {p90:.5}, p99 {p99:.5}, most {most:.5}", self.0.len())
    }
}

/// The European price, by the closed form that other tests hold to reference prices.
fn european(terms: &Terms, vol: f64) -> f64 {
    fleet_pricing::black::price(terms, vol).unwrap_or_else(|why| panic!("{terms:?} at {vol}: {why}"))
}

fn kind(kind: fleet_core::domain::OptionKind) -> Kind {
    match kind {
        fleet_core::domain::OptionKind::Call => Kind::Call,
        fleet_core::domain::OptionKind::Put => Kind::Put,
    }
}
