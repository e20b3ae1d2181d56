//! The way a notice reaches a person.

use async_trait::async_trait;

use crate::domain::Notice;

/// What became of a notice that was handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivered {
    /// It was accepted.
    Accepted,
    /// It may have been accepted: the answer was lost. Never resent blindly.
    Unknown,
}

/// Why a notice could not be handed over. It was certainly not sent.
#[derive(Debug, thiserror::Error)]
#[error("could not hand over the notice: {0}")]
pub struct NotifyError(pub String);

/// Sends notices.
#[async_trait]
pub trait Notifier: Send + Sync {
    /// Hands one notice over. `key` is the notice's de-duplication key for services that take one.
    async fn send(&self, key: &str, notice: &Notice) -> Result<Delivered, NotifyError>;
}
