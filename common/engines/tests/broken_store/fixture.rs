//! A broken store for one promise.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use fleet_core::seams::*;
use fleet_engines::conformance::store::StoreFixture;
use fleet_engines::sqlite::SqliteStore;
use jiff::{SignedDuration, Timestamp};
use tempfile::TempDir;

use crate::faults::{Broken, Fault};

/// A broken store on a disk of its own.
pub struct Fixture {
    store: Broken,
    clock: Arc<ManualClock>,
    directory: TempDir,
}

impl Fixture {
    pub fn new(fault: Fault) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new("2026-11-20T15:00:00Z".parse().unwrap()));
        let open = |name| SqliteStore::open_with_clock(&directory.path().join(name), clock.clone()).unwrap();
        let leases = Arc::default();
        let store = Broken {
            right: open("right.db"),
            elsewhere: open("elsewhere.db"),
            fault,
            leases,
            claimer: Arc::default(),
            summaries: Arc::default(),
        };
        Self { store, clock, directory }
    }
}

#[async_trait]
impl StoreFixture for Fixture {
    fn store(&self) -> &dyn Store {
        &self.store
    }

    async fn reopened(&self) -> Result<Box<dyn Store>, String> {
        let name = match self.store.fault {
            Fault::ForgetsEverything | Fault::CountsEachCallersBudget => "another.db",
            _ => "right.db",
        };
        let right = SqliteStore::open_with_clock(&self.directory.path().join(name), self.clock.clone()).unwrap();
        Ok(Box::new(Broken { right, ..self.store.clone() }))
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
