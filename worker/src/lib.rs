//! The worker: takes tasks from the queue, one a slot, and turns each into one commit.
//!
//! Begin with [`scan_ticker`], the story of the program in one function. Around it, from the inside out: [`past`] (what
//! earlier deliveries came to), `protocol` (what one delivery goes through), `scanner` (one slot; `slot_plan` decides),
//! `puller` (as many tasks as there are free slots; `pull_plan` decides), `heartbeat` (who still answers), `supervisor` (restarts, draining), `reporter` (who is
//! there). [`markets`] is the way to the vendors; [`program`] makes a process of it all, `optionfleet-worker`.
//!
//! Promises: a delivery that is not acknowledged is handed back; a ticker is committed by one worker only, because the
//! store says so; a panic or a hung vendor costs one attempt of one ticker, a worker that leaves costs none; a store that
//! cannot be used is the worker's end and no ticker's failure. Refuses: to hold a task it has no slot for, and to know anything about a scan that its
//! manifest does not say.
//!
//! ```text
//! Supervisor ─ Puller ──1 delivery──▶ Scanner × slots ──1 task──▶ protocol ─▶ scan_ticker
//!            │    ▲ pull: ≤ free slots, waits ≤ 0.5 s   │ timeout: the manifest's (120 s)
//!            ├ Heartbeat ──beat every 10 s──────────────┘ 3 unanswered beats: killed and replaced
//!            └ Reporter ──every 5 s, each call ≤ 3 s──▶ store, queue
//! ```

// A closed stderr ends nothing: `fleet_telemetry::say!`.
#![cfg_attr(not(test), deny(clippy::print_stderr))]

pub mod explanation;
pub mod markets;
pub mod past;
pub mod program;
pub mod scan_ticker;
pub mod unvouched;

mod activity;
mod back_off;
mod bar_range;
mod handover;
mod heartbeat;
mod in_time;
mod prepared;
mod protocol;
mod pull_plan;
mod puller;
mod reporter;
mod ruling;
mod scanner;
mod session_bars;
mod slot_plan;
mod supervisor;
mod trouble;
mod wide_event;

#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use fleet_core::domain::{Manifest, ScanId, Ticker, WorkerReport};
use fleet_core::seams::{Clock, MarketData, Store, TaskQueue};
use fleet_telemetry::metrics::Part;
use fleet_telemetry::{Health, WorkerMetrics};
use jiff::Timestamp;
use ractor::ActorRef;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use crate::activity::Activity;
use crate::prepared::PreparedScans;
use crate::reporter::{Phase, Reporter};
use crate::supervisor::SupervisorMessage;
use crate::trouble::{Failed, Trouble};

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

/// Where a worker writes down how it fares, for whoever watches its process. Clones share everything.
#[derive(Debug, Clone, Default)]
pub struct Instruments {
    /// Ready while its store and its queue answered within the last 15 s, unless it drains or has given up.
    pub health: Health,
    /// Its numbers.
    pub metrics: WorkerMetrics,
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
    reporter: Reporter,
    context: Arc<WorkerContext>,
}

/// A way to ask what a worker says of itself.
pub struct WorkerWatch {
    context: Arc<WorkerContext>,
    phase: watch::Receiver<Phase>,
}

impl WorkerWatch {
    /// What it says of itself now, or said last.
    #[must_use]
    pub fn report(&self) -> WorkerReport {
        self.context.report(*self.phase.borrow())
    }
}

/// What every actor of one worker shares.
pub(crate) struct WorkerContext {
    pub(crate) parts: WorkerParts,
    pub(crate) name: String,
    /// Names this process among all that ever had its name.
    pub(crate) process: String,
    pub(crate) slots: u32,
    pub(crate) started_at: Timestamp,
    pub(crate) scans: PreparedScans,
    pub(crate) accounted: Option<mpsc::UnboundedSender<Accounted>>,
    /// Why this worker is of no more use, once it knows.
    pub(crate) gave_up: watch::Sender<Option<String>>,
    pub(crate) instruments: Instruments,
    pub(crate) activity: Activity,
    /// Whether the store is away, over all slots.
    store_trouble: Mutex<Trouble>,
}

impl WorkerContext {
    /// Nothing this worker could do would help; the first reason stays.
    pub(crate) fn give_up(&self, why: &str) {
        self.gave_up.send_if_modified(|reason| {
            let first = reason.is_none();
            if first {
                tracing::error!(why, "worker gives up");
                self.instruments.health.die(format!("the worker gave up: {why}"));
                *reason = Some(why.to_owned());
            }
            first
        });
    }

    pub(crate) fn has_given_up(&self) -> bool {
        self.gave_up.borrow().is_some()
    }

    /// The store answered a delivery.
    pub(crate) fn store_answered(&self) {
        let away = self.store_trouble.lock().unwrap_or_else(PoisonError::into_inner).succeeded(Instant::now());
        if let Some(away) = away {
            tracing::info!(away_ms = away.as_millis() as u64, "the store answers again");
        }
    }

