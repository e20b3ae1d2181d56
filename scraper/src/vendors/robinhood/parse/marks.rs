//! Marks: what contracts quote. And the price of the stock.
//!
//! A trade's price comes without its time, so no last trade is told. Quotes are live: the newest `updated_at` dates them.

use std::collections::BTreeMap;

use fleet_core::domain::{ContractQuote, OccSymbol, Price, RefusedRow, RowRefusal, Ticker, VendorSpot};
use jiff::Timestamp;

use super::{instant, malformed, object};
use crate::parse_error::{ParseError, excerpt};
use crate::spelling;
use crate::vendors::field::{Field, Number, Object, Shape, Text};
use crate::vendors::robinhood::models::{Mark, Page, Quote};
use crate::vendors::robinhood::{Uuid, decimal};
use crate::vendors::row::{self, Notes, printable};

/// One mark, read without knowing the contract its id stands for.
#[derive(Debug, Clone, PartialEq)]
pub struct MarkRow {
    /// Which contract.
    pub id: Uuid,
    /// The contract as the mark itself says; `None` in bodies of 2018.
    pub symbol: Option<OccSymbol>,
    /// Best bid; `None`: nobody.
    pub bid: Option<Price>,
    /// Best ask; `None`: nobody.
    pub ask: Option<Price>,
    /// Contracts traded this session.
    pub volume: Option<u64>,
    /// Open contracts, previous session.
    pub open_interest: Option<u64>,
    /// Annual fraction.
    pub vendor_iv: Option<f64>,
    /// When it was brought up to date.
    pub updated_at: Option<Timestamp>,
}

/// A body of marks, and what was noticed while reading it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MarksReading {
    /// Those that can be read.
    pub rows: Vec<MarkRow>,
    /// Those that cannot.
    pub refused: Vec<RefusedRow>,
    /// Nulls: contracts the vendor knows nothing of.
    pub unknown: u64,
    /// Missing fields and placeholders.
    pub notes: Notes,
}

/// The quotes of a batch of contracts.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Marks {
    /// Readable ones.
    pub quotes: Vec<ContractQuote>,
    /// Contracts of the batch without a readable mark, each with the reason.
    pub refused: Vec<RefusedRow>,
    /// When each of them was brought up to date.
    pub times: Vec<Timestamp>,
}

/// Reads the marks of a batch. Each contract of the batch is in `quotes` or in `refused`; a mark of another one, or one that
/// contradicts its contract, is never taken. Two marks of one contract are both in `quotes`: the analysis refuses them.
pub fn marks(bytes: &[u8], asked: &BTreeMap<Uuid, OccSymbol>) -> Result<Marks, ParseError> {
    let reading = read_marks(bytes)?;
    let mut read = Marks { refused: reading.refused, ..Marks::default() };
    let mut waiting = asked.clone();
    for row in reading.rows {
        waiting.remove(&row.id);
        let Some(symbol) = asked.get(&row.id).copied() else {
            let symbol = row.symbol.map_or_else(|| row.id.to_string(), |symbol| symbol.to_string());
            read.refused.push(RefusedRow { symbol, reason: RowRefusal::Contradiction });
            continue;
        };
        // Robinhood writes the root of the chain; whatever else differs is another contract.
        if row.symbol.is_some_and(|own| own != symbol) {
            read.refused.push(RefusedRow { symbol: symbol.to_string(), reason: RowRefusal::Contradiction });
            continue;
        }
        read.times.extend(row.updated_at);
        read.quotes.push(ContractQuote {
            symbol,
            bid: row.bid,
            ask: row.ask,
            last: None,
            volume: row.volume,
            open_interest: row.open_interest,
            vendor_iv: row.vendor_iv,
        });
    }
    // A row that was refused by its symbol is in the list already.
    for symbol in waiting.into_values().map(|symbol| symbol.to_string()) {
        if !read.refused.iter().any(|row| row.symbol == symbol) {
            read.refused.push(RefusedRow { symbol, reason: RowRefusal::MissingField });
        }
    }
    Ok(read)
}

/// Reads a batch of marks, or the one mark a body is, whatever contracts they are of.
pub fn read_marks(bytes: &[u8]) -> Result<MarksReading, ParseError> {
    let page: Page<'_, Mark<'_>> = object(bytes)?;
    let mut reading = MarksReading::default();
    let mut no_quote_fields = true;
    let mut add = |mark: &Mark<'_>, reading: &mut MarksReading| {
        no_quote_fields &= mark.bid_price.is_missing() && mark.ask_price.is_missing();
        match mark_row(mark, &mut reading.notes) {
            Ok(row) => reading.rows.push(row),
            Err(reason) => reading.refused.push(RefusedRow { symbol: named(mark), reason }),
        }
    };
    match &page.results {
        Field::Missing => add(&object::<Mark<'_>>(bytes)?, &mut reading),
        Field::Read(rows) => {
            for row in rows {
                match row {
                    Field::Read(Shape(mark)) => add(mark, &mut reading),
                    Field::Null => reading.unknown += 1,
                    Field::Missing | Field::Wrong(_) => {
                        reading.refused.push(RefusedRow { symbol: String::new(), reason: RowRefusal::MissingField });
                    }
                }
            }
        }
        Field::Null | Field::Wrong(_) => {
            return Err(ParseError::Malformed(format!("`results` is {}, not an array", page.results.found())));
        }
    }
    if reading.rows.is_empty()
        && let Some(first) = reading.refused.first()
    {
        return Err(ParseError::Malformed(format!(
            "none of the {} marks can be read, the first because of {} (`{}`)",
            reading.refused.len(),
            first.reason.word(),
            excerpt(&first.symbol)
        )));
    }
    if !reading.rows.is_empty() && no_quote_fields {
        return Err(malformed("no mark has a `bid_price` or an `ask_price` field: the layout changed"));
    }
    Ok(reading)
}

