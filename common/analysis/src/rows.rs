//! What is believed of a chain's rows before any price is looked at: duplicates, open interest, age.

use std::collections::BTreeMap;

use fleet_core::domain::{Chain, OccSymbol, SkipReason};
use jiff::Timestamp;

/// Quotes so far after `as_of` are clock skew between us and the vendor; more is nonsense.
const SKEW_SECS: i64 = 120;

/// A chain's rows after validation.
#[derive(Debug, Clone, PartialEq)]
pub struct Rows {
    /// Row of `chain.contracts` of each believed contract. A duplicate is not believed.
    pub by_symbol: BTreeMap<OccSymbol, usize>,
    /// So much of the chain has an open interest of 0 that it means nothing.
    pub unknown_oi: bool,
}

/// Refuses duplicates: of identical copies the first is kept, of differing ones none.
#[must_use]
pub fn validate(chain: &Chain, unknown_oi_pct: f64) -> Rows {
    struct Seen {
        row: usize,
        differs: bool,
    }
    let mut seen: BTreeMap<OccSymbol, Seen> = BTreeMap::new();
    for (row, quote) in chain.contracts.iter().enumerate() {
        match seen.get_mut(&quote.symbol) {
            Some(first) => first.differs |= chain.contracts[first.row] != *quote,
            None => {
                seen.insert(quote.symbol, Seen { row, differs: false });
            }
        }
    }
    let by_symbol: BTreeMap<OccSymbol, usize> =
        seen.into_iter().filter(|(_, s)| !s.differs).map(|(symbol, s)| (symbol, s.row)).collect();
    let zeros = by_symbol.values().filter(|row| chain.contracts[**row].open_interest == Some(0)).count();
    let unknown_oi = zeros > 0 && zeros as f64 * 100.0 >= unknown_oi_pct * by_symbol.len() as f64;
    Rows { by_symbol, unknown_oi }
}

/// How old quotes are.
#[derive(Debug, Clone, PartialEq)]
pub enum Freshness {
    /// Young enough to act on.
    Fresh {
        /// When they were valid.
        quote_time: Timestamp,
        /// They seem to come from the future, by a clock's error.
        ahead: bool,
    },
    /// Too old, or not dated.
    Unusable(SkipReason),
}

impl Freshness {
    /// Dates a chain.
    #[must_use]
    pub fn of(chain: &Chain, as_of: Timestamp, limit_secs: i64) -> Self {
        if chain.rows() == 0 {
            return Self::Unusable(SkipReason::NoOptions);
        }
        let Some(quote_time) = chain.quote_time else {
            return Self::Unusable(SkipReason::UndatedQuotes);
        };
        let age_secs = as_of.duration_since(quote_time).as_secs();
        if age_secs > limit_secs || age_secs < -SKEW_SECS {
            return Self::Unusable(SkipReason::StaleQuotes { age_secs, limit_secs });
        }
        Self::Fresh { quote_time, ahead: quote_time > as_of }
    }
}
