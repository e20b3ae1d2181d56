//! Yahoo's handshake and option chains. Chains lag half an hour behind the live price in the same body; the newest
//! `lastTradeDate` dates them. They need a cookie and its crumb; without them the answer is 401.
//!
//! One expiration a request; without `date` the nearest. A date that is not listed is a 200 without rows, an unknown
//! symbol a 200 without a result. A contract without a trade today has no `volume` at all, and one without any quote has
//! a placeholder for its volatility.

use fleet_core::domain::calendar;
use fleet_core::domain::{OptionKind, Ticker};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::json;

use crate::contracts;
use crate::draw;
use crate::faults::Fault;
use crate::quarters;
use crate::quotes::Underlying;
use crate::reply::{Ask, JSON_UTF8, Reply, TEXT, noisy, round};
use crate::world::{Row, World};

/// How far behind the quotes are.
const DELAY: SignedDuration = SignedDuration::from_mins(30);
/// What Yahoo prints when it has nothing to solve for.
const NO_VOLATILITY: f64 = 1.000_000_000_000_000_3e-5;
const PREFIX: &str = "/v7/finance/options/";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ContractRow {
    contract_symbol: String,
    strike: f64,
    currency: &'static str,
    last_price: f64,
    change: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    percent_change: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    volume: Option<u64>,
    open_interest: u64,
    bid: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    ask: Option<f64>,
    contract_size: &'static str,
    expiration: i64,
    last_trade_date: i64,
    implied_volatility: f64,
    in_the_money: bool,
}

/// The spelling with a dash before a share class.
pub(crate) fn spelling(ticker: &Ticker) -> String {
    ticker.as_str().replace('.', "-")
}

/// The cookie of this market.
fn cookie(world: &World) -> String {
    format!("d=AQABB{:016x}&S=AQAAA{:016x}", draw::key(world.seed, "cookie"), draw::key(world.seed, "cookie S"))
}

/// The crumb that goes with the cookie: eleven characters, two of which must be encoded in a URL.
pub(crate) fn crumb(world: &World) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut rng = draw::stream(draw::key(world.seed, "crumb"));
    let mut text: String = (0..9).map(|_| char::from(LETTERS[draw::next_below(&mut rng, LETTERS.len())])).collect();
    text.insert(3, '/');
    text.insert(7, '.');
    text
}

/// The page that sets the cookie: a 404, as the real one.
pub(crate) fn set_cookie(world: &World) -> Reply {
    let value = format!("A3={}; Max-Age=31557600; Path=/; HttpOnly; SameSite=None", cookie(world));
    Reply::new(404, crate::reply::HTML, "<!DOCTYPE html><html><head><title>Yahoo</title></head><body></body></html>")
        .header("set-cookie", value)
}

/// The crumb, for who brings the cookie.
pub(crate) fn get_crumb(world: &World, ask: &Ask) -> Reply {
    if has_cookie(world, ask) { Reply::new(200, TEXT, crumb(world)) } else { unauthorized("Invalid Cookie") }
}

fn has_cookie(world: &World, ask: &Ask) -> bool {
    let expected = cookie(world);
    ask.cookie.split(';').filter_map(|pair| pair.trim().split_once('=')).any(|(n, v)| n == "A3" && v == expected)
}

/// Whether cookie and crumb are there and belong together.
pub(crate) fn is_authorised(world: &World, ask: &Ask) -> bool {
    has_cookie(world, ask) && ask.query.get("crumb").is_some_and(|given| *given == crumb(world))
}

pub(crate) fn unauthorized(description: &str) -> Reply {
    Reply::json(
        401,
        JSON_UTF8,
        &json!({"finance": {"result": null, "error": {"code": "Unauthorized", "description": description}}}),
    )
}

/// The symbol a path asks for.
pub(crate) fn asked(ask: &Ask) -> Option<&str> {
    ask.path.strip_prefix(PREFIX)
}

