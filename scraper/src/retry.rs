//! The one retry policy: which failures are tried again, after how long, and when to stop.
//!
//! [`RetryPolicy::decide`] is pure. [`retried`] is the only retry loop of this crate. Promises: at most `tries` tries;
//! only what may pass by itself is tried again; `Retry-After` wins over our own delay, and one that is longer than is
//! allowed, or than the delivery can have left, fails at once, with what the vendor said.

use std::future::Future;
use std::time::Duration;

use fleet_core::domain::DeliveryLimits;
use fleet_core::seams::FetchFailure;
use rand::RngExt;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use tokio::time::Instant;

/// First delay after a failure of the network or the server.
const FIRST_DELAY: Duration = Duration::from_millis(250);
/// First delay after "slow down" without a Retry-After: about a second was enough in the recorded cases. Four tries take
/// 5.6 to 7 s, so that a vendor who never lets up costs a ticker less than 15 s in its two deliveries.
const FIRST_THROTTLE_DELAY: Duration = Duration::from_millis(800);
/// No delay of our own is longer: a delivery has two minutes for everything.
const MAX_DELAY: Duration = Duration::from_secs(15);
/// Jitter: a delay is between 1 and 1.25 times its nominal length, so that slots that failed together come apart.
const JITTER: f64 = 0.25;

/// How often and how patiently.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RetryPolicy {
    tries: u32,
    max_retry_after: Duration,
    /// How long the delivery that asks may take.
    delivery: Duration,
}

/// What follows a failed try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Try again after so long.
    RetryIn(Duration),
    /// The failure stands.
    GiveUp,
}

/// A try that failed, and whether the usual rules apply to it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Miss {
    pub(crate) failure: FetchFailure,
    next: Next,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// As the failure says.
    AsUsual,
    /// Another gateway may do, at once.
    Elsewhere,
    /// Nothing will.
    Nothing,
}

impl Miss {
    /// Another gateway may do what this one could not.
    pub(crate) const fn elsewhere(failure: FetchFailure) -> Self {
        Self { failure, next: Next::Elsewhere }
    }

    /// Trying again here will not help.
    pub(crate) const fn last(failure: FetchFailure) -> Self {
        Self { failure, next: Next::Nothing }
    }
}

impl From<FetchFailure> for Miss {
    fn from(failure: FetchFailure) -> Self {
        Self { failure, next: Next::AsUsual }
    }
}

impl RetryPolicy {
    /// What follows a try that failed, by whatever rule is its.
    fn after(&self, attempt: u32, spent: Duration, miss: &Miss, seed: u64) -> Decision {
        match miss.next {
            Next::AsUsual => self.decide(attempt, spent, &miss.failure, seed),
            Next::Elsewhere if attempt < self.tries && spent < self.delivery => Decision::RetryIn(Duration::ZERO),
            Next::Elsewhere | Next::Nothing => Decision::GiveUp,
        }
    }

    pub(crate) const fn new(limits: &DeliveryLimits) -> Self {
        Self {
            tries: limits.request_tries,
            max_retry_after: Duration::from_secs(limits.max_retry_after_secs as u64),
            delivery: Duration::from_secs(limits.timeout_secs as u64),
        }
    }

    /// What follows try number `attempt` (from 1), so long after the first began. `seed` only moves the jitter.
    pub(crate) fn decide(&self, attempt: u32, spent: Duration, failure: &FetchFailure, seed: u64) -> Decision {
        if !failure.is_transient() || attempt >= self.tries {
            return Decision::GiveUp;
        }
        match failure {
            FetchFailure::Throttled { retry_after: Some(wait) } if *wait > self.max_retry_after => Decision::GiveUp,
            _ => {
                let delay = self.delay(attempt, failure, seed);
                if spent.saturating_add(delay) < self.delivery { Decision::RetryIn(delay) } else { Decision::GiveUp }
            }
        }
    }

    /// The delay after a failure, whether or not it is tried again. What the vendor said is never shortened.
    pub(crate) fn delay(&self, attempt: u32, failure: &FetchFailure, seed: u64) -> Duration {
        match failure {
            FetchFailure::Throttled { retry_after: Some(wait) } => *wait,
            FetchFailure::Throttled { retry_after: None } => backoff(FIRST_THROTTLE_DELAY, attempt, seed),
            _ => backoff(FIRST_DELAY, attempt, seed),
        }
    }
}

/// Doubles with each attempt up to [`MAX_DELAY`], then adds jitter.
fn backoff(first: Duration, attempt: u32, seed: u64) -> Duration {
    let doubled = first.saturating_mul(1 << attempt.saturating_sub(1).min(10)).min(MAX_DELAY);
    let mut random = ChaCha8Rng::seed_from_u64(seed ^ u64::from(attempt));
    doubled.mul_f64(1.0 + JITTER * random.random::<f64>())
}

