//! What more than one target promises.

use std::fmt::Debug;

use fleet_core::domain::{ContractQuote, Price, RefusedRow};
use fleet_core::wire::{Wire, decode, encode};
use fleet_scraper::parse_error::ParseError;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Characters of a message about a vendor's body: two excerpts and a sentence around them.
const MESSAGE: usize = 600;

/// A message is one printable sentence: nothing in it moves a terminal's cursor or fills a log.
pub fn printable(text: &str) {
    assert!(!text.is_empty(), "an empty message");
    assert!(!text.contains(char::is_control), "a control character in {text:?}");
    assert!(text.chars().count() <= MESSAGE, "{} characters: {text}", text.chars().count());
}

/// The same of a parser's refusal, also in the words of a failed fetch.
pub fn refusal(error: ParseError) {
    printable(&error.to_string());
    let failure = error.into_failure();
    printable(&failure.to_string());
    assert!(!failure.word().is_empty());
}

/// What a vendor's row of a chain must be once it was read.
pub fn quote(quote: &ContractQuote) {
    let listed =
        |price: Option<Price>| price.is_none_or(|price| !price.is_zero() && price.dollars() <= Price::MAX_DOLLARS);
    assert!(listed(quote.bid) && listed(quote.ask), "no price: {quote:?}");
    assert!(listed(quote.last.map(|last| last.price)), "no trade: {quote:?}");
    assert!(quote.vendor_iv.is_none_or(|iv| iv > 0.0 && iv <= 5.0), "no volatility: {quote:?}");
}

/// A refused row is shown to people: short and printable.
pub fn refused(rows: &[RefusedRow]) {
    for row in rows {
        assert!(row.symbol.chars().count() <= 40 && !row.symbol.contains(char::is_control), "{row:?}");
    }
}

/// A value is read back from its JSON as it was. (JSON has no NaN: one in a value is lost here, and found.)
pub fn survives_json<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T) {
    let text = serde_json::to_string(value).expect("a domain value can be written as JSON");
    let again: T = serde_json::from_str(&text).unwrap_or_else(|why| panic!("{why}: {text}"));
    assert_eq!(&again, value, "{text}");
}

/// A value crosses the wire unchanged, and is written the same the second time.
pub fn survives_wire<T: Wire + PartialEq + Debug>(value: &T) {
    let bytes = encode(value).expect("a domain value can be encoded");
    let again: T = decode(&bytes).unwrap_or_else(|why| panic!("{why:?}: {}", String::from_utf8_lossy(&bytes)));
    assert_eq!(&again, value, "{}", String::from_utf8_lossy(&bytes));
    assert_eq!(encode(&again).ok(), Some(bytes));
}
