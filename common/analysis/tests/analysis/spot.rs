//! Spot, forwards, volatility and delta read back from prices that were made from known ones.

use fleet_analysis::{analyse, analyse_explained};
use fleet_core::domain::*;
use jiff::ToSpan;

use crate::world::*;

#[test]
fn parity_finds_the_spot_the_prices_were_made_from() {
    let finding = analyse(&completed(), &config());
    let provenance = &finding.provenance;
    assert_eq!(provenance.spot_source, SpotSource::Implied);
    assert!((provenance.spot.unwrap() - SPOT).abs() < 0.02, "{:?}", provenance.spot);
    assert!(provenance.spot_gap.unwrap().abs() < 2e-4);
    for (expiration, forward) in &provenance.forwards {
        let years = calendar::years_to_settlement(as_of(), &symbol("XYZ", *expiration, OptionKind::Call, 100)).unwrap();
        assert!((forward - SPOT * (RATE * years).exp()).abs() < 0.02, "{expiration} {forward}");
    }
    assert_eq!(provenance.forwards.len(), 3);
}

#[test]
fn volatility_and_delta_are_those_the_prices_were_made_from() {
    let (_, explained) = analyse_explained(&completed(), &config());
    let mut seen = 0;
    for e in explained.iter().filter(|e| e.delta.is_some_and(|d| (0.2..0.8).contains(&d.abs()))) {
        // The prices are European ones: as prices of American puts they tell less volatility, by what early exercise
        // is worth. A call without dividends is never exercised early.
        let puts_lose = match e.quote.symbol.kind {
            OptionKind::Call => 0.0,
            OptionKind::Put => 0.02,
        };
        let iv = e.iv.unwrap();
        assert!(iv < 0.305 && iv > 0.295 - puts_lose, "{:?} {iv}", e.quote.symbol);
        seen += 1;
    }
    assert!(seen > 20);
}

#[test]
fn an_old_vendor_spot_is_flagged_and_not_used() {
    let mut snapshot = completed();
    snapshot.chain.vendor_spot.as_mut().unwrap().price = price(99.0);
    let finding = analyse(&snapshot, &config());
    assert!((finding.provenance.spot.unwrap() - SPOT).abs() < 0.02);
    assert!(finding.provenance.flags.contains(&"spot_not_simultaneous".to_owned()));
}

#[test]
fn without_a_pair_the_vendor_stands_in_only_if_it_is_simultaneous() {
    let mut snapshot = completed();
    for put in snapshot.chain.contracts.iter_mut().filter(|q| q.symbol.kind == OptionKind::Put) {
        put.bid = None;
    }
    let finding = analyse(&snapshot, &config());
    assert_eq!(finding.provenance.spot_source, SpotSource::Vendor);
    assert_eq!(finding.provenance.spot, Some(100.0));
    assert!(finding.provenance.flags.contains(&"yield_assumed".to_owned()));
    for time in [None, Some(as_of() - 61.seconds())] {
        snapshot.chain.vendor_spot.as_mut().unwrap().time = time;
        let finding = analyse(&snapshot, &config());
        assert_eq!(finding.provenance.spot_source, SpotSource::None);
        assert!(finding.funnel.0.contains_key("unknown:spot"), "{:?}", finding.funnel);
    }
}

#[test]
fn one_misprinted_pair_moves_nothing() {
    let mut snapshot = completed();
    let wrong = row(&mut snapshot, &symbol("XYZ", EXPIRATIONS[0], OptionKind::Call, 100));
    wrong.bid = Some(price(9.0));
    wrong.ask = Some(price(9.02));
    let finding = analyse(&snapshot, &config());
    assert!((finding.provenance.spot.unwrap() - SPOT).abs() < 0.02, "{:?}", finding.provenance.spot);
    let forward = finding.provenance.forwards[&EXPIRATIONS[0]];
    assert!((forward - SPOT).abs() < 0.5, "{forward}");
}

#[test]
fn narrow_quotes_weigh_more_than_wide_ones() {
    // Two strikes say 100 with narrow quotes, all others 102 with wide ones.
    let mut snapshot = completed();
    let years = calendar::years_to_settlement(as_of(), &the_call()).unwrap();
    for quote in snapshot.chain.contracts.iter_mut().filter(|q| q.symbol.expiration == EXPIRATIONS[1]) {
        let strike = quote.symbol.strike.dollars();
        if ![95.0, 105.0].contains(&strike) {
            let mid = fair(&quote.symbol, 102.0, as_of());
            quote.bid = Some(price((mid * 0.955 * 100.0).round() / 100.0));
            quote.ask = Some(price((mid * 1.045 * 100.0).round() / 100.0));
        }
    }
    let finding = analyse(&snapshot, &config());
    let forward = finding.provenance.forwards[&EXPIRATIONS[1]];
    assert!((forward - SPOT * (RATE * years).exp()).abs() < 0.05, "{forward}");
}

/// The world's prices are made with 4 %: a curve through 4 % at each expiration is the flat rate, and one that says
/// otherwise at one expiration changes that expiration's forward and no other.
#[test]
fn each_expiration_has_its_own_rate() {
    let forwards = |curve: Vec<[f64; 2]>| {
        let mut config = config();
        config.rates.curve = curve;
        assert_eq!(config.problems(), Vec::<String>::new());
        analyse(&completed(), &config).provenance.forwards
    };
    let flat = forwards(Vec::new());
    assert_eq!(forwards(vec![[1.0, RATE], [300.0, RATE]]), flat);
    // 28, 56 and 119 days; the parity of a pair that is not struck at the forward grows with its own rate.
    let bent = forwards(vec![[60.0, RATE], [119.0, 0.09]]);
    assert_eq!(bent[&EXPIRATIONS[0]], flat[&EXPIRATIONS[0]]);
    assert_eq!(bent[&EXPIRATIONS[1]], flat[&EXPIRATIONS[1]]);
    let years = calendar::years_to_settlement(as_of(), &symbol("XYZ", EXPIRATIONS[2], OptionKind::Call, 100)).unwrap();
    let fair = SPOT * (RATE * years).exp();
    let grown = 0.05 * years * (fair - 100.0);
    let moved = bent[&EXPIRATIONS[2]] - flat[&EXPIRATIONS[2]];
    assert!((moved - grown).abs() < 0.15, "{moved}, not about {grown}");
    assert!(moved != 0.0);
}
