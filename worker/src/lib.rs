//! The worker: takes tasks from the queue, one a slot, and turns each into one commit.
//!
//! Begin with [`scan_ticker`], the story of the program in one function. Around it, from the inside out: [`past`] (what
//! earlier deliveries came to), `protocol` (what one delivery goes through), `scanner` (one slot), `puller` (as many
//! tasks as there are free slots), `heartbeat` (who still answers), `supervisor` (restarts, draining).
//!
//! Promises: a delivery that is not acknowledged is handed back; a ticker is committed by one worker only, because the
//! store says so; a panic or a hung vendor costs one attempt of one ticker; a store that cannot be used is the worker's
//! end and no ticker's failure. Refuses: to hold a task it has no slot for, and to know anything about a scan that its
//! manifest does not say.
//!
//! ```text
//! Supervisor ─ Puller ──1 delivery──▶ Scanner × slots ──1 task──▶ protocol ─▶ scan_ticker
//!            │    ▲ pull: ≤ free slots, waits ≤ 0.5 s   │ timeout: the manifest's (120 s)
//!            └ Heartbeat ──beat every 10 s──────────────┘ 3 unanswered beats: killed and replaced
//! ```

pub mod explanation;
pub mod past;
pub mod scan_ticker;

mod back_off;
mod heartbeat;
mod in_time;
mod prepared;
mod protocol;
mod puller;
mod scanner;
mod supervisor;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use fleet_core::domain::{Manifest, ScanId, Ticker};
use fleet_core::seams::{Clock, MarketData, Store, TaskQueue};
use ractor::ActorRef;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use crate::prepared::PreparedScans;
use crate::supervisor::SupervisorMessage;

/// Everything outside a worker.
#[derive(Clone)]
pub struct WorkerParts {
    /// Where tasks come from.
    pub queue: Arc<dyn TaskQueue>,
    /// Where answers go.
    pub store: Arc<dyn Store>,
    /// Who reaches the vendors a manifest names.
    pub markets: Arc<dyn MarketFactory>,
    /// Wall-clock time.
    pub clock: Arc<dyn Clock>,
}

/// Builds the way to the vendors that a manifest describes. Called once a scan and worker.
pub trait MarketFactory: Send + Sync {
    /// The market data of a manifest's vendor plan; a sentence for a person when that cannot be built here.
    fn market_for(&self, manifest: &Manifest) -> Result<Arc<dyn MarketData>, String>;
}

/// What a worker is told beside its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerOptions {
    /// Stored with each outcome, e.g. `host:pid`.
    pub name: String,
    /// Deliveries worked on at once; at least 1.
    pub slots: usize,
}

/// Why a worker did not start.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// There would be nobody to work.
    #[error("a worker needs at least one slot")]
    NoSlots,
    /// The runtime refused an actor.
    #[error("the worker's {what} did not start: {why}")]
    Spawn {
        /// Which actor.
        what: &'static str,
        /// The runtime's words.
        why: String,
    },
}

/// One ticker accounted for by this worker; sent after the store said `Committed`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accounted {
    /// Of which scan.
    pub scan: ScanId,
    /// Which ticker.
    pub ticker: Ticker,
    /// Whether there is no answer (failed or poison).
    pub failed: bool,
    /// Candidates of its finding, controls left out.
    pub candidates: u32,
}

/// A worker at work. Dropping it leaves it running; [`RunningWorker::drain`] or [`RunningWorker::stop`] end it.
pub struct RunningWorker {
    supervisor: ActorRef<SupervisorMessage>,
    ended: JoinHandle<()>,
    gave_up: watch::Receiver<Option<String>>,
}

/// What every actor of one worker shares.
pub(crate) struct WorkerContext {
    pub(crate) parts: WorkerParts,
    pub(crate) name: String,
    pub(crate) scans: PreparedScans,
    pub(crate) accounted: Option<mpsc::UnboundedSender<Accounted>>,
    /// Why this worker is of no more use, once it knows.
    pub(crate) gave_up: watch::Sender<Option<String>>,
}

impl WorkerContext {
    /// Nothing this worker could do would help; the first reason stays.
    pub(crate) fn give_up(&self, why: &str) {
        self.gave_up.send_if_modified(|reason| {
            let first = reason.is_none();
            if first {
                tracing::error!(why, "worker gives up");
                *reason = Some(why.to_owned());
            }
            first
        });
    }

    pub(crate) fn has_given_up(&self) -> bool {
        self.gave_up.borrow().is_some()
    }
}

/// What a worker may need beyond a drain's own limit: an actor that stops makes at most two calls to the queue, each
/// of at most 2 s.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// Starts a worker. It pulls at once, and idles for as long as the queue is empty.
pub async fn start(parts: WorkerParts, options: WorkerOptions) -> Result<RunningWorker, WorkerError> {
    start_inner(parts, options, None).await
}

/// As [`start`], and says of each ticker when it is accounted for. (The channel holds at most one message a ticker.)
pub async fn start_watched(
    parts: WorkerParts,
    options: WorkerOptions,
    accounted: mpsc::UnboundedSender<Accounted>,
) -> Result<RunningWorker, WorkerError> {
    start_inner(parts, options, Some(accounted)).await
}

async fn start_inner(
    parts: WorkerParts,
    options: WorkerOptions,
    accounted: Option<mpsc::UnboundedSender<Accounted>>,
) -> Result<RunningWorker, WorkerError> {
    if options.slots == 0 {
        return Err(WorkerError::NoSlots);
    }
    let (gave_up, reason) = watch::channel(None);
    let context =
        Arc::new(WorkerContext { parts, name: options.name, scans: PreparedScans::default(), accounted, gave_up });
    let (supervisor, ended) = supervisor::spawn(context, options.slots).await?;
    Ok(RunningWorker { supervisor, ended, gave_up: reason })
}

impl RunningWorker {
    /// Stops taking tasks, finishes what is held, and hands back at once what is not finished `within`. Returns when
    /// nothing is held any more, at most about 10 s later than that.
    pub async fn drain(self, within: Duration) {
        let (drained, done) = oneshot::channel();
        if self.supervisor.cast(SupervisorMessage::Drain { within, drained }).is_ok() {
            // An error means the supervisor ended by itself, which is what is waited for.
            let _ = tokio::time::timeout(within + STOP_TIMEOUT, done).await;
        }
        self.end().await;
    }

    /// Ends now: everything held is handed back.
    pub async fn stop(self) {
        self.drain(Duration::ZERO).await;
    }

    /// Why this worker gave up, if it did: its parts failed more often than the restart budget allows, or its store
    /// cannot be used (full, damaged, not ours) and says so. From then on it hands back every task unopened.
    #[must_use]
    pub fn gave_up(&self) -> Option<String> {
        self.gave_up.borrow().clone()
    }

    async fn end(self) {
        self.supervisor.stop(None);
        if tokio::time::timeout(STOP_TIMEOUT, self.ended).await.is_err() {
            tracing::warn!(limit_secs = STOP_TIMEOUT.as_secs(), "worker did not stop in time");
            self.supervisor.kill();
        }
    }
}
