//! What is believed of a chain's rows before any price is looked at: duplicates, open interest, age.

use fleet_core::domain::{Chain, OccSymbol, Root, SkipReason};
use jiff::Timestamp;
use jiff::civil::Date;

/// Quotes so far after `as_of` are clock skew between us and the vendor; more is nonsense.
const SKEW_SECS: i64 = 120;

/// A chain's rows after validation.
#[derive(Debug, Clone, PartialEq)]
pub struct Rows {
    /// Row of `chain.contracts` of each believed contract. A duplicate is not believed.
    pub by_symbol: Believed,
    /// So much of the chain has an open interest of 0 that it means nothing.
    pub unknown_oi: bool,
}

/// The rows of the believed contracts, by symbol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Believed(Vec<(OccSymbol, usize)>);

impl Believed {
    /// The row of a contract.
    #[must_use]
    pub fn get(&self, symbol: &OccSymbol) -> Option<usize> {
        let at = self.0.binary_search_by(|(known, _)| known.cmp(symbol)).ok()?;
        self.0.get(at).map(|(_, row)| *row)
    }

    /// Contracts with their rows, by symbol.
    pub fn iter(&self) -> impl Iterator<Item = (&OccSymbol, usize)> {
        self.0.iter().map(|(symbol, row)| (symbol, *row))
    }

    /// Rows, by symbol.
    pub fn rows(&self) -> impl Iterator<Item = usize> {
        self.0.iter().map(|(_, row)| *row)
    }

    /// Contracts with their rows, those of one root, expiration and kind together, by strike.
    pub fn sides(&self) -> impl Iterator<Item = &[(OccSymbol, usize)]> {
        let side = |symbol: &OccSymbol| (symbol.root, symbol.expiration, symbol.kind);
        self.0.chunk_by(move |(a, _), (b, _)| side(a) == side(b))
    }

    /// Contracts with their rows, those of one root and expiration together.
    pub fn expirations(&self) -> impl Iterator<Item = &[(OccSymbol, usize)]> {
        self.0.chunk_by(|(a, _), (b, _)| (a.root, a.expiration) == (b.root, b.expiration))
    }

    /// Contracts of one root and expiration, with their rows.
    #[must_use]
    pub fn of(&self, root: Root, expiration: Date) -> &[(OccSymbol, usize)] {
        let key = |symbol: &OccSymbol| (symbol.root, symbol.expiration);
        let from = self.0.partition_point(|(symbol, _)| key(symbol) < (root, expiration));
        let rest = &self.0[from..];
        &rest[..rest.partition_point(|(symbol, _)| key(symbol) == (root, expiration))]
    }

    /// Contracts believed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing is believed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Refuses duplicates: of identical copies the first is kept, of differing ones none.
#[must_use]
pub fn validate(chain: &Chain, unknown_oi_pct: f64) -> Rows {
    let mut all: Vec<(OccSymbol, usize)> =
        chain.contracts.iter().enumerate().map(|(row, quote)| (quote.symbol, row)).collect();
    // Vendors list contracts in this order, so there is hardly anything to sort.
    all.sort_unstable();
    let is_unique = all.windows(2).all(|pair| pair[0].0 != pair[1].0);
    if !is_unique {
        let agree = |copies: &&[(OccSymbol, usize)]| {
            copies.iter().all(|(_, row)| chain.contracts[*row] == chain.contracts[copies[0].1])
        };
        all = all.chunk_by(|a, b| a.0 == b.0).filter(agree).map(|copies| copies[0]).collect();
    }
    let by_symbol = Believed(all);
    let zeros = by_symbol.rows().filter(|row| chain.contracts[*row].open_interest == Some(0)).count();
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
