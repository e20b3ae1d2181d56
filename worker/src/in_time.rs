//! Calls to the store and the queue, each with a limit: an engine that is slower is as good as away.

use std::time::Duration;

use fleet_core::seams::{QueueError, StoreError};

/// SQLite waits for a locked file for some seconds itself; a server answers in milliseconds.
const STORE_TIMEOUT: Duration = Duration::from_secs(30);
/// Acknowledging, handing back and progress are one small message.
pub(crate) const QUEUE_TIMEOUT: Duration = Duration::from_secs(2);

/// A worker that leaves has 3 s to hand everything back: taking back an attempt must not use them up.
const FORGIVE_TIMEOUT: Duration = Duration::from_secs(1);

/// A call to the store.
pub(crate) async fn store<T>(call: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    tokio::time::timeout(STORE_TIMEOUT, call)
        .await
        .unwrap_or_else(|_| Err(StoreError::Unavailable(format!("no answer within {} s", STORE_TIMEOUT.as_secs()))))
}

/// A call to the store by a worker that leaves.
pub(crate) async fn forgive(call: impl Future<Output = Result<(), StoreError>>) -> Result<(), StoreError> {
    tokio::time::timeout(FORGIVE_TIMEOUT, call)
        .await
        .unwrap_or_else(|_| Err(StoreError::Unavailable(format!("no answer within {} s", FORGIVE_TIMEOUT.as_secs()))))
}

/// A call to the queue about a delivery that is held.
pub(crate) async fn queue<T>(call: impl Future<Output = Result<T, QueueError>>) -> Result<T, QueueError> {
    tokio::time::timeout(QUEUE_TIMEOUT, call)
        .await
        .unwrap_or_else(|_| Err(QueueError::Unavailable(format!("no answer within {} s", QUEUE_TIMEOUT.as_secs()))))
}
