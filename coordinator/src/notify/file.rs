//! Appends each notice to a file as a line of JSON, then hands it on.
//!
//! Promises: a line is whole, in the order of sending, and on disk before the notice counts as sent; several processes
//! may append to one file. A line that was cut off (a full disk, a power failure) stays alone: the next begins a line of
//! its own. A notice whose sender is killed in between, or whose disk does not answer in time, is sent again: its line
//! may come twice, with the same key, by which a reader can tell. Refuses: to overwrite, to send what could not be
//! written, and what is no file (a pipe without a reader would be waited for without end).

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, TryLockError};
use std::time::Duration;

use async_trait::async_trait;
use fleet_core::domain::Notice;
use fleet_core::seams::{Delivered, Notifier, NotifyError};
use serde_json::json;

/// A disk that takes longer is away, and the notice is not sent. Well within what a sender has in all (8 s), so that a
/// notice that was not written is never taken for one that was sent.
const WRITTEN_WITHIN: Duration = Duration::from_secs(5);

/// Writes notices to a file, and hands each on to `next`.
pub struct FileNotifier {
    path: PathBuf,
    file: Arc<Mutex<File>>,
    within: Duration,
    next: Arc<dyn Notifier>,
}

impl FileNotifier {
    /// Opens the file, making it if need be.
    pub fn open(path: &Path, next: Arc<dyn Notifier>) -> io::Result<Self> {
        let is_new = match path.metadata() {
            Ok(found) => {
                refuse_what_waits(&found)?;
                false
            }
            Err(_) => true,
        };
        let file = OpenOptions::new().append(true).create(true).open(path)?;
        if is_new && let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
            // The file's name must outlive a power failure, too.
            File::open(directory).and_then(|directory| directory.sync_all())?;
        }
        Ok(Self { path: path.to_owned(), file: Arc::new(Mutex::new(file)), within: WRITTEN_WITHIN, next })
    }
}

#[async_trait]
impl Notifier for FileNotifier {
    async fn send(&self, key: &str, notice: &Notice) -> Result<Delivered, NotifyError> {
        let (path, file, line) = (self.path.clone(), Arc::clone(&self.file), line(key, notice));
        let written = tokio::task::spawn_blocking(move || {
            // One notice is sent at a time: a lock that is held is an earlier one's, whose disk has not answered yet.
            let mut file = match file.try_lock() {
                Ok(file) => file,
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => return Err(io::Error::from(io::ErrorKind::ResourceBusy)),
            };
            let begin = if ends_within_a_line(&path) { "\n" } else { "" };
            // One write, so that lines of two processes do not mix.
            file.write_all(format!("{begin}{line}").as_bytes()).and_then(|()| synced(&file))
        });
        match tokio::time::timeout(self.within, written).await {
            Ok(Ok(Ok(()))) => self.next.send(key, notice).await,
            Ok(Ok(Err(error))) => Err(NotifyError(format!("the notices' file cannot be written: {error}"))),
            Ok(Err(error)) => Err(NotifyError(format!("the notices' file was not written: {error}"))),
            Err(_) => {
                let within = self.within;
                Err(NotifyError(format!("the notices' file was not written within {within:?}: is its disk away?")))
            }
        }
    }
}

/// A pipe or a socket waits for somebody at its other end.
#[cfg(unix)]
fn refuse_what_waits(found: &std::fs::Metadata) -> io::Result<()> {
    use std::os::unix::fs::FileTypeExt as _;
    let waits = found.file_type().is_fifo() || found.file_type().is_socket();
    if waits { Err(io::Error::new(io::ErrorKind::InvalidInput, "it is a pipe, not a file")) } else { Ok(()) }
}

#[cfg(not(unix))]
fn refuse_what_waits(_: &std::fs::Metadata) -> io::Result<()> {
    Ok(())
}

/// Whether the file's last line was cut off. What cannot be read (a device) has no lines.
fn ends_within_a_line(path: &Path) -> bool {
    let last = || {
        let mut file = File::open(path).ok().filter(|file| file.metadata().is_ok_and(|found| found.is_file()))?;
        file.seek(SeekFrom::End(-1)).ok()?;
        let mut byte = [0];
        file.read_exact(&mut byte).ok()?;
        Some(byte[0])
    };
    last().is_some_and(|byte| byte != b'\n')
}

/// On disk. What is no file on a disk (a terminal) has nothing to wait for.
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

    #[tokio::test]
    async fn a_line_that_was_cut_off_stays_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notices.jsonl");
        std::fs::write(&path, "{\"key\":\"half").unwrap();
        let next = Arc::new(RecordingNotifier::default());
        let notifier = FileNotifier::open(&path, next).unwrap();
        for _ in 0..2 {
            notifier.send("k", &notice("x")).await.unwrap();
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!((lines.len(), lines[0]), (3, "{\"key\":\"half"));
        assert!(lines[1..].iter().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()), "{text}");
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_is_refused_at_once() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        let refused = FileNotifier::open(&path, Arc::new(RecordingNotifier::default()));
        assert!(refused.is_err_and(|error| error.to_string().contains("a pipe")));
    }

    /// A disk that is away, as far as a program can see: the writer waits and waits.
    #[tokio::test]
    async fn what_is_not_written_in_time_is_not_sent() {
        let directory = tempfile::tempdir().unwrap();
        let next = Arc::new(RecordingNotifier::default());
        let path = directory.path().join("n");
        let mut notifier = FileNotifier::open(&path, Arc::clone(&next) as Arc<dyn Notifier>).unwrap();
        notifier.within = Duration::from_millis(50);
        let (file, (release, wait)) = (Arc::clone(&notifier.file), std::sync::mpsc::channel::<()>());
        let (held, is_held) = std::sync::mpsc::channel();
        let holder = std::thread::spawn(move || {
            let _file = file.lock().unwrap();
            held.send(()).unwrap();
            let _ = wait.recv();
        });
        is_held.recv().unwrap();
        let answer = notifier.send("key", &notice("x")).await;
        assert!(answer.is_err_and(|error| error.to_string().contains("busy")));
        assert_eq!(next.sent(), []);
        drop(release);
        holder.join().unwrap();
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
