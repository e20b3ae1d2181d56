//! Chains: which vendor, and for Yahoo which expirations.
//!
//! The next vendor in the order is asked only where one does not know the symbol or lists nothing: a vendor that
//! throttles, refuses or fails is not out-run by another one. From Yahoo only the wanted expirations are asked for;
//! one that fails is `not_served` and makes the ticker partial.

use std::sync::atomic::Ordering;

use fleet_core::domain::calendar::{dte, exchange_date};
use fleet_core::domain::{Chain, Ticker, Vendor};
use fleet_core::seams::{ChainRequest, FetchError, FetchFailure, RequestTally};
use jiff::Timestamp;
use jiff::civil::Date;

use super::{VendorMarket, no_route};
use crate::egress::Host;
use crate::handshake::Bases;
use crate::vendors::yahoo::parse::ChainPage;
use crate::vendors::{cboe, yahoo};

/// Expirations asked for of one ticker. The longest recorded list has 22, SPX lists about 60; more is no list of
/// expirations.
const MAX_EXPIRATIONS: usize = 80;

impl VendorMarket {
    pub(super) async fn chain_in_order(
        &self,
        ticker: &Ticker,
        want: &ChainRequest,
        tally: &RequestTally,
    ) -> Result<(Chain, Timestamp), FetchError> {
        let mut empty = None;
        let mut unknown = None;
        for vendor in &self.chain_order {
            let answer = match (vendor, &self.cboe, &self.yahoo) {
                (Vendor::Robinhood, _, _) => match &self.robinhood {
                    Some(site) => self.robinhood_chain(site, ticker, want, tally).await,
                    None => Err(no_route()),
                },
                (Vendor::Cboe, Some(host), _) => self.cboe_chain(host, ticker, tally).await,
                (Vendor::Yahoo, _, Some(site)) => self.yahoo_chain(site, ticker, want, tally).await,
                (Vendor::Cboe | Vendor::Yahoo | Vendor::Finviz, _, _) => Err(no_route()),
            };
            match answer {
                Ok((chain, arrived)) if lists_nothing(&chain) => {
                    empty.get_or_insert((chain, arrived));
                }
                Ok(answer) => {
                    if let Some(site) = &self.robinhood {
                        site.remember_roots(&answer.0);
                    }
                    return Ok(answer);
                }
                Err(failure) => {
                    let not_found = failure == FetchFailure::NotFound;
                    let error = FetchError { vendor: *vendor, what: format!("chain of {ticker}"), failure };
                    if !not_found {
                        return Err(error);
                    }
                    unknown.get_or_insert(error);
                }
            }
        }
        // A vendor that knows the symbol and lists no options is believed over one that does not know it.
        match (empty, unknown) {
            (Some(answer), _) => Ok(answer),
            (None, Some(error)) => Err(error),
            (None, None) => {
                Err(FetchError { vendor: Vendor::Cboe, what: format!("chain of {ticker}"), failure: no_route() })
            }
        }
    }

    async fn cboe_chain(
        &self,
        host: &Host,
        ticker: &Ticker,
        tally: &RequestTally,
    ) -> Result<(Chain, Timestamp), FetchFailure> {
        self.ask_cboe(host, &cboe::urls::chain(&host.base, ticker), tally, |reply| {
            let chain = cboe::parse::chain(&reply.body, ticker).map_err(|error| error.into_failure())?;
            Ok((chain, reply.arrived))
        })
        .await
    }

    async fn yahoo_chain(
        &self,
        site: &Bases,
        ticker: &Ticker,
        want: &ChainRequest,
        tally: &RequestTally,
    ) -> Result<(Chain, Timestamp), FetchFailure> {
        self.asks_yahoo_chains.store(true, Ordering::Relaxed);
        let now = want.as_of.unwrap_or_else(Timestamp::now);
        let (first, mut arrived) = self.yahoo_page(site, ticker, None, now, tally).await?;
        let wanted = wanted(&first.listed, want, want.as_of.unwrap_or(arrived));
        let mut chain = Chain {
            underlying: ticker.clone(),
            vendor: Vendor::Yahoo,
            quote_time: first.newest_trade,
            vendor_spot: first.vendor_spot,
            vendor_yield: first.vendor_yield,
            facts: first.facts.clone(),
            contracts: Vec::new(),
            refused: Vec::new(),
            expirations: first.listed.clone(),
            not_served: wanted.unlisted,
        };
        let mut served = Served::default();
        let mut first = Some(first);
        for day in wanted.listed {
            if let Some(page) = first.take_if(|page| page.expiration == Some(day)) {
                // The first page's own date must not date a chain it is not part of; here it is.
                served.add(&mut chain, page);
                continue;
            }
            if served.is_refused {
                chain.not_served.push(day);
                continue;
            }
            let answer = self.yahoo_page(site, ticker, Some(day), now, tally).await;
            match answer.and_then(|(page, at)| Ok((check_page(page, day)?, at))) {
                Ok((page, at)) => {
                    arrived = arrived.max(at);
                    served.add(&mut chain, page);
                }
                Err(failure) => {
                    chain.not_served.push(day);
                    served.failed(failure);
                }
            }
        }
        chain.not_served.sort();
        match served.failure {
            Some(failure) if served.pages == 0 => Err(failure),
            Some(_) | None => Ok((chain, arrived)),
        }
    }