/// How a mark that cannot be read is shown: in the compact form where it says so itself.
fn named(mark: &Mark<'_>) -> String {
    let written = mark.occ_symbol.read().or_else(|| mark.instrument_id.read()).or_else(|| mark.instrument.read());
    written.map_or_else(String::new, |text| {
        OccSymbol::parse(text).map_or_else(|_| printable(text, 40), |symbol| symbol.to_string())
    })
}

fn mark_row(mark: &Mark<'_>, notes: &mut Notes) -> Result<MarkRow, RowRefusal> {
    let address = mark.instrument.read().and_then(|text| Uuid::at_end_of(text));
    let own = mark.instrument_id.read().and_then(|text| Uuid::parse(text));
    let id = match (own, address) {
        (Some(own), Some(address)) if own != address => return Err(RowRefusal::Contradiction),
        (own, address) => own.or(address).ok_or(RowRefusal::MissingField)?,
    };
    let symbol = match &mark.occ_symbol {
        Field::Read(text) => Some(OccSymbol::parse(text).map_err(|_| RowRefusal::BadSymbol)?),
        Field::Missing | Field::Null => None,
        Field::Wrong(_) => return Err(RowRefusal::MissingField),
    };
    Ok(MarkRow {
        id,
        symbol,
        bid: decimal::quoted(&mark.bid_price, "bid_price", "bid_zero", notes)?,
        ask: decimal::quoted(&mark.ask_price, "ask_price", "ask_zero", notes)?,
        volume: counted(&mark.volume, "volume", notes)?,
        open_interest: counted(&mark.open_interest, "open_interest", notes)?,
        vendor_iv: implied_volatility(&mark.implied_volatility, notes)?,
        updated_at: updated(&mark.updated_at, notes)?,
    })
}

fn counted(field: &Number, name: &'static str, notes: &mut Notes) -> Result<Option<u64>, RowRefusal> {
    row::count(field, name, notes)
}

fn implied_volatility(field: &Text<'_>, notes: &mut Notes) -> Result<Option<f64>, RowRefusal> {
    match field {
        Field::Read(text) => {
            let read = decimal::statistic(text).ok_or(RowRefusal::BadPrice)?;
            let placeholder = if read == 0.0 {
                "iv_zero"
            } else if !(0.0..=row::ABSURD_IV).contains(&read) {
                "iv_absurd"
            } else {
                return Ok(Some(read));
            };
            notes.placeholder(placeholder);
            Ok(None)
        }
        Field::Missing | Field::Null => {
            notes.missing("implied_volatility");
            Ok(None)
        }
        Field::Wrong(_) => Err(RowRefusal::MissingField),
    }
}

fn updated(field: &Text<'_>, notes: &mut Notes) -> Result<Option<Timestamp>, RowRefusal> {
    match field {
        Field::Read(text) => instant(text).map(Some).ok_or(RowRefusal::MissingField),
        Field::Missing | Field::Null => {
            notes.missing("updated_at");
            Ok(None)
        }
        Field::Wrong(_) => Err(RowRefusal::MissingField),
    }
}

/// The price a stock last traded at, with its time. `None`: it has none.
pub fn spot(bytes: &[u8], ticker: &Ticker) -> Result<Option<VendorSpot>, ParseError> {
    let read: Object<Quote<'_>> = match super::trouble(bytes) {
        Some(error) => return Err(error),
        None => crate::vendors::body::json(bytes)?,
    };
    let Some(Shape(quote)) = read.into_read() else { return Err(malformed("the body is no JSON object")) };
    match quote.symbol.read() {
        Some(symbol) if spelling::names(symbol, ticker) => {}
        Some(other) => {
            return Err(ParseError::WrongSymbol { asked: ticker.to_string(), got: excerpt(other) });
        }
        None => return Err(malformed("`symbol` is missing")),
    }
    let price = match &quote.last_trade_price {
        Field::Read(text) => decimal::price_of(text).ok_or_else(|| malformed("`last_trade_price` is no price"))?,
        Field::Missing | Field::Null => return Ok(None),
        Field::Wrong(kind) => {
            return Err(ParseError::Malformed(format!("`last_trade_price` is {kind}, not a text")));
        }
    };
    let time = quote.venue_last_trade_time.read().and_then(|text| instant(text));
    Ok(Some(VendorSpot { price, time }).filter(|spot| !spot.price.is_zero()))
}
