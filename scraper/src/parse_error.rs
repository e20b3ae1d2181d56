//! Why a vendor's body was not understood. One variant for each thing a caller does differently; each maps to exactly
//! one [`FetchFailure`], so that nothing is lost between a parser and a ticker's outcome.
//!
//! Refuses: raw bodies in messages. What is quoted of a body is cut to [`EXCERPT`] characters and made printable.

use fleet_core::seams::FetchFailure;

/// Characters of a body that a message may quote: enough to recognise a page, too few to fill a log.
pub const EXCERPT: usize = 60;

/// Why a body was not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Not what the vendor's format says.
    #[error("{0}")]
    Malformed(String),
    /// It is about something else.
    #[error("asked for {asked}, the answer is about {got}")]
    WrongSymbol {
        /// What was asked, in the vendor's spelling.
        asked: String,
        /// What came.
        got: String,
    },
    /// The vendor does not know the symbol.
    #[error("the vendor does not know the symbol")]
    NotFound,
    /// The vendor asks to slow down.
    #[error("the vendor asks us to slow down")]
    Throttled,
    /// A challenge or block page.
    #[error("a block page: {0}")]
    Blocked(String),
    /// A page that asks for consent to cookies.
    #[error("a page that asks for consent to cookies")]
    Consent,
    /// Crumb or cookie refused.
    #[error("the vendor refuses the session: {0}")]
    Unauthorized(String),
    /// The vendor's own error.
    #[error("the vendor says {code}: {description}")]
    VendorError {
        /// Its code.
        code: String,
        /// Its words.
        description: String,
    },
}

impl ParseError {
    /// The failure a fetch reports for it.
    #[must_use]
    pub fn into_failure(self) -> FetchFailure {
        match self {
            Self::Malformed(why) => FetchFailure::Malformed(why),
            Self::WrongSymbol { asked, got } => FetchFailure::WrongSymbol { asked, got },
            Self::NotFound => FetchFailure::NotFound,
            Self::Throttled => FetchFailure::Throttled { retry_after: None },
            Self::Blocked(why) => FetchFailure::Blocked(why),
            Self::Consent => FetchFailure::Consent,
            Self::Unauthorized(why) => FetchFailure::Unauthorized(why),
            Self::VendorError { code, description } => FetchFailure::VendorError { code, description },
        }
    }
}

/// The beginning of a text for a message: at most [`EXCERPT`] characters, white space folded, nothing unprintable.
#[must_use]
pub fn excerpt(text: &str) -> String {
    // Only a bounded head is looked at: the body may have 32 MB.
    let head: String = text.chars().take(EXCERPT * 4).map(|c| if c.is_control() { ' ' } else { c }).collect();
    let folded = head.split_whitespace().collect::<Vec<_>>().join(" ");
    folded.chars().take(EXCERPT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_keeps_its_meaning_as_a_failure() {
        let word = |error: ParseError| error.into_failure().word();
        assert_eq!(word(ParseError::Malformed("x".into())), "malformed");
        assert_eq!(word(ParseError::WrongSymbol { asked: "A".into(), got: "B".into() }), "wrong_symbol");
        assert_eq!(word(ParseError::NotFound), "not_found");
        assert_eq!(word(ParseError::Throttled), "throttled");
        assert_eq!(word(ParseError::Blocked("x".into())), "blocked");
        assert_eq!(word(ParseError::Consent), "consent");
        assert_eq!(word(ParseError::Unauthorized("x".into())), "unauthorized");
        assert_eq!(word(ParseError::VendorError { code: "c".into(), description: "d".into() }), "vendor_error");
    }

    #[test]
    fn an_excerpt_is_short_and_printable() {
        let text = format!("a\u{0}b\n\t c{}", "é".repeat(1_000_000));
        let cut = excerpt(&text);
        assert!(cut.starts_with("a b c"), "{cut}");
        assert_eq!(cut.chars().count(), EXCERPT);
        assert!(!cut.contains(char::is_control));
    }
}
