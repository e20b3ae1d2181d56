//! Bytes become settings and a market snapshot: a sound one with so many things changed as there are bytes. What only a
//! vendor decides may be anything its parsers let through; what we decide ourselves (settings, instants, stored trades)
//! stays within what our own checks allow.

use std::collections::BTreeMap;

use fleet_analysis::{AnalysisConfig, MarketSnapshot};
use fleet_core::domain::*;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, ToSpan};

use super::stream::Stream;
use super::world;

/// Changes of a chain; more would only make a run slower.
const CHANGES: usize = 48;

/// Settings that our own check accepts.
pub fn settings(bytes: &mut Stream<'_>) -> AnalysisConfig {
    let mut config = AnalysisConfig::default();
    let style = bytes.below(4);
    if style == 0 {
        return config;
    }
    // Loose, so that strange contracts come far.
    config.gates.max_spot_gap_pct = 100.0;
    config.gates.min_open_interest = 0;
    config.gates.min_volume = 0;
    config.gates.max_spread_pct = 200.0;
    config.coverage.min_bars = 21;
    config.coverage.min_traded_sessions = 0;
    config.coverage.max_age_sessions = 250;
    config.strategies.oversold_call.dte = [0, 2000];
    config.strategies.oversold_call.delta = [0.0, 1.0];
    config.strategies.oversold_call.max_underlying_rsi = 100.0;
    config.strategies.control.dte = [0, 2000];
    config.strategies.control.per_mille = 500;
    if style == 1 {
        return config;
    }
    let loose = config.clone();
    let s1 = &mut config.strategies.oversold_call;
    s1.buy_spread_share = bytes.share();
    s1.target_pct = 0.1 + bytes.share() * 999.0;
    s1.stop_pct = 0.1 + bytes.share() * 99.0;
    s1.max_rsi = bytes.share() * 100.0;
    s1.max_pct_b = bytes.share() * 5.0 - 2.0;
    s1.min_close_to_sma200 = bytes.share() * 2.0;
    s1.validity_minutes = 1 + u32::from(bytes.byte());
    s1.time_stop_sessions = 1 + u32::from(bytes.byte());
    s1.exit_rsi = bytes.share() * 100.0;
    s1.exit_dte = i32::from(bytes.byte());
    s1.enabled = bytes.byte() < 240;
    config.strategies.control.enabled = bytes.yes();
    config.rates.risk_free = bytes.share() * 0.55 - 0.05;
    config.rates.assumed_yield = bytes.share() * 0.55 - 0.05;
    config.gates.min_bid = bytes.share();
    config.gates.unknown_oi_pct = 1.0 + bytes.share() * 99.0;
    config.costs.commission = bytes.share() * 10.0;
    config.costs.half_spread_share = bytes.share();
    config.costs.min_net_pct = bytes.share() * 200.0 - 100.0;
    config.coverage.window_sessions = 1 + u32::from(bytes.byte() % 250);
    config.coverage.bar_final_minutes = u32::from(bytes.short()) % 1441;
    if config.problems().is_empty() { config } else { loose }
}

/// A snapshot without bars: they are added when they are wanted.
pub fn snapshot(bytes: &mut Stream<'_>) -> MarketSnapshot {
    let mut chain = world::chain();
    if bytes.byte() >= 200 {
        chain.contracts.clear();
    }
    let as_of = match bytes.below(8) {
        0 => instant(bytes),
        1 => world::as_of() + SignedDuration::from_mins(i64::from(bytes.short()) - 30_000),
        _ => world::as_of(),
    };
    match bytes.below(8) {
        0 => chain.quote_time = None,
        1 => chain.quote_time = Some(vendor_instant(bytes)),
        2 => chain.quote_time = Some(as_of - SignedDuration::from_secs(i64::from(bytes.short()) - 300)),
        3 => chain.quote_time = Some(as_of),
        _ => {}
    }
    match bytes.below(8) {
        0 => chain.vendor_spot = None,
        1 => chain.vendor_spot = price(bytes).map(|price| VendorSpot { price, time: Some(vendor_instant(bytes)) }),
        2 => chain.vendor_spot = price(bytes).map(|price| VendorSpot { price, time: chain.quote_time }),
        _ => {}
    }
    chain.vendor = bytes.pick(&[Vendor::Cboe, Vendor::Cboe, Vendor::Yahoo]);
    let live_trades = (0..bytes.below(5)).map(|_| trade(bytes, as_of)).collect();
    let max_bars = u32::from(bytes.byte() % 16);
    for _ in 0..CHANGES {
        if bytes.is_empty() {
            break;
        }
        change(bytes, &mut chain);
    }
    MarketSnapshot {
        scan: ScanId::parse("test-20261120-1030").expect("a scan id"),
        ticker: world::ticker(),
        as_of,
        chain,
        fetched_at: None,
        max_quote_age_secs: 1200,
        underlying_bars: None,
        contract_bars: BTreeMap::new(),
        facts: Default::default(),
        history: Vec::new(),
        max_bars,
        live_trades,
        requests: RequestCounts::default(),
    }
}

