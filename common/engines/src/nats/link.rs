//! The connection: made once with a limit, kept for ever, and every request over it with a limit of its own.
//!
//! The client connects again by itself; this file only waits a moment for it, so that a blink of the network is no
//! error. It refuses to hand a request to a client that is not connected: the client would keep it and send it long
//! after its asker has given up (a stale pull takes tasks out for nobody).

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_nats::client::{Request, RequestErrorKind};
use async_nats::connection::State;
use async_nats::jetstream::response::Response;
use async_nats::{Client, ConnectErrorKind, ConnectOptions, Event, HeaderMap, Message};
use fleet_core::seams::QueueError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep, timeout};

use super::failure::Failure;
use super::pull::Inboxes;
use super::settings::{NatsAuth, NatsSettings};
use super::tls;
use crate::connect::{MAX_FILE, read_bounded};

/// The first connection, over all servers of the list.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// One request and its answer. The server's own work takes below a millisecond.
pub(super) const REQUEST_LIMIT: Duration = Duration::from_millis(2500);
/// A lost connection may come back for so long before a request gives up.
const RECONNECT_LIMIT: Duration = Duration::from_secs(2);
/// How often it is looked at meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// Two unanswered pings are a dead connection: a server that is cut off is noticed in 10–15 s.
const PING_INTERVAL: Duration = Duration::from_secs(5);
/// The longest wait between two attempts to connect again.
const BACK_OFF_LIMIT: Duration = Duration::from_secs(2);

/// A connection to NATS.
pub(super) struct Link {
    client: Client,
    /// How often the connection was lost.
    losses: Arc<AtomicU64>,
    /// Where the answers to pulls come.
    inboxes: Inboxes,
    /// Where, for people.
    place: String,
}

