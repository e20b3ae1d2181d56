//! Whether a process lives, and whether it is ready for work, with reasons that a person understands.
//!
//! Ready means: everything that is expected to succeed every so often did so lately, and nobody said why not. Nothing
//! is polled here: whoever does the work says how it went, and a success that is too long ago counts as none, so a task
//! that silently died cannot leave a process looking ready.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The health of this process. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Health(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// What must succeed every so often.
    expected: BTreeMap<&'static str, Expected>,
    /// Why it is not ready, by who says so.
    reasons: BTreeMap<&'static str, String>,
    /// Why it is as good as dead.
    dead: Option<String>,
}

#[derive(Debug)]
struct Expected {
    within: Duration,
    succeeded: Option<Instant>,
    /// Why the last try failed; `None` after a success.
    failure: Option<String>,
}

impl Health {
    /// Alive, ready, and nothing expected of it yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// From now on it is ready only while `what` has succeeded `within` this long.
    pub fn expect(&self, what: &'static str, within: Duration) {
        self.lock().expected.insert(what, Expected { within, succeeded: None, failure: None });
    }

    /// `what` succeeded just now.
    pub fn succeeded(&self, what: &'static str) {
        self.succeeded_at(what, Instant::now());
    }

    /// `what` failed just now. It stays ready until the last success is too long ago: one hiccup is none.
    pub fn failed(&self, what: &'static str, why: impl Into<String>) {
        if let Some(expected) = self.lock().expected.get_mut(what) {
            expected.failure = Some(one_line(&why.into()));
        }
    }

    /// It is not ready because of `what`, until that is lifted.
    pub fn hold(&self, what: &'static str, why: impl Into<String>) {
        self.lock().reasons.insert(what, one_line(&why.into()));
    }

    /// `what` is no reason any more.
    pub fn lift(&self, what: &'static str) {
        self.lock().reasons.remove(what);
    }

    /// Nothing this process could still do would help; whoever watches it should end it. The first reason stays.
    pub fn die(&self, why: impl Into<String>) {
        self.lock().dead.get_or_insert_with(|| one_line(&why.into()));
    }

    /// Why it should be ended; `None`: it lives.
    #[must_use]
    pub fn dead(&self) -> Option<String> {
        self.lock().dead.clone()
    }

    /// Why it is not ready, a line each, in order; empty: it is ready.
    #[must_use]
    pub fn reasons(&self) -> Vec<String> {
        self.reasons_at(Instant::now())
    }

    fn succeeded_at(&self, what: &'static str, at: Instant) {
        if let Some(expected) = self.lock().expected.get_mut(what) {
            expected.succeeded = Some(at);
            expected.failure = None;
        }
    }

    fn reasons_at(&self, now: Instant) -> Vec<String> {
        let state = self.lock();
        let dead = state.dead.iter().map(|why| format!("dead: {why}"));
        let held = state.reasons.iter().map(|(what, why)| format!("{what}: {why}"));
        let missed = state.expected.iter().filter_map(|(what, expected)| {
            let why = expected.missed(now)?;
            Some(format!("{what}: {why}"))
        });
        dead.chain(held).chain(missed).collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in here panics half way through a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Expected {
    /// Why it counts as missed; `None`: it succeeded lately.
    fn missed(&self, now: Instant) -> Option<String> {
        let ago = self.succeeded.map(|at| now.saturating_duration_since(at));
        if ago.is_some_and(|ago| ago < self.within) {
            return None;
        }
        let last = self.failure.as_ref().map(|why| format!("; last: {why}")).unwrap_or_default();
        Some(match ago {
            Some(ago) => format!("no success for {} s{last}", ago.as_secs()),
            None => format!("no success yet{last}"),
        })
    }
}

/// A reason is a line of a page.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const WITHIN: Duration = Duration::from_secs(15);

    #[test]
    fn it_is_ready_while_the_last_success_is_recent() {
        let (health, began) = (Health::new(), Instant::now());
        assert_eq!(health.reasons_at(began), [""; 0]);
        health.expect("store", WITHIN);
        assert_eq!(health.reasons_at(began), ["store: no success yet"]);
        health.succeeded_at("store", began);
        health.failed("store", "it is\naway");
        assert_eq!(health.reasons_at(began + WITHIN - Duration::from_millis(1)), [""; 0], "one hiccup is none");
        assert_eq!(health.reasons_at(began + WITHIN), ["store: no success for 15 s; last: it is away"]);
        health.succeeded_at("store", began + WITHIN);
        assert_eq!(health.reasons_at(began + WITHIN), [""; 0]);
    }

    #[test]
    fn a_reason_stays_until_it_is_lifted() {
        let health = Health::new();
        health.hold("drain", "asked to stop");
        assert_eq!(health.reasons(), ["drain: asked to stop"]);
        health.lift("drain");
        assert_eq!(health.reasons(), [""; 0]);
    }

    #[test]
    fn the_first_cause_of_death_stays_and_is_no_readiness() {
        let health = Health::new();
        health.die("the disk is full");
        health.die("it fell over");
        assert_eq!(health.dead().as_deref(), Some("the disk is full"));
        assert_eq!(health.reasons(), ["dead: the disk is full"]);
    }

    #[test]
    fn what_nobody_expects_is_not_kept() {
        let health = Health::new();
        health.failed("rain", "wet");
        health.succeeded("sun");
        assert_eq!(health.reasons(), [""; 0]);
    }
}
