//! Addresses of queues and stores as people write them.

use std::fmt;
use std::path::PathBuf;

use url::{Host, Url};

use super::secrets::Secret;

/// NATS' own port.
const NATS_PORT: u16 = 4222;
/// Redis' own port.
const REDIS_PORT: u16 = 6379;
/// More servers than this are no seed list.
const MAX_SERVERS: usize = 16;

/// Why an address was not read. It shows the address without its secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{shown}` {why}")]
pub struct BadAddress {
    /// The address, redacted.
    pub shown: String,
    /// What is wrong with it.
    pub why: String,
}

/// A queue and a store that do not go together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the queue `{queue}` and the store `{store}` do not go together: on one machine it is in-process with sqlite:PATH, \
     for a fleet nats://… with redis://…; change one of them"
)]
pub struct MixedPair {
    /// The queue, redacted.
    pub queue: String,
    /// The store, redacted.
    pub store: String,
}

/// Where the task queue is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QueueAddress {
    /// In the memory of this process.
    InProcess,
    /// On NATS servers.
    Nats(NatsAddress),
}

/// NATS servers of one cluster and who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NatsAddress {
    /// `nats://host:port` or `tls://host:port` each, without credentials; at least one.
    pub servers: Vec<String>,
    /// User, if the address names one.
    pub user: Option<String>,
    /// Password, if the address names one.
    pub password: Option<Secret>,
}

/// Where the store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreAddress {
    /// A file of this machine.
    Sqlite(PathBuf),
    /// A Redis server.
    Redis(RedisAddress),
}

/// A Redis server and who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedisAddress {
    /// `redis` or `rediss` (TLS).
    pub scheme: &'static str,
    /// Name or number, an IPv6 one without brackets.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Number of its database.
    pub database: u32,
    /// User, if the address names one.
    pub user: Option<String>,
    /// Password, if the address names one.
    pub password: Option<Secret>,
}

impl QueueAddress {
    /// Reads `in-process`, or `nats://[user:password@]host[:port][,host…]`, or the same with `tls`.
    pub fn parse(text: &str) -> Result<Self, BadAddress> {
        if text == "in-process" {
            return Ok(Self::InProcess);
        }
        if text.starts_with("nats://") || text.starts_with("tls://") {
            return NatsAddress::parse(text).map(Self::Nats).map_err(|why| bad(text, why));
        }
        Err(bad(text, "is no queue: write in-process, nats://HOST:PORT or tls://HOST:PORT"))
    }
}

impl StoreAddress {
    /// Reads `sqlite:PATH`, or `redis://[user:password@]host[:port][/database]`, or the same with `rediss`.
    pub fn parse(text: &str) -> Result<Self, BadAddress> {
        if let Some(path) = text.strip_prefix("sqlite:") {
            if path.is_empty() {
                return Err(bad(text, "names no file: write sqlite:PATH"));
            }
            return Ok(Self::Sqlite(PathBuf::from(path)));
        }
        if text.starts_with("redis://") || text.starts_with("rediss://") {
            return RedisAddress::parse(text).map(Self::Redis).map_err(|why| bad(text, why));
        }
        Err(bad(text, "is no store: write sqlite:PATH, redis://HOST:PORT or rediss://HOST:PORT"))
    }
}

/// Refuses a queue and a store that do not go together.
pub fn check_pair(queue: &QueueAddress, store: &StoreAddress) -> Result<(), MixedPair> {
    match (queue, store) {
        (QueueAddress::InProcess, StoreAddress::Sqlite(_)) | (QueueAddress::Nats(_), StoreAddress::Redis(_)) => Ok(()),
        (QueueAddress::InProcess, StoreAddress::Redis(_)) | (QueueAddress::Nats(_), StoreAddress::Sqlite(_)) => {
            Err(MixedPair { queue: queue.to_string(), store: store.to_string() })
        }
    }
}

