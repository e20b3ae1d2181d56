//! What a recorded vendor body holds, for a person on the day a vendor changes its format.
//!
//! [`inspect`] reads the same bytes with the same parsers as a scan does (and the older screener markups besides) and
//! says what was understood: rows, missing fields, placeholders discarded, rows refused and why. It never fails and
//! never panics: a body nobody understands is an [`Inspection`] with a verdict that says so.
//!
//! A kind is told from the content. An error object is [`Kind::ErrorBody`] whatever was asked for, because every API
//! of a vendor answers with the same one; give the kind explicitly where that matters.

mod detect;
mod read;
mod robinhood;

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

/// What a body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A page of a Yahoo option chain.
    YahooOptions,
    /// Bars from Yahoo.
    YahooChart,
    /// The crumb of Yahoo's handshake.
    YahooCrumb,
    /// A chain of CBOE's delayed quotes.
    Cboe,
    /// Chains of Robinhood: which expirations there are.
    RobinhoodChains,
    /// Contracts of Robinhood, a page of them or one.
    RobinhoodInstruments,
    /// Marks of Robinhood: what contracts quote.
    RobinhoodMarks,
    /// Bars from Robinhood.
    RobinhoodHistoricals,
    /// A page of Finviz's screener.
    FinvizScreener,
    /// A piece of such a page, without its head and total.
    FinvizScreenerSnippet,
    /// A quote page of Finviz.
    FinvizQuote,
    /// An error object, a rate-limit text, a block or consent page.
    ErrorBody,
    /// None of these.
    Unknown,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Rows were read.
    Understood,
    /// The symbol has no options.
    NoOptions,
    /// The date asked for is not an expiration of the symbol.
    UnlistedDate,
    /// The range holds no bars.
    NoBars,
    /// The screener found nothing.
    EmptyResult,
    /// A piece of a page was read.
    Snippet,
    /// The vendor reports an error.
    VendorError,
    /// The vendor does not know the symbol.
    UnknownTicker,
    /// The format is not what we know.
    Malformed,
    /// A screener page whose markup is not what we know.
    LayoutChanged,
    /// A page of the vendor, but not of its screener.
    NotAScreener,
    /// No kind we read.
    Unrecognised,
}

/// Rows refused for one reason.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RefusedRows {
    /// How many.
    pub rows: u64,
    /// Up to [`RefusedRows::EXAMPLES`] symbols, as written.
    pub examples: Vec<String>,
}

impl RefusedRows {
    /// As many as a person wants to look at.
    pub const EXAMPLES: usize = 5;
}

/// What a body holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Inspection {
    /// What it is.
    pub kind: Kind,
    /// What became of it.
    pub verdict: Verdict,
    /// Readable contracts; bars without a null (those whose prices cannot be are also in `refused`); tickers.
    pub rows: u64,
    /// Fields that were missing or null, with the number of rows.
    pub missing: BTreeMap<&'static str, u64>,
    /// Placeholders read as "nothing", with the number of rows.
    pub placeholders: BTreeMap<&'static str, u64>,
    /// Rows refused, by reason. In JSON they are `refused_rows`: `refused` is whether the whole file is.
    #[serde(rename = "refused_rows")]
    pub refused: BTreeMap<&'static str, RefusedRows>,
    /// What else is worth knowing (`symbol`, `quote_time`, `expirations`, …), in words.
    pub facts: BTreeMap<&'static str, String>,
    /// One sentence.
    pub detail: String,
}

/// Reads a body. Without a kind it is told from the content.
#[must_use]
pub fn inspect(bytes: &[u8], kind: Option<Kind>) -> Inspection {
    let kind = kind.unwrap_or_else(|| detect::kind(bytes));
    match kind {
        Kind::YahooOptions => read::yahoo_options(bytes),
        Kind::YahooChart => read::yahoo_chart(bytes),
        Kind::YahooCrumb => read::yahoo_crumb(bytes),
        Kind::Cboe => read::cboe(bytes),
        Kind::RobinhoodChains => robinhood::chains(bytes),
        Kind::RobinhoodInstruments => robinhood::instruments(bytes),
        Kind::RobinhoodMarks => robinhood::marks(bytes),
        Kind::RobinhoodHistoricals => robinhood::historicals(bytes),
        Kind::FinvizScreener => read::finviz_screener(bytes),
        Kind::FinvizScreenerSnippet => read::finviz_snippet(bytes),
        Kind::FinvizQuote => read::finviz_quote(bytes),
        Kind::ErrorBody => read::error_body(bytes),
        Kind::Unknown => read::unknown(bytes),
    }
}

