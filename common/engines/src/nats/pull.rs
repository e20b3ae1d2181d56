//! Taking tasks out: exactly as many as asked for, waiting for the first.
//!
//! A pull is a series of rounds, each one request to the server. The first takes whatever is there, or else waits for
//! the first task and takes what came with it (`no_wait` together with `expires`). The server refuses such a request
//! when others wait already; then a plain one for a single task joins the line. A round ends when the server says so,
//! when the connection was lost (a server that restarted has forgotten the request), or a moment after its time.
//!
//! The answers come to an inbox, which the next round uses again: making one for each round costs the server more than the
//! round itself. One whose round did not end as it should is not used again.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_nats::{Message, Subscriber};
use fleet_core::domain::{Task, TraceContext};
use futures::StreamExt;
use serde::Serialize;
use tokio::time::{Instant, sleep, timeout};

use super::delivery::{Content, read, turn_away};
use super::failure::Failure;
use super::link::{Link, REQUEST_LIMIT};
use super::settings::NatsSettings;

/// A round waits at most so long: what an unnoticed loss of the request costs.
const MAX_ROUND: Duration = Duration::from_secs(5);
/// Less than this is no wait.
const MIN_ROUND: Duration = Duration::from_millis(1);
/// How often a waiting round looks whether the connection is still the one it asked on.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Between two rounds that end at once with nothing.
const PAUSE: Duration = Duration::from_millis(10);

/// A task and how to answer for it.
pub(super) struct Taken {
    pub task: Task,
    pub trace: TraceContext,
    pub reply: String,
}

/// Where the answers to one round at a time come.
struct Inbox {
    answers: Subscriber,
    address: String,
    /// Rounds so far: each has an address of its own below the inbox's, so that nothing said of one is taken for the next.
    rounds: u64,
}

/// Inboxes that no round uses now.
#[derive(Default)]
pub(super) struct Inboxes(Mutex<Vec<Inbox>>);

/// As many as pulls are ever under way side by side; more are not kept.
const INBOXES_KEPT: usize = 4;

impl Inboxes {
    fn take(&self) -> Option<Inbox> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn keep(&self, inbox: Inbox) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < INBOXES_KEPT {
            kept.push(inbox);
        }
    }
}

/// How a round asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// What is there, or the first that comes and what comes with it.
    Whatever,
    /// The next one, in line with other pulls.
    InLine,
}

/// How a round ended, tasks or not.
#[derive(Debug, Clone, PartialEq, Eq)]
enum End {
    /// As many came as were asked for, or no more came in time.
    Done,
    /// The server does not take this request now.
    Busy,
    /// It failed.
    Failed(Failure),
}

/// The server's request for the next messages.
#[derive(Serialize)]
struct Next {
    batch: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<u64>,
    no_wait: bool,
}

/// At most `max` tasks; empty when none came by `until`. Whatever was taken when something failed is returned.
pub(super) async fn pull(
    link: &Arc<Link>,
    settings: &NatsSettings,
    max: usize,
    until: Instant,
) -> Result<Vec<Taken>, Failure> {
    let mut manner = Manner::Whatever;
    // Bounded by time: a round lasts its time, or there is a pause after it, or it threw a message away.
    loop {
        let asked = Instant::now();
        let wait = until.saturating_duration_since(asked).min(MAX_ROUND);
        let (taken, end) = round(link, settings, max, wait, manner).await;
        if !taken.is_empty() {
            return Ok(taken);
        }
        if let End::Failed(failure) = end {
            return Err(failure);
        }
        let left = until.saturating_duration_since(Instant::now());
        if left < MIN_ROUND {
            return Ok(taken);
        }
        if asked.elapsed() < wait / 2 {
            manner = Manner::InLine;
            sleep(PAUSE.min(left)).await;
        }
    }
}

async fn round(
    link: &Arc<Link>,
    settings: &NatsSettings,
    max: usize,
    wait: Duration,
    manner: Manner,
) -> (Vec<Taken>, End) {
    let mut taken = Vec::new();
    if let Err(failure) = link.ready().await {
        return (taken, End::Failed(failure));
    }
    let losses = link.losses();
    let waits = wait >= MIN_ROUND;
    let (batch, no_wait) = match manner {
        Manner::InLine if waits => (1, false),
        Manner::InLine | Manner::Whatever => (max, true),
    };
    // A wait is at most [`MAX_ROUND`]: its nanoseconds fit.
    let expires = waits.then(|| u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX));
    let mut inbox = match ask(link, settings, &Next { batch, expires, no_wait }).await {
        Ok(inbox) => inbox,
        Err(failure) => return (taken, End::Failed(failure)),
    };
    let give_up = Instant::now() + wait + REQUEST_LIMIT;
    let address = inbox.round();
    let mut received = 0;
    let end = loop {
        let message = match timeout(LOOK_EVERY, inbox.answers.next()).await {
            Ok(Some(message)) => message,
            Ok(None) => break End::Failed(Failure::Disconnected("the connection was closed".to_owned())),
            Err(_) if link.losses() != losses || !link.is_connected() => {
                break End::Failed(Failure::Disconnected("the connection was lost".to_owned()));
            }
            Err(_) if Instant::now() >= give_up => {
                break End::Failed(Failure::Silent(format!("no answer within {:?}", wait + REQUEST_LIMIT)));
            }
            Err(_) => continue,
        };
        if let Some(status) = message.status.map(|status| status.as_u16()).filter(|status| *status != 200) {
            if message.subject.as_str() != address {
                continue;
            }
            match end_of(status, message.description.as_deref()) {
                Some(end) => break end,
                None => continue,
            }
        }
        keep(link, settings, &message, &mut taken).await;
        received += 1;
        // What was turned away counts too: after the last message of a batch the server says nothing more.
        if received >= batch {
            break End::Done;
        }
    };
    if matches!(end, End::Done | End::Busy) && link.losses() == losses {
        link.inboxes().keep(inbox);
    }
    (taken, end)
}