    async fn yahoo_page(
        &self,
        site: &Bases,
        ticker: &Ticker,
        day: Option<Date>,
        now: Timestamp,
        tally: &RequestTally,
    ) -> Result<(ChainPage, Timestamp), FetchFailure> {
        let url = |crumb: Option<&str>| yahoo::urls::chain(&site.query, ticker, day, crumb);
        self.ask_yahoo(site, now, url, tally, |reply| {
            let page = yahoo::parse::chain_page(&reply.body, ticker).map_err(|error| error.into_failure())?;
            Ok((page, reply.arrived))
        })
        .await
    }
}

/// What became of the wanted expirations.
#[derive(Default)]
struct Served {
    pages: u32,
    /// The first failure.
    failure: Option<FetchFailure>,
    /// A failure that makes asking for the others pointless or impolite.
    is_refused: bool,
}

impl Served {
    fn add(&mut self, chain: &mut Chain, page: ChainPage) {
        // The first page dated the chain even if it was not wanted; what is in the chain has the better date.
        chain.quote_time = if self.pages == 0 { page.newest_trade } else { chain.quote_time.max(page.newest_trade) };
        chain.vendor_spot = page.vendor_spot.or(chain.vendor_spot);
        chain.vendor_yield = page.vendor_yield.or(chain.vendor_yield);
        if !page.facts.is_empty() {
            chain.facts = page.facts;
        }
        chain.contracts.extend(page.rows);
        chain.refused.extend(page.refused);
        self.pages += 1;
    }

    fn failed(&mut self, failure: FetchFailure) {
        self.is_refused |= is_refusal(&failure);
        self.failure.get_or_insert(failure);
    }
}

/// Whether a failure makes asking for more pointless or impolite.
pub(super) const fn is_refusal(failure: &FetchFailure) -> bool {
    matches!(
        failure,
        FetchFailure::Throttled { .. }
            | FetchFailure::Blocked(_)
            | FetchFailure::Consent
            | FetchFailure::Unauthorized(_)
    )
}

/// The expirations to ask for.
pub(super) struct WantedDates {
    /// Those the vendor lists, ascending.
    pub(super) listed: Vec<Date>,
    /// Live trades' expirations that it does not list (nor will serve).
    pub(super) unlisted: Vec<Date>,
}

pub(super) fn wanted(listed: &[Date], want: &ChainRequest, as_of: Timestamp) -> WantedDates {
    let (nearest, farthest) = want.dte_window;
    let in_window = |day: &Date| (nearest..=farthest).contains(&dte(as_of, *day));
    let today = exchange_date(as_of);
    let mut asked: Vec<Date> = listed.iter().copied().filter(|day| in_window(day) || want.also.contains(day)).collect();
    let beyond = asked.split_off(asked.len().min(MAX_EXPIRATIONS));
    let gone = want.also.iter().copied().filter(|day| !listed.is_empty() && *day >= today && !listed.contains(day));
    WantedDates { listed: asked, unlisted: beyond.into_iter().chain(gone).collect() }
}

/// A page must be of the date that was asked for, and a listed date has rows.
fn check_page(page: ChainPage, asked: Date) -> Result<ChainPage, FetchFailure> {
    if page.expiration != Some(asked) {
        let got = page.expiration.map_or_else(|| "none".to_owned(), |day| day.to_string());
        return Err(FetchFailure::WrongSymbol {
            asked: format!("expiration {asked}"),
            got: format!("expiration {got}"),
        });
    }
    if page.rows.is_empty() && page.refused.is_empty() {
        return Err(FetchFailure::NotFound);
    }
    Ok(page)
}

/// Neither rows nor expirations: the symbol has no options there. (No rows alone can mean that nothing was wanted.)
fn lists_nothing(chain: &Chain) -> bool {
    chain.rows() == 0 && chain.expirations.is_empty()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use jiff::civil::date;

    use super::*;

    #[test]
    fn the_window_is_in_calendar_days_of_the_exchange() {
        let listed = [date(2026, 11, 20), date(2026, 11, 27), date(2026, 12, 18), date(2027, 1, 15)];
        let also = BTreeSet::from([date(2027, 1, 15), date(2026, 12, 4), date(2026, 10, 16)]);
        // 02:00 UTC on the 21st is still the 20th in New York.
        let as_of: Timestamp = "2026-11-21T02:00:00Z".parse().unwrap();
        let dates = wanted(&listed, &ChainRequest { as_of: None, dte_window: (7, 28), also }, as_of);
        assert_eq!(dates.listed, [date(2026, 11, 27), date(2026, 12, 18), date(2027, 1, 15)]);
        assert_eq!(dates.unlisted, [date(2026, 12, 4)], "a live trade's date that is gone, not one that is past");
    }
}
