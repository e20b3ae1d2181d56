//! A screener's page becomes the tickers of its rows, its own total and its own list of pages. Pure.
//!
//! Two readers: [`screener`] is the live one and accepts the current markup only; [`screener_of_any_era`] also reads
//! the older ones, for `inspect`. Both compare the table with the page's own list of rows (a comment in every page):
//! a disagreement is a changed layout and an error, never a shorter universe. A page with neither a table nor the
//! marker of an empty result is an error too.

use fleet_core::domain::Ticker;

use super::models::{Marks, marks};
use crate::parse_error::{ParseError, excerpt};
use crate::vendors::body;

/// Screener pages have up to 0.5 MB; building a document of much more would only serve an attacker.
const MAX_BYTES: usize = 4_000_000;

/// Building a document takes time with the square of the open elements, so a page of nothing but opening tags is
/// refused before it is built. Recorded pages have at most 3,046 more opening than closing tags (a cloud of 1,000
/// tickers with images and line breaks), pages of the current markup fewer than 100.
const MAX_UNCLOSED: usize = 8_000;

/// One page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScreenerPage {
    /// Rows of the whole result, over all pages.
    pub total: u32,
    /// 1-based number of this page's first row; `None` where the page does not say (an empty result).
    pub first_row: Option<u32>,
    /// Rows on this page.
    pub rows: u32,
    /// 1-based number of the first row of every page, ascending; empty when there is one page.
    pub offsets: Vec<u32>,
    /// Tickers in the page's order. A ticker may come twice.
    pub tickers: Vec<Ticker>,
    /// Rows whose code is no ticker we can scan, as written.
    pub left_out: Vec<String>,
    /// Which markup it was.
    pub era: Era,
}

/// Which markup a page has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Era {
    /// Since July 2026: a logo before the ticker.
    Logo2026,
    /// Late 2023 to mid 2026: styled rows.
    Styled2023,
    /// 2021 to mid 2023: `screener-link-primary`.
    Primary2021,
    /// 2021, bulk and cloud views: rows that are clicked.
    Clicked2021,
    /// An empty result, which looks the same in every era.
    Empty,
}

impl Era {
    /// In words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Logo2026 => "the markup since July 2026",
            Self::Styled2023 => "the markup of late 2023 to mid 2026",
            Self::Primary2021 => "the markup of 2021 to mid 2023",
            Self::Clicked2021 => "the bulk markup of 2021",
            Self::Empty => "an empty result",
        }
    }
}

/// Why a page is no screener page we understand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// It is one, and its markup is not what we know.
    LayoutChanged(String),
    /// A quote page.
    QuotePage,
    /// A quote page that says the ticker does not exist.
    UnknownTicker,
    /// Something else altogether.
    Other(ParseError),
}

impl From<Trouble> for ParseError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::LayoutChanged(why) => Self::Malformed(format!("the screener's layout changed: {why}")),
            Trouble::QuotePage => Self::Malformed("a quote page where a screener page was expected".to_owned()),
            Trouble::UnknownTicker => Self::NotFound,
            Trouble::Other(error) => error,
        }
    }
}

/// Reads a page of the current markup.
pub fn screener(bytes: &[u8]) -> Result<ScreenerPage, ParseError> {
    let marks = page_marks(bytes)?;
    let page = checked(&marks, current_rows(&marks))?;
    // Without the list of pages the rest of the result could not be asked for.
    let last_row = page.first_row.unwrap_or(1) + page.rows.saturating_sub(1);
    if page.rows > 0 && page.total > last_row && page.offsets.is_empty() {
        let why = format!("{} of {} rows, and no list of pages", page.rows, page.total);
        return Err(Trouble::LayoutChanged(why).into());
    }
    Ok(page)
}

/// Reads a page of any markup since 2021. The current one is tried first.
pub fn screener_of_any_era(bytes: &[u8]) -> Result<ScreenerPage, Trouble> {
    let marks = page_marks(bytes)?;
    let rows = current_rows(&marks).or_else(|| old_rows(&marks));
    checked(&marks, rows)
}

