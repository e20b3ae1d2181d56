//! [`VendorMarket`]: the market-data seam over the vendors of one plan.
//!
//! What is asked of whom is decided here; how a request is sent is [`crate::fetch`]'s business. Promises: everything a
//! plan could get wrong is refused when the market is built, not at the first request; one market serves all slots of
//! a process, and they share its budgets and its session. Robinhood is a place without an implementation: a plan that
//! names it is refused.
//!
//! - [`chain`]: vendors in the plan's order, the next only where one does not know the symbol or lists nothing;
//! - [`bars`]: daily bars from Yahoo;
//! - [`universe`]: every page of Finviz's screener.

mod bars;
mod chain;
mod universe;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use fleet_core::domain::{BarSeries, Chain, DeliveryLimits, Instrument, Ticker, Vendor, VendorPlan, VendorRoute};
use fleet_core::seams::{Budgets, ChainRequest, FetchError, FetchFailure, MarketData, RequestTally, UniverseAnswer};
use jiff::Timestamp;
use jiff::civil::Date;
use reqwest::header::HeaderValue;

use crate::classify::Expected;
use crate::client::{ClientError, Clients, TlsSettings, base_url, is_loopback};
use crate::fetch::{Ask, Fetcher, Reply};
use crate::handshake::{Bases, CookieSession, Handshake, ORIGIN, read_url};
use crate::identity::{Identity, RequestKind};
use crate::pace::Pacer;
use crate::retry::RetryPolicy;

/// The site whose pages ask CBOE's data host.
const CBOE_ORIGIN: &str = "https://www.cboe.com";

/// Market data from the vendors of one plan. Cheap to share behind an `Arc`.
pub struct VendorMarket {
    fetcher: Fetcher,
    chain_order: Vec<Vendor>,
    finviz: Option<String>,
    cboe: Option<String>,
    yahoo: Option<Yahoo>,
}

struct Yahoo {
    bases: Bases,
    handshake: Handshake,
}

impl VendorMarket {
    /// Builds the market of a plan. Several markets of one process do not share their pacing beyond the store.
    pub fn new(
        plan: &VendorPlan,
        limits: DeliveryLimits,
        budgets: Arc<dyn Budgets>,
        tls: TlsSettings,
    ) -> Result<Self, ClientError> {
        check_limits(&limits)?;
        let mut pacers = BTreeMap::new();
        let mut bases = BTreeMap::new();
        for route in plan.routes.iter().filter(|route| route.vendor != Vendor::Robinhood) {
            bases.insert(route.vendor, checked_bases(route)?);
            let max_block = Duration::from_secs(limits.max_retry_after_secs.into());
            let pacer = match route.budget_per_sec {
                Some(per_sec) => Pacer::new(route.vendor, per_sec, budgets.clone(), max_block)?,
                None => Pacer::unlimited(route.vendor),
            };
            pacers.insert(route.vendor, pacer);
        }
        for vendor in &plan.chain_order {
            needs(*vendor, &[Vendor::Cboe, Vendor::Yahoo], &bases, "chains")?;
        }
        needs(plan.bars, &[Vendor::Yahoo], &bases, "bars")?;
        let mut one = |vendor, key: &str| bases.get_mut(&vendor).and_then(|keys: &mut Keys| keys.remove(key));
        let (finviz, cboe) = (one(Vendor::Finviz, "base"), one(Vendor::Cboe, "base"));
        let yahoo = one(Vendor::Yahoo, "query")
            .zip(one(Vendor::Yahoo, "cookie"))
            .map(|(query, cookie)| Yahoo { bases: Bases { query, cookie }, handshake: Handshake::default() });
        Ok(Self {
            fetcher: Fetcher {
                clients: Clients::new(&tls)?,
                identity: Identity::new(&plan.identity)?,
                pacers,
                policy: RetryPolicy::new(&limits),
                timeout: Duration::from_secs(limits.request_timeout_secs.into()),
            },
            chain_order: plan.chain_order.clone(),
            finviz,
            cboe,
            yahoo,
        })
    }

    /// Asks Finviz for a page.
    async fn ask_finviz<T>(
        &self,
        url: &str,
        tally: &RequestTally,
        read: impl Fn(Reply) -> Result<T, FetchFailure>,
    ) -> Result<T, FetchFailure> {
        let ask = ask(Vendor::Finviz, url, RequestKind::Document, None)?;
        self.fetcher.get(&ask, tally, read).await
    }

    /// Asks CBOE for data.
    async fn ask_cboe<T>(
        &self,
        url: &str,
        tally: &RequestTally,
        read: impl Fn(Reply) -> Result<T, FetchFailure>,
    ) -> Result<T, FetchFailure> {
        let ask = ask(Vendor::Cboe, url, RequestKind::Data { origin: CBOE_ORIGIN }, None)?;
        self.fetcher.get(&ask, tally, read).await
    }

