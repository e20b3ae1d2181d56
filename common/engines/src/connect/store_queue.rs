//! The queue of a store: whichever stream on the NATS server belongs to the store as it is now.
//!
//! Each store has a stream of its own, named by the id that the store drew when it was made. A store that is emptied
//! draws another id when it is next opened: then its tasks are in another stream, and what waits in the old one is of
//! scans that no longer exist. So the id is looked at again, once a second at most, before the queue is asked: a worker
//! follows its store within that second and the wait of its pull.
//!
//! A copy of a store has its id. Which of them a stream belongs to is told by the claim on it, which is looked at every few
//! seconds: the store that did not draw it calls itself otherwise and goes on with a stream of its own.
//!
//! It promises what the queue below promises, and refuses nothing of its own. A store that is away, or does not answer at
//! once, changes nothing: whoever needs it hears so from the store itself.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use fleet_core::domain::{ScanId, Task, Ticker};
use fleet_core::seams::{Delivery, Published, QueueError, StoreError, TaskQueue};
use tokio::time::{Instant, timeout};

use super::open::OpenError;
use crate::nats::NatsQueue;
use crate::redis::{QueueClaim, RedisStore};
use crate::store_id::StoreId;

/// Between two looks. A look is one small read; a store is emptied by hand.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Between two looks at the claim on the stream. Copies are made by hand.
const CLAIM_EVERY: Duration = Duration::from_secs(5);
/// Stores that call themselves the same, one after the other: nobody has so many copies.
const RENEWALS: u32 = 4;
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
    /// When the claim on the stream was.
    looked_at_claim: Instant,
}

impl StoreQueue {
    /// The queue of a store that calls itself `id`; otherwise from now on, where the stream is another store's.
    pub(super) async fn open(store: RedisStore, mut id: StoreId, mut queue: NatsQueue) -> Result<Self, OpenError> {
        for _ in 0..RENEWALS {
            if is_its_own(&store, &queue).await? {
                break;
            }
            id = renewed(&store, &id).await?;
            queue = queue.of_store(&id).await?;
        }
        claim(&store, &queue).await?;
        let now = Instant::now();
        let present = Present { queue: Arc::new(queue), id, looked: Some(now), looked_at_claim: now };
        Ok(Self { store, present: Mutex::new(present) })
    }

    /// The queue to ask now.
    async fn queue(&self) -> Result<Arc<NatsQueue>, QueueError> {
        let (queue, known, looks_at_claim) = {
            let mut present = self.lock();
            if present.looked.is_some_and(|at| at.elapsed() < LOOK_EVERY) {
                return Ok(Arc::clone(&present.queue));
            }
            // One caller looks; the others go on as they are.
            present.looked = Some(Instant::now());
            let looks_at_claim = present.looked_at_claim.elapsed() >= CLAIM_EVERY;
            if looks_at_claim {
                present.looked_at_claim = Instant::now();
            }
            (Arc::clone(&present.queue), present.id.clone(), looks_at_claim)
        };
        let seen = async {
            let id = self.store.id().await?;
            if id != known || !looks_at_claim || is_its_own(&self.store, &queue).await? {
                return Ok::<_, OpenError>(id);
            }
            Ok(renewed(&self.store, &known).await?)
        };
        let id = match timeout(LOOK_LIMIT, seen).await {
            Ok(Ok(id)) if id != known => id,
            Ok(Ok(_) | Err(_)) | Err(_) => return Ok(queue),
        };
        tracing::warn!(before = %known, now = %id, "the store calls itself otherwise; its tasks are in another stream");
        let other = async {
            let other = queue.of_store(&id).await?;
            // Whoever comes later claims it, if this one cannot now.
            let _ = claim(&self.store, &other).await;
            Ok::<_, QueueError>(other)
        };
        match other.await {
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

/// Whether the claim on a stream is one that the store drew. A stream without one is claimed: it is new, or it was lost.
async fn is_its_own(store: &RedisStore, queue: &NatsQueue) -> Result<bool, OpenError> {
    match queue.claim().await? {
        Some(found) => Ok(store.knows(&QueueClaim(found)).await?),
        None => claim(store, queue).await.map(|()| true),
    }
}

/// Notes a new claim in the store, then at the stream: at no time is there one that the store does not know.
async fn claim(store: &RedisStore, queue: &NatsQueue) -> Result<(), OpenError> {
    let drawn = store.draw_claim().await?;
    Ok(queue.set_claim(&drawn.0).await?)
}

/// The store's new name.
async fn renewed(store: &RedisStore, known: &StoreId) -> Result<StoreId, StoreError> {
    let id = store.renew_id(known).await?;
    tracing::warn!(
        before = %known, now = %id,
        "another store of the same name uses the queue (this one is a copy, was copied, or is an older state that was put \
         back): it has a name of its own now, and its unfinished scans are published again"
    );
    Ok(id)
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
