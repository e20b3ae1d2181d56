//! The universe: every page of a Finviz screener filter.
//!
//! The pages' own row numbers say where the next one begins (tables have 20, 50 or other numbers of rows). Promises: no
//! ticker twice; an incomplete universe is an error, never a short answer. The market moves while pages are read, so
//! the number of rows may differ a little from the screener's own count: see [`drift`].

use std::collections::BTreeSet;

use fleet_core::domain::{Ticker, Vendor};
use fleet_core::seams::{FetchFailure, RequestTally, UniverseAnswer};

use super::VendorMarket;
use crate::egress::Host;
use crate::vendors::finviz;
use crate::vendors::finviz::parse::ScreenerPage;

/// Pages read of one filter: all of Finviz's ten thousand rows at twenty a page are 510.
const MAX_PAGES: u32 = 600;

/// Rows that may be missing or too many: a ticker that enters or leaves the filter while pages are read shifts the
/// rows behind it by one, so that one is read twice or not at all. Two, or one in a hundred.
const fn drift(total: u32) -> u32 {
    let hundredth = total / 100;
    if hundredth > 2 { hundredth } else { 2 }
}

impl VendorMarket {
    pub(super) async fn screener(
        &self,
        host: &Host,
        filter: &str,
        tally: &RequestTally,
    ) -> Result<UniverseAnswer, FetchFailure> {
        // From this machine there is no other way to ask; what is missing is told at the end.
        let is_rotating = self.fetcher.egress.is_rotating(Vendor::Finviz);
        let mut collected = Collected::default();
        let mut first_row = 1;
        for _ in 0..MAX_PAGES {
            let url = finviz::urls::screener(&host.base, filter, first_row);
            let page = self
                .ask_finviz(host, &url, tally, |reply| {
                    let page = finviz::parse::screener(&reply.body).map_err(|error| error.into_failure())?;
                    match missing_rows(&page, first_row) {
                        Some(why) if is_rotating => Err(FetchFailure::Stale(why)),
                        Some(_) | None => Ok(page),
                    }
                })
                .await?;
            match collected.add(page, first_row) {
                Some(next) => first_row = next,
                None => return collected.finish(),
            }
        }
        Err(FetchFailure::Malformed(format!("the screener has more than {MAX_PAGES} pages")))
    }
}

/// A page that has fewer rows than its own total and its own list of pages say, in words. It is its gateway's canary.
fn missing_rows(page: &ScreenerPage, asked: u32) -> Option<String> {
    let first = page.first_row.unwrap_or(asked);
    let next = page.offsets.iter().copied().find(|start| *start > first).unwrap_or(page.total.saturating_add(1));
    let expected = next.min(page.total.saturating_add(1)).saturating_sub(first);
    (page.rows < expected)
        .then(|| format!("a page of the screener has {} rows where its own total says {expected}", page.rows))
}

/// What the pages read so far gave.
#[derive(Default)]
struct Collected {
    tickers: Vec<Ticker>,
    left_out: Vec<String>,
    seen: BTreeSet<String>,
    total: u32,
    pages: u32,
    first_rows: BTreeSet<u32>,
}

impl Collected {
    /// Adds the page that was asked for at `asked`; returns the row the next one begins at, or `None` at the end.
    fn add(&mut self, page: ScreenerPage, asked: u32) -> Option<u32> {
        self.pages += 1;
        self.total = page.total;
        // A row number past the end repeats the last page.
        if !self.first_rows.insert(page.first_row.unwrap_or(asked)) {
            return None;
        }
        for ticker in page.tickers {
            if self.seen.insert(ticker.to_string()) {
                self.tickers.push(ticker);
            }
        }
        for code in page.left_out {
            if self.seen.insert(code.clone()) {
                self.left_out.push(code);
            }
        }
        page.offsets.into_iter().find(|start| *start > asked && *start <= page.total)
    }

    fn finish(self) -> Result<UniverseAnswer, FetchFailure> {
        let rows = self.seen.len() as u32;
        if rows.abs_diff(self.total) > drift(self.total) {
            return Err(FetchFailure::Malformed(format!(
                "the screener counts {} rows, its {} pages hold {rows}",
                self.total, self.pages
            )));
        }
        Ok(UniverseAnswer { tickers: self.tickers, total: self.total, pages: self.pages, left_out: self.left_out })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vendors::finviz::parse::Era;

    fn page(total: u32, first_row: u32, tickers: &[&str], offsets: &[u32]) -> ScreenerPage {
        ScreenerPage {
            total,
            first_row: Some(first_row),
            rows: tickers.len() as u32,
            offsets: offsets.to_vec(),
            tickers: tickers.iter().map(|code| Ticker::parse(code).unwrap()).collect(),
            left_out: Vec::new(),
            era: Era::Styled2023,
        }
    }

    #[test]
    fn the_next_page_is_where_the_page_says() {
        let mut collected = Collected::default();
        assert_eq!(collected.add(page(5, 1, &["A", "B"], &[1, 3, 5]), 1), Some(3));
        assert_eq!(collected.add(page(5, 3, &["B", "C"], &[1, 3, 5]), 3), Some(5), "a row that moved is no new ticker");
        assert_eq!(collected.add(page(5, 5, &["D"], &[1, 3, 5]), 5), None);
        let answer = collected.finish().unwrap();
        assert_eq!((answer.tickers.len(), answer.total, answer.pages), (4, 5, 3));
    }

    #[test]
    fn a_repeated_page_ends_it() {
        let mut collected = Collected::default();
        assert_eq!(collected.add(page(9, 1, &["A"], &[1, 21]), 1), None, "an offset beyond the total is no page");
        let mut collected = Collected::default();
        collected.add(page(40, 1, &["A"], &[1, 21]), 1);
        assert_eq!(collected.add(page(40, 1, &["A"], &[1, 21]), 21), None);
        assert_eq!(collected.finish().unwrap_err().word(), "malformed", "thirty-nine rows are missing");
    }

    #[test]
    fn a_small_drift_is_the_market_moving() {
        assert_eq!((drift(0), drift(199), drift(300), drift(6000)), (2, 2, 3, 60));
    }

    #[test]
    fn a_page_with_fewer_rows_than_its_total_says_is_seen() {
        assert_eq!(missing_rows(&page(4, 1, &["A", "B"], &[1, 3]), 1), None);
        assert_eq!(missing_rows(&page(4, 3, &["A", "B"], &[1, 3]), 3), None);
        assert_eq!(missing_rows(&page(3, 3, &["A"], &[1, 3]), 3), None, "the last page is shorter");
        assert!(missing_rows(&page(4, 1, &["A"], &[1, 3]), 1).is_some());
        assert!(missing_rows(&page(4, 3, &["A"], &[1, 3]), 3).is_some());
        assert_eq!(missing_rows(&page(0, 1, &[], &[]), 1), None, "nothing is found");
    }
}
