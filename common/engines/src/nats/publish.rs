//! Putting tasks into the stream, each once.
//!
//! The guard is the subject: it holds one message, and a second is refused (error 10077) until the first is
//! acknowledged or purged. The message id is for people who look into the stream: the server remembers ids of messages
//! that are long gone, so its answer "duplicate" says nothing, and the same task is offered without an id. What it
//! says to that is the truth.

use async_nats::HeaderMap;
use async_nats::jetstream::publish::PublishAck;
use fleet_core::domain::{Task, TraceContext};
use fleet_core::seams::Published;
use fleet_core::wire;

use super::failure::Failure;
use super::link::{Link, REQUEST_LIMIT, read_answer};
use super::settings::NatsSettings;
use super::subject;

/// What the server says to one message.
enum Answer {
    /// It is in the stream now.
    Stored,
    /// It has seen this message id; the message may be gone.
    SeenId,
    /// The subject holds a message.
    Taken,
}

pub(super) async fn publish(
    link: &Link,
    settings: &NatsSettings,
    task: &Task,
    round: u32,
) -> Result<Published, Failure> {
    let body = wire::encode(task).map_err(|error| Failure::Unsendable(error.to_string()))?;
    let subject = subject::of_task(&settings.subject_prefix, task);
    let mut headers = HeaderMap::new();
    headers.insert(TraceContext::HEADER, TraceContext::of_task(task, round).to_string().as_str());
    // Another stream that takes our subjects must not swallow tasks.
    headers.insert(async_nats::header::NATS_EXPECTED_STREAM, settings.stream.as_str());
    let mut with_id = headers.clone();
    with_id.insert(async_nats::header::NATS_MESSAGE_ID, task.message_id(round).as_str());
    match offer(link, &subject, body.clone(), with_id).await? {
        Answer::Stored => return Ok(Published::Queued),
        Answer::Taken => return Ok(Published::AlreadyQueued),
        Answer::SeenId => {}
    }
    match offer(link, &subject, body, headers).await? {
        Answer::Stored => Ok(Published::Queued),
        Answer::Taken | Answer::SeenId => Ok(Published::AlreadyQueued),
    }
}

async fn offer(link: &Link, subject: &str, body: Vec<u8>, headers: HeaderMap) -> Result<Answer, Failure> {
    let message = link.request(subject.to_owned(), body, Some(headers), REQUEST_LIMIT).await?;
    match read_answer::<PublishAck>(&message.payload) {
        Ok(PublishAck { duplicate: false, .. }) => Ok(Answer::Stored),
        Ok(PublishAck { duplicate: true, .. }) => Ok(Answer::SeenId),
        Err(failure) if failure.is_subject_taken() => Ok(Answer::Taken),
        Err(failure) => Err(failure),
    }
}