impl Link {
    pub(super) async fn connect(settings: &NatsSettings) -> Result<Self, QueueError> {
        let place = settings.address.to_string();
        let losses = Arc::new(AtomicU64::new(0));
        let options = options(settings, Arc::clone(&losses))?;
        let servers = settings.address.servers.clone();
        let client = match timeout(CONNECT_LIMIT, options.connect(servers)).await {
            Ok(Ok(client)) => client,
            Ok(Err(error)) => return Err(connect_error(&error, &place)),
            Err(_) => return Err(QueueError::Unavailable(format!("{place} did not answer within {CONNECT_LIMIT:?}"))),
        };
        Ok(Self { client, losses, inboxes: Inboxes::default(), place })
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    pub(super) fn inboxes(&self) -> &Inboxes {
        &self.inboxes
    }

    pub(super) fn place(&self) -> &str {
        &self.place
    }

    /// How often the connection was lost: whoever waits for an answer on it waits in vain once this grows.
    pub(super) fn losses(&self) -> u64 {
        self.losses.load(Ordering::Acquire)
    }

    pub(super) fn is_connected(&self) -> bool {
        self.client.connection_state() == State::Connected
    }

    /// Waits a moment for a lost connection to come back.
    pub(super) async fn ready(&self) -> Result<(), Failure> {
        let give_up = Instant::now() + RECONNECT_LIMIT;
        while !self.is_connected() {
            if Instant::now() >= give_up {
                return Err(Failure::Disconnected("not connected; connecting again by itself".to_owned()));
            }
            sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    /// Sends a message and waits for its answer.
    pub(super) async fn request(
        &self,
        subject: String,
        payload: Vec<u8>,
        headers: Option<HeaderMap>,
        limit: Duration,
    ) -> Result<Message, Failure> {
        self.ready().await?;
        let mut request = Request::new().payload(payload.into()).timeout(Some(limit));
        if let Some(headers) = headers {
            request = request.headers(headers);
        }
        // The client's own limit covers the answer, not its queue, which is full when the server reads nothing.
        match timeout(limit, self.client.send_request(subject, request)).await {
            Ok(Ok(message)) => Ok(message),
            Ok(Err(error)) => Err(match error.kind() {
                RequestErrorKind::TimedOut => silent(limit),
                RequestErrorKind::NoResponders => Failure::Nobody,
                RequestErrorKind::InvalidSubject | RequestErrorKind::MaxPayloadExceeded => {
                    Failure::Unsendable(error.to_string())
                }
                RequestErrorKind::Other => Failure::Disconnected(error.to_string()),
            }),
            Err(_) => Err(silent(limit)),
        }
    }

    /// A request to JetStream's interface.
    pub(super) async fn api<T: DeserializeOwned>(
        &self,
        name: &str,
        payload: &impl Serialize,
        limit: Duration,
    ) -> Result<T, Failure> {
        let payload = serde_json::to_vec(payload).map_err(|error| Failure::Unsendable(error.to_string()))?;
        let answer = self.request(format!("$JS.API.{name}"), payload, None, limit).await?;
        read_answer(&answer.payload)
    }
}

/// JetStream's answer: what was asked for, or its error.
pub(super) fn read_answer<T: DeserializeOwned>(payload: &[u8]) -> Result<T, Failure> {
    match serde_json::from_slice(payload) {
        Ok(Response::Ok(answer)) => Ok(answer),
        Ok(Response::Err { error }) => Err(Failure::api(&error)),
        Err(error) => Err(Failure::Unreadable(error.to_string())),
    }
}

fn silent(limit: Duration) -> Failure {
    Failure::Silent(format!("no answer within {limit:?}"))
}

fn options(settings: &NatsSettings, losses: Arc<AtomicU64>) -> Result<ConnectOptions, QueueError> {
    // Each server of the list gets its share of the time, so that the last one is tried too.
    let servers = u32::try_from(settings.address.servers.len()).unwrap_or(u32::MAX).max(1);
    let share = (CONNECT_LIMIT * 9 / 10 / servers).clamp(Duration::from_millis(250), Duration::from_secs(3));
    let options = ConnectOptions::new()
        .name(&settings.client_name)
        .connection_timeout(share)
        .request_timeout(Some(REQUEST_LIMIT))
        .ping_interval(PING_INTERVAL)
        .tls_client_config(tls::client_config(settings.ca_file.as_deref())?)
        .reconnect_delay_callback(back_off)
        .event_callback(move |event| {
            note(&event, &losses);
            std::future::ready(())
        });
    Ok(match &settings.auth {
        NatsAuth::Open => options,
        NatsAuth::User { user, password } => options.user_and_password(user.clone(), password.expose().to_owned()),
        NatsAuth::Token(token) => options.token(token.expose().to_owned()),
        NatsAuth::Nkey(seed) => options.nkey(seed.expose().to_owned()),
        NatsAuth::Credentials(path) => {
            let refused = |why: String| QueueError::Refused(format!("the credentials file {}: {why}", path.display()));
            let bytes = read_bounded(path, MAX_FILE).map_err(|error| refused(error.to_string()))?;
            let bytes = bytes.ok_or_else(|| refused("it is larger than 64 KiB".to_owned()))?;
            let text = String::from_utf8(bytes).map_err(|_| refused("it is no text".to_owned()))?;
            // The cause may quote the file: it is not shown.
            options.credentials(&text).map_err(|_| refused("it holds no user's JWT and seed".to_owned()))?
        }
    })
}

/// At once, then 25 ms, twice as long each time, up to the limit.
fn back_off(attempt: usize) -> Duration {
    match u32::try_from(attempt) {
        Ok(0 | 1) => Duration::ZERO,
        Ok(n) => Duration::from_millis(25).saturating_mul(1 << (n - 2).min(16)).min(BACK_OFF_LIMIT),
        Err(_) => BACK_OFF_LIMIT,
    }
}

fn note(event: &Event, losses: &AtomicU64) {
    match event {
        Event::Connected => tracing::info!("queue connected"),
        Event::Disconnected => {
            losses.fetch_add(1, Ordering::AcqRel);
            tracing::warn!("queue disconnected");
        }
        Event::LameDuckMode | Event::Draining | Event::Closed => tracing::info!(%event, "queue connection"),
        Event::SlowConsumer(_) | Event::ServerError(_) => tracing::warn!(%event, "queue connection"),
        // Every try to connect again that fails; whoever asks the queue says that it is away.
        Event::ClientError(_) => tracing::debug!(%event, "queue connection"),
    }
}

fn connect_error(error: &async_nats::ConnectError, place: &str) -> QueueError {
    let cause = || error.source().map_or_else(|| error.to_string(), ToString::to_string);
    match error.kind() {
        ConnectErrorKind::AuthorizationViolation | ConnectErrorKind::Authentication => {
            QueueError::Refused(format!("{place} does not let us in with the credentials given"))
        }
        ConnectErrorKind::ServerParse => QueueError::Refused(format!("{place} is no address of a NATS server")),
        ConnectErrorKind::Tls => QueueError::Refused(format!("{place}: TLS failed: {}", cause())),
        ConnectErrorKind::Dns => QueueError::Unavailable(format!("{place}: its name is unknown: {}", cause())),
        ConnectErrorKind::TimedOut => QueueError::Unavailable(format!("{place} did not answer in time")),
        ConnectErrorKind::Io | ConnectErrorKind::MaxReconnects => {
            QueueError::Unavailable(format!("{place} cannot be reached: {}", cause()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_back_off_grows_to_its_limit() {
        let waits: Vec<u128> = [0, 1, 2, 3, 8, 9, 1_000_000].map(|n| back_off(n).as_millis()).into();
        assert_eq!(waits, [0, 0, 25, 50, 1600, 2000, 2000]);
    }
}
