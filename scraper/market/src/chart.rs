//! Yahoo's daily bars, of underlyings and of option contracts. No crumb is needed.
//!
//! An underlying's `adjclose` is its close without the dividends paid since (prices themselves fall on no ex-date).
//!
//! Timestamps are the sessions' opens; the running session is the last bar and its timestamp is now. Prices carry the
//! noise of 32-bit floats. A contract has bars only for sessions in which it traded (one contract in five has a row of
//! nulls for each of the others instead), and a contract without any has no `timestamp` at all.

use fleet_core::domain::OccSymbol;
use fleet_core::domain::calendar;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::contracts::{self, Contract};
use crate::faults::Fault;
use crate::quarters;
use crate::quotes::{ContractBar, Underlying};
use crate::reply::{Ask, JSON_UTF8, Reply, noisy};
use crate::time::HISTORY;
use crate::world::World;
use crate::yahoo::{known, spelling, year_range};

const PREFIX: &str = "/v8/finance/chart/";
/// SPLIT split so many sessions before the first one.
const SPLIT_SESSIONS: usize = 30;

/// A bar or a session without one, with the timestamp it is served under.
struct Row {
    at: i64,
    bar: Option<ContractBar>,
}

struct Range {
    from: i64,
    /// Exclusive.
    to: i64,
}

/// The symbol a path asks for.
pub(crate) fn asked(ask: &Ask) -> Option<&str> {
    ask.path.strip_prefix(PREFIX)
}

/// The answer to a request for bars.
pub(crate) fn bars(world: &World, symbol: &str, ask: &Ask, now: Timestamp) -> Reply {
    if ask.query.get("interval").is_some_and(|interval| interval != "1d") {
        return error(400, "Bad Request", "Invalid input - this market has bars of interval=1d only");
    }
    let range = match range(ask, now) {
        Ok(range) => range,
        Err(description) => return error(400, "Bad Request", &description),
    };
    if let Some(underlying) = known(world, symbol) {
        return if underlying.profile.fault == Some(Fault::Gone) {
            not_found()
        } else {
            of_underlying(world, underlying, &range, ask, now)
        };
    }
    let contract = OccSymbol::parse(symbol).ok().filter(|occ| occ.to_string() == symbol).and_then(|occ| {
        let underlying = world.by_root(occ.root)?;
        Some((underlying, occ, contracts::find(&underlying.profile, &occ, calendar::exchange_date(now))?))
    });
    match contract {
        Some((underlying, occ, contract)) => of_contract(world, underlying, (&occ, &contract), &range, now),
        None => not_found(),
    }
}

fn of_underlying(world: &World, underlying: &Underlying, range: &Range, ask: &Ask, now: Timestamp) -> Reply {
    let moment = world.quoted(underlying, now);
    let first = underlying.first_session();
    let mut rows = Vec::new();
    for (session, times) in world.sessions.all().iter().enumerate().take(moment.session + 1).skip(first) {
        let open = times.open.as_second();
        if open < range.from || open >= range.to {
            continue;
        }
        let running = session == moment.session && moment.fraction < 1.0;
        let day = if running { underlying.path.provisional(&moment) } else { *underlying.path.day(session) };
        let at = if running { moment.at.as_second() } else { open };
        let bar = ContractBar { open: day.open, high: day.high, low: day.low, close: day.close, volume: day.volume };
        rows.push(Row { at, bar: Some(bar) });
    }
    let begins = world.sessions.get(first).open.as_second();
    if rows.is_empty() && range.to <= begins {
        let description = format!("Data doesn't exist for startDate = {}, endDate = {}", range.from, range.to);
        return error(400, "Bad Request", &description);
    }
    let mut result = result(world, underlying, now, begins, &rows);
    if !rows.is_empty() {
        result["indicators"]["adjclose"][0]["adjclose"] = json!(adjusted(world, underlying, now, &rows));
    }
    result["meta"]["symbol"] = json!(spelling(&underlying.profile.ticker));
    result["meta"]["instrumentType"] = json!("EQUITY");
    result["meta"]["regularMarketPrice"] = json!(underlying.path.provisional(&moment).close);
    let split = world.sessions.get(HISTORY - SPLIT_SESSIONS).open.as_second();
    let wants_splits = ask.query.get("events").is_some_and(|events| events.contains("split"));
    if underlying.profile.fault == Some(Fault::Split) && wants_splits && (range.from..range.to).contains(&split) {
        let event = json!({"date": split, "numerator": 4.0, "denominator": 1.0, "splitRatio": "4:1"});
        result["events"]["splits"] = json!({split.to_string(): event});
    }
    if ask.query.get("events").is_some_and(|events| events.contains("div")) {
        // What lies after the clock is decided, and not told.
        let told = range.from..range.to.min(now.as_second() + 1);
        for dividend in quarters::dividends(&underlying.profile, &world.sessions, told) {
            let event = json!({"amount": dividend.amount, "date": dividend.date});
            result["events"]["dividends"][dividend.date.to_string()] = event;
        }
    }
    Reply::json(200, JSON_UTF8, &json!({"chart": {"result": [result], "error": null}}))
}

/// Closes with the dividends paid since taken out, whoever asks for the dividends themselves: each close before an ex-date
/// is lowered by the dividend's share of the close before it.
fn adjusted(world: &World, underlying: &Underlying, now: Timestamp, rows: &[Row]) -> Vec<Option<f64>> {
    let paid = quarters::dividends(&underlying.profile, &world.sessions, i64::MIN..now.as_second() + 1);
    let left: Vec<(i64, f64)> = paid
        .iter()
        .filter_map(|dividend| {
            let ex = world.sessions.all().partition_point(|session| session.open.as_second() < dividend.date);
            let before = ex.checked_sub(1).filter(|before| *before >= underlying.first_session())?;
            Some((dividend.date, 1.0 - dividend.amount / underlying.path.day(before).close))
        })
        .collect();
    let of = |row: &Row| {
        let after = left.iter().filter(|(date, _)| row.at < *date).map(|(_, left)| left);
        row.bar.map(|bar| noisy(bar.close * after.product::<f64>()))
    };
    rows.iter().map(of).collect()
}

