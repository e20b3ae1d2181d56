//! Pacing: when the next request to a vendor may leave this process.
//!
//! The budget belongs to the store, over all processes; a [`Pacer`] draws grants of at most one second from it and
//! governor smooths the sends inside a grant. Slots of one process share one pacer for each vendor and leave in the
//! order they came. Promises: two sends of one process are never closer than the grant's spacing; a permit is used at
//! its time or not at all, so that stale permits cannot add up to a burst; a vendor's "stop" is written to the store
//! and waited for, up to the delivery's limit. A pacer without a budget (loopback only) lets everything through.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use fleet_core::domain::Vendor;
use fleet_core::seams::{BudgetAnswer, Budgets, FetchFailure};
use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, sleep_until};

use crate::client::ClientError;

/// A permit may be used this much after its time; later, it is thrown away. Half of what a store's spacing leaves free
/// in every window of 10 s for requests that arrive late.
const LATE_LIMIT: Duration = Duration::from_millis(150);
/// A request at the head of the queue waits this long for a permit in all: as long as a delivery may take.
const TURN_LIMIT: Duration = Duration::from_secs(120);
/// The shortest wait before drawing again, so that nobody spins on a store's rounding.
const MIN_WAIT: Duration = Duration::from_millis(1);
/// Faster budgets are refused, as the stores do; no vendor allows a hundredth of it.
const MAX_PER_SEC: f64 = 10_000.0;
/// The longest "stop" written to the store: a scan lasts minutes, and a wrong header must not silence a vendor for days.
const MAX_BLOCK: Duration = Duration::from_secs(3600);

type Smoother = RateLimiter<NotKeyed, InMemoryState, TokioClock, NoOpMiddleware<Duration>>;

/// governor's time is tokio's, so that a test's paused clock paces too.
#[derive(Debug, Clone)]
struct TokioClock {
    start: Instant,
}

impl Clock for TokioClock {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.start.elapsed()
    }
}

/// Decides when the next request to one vendor may leave.
pub(crate) struct Pacer {
    vendor: Vendor,
    budget: Option<Budget>,
}

struct Budget {
    budgets: Arc<dyn Budgets>,
    /// Requests a second, the bits of an `f64`: healthy gateways decide with.
    per_sec: AtomicU64,
    max_block: Duration,
    /// Requests that want to leave: a grant is never larger, so that no permit waits for a request.
    waiting: AtomicU32,
    /// How often a vendor said stop to this process: permits drawn before the last time are void.
    stops: AtomicU32,
    /// Whose turn it is. Held while waiting for the send time: this is the queue, first come first served, and what
    /// it guards is used by its holder only.
    turn: Mutex<Grant>,
}

/// What is left of the last grant.
struct Grant {
    left: u32,
    /// [`Budget::stops`] when it was drawn.
    stops: u32,
    next: Instant,
    spacing: Duration,
    smoother: Option<Smoother>,
    clock: TokioClock,
}