/// The underlying a symbol names, in Yahoo's spelling only.
pub(crate) fn known<'w>(world: &'w World, symbol: &str) -> Option<&'w Underlying> {
    let underlying = world.by_ticker(&Ticker::parse(symbol).ok()?)?;
    (spelling(&underlying.profile.ticker) == symbol).then_some(underlying)
}

/// What an unknown symbol gets.
pub(crate) fn no_result() -> Reply {
    Reply::json(200, JSON_UTF8, &json!({"optionChain": {"result": [], "error": null}}))
}

/// What a delisted symbol gets.
pub(crate) fn not_found() -> Reply {
    let error = json!({"code": "Not Found", "description": "No data found, symbol may be delisted"});
    Reply::json(404, JSON_UTF8, &json!({"optionChain": {"result": [], "error": error}}))
}

/// One expiration of a chain.
pub(crate) fn chain(world: &World, underlying: &Underlying, ask: &Ask, now: Timestamp) -> Reply {
    let moment = world.quoted(underlying, now.saturating_sub(DELAY).unwrap_or(now));
    let listed = contracts::expirations(&underlying.profile, calendar::exchange_date(now));
    let wanted: Option<Date> = match ask.query.get("date") {
        Some(text) => {
            text.parse().ok().and_then(|s| Timestamp::from_second(s).ok()).map(|t| t.to_zoned(TimeZone::UTC).date())
        }
        None => listed.first().copied(),
    };
    let served: Vec<Date> = listed.iter().copied().filter(|day| Some(*day) == wanted).collect();
    let spot = underlying.path.price(&world.quoted(underlying, now));
    let (mut calls, mut puts, mut strikes) = (Vec::new(), Vec::new(), Vec::new());
    for row in world.rows(underlying, &served, &moment) {
        let kind = row.contract.symbol.kind;
        strikes.push(row.contract.symbol.strike);
        let row = contract_row(row, spot);
        match kind {
            OptionKind::Call => calls.push(row),
            OptionKind::Put => puts.push(row),
        }
    }
    strikes.sort_unstable();
    strikes.dedup();
    let options = match wanted {
        Some(day) if !listed.is_empty() => vec![json!({
            "expirationDate": midnight(day), "hasMiniOptions": false, "calls": calls, "puts": puts,
        })],
        Some(_) | None => Vec::new(),
    };
    let result = json!({
        "underlyingSymbol": spelling(&underlying.profile.ticker),
        "expirationDates": listed.iter().map(|day| midnight(*day)).collect::<Vec<_>>(),
        "strikes": strikes.iter().map(|s| s.dollars()).collect::<Vec<_>>(),
        "hasMiniOptions": false,
        "quote": quote(world, underlying, now),
        "options": options,
    });
    Reply::json(200, JSON_UTF8, &json!({"optionChain": {"result": [result], "error": null}}))
}

fn contract_row(row: Row, spot: f64) -> ContractRow {
    let quote = row.quote;
    let strike = row.contract.symbol.strike.dollars();
    // Yahoo lists what traded at least once; a contract that did not shows its listing day.
    let listed = calendar::at_new_york(row.contract.listed, 9, 30, 0);
    let (last, at) = quote.last.unwrap_or((quote.theory.max(0.01), listed));
    let change = if quote.today.is_some() { last - quote.previous_mid } else { 0.0 };
    let no_quote = row.bid == 0.0 && row.ask.is_none_or(|ask| ask == 0.0);
    ContractRow {
        contract_symbol: row.symbol,
        strike,
        currency: "USD",
        last_price: round(last, 2),
        change: noisy(round(change, 2)),
        percent_change: (quote.previous_mid > 0.0).then(|| noisy(round(100.0 * change / quote.previous_mid, 4))),
        volume: (quote.volume > 0).then_some(quote.volume),
        open_interest: quote.open_interest,
        bid: row.bid,
        ask: row.ask,
        contract_size: "REGULAR",
        expiration: midnight(row.contract.symbol.expiration),
        last_trade_date: at.as_second(),
        implied_volatility: if no_quote { NO_VOLATILITY } else { quote.vol },
        in_the_money: match row.contract.symbol.kind {
            OptionKind::Call => spot > strike,
            OptionKind::Put => spot < strike,
        },
    }
}