/// One row more, fewer or other.
fn change(bytes: &mut Stream<'_>, chain: &mut Chain) {
    let rows = chain.contracts.len();
    let what = bytes.below(8);
    if rows == 0 || what == 0 {
        let symbol = symbol(bytes);
        let mut row = world::quote(symbol);
        if bytes.yes() {
            (row.bid, row.ask) = (price(bytes), price(bytes));
            (row.volume, row.open_interest) = (count(bytes), count(bytes));
        }
        chain.contracts.push(row);
        return;
    }
    let at = usize::from(bytes.byte()) % rows;
    let row = &mut chain.contracts[at];
    match what {
        1 => row.bid = price(bytes),
        2 => row.ask = price(bytes),
        3 => (row.bid, row.ask) = (price(bytes), price(bytes)),
        4 => row.volume = count(bytes),
        5 => row.open_interest = count(bytes),
        6 => {
            let copy = row.clone();
            chain.contracts.push(copy);
        }
        _ => {
            let row = chain.contracts.remove(at);
            if bytes.yes() {
                let reason = bytes.pick(&[RowRefusal::BadPrice, RowRefusal::BadSymbol, RowRefusal::MissingField]);
                chain.refused.push(RefusedRow { symbol: row.symbol.to_string(), reason });
            }
        }
    }
}

/// Bars of an instrument, good ones more often than not.
pub fn series(bytes: &mut Stream<'_>, instrument: &Instrument) -> BarSeries {
    let mut series = match instrument {
        Instrument::Underlying(_) => world::underlying_bars(),
        Instrument::Contract(symbol) => world::contract_bars(*symbol),
    };
    let style = bytes.byte();
    if style < 128 {
        return series;
    }
    if style >= 192 {
        series.bars.clear();
    }
    if style.is_multiple_of(8) {
        series.last_split = Some(day(bytes));
    }
    let scale = if style % 4 == 1 { price(bytes) } else { None };
    for _ in 0..bytes.below(64) {
        let at = usize::from(bytes.byte());
        match series.bars.get_mut(at) {
            Some(bar) => {
                bar.close = scale.or_else(|| price(bytes)).unwrap_or_default();
                bar.volume = count(bytes).unwrap_or_default();
            }
            None => {
                let [open, high, low, close] = std::array::from_fn(|_| price(bytes).unwrap_or_default());
                series.bars.push(Bar { date: day(bytes), open, high, low, close, volume: count(bytes).unwrap_or(1) });
            }
        }
    }
    series
}

/// A price as a parser gives it: none, cents, or anything up to the largest.
fn price(bytes: &mut Stream<'_>) -> Option<Price> {
    match bytes.below(8) {
        0 => None,
        1 => Some(Price::ZERO),
        2 => Some(Price::from_units(bytes.long() % 100_000_000_001)),
        3 => Some(Price::from_units(u64::from(bytes.short()))),
        _ => Some(Price::from_units(u64::from(bytes.short()) * 100)),
    }
}