/// Tickers of a piece of a page (a cell, a row, a table), for `inspect`. There is no total to check.
pub fn snippet(bytes: &[u8]) -> Result<Vec<String>, Trouble> {
    let text = body::text(bytes).map_err(Trouble::Other)?;
    guard(text)?;
    let start = text.trim_start().to_ascii_lowercase();
    // A cell or a row outside a table is dropped by the HTML parser.
    let whole = if start.starts_with("<td") {
        format!("<table><tr class=\"styled-row\">{text}</tr></table>")
    } else if start.starts_with("<tr") {
        format!("<table>{text}</table>")
    } else {
        text.to_owned()
    };
    let marks = marks(&whole);
    if marks.styled_rows.is_empty() && !marks.has_empty_marker {
        return Err(Trouble::LayoutChanged("neither a row nor the marker of an empty result".to_owned()));
    }
    written(&marks.styled_rows)
}

/// Rows as written, and which markup they have.
struct Rows {
    written: Vec<Option<String>>,
    era: Era,
}

fn page_marks(bytes: &[u8]) -> Result<Marks, Trouble> {
    if bytes.trim_ascii().is_empty() {
        return Err(Trouble::Other(ParseError::Malformed("the body is empty".to_owned())));
    }
    let text = body::text(bytes).map_err(Trouble::Other)?;
    if !text.contains('<') {
        let why = format!("text where a screener page was expected: `{}`", excerpt(text));
        return Err(Trouble::Other(body::recognised(bytes).unwrap_or(ParseError::Malformed(why))));
    }
    guard(text)?;
    if text.contains("Ticker <b>") && text.contains("</b> not found") {
        return Err(Trouble::UnknownTicker);
    }
    let marks = marks(text);
    let is_screener = marks.has_table
        || marks.has_empty_marker
        || marks.own_list.is_some()
        || !marks.styled_rows.is_empty()
        || !marks.primary_links.is_empty();
    if marks.has_snapshot && !is_screener {
        return Err(Trouble::QuotePage);
    }
    // A screener page may mention anything; only a page without its marks is asked what else it is.
    if !is_screener && let Some(known) = body::recognised(bytes) {
        return Err(Trouble::Other(known));
    }
    Ok(marks)
}

/// Refuses what would take too long to build a document of.
fn guard(text: &str) -> Result<(), Trouble> {
    let refuse = |why: String| Err(Trouble::Other(ParseError::Malformed(why)));
    if text.len() > MAX_BYTES {
        return refuse(format!("{} bytes are more than any screener page has", text.len()));
    }
    let unclosed = unclosed_tags(text);
    if unclosed > MAX_UNCLOSED {
        return refuse(format!("{unclosed} more opening tags than closing ones are no page"));
    }
    Ok(())
}

/// The largest excess of opening over closing tags at any place.
fn unclosed_tags(text: &str) -> usize {
    let (mut open, mut most) = (0_usize, 0_usize);
    for pair in text.as_bytes().windows(2) {
        match pair {
            [b'<', b'/'] => open = open.saturating_sub(1),
            [b'<', letter] if letter.is_ascii_alphabetic() => {
                open += 1;
                most = most.max(open);
            }
            _ => {}
        }
    }
    most
}

fn current_rows(marks: &Marks) -> Option<Rows> {
    let era = if marks.has_logo_cells { Era::Logo2026 } else { Era::Styled2023 };
    (!marks.styled_rows.is_empty()).then(|| Rows { written: marks.styled_rows.clone(), era })
}

fn old_rows(marks: &Marks) -> Option<Rows> {
    let (written, era) = if marks.primary_links.is_empty() {
        (&marks.onclick_tickers, Era::Clicked2021)
    } else {
        (&marks.primary_links, Era::Primary2021)
    };
    (!written.is_empty()).then(|| Rows { written: written.iter().cloned().map(Some).collect(), era })
}

