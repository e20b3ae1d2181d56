//! One reader a kind: the vendor's own parser, then its answer in the words of an [`Inspection`].

use std::collections::{BTreeMap, BTreeSet};

use fleet_core::domain::{ContractQuote, EarningsDate, OptionKind, RefusedRow, UnderlyingFacts, VendorSpot};
use jiff::Timestamp;
use jiff::civil::Date;

use super::{Inspection, Kind, RefusedRows, Verdict};
use crate::parse_error::{ParseError, excerpt};
use crate::vendors::row::Notes;
use crate::vendors::{body, cboe, finviz, robinhood, yahoo};

pub fn yahoo_options(bytes: &[u8]) -> Inspection {
    let reading = match yahoo::parse::read_chain_page(bytes, None) {
        Ok(reading) => reading,
        Err(error) => return failed(Kind::YahooOptions, &error),
    };
    let page = reading.page;
    let listed = page.listed.len();
    let (verdict, detail) = if page.is_unlisted_date() {
        let asked = page.expiration.map_or_else(String::new, |day| day.to_string());
        (Verdict::UnlistedDate, format!("{asked} is not among the {listed} listed expirations; the symbol has options"))
    } else if page.expiration.is_none() {
        (Verdict::NoOptions, "the symbol has no options".to_owned())
    } else {
        (Verdict::Understood, sides(&page.rows))
    };
    let mut inspection = started(Kind::YahooOptions, verdict, page.rows.len(), detail);
    inspection.facts.insert("symbol", reading.symbol);
    if let Some(day) = page.expiration {
        inspection.facts.insert("expiration", day.to_string());
    }
    add_chain(&mut inspection, &page.rows, &page.refused, &reading.notes);
    add_facts(&mut inspection, &page.facts);
    add_dates(&mut inspection, &page.listed, page.newest_trade, page.vendor_spot);
    inspection
}

fn add_facts(inspection: &mut Inspection, facts: &UnderlyingFacts) {
    if let Some(class) = facts.class {
        inspection.facts.insert("class", class.word().to_owned());
    }
    if let Some(dollars) = facts.market_cap {
        inspection.facts.insert("market_cap", format!("{dollars:.0}"));
    }
    if let Some(reports) = &facts.earnings {
        let text =
            |report: &EarningsDate| format!("{}{}", report.date, if report.estimated { " (estimate)" } else { "" });
        inspection.facts.insert("reports", reports.iter().map(text).collect::<Vec<_>>().join(", "));
    }
}

pub fn cboe(bytes: &[u8]) -> Inspection {
    let reading = match cboe::parse::read(bytes, None) {
        Ok(reading) => reading,
        Err(error) => return failed(Kind::Cboe, &error),
    };
    let chain = reading.chain;
    let (verdict, detail) = if chain.contracts.is_empty() {
        (Verdict::NoOptions, "the symbol has no options".to_owned())
    } else {
        (Verdict::Understood, sides(&chain.contracts))
    };
    let mut inspection = started(Kind::Cboe, verdict, chain.contracts.len(), detail);
    inspection.facts.insert("symbol", chain.underlying.to_string());
    let roots: BTreeSet<String> = chain.contracts.iter().map(|quote| quote.symbol.root.to_string()).collect();
    inspection.facts.insert("roots", roots.into_iter().collect::<Vec<_>>().join(", "));
    add_chain(&mut inspection, &chain.contracts, &chain.refused, &reading.notes);
    add_dates(&mut inspection, &chain.expirations, chain.quote_time, chain.vendor_spot);
    inspection
}

