//! The queue and the store at the start: asked for until they are there, for as long as the caller has patience. (Later
//! they may vanish and come back as they like; a worker waits for them, a scan has its own patience.)
//!
//! Promises: one line says at once what is waited for and for how long; what waiting does not mend ends it at the first
//! answer. Refuses: to wait for ever, and to wait for a wrong password.

use std::time::{Duration, Instant};

use fleet_core::seams::{QueueError, StoreError};
use fleet_engines::connect::{Engines, OpenError, QueueAddress, Secrets, StoreAddress, open as open_once};

use super::failure::Failure;

/// How long, and how often, servers that are not there are asked for.
#[derive(Debug, Clone, Copy)]
pub struct OpeningPatience {
    /// In all.
    pub whole: Duration,
    /// Between two lines.
    pub tell_every: Duration,
    /// Between two tries.
    pub rest: Duration,
    /// A single try.
    pub once: Duration,
}

impl OpeningPatience {
    /// A worker's. A machine that starts everything at once has its servers up within a minute. A try asks both of them,
    /// each of which is given up after some seconds by itself.
    pub const WORKER: Self = Self {
        whole: Duration::from_secs(60),
        tell_every: Duration::from_secs(10),
        rest: Duration::from_secs(1),
        once: Duration::from_secs(20),
    };

    /// Somebody's who waits so long in all and reads one line about it.
    #[must_use]
    pub const fn of(whole: Duration) -> Self {
        Self { whole, tell_every: whole, ..Self::WORKER }
    }
}

/// Why a try gave nothing.
#[derive(Debug)]
enum Refusal {
    /// It may be there in a moment.
    Away(Failure),
    /// Asking again does not help.
    ForGood(Failure),
}

/// Opens both, waiting for servers that are not there yet; `tell` is given the lines a person should read.
pub async fn open(
    queue: &QueueAddress,
    store: &StoreAddress,
    secrets: &Secrets,
    patience: OpeningPatience,
    tell: impl FnMut(&str),
) -> Result<Engines, Failure> {
    let once = async || open_once(queue, store, secrets).await.map_err(refusal);
    patiently(patience, once, tell).await
}

fn refusal(error: OpenError) -> Refusal {
    match &error {
        OpenError::Queue(QueueError::Unavailable(_)) | OpenError::Store(StoreError::Unavailable(_)) => {
            Refusal::Away(error.into())
        }
        OpenError::Pair(_)
        | OpenError::Queue(QueueError::Refused(_))
        | OpenError::Store(
            StoreError::Fenced { .. }
            | StoreError::Full(_)
            | StoreError::Foreign(_)
            | StoreError::Newer { .. }
            | StoreError::NotFound(_)
            | StoreError::Conflict(_)
            | StoreError::TooLarge(_)
            | StoreError::Damaged(_),
        ) => Refusal::ForGood(error.into()),
    }
}

/// Tries until it is there; says at once that it is not, and again every so often.
async fn patiently<T>(
    patience: OpeningPatience,
    mut once: impl AsyncFnMut() -> Result<T, Refusal>,
    mut tell: impl FnMut(&str),
) -> Result<T, Failure> {
    let began = Instant::now();
    let mut told: Option<Instant> = None;
    loop {
        let tried = tokio::time::timeout(patience.once, once()).await;
        let away = match tried {
            Ok(Ok(there)) => return Ok(there),
            Ok(Err(Refusal::ForGood(failure))) => return Err(failure),
            Ok(Err(Refusal::Away(failure))) => failure,
            Err(_) => Failure::broken(format!("no answer within {} s", patience.once.as_secs())),
        };
        let waited = began.elapsed();
        if waited + patience.rest >= patience.whole {
            let message = format!("{} (tried for {} s)", away.message, waited.as_secs());
            return Err(Failure { message, ..away });
        }
        let due = match told {
            None => Some(format!("{}; tries on for {} s", away.message, patience.whole.as_secs())),
            Some(at) if at.elapsed() >= patience.tell_every => {
                Some(format!("still not there after {} s: {}", waited.as_secs(), away.message))
            }
            Some(_) => None,
        };
        if let Some(line) = due {
            tell(&line);
            told = Some(Instant::now());
        }
        tokio::time::sleep(patience.rest).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUICK: OpeningPatience = OpeningPatience {
        whole: Duration::from_millis(200),
        tell_every: Duration::from_millis(60),
        rest: Duration::from_millis(5),
        once: Duration::from_millis(50),
    };

    fn away() -> Refusal {
        Refusal::Away(Failure::broken("the task queue is unavailable: refused"))
    }

    #[tokio::test]
    async fn servers_that_come_up_late_are_waited_for() {
        let (mut tries, mut told) = (0, Vec::new());
        let once = async || {
            tries += 1;
            if tries < 4 { Err(away()) } else { Ok(tries) }
        };
        let there = patiently(QUICK, once, |line| told.push(line.to_owned())).await;
        assert_eq!(there, Ok(4));
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].starts_with("the task queue is unavailable: refused; tries on for"), "{told:?}");
    }

    #[tokio::test]
    async fn servers_that_never_come_are_given_up_with_a_line_every_so_often() {
        let (mut tries, mut told) = (0, Vec::new());
        let once = async || {
            tries += 1;
            // The third hangs.
            if tries == 3 { std::future::pending().await } else { Err::<(), _>(away()) }
        };
        let failure = patiently(QUICK, once, |line| told.push(line.to_owned())).await.unwrap_err();
        assert!(failure.message.contains("unavailable: refused (tried for 0 s)"), "{}", failure.message);
        assert!((2..=4).contains(&told.len()), "{told:?}");
        assert!(told[1].starts_with("still not there after"), "{told:?}");
        assert!(tries > 5, "{tries} tries");
    }

    #[tokio::test]
    async fn what_waiting_does_not_mend_ends_it_at_once() {
        let mut tries = 0;
        let once = async || {
            tries += 1;
            Err::<(), _>(Refusal::ForGood(Failure::broken("wrong password")))
        };
        assert_eq!(patiently(QUICK, once, |_| {}).await, Err(Failure::broken("wrong password")));
        assert_eq!(tries, 1);
    }
}
