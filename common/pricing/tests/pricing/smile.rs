//! Boundaries shared over a smile against each contract by itself.

use fleet_pricing::american::{Smile, greeks, price};
use fleet_pricing::{Kind, Point, Quoted, Refused, Terms, black};

const SHARED: f64 = 3e-4;

fn terms(kind: Kind, days: f64, (rate, yield_): (f64, f64)) -> Terms {
    Terms { kind, spot: 100.0, strike: 100.0, years: days / 365.0, rate, yield_ }
}

/// 41 strikes; a skewed smile around `level`, held to .1 to 1.5.
fn points(level: f64) -> Vec<Point> {
    let point = |i: i32| {
        let strike = 50.0 + 2.5 * f64::from(i);
        let x = libm::log(strike / 100.0);
        Point { strike, vol: (level - 0.3 * x + 0.6 * x * x).clamp(0.1, 1.5) }
    };
    (0..41).map(point).collect()
}

#[test]
fn a_smile_prices_as_its_contracts_do_alone() {
    for kind in [Kind::Put, Kind::Call] {
        for days in [1.0, 7.0, 30.0, 91.0, 365.0, 1095.0] {
            for rates in [(0.045, 0.0), (0.045, 0.015), (0.045, 0.06), (0.01, 0.03), (0.03, 0.03)] {
                let mut smile = Smile::new(&terms(kind, days, rates)).unwrap();
                for level in [0.1, 0.18, 0.25, 0.5, 0.8, 1.5] {
                    let points = points(level);
                    for (point, shared) in points.iter().zip(smile.prices(&points)) {
                        let terms = Terms { strike: point.strike, ..terms(kind, days, rates) };
                        let (alone, shared) = (price(&terms, point.vol).unwrap(), shared.unwrap());
                        let apart = (shared - alone).abs();
                        assert!(apart <= SHARED, "{terms:?} {}: {shared}, alone {alone}", point.vol);
                    }
                }
            }
        }
    }
}

#[test]
fn a_smile_gives_its_volatilities_back() {
    for kind in [Kind::Put, Kind::Call] {
        for days in [7.0, 91.0, 1095.0] {
            let mut smile = Smile::new(&terms(kind, days, (0.045, 0.06))).unwrap();
            let points = points(0.3);
            let quotes: Vec<Quoted> = points
                .iter()
                .zip(smile.prices(&points))
                .map(|(point, price)| Quoted { strike: point.strike, price: price.unwrap(), tick: 0.01 })
                .collect();
            let mut told = 0;
            for (point, vol) in points.iter().zip(smile.implied_vols(&quotes)) {
                let Some(vol) = vol.unwrap() else { continue };
                assert!((vol - point.vol).abs() <= 1e-6, "{kind:?} {days} {}: {vol}, not {}", point.strike, point.vol);
                told += 1;
            }
            assert!(told >= 6, "{kind:?} {days}: {told} of 41");
        }
    }
}

#[test]
fn a_smile_of_few_strikes_is_solved_one_by_one() {
    let terms = terms(Kind::Put, 91.0, (0.045, 0.0));
    let few: Vec<Point> = points(0.4).into_iter().step_by(8).collect();
    for (point, shared) in few.iter().zip(Smile::new(&terms).unwrap().prices(&few)) {
        assert_eq!(shared, price(&Terms { strike: point.strike, ..terms }, point.vol));
    }
}

#[test]
fn greeks_of_a_smile_are_those_of_its_contracts() {
    for kind in [Kind::Put, Kind::Call] {
        let terms = terms(kind, 200.0, (0.045, 0.02));
        let points = points(0.4);
        for (point, shared) in points.iter().zip(Smile::new(&terms).unwrap().greeks(&points)) {
            let terms = Terms { strike: point.strike, ..terms };
            let (alone, shared) = (greeks(&terms, point.vol).unwrap(), shared.unwrap());
            let apart = [
                (alone.delta - shared.delta, 2e-4),
                (alone.gamma - shared.gamma, 2e-4),
                (alone.theta_per_day - shared.theta_per_day, 2e-4),
                (alone.vega_per_point - shared.vega_per_point, 1e-3),
                (alone.rho_per_point - shared.rho_per_point, 1e-3),
            ];
            for (apart, most) in apart {
                assert!(apart.abs() <= most, "{terms:?} {}: {alone:?} and {shared:?}", point.vol);
            }
        }
    }
}

#[test]
fn a_bad_contract_is_refused_by_itself() {
    let mut smile = Smile::new(&terms(Kind::Put, 91.0, (0.045, 0.0))).unwrap();
    let good = Point { strike: 100.0, vol: 0.3 };
    let answers = smile.prices(&[good, Point { strike: f64::NAN, ..good }, Point { vol: 0.0, ..good }]);
    assert!(answers[0].is_ok());
    assert!(matches!(answers[1], Err(Refused::OutOfRange { what: "strike", .. })));
    assert!(matches!(answers[2], Err(Refused::OutOfRange { what: "volatility", .. })));
    let two = terms(Kind::Put, 91.0, (-0.01, -0.03));
    assert!(matches!(Smile::new(&two), Err(Refused::TwoBoundaries { .. })));
}

#[test]
fn a_smile_that_is_never_exercised_early_is_european() {
    let terms = terms(Kind::Call, 91.0, (0.045, 0.0));
    let points = points(0.3);
    for (point, shared) in points.iter().zip(Smile::new(&terms).unwrap().prices(&points)) {
        assert_eq!(shared, black::price(&Terms { strike: point.strike, ..terms }, point.vol));
    }
}
