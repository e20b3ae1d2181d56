//! No look-ahead, for every strategy of the registry: whatever lies after as-of is shifted, deleted or made up, and no byte of
//! the answer changes. A new strategy is covered as soon as it is registered: every setting is loosened by its name, so that it
//! fires here, and one that does not is told.

use std::collections::BTreeSet;

use fleet_analysis::strategy::cards;
use fleet_analysis::{AnalysisConfig, MarketSnapshot, analyse_explained};
use fleet_core::domain::*;
use jiff::Timestamp;
use jiff::civil::{Date, date};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::world::*;

/// Strategies that cannot fire in this small world, with the reason.
const NOT_HERE: [(&str, &str); 0] = [];

/// Every strategy runs and asks for as little as its settings allow; the gates stay as they are.
fn loosened() -> AnalysisConfig {
    let mut config = serde_json::to_value(AnalysisConfig::default()).unwrap();
    config["costs"]["min_net_pct"] = json!(-100.0);
    for settings in config["strategies"].as_object_mut().unwrap().values_mut() {
        for (name, value) in settings.as_object_mut().unwrap() {
            *value = loose(name, value);
        }
    }
    config["strategies"]["control"]["per_mille"] = json!(1000);
    serde_json::from_value(config).unwrap()
}

fn loose(name: &str, value: &Value) -> Value {
    match value {
        Value::Bool(_) if name == "enabled" => json!(true),
        Value::Array(ends) if ends.len() == 2 && name == "dte" => json!([0, 2000]),
        Value::Array(all) if name.starts_with("max_") => json!(vec![1e9; all.len()]),
        Value::Array(all) if name.starts_with("min_") => json!(vec![-1e9; all.len()]),
        Value::Array(ends) if ends.len() == 2 && ends.iter().all(Value::is_f64) => json!([-1e9, 1e9]),
        Value::Number(number) if name.starts_with("max_") && number.is_f64() => json!(1e9),
        Value::Number(number) if name.starts_with("min_") && number.is_f64() => json!(-1e9),
        Value::Number(_) if name.starts_with("max_") => json!(1_000_000),
        Value::Number(_) if name.starts_with("min_") => json!(0),
        other => other.clone(),
    }
}

/// Two ways an underlying came to its spot: no single one makes every strategy fire.
const PASTS: [fn() -> Vec<f64>; 2] = [underlying_closes, crossing_closes];

/// The world at an instant, with bars on both sides of it, facts and history.
fn world_at(at: Timestamp, past: fn() -> Vec<f64>) -> MarketSnapshot {
    let mut snapshot = snapshot();
    snapshot.as_of = at;
    snapshot.chain = chain(SPOT, at);
    // An expiration of 60 to 90 days, so that there is a term slope; and a trade a minute ago in everything.
    let strikes = (70..=130).step_by(5);
    let kinds = [OptionKind::Call, OptionKind::Put];
    let more = strikes.flat_map(|k| kinds.map(|kind| quote(symbol("XYZ", date(2027, 2, 5), kind, k), SPOT, at)));
    snapshot.chain.contracts.extend(more);
    for quote in &mut snapshot.chain.contracts {
        quote.last = quote.ask.map(|price| LastTrade { price, time: at - jiff::SignedDuration::from_mins(1) });
    }
    snapshot.max_bars = 200;
    let end = calendar::exchange_date(at).saturating_add(jiff::Span::new().days(8));
    // The series of this world end on the last session before as-of; here five sessions more follow.
    let later = calendar::sessions(calendar::exchange_date(at), end).count();
    let own = |instrument: Instrument, closes: Vec<f64>, volume: u64| {
        let after = (0..later).map(|n| closes[closes.len() - 1] * (1.02 + 0.05 * n as f64)).collect::<Vec<f64>>();
        series(instrument, end.tomorrow().unwrap(), &[closes, after].concat(), volume)
    };
    let underlying = own(Instrument::Underlying(snapshot.ticker.clone()), past(), 1_000_000);
    snapshot.underlying_bars = Some(underlying);
    for quote in &snapshot.chain.contracts {
        let bars = own(Instrument::Contract(quote.symbol), contract_closes(), 100);
        snapshot.contract_bars.insert(quote.symbol, bars);
    }
    let session = calendar::session_date(at);
    let before: Vec<Date> = sessions(session, 300);
    snapshot.history = before.iter().enumerate().map(|(n, day)| summary(*day, n)).collect();
    snapshot.facts = UnderlyingFacts {
        class: Some(UnderlyingClass::Stock),
        earnings: Some(vec![
            EarningsDate { date: before[200], estimated: false },
            EarningsDate { date: date(2028, 1, 20), estimated: true },
        ]),
        market_cap: Some(8e9),
        holding: Some(Holding { shares: 500, cost_basis: price(60.0) }),
    };
    snapshot
}

