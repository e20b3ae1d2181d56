//! Where a row of a chain leaves the funnel. Exactly one place a row.

use std::fmt;

use fleet_core::domain::{RowRefusal, SkipReason};

/// A place of the funnel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The whole ticker was set aside.
    Skipped(&'static str),
    /// The row is no usable contract.
    Refused(RowRefusal),
    /// A gate stopped it.
    Gate(&'static str),
    /// An input is missing without which nothing fires.
    Unknown(String),
    /// It was eligible for a strategy and there was no room (or no bars) to look at it.
    NotExamined,
    /// A strategy looked at it and did not fire.
    Strategy(&'static str),
    /// A strategy fired.
    Candidate,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Skipped(reason) => write!(f, "skip:{reason}"),
            Self::Refused(reason) => write!(f, "refused:{}", reason.word()),
            Self::Gate(name) => write!(f, "gate:{name}"),
            Self::Unknown(input) => write!(f, "unknown:{input}"),
            Self::NotExamined => f.write_str("not_examined"),
            Self::Strategy(name) => write!(f, "strategy:{name}"),
            Self::Candidate => f.write_str("candidate"),
        }
    }
}

/// The word of a skip reason in `skip:<reason>`.
#[must_use]
pub const fn skip_word(reason: &SkipReason) -> &'static str {
    match reason {
        SkipReason::NoOptions => "no_options",
        SkipReason::StaleQuotes { .. } => "stale_quotes",
        SkipReason::UndatedQuotes => "undated_quotes",
        SkipReason::SpotGap { .. } => "spot_gap",
        SkipReason::UnderlyingPreGate { .. } => "underlying_pre_gate",
        SkipReason::ThinUnderlying { .. } => "thin_underlying",
    }
}
