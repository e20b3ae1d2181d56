//! The task queue. At-least-once: it only delivers; the store decides what is done.

use std::time::Duration;

use async_trait::async_trait;

use crate::domain::{ScanId, Task, Ticker, TraceContext};

/// What became of a publication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Published {
    /// It is in the queue now.
    Queued,
    /// The same task was in the queue already; nothing changed.
    AlreadyQueued,
}

/// Why the queue did not answer.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// It cannot be reached, or is shutting down. Trying again may help.
    #[error("the task queue is unavailable: {0}")]
    Unavailable(String),
    /// It refused what was asked. Trying again will not help.
    #[error("the task queue refused: {0}")]
    Refused(String),
}

/// A queue of tasks, one message a task.
#[async_trait]
pub trait TaskQueue: Send + Sync {
    /// Puts a task into the queue. A task that is in the queue (waiting or delivered, not acknowledged) is not put in
    /// twice. `round` counts re-publications of the same task and is part of the message id.
    async fn publish(&self, task: &Task, round: u32) -> Result<Published, QueueError>;

    /// Takes at most `max` tasks (≥ 1), waiting up to `wait` for the first. Empty when none came.
    async fn pull(&self, max: usize, wait: Duration) -> Result<Vec<Box<dyn Delivery>>, QueueError>;

    /// Takes one ticker's task, or all tasks, of a scan out of the queue. Returns how many.
    async fn purge(&self, scan: &ScanId, ticker: Option<&Ticker>) -> Result<u64, QueueError>;

    /// Tasks of a scan that are waiting or delivered. Never proof of completion.
    async fn backlog(&self, scan: &ScanId) -> Result<u64, QueueError>;

    /// Whether the queue answers now.
    async fn ping(&self) -> Result<(), QueueError>;
}

/// One hand-over of a task. Dropped without a word, the task goes back to the queue (at once in process, after the
/// acknowledgement time elsewhere).
#[async_trait]
pub trait Delivery: Send + Sync {
    /// What is to be done.
    fn task(&self) -> &Task;

    /// Which trace its processing belongs to: [`TraceContext::of_task`] of its publication.
    fn trace(&self) -> TraceContext;

    /// It is done (or needs no doing): take it out of the queue. Failing to acknowledge is harmless.
    async fn ack(self: Box<Self>) -> Result<(), QueueError>;

    /// It could not be done now: deliver it again, not before `delay`.
    async fn retry_in(self: Box<Self>, delay: Duration) -> Result<(), QueueError>;

    /// It is still being worked on: restart the acknowledgement time.
    async fn progress(&self) -> Result<(), QueueError>;
}
