//! Waiting for a state, with a deadline.

use std::time::{Duration, Instant};

/// How often a state is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Looks until `look` sees something, at most for `patience`.
///
/// # Panics
/// When it never saw it.
pub fn wait_until<T>(what: &str, patience: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let give_up = Instant::now() + patience;
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(Instant::now() < give_up, "waited {patience:?} in vain: {what}");
        std::thread::sleep(LOOK_EVERY);
    }
}
