//! One run over a universe with one configuration: its id and its states.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::excerpt::excerpt;

/// `<universe label>-<YYYYMMDD>-<slot>`: letters, digits, `_` and `-`, at most 80 characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ScanId(String);

/// Why a text is not a scan id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a scan id such as finviz-20261120-1000")]
pub struct BadScanId(pub String);

impl ScanId {
    /// Reads an id.
    pub fn parse(text: &str) -> Result<Self, BadScanId> {
        let fits = !text.is_empty()
            && text.len() <= 80
            && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        if fits { Ok(Self(text.to_owned())) } else { Err(BadScanId(excerpt(text, 80))) }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ScanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl TryFrom<String> for ScanId {
    type Error = BadScanId;
    fn try_from(text: String) -> Result<Self, BadScanId> {
        Self::parse(&text)
    }
}

impl From<ScanId> for String {
    fn from(id: ScanId) -> Self {
        id.0
    }
}

/// The states of a scan, in order. (`DESIGN 6`; TEARDOWN is for gateways, which come later.)
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScanState {
    /// Created; the manifest is not frozen yet.
    Init,
    /// The manifest is frozen; tasks are being published.
    Publishing,
    /// Every task was published; workers are at it.
    Running,
    /// Every ticker is accounted for; late commits are refused.
    Sealed,
    /// Caps were applied and notices written; the outbox is being drained.
    Alerting,
    /// Finished.
    Done,
}

impl ScanState {
    /// The word used in output.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Init => "init",
            Self::Publishing => "publishing",
            Self::Running => "running",
            Self::Sealed => "sealed",
            Self::Alerting => "alerting",
            Self::Done => "done",
        }
    }
}
