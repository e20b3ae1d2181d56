//! Calls to the store and the queue, each with a limit, tried again while that may help. The one retry loop of a scan.

use std::time::{Duration, Instant};

use fleet_core::seams::{QueueError, StoreError};

/// SQLite waits some seconds for a locked file itself; a server answers in milliseconds.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);
const FIRST_REST: Duration = Duration::from_millis(250);
const LONGEST_REST: Duration = Duration::from_secs(2);

/// How long a scan waits for a store or a queue that is away before it stops (resumable).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience(Duration);

impl Patience {
    /// A file that is locked for so long, on top of SQLite's own wait, is locked by somebody who stays.
    pub const ONE_MACHINE: Self = Self(Duration::from_secs(4));
    /// Servers restart, fail over, load their append-only file.
    pub const FLEET: Self = Self(Duration::from_secs(90));

    /// For so long.
    #[must_use]
    pub const fn of(time: Duration) -> Self {
        Self(time)
    }

    /// How long that is.
    #[must_use]
    pub const fn time(self) -> Duration {
        self.0
    }

    /// A call to the store.
    pub async fn store<T, C>(self, call: impl Fn() -> C) -> Result<T, StoreError>
    where
        C: Future<Output = Result<T, StoreError>>,
    {
        self.store_telling(call, |_| {}).await
    }

    /// A call to the store, for which a person who waits is told once why.
    pub async fn store_telling<T, C>(self, call: impl Fn() -> C, tell: impl Fn(&StoreError)) -> Result<T, StoreError>
    where
        C: Future<Output = Result<T, StoreError>>,
    {
        let unavailable = |error: &StoreError| matches!(error, StoreError::Unavailable(_));
        let timed_out = || StoreError::Unavailable(format!("no answer within {} s", CALL_TIMEOUT.as_secs()));
        patiently(self.0, FIRST_REST, call, unavailable, timed_out, tell).await
    }

    /// A call to the queue.
    pub async fn queue<T, C>(self, call: impl Fn() -> C) -> Result<T, QueueError>
    where
        C: Future<Output = Result<T, QueueError>>,
    {
        let unavailable = |error: &QueueError| matches!(error, QueueError::Unavailable(_));
        let timed_out = || QueueError::Unavailable(format!("no answer within {} s", CALL_TIMEOUT.as_secs()));
        patiently(self.0, FIRST_REST, call, unavailable, timed_out, |_| {}).await
    }
}

/// Calls until the answer is one that trying again would not change, or the time for trying is over. The first time it
/// waits, `tell` is given the reason.
async fn patiently<T, E, C>(
    patience: Duration,
    first_rest: Duration,
    call: impl Fn() -> C,
    may_help: impl Fn(&E) -> bool,
    timed_out: impl Fn() -> E,
    tell: impl Fn(&E),
) -> Result<T, E>
where
    C: Future<Output = Result<T, E>>,
{
    let (began, mut rest, mut told) = (Instant::now(), first_rest, false);
    loop {
        match tokio::time::timeout(CALL_TIMEOUT, call()).await.unwrap_or_else(|_| Err(timed_out())) {
            Err(error) if may_help(&error) && began.elapsed() + rest <= patience => {
                if !std::mem::replace(&mut told, true) {
                    tell(&error);
                }
                tokio::time::sleep(rest).await;
            }
            answer => return answer,
        }
        rest = (rest * 2).min(LONGEST_REST);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// Fails so often, then answers; gives the answer, how often it was called, and how often it was told of.
    async fn calls(failures: u32, error: &str) -> (Result<(), String>, u32, u32) {
        let (called, told) = (Cell::new(0), Cell::new(0));
        let call = || {
            called.set(called.get() + 1);
            let fails = called.get() <= failures;
            async move { if fails { Err(error.to_owned()) } else { Ok(()) } }
        };
        // Rests of 1, 2, 4, 8 ms fit; the next, of 16, does not.
        let (patience, rest) = (Duration::from_millis(30), Duration::from_millis(1));
        let tell = |_: &String| told.set(told.get() + 1);
        let answer = patiently(patience, rest, call, |error| error == "away", || "away".to_owned(), tell).await;
        (answer, called.get(), told.get())
    }

    #[tokio::test]
    async fn only_what_may_help_is_tried_again_and_not_for_ever() {
        assert_eq!(calls(0, "away").await, (Ok(()), 1, 0));
        assert_eq!(calls(2, "away").await, (Ok(()), 3, 1));
        let (answer, called, told) = calls(99, "away").await;
        assert_eq!((answer, told), (Err("away".to_owned()), 1));
        assert!((2..=6).contains(&called), "called {called} times");
        assert_eq!(calls(1, "full").await, (Err("full".to_owned()), 1, 0));
    }
}
