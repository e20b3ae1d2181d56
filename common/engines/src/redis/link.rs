//! The connections: a few, shared by every task of the process, each made when it is needed and anew after it broke.
//!
//! Several, because the server takes about one large call a connection at a time, and flushes its file once for all it
//! has taken: calls side by side share a flush. Each call goes over the least busy one, so that a program that asks one
//! thing after the other has only one.
//!
//! A connection is given up when it breaks, when an answer is late (the other end may be gone without a word), and when
//! the server says that it only reads (another one is the primary by now, and the name may lead there). One that could
//! not be made is given up whatever the reason: the server may have been full, or its users were changed. Whoever calls
//! next makes a new one, all callers the same; there is no waiting and no endless trying here: callers decide.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::{
    AsyncConnectionConfig, Client, Cmd, ErrorKind, IntoConnectionInfo, RedisError, ServerErrorKind, TlsCertificates,
    Value,
};
use fleet_core::seams::StoreError;
use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use url::Url;

use super::call::Again;
use super::settings::RedisSettings;

/// Name look-up, TCP, TLS and log-in together. A server in another Region needs a third of a second.
pub(super) const CONNECT_WITHIN: Duration = Duration::from_secs(3);
/// The slowest script takes about 50 ms; the rest is for a server that is just rewriting its file, and the network.
pub(super) const ANSWER_WITHIN: Duration = Duration::from_secs(3);

/// Connections of a process at most. More would not make commits of eight slots faster.
const LANES: usize = 4;

type Connecting = Shared<BoxFuture<'static, Result<MultiplexedConnection, RedisError>>>;

/// A server and the connections to it.
pub(super) struct Link {
    client: Client,
    address: String,
    lanes: [Lane; LANES],
}

/// One connection after the other.
struct Lane {
    present: Mutex<Numbered>,
    /// Calls on their way.
    busy: AtomicUsize,
}

/// A connection, made or in the making; the number tells it from the one that replaced it.
#[derive(Clone)]
struct Numbered {
    number: u64,
    connecting: Connecting,
}

impl Link {
    /// Reads the URL; connects with the first call.
    pub(super) fn new(url: &str, settings: &RedisSettings) -> Result<Self, StoreError> {
        let (client, address) = client(url, settings)?;
        let lanes = std::array::from_fn(|_| Lane::new(&client));
        Ok(Self { client, address, lanes })
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Sends a command; once more on a new connection where the old one broke and that changes nothing.
    pub(super) async fn send(&self, command: &Cmd, again: Again) -> Result<Value, RedisError> {
        let least = self.lanes.iter().min_by_key(|lane| lane.busy.load(Ordering::Relaxed));
        let lane = least.unwrap_or(&self.lanes[0]);
        let _busy = Busy::on(lane);
        match self.send_once(lane, command).await {
            Err(error) if again == Again::Safe && broke(&error) => self.send_once(lane, command).await,
            answer => answer,
        }
    }

    async fn send_once(&self, lane: &Lane, command: &Cmd) -> Result<Value, RedisError> {
        let Numbered { number, connecting } = lane.lock().clone();
        let mut connection = match connecting.await {
            Ok(connection) => connection,
            Err(error) => {
                lane.give_up(number, &self.client);
                return Err(error);
            }
        };
        let answer = command.query_async(&mut connection).await;
        if answer.as_ref().is_err_and(useless) {
            lane.give_up(number, &self.client);
        }
        answer
    }
}

impl Lane {
    fn new(client: &Client) -> Self {
        let present = Numbered { number: 0, connecting: connect(client.clone()) };
        Self { present: Mutex::new(present), busy: AtomicUsize::new(0) }
    }

    /// The next caller connects anew, unless somebody else gave this connection up already.
    fn give_up(&self, number: u64, client: &Client) {
        let mut present = self.lock();
        if present.number == number {
            *present = Numbered { number: number + 1, connecting: connect(client.clone()) };
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Numbered> {
        self.present.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts a call for as long as it is on its way, also one that is given up half way.
struct Busy<'a>(&'a AtomicUsize);

impl<'a> Busy<'a> {
    fn on(lane: &'a Lane) -> Self {
        lane.busy.fetch_add(1, Ordering::Relaxed);
        Self(&lane.busy)
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Does nothing until it is awaited.
fn connect(client: Client) -> Connecting {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT_WITHIN))
        .set_response_timeout(Some(ANSWER_WITHIN));
    async move { client.get_multiplexed_async_connection_with_config(&config).await }.boxed().shared()
}

/// The connection broke, but not by silence.
fn broke(error: &RedisError) -> bool {
    error.is_io_error() && !error.is_timeout()
}

/// Whether the connection it came over is of no more use.
fn useless(error: &RedisError) -> bool {
    error.is_io_error()
        || matches!(
            error.kind(),
            ErrorKind::Parse
                | ErrorKind::AuthenticationFailed
                | ErrorKind::Server(ServerErrorKind::ReadOnly | ServerErrorKind::BusyLoading)
        )
}

/// A client for a URL, and the URL without its secrets.
fn client(url: &str, settings: &RedisSettings) -> Result<(Client, String), StoreError> {
    const SHAPE: &str = "write redis://host:port or rediss://host:port, with a database number after it if need be";
    let bad = |why: &str| StoreError::Conflict(format!("the store's address {why}; {SHAPE}"));
    let url = Url::parse(url).map_err(|error| bad(&format!("cannot be read ({error})")))?;
    let scheme = url.scheme().to_owned();
    if scheme != "redis" && scheme != "rediss" {
        return Err(bad(&format!("begins with `{scheme}:`")));
    }
    if url.fragment().is_some() || url.query().is_some() {
        return Err(bad("has something behind `?` or `#`"));
    }
    // The error is about the address' shape; it does not repeat it.
    let info = url.into_connection_info().map_err(|error| bad(&format!("cannot be used ({error})")))?;
    let address = format!("{scheme}://{}/{}", info.addr(), info.redis_settings().db());
    let mut login = info.redis_settings().clone();
    if let Some(user) = &settings.user {
        login = login.set_username(user);
    }
    if let Some(password) = &settings.password {
        login = login.set_password(password);
    }
    let info = info.set_redis_settings(login);
    let unusable = |error: RedisError| StoreError::Conflict(format!("{address} cannot be used ({error})"));
    let client = match &settings.ca_file {
        Some(file) if scheme == "rediss" => {
            let authorities = std::fs::read(file).map_err(|error| {
                StoreError::Conflict(format!(
                    "the store's certificates cannot be read from {} ({error})",
                    file.display()
                ))
            })?;
            let certificates = TlsCertificates { client_tls: None, root_cert: Some(authorities) };
            Client::build_with_tls(info, certificates).map_err(unusable)?
        }
        Some(_) | None => Client::open(info).map_err(unusable)?,
    };
    Ok((client, address))
}
