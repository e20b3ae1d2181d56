//! Whole expirations that cannot be believed: a misread date, prices in another unit. No single contract shows it, the
//! expiration's contracts together do.
//!
//! - **`gate:expiration`**: the date is one on which nothing expires (a weekend, a holiday that was known beforehand), or no
//!   strike of it is listed with both a call and a put, as every strike of every listed expiration is.
//! - **`gate:parity`**: what pairs tell of the forward depends on the strike. By parity F = K + e^{rT}(C − P) is the same at
//!   every strike; early exercise bends it by no more than e^{rT} − 1 a dollar of strike. Prices times a hundred tilt it to −99,
//!   prices over a hundred to .99; monotonicity and convexity hold in both.
//!
//! A doubted expiration's forward takes no part in the spot.

use std::collections::BTreeSet;

use fleet_core::domain::calendar::{self, Closure};
use fleet_core::domain::{Check, ContractQuote, Operator, OptionKind, Strike, Verdict};
use jiff::civil::{Date, date};

use crate::forward::{Pair, lower_median};
use crate::gates::Stopped;
use crate::place::Place;

/// With fewer pairs one misprint could tilt them all.
const PAIRS: usize = 3;
/// Half of what prices over a hundred would do, and more than early exercise does at 10 % interest in four years.
const MOST_TILT: f64 = 0.5;
/// Until then standard monthlies carried the Saturday after the third Friday.
const LAST_SATURDAY: Date = date(2015, 2, 1);

/// Why none of an expiration's contracts is believed; `run` is all of them, `pairs` the usable ones nearest the money.
#[must_use]
pub fn doubt(run: &[&ContractQuote], pairs: &[Pair]) -> Option<Stopped> {
    let expiration = run.first()?.symbol.expiration;
    let stop =
        |gate, check: Check| (check.verdict == Verdict::Fail).then_some(Stopped { place: Place::Gate(gate), check });
    let session = f64::from(u8::from(can_expire(expiration)));
    stop("expiration", Check::new("exchange_open", Some(session), Operator::AtLeast, 1.0))
        .or_else(|| stop("expiration", Check::new("listed_pairs", Some(listed_pairs(run)), Operator::AtLeast, 1.0)))
        .or_else(|| stop("parity", Check::new("parity_tilt", tilt(pairs), Operator::AtMost, MOST_TILT)))
}

/// Whether options may expire on a date, as far as was known before it.
fn can_expire(expiration: Date) -> bool {
    match calendar::closure(expiration) {
        None | Some(Closure::Unscheduled) => true,
        Some(Closure::Weekend) => expiration < LAST_SATURDAY && calendar::is_standard_monthly(expiration),
        Some(
            Closure::NewYear
            | Closure::MartinLutherKing
            | Closure::Washington
            | Closure::GoodFriday
            | Closure::Memorial
            | Closure::Juneteenth
            | Closure::Independence
            | Closure::Labor
            | Closure::Thanksgiving
            | Closure::Christmas,
        ) => false,
    }
}

/// Strikes with both a call and a put, whatever their quotes.
fn listed_pairs(run: &[&ContractQuote]) -> f64 {
    let strikes = |kind| -> BTreeSet<Strike> {
        run.iter().filter(|quote| quote.symbol.kind == kind).map(|quote| quote.symbol.strike).collect()
    };
    strikes(OptionKind::Call).intersection(&strikes(OptionKind::Put)).count() as f64
}

/// How much what a pair tells of the forward changes with a dollar of strike, without its sign: the lower median over all
/// pairs of pairs (Theil 1950, Sen 1968), so that one misprint in four changes little. `None` with fewer than [`PAIRS`].
fn tilt(pairs: &[Pair]) -> Option<f64> {
    if pairs.len() < PAIRS {
        return None;
    }
    let mut slopes = Vec::with_capacity(pairs.len() * (pairs.len() - 1) / 2);
    for (at, low) in pairs.iter().enumerate() {
        for high in &pairs[at + 1..] {
            slopes.push((high.value - low.value) / (high.strike.dollars() - low.strike.dollars()));
        }
    }
    lower_median(&mut slopes).map(f64::abs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(values: &[(u32, f64)]) -> Vec<Pair> {
        let strike = |dollars: u32| Strike::from_thousandths(dollars * 1000).unwrap();
        values.iter().map(|(dollars, value)| Pair { strike: strike(*dollars), value: *value, weight: 1.0 }).collect()
    }

    #[test]
    fn prices_in_another_unit_tilt_what_pairs_tell() {
        let at = |unit: f64| -> Vec<(u32, f64)> {
            (90..=110).step_by(5).map(|k| (k, f64::from(k) + unit * (100.3 - f64::from(k)))).collect()
        };
        for (unit, wanted) in [(1.0, 0.0), (100.0, 99.0), (0.01, 0.99), (10.0, 9.0)] {
            assert!((tilt(&pairs(&at(unit))).unwrap() - wanted).abs() < 1e-9, "{unit}");
        }
        // One misprint among five changes nothing.
        let mut one = at(1.0);
        one[3].1 += 40.0;
        assert!(tilt(&pairs(&one)).unwrap() < 1e-9);
        assert_eq!(tilt(&pairs(&at(100.0)[..2])), None);
    }

    #[test]
    fn options_expire_on_sessions() {
        for (day, wanted) in [
            (date(2026, 12, 18), true),
            (date(2026, 12, 19), false),
            (date(2026, 12, 25), false),
            (date(2026, 6, 19), false),
            (date(2026, 6, 18), true),
            // A day of mourning that nobody knew of when contracts were listed.
            (date(2025, 1, 9), true),
            (date(2014, 12, 20), true),
            (date(2014, 12, 13), false),
        ] {
            assert_eq!(can_expire(day), wanted, "{day}");
        }
    }
}
