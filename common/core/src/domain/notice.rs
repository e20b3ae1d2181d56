//! One message to a person. Durable in the outbox until it was sent.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::trade::TradeId;

/// What a notice tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    /// A new candidate became a pending trade.
    Buy,
    /// The limit was reached.
    Filled,
    /// The limit was not reached in time.
    Lapsed,
    /// The trade was left.
    Exit,
    /// The next session's open interest confirms what the signal saw.
    Confirmed,
}

impl NoticeKind {
    /// The word used in keys and output.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Buy => "buy",
            Self::Filled => "filled",
            Self::Lapsed => "lapsed",
            Self::Exit => "exit",
            Self::Confirmed => "confirmed",
        }
    }
}

/// One message. Two notices with the same key are the same notice: the second is dropped by the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// What it tells.
    pub kind: NoticeKind,
    /// Of which trade.
    pub trade: TradeId,
    /// As-of of the scan that wrote it.
    pub at: Timestamp,
    /// At most 160 septets of GSM 03.38.
    pub text: String,
}

impl Notice {
    /// De-duplication key: one notice for each state of a trade.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{}|{}", self.trade, self.kind.word())
    }
}
