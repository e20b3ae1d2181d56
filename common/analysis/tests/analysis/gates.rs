//! Every gate, by one change to a world in which everything passes.

use fleet_analysis::{AnalysisConfig, MarketSnapshot, analyse_explained};
use fleet_core::domain::*;
use jiff::ToSpan;

use crate::world::*;

/// Changes one row (the call of the signal tests) and says where it leaves the funnel.
fn check(change: impl Fn(&mut ContractQuote), wanted: &str) {
    check_with(&config(), |snapshot| change(row(snapshot, &the_call())), wanted);
}

fn check_with(config: &AnalysisConfig, change: impl Fn(&mut MarketSnapshot), wanted: &str) {
    let mut snapshot = completed();
    change(&mut snapshot);
    let (finding, explained) = analyse_explained(&snapshot, config);
    let place = explained.iter().find(|e| e.quote.symbol == the_call()).map(|e| e.place.as_ref());
    assert_eq!(place, Some(wanted));
    assert_eq!(finding.funnel.total(), snapshot.chain.rows() as u64);
}

#[test]
fn quotes() {
    check(|_| {}, "candidate");
    check(|q| q.bid = None, "gate:bid");
    check(|q| q.bid = Some(price(0.09)), "gate:bid");
    let at_the_limit = |q: &mut ContractQuote| {
        q.bid = Some(price(0.10));
        q.ask = Some(price(0.30));
    };
    check(at_the_limit, "gate:spread");
    check(|q| q.ask = None, "gate:ask");
    check(|q| q.ask = Some(Price::ZERO), "gate:ask");
    check(|q| std::mem::swap(&mut q.bid, &mut q.ask), "gate:crossed");
    check(|q| q.ask = q.bid, "gate:locked");
}

#[test]
fn spread_is_exact_at_its_limit() {
    // 1.90 × 2.10: exactly 10 % of mid. A cent more is too wide.
    let wide = |ask: f64| {
        move |q: &mut ContractQuote| {
            q.bid = Some(price(1.90));
            q.ask = Some(price(ask));
        }
    };
    check(wide(2.11), "gate:spread");
    let mut at_the_limit = quote(the_call(), SPOT, as_of());
    wide(2.10)(&mut at_the_limit);
    assert!(fleet_analysis::gates::spread_passes(&at_the_limit, &AnalysisConfig::default().gates));
    // Five cents always pass.
    at_the_limit.bid = Some(price(0.10));
    at_the_limit.ask = Some(price(0.15));
    assert!(fleet_analysis::gates::spread_passes(&at_the_limit, &AnalysisConfig::default().gates));
    at_the_limit.ask = Some(price(0.1501));
    assert!(!fleet_analysis::gates::spread_passes(&at_the_limit, &AnalysisConfig::default().gates));
}

#[test]
fn interest_and_volume() {
    check(|q| q.open_interest = Some(99), "gate:open_interest");
    check(|q| q.open_interest = Some(100), "candidate");
    check(|q| q.open_interest = None, "unknown:open_interest");
    check(|q| q.volume = Some(9), "gate:volume");
    check(|q| q.volume = Some(0), "gate:volume");
    check(|q| q.volume = None, "unknown:volume");
}

#[test]
fn a_chain_of_zero_interest_has_unknown_interest() {
    let zero = |share: usize| {
        move |s: &mut MarketSnapshot| {
            let n = s.chain.contracts.len();
            s.chain.contracts.iter_mut().take(n * share / 100).for_each(|q| q.open_interest = Some(0));
        }
    };
    check_with(&config(), zero(100), "unknown:open_interest");
    check_with(&config(), zero(50), "candidate");
    let mut snapshot = completed();
    zero(100)(&mut snapshot);
    let finding = fleet_analysis::analyse(&snapshot, &config());
    assert!(finding.provenance.flags.contains(&"unknown_oi".to_owned()));
}

#[test]
fn bounds_and_volatility() {
    // Spot 100, strike 105: nothing but time value. A call dearer than the stock breaks the upper bound.
    let at = |bid: f64, ask: f64| {
        move |q: &mut ContractQuote| {
            q.bid = Some(price(bid));
            q.ask = Some(price(ask));
        }
    };
    check(at(101.0, 102.0), "gate:bounds");
    let mut alone = config();
    alone.gates.across_strikes = false;
    let check_alone = |bid, ask, wanted| check_with(&alone, |s| at(bid, ask)(row(s, &the_call())), wanted);
    check_alone(60.0, 61.0, "gate:iv");
    check_alone(99.9, 100.2, "unknown:iv");
    let deep = symbol("XYZ", EXPIRATIONS[1], OptionKind::Call, 70);
    let mut snapshot = completed();
    at(29.0, 29.5)(row(&mut snapshot, &deep));
    let (_, explained) = analyse_explained(&snapshot, &config());
    let place = explained.iter().find(|e| e.quote.symbol == deep).unwrap();
    assert_eq!(place.place, "gate:bounds", "worth 30 at once");
    assert_eq!(place.gate.as_ref().unwrap().value, Some(29.5));
}

