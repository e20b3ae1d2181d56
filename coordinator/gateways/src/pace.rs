//! When the next call may leave: our own limiter for each (Region, operation), under AWS' quotas.
//!
//! Promises: two calls of one operation in one Region leave at least [`interval`] apart; all calls in a Region together
//! stay under the common bucket; after a 429 that operation waits for Retry-After and is slower from then on (somebody
//! else uses the account, or the quota is smaller than documented). Regions do not wait for each other.
//!
//! How: one at a time per (Region, operation) is at the head, in the order they came. The head first draws from the
//! Region's common limiter, then waits for its own, then leaves: its own spacing is exact. At most one permit of the
//! common limiter is held by each waiting head, so a Region sends at most `TOTAL_BURST + 18 heads + 9 t` calls in any
//! time `t`: under 40 + 10 t.
//!
//! The intervals are AWS' with a margin, because calls that leave evenly do not arrive evenly: half a second for deleting
//! an API, as much as the targets leave elsewhere.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use tokio::time::{Instant, sleep};

use crate::quota::Operation;
use crate::region::Region;
use crate::resource::ResourceKind;

/// Of the common bucket of 40 we use this at once; see above for why not all.
const TOTAL_BURST: NonZeroU32 = NonZeroU32::new(20).unwrap();
/// One more call in a Region each ninth of a second; AWS gives one each tenth.
const TOTAL_INTERVAL: Duration = Duration::from_micros(111_112);
/// A 429 makes an operation slower by this factor,
const WIDENING: f64 = 1.5;
/// up to this multiple of its interval,
const WIDEST: u32 = 4;
/// and an operation without a quota of its own begins with this.
const FIRST_INTERVAL: Duration = Duration::from_millis(500);
/// An operation with a slower quota waits for its own interval after a 429 whatever shorter time the answer names: the
/// tries of one call would be used up before the account has another turn to give.
const SLOW: Duration = Duration::from_secs(5);
/// A longer Retry-After is taken for this: a wrong header must not stop a teardown for hours.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(300);

/// The time between two calls of an operation in one Region; `None`: only the common limit holds.
#[must_use]
pub const fn interval(operation: Operation) -> Option<Duration> {
    match operation {
        // The margins of the two that decide how long bringing up and tearing down takes are as large as "within 2 %"
        // leaves room for.
        Operation::Delete(ResourceKind::RestApi) => Some(Duration::from_millis(30_500)),
        Operation::CreateDeployment => Some(Duration::from_millis(5_060)),
        Operation::CreateRestApi => Some(Duration::from_millis(3_200)),
        Operation::PutRestApi => Some(Duration::from_millis(1_200)),
        Operation::UpdateUsagePlan => Some(Duration::from_millis(20_500)),
        Operation::CreateApiKey | Operation::Delete(ResourceKind::ApiKey) => Some(Duration::from_millis(250)),
        Operation::CreateUsagePlan
        | Operation::CreateUsagePlanKey
        | Operation::TagResource
        | Operation::Get(_)
        | Operation::List(_)
        | Operation::DeleteStage
        | Operation::Delete(ResourceKind::UsagePlan) => None,
    }
}

type Limiter = RateLimiter<NotKeyed, InMemoryState, TokioClock, NoOpMiddleware<Duration>>;

/// governor's time is tokio's, so that a test's paused clock paces too.
#[derive(Debug, Clone, Copy)]
struct TokioClock {
    start: Instant,
}

impl Clock for TokioClock {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.start.elapsed()
    }
}

/// The limiters of one process.
pub struct Pace {
    clock: TokioClock,
    lanes: Mutex<BTreeMap<(Region, Operation), Arc<Lane>>>,
    totals: Mutex<BTreeMap<Region, Arc<Limiter>>>,
}

/// One operation in one Region.
struct Lane {
    /// Held by the head while it waits: this is the queue, and it guards nothing else.
    turn: tokio::sync::Mutex<()>,
    rule: Mutex<Rule>,
}

