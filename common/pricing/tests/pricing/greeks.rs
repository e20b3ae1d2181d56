//! Greeks against differences of the price.

use fleet_pricing::american::{boundary, greeks, price};
use fleet_pricing::{Greeks, Kind, Terms};

/// The terms of every check: both kinds, every order of rate and yield.
fn cases() -> impl Iterator<Item = (Terms, f64)> {
    let rates = [(0.045, 0.0), (0.045, 0.015), (0.045, 0.06), (0.03, 0.03), (0.01, -0.01)];
    [Kind::Put, Kind::Call].into_iter().flat_map(move |kind| {
        rates.into_iter().flat_map(move |(rate, yield_)| {
            [(80.0, 0.1, 0.6), (95.0, 0.25, 0.25), (100.0, 1.0, 0.35), (108.0, 0.5, 0.2), (130.0, 2.5, 0.5)]
                .map(|(strike, years, vol)| (Terms { kind, spot: 100.0, strike, years, rate, yield_ }, vol))
        })
    })
}

fn slope(f: impl Fn(f64) -> f64, step: f64) -> f64 {
    (f(step) - f(-step)) / (2.0 * step)
}

/// Relative to the greek's own scale, and a floor where it vanishes.
#[track_caller]
fn near(name: &str, got: f64, wanted: f64, (relative, floor): (f64, f64), terms: &Terms) {
    assert!((got - wanted).abs() <= relative * wanted.abs() + floor, "{name}: {got}, not {wanted}, of {terms:?}");
}

#[test]
fn greeks_are_the_slopes_of_the_price() {
    let mut alive = 0;
    for (terms, vol) in cases() {
        let of = |terms: Terms, vol: f64| price(&terms, vol).unwrap();
        let got = greeks(&terms, vol).unwrap();
        if got.gamma == 0.0 {
            assert_eq!(got, exercised(terms.kind), "{terms:?}");
            continue;
        }
        alive += 1;
        let spot = |by: f64| of(Terms { spot: terms.spot + by, ..terms }, vol);
        near("delta", got.delta, slope(spot, 0.05), (0.0, 1.5e-4), &terms);
        let curvature = (spot(0.5) - 2.0 * spot(0.0) + spot(-0.5)) / 0.25;
        near("gamma", got.gamma, curvature, (0.005, 2e-5), &terms);
        let theta = -slope(|by| of(Terms { years: terms.years + by, ..terms }, vol), 1e-3) / 365.0;
        near("theta", got.theta_per_day, theta, (0.01, 1e-4), &terms);
        let vega = slope(|by| of(terms, vol + by), 1e-3) / 100.0;
        near("vega", got.vega_per_point, vega, (1e-3, 1e-6), &terms);
        let rho = slope(|by| of(Terms { rate: terms.rate + by, ..terms }, vol), 5e-4) / 100.0;
        near("rho", got.rho_per_point, rho, (1e-3, 2e-6), &terms);
    }
    assert!(alive >= 45, "{alive} of 50 are not exercised at once");
}

fn exercised(kind: Kind) -> Greeks {
    Greeks { delta: kind.sign(), gamma: 0.0, theta_per_day: 0.0, vega_per_point: 0.0, rho_per_point: 0.0 }
}

#[test]
fn deep_in_the_money_it_is_the_underlying() {
    let put = Terms { kind: Kind::Put, spot: 40.0, strike: 100.0, years: 0.2, rate: 0.05, yield_: 0.0 };
    assert_eq!(greeks(&put, 0.3).unwrap(), exercised(Kind::Put));
    let call = Terms { kind: Kind::Call, spot: 200.0, strike: 100.0, rate: 0.01, yield_: 0.06, ..put };
    assert_eq!(greeks(&call, 0.3).unwrap(), exercised(Kind::Call));
}

#[test]
fn next_to_the_boundary_gamma_is_its_limit_and_theta_vanishes() {
    for (years, vol, rate, yield_) in [(0.5, 0.3, 0.045, 0.0), (0.08, 0.25, 0.045, 0.015), (2.0, 0.2, 0.03, 0.05)] {
        let put = Terms { kind: Kind::Put, spot: 100.0, strike: 100.0, years, rate, yield_ };
        let exercised = boundary(&put, vol).unwrap().unwrap();
        // The Black–Scholes equation with the value and slope of exercise and no theta.
        let limit = 2.0 * (rate * put.strike - yield_ * exercised) / (vol * vol * exercised * exercised);
        for away in [1.00001, 1.0003, 1.001] {
            let got = greeks(&Terms { spot: exercised * away, ..put }, vol).unwrap();
            assert!((got.gamma / limit - 1.0).abs() < 0.08, "{away} of {exercised}: {got:?}, gamma not {limit}");
            assert!((-3e-4..=0.0).contains(&got.theta_per_day), "{away} of {exercised}: {got:?}");
        }
    }
}

#[test]
fn rho_at_rates_where_the_engine_changes_its_ways() {
    // At r = q the boundary's start has a kink; at r = 0 a put stops being exercised early; below, with q < r, it is
    // refused, and the slope is one-sided.
    for (rate, yield_) in [(0.03, 0.03), (0.0, 0.02), (0.0, -0.02), (0.00005, 0.02)] {
        let put = Terms { kind: Kind::Put, spot: 100.0, strike: 100.0, years: 1.0, rate, yield_ };
        let rho = greeks(&put, 0.3).unwrap().rho_per_point;
        assert!((-0.6..-0.15).contains(&rho), "{rate} {yield_}: {rho}");
    }
}
