//! The ranking, the choices of pricing, and a ticker examined step by step.

use std::sync::Arc;

use fleet_analysis::config::{DividendSource, ExerciseRule, ExpiryInstant, SpotChoice, VolatilityOf};
use fleet_analysis::{AnalysisConfig, Examination, Wanted, analyse, analyse_explained, wanted};
use fleet_core::domain::*;

use crate::world::*;

fn ranking() -> AnalysisConfig {
    let mut config = config();
    config.strategies.oversold_call.enabled = false;
    config.ranking.enabled = true;
    config
}

#[test]
fn every_contract_past_the_gates_has_greeks_and_a_score() {
    let (mut snapshot, config) = (snapshot(), ranking());
    let asked = complete(&mut snapshot, &config);
    assert_eq!(asked.len(), 12, "the most traded ones' bars");
    let (finding, explained) = analyse_explained(&snapshot, &config);
    let ranked: Vec<&ContractExplanation> = explained.iter().filter(|e| e.ranked.is_some()).collect();
    assert_eq!(finding.funnel.0["ranked"], ranked.len() as u64);
    assert!(ranked.len() > 20 && finding.candidates.is_empty(), "{:?}", finding.funnel);
    for e in &ranked {
        let (Ranked { gamma, theta_per_day, vega_per_point, score, .. }, quote) = (e.ranked.unwrap(), &e.quote);
        assert!(gamma > 0.0 && theta_per_day < 0.0 && vega_per_point > 0.0, "{:?}", e.ranked);
        let delta = e.delta.unwrap().abs();
        let naive = (quote.volume.unwrap() as f64).ln_1p() + 0.5 * (quote.open_interest.unwrap() as f64).ln_1p()
            - 4.0 * quote.spread().unwrap() / quote.mid().unwrap()
            + 2.0 * delta * (1.0 - delta)
            + score.technical.unwrap_or(0.0);
        assert!((score.total() - naive).abs() < 1e-9, "{score:?} is not {naive}");
        assert_eq!(score.technical.is_some(), asked.contains(e.symbol()));
    }
    let technicals: Vec<Technicals> = explained.iter().filter_map(|e| e.technicals).collect();
    assert_eq!(technicals.len(), 12);
    let of = |kind| ranked.iter().find(|e| e.symbol().kind == kind && e.technicals.is_some()).unwrap();
    let known = of(OptionKind::Call).technicals.unwrap();
    let turn = if known.macd_histogram.unwrap() > 0.0 { 0.25 } else { -0.25 };
    let tilt = (50.0 - known.rsi.unwrap()) / 25.0 + turn + 0.5 - known.pct_b.unwrap();
    for (kind, wanted) in [(OptionKind::Call, tilt), (OptionKind::Put, -tilt)] {
        assert_eq!(of(kind).ranked.unwrap().score.technical, Some(wanted), "{kind:?}");
    }
}

#[test]
fn a_ranking_beside_a_strategy_changes_no_place() {
    let mut config = config();
    let before = analyse(&completed(), &config);
    config.ranking.enabled = true;
    let mut snapshot = snapshot();
    complete(&mut snapshot, &config);
    let after = analyse(&snapshot, &config);
    assert_eq!((before.funnel, before.candidates), (after.funnel, after.candidates));
}

#[test]
fn without_a_ranking_nothing_is_ranked() {
    let (_, explained) = analyse_explained(&completed(), &config());
    assert!(explained.iter().all(|e| e.ranked.is_none() && e.technicals.is_none()));
}

