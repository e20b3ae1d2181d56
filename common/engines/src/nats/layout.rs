//! The stream and the consumer: how they must be, made when they are not there, and read back.
//!
//! An old server ignores settings it does not know, and somebody may have made a stream of this name otherwise. So
//! what the server says it has is compared with what is wanted, and a difference is refused by name; nothing is ever
//! changed or deleted here.

use std::fmt::Debug;
use std::time::Duration;

use async_nats::jetstream::{consumer, stream};
use fleet_core::seams::QueueError;
use serde::Deserialize;
use serde_json::json;

use super::failure::Failure;
use super::link::{Link, REQUEST_LIMIT};
use super::settings::NatsSettings;
use super::subject;
use crate::in_process::MAX_TASKS;

/// The oldest server that knows `discard_new_per_subject` and named consumers.
const OLDEST: (u32, u32) = (2, 9);
/// A task older than this is of a scan long since sealed (the longest deadline is hours); it also ends messages that a
/// killed server failed to delete, and whatever waits for a store that is gone.
const MAX_AGE: Duration = Duration::from_secs(24 * 3600);
/// A task and its headers are about 400 bytes.
const MAX_MESSAGE_BYTES: i32 = 16 * 1024;
/// Message ids are remembered for so long: a publisher repeats an unanswered publication within seconds.
const DUPLICATE_WINDOW: Duration = Duration::from_secs(120);
/// Deliveries that are held at once over all workers: 1,250 workers of 8 slots. The server's own limit of 1,000 would
/// quietly idle the rest of a large fleet.
const MAX_ACK_PENDING: i64 = 10_000;
/// Pulls that wait at once: one a worker process, and some that were abandoned.
const MAX_WAITING: i64 = 4_096;

/// Refuses a server that cannot do what is asked of it.
pub(super) async fn probe(link: &Link) -> Result<(), QueueError> {
    let info = link.client().server_info();
    let place = link.place();
    match version(&info.version) {
        Some(found) if found >= OLDEST => {}
        Some(_) => {
            let (major, minor) = OLDEST;
            let found = info.version;
            let text = format!("nats-server {found} at {place} is too old: {major}.{minor} or newer is needed");
            return Err(QueueError::Refused(text));
        }
        None => return Err(QueueError::Refused(format!("the server at {place} tells no version of nats-server"))),
    }
    let disabled = || QueueError::Refused(format!("JetStream is not enabled at {place}: start nats-server with -js"));
    match ping(link).await {
        Ok(()) => Ok(()),
        // Nobody serves it at all, or not in this account.
        Err(Failure::Nobody | Failure::Api { code: 10039 | 10076, .. }) => Err(disabled()),
        // A server lets requests without the right to make them fall silently.
        Err(Failure::Silent(why)) => {
            let why = format!("{why}; has this user rights on $JS.API.> and _INBOX.>?");
            Err(Failure::Silent(why).error("asking for JetStream", place))
        }
        Err(failure) => Err(failure.error("asking for JetStream", place)),
    }
}

/// One round trip to JetStream.
pub(super) async fn ping(link: &Link) -> Result<(), Failure> {
    link.api::<Anything>("INFO", &json!({}), REQUEST_LIMIT).await.map(|_| ())
}

/// Makes the stream and the consumer unless they are there, and compares what is there with what is wanted.
pub(super) async fn set_up(link: &Link, settings: &NatsSettings) -> Result<(), QueueError> {
    let wanted = wanted_stream(settings);
    let found =
        stream_config(link, &wanted).await.map_err(|failure| failure.error("making the stream", link.place()))?;
    refuse("stream", &wanted.name, &stream_differences(&wanted, &found), link.place())?;
    let wanted = wanted_consumer(settings);
    let found = consumer_config(link, settings, &wanted)
        .await
        .map_err(|failure| failure.error("making the consumer", link.place()))?;
    refuse("consumer", &settings.consumer, &consumer_differences(&wanted, &found), link.place())
}

async fn stream_config(link: &Link, wanted: &stream::Config) -> Result<stream::Config, Failure> {
    let name = &wanted.name;
    let info = match link.api::<stream::Info>(&format!("STREAM.INFO.{name}"), &json!({}), REQUEST_LIMIT).await {
        Err(failure) if failure.is_missing() && failure != Failure::Nobody => {
            tracing::info!(stream = %name, "queue stream made");
            link.api::<stream::Info>(&format!("STREAM.CREATE.{name}"), wanted, REQUEST_LIMIT).await?
        }
        answer => answer?,
    };
    Ok(info.config)
}

async fn consumer_config(
    link: &Link,
    settings: &NatsSettings,
    wanted: &consumer::Config,
) -> Result<consumer::Config, Failure> {
    let name = format!("{}.{}", settings.stream, settings.consumer);
    let info = match link.api::<consumer::Info>(&format!("CONSUMER.INFO.{name}"), &json!({}), REQUEST_LIMIT).await {
        Err(failure) if failure.is_missing() && failure != Failure::Nobody => {
            let create = json!({"stream_name": settings.stream, "config": wanted});
            link.api::<consumer::Info>(&format!("CONSUMER.CREATE.{name}"), &create, REQUEST_LIMIT).await?
        }
        answer => answer?,
    };
    Ok(info.config)
}

