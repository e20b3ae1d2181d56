//! A Redis server for the tests of one program, and a place of its own in it for each of them.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use fleet_engines::redis::{RedisSettings, RedisStore};
use fleet_servers::RedisServer;
use jiff::{SignedDuration, Timestamp};

/// One server for all tests of this program; its guardian ends it after the program.
static SERVER: LazyLock<RedisServer> = LazyLock::new(RedisServer::start);
static PLACES: AtomicU64 = AtomicU64::new(0);

/// Keys of one's own on a server, and a clock that tests can move forward.
pub struct Place {
    /// The server.
    pub url: String,
    /// With a prefix of one's own.
    pub settings: RedisSettings,
}

impl Place {
    /// On the server of this program.
    pub fn new() -> Self {
        Self::on(&SERVER)
    }

    /// On a server.
    pub fn on(server: &RedisServer) -> Self {
        let prefix = format!("test:{}:", PLACES.fetch_add(1, Ordering::Relaxed));
        let clock_offset = Arc::new(AtomicI64::new(0));
        Self { url: server.url(), settings: RedisSettings { prefix, clock_offset, ..RedisSettings::default() } }
    }

    /// A connection of its own.
    pub async fn store(&self) -> RedisStore {
        RedisStore::connect(&self.url, self.settings.clone()).await.unwrap()
    }

    /// The server's clock, as moved.
    pub fn now(&self) -> Timestamp {
        Timestamp::now() + SignedDuration::from_micros(self.settings.clock_offset.load(Ordering::Relaxed))
    }

    /// Moves it forward.
    pub fn pass(&self, time: Duration) {
        self.settings.clock_offset.fetch_add(i64::try_from(time.as_micros()).unwrap(), Ordering::Relaxed);
    }
}
