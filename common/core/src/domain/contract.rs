//! What an option contract is, without any price: kind, strike, exercise style, settlement.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The right to buy or to sell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OptionKind {
    /// The right to buy at the strike.
    Call,
    /// The right to sell at the strike.
    Put,
}

impl OptionKind {
    /// `C` or `P`, as in an OCC symbol.
    #[must_use]
    pub const fn letter(self) -> char {
        match self {
            Self::Call => 'C',
            Self::Put => 'P',
        }
    }
}

/// Exercise price in exact thousandths of a dollar, as in an OCC symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Strike(u32);

impl Strike {
    /// The largest strike eight digits can hold.
    pub const MAX_THOUSANDTHS: u32 = 99_999_999;

    /// A strike of so many thousandths of a dollar; `None` for zero or what eight digits cannot hold.
    #[must_use]
    pub const fn from_thousandths(thousandths: u32) -> Option<Self> {
        if thousandths == 0 || thousandths > Self::MAX_THOUSANDTHS { None } else { Some(Self(thousandths)) }
    }

    /// A strike from dollars; `None` unless it is a positive whole number of thousandths (within 1e-6).
    #[must_use]
    pub fn from_dollars(dollars: f64) -> Option<Self> {
        if !dollars.is_finite() || dollars <= 0.0 || dollars > 100_000.0 {
            return None;
        }
        let thousandths = (dollars * 1000.0).round();
        if (dollars * 1000.0 - thousandths).abs() > 1e-3 { None } else { Self::from_thousandths(thousandths as u32) }
    }

    /// Thousandths of a dollar.
    #[must_use]
    pub const fn thousandths(self) -> u32 {
        self.0
    }

    /// Dollars, for statistics.
    #[must_use]
    pub fn dollars(self) -> f64 {
        f64::from(self.0) / 1000.0
    }
}

impl fmt::Display for Strike {
    /// As short as it is exact: `450`, `2.5`, `12.125`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.dollars().to_string())
    }
}

/// When a contract may be exercised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExerciseStyle {
    /// On any day.
    American,
    /// At expiration only.
    European,
}

/// Which price of the underlying settles a contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Settlement {
    /// The opening price of the expiration date; the contract last trades the session before.
    Am,
    /// The closing price of the expiration date.
    Pm,
}
