//! The HTTP side: a request becomes a vendor's question, the answer gets its delay, its compression and its log line.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{ConnectInfo, Query, State};
use axum::http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use flate2::Compression;
use flate2::write::GzEncoder;
use fleet_core::domain::Vendor;
use fleet_core::domain::calendar;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::connections::Peer;
use crate::faults::Fault;
use crate::listing::Faults;
use crate::manners::{ChainCounts, Limiter, interfere, too_many};
use crate::reply::{Ask, HTML, JSON, Reply};
use crate::request_log::{Line, RequestLog};
use crate::spoil::{Served, Spoil, Spoils, without_interest};
use crate::world::World;
use crate::{LimitBy, cboe, chart, finviz, robinhood, yahoo};

/// Bodies smaller than this are not worth compressing.
const COMPRESS_FROM: usize = 1024;

/// Everything a request needs.
#[derive(Debug)]
pub(crate) struct Market {
    pub world: World,
    pub faults: Faults,
    pub now: Mutex<Timestamp>,
    pub latency: Duration,
    pub limiter: Option<Limiter>,
    pub limit_by: LimitBy,
    pub spoils: Spoils,
    pub retry_after: Duration,
    pub log: Option<RequestLog>,
    pub counts: ChainCounts,
    pub requests: Requests,
}

/// Requests by vendor. The market's own endpoints are not counted.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    finviz: AtomicU64,
    yahoo: AtomicU64,
    cboe: AtomicU64,
    robinhood: AtomicU64,
}

impl Requests {
    fn of(&self, vendor: Vendor) -> &AtomicU64 {
        match vendor {
            Vendor::Finviz => &self.finviz,
            Vendor::Yahoo => &self.yahoo,
            Vendor::Cboe => &self.cboe,
            Vendor::Robinhood => &self.robinhood,
        }
    }

    pub(crate) fn total(&self) -> u64 {
        Vendor::ALL.iter().map(|v| self.of(*v).load(Ordering::SeqCst)).sum()
    }
}

/// Where a path leads.
enum Place {
    Finviz,
    YahooQuery,
    YahooCookie,
    Cboe,
    Robinhood,
    Control,
    Nowhere,
}

impl Place {
    /// The place, and the path below its prefix.
    fn of(path: &str) -> (Self, &str) {
        let below = |prefix: &str| path.strip_prefix(prefix).filter(|rest| rest.is_empty() || rest.starts_with('/'));
        if let Some(rest) = below("/finviz") {
            (Self::Finviz, rest)
        } else if let Some(rest) = below("/yahoo-cookie") {
            (Self::YahooCookie, rest)
        } else if let Some(rest) = below("/yahoo") {
            (Self::YahooQuery, rest)
        } else if let Some(rest) = below("/cboe") {
            (Self::Cboe, rest)
        } else if let Some(rest) = below("/robinhood") {
            (Self::Robinhood, rest)
        } else if let Some(rest) = below("/_market") {
            (Self::Control, rest)
        } else {
            (Self::Nowhere, path)
        }
    }

    const fn vendor(&self) -> Option<Vendor> {
        match self {
            Self::Finviz => Some(Vendor::Finviz),
            Self::YahooQuery | Self::YahooCookie => Some(Vendor::Yahoo),
            Self::Cboe => Some(Vendor::Cboe),
            Self::Robinhood => Some(Vendor::Robinhood),
            Self::Control | Self::Nowhere => None,
        }
    }
}

/// The only handler: every path comes here.
pub(crate) async fn handle(
    State(market): State<Arc<Market>>,
    ConnectInfo(Peer(peer)): ConnectInfo<Peer>,
    request: Request<Body>,
) -> Response<Body> {
    let arrived = Timestamp::now();
    let (parts, _body) = request.into_parts();
    let (place, path) = Place::of(parts.uri.path());
    let vendor = place.vendor();
    if let Some(vendor) = vendor {
        market.requests.of(vendor).fetch_add(1, Ordering::SeqCst);
        if !market.latency.is_zero() {
            tokio::time::sleep(market.latency).await;
        }
    }
    let limited = match (vendor, &market.limiter) {
        (Some(vendor), Some(limiter)) => {
            let whose = match market.limit_by {
                LimitBy::Address | LimitBy::AddressAtOnce(_) => peer.ip(),
                LimitBy::Account => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            };
            !limiter.admits(whose, vendor, Instant::now())
        }
        (_, _) => false,
    };
    let reply = match vendor {
        Some(vendor) if limited => too_many(vendor, market.retry_after),
        Some(_) if parts.method != Method::GET => Reply::new(405, HTML, "Method Not Allowed"),
        Some(_) | None => {
            let ask = Ask {
                path: decoded(path),
                query: query(&parts.uri),
                cookie: cookies(&parts.headers),
                authorization: header(&parts.headers, header::AUTHORIZATION),
                base: format!(
                    "http://{}{}",
                    header(&parts.headers, header::HOST),
                    parts.uri.path().strip_suffix(path).unwrap_or_default()
                ),
            };
            let method = parts.method.clone();
            let at_work = Arc::clone(&market);
            let served = market.served(vendor, peer.ip());
            // A chain takes milliseconds of arithmetic: not on the threads that serve connections.
            match tokio::task::spawn_blocking(move || at_work.answer(&place, &method, &ask, served)).await {
                Ok(reply) => reply,
                Err(error) => Reply::new(500, HTML, format!("the simulated market failed: {error}")),
            }
        }
    };
    if !reply.delay.is_zero() {
        tokio::time::sleep(reply.delay).await;
    }
    if let Some(log) = &market.log {
        let line = Line {
            time: arrived,
            peer: peer.to_string(),
            method: parts.method.as_str(),
            path: parts.uri.path_and_query().map_or("/", |p| p.as_str()),
            vendor: vendor.map(Vendor::word),
            headers: headers_of(&parts.headers),
            status: reply.status,
        };
        if let Err(error) = log.write(&line) {
            tracing::error!(%error, "request log not written");
        }
    }
    response(reply, &parts.headers)
}