#[test]
fn a_misprint_is_told_by_the_strikes_around_it() {
    // The call between 100 and 110 is fair at about 3.2, those at about 5.4 and 1.8.
    let dearer = |by: f64| {
        move |q: &mut ContractQuote| {
            let moved = |side: Option<Price>| side.map(|p| price(p.dollars() + by));
            (q.bid, q.ask) = (moved(q.bid), moved(q.ask));
        }
    };
    check(dearer(0.10), "candidate");
    check(dearer(1.00), "gate:butterfly");
    check(dearer(8.00), "gate:monotonicity");
    // Its neighbours are not blamed.
    let mut snapshot = completed();
    dearer(8.00)(row(&mut snapshot, &the_call()));
    let (finding, explained) = analyse_explained(&snapshot, &config());
    assert_eq!(finding.funnel.0.get("gate:monotonicity"), Some(&1), "{:?}", finding.funnel);
    let told = explained.iter().find(|e| *e.symbol() == the_call()).unwrap();
    assert!(told.gate.as_ref().is_some_and(|gate| gate.name == "bid" && gate.verdict == Verdict::Fail), "{told:?}");
    assert_eq!(told.model.map(|model| model.exercise), Some(ExerciseModel::American));
}

#[test]
fn duplicates() {
    let copy = |differ: bool| {
        move |s: &mut MarketSnapshot| {
            let mut again = s.chain.contracts.iter().find(|q| q.symbol == the_call()).unwrap().clone();
            if differ {
                again.volume = Some(101);
            }
            s.chain.contracts.push(again);
        }
    };
    check_with(&config(), copy(false), "candidate");
    check_with(&config(), copy(true), "refused:duplicate");
    let count = |differ| {
        let mut snapshot = completed();
        copy(differ)(&mut snapshot);
        fleet_analysis::analyse(&snapshot, &config()).funnel.0.get("refused:duplicate").copied()
    };
    assert_eq!(count(false), Some(1));
    assert_eq!(count(true), Some(2));
}

#[test]
fn adjusted_and_expired_contracts() {
    let odd = symbol("XYZ1", EXPIRATIONS[1], OptionKind::Call, 105);
    let gone = symbol("XYZ", jiff::civil::date(2026, 11, 19), OptionKind::Call, 105);
    // The calendar ends with 2035: it does not know when this one settles, and does not call it expired.
    let far = symbol("XYZ", jiff::civil::date(2036, 1, 18), OptionKind::Call, 105);
    for (symbol, place) in [(odd, "gate:deliverable"), (gone, "gate:expired"), (far, "unknown:settlement")] {
        let mut snapshot = completed();
        snapshot.chain.contracts.push(ContractQuote { symbol, ..quote(the_call(), SPOT, as_of()) });
        let (_, explained) = analyse_explained(&snapshot, &config());
        assert_eq!(explained.last().unwrap().place, place);
    }
}

#[test]
fn quotes_at_the_limit_of_their_age_are_fresh() {
    for secs in [1200, -120] {
        check_with(&config(), |s| s.chain.quote_time = Some(as_of() - i64::from(secs).seconds()), "candidate");
    }
}

