//! Yahoo's session: a cookie and the crumb that goes with it.
//!
//! Promises: nothing is asked until a 401 asks for it; one handshake at a time over all slots, and a slot that waited
//! uses what the other one got; cookie and crumb stay in memory, for one identity, as long as the market lives.
//! Refuses: to guess a way through the consent page, which is told as what it is.

use std::sync::{Mutex, PoisonError};

use fleet_core::domain::Vendor;
use fleet_core::seams::{FetchFailure, RequestTally};
use reqwest::header::{HeaderMap, HeaderValue, SET_COOKIE};
use url::Url;

use crate::classify::Expected;
use crate::egress::{Host, Lease};
use crate::fetch::{Ask, Fetcher, Purpose};
use crate::identity::RequestKind;
use crate::vendors::yahoo;

/// The site whose pages ask Yahoo's API.
pub(crate) const ORIGIN: &str = "https://finance.yahoo.com";
/// Cookies kept of one handshake: Yahoo sets up to five.
const MAX_COOKIES: usize = 16;
/// Bytes of a cookie header: what browsers keep of one cookie.
const MAX_COOKIE_BYTES: usize = 4096;

/// Cookie and crumb: a pair, never mixed.
#[derive(Debug, Clone)]
pub(crate) struct CookieSession {
    /// For the `cookie` header.
    pub(crate) cookie: HeaderValue,
    /// For the `crumb` parameter.
    pub(crate) crumb: String,
    /// Which handshake it came from, from 1.
    number: u64,
}

/// Holds the session of one identity.
#[derive(Default)]
pub(crate) struct Handshake {
    session: Mutex<Option<CookieSession>>,
    /// Whoever holds it may shake hands.
    turn: tokio::sync::Mutex<()>,
}

impl Handshake {
    /// The session there is, if any.
    pub(crate) fn session(&self) -> Option<CookieSession> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A session newer than the one that was refused: another slot's, or a fresh one.
    pub(crate) async fn renew(
        &self,
        refused: Option<&CookieSession>,
        fetcher: &Fetcher,
        lease: &Lease,
        bases: &Bases,
        tally: &RequestTally,
    ) -> Result<CookieSession, FetchFailure> {
        let old = refused.map_or(0, |session| session.number);
        let _turn = self.turn.lock().await;
        if let Some(newer) = self.session().filter(|session| session.number > old) {
            return Ok(newer);
        }
        let cookie = fetcher
            .get_on(lease, &bases.ask_cookie()?, tally, |reply| {
                cookie_header(&reply.headers)
                    .ok_or_else(|| FetchFailure::Unauthorized("its cookie page sets no cookie".to_owned()))
            })
            .await?;
        let crumb = fetcher
            .get_on(lease, &bases.ask_crumb(&cookie)?, tally, |reply| {
                yahoo::parse::crumb(&reply.body).map_err(|error| error.into_failure())
            })
            .await?;
        let session = CookieSession { cookie, crumb, number: old + 1 };
        tracing::debug!(number = session.number, "handshake done");
        *self.session.lock().unwrap_or_else(PoisonError::into_inner) = Some(session.clone());
        Ok(session)
    }
}

/// Yahoo's two hosts.
#[derive(Debug, Clone)]
pub(crate) struct Bases {
    /// The API.
    pub(crate) query: String,
    /// The cookie's page.
    pub(crate) cookie: String,
}

impl Bases {
    /// The API's host.
    pub(crate) fn query_host(&self) -> Host {
        Host { vendor: Vendor::Yahoo, key: "query", base: self.query.clone() }
    }

    fn ask_cookie(&self) -> Result<Ask, FetchFailure> {
        Ok(Ask {
            host: Host { vendor: Vendor::Yahoo, key: "cookie", base: self.cookie.clone() },
            url: read_url(&yahoo::urls::cookie(&self.cookie))?,
            kind: RequestKind::Document,
            cookie: None,
            authorization: None,
            expected: Expected::AnyStatus,
            purpose: Purpose::Aside,
        })
    }

    fn ask_crumb(&self, cookie: &HeaderValue) -> Result<Ask, FetchFailure> {
        Ok(Ask {
            host: self.query_host(),
            url: read_url(&yahoo::urls::crumb(&self.query))?,
            kind: RequestKind::Data { origin: ORIGIN },
            cookie: Some(cookie.clone()),
            authorization: None,
            expected: Expected::Body,
            purpose: Purpose::Aside,
        })
    }
}

/// Reads a URL that was put together from a checked base.
pub(crate) fn read_url(text: &str) -> Result<Url, FetchFailure> {
    Url::parse(text).map_err(|error| FetchFailure::Network(format!("`{text}` is not a URL ({error})")))
}

/// `name=value; name=value` of all cookies an answer sets. Attributes are dropped: the cookies go to the vendor they
/// came from, and the session ends with the process.
fn cookie_header(headers: &HeaderMap) -> Option<HeaderValue> {
    let mut pairs: Vec<(&str, &str)> = Vec::new();
    for header in headers.get_all(SET_COOKIE).iter().take(MAX_COOKIES) {
        let Some((name, value)) =
            header.to_str().ok().and_then(|text| text.split(';').next()).and_then(|pair| pair.trim().split_once('='))
        else {
            continue;
        };
        pairs.retain(|(earlier, _)| *earlier != name);
        // An empty value is how a cookie is taken away.
        if !name.is_empty() && !value.is_empty() {
            pairs.push((name, value));
        }
    }
    let text = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
    if text.is_empty() || text.len() > MAX_COOKIE_BYTES {
        return None;
    }
    let mut value = HeaderValue::from_str(&text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(set: &[&str], expected: Option<&str>) {
        let mut headers = HeaderMap::new();
        for text in set {
            headers.append(SET_COOKIE, HeaderValue::from_str(text).unwrap());
        }
        let got = cookie_header(&headers);
        assert_eq!(got.as_ref().map(|value| value.to_str().unwrap()), expected, "{set:?}");
    }

    #[test]
    fn cookies_are_kept_without_their_attributes() {
        check(&["A3=d=AQAB&S=x; Domain=.yahoo.com; Max-Age=31557600; Secure"], Some("A3=d=AQAB&S=x"));
        check(&["A3=x", "A1=y; Path=/", "A3=z"], Some("A1=y; A3=z"));
        check(&["A3=x", "A3=; Max-Age=0"], None);
        check(&["nonsense", "=x"], None);
        check(&[], None);
    }
}