fn of_contract(
    world: &World,
    underlying: &Underlying,
    (symbol, contract): (&OccSymbol, &Contract),
    range: &Range,
    now: Timestamp,
) -> Reply {
    let moment = world.quoted(underlying, now);
    let listed = world.sessions.on_or_after(contract.listed).max(underlying.first_session());
    let shows_gaps = contract.key.is_multiple_of(5);
    let quote = underlying.quote(contract, &underlying.view(moment, &world.sessions), &world.sessions);
    let mut rows = Vec::new();
    for (session, times) in world.sessions.all().iter().enumerate().take(moment.session + 1).skip(listed) {
        let open = times.open.as_second();
        if open < range.from || open >= range.to {
            continue;
        }
        let running = session == moment.session && moment.fraction < 1.0;
        let (at, bar) = if running {
            (moment.at.as_second(), quote.today)
        } else {
            (open, underlying.closed_bar(contract, session, &world.sessions))
        };
        if bar.is_some() || (shows_gaps && !running) {
            rows.push(Row { at, bar });
        }
    }
    if rows.iter().all(|row| row.bar.is_none()) {
        rows.clear();
    }
    let begins = world.sessions.get(listed).open.as_second();
    let mut result = result(world, underlying, now, begins, &rows);
    result["meta"]["symbol"] = json!(symbol.to_string());
    result["meta"]["instrumentType"] = json!("OPTION");
    if let Some((price, _)) = quote.last {
        result["meta"]["regularMarketPrice"] = json!(price);
    }
    Reply::json(200, JSON_UTF8, &json!({"chart": {"result": [result], "error": null}}))
}

/// Everything but what differs between a stock and an option.
fn result(world: &World, underlying: &Underlying, now: Timestamp, begins: i64, rows: &[Row]) -> Value {
    let session = world.sessions.get(world.sessions.on_or_before(calendar::exchange_date(now)));
    let (low, high) = year_range(underlying, world.sessions.moment(now).session);
    let period = |start: i64, end: i64| json!({"timezone": "EST", "start": start, "end": end, "gmtoffset": -18_000});
    let (open, close) = (session.open.as_second(), session.close.as_second());
    let meta = json!({
        "currency": "USD", "exchangeName": "NMS", "fullExchangeName": "NasdaqGS", "firstTradeDate": begins,
        "regularMarketTime": world.sessions.moment(now).at.as_second(), "hasPrePostMarketData": true,
        "gmtoffset": -18_000, "timezone": "EST", "exchangeTimezoneName": "America/New_York", "priceHint": 2,
        "fiftyTwoWeekHigh": high, "fiftyTwoWeekLow": low,
        "currentTradingPeriod": {
            "pre": period(open - 19_800, open), "regular": period(open, close), "post": period(close, close + 14_400),
        },
        "dataGranularity": "1d", "range": "",
        "validRanges": ["1d", "5d", "1mo", "3mo", "6mo", "1y", "2y", "5y", "10y", "ytd", "max"],
    });
    if rows.is_empty() {
        return json!({"meta": meta, "indicators": {"quote": [{}], "adjclose": [{}]}});
    }
    let column = |of: fn(&ContractBar) -> f64| -> Vec<Option<f64>> {
        rows.iter().map(|row| row.bar.as_ref().map(|bar| noisy(of(bar)))).collect()
    };
    let close = column(|bar| bar.close);
    json!({
        "meta": meta,
        "timestamp": rows.iter().map(|row| row.at).collect::<Vec<_>>(),
        "indicators": {
            "quote": [{
                "open": column(|bar| bar.open),
                "high": column(|bar| bar.high),
                "low": column(|bar| bar.low),
                "close": close,
                "volume": rows.iter().map(|row| row.bar.map(|bar| bar.volume)).collect::<Vec<_>>(),
            }],
            "adjclose": [{"adjclose": close}],
        },
    })
}

fn range(ask: &Ask, now: Timestamp) -> Result<Range, String> {
    let number = |name: &str| -> Result<Option<i64>, String> {
        match ask.query.get(name) {
            None => Ok(None),
            Some(text) => text.parse().map(Some).map_err(|_| format!("Invalid input - {name} = {text}")),
        }
    };
    let now = now.as_second();
    let to = number("period2")?.unwrap_or(now + 1);
    if let Some(from) = number("period1")? {
        return if from < to {
            Ok(Range { from, to })
        } else {
            Err(format!("Invalid input - start date cannot be after end date. startDate = {from}, endDate = {to}"))
        };
    }
    let days = match ask.query.get("range").map_or("1mo", String::as_str) {
        "1d" => 1,
        "5d" => 7,
        "1mo" => 31,
        "3mo" => 92,
        "6mo" => 183,
        "1y" => 366,
        "2y" => 731,
        "5y" | "10y" | "ytd" | "max" => 3660,
        other => return Err(format!("Invalid input - range = {other}")),
    };
    Ok(Range { from: now - days * 86_400, to })
}

fn not_found() -> Reply {
    error(404, "Not Found", "No data found, symbol may be delisted")
}

fn error(status: u16, code: &str, description: &str) -> Reply {
    Reply::json(
        status,
        JSON_UTF8,
        &json!({"chart": {"result": null, "error": {"code": code, "description": description}}}),
    )
}