impl Market {
    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How a request is served; our own endpoints serve everybody well.
    fn served(&self, vendor: Option<Vendor>, address: IpAddr) -> Served {
        match vendor {
            Some(_) => self.spoils.serve(address, self.now()),
            None => Served { now: self.now(), has_interest: true, has_whole_pages: true },
        }
    }

    fn answer(&self, place: &Place, method: &Method, ask: &Ask, served: Served) -> Reply {
        let now = served.now;
        let reply = self.well(place, method, ask, now, served.has_whole_pages);
        if served.has_interest { reply } else { without_interest(reply) }
    }

    fn well(&self, place: &Place, method: &Method, ask: &Ask, now: Timestamp, whole_pages: bool) -> Reply {
        match place {
            Place::Finviz => finviz::screener(&self.world, ask, now, whole_pages)
                .unwrap_or_else(|| Reply::new(404, HTML, "<html><body>Page not found</body></html>")),
            Place::Cboe => match cboe::asked(&self.world, ask) {
                Some(underlying) if underlying.profile.fault == Some(Fault::Gone) => cboe::not_found(),
                Some(underlying) => {
                    let fault = underlying.profile.fault;
                    self.chain(fault, Vendor::Cboe, || cboe::chain(&self.world, underlying, seen(fault, now)))
                }
                None => cboe::not_found(),
            },
            Place::YahooCookie => yahoo::set_cookie(&self.world),
            Place::YahooQuery => self.yahoo(ask, now),
            Place::Robinhood => self.robinhood(ask, now),
            Place::Control => self.control(method, ask),
            Place::Nowhere => Reply::json(404, JSON, &json!({"error": "no vendor here; GET /_market tells what is"})),
        }
    }

    fn yahoo(&self, ask: &Ask, now: Timestamp) -> Reply {
        if ask.path == "/v1/test/getcrumb" {
            return yahoo::get_crumb(&self.world, ask);
        }
        if let Some(symbol) = chart::asked(ask) {
            return chart::bars(&self.world, symbol, ask, now);
        }
        let Some(symbol) = yahoo::asked(ask) else {
            return Reply::new(404, HTML, "<html><body>Not Found</body></html>");
        };
        if !yahoo::is_authorised(&self.world, ask) {
            return yahoo::unauthorized("Invalid Crumb");
        }
        match yahoo::known(&self.world, symbol) {
            Some(underlying) if yahoo::is_gone(underlying) => yahoo::not_found(),
            Some(underlying) => {
                let fault = underlying.profile.fault;
                self.chain(fault, Vendor::Yahoo, || yahoo::chain(&self.world, underlying, ask, seen(fault, now)))
            }
            None => yahoo::no_result(),
        }
    }

    fn robinhood(&self, ask: &Ask, now: Timestamp) -> Reply {
        if let Some(refused) = robinhood::refused(ask) {
            return refused;
        }
        let question = robinhood::asked(&self.world, ask, now);
        let answer = || robinhood::answer(&self.world, &question, ask, now);
        match &question {
            robinhood::Question::Contracts(underlying) => {
                self.chain(underlying.profile.fault, Vendor::Robinhood, answer)
            }
            _ => answer(),
        }
    }

    fn chain(&self, fault: Option<Fault>, vendor: Vendor, chain: impl FnOnce() -> Reply) -> Reply {
        match fault {
            Some(fault) => interfere(fault, vendor, &self.counts, chain),
            None => chain(),
        }
    }

    fn control(&self, method: &Method, ask: &Ask) -> Reply {
        match (method, ask.path.as_str()) {
            (&Method::GET, "" | "/") => self.state(),
            (&Method::POST, "/advance") => match self.advance(ask) {
                Ok(()) => self.state(),
                Err(why) => Reply::json(400, JSON, &json!({"error": why})),
            },
            (&Method::POST, "/spoil") => match self.spoil(ask) {
                Ok(()) => self.state(),
                Err(why) => Reply::json(400, JSON, &json!({"error": why})),
            },
            _ => {
                let error = "GET /_market, POST /_market/advance?sessions=1&minutes=10, or POST \
                             /_market/spoil?address=127.0.0.3&what=frozen&after=300";
                Reply::json(404, JSON, &json!({"error": error}))
            }
        }
    }

