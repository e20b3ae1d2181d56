//! The wall clock of a world whose time may be paused: it moves with tokio's.

use fleet_core::seams::Clock;
use jiff::Timestamp;
use tokio::time::Instant;

/// Tells a chosen instant plus what tokio's time has moved since.
#[derive(Debug, Clone, Copy)]
pub struct TokioWallClock {
    starts_at: Timestamp,
    born: Instant,
}

impl TokioWallClock {
    /// A clock that stands at `starts_at` now.
    #[must_use]
    pub fn starting_at(starts_at: Timestamp) -> Self {
        Self { starts_at, born: Instant::now() }
    }
}

impl Clock for TokioWallClock {
    fn now(&self) -> Timestamp {
        self.starts_at.saturating_add(self.born.elapsed()).unwrap_or(Timestamp::MAX)
    }
}