/// Counts a request as waiting for as long as it lives, also when its future is dropped.
struct Waiting<'a>(&'a AtomicU32);

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicU32) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Pacer {
    /// A pacer without a budget. The caller has checked that every base URL is on loopback.
    pub(crate) const fn unlimited(vendor: Vendor) -> Self {
        Self { vendor, budget: None }
    }

    /// A pacer over a budget in the store. `max_block` is how long a request waits for a vendor that said stop.
    pub(crate) fn new(
        vendor: Vendor,
        per_sec: f64,
        budgets: Arc<dyn Budgets>,
        max_block: Duration,
    ) -> Result<Self, ClientError> {
        if !(per_sec > 0.0 && per_sec <= MAX_PER_SEC) {
            return Err(ClientError::Budget { vendor, per_sec });
        }
        let clock = TokioClock { start: Instant::now() };
        let grant = Grant { left: 0, stops: 0, next: Instant::now(), spacing: Duration::ZERO, smoother: None, clock };
        let (waiting, stops) = (AtomicU32::new(0), AtomicU32::new(0));
        let per_sec = AtomicU64::new(per_sec.to_bits());
        let budget = Budget { budgets, per_sec, max_block, waiting, stops, turn: Mutex::new(grant) };
        Ok(Self { vendor, budget: Some(budget) })
    }

    /// The budget is this from now on, requests a second. A smaller one voids the permits that are held. What is no rate is
    /// left aside.
    pub(crate) fn set_rate(&self, per_sec: f64) {
        let Some(budget) = &self.budget else { return };
        if !(per_sec > 0.0 && per_sec <= MAX_PER_SEC) {
            return;
        }
        let before = f64::from_bits(budget.per_sec.swap(per_sec.to_bits(), Ordering::SeqCst));
        if per_sec < before {
            budget.stops.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Waits until one request may leave.
    pub(crate) async fn permit(&self) -> Result<(), FetchFailure> {
        match &self.budget {
            Some(budget) => budget.permit(self.vendor).await,
            None => Ok(()),
        }
    }

    /// The vendor said stop: nobody draws for so long. Without a budget there is nobody to tell.
    pub(crate) async fn block(&self, wait: Duration) -> Result<(), FetchFailure> {
        match &self.budget {
            Some(budget) => {
                let wait = wait.min(MAX_BLOCK);
                budget.stops.fetch_add(1, Ordering::SeqCst);
                tracing::warn!(vendor = %self.vendor, wait_ms = wait.as_millis() as u64, "vendor blocked");
                budget.budgets.block(self.vendor, wait).await.map_err(|error| FetchFailure::Budget(error.to_string()))
            }
            None => Ok(()),
        }
    }
}

impl Budget {
    async fn permit(&self, vendor: Vendor) -> Result<(), FetchFailure> {
        let _waiting = Waiting::new(&self.waiting);
        let mut grant = self.turn.lock().await;
        let since = Instant::now();
        let mut last_block = None;
        while since.elapsed() < TURN_LIMIT {
            let is_due = grant.take().await;
            let stops = self.stops.load(Ordering::SeqCst);
            if is_due && grant.stops == stops {
                return Ok(());
            }
            (grant.left, grant.stops) = (0, stops);
            let want = self.waiting.load(Ordering::Relaxed).max(1);
            let answer = self
                .budgets
                .draw(vendor, f64::from_bits(self.per_sec.load(Ordering::SeqCst)), want)
                .await
                .map_err(|error| FetchFailure::Budget(error.to_string()))?;
            match answer {
                BudgetAnswer::Granted { permits, start_in, spacing } => grant.refill(permits, start_in, spacing),
                BudgetAnswer::Blocked { retry_in } if retry_in > self.max_block => {
                    return Err(FetchFailure::Throttled { retry_after: Some(retry_in) });
                }
                // The vendor said stop, or (for less than a second) other processes hold what there is.
                BudgetAnswer::Blocked { retry_in } => {
                    last_block = Some(retry_in);
                    sleep(retry_in.max(MIN_WAIT)).await;
                }
            }
        }
        Err(match last_block {
            Some(retry_in) => FetchFailure::Throttled { retry_after: Some(retry_in) },
            None => FetchFailure::Budget(format!("no usable permit within {} s", TURN_LIMIT.as_secs())),
        })
    }
}

impl Grant {
    fn refill(&mut self, permits: u32, start_in: Duration, spacing: Duration) {
        self.left = permits;
        self.next = Instant::now() + start_in;
        if spacing != self.spacing || self.smoother.is_none() {
            // One cell without burst: governor lets the first through and each next one `spacing` later. A spacing of
            // zero (a store that leaves smoothing to itself) needs none.
            let quota = Quota::with_period(spacing).map(|quota| quota.allow_burst(NonZeroU32::MIN));
            self.smoother = quota.map(|quota| RateLimiter::direct_with_clock(quota, self.clock.clone()));
            self.spacing = spacing;
        }
    }

    /// Waits for the next permit's time and uses it; `false` when none is left that may still be used.
    async fn take(&mut self) -> bool {
        while self.left > 0 {
            let due = self.next;
            self.left -= 1;
            self.next = due + self.spacing;
            if Instant::now() > due + LATE_LIMIT {
                continue;
            }
            sleep_until(due).await;
            // Bounded: a cell is free one spacing after the last send, and only the holder of the turn sends.
            while let Some(Err(early)) = self.smoother.as_ref().map(RateLimiter::check) {
                sleep(early.wait_time_from(self.clock.now())).await;
            }
            return true;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use futures::future::join_all;

    use super::*;
    use crate::test_support::MemoryBudgets;

    const LONG: Duration = Duration::from_secs(30);

    fn pacer(budgets: &Arc<MemoryBudgets>, per_sec: f64) -> Arc<Pacer> {
        Arc::new(Pacer::new(Vendor::Cboe, per_sec, budgets.clone(), LONG).unwrap())
    }

    /// `n` requests at once over these pacers (one a process), each send instant, sorted.
    async fn sends(pacers: &[Arc<Pacer>], n: usize) -> Vec<Instant> {
        let mut sent = join_all((0..n).map(|i| {
            let pacer = pacers[i % pacers.len()].clone();
            async move {
                pacer.permit().await.unwrap();
                Instant::now()
            }
        }))
        .await;
        sent.sort();
        sent
    }

    #[track_caller]
    fn check_windows(sent: &[Instant], per_sec: f64) {
        for first in sent {
            let window = sent.iter().filter(|at| **at >= *first && **at < *first + Duration::from_secs(10)).count();
            assert!(window as f64 <= per_sec * 10.0, "{window} requests in 10 s at {per_sec}/s");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_process_keeps_the_budget_and_its_spacing() {
        for per_sec in [1.0, 7.0, 20.0] {
            let budgets = Arc::new(MemoryBudgets::default());
            let started = Instant::now();
            let sent = sends(&[pacer(&budgets, per_sec)], (per_sec * 25.0) as usize).await;
            check_windows(&sent, per_sec);
            let spacing = Duration::from_secs_f64(1.0 / per_sec);
            assert!(sent.windows(2).all(|pair| pair[1] - pair[0] >= spacing), "two sends were closer than {spacing:?}");
            let took = (*sent.last().unwrap() - started).as_secs_f64();
            assert!((24.0..27.0).contains(&took), "25 s worth of requests took {took} s at {per_sec}/s");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn several_processes_share_one_budget() {
        let budgets = Arc::new(MemoryBudgets::default());
        let pacers: Vec<_> = (0..3).map(|_| pacer(&budgets, 10.0)).collect();
        let sent = sends(&pacers, 250).await;
        check_windows(&sent, 10.0);
    }

    #[tokio::test(start_paused = true)]
    async fn permits_nobody_used_do_not_become_a_burst() {
        let budgets = Arc::new(MemoryBudgets::default());
        let pacers = [pacer(&budgets, 20.0), pacer(&budgets, 20.0)];
        pacers[0].permit().await.unwrap();
        // Nineteen want to leave and give up after one of them drew for all: those permits are lost, not kept, or
        // they would come on top of what the other process draws.
        let mut waiting: Vec<_> = (0..19).map(|_| Box::pin(pacers[0].permit())).collect();
        waiting.reverse();
        let mut last = waiting.pop().unwrap();
        let turn = pacers[0].budget.as_ref().unwrap().turn.lock().await;
        for one in std::iter::once(&mut last).chain(&mut waiting) {
            assert!(futures::poll!(one.as_mut()).is_pending());
        }
        drop(turn);
        assert!(futures::poll!(last.as_mut()).is_pending());
        assert_eq!(pacers[0].budget.as_ref().unwrap().waiting.load(Ordering::Relaxed), 19);
        drop((last, waiting));
        sleep(Duration::from_secs(5)).await;
        check_windows(&sends(&pacers, 400).await, 20.0);
        assert!(budgets.draws() > 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_blocked_vendor_is_waited_for_within_the_limit() {
        let budgets = Arc::new(MemoryBudgets::default());
        let pacer = pacer(&budgets, 10.0);
        let started = Instant::now();
        pacer.block(Duration::from_secs(20)).await.unwrap();
        pacer.permit().await.unwrap();
        assert!(started.elapsed() >= Duration::from_secs(20));

        pacer.block(Duration::from_secs(31)).await.unwrap();
        let asked = Instant::now();
        let answer = pacer.permit().await;
        assert!(matches!(answer, Err(FetchFailure::Throttled { retry_after: Some(_) })), "{answer:?}");
        assert_eq!(asked.elapsed(), Duration::ZERO, "a wait beyond the limit is refused at once");
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_voids_the_permits_that_are_held() {
        let budgets = Arc::new(MemoryBudgets::default());
        let pacer = pacer(&budgets, 10.0);
        let stop = async {
            sleep(Duration::from_millis(250)).await;
            pacer.block(Duration::from_secs(9)).await.unwrap();
            Instant::now()
        };
        let (sent, stopped) = futures::join!(sends(std::slice::from_ref(&pacer), 8), stop);
        let (before, after): (Vec<Instant>, Vec<Instant>) = sent.iter().partition(|at| **at <= stopped);
        assert_eq!((before.len(), after.len()), (3, 5));
        assert!(after.iter().all(|at| *at >= stopped + Duration::from_secs(9)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_block_is_never_longer_than_an_hour() {
        let budgets = Arc::new(MemoryBudgets::default());
        pacer(&budgets, 1.0).block(Duration::MAX).await.unwrap();
        assert_eq!(budgets.blocks(), [(Vendor::Cboe, MAX_BLOCK)]);
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_budget_nothing_is_drawn_or_told() {
        let budgets = Arc::new(MemoryBudgets::default());
        let pacer = Pacer::unlimited(Vendor::Cboe);
        for _ in 0..100 {
            pacer.permit().await.unwrap();
        }
        pacer.block(LONG).await.unwrap();
        assert_eq!((budgets.draws(), budgets.blocks().len()), (0, 0));
    }

    #[test]
    fn a_budget_must_be_a_rate() {
        for per_sec in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let made = Pacer::new(Vendor::Cboe, per_sec, Arc::new(MemoryBudgets::default()), LONG);
            assert!(matches!(made, Err(ClientError::Budget { .. })), "{per_sec} was taken");
        }
    }
}