    fn spoil(&self, ask: &Ask) -> Result<(), String> {
        let given = |name: &str| ask.query.get(name).map_or("", String::as_str);
        let (address, what) = (given("address"), given("what"));
        let address = address.parse().map_err(|_| format!("`address={address}` is no address such as 127.0.0.3"))?;
        let known = Spoil::WORDS.iter().find(|(word, _)| *word == what);
        let (_, spoil) = known.ok_or_else(|| format!("`what={what}` is not frozen, no_interest or half_pages"))?;
        let after = match given("after") {
            "" => 0,
            text => text.parse().map_err(|_| format!("`after={text}` is not a whole number"))?,
        };
        self.spoils.add(address, *spoil, after);
        Ok(())
    }

    fn advance(&self, ask: &Ask) -> Result<(), String> {
        let number = |name: &str| match ask.query.get(name) {
            None => Ok(0),
            Some(text) => text.parse::<u32>().map_err(|_| format!("`{name}={text}` is not a whole number above zero")),
        };
        if let Some(unknown) = ask.query.keys().find(|name| !matches!(name.as_str(), "sessions" | "minutes")) {
            return Err(format!("`{unknown}` is not known; advance takes sessions and minutes"));
        }
        let (sessions, minutes) = (number("sessions")?, number("minutes")?);
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        *now = self.world.sessions.advanced(*now, sessions, minutes)?;
        Ok(())
    }

    fn state(&self) -> Reply {
        let now = self.now();
        let profiles = self.world.profiles();
        let planted = profiles.iter().filter(|p| p.planted && p.fault.is_none()).map(|p| p.ticker.as_str());
        let faulty: BTreeMap<&str, &str> = match self.faults {
            Faults::None => BTreeMap::new(),
            Faults::Added => Fault::ALL.iter().map(|(_, code, what)| (*code, *what)).collect(),
        };
        let requests: BTreeMap<&str, u64> = Vendor::ALL
            .into_iter()
            .map(|vendor| (vendor.word(), self.requests.of(vendor).load(Ordering::SeqCst)))
            .collect();
        let state = json!({
            "now": now.to_string(),
            "session": calendar::session_date(now).to_string(),
            "seed": self.world.seed,
            "tickers": profiles.len(),
            "filter": finviz::FILTER,
            "faults": self.faults == Faults::Added,
            "planted": planted.collect::<Vec<_>>(),
            "faulty": faulty,
            "requests": requests,
            "robinhood_token": robinhood::TOKEN,
        });
        Reply::json(200, JSON, &state)
    }
}

/// The instant a ticker's chain is of.
fn seen(fault: Option<Fault>, now: Timestamp) -> Timestamp {
    match fault {
        Some(Fault::Stale) => now.saturating_sub(SignedDuration::from_hours(24)).unwrap_or(now),
        Some(_) | None => now,
    }
}

/// A path with its escapes undone (`%5ESPX` is `^SPX`); what is no escape stays.
fn decoded(path: &str) -> String {
    let bytes = path.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while i < bytes.len() {
        let escape =
            path.get(i + 1..i + 3).filter(|_| bytes[i] == b'%').and_then(|hex| u8::from_str_radix(hex, 16).ok());
        out.push(escape.unwrap_or(bytes[i]));
        i += if escape.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn query(uri: &Uri) -> BTreeMap<String, String> {
    Query::<Vec<(String, String)>>::try_from_uri(uri)
        .map(|Query(pairs)| pairs.into_iter().collect())
        .unwrap_or_default()
}

fn header(headers: &HeaderMap, name: header::HeaderName) -> String {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}

fn cookies(headers: &HeaderMap) -> String {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    all.collect::<Vec<_>>().join("; ")
}

fn headers_of(headers: &HeaderMap) -> serde_json::Map<String, serde_json::Value> {
    headers
        .iter()
        .map(|(name, value)| {
            // A log is kept and shown; a token is neither.
            let shown =
                if name == header::AUTHORIZATION { "***".into() } else { String::from_utf8_lossy(value.as_bytes()) };
            (name.to_string(), shown.into_owned().into())
        })
        .collect()
}

fn response(reply: Reply, asked: &HeaderMap) -> Response<Body> {
    let accepts_gzip = asked
        .get(header::ACCEPT_ENCODING)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.split(',').any(|c| c.split(';').next().is_some_and(|name| name.trim() == "gzip")));
    let packed = if accepts_gzip && reply.body.len() >= COMPRESS_FROM { gzip(&reply.body) } else { None };
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(reply.content_type));
    headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    for (name, value) in &reply.headers {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(*name, value);
        }
    }
    if packed.is_some() {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    *response.body_mut() = Body::from(packed.unwrap_or(reply.body));
    response
}

/// Compressed quickly; a vendor's edge does not try hard either.
fn gzip(body: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4), Compression::fast());
    encoder.write_all(body).ok()?;
    encoder.finish().ok()
}
