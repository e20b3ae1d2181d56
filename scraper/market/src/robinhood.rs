//! Robinhood: an account's API with ids, pages, batches of marks, and bars; quotes are live.
//!
//! Every request needs the bearer token [`TOKEN`]. Prices are decimal texts, counts integers. A page of contracts holds a
//! hundred and names the next one by an opaque cursor, which must be followed as it is. Marks come in batches of forty at
//! most; of a contract nobody listed there is a null. Where a contract did not trade, its bars are filled in and say so
//! (`interpolated`). Each faulty ticker's fault is in its page of contracts, or in its marks where it is in the data.

use fleet_core::domain::{OccSymbol, OptionKind, Ticker, calendar};
use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::{Value, json};

use crate::contracts::{self, Contract};
use crate::draw;
use crate::faults::Fault;
use crate::quotes::{ContractBar, Underlying};
use crate::reply::{Ask, JSON, Reply};
use crate::world::World;

/// The token it takes.
pub const TOKEN: &str = "simulated-robinhood-token";
/// Contracts on a page.
const PAGE: usize = 100;
/// Ids in a batch, at most.
const BATCH: usize = 40;

/// What a path asks for.
pub(crate) enum Question<'w> {
    /// A stock's id, by its code.
    Search,
    /// A stock's chains.
    Chains,
    /// A page of contracts of one underlying.
    Contracts(&'w Underlying),
    /// What some contracts quote.
    Marks,
    /// What a stock trades at.
    Quote(&'w Underlying),
    /// A stock's bars.
    Bars(&'w Underlying),
    /// A contract's bars.
    ContractBars(&'w Underlying, Contract),
    /// Nothing there is.
    Nothing,
}

/// Whether a request carries the token; else what it gets.
pub(crate) fn refused(ask: &Ask) -> Option<Reply> {
    match ask.authorization.as_str() {
        "" => Some(detail(401, "Authentication credentials were not provided.")),
        text if text == format!("Bearer {TOKEN}") => None,
        _ => Some(detail(401, "Invalid token.")),
    }
}

/// Understands a path.
pub(crate) fn asked<'w>(world: &'w World, ask: &Ask, now: Timestamp) -> Question<'w> {
    let last = |prefix: &str| ask.path.strip_prefix(prefix).and_then(|rest| rest.strip_suffix('/')).and_then(read_id);
    match ask.path.as_str() {
        "/instruments/" => Question::Search,
        "/options/chains/" => Question::Chains,
        "/options/instruments/" => {
            cursor(ask).and_then(|asked| of_chain(world, asked.chain)).map_or(Question::Nothing, Question::Contracts)
        }
        "/marketdata/options/" => Question::Marks,
        _ => {
            if let Some(id) = last("/marketdata/quotes/") {
                of_equity(world, id).map_or(Question::Nothing, Question::Quote)
            } else if let Some(id) = last("/marketdata/options/historicals/") {
                of_contract(world, id, now).map_or(Question::Nothing, |(u, c)| Question::ContractBars(u, c))
            } else if let Some(id) = last("/marketdata/historicals/") {
                of_equity(world, id).map_or(Question::Nothing, Question::Bars)
            } else {
                Question::Nothing
            }
        }
    }
}

/// The answer to everything but a page of contracts, which a fault may stand before.
pub(crate) fn answer(world: &World, question: &Question<'_>, ask: &Ask, now: Timestamp) -> Reply {
    match question {
        Question::Search => search(world, ask),
        Question::Chains => chains(world, ask, now),
        Question::Contracts(underlying) => page(underlying, ask, now),
        Question::Marks => marks(world, ask, now),
        Question::Quote(underlying) => quote(world, underlying, now),
        Question::Bars(underlying) => bars(ask, || underlying_bars(world, underlying, ask, now)),
        Question::ContractBars(underlying, contract) => {
            bars(ask, || contract_bars(world, (underlying, contract), ask, now))
        }
        Question::Nothing => not_found(),
    }
}

/// What an unknown address gets.
pub(crate) fn not_found() -> Reply {
    detail(404, "Not found.")
}

/// An error as the real one words it.
pub(crate) fn detail(status: u16, text: &str) -> Reply {
    Reply::json(status, JSON, &json!({ "detail": text }))
}

fn search(world: &World, ask: &Ask) -> Reply {
    let code = ask.query.get("symbol").map_or("", String::as_str);
    let known = Ticker::parse(code).ok().filter(|ticker| ticker.as_str() == code);
    let found = known.and_then(|ticker| world.by_ticker(&ticker)).filter(|it| it.profile.fault != Some(Fault::Gone));
    let row = |underlying: &Underlying| {
        json!({
            "id": equity_id(underlying), "symbol": underlying.profile.ticker.as_str(), "type": "stock",
            "name": underlying.profile.company, "tradeable": true, "country": "US",
        })
    };
    list(found.map(row).into_iter().collect(), Value::Null)
}

fn chains(world: &World, ask: &Ask, now: Timestamp) -> Reply {
    let id = ask.query.get("equity_instrument_ids").and_then(|text| read_id(text));
    let Some(underlying) = id.and_then(|id| of_equity(world, id)) else { return list(Vec::new(), Value::Null) };
    let profile = &underlying.profile;
    let days = contracts::expirations(profile, calendar::exchange_date(now));
    let row = |id: String, symbol: &str, multiplier: &str, days: &[Date]| {
        json!({
            "id": id, "symbol": symbol, "can_open_position": true, "cash_component": null,
            "expiration_dates": days.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "trade_value_multiplier": multiplier, "settle_on_open": false,
            "underlying_instruments": [{
                "id": chain_id(underlying), "quantity": 100,
                "instrument": format!("https://robinhood.invalid/instruments/{}/", equity_id(underlying)),
            }],
            "min_ticks": {"above_tick": "0.05", "below_tick": "0.01", "cutoff_price": "3.00"},
        })
    };
    let mut rows = vec![row(chain_id(underlying), profile.root.as_str(), "100.0000", &days)];
    if let Some(root) = contracts::adjusted(profile) {
        let id = write_id(profile.key, draw::mix(profile.key, 70_003));
        rows.push(row(id, root.as_str(), "400.0000", &days));
    }
    list(rows, Value::Null)
}

/// Which contracts of which chain, from which on.
struct Asked {
    chain: (u64, u64),
    days: Vec<Date>,
    from: usize,
}

/// What a page is asked for: in the query, or behind the cursor of the page before.
fn cursor(ask: &Ask) -> Option<Asked> {
    let written = match ask.query.get("cursor") {
        Some(cursor) => {
            let bytes: Option<Vec<u8>> =
                (0..cursor.len()).step_by(2).map(|at| u8::from_str_radix(cursor.get(at..at + 2)?, 16).ok()).collect();
            String::from_utf8(bytes?).ok()?
        }
        None => format!("{} {} 0", ask.query.get("chain_id")?, ask.query.get("expiration_dates")?),
    };
    let mut parts = written.split(' ');
    let chain = read_id(parts.next()?)?;
    let days = parts.next()?.split(',').map(|day| day.parse().ok()).collect::<Option<Vec<Date>>>()?;
    Some(Asked { chain, days, from: parts.next()?.parse().ok()? })
}

/// A page of contracts.
fn page(underlying: &Underlying, ask: &Ask, now: Timestamp) -> Reply {
    let Some(asked) = cursor(ask) else { return not_found() };
    let listed = contracts::expirations(&underlying.profile, calendar::exchange_date(now));
    let wanted = listed.iter().filter(|day| asked.days.contains(day));
    let all: Vec<Contract> = wanted.flat_map(|day| contracts::of_expiration(&underlying.profile, *day)).collect();
    let rows = all.iter().skip(asked.from).take(PAGE).map(|contract| contract_row(underlying, contract)).collect();
    let next = asked.from + PAGE;
    let next = if next < all.len() {
        let days: Vec<String> = asked.days.iter().map(ToString::to_string).collect();
        let (high, low) = asked.chain;
        let cursor = format!("{} {} {next}", write_id(high, low), days.join(","));
        let cursor: String = cursor.bytes().map(|byte| format!("{byte:02x}")).collect();
        format!("{}/options/instruments/?cursor={cursor}", ask.base).into()
    } else {
        Value::Null
    };
    list(rows, next)
}

fn contract_row(underlying: &Underlying, contract: &Contract) -> Value {
    let OccSymbol { root, expiration, kind, strike } = contract.symbol;
    let id = contract_id(underlying, contract);
    json!({
        "id": id, "url": contract_url(&id), "chain_id": chain_id(underlying), "chain_symbol": root.as_str(),
        "type": match kind { OptionKind::Call => "call", OptionKind::Put => "put" },
        "strike_price": format!("{}.{:03}0", strike.thousandths() / 1000, strike.thousandths() % 1000),
        "expiration_date": expiration.to_string(), "issue_date": contract.listed.to_string(),
        "state": "active", "tradability": "tradable", "rhs_tradability": "tradable", "underlying_type": "equity",
    })
}

fn marks(world: &World, ask: &Ask, now: Timestamp) -> Reply {
    let ids: Vec<&str> = ask.query.get("ids").map_or("", String::as_str).split(',').collect();
    if ids.len() > BATCH {
        return Reply::json(400, JSON, &json!({ "ids": ["Too many ids."] }));
    }
    let Some(ids) = ids.into_iter().map(read_id).collect::<Option<Vec<_>>>() else {
        return Reply::json(400, JSON, &json!({ "ids": ["Invalid id(s)."] }));
    };
    list(ids.into_iter().flat_map(|id| mark_rows(world, id, now)).collect(), Value::Null)
}

/// The marks of a contract: one, a null where nobody knows it, two where the ticker's fault is that.
fn mark_rows(world: &World, id: (u64, u64), now: Timestamp) -> Vec<Value> {
    let Some((underlying, contract)) = of_contract(world, id, now) else { return vec![Value::Null] };
    let moment = world.quoted(underlying, now);
    let rows = world.rows_of(underlying, &[contract], &moment);
    let own = rows.into_iter().filter(|row| row.symbol == contract.symbol.to_string());
    own.map(|row| {
        let quote = &row.quote;
        let id = contract_id(underlying, &contract);
        let solvable = quote.greeks.vega > 5e-5;
        let statistic = |value: f64| if solvable { json!(format!("{value:.6}")) } else { Value::Null };
        let day = |pick: fn(&ContractBar) -> f64| quote.today.as_ref().map(|bar| decimal(pick(bar)));
        json!({
            "instrument": contract_url(&id), "instrument_id": id, "occ_symbol": contract.symbol.padded(),
            "symbol": underlying.profile.root.as_str(), "state": "active",
            "bid_price": decimal(row.bid), "bid_size": if row.bid > 0.0 { quote.bid_size } else { 0 },
            "ask_price": row.ask.map(decimal), "ask_size": quote.ask_size,
            "mark_price": decimal((quote.bid + quote.ask) / 2.0),
            "adjusted_mark_price": decimal((quote.bid + quote.ask) / 2.0),
            "break_even_price": decimal(contract.symbol.strike.dollars() + quote.theory),
            "last_trade_price": quote.last.map(|(price, _)| decimal(price)),
            "last_trade_size": quote.last.map(|_| 1),
            "high_price": day(|bar| bar.high), "low_price": day(|bar| bar.low),
            "previous_close_price": decimal(quote.previous_mid),
            "open_interest": quote.open_interest, "volume": quote.volume,
            "implied_volatility": statistic(quote.vol), "delta": statistic(quote.greeks.delta),
            "gamma": statistic(quote.greeks.gamma), "theta": statistic(quote.greeks.theta),
            "vega": statistic(quote.greeks.vega), "rho": statistic(quote.greeks.rho),
            "pricing_model": "Bjerksund-Stensland 1993", "updated_at": moment.at.to_string(),
        })
    })
    .collect()
}

fn quote(world: &World, underlying: &Underlying, now: Timestamp) -> Reply {
    let moment = world.quoted(underlying, now);
    let spot = underlying.path.price(&moment);
    let before = underlying.path.day(moment.session.saturating_sub(1)).close;
    let body = json!({
        "symbol": underlying.profile.ticker.as_str(), "instrument_id": equity_id(underlying),
        "bid_price": decimal(spot - 0.01), "ask_price": decimal(spot + 0.01), "bid_size": 3, "ask_size": 2,
        "last_trade_price": decimal(spot), "venue_last_trade_time": moment.at.to_string(),
        "previous_close": decimal(before), "trading_halted": false, "has_traded": true, "state": "active",
        "updated_at": moment.at.to_string(),
    });
    Reply::json(200, JSON, &body)
}

/// Daily bars, or what is wrong with the question.
fn bars(ask: &Ask, answer: impl FnOnce() -> Reply) -> Reply {
    let invalid = |name: &str, value: &str| {
        Reply::json(400, JSON, &json!({ name: [format!("\"{value}\" is not a valid choice.")] }))
    };
    match (ask.query.get("interval").map(String::as_str), ask.query.get("span").map(String::as_str)) {
        (None, _) => Reply::json(400, JSON, &json!({ "interval": ["This field is required."] })),
        (Some("day"), Some("year" | "5year")) => answer(),
        (Some("day"), span) => invalid("span", span.unwrap_or_default()),
        (Some(interval), _) => invalid("interval", interval),
    }
}

/// One bar, or a point that is filled in with the close before.
fn point(day: Date, bar: Option<&ContractBar>, before: f64) -> Value {
    let filled = ContractBar { open: before, high: before, low: before, close: before, volume: 0 };
    let shown = bar.unwrap_or(&filled);
    json!({
        "begins_at": format!("{day}T00:00:00Z"), "open_price": decimal(shown.open), "high_price": decimal(shown.high),
        "low_price": decimal(shown.low), "close_price": decimal(shown.close), "volume": shown.volume,
        "session": "reg", "interpolated": bar.is_none(),
    })
}

/// The first date of a span.
fn begins(ask: &Ask, now: Timestamp) -> Date {
    let years = if ask.query.get("span").is_some_and(|span| span == "5year") { 5 } else { 1 };
    let today = calendar::exchange_date(now);
    today.saturating_sub(jiff::Span::new().years(years))
}

fn underlying_bars(world: &World, underlying: &Underlying, ask: &Ask, now: Timestamp) -> Reply {
    let moment = world.quoted(underlying, now);
    let begins = begins(ask, now);
    let mut points = Vec::new();
    let sessions = world.sessions.all().iter().enumerate().take(moment.session + 1).skip(underlying.first_session());
    for (session, times) in sessions.filter(|(_, times)| times.date >= begins) {
        let running = session == moment.session && moment.fraction < 1.0;
        let day = if running { underlying.path.provisional(&moment) } else { *underlying.path.day(session) };
        let bar = ContractBar { open: day.open, high: day.high, low: day.low, close: day.close, volume: day.volume };
        points.push(point(times.date, Some(&bar), day.close));
    }
    let body = json!({
        "symbol": underlying.profile.ticker.as_str(), "InstrumentID": equity_id(underlying), "interval": "day",
        "span": ask.query.get("span"), "bounds": "regular", "historicals": points,
    });
    Reply::json(200, JSON, &body)
}

fn contract_bars(world: &World, (underlying, contract): (&Underlying, &Contract), ask: &Ask, now: Timestamp) -> Reply {
    let moment = world.quoted(underlying, now);
    let begins = begins(ask, now).max(contract.listed);
    let quote = underlying.quote(contract, &underlying.view(moment, &world.sessions), &world.sessions);
    let mut before = 0.01;
    let mut points = Vec::new();
    let sessions = world.sessions.all().iter().enumerate().take(moment.session + 1).skip(underlying.first_session());
    for (session, times) in sessions.filter(|(_, times)| times.date >= begins) {
        let running = session == moment.session && moment.fraction < 1.0;
        let bar = if running { quote.today } else { underlying.closed_bar(contract, session, &world.sessions) };
        points.push(point(times.date, bar.as_ref(), before));
        before = bar.map_or(before, |bar| bar.close);
    }
    let id = contract_id(underlying, contract);
    let body = json!({
        "instrument": contract_url(&id), "id": id, "symbol": underlying.profile.root.as_str(), "interval": "day",
        "span": ask.query.get("span"), "bounds": "regular", "data_points": points,
        "open_time": "0001-01-01T00:00:00Z", "open_price": "0.0000",
        "previous_close_time": "0001-01-01T00:00:00Z", "previous_close_price": "0.0000",
    });
    Reply::json(200, JSON, &body)
}

fn list(rows: Vec<Value>, next: Value) -> Reply {
    Reply::json(200, JSON, &json!({ "previous": null, "results": rows, "next": next }))
}

/// Six decimals, as marks are written. (A fault's price may be negative or absurd.)
fn decimal(dollars: f64) -> String {
    format!("{dollars:.6}")
}

fn contract_url(id: &str) -> String {
    format!("https://robinhood.invalid/options/instruments/{id}/")
}

// Ids are made of the draws' keys: the underlying's in the first half, what of it in the second.

fn equity_id(underlying: &Underlying) -> String {
    write_id(underlying.profile.key, draw::mix(underlying.profile.key, 70_001))
}

fn chain_id(underlying: &Underlying) -> String {
    write_id(underlying.profile.key, draw::mix(underlying.profile.key, 70_002))
}

fn contract_id(underlying: &Underlying, contract: &Contract) -> String {
    write_id(underlying.profile.key, contract.key)
}

fn write_id(high: u64, low: u64) -> String {
    let digits = format!("{high:016x}{low:016x}");
    let part = |from: usize, to: usize| digits[from..to].to_owned();
    [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
}

fn read_id(text: &str) -> Option<(u64, u64)> {
    let digits: String = text.chars().filter(|c| *c != '-').collect();
    let half = |part: Option<&str>| u64::from_str_radix(part?, 16).ok();
    let id = (half(digits.get(..16))?, half(digits.get(16..32))?);
    (write_id(id.0, id.1) == text).then_some(id)
}

fn of_key(world: &World, key: u64) -> Option<&Underlying> {
    let index = world.profiles().iter().position(|profile| profile.key == key)?;
    Some(world.underlying(index))
}

fn of_equity(world: &World, (high, low): (u64, u64)) -> Option<&Underlying> {
    of_key(world, high).filter(|_| low == draw::mix(high, 70_001))
}

fn of_chain(world: &World, (high, low): (u64, u64)) -> Option<&Underlying> {
    of_key(world, high).filter(|_| low == draw::mix(high, 70_002))
}

fn of_contract(world: &World, (high, low): (u64, u64), now: Timestamp) -> Option<(&Underlying, Contract)> {
    let underlying = of_key(world, high)?;
    let days = contracts::expirations(&underlying.profile, calendar::exchange_date(now));
    let mut all = days.into_iter().flat_map(|day| contracts::of_expiration(&underlying.profile, day));
    all.find(|contract| contract.key == low).map(|contract| (underlying, contract))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::listing::{Faults, Liquidity};

    #[test]
    fn a_session_nobody_traded_in_is_filled_in_with_the_close_before() {
        let world = World::new(1, 20, Faults::None);
        let mut underlyings = (0..20).map(|index| world.underlying(index));
        let thin = underlyings.find(|it| it.profile.liquidity == Liquidity::Thin).unwrap();
        let ask = Ask { query: BTreeMap::from([("span".to_owned(), "year".to_owned())]), ..Ask::default() };
        let (mut filled, mut traded) = (0, 0);
        for contract in contracts::of_expiration(&thin.profile, jiff::civil::date(2026, 12, 18)) {
            let reply = contract_bars(&world, (thin, &contract), &ask, crate::time::start());
            let body: Value = serde_json::from_slice(&reply.body).unwrap();
            for pair in body["data_points"].as_array().unwrap().windows(2) {
                assert_eq!(pair[1]["interpolated"] == true, pair[1]["volume"] == 0, "{}", pair[1]);
                if pair[1]["interpolated"] == true {
                    assert_eq!(pair[1]["close_price"], pair[0]["close_price"]);
                    filled += 1;
                } else {
                    traded += 1;
                }
            }
        }
        assert!(filled > 0 && traded > 0, "{filled} filled in, {traded} traded");
    }

    #[test]
    fn ids_read_back_and_nothing_else_does() {
        let id = write_id(0x0123_4567_89ab_cdef, 7);
        assert_eq!(id, "01234567-89ab-cdef-0000-000000000007");
        assert_eq!(read_id(&id), Some((0x0123_4567_89ab_cdef, 7)));
        for bad in ["", "None", "0123456789abcdef0000000000000007", "01234567-89ab-cdef-0000-00000000000"] {
            assert_eq!(read_id(bad), None, "{bad}");
        }
    }
}
