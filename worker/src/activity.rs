//! What a worker is doing now: deliveries held, tickers accounted for, since when it idles. Shared by its actors, read
//! by whoever asks; never part of a decision about a ticker.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use fleet_telemetry::WorkerMetrics;

/// What a worker is doing now. Clones share it.
#[derive(Clone)]
pub(crate) struct Activity {
    slots: u32,
    metrics: WorkerMetrics,
    state: Arc<Mutex<State>>,
}

struct State {
    busy: u32,
    /// Held, but not worked on any more.
    finishing: u32,
    committed: u64,
    /// When a delivery was last received or let go; the start, before there was one.
    last: Instant,
}

impl Activity {
    pub(crate) fn new(slots: u32, metrics: WorkerMetrics) -> Self {
        metrics.slots(0, slots);
        let state = State { busy: 0, finishing: 0, committed: 0, last: Instant::now() };
        Self { slots, metrics, state: Arc::new(Mutex::new(state)) }
    }

    /// Tasks were pulled: the worker is not idle, even before a slot has begun.
    pub(crate) fn received(&self) {
        self.lock().last = Instant::now();
    }

    /// A slot holds a delivery for as long as what is returned lives.
    pub(crate) fn hold(&self) -> Holding {
        self.change(|state| state.busy += 1);
        Holding { activity: self.clone(), is_finishing: false }
    }

    pub(crate) fn committed(&self) {
        self.lock().committed += 1;
    }

    /// Deliveries worked on now, and tickers accounted for since the start.
    pub(crate) fn counts(&self) -> (u32, u64) {
        let state = self.lock();
        (state.busy, state.committed)
    }

    /// For how long no delivery was held and none received.
    pub(crate) fn idle_for(&self) -> Duration {
        let state = self.lock();
        if state.busy + state.finishing > 0 { Duration::ZERO } else { state.last.elapsed() }
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.lock();
        change(&mut state);
        state.last = Instant::now();
        // Within the lock, so that the last one who speaks is right.
        self.metrics.slots(state.busy, self.slots.saturating_sub(state.busy));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in here panics half way through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A delivery that is held; let go by being dropped, however its slot ends.
pub(crate) struct Holding {
    activity: Activity,
    is_finishing: bool,
}

impl Holding {
    /// It is still held, but its slot is free for another.
    pub(crate) fn finish(&mut self) {
        if !std::mem::replace(&mut self.is_finishing, true) {
            self.activity.change(|state| {
                state.busy = state.busy.saturating_sub(1);
                state.finishing += 1;
            });
        }
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        self.activity.change(|state| {
            let held = if self.is_finishing { &mut state.finishing } else { &mut state.busy };
            *held = held.saturating_sub(1);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_holds_a_delivery_is_not_idle() {
        let activity = Activity::new(3, WorkerMetrics::default());
        activity.lock().last = Instant::now().checked_sub(Duration::from_secs(60)).unwrap();
        assert!(activity.idle_for() >= Duration::from_secs(60));
        let (first, second) = (activity.hold(), activity.hold());
        assert_eq!((activity.idle_for(), activity.counts()), (Duration::ZERO, (2, 0)));
        drop(first);
        assert_eq!(activity.counts().0, 1);
        let mut second = second;
        second.finish();
        second.finish();
        assert_eq!((activity.idle_for(), activity.counts()), (Duration::ZERO, (0, 0)), "its slot is free, it is held");
        drop(second);
        assert!(activity.idle_for() < Duration::from_secs(60), "idling begins when the last one is let go");
        let text = activity.metrics.page().text();
        assert!(text.contains("slots{state=\"busy\"} 0\n") && text.contains("slots{state=\"free\"} 3\n"), "{text}");
    }
}
