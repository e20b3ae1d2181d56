//! Prices and implied volatilities against a high-precision reference (QuantLib 1.44, `QdFpAmericanEngine`).

use fleet_pricing::american::{boundary, bounds, implied_vol, price};
use fleet_pricing::{Kind, Refused, Terms, black};

use crate::files::{rows, shared};

/// Dollars, at spot 100. The target is .002; more than this is a change for the worse.
const PRICE: f64 = 0.0005;
/// Of the volatility, where the price tells it.
const VOL: f64 = 2e-4;
const ROUND_TRIP: f64 = 1e-6;

struct Row {
    terms: Terms,
    vol: f64,
    price: f64,
}

fn row(cells: &[f64]) -> Row {
    let [years, strike, vol, rate, yield_, is_call, price] = *cells else { panic!("{cells:?}") };
    let kind = if is_call == 1.0 { Kind::Call } else { Kind::Put };
    Row { terms: Terms { kind, spot: 100.0, strike, years, rate, yield_ }, vol, price }
}

/// Dollars per 1.00 of volatility.
fn vega(terms: &Terms, vol: f64) -> f64 {
    (price(terms, vol + 1e-4).expect("a price") - price(terms, vol - 1e-4).expect("a price")) / 2e-4
}

/// Prices within the tolerance; volatilities of prices that tell them. How many did.
fn check(table: &[Vec<f64>]) -> usize {
    let mut told = 0;
    for cells in table {
        let Row { terms, vol, price: wanted } = row(cells);
        let got = price(&terms, vol).expect("a price");
        assert!((got - wanted).abs() <= PRICE, "{terms:?} at {vol}: {got}, not {wanted}");
        if wanted - terms.intrinsic() < 0.01 || vega(&terms, vol) < 0.02 {
            continue;
        }
        told += 1;
        let of = |price: f64| {
            implied_vol(&terms, price, 0.0).expect("no refusal").unwrap_or_else(|| panic!("{terms:?}: {price}"))
        };
        assert!((of(wanted) - vol).abs() <= VOL, "{terms:?}: {} of the reference's price, not {vol}", of(wanted));
        assert!((of(got) - vol).abs() <= ROUND_TRIP, "{terms:?}: {} of its own price, not {vol}", of(got));
    }
    told
}

#[test]
fn our_own_small_grid() {
    let table = rows(include_str!("../golden/american.csv"));
    assert_eq!(table.len(), 37);
    assert!(check(&table) >= 20);
}

#[test]
fn the_whole_reference_grid() {
    let Some(table) = shared("reference/american-grid.csv") else { return };
    assert_eq!(table.len(), 1728);
    assert!(check(&table) >= 1300);
}

/// QuantLib's values where the boundary moves in a small part of the time only, and where volatility is wild.
#[test]
fn far_from_markets() {
    #[rustfmt::skip]
    let table = [
        [1.0, 100.0, 0.01, 0.08, 0.0, 0.022985, 0.001],
        [1.0, 100.0, 0.02, 0.08, 0.0, 0.091855, 0.001],
        [1.0, 100.0, 0.02, 0.3, 0.05, 0.029414, 0.001],
        [1.0, 100.0, 0.05, 0.08, 0.0, 0.559728, 0.001],
        [1.0, 100.0, 5.0, 0.3, 0.05, 88.766652, 0.02],
        [3.0, 100.0, 0.01, 0.05, 0.1, 11.988976, 0.001],
        [3.0, 100.0, 0.02, 0.08, 0.0, 0.091855, 0.001],
        [3.0, 100.0, 0.05, 0.3, 0.05, 0.183300, 0.001],
        [3.0, 100.0, 2.0, 0.05, 0.1, 85.064781, 0.02],
        [3.0, 100.0, 5.0, 0.3, 0.05, 89.274862, 0.02],
        [10.0, 100.0, 0.01, 0.3, 0.05, 0.007357, 0.001],
        [10.0, 100.0, 0.02, 0.05, 0.1, 23.865140, 0.001],
        [10.0, 100.0, 0.05, 0.02, 0.3, 76.976659, 0.001],
    ];
    for [years, strike, vol, rate, yield_, wanted, tolerance] in table {
        let got = price(&Terms { kind: Kind::Put, spot: 100.0, strike, years, rate, yield_ }, vol).unwrap();
        assert!((got - wanted).abs() <= tolerance, "{strike} {years} {vol} {rate} {yield_}: {got}, not {wanted}");
    }
}

