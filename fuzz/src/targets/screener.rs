//! Finviz's screener.

use fleet_scraper::parse_error::ParseError;
use fleet_scraper::vendors::finviz::parse::{self, Era, ScreenerPage};

use super::promises;

/// A page of any markup: its rows are all there, and no more than the page counts.
pub fn finviz_screener(bytes: &[u8]) {
    match parse::screener(bytes) {
        Ok(page) => {
            sound(&page);
            if page.era != Era::Empty {
                assert_eq!(parse::screener_of_any_era(bytes), Ok(page.clone()), "the present markup comes first");
            }
            let last_row = u64::from(page.first_row.unwrap_or(1)) + u64::from(page.rows);
            let complete = u64::from(page.total) < last_row || page.rows == 0;
            assert!(complete || !page.offsets.is_empty(), "more rows, and no way to them: {page:?}");
        }
        Err(error) => promises::refusal(error),
    }
    match parse::screener_of_any_era(bytes) {
        Ok(page) => sound(&page),
        Err(trouble) => promises::refusal(ParseError::from(trouble)),
    }
    match parse::snippet(bytes) {
        Ok(tickers) => assert!(tickers.iter().all(|ticker| !ticker.contains(char::is_control)), "{tickers:?}"),
        Err(trouble) => promises::refusal(ParseError::from(trouble)),
    }
}

fn sound(page: &ScreenerPage) {
    assert_eq!(page.tickers.len() + page.left_out.len(), page.rows as usize, "{page:?}");
    assert_eq!(page.total == 0, page.rows == 0, "{page:?}");
    let first = u64::from(page.first_row.unwrap_or(1));
    assert!(first + u64::from(page.rows) <= u64::from(page.total) + 1, "more rows than there are: {page:?}");
    assert!(page.offsets.is_sorted_by(|a, b| a < b) && page.offsets.first().is_none_or(|row| *row >= 1), "{page:?}");
    // What is left out is told to people.
    assert!(page.left_out.iter().all(|text| !text.contains(char::is_control)), "{:?}", page.left_out);
}
