//! What the newest scan knows of one contract: which rule stopped it, and by how much.

use serde::{Deserialize, Serialize};

use super::candidate::Check;
use super::occ::OccSymbol;
use super::quote::ContractQuote;

/// Everything the last scan knows of one contract; what `explain` prints.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ContractExplanation {
    /// The quote as it was.
    pub quote: ContractQuote,
    /// Where it left the funnel.
    pub place: String,
    /// The measured value and threshold of the gate that stopped it.
    pub gate: Option<Check>,
    /// Implied volatility at mid, annual fraction.
    pub iv: Option<f64>,
    /// Delta.
    pub delta: Option<f64>,
    /// For contracts that reached a strategy: its name and every check.
    pub strategies: Vec<(String, Vec<Check>)>,
}

impl ContractExplanation {
    /// Its symbol.
    #[must_use]
    pub const fn symbol(&self) -> &OccSymbol {
        &self.quote.symbol
    }
}