/// How fast a lane is at present.
struct Rule {
    interval: Option<Duration>,
    limiter: Option<Limiter>,
    not_before: Option<Instant>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pace {
    /// Limiters that let everything through at first. Wants to be called inside tokio.
    #[must_use]
    pub fn new() -> Self {
        Self {
            clock: TokioClock { start: Instant::now() },
            lanes: Mutex::new(BTreeMap::new()),
            totals: Mutex::new(BTreeMap::new()),
        }
    }

    /// Waits until a call may leave; it is to leave at once. Answers how long that took.
    pub async fn permit(&self, region: &Region, operation: Operation) -> Duration {
        let asked = Instant::now();
        let (lane, total) = (self.lane(region, operation), self.total(region));
        let _turn = lane.turn.lock().await;
        // Bounded: the head is alone in asking for this operation, and each Region has 18 heads at most.
        while let Err(early) = total.check() {
            sleep(early.wait_time_from(self.clock.now())).await;
        }
        // The rule may become slower while the head waits; that only delays it.
        while let Some(wait) = self.wait(&lane) {
            sleep(wait).await;
        }
        asked.elapsed()
    }

    /// What is still to be waited for; `None`: go, and the cell is used.
    fn wait(&self, lane: &Lane) -> Option<Duration> {
        let rule = locked(&lane.rule);
        if let Some(left) = rule.not_before.map(|at| at.saturating_duration_since(Instant::now()))
            && !left.is_zero()
        {
            return Some(left);
        }
        rule.limiter.as_ref()?.check().err().map(|early| early.wait_time_from(self.clock.now()))
    }

    /// A call was answered 429: the operation waits for what the answer asked for (else, or where its quota is slow at least,
    /// its interval), and is slower from then on.
    pub fn throttled(&self, region: &Region, operation: Operation, retry_after: Option<Duration>) {
        let lane = self.lane(region, operation);
        let mut rule = locked(&lane.rule);
        let widest = interval(operation).unwrap_or(FIRST_INTERVAL) * WIDEST;
        let wider = rule.interval.map_or(FIRST_INTERVAL, |interval| interval.mul_f64(WIDENING)).min(widest);
        let least = interval(operation).filter(|interval| *interval >= SLOW).unwrap_or_default();
        let wait = retry_after.unwrap_or(wider).max(least).min(MAX_RETRY_AFTER);
        *rule = self.rule(Some(wider));
        rule.not_before = Some(Instant::now() + wait);
    }

    fn lane(&self, region: &Region, operation: Operation) -> Arc<Lane> {
        let mut lanes = locked(&self.lanes);
        let lane = lanes.entry((region.clone(), operation)).or_insert_with(|| {
            Arc::new(Lane { turn: tokio::sync::Mutex::new(()), rule: Mutex::new(self.rule(interval(operation))) })
        });
        lane.clone()
    }

    fn rule(&self, interval: Option<Duration>) -> Rule {
        // One cell without burst: governor lets the first through and each next one an interval later.
        let quota = interval.and_then(Quota::with_period).map(|quota| quota.allow_burst(NonZeroU32::MIN));
        let limiter = quota.map(|quota| RateLimiter::direct_with_clock(quota, self.clock));
        Rule { interval, limiter, not_before: None }
    }

    fn total(&self, region: &Region) -> Arc<Limiter> {
        let mut totals = locked(&self.totals);
        let total = totals.entry(region.clone()).or_insert_with(|| {
            let quota = Quota::with_period(TOTAL_INTERVAL).unwrap_or(Quota::per_second(NonZeroU32::MIN));
            Arc::new(RateLimiter::direct_with_clock(quota.allow_burst(TOTAL_BURST), self.clock))
        });
        total.clone()
    }
}

impl Default for Pace {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use futures::future::join_all;

    use super::*;

    fn region(name: &str) -> Region {
        Region::parse(name).unwrap()
    }

    const DELETE: Operation = Operation::Delete(ResourceKind::RestApi);

    /// When each of `n` calls asked for at once leaves, in ms.
    async fn leave(pace: &Pace, at: &Region, operation: Operation, n: usize) -> Vec<u128> {
        let start = Instant::now();
        join_all((0..n).map(|_| async {
            pace.permit(at, operation).await;
            start.elapsed().as_millis()
        }))
        .await
    }

    #[tokio::test(start_paused = true)]
    async fn calls_of_an_operation_are_its_interval_apart() {
        let pace = Pace::new();
        assert_eq!(leave(&pace, &region("us-east-1"), DELETE, 3).await, [0, 30_500, 61_000]);
        assert_eq!(leave(&pace, &region("us-west-2"), DELETE, 2).await, [0, 30_500], "another Region has its own");
    }

    #[tokio::test(start_paused = true)]
    async fn every_interval_is_longer_than_awss() {
        for operation in Operation::ALL {
            match (interval(operation), operation.quota()) {
                (Some(ours), Some(quota)) => assert!(ours > quota.interval, "{operation}"),
                (None, None) => {}
                (ours, theirs) => panic!("{operation}: ours {ours:?}, AWS' {theirs:?}"),
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn all_operations_together_stay_under_the_common_bucket() {
        let pace = Pace::new();
        let at = region("us-east-1");
        let start = Instant::now();
        let asked = Operation::ALL.iter().flat_map(|operation| [*operation; 20]);
        let mut left: Vec<Duration> = join_all(asked.map(|operation| {
            let (pace, at) = (&pace, &at);
            async move {
                pace.permit(at, operation).await;
                start.elapsed()
            }
        }))
        .await;
        left.sort();
        for (n, first) in left.iter().enumerate() {
            for (m, last) in left.iter().enumerate().skip(n) {
                let calls = u32::try_from(m - n + 1).unwrap();
                let allowed = 40.0 + (*last - *first).as_secs_f64() * 10.0;
                assert!(f64::from(calls) <= allowed, "{calls} calls within {:?}", *last - *first);
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_429_is_waited_for_and_makes_slower_but_not_without_end() {
        let pace = Pace::new();
        let at = region("us-east-1");
        pace.permit(&at, DELETE).await;
        pace.throttled(&at, DELETE, Some(Duration::from_secs(70)));
        assert_eq!(leave(&pace, &at, DELETE, 2).await, [70_000, 70_000 + 45_750], "Retry-After wins, then 1.5 times");
        for _ in 0..20 {
            pace.throttled(&at, DELETE, Some(Duration::from_secs(1)));
        }
        assert_eq!(
            leave(&pace, &at, DELETE, 2).await,
            [30_500, 30_500 + 122_000],
            "its interval at least; four times at most"
        );
        pace.throttled(&at, Operation::PutRestApi, Some(Duration::from_millis(1)));
        assert_eq!(leave(&pace, &at, Operation::PutRestApi, 1).await, [1], "a fast one has turns enough");
        pace.throttled(&at, DELETE, Some(Duration::from_secs(86_400)));
        assert_eq!(leave(&pace, &at, DELETE, 1).await, [300_000], "a day is a mistake");
        pace.throttled(&at, Operation::DeleteStage, None);
        assert_eq!(leave(&pace, &at, Operation::DeleteStage, 2).await, [500, 1_000], "one without a quota of its own");
    }
}
