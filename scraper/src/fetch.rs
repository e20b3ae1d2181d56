//! The only place that sends a request: budget → egress → identity → send → classify.
//!
//! Promises: GET only; every request is counted at the moment it leaves, retries and redirects included; one limit for
//! the whole exchange with its body; a body is never held beyond [`BODY_LIMIT`] bytes after decompression; a vendor's
//! "slow down" reaches the store before anything else happens. Refuses: redirects to another host, more than a few
//! redirects. Which answers are tried again is [`crate::retry`]'s business, what an answer means [`crate::classify`]'s.

use std::collections::BTreeMap;
use std::error::Error;
use std::time::Duration;

use fleet_core::domain::Vendor;
use fleet_core::seams::{FetchFailure, RequestTally};
use jiff::Timestamp;
use reqwest::header::{CONTENT_ENCODING, HeaderMap, HeaderValue, LOCATION};
use reqwest::{Client, StatusCode};
use url::Url;

use crate::classify::{Expected, classify};
use crate::client::Clients;
use crate::identity::{Identity, RequestKind};
use crate::pace::Pacer;
use crate::retry::{RetryPolicy, retried};

/// Bytes of a body after decompression. The largest recorded chain (SPX) has 13.6 MB; the rest is room for growth, and
/// a compressed bomb ends here.
pub(crate) const BODY_LIMIT: u64 = 32_000_000;
/// Reserved at once for a body that tells its length: most chains are shorter, and a length is easily claimed.
const RESERVED_BYTES: usize = 1 << 20;
/// Redirects followed for one request: vendors rename a path once in a while, not thrice.
const MAX_REDIRECTS: u32 = 3;

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    /// Whose budget it is.
    pub(crate) vendor: Vendor,
    /// Where.
    pub(crate) url: Url,
    /// What a browser would be doing.
    pub(crate) kind: RequestKind,
    /// The session's cookies.
    pub(crate) cookie: Option<HeaderValue>,
    /// What counts as an answer.
    pub(crate) expected: Expected,
}

/// An answer that may go to a parser.
#[derive(Debug)]
pub(crate) struct Reply {
    /// Its headers.
    pub(crate) headers: HeaderMap,
    /// Its body, decompressed.
    pub(crate) body: Vec<u8>,
    /// When the last byte arrived.
    pub(crate) arrived: Timestamp,
}

/// Sends requests for one plan.
pub(crate) struct Fetcher {
    pub(crate) clients: Clients,
    pub(crate) identity: Identity,
    pub(crate) pacers: BTreeMap<Vendor, Pacer>,
    pub(crate) policy: RetryPolicy,
    pub(crate) timeout: Duration,
}

impl Fetcher {
    /// Sends a request and reads its answer, again where that may help. `read` is the parser; its failures count as
    /// the request's.
    pub(crate) async fn get<T>(
        &self,
        ask: &Ask,
        tally: &RequestTally,
        read: impl Fn(Reply) -> Result<T, FetchFailure>,
    ) -> Result<T, FetchFailure> {
        let seed = seed_of(&ask.url);
        let (seed, read) = (&seed, &read);
        retried(&self.policy, *seed, |attempt| async move {
            let pacer = self.pacers.get(&ask.vendor).ok_or_else(|| FetchFailure::Budget("no pacer".to_owned()))?;
            let read = match self.exchange(ask, pacer, tally).await {
                Exchange::NotSent(failure) => {
                    tally.note(Some((ask.vendor, failure.clone())));
                    return Err(failure);
                }
                Exchange::Failed(failure) => Err(failure),
                Exchange::Answered(reply) => read(reply),
            };
            if let Err(failure @ FetchFailure::Throttled { .. }) = &read
                && let Err(error) = pacer.block(self.policy.delay(attempt, failure, *seed)).await
            {
                // The request fails or waits by itself all the same; only the other workers do not know.
                tracing::warn!(vendor = %ask.vendor, error = %error, "block not stored");
            }
            // A caller that is cut off while this waits to try again can say why all the same.
            tally.note(read.as_ref().err().map(|failure| (ask.vendor, failure.clone())));
            read
        })
        .await
    }

    /// One try, with the redirects it takes.
    async fn exchange(&self, ask: &Ask, pacer: &Pacer, tally: &RequestTally) -> Exchange {
        let mut url = ask.url.clone();
        for _ in 0..=MAX_REDIRECTS {
            if let Err(failure) = pacer.permit().await {
                return Exchange::NotSent(failure);
            }
            let headers = self.identity.headers(&ask.kind, ask.cookie.as_ref());
            tally.count(ask.vendor);
            let answer = match transmit(self.clients.client_for(&url), &url, headers, self.timeout).await {
                Ok(answer) => answer,
                Err(failure) => return Exchange::Failed(failure),
            };
            tracing::debug!(
                vendor = %ask.vendor, path = url.path(), status = answer.status.as_u16(), bytes = answer.reply.body.len(),
                "answered"
            );
            if answer.status.is_redirection()
                && let Some(location) = answer.reply.headers.get(LOCATION)
            {
                match redirected(&url, location) {
                    Ok(next) => url = next,
                    Err(_) if ask.expected == Expected::AnyStatus && !is_consent(location) => {
                        return Exchange::Answered(answer.reply);
                    }
                    Err(failure) => return Exchange::Failed(failure),
                }
                continue;
            }
            let Answer { status, reply } = answer;
            return match classify(status, &reply.headers, &reply.body, ask.expected, reply.arrived) {
                Ok(()) => Exchange::Answered(reply),
                Err(failure) => Exchange::Failed(failure),
            };
        }
        Exchange::Failed(FetchFailure::Malformed(format!("more than {MAX_REDIRECTS} redirects")))
    }
}

