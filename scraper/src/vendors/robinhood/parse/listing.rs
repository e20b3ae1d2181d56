//! Which contracts there are: the id of a stock, its chains, and pages of contracts with their ids.

use fleet_core::domain::{OccSymbol, OptionKind, RefusedRow, Root, RowRefusal, Ticker};
use jiff::civil::Date;
use serde::Deserialize;

use super::{date, malformed, object};
use crate::parse_error::{ParseError, excerpt};
use crate::spelling;
use crate::vendors::field::{Field, List, Object, Shape, Text};
use crate::vendors::robinhood::Uuid;
use crate::vendors::robinhood::decimal::{price_of, strike_of};
use crate::vendors::robinhood::models::{ChainRow, Contract, Equity, Page};
use crate::vendors::row::printable;

/// A chain as it is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedChain {
    /// Its id.
    pub id: Uuid,
    /// The root of its contracts, as written.
    pub symbol: String,
    /// Ascending; empty for a dead chain.
    pub expirations: Vec<Date>,
    /// Whether a contract delivers 100 shares and no cash: not an adjusted chain.
    pub is_standard: bool,
}

/// A contract and its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListedContract {
    /// Its id.
    pub id: Uuid,
    /// What it is.
    pub symbol: OccSymbol,
}

/// A page of contracts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContractPage {
    /// Those that can be read.
    pub contracts: Vec<ListedContract>,
    /// Those that cannot.
    pub refused: Vec<RefusedRow>,
    /// The address of the next page, as written; `None` on the last.
    pub next: Option<String>,
}

/// The id of a stock among the answers to a search for its code.
pub fn equity(bytes: &[u8], ticker: &Ticker) -> Result<Uuid, ParseError> {
    let page: Page<'_, Equity<'_>> = object(bytes)?;
    let rows = listed(&page.results)?;
    let names = |row: &&Equity<'_>| row.symbol.read().is_some_and(|text| spelling::names(text, ticker));
    match (rows.iter().copied().find(names), rows.first()) {
        (Some(found), _) => id(&found.id).ok_or_else(|| malformed("the stock has no id")),
        (None, None) => Err(ParseError::NotFound),
        (None, Some(other)) => {
            let got = other.symbol.read().map_or_else(|| other.symbol.found().to_owned(), |text| excerpt(text));
            Err(ParseError::WrongSymbol { asked: ticker.to_string(), got })
        }
    }
}

/// The chains of a page, or the one chain a body is. One that cannot be read is an error: without it the chain would be
/// short without anybody knowing.
pub fn chains(bytes: &[u8]) -> Result<Vec<ListedChain>, ParseError> {
    let page: Page<'_, ChainRow<'_>> = object(bytes)?;
    if page.results.is_missing() {
        let one: ChainRow<'_> = object(bytes)?;
        return Ok(vec![chain(&one)?]);
    }
    listed(&page.results)?.into_iter().map(chain).collect()
}

fn chain(row: &ChainRow<'_>) -> Result<ListedChain, ParseError> {
    let Some(id) = id(&row.id) else {
        return Err(ParseError::Malformed(format!("a chain's id is {}, not one", row.id.found())));
    };
    let symbol = row.symbol.read().map(|text| excerpt(text)).ok_or_else(|| malformed("a chain has no symbol"))?;
    let Some(days) = row.expiration_dates.read() else {
        let found = row.expiration_dates.found();
        return Err(ParseError::Malformed(format!("`expiration_dates` of {symbol} is {found}, not an array")));
    };
    let read = |day: &Text<'_>| day.read().and_then(|text| date(text));
    let Some(mut expirations) = days.iter().map(read).collect::<Option<Vec<_>>>() else {
        return Err(ParseError::Malformed(format!("an expiration of {symbol} is no date")));
    };
    expirations.sort_unstable();
    expirations.dedup();
    let hundred = row.trade_value_multiplier.read().and_then(|text| price_of(text)).map(|shares| shares.units());
    let has_digit = symbol.contains(|c: char| c.is_ascii_digit());
    let is_standard = hundred == Some(1_000_000) && row.cash_component.read().is_none() && !has_digit;
    Ok(ListedChain { id, symbol, expirations, is_standard })
}

