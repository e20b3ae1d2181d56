//! Where a row of a chain leaves the funnel. Exactly one place a row.

use std::borrow::Cow;
use std::fmt;

use fleet_core::domain::{RowRefusal, SkipReason};

use crate::strategy::place_text;

/// A place of the funnel.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// The whole ticker was set aside.
    Skipped(&'static str),
    /// The row is no usable contract.
    Refused(RowRefusal),
    /// A gate stopped it.
    Gate(&'static str),
    /// An input is missing without which nothing fires.
    Unknown(Cow<'static, str>),
    /// It passed every gate and no strategy looks for such a contract.
    NotWanted,
    /// It was eligible for a strategy and there was no room (or no bars) to look at it.
    NotExamined,
    /// It passed every gate, no signal is enabled, and it has its rank.
    Ranked,
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
            Self::NotWanted => f.write_str("not_wanted"),
            Self::NotExamined => f.write_str("not_examined"),
            Self::Ranked => f.write_str("ranked"),
            Self::Strategy(name) => write!(f, "strategy:{name}"),
            Self::Candidate => f.write_str("candidate"),
        }
    }
}

impl Place {
    /// Its text, borrowed where that is known beforehand: ten thousand rows of a chain share a dozen places.
    #[must_use]
    pub fn text(&self) -> Cow<'static, str> {
        macro_rules! known {
            ($stage:literal, $word:expr, $($known:literal)*) => {
                match $word {
                    $($known => Cow::Borrowed(concat!($stage, ":", $known)),)*
                    _ => Cow::Owned(self.to_string()),
                }
            };
        }
        match self {
            Self::Gate(word) => known!("gate", *word,
                "deliverable" "expired" "expiration" "parity" "bid" "ask" "crossed" "locked" "spread" "open_interest"
                "volume" "bounds" "monotonicity" "butterfly" "iv"
                "coverage"),
            Self::Unknown(word) => known!("unknown", word.as_ref(), "settlement" "open_interest" "volume" "spot" "iv"),
            Self::Skipped(word) => known!("skip", *word,
                "no_options" "stale_quotes" "undated_quotes" "spot_gap" "underlying_pre_gate" "thin_underlying"),
            Self::Strategy(name) => place_text(name).map_or_else(|| Cow::Owned(self.to_string()), Cow::Borrowed),
            Self::NotWanted => Cow::Borrowed("not_wanted"),
            Self::NotExamined => Cow::Borrowed("not_examined"),
            Self::Ranked => Cow::Borrowed("ranked"),
            Self::Candidate => Cow::Borrowed("candidate"),
            Self::Refused(_) => Cow::Owned(self.to_string()),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_what_is_displayed() {
        let known = [
            Place::Gate("spread"),
            Place::Gate("deliverable"),
            Place::Gate("new"),
            Place::Unknown("iv".into()),
            Place::Unknown("underlying_bars".into()),
            Place::Skipped("spot_gap"),
            Place::Refused(RowRefusal::Duplicate),
            Place::Strategy("oversold_call"),
            Place::Strategy("other"),
            Place::NotWanted,
            Place::NotExamined,
            Place::Ranked,
            Place::Candidate,
        ];
        for place in known {
            assert_eq!(place.text(), place.to_string());
        }
        assert!(matches!(Place::Gate("spread").text(), Cow::Borrowed(_)));
    }
}
