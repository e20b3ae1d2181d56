//! The in-process queue keeps every promise of a task queue, and its own.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise, in its helpers too")]

use std::time::{Duration, Instant};

use fleet_core::domain::{ScanId, Task, Ticker};
use fleet_core::seams::{Published, QueueError, TaskQueue};
use fleet_engines::conformance::queue::{self, QueueFixture};
use fleet_engines::in_process::{InProcessQueue, MAX_TASKS};

const ACK_WAIT: Duration = Duration::from_millis(300);

struct Fresh(InProcessQueue);

impl QueueFixture for Fresh {
    fn queue(&self) -> &dyn TaskQueue {
        &self.0
    }

    fn ack_wait(&self) -> Duration {
        ACK_WAIT
    }

    /// Generous for a machine that is busy with other tests; only waited for when something is missing.
    fn slack(&self) -> Duration {
        Duration::from_millis(400)
    }
}

macro_rules! tests {
    ($($promise:ident)*) => {$(
        #[tokio::test]
        async fn $promise() {
            queue::$promise(&Fresh(InProcessQueue::new(ACK_WAIT))).await.unwrap();
        }
    )*};
}

fleet_engines::queue_promises!(tests);

fn task(n: usize) -> Task {
    let scan = ScanId::parse(&format!("test-20261120-{}", n / 1000)).unwrap();
    Task { scan, ticker: Ticker::parse(&format!("T{}", n % 1000)).unwrap() }
}

#[tokio::test]
async fn a_dropped_delivery_is_back_at_once_and_at_its_old_place() {
    let queue = InProcessQueue::new(Duration::from_secs(3600));
    for n in 0..3 {
        queue.publish(&task(n), 0).await.unwrap();
    }
    drop(queue.pull(1, Duration::ZERO).await.unwrap());
    let again = queue.pull(1, Duration::ZERO).await.unwrap();
    assert_eq!(*again[0].task(), task(0));
}

#[tokio::test]
async fn a_holder_that_panics_gives_its_task_back() {
    let queue = InProcessQueue::new(Duration::from_secs(3600));
    queue.publish(&task(0), 0).await.unwrap();
    let delivery = queue.pull(1, Duration::ZERO).await.unwrap();
    let ended = tokio::spawn(async move {
        let _held = delivery;
        panic!("a scanner broke (this message belongs to the test)");
    });
    assert!(ended.await.is_err());
    assert_eq!(queue.pull(1, Duration::ZERO).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_waiting_pull_wakes_when_a_delivery_is_dropped() {
    let queue = InProcessQueue::new(Duration::from_secs(3600));
    queue.publish(&task(0), 0).await.unwrap();
    let held = queue.pull(1, Duration::ZERO).await.unwrap();
    let started = Instant::now();
    let (pulled, ()) = tokio::join!(queue.pull(1, Duration::from_secs(20)), async {
        tokio::task::yield_now().await;
        drop(held);
    });
    assert_eq!(pulled.unwrap().len(), 1);
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn more_tasks_than_the_bound_are_refused_until_there_is_room() {
    let queue = InProcessQueue::new(ACK_WAIT);
    for n in 0..MAX_TASKS {
        assert_eq!(queue.publish(&task(n), 0).await.unwrap(), Published::Queued);
    }
    assert!(matches!(queue.publish(&task(MAX_TASKS), 0).await, Err(QueueError::Refused(_))));
    assert_eq!(queue.publish(&task(7), 0).await.unwrap(), Published::AlreadyQueued);
    queue.purge(&task(0).scan, None).await.unwrap();
    assert_eq!(queue.publish(&task(MAX_TASKS), 0).await.unwrap(), Published::Queued);
}

#[tokio::test]
async fn an_acknowledgement_is_of_its_own_publication() {
    let queue = InProcessQueue::new(Duration::from_secs(3600));
    queue.publish(&task(0), 0).await.unwrap();
    let purged = queue.pull(1, Duration::ZERO).await.unwrap().remove(0);
    queue.purge(&task(0).scan, None).await.unwrap();
    queue.publish(&task(0), 1).await.unwrap();
    purged.ack().await.unwrap();
    assert_eq!(queue.backlog(&task(0).scan).await.unwrap(), 1);
}
