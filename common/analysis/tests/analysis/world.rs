//! A small market in which everything is right, so that a test can make one thing wrong.
//!
//! XYZ on Friday 2026-11-20 at 10:30 New York: spot 100, every option priced by Black–Scholes at 30 %, quoted a cent to
//! either side; the underlying rose for a year and fell for some days; every contract fell and turned on the last day.

use std::collections::BTreeMap;

use fleet_analysis::metrics::priced_as;
use fleet_analysis::{AnalysisConfig, MarketSnapshot, Wanted, wanted};
use fleet_core::domain::*;
use fleet_pricing::black;
use jiff::Timestamp;
use jiff::civil::{Date, date};

pub const RATE: f64 = 0.04;
pub const SPOT: f64 = 100.0;
pub const EXPIRATIONS: [Date; 3] = [date(2026, 12, 18), date(2027, 1, 15), date(2027, 3, 19)];

pub fn as_of() -> Timestamp {
    calendar::at_new_york(date(2026, 11, 20), 10, 30, 0)
}

pub fn price(dollars: f64) -> Price {
    Price::from_dollars(dollars).unwrap()
}

pub fn symbol(root: &str, expiration: Date, kind: OptionKind, strike: u32) -> OccSymbol {
    OccSymbol {
        root: Root::parse(root).unwrap(),
        expiration,
        kind,
        strike: Strike::from_thousandths(strike * 1000).unwrap(),
    }
}

/// The call the signal tests look at: 56 days, delta about .4.
pub fn the_call() -> OccSymbol {
    symbol("XYZ", EXPIRATIONS[1], OptionKind::Call, 105)
}

pub fn fair(symbol: &OccSymbol, spot: f64, at: Timestamp) -> f64 {
    let years = calendar::years_to_settlement(at, symbol).unwrap_or(0.0);
    let growth = (RATE * years).exp();
    black::on_forward(priced_as(symbol.kind), spot * growth, symbol.strike.dollars(), years, 0.30) / growth
}

pub fn quote(symbol: OccSymbol, spot: f64, at: Timestamp) -> ContractQuote {
    let cents = (fair(&symbol, spot, at) * 100.0).round();
    ContractQuote {
        symbol,
        bid: (cents > 1.0).then(|| price((cents - 1.0) / 100.0)),
        ask: Some(price((cents + 1.0) / 100.0)),
        last: None,
        volume: Some(100),
        open_interest: Some(500),
        vendor_iv: None,
    }
}

pub fn chain(spot: f64, at: Timestamp) -> Chain {
    let kinds = [OptionKind::Call, OptionKind::Put];
    let mut contracts = Vec::new();
    for expiration in EXPIRATIONS {
        for strike in (70..=130).step_by(5) {
            contracts.extend(kinds.map(|kind| quote(symbol("XYZ", expiration, kind, strike), spot, at)));
        }
    }
    Chain {
        underlying: Ticker::parse("XYZ").unwrap(),
        vendor: Vendor::Cboe,
        quote_time: Some(at),
        vendor_spot: Some(VendorSpot { price: price(spot), time: Some(at) }),
        vendor_yield: None,
        facts: Default::default(),
        contracts,
        refused: Vec::new(),
        expirations: EXPIRATIONS.to_vec(),
        not_served: Vec::new(),
    }
}

/// The last `n` sessions before a date, oldest first.
pub fn sessions(before: Date, n: usize) -> Vec<Date> {
    let all: Vec<Date> = calendar::sessions(calendar::FIRST, before).filter(|day| *day < before).collect();
    all[all.len() - n..].to_vec()
}

pub fn series(instrument: Instrument, before: Date, closes: &[f64], volume: u64) -> BarSeries {
    let bars = sessions(before, closes.len())
        .into_iter()
        .zip(closes)
        .map(|(date, close)| {
            let (high, low) = (price(close * 1.01), price(close * 0.99));
            Bar { date, open: price(*close), high, low, close: price(*close), volume }
        })
        .collect();
    BarSeries { instrument, bars, last_split: None, dividends: Some(Vec::new()), incomplete: 0, complete_from: None }
}

/// A year's rise to 112, then eight sessions down to 100.
pub fn underlying_closes() -> Vec<f64> {
    let rise = (0..252).map(|i| 80.0 + 32.0 * f64::from(i) / 251.0 + 0.4 * f64::from(i % 2));
    let fall = (1..=8).map(|i| 112.0 - 1.5 * f64::from(i));
    rise.chain(fall).collect()
}

/// A wave around 5, five sessions down to a fresh low, and a small step up.
pub fn contract_closes() -> Vec<f64> {
    let wave = (0..94).map(|i| 5.0 + 0.3 * (f64::from(i) * 0.9).sin());
    wave.chain([4.7, 4.4, 4.0, 3.6, 3.2, 3.3]).collect()
}

pub fn snapshot() -> MarketSnapshot {
    MarketSnapshot {
        scan: ScanId::parse("test-20261120-1030").unwrap(),
        ticker: Ticker::parse("XYZ").unwrap(),
        as_of: as_of(),
        chain: chain(SPOT, as_of()),
        fetched_at: None,
        max_quote_age_secs: 1200,
        underlying_bars: None,
        contract_bars: BTreeMap::new(),
        facts: Default::default(),
        history: Vec::new(),
        max_bars: 12,
        live_trades: Vec::new(),
        requests: RequestCounts::default(),
    }
}

/// Settings without controls, so that a test sees only what it is about.
pub fn config() -> AnalysisConfig {
    let mut config = AnalysisConfig::default();
    config.strategies.control.enabled = false;
    config
}

/// Answers what the analysis wants with the good bars of this world; returns the contracts it asked for.
pub fn complete(snapshot: &mut MarketSnapshot, config: &AnalysisConfig) -> Vec<OccSymbol> {
    let today = calendar::exchange_date(snapshot.as_of);
    let mut asked = Vec::new();
    for _ in 0..3 {
        match wanted(snapshot, config) {
            Wanted::Nothing => return asked,
            Wanted::UnderlyingBars => {
                let instrument = Instrument::Underlying(snapshot.ticker.clone());
                snapshot.underlying_bars = Some(series(instrument, today, &underlying_closes(), 1_000_000));
            }
            Wanted::ContractBars(symbols) => {
                for symbol in symbols {
                    let bars = series(Instrument::Contract(symbol), today, &contract_closes(), 100);
                    snapshot.contract_bars.insert(symbol, bars);
                    asked.push(symbol);
                }
            }
        }
    }
    panic!("the analysis still wants {:?}", wanted(snapshot, config));
}

pub fn completed() -> MarketSnapshot {
    let mut snapshot = snapshot();
    complete(&mut snapshot, &config());
    snapshot
}

pub fn row<'a>(snapshot: &'a mut MarketSnapshot, symbol: &OccSymbol) -> &'a mut ContractQuote {
    snapshot.chain.contracts.iter_mut().find(|q| q.symbol == *symbol).unwrap()
}