/// The underlying's own quote, live.
fn quote(world: &World, underlying: &Underlying, now: Timestamp) -> serde_json::Value {
    let profile = &underlying.profile;
    let moment = world.quoted(underlying, now);
    let day = underlying.path.provisional(&moment);
    let before = underlying.path.day(moment.session.saturating_sub(1)).close;
    let (low, high) = year_range(underlying, moment.session);
    let open = calendar::session_at(now).is_some();
    let mut quote = json!({
        "language": "en-US", "region": "US", "quoteType": "EQUITY", "typeDisp": "Equity",
        "quoteSourceName": "Nasdaq Real Time Price", "triggerable": true, "tradeable": false,
        "marketState": if open { "REGULAR" } else { "POST" },
        "regularMarketTime": moment.at.as_second(),
        "regularMarketPrice": day.close,
        "regularMarketChange": noisy(round(day.close - before, 4)),
        "regularMarketChangePercent": noisy(100.0 * (day.close / before - 1.0)),
        "regularMarketPreviousClose": before,
        "regularMarketOpen": day.open,
        "regularMarketDayHigh": day.high,
        "regularMarketDayLow": day.low,
        "regularMarketDayRange": format!("{} - {}", day.low, day.high),
        "regularMarketVolume": day.volume,
        "bid": round(day.close - 0.01, 2), "ask": round(day.close + 0.01, 2), "bidSize": 3, "askSize": 2,
        "exchange": "NMS", "fullExchangeName": "NasdaqGS", "market": "us_market", "currency": "USD",
        "exchangeTimezoneName": "America/New_York", "exchangeTimezoneShortName": "EST",
        "gmtOffSetMilliseconds": -18_000_000, "esgPopulated": false, "hasPrePostMarketData": true,
        "shortName": profile.company, "longName": profile.company, "priceHint": 2,
        "sourceInterval": 15, "exchangeDataDelayedBy": 0,
        "fiftyTwoWeekLow": low, "fiftyTwoWeekHigh": high, "fiftyTwoWeekRange": format!("{low} - {high}"),
        "marketCap": (profile.shares_outstanding * day.close) as u64,
        "symbol": spelling(&profile.ticker),
    });
    let reports = quarters::reports(profile, &world.sessions, now);
    // As the real one: the first is often the last report, and the window is of the next.
    if let Some(last) = reports.last {
        quote["earningsTimestamp"] = json!(last.as_second());
    }
    if let Some((from, until)) = reports.next {
        quote["earningsTimestampStart"] = json!(from.as_second());
        quote["earningsTimestampEnd"] = json!(until.as_second());
        quote["isEarningsDateEstimate"] = json!(reports.is_estimate);
    }
    quote
}

/// Lowest low and highest high of the last 252 sessions.
pub(crate) fn year_range(underlying: &Underlying, session: usize) -> (f64, f64) {
    (session.saturating_sub(252)..session)
        .map(|i| underlying.path.day(i))
        .fold((f64::MAX, 0.0), |(low, high): (f64, f64), day| (low.min(day.low), high.max(day.high)))
}

/// Midnight UTC of a date, as Yahoo writes expirations.
pub(crate) fn midnight(day: Date) -> i64 {
    day.to_zoned(TimeZone::UTC).map_or(0, |at| at.timestamp().as_second())
}

/// Whether Yahoo has forgotten it.
pub(crate) fn is_gone(underlying: &Underlying) -> bool {
    underlying.profile.fault == Some(Fault::Gone)
}
