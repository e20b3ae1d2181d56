//! The reporter: says every 5 s that this worker is there, and looks whether queue and store answer.
//!
//! A task of its own, no actor: it owns nothing that could be lost and nobody waits for it but the worker's end.
//! Limits: a call 3 s, the last words 2 s. How it fails: an engine that is away costs a line in the debug log and, after
//! 15 s, the worker's readiness; never a ticker.

use std::sync::Arc;
use std::time::Duration;

use fleet_core::domain::WorkerReport;
use fleet_core::seams::{QueueError, StoreError};
use fleet_telemetry::metrics::Part;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::WorkerContext;

/// How often it says so.
const EVERY: Duration = Duration::from_secs(5);
/// For how long others believe it, and for how long an engine that answered counts as there: two reports may get lost.
pub(crate) const LASTS: Duration = Duration::from_secs(15);
/// A server answers in milliseconds; a file may be locked for a moment.
const CALL_LIMIT: Duration = Duration::from_secs(3);
/// Leaving must not wait for an engine that is away: it forgets us by itself.
const LEAVE_LIMIT: Duration = Duration::from_secs(2);

/// What is expected to answer, as readiness names it.
pub(crate) const STORE: &str = "store";
pub(crate) const QUEUE: &str = "queue";

/// How far a worker's life has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It takes tasks.
    Working,
    /// It takes no more.
    Draining,
    /// It holds nothing any more and says goodbye.
    Leaving,
}

pub(crate) struct Reporter {
    phase: watch::Sender<Phase>,
    task: JoinHandle<()>,
}

impl Reporter {
    pub(crate) fn spawn(context: Arc<WorkerContext>) -> Self {
        context.instruments.health.expect(STORE, LASTS);
        context.instruments.health.expect(QUEUE, LASTS);
        let (phase, _) = watch::channel(Phase::Working);
        // With a sender of its own the task outlives a handle that is dropped, as the worker does.
        let task = tokio::spawn(run(context, phase.clone()));
        Self { phase, task }
    }

    /// Tells at once that no more tasks are taken.
    pub(crate) fn drain(&self) {
        self.phase.send_if_modified(|phase| {
            let first = *phase == Phase::Working;
            if first {
                *phase = Phase::Draining;
            }
            first
        });
    }

    pub(crate) fn phase(&self) -> watch::Receiver<Phase> {
        self.phase.subscribe()
    }

    /// Says goodbye, within 2 s.
    pub(crate) async fn leave(self) {
        self.phase.send_replace(Phase::Leaving);
        // It ends by itself: its only wait from here on has a limit.
        let _ = self.task.await;
    }
}

async fn run(context: Arc<WorkerContext>, sender: watch::Sender<Phase>) {
    let mut phase = sender.subscribe();
    loop {
        let now = *phase.borrow_and_update();
        if now == Phase::Leaving {
            return leave(&context).await;
        }
        let report = context.report(now);
        // A change of phase interrupts both the calls and the rest. (It cannot fail: we hold a sender.)
        tokio::select! {
            _ = phase.changed() => {}
            () = async {
                tokio::join!(check_in(&context, &report), ping(&context));
                tokio::time::sleep(EVERY).await;
            } => {}
        }
    }
}

async fn check_in(context: &WorkerContext, report: &WorkerReport) {
    let call = context.parts.store.check_in(report, LASTS);
    let answer = tokio::time::timeout(CALL_LIMIT, call)
        .await
        .unwrap_or_else(|_| Err(StoreError::Unavailable(format!("no answer within {} s", CALL_LIMIT.as_secs()))));
    heard(context, Part::Store, answer.map_err(|error| error.to_string()));
}

async fn ping(context: &WorkerContext) {
    let answer = tokio::time::timeout(CALL_LIMIT, context.parts.queue.ping())
        .await
        .unwrap_or_else(|_| Err(QueueError::Unavailable(format!("no answer within {} s", CALL_LIMIT.as_secs()))));
    heard(context, Part::Queue, answer.map_err(|error| error.to_string()));
}

fn heard(context: &WorkerContext, part: Part, answer: Result<(), String>) {
    let what = match part {
        Part::Store => STORE,
        Part::Queue => QUEUE,
    };
    match answer {
        Ok(()) => context.instruments.health.succeeded(what),
        Err(error) => {
            tracing::debug!(what, error, "not there for a report");
            context.instruments.metrics.failed(part);
            context.instruments.health.failed(what, error);
        }
    }
}

async fn leave(context: &WorkerContext) {
    let call = context.parts.store.check_out(&context.name);
    match tokio::time::timeout(LEAVE_LIMIT, call).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "left without a word; the store forgets us by itself"),
        Err(_) => tracing::debug!("left without a word; the store forgets us by itself"),
    }
}
