//! [`VendorMarket`]: the market-data seam over the vendors of one plan.
//!
//! What is asked of whom is decided here; how a request is sent is [`crate::fetch`]'s business. Promises: everything a
//! plan could get wrong is refused when the market is built, not at the first request; one market serves all slots of
//! a process, and they share its budgets and its session.
//!
//! - [`chain`]: vendors in the plan's order, the next only where one does not know the symbol or lists nothing;
//! - [`bars`]: daily bars from Yahoo;
//! - [`robinhood`]: chains and bars with an account's token;
//! - [`universe`]: every page of Finviz's screener;
//! - [`canaries`]: requests whose answers are known to move, over each gateway now and then.
//!
//! With gateways in the plan, the vendors it names are asked through them alone.

mod bars;
mod canaries;
mod chain;
mod robinhood;
mod universe;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use async_trait::async_trait;
use fleet_core::domain::{BarSeries, Chain, DeliveryLimits, Instrument, Ticker, Vendor, VendorPlan, VendorRoute};
use fleet_core::seams::{
    Budgets, ChainRequest, Endpoints, FetchError, FetchFailure, GatewayPass, MarketData, RequestTally, Trust,
    UniverseAnswer,
};
use jiff::Timestamp;
use jiff::civil::Date;
use reqwest::header::HeaderValue;

use crate::classify::Expected;
use crate::client::{ClientError, Clients, TlsSettings, base_url, is_loopback};
use crate::egress::{Egress, Host, Lease, Persona};
use crate::fetch::{Ask, Fetcher, Purpose, Reply};
use crate::handshake::{Bases, CookieSession, ORIGIN, read_url};
use crate::identity::{Identity, RequestKind, default_identity};
use crate::pace::Pacer;
use crate::retry::RetryPolicy;
use crate::token::RobinhoodToken;
use robinhood::Robinhood;

/// The site whose pages ask CBOE's data host.
const CBOE_ORIGIN: &str = "https://www.cboe.com";

/// Market data from the vendors of one plan. Cheap to share behind an `Arc`.
pub struct VendorMarket {
    fetcher: Fetcher,
    chain_order: Vec<Vendor>,
    finviz: Option<Host>,
    cboe: Option<Host>,
    yahoo: Option<Bases>,
    robinhood: Option<Robinhood>,
    bars: Vendor,
    /// Chains are asked of Yahoo: canaries ask it for one too.
    asks_yahoo_chains: AtomicBool,
}

/// What a process brings with it to reach vendors, and no manifest holds.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// Whom to trust.
    pub tls: TlsSettings,
    /// The token of a Robinhood account; without one Robinhood is not asked, and a plan that wants it is told so.
    pub robinhood: Option<RobinhoodToken>,
}

impl From<TlsSettings> for Access {
    fn from(tls: TlsSettings) -> Self {
        Self { tls, robinhood: None }
    }
}

/// Gateways tried with a fresh session each, for one request that Yahoo refuses.
const SESSIONS_TRIED: u32 = 3;

impl VendorMarket {
    /// Builds the market of a plan. Several markets of one process do not share their pacing beyond the store. Gateways of
    /// the plan are read from `endpoints` when the first request wants one.
    pub fn new(
        plan: &VendorPlan,
        limits: DeliveryLimits,
        budgets: Arc<dyn Budgets>,
        endpoints: Arc<dyn Endpoints>,
        access: impl Into<Access>,
    ) -> Result<Self, ClientError> {
        let Access { tls, robinhood: token } = access.into();
        check_limits(&limits)?;
        if plan.gateways.as_ref().is_some_and(|gateways| gateways.vendors.contains(&Vendor::Robinhood)) {
            return Err(ClientError::Routed { vendor: Vendor::Robinhood });
        }
        let max_block = Duration::from_secs(limits.max_retry_after_secs.into());
        let mut pacers = BTreeMap::new();
        let mut bases = BTreeMap::new();
        for route in &plan.routes {
            bases.insert(route.vendor, checked_bases(route)?);
            let rotated = plan.gateways.as_ref().filter(|gateways| gateways.vendors.contains(&route.vendor));
            let allowed = match rotated {
                Some(gateways) => {
                    gateways.budget_per_sec(route.vendor, route.budget_per_sec, gateways.names.len().max(1))
                }
                None => route.budget_per_sec,
            };
            let pacer = match allowed {
                Some(per_sec) => Pacer::new(route.vendor, per_sec, budgets.clone(), max_block)?,
                None => Pacer::unlimited(route.vendor),
            };
            pacers.insert(route.vendor, pacer);
        }
        for vendor in &plan.chain_order {
            needs(*vendor, &[Vendor::Cboe, Vendor::Yahoo, Vendor::Robinhood], &bases, "chains")?;
        }
        needs(plan.bars, &[Vendor::Yahoo, Vendor::Robinhood], &bases, "bars")?;
        let mut one = |vendor, key: &str| bases.get_mut(&vendor).and_then(|keys: &mut Keys| keys.remove(key));
        let mut host = |vendor| one(vendor, "base").map(|base| Host { vendor, key: "base", base });
        let (finviz, cboe) = (host(Vendor::Finviz), host(Vendor::Cboe));
        let robinhood = host(Vendor::Robinhood).map(|host| Robinhood::new(host, token));
        let yahoo = one(Vendor::Yahoo, "query")
            .zip(one(Vendor::Yahoo, "cookie"))
            .map(|(query, cookie)| Bases { query, cookie });
        let identity = Identity::new(&plan.identity)?;
        let direct = Egress::direct(identity.clone());
        let egress = match &plan.gateways {
            Some(gateways) => {
                let totals = plan.routes.iter().map(|route| (route.vendor, route.budget_per_sec)).collect();
                // A profile that a person chose is everybody's; the default one is nobody's choice.
                let is_default = plan.identity == default_identity();
                let persona = if is_default { Persona::Drawn } else { Persona::Configured(identity) };
                direct.through(gateways.clone(), totals, persona, endpoints, max_block)
            }
            None => direct,
        };
        Ok(Self {
            fetcher: Fetcher {
                clients: Clients::new(&tls)?,
                egress,
                pacers,
                policy: RetryPolicy::new(&limits),
                timeout: Duration::from_secs(limits.request_timeout_secs.into()),
            },
            chain_order: plan.chain_order.clone(),
            finviz,
            cboe,
            yahoo,
            robinhood,
            bars: plan.bars,
            asks_yahoo_chains: AtomicBool::new(plan.chain_order.first() == Some(&Vendor::Yahoo)),
        })
    }

