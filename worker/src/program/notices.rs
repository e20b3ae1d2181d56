//! Notices that this machine goes away: asked of the instance's metadata every 5 s.
//!
//! Two questions: whether a Spot interruption is announced (two minutes ahead), and whether an Auto Scaling group wants
//! the instance in a state in which it does not work. Limits: a question 2 s. How it fails: a service that does not
//! answer is said aloud once, then logged; it never ends the worker.

use std::fmt;
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::metadata::{BaseUrl, Metadata, MetadataError};
use super::voice::Voice;
use crate::trouble::Trouble;

/// The service allows far more; a notice leaves two minutes.
const EVERY: Duration = Duration::from_secs(5);
const SPOT: &str = "/latest/meta-data/spot/instance-action";
const LIFECYCLE: &str = "/latest/meta-data/autoscaling/target-lifecycle-state";

/// Whom to ask, and how often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeSettings {
    base: BaseUrl,
    every: Duration,
}

impl NoticeSettings {
    /// The metadata service at a base URL; a sentence when it is none.
    pub fn at(url: &str) -> Result<Self, String> {
        Ok(Self { base: BaseUrl::parse(url)?, every: EVERY })
    }

    /// The metadata service that is asked.
    #[must_use]
    pub fn metadata(&self) -> Metadata {
        Metadata::new(&self.base)
    }

    /// The same, asked more or less often.
    #[must_use]
    pub fn every(self, every: Duration) -> Self {
        Self { every, ..self }
    }
}

/// This machine goes away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// Spot capacity is taken back.
    Spot {
        /// `terminate`, `stop` or `hibernate`.
        action: String,
        /// When, as the service wrote it.
        time: Option<String>,
    },
    /// The Auto Scaling group takes the instance out of service.
    Lifecycle {
        /// The state it is to reach.
        target: String,
    },
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Spot { action, time: Some(time) } => write!(f, "spot notice: {action} at {time}"),
            Self::Spot { action, time: None } => write!(f, "spot notice: {action}"),
            Self::Lifecycle { target } => write!(f, "the Auto Scaling group wants this instance {target}"),
        }
    }
}

/// The watch for notices.
pub struct Notices {
    metadata: Metadata,
    every: Duration,
    trouble: Trouble,
}

impl Notices {
    /// Nothing was asked yet.
    #[must_use]
    pub fn new(settings: &NoticeSettings) -> Self {
        Self { metadata: settings.metadata(), every: settings.every, trouble: Trouble::default() }
    }

    /// Returns when there is a notice.
    pub(super) async fn next(mut self, voice: Voice) -> Notice {
        loop {
            match self.ask().await {
                Ok(Some(notice)) => return notice,
                Ok(None) => drop(self.trouble.succeeded(Instant::now())),
                Err(error) => {
                    if self.trouble.failed(Instant::now()).tell == Some(0) {
                        voice.warn(&format!("{error}; notices are not heard until it answers"));
                    } else {
                        tracing::debug!(%error, "no notices heard");
                    }
                }
            }
            tokio::time::sleep(self.every).await;
        }
    }

    /// Asks once.
    pub async fn ask(&mut self) -> Result<Option<Notice>, MetadataError> {
        if let Some(text) = self.metadata.get(SPOT).await? {
            return Ok(Some(spot(&text)));
        }
        Ok(self.metadata.get(LIFECYCLE).await?.and_then(|target| lifecycle(&target)))
    }
}

/// Whatever stands there, it is a notice: there is nothing there otherwise.
fn spot(text: &str) -> Notice {
    #[derive(Deserialize)]
    struct InstanceAction {
        action: String,
        time: Option<String>,
    }
    let read =
        serde_json::from_str(text).unwrap_or_else(|_| InstanceAction { action: "unknown".to_owned(), time: None });
    Notice::Spot { action: short(&read.action), time: read.time.as_deref().map(short) }
}

/// `None`: it goes on working.
fn lifecycle(target: &str) -> Option<Notice> {
    let target = target.trim();
    let leaves = matches!(target, "Terminated" | "Detached" | "Standby") || target.starts_with("Warmed:");
    leaves.then(|| Notice::Lifecycle { target: short(target) })
}

fn short(text: &str) -> String {
    text.chars().filter(char::is_ascii_graphic).take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spot_notice_is_one_whatever_it_says() {
        let read = |text| spot(text).to_string();
        let known = r#"{"action": "terminate", "time": "2026-11-20T15:02:00Z"}"#;
        assert_eq!(read(known), "spot notice: terminate at 2026-11-20T15:02:00Z");
        assert_eq!(read(r#"{"action":"stop"}"#), "spot notice: stop");
        assert_eq!(read("<html>"), "spot notice: unknown");
        assert_eq!(read(&format!(r#"{{"action":"{}"}}"#, "x\\n".repeat(900))).len(), "spot notice: ".len() + 40);
    }

    #[test]
    fn only_states_out_of_service_are_a_notice() {
        for target in ["Terminated", " Terminated\n", "Standby", "Detached", "Warmed:Stopped"] {
            assert!(lifecycle(target).is_some(), "{target}");
        }
        for target in ["InService", "", "Pending", "<html>"] {
            assert_eq!(lifecycle(target), None, "{target}");
        }
    }
}
