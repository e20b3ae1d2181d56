//! One page of a chain: the rows of one expiration, and every expiration that is listed.
//!
//! A missing volume is no trade today. Implied volatilities are a bisection's leftovers wherever there is no live
//! quote; those are dropped, the rest is kept to be shown and never used.

use std::collections::BTreeSet;

use fleet_core::domain::{
    ContractQuote, LastTrade, OptionKind, Price, RefusedRow, RowRefusal, Strike, Ticker, UnderlyingFacts, VendorSpot,
};
use jiff::Timestamp;
use jiff::civil::Date;

use super::{facts, malformed, option_result};
use crate::parse_error::{ParseError, excerpt};
use crate::spelling;
use crate::vendors::field::{Field, List, Number, Object, Shape};
use crate::vendors::row::{self, Notes};
use crate::vendors::yahoo::models::{Row, UnderlyingQuote};

/// One page: the rows of one expiration.
#[derive(Debug, Clone, PartialEq)]
pub struct ChainPage {
    /// Every expiration the vendor lists, ascending. Empty: the symbol has no options.
    pub listed: Vec<Date>,
    /// The expiration of the rows served; `None` when there are no options. When it is not in `listed`, an unlisted
    /// date was asked for and there are no rows.
    pub expiration: Option<Date>,
    /// Readable rows, calls first, in the vendor's order.
    pub rows: Vec<ContractQuote>,
    /// Rows that could not be read.
    pub refused: Vec<RefusedRow>,
    /// The underlying's price.
    pub vendor_spot: Option<VendorSpot>,
    /// The underlying's trailing dividend yield, annual fraction.
    pub vendor_yield: Option<f64>,
    /// What the underlying is, when it reports, what it is worth.
    pub facts: UnderlyingFacts,
    /// The newest trade of any row: the best date the quotes have.
    pub newest_trade: Option<Timestamp>,
}

/// A page, whose it is, and what was noticed while reading it.
#[derive(Debug, Clone, PartialEq)]
pub struct PageReading {
    /// As the vendor spells it.
    pub symbol: String,
    /// The page.
    pub page: ChainPage,
    /// Missing fields and placeholders.
    pub notes: Notes,
}

impl ChainPage {
    /// Whether the page answers a date that is not listed: no rows, though the symbol has options.
    #[must_use]
    pub fn is_unlisted_date(&self) -> bool {
        self.rows.is_empty()
            && self.refused.is_empty()
            && !self.listed.is_empty()
            && self.expiration.is_some_and(|day| !self.listed.contains(&day))
    }
}

/// Reads one page of the chain of one underlying.
pub fn chain_page(bytes: &[u8], ticker: &Ticker) -> Result<ChainPage, ParseError> {
    read_chain_page(bytes, Some(ticker)).map(|reading| reading.page)
}

/// Reads one page with notes. Without a ticker the body's own symbol is believed, and roots are not checked: it may
/// be one that has no canonical spelling (`GC=F`).
pub fn read_chain_page(bytes: &[u8], ticker: Option<&Ticker>) -> Result<PageReading, ParseError> {
    let result = option_result(bytes)?;
    let symbol = match (result.underlying_symbol.read(), ticker) {
        (Some(text), Some(ticker)) if !spelling::names(text, ticker) => {
            return Err(ParseError::WrongSymbol { asked: spelling::yahoo(ticker), got: excerpt(text) });
        }
        (Some(text), _) => excerpt(text),
        (None, _) => return Err(malformed("`underlyingSymbol` is missing")),
    };
    let own = Ticker::parse(symbol.trim_start_matches('^')).ok();
    let ticker = ticker.or(own.as_ref());
    let mut notes = Notes::default();
    let vendor_spot = result.quote.read().and_then(|Shape(quote)| spot(quote, &mut notes));
    let vendor_yield = result.quote.read().and_then(|Shape(quote)| dividend_yield(quote));
    let facts = result.quote.read().map(|Shape(quote)| facts::facts(quote)).unwrap_or_default();
    let listed = listed(&result.expiration_dates)?;
    let blocks = match result.options {
        Field::Read(blocks) => blocks,
        other => return Err(ParseError::Malformed(format!("`options` is {}, not an array", other.found()))),
    };
    let mut page = ChainPage {
        listed,
        expiration: None,
        rows: Vec::new(),
        refused: Vec::new(),
        vendor_spot,
        vendor_yield,
        facts,
        newest_trade: None,
    };
    let Some(block) = blocks.into_iter().next() else {
        if page.listed.is_empty() {
            return Ok(PageReading { symbol, page, notes });
        }
        return Err(malformed("expirations are listed, but there is no block of options"));
    };
    let Some(Shape(block)) = block.into_read() else { return Err(malformed("`options` holds no object")) };
    let Some(expiration) = block.expiration_date.read().and_then(|seconds| row::utc_date(*seconds)) else {
        return Err(ParseError::Malformed(format!(
            "`expirationDate` is {}, not a date",
            block.expiration_date.found()
        )));
    };
    page.expiration = Some(expiration);
    let wanted = |kind| Wanted { ticker, expiration, kind };
    let mut has_quotes = false;
    for (rows, kind, name) in [(block.calls, OptionKind::Call, "calls"), (block.puts, OptionKind::Put, "puts")] {
        has_quotes |= add_rows(rows, name, &wanted(kind), &mut page, &mut notes)?;
    }
    if page.rows.is_empty()
        && let Some(first) = page.refused.first()
    {
        return Err(none_readable(ticker, &page.refused, first));
    }
    if !page.rows.is_empty() && !has_quotes {
        return Err(malformed("no row has a `bid` or an `ask` field: the layout changed"));
    }
    page.newest_trade = newest_trade(&page);
    Ok(PageReading { symbol, page, notes })
}