    /// The store failed a delivery; the slot rests for so long before it takes another, or tickers would go round and
    /// round as fast as they can.
    pub(crate) fn store_failed(&self, error: &dyn std::error::Error) -> Duration {
        self.instruments.metrics.failed(Part::Store);
        let failed = self.store_trouble.lock().unwrap_or_else(PoisonError::into_inner).failed(Instant::now());
        let Failed { rest, tell } = failed;
        if let Some(untold) = tell {
            tracing::warn!(error = chain_text(error), untold, "the store fails; tasks are handed back");
        }
        rest
    }

    pub(crate) fn report(&self, phase: Phase) -> WorkerReport {
        let (busy, committed) = self.activity.counts();
        WorkerReport {
            name: self.name.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            slots: self.slots,
            busy,
            committed,
            draining: phase != Phase::Working || self.has_given_up(),
            started_at: self.started_at,
        }
    }
}

/// An error with its causes, on one line.
pub(crate) fn chain_text(error: &dyn std::error::Error) -> String {
    // Bounded: a cycle of causes would be a defect of a dependency.
    let causes = std::iter::successors(Some(error), |error| error.source()).take(16);
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// What a worker may need beyond a drain's own limit: an actor that stops makes at most two calls to the queue, each
/// of at most 2 s.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// Starts a worker. It pulls at once, and idles for as long as the queue is empty.
pub async fn start(parts: WorkerParts, options: WorkerOptions) -> Result<RunningWorker, WorkerError> {
    start_inner(parts, options, Instruments::default(), None).await
}

/// As [`start`], and writes down how it fares.
pub async fn start_with(
    parts: WorkerParts,
    options: WorkerOptions,
    instruments: Instruments,
) -> Result<RunningWorker, WorkerError> {
    start_inner(parts, options, instruments, None).await
}

/// As [`start`], and says of each ticker when it is accounted for. (The channel holds at most one message a ticker.)
pub async fn start_watched(
    parts: WorkerParts,
    options: WorkerOptions,
    accounted: mpsc::UnboundedSender<Accounted>,
) -> Result<RunningWorker, WorkerError> {
    start_inner(parts, options, Instruments::default(), Some(accounted)).await
}

async fn start_inner(
    parts: WorkerParts,
    options: WorkerOptions,
    instruments: Instruments,
    accounted: Option<mpsc::UnboundedSender<Accounted>>,
) -> Result<RunningWorker, WorkerError> {
    if options.slots == 0 {
        return Err(WorkerError::NoSlots);
    }
    let slots = u32::try_from(options.slots).unwrap_or(u32::MAX);
    let (gave_up, reason) = watch::channel(None);
    let started_at = parts.clock.now();
    let context = Arc::new(WorkerContext {
        process: format!("{} {started_at}", options.name),
        name: options.name,
        slots,
        started_at,
        parts,
        scans: PreparedScans::default(),
        accounted,
        gave_up,
        activity: Activity::new(slots, instruments.metrics.clone()),
        instruments,
        store_trouble: Mutex::default(),
    });
    let (supervisor, ended) = supervisor::spawn(Arc::clone(&context), options.slots).await?;
    let reporter = Reporter::spawn(Arc::clone(&context));
    Ok(RunningWorker { supervisor, ended, gave_up: reason, reporter, context })
}

impl RunningWorker {
    /// Stops taking tasks, finishes what is held, and hands back at once what is not finished `within`. Returns when
    /// nothing is held any more and the store was told that this worker left, at most about 12 s later than that.
    pub async fn drain(self, within: Duration) {
        self.context.instruments.health.hold("draining", "no more tasks are taken");
        self.reporter.drain();
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

    /// Returns once this worker has given up, and why.
    pub async fn until_it_gives_up(&self) -> String {
        let mut gave_up = self.gave_up.clone();
        match gave_up.wait_for(Option::is_some).await {
            Ok(why) => why.clone().unwrap_or_default(),
            // We hold the context, and it the sender.
            Err(_) => std::future::pending().await,
        }
    }

    /// For how long it has held no delivery and received none; since its start, before the first.
    #[must_use]
    pub fn idle_for(&self) -> Duration {
        self.context.activity.idle_for()
    }

    /// Returns once it has been idle for so long.
    pub async fn idle_for_at_least(&self, limit: Duration) {
        // Looked at again when it could be at the earliest; at least every second, so that a suspended machine's clock
        // cannot keep it.
        while let Some(left) = limit.checked_sub(self.idle_for()).filter(|left| !left.is_zero()) {
            tokio::time::sleep(left.min(Duration::from_secs(1))).await;
        }
    }

    /// What it says of itself.
    #[must_use]
    pub fn report(&self) -> WorkerReport {
        self.watch().report()
    }

    /// A way to ask what it says of itself, also after its end.
    #[must_use]
    pub fn watch(&self) -> WorkerWatch {
        WorkerWatch { context: Arc::clone(&self.context), phase: self.reporter.phase() }
    }

    async fn end(self) {
        self.supervisor.stop(None);
        if tokio::time::timeout(STOP_TIMEOUT, self.ended).await.is_err() {
            tracing::warn!(limit_secs = STOP_TIMEOUT.as_secs(), "worker did not stop in time");
            self.supervisor.kill();
        }
        self.reporter.leave().await;
    }
}