impl NatsAddress {
    fn parse(text: &str) -> Result<Self, String> {
        let mut read = Self { servers: Vec::new(), user: None, password: None };
        let mut scheme = "nats";
        for (n, part) in text.split(',').enumerate() {
            if n == MAX_SERVERS {
                return Err(format!("names more than {MAX_SERVERS} servers"));
            }
            // Only the first part must say its scheme; the others inherit it.
            let url = match part.split_once("://") {
                Some(_) => Url::parse(part),
                None => Url::parse(&format!("{scheme}://{part}")),
            };
            let url = url.map_err(|error| format!("cannot be read: {error}"))?;
            scheme = match url.scheme() {
                "nats" => "nats",
                "tls" => "tls",
                _ => return Err("must say nats:// or tls:// for each server".to_owned()),
            };
            let host = host_of(&url)?;
            if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
                return Err("may name hosts and ports only".to_owned());
            }
            let (user, password) = credentials(&url)?;
            if user.is_some() || password.is_some() {
                let first = n == 0;
                if !first && (&read.user, &read.password) != (&user, &password) {
                    return Err("must name the same user and password for each server, or only once".to_owned());
                }
                (read.user, read.password) = (user, password);
            }
            read.servers.push(format!("{scheme}://{host}:{}", url.port().unwrap_or(NATS_PORT)));
        }
        Ok(read)
    }
}

impl RedisAddress {
    fn parse(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|error| format!("cannot be read: {error}"))?;
        let scheme = if url.scheme() == "rediss" { "rediss" } else { "redis" };
        let host = host_of(&url)?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        if url.query().is_some() || url.fragment().is_some() {
            return Err("may name a host, a port and the number of a database only".to_owned());
        }
        let database = match url.path().trim_start_matches('/') {
            "" => 0,
            number => number.parse().map_err(|_| "must end with the number of a database, such as /0".to_owned())?,
        };
        let (user, password) = credentials(&url)?;
        Ok(Self { scheme, host, port: url.port().unwrap_or(REDIS_PORT), database, user, password })
    }
}

/// With brackets around an IPv6 number.
fn host_of(url: &Url) -> Result<String, String> {
    match url.host() {
        Some(Host::Domain("")) | None => Err("names no host".to_owned()),
        Some(host) => Ok(host.to_string()),
    }
}

fn credentials(url: &Url) -> Result<(Option<String>, Option<Secret>), String> {
    let read = |part: &str| percent_decode(part).ok_or_else(|| "has a `%` that begins no code".to_owned());
    let user = if url.username().is_empty() { None } else { Some(read(url.username())?) };
    let password = match url.password() {
        None | Some("") => None,
        Some(password) => Some(Secret::new(read(password)?)),
    };
    Ok((user, password))
}

/// `None`: not percent-encoded text.
fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = [rest.next()?, rest.next()?];
        if !digits.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
    }
    String::from_utf8(bytes).ok()
}

fn bad(text: &str, why: impl Into<String>) -> BadAddress {
    BadAddress { shown: shown(text), why: why.into() }
}

/// A text that may be an address, with everything between its scheme and its last `@` replaced.
#[must_use]
pub fn shown(text: &str) -> String {
    let Some((secret, rest)) = text.rsplit_once('@') else { return text.to_owned() };
    let scheme = secret.split_once("://").map_or("", |(scheme, _)| scheme);
    // A scheme is letters; anything else before `://` may be part of a password.
    if !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        format!("{scheme}://***@{rest}")
    } else {
        format!("***@{rest}")
    }
}

/// Who asks, for people: a user beside a password is none, a user alone may be a token.
fn asker(user: Option<&str>, password: Option<&Secret>) -> String {
    match (user, password) {
        (None, None) => String::new(),
        (Some(_), None) => "***@".to_owned(),
        (user, Some(_)) => format!("{}:***@", user.unwrap_or_default()),
    }
}

impl fmt::Display for QueueAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InProcess => f.write_str("in-process"),
            Self::Nats(address) => address.fmt(f),
        }
    }
}

impl fmt::Display for NatsAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let asker = asker(self.user.as_deref(), self.password.as_ref());
        for (n, server) in self.servers.iter().enumerate() {
            let (scheme, host) = server.split_once("://").unwrap_or(("nats", server));
            write!(f, "{}{scheme}://{asker}{host}", if n == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

impl fmt::Display for StoreAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Redis(address) => address.fmt(f),
        }
    }
}

