//! A queue that vanishes and comes back, and a store that does: the worker waits, asks ever more slowly, and goes on.

use std::time::Instant;

use fleet_core::domain::ScanId;
use fleet_core::seams::{Delivery, Published, QueueError};
use tokio::sync::mpsc;

use super::store_away::{OtherProcess, Told, impatient};
use super::*;
use crate::{Instruments, start_with};

/// A queue that cannot be reached while it is told to.
struct Vanishing {
    queue: InProcessQueue,
    away: Arc<AtomicBool>,
    pulls: Arc<AtomicU32>,
}

impl Vanishing {
    fn answer(&self) -> Result<(), QueueError> {
        if self.away.load(Ordering::SeqCst) {
            return Err(QueueError::Unavailable("connection refused".to_owned()));
        }
        Ok(())
    }
}

#[async_trait]
impl TaskQueue for Vanishing {
    async fn publish(&self, task: &Task, round: u32) -> Result<Published, QueueError> {
        self.queue.publish(task, round).await
    }

    async fn pull(&self, max: usize, wait: Duration) -> Result<Vec<Box<dyn Delivery>>, QueueError> {
        self.pulls.fetch_add(1, Ordering::SeqCst);
        self.answer()?;
        self.queue.pull(max, wait).await
    }

    async fn purge(&self, scan: &ScanId, ticker: Option<&Ticker>) -> Result<u64, QueueError> {
        self.queue.purge(scan, ticker).await
    }

    async fn backlog(&self, scan: &ScanId) -> Result<u64, QueueError> {
        self.queue.backlog(scan).await
    }

    async fn ping(&self) -> Result<(), QueueError> {
        self.answer()
    }
}

#[tokio::test]
async fn a_queue_that_comes_back_is_worked_on() {
    let world = World::new(&["A", "B"], Manifest::VERSION).await;
    let (away, pulls) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicU32::new(0)));
    let queue = Vanishing { queue: world.queue.clone(), away: Arc::clone(&away), pulls: Arc::clone(&pulls) };
    let parts = WorkerParts { queue: Arc::new(queue), ..world.parts() };
    let instruments = Instruments::default();
    let options = WorkerOptions { name: "w".to_owned(), slots: 2 };
    let began = Instant::now();
    let worker = start_with(parts, options, instruments.clone()).await.unwrap();
    until(async || pulls.load(Ordering::SeqCst) >= 3).await;
    // Rests of 0.25 s and 0.5 s lie between three pulls.
    assert!(began.elapsed() >= Duration::from_millis(700), "{:?}", began.elapsed());
    let why = "queue: no success yet; last: the task queue is unavailable: connection refused";
    assert_eq!(instruments.health.reasons(), [why]);
    assert_eq!(world.missing().await, 2);
    away.store(false, Ordering::SeqCst);
    until(async || world.missing().await == 0).await;
    worker.stop().await;
}

/// Twenty tickers, two slots, a store that cannot be written to: each slot rests before it takes another ticker.
#[tokio::test]
async fn tickers_do_not_go_round_while_the_store_is_away() {
    let tickers: Vec<String> = (0..20).map(|n| format!("T{n}")).collect();
    let world = World::new(&tickers.iter().map(String::as_str).collect::<Vec<_>>(), Manifest::VERSION).await;
    let other = OtherProcess::new(&world);
    other.lock().await;
    let (handed_back, mut told) = mpsc::unbounded_channel();
    let parts = WorkerParts {
        queue: Arc::new(Told { queue: world.queue.clone(), handed_back }),
        store: Arc::new(impatient(&world, None)),
        ..world.parts()
    };
    let began = Instant::now();
    let worker = start(parts, WorkerOptions { name: "w".to_owned(), slots: 2 }).await.unwrap();
    for _ in 0..8 {
        told.recv().await.unwrap();
    }
    // Each slot rested at least four times (or one more often than the other).
    assert!(began.elapsed() >= Duration::from_secs(1), "{:?}", began.elapsed());
    assert_eq!((world.asked(), world.store.attempts_counted(&world.scan).await.unwrap()), (0, 0));
    other.unlock();
    until(async || world.missing().await == 0).await;
    worker.stop().await;
}