impl Inbox {
    async fn open(link: &Link) -> Result<Self, Failure> {
        let address = link.client().new_inbox();
        let answers = link.client().subscribe(format!("{address}.*")).await;
        let answers = answers.map_err(|error| Failure::Disconnected(error.to_string()))?;
        Ok(Self { answers, address, rounds: 0 })
    }

    /// Where the answers to the present round come.
    fn round(&self) -> String {
        format!("{}.{}", self.address, self.rounds)
    }
}

/// Sends the request; the answers come to the inbox.
async fn ask(link: &Link, settings: &NatsSettings, next: &Next) -> Result<Inbox, Failure> {
    let payload = serde_json::to_vec(next).map_err(|error| Failure::Unsendable(error.to_string()))?;
    let subject = format!("$JS.API.CONSUMER.MSG.NEXT.{}.{}", settings.stream, settings.consumer);
    let send = async {
        let mut inbox = match link.inboxes().take() {
            Some(inbox) => inbox,
            None => Inbox::open(link).await?,
        };
        inbox.rounds += 1;
        let sent = link.client().publish_with_reply(subject, inbox.round(), payload.into()).await;
        sent.map_err(|error| Failure::Disconnected(error.to_string()))?;
        Ok(inbox)
    };
    // Sending waits while the client's own queue is full.
    match timeout(REQUEST_LIMIT, send).await {
        Ok(sent) => sent,
        Err(_) => Err(Failure::Silent(format!("not sent within {REQUEST_LIMIT:?}"))),
    }
}

/// A message becomes a task, or is turned away.
async fn keep(link: &Arc<Link>, settings: &NatsSettings, message: &Message, taken: &mut Vec<Taken>) {
    let content = read(&settings.subject_prefix, &message.subject, &message.payload, message.headers.as_ref());
    match (content, &message.reply) {
        (Content::Task(task, trace), Some(reply)) => taken.push(Taken { task, trace, reply: reply.to_string() }),
        (Content::Task(..), None) => tracing::warn!(subject = %message.subject, "queue message without a reply"),
        (content @ (Content::Newer(_) | Content::Garbage(_)), _) => {
            turn_away(link, message, &content, settings.ack_wait).await;
        }
    }
}

/// What a status message says; `None`: nothing that ends a round.
fn end_of(status: u16, description: Option<&str>) -> Option<End> {
    let said = description.unwrap_or_default();
    match status {
        // A sign of life, which we do not ask for.
        100 => None,
        404 => Some(End::Done),
        // The time is over, or others wait already.
        408 if said.starts_with("Requests Pending") => Some(End::Busy),
        408 => Some(End::Done),
        409 if said.starts_with("Consumer Deleted") => Some(End::Failed(Failure::Nobody)),
        // As many tasks are held, or as many pulls wait, as are allowed.
        409 if said.starts_with("Exceeded Max") => Some(End::Busy),
        503 => Some(End::Failed(Failure::Nobody)),
        _ => Some(End::Failed(Failure::Unreadable(format!("status {status} {said}")))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_a_meaning() {
        let nobody = Some(End::Failed(Failure::Nobody));
        for (status, said, end) in [
            (100, "Idle Heartbeat", None),
            (404, "No Messages", Some(End::Done)),
            (408, "Request Timeout", Some(End::Done)),
            (408, "Requests Pending", Some(End::Busy)),
            (409, "Exceeded MaxAckPending", Some(End::Busy)),
            (409, "Exceeded MaxWaiting", Some(End::Busy)),
            (409, "Consumer Deleted", nobody.clone()),
            (503, "", nobody),
        ] {
            assert_eq!(end_of(status, Some(said)), end, "{status} {said}");
        }
        assert!(matches!(end_of(409, Some("Server Shutdown")), Some(End::Failed(Failure::Unreadable(_)))));
        assert!(matches!(end_of(418, None), Some(End::Failed(Failure::Unreadable(_)))));
    }
}
