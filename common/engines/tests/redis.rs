//! The Redis store keeps every promise of a store, on a real server, under a clock that only moves when told to.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise, in its helpers too")]

mod fleet_redis;

use std::time::Duration;

use async_trait::async_trait;
use fleet_core::seams::Store;
use fleet_engines::conformance::store::{self, StoreFixture};
use fleet_engines::redis::RedisStore;
use jiff::Timestamp;

use fleet_redis::Place;

struct Fresh {
    place: Place,
    store: RedisStore,
}

impl Fresh {
    async fn new() -> Self {
        let place = Place::new();
        let store = place.store().await;
        Self { place, store }
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
        self.place.now()
    }

    async fn pass(&self, time: Duration) {
        self.place.pass(time);
    }

    fn beat(&self) -> Duration {
        Duration::from_secs(60)
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
