//! The oracle's gates across strikes: which contracts of one side are to blame for prices that contradict each other at
//! bid and ask (RULES 4).

use super::bodies::Row;
use super::gates::{Ticks, is_european};
use super::parity::{Group, RATE};

/// Contracts of one root, expiration and kind that passed every gate so far, by strike, to those that are stopped.
pub fn contradicted(rows: &[&Row], group: Group, ticks: Ticks) -> Vec<(String, &'static str)> {
    let mut left: Vec<&Row> = rows.to_vec();
    left.sort_by(|a, b| a.strike.total_cmp(&b.strike));
    let mut out = Vec::new();
    for (gate, broken) in
        [("gate:monotonicity", pairs as fn(&[&Row], Group, Ticks) -> Vec<Vec<usize>>), ("gate:butterfly", butterflies)]
    {
        loop {
            let broken = broken(&left, group, ticks);
            let times = |at: usize| broken.iter().filter(|of| of.contains(&at)).count();
            let most = (0..left.len()).map(times).max().unwrap_or(0);
            if most == 0 {
                break;
            }
            let (blamed, kept): (Vec<_>, Vec<_>) = (0..left.len()).partition(|at| times(*at) == most);
            out.extend(blamed.into_iter().map(|at| (left[at].symbol.clone(), gate)));
            left = kept.into_iter().map(|at| left[at]).collect();
        }
    }
    out
}

/// Broken relations of two, each as the places of its contracts.
fn pairs(rows: &[&Row], group: Group, ticks: Ticks) -> Vec<Vec<usize>> {
    let discount = (-RATE * group.years).exp();
    let mut broken = Vec::new();
    for low in 0..rows.len() {
        for high in low + 1..rows.len().min(low + 4) {
            let (a, b) = (rows[low], rows[high]);
            let (dear, cheap) = if a.call { (a, b) } else { (b, a) };
            let dollar = if is_european(&a.root) { discount } else { discount.max(1.0) };
            let too_high = cheap.bid - (dear.ask + ticks.at(dear.ask));
            let too_low = dear.bid - (cheap.ask + (b.strike - a.strike) * dollar + ticks.at(dear.bid));
            for excess in [too_high, too_low] {
                if excess > 1e-9 {
                    broken.push(vec![low, high]);
                }
            }
        }
    }
    broken
}

/// Broken relations of three.
fn butterflies(rows: &[&Row], _: Group, ticks: Ticks) -> Vec<Vec<usize>> {
    let mut broken = Vec::new();
    for middle in 0..rows.len() {
        for low in middle.saturating_sub(3)..middle {
            for high in middle + 1..rows.len().min(middle + 4) {
                let (a, b, c) = (rows[low], rows[middle], rows[high]);
                let share = (c.strike - b.strike) / (c.strike - a.strike);
                let average = share * a.ask + (1.0 - share) * c.ask;
                if b.bid - (average + ticks.at(b.bid)) > 1e-9 {
                    broken.push(vec![low, middle, high]);
                }
            }
        }
    }
    broken
}
