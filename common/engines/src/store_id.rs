//! Which store it is: what a store of a fleet calls itself, so that its tasks are told from those of others.
//!
//! Promises: two stores never have the same id, and a store that was emptied has another one than before (it is drawn
//! anew, 64 random bits). It is one token in every language of names: sixteen digits and letters `a` to `f`. It is no
//! secret, and says nothing about where the store is.

use std::fmt;
use std::hash::{BuildHasher, RandomState};

/// Hexadecimal digits in an id.
const DIGITS: usize = 16;

/// Which store.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct StoreId(String);

impl StoreId {
    /// An id that no store has.
    #[must_use]
    pub fn draw() -> Self {
        // The hasher's keys are the system's randomness; what is hashed only has to be something.
        let bits = RandomState::new().hash_one(std::process::id());
        Self(format!("{bits:016x}"))
    }

    /// Reads an id; `None`: it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        (text.len() == DIGITS && text.bytes().all(is_digit)).then(|| Self(text.to_owned()))
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StoreId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_draw_is_another_id_that_can_be_read() {
        let drawn: BTreeSet<StoreId> = (0..1_000).map(|_| StoreId::draw()).collect();
        assert_eq!(drawn.len(), 1_000);
        assert!(drawn.iter().all(|id| StoreId::parse(id.as_str()).as_ref() == Some(id)));
        for text in ["", "0123456789abcde", "0123456789abcdef0", "0123456789ABCDEF", "0123456789abcde.", "*"] {
            assert_eq!(StoreId::parse(text), None, "{text:?}");
        }
    }
}
