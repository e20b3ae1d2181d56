//! Calls to the store and the queue, each with a limit, tried again while that may help. The one retry loop of a scan.

use std::time::Duration;

use fleet_core::seams::{QueueError, StoreError};

/// SQLite waits some seconds for a locked file itself; a server answers in milliseconds.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// An engine that restarts is back within the rests of 0.25, 0.5, 1 and 2 s.
const TRIES: u32 = 5;
const FIRST_REST: Duration = Duration::from_millis(250);

/// A call to the store.
pub(super) async fn store<T, C>(call: impl Fn() -> C) -> Result<T, StoreError>
where
    C: Future<Output = Result<T, StoreError>>,
{
    let unavailable = |error: &StoreError| matches!(error, StoreError::Unavailable(_));
    let timed_out = || StoreError::Unavailable(format!("no answer within {} s", CALL_TIMEOUT.as_secs()));
    patiently(FIRST_REST, call, unavailable, timed_out).await
}

/// A call to the queue.
pub(super) async fn queue<T, C>(call: impl Fn() -> C) -> Result<T, QueueError>
where
    C: Future<Output = Result<T, QueueError>>,
{
    let unavailable = |error: &QueueError| matches!(error, QueueError::Unavailable(_));
    let timed_out = || QueueError::Unavailable(format!("no answer within {} s", CALL_TIMEOUT.as_secs()));
    patiently(FIRST_REST, call, unavailable, timed_out).await
}

async fn patiently<T, E, C>(
    first_rest: Duration,
    call: impl Fn() -> C,
    may_help: impl Fn(&E) -> bool,
    timed_out: impl Fn() -> E,
) -> Result<T, E>
where
    C: Future<Output = Result<T, E>>,
{
    let mut rest = first_rest;
    for _ in 1..TRIES {
        match tokio::time::timeout(CALL_TIMEOUT, call()).await.unwrap_or_else(|_| Err(timed_out())) {
            Err(error) if may_help(&error) => tokio::time::sleep(rest).await,
            answer => return answer,
        }
        rest *= 2;
    }
    tokio::time::timeout(CALL_TIMEOUT, call()).await.unwrap_or_else(|_| Err(timed_out()))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// Fails so often, then answers; gives the answer and how often it was called.
    async fn calls(failures: u32, error: &str) -> (Result<(), String>, u32) {
        let called = Cell::new(0);
        let call = || {
            called.set(called.get() + 1);
            let fails = called.get() <= failures;
            async move { if fails { Err(error.to_owned()) } else { Ok(()) } }
        };
        let answer = patiently(Duration::ZERO, call, |error| error == "away", || "away".to_owned()).await;
        (answer, called.get())
    }

    #[tokio::test]
    async fn only_what_may_help_is_tried_again_and_not_for_ever() {
        assert_eq!(calls(4, "away").await, (Ok(()), 5));
        assert_eq!(calls(99, "away").await, (Err("away".to_owned()), 5));
        assert_eq!(calls(1, "full").await, (Err("full".to_owned()), 1));
    }
}
