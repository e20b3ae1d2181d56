//! A recorded chain of real quotes, and reference prices: spot, volatilities and parity hold on them. Skipped, aloud,
//! where the files are not beside the repository.

use std::collections::BTreeMap;

use fleet_analysis::{AnalysisConfig, MarketSnapshot, analyse, analyse_explained};
use fleet_core::domain::*;
use jiff::civil::date;

use crate::world;

struct Recorded {
    snapshot: MarketSnapshot,
    vendor_iv: BTreeMap<OccSymbol, f64>,
}

fn russell() -> Option<Recorded> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/captures/cboe/RUT_index_full_chain.json");
    let Ok(text) = std::fs::read_to_string(path) else {
        eprintln!("SKIPPED: the recorded RUT chain is not here");
        return None;
    };
    let body: serde_json::Value = serde_json::from_str(&text).unwrap();
    let at = calendar::at_new_york(date(2023, 9, 20), 16, 15, 4);
    let mut vendor_iv = BTreeMap::new();
    let contracts = body["data"]["options"].as_array().unwrap().iter().map(|row| {
        let symbol = OccSymbol::parse(row["option"].as_str().unwrap()).unwrap();
        let number = |key: &str| row[key].as_f64().unwrap();
        let quoted = |key: &str| Some(number(key)).filter(|p| *p > 0.0).map(world::price);
        vendor_iv.insert(symbol, number("iv"));
        ContractQuote {
            symbol,
            bid: quoted("bid"),
            ask: quoted("ask"),
            last: None,
            volume: Some(number("volume") as u64),
            open_interest: Some(number("open_interest") as u64),
            vendor_iv: None,
        }
    });
    let chain = Chain {
        underlying: Ticker::parse("RUT").unwrap(),
        contracts: contracts.collect(),
        quote_time: Some(at),
        vendor_spot: Some(VendorSpot { price: world::price(1806.1193), time: Some(at) }),
        ..world::chain(100.0, at)
    };
    let snapshot = MarketSnapshot { ticker: chain.underlying.clone(), as_of: at, chain, ..world::snapshot() };
    Some(Recorded { snapshot, vendor_iv })
}

fn quantile(sorted: &[f64], share: f64) -> f64 {
    sorted[((sorted.len() - 1) as f64 * share) as usize]
}

/// The rate of September 2023.
fn config() -> AnalysisConfig {
    let mut config = AnalysisConfig::default();
    config.rates.risk_free = 0.053;
    config
}

#[test]
fn every_recorded_row_is_counted_and_volatility_is_the_vendors() {
    let Some(Recorded { snapshot, vendor_iv }) = russell() else { return };
    let (finding, explained) = analyse_explained(&snapshot, &config());
    assert_eq!(finding.funnel.total(), 6680, "{:?}", finding.funnel);
    assert!(finding.provenance.spot_gap.unwrap().abs() < 0.003, "{:?}", finding.provenance);
    let mut apart: Vec<f64> = explained
        .iter()
        .filter(|e| e.delta.is_some_and(|d| (0.1..0.9).contains(&d.abs())))
        .filter(|e| calendar::dte(snapshot.as_of, e.quote.symbol.expiration) >= 7)
        .filter_map(|e| Some((e.iv?, *vendor_iv.get(&e.quote.symbol)?)))
        .filter(|(_, vendor)| *vendor > 0.0)
        .map(|(ours, vendor)| (ours - vendor).abs())
        .collect();
    apart.sort_by(f64::total_cmp);
    eprintln!("{} volatilities, median {:.5}, p90 {:.5}", apart.len(), quantile(&apart, 0.5), quantile(&apart, 0.9));
    assert!(apart.len() > 1000);
    assert!(quantile(&apart, 0.5) < 0.005 && quantile(&apart, 0.9) < 0.02);
}

#[test]
fn parity_holds_on_pairs_that_had_no_say_in_the_forward() {
    let Some(Recorded { snapshot, .. }) = russell() else { return };
    let even = |symbol: &OccSymbol| (symbol.strike.thousandths() / 5000).is_multiple_of(2);
    let mut half = snapshot.clone();
    half.chain.contracts.retain(|q| even(&q.symbol));
    // One root, so that a date has one forward.
    half.chain.contracts.retain(|q| q.symbol.root.as_str() == "RUTW");
    let forwards = analyse(&half, &config()).provenance.forwards;
    let by_symbol: BTreeMap<OccSymbol, &ContractQuote> =
        snapshot.chain.contracts.iter().map(|q| (q.symbol, q)).collect();
    let (mut inside, mut pairs) = (0, 0);
    for call in snapshot.chain.contracts.iter().filter(|q| q.symbol.kind == OptionKind::Call && !even(&q.symbol)) {
        let put = by_symbol.get(&OccSymbol { kind: OptionKind::Put, ..call.symbol });
        let Some(put) = put.filter(|_| call.symbol.root.as_str() == "RUTW") else { continue };
        let Some(years) = calendar::years_to_settlement(snapshot.as_of, &call.symbol) else { continue };
        let liquid = |q: &ContractQuote| q.spread().zip(q.mid()).is_some_and(|(spread, mid)| spread <= 0.1 * mid);
        let Some(forward) = forwards.get(&call.symbol.expiration) else { continue };
        if !liquid(call) || !liquid(put) {
            continue;
        }
        let gap = call.mid().unwrap()
            - put.mid().unwrap()
            - (-0.053 * years).exp() * (forward - call.symbol.strike.dollars());
        pairs += 1;
        inside += u32::from(gap.abs() <= (call.spread().unwrap() + put.spread().unwrap()) / 2.0);
    }
    eprintln!("parity inside half-spreads: {inside} of {pairs}");
    assert!(pairs > 100 && inside * 100 >= pairs * 95);
}
