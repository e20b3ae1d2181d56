//! How each vendor spells a ticker. Canonical is `BRK.B` and `SPX`; the table is here and nowhere else.
//!
//! | canonical | CBOE | Yahoo | Finviz |
//! |---|---|---|---|
//! | `AAPL` | `AAPL` | `AAPL` | `AAPL` |
//! | `BRK.B` | `BRK.B` | `BRK-B` | `BRK-B` |
//! | `SPX` | `_SPX` | `^SPX` | – (no indices) |
//!
//! Refuses: URL encoding, which belongs to the `urls` module of each vendor.

use fleet_core::domain::{Instrument, Root, Ticker};

/// CBOE: a dot before a class, an underscore before an index.
#[must_use]
pub fn cboe(ticker: &Ticker) -> String {
    if ticker.is_index() { format!("_{ticker}") } else { ticker.to_string() }
}

/// Yahoo: a dash before a class, a caret before an index.
#[must_use]
pub fn yahoo(ticker: &Ticker) -> String {
    if ticker.is_index() { format!("^{ticker}") } else { dashed(ticker) }
}

/// Finviz: a dash before a class. It lists no indices.
#[must_use]
pub fn finviz(ticker: &Ticker) -> String {
    dashed(ticker)
}

/// Yahoo's chart symbol of an underlying or a contract (the compact OCC symbol).
#[must_use]
pub fn yahoo_instrument(instrument: &Instrument) -> String {
    match instrument {
        Instrument::Underlying(ticker) => yahoo(ticker),
        Instrument::Contract(symbol) => symbol.to_string(),
    }
}

/// Whether a vendor's spelling (any of them) names this ticker.
#[must_use]
pub fn names(text: &str, ticker: &Ticker) -> bool {
    let bare = text.trim().trim_start_matches(['^', '_']);
    Ticker::parse(bare).is_ok_and(|read| read == *ticker)
}

/// Second roots of an index: its weeklies and end-of-day series, listed in the same chain.
const SECOND_ROOTS: &[(&str, &str)] = &[("NDX", "NDXP"), ("RUT", "RUTW"), ("SPX", "SPXW"), ("VIX", "VIXW")];

/// Whether contracts of this root are written on this underlying: the ticker without its dot, a second root of an
/// index, or either with the digit of an adjusted contract (`AAPL1`).
#[must_use]
pub fn root_belongs(root: &Root, ticker: &Ticker) -> bool {
    let plain: String = ticker.as_str().chars().filter(|c| *c != '.').collect();
    let written = root.as_str();
    let unadjusted = written.trim_end_matches(|c: char| c.is_ascii_digit());
    let is = |root: &str| root == plain || SECOND_ROOTS.contains(&(plain.as_str(), root));
    is(written) || is(unadjusted)
}

fn dashed(ticker: &Ticker) -> String {
    ticker.as_str().replace('.', "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(ticker: &str, expected: [&str; 3]) {
        let ticker = Ticker::parse(ticker).unwrap();
        assert_eq!([cboe(&ticker), yahoo(&ticker), finviz(&ticker)], expected);
        assert!(expected.iter().all(|written| names(written, &ticker)));
    }

    #[test]
    fn each_vendor_has_its_spelling() {
        check("AAPL", ["AAPL", "AAPL", "AAPL"]);
        check("BRK.B", ["BRK.B", "BRK-B", "BRK-B"]);
        check("SPX", ["_SPX", "^SPX", "SPX"]);
    }

    fn belongs(root: &str, ticker: &str) -> bool {
        root_belongs(&Root::parse(root).unwrap(), &Ticker::parse(ticker).unwrap())
    }

    #[test]
    fn roots_that_belong_to_an_underlying() {
        for (root, ticker) in [
            ("AAPL", "AAPL"),
            ("AAPL1", "AAPL"),
            ("BRKB", "BRK.B"),
            ("BRKB2", "BRK.B"),
            ("SPXW", "SPX"),
            ("SPX", "SPX"),
            ("RUTW", "RUT"),
            ("NDXP", "NDX"),
        ] {
            assert!(belongs(root, ticker), "{root} is a root of {ticker}");
        }
        for (root, ticker) in [("MSFT", "AAPL"), ("AAPLW", "AAPL"), ("A", "AAPL"), ("SPXW", "RUT"), ("1", "AAPL")] {
            assert!(!belongs(root, ticker), "{root} is no root of {ticker}");
        }
    }
}
