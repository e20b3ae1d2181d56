//! Finviz's screener, from our own fixtures.

use fleet_scraper::inspect::{Verdict, inspect};
use fleet_scraper::parse_error::ParseError;
use fleet_scraper::vendors::finviz::parse::{Era, ScreenerPage, screener, screener_of_any_era};

pub const CURRENT: &str = include_str!("../../fixtures/finviz_2026.html");
const OLD: &str = include_str!("../../fixtures/finviz_2021.html");
const EMPTY: &str = include_str!("../../fixtures/finviz_empty.html");

fn tickers(page: &ScreenerPage) -> Vec<&str> {
    page.tickers.iter().map(fleet_core::domain::Ticker::as_str).collect()
}

#[test]
fn the_current_markup_is_read() {
    let page = screener(CURRENT.as_bytes()).unwrap();
    assert_eq!(tickers(&page), ["TESTX", "BRK.B"], "the logo's letter is no part of a ticker");
    assert_eq!(page.left_out, ["UNITS-WTA"]);
    assert_eq!((page.total, page.first_row, page.rows, page.era), (43, Some(21), 3, Era::Logo2026));
    assert_eq!(page.offsets, [1, 21, 41], "the page's own numbers, not a constant step");
}

#[test]
fn an_older_markup_is_for_inspect_only() {
    let page = screener_of_any_era(OLD.as_bytes()).unwrap();
    assert_eq!(tickers(&page), ["TESTX", "TESTY"]);
    assert_eq!((page.total, page.first_row, page.era), (2, Some(1), Era::Primary2021));
    let error = screener(OLD.as_bytes()).unwrap_err().to_string();
    assert!(error.contains("layout changed: the table shows 0 rows, the page's own list has 2"), "{error}");
}

#[test]
fn an_empty_result_is_an_answer() {
    let page = screener(EMPTY.as_bytes()).unwrap();
    assert_eq!((page.total, page.rows, page.era), (0, 0, Era::Empty));
    assert_eq!(inspect(EMPTY.as_bytes(), None).verdict, Verdict::EmptyResult);
}

fn check_changed(from: &str, to: &str, expected: &str) {
    assert!(CURRENT.contains(from), "{from}");
    let error = screener(CURRENT.replace(from, to).as_bytes()).unwrap_err();
    assert!(matches!(&error, ParseError::Malformed(why) if why.contains(expected)), "{from} → {to}: {error}");
}

#[test]
fn a_changed_layout_is_never_a_shorter_universe() {
    check_changed("styled-row", "new-row", "the table shows 0 rows, the page's own list has 3");
    check_changed("BRK-B|400", "BRK-A|400", "first difference: `BRK-A` in the list, `BRK-B` in the table");
    check_changed("TESTX|10.50|1000\n", "", "the table shows 3 rows, the page's own list has 2");
    check_changed("#21 / 43 Total", "43 stocks", "no count of rows");
    check_changed("#21 / 43 Total", "#21 / 22 Total", "3 rows from number 21 of 22");
    check_changed("#21 / 43 Total", "0 Total", "3 rows on a page that counts 0 in all");
    check_changed("pageSelect", "pages", "no list of pages");
    check_changed("value=\"41\"", "value=\"next\"", "`next` in the list of pages is no row number");
    check_changed("?t=UNITS-WTA", "?x=UNITS-WTA", "1 of 3 rows name no ticker");
    let neither = EMPTY.replace("js-screener-body-empty", "nothing");
    assert!(screener(neither.as_bytes()).unwrap_err().to_string().contains("neither rows nor the marker"));
}

#[test]
fn a_page_without_its_own_list_is_read_by_its_table() {
    let (before, rest) = CURRENT.split_once("<!-- TS").unwrap();
    let page = screener(format!("{before}{}", rest.split_once("-->").unwrap().1).as_bytes()).unwrap();
    assert_eq!(page.rows, 3);
}

#[test]
fn quote_pages_are_told_apart() {
    let quote = b"<html><body><table class='snapshot-table2'><tr><td>P/E</td></tr></table></body></html>";
    assert_eq!(inspect(quote, None).verdict, Verdict::NotAScreener);
    let unknown = b"<html><body>Ticker <b>\"NOPE\"</b> not found.</body></html>";
    assert_eq!(inspect(unknown, None).verdict, Verdict::UnknownTicker);
    assert_eq!(screener(unknown).unwrap_err(), ParseError::NotFound);
}
