//! CBOE's body becomes a [`Chain`]. Pure; every row is in `contracts` or in `refused`.
//!
//! Quotes are dated by the newest trade in the body (the underlying's or any contract's), never by `timestamp`, which
//! keeps advancing after the close. A trade later than `timestamp` has not happened and dates nothing. A body whose rows are all unreadable, or whose rows have neither a bid nor an ask
//! field, is a changed format and an error: never an empty or a one-sided chain.

use std::borrow::Cow;
use std::collections::BTreeSet;

use fleet_core::domain::{
    Chain, ContractQuote, LastTrade, Price, RefusedRow, RowRefusal, Ticker, UnderlyingClass, UnderlyingFacts, Vendor,
    VendorSpot,
};
use jiff::Timestamp;

use super::models::{Data, Envelope, Row};
use crate::parse_error::{ParseError, excerpt};
use crate::spelling;
use crate::vendors::body;
use crate::vendors::field::{Field, Object, Shape};
use crate::vendors::row::{self, Notes};

/// A chain and what was noticed while reading it.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// The chain.
    pub chain: Chain,
    /// Missing fields and placeholders.
    pub notes: Notes,
}

/// Reads the chain of one underlying; a body about another one is [`ParseError::WrongSymbol`].
pub fn chain(bytes: &[u8], ticker: &Ticker) -> Result<Chain, ParseError> {
    read(bytes, Some(ticker)).map(|reading| reading.chain)
}

/// Reads a chain with notes. Without a ticker the body's own symbol is believed.
pub fn read(bytes: &[u8], ticker: Option<&Ticker>) -> Result<Reading, ParseError> {
    let envelope: Object<Envelope<'_>> = body::json(bytes)?;
    let Some(Shape(envelope)) = envelope.into_read() else {
        return Err(malformed("the body is no JSON object"));
    };
    let named = envelope.symbol.read().cloned();
    let Some(Shape(data)) = envelope.data.into_read() else {
        return Err(malformed("`data` is missing or no object"));
    };
    let ticker = about(ticker, named.as_ref(), data.symbol.read())?;
    let published = envelope.timestamp.read().and_then(|text| row::utc(text));
    let spot_time = underlying_time(&data)?;
    let class = data.security_type.read().and_then(|word| class(word));
    let spot = data.current_price;
    let rows = match data.options {
        Field::Read(rows) => rows,
        other => return Err(ParseError::Malformed(format!("`data.options` is {}, not an array", other.found()))),
    };

    let mut notes = Notes::default();
    let mut contracts = Vec::with_capacity(rows.len());
    let mut refused = Vec::new();
    let mut no_quote_fields = true;
    let mut foreign = None;
    for item in rows {
        let Some(Shape(item)) = item.into_read() else {
            refused.push(RefusedRow { symbol: String::new(), reason: RowRefusal::MissingField });
            continue;
        };
        no_quote_fields &= item.bid.is_missing() && item.ask.is_missing();
        match contract(&item, &ticker, &mut notes) {
            Ok(quote) => contracts.push(quote),
            Err(reason) => {
                let line = row::refused(&item.option, reason);
                if reason == RowRefusal::Contradiction && foreign.is_none() {
                    foreign = Some(line.symbol.clone());
                }
                refused.push(line);
            }
        }
    }
    if contracts.is_empty() && !refused.is_empty() {
        return Err(none_readable(&ticker, &refused, foreign));
    }
    if !contracts.is_empty() && no_quote_fields {
        return Err(malformed("no row has a `bid` or an `ask` field: the layout changed"));
    }
    contracts.shrink_to_fit();

    let latest_possible = match published {
        Some(at) => at.checked_add(row::CLOCK_SLACK).ok(),
        None => spot_time.and_then(|at| at.checked_add(row::TIME_SLACK).ok()),
    };
    let believable = |at: &Timestamp| latest_possible.is_none_or(|limit| *at <= limit);
    let newest_trade = contracts.iter().filter_map(|quote| quote.last.map(|last| last.time)).filter(believable).max();
    let expirations: BTreeSet<_> = contracts.iter().map(|quote| quote.symbol.expiration).collect();
    let chain = Chain {
        vendor: Vendor::Cboe,
        quote_time: newest_trade.max(spot_time.filter(believable)),
        vendor_spot: spot_price(&spot, &mut notes).map(|price| VendorSpot { price, time: spot_time }),
        vendor_yield: None,
        facts: UnderlyingFacts { class, ..UnderlyingFacts::default() },
        contracts,
        refused,
        expirations: expirations.into_iter().collect(),
        not_served: Vec::new(),
        underlying: ticker,
    };
    Ok(Reading { chain, notes })
}

