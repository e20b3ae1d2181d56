//! Chains in which everything is right, as the simulated market serves them, with bars that make every contract turn.

use std::collections::{BTreeMap, BTreeSet};

use fleet_analysis::{AnalysisConfig, MarketSnapshot};
use fleet_core::domain::*;
use fleet_tests::market::{Market, config};
use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::{Value, json};

use super::damage::Damage;

/// One ticker's chain.
pub struct Healthy {
    pub seed: u64,
    pub ticker: Ticker,
    pub as_of: Timestamp,
    /// CBOE's body.
    pub body: Value,
    underlying: BarSeries,
    /// The closes every contract has.
    closes: Vec<(Date, Price)>,
}

/// Expirations that are kept of a chain, by calendar days: what is learnt of more is the same again.
const KEPT: [(i32, i32); 2] = [(20, 44), (50, 120)];

/// A planted ticker of a market: its chain is liquid.
pub fn of_seed(seed: u64) -> Healthy {
    let market = Market::start(config(seed, 30));
    let about = market.about();
    let as_of: Timestamp = about["now"].as_str().expect("the market's clock").parse().expect("an instant");
    let name = about["planted"][0].as_str().expect("a planted ticker").to_owned();
    let mut body = market.json(&format!("/cboe/api/global/delayed_quotes/options/{name}.json"));
    let kept = kept(as_of, &body);
    rows(&mut body).retain(|row| symbol(row).is_some_and(|symbol| kept.contains(&symbol.expiration)));
    // Everything trades, so that prices alone decide.
    for row in rows(&mut body) {
        row["volume"] = json!(250.0);
        row["open_interest"] = json!(1500.0);
    }
    let today = calendar::exchange_date(as_of);
    let ticker = Ticker::parse(&name).expect("a ticker");
    let spot = body["data"]["current_price"].as_f64().expect("a price");
    let underlying = series(Instrument::Underlying(ticker.clone()), today, &underlying_closes(spot), 1_000_000);
    let own = series(Instrument::Underlying(ticker.clone()), today, &contract_closes(), 1);
    let closes = own.bars.iter().map(|bar| (bar.date, bar.close)).collect();
    Healthy { seed, ticker, as_of, body, underlying, closes }
}

/// The first expiration in each range of [`KEPT`].
fn kept(as_of: Timestamp, body: &Value) -> BTreeSet<Date> {
    let rows = body["data"]["options"].as_array().expect("rows");
    let listed: BTreeSet<Date> = rows.iter().filter_map(symbol).map(|symbol| symbol.expiration).collect();
    let first = |(from, to)| listed.iter().copied().find(|date| (from..=to).contains(&calendar::dte(as_of, *date)));
    KEPT.into_iter().filter_map(first).collect()
}

/// The rows of a body.
pub fn rows(body: &mut Value) -> &mut Vec<Value> {
    body["data"]["options"].as_array_mut().expect("rows")
}

/// The contract of a row.
pub fn symbol(row: &Value) -> Option<OccSymbol> {
    OccSymbol::parse(row["option"].as_str()?).ok()
}

impl Healthy {
    /// Every contract.
    pub fn symbols(&self) -> Vec<OccSymbol> {
        self.body["data"]["options"].as_array().expect("rows").iter().filter_map(symbol).collect()
    }

    /// Damages these rows of a body; says which contracts are bad then, and which they were before.
    pub fn damage(&self, body: &mut Value, targets: &[OccSymbol], damage: &Damage) -> BTreeMap<OccSymbol, OccSymbol> {
        let targets: BTreeSet<OccSymbol> = targets.iter().copied().collect();
        let mut bad = BTreeMap::new();
        let mut added = Vec::new();
        for row in rows(body) {
            let Some(before) = symbol(row).filter(|symbol| targets.contains(symbol)) else { continue };
            (damage.row)(row, &mut added);
            bad.insert(symbol(row).unwrap_or(before), before);
        }
        rows(body).extend(added);
        (damage.body)(body);
        bad
    }

