//! The shape of a screener page, as the HTML has it: one pass over the document collects every mark that any era of
//! the page has. What the marks mean is decided in `parse`.
//!
//! | era | a row | its ticker |
//! |---|---|---|
//! | since July 2026 | `tr.styled-row` | `td[data-boxover-ticker]`, else `a.tab-link` (beside an `a.company-ticker` whose logo letter must not be read) |
//! | late 2023 – mid 2026 | `tr.styled-row` | `td[data-boxover-ticker]`, else `a.tab-link`, else `t=` of a link |
//! | 2021 – mid 2023 | | `a.screener-link-primary` |
//! | 2021, bulk and cloud views | `onclick` to `quote.ashx?t=` | from that link |
//!
//! In every era: `<!-- TS … TE -->` with one `TICKER|price|volume` line a row; a count (`#1 / 146 Total`, formerly
//! `Total: 31 #1`); `select#pageSelect` whose option values are row numbers.

use scraper::{CaseSensitivity, ElementRef, Html, Node};

use crate::vendors::row;

/// The marks of a page, in document order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Marks {
    /// One element a `tr.styled-row`: its ticker, if it has one.
    pub styled_rows: Vec<Option<String>>,
    /// Whether a row has the logo cell of July 2026.
    pub has_logo_cells: bool,
    /// Texts of `a.screener-link-primary`.
    pub primary_links: Vec<String>,
    /// Tickers of `onclick` links.
    pub onclick_tickers: Vec<String>,
    /// Whether `table.screener_table` is there.
    pub has_table: bool,
    /// Whether `table#js-screener-body-empty` is there.
    pub has_empty_marker: bool,
    /// Text of `#screener-total`, else of the first `.count-text` that says "Total".
    pub total: Option<String>,
    /// Values of `select#pageSelect`.
    pub page_options: Vec<String>,
    /// Tickers of the TS comment, if there is one.
    pub own_list: Option<Vec<String>>,
    /// Whether the snapshot table of a quote page is there.
    pub has_snapshot: bool,
}

/// Collects the marks of a document.
#[must_use]
pub fn marks(html: &str) -> Marks {
    let document = Html::parse_document(html);
    let mut marks = Marks::default();
    let mut counted = None;
    for node in document.tree.root().descendants() {
        if let Node::Comment(comment) = node.value() {
            if marks.own_list.is_none() {
                marks.own_list = own_list(comment);
            }
            continue;
        }
        let Some(element) = ElementRef::wrap(node) else { continue };
        let id = element.value().attr("id").unwrap_or_default();
        match element.value().name() {
            "table" => {
                marks.has_table |= has_class(&element, "screener_table");
                marks.has_empty_marker |= id == "js-screener-body-empty";
                marks.has_snapshot |= has_class(&element, "snapshot-table2");
            }
            "tr" if has_class(&element, "styled-row") => {
                marks.styled_rows.push(row_ticker(&element));
            }
            "a" if has_class(&element, "screener-link-primary") => marks.primary_links.push(own_text(&element)),
            "a" => marks.has_logo_cells |= has_class(&element, "company-ticker"),
            "select" if id == "pageSelect" => marks.page_options = option_values(&element),
            _ => {}
        }
        if let Some(ticker) = element.value().attr("onclick").and_then(onclick_ticker) {
            marks.onclick_tickers.push(ticker);
        }
        if id == "screener-total" {
            marks.total = Some(own_text(&element));
        } else if counted.is_none() && has_class(&element, "count-text") {
            counted = Some(own_text(&element)).filter(|text| text.contains("Total"));
        }
    }
    marks.total = marks.total.or(counted);
    marks
}

fn has_class(element: &ElementRef<'_>, class: &str) -> bool {
    element.value().has_class(class, CaseSensitivity::CaseSensitive)
}

/// No mark is longer than a line.
const MAX_CHARS: usize = 200;

/// All text below an element, cut.
fn own_text(element: &ElementRef<'_>) -> String {
    line(&element.text().flat_map(str::chars).take(MAX_CHARS).collect::<String>())
}

/// A mark as people are shown it.
fn line(text: &str) -> String {
    row::printable(text.trim(), MAX_CHARS).trim().to_owned()
}

fn row_ticker(row: &ElementRef<'_>) -> Option<String> {
    let elements = || row.descendants().filter_map(ElementRef::wrap);
    let links = || elements().filter(|element| element.value().name() == "a");
    let attribute = elements().find_map(|element| element.value().attr("data-boxover-ticker").map(line));
    attribute
        .or_else(|| links().find(|link| has_class(link, "tab-link")).map(|link| own_text(&link)))
        .or_else(|| links().find_map(|link| link.value().attr("href").and_then(query_ticker)))
        .filter(|text| !text.is_empty())
}

/// `t` of `stock?t=AAPL&ty=c` or `quote.ashx?t=AAPL&ty=c`.
fn query_ticker(href: &str) -> Option<String> {
    let (_, query) = href.split_once('?')?;
    let value = query.split('&').find_map(|pair| pair.strip_prefix("t="))?;
    (!value.is_empty()).then(|| line(value))
}

/// The ticker of `window.location='quote.ashx?t=AAPL&ty=c'`.
fn onclick_ticker(script: &str) -> Option<String> {
    let target = script.strip_prefix("window.location='quote.ashx?")?;
    query_ticker(&format!("?{}", target.trim_end_matches(['\'', ';'])))
}

fn option_values(select: &ElementRef<'_>) -> Vec<String> {
    select
        .descendants()
        .filter_map(ElementRef::wrap)
        .filter(|element| element.value().name() == "option")
        .filter_map(|option| option.value().attr("value").map(str::to_owned))
        .collect()
}

fn own_list(comment: &str) -> Option<Vec<String>> {
    let lines = comment.trim().strip_prefix("TS")?.strip_suffix("TE")?;
    let ticker = |row: &str| line(row.split('|').next().unwrap_or_default());
    Some(lines.lines().map(ticker).filter(|ticker| !ticker.is_empty()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A code that is no ticker is shown to people as it was written.
    #[test]
    fn no_mark_moves_a_cursor_or_fills_a_screen() {
        let written = format!("A\u{1b}[2J{}", "x".repeat(300));
        let page = format!(
            "<table><tr class=styled-row><td data-boxover-ticker='{written}'></td></tr>\
             <tr class=styled-row><td><a class=tab-link>{written}</a></td></tr>\
             <tr class=styled-row><td><a href='quote.ashx?t={written}&ty=c'></a></td></tr></table>\
             <a class=screener-link-primary>{written}</a><!-- TS\n{written}|1|2\nTE -->"
        );
        let marks = marks(&page);
        let styled: Vec<String> = marks.styled_rows.into_iter().flatten().collect();
        assert_eq!((styled.len(), marks.primary_links.len()), (3, 1));
        for mark in styled.iter().chain(&marks.primary_links).chain(&marks.own_list.unwrap_or_default()) {
            assert!(mark.starts_with("A [2Jx") && mark.chars().count() <= MAX_CHARS, "{mark:?}");
        }
    }
}
