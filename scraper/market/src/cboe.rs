//! CBOE delayed quotes: one body with every contract, fifteen minutes behind.
//!
//! As of the clock less 15 minutes; `timestamp` is the clock in UTC, `last_trade_time` New York without an offset, sizes
//! and counts are floats, `prev_day_close` is a 32-bit mid. Share classes have a dot. An unknown symbol is a 404.

use fleet_core::domain::calendar;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::contracts;
use crate::path::traded_share;
use crate::quotes::Underlying;
use crate::reply::{Ask, HTML, JSON, Reply, noisy, round};
use crate::world::{Row, World};

/// How far behind the quotes are.
const DELAY: SignedDuration = SignedDuration::from_mins(15);
const PREFIX: &str = "/api/global/delayed_quotes/options/";

#[derive(Serialize)]
struct Body<'a> {
    timestamp: String,
    data: Data<'a>,
    symbol: &'a str,
}

#[derive(Serialize)]
struct Data<'a> {
    options: Vec<OptionRow>,
    symbol: &'a str,
    security_type: &'static str,
    exchange_id: u8,
    current_price: f64,
    price_change: f64,
    price_change_percent: f64,
    bid: f64,
    ask: f64,
    bid_size: u32,
    ask_size: u32,
    open: f64,
    high: f64,
    low: f64,
    close: f64,
    prev_day_close: f64,
    volume: u64,
    iv30: f64,
    iv30_change: f64,
    iv30_change_percent: f64,
    seqno: i64,
    last_trade_time: String,
    tick: &'static str,
}

#[derive(Serialize)]
struct OptionRow {
    option: String,
    bid: f64,
    bid_size: f64,
    ask: Option<f64>,
    ask_size: f64,
    iv: f64,
    open_interest: f64,
    volume: f64,
    delta: f64,
    gamma: f64,
    vega: f64,
    theta: f64,
    rho: f64,
    theo: f64,
    change: f64,
    open: f64,
    high: f64,
    low: f64,
    tick: &'static str,
    last_trade_price: f64,
    last_trade_time: Option<String>,
    percent_change: f64,
    prev_day_close: f64,
}

/// The underlying a path asks for.
pub(crate) fn asked<'w>(world: &'w World, ask: &Ask) -> Option<&'w Underlying> {
    let symbol = ask.path.strip_prefix(PREFIX)?.strip_suffix(".json")?;
    let ticker = fleet_core::domain::Ticker::parse(symbol).ok()?;
    // Only CBOE's own spelling is known to CBOE.
    if ticker.as_str() == symbol { world.by_ticker(&ticker) } else { None }
}

/// What an unknown symbol gets.
pub(crate) fn not_found() -> Reply {
    Reply::new(404, HTML, "<html><head><title>404 Not Found</title></head><body><h1>Not Found</h1></body></html>")
}

/// The whole chain.
pub(crate) fn chain(world: &World, underlying: &Underlying, now: Timestamp) -> Reply {
    let moment = world.quoted(underlying, now.saturating_sub(DELAY).unwrap_or(now));
    let today = calendar::exchange_date(now);
    let expirations = contracts::expirations(&underlying.profile, today);
    let rows = world.rows(underlying, &expirations, &moment);
    let spot = underlying.path.price(&moment);
    let day = underlying.path.provisional(&moment);
    let before = underlying.path.day(moment.session.saturating_sub(1)).close;
    let symbol = underlying.profile.ticker.as_str();
    let iv30 = round(100.0 * underlying.profile.vol * underlying.path.day(moment.session).vol_factor, 3);
    let body = Body {
        timestamp: now.strftime("%Y-%m-%d %H:%M:%S").to_string(),
        data: Data {
            options: rows.into_iter().map(option_row).collect(),
            symbol,
            security_type: "stock",
            exchange_id: 5,
            current_price: round(spot, 4),
            price_change: round(spot - before, 4),
            price_change_percent: round(100.0 * (spot / before - 1.0), 4),
            bid: round(spot - 0.01, 2),
            ask: round(spot + 0.01, 2),
            bid_size: 3,
            ask_size: 2,
            open: day.open,
            high: day.high,
            low: day.low,
            close: round(spot, 4),
            prev_day_close: before,
            volume: (underlying.path.day(moment.session).volume as f64 * traded_share(moment.fraction)) as u64,
            iv30,
            iv30_change: 0.0,
            iv30_change_percent: 0.0,
            seqno: now.as_second(),
            last_trade_time: new_york(moment.at),
            tick: tick(spot - before),
        },
        symbol,
    };
    Reply::json(200, JSON, &body).header("cache-control", "max-age=0,s-maxage=5")
}

fn option_row(row: Row) -> OptionRow {
    let quote = &row.quote;
    let greeks = quote.greeks;
    let (open, high, low) = quote.today.map_or((0.0, 0.0, 0.0), |bar| (bar.open, bar.high, bar.low));
    let last = quote.last.map_or(0.0, |(price, _)| price);
    let change = if quote.today.is_some() { last - quote.previous_mid } else { 0.0 };
    let percent = if quote.previous_mid > 0.0 { 100.0 * change / quote.previous_mid } else { 0.0 };
    // Nothing to solve for where exercising is all there is.
    let solvable = greeks.vega > 5e-5;
    OptionRow {
        option: row.symbol,
        bid: row.bid,
        bid_size: if row.bid > 0.0 { f64::from(quote.bid_size) } else { 0.0 },
        ask: row.ask,
        ask_size: f64::from(quote.ask_size),
        iv: if solvable { round(quote.vol, 4) } else { 0.0 },
        open_interest: quote.open_interest as f64,
        volume: quote.volume as f64,
        delta: round(greeks.delta, 4),
        gamma: round(greeks.gamma, 4),
        vega: round(greeks.vega, 4),
        theta: round(greeks.theta, 4),
        rho: round(greeks.rho, 4),
        theo: round(quote.theory, 4),
        change: round(change, 4),
        open,
        high,
        low,
        tick: tick(change),
        last_trade_price: last,
        last_trade_time: quote.last.map(|(_, at)| new_york(at)),
        percent_change: round(percent, 4),
        prev_day_close: noisy(quote.previous_mid),
    }
}

fn tick(change: f64) -> &'static str {
    match change {
        c if c > 0.0 => "up",
        c if c < 0.0 => "down",
        _ => "no_change",
    }
}

/// New York wall-clock time without an offset.
fn new_york(at: Timestamp) -> String {
    static NEW_YORK: TimeZone = jiff::tz::get!("America/New_York");
    at.to_zoned(NEW_YORK.clone()).strftime("%Y-%m-%dT%H:%M:%S").to_string()
}
