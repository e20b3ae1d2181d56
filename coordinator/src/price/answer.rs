//! What is known of a contract, what computed it, and why something is not known.

use fleet_pricing::Greeks;

pub use super::answers::answers;

/// What computed an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Model {
    /// Black 1976.
    European,
    /// Andersen, Lake and Offengenden 2016.
    American,
    /// Finite differences with cash dividends.
    CashDividends,
}

impl Model {
    /// The word in CSV and JSON.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::European => "european_black",
            Self::American => "american_alo",
            Self::CashDividends => "american_cash_dividends",
        }
    }
}

/// What is known of a contract. Dollars per share; what is not known is `None`.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// What computed it.
    pub model: Model,
    /// The volatility everything else is of: the one given, else the one implied. Annual fraction.
    pub vol: Option<f64>,
    /// The model's price at that volatility; the price given where its own volatility is that one.
    pub price: Option<f64>,
    /// Forward price for settlement, after the dividends before it.
    pub forward: f64,
    /// Volatility that the price given implies, annual fraction.
    pub iv: Option<f64>,
    /// Sensitivities.
    pub greeks: Option<Greeks>,
    /// Risk-neutral probability of ending in the money; not with cash dividends.
    pub prob_itm: Option<f64>,
    /// Risk-neutral probability that the strike is reached before settlement; not with cash dividends.
    pub prob_touch: Option<f64>,
    /// American less European price; not of European contracts, not with cash dividends.
    pub early_exercise_premium: Option<f64>,
    /// Why something is not known.
    pub reason: Option<Reason>,
    /// What else a reader of the numbers must know, sentences.
    pub notes: Vec<String>,
}

/// Why something is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// The row cannot be priced.
    Refused(String),
    /// It was understood; this is what its numbers come to.
    Known(String),
}

impl Reason {
    /// The sentence.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Refused(text) | Self::Known(text) => text,
        }
    }
}
