//! Chains of CBOE and of Yahoo.

use std::collections::BTreeSet;

use fleet_core::domain::{OptionKind, Ticker};
use fleet_scraper::spelling;
use fleet_scraper::vendors::{cboe, yahoo};
use serde_json::Value;

use super::promises;

/// CBOE's whole chain: every row is kept or refused, and what is kept belongs to the underlying.
pub fn cboe_chain(bytes: &[u8]) {
    let reading = match cboe::parse::read(bytes, None) {
        Ok(reading) => reading,
        Err(error) => return promises::refusal(error),
    };
    let chain = reading.chain;
    chain.contracts.iter().for_each(promises::quote);
    promises::refused(&chain.refused);
    let rows = rows_of(bytes, &["/data/options"]);
    assert!(rows.is_none_or(|rows| rows == chain.rows()), "{rows:?} rows became {}", chain.rows());
    let expirations: BTreeSet<_> = chain.contracts.iter().map(|quote| quote.symbol.expiration).collect();
    assert!(chain.expirations.iter().eq(&expirations), "the expirations are not those of the contracts, in order");
    let own = |quote: &fleet_core::domain::ContractQuote| spelling::root_belongs(&quote.symbol.root, &chain.underlying);
    assert!(chain.contracts.iter().all(own), "a contract of another underlying");
    let trades = chain.contracts.iter().filter_map(|quote| quote.last.map(|last| last.time));
    let spot = chain.vendor_spot.and_then(|spot| spot.time);
    // (The underlying's time dates quotes also where its price is missing.)
    assert!(
        chain.quote_time.is_none_or(|at| trades.chain(spot).any(|known| known == at) || chain.vendor_spot.is_none()),
        "the quotes are dated by nothing in the body"
    );
    promises::survives_json(&chain);
    // Asked for by its own name, it is the same; asked for by another one, it is refused.
    assert_eq!(cboe::parse::chain(bytes, &chain.underlying).as_ref(), Ok(&chain));
    let other = Ticker::parse(if chain.underlying.as_str() == "QQQ" { "SPY" } else { "QQQ" }).expect("a ticker");
    assert!(cboe::parse::chain(bytes, &other).is_err(), "the chain of another underlying was taken");
}

/// One page of Yahoo's chain: rows of one expiration, calls first, each agreeing with its page.
pub fn yahoo_chain(bytes: &[u8]) {
    let reading = match yahoo::parse::read_chain_page(bytes, None) {
        Ok(reading) => reading,
        Err(error) => return promises::refusal(error),
    };
    let page = &reading.page;
    promises::printable(&reading.symbol);
    page.rows.iter().for_each(promises::quote);
    promises::refused(&page.refused);
    assert!(page.listed.is_sorted_by(|a, b| a < b), "{:?}", page.listed);
    assert!(page.rows.iter().all(|quote| Some(quote.symbol.expiration) == page.expiration && quote.volume.is_some()));
    assert!(page.rows.is_sorted_by_key(|quote| quote.symbol.kind == OptionKind::Put), "puts before calls");
    let rows = rows_of(bytes, &["/optionChain/result/0/options/0/calls", "/optionChain/result/0/options/0/puts"]);
    let read = page.rows.len() + page.refused.len();
    assert!(rows.is_none_or(|rows| rows == read || page.expiration.is_none()), "{rows:?} rows became {read}");
    let trades: BTreeSet<_> = page.rows.iter().filter_map(|quote| quote.last.map(|last| last.time)).collect();
    assert!(page.newest_trade.is_none_or(|at| trades.contains(&at)), "dated by nothing in the body");
    promises::survives_json(&page.rows);
    let asked = Ticker::parse("TESTX").expect("a ticker");
    match yahoo::parse::chain_page(bytes, &asked) {
        Ok(own) => {
            assert!(spelling::names(&reading.symbol, &asked), "{} was taken for {asked}", reading.symbol);
            assert!(own.rows.iter().all(|quote| spelling::root_belongs(&quote.symbol.root, &asked)));
        }
        Err(error) => promises::refusal(error),
    }
}

/// Entries of the arrays at these places together; `None` where an independent reader cannot tell (too deep for it, or
/// an array is missing).
fn rows_of(bytes: &[u8], places: &[&str]) -> Option<usize> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let body: Value = serde_json::from_slice(bytes).ok()?;
    places.iter().map(|place| body.pointer(place).and_then(Value::as_array).map(Vec::len)).sum()
}
