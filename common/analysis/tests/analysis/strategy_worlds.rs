//! Worlds made for one strategy each: everything is right for it, so that a test can make one thing wrong.

use fleet_analysis::{AnalysisConfig, MarketSnapshot};
use fleet_core::domain::*;
use jiff::civil::{Date, date};
use serde_json::{Value, json};

use crate::world::*;

pub const TODAY: Date = date(2026, 11, 20);
pub const BACK: Date = date(2027, 2, 5);

/// Settings with one strategy enabled and some of its keys changed.
pub fn only(name: &str, change: &Value) -> AnalysisConfig {
    let mut all = serde_json::to_value(AnalysisConfig::default()).unwrap();
    for (strategy, table) in all["strategies"].as_object_mut().unwrap() {
        table["enabled"] = json!(strategy == name);
        for (key, value) in change.as_object().unwrap().iter().filter(|_| strategy == name) {
            assert!(table.get(key).is_some(), "{name} has no {key}");
            table[key] = value.clone();
        }
    }
    serde_json::from_value(all).unwrap()
}

/// A contract of this market priced at another volatility.
pub fn quote_at(symbol: OccSymbol, vol: f64) -> ContractQuote {
    let years = calendar::years_to_settlement(as_of(), &symbol).unwrap();
    let growth = (RATE * years).exp();
    let fair = fleet_pricing::black::on_forward(
        fleet_analysis::metrics::priced_as(symbol.kind),
        SPOT * growth,
        symbol.strike.dollars(),
        years,
        vol,
    ) / growth;
    let cents = (fair * 100.0).round();
    let (bid, ask) = (Some(price((cents - 1.0) / 100.0)), Some(price((cents + 1.0) / 100.0)));
    ContractQuote { bid, ask, ..quote(symbol, SPOT, as_of()) }
}

pub fn with_bars(snapshot: &mut MarketSnapshot, closes: &[f64]) {
    let instrument = Instrument::Underlying(snapshot.ticker.clone());
    snapshot.underlying_bars = Some(series(instrument, TODAY, closes, 1_000_000));
}

/// So many sessions before today with volatilities from one to another.
pub fn history(n: usize, from: f64, to: f64) -> Vec<SessionSummary> {
    let step = (to - from) / (n - 1) as f64;
    let of = |(at, session): (usize, Date)| SessionSummary {
        session,
        as_of: calendar::at_new_york(session, 15, 45, 0),
        spot: Some(100.0),
        iv30: Some(from + step * at as f64),
        skew_25: None,
        term_slope: None,
        call_volume: 20_000,
        put_volume: 10_000,
        call_open_interest: None,
        put_open_interest: None,
    };
    sessions(TODAY, n).into_iter().enumerate().map(of).collect()
}

pub fn reports(dates: &[Date]) -> Option<Vec<EarningsDate>> {
    Some(dates.iter().map(|date| EarningsDate { date: *date, estimated: false }).collect())
}

/// A stock that reported in October and reports again in February.
pub fn quiet_stock() -> UnderlyingFacts {
    UnderlyingFacts {
        class: Some(UnderlyingClass::Stock),
        earnings: reports(&[date(2026, 10, 15), date(2027, 2, 3)]),
        market_cap: Some(1e10),
        holding: Some(Holding { shares: 200, cost_basis: price(90.0) }),
    }
}

pub fn the_short_put() -> OccSymbol {
    symbol("XYZ", EXPIRATIONS[0], OptionKind::Put, 94)
}

pub fn csp_world() -> MarketSnapshot {
    let mut snapshot = snapshot();
    snapshot.facts = quiet_stock();
    snapshot.chain.contracts.push(quote(the_short_put(), SPOT, as_of()));
    with_bars(&mut snapshot, &underlying_closes());
    snapshot
}

/// Rose by two thirds in a year, by turns 2 % up and down around that.
pub fn wild_rise() -> Vec<f64> {
    (0..260).map(|i| (60.0 + 40.0 * f64::from(i) / 259.0) * if i % 2 == 0 { 0.98 } else { 1.02 }).collect()
}

pub fn cheap_world() -> MarketSnapshot {
    let mut snapshot = snapshot();
    snapshot.facts = quiet_stock();
    snapshot.history = history(150, 0.60, 0.31);
    for strike in (80..=120).step_by(5) {
        for kind in [OptionKind::Call, OptionKind::Put] {
            snapshot.chain.contracts.push(quote_at(symbol("XYZ", BACK, kind, strike), 0.33));
        }
    }
    with_bars(&mut snapshot, &wild_rise());
    snapshot
}

/// A year at 90, a month at 100, a week's dip, and a jump on the last day.
pub fn crossing() -> Vec<f64> {
    let calm = (0..200).map(|i| 90.0 + 0.1 * f64::from(i % 2));
    let month = (0..30).map(|i| 100.0 + 0.1 * f64::from(i % 2));
    let dip = (0..7).map(|i| 97.0 + 0.1 * f64::from(i % 2));
    calm.chain(month).chain(dip).chain([130.0]).collect()
}

pub fn crossing_world() -> MarketSnapshot {
    let mut snapshot = snapshot();
    with_bars(&mut snapshot, &crossing());
    snapshot
}

pub fn the_covered_call() -> OccSymbol {
    symbol("XYZ", EXPIRATIONS[0], OptionKind::Call, 106)
}

pub fn covered_world() -> MarketSnapshot {
    let mut snapshot = snapshot();
    snapshot.facts = quiet_stock();
    snapshot.history = history(60, 0.20, 0.35);
    snapshot.chain.contracts.push(quote(the_covered_call(), SPOT, as_of()));
    with_bars(&mut snapshot, &underlying_closes());
    let closes = [&contract_closes()[..94], &[5.3, 5.6, 6.0, 6.4, 6.8, 7.0]].concat();
    let bars = series(Instrument::Contract(the_covered_call()), TODAY, &closes, 100);
    snapshot.contract_bars.insert(the_covered_call(), bars);
    snapshot
}

pub fn busy_world() -> MarketSnapshot {
    let mut snapshot = snapshot();
    snapshot.facts = quiet_stock();
    with_bars(&mut snapshot, &underlying_closes());
    let row = row(&mut snapshot, &the_call());
    row.volume = Some(5_000);
    row.open_interest = Some(1_000);
    row.last = Some(LastTrade { price: row.ask.unwrap(), time: as_of() - jiff::SignedDuration::from_mins(2) });
    snapshot
}

pub fn the_put() -> OccSymbol {
    symbol("XYZ", EXPIRATIONS[1], OptionKind::Put, 95)
}

/// Fell for a year and rose for some days, its put the other way round.
pub fn falling_world() -> MarketSnapshot {
    let mut snapshot = snapshot();
    let fall = (0..252).map(|i| 200.0 - 110.0 * f64::from(i) / 251.0 + 0.4 * f64::from(i % 2));
    let rise = (1..=6).map(|i| 90.0 + 1.2 * f64::from(i));
    with_bars(&mut snapshot, &fall.chain(rise).collect::<Vec<_>>());
    let bars = series(Instrument::Contract(the_put()), TODAY, &contract_closes(), 100);
    snapshot.contract_bars.insert(the_put(), bars);
    snapshot
}
