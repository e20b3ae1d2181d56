//! What every implementation of a seam promises, as functions that check it. They know the seam only.
//!
//! As in fleet-engines: a suite is a set of public async functions, one promise each: `Ok(())`, or `Err` with what was
//! promised and what came instead. The lists are macros, so that no implementation can leave one out. Each suite is itself
//! tested: `tests/broken_*.rs` break an implementation in one known way each and show which promise notices.

pub mod ledger;
pub mod provider;

/// Leaves the promise with a sentence unless a condition holds.
macro_rules! ensure {
    ($condition:expr, $($sentence:tt)+) => {
        let kept: bool = $condition;
        if !kept {
            return Err(format!($($sentence)+));
        }
    };
}

/// Leaves the promise unless two values are equal, with both.
macro_rules! ensure_eq {
    ($got:expr, $want:expr, $($sentence:tt)+) => {{
        let (got, want) = (&$got, &$want);
        if got != want {
            return Err(format!("{}: wanted {want:?}, got {got:?}", format_args!($($sentence)+)));
        }
    }};
}

pub(crate) use {ensure, ensure_eq};

/// An implementation's error as a broken promise.
pub(crate) trait Kept<T> {
    /// The value, or the sentence that this act failed.
    fn kept(self, act: &str) -> Result<T, String>;
}

impl<T, E: std::fmt::Display> Kept<T> for Result<T, E> {
    fn kept(self, act: &str) -> Result<T, String> {
        self.map_err(|error| format!("{act} failed: {error}"))
    }
}