    /// A chain with everything else a contract needs to fire.
    pub fn snapshot(&self, chain: Chain) -> MarketSnapshot {
        let contract_bars = chain.contracts.iter().map(|quote| (quote.symbol, self.bars(quote.symbol))).collect();
        MarketSnapshot {
            scan: ScanId::parse("corrupted-20261120-1030").expect("a scan id"),
            ticker: self.ticker.clone(),
            as_of: self.as_of,
            chain,
            fetched_at: None,
            max_quote_age_secs: 1200,
            underlying_bars: Some(self.underlying.clone()),
            contract_bars,
            facts: UnderlyingFacts::default(),
            history: Vec::new(),
            max_bars: 100_000,
            live_trades: Vec::new(),
            requests: RequestCounts::default(),
        }
    }

    fn bars(&self, symbol: OccSymbol) -> BarSeries {
        let bars = self.closes.iter().map(|(date, close)| bar(*date, *close, 100)).collect();
        BarSeries {
            instrument: Instrument::Contract(symbol),
            bars,
            last_split: None,
            dividends: Some(Vec::new()),
            incomplete: 0,
            complete_from: None,
        }
    }
}

fn bar(date: Date, close: Price, volume: u64) -> Bar {
    Bar { date, open: close, high: close, low: close, close, volume }
}

/// Closes on the last sessions before a date.
fn series(instrument: Instrument, before: Date, closes: &[f64], volume: u64) -> BarSeries {
    let all: Vec<Date> = calendar::sessions(calendar::FIRST, before).filter(|day| *day < before).collect();
    let dates = &all[all.len() - closes.len()..];
    let bars = dates
        .iter()
        .zip(closes)
        .map(|(date, close)| bar(*date, Price::from_dollars((close * 100.0).round() / 100.0).expect("a price"), volume))
        .collect();
    BarSeries { instrument, bars, last_split: None, dividends: Some(Vec::new()), incomplete: 0, complete_from: None }
}

/// A year's rise, then eight sessions down to the spot.
fn underlying_closes(spot: f64) -> Vec<f64> {
    let rise = (0..252).map(|i| spot * (0.8 + 0.32 * f64::from(i) / 251.0 + 0.004 * f64::from(i % 2)));
    let fall = (1..=8).map(|i| spot * (1.12 - 0.015 * f64::from(i)));
    rise.chain(fall).collect()
}

/// A wave around 5, five sessions down to a fresh low, and a small step up.
fn contract_closes() -> Vec<f64> {
    let wave = (0..94).map(|i| 5.0 + 0.3 * (f64::from(i) * 0.9).sin());
    wave.chain([4.7, 4.4, 4.0, 3.6, 3.2, 3.3]).collect()
}

/// Every strategy runs and asks for as little as its settings allow; the gates stay as they are.
pub fn loosened() -> AnalysisConfig {
    let mut config = serde_json::to_value(AnalysisConfig::default()).expect("JSON");
    config["costs"]["min_net_pct"] = json!(-100.0);
    let strategies = config["strategies"].as_object_mut().expect("strategies");
    for settings in strategies.values_mut().filter_map(Value::as_object_mut) {
        for (name, value) in settings.iter_mut() {
            *value = loose(name, value);
        }
    }
    config["strategies"]["control"]["per_mille"] = json!(1000);
    serde_json::from_value(config).expect("settings of the same kinds")
}

fn loose(name: &str, value: &Value) -> Value {
    match value {
        Value::Bool(_) if name == "enabled" => json!(true),
        Value::Array(ends) if ends.len() == 2 && name == "dte" => json!([0, 2000]),
        Value::Array(ends) if ends.len() == 2 && ends.iter().all(Value::is_f64) => json!([-1e9, 1e9]),
        Value::Number(number) if name.starts_with("max_") && number.is_f64() => json!(1e9),
        Value::Number(number) if name.starts_with("min_") && number.is_f64() => json!(-1e9),
        Value::Number(_) if name.starts_with("max_") => json!(1_000_000),
        Value::Number(_) if name.starts_with("min_") => json!(0),
        other => other.clone(),
    }
}
