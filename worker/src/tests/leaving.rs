//! A worker that leaves: what it held goes back and does not count, and the store knows who is there.

use fleet_core::seams::{Attempt, Roster};

use super::store_away::{OtherProcess, impatient};
use super::*;
use crate::{Instruments, start_with};

const A_MOMENT: Duration = Duration::from_millis(1);

async fn count(world: &World, ticker: &str) -> Attempt {
    world.store.begin_attempt(&world.scan, None, &Ticker::parse(ticker).unwrap()).await.unwrap().attempt
}

impl World {
    async fn start_with(&self, slots: usize, instruments: Instruments) -> RunningWorker {
        start_with(self.parts(), WorkerOptions { name: "host:7".to_owned(), slots }, instruments).await.unwrap()
    }
}

/// The manifest allows three attempts; ten workers come and go while a vendor hangs.
#[tokio::test]
async fn workers_that_leave_do_not_make_a_ticker_poison() {
    let world = World::new(&["HANG"], Manifest::VERSION).await;
    for n in 1..=10 {
        let worker = world.start(1).await;
        until(async || world.asked() >= n).await;
        worker.drain(A_MOMENT).await;
        assert_eq!((world.missing().await, world.backlog().await), (1, 1), "worker {n}");
    }
    assert_eq!(world.store.attempts_counted(&world.scan).await.unwrap(), 0);
    assert_eq!(count(&world, "HANG").await, Attempt::Run(1));
}

#[tokio::test]
async fn only_what_was_unbroken_is_forgiven() {
    // Its first attempt is a timeout, which counts; the second hangs when the worker leaves, which does not.
    let world = World::with(&["HANG"], |manifest| {
        manifest.limits.timeout_secs = 1;
        manifest.limits.max_attempts = 5;
    })
    .await;
    // (The simulated hang is a throttled one, which would be final: nothing was noted means it just took too long.)
    world.market.silent.store(true, Ordering::SeqCst);
    let instruments = Instruments::default();
    let worker = world.start_with(1, instruments.clone()).await;
    until(async || world.asked() >= 2).await;
    worker.drain(A_MOMENT).await;
    assert_eq!(world.store.attempts_counted(&world.scan).await.unwrap(), 1);
    let text = instruments.metrics.page().text();
    for line in [
        "optionfleet_worker_attempts_total 2\n",
        "optionfleet_worker_forgiven_total 1\n",
        "optionfleet_worker_handed_back_total{reason=\"drain\"} 1\n",
        "optionfleet_worker_handed_back_total{reason=\"delivery_timeout\"} 1\n",
        "optionfleet_worker_slots{state=\"busy\"} 0\n",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
}

#[tokio::test]
async fn what_is_done_is_not_forgiven() {
    let world = World::new(&["A", "B"], Manifest::VERSION).await;
    let worker = world.start(2).await;
    until(async || world.missing().await == 0).await;
    worker.drain(A_MOMENT).await;
    assert_eq!(world.store.attempts_counted(&world.scan).await.unwrap(), 2);
}

#[tokio::test]
async fn a_worker_is_on_the_roster_from_its_start_to_its_end() {
    let world = World::new(&["HANG", "A"], Manifest::VERSION).await;
    let instruments = Instruments::default();
    assert_eq!(instruments.health.reasons(), [""; 0]);
    let worker = world.start_with(2, instruments.clone()).await;
    until(async || instruments.health.reasons().is_empty() && world.store.workers().await.unwrap().len() == 1).await;
    until(async || world.missing().await == 1 && worker.report().committed == 1).await;
    let report = worker.report();
    assert_eq!((report.name.as_str(), report.slots, report.busy, report.draining), ("host:7", 2, 1, false));
    assert_eq!(worker.idle_for(), Duration::ZERO, "a delivery is held");

    // It says at once that it drains: the reports in between come every 5 s.
    let draining = tokio::spawn(worker.drain(Duration::from_secs(2)));
    let began = Instant::now();
    until(async || world.store.workers().await.unwrap().first().is_some_and(|seen| seen.report.draining)).await;
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    assert_eq!(instruments.health.reasons(), ["draining: no more tasks are taken"]);
    draining.await.unwrap();
    assert_eq!(world.store.workers().await.unwrap(), []);
}

#[tokio::test]
async fn a_worker_without_tasks_idles() {
    let world = World::new(&["A"], Manifest::VERSION).await;
    let worker = world.start(1).await;
    until(async || world.missing().await == 0).await;
    let busy_until = Instant::now();
    until(async || worker.idle_for() >= Duration::from_millis(300)).await;
    assert!(
        busy_until.elapsed() >= Duration::from_millis(250),
        "it idles since its last delivery, not since its start"
    );
    let task = Task { scan: world.scan.clone(), ticker: Ticker::parse("A").unwrap() };
    let before = worker.idle_for();
    world.queue.publish(&task, 1).await.unwrap();
    until(async || world.backlog().await == 0).await;
    until(async || worker.idle_for() < before).await;
    worker.stop().await;
}

/// A store that does not answer: the worker's life goes on, readiness says why not, and its end does not wait for it.
#[tokio::test]
async fn a_store_that_is_away_costs_the_reporter_nothing_but_readiness() {
    let world = World::new(&[], Manifest::VERSION).await;
    let other = OtherProcess::new(&world);
    other.lock().await;
    let parts = WorkerParts { store: Arc::new(impatient(&world, None)), ..world.parts() };
    let instruments = Instruments::default();
    let options = WorkerOptions { name: "host:7".to_owned(), slots: 1 };
    let worker = start_with(parts, options, instruments.clone()).await.unwrap();
    let why = "store: no success yet; last: the store is unavailable";
    until(async || instruments.health.reasons().iter().any(|reason| reason.starts_with(why))).await;
    assert!(!instruments.health.reasons().iter().any(|reason| reason.starts_with("queue")), "the queue answers");
    let began = Instant::now();
    worker.drain(A_MOMENT).await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    other.unlock();
}
