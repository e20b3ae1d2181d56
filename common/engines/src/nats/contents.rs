//! What is in the stream: counting a scan's tasks, and taking them out.
//!
//! Tasks are deleted one by one, never by the server's own purge with a subject filter: on nats-server 2.9.10 that moves
//! every consumer past the end of the stream, and whatever else was waiting is never delivered again.

use std::collections::BTreeMap;

use fleet_core::domain::{ScanId, Ticker};
use futures::{StreamExt, TryStreamExt, stream};
use serde::Deserialize;
use serde_json::json;

use super::failure::Failure;
use super::link::{Link, REQUEST_LIMIT};
use super::settings::NatsSettings;
use super::subject;

/// Deletions under way at once: enough to hide the round trips, few enough for the server's own queue.
const WINDOW: usize = 256;
/// Pages of subjects: the server puts 100,000 on one, as many as the stream may hold.
const MAX_PAGES: usize = 10;

/// Tasks of a scan, waiting or delivered.
pub(super) async fn count(link: &Link, settings: &NatsSettings, scan: &ScanId) -> Result<u64, Failure> {
    Ok(subjects(link, settings, scan).await?.values().sum())
}

/// Takes one ticker's task, or all tasks, of a scan out. Returns how many.
pub(super) async fn purge(
    link: &Link,
    settings: &NatsSettings,
    scan: &ScanId,
    ticker: Option<&Ticker>,
) -> Result<u64, Failure> {
    if let Some(ticker) = ticker {
        return delete(link, settings, &subject::of(&settings.subject_prefix, scan, Some(ticker))).await;
    }
    let subjects = subjects(link, settings, scan).await?;
    stream::iter(subjects.into_keys())
        .map(async |subject| delete(link, settings, &subject).await)
        .buffer_unordered(WINDOW)
        .try_fold(0, async |deleted, one| Ok(deleted + one))
        .await
}

/// The sequence number of the message in a subject.
async fn sequence(link: &Link, settings: &NatsSettings, subject: &str) -> Result<Option<u64>, Failure> {
    #[derive(Deserialize)]
    struct Found {
        message: Message,
    }
    #[derive(Deserialize)]
    struct Message {
        seq: u64,
    }
    let name = format!("STREAM.MSG.GET.{}", settings.stream);
    match link.api::<Found>(&name, &json!({"last_by_subj": subject}), REQUEST_LIMIT).await {
        Ok(found) => Ok(Some(found.message.seq)),
        Err(failure) if failure.is_no_message() => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// Deletes the message in a subject; 0 when there is none.
async fn delete(link: &Link, settings: &NatsSettings, subject: &str) -> Result<u64, Failure> {
    #[derive(Deserialize)]
    struct Deleted {
        success: bool,
    }
    let Some(seq) = sequence(link, settings, subject).await? else { return Ok(0) };
    let name = format!("STREAM.MSG.DELETE.{}", settings.stream);
    // A task is no secret: its bytes need not be overwritten.
    match link.api::<Deleted>(&name, &json!({"seq": seq, "no_erase": true}), REQUEST_LIMIT).await {
        Ok(deleted) => Ok(u64::from(deleted.success)),
        // Acknowledged meanwhile.
        Err(failure) if failure.is_no_message() => Ok(0),
        Err(failure) => Err(failure),
    }
}

/// The subjects of a scan that hold messages, and how many.
async fn subjects(link: &Link, settings: &NatsSettings, scan: &ScanId) -> Result<BTreeMap<String, u64>, Failure> {
    #[derive(Deserialize)]
    struct Page {
        #[serde(default)]
        total: usize,
        state: State,
    }
    #[derive(Deserialize)]
    struct State {
        #[serde(default)]
        subjects: Option<BTreeMap<String, u64>>,
    }
    let name = format!("STREAM.INFO.{}", settings.stream);
    let filter = subject::of(&settings.subject_prefix, scan, None);
    let mut all = BTreeMap::new();
    for _ in 0..MAX_PAGES {
        let ask = json!({"subjects_filter": filter, "offset": all.len()});
        let page: Page = link.api(&name, &ask, REQUEST_LIMIT).await?;
        let subjects = page.state.subjects.unwrap_or_default();
        let last = subjects.is_empty();
        all.extend(subjects);
        if last || all.len() >= page.total {
            break;
        }
    }
    Ok(all)
}
