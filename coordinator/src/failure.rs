//! What ends a command: an exit code, and where it is no success one sentence, its causes once, and a hint.

use std::error::Error;
use std::fmt::Write as _;

use fleet_core::domain::ScanId;
use fleet_core::seams::{QueueError, StoreError};
use fleet_engines::connect::OpenError;

use crate::config::redacted;
use crate::scan::ScanError;

/// Exit codes, the whole list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Done,
    /// The environment is broken (store, disk, network of the universe), or this program is.
    Broken,
    /// Usage, configuration, market closed.
    Usage,
    /// Done, but some tickers have no answer, or some files were refused.
    Incomplete,
    /// Another run holds the scan.
    Held,
    /// Interrupted; it can be resumed.
    Interrupted,
}

impl Exit {
    /// The number.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Broken => 1,
            Self::Usage => 2,
            Self::Incomplete => 3,
            Self::Held => 5,
            Self::Interrupted => 130,
        }
    }
}

/// Why a command did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// How the process exits.
    pub exit: Exit,
    /// One sentence, causes included.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

impl Failure {
    /// Wrong usage or configuration.
    #[must_use]
    pub fn usage(message: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, message: message.into(), hint: None }
    }

    /// A broken environment.
    #[must_use]
    pub fn broken(message: impl Into<String>) -> Self {
        Self { exit: Exit::Broken, message: message.into(), hint: None }
    }

    /// The same with a hint.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// The text for stderr. Passwords in URLs are `***`, wherever a cause got them from.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!("optionfleet: {}\n", redacted(&self.message));
        if let Some(hint) = &self.hint {
            let _ = writeln!(text, "hint: {}", redacted(hint));
        }
        text
    }
}

/// An error and its causes in one line, each said once.
#[must_use]
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    // Bounded: a cycle of causes would be a defect of a dependency.
    for _ in 0..16 {
        let Some(error) = cause else { break };
        let words = error.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        cause = error.source();
    }
    text
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let (exit, hint) = store_hint(&error);
        Self { exit, message: chain(&error), hint }
    }
}

const fn queue_hint(error: &QueueError) -> &'static str {
    match error {
        QueueError::Unavailable(_) => "is nats-server running there? see --queue",
        QueueError::Refused(_) => {
            "see --queue and OPTIONFLEET_NATS_USER, _PASSWORD, _TOKEN, _NKEY, _CREDS; `--help` tells more"
        }
    }
}

fn store_hint(error: &StoreError) -> (Exit, Option<String>) {
    let (exit, hint) = match error {
        // Errors of a server name it.
        StoreError::Unavailable(why) if why.contains("redis") => {
            (Exit::Broken, "is redis-server running there? see --store and OPTIONFLEET_REDIS_USER, _PASSWORD")
        }
        StoreError::Unavailable(_) => (
            Exit::Broken,
            "another process may be writing to it, or its directory may not be writable; or name another with --store sqlite:PATH",
        ),
        StoreError::Fenced { .. } => {
            (Exit::Held, "another run took over; nothing was lost, its table will be the whole one")
        }
        StoreError::Full(_) => {
            (Exit::Broken, "make room, then run the same command with --resume; nothing stored was lost")
        }
        StoreError::Foreign(_) => {
            (Exit::Broken, "name another file with --store sqlite:PATH; this one was left as it is")
        }
        StoreError::Newer { .. } => {
            (Exit::Broken, "use the newer Optionfleet, or name another file with --store sqlite:PATH")
        }
        StoreError::Conflict(why) if why.contains("redis") => (
            Exit::Broken,
            "see --store and OPTIONFLEET_REDIS_USER, _PASSWORD; the user's rights are set by ACL SETUSER",
        ),
        StoreError::NotFound(_) | StoreError::Conflict(_) => return (Exit::Usage, None),
        StoreError::Damaged(_) => (Exit::Broken, "move the file away and start a new one, or restore a copy"),
    };
    (exit, Some(hint.to_owned()))
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Pair(mixed) => Self::usage(mixed.to_string()),
            OpenError::Queue(error) => Self::broken(chain(&error)).hint(queue_hint(&error)),
            OpenError::Store(error) => error.into(),
        }
    }
}

impl From<ScanError> for Failure {
    fn from(error: ScanError) -> Self {
        let message = match &error {
            ScanError::ConfigDiffers { scan, stored, ours } => differs(scan, stored, ours),
            other => chain(other),
        };
        let (exit, hint) = match &error {
            ScanError::Held { .. } => {
                (Exit::Held, Some("wait for it; the same command then prints its table".to_owned()))
            }
            ScanError::ConfigDiffers { stored, ours, .. } => {
                let hint = if configuration(stored) == configuration(ours) {
                    "take another --slot, or go on with its own list by --resume ID"
                } else {
                    "go back to that configuration, or take another --slot; `optionfleet check-config` shows this one"
                };
                (Exit::Usage, Some(hint.to_owned()))
            }
            ScanError::Universe(_) | ScanError::UniverseTimeout(_) => (
                Exit::Broken,
                Some("name tickers with --tickers AAPL,MSFT or --tickers @file, or try again later".to_owned()),
            ),
            ScanError::EmptyUniverse => {
                (Exit::Usage, Some("widen the filter, or name tickers with --tickers AAPL,MSFT".to_owned()))
            }
            ScanError::Market(_) => {
                (Exit::Usage, Some("see [vendors], [identity] and [tls] in the configuration".to_owned()))
            }
            ScanError::Store(error) => store_hint(error),
            ScanError::Queue(_) | ScanError::Worker(_) | ScanError::WorkerGaveUp(_) | ScanError::Broken { .. } => {
                (Exit::Broken, Some("run the same command with --resume; nothing stored was lost".to_owned()))
            }
        };
        Self { exit, message, hint }
    }
}

/// The half of a hash that stands for the configuration; the other stands for the universe.
fn configuration(hash: &str) -> &str {
    hash.split_once('-').map_or(hash, |(configuration, _)| configuration)
}

fn differs(scan: &ScanId, stored: &str, ours: &str) -> String {
    let what = if configuration(stored) == configuration(ours) { "list of tickers" } else { "configuration" };
    format!("{scan} was begun with another {what}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_password_is_printed() {
        let failure = Failure::broken("cannot reach http://me:s3cret@h/x").hint("see redis://:s3cret@h");
        assert!(!failure.text().contains("s3cret"), "{}", failure.text());
    }

    #[test]
    fn another_list_is_not_another_configuration() {
        let message = |ours: &str| {
            let (stored, ours) = ("aa-bb".to_owned(), ours.to_owned());
            Failure::from(ScanError::ConfigDiffers { scan: ScanId::parse("x-1").unwrap(), stored, ours }).message
        };
        assert_eq!(message("aa-cc"), "x-1 was begun with another list of tickers");
        assert_eq!(message("ab-cc"), "x-1 was begun with another configuration");
    }

    #[test]
    fn causes_are_said_once() {
        let error = ScanError::Store(StoreError::Full("/var/x.db".to_owned()));
        let failure = Failure::from(error);
        assert_eq!(failure.message, "the scan's store failed: the disk is full: /var/x.db");
        assert_eq!(failure.exit, Exit::Broken);
        assert!(failure.text().contains("\nhint: make room"));
    }
}
