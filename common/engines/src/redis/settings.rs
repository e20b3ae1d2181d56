//! How a Redis store is used.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use fleet_core::seams::Clock;

/// Stands before every key. The number is the layout's major version: a store that cannot be read by older programs at
/// all begins another.
pub const DEFAULT_PREFIX: &str = "optionfleet:1:";

/// How a Redis store is used.
#[derive(Clone)]
pub struct RedisSettings {
    /// Stands before every key; of a test, one of its own.
    pub prefix: String,
    /// The ACL user; `None`: the one of the URL.
    pub user: Option<String>,
    /// The password; `None`: the one of the URL.
    pub password: Option<String>,
    /// Certificates (PEM) of the authorities that may vouch for a `rediss://` server; `None`: the public ones.
    pub ca_file: Option<PathBuf>,
    /// For tests only: tells the time instead of the server. `None`: the server's clock, the same for everybody.
    pub clock: Option<Arc<dyn Clock>>,
}

impl Default for RedisSettings {
    fn default() -> Self {
        Self { prefix: DEFAULT_PREFIX.to_owned(), user: None, password: None, ca_file: None, clock: None }
    }
}

impl fmt::Debug for RedisSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { prefix, user, password, ca_file, clock: _ } = self;
        f.debug_struct("RedisSettings")
            .field("prefix", prefix)
            .field("user", user)
            .field("password", &password.as_ref().map(|_| "***"))
            .field("ca_file", ca_file)
            .finish_non_exhaustive()
    }
}