fn terms(kind: Kind, rate: f64, yield_: f64) -> Terms {
    Terms { kind, spot: 100.0, strike: 95.0, years: 0.7, rate, yield_ }
}

#[test]
fn where_waiting_costs_nothing_the_price_is_european() {
    for terms in [
        terms(Kind::Call, 0.045, 0.0),
        terms(Kind::Call, 0.01, -0.02),
        terms(Kind::Put, 0.0, 0.02),
        terms(Kind::Put, -0.02, -0.01),
    ] {
        assert_eq!(price(&terms, 0.3), black::price(&terms, 0.3), "{terms:?}");
        assert_eq!(boundary(&terms, 0.3), Ok(None));
    }
}

#[test]
fn a_put_without_interest_is_exercised_early_where_the_underlying_costs_to_hold() {
    let put = terms(Kind::Put, 0.0, -0.03);
    let premium = price(&put, 0.3).unwrap() - black::price(&put, 0.3).unwrap();
    assert!(premium > 0.01, "{premium}");
    let nearly = Terms { rate: 1e-7, ..put };
    assert!((price(&nearly, 0.3).unwrap() - price(&put, 0.3).unwrap()).abs() < 1e-4);
}

#[test]
fn two_boundaries_are_refused() {
    let refused = |terms: Terms| matches!(price(&terms, 0.3), Err(Refused::TwoBoundaries { .. }));
    assert!(refused(terms(Kind::Put, -0.01, -0.03)));
    assert!(refused(terms(Kind::Call, -0.03, -0.01)));
    assert!(!refused(terms(Kind::Put, 0.0, -0.03)));
    assert!(!refused(terms(Kind::Call, -0.01, -0.01)));
}

#[test]
fn the_boundary_is_where_price_and_exercise_meet() {
    for kind in [Kind::Put, Kind::Call] {
        let terms = Terms { strike: 100.0, ..terms(kind, 0.04, 0.05) };
        let spot = boundary(&terms, 0.3).unwrap().unwrap();
        let beyond = Terms { spot: spot - kind.sign() * -0.01, ..terms };
        assert_eq!(price(&beyond, 0.3).unwrap(), beyond.intrinsic(), "{kind:?} exercised beyond {spot}");
        let before = Terms { spot: spot - kind.sign(), ..terms };
        let premium = price(&before, 0.3).unwrap() - before.intrinsic();
        assert!((1e-4..0.1).contains(&premium), "{kind:?} before {spot}: {premium}");
    }
}

#[test]
fn no_volatility_at_the_exercise_value_or_outside_the_bounds() {
    let put = Terms { strike: 110.0, ..terms(Kind::Put, 0.045, 0.0) };
    assert_eq!(bounds(&put).unwrap().lower, 10.0);
    assert_eq!(implied_vol(&put, 10.01, 0.01), Ok(None));
    assert_eq!(implied_vol(&put, 9.0, 0.01), Ok(None));
    assert_eq!(implied_vol(&put, 110.0, 0.01), Ok(None));
    assert_eq!(implied_vol(&put, f64::NAN, 0.01), Ok(None));
    assert!(implied_vol(&put, 10.05, 0.01).unwrap().is_some_and(|vol| vol < 0.2));
    // The lower bound of a call on a forward above the spot is the discounted one.
    let call = terms(Kind::Call, 0.045, 0.001);
    assert!(bounds(&call).unwrap().lower > 5.0);
}