fn wanted_stream(settings: &NatsSettings) -> stream::Config {
    stream::Config {
        name: settings.stream.clone(),
        subjects: vec![subject::all(&settings.subject_prefix)],
        retention: stream::RetentionPolicy::WorkQueue,
        storage: stream::StorageType::File,
        max_messages: i64::try_from(MAX_TASKS).unwrap_or(i64::MAX),
        max_messages_per_subject: 1,
        discard: stream::DiscardPolicy::New,
        discard_new_per_subject: true,
        max_age: MAX_AGE,
        max_message_size: MAX_MESSAGE_BYTES,
        duplicate_window: DUPLICATE_WINDOW,
        max_bytes: -1,
        max_consumers: -1,
        num_replicas: 1,
        ..stream::Config::default()
    }
}

fn wanted_consumer(settings: &NatsSettings) -> consumer::Config {
    consumer::Config {
        durable_name: Some(settings.consumer.clone()),
        deliver_policy: consumer::DeliverPolicy::All,
        ack_policy: consumer::AckPolicy::Explicit,
        replay_policy: consumer::ReplayPolicy::Instant,
        ack_wait: settings.ack_wait,
        // Attempts are counted in the store: with a limit the server hides a message without a word.
        max_deliver: -1,
        max_ack_pending: MAX_ACK_PENDING,
        max_waiting: MAX_WAITING,
        ..consumer::Config::default()
    }
}

/// One setting that is not as wanted.
#[derive(Debug, PartialEq, Eq)]
struct Difference {
    setting: &'static str,
    wanted: String,
    got: String,
}

fn compare<T: PartialEq + Debug>(setting: &'static str, wanted: &T, got: &T) -> Option<Difference> {
    (wanted != got).then(|| Difference { setting, wanted: format!("{wanted:?}"), got: format!("{got:?}") })
}

/// Compares the named fields of two configurations.
macro_rules! differences {
    ($wanted:expr, $got:expr, $($field:ident)*) => {
        [$(compare(stringify!($field), &$wanted.$field, &$got.$field)),*].into_iter().flatten().collect()
    };
}

/// Replicas are the operator's business, and so are placement and description.
fn stream_differences(wanted: &stream::Config, got: &stream::Config) -> Vec<Difference> {
    differences!(wanted, got,
        subjects retention storage max_messages max_messages_per_subject discard discard_new_per_subject max_age
        max_message_size duplicate_window max_bytes max_consumers no_ack sealed deny_delete deny_purge mirror sources
        republish allow_rollup)
}

fn consumer_differences(wanted: &consumer::Config, got: &consumer::Config) -> Vec<Difference> {
    differences!(wanted, got,
        durable_name deliver_subject deliver_policy ack_policy replay_policy ack_wait max_deliver max_ack_pending
        max_waiting filter_subject rate_limit headers_only max_batch max_bytes max_expires inactive_threshold
        memory_storage backoff)
}

fn refuse(what: &str, name: &str, differences: &[Difference], place: &str) -> Result<(), QueueError> {
    if differences.is_empty() {
        return Ok(());
    }
    let list: Vec<String> = differences
        .iter()
        .map(|Difference { setting, wanted, got }| format!("{setting} is {got}, not {wanted}"))
        .collect();
    Err(QueueError::Refused(format!(
        "the {what} {name} at {place} is not as Optionfleet makes it ({}): delete it when no scan runs, or use another \
         server",
        list.join("; ")
    )))
}

/// Major and minor of `2.9.10`, `v2.10.0-beta.1`.
fn version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.strip_prefix('v').unwrap_or(text).split(['.', '-', '+']);
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// An answer of which nothing is wanted.
#[derive(Deserialize)]
struct Anything {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connect::{QueueAddress, Secrets};
    use crate::store_id::StoreId;

    fn settings() -> NatsSettings {
        match QueueAddress::parse("nats://a").unwrap() {
            QueueAddress::Nats(address) => NatsSettings::new(&address, &Secrets::default(), &StoreId::draw()).unwrap(),
            QueueAddress::InProcess => panic!("no NATS address"),
        }
    }

    #[test]
    fn versions_are_read_and_ordered() {
        assert_eq!(version("2.9.10"), Some((2, 9)));
        assert_eq!(version("v2.10.0-beta.1"), Some((2, 10)));
        assert_eq!(version("2.12-dev"), Some((2, 12)));
        assert_eq!(version(""), None);
        assert!(version("2.8.4") < Some(OLDEST) && version("2.10.1") > Some(OLDEST) && version("10.0") > Some(OLDEST));
    }

    #[test]
    fn every_setting_that_differs_is_named() {
        let wanted = wanted_stream(&settings());
        let mut got = wanted.clone();
        got.num_replicas = 3;
        assert_eq!(stream_differences(&wanted, &got), []);
        got.max_age = Duration::from_secs(60);
        got.discard_new_per_subject = false;
        let error = refuse("stream", "WORK", &stream_differences(&wanted, &got), "nats://a:4222");
        let text = error.unwrap_err().to_string();
        assert!(text.contains("max_age is 60s, not 86400s"), "{text}");
        assert!(text.contains("discard_new_per_subject is false, not true"), "{text}");
        let wanted = wanted_consumer(&settings());
        let got = consumer::Config { max_deliver: 5, ..wanted.clone() };
        assert_eq!(consumer_differences(&wanted, &got).len(), 1);
    }
}
