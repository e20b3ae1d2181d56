//! Keeps every notice it is given, in order.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use fleet_core::domain::Notice;
use fleet_core::seams::{Delivered, Notifier, NotifyError};

/// Collects notices: for a summary at the end of a run, and for tests.
#[derive(Debug, Default)]
pub struct RecordingNotifier(Mutex<Vec<Notice>>);

impl RecordingNotifier {
    /// What was sent so far.
    #[must_use]
    pub fn sent(&self) -> Vec<Notice> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl Notifier for RecordingNotifier {
    async fn send(&self, _key: &str, notice: &Notice) -> Result<Delivered, NotifyError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(notice.clone());
        Ok(Delivered::Accepted)
    }
}
