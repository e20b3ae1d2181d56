//! Robinhood's bodies: whatever is read of one, it is counted, priced, dated by the body, and never of another contract.

use std::collections::BTreeMap;

use fleet_core::domain::{Instrument, OccSymbol, Price, Ticker};
use fleet_scraper::vendors::robinhood::{Uuid, parse, urls};
use jiff::civil::date;
use serde_json::Value;

use super::promises;

const BASE: &str = "https://api.robinhood.com";

/// Every reader on the same bytes.
pub fn robinhood(bytes: &[u8]) {
    chains(bytes);
    contracts(bytes);
    marks(bytes);
    bars(bytes);
    let asked = Ticker::parse("TESTX").expect("a ticker");
    match parse::spot(bytes, &asked) {
        Ok(spot) => assert!(spot.is_none_or(|spot| !spot.price.is_zero()), "{spot:?}"),
        Err(error) => promises::refusal(error),
    }
    if let Err(error) = parse::equity(bytes, &asked) {
        promises::refusal(error);
    }
    if let Some(error) = parse::trouble(bytes) {
        promises::refusal(error);
        assert!(parse::chains(bytes).is_err() && parse::read_marks(bytes).is_err(), "an error and an answer at once");
    }
    let _ = parse::retry_secs(bytes);
}

fn chains(bytes: &[u8]) {
    match parse::chains(bytes) {
        Ok(chains) => {
            let listed = rows(bytes, "results");
            assert!(listed.is_none_or(|listed| listed == chains.len()), "{listed:?} rows became {}", chains.len());
            for chain in chains {
                assert!(chain.expirations.is_sorted_by(|a, b| a < b), "{chain:?}");
                assert!(!chain.symbol.contains(char::is_control), "{chain:?}");
            }
        }
        Err(error) => promises::refusal(error),
    }
}

fn contracts(bytes: &[u8]) {
    let page = match parse::contracts(bytes) {
        Ok(page) => page,
        Err(error) => return promises::refusal(error),
    };
    promises::refused(&page.refused);
    let read = page.contracts.len() + page.refused.len();
    let listed = rows(bytes, "results");
    assert!(listed.is_none_or(|listed| listed == read), "{listed:?} rows became {read}");
    for listed in &page.contracts {
        let text = listed.symbol.to_string();
        assert_eq!(OccSymbol::parse(&text).as_ref(), Ok(&listed.symbol), "{text} does not read back");
        assert_eq!(Uuid::parse(&listed.id.to_string()), Some(listed.id));
    }
    if let Some(next) = &page.next
        && let Ok(url) = urls::next_page(BASE, next)
    {
        assert_eq!((url.scheme(), url.host_str(), url.port()), ("https", Some("api.robinhood.com"), None), "{next}");
        assert!(url.username().is_empty() && url.password().is_none(), "{next}");
    }
}

fn marks(bytes: &[u8]) {
    let reading = match parse::read_marks(bytes) {
        Ok(reading) => reading,
        Err(error) => return promises::refusal(error),
    };
    promises::refused(&reading.refused);
    let read = reading.rows.len() + reading.refused.len() + reading.unknown as usize;
    let listed = rows(bytes, "results");
    assert!(listed.is_none_or(|listed| listed == read), "{listed:?} rows became {read}");
    // Asked for as they say themselves, and one more that nobody serves: each is told once.
    let missing = OccSymbol::parse("TESTX261218C00105000").expect("a contract");
    let mut asked: BTreeMap<Uuid, OccSymbol> =
        reading.rows.iter().filter_map(|row| Some((row.id, row.symbol?))).collect();
    asked.insert(Uuid::from_bits(u128::MAX), missing);
    let marks = parse::marks(bytes, &asked).expect("what was read is read again");
    marks.quotes.iter().for_each(promises::quote);
    promises::refused(&marks.refused);
    promises::survives_json(&marks.quotes);
    assert!(marks.quotes.len() <= reading.rows.len(), "more quotes than marks");
    assert!(marks.quotes.iter().all(|quote| asked.values().any(|symbol| *symbol == quote.symbol)), "a stranger");
    assert!(marks.times.len() <= marks.quotes.len());
    let none = parse::marks(bytes, &BTreeMap::new()).expect("what was read is read again");
    assert!(none.quotes.is_empty(), "a quote of nothing that was asked for");
}

fn bars(bytes: &[u8]) {
    let reading = match parse::read_bars(bytes) {
        Ok(reading) => reading,
        Err(error) => return promises::refusal(error),
    };
    assert!(reading.bars.is_sorted_by(|a, b| a.date < b.date), "{:?}", reading.bars);
    for bar in &reading.bars {
        let priced = |price: Price| !price.is_zero() && price.dollars() <= Price::MAX_DOLLARS;
        assert!([bar.open, bar.high, bar.low, bar.close].into_iter().all(priced) && bar.low <= bar.high, "{bar:?}");
    }
    let accounted = reading.bars.len() as u64
        + u64::from(reading.incomplete)
        + u64::from(reading.interpolated)
        + u64::from(reading.repeated);
    assert_eq!(accounted, u64::from(reading.rows), "{reading:?}");
    let range = (date(2026, 1, 1), date(2026, 12, 31));
    let contract = Instrument::Contract(OccSymbol::parse("TESTX261218C00105000").expect("a contract"));
    let underlying = Instrument::Underlying(Ticker::parse("TESTX").expect("a ticker"));
    for (instrument, id) in [(underlying, None), (contract, reading.contract)] {
        match parse::bars(bytes, &instrument, id, range) {
            Ok(series) => {
                assert!(series.bars.iter().all(|bar| (range.0..=range.1).contains(&bar.date)));
                let traded =
                    matches!(instrument, Instrument::Underlying(_)) || series.bars.iter().all(|b| b.volume > 0);
                assert!(traded, "a bar of a contract that nobody traded");
                promises::survives_wire(&series);
            }
            Err(error) => promises::refusal(error),
        }
    }
}

/// Entries of an array, as an independent reader counts them; `None` where it cannot tell.
fn rows(bytes: &[u8], name: &str) -> Option<usize> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let body: Value = serde_json::from_slice(bytes).ok()?;
    body.get(name)?.as_array().map(Vec::len)
}