#[test]
fn the_vendors_spot_and_yield_price_where_they_are_asked_for() {
    let mut config = ranking();
    config.pricing.spot = SpotChoice::Vendor;
    config.pricing.dividends = DividendSource::Vendor;
    let mut snapshot = completed();
    snapshot.chain.vendor_spot = Some(VendorSpot { price: price(101.0), time: None });
    snapshot.chain.vendor_yield = Some(0.02);
    let finding = analyse(&snapshot, &config);
    let provenance = &finding.provenance;
    assert_eq!((provenance.spot, provenance.spot_source), (Some(101.0), SpotSource::Vendor));
    assert!(provenance.spot_gap.is_none() && provenance.forwards.is_empty(), "{provenance:?}");
    assert!(!provenance.flags.contains(&"yield_assumed".to_owned()));
    snapshot.chain.vendor_yield = None;
    assert!(analyse(&snapshot, &config).provenance.flags.contains(&"yield_assumed".to_owned()));
    snapshot.chain.vendor_spot = None;
    assert_eq!(analyse(&snapshot, &config).provenance.spot, None);
    config.pricing.dividends = DividendSource::Implied;
    snapshot.chain.vendor_spot = Some(VendorSpot { price: price(110.0), time: None });
    assert!(matches!(analyse(&snapshot, &config).answer, Answer::Skipped(SkipReason::SpotGap { .. })));
}

#[test]
fn bounds_ticks_and_expiry_follow_the_configuration() {
    let iv = |config: &AnalysisConfig, bid: f64, ask: f64| {
        let mut snapshot = completed();
        let deep = symbol("XYZ", the_call().expiration, OptionKind::Put, 130);
        let quote = row(&mut snapshot, &deep);
        (quote.bid, quote.ask) = (Some(price(bid)), Some(price(ask)));
        let (_, explained) = analyse_explained(&snapshot, config);
        explained.into_iter().find(|e| *e.symbol() == deep).unwrap().iv
    };
    // Below what exercising at once would bring, above the European bound.
    let config = config();
    assert_eq!(iv(&config, 29.80, 30.00), None);
    let mut european = config.clone();
    european.pricing.exercise = ExerciseRule::European;
    assert!(iv(&european, 29.80, 30.00).is_some());
    // Half a tick above the bound.
    assert_eq!(iv(&config, 29.90, 30.11), None);
    let mut exact = config.clone();
    exact.pricing.min_time_value_ticks = 0.0;
    assert!(iv(&exact, 29.90, 30.11).is_some());
    let mut late = config.clone();
    late.pricing.expiry = ExpiryInstant::Utc { hour: 23, minute: 59 };
    assert!(iv(&late, 30.50, 30.90) < iv(&config, 30.50, 30.90), "more time, less volatility");
}

#[test]
fn a_ticker_examined_step_by_step_has_the_same_answer() {
    for config in [config(), ranking(), AnalysisConfig::default()] {
        let mut whole = snapshot();
        complete(&mut whole, &config);
        let mut examination = Examination::begin(snapshot(), Arc::new(config.clone()));
        let mut so_far = snapshot();
        loop {
            let next = examination.wanted();
            assert_eq!(next, wanted(&so_far, &config));
            match next {
                Wanted::Nothing => break,
                Wanted::UnderlyingBars => {
                    so_far.underlying_bars.clone_from(&whole.underlying_bars);
                    examination.add(whole.underlying_bars.clone().unwrap());
                }
                Wanted::ContractBars(symbols) => {
                    for symbol in symbols {
                        so_far.contract_bars.insert(symbol, whole.contract_bars[&symbol].clone());
                        examination.add(whole.contract_bars[&symbol].clone());
                    }
                }
            }
        }
        assert_eq!(examination.finish(), analyse_explained(&whole, &config));
    }
}

#[test]
fn volatilities_of_stopped_contracts_are_left_out_where_nobody_asks_for_them() {
    let mut config = config();
    let mut snapshot = completed();
    row(&mut snapshot, &the_call()).volume = Some(0);
    let (finding, all) = analyse_explained(&snapshot, &config);
    config.pricing.volatility_of = VolatilityOf::Traded;
    let (same, fewer) = analyse_explained(&snapshot, &config);
    // What is read across strikes and expirations is then read of fewer contracts.
    assert_eq!(without_metrics(finding), without_metrics(same));
    let iv = |of: &[ContractExplanation]| of.iter().find(|e| *e.symbol() == the_call()).unwrap().iv;
    assert!(iv(&all).is_some() && iv(&fewer).is_none());
}

fn without_metrics(mut finding: Finding) -> Finding {
    (finding.summary, finding.metrics) = (None, None);
    finding.candidates.iter_mut().for_each(|candidate| candidate.metrics = None);
    finding
}