/// What a row must be about.
struct Wanted<'a> {
    ticker: Option<&'a Ticker>,
    expiration: Date,
    kind: OptionKind,
}

/// Adds one side's rows. Says whether any of them has a bid or an ask field.
fn add_rows(
    rows: List<Object<Row<'_>>>,
    name: &str,
    wanted: &Wanted<'_>,
    page: &mut ChainPage,
    notes: &mut Notes,
) -> Result<bool, ParseError> {
    let rows = match rows {
        Field::Read(rows) => rows,
        other => return Err(ParseError::Malformed(format!("`{name}` is {}, not an array", other.found()))),
    };
    let mut has_quotes = false;
    page.rows.reserve(rows.len());
    for item in rows {
        let Some(Shape(item)) = item.into_read() else {
            page.refused.push(RefusedRow { symbol: String::new(), reason: RowRefusal::MissingField });
            continue;
        };
        has_quotes |= !(item.bid.is_missing() && item.ask.is_missing());
        match contract(&item, wanted, notes) {
            Ok(quote) => page.rows.push(quote),
            Err(reason) => page.refused.push(row::refused(&item.contract_symbol, reason)),
        }
    }
    Ok(has_quotes)
}

fn contract(row: &Row<'_>, wanted: &Wanted<'_>, notes: &mut Notes) -> Result<ContractQuote, RowRefusal> {
    let symbol = row::symbol(&row.contract_symbol)?;
    let strike = row::number(&row.strike, "strike", notes)?;
    let expiration = row::number(&row.expiration, "expiration", notes)?;
    let agrees = symbol.kind == wanted.kind
        && symbol.expiration == wanted.expiration
        && wanted.ticker.is_none_or(|ticker| spelling::root_belongs(&symbol.root, ticker))
        && strike.is_none_or(|dollars| Strike::from_dollars(dollars) == Some(symbol.strike))
        && expiration.is_none_or(|seconds| row::utc_date(seconds) == Some(symbol.expiration));
    if !agrees {
        return Err(RowRefusal::Contradiction);
    }
    let bid = row::quoted(&row.bid, "bid", "bid_zero", notes)?;
    let ask = row::quoted(&row.ask, "ask", "ask_zero", notes)?;
    Ok(ContractQuote {
        symbol,
        bid,
        ask,
        last: last_trade(row, notes)?,
        // Yahoo leaves the volume out when nothing traded today.
        volume: Some(row::count(&row.volume, "volume", notes)?.unwrap_or(0)),
        open_interest: row::count(&row.open_interest, "open_interest", notes)?,
        vendor_iv: implied_volatility(row, bid.or(ask), notes)?,
    })
}

fn last_trade(row: &Row<'_>, notes: &mut Notes) -> Result<Option<LastTrade>, RowRefusal> {
    let price = row::price(&row.last_price, "last_price", notes)?.filter(|price| !price.is_zero());
    let time = match row::number(&row.last_trade_date, "last_trade_date", notes)? {
        None => None,
        Some(seconds) => Some(row::epoch(seconds).ok_or(RowRefusal::MissingField)?),
    };
    Ok(price.zip(time).map(|(price, time)| LastTrade { price, time }))
}

