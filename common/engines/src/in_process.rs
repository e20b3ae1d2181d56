//! The task queue of one machine: memory only, shared by the tasks of one process.
//!
//! It promises what every queue promises (see [`fleet_core::seams::TaskQueue`]) and a little more, because it can: a
//! delivery that is dropped (its holder panicked or was cancelled) is deliverable again at once, and tasks come in
//! the order they were published. A holder that hangs loses its delivery after `ack_wait` unless it shows progress.
//! It refuses more than [`MAX_TASKS`] tasks. It survives nothing: what was queued when the process died is published
//! again from the store, which alone knows what is done.
//!
//! Time is looked at when somebody pulls; no timer runs while nobody does. A waiting pull sleeps until a task is
//! published or handed back, the next one falls due, or its own time is over.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use fleet_core::domain::{ScanId, Task, Ticker, TraceContext};
use fleet_core::seams::{Delivery, Published, QueueError, TaskQueue};
use tokio::sync::Notify;
use tokio::time::Instant;

/// More tasks than this are refused: ten times all US underlyings with options, about 20 MB.
pub const MAX_TASKS: usize = 100_000;

/// A year: the longest wait that is believed, so that adding it to an instant cannot overflow.
const MAX_WAIT: Duration = Duration::from_secs(365 * 24 * 3600);

/// The task queue of one machine. Clones share the same queue.
#[derive(Clone)]
pub struct InProcessQueue(Arc<Shared>);

struct Shared {
    ack_wait: Duration,
    tasks: Mutex<Tasks>,
    /// Rung whenever a task may have become deliverable, or the next due time may have moved.
    changed: Notify,
}

/// Every task that is not acknowledged, where it stands, and two indices over that.
#[derive(Default)]
struct Tasks {
    scans: BTreeMap<ScanId, BTreeMap<Ticker, Entry>>,
    len: usize,
    /// Deliverable tasks by their place in the line.
    ready: BTreeMap<u64, Task>,
    /// Tasks that become deliverable by themselves: put off, or delivered to somebody who may hang.
    due: BTreeMap<(Instant, u64), Task>,
    /// Counts publications, places and deliveries; never reused.
    counter: u64,
}

struct Entry {
    /// Tells one publication of a task from the next.
    publication: u64,
    trace: TraceContext,
    place: Place,
}

#[derive(Clone, Copy)]
enum Place {
    /// In line, at this place.
    Ready { line: u64 },
    /// Not before this instant; then at the end of the line.
    PutOff { until: Instant, id: u64 },
    /// With a holder until this instant; then back at its old place.
    Delivered { until: Instant, id: u64, line: u64 },
}

impl InProcessQueue {
    /// An empty queue. A holder that neither answers nor shows progress for `ack_wait` loses its delivery.
    #[must_use]
    pub fn new(ack_wait: Duration) -> Self {
        let ack_wait = ack_wait.min(MAX_WAIT);
        Self(Arc::new(Shared { ack_wait, tasks: Mutex::default(), changed: Notify::new() }))
    }
}

#[async_trait]
impl TaskQueue for InProcessQueue {
    async fn publish(&self, task: &Task, round: u32) -> Result<Published, QueueError> {
        let published = self.0.lock().publish(task, TraceContext::of_task(task, round))?;
        self.0.changed.notify_waiters();
        Ok(published)
    }

    async fn pull(&self, max: usize, wait: Duration) -> Result<Vec<Box<dyn Delivery>>, QueueError> {
        if max == 0 {
            return Err(QueueError::Refused("a pull must ask for at least one task".to_owned()));
        }
        let give_up = Instant::now() + wait.min(MAX_WAIT);
        loop {
            // Registered before looking: a task published in between rings it.
            let changed = self.0.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let (taken, next_due) = self.0.take(max);
            if !taken.is_empty() || Instant::now() >= give_up {
                return Ok(taken);
            }
            let wake = next_due.map_or(give_up, |due| due.min(give_up));
            tokio::select! {
                () = changed => {}
                () = tokio::time::sleep_until(wake) => {}
            }
        }
    }

    async fn purge(&self, scan: &ScanId, ticker: Option<&Ticker>) -> Result<u64, QueueError> {
        Ok(self.0.lock().purge(scan, ticker))
    }

    async fn backlog(&self, scan: &ScanId) -> Result<u64, QueueError> {
        Ok(self.0.lock().scans.get(scan).map_or(0, |tickers| tickers.len() as u64))
    }