    /// Asks Yahoo for data, with the session there is; when it is refused, once more with a fresh one. `url` is told
    /// the crumb.
    async fn ask_yahoo<T>(
        &self,
        yahoo: &Yahoo,
        url: impl Fn(Option<&str>) -> String,
        tally: &RequestTally,
        read: impl Fn(Reply) -> Result<T, FetchFailure>,
    ) -> Result<T, FetchFailure> {
        let with = |session: Option<&CookieSession>| {
            let url = url(session.map(|session| session.crumb.as_str()));
            let cookie = session.map(|session| session.cookie.clone());
            ask(Vendor::Yahoo, &url, RequestKind::Data { origin: ORIGIN }, cookie)
        };
        let session = yahoo.handshake.session();
        match self.fetcher.get(&with(session.as_ref())?, tally, &read).await {
            Err(FetchFailure::Unauthorized(_)) => {}
            answer => return answer,
        }
        let fresh = yahoo.handshake.renew(session.as_ref(), &self.fetcher, &yahoo.bases, tally).await?;
        self.fetcher.get(&with(Some(&fresh))?, tally, &read).await
    }
}

#[async_trait]
impl MarketData for VendorMarket {
    async fn universe(&self, filter: &str, tally: &RequestTally) -> Result<UniverseAnswer, FetchError> {
        let fail = |failure| FetchError { vendor: Vendor::Finviz, what: format!("screener {filter}"), failure };
        let base = self.finviz.as_deref().ok_or_else(|| fail(no_route()))?;
        self.screener(base, filter, tally).await.map_err(fail)
    }

    async fn chain(
        &self,
        ticker: &Ticker,
        want: &ChainRequest,
        tally: &RequestTally,
    ) -> Result<(Chain, Timestamp), FetchError> {
        self.chain_in_order(ticker, want, tally).await
    }

    async fn bars(
        &self,
        instrument: &Instrument,
        from: Date,
        until: Timestamp,
        tally: &RequestTally,
    ) -> Result<BarSeries, FetchError> {
        let fail = |failure| FetchError { vendor: Vendor::Yahoo, what: format!("bars of {instrument}"), failure };
        let yahoo = self.yahoo.as_ref().ok_or_else(|| fail(no_route()))?;
        self.yahoo_bars(yahoo, instrument, from, until, tally).await.map_err(fail)
    }
}

/// Base URLs by key.
type Keys = BTreeMap<String, String>;

/// Keys of the base URLs a vendor is reached by.
const fn keys(vendor: Vendor) -> &'static [&'static str] {
    match vendor {
        Vendor::Finviz | Vendor::Cboe | Vendor::Robinhood => &["base"],
        Vendor::Yahoo => &["query", "cookie"],
    }
}

fn checked_bases(route: &VendorRoute) -> Result<Keys, ClientError> {
    let vendor = route.vendor;
    let mut checked = Keys::new();
    for key in keys(vendor) {
        let refuse = |why: String| ClientError::BaseUrl { vendor, key: (*key).to_owned(), why };
        let text = route.base_urls.get(*key).ok_or_else(|| refuse("it is missing".to_owned()))?;
        let url = base_url(text).map_err(refuse)?;
        if route.budget_per_sec.is_none() && !is_loopback(&url) {
            return Err(ClientError::Unlimited { vendor });
        }
        checked.insert((*key).to_owned(), url.as_str().trim_end_matches('/').to_owned());
    }
    Ok(checked)
}

fn needs(
    vendor: Vendor,
    able: &[Vendor],
    bases: &BTreeMap<Vendor, Keys>,
    what: &'static str,
) -> Result<(), ClientError> {
    if !able.contains(&vendor) {
        return Err(ClientError::CannotServe { vendor, what });
    }
    if bases.contains_key(&vendor) { Ok(()) } else { Err(ClientError::NoRoute { vendor, needed_for: what }) }
}

const fn check_limits(limits: &DeliveryLimits) -> Result<(), ClientError> {
    if limits.request_tries == 0 {
        return Err(ClientError::Limit("request_tries"));
    }
    if limits.request_timeout_secs == 0 {
        return Err(ClientError::Limit("request_timeout_secs"));
    }
    Ok(())
}

fn ask(vendor: Vendor, url: &str, kind: RequestKind, cookie: Option<HeaderValue>) -> Result<Ask, FetchFailure> {
    Ok(Ask { vendor, url: read_url(url)?, kind, cookie, expected: Expected::Body })
}

fn no_route() -> FetchFailure {
    FetchFailure::Network("no route is configured".to_owned())
}

#[cfg(test)]
mod tests;
