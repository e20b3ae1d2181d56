//! The Redis store keeps every promise of a store, on a real server, under a clock that only moves when told to.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use fleet_core::seams::{Clock, ManualClock, Store};
use fleet_engines::conformance::store::{self, StoreFixture};
use fleet_engines::redis::RedisStore;
use jiff::{SignedDuration, Timestamp};

use crate::place::Place;

struct Fresh {
    place: Place,
    clock: Arc<ManualClock>,
    store: RedisStore,
}

impl Fresh {
    async fn new() -> Self {
        let clock = Arc::new(ManualClock::new("2026-11-20T15:00:00Z".parse().unwrap()));
        let place = Place::with_clock(clock.clone());
        let store = place.store().await;
        Self { place, clock, store }
    }
}

#[async_trait]
impl StoreFixture for Fresh {
    fn store(&self) -> &dyn Store {
        &self.store
    }

    async fn reopened(&self) -> Result<Box<dyn Store>, String> {
        let store = RedisStore::connect(&self.place.url, self.place.settings.clone()).await;
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
            store::$promise(&Fresh::new().await).await.unwrap();
        }
    )*};
}

fleet_engines::store_promises!(tests);