/// A year's rise, a slow fall, and a jump in the last session that takes the short averages over the long ones.
fn crossing_closes() -> Vec<f64> {
    let rise = (0..252).map(|i| 70.0 + 22.0 * f64::from(i) / 251.0 + 0.3 * f64::from(i % 2));
    let fall = (1..=30).map(|i| 92.0 - 0.06 * f64::from(i) + 0.2 * f64::from(i % 2));
    rise.chain(fall).chain([100.0]).collect()
}

fn summary(session: Date, n: usize) -> SessionSummary {
    let wave = 0.30 + 0.08 * (n as f64 * 0.7).sin();
    SessionSummary {
        session,
        as_of: calendar::at_new_york(session, 15, 30, 0),
        spot: Some(100.0),
        iv30: Some(wave),
        skew_25: Some(0.02),
        term_slope: Some(0.98),
        call_volume: 4000,
        put_volume: 3000,
        call_open_interest: Some(50_000),
        put_open_interest: Some(40_000),
    }
}

/// Whether a session's bar is final at an instant: 45 minutes after its close.
fn is_final(day: Date, at: Timestamp) -> bool {
    let closed = calendar::close_of(day).map(|close| close + jiff::SignedDuration::from_mins(45));
    closed.is_some_and(|closed| closed <= at)
}

/// What somebody could know only later.
#[derive(Debug, Clone, Copy)]
enum Change {
    Shifted,
    Deleted,
    MadeUp,
}

fn change_bars(series: &mut BarSeries, at: Timestamp, change: Change, factor: f64) {
    let today = calendar::exchange_date(at);
    match change {
        Change::Deleted => series.bars.retain(|bar| is_final(bar.date, at)),
        Change::Shifted | Change::MadeUp => {
            for bar in series.bars.iter_mut().filter(|bar| !is_final(bar.date, at)) {
                let moved = price((bar.close.dollars() * factor * 100.0).round().max(1.0) / 100.0);
                (bar.open, bar.high, bar.low, bar.close) = (moved, moved, moved, moved);
                bar.volume = (bar.volume as f64 * factor) as u64;
            }
        }
    }
    if matches!(change, Change::MadeUp) {
        let last = series.bars.last().map_or(today, |bar| bar.date);
        let close = price(factor.max(0.01));
        for day in calendar::sessions(last.tomorrow().unwrap(), last.saturating_add(jiff::Span::new().days(20))) {
            let bar = Bar { date: day, open: close, high: close, low: close, close, volume: 77 };
            series.bars.extend((!is_final(day, at)).then_some(bar));
        }
        let later = today.saturating_add(jiff::Span::new().days(3));
        // Not its dividends and reports: dates ahead are announced, and a snapshot holds what was known at as-of.
        series.last_split = Some(later);
    }
}

