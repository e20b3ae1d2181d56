//! A Redis server for the tests of one program, and a place of its own in it for each of them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use fleet_core::seams::ManualClock;
use fleet_engines::redis::{RedisSettings, RedisStore};
use fleet_servers::RedisServer;

/// One server for all tests of this program; its guardian ends it after the program.
static SERVER: LazyLock<RedisServer> = LazyLock::new(RedisServer::start);
static PLACES: AtomicU64 = AtomicU64::new(0);

/// Keys of one's own on a server.
pub struct Place {
    /// The server.
    pub url: String,
    /// With a prefix of one's own.
    pub settings: RedisSettings,
}

impl Place {
    /// On a server, under its own clock.
    pub fn on(server: &RedisServer) -> Self {
        let prefix = format!("test:{}:", PLACES.fetch_add(1, Ordering::Relaxed));
        Self { url: server.url(), settings: RedisSettings { prefix, ..RedisSettings::default() } }
    }

    /// On the server of this program, under a clock that only moves when told to.
    pub fn with_clock(clock: Arc<ManualClock>) -> Self {
        let mut place = Self::on(&SERVER);
        place.settings.clock = Some(clock);
        place
    }

    /// A connection of its own.
    pub async fn store(&self) -> RedisStore {
        RedisStore::connect(&self.url, self.settings.clone()).await.unwrap()
    }
}
