//! The only place that sends a request: egress (which way) → budget → identity → send → classify.
//!
//! Promises: GET only; every request is counted at the moment it leaves, retries and redirects included; one limit for
//! the whole exchange with its body; a body is never held beyond [`BODY_LIMIT`] bytes after decompression; a vendor's
//! "slow down" reaches the store before anything else happens. Refuses: redirects to another host, more than a few
//! redirects. Which answers are tried again is [`crate::retry`]'s business, what an answer means [`crate::classify`]'s.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use fleet_core::domain::Vendor;
use fleet_core::seams::{FetchFailure, RequestTally};
use jiff::Timestamp;
use reqwest::header::{AUTHORIZATION, CONTENT_ENCODING, HeaderMap, HeaderValue, LOCATION};
use reqwest::{Client, StatusCode};
use url::Url;

use crate::classify::{Expected, classify};
use crate::client::Clients;
use crate::egress::answer::own_fault;
use crate::egress::{Arrival, Departure, Egress, Host, Lease, Then};
use crate::identity::RequestKind;
use crate::pace::Pacer;
use crate::retry::{Miss, RetryPolicy, retried};

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
    /// Whose budget it is, and which of its hosts.
    pub(crate) host: Host,
    /// Where, at the vendor's own address.
    pub(crate) url: Url,
    /// What a browser would be doing.
    pub(crate) kind: RequestKind,
    /// The session's cookies.
    pub(crate) cookie: Option<HeaderValue>,
    /// The account's token.
    pub(crate) authorization: Option<HeaderValue>,
    /// What counts as an answer.
    pub(crate) expected: Expected,
    /// What becomes of it.
    pub(crate) purpose: Purpose,
}

/// What becomes of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A ticker uses it.
    Data,
    /// A canary's or a handshake's: no ticker's answer is made of it.
    Aside,
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
    pub(crate) egress: Egress,
    pub(crate) pacers: BTreeMap<Vendor, Pacer>,
    pub(crate) policy: RetryPolicy,
    pub(crate) timeout: Duration,
}

/// A request's answer, and the way the last try went.
pub(crate) struct Leased<T> {
    /// The answer.
    pub(crate) answer: Result<T, FetchFailure>,
    /// The way; `None`: there was none.
    pub(crate) lease: Option<Arc<Lease>>,
}

impl Fetcher {
    /// Sends a request and reads its answer, again where that may help, each time by whatever way is next. `read` is the
    /// parser; its failures count as the request's.
    pub(crate) async fn get<T>(
        &self,
        ask: &Ask,
        tally: &RequestTally,
        read: impl Fn(Reply) -> Result<T, FetchFailure>,
    ) -> Result<T, FetchFailure> {
        self.get_leased(ask.host.vendor, |_| Ok(ask.clone()), tally, read).await.answer
    }