/// Runs a request until it succeeds, fails for good, or has been tried often enough. `one_try` gets the attempt's
/// number, from 1.
pub(crate) async fn retried<T, F, E>(
    policy: &RetryPolicy,
    seed: u64,
    mut one_try: impl FnMut(u32) -> F,
) -> Result<T, FetchFailure>
where
    F: Future<Output = Result<T, E>>,
    E: Into<Miss>,
{
    let began = Instant::now();
    let mut attempt = 1;
    loop {
        let miss: Miss = match one_try(attempt).await {
            Ok(answer) => return Ok(answer),
            Err(miss) => miss.into(),
        };
        let failure = &miss.failure;
        match policy.after(attempt, began.elapsed(), &miss, seed) {
            Decision::GiveUp => return Err(miss.failure),
            Decision::RetryIn(delay) => {
                tracing::debug!(attempt, delay_ms = delay.as_millis() as u64, failure = failure.word(), "retry");
                tokio::time::sleep(delay).await;
                attempt += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    const POLICY: RetryPolicy =
        RetryPolicy { tries: 4, max_retry_after: Duration::from_secs(60), delivery: Duration::from_secs(120) };

    fn throttled(secs: u64) -> FetchFailure {
        FetchFailure::Throttled { retry_after: Some(Duration::from_secs(secs)) }
    }

    #[track_caller]
    fn check(attempt: u32, failure: FetchFailure, ms: Option<std::ops::RangeInclusive<u128>>) {
        match (POLICY.decide(attempt, Duration::ZERO, &failure, 7), ms) {
            (Decision::GiveUp, None) => {}
            (Decision::RetryIn(delay), Some(range)) if range.contains(&delay.as_millis()) => {}
            (decision, expected) => panic!("after try {attempt}, {failure}: {decision:?}, expected {expected:?} ms"),
        }
    }

    #[test]
    fn only_what_may_pass_is_tried_again() {
        for failure in [
            FetchFailure::Network("connection refused".into()),
            FetchFailure::Timeout(Duration::from_secs(1)),
            FetchFailure::Server(502),
            FetchFailure::Budget("busy".into()),
        ] {
            check(1, failure.clone(), Some(250..=313));
            check(2, failure.clone(), Some(500..=625));
            check(3, failure.clone(), Some(1000..=1250));
            check(4, failure, None);
        }
        for failure in [
            FetchFailure::NotFound,
            FetchFailure::Blocked("403".into()),
            FetchFailure::Consent,
            FetchFailure::Unauthorized("x".into()),
            FetchFailure::Malformed("x".into()),
            FetchFailure::Status(418),
            FetchFailure::TooLarge { limit_bytes: 1 },
        ] {
            check(1, failure, None);
        }
    }

    #[test]
    fn retry_after_wins_and_one_too_long_fails_at_once() {
        check(1, throttled(0), Some(0..=0));
        check(3, throttled(7), Some(7000..=7000));
        check(1, throttled(60), Some(60_000..=60_000));
        check(1, throttled(61), None);
        check(1, throttled(u64::MAX), None);
        check(1, FetchFailure::Throttled { retry_after: None }, Some(800..=1000));
    }

    #[test]
    fn a_delay_of_our_own_is_bounded_and_jitter_follows_the_seed() {
        let policy = RetryPolicy { tries: u32::MAX, ..POLICY };
        let delay = |attempt, seed| policy.delay(attempt, &FetchFailure::Server(500), seed);
        assert!(delay(u32::MAX, 1) <= MAX_DELAY.mul_f64(1.0 + JITTER));
        assert_eq!(delay(1, 1), delay(1, 1));
        assert_ne!(delay(1, 1), delay(1, 2));
    }

    #[tokio::test(start_paused = true)]
    async fn the_loop_waits_as_decided_and_counts_tries() {
        let tries = AtomicU32::new(0);
        let started = Instant::now();
        let answer: Result<(), _> = retried(&POLICY, 1, |_| async {
            tries.fetch_add(1, Ordering::Relaxed);
            Err(throttled(20))
        })
        .await;
        assert_eq!(answer, Err(throttled(20)));
        assert_eq!(tries.load(Ordering::Relaxed), 4);
        assert_eq!(started.elapsed().as_secs(), 60, "three waits of 20 s");
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_the_delivery_has_no_time_for_fails_with_the_vendors_words() {
        let (tries, started) = (AtomicU32::new(0), Instant::now());
        let answer: Result<(), _> = retried(&POLICY, 1, |_| async {
            tries.fetch_add(1, Ordering::Relaxed);
            Err(throttled(50))
        })
        .await;
        assert_eq!((answer, tries.load(Ordering::Relaxed)), (Err(throttled(50)), 3));
        assert_eq!(started.elapsed().as_secs(), 100, "a third wait would end after the delivery");
    }

    #[test]
    fn a_vendor_who_never_lets_up_costs_two_deliveries_less_than_a_quarter_of_a_minute() {
        for seed in 0..200 {
            let never = FetchFailure::Throttled { retry_after: None };
            let delivery: Duration = (1..POLICY.tries).map(|attempt| POLICY.delay(attempt, &never, seed)).sum();
            assert!(delivery * 2 < Duration::from_millis(14_500), "{delivery:?}");
            assert!(delivery > Duration::from_secs(5), "{delivery:?} is not polite");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn two_failures_then_success() {
        let answer =
            retried(&POLICY, 1, |n| async move { if n < 3 { Err(FetchFailure::Server(500)) } else { Ok(n) } }).await;
        assert_eq!(answer, Ok(3));
    }
}
