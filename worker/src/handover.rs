//! One hand-over of a task to this worker, as its work knows it: the task, the trace it belongs to, and whether its
//! attempt was counted.
//!
//! A counted attempt is taken back ([`Counted::take`]) when the worker leaves before the attempt came to anything: it
//! did not break, its worker went away, and five such restarts must not make a ticker poison. What panicked, took too
//! long or failed has come to something, and counts; so does whatever ended with its process.

use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use fleet_core::domain::{Task, TraceContext};
use fleet_core::seams::{Delivery, ScanStamp};

/// One hand-over of a task.
pub(crate) struct Handover {
    pub(crate) task: Task,
    pub(crate) trace: TraceContext,
    /// This delivery's own span, 16 hexadecimal digits.
    pub(crate) span_id: String,
    pub(crate) received: Instant,
    pub(crate) counted: Counted,
}

impl Handover {
    /// What a slot of this worker was given.
    pub(crate) fn of(delivery: &dyn Delivery, process: &str) -> Self {
        let trace = delivery.trace();
        Self {
            task: delivery.task().clone(),
            trace,
            span_id: span_id(&trace, process),
            received: Instant::now(),
            counted: Counted::default(),
        }
    }

    /// Every event of this delivery happens in this span. It is as loud as an error, so that whatever is logged at all
    /// carries it.
    pub(crate) fn span(&self) -> tracing::Span {
        tracing::error_span!(
            // Not the actor's whose message happened to begin it.
            parent: None,
            "delivery",
            scan = %self.task.scan,
            ticker = %self.task.ticker,
            trace_id = self.trace.trace_id(),
            parent_id = self.trace.parent_id(),
            span_id = self.span_id,
        )
    }
}

/// Differs between deliveries of one process and, by `process` (name and start), between processes. Nothing else is
/// asked of it.
fn span_id(trace: &TraceContext, process: &str) -> String {
    static DELIVERIES: AtomicU64 = AtomicU64::new(0);
    let mut hasher = DefaultHasher::new();
    (trace, process, DELIVERIES.fetch_add(1, Ordering::Relaxed)).hash(&mut hasher);
    let mut id = String::with_capacity(16);
    // All zeroes would be no id. Writing into a text cannot fail.
    let _ = write!(id, "{:016x}", hasher.finish().max(1));
    id
}

/// Whether an attempt is counted in the store that has come to nothing yet, and of which making of the scan. Clones share
/// it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counted(Arc<Mutex<Option<ScanStamp>>>);

impl Counted {
    /// The store is asked to count it. (An attempt that is being counted is taken for counted: calls reach the store in
    /// the order they were made, and if this one did not, forgiving takes nothing from a first attempt.)
    pub(crate) fn begin(&self, stamp: &ScanStamp) {
        *self.lock() = Some(stamp.clone());
    }

    /// It came to something, whatever it was.
    pub(crate) fn settle(&self) {
        *self.lock() = None;
    }

    /// Whether it is to be taken back, and of which making of the scan; asked once.
    pub(crate) fn take(&self) -> Option<ScanStamp> {
        self.lock().take()
    }

    fn lock(&self) -> MutexGuard<'_, Option<ScanStamp>> {
        // Nothing in here panics half way through a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use fleet_core::domain::{ScanId, Ticker};

    use super::*;

    #[test]
    fn every_delivery_has_a_span_of_its_own() {
        let task = Task { scan: ScanId::parse("x-1").unwrap(), ticker: Ticker::parse("AAPL").unwrap() };
        let trace = TraceContext::of_task(&task, 0);
        let ids: BTreeSet<String> = (0..100).map(|_| span_id(&trace, "host:1 2026-11-20T15:00:00Z")).collect();
        assert_eq!(ids.len(), 100);
        assert!(ids.iter().all(|id| id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit())), "{ids:?}");
    }

    #[test]
    fn only_an_attempt_that_came_to_nothing_is_taken_back_and_once() {
        let (counted, stamp) = (Counted::default(), ScanStamp("1".to_owned()));
        assert_eq!(counted.take(), None, "it was never counted");
        counted.begin(&stamp);
        assert_eq!((counted.take(), counted.take()), (Some(stamp.clone()), None));
        counted.begin(&stamp);
        counted.settle();
        assert_eq!(counted.take(), None);
    }
}
