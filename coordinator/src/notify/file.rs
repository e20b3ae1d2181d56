//! Appends each notice to a file as a line of JSON, then hands it on.
//!
//! Promises: a line is whole, in the order of sending, and on disk before the notice counts as sent; several processes
//! may append to one file. A notice whose sender is killed in between is sent again: its line comes twice, with the same
//! key, by which a reader can tell. Refuses: to overwrite, and to send what could not be written.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use fleet_core::domain::Notice;
use fleet_core::seams::{Delivered, Notifier, NotifyError};
use serde_json::json;

/// Writes notices to a file, and hands each on to `next`.
pub struct FileNotifier {
    file: Arc<Mutex<File>>,
    next: Arc<dyn Notifier>,
}

impl FileNotifier {
    /// Opens the file, making it if need be.
    pub fn open(path: &Path, next: Arc<dyn Notifier>) -> io::Result<Self> {
        let file = OpenOptions::new().append(true).create(true).open(path)?;
        Ok(Self { file: Arc::new(Mutex::new(file)), next })
    }
}

#[async_trait]
impl Notifier for FileNotifier {
    async fn send(&self, key: &str, notice: &Notice) -> Result<Delivered, NotifyError> {
        let (file, line) = (Arc::clone(&self.file), line(key, notice));
        let written = tokio::task::spawn_blocking(move || {
            let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
            // One write, so that lines of two processes do not mix.
            file.write_all(line.as_bytes()).and_then(|()| synced(&file))
        });
        match written.await {
            Ok(Ok(())) => self.next.send(key, notice).await,
            Ok(Err(error)) => Err(NotifyError(format!("the notices' file cannot be written: {error}"))),
            Err(error) => Err(NotifyError(format!("the notices' file was not written: {error}"))),
        }
    }
}

/// On disk. What is no file on a disk (a pipe, a terminal) has nothing to wait for.
fn synced(file: &File) -> io::Result<()> {
    match file.sync_data() {
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
        answer => answer,
    }
}

fn line(key: &str, notice: &Notice) -> String {
    let Notice { kind, trade, at, text } = notice;
    let line = json!({ "key": key, "kind": kind.word(), "trade": trade.as_str(), "at": at.to_string(), "text": text });
    format!("{line}\n")
}

#[cfg(test)]
mod tests {
    use fleet_core::domain::{NoticeKind, TradeId};

    use super::super::RecordingNotifier;
    use super::*;

    fn notice(text: &str) -> Notice {
        let trade = TradeId::from_user("ABCD");
        Notice { kind: NoticeKind::Exit, trade, at: jiff::Timestamp::UNIX_EPOCH, text: text.to_owned() }
    }

    #[tokio::test]
    async fn notices_are_appended_and_handed_on() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notices.jsonl");
        let next = Arc::new(RecordingNotifier::default());
        for text in ["one\nline", "another"] {
            // Each in a process of its own, as it were.
            let notifier = FileNotifier::open(&path, Arc::clone(&next) as Arc<dyn Notifier>).unwrap();
            let notice = notice(text);
            assert_eq!(notifier.send(&notice.key(), &notice).await.unwrap(), Delivered::Accepted);
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let expected = json!({
            "key": "ABCD|exit", "kind": "exit", "trade": "ABCD", "at": "1970-01-01T00:00:00Z", "text": "one\nline"
        });
        assert_eq!((lines.len(), &lines[0], &lines[1]["text"]), (2, &expected, &json!("another")));
        assert_eq!(next.sent().len(), 2);
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn what_cannot_be_written_is_not_sent() {
        let next = Arc::new(RecordingNotifier::default());
        let notifier = FileNotifier::open(Path::new("/dev/full"), Arc::clone(&next) as Arc<dyn Notifier>).unwrap();
        assert!(notifier.send("key", &notice("x")).await.is_err());
        assert_eq!(next.sent(), []);
    }
}