#[test]
fn whole_tickers_are_set_aside_with_their_reason() {
    let skip = |change: &dyn Fn(&mut MarketSnapshot)| {
        let mut snapshot = snapshot();
        change(&mut snapshot);
        complete(&mut snapshot, &config());
        let finding = fleet_analysis::analyse(&snapshot, &config());
        assert_eq!(finding.funnel.total(), snapshot.chain.rows() as u64);
        assert!(finding.funnel.0.keys().all(|place| place.starts_with("skip:")), "{:?}", finding.funnel);
        let Answer::Skipped(reason) = finding.answer else { panic!("{:?} was analysed", finding.funnel) };
        reason
    };
    let aged = |secs: i64| move |s: &mut MarketSnapshot| s.chain.quote_time = Some(as_of() - secs.seconds());
    assert_eq!(skip(&|s| s.chain.contracts.clear()), SkipReason::NoOptions);
    assert_eq!(skip(&|s| s.chain.quote_time = None), SkipReason::UndatedQuotes);
    assert_eq!(skip(&aged(1201)), SkipReason::StaleQuotes { age_secs: 1201, limit_secs: 1200 });
    assert_eq!(skip(&aged(-121)), SkipReason::StaleQuotes { age_secs: -121, limit_secs: 1200 });
    assert!(matches!(skip(&|s| s.chain.vendor_spot.as_mut().unwrap().price = price(97.5)),
        SkipReason::SpotGap { gap } if (gap - (100.0 / 97.5 - 1.0)).abs() < 1e-3));
    let thin = skip(&|s| {
        let instrument = Instrument::Underlying(s.ticker.clone());
        s.underlying_bars = Some(series(instrument, jiff::civil::date(2026, 11, 20), &[100.0; 35], 1));
    });
    assert_eq!(thin, SkipReason::ThinUnderlying { bars: 35, needed: 36 });
    let rising = skip(&|s| {
        let closes: Vec<f64> = (0..260).map(|i| 50.0 + 0.2 * f64::from(i)).collect();
        let instrument = Instrument::Underlying(s.ticker.clone());
        s.underlying_bars = Some(series(instrument, jiff::civil::date(2026, 11, 20), &closes, 1));
    });
    assert!(matches!(rising, SkipReason::UnderlyingPreGate { check } if check.value == Some(100.0)));
    let old = skip(&|s| {
        let instrument = Instrument::Underlying(s.ticker.clone());
        s.underlying_bars = Some(series(instrument, jiff::civil::date(2026, 11, 17), &underlying_closes(), 1));
    });
    assert!(matches!(old, SkipReason::UnderlyingPreGate { check } if check.verdict == Verdict::Unknown));
}

/// Moves every contract of the call's expiration to another date.
fn check_date(to: jiff::civil::Date, wanted: &str) {
    let mut snapshot = completed();
    let bars = snapshot.contract_bars[&the_call()].clone();
    for quote in &mut snapshot.chain.contracts {
        if quote.symbol.expiration == the_call().expiration {
            quote.symbol.expiration = to;
        }
    }
    let moved = OccSymbol { expiration: to, ..the_call() };
    snapshot.contract_bars.insert(moved, bars);
    let (finding, explained) = analyse_explained(&snapshot, &config());
    let place = explained.iter().find(|e| e.quote.symbol == moved).map(|e| e.place.as_ref());
    assert_eq!(place, Some(wanted));
    assert!(finding.candidates.iter().all(|c| c.symbol.expiration != to || wanted == "candidate"));
}

#[test]
fn an_expiration_is_a_session_and_lists_both_kinds() {
    use jiff::civil::date;
    check_date(date(2027, 1, 22), "candidate");
    check_date(date(2027, 1, 16), "gate:expiration");
    check_date(date(2027, 1, 18), "gate:expiration");
    // A call that stands alone at a date, whatever its quote.
    let mut snapshot = completed();
    let alone = OccSymbol { expiration: date(2027, 1, 20), ..the_call() };
    row(&mut snapshot, &the_call()).symbol = alone;
    let (_, explained) = analyse_explained(&snapshot, &config());
    let place = explained.iter().find(|e| e.quote.symbol == alone).map(|e| e.place.as_ref());
    assert_eq!(place, Some("gate:expiration"));
}

#[test]
fn prices_in_another_unit_contradict_each_other() {
    for by in [100, 10] {
        let mut snapshot = completed();
        for quote in snapshot.chain.contracts.iter_mut().filter(|q| q.symbol.expiration == the_call().expiration) {
            let scaled = |price: Option<Price>| price.map(|price| Price::from_units(price.units() * by));
            (quote.bid, quote.ask) = (scaled(quote.bid), scaled(quote.ask));
        }
        let (finding, explained) = analyse_explained(&snapshot, &config());
        let stopped = explained.iter().find(|e| e.quote.symbol == the_call()).unwrap();
        assert_eq!(stopped.place, "gate:parity", "times {by}");
        assert_eq!(stopped.gate.as_ref().map(|check| check.name.as_ref()), Some("parity_tilt"));
        // The other expirations tell the spot as before.
        assert!((finding.provenance.spot.unwrap() - SPOT).abs() < 0.05 && finding.funnel.0.contains_key("candidate"));
        // Nor is anything read off its smile: 30 days lie between the expirations around it.
        let metrics = finding.metrics.unwrap();
        assert!((metrics.iv30.unwrap() - 0.30).abs() < 0.005, "{:?}", metrics.iv30);
        assert!(metrics.expected_moves.iter().all(|by| by.expiration != the_call().expiration));
    }
}
