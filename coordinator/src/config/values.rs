//! Values a configuration file may spell as a number or as a word.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Minutes, or `auto`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "NumberOrWord", into = "NumberOrWord")]
pub enum AutoMinutes {
    /// Decided by the program.
    Auto,
    /// So many.
    Minutes(u32),
}

/// Requests a second, or `unlimited` (for loopback only).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "NumberOrWord", into = "NumberOrWord")]
pub enum Rate {
    /// So many.
    PerSec(f64),
    /// As fast as it goes.
    Unlimited,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum NumberOrWord {
    Whole(i64),
    Number(f64),
    Word(String),
}

impl TryFrom<NumberOrWord> for AutoMinutes {
    type Error = &'static str;
    fn try_from(value: NumberOrWord) -> Result<Self, Self::Error> {
        const WANTED: &str = "whole minutes or \"auto\" is wanted here";
        match value {
            NumberOrWord::Whole(n) => u32::try_from(n).map(Self::Minutes).map_err(|_| WANTED),
            NumberOrWord::Number(_) => Err(WANTED),
            NumberOrWord::Word(word) => {
                if word == "auto" {
                    Ok(Self::Auto)
                } else {
                    Err(WANTED)
                }
            }
        }
    }
}

impl From<AutoMinutes> for NumberOrWord {
    fn from(value: AutoMinutes) -> Self {
        match value {
            AutoMinutes::Auto => Self::Word("auto".to_owned()),
            AutoMinutes::Minutes(n) => Self::Whole(i64::from(n)),
        }
    }
}

impl TryFrom<NumberOrWord> for Rate {
    type Error = &'static str;
    fn try_from(value: NumberOrWord) -> Result<Self, Self::Error> {
        match value {
            NumberOrWord::Whole(n) => Ok(Self::PerSec(n as f64)),
            NumberOrWord::Number(n) => Ok(Self::PerSec(n)),
            NumberOrWord::Word(word) => {
                if word == "unlimited" {
                    Ok(Self::Unlimited)
                } else {
                    Err("a number of requests a second or \"unlimited\" is wanted here")
                }
            }
        }
    }
}

impl From<Rate> for NumberOrWord {
    fn from(value: Rate) -> Self {
        match value {
            Rate::PerSec(n) => Self::Number(n),
            Rate::Unlimited => Self::Word("unlimited".to_owned()),
        }
    }
}

impl Rate {
    /// The slower of two rates.
    #[must_use]
    pub fn min(self, other: Self) -> Self {
        match (self, other) {
            (Self::PerSec(a), Self::PerSec(b)) => Self::PerSec(a.min(b)),
            (Self::PerSec(a), Self::Unlimited) | (Self::Unlimited, Self::PerSec(a)) => Self::PerSec(a),
            (Self::Unlimited, Self::Unlimited) => Self::Unlimited,
        }
    }

    /// Requests a second; `None` is unlimited.
    #[must_use]
    pub const fn per_sec(self) -> Option<f64> {
        match self {
            Self::PerSec(n) => Some(n),
            Self::Unlimited => None,
        }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PerSec(n) => write!(f, "{n}/s"),
            Self::Unlimited => f.write_str("unlimited"),
        }
    }
}
