//! What ends the program otherwise than by its work: an exit code, one sentence, and where there is one, a hint.

/// Exit codes, the whole list. (A second Ctrl-C is 130; drained and idle are 0.)
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Drained, or idle for as long as was asked.
    Done,
    /// The environment is broken (queue, store, an address that cannot be had), or this program is.
    Broken,
    /// Usage.
    Usage,
    /// Ended at once.
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
            Self::Interrupted => 130,
        }
    }
}

/// Why it did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// How the process exits.
    pub exit: Exit,
    /// One sentence, causes included, without secrets.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

impl Failure {
    /// Wrong usage.
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

    /// The text, without the program's name: a sentence and perhaps a hint.
    #[must_use]
    pub fn text(&self) -> String {
        match &self.hint {
            Some(hint) => format!("{}\nhint: {hint}", self.message),
            None => self.message.clone(),
        }
    }
}