pub fn yahoo_chart(bytes: &[u8]) -> Inspection {
    let reading = match yahoo::parse::read_bars(bytes) {
        Ok(reading) => reading,
        Err(error) => return failed(Kind::YahooChart, &error),
    };
    // Several rows of a date are one daily bar, and as many bars of a shorter interval.
    let interval = reading.interval.as_deref().unwrap_or("unknown interval");
    let again = if interval == "1d" { 0 } else { reading.repeated as usize };
    let complete = reading.bars.len() + reading.impossible.len() + again;
    let dates = reading.bars.first().zip(reading.bars.last()).map(|(first, last)| (first.date, last.date));
    let (verdict, detail) = match dates {
        None if reading.rows == 0 => (Verdict::NoBars, "the range holds no bars".to_owned()),
        None => (Verdict::NoBars, format!("none of {} rows is a usable bar", reading.rows)),
        Some((first, last)) => (Verdict::Understood, format!("bars of {interval} from {first} to {last}")),
    };
    let mut inspection = started(Kind::YahooChart, verdict, complete, detail);
    if interval != "1d" && verdict == Verdict::Understood {
        inspection.facts.insert("read_by_a_scan", "no, a scan reads daily bars".to_owned());
    }
    inspection.facts.insert("symbol", reading.symbol);
    inspection.facts.insert("rows_in_body", reading.rows.to_string());
    let (incomplete, repeated) = (u64::from(reading.incomplete), u64::from(reading.repeated));
    let refused = [
        ("incomplete", incomplete, Vec::new()),
        ("repeated_date", if interval == "1d" { repeated } else { 0 }, Vec::new()),
        ("bad_price", reading.impossible.len() as u64, reading.impossible),
    ];
    for (reason, rows, dates) in refused.into_iter().filter(|(_, rows, _)| *rows > 0) {
        let examples = dates.iter().take(RefusedRows::EXAMPLES).map(ToString::to_string).collect();
        inspection.refused.insert(reason, RefusedRows { rows, examples });
    }
    if let Some(day) = reading.last_split {
        inspection.facts.insert("last_split", day.to_string());
    }
    if let Some(last) = reading.dividends.last() {
        let (paid, amount) = (reading.dividends.len(), last.amount);
        inspection.facts.insert("dividends", format!("{paid}, the last of {amount} on {}", last.ex_date));
    }
    inspection
}

pub fn yahoo_crumb(bytes: &[u8]) -> Inspection {
    match yahoo::parse::crumb(bytes) {
        // The crumb itself is half of a credential: it is not shown.
        Ok(crumb) => {
            let detail = format!("a crumb of {} characters", crumb.len());
            started(Kind::YahooCrumb, Verdict::Understood, 1, detail)
        }
        Err(error) => failed(Kind::YahooCrumb, &error),
    }
}

pub fn finviz_screener(bytes: &[u8]) -> Inspection {
    let page = match finviz::parse::screener_of_any_era(bytes) {
        Ok(page) => page,
        Err(trouble) => return troubled(Kind::FinvizScreener, trouble),
    };
    let verdict = if page.rows == 0 { Verdict::EmptyResult } else { Verdict::Understood };
    let mut inspection = started(Kind::FinvizScreener, verdict, page.rows as usize, page.era.words().to_owned());
    inspection.facts.insert("total", page.total.to_string());
    inspection.facts.insert("pages", page.offsets.len().max(1).to_string());
    if let Some(first) = page.first_row {
        inspection.facts.insert("first_row", first.to_string());
    }
    let readable_live = finviz::parse::screener(bytes).is_ok();
    inspection.facts.insert("read_by_a_scan", if readable_live { "yes" } else { "no, an older markup" }.to_owned());
    if !page.left_out.is_empty() {
        let rows = page.left_out.len() as u64;
        let examples = page.left_out.into_iter().take(RefusedRows::EXAMPLES).collect();
        inspection.refused.insert("no_ticker", RefusedRows { rows, examples });
    }
    inspection
}

pub fn finviz_snippet(bytes: &[u8]) -> Inspection {
    match finviz::parse::snippet(bytes) {
        Ok(tickers) => {
            let detail = "a piece of a screener page: its rows are read, its total is not there to check".to_owned();
            let mut inspection = started(Kind::FinvizScreenerSnippet, Verdict::Snippet, tickers.len(), detail);
            inspection.facts.insert("tickers", excerpt(&tickers.join(" ")));
            inspection
        }
        Err(trouble) => troubled(Kind::FinvizScreenerSnippet, trouble),
    }
}

pub fn finviz_quote(bytes: &[u8]) -> Inspection {
    match finviz::parse::screener_of_any_era(bytes) {
        Ok(_) => failed(Kind::FinvizQuote, &ParseError::Malformed("a screener page, no quote page".to_owned())),
        Err(trouble) => troubled(Kind::FinvizQuote, trouble),
    }
}

