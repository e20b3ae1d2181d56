//! What ends a program of the fleet otherwise than by its work: an exit code, one sentence with its causes once, and
//! where there is one, a hint.
//!
//! The one home of this for both programs. It stands here, and not with the logs, because a store's failure is turned
//! into words here too, and only whoever knows the engines can do that; the coordinator adds what a scan can fail with.

use std::error::Error;

use fleet_core::seams::{QueueError, StoreError};
use fleet_engines::connect::OpenError;

use super::redact::redacted;

/// Exit codes, the whole list of both programs. A worker that drained or was idle is `Done`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Done,
    /// The environment is broken (queue, store, disk, network of the universe), or the program is.
    Broken,
    /// Usage, configuration, market closed.
    Usage,
    /// Done, but some tickers have no answer, or some files were refused.
    Incomplete,
    /// Done, but something may be left of the gateways that were made for it; the command to run is told.
    TeardownIncomplete,
    /// Another run holds the scan.
    Held,
    /// Interrupted; a scan can be resumed.
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
            Self::TeardownIncomplete => 4,
            Self::Held => 5,
            Self::Interrupted => 130,
        }
    }
}

/// Why a program did not do what was asked.
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

    /// The text, without the program's name: a sentence and perhaps a hint. Passwords in URLs are `***`, wherever a
    /// cause got them from.
    #[must_use]
    pub fn text(&self) -> String {
        let text = match &self.hint {
            Some(hint) => format!("{}\nhint: {hint}", self.message),
            None => self.message.clone(),
        };
        redacted(&text)
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

/// How a program ends when its store fails like this, and what a person can do about it.
#[must_use]
pub fn store_hint(error: &StoreError) -> (Exit, Option<String>) {
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
        StoreError::NotFound(_) | StoreError::Conflict(_) | StoreError::TooLarge(_) => return (Exit::Usage, None),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_password_is_printed() {
        let failure = Failure::broken("cannot reach http://me:s3cret@h/x").hint("see redis://:s3cret@h");
        assert!(!failure.text().contains("s3cret"), "{}", failure.text());
        assert!(failure.text().contains("\nhint: see redis://:***@h"), "{}", failure.text());
    }

    #[test]
    fn causes_are_said_once_with_a_hint() {
        let failure = Failure::from(OpenError::Store(StoreError::Full("/var/x.db".to_owned())));
        assert_eq!(failure.message, "the disk is full: /var/x.db");
        assert_eq!(failure.exit, Exit::Broken);
        assert!(failure.text().contains("\nhint: make room"));
    }
}
