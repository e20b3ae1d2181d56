//! What a store under test must offer beside the seam: a second way in, and time.

use std::time::Duration;

use async_trait::async_trait;
use fleet_core::seams::Store;
use jiff::Timestamp;

/// An empty store under test.
#[async_trait]
pub trait StoreFixture: Send + Sync {
    /// The store.
    fn store(&self) -> &dyn Store;

    /// The same data through a new connection, as another process (or this one after a crash) finds it.
    async fn reopened(&self) -> Result<Box<dyn Store>, String>;

    /// The store's clock.
    fn now(&self) -> Timestamp;

    /// Lets time pass on the store's clock: moves a clock that is injected, waits where it is real.
    async fn pass(&self, time: Duration);

    /// A duration that is short for this store but longer than any of its answers takes: a moment where the clock is
    /// injected, perhaps a second where it is real. Leases and claims of the suite last for a few of it.
    fn beat(&self) -> Duration;
}
