//! What every engine of a seam promises, as functions that check it. They know the seam only, no engine.
//!
//! A suite is a set of public async functions, one promise each: `Ok(())`, or `Err` with what was promised and what
//! came instead. An engine's test implements the suite's small fixture (an engine with fresh data, and its time) and
//! calls every function. The lists are macros, so that no engine can leave one out:
//!
//! ```ignore
//! macro_rules! tests {
//!     ($($promise:ident)*) => {$(
//!         #[tokio::test]
//!         async fn $promise() {
//!             conformance::store::$promise(&MyEngine::fresh()).await.unwrap();
//!         }
//!     )*};
//! }
//! fleet_engines::store_promises!(tests);
//! ```
//!
//! Each suite is itself tested: `tests/broken_queue.rs` and `tests/broken_store` break an engine in one known way
//! each and show which promise notices.

pub mod queue;
pub mod store;

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

/// An engine's error as a broken promise.
pub(crate) trait Kept<T> {
    /// The value, or the sentence that this act failed.
    fn kept(self, act: &str) -> Result<T, String>;
}

impl<T, E: std::fmt::Display> Kept<T> for Result<T, E> {
    fn kept(self, act: &str) -> Result<T, String> {
        self.map_err(|error| format!("{act} failed: {error}"))
    }
}