    /// Asks Finviz for a page.
    async fn ask_finviz<T>(
        &self,
        host: &Host,
        url: &str,
        tally: &RequestTally,
        read: impl Fn(Reply) -> Result<T, FetchFailure>,
    ) -> Result<T, FetchFailure> {
        self.fetcher.get(&ask(host, url, RequestKind::Document, None)?, tally, read).await
    }

    /// Asks CBOE for data.
    async fn ask_cboe<T>(
        &self,
        host: &Host,
        url: &str,
        tally: &RequestTally,
        read: impl Fn(Reply) -> Result<T, FetchFailure>,
    ) -> Result<T, FetchFailure> {
        self.send_due_canary(Vendor::Cboe, Timestamp::UNIX_EPOCH, tally).await;
        self.fetcher.get(&ask(host, url, RequestKind::Data { origin: CBOE_ORIGIN }, None)?, tally, read).await
    }

    /// Asks Yahoo for data, with the session that the way has; when it is refused, once more by the same way with a fresh
    /// one. `url` is told the crumb; `now` is the time in the market.
    async fn ask_yahoo<T>(
        &self,
        yahoo: &Bases,
        now: Timestamp,
        url: impl Fn(Option<&str>) -> String,
        tally: &RequestTally,
        read: impl Fn(Reply) -> Result<T, FetchFailure>,
    ) -> Result<T, FetchFailure> {
        self.send_due_canary(Vendor::Yahoo, now, tally).await;
        let host = yahoo.query_host();
        let with = |session: Option<&CookieSession>| {
            let url = url(session.map(|session| session.crumb.as_str()));
            let cookie = session.map(|session| session.cookie.clone());
            ask(&host, &url, RequestKind::Data { origin: ORIGIN }, cookie)
        };
        let mut tried = 0;
        loop {
            tried += 1;
            let asked = |lease: &Lease| with(lease.handshake.session().as_ref());
            let answered = self.fetcher.get_leased(Vendor::Yahoo, asked, tally, &read).await;
            let (refused, lease) = match (answered.answer, answered.lease) {
                (Err(failure @ FetchFailure::Unauthorized(_)), Some(lease)) => (failure, lease),
                (answer, _) => return answer,
            };
            let session = lease.handshake.session();
            let fresh = lease.handshake.renew(session.as_ref(), &self.fetcher, &lease, yahoo, tally).await;
            let failure = match fresh {
                Ok(fresh) => match self.fetcher.get_on(&lease, &with(Some(&fresh))?, tally, &read).await {
                    Err(failure) => failure,
                    answer => return answer,
                },
                Err(failure) => failure,
            };
            // Where there is one way only, its answer stands; another gateway's session may be better.
            let is_the_ways = failure.is_transient() || failure.word() == refused.word();
            if lease.gateway().is_none() || !is_the_ways || tried >= SESSIONS_TRIED {
                return Err(failure);
            }
        }
    }
}

#[async_trait]
impl MarketData for VendorMarket {
    async fn universe(&self, filter: &str, tally: &RequestTally) -> Result<UniverseAnswer, FetchError> {
        let fail = |failure| FetchError { vendor: Vendor::Finviz, what: format!("screener {filter}"), failure };
        let host = self.finviz.as_ref().ok_or_else(|| fail(no_route()))?;
        self.screener(host, filter, tally).await.map_err(fail)
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
        let fail = |failure| FetchError { vendor: self.bars, what: format!("bars of {instrument}"), failure };
        let answer = match (self.bars, &self.yahoo, &self.robinhood) {
            (Vendor::Yahoo, Some(yahoo), _) => self.yahoo_bars(yahoo, instrument, from, until, tally).await,
            (Vendor::Robinhood, _, Some(site)) => self.robinhood_bars(site, instrument, from, until, tally).await,
            (Vendor::Yahoo | Vendor::Robinhood | Vendor::Cboe | Vendor::Finviz, _, _) => Err(no_route()),
        };
        answer.map_err(fail)
    }

    fn doubt(&self, tally: &RequestTally) -> Option<FetchError> {
        self.fetcher.egress.doubt(tally)
    }

    fn trust(&self, passes: &[GatewayPass]) -> Trust {
        self.fetcher.egress.trust(passes)
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

fn ask(host: &Host, url: &str, kind: RequestKind, cookie: Option<HeaderValue>) -> Result<Ask, FetchFailure> {
    let (expected, purpose) = (Expected::Body, Purpose::Data);
    Ok(Ask { host: host.clone(), url: read_url(url)?, kind, cookie, authorization: None, expected, purpose })
}

fn no_route() -> FetchFailure {
    FetchFailure::Network("no route is configured".to_owned())
}

#[cfg(test)]
mod gateway_tests;
#[cfg(test)]
mod tests;