/// CBOE tells what kind of thing an underlying is, and nothing else beside prices.
fn class(word: &str) -> Option<UnderlyingClass> {
    match word {
        "stock" => Some(UnderlyingClass::Stock),
        "etf" => Some(UnderlyingClass::Fund),
        "index" => Some(UnderlyingClass::Index),
        _ => None,
    }
}

/// Whose chain this is: both symbols of the body must agree with what was asked.
fn about(
    asked: Option<&Ticker>,
    outer: Option<&Cow<'_, str>>,
    inner: Option<&Cow<'_, str>>,
) -> Result<Ticker, ParseError> {
    let own = outer.or(inner).map(|text| text.trim_start_matches(['_', '^']));
    let ticker = match (asked, own) {
        (Some(ticker), _) => ticker.clone(),
        (None, Some(text)) => Ticker::parse(text).map_err(|bad| ParseError::Malformed(bad.to_string()))?,
        (None, None) => return Err(malformed("neither `symbol` nor `data.symbol` says whose chain this is")),
    };
    match [outer, inner].into_iter().flatten().find(|text| !spelling::names(text, &ticker)) {
        Some(other) => Err(ParseError::WrongSymbol { asked: spelling::cboe(&ticker), got: excerpt(other) }),
        None => Ok(ticker),
    }
}

/// A time that is there and cannot be read is a changed format: without it every chain would look undated.
fn underlying_time(data: &Data<'_>) -> Result<Option<Timestamp>, ParseError> {
    match &data.last_trade_time {
        Field::Missing | Field::Null => Ok(None),
        Field::Read(text) => row::new_york(text).map(Some).ok_or_else(|| {
            ParseError::Malformed(format!("`data.last_trade_time` is no New York time: `{}`", excerpt(text)))
        }),
        Field::Wrong(kind) => Err(ParseError::Malformed(format!("`data.last_trade_time` is {kind}, not a text"))),
    }
}

fn spot_price(field: &Field<f64>, notes: &mut Notes) -> Option<Price> {
    let price = field.read().and_then(|dollars| Price::from_dollars(*dollars).ok()).filter(|price| !price.is_zero());
    if price.is_none() {
        notes.missing("current_price");
    }
    price
}

fn contract(row: &Row<'_>, ticker: &Ticker, notes: &mut Notes) -> Result<ContractQuote, RowRefusal> {
    let symbol = row::symbol(&row.option)?;
    if !spelling::root_belongs(&symbol.root, ticker) {
        return Err(RowRefusal::Contradiction);
    }
    Ok(ContractQuote {
        symbol,
        bid: row::quoted(&row.bid, "bid", "bid_zero", notes)?,
        ask: row::quoted(&row.ask, "ask", "ask_zero", notes)?,
        last: last_trade(row, notes)?,
        volume: row::count(&row.volume, "volume", notes)?,
        open_interest: row::count(&row.open_interest, "open_interest", notes)?,
        vendor_iv: implied_volatility(row, notes)?,
    })
}

/// The last trade: null time or price 0 is "never traded".
fn last_trade(row: &Row<'_>, notes: &mut Notes) -> Result<Option<LastTrade>, RowRefusal> {
    let price = row::price(&row.last_trade_price, "last_trade_price", notes)?;
    let time = match &row.last_trade_time {
        Field::Read(text) => Some(row::new_york(text).ok_or(RowRefusal::MissingField)?),
        Field::Missing | Field::Null => {
            notes.missing("last_trade_time");
            None
        }
        Field::Wrong(_) => return Err(RowRefusal::MissingField),
    };
    Ok(price.filter(|price| !price.is_zero()).zip(time).map(|(price, time)| LastTrade { price, time }))
}

fn implied_volatility(row: &Row<'_>, notes: &mut Notes) -> Result<Option<f64>, RowRefusal> {
    let read = row::number(&row.iv, "iv", notes)?;
    Ok(read.filter(|iv| {
        let placeholder = if *iv == 0.0 {
            Some("iv_zero")
        } else if !(0.0..=row::ABSURD_IV).contains(iv) {
            Some("iv_absurd")
        } else {
            None
        };
        if let Some(what) = placeholder {
            notes.placeholder(what);
        }
        placeholder.is_none()
    }))
}

/// Every row was refused: a chain of another underlying, or a changed format.
fn none_readable(ticker: &Ticker, refused: &[RefusedRow], foreign: Option<String>) -> ParseError {
    if let Some(got) = foreign.filter(|_| refused.iter().all(|line| line.reason == RowRefusal::Contradiction)) {
        return ParseError::WrongSymbol { asked: spelling::cboe(ticker), got };
    }
    let first = &refused[0];
    ParseError::Malformed(format!(
        "none of the {} rows can be read, the first because of {} (`{}`)",
        refused.len(),
        first.reason.word(),
        excerpt(&first.symbol)
    ))
}

fn malformed(why: &str) -> ParseError {
    ParseError::Malformed(why.to_owned())
}
