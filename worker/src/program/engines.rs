//! The queue and the store at the start: asked for until they are there, for a minute. (Later they may vanish and come
//! back as they like; the worker waits for them.)

use std::time::{Duration, Instant};

use fleet_core::seams::{QueueError, StoreError};
use fleet_engines::connect::{Engines, OpenError};

use super::asked::Asked;
use super::failure::Failure;
use super::voice::Voice;

/// How long, and how often, servers that are not there are asked for.
#[derive(Debug, Clone, Copy)]
struct Patience {
    whole: Duration,
    /// Between two lines.
    tell_every: Duration,
    /// Between two tries.
    rest: Duration,
    /// A single try.
    once: Duration,
}

/// A machine that starts everything at once has its servers up within a minute. A try asks both of them, each of which
/// is given up after some seconds by itself.
const PATIENCE: Patience = Patience {
    whole: Duration::from_secs(60),
    tell_every: Duration::from_secs(10),
    rest: Duration::from_secs(1),
    once: Duration::from_secs(20),
};

/// Why a try gave nothing.
#[derive(Debug)]
enum Refusal {
    /// It may be there in a moment.
    Away(String),
    /// Asking again does not help.
    ForGood(Failure),
}

/// Opens both, waiting for servers that are not there yet.
pub(super) async fn open(asked: &Asked, voice: Voice) -> Result<Engines, Failure> {
    let once = async || connect(asked).await;
    let engines = patiently(PATIENCE, once, |line| voice.warn(line)).await.map_err(|failure| {
        failure.hint(format!(
            "the queue is {}, the store {}; are they started, and reachable from here?",
            asked.queue, asked.store
        ))
    })?;
    for warning in &engines.warnings {
        voice.warn(warning);
    }
    Ok(engines)
}

async fn connect(asked: &Asked) -> Result<Engines, Refusal> {
    fleet_engines::connect::open(&asked.queue, &asked.store, &asked.secrets).await.map_err(|error| match &error {
        OpenError::Queue(QueueError::Unavailable(_)) | OpenError::Store(StoreError::Unavailable(_)) => {
            Refusal::Away(error.to_string())
        }
        OpenError::Pair(_) => Refusal::ForGood(Failure::usage(error.to_string())),
        OpenError::Queue(QueueError::Refused(_))
        | OpenError::Store(
            StoreError::Fenced { .. }
            | StoreError::Full(_)
            | StoreError::Foreign(_)
            | StoreError::Newer { .. }
            | StoreError::NotFound(_)
            | StoreError::Conflict(_)
            | StoreError::Damaged(_),
        ) => Refusal::ForGood(Failure::broken(error.to_string())),
    })
}

/// Tries until it is there; says at once that it is not, and again every so often.
async fn patiently<T>(
    patience: Patience,
    mut once: impl AsyncFnMut() -> Result<T, Refusal>,
    mut tell: impl FnMut(&str),
) -> Result<T, Failure> {
    let began = Instant::now();
    let mut told: Option<Instant> = None;
    loop {
        let tried = tokio::time::timeout(patience.once, once()).await;
        let why = match tried {
            Ok(Ok(there)) => return Ok(there),
            Ok(Err(Refusal::ForGood(failure))) => return Err(failure),
            Ok(Err(Refusal::Away(why))) => why,
            Err(_) => format!("no answer within {} s", patience.once.as_secs()),
        };
        let waited = began.elapsed();
        if waited + patience.rest >= patience.whole {
            return Err(Failure::broken(format!("{why} (tried for {} s)", waited.as_secs())));
        }
        match told {
            None => tell(&format!("{why}; tries on for {} s", patience.whole.as_secs())),
            Some(at) if at.elapsed() >= patience.tell_every => {
                tell(&format!("still not there after {} s: {why}", waited.as_secs()));
            }
            Some(_) => {
                tokio::time::sleep(patience.rest).await;
                continue;
            }
        }
        told = Some(Instant::now());
        tokio::time::sleep(patience.rest).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUICK: Patience = Patience {
        whole: Duration::from_millis(200),
        tell_every: Duration::from_millis(60),
        rest: Duration::from_millis(5),
        once: Duration::from_millis(50),
    };

    fn away() -> Refusal {
        Refusal::Away("the task queue is unavailable: refused".to_owned())
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