fn count(bytes: &mut Stream<'_>) -> Option<u64> {
    match bytes.below(4) {
        0 => None,
        1 => Some(0),
        // What a JSON number counts exactly.
        2 => Some(bytes.long() >> 11),
        _ => Some(bytes.short().into()),
    }
}

fn symbol(bytes: &mut Stream<'_>) -> OccSymbol {
    let root = bytes.pick(&["XYZ", "XYZ", "XYZ", "XYZ1", "SPX", "SPXW", "VIX"]);
    let kind = if bytes.yes() { OptionKind::Call } else { OptionKind::Put };
    let expiration = match bytes.below(4) {
        0 => Date::new(2000 + i16::from(bytes.byte() % 100), 1, 1)
            .map_or(world::today(), |first| first.saturating_add(i64::from(bytes.short() % 365).days())),
        1 => world::today().saturating_add((i64::from(bytes.short() % 1000) - 30).days()),
        _ => bytes.pick(&world::EXPIRATIONS),
    };
    let strike = match bytes.below(3) {
        0 => 1 + (bytes.long() % u64::from(Strike::MAX_THOUSANDTHS)) as u32,
        1 => 1 + u32::from(bytes.short()),
        _ => 1000 * (1 + u32::from(bytes.byte())),
    };
    world::symbol(root, expiration, kind, strike)
}

/// An instant of this century, as our own clocks tell.
fn instant(bytes: &mut Stream<'_>) -> Timestamp {
    Timestamp::from_second(946_684_800 + (bytes.long() % 3_155_760_000) as i64).unwrap_or_else(|_| world::as_of())
}

/// An instant as a vendor may write it (`row::epoch` in the scraper lets these through).
fn vendor_instant(bytes: &mut Stream<'_>) -> Timestamp {
    Timestamp::from_second((bytes.long() % 200_000_000_000) as i64 - 100_000_000_000).unwrap_or_else(|_| world::as_of())
}

/// A bar's date, as a vendor may write it.
fn day(bytes: &mut Stream<'_>) -> Date {
    match bytes.below(4) {
        0 => calendar::exchange_date(vendor_instant(bytes)),
        _ => world::today().saturating_add((i64::from(bytes.short() % 800) - 780).days()),
    }
}

fn trade(bytes: &mut Stream<'_>, as_of: Timestamp) -> TradeRecord {
    let symbol = if bytes.yes() { world::the_call() } else { symbol(bytes) };
    let signalled_at = match bytes.below(4) {
        0 => instant(bytes),
        1 => as_of,
        _ => as_of - SignedDuration::from_mins(bytes.short().into()),
    };
    let entry_session = calendar::session_date(signalled_at);
    let [buy, target, stop, commission] = std::array::from_fn(|_| price(bytes).unwrap_or_default());
    let state = bytes.pick(&[TradeState::Pending, TradeState::Open, TradeState::Open, TradeState::Closed]);
    let strategy = bytes.pick(&["oversold_call", "control", "a_strategy_of_another_version"]);
    TradeRecord {
        id: TradeId::derive(strategy, &symbol, entry_session),
        strategy: strategy.to_owned(),
        underlying: world::ticker(),
        symbol,
        control: strategy == "control",
        state,
        scan: ScanId::parse("test-20261119-1030").expect("a scan id"),
        signalled_at,
        entry_session,
        signal_bid: buy,
        signal_ask: buy,
        plan: EntryPlan {
            buy,
            target,
            stop,
            valid_until: signalled_at + SignedDuration::from_mins(30),
            time_stop_sessions: Some(bytes.byte().into()),
            direction: fleet_core::domain::Direction::Long,
            signals: fleet_core::domain::ExitSignals::default(),
            confirm_pct: None,
            advice: fleet_core::domain::Advice::Act,
            exit_rsi: bytes.yes().then(|| bytes.share() * 100.0),
            exit_dte: bytes.byte().into(),
            commission,
        },
        score: Score::default(),
        checks: Vec::new(),
        fill: (state != TradeState::Pending).then_some(Fill { at: signalled_at, session: entry_session, price: buy }),
        exit: None,
        ignored: bytes.byte() >= 200,
        last_mark: None,
        confirmation: None,
    }
}