/// The vendor's implied volatility, unless it is a placeholder; without any quote it is nothing else.
fn implied_volatility(row: &Row<'_>, quoted: Option<Price>, notes: &mut Notes) -> Result<Option<f64>, RowRefusal> {
    let Some(iv) = row::number(&row.implied_volatility, "implied_volatility", notes)? else { return Ok(None) };
    let placeholder = if is_bisection_leftover(iv) {
        Some("iv_placeholder")
    } else if quoted.is_none() {
        Some("iv_without_quote")
    } else if !(0.0..=row::ABSURD_IV).contains(&iv) {
        Some("iv_absurd")
    } else {
        None
    };
    if let Some(what) = placeholder {
        notes.placeholder(what);
    }
    Ok(Some(iv).filter(|_| placeholder.is_none()))
}

/// 2⁻¹ to 2⁻¹³; the next step is below 1e-4.
const STEPS: [f64; 13] = {
    let (mut steps, mut at) = ([0.5; 13], 1);
    while at < steps.len() {
        steps[at] = steps[at - 1] / 2.0;
        at += 1;
    }
    steps
};

/// Yahoo bisects between 1e-5 and 1 and stops where it stands: 1e-5 itself and 2⁻ᵏ + 1e-5 × (1 − 2⁻ᵏ) are steps, not
/// answers; 2⁻ᵏ itself is none of them. Measured over 12,982 recorded rows, see FORMATS 1.
fn is_bisection_leftover(iv: f64) -> bool {
    if (0.0..=1e-4).contains(&iv) {
        return true;
    }
    STEPS.iter().any(|step| (4e-6..=1.1e-5).contains(&(iv - step)))
}

/// No underlying pays out more than it is worth in a year; such a number is a mistake.
fn dividend_yield(quote: &UnderlyingQuote<'_>) -> Option<f64> {
    quote.trailing_annual_dividend_yield.read().copied().filter(|yield_| (0.0..=1.0).contains(yield_))
}

fn spot(quote: &UnderlyingQuote<'_>, notes: &mut Notes) -> Option<VendorSpot> {
    let price = quote
        .regular_market_price
        .read()
        .and_then(|dollars| Price::from_dollars(*dollars).ok())
        .filter(|price| !price.is_zero());
    if price.is_none() {
        notes.missing("regular_market_price");
    }
    let time = quote.regular_market_time.read().and_then(|seconds| row::epoch(*seconds));
    price.map(|price| VendorSpot { price, time })
}

fn listed(dates: &List<Number>) -> Result<Vec<Date>, ParseError> {
    let Some(dates) = dates.read() else {
        return Err(ParseError::Malformed(format!("`expirationDates` is {}, not an array", dates.found())));
    };
    let read: Option<BTreeSet<Date>> =
        dates.iter().map(|field| field.read().and_then(|seconds| row::utc_date(*seconds))).collect();
    read.map(|days| days.into_iter().collect())
        .ok_or_else(|| malformed("`expirationDates` holds something that is no date"))
}

/// The newest trade that is not absurdly later than the underlying's own time.
fn newest_trade(page: &ChainPage) -> Option<Timestamp> {
    let limit = page.vendor_spot.and_then(|spot| spot.time).and_then(|at| at.checked_add(row::TIME_SLACK).ok());
    page.rows
        .iter()
        .filter_map(|quote| quote.last.map(|last| last.time))
        .filter(|at| limit.is_none_or(|limit| *at <= limit))
        .max()
}

fn none_readable(ticker: Option<&Ticker>, refused: &[RefusedRow], first: &RefusedRow) -> ParseError {
    let foreign = |line: &RefusedRow| {
        fleet_core::domain::OccSymbol::parse(&line.symbol)
            .is_ok_and(|symbol| ticker.is_some_and(|ticker| !spelling::root_belongs(&symbol.root, ticker)))
    };
    if let Some(ticker) = ticker.filter(|_| refused.iter().all(foreign)) {
        return ParseError::WrongSymbol { asked: spelling::yahoo(ticker), got: first.symbol.clone() };
    }
    ParseError::Malformed(format!(
        "none of the {} rows can be read, the first because of {} (`{}`)",
        refused.len(),
        first.reason.word(),
        excerpt(&first.symbol)
    ))
}
