//! What holds for any input the types let in, and for any input a market could show.

use fleet_pricing::american::{Smile, bounds, greeks, implied_vol, price};
use fleet_pricing::{Greeks, Kind, Point, Quoted, Refused, Terms, black};
use proptest::prelude::*;

/// Twice the price tolerance, at spot 100.
const SLACK: f64 = 0.004;

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![Just(Kind::Put), Just(Kind::Call)]
}

/// A number whose logarithm is even over a range.
fn decades(low: f64, high: f64) -> impl Strategy<Value = f64> {
    (low.ln()..high.ln()).prop_map(f64::exp)
}

/// Rates with the round numbers at which formulas change.
fn rate(low: f64, high: f64) -> impl Strategy<Value = f64> {
    prop_oneof![6 => low..high, 1 => Just(0.0), 1 => Just(0.03), 1 => Just(1e-12), 1 => Just(-1e-12)]
}

fn anything() -> impl Strategy<Value = (Terms, f64)> {
    let years = prop_oneof![1 => Just(0.0), 1 => decades(1e-300, 1e-6), 8 => decades(1e-6, 30.0)];
    (kind(), decades(1e-3, 1e6), decades(1e-2, 1e2), years, rate(-0.05, 3.0), rate(-0.05, 3.0), decades(1e-4, 10.0))
        .prop_map(|(kind, spot, ratio, years, rate, yield_, vol)| {
            (Terms { kind, spot, strike: (spot * ratio).clamp(1e-4, 1e8), years, rate, yield_ }, vol)
        })
}

fn market() -> impl Strategy<Value = (Terms, f64)> {
    (kind(), 50.0..200.0, decades(0.003, 3.0), rate(-0.005, 0.08), rate(0.0, 0.08), decades(0.05, 2.0)).prop_map(
        |(kind, strike, years, rate, yield_, vol)| (Terms { kind, spot: 100.0, strike, years, rate, yield_ }, vol),
    )
}

fn finite(g: &Greeks) -> bool {
    [g.delta, g.gamma, g.theta_per_day, g.vega_per_point, g.rho_per_point].iter().all(|x| x.is_finite())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn whatever_is_let_in_comes_out_finite_and_inside_its_bounds((terms, vol) in anything()) {
        let european = black::price(&terms, vol).unwrap();
        prop_assert!(european.is_finite() && european >= 0.0);
        match price(&terms, vol) {
            Ok(price) => {
                let bounds = bounds(&terms).unwrap();
                let rounding = 1e-12 * bounds.upper;
                prop_assert!(price >= european - rounding, "premium {}", price - european);
                prop_assert!(price >= bounds.lower - rounding && price <= bounds.upper + rounding, "{price} {bounds:?}");
                let tell = implied_vol(&terms, price, 0.0).unwrap();
                prop_assert!(tell.is_none_or(|vol| black::IMPLIED.contains(&vol)), "{tell:?}");
            }
            Err(refused) => {
                let two = matches!(refused, Refused::TwoBoundaries { .. });
                prop_assert!(two && (terms.rate < 0.0 || terms.yield_ < 0.0), "{refused}");
            }
        }
        match greeks(&terms, vol) {
            Ok(greeks) => prop_assert!(finite(&greeks), "{greeks:?}"),
            Err(refused) => prop_assert!(refused == Refused::Expired || price(&terms, vol) == Err(refused)),
        }
    }

    #[test]
    fn numbers_of_any_bit_pattern_are_refused_or_finite(
        (bits, kind) in (any::<[u64; 6]>(), kind())
    ) {
        let [spot, strike, years, rate, yield_, vol] = bits.map(f64::from_bits);
        let terms = Terms { kind, spot, strike, years, rate, yield_ };
        if let Ok(price) = price(&terms, vol) {
            prop_assert!(price.is_finite());
        }
        prop_assert!(!matches!(implied_vol(&terms, vol, spot), Ok(Some(vol)) if !vol.is_finite()));
        prop_assert!(greeks(&terms, vol).is_err_and(|e| !e.to_string().is_empty()) || terms.check().is_ok());
    }

    #[test]
    fn a_price_rises_and_bends_as_it_must((terms, vol) in market()) {
        let sign = terms.kind.sign();
        let at = |terms: Terms| price(&terms, vol).ok();
        let (Some(here), Some(higher), Some(lower)) = (
            at(terms),
            at(Terms { spot: terms.spot + 2.0, ..terms }),
            at(Terms { spot: terms.spot - 2.0, ..terms }),
        ) else { return Ok(()) };
        prop_assert!(sign * (higher - here) >= -SLACK && sign * (here - lower) >= -SLACK, "in spot");
        prop_assert!(higher - 2.0 * here + lower >= -SLACK, "convex in spot: {}", higher - 2.0 * here + lower);
        let (Some(above), Some(below)) = (
            at(Terms { strike: terms.strike + 2.0, ..terms }),
            at(Terms { strike: terms.strike - 2.0, ..terms }),
        ) else { return Ok(()) };
        prop_assert!(sign * (above - here) <= SLACK && sign * (here - below) <= SLACK, "in strike");
        prop_assert!(above - 2.0 * here + below >= -SLACK, "convex in strike");
        prop_assert!(price(&terms, vol * 1.05).unwrap() >= here - SLACK, "in volatility");
        prop_assert!(at(Terms { years: terms.years * 1.1, ..terms }).unwrap() >= here - SLACK, "in time");
    }

    #[test]
    fn a_smile_is_finite_whatever_it_is_given((terms, vol) in anything(), tick in 0.0..0.1) {
        let Ok(mut smile) = Smile::new(&terms) else { return Ok(()) };
        let points: Vec<Point> = (0..12)
            .map(|i| Point { strike: (terms.strike * (0.7 + 0.05 * f64::from(i))).clamp(1e-4, 1e8), vol: (vol * (1.0 + 0.02 * f64::from(i))).min(10.0) })
            .collect();
        let prices = smile.prices(&points);
        let quotes: Vec<Quoted> = points.iter().zip(&prices)
            .map(|(point, price)| Quoted { strike: point.strike, price: *price.as_ref().unwrap(), tick })
            .collect();
        prop_assert!(prices.iter().all(|price| price.is_ok_and(f64::is_finite)));
        for vol in smile.implied_vols(&quotes) {
            prop_assert!(vol.unwrap().is_none_or(|vol| black::IMPLIED.contains(&vol)));
        }
        if terms.years > 0.0 {
            prop_assert!(smile.greeks(&points).iter().all(|g| g.as_ref().is_ok_and(finite)));
        }
    }
}
