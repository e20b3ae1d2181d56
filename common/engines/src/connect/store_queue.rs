//! The queue of a store: whichever stream on the NATS server belongs to the store as it is now.
//!
//! Each store has a stream of its own, named by the id that the store drew when it was made. A store that is emptied
//! draws another id when it is next opened: then its tasks are in another stream, and what waits in the old one is of
//! scans that no longer exist. So the id is looked at again, once a second at most, before the queue is asked: a worker
//! follows its store within that second and the wait of its pull.
//!
//! It promises what the queue below promises, and refuses nothing of its own. A store that is away, or does not answer at
//! once, changes nothing: whoever needs it hears so from the store itself.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use fleet_core::domain::{ScanId, Task, Ticker};
use fleet_core::seams::{Delivery, Published, QueueError, TaskQueue};
use tokio::time::{Instant, timeout};

use crate::nats::NatsQueue;
use crate::redis::RedisStore;
use crate::store_id::StoreId;

/// Between two looks. A look is one small read; a store is emptied by hand.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A look that takes longer is put off: the caller waits for its queue, not for its store.
const LOOK_LIMIT: Duration = Duration::from_secs(1);

/// The queue of a store.
pub(super) struct StoreQueue {
    store: RedisStore,
    present: Mutex<Present>,
}

/// Where the tasks are as far as is known.
struct Present {
    queue: Arc<NatsQueue>,
    id: StoreId,
    /// When the id was last looked at; `None`: look again.
    looked: Option<Instant>,
}

impl StoreQueue {
    /// The queue of a store that calls itself `id`.
    pub(super) fn new(store: RedisStore, id: StoreId, queue: NatsQueue) -> Self {
        Self { store, present: Mutex::new(Present { queue: Arc::new(queue), id, looked: Some(Instant::now()) }) }
    }

    /// The queue to ask now.
    async fn queue(&self) -> Result<Arc<NatsQueue>, QueueError> {
        let (queue, known) = {
            let mut present = self.lock();
            if present.looked.is_some_and(|at| at.elapsed() < LOOK_EVERY) {
                return Ok(Arc::clone(&present.queue));
            }
            // One caller looks; the others go on as they are.
            present.looked = Some(Instant::now());
            (Arc::clone(&present.queue), present.id.clone())
        };
        let id = match timeout(LOOK_LIMIT, self.store.id()).await {
            Ok(Ok(id)) if id != known => id,
            Ok(Ok(_) | Err(_)) | Err(_) => return Ok(queue),
        };
        tracing::warn!(before = %known, now = %id, "the store was emptied or replaced; its tasks are in another stream");
        match queue.of_store(&id).await {
            Ok(other) => {
                let mut present = self.lock();
                present.queue = Arc::new(other);
                present.id = id;
                Ok(Arc::clone(&present.queue))
            }
            Err(error) => {
                self.lock().looked = None;
                Err(error)
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Present> {
        // Nothing in here panics half way through a change.
        self.present.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl TaskQueue for StoreQueue {
    async fn publish(&self, task: &Task, round: u32) -> Result<Published, QueueError> {
        self.queue().await?.publish(task, round).await
    }

    async fn pull(&self, max: usize, wait: Duration) -> Result<Vec<Box<dyn Delivery>>, QueueError> {
        self.queue().await?.pull(max, wait).await
    }

    async fn purge(&self, scan: &ScanId, ticker: Option<&Ticker>) -> Result<u64, QueueError> {
        self.queue().await?.purge(scan, ticker).await
    }

    async fn backlog(&self, scan: &ScanId) -> Result<u64, QueueError> {
        self.queue().await?.backlog(scan).await
    }

    async fn ping(&self) -> Result<(), QueueError> {
        self.queue().await?.ping().await
    }
}
