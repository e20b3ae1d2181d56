//! The connection: one, shared by every task of the process, made anew after it broke.
//!
//! A connection is given up when it breaks, when an answer is late (the other end may be gone without a word), and when
//! the server says that it only reads (another one is the primary by now, and the name may lead there). Whoever calls
//! next makes a new one, all callers the same; there is no waiting and no endless trying here: callers decide.

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

type Connecting = Shared<BoxFuture<'static, Result<MultiplexedConnection, RedisError>>>;

/// A server and the present connection to it.
pub(super) struct Link {
    client: Client,
    address: String,
    present: Mutex<Numbered>,
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
        let present = Mutex::new(Numbered { number: 0, connecting: connect(client.clone()) });
        Ok(Self { client, address, present })
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Sends a command; once more on a new connection where the old one broke and that changes nothing.
    pub(super) async fn send(&self, command: &Cmd, again: Again) -> Result<Value, RedisError> {
        match self.send_once(command).await {
            Err(error) if again == Again::Safe && broke(&error) => self.send_once(command).await,
            answer => answer,
        }
    }

    async fn send_once(&self, command: &Cmd) -> Result<Value, RedisError> {
        let Numbered { number, connecting } = self.lock().clone();
        let answer = match connecting.await {
            Ok(mut connection) => command.query_async(&mut connection).await,
            Err(error) => Err(error),
        };
        if answer.as_ref().is_err_and(useless) {
            self.give_up(number);
        }
        answer
    }

    /// The next caller connects anew, unless somebody else gave this connection up already.
    fn give_up(&self, number: u64) {
        let mut present = self.lock();
        if present.number == number {
            *present = Numbered { number: number + 1, connecting: connect(self.client.clone()) };
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Numbered> {
        self.present.lock().unwrap_or_else(PoisonError::into_inner)
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
