//! Cash dividends against QuantLib's finite differences (`scripts/reference-dividends`), and against the engine that
//! knows none.

use fleet_pricing::dividends::{Dividend, DividendsRefused, MOST, price};
use fleet_pricing::{Kind, Refused, Terms, american};
use proptest::prelude::*;

use crate::files::rows;

/// Dollars, at spot 100.
const CENT: f64 = 0.01;

fn put() -> Terms {
    Terms { kind: Kind::Put, spot: 100.0, strike: 100.0, years: 0.5, rate: 0.045, yield_: 0.0 }
}

#[test]
fn every_reference_value_within_a_cent() {
    let table = rows(include_str!("../golden/dividends.csv"));
    assert_eq!(table.len(), 210);
    for row in table {
        let [days, strike, vol, rate, first_day, cash, is_call, wanted] = row[..] else { panic!("{row:?}") };
        let kind = if is_call == 1.0 { Kind::Call } else { Kind::Put };
        let terms = Terms { kind, spot: 100.0, strike, years: days / 365.0, rate, yield_: 0.0 };
        let dividends: Vec<Dividend> = (0..8)
            .map(|i| first_day + 91.0 * f64::from(i))
            .filter(|day| *day < days)
            .map(|day| Dividend { years: day / 365.0, cash })
            .collect();
        let got = price(&terms, vol, &dividends).unwrap().price;
        assert!((got - wanted).abs() <= CENT, "{terms:?} {vol} {dividends:?}: {got}, not {wanted}");
    }
}

#[test]
fn without_dividends_it_is_the_engine_that_knows_none() {
    for kind in [Kind::Put, Kind::Call] {
        for (strike, years, vol, yield_) in
            [(100.0, 0.5, 0.3, 0.0), (90.0, 1.0, 0.2, 0.05), (120.0, 2.0, 0.5, 0.02), (105.0, 0.05, 0.6, 0.0)]
        {
            let terms = Terms { kind, strike, years, yield_, ..put() };
            let got = price(&terms, vol, &[]).unwrap();
            let wanted = american::price(&terms, vol).unwrap();
            let greeks = american::greeks(&terms, vol).unwrap();
            assert!((got.price - wanted).abs() <= CENT, "{terms:?}: {got:?}, not {wanted}");
            assert!(
                (got.delta - greeks.delta).abs() < 2e-3 && (got.gamma - greeks.gamma).abs() < 5e-4,
                "{got:?} {greeks:?}"
            );
        }
    }
}

#[test]
fn a_dividend_after_settlement_or_before_now_changes_nothing() {
    let none = price(&put(), 0.3, &[]);
    let outside =
        [Dividend { years: 0.5, cash: 3.0 }, Dividend { years: -0.1, cash: 3.0 }, Dividend { years: 0.2, cash: 0.0 }];
    assert_eq!(price(&put(), 0.3, &outside), none);
}

#[test]
fn the_order_of_dividends_does_not_matter() {
    let [a, b] = [Dividend { years: 0.1, cash: 1.0 }, Dividend { years: 0.4, cash: 2.0 }];
    assert_eq!(price(&put(), 0.3, &[a, b]), price(&put(), 0.3, &[b, a]));
}

#[test]
fn puts_gain_by_dividends_and_calls_lose() {
    let paid = [Dividend { years: 0.25, cash: 2.0 }];
    let by = |kind| {
        let terms = Terms { kind, ..put() };
        price(&terms, 0.3, &paid).unwrap().price - price(&terms, 0.3, &[]).unwrap().price
    };
    assert!((0.5..2.0).contains(&by(Kind::Put)), "{}", by(Kind::Put));
    assert!((-2.0..-0.5).contains(&by(Kind::Call)), "{}", by(Kind::Call));
}

#[test]
fn what_is_no_dividend_is_refused() {
    let bad = Dividend { years: 0.1, cash: -1.0 };
    assert_eq!(price(&put(), 0.3, &[bad]), Err(DividendsRefused::Dividend { index: 0, dividend: bad }));
    let nan = Dividend { years: f64::NAN, cash: 1.0 };
    assert!(matches!(price(&put(), 0.3, &[nan]), Err(DividendsRefused::Dividend { .. })));
    let many = [Dividend { years: 0.1, cash: 0.1 }; MOST + 1];
    assert_eq!(price(&put(), 0.3, &many), Err(DividendsRefused::TooMany { count: MOST + 1 }));
    let two = Terms { rate: -0.02, yield_: -0.05, ..put() };
    assert!(matches!(price(&two, 0.3, &[]), Err(DividendsRefused::Option(Refused::TwoBoundaries { .. }))));
}

#[test]
fn nothing_left_is_the_intrinsic_value() {
    let terms = Terms { years: 0.0, strike: 104.0, ..put() };
    let valued = price(&terms, 0.3, &[]).unwrap();
    assert_eq!((valued.price, valued.delta), (4.0, -1.0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn whatever_is_let_in_comes_out_finite_and_inside_its_bounds(
        put in any::<bool>(),
        (spot, ratio) in (-7.0..14.0_f64, -4.0..4.0_f64),
        years in 0.0..30.0_f64,
        (rate, yield_) in (-0.05..3.0_f64, -0.05..3.0_f64),
        vol in -9.0..2.3_f64,
        paid in prop::collection::vec((-1.0..31.0_f64, 0.0..1.5_f64), 0..6),
    ) {
        let (spot, kind) = (spot.exp(), if put { Kind::Put } else { Kind::Call });
        let terms = Terms { kind, spot, strike: (spot * ratio.exp()).max(1e-4), years, rate, yield_ };
        let dividends: Vec<Dividend> = paid.iter().map(|(years, part)| Dividend { years: *years, cash: part * spot }).collect();
        match price(&terms, vol.exp().max(1e-4), &dividends) {
            Ok(valued) => {
                let bounds = american::bounds(&terms).unwrap();
                prop_assert!(valued.price >= terms.intrinsic() && valued.price <= bounds.upper, "{valued:?}");
                prop_assert!(valued.delta.is_finite() && valued.gamma.is_finite(), "{valued:?}");
            }
            Err(refused) => {
                let two = matches!(refused, DividendsRefused::Option(Refused::TwoBoundaries { .. }));
                prop_assert!(two, "{refused}");
            }
        }
    }
}
