//! One delivery: the task, and the answers its holder owes.
//!
//! Every answer is confirmed by the server within a limit, because a client without a connection takes an unconfirmed
//! one and says nothing. A delivery that is dropped comes back after the acknowledgement time.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_nats::{HeaderMap, Message};
use async_trait::async_trait;
use fleet_core::domain::{Task, TraceContext};
use fleet_core::seams::{Delivery, QueueError};
use fleet_core::wire::{self, WireError};
use tokio::time::Instant;

use super::link::{Link, REQUEST_LIMIT};
use super::subject;

/// The longest delay that is asked for; a task is not kept longer anyway.
const MAX_DELAY: Duration = Duration::from_secs(24 * 3600);

/// A message as its holder sees it.
pub(super) struct Held {
    link: Arc<Link>,
    task: Task,
    trace: TraceContext,
    reply: String,
    ack_wait: Duration,
    /// Until then it is surely ours; afterwards somebody else may hold the task.
    until: Mutex<Instant>,
}

/// What a message is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// A task, and its trace.
    Task(Task, TraceContext),
    /// A task of a newer version: somebody else can read it.
    Newer(String),
    /// Nothing that anybody can read.
    Garbage(String),
}

/// Reads a message; whatever it holds, it does not panic.
pub(super) fn read(prefix: &str, subject: &str, payload: &[u8], headers: Option<&HeaderMap>) -> Content {
    let task: Task = match wire::decode(payload) {
        Ok(task) => task,
        Err(error @ WireError::Newer { .. }) => return Content::Newer(error.to_string()),
        Err(error @ (WireError::Unreadable { .. } | WireError::Damaged { .. })) => {
            return Content::Garbage(error.to_string());
        }
    };
    // Purges, and the limit of one message, go by the subject.
    if subject::of_task(prefix, &task) != subject {
        return Content::Garbage(format!("it holds the task {} of {}", task.ticker, task.scan));
    }
    let header = headers.and_then(|headers| headers.get(TraceContext::HEADER));
    let trace = header.and_then(|value| TraceContext::parse(value.as_str()));
    let trace = trace.unwrap_or_else(|| TraceContext::of_task(&task, 0));
    Content::Task(task, trace)
}

impl Held {
    pub(super) fn new(link: Arc<Link>, task: Task, trace: TraceContext, reply: String, ack_wait: Duration) -> Self {
        Self { link, task, trace, reply, ack_wait, until: Mutex::new(Instant::now() + ack_wait) }
    }

    /// Sends an answer and waits for its confirmation.
    async fn answer(&self, act: &str, answer: Vec<u8>) -> Result<(), QueueError> {
        confirmed(&self.link, &self.reply, answer)
            .await
            .map_err(|failure| failure.error(&format!("{act} {}", self.task.ticker), self.link.place()))
    }
}

/// Sends an answer to a delivery and waits for its confirmation.
async fn confirmed(link: &Link, reply: &str, answer: Vec<u8>) -> Result<(), super::failure::Failure> {
    link.request(reply.to_owned(), answer, None, REQUEST_LIMIT).await.map(|_| ())
}

/// Deals with a message that is no task for us: it never blocks the queue.
pub(super) async fn turn_away(link: &Link, message: &Message, content: &Content, ack_wait: Duration) {
    let Some(reply) = &message.reply else { return };
    let (answer, why) = match content {
        Content::Task(..) => return,
        Content::Newer(why) => {
            tracing::warn!(subject = %message.subject, %why, "queue message handed back");
            (put_off(ack_wait), why)
        }
        Content::Garbage(why) => {
            tracing::warn!(subject = %message.subject, %why, "queue message thrown away");
            (b"+TERM".to_vec(), why)
        }
    };
    if let Err(failure) = confirmed(link, reply.as_str(), answer).await {
        // It comes again and is turned away again.
        tracing::warn!(subject = %message.subject, %why, ?failure, "queue message not turned away");
    }
}

/// The answer "again, but not before".
fn put_off(delay: Duration) -> Vec<u8> {
    match delay.min(MAX_DELAY).as_nanos() {
        0 => b"-NAK".to_vec(),
        nanos => format!("-NAK {{\"delay\": {nanos}}}").into_bytes(),
    }
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
    async fn ack(self: Box<Self>) -> Result<(), QueueError> {
        self.answer("acknowledging", b"+ACK".to_vec()).await
    }

    /// A holder whose time was over says nothing: the task has gone back by itself, and the server would take it away
    /// from whoever holds it now.
    async fn retry_in(self: Box<Self>, delay: Duration) -> Result<(), QueueError> {
        let until = *self.until.lock().unwrap_or_else(PoisonError::into_inner);
        if Instant::now() >= until {
            return Ok(());
        }
        self.answer("handing back", put_off(delay)).await
    }

    async fn progress(&self) -> Result<(), QueueError> {
        let asked = Instant::now();
        self.answer("showing progress on", b"+WPI".to_vec()).await?;
        *self.until.lock().unwrap_or_else(PoisonError::into_inner) = asked + self.ack_wait;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use fleet_core::domain::{ScanId, Ticker};
    use proptest::prelude::*;

    use super::*;

    fn task() -> Task {
        Task { scan: ScanId::parse("x-1").unwrap(), ticker: Ticker::parse("BRK.B").unwrap() }
    }

    #[test]
    fn a_task_is_read_with_its_trace() {
        let body = wire::encode(&task()).unwrap();
        let trace = TraceContext::of_task(&task(), 7);
        let mut headers = HeaderMap::new();
        headers.insert(TraceContext::HEADER, trace.to_string().as_str());
        assert_eq!(read("work", "work.x-1.BRK_2EB", &body, Some(&headers)), Content::Task(task(), trace));
        headers.insert(TraceContext::HEADER, "00-nonsense");
        let own = Content::Task(task(), TraceContext::of_task(&task(), 0));
        assert_eq!(read("work", "work.x-1.BRK_2EB", &body, Some(&headers)), own);
        assert_eq!(read("work", "work.x-1.BRK_2EB", &body, None), own);
    }

    #[test]
    fn a_newer_task_is_for_somebody_else_and_a_foreign_one_for_nobody() {
        let newer = br#"{"v": 999, "body": {}}"#;
        assert!(matches!(read("work", "work.x-1.BRK_2EB", newer, None), Content::Newer(_)));
        let body = wire::encode(&task()).unwrap();
        assert!(matches!(read("work", "work.x-1.AAPL", &body, None), Content::Garbage(_)));
        assert!(matches!(read("work", "work.x-1.AAPL", b"", None), Content::Garbage(_)));
    }

    #[test]
    fn a_delay_is_said_in_nanoseconds_and_bounded() {
        assert_eq!(put_off(Duration::ZERO), b"-NAK");
        assert_eq!(put_off(Duration::from_millis(600)), b"-NAK {\"delay\": 600000000}");
        assert_eq!(put_off(Duration::MAX), b"-NAK {\"delay\": 86400000000000}");
    }

    proptest! {
        #[test]
        fn hostile_bytes_are_garbage(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(!matches!(read("work", "work.x-1.AAPL", &bytes, None), Content::Task(..)));
        }
    }
}