/// A page of contracts, or the one contract a body is.
pub fn contracts(bytes: &[u8]) -> Result<ContractPage, ParseError> {
    let page: Page<'_, Contract<'_>> = object(bytes)?;
    let mut read = ContractPage { contracts: Vec::new(), refused: Vec::new(), next: None };
    if page.results.is_missing() {
        let one: Contract<'_> = object(bytes)?;
        add(&one, &mut read);
    } else {
        let rows = items(&page.results)?;
        for row in rows {
            match row.read() {
                Some(Shape(row)) => add(row, &mut read),
                None => read.refused.push(RefusedRow { symbol: String::new(), reason: RowRefusal::MissingField }),
            }
        }
        read.next = match &page.next {
            Field::Read(next) => Some(next.to_string()),
            Field::Null | Field::Missing => None,
            Field::Wrong(kind) => return Err(ParseError::Malformed(format!("`next` is {kind}, not an address"))),
        };
    }
    if read.contracts.is_empty()
        && let Some(first) = read.refused.first()
    {
        return Err(ParseError::Malformed(format!(
            "none of the {} contracts can be read, the first because of {} (`{}`)",
            read.refused.len(),
            first.reason.word(),
            excerpt(&first.symbol)
        )));
    }
    Ok(read)
}

fn add(row: &Contract<'_>, page: &mut ContractPage) {
    match contract(row) {
        Ok(contract) => page.contracts.push(contract),
        Err(reason) => {
            let part = |field: &Text<'_>| field.read().map_or_else(|| "?".to_owned(), |text| text.to_string());
            let [root, day, kind, strike] =
                [&row.chain_symbol, &row.expiration_date, &row.kind, &row.strike_price].map(part);
            let symbol = printable(&format!("{root} {day} {kind} {strike}"), 40);
            page.refused.push(RefusedRow { symbol, reason });
        }
    }
}

fn contract(row: &Contract<'_>) -> Result<ListedContract, RowRefusal> {
    let text = |field: &Text<'_>| field.read().map(ToString::to_string).ok_or(RowRefusal::MissingField);
    let id = id(&row.id).ok_or(RowRefusal::MissingField)?;
    // A root has no dot: contracts of BRK.B are BRKB.
    let root = text(&row.chain_symbol)?.replace('.', "");
    let root = Root::parse(&root).ok_or(RowRefusal::BadSymbol)?;
    let expiration = date(&text(&row.expiration_date)?).ok_or(RowRefusal::BadSymbol)?;
    let kind = match text(&row.kind)?.as_str() {
        "call" => OptionKind::Call,
        "put" => OptionKind::Put,
        _ => return Err(RowRefusal::BadSymbol),
    };
    let strike = strike_of(&text(&row.strike_price)?).ok_or(RowRefusal::BadPrice)?;
    // Two digits of a year are all an OCC symbol has.
    if !(2000..2100).contains(&expiration.year()) {
        return Err(RowRefusal::BadSymbol);
    }
    Ok(ListedContract { id, symbol: OccSymbol { root, expiration, kind, strike } })
}

fn id(field: &Text<'_>) -> Option<Uuid> {
    field.read().and_then(|text| Uuid::parse(text))
}

fn items<T>(list: &List<T>) -> Result<&[T], ParseError> {
    match list {
        Field::Read(rows) => Ok(rows),
        other => Err(ParseError::Malformed(format!("`results` is {}, not an array", other.found()))),
    }
}

/// The objects of a list; anything else in it is an error.
fn listed<'l, 'de, T: Deserialize<'de>>(list: &'l List<Object<T>>) -> Result<Vec<&'l T>, ParseError> {
    let objects = items(list)?.iter().map(|row| row.read().map(|Shape(row)| row));
    objects.collect::<Option<Vec<_>>>().ok_or_else(|| malformed("`results` holds something that is no object"))
}