/// The same past, another future.
fn changed(snapshot: &MarketSnapshot, change: Change, factor: f64) -> MarketSnapshot {
    let mut other = snapshot.clone();
    let at = snapshot.as_of;
    other.underlying_bars.iter_mut().for_each(|series| change_bars(series, at, change, factor));
    other.contract_bars.values_mut().for_each(|series| change_bars(series, at, change, factor));
    if matches!(change, Change::MadeUp) {
        // Of later sessions, and of this one but taken later.
        let later = calendar::sessions(calendar::exchange_date(at), date(2027, 12, 31)).take(9);
        let taken = later.map(|day| SessionSummary {
            as_of: calendar::at_new_york(day, 15, 59, 0).max(at + jiff::SignedDuration::from_secs(1)),
            iv30: Some(factor),
            ..summary(day, 0)
        });
        other.history.extend(taken);
    }
    other
}

fn bytes(snapshot: &MarketSnapshot, config: &AnalysisConfig) -> String {
    serde_json::to_string(&analyse_explained(snapshot, config)).unwrap()
}

/// Instants around every edge of a session: before the open, at it, mid-session, just before and just after bars are final, a
/// half day, a weekend, a holiday.
fn instants() -> Vec<Timestamp> {
    let at = calendar::at_new_york;
    vec![
        at(date(2026, 11, 20), 8, 0, 0),
        at(date(2026, 11, 20), 9, 30, 0),
        at(date(2026, 11, 20), 10, 30, 0),
        at(date(2026, 11, 20), 16, 44, 59),
        at(date(2026, 11, 20), 16, 45, 0),
        at(date(2026, 11, 21), 12, 0, 0),
        at(date(2026, 11, 26), 12, 0, 0),
        at(date(2026, 11, 27), 13, 30, 0),
        at(date(2026, 11, 27), 13, 46, 0),
    ]
}

#[test]
fn every_strategy_fires_here() {
    let mut fired = BTreeSet::new();
    for at in instants() {
        for past in PASTS {
            let finding = analyse_explained(&world_at(at, past), &loosened()).0;
            fired.extend(finding.candidates.iter().map(|candidate| candidate.strategy.clone()));
        }
    }
    let excused = |name: &str| NOT_HERE.iter().any(|(known, _)| *known == name);
    let dark: Vec<&str> = cards().iter().map(|card| card.name).filter(|name| !fired.contains(*name)).collect();
    let unexplained: Vec<&&str> = dark.iter().filter(|name| !excused(name)).collect();
    assert!(unexplained.is_empty(), "these do not fire here: {unexplained:?}");
    assert!(NOT_HERE.iter().all(|(name, _)| dark.contains(name)), "they fire: {NOT_HERE:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn nothing_after_as_of_changes_a_byte(
        at in prop::sample::select(instants()),
        change in prop::sample::select(vec![Change::Shifted, Change::Deleted, Change::MadeUp]),
        factor in 0.05f64..20.0,
        (loose, past) in (any::<bool>(), 0..PASTS.len()),
    ) {
        let config = if loose { loosened() } else { AnalysisConfig::default() };
        let snapshot = world_at(at, PASTS[past]);
        let (told, again) = (bytes(&snapshot, &config), bytes(&changed(&snapshot, change, factor), &config));
        let first = told.bytes().zip(again.bytes()).position(|(a, b)| a != b);
        let near = first.map(|at| &told[at.saturating_sub(300)..(at + 60).min(told.len())]);
        prop_assert!(told == again, "first at {first:?}: {near:?}");
    }
}

/// The changes are no changes of nothing: of the past they do change the answer.
#[test]
fn a_change_of_the_past_is_seen() {
    let snapshot = world_at(as_of(), underlying_closes);
    let mut other = snapshot.clone();
    for series in other.contract_bars.values_mut() {
        let last = series.bars.iter_mut().rfind(|bar| is_final(bar.date, snapshot.as_of)).unwrap();
        last.close = price(4.4);
    }
    assert_ne!(bytes(&snapshot, &loosened()), bytes(&other, &loosened()));
    let later = changed(&snapshot, Change::MadeUp, 3.0);
    assert_ne!(snapshot, later);
}