impl fmt::Display for RedisAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let asker = asker(self.user.as_deref(), self.password.as_ref());
        let Self { scheme, host, port, database, .. } = self;
        if host.contains(':') {
            write!(f, "{scheme}://{asker}[{host}]:{port}/{database}")
        } else {
            write!(f, "{scheme}://{asker}{host}:{port}/{database}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nats(text: &str) -> NatsAddress {
        match QueueAddress::parse(text).unwrap() {
            QueueAddress::Nats(address) => address,
            QueueAddress::InProcess => panic!("{text} was read as in-process"),
        }
    }

    fn redis(text: &str) -> RedisAddress {
        match StoreAddress::parse(text).unwrap() {
            StoreAddress::Redis(address) => address,
            StoreAddress::Sqlite(_) => panic!("{text} was read as a file"),
        }
    }

    #[test]
    fn a_seed_list_is_read_and_shown() {
        let address = nats("nats://fleet:s%40cr%2Cet@a:4223,b,tls://[::1]:5000");
        assert_eq!(address.servers, ["nats://a:4223", "nats://b:4222", "tls://[::1]:5000"]);
        assert_eq!(address.user.as_deref(), Some("fleet"));
        assert_eq!(address.password.as_ref().unwrap().expose(), "s@cr,et");
        let shown = address.to_string();
        assert_eq!(shown, "nats://fleet:***@a:4223,nats://fleet:***@b:4222,tls://fleet:***@[::1]:5000");
        assert!(!format!("{address:?}").contains("s@cr,et"));
        assert_eq!(QueueAddress::parse("in-process").unwrap().to_string(), "in-process");
    }

    #[test]
    fn a_user_alone_may_be_a_token_and_is_not_shown() {
        assert_eq!(nats("nats://t0ken@a").to_string(), "nats://***@a:4222");
    }

    #[test]
    fn a_redis_is_read_and_shown() {
        let address = redis("rediss://fleet:secret@cache.example:6380/2");
        assert_eq!((address.scheme, address.host.as_str(), address.port), ("rediss", "cache.example", 6380));
        assert_eq!((address.database, address.user.as_deref()), (2, Some("fleet")));
        assert_eq!(address.password.as_ref().unwrap().expose(), "secret");
        assert_eq!(address.to_string(), "rediss://fleet:***@cache.example:6380/2");
        assert_eq!(redis("redis://:secret@[::1]").to_string(), "redis://:***@[::1]:6379/0");
        assert_eq!(redis("redis://[::1]").host, "::1");
    }

    #[test]
    fn what_is_no_address_is_refused_without_its_secret() {
        for text in [
            "",
            "nats",
            "http://a",
            "nats://",
            "nats://a:99999",
            "nats://a/path",
            "nats://u:SECRET@a:99999",
            "nats://u:SECRET@a,http://b",
            "nats://u:SECRET@a,u:SECRET2@b",
            "nats:/u:SECRET@a",
            "nats://u:SEC,RET@a",
            "nats://u:SECRET%zz@a",
            "tls://u:SECRET@",
        ] {
            let error = QueueAddress::parse(text).expect_err(text);
            assert!(!error.to_string().contains("SEC"), "{error}");
        }
        for text in ["sqlite:", "mysql://u:SECRET@a", "redis://u:SECRET@", "redis://u:SECRET@a/x", "redis://a?x=1"] {
            let error = StoreAddress::parse(text).expect_err(text);
            assert!(!error.to_string().contains("SECRET"), "{error}");
        }
    }

    #[test]
    fn pairs_go_together_or_are_refused() {
        let (here, there) = (QueueAddress::InProcess, QueueAddress::parse("nats://u:SECRET@a").unwrap());
        let file = StoreAddress::parse("sqlite:x.db").unwrap();
        let redis = StoreAddress::parse("redis://a").unwrap();
        assert_eq!(check_pair(&here, &file), Ok(()));
        assert_eq!(check_pair(&there, &redis), Ok(()));
        assert!(check_pair(&here, &redis).is_err());
        let error = check_pair(&there, &file).unwrap_err().to_string();
        assert!(error.contains("sqlite:x.db") && error.contains("nats://u:***@a:4222"), "{error}");
    }
}