impl Kind {
    /// All of them, in the order they are listed to people.
    pub const ALL: [Self; 13] = [
        Self::YahooOptions,
        Self::YahooChart,
        Self::YahooCrumb,
        Self::Cboe,
        Self::RobinhoodChains,
        Self::RobinhoodInstruments,
        Self::RobinhoodMarks,
        Self::RobinhoodHistoricals,
        Self::FinvizScreener,
        Self::FinvizScreenerSnippet,
        Self::FinvizQuote,
        Self::ErrorBody,
        Self::Unknown,
    ];

    /// The word used by `--kind` and in output.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::YahooOptions => "yahoo_options",
            Self::YahooChart => "yahoo_chart",
            Self::YahooCrumb => "yahoo_crumb",
            Self::Cboe => "cboe",
            Self::RobinhoodChains => "robinhood_chains",
            Self::RobinhoodInstruments => "robinhood_instruments",
            Self::RobinhoodMarks => "robinhood_marks",
            Self::RobinhoodHistoricals => "robinhood_historicals",
            Self::FinvizScreener => "finviz_screener",
            Self::FinvizScreenerSnippet => "finviz_screener_snippet",
            Self::FinvizQuote => "finviz_quote",
            Self::ErrorBody => "error_body",
            Self::Unknown => "unknown",
        }
    }

    /// The kind of a word; a dash is as good as an underscore.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        let word = word.trim().to_ascii_lowercase().replace('-', "_");
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

impl Verdict {
    /// The word used in output.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Understood => "understood",
            Self::NoOptions => "no_options",
            Self::UnlistedDate => "unlisted_date",
            Self::NoBars => "no_bars",
            Self::EmptyResult => "empty_result",
            Self::Snippet => "snippet",
            Self::VendorError => "vendor_error",
            Self::UnknownTicker => "unknown_ticker",
            Self::Malformed => "malformed",
            Self::LayoutChanged => "layout_changed",
            Self::NotAScreener => "not_a_screener",
            Self::Unrecognised => "unrecognised",
        }
    }

    /// Whether a scan could not use such a body: it holds an error, or nothing we understand.
    #[must_use]
    pub const fn is_refusal(self) -> bool {
        match self {
            Self::Understood
            | Self::NoOptions
            | Self::UnlistedDate
            | Self::NoBars
            | Self::EmptyResult
            | Self::Snippet => false,
            Self::VendorError
            | Self::UnknownTicker
            | Self::Malformed
            | Self::LayoutChanged
            | Self::NotAScreener
            | Self::Unrecognised => true,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

impl Inspection {
    /// Whether the file was refused (the CLI's exit 3).
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.verdict.is_refusal()
    }

    /// The inspection in plain lines, the most important first.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!("{}: {}, {} rows", self.kind, self.verdict, self.rows), self.detail.clone()];
        lines.extend(self.facts.iter().map(|(name, value)| format!("{name}: {value}")));
        lines.extend(counts("missing", &self.missing));
        lines.extend(counts("placeholders discarded", &self.placeholders));
        lines.extend(self.refused.iter().map(|(reason, group)| {
            let more = if group.rows > group.examples.len() as u64 { ", …" } else { "" };
            format!("refused: {} rows, {reason}: {}{more}", group.rows, group.examples.join(", "))
        }));
        lines
    }
}

fn counts(what: &str, counts: &BTreeMap<&'static str, u64>) -> Option<String> {
    let listed: Vec<String> = counts.iter().map(|(name, rows)| format!("{name} {rows}")).collect();
    (!listed.is_empty()).then(|| format!("{what}: {}", listed.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_the_serialised_ones_and_read_back() {
        for kind in Kind::ALL {
            assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{}\"", kind.word()));
            assert_eq!(Kind::from_word(&kind.word().replace('_', "-")), Some(kind));
        }
        assert_eq!(Kind::from_word("nonsense"), None);
        assert_eq!(serde_json::to_string(&Verdict::NotAScreener).unwrap(), "\"not_a_screener\"");
    }
}