    async fn ping(&self) -> Result<(), QueueError> {
        Ok(())
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Tasks> {
        // Nothing in here panics half way through a change; a poisoned lock is still whole.
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(self: &Arc<Self>, max: usize) -> (Vec<Box<dyn Delivery>>, Option<Instant>) {
        let now = Instant::now();
        let mut tasks = self.lock();
        tasks.wake(now);
        let mut taken: Vec<Box<dyn Delivery>> = Vec::new();
        while taken.len() < max
            && let Some((task, publication, trace, id)) = tasks.deliver(now + self.ack_wait)
        {
            taken.push(Box::new(Held { queue: Arc::clone(self), task, publication, trace, id, answered: false }));
        }
        (taken, tasks.due.keys().next().map(|(at, _)| *at))
    }
}

impl Tasks {
    fn next_id(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    fn entry(&mut self, task: &Task) -> Option<&mut Entry> {
        self.scans.get_mut(&task.scan)?.get_mut(&task.ticker)
    }

    fn publish(&mut self, task: &Task, trace: TraceContext) -> Result<Published, QueueError> {
        if self.entry(task).is_some() {
            return Ok(Published::AlreadyQueued);
        }
        if self.len >= MAX_TASKS {
            return Err(QueueError::Refused(format!("it holds {MAX_TASKS} tasks already")));
        }
        let line = self.next_id();
        let entry = Entry { publication: line, trace, place: Place::Ready { line } };
        self.scans.entry(task.scan.clone()).or_default().insert(task.ticker.clone(), entry);
        self.len += 1;
        self.ready.insert(line, task.clone());
        Ok(Published::Queued)
    }

    /// Puts in line whatever has fallen due.
    fn wake(&mut self, now: Instant) {
        while let Some(first) = self.due.first_entry()
            && first.key().0 <= now
        {
            let task = first.remove();
            let end = self.next_id();
            let Some(entry) = self.entry(&task) else { continue };
            let line = match entry.place {
                Place::Delivered { line, .. } | Place::Ready { line } => line,
                Place::PutOff { .. } => end,
            };
            entry.place = Place::Ready { line };
            self.ready.insert(line, task);
        }
    }

    /// Hands out the first task in line.
    fn deliver(&mut self, until: Instant) -> Option<(Task, u64, TraceContext, u64)> {
        let (line, task) = self.ready.pop_first()?;
        let id = self.next_id();
        let entry = self.entry(&task)?;
        entry.place = Place::Delivered { until, id, line };
        let (publication, trace) = (entry.publication, entry.trace);
        self.due.insert((until, id), task.clone());
        Some((task, publication, trace, id))
    }

    /// Moves a delivered task elsewhere, if this delivery still holds it.
    fn hand_over(&mut self, task: &Task, delivery: u64, to: impl FnOnce(u64) -> Place) {
        let Some(entry) = self.entry(task) else { return };
        let Place::Delivered { until, id, line } = entry.place else { return };
        if id != delivery {
            return;
        }
        let place = to(line);
        entry.place = place;
        self.due.remove(&(until, id));
        match place {
            Place::Ready { line } => self.ready.insert(line, task.clone()),
            Place::PutOff { until, id } | Place::Delivered { until, id, .. } => {
                self.due.insert((until, id), task.clone())
            }
        };
    }

    fn remove(&mut self, task: &Task) -> bool {
        let Some(tickers) = self.scans.get_mut(&task.scan) else { return false };
        let Some(entry) = tickers.remove(&task.ticker) else { return false };
        if tickers.is_empty() {
            self.scans.remove(&task.scan);
        }
        self.len -= 1;
        match entry.place {
            Place::Ready { line } => self.ready.remove(&line),
            Place::PutOff { until, id } | Place::Delivered { until, id, .. } => self.due.remove(&(until, id)),
        };
        true
    }

    fn purge(&mut self, scan: &ScanId, ticker: Option<&Ticker>) -> u64 {
        let tickers: Vec<Ticker> = match ticker {
            Some(ticker) => vec![ticker.clone()],
            None => self.scans.get(scan).into_iter().flat_map(BTreeMap::keys).cloned().collect(),
        };
        tickers.into_iter().map(|ticker| u64::from(self.remove(&Task { scan: scan.clone(), ticker }))).sum()
    }
}

/// One delivery and its holder's duty to answer; dropped unanswered, the task goes back to its place in line.
struct Held {
    queue: Arc<Shared>,
    task: Task,
    publication: u64,
    trace: TraceContext,
    id: u64,
    answered: bool,
}

#[async_trait]
impl Delivery for Held {
    fn task(&self) -> &Task {
        &self.task
    }

    fn trace(&self) -> TraceContext {
        self.trace
    }

    /// Also by a holder whose time was over: what is done is done, whoever holds the task now.
    async fn ack(mut self: Box<Self>) -> Result<(), QueueError> {
        self.answered = true;
        let mut tasks = self.queue.lock();
        let same = tasks.entry(&self.task).is_some_and(|entry| entry.publication == self.publication);
        if same {
            tasks.remove(&self.task);
        }
        Ok(())
    }

    async fn retry_in(mut self: Box<Self>, delay: Duration) -> Result<(), QueueError> {
        self.answered = true;
        let until = Instant::now() + delay.min(MAX_WAIT);
        {
            let mut tasks = self.queue.lock();
            let id = tasks.next_id();
            tasks.hand_over(&self.task, self.id, |_| Place::PutOff { until, id });
        }
        self.queue.changed.notify_waiters();
        Ok(())
    }

    async fn progress(&self) -> Result<(), QueueError> {
        let until = Instant::now() + self.queue.ack_wait;
        let id = self.id;
        self.queue.lock().hand_over(&self.task, id, |line| Place::Delivered { until, id, line });
        Ok(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if !self.answered {
            self.queue.lock().hand_over(&self.task, self.id, |line| Place::Ready { line });
            self.queue.changed.notify_waiters();
        }
    }
}