pub fn error_body(bytes: &[u8]) -> Inspection {
    // Any of the readers names the error; the one for chains knows all of Yahoo's shapes.
    let error = body::recognised(bytes).or_else(|| robinhood::parse::trouble(bytes)).or_else(|| {
        yahoo::parse::is_error_body(bytes).then(|| match yahoo::parse::read_chain_page(bytes, None) {
            Err(error @ ParseError::Malformed(_)) => yahoo::parse::read_bars(bytes).err().unwrap_or(error),
            Err(error) => error,
            Ok(_) => ParseError::Malformed("an answer and an error at once".to_owned()),
        })
    });
    let detail = match error {
        Some(error) => error.to_string(),
        None => format!("no answer of a vendor we read: `{}`", excerpt(&String::from_utf8_lossy(head(bytes)))),
    };
    started(Kind::ErrorBody, Verdict::VendorError, 0, detail)
}

pub fn unknown(bytes: &[u8]) -> Inspection {
    let detail = if bytes.trim_ascii().is_empty() {
        "the file is empty".to_owned()
    } else {
        format!("no kind of body we read: `{}`", excerpt(&String::from_utf8_lossy(head(bytes))))
    };
    started(Kind::Unknown, Verdict::Unrecognised, 0, detail)
}

fn head(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.len().min(512)]
}

pub(super) fn started(kind: Kind, verdict: Verdict, rows: usize, detail: String) -> Inspection {
    Inspection {
        kind,
        verdict,
        rows: rows as u64,
        missing: BTreeMap::new(),
        placeholders: BTreeMap::new(),
        refused: BTreeMap::new(),
        facts: BTreeMap::new(),
        detail,
    }
}

pub(super) fn failed(kind: Kind, error: &ParseError) -> Inspection {
    let verdict = match error {
        ParseError::Malformed(_) | ParseError::WrongSymbol { .. } => Verdict::Malformed,
        ParseError::NotFound => Verdict::UnknownTicker,
        ParseError::Throttled
        | ParseError::Blocked(_)
        | ParseError::Consent
        | ParseError::Unauthorized(_)
        | ParseError::VendorError { .. } => Verdict::VendorError,
    };
    started(kind, verdict, 0, error.to_string())
}

fn troubled(kind: Kind, trouble: finviz::parse::Trouble) -> Inspection {
    use finviz::parse::Trouble;
    match trouble {
        Trouble::LayoutChanged(why) => started(kind, Verdict::LayoutChanged, 0, why),
        Trouble::QuotePage => {
            started(kind, Verdict::NotAScreener, 0, "a quote page, which a scan does not read".to_owned())
        }
        Trouble::UnknownTicker => {
            started(kind, Verdict::UnknownTicker, 0, "the vendor says the ticker does not exist".to_owned())
        }
        Trouble::Other(error) => failed(kind, &error),
    }
}

fn sides(rows: &[ContractQuote]) -> String {
    let calls = rows.iter().filter(|quote| quote.symbol.kind == OptionKind::Call).count();
    let puts = rows.len() - calls;
    let quoted = rows.iter().filter(|quote| quote.mid().is_some()).count();
    format!("{calls} calls and {puts} puts, {quoted} of them with a bid below an ask")
}

fn add_chain(inspection: &mut Inspection, rows: &[ContractQuote], refused: &[RefusedRow], notes: &Notes) {
    add_rows(inspection, refused, notes);
    let distinct: BTreeSet<_> = rows.iter().map(|quote| quote.symbol).collect();
    let again = rows.len() - distinct.len();
    if again > 0 {
        inspection.facts.insert("duplicate_contracts", again.to_string());
    }
}

pub(super) fn add_rows(inspection: &mut Inspection, refused: &[RefusedRow], notes: &Notes) {
    inspection.missing.clone_from(&notes.missing);
    inspection.placeholders.clone_from(&notes.placeholders);
    for line in refused {
        let group = inspection.refused.entry(line.reason.word()).or_default();
        group.rows += 1;
        if group.examples.len() < RefusedRows::EXAMPLES {
            group.examples.push(excerpt(&line.symbol));
        }
    }
}

pub(super) fn add_dates(
    inspection: &mut Inspection,
    listed: &[Date],
    quoted: Option<Timestamp>,
    spot: Option<VendorSpot>,
) {
    if let Some((first, last)) = listed.first().zip(listed.last()) {
        inspection.facts.insert("expirations", format!("{}, from {first} to {last}", listed.len()));
    }
    if let Some(at) = quoted {
        inspection.facts.insert("quote_time", at.to_string());
    }
    if let Some(spot) = spot {
        let when = spot.time.map_or_else(String::new, |at| format!(" at {at}"));
        inspection.facts.insert("vendor_spot", format!("{}{when}", spot.price));
    }
}
