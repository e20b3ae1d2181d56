//! The validated code of an underlying. Canonical spelling: upper case, a dot before a share class (`BRK.B`),
//! indices bare (`SPX`). Each vendor's own spelling is the scraper's business.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::excerpt::excerpt;

/// The code of an underlying, in canonical spelling. One to six letters or digits beginning with a letter, then
/// optionally a dot and a class of one or two letters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Ticker(String);

/// Why a text is not a ticker.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a ticker: {why}")]
pub struct BadTicker {
    /// What was given, printable and shortened to 40 characters.
    pub text: String,
    /// The rule it breaks.
    pub why: &'static str,
}

/// Underlyings that are indices: their options are European (but OEX) and vendors spell them with a mark.
const INDICES: &[&str] = &["DJX", "MRUT", "NDX", "OEX", "RUT", "SPX", "VIX", "XEO", "XND", "XSP"];

impl Ticker {
    /// Reads a ticker as people and vendors write it: case is folded, `-` and `/` before a class become a dot.
    pub fn parse(text: &str) -> Result<Self, BadTicker> {
        let bad = |why| BadTicker { text: excerpt(text, 40), why };
        let folded: String =
            text.trim().chars().map(|c| if c == '-' || c == '/' { '.' } else { c.to_ascii_uppercase() }).collect();
        let (base, class) = match folded.split_once('.') {
            Some((base, class)) => (base, Some(class)),
            None => (folded.as_str(), None),
        };
        if base.is_empty() {
            return Err(bad("it is empty"));
        }
        if base.len() > 6 {
            return Err(bad("it is longer than six characters"));
        }
        if !base.starts_with(|c: char| c.is_ascii_uppercase()) {
            return Err(bad("it must begin with a letter"));
        }
        if !base.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit()) {
            return Err(bad("only letters and digits are allowed, and one dot before a share class"));
        }
        if let Some(class) = class
            && (class.is_empty() || class.len() > 2 || !class.chars().all(|c| c.is_ascii_uppercase()))
        {
            return Err(bad("the share class after the dot must be one or two letters"));
        }
        Ok(Self(folded))
    }

    /// The canonical spelling.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is a known index (a table, not a guess).
    #[must_use]
    pub fn is_index(&self) -> bool {
        INDICES.binary_search(&self.0.as_str()).is_ok()
    }
}

impl fmt::Display for Ticker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for Ticker {
    type Err = BadTicker;
    fn from_str(text: &str) -> Result<Self, BadTicker> {
        Self::parse(text)
    }
}

impl TryFrom<String> for Ticker {
    type Error = BadTicker;
    fn try_from(text: String) -> Result<Self, BadTicker> {
        Self::parse(&text)
    }
}

impl From<Ticker> for String {
    fn from(ticker: Ticker) -> Self {
        ticker.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_fold_to_one() {
        for text in ["BRK.B", "brk-b", "BRK/B", " BRK.B "] {
            assert_eq!(Ticker::parse(text).unwrap().as_str(), "BRK.B");
        }
        assert!(Ticker::parse("spx").unwrap().is_index());
        assert!(!Ticker::parse("AAPL").unwrap().is_index());
    }

    #[test]
    fn what_is_not_a_ticker_is_refused_with_its_reason() {
        for text in ["", "TOOLONG7", "1ABC", "A B", "BRK.", "BRK.BBB", "A.B.C", "^SPX", "ÄPFEL"] {
            assert!(Ticker::parse(text).is_err(), "{text:?} was taken for a ticker");
        }
    }

    #[test]
    fn the_index_table_is_sorted() {
        assert!(INDICES.is_sorted());
    }
}
