//! Client identity: one coherent browser profile, and the headers each kind of request adds to it.
//!
//! An identity is configured as a list of headers in order, or drawn from a small dated table of current browsers; either
//! way it is held for a whole lease. What belongs to the browser (User-Agent, client hints, languages, encodings) is the
//! profile's, what belongs to the kind of request (Accept, fetch metadata, Referer) its engine's.
//!
//! - `table`: which browsers there are, dated; [`profile`]: one of them, and its headers; `draw`: which one a lease gets;
//! - `engine`: what a kind of request adds, and the order of headers;
//! - `coherence`: what gives a profile away.
//!
//! Promises: `Accept-Encoding` names only what our client decodes; a drawn identity breaks none of the rules that a
//! configured one is checked by. Refuses: a header that cannot be sent or that is the client's own business.

mod coherence;
mod draw;
mod engine;
mod profile;
mod table;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

pub use coherence::identity_problems;
pub use draw::{IdentityKey, Reads};
use engine::Engine;
use profile::DECODED;

use crate::client::ClientError;

/// Headers the client writes itself; in a profile they would corrupt or betray a request.
const NOT_OURS: &[&str] = &[
    "host",
    "connection",
    "content-length",
    "transfer-encoding",
    "te",
    "upgrade",
    "cookie",
    "authorization",
    "proxy-authorization",
    "range",
];

/// What a browser would be doing when it sends the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RequestKind {
    /// Opening a page from the address bar.
    Document,
    /// A script of a page on another host of the same site fetching data.
    Data {
        /// The page's site, e.g. `https://finance.yahoo.com`.
        origin: &'static str,
    },
}

/// A checked profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The profile's own headers.
    own: Vec<(HeaderName, HeaderValue)>,
    engine: Engine,
    order: Order,
}

/// In which order headers leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    /// As configured, the kind's own after them.
    AsGiven,
    /// As the browser sends them.
    AsTheBrowserDoes,
}

/// The default profile: Chrome on Windows 10/11, 64 bit, US English, in the frozen User-Agent form.
#[must_use]
pub fn default_identity() -> Vec<(String, String)> {
    table::usual().headers()
}

impl Identity {
    /// Checks that every header of a configured profile can be sent.
    pub(crate) fn new(profile: &[(String, String)]) -> Result<Self, ClientError> {
        let own = profile
            .iter()
            .map(|(name, value)| {
                let refuse = |why: &str| ClientError::Identity(format!("header {name}: {why}"));
                let lower = name.to_ascii_lowercase();
                if NOT_OURS.contains(&lower.as_str()) {
                    return Err(refuse("the client writes it itself"));
                }
                if lower == "accept-encoding"
                    && let Some(unknown) = value.split(',').map(str::trim).find(|e| !decodes(e))
                {
                    return Err(refuse(&format!("`{unknown}` is not decoded (known: {})", DECODED.join(", "))));
                }
                let name = HeaderName::from_bytes(lower.as_bytes()).map_err(|_| refuse("not a header name"))?;
                let value = HeaderValue::from_str(value).map_err(|_| refuse("its value cannot be sent"))?;
                Ok((name, value))
            })
            .collect::<Result<Vec<_>, _>>()?;
        let agent = profile.iter().find(|(name, _)| name.eq_ignore_ascii_case("user-agent"));
        let engine = Engine::of(agent.map_or("", |(_, value)| value));
        Ok(Self { own, engine, order: Order::AsGiven })
    }

    /// Draws the identity of a lease from the table of browsers: always the same one for the same key.
    pub fn draw(key: &IdentityKey<'_>) -> Result<Self, ClientError> {
        let drawn = Self::new(&draw::profile(key, table::UPDATED).headers())?;
        Ok(Self { order: Order::AsTheBrowserDoes, ..drawn })
    }

    /// The headers of one request, in order. What the profile says wins over the kind's own.
    pub(crate) fn headers(&self, kind: &RequestKind, cookie: Option<&HeaderValue>) -> HeaderMap {
        let mut headers = self.own.clone();
        for (name, value) in self.engine.additions(kind) {
            let name = HeaderName::from_static(name);
            if !headers.iter().any(|(own, _)| *own == name)
                && let Ok(value) = HeaderValue::from_str(&value)
            {
                headers.push((name, value));
            }
        }
        if let Some(cookie) = cookie {
            headers.push((reqwest::header::COOKIE, cookie.clone()));
        }
        if self.order == Order::AsTheBrowserDoes {
            let order = self.engine.order(kind);
            headers.sort_by_key(|(name, _)| order.iter().position(|known| *known == name).unwrap_or(order.len()));
        }
        // A map keeps the order in which names were first inserted.
        let mut map = HeaderMap::with_capacity(headers.len());
        for (name, value) in headers {
            map.insert(name, value);
        }
        map
    }
}

fn decodes(encoding: &str) -> bool {
    let name = encoding.split(';').next().unwrap_or_default().trim();
    DECODED.contains(&name) || name == "identity"
}

#[cfg(test)]
mod tests;
