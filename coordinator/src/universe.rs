//! Which tickers: a list on the command line, a file, or the screener. Every bad ticker is named in one error.

use std::path::Path;

use fleet_core::domain::Ticker;

use crate::failure::Failure;
use crate::naming::Label;
use crate::scan::UniverseSource;

/// A universe, its label and the words that stand for it in the configuration hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Universe {
    /// Where the tickers come from.
    pub source: UniverseSource,
    /// First part of the scan id.
    pub label: Label,
    /// Two universes with the same words are the same.
    pub words: String,
}

/// A file of tickers is shorter than this; a larger one is not what was meant.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// Reads `AAPL,MSFT` or `@FILE`.
pub fn from_tickers(text: &str) -> Result<Universe, Failure> {
    match text.strip_prefix('@') {
        None => {
            let tickers = parse(text.split([',', ' ']).map(|text| (None, text)))?;
            Ok(universe(tickers, None))
        }
        Some(path) => {
            let path = Path::new(path);
            let tickers = read(path)?;
            Ok(universe(tickers, Some(path)))
        }
    }
}

/// The screener's universe.
#[must_use]
pub fn from_filter(filter: &str, label: Label) -> Universe {
    let query = query(filter);
    Universe { words: format!("screener {query}"), source: UniverseSource::Screener { filter: query }, label }
}

/// A filter's codes as a query of the overview page, most traded first; a whole query stays as it is.
fn query(filter: &str) -> String {
    let filter = filter.trim().trim_start_matches('?');
    if filter.contains('=') { filter.to_owned() } else { format!("v=111&f={filter}&o=-volume") }
}

fn universe(tickers: Vec<Ticker>, file: Option<&Path>) -> Universe {
    let label = file.map_or_else(|| Label::of_tickers(&tickers), Label::of_file);
    let mut sorted: Vec<&str> = tickers.iter().map(Ticker::as_str).collect();
    sorted.sort_unstable();
    Universe { words: format!("tickers {}", sorted.join(",")), label, source: UniverseSource::Tickers(tickers) }
}

fn read(path: &Path) -> Result<Vec<Ticker>, Failure> {
    let cannot = |why: String| {
        Failure::usage(format!("cannot read the universe file {}: {why}", path.display()))
            .hint("write one ticker a line; # begins a comment")
    };
    let size = std::fs::metadata(path).map_err(|error| cannot(error.to_string()))?.len();
    if size > MAX_FILE_BYTES {
        return Err(cannot(format!("it has {size} bytes, more than a list of tickers can have")));
    }
    let bytes = std::fs::read(path).map_err(|error| cannot(error.to_string()))?;
    let text = String::from_utf8(bytes).map_err(|_| cannot("it is not a text".to_owned()))?;
    // Editors of Windows begin a file with a byte order mark.
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let words = text.lines().enumerate().flat_map(|(at, line)| {
        let without_comment = line.split('#').next().unwrap_or_default();
        without_comment.split([',', ' ', '\t', ';']).map(move |word| (Some(at + 1), word))
    });
    parse(words.map(|(line, word)| (line.map(|line| format!("{}:{line}", path.display())), word)))
}

/// Tickers in the order they were given, none twice. Each comes with its place, if it has one.
fn parse<'a>(texts: impl Iterator<Item = (Option<String>, &'a str)>) -> Result<Vec<Ticker>, Failure> {
    let (mut tickers, mut bad) = (Vec::new(), Vec::new());
    for (place, text) in texts.map(|(place, text)| (place, text.trim())).filter(|(_, text)| !text.is_empty()) {
        match Ticker::parse(text) {
            Ok(ticker) if tickers.contains(&ticker) => {}
            Ok(ticker) => tickers.push(ticker),
            Err(error) => bad.push(place.map_or_else(|| error.to_string(), |place| format!("{place}: {error}"))),
        }
    }
    if !bad.is_empty() {
        /// As many as fit on a screen.
        const SHOWN: usize = 20;
        let more = bad.len().saturating_sub(SHOWN);
        bad.truncate(SHOWN);
        if more > 0 {
            bad.push(format!("and {more} more"));
        }
        return Err(Failure::usage(bad.join("; ")).hint("a ticker is a code such as AAPL, BRK.B or SPX"));
    }
    if tickers.is_empty() {
        return Err(Failure::usage("the list holds no ticker").hint("for example --tickers AAPL,MSFT"));
    }
    Ok(tickers)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn names(universe: &Universe) -> Vec<&str> {
        match &universe.source {
            UniverseSource::Tickers(tickers) => tickers.iter().map(Ticker::as_str).collect(),
            UniverseSource::Screener { .. } => panic!("no list"),
        }
    }

    #[test]
    fn lists_keep_their_order_and_lose_repetitions() {
        assert_eq!(names(&from_tickers("msft,AAPL, brk-b,MSFT").unwrap()), ["MSFT", "AAPL", "BRK.B"]);
    }

    #[test]
    fn every_bad_ticker_is_named() {
        let failure = from_tickers("AAPL,TOOLONG7,1X,MSFT").unwrap_err();
        assert!(failure.message.contains("`TOOLONG7`") && failure.message.contains("`1X`"), "{}", failure.message);
        assert_eq!(failure.exit, crate::failure::Exit::Usage);
        assert!(from_tickers(",").unwrap_err().message.contains("no ticker"));
    }

    #[test]
    fn files_may_hold_comments() {
        let mut file = tempfile::NamedTempFile::with_suffix(".txt").unwrap();
        write!(file, "\u{feff}# mine\nAAPL # the phone\n\nMSFT;SPX\n").unwrap();
        let universe = from_tickers(&format!("@{}", file.path().display())).unwrap();
        assert_eq!(names(&universe), ["AAPL", "MSFT", "SPX"]);
        writeln!(file, "1X").unwrap();
        let failure = from_tickers(&format!("@{}", file.path().display())).unwrap_err();
        assert!(failure.message.contains(&format!("{}:5: `1X`", file.path().display())), "{}", failure.message);
        let failure = from_tickers("@/nonexistent/list.txt").unwrap_err();
        assert!(failure.message.contains("cannot read the universe file /nonexistent/list.txt"), "{}", failure.message);
    }

    #[test]
    fn filters_become_queries() {
        assert_eq!(query("sh_opt_option"), "v=111&f=sh_opt_option&o=-volume");
        assert_eq!(query("?v=111&f=x"), "v=111&f=x");
    }
}