    /// The same for a request that depends on its way, because a session belongs to a way.
    pub(crate) async fn get_leased<T>(
        &self,
        vendor: Vendor,
        ask: impl Fn(&Lease) -> Result<Ask, FetchFailure>,
        tally: &RequestTally,
        read: impl Fn(Reply) -> Result<T, FetchFailure>,
    ) -> Leased<T> {
        let seed = match ask(self.egress.unsent()) {
            Ok(ask) => seed_of(&ask.url),
            Err(failure) => return Leased { answer: Err(failure), lease: None },
        };
        let last = std::sync::Mutex::new(None);
        let (ask, read, kept) = (&ask, &read, &last);
        let answer = retried(&self.policy, seed, |attempt| async move {
            let lease = self.egress.lease(vendor).await.inspect_err(|failure| {
                tally.note(Some((vendor, failure.clone())));
            });
            // Whoever waited for a gateway as long as is allowed does not wait again.
            let lease = lease.map_err(Miss::last)?;
            *kept.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(Arc::clone(&lease));
            let ask = ask(&lease).map_err(Miss::last)?;
            self.one_try(&lease, &ask, attempt, seed, tally, read).await
        })
        .await;
        Leased { answer, lease: last.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner) }
    }

    /// Sends a request by one way and no other, again where that may help.
    pub(crate) async fn get_on<T>(
        &self,
        lease: &Lease,
        ask: &Ask,
        tally: &RequestTally,
        read: impl Fn(Reply) -> Result<T, FetchFailure>,
    ) -> Result<T, FetchFailure> {
        let seed = seed_of(&ask.url);
        let read = &read;
        retried(&self.policy, seed, |attempt| async move {
            // There is no other way: the policy decides.
            self.one_try(lease, ask, attempt, seed, tally, read).await.map_err(|miss| miss.failure)
        })
        .await
    }

    /// Sends a request by one way, once.
    pub(crate) async fn one_try<T>(
        &self,
        lease: &Lease,
        ask: &Ask,
        attempt: u32,
        seed: u64,
        tally: &RequestTally,
        read: impl Fn(Reply) -> Result<T, FetchFailure>,
    ) -> Result<T, Miss> {
        let vendor = ask.host.vendor;
        let Some(pacer) = self.pacers.get(&vendor) else {
            return Err(FetchFailure::Budget("no pacer".to_owned()).into());
        };
        if let Some(per_sec) = self.egress.budget(vendor) {
            pacer.set_rate(per_sec);
        }
        let exchange = self.exchange(lease, ask, pacer, tally).await;
        let (read, departure) = match exchange {
            Exchange::NotSent(failure) => {
                tally.note(Some((vendor, failure.clone())));
                return Err(failure.into());
            }
            Exchange::Failed(failure, departure) => (Err(failure), departure),
            Exchange::Answered(reply, departure) => (read(reply), departure),
        };
        let failure = read.as_ref().err();
        let pause = failure.map_or(Duration::ZERO, |failure| self.policy.delay(attempt, failure, seed));
        let arrival = Arrival { vendor, departure: &departure, failure, wait: pause, ask: seed };
        let then = self.egress.arrived(lease, &arrival, tally);
        let wait = match (&read, then) {
            (_, Then::Stop { wait }) => Some(wait),
            // One gateway of several that is throttled rests by itself; the vendor goes on being asked over the others.
            (Err(FetchFailure::Throttled { .. }), _) if lease.gateway().is_none() => Some(pause),
            (_, Then::Decide | Then::Elsewhere) => None,
        };
        if let Some(per_sec) = self.egress.budget(vendor) {
            pacer.set_rate(per_sec);
        }
        if let Some(wait) = wait
            && let Err(error) = pacer.block(wait).await
        {
            // The request fails or waits by itself all the same; only the other workers do not know.
            tracing::warn!(%vendor, error = %error, "block not stored");
        }
        // A caller that is cut off while this waits to try again can say why all the same.
        tally.note(read.as_ref().err().map(|failure| (vendor, failure.clone())));
        if let Err(FetchFailure::Stale(why)) = &read {
            if let Some(gateway) = lease.gateway() {
                self.egress.quarantine(vendor, gateway, why, tally);
            }
            return Err(Miss::elsewhere(FetchFailure::Stale(why.clone())));
        }
        read.map_err(|failure| if then == Then::Elsewhere { Miss::elsewhere(failure) } else { failure.into() })
    }

    /// One try, with the redirects it takes.
    async fn exchange(&self, lease: &Lease, ask: &Ask, pacer: &Pacer, tally: &RequestTally) -> Exchange {
        let mut url = ask.url.clone();
        let vendor = ask.host.vendor;
        let mut departure = None;
        for _ in 0..=MAX_REDIRECTS {
            if let Err(failure) = pacer.permit().await {
                return Exchange::NotSent(failure);
            }
            let to = match self.egress.readdressed(lease, &ask.host, &url) {
                Ok(to) => to,
                Err(failure) => return Exchange::NotSent(failure),
            };
            let mut headers = lease.identity.headers(&ask.kind, ask.cookie.as_ref());
            to.authorise(&mut headers);
            if let Some(token) = &ask.authorization {
                headers.insert(AUTHORIZATION, token.clone());
            }
            tally.count(vendor);
            let left = self.egress.departs(lease, ask.purpose, tally);
            let answer = match transmit(self.clients.client_for(&to.url), &to.url, headers, self.timeout).await {
                Ok(answer) => answer,
                Err(failure) => return Exchange::Failed(failure, left),
            };
            tracing::debug!(
                %vendor, gateway = lease.gateway(), path = url.path(), status = answer.status.as_u16(),
                bytes = answer.reply.body.len(), "answered"
            );
            let own = lease.gateway().and_then(|_| own_fault(answer.status, &answer.reply.headers, &answer.reply.body));
            if let Some(fault) = own {
                return Exchange::Failed(self.egress.own_fault(lease, &left, fault), left);
            }
            if answer.status.is_redirection()
                && let Some(location) = answer.reply.headers.get(LOCATION)
            {
                match redirected(&url, location) {
                    Ok(next) => url = next,
                    Err(_) if ask.expected == Expected::AnyStatus && !is_consent(location) => {
                        return Exchange::Answered(answer.reply, left);
                    }
                    Err(failure) => return Exchange::Failed(failure, left),
                }
                departure = Some(left);
                continue;
            }
            let Answer { status, reply } = answer;
            return match classify(status, &reply.headers, &reply.body, ask.expected, reply.arrived) {
                Ok(()) => Exchange::Answered(reply, left),
                Err(failure) => Exchange::Failed(failure, left),
            };
        }
        let failure = FetchFailure::Malformed(format!("more than {MAX_REDIRECTS} redirects"));
        match departure {
            Some(left) => Exchange::Failed(failure, left),
            None => Exchange::NotSent(failure),
        }
    }
}

/// How one try ended.
enum Exchange {
    /// The budget did not let it leave.
    NotSent(FetchFailure),
    /// The network, the gateway or the vendor failed it.
    Failed(FetchFailure, Departure),
    /// There is a body for the parser.
    Answered(Reply, Departure),
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
