//! What a body is, told from its content alone. Cheap marks only: a truncated body must still be recognised as what
//! it was meant to be.

use super::Kind;
use crate::vendors::{body, yahoo};

/// How far into a body its marks are looked for. Every vendor names its kind at the beginning.
const HEAD_BYTES: usize = 4096;

/// Error objects without a known name are this small; anything larger is data we do not read.
const SMALL_BYTES: usize = 1024;

/// Tells the kind.
pub fn kind(bytes: &[u8]) -> Kind {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes).trim_ascii_start();
    match bytes.first() {
        None => Kind::Unknown,
        Some(b'{' | b'[') => json_kind(bytes),
        Some(_) => text_kind(bytes),
    }
}

fn json_kind(bytes: &[u8]) -> Kind {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(HEAD_BYTES)]);
    let has = |mark: &str| head.contains(mark);
    if yahoo::parse::is_error_body(bytes) {
        Kind::ErrorBody
    } else if has("\"optionChain\"") {
        Kind::YahooOptions
    } else if has("\"chart\"") {
        Kind::YahooChart
    } else if has("\"data\"") && (has("\"options\"") || has("\"option\"") || has("\"current_price\"")) {
        Kind::Cboe
    } else if let Some(kind) = robinhood_kind(&head) {
        kind
    } else if bytes.len() <= SMALL_BYTES && bytes.starts_with(b"{") && !has("\"result") {
        Kind::ErrorBody
    } else {
        Kind::Unknown
    }
}

/// Robinhood's lists all have the same frame: what their rows are is told by fields that no other row has.
fn robinhood_kind(head: &str) -> Option<Kind> {
    let has = |mark: &str| head.contains(mark);
    if !head.starts_with('{') {
        None
    } else if has("\"expiration_dates\"") && has("\"trade_value_multiplier\"") {
        Some(Kind::RobinhoodChains)
    } else if has("\"strike_price\"") && has("\"chain_symbol\"") {
        Some(Kind::RobinhoodInstruments)
    } else if has("\"break_even_price\"") || (has("\"bid_price\"") && has("\"open_interest\"")) {
        Some(Kind::RobinhoodMarks)
    } else if has("\"begins_at\"") || has("\"data_points\"") {
        Some(Kind::RobinhoodHistoricals)
    } else {
        None
    }
}

fn text_kind(bytes: &[u8]) -> Kind {
    let text = String::from_utf8_lossy(bytes);
    let has = |mark: &str| text.contains(mark);
    let is_page = has("<body") || has("<BODY");
    if !has("<") {
        return if body::recognised(bytes).is_some() {
            Kind::ErrorBody
        } else if yahoo::parse::crumb(bytes).is_ok() {
            Kind::YahooCrumb
        } else {
            Kind::Unknown
        };
    }
    let screener_marks =
        ["screener_table", "styled-row", "screener-link", "js-screener-body-empty", "pageSelect", "<!-- TS"];
    if screener_marks.iter().any(|mark| has(mark)) {
        return if is_page { Kind::FinvizScreener } else { Kind::FinvizScreenerSnippet };
    }
    if has("data-boxover-ticker") && !is_page {
        Kind::FinvizScreenerSnippet
    } else if has("snapshot-table2") || (has("Ticker <b>") && has("</b> not found")) {
        Kind::FinvizQuote
    } else if body::recognised(bytes).is_some() {
        Kind::ErrorBody
    } else if has("finviz") && has("screener") {
        Kind::FinvizScreener
    } else {
        Kind::Unknown
    }
}