/// Tickers as written; a row without one is a changed layout.
fn written(rows: &[Option<String>]) -> Result<Vec<String>, Trouble> {
    let nameless = rows.iter().filter(|row| row.is_none()).count();
    if nameless > 0 {
        return Err(Trouble::LayoutChanged(format!("{nameless} of {} rows name no ticker", rows.len())));
    }
    Ok(rows.iter().flatten().cloned().collect())
}

/// Holds the rows against the page's own list and total.
fn checked(marks: &Marks, rows: Option<Rows>) -> Result<ScreenerPage, Trouble> {
    let changed = |why: String| Err(Trouble::LayoutChanged(why));
    let (table, era) = match rows {
        Some(rows) => (written(&rows.written)?, rows.era),
        None => (Vec::new(), Era::Empty),
    };
    // The bulk views of 2021 fill columns, so their rows come in another order than the list's.
    let agrees = |own: &[String]| if era == Era::Clicked2021 { sorted(own) == sorted(&table) } else { own == table };
    if let Some(own) = &marks.own_list
        && !agrees(own)
    {
        return changed(format!("the table shows {} rows, the page's own list has {}{}", table.len(), own.len(), {
            own.iter().zip(&table).find(|(own, shown)| own != shown).map_or_else(String::new, |(own, shown)| {
                format!(" (first difference: `{}` in the list, `{}` in the table)", excerpt(own), excerpt(shown))
            })
        }));
    }
    if table.is_empty() && !marks.has_empty_marker {
        return changed("neither rows nor the marker of an empty result".to_owned());
    }
    let Some((total, first_row)) = marks.total.as_deref().and_then(total_and_first) else {
        return changed("no count of rows".to_owned());
    };
    let on_page = table.len() as u32;
    if (total == 0) != table.is_empty() {
        return changed(format!("{on_page} rows on a page that counts {total} in all"));
    }
    if first_row.unwrap_or(1).saturating_add(on_page) > total.saturating_add(1) {
        return changed(format!("{on_page} rows from number {} of {total}", first_row.unwrap_or(1)));
    }
    let mut offsets = Vec::with_capacity(marks.page_options.len());
    for option in &marks.page_options {
        match option.trim().parse::<u32>() {
            Ok(row) if row >= 1 => offsets.push(row),
            _ => return changed(format!("`{}` in the list of pages is no row number", excerpt(option))),
        }
    }
    offsets.sort_unstable();
    offsets.dedup();
    let mut page =
        ScreenerPage { total, first_row, rows: on_page, offsets, tickers: Vec::new(), left_out: Vec::new(), era };
    for text in table {
        match Ticker::parse(&text) {
            Ok(ticker) => page.tickers.push(ticker),
            Err(_) => page.left_out.push(text),
        }
    }
    Ok(page)
}

fn sorted(tickers: &[String]) -> Vec<&String> {
    let mut sorted: Vec<&String> = tickers.iter().collect();
    sorted.sort();
    sorted
}

/// `#1 / 10188 Total`, `Total: 31 #1`, `0 Total`.
fn total_and_first(text: &str) -> Option<(u32, Option<u32>)> {
    if !text.contains("Total") {
        return None;
    }
    let (mut total, mut first) = (None, None);
    for word in text.split(|c: char| c.is_whitespace() || c == '/') {
        let word = word.replace(',', "");
        if let Some(number) = word.strip_prefix('#') {
            first = number.parse().ok();
        } else if total.is_none() {
            total = word.parse().ok();
        }
    }
    total.map(|total| (total, first))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_of_every_era() {
        assert_eq!(total_and_first("#1 / 10188 Total"), Some((10_188, Some(1))));
        assert_eq!(total_and_first("#21 / 1,018 Total"), Some((1018, Some(21))));
        assert_eq!(total_and_first("Total: 31 #1"), Some((31, Some(1))));
        assert_eq!(total_and_first("0 Total"), Some((0, None)));
        assert_eq!(total_and_first("Refresh:"), None);
        assert_eq!(total_and_first("Total"), None);
    }
}
