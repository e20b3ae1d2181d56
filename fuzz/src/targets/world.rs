//! A market in which everything is right: where the bytes of the analysis' target begin to change things.
//!
//! XYZ on Friday 2026-11-20 at 10:30 New York: spot 100, every option priced at a volatility of 30 % and quoted a cent to
//! either side; the underlying rose for a year and fell for some days; contracts fell and turned on the last day.

use std::sync::LazyLock;

use fleet_analysis::metrics::priced_as;
use fleet_core::domain::*;
use fleet_pricing::black;
use jiff::Timestamp;
use jiff::civil::{Date, date};

const SPOT: f64 = 100.0;
const RATE: f64 = 0.04;
pub const EXPIRATIONS: [Date; 3] = [date(2026, 12, 18), date(2027, 1, 15), date(2027, 3, 19)];

pub fn ticker() -> Ticker {
    Ticker::parse("XYZ").expect("a ticker")
}

pub fn today() -> Date {
    date(2026, 11, 20)
}

pub fn as_of() -> Timestamp {
    calendar::at_new_york(today(), 10, 30, 0)
}

pub fn symbol(root: &str, expiration: Date, kind: OptionKind, strike: u32) -> OccSymbol {
    OccSymbol {
        root: Root::parse(root).expect("a root"),
        expiration,
        kind,
        strike: Strike::from_thousandths(strike).expect("a strike"),
    }
}

/// A call that fires the first strategy when it has the good bars: 56 days, delta about .4.
pub fn the_call() -> OccSymbol {
    symbol("XYZ", EXPIRATIONS[1], OptionKind::Call, 105_000)
}

pub fn price(dollars: f64) -> Price {
    Price::from_dollars(dollars).expect("a price")
}

pub fn quote(symbol: OccSymbol) -> ContractQuote {
    let years = calendar::years_to_settlement(as_of(), &symbol).unwrap_or(0.0);
    let growth = (RATE * years).exp();
    let fair = black::on_forward(priced_as(symbol.kind), SPOT * growth, symbol.strike.dollars(), years, 0.30) / growth;
    let cents = (fair * 100.0).round();
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

/// Three expirations, nine strikes, calls and puts.
pub fn chain() -> Chain {
    static CONTRACTS: LazyLock<Vec<ContractQuote>> = LazyLock::new(|| {
        let mut contracts = Vec::new();
        for expiration in EXPIRATIONS {
            for strike in (80..=120).step_by(5) {
                for kind in [OptionKind::Call, OptionKind::Put] {
                    contracts.push(quote(symbol("XYZ", expiration, kind, strike * 1000)));
                }
            }
        }
        contracts
    });
    Chain {
        underlying: ticker(),
        vendor: Vendor::Cboe,
        quote_time: Some(as_of()),
        vendor_spot: Some(VendorSpot { price: price(SPOT), time: Some(as_of()) }),
        vendor_yield: None,
        facts: Default::default(),
        contracts: CONTRACTS.clone(),
        refused: Vec::new(),
        expirations: EXPIRATIONS.to_vec(),
        not_served: Vec::new(),
    }
}

/// A year's rise to 112, then eight sessions down to 100.
pub fn underlying_bars() -> BarSeries {
    static BARS: LazyLock<Vec<Bar>> = LazyLock::new(|| {
        let rise = (0..252).map(|i| 80.0 + 32.0 * f64::from(i) / 251.0 + 0.4 * f64::from(i % 2));
        let fall = (1..=8).map(|i| 112.0 - 1.5 * f64::from(i));
        bars(&rise.chain(fall).collect::<Vec<_>>())
    });
    BarSeries {
        instrument: Instrument::Underlying(ticker()),
        bars: BARS.clone(),
        last_split: None,
        dividends: Some(Vec::new()),
        incomplete: 0,
        complete_from: None,
    }
}

/// A wave around 5, five sessions down to a fresh low, and a small step up.
pub fn contract_bars(symbol: OccSymbol) -> BarSeries {
    static BARS: LazyLock<Vec<Bar>> = LazyLock::new(|| {
        let wave = (0..94).map(|i| 5.0 + 0.3 * (f64::from(i) * 0.9).sin());
        bars(&wave.chain([4.7, 4.4, 4.0, 3.6, 3.2, 3.3]).collect::<Vec<_>>())
    });
    BarSeries {
        instrument: Instrument::Contract(symbol),
        bars: BARS.clone(),
        last_split: None,
        dividends: Some(Vec::new()),
        incomplete: 0,
        complete_from: None,
    }
}

/// Closes of the sessions before today, the last one yesterday's.
fn bars(closes: &[f64]) -> Vec<Bar> {
    let mut day = today();
    let mut bars: Vec<Bar> = closes
        .iter()
        .rev()
        .map(|close| {
            day = calendar::previous_session(day).expect("a year the calendar knows");
            let [high, low] = [1.01, 0.99].map(|share| price(close * share));
            Bar { date: day, open: price(*close), high, low, close: price(*close), volume: 100 }
        })
        .collect();
    bars.reverse();
    bars
}