/// How one try ended.
enum Exchange {
    /// The budget did not let it leave.
    NotSent(FetchFailure),
    /// The network or the vendor failed it.
    Failed(FetchFailure),
    /// There is a body for the parser.
    Answered(Reply),
}

/// An answer of any status.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) reply: Reply,
}

/// Sends one GET and reads its whole body, within `limit` in all. Every request of the program leaves here.
pub(crate) async fn transmit(
    client: &Client,
    url: &Url,
    headers: HeaderMap,
    limit: Duration,
) -> Result<Answer, FetchFailure> {
    let exchange = async {
        let mut response = client.get(url.clone()).headers(headers).send().await.map_err(|e| plain(&e))?;
        let status = response.status();
        // reqwest takes the header away when it decodes; what still has one cannot be read by a parser.
        let undecoded = response.headers().get(CONTENT_ENCODING).filter(|e| *e != "identity").cloned();
        let told = response.content_length().and_then(|length| usize::try_from(length).ok()).unwrap_or(0);
        let mut body = Vec::with_capacity(told.min(RESERVED_BYTES));
        let too_large = FetchFailure::TooLarge { limit_bytes: BODY_LIMIT };
        if response.content_length().is_some_and(|length| length > BODY_LIMIT) {
            return Err(too_large);
        }
        while let Some(chunk) = response.chunk().await.map_err(|e| plain(&e))? {
            if (body.len() + chunk.len()) as u64 > BODY_LIMIT {
                return Err(too_large);
            }
            body.extend_from_slice(&chunk);
        }
        if let Some(encoding) = undecoded.filter(|_| !body.is_empty()) {
            return Err(FetchFailure::Malformed(format!("the content encoding {encoding:?} is not known")));
        }
        let headers = std::mem::take(response.headers_mut());
        Ok(Answer { status, reply: Reply { headers, body, arrived: Timestamp::now() } })
    };
    tokio::time::timeout(limit, exchange).await.unwrap_or(Err(FetchFailure::Timeout(limit)))
}

/// The URL a redirect leads to, if we follow it.
fn redirected(from: &Url, location: &HeaderValue) -> Result<Url, FetchFailure> {
    if is_consent(location) {
        return Err(FetchFailure::Consent);
    }
    let unreadable = || FetchFailure::Malformed("a redirect to an unreadable address".to_owned());
    let next = location.to_str().ok().and_then(|text| from.join(text).ok()).ok_or_else(unreadable)?;
    if next.origin() == from.origin() {
        Ok(next)
    } else {
        let host: String = next.host_str().unwrap_or("nowhere").chars().take(60).collect();
        Err(FetchFailure::Malformed(format!("a redirect to another host ({host})")))
    }
}

/// Yahoo's consent flow begins at `guce.yahoo.com/consent` and continues at `consent.yahoo.com`.
fn is_consent(location: &HeaderValue) -> bool {
    let text = String::from_utf8_lossy(location.as_bytes()).to_ascii_lowercase();
    ["guce.yahoo.com", "consent.yahoo.com", "/collectconsent", "/consent?"].iter().any(|mark| text.contains(mark))
}

/// A network error in plain words: the innermost cause that says something, once.
fn plain(error: &reqwest::Error) -> FetchFailure {
    let mut reason: Option<String> = None;
    let mut cause: Option<&(dyn Error + 'static)> = error.source();
    while let Some(inner) = cause {
        let text = inner.to_string();
        if text.contains("dns error") || text.contains("failed to lookup address") {
            let host = error.url().and_then(Url::host_str).unwrap_or("the host");
            return FetchFailure::Network(format!("the name {host} is not found"));
        }
        if let Some(io) = inner.downcast_ref::<std::io::Error>() {
            reason = Some(match io.kind() {
                std::io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
                std::io::ErrorKind::ConnectionReset => "connection reset".to_owned(),
                std::io::ErrorKind::BrokenPipe => "connection closed while sending".to_owned(),
                std::io::ErrorKind::UnexpectedEof => "connection closed before the answer was complete".to_owned(),
                std::io::ErrorKind::TimedOut => "connecting took too long".to_owned(),
                _ => text,
            });
            // An error inside an I/O error is not its source but its content.
            cause = io.get_ref().map(|content| content as &(dyn Error + 'static)).or_else(|| inner.source());
            continue;
        }
        reason = Some(text);
        cause = inner.source();
    }
    let reason = reason.unwrap_or_else(|| "the connection failed".to_owned());
    if error.is_decode() && !is_cut(&reason) {
        return FetchFailure::Malformed(format!("its compressed body is damaged ({reason})"));
    }
    FetchFailure::Network(if is_cut(&reason) {
        "connection closed before the answer was complete".to_owned()
    } else {
        reason
    })
}

fn is_cut(reason: &str) -> bool {
    ["before the answer was complete", "end of file before message length", "connection closed before message"]
        .iter()
        .any(|mark| reason.contains(mark))
}

/// Moves the jitter of a request: the same request waits the same, different ones come apart. (FNV-1a)
fn seed_of(url: &Url) -> u64 {
    url.as_str()
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

#[cfg(test)]
mod tests;
