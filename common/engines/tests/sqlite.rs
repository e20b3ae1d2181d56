//! The SQLite store keeps every promise of a store, on real files, under a clock that only moves when told to.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise, in its helpers too")]

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use fleet_core::seams::{Clock, ManualClock, Store};
use fleet_engines::conformance::store::{self, StoreFixture};
use fleet_engines::sqlite::SqliteStore;
use jiff::{SignedDuration, Timestamp};
use tempfile::TempDir;

struct Fresh {
    store: SqliteStore,
    clock: Arc<ManualClock>,
    _directory: TempDir,
}

impl Fresh {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new("2026-11-20T15:00:00Z".parse().unwrap()));
        let store = SqliteStore::open_with_clock(&directory.path().join("store.db"), clock.clone()).unwrap();
        Self { store, clock, _directory: directory }
    }
}

#[async_trait]
impl StoreFixture for Fresh {
    fn store(&self) -> &dyn Store {
        &self.store
    }

    async fn reopened(&self) -> Result<Box<dyn Store>, String> {
        let store = SqliteStore::open_with_clock(self.store.path(), self.clock.clone());
        store.map(|store| Box::new(store) as Box<dyn Store>).map_err(|error| error.to_string())
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    async fn pass(&self, time: Duration) {
        self.clock.advance(SignedDuration::try_from(time).unwrap());
    }

    fn beat(&self) -> Duration {
        Duration::from_secs(1)
    }
}

macro_rules! tests {
    ($($promise:ident)*) => {$(
        #[tokio::test]
        async fn $promise() {
            store::$promise(&Fresh::new()).await.unwrap();
        }
    )*};
}

fleet_engines::store_promises!(tests);
