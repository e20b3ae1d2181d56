//! Greeks and implied volatilities with cash dividends: against the engine that knows none, and against differences of the
//! price itself.

use fleet_pricing::dividends::{Dividend, DividendsRefused, greeks, implied_vol, price};
use fleet_pricing::{Greeks, Kind, Refused, Terms, american};

fn terms(kind: Kind, strike: f64, years: f64, yield_: f64) -> Terms {
    Terms { kind, spot: 100.0, strike, years, rate: 0.045, yield_ }
}

/// Half a dollar every quarter.
fn quarterly() -> Vec<Dividend> {
    (0..8).map(|i| Dividend { years: 0.1 + 0.25 * f64::from(i), cash: 0.5 }).collect()
}

fn grid() -> impl Iterator<Item = (Terms, f64)> {
    [Kind::Put, Kind::Call].into_iter().flat_map(|kind| {
        [0.1, 0.5, 2.0].into_iter().flat_map(move |years| {
            [(85.0, 0.15), (97.0, 0.3), (100.0, 0.6), (104.0, 0.2), (118.0, 0.4)]
                .map(|(strike, vol)| (terms(kind, strike, years, 0.02), vol))
        })
    })
}

/// Relative to the number itself, and a floor where it vanishes.
#[track_caller]
fn near(name: &str, got: f64, wanted: f64, (relative, floor): (f64, f64), case: &(Terms, f64)) {
    assert!((got - wanted).abs() <= relative * wanted.abs() + floor, "{name}: {got}, not {wanted}, of {case:?}");
}

#[test]
fn without_dividends_they_are_those_of_the_engine_that_knows_none() {
    let mut alive = 0;
    for case in grid() {
        let (terms, vol) = case;
        let wanted = american::greeks(&terms, vol).unwrap();
        let got = greeks(&terms, vol, &[]).unwrap();
        if wanted.gamma == 0.0 {
            continue;
        }
        alive += 1;
        near("delta", got.delta, wanted.delta, (0.0, 2e-3), &case);
        near("gamma", got.gamma, wanted.gamma, (0.02, 5e-4), &case);
        near("theta", got.theta_per_day, wanted.theta_per_day, (0.02, 5e-4), &case);
        near("vega", got.vega_per_point, wanted.vega_per_point, (0.01, 1e-3), &case);
        near("rho", got.rho_per_point, wanted.rho_per_point, (0.01, 2e-3), &case);
    }
    assert!(alive >= 27, "{alive} of 30 are not exercised at once");
}

#[test]
fn with_dividends_they_are_the_slopes_of_the_price() {
    let dividends = quarterly();
    let sooner = |by: f64| -> Vec<Dividend> {
        dividends.iter().map(|dividend| Dividend { years: dividend.years + by, ..*dividend }).collect()
    };
    for case in grid() {
        let (terms, vol) = case;
        let of = |terms: Terms, vol: f64, dividends: &[Dividend]| price(&terms, vol, dividends).unwrap().price;
        let got = greeks(&terms, vol, &dividends).unwrap();
        if got.gamma == 0.0 {
            assert_eq!(of(terms, vol, &dividends), terms.intrinsic());
            continue;
        }
        let slope = |f: &dyn Fn(f64) -> f64, step: f64| (f(step) - f(-step)) / (2.0 * step);
        let spot = |by: f64| of(Terms { spot: terms.spot + by, ..terms }, vol, &dividends);
        near("delta", got.delta, slope(&spot, 0.5), (0.0, 3e-3), &case);
        let theta = -slope(&|by| of(Terms { years: terms.years + by, ..terms }, vol, &sooner(by)), 4e-3) / 365.0;
        near("theta", got.theta_per_day, theta, (0.05, 1e-3), &case);
        let vega = slope(&|by| of(terms, vol + by, &dividends), 0.005) / 100.0;
        near("vega", got.vega_per_point, vega, (0.02, 2e-3), &case);
        let rho = slope(&|by| of(Terms { rate: terms.rate + by, ..terms }, vol, &dividends), 2e-3) / 100.0;
        near("rho", got.rho_per_point, rho, (0.02, 2e-3), &case);
    }
}

#[test]
fn a_price_gives_its_volatility_back() {
    let dividends = quarterly();
    let mut told = 0;
    for (terms, vol) in grid() {
        let valued = price(&terms, vol, &dividends).unwrap();
        let Some(implied) = implied_vol(&terms, valued.price, 0.01, &dividends).unwrap() else {
            assert!(valued.price <= terms.intrinsic() + 0.01, "{terms:?} {vol}: {valued:?}");
            continue;
        };
        told += 1;
        assert!((implied - vol).abs() < 2e-6, "{terms:?}: {implied}, not {vol}");
    }
    assert!(told >= 26, "{told} of 30");
}

#[test]
fn what_tells_no_volatility_has_none() {
    let put = terms(Kind::Put, 110.0, 0.5, 0.0);
    let dividends = quarterly();
    for price in [9.0, 10.0, 10.01, 110.0, f64::NAN] {
        assert_eq!(implied_vol(&put, price, 0.01, &dividends), Ok(None), "{price}");
    }
    assert_eq!(implied_vol(&Terms { years: 0.0, ..put }, 12.0, 0.01, &dividends), Ok(None));
    let bad = [Dividend { years: 0.1, cash: -1.0 }];
    assert!(matches!(implied_vol(&put, 12.0, 0.0, &bad), Err(DividendsRefused::Dividend { index: 0, .. })));
    assert_eq!(greeks(&Terms { years: 0.0, ..put }, 0.3, &dividends), Err(DividendsRefused::Option(Refused::Expired)));
}

#[test]
fn deep_in_the_money_after_the_last_dividend_it_is_exercised() {
    let put = Terms { spot: 40.0, ..terms(Kind::Put, 100.0, 0.5, 0.0) };
    let exercised = Greeks { delta: -1.0, gamma: 0.0, theta_per_day: 0.0, vega_per_point: 0.0, rho_per_point: 0.0 };
    assert_eq!(greeks(&put, 0.3, &[]), Ok(exercised));
    // With a large dividend ahead it is worth waiting for.
    let ahead = greeks(&put, 0.3, &[Dividend { years: 0.02, cash: 4.0 }]).unwrap();
    assert!(ahead.theta_per_day > 0.0, "{ahead:?}");
}
