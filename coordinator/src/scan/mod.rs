//! One scan, from the universe to the last notice.
//!
//! Reading order: [`plan`] (what will be scanned, and what it costs) → [`state`] (which step follows which, pure) →
//! [`watch`] (what is made of a fleet, pure) → `launch` (one launch: lease, then actor and end) → `run` (the actor that carries
//! the steps out) → `steps` (the steps themselves; [`outcomes`] by pages) → [`caps`] (which candidates become trades) →
//! `outbox` (the notices). Beside it: [`closing`] (what earlier launches left unfinished).
//!
//! Promises: every step is durable in the store before the next begins, and can be begun again from any crash; a ticker
//! is counted once, because completion is the store's set difference; a launch that lost its lease writes nothing more.
//! Refuses: to run a scan somebody else runs, a slot whose configuration changed, and an empty universe.

pub mod caps;
pub mod closing;
pub mod outcomes;
pub mod plan;
pub mod state;
pub mod watch;

mod launch;
mod outbox;
mod patience;
mod run;
mod steps;

#[cfg(test)]
mod run_tests;
#[cfg(test)]
mod state_tests;
#[cfg(test)]
mod test_world;

use std::sync::Arc;
use std::time::Duration;

use fleet_core::domain::{Manifest, RequestCounts, ScanId, ScanState, Ticker};
use fleet_core::seams::{Clock, FetchError, Holder, Notifier, QueueError, Store, StoreError, TaskQueue};
use fleet_worker::{MarketFactory, WorkerError, WorkerOptions};

pub use launch::{HeldScan, Opening, go_on, open};
pub use patience::Patience;

/// Where the tickers come from. Underlyings with a live trade are always added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UniverseSource {
    /// As a person listed them.
    Tickers(Vec<Ticker>),
    /// All pages of a screener.
    Screener {
        /// The filter as the screener spells it (`v=111&f=…`).
        filter: String,
    },
}

/// Limits of the portfolio; controls stand outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortfolioCaps {
    /// Live trades (pending or open) on one underlying.
    pub open_per_underlying: u32,
    /// New trades in one exchange session.
    pub new_per_day: u32,
}

impl Default for PortfolioCaps {
    fn default() -> Self {
        Self { open_per_underlying: 3, new_per_day: 10 }
    }
}

/// What is to be scanned, and how.
#[derive(Debug, Clone)]
pub struct ScanRequest {
    /// Its id.
    pub scan: ScanId,
    /// Hash of all configuration that changes the answer.
    pub config_hash: String,
    /// Where the tickers come from.
    pub universe: UniverseSource,
    /// The manifest, without tickers and with a provisional deadline.
    pub template: Manifest,
    /// How long the scan may take; `None`: max(10 min, 2 × planned time).
    pub deadline: Option<Duration>,
    /// Limits of the portfolio.
    pub caps: PortfolioCaps,
    /// Who runs it.
    pub holder: Holder,
    /// The worker of this process; `None`: workers of a fleet do the work.
    pub worker: Option<WorkerOptions>,
}

/// Everything outside a scan.
#[derive(Clone)]
pub struct ScanParts {
    /// The task queue.
    pub queue: Arc<dyn TaskQueue>,
    /// The store.
    pub store: Arc<dyn Store>,
    /// Who reaches the vendors a manifest names.
    pub markets: Arc<dyn MarketFactory>,
    /// Where notices go.
    pub notifier: Arc<dyn Notifier>,
    /// Wall-clock time.
    pub clock: Arc<dyn Clock>,
    /// How long a store or a queue that is away is waited for.
    pub patience: Patience,
}

/// What the tickers accounted for came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FoundSoFar {
    /// Tickers without an answer.
    pub failed: u32,
    /// Candidates, controls left out, before the caps.
    pub candidates: u32,
}

/// What a person watching is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// Somebody else holds the lease; it is waited for, at most so long.
    WaitingForLease {
        /// Who holds it.
        holder: Holder,
        /// At most.
        at_most: Duration,
    },
    /// The scan is in this state now.
    State(ScanState),
    /// The screener was read.
    Universe {
        /// Pages.
        pages: u32,
        /// Rows by the screener's own count.
        total: u32,
        /// Codes that are no tickers we can scan, as written.
        left_out: Vec<String>,
    },
    /// Requests the coordinator itself made (the universe); those of tickers are in their outcomes.
    Requests(RequestCounts),
    /// The manifest is frozen.
    Planned {
        /// Tickers in it.
        tickers: u32,
    },
    /// Tickers were accounted for.
    Accounted {
        /// How many.
        done: u32,
        /// Of so many.
        of: u32,
        /// What they came to; `None`: a fleet's workers know, not this process.
        found: Option<FoundSoFar>,
    },
    /// The lease was taken or renewed.
    LeaseHeld,
    /// So many tasks were put into the queue.
    Published {
        /// Those that were there already left out.
        tasks: u32,
    },
    /// What a look at the fleet found.
    Fleet {
        /// Workers that are there.
        workers: u32,
        /// Tasks in the queue; `None`: it did not answer.
        backlog: Option<u64>,
    },
    /// No worker has checked in for so long.
    NoWorker {
        /// How long.
        since: Duration,
    },
    /// The deadline came first for these.
    SealedAtDeadline {
        /// Tickers without an outcome.
        tickers: Vec<Ticker>,
    },
    /// The caps were applied.
    Settled {
        /// New trades for which there is no room.
        capped: u32,
        /// New trades people are told of.
        notices: u32,
    },
    /// The outbox was drained.
    Notices {
        /// Sent in this run.
        sent: u32,
        /// Not sent; they stay in the outbox for the next scan.
        left: u32,
    },
}

/// How a scan ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScanEnd {
    /// It is done.
    Finished(ScanId),
    /// It was done before.
    AlreadyFinished(ScanId),
    /// It was interrupted and can be resumed.
    Interrupted(ScanId),
}

/// Why a scan stopped short. It can be resumed unless the variant says otherwise.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// Another run coordinates this scan.
    #[error("{} is running this scan; its lease ends in {} s unless renewed", .holder.0, .expires_in.as_secs())]
    Held {
        /// Who.
        holder: Holder,
        /// When its lease ends.
        expires_in: Duration,
    },
    /// The slot was begun with another configuration. It cannot be resumed with this one.
    #[error("{scan} was begun with another configuration (hash {stored}; this one has {ours})")]
    ConfigDiffers {
        /// Which scan.
        scan: ScanId,
        /// The stored hash.
        stored: String,
        /// The hash of this launch.
        ours: String,
    },
    /// The screener gave no universe.
    #[error("the universe could not be read")]
    Universe(#[source] FetchError),
    /// The screener took too long.
    #[error("the universe could not be read within {} s", .0.as_secs())]
    UniverseTimeout(Duration),
    /// Nothing to scan.
    #[error("there is nothing to scan: the universe is empty and no trade is live")]
    EmptyUniverse,
    /// The way to the vendors could not be built.
    #[error("the vendors cannot be set up: {0}")]
    Market(String),
    /// The store did not do its part.
    #[error("the scan's store failed")]
    Store(#[from] StoreError),
    /// The queue did not do its part.
    #[error("the scan's queue failed")]
    Queue(#[from] QueueError),
    /// The worker did not start.
    #[error("the scan's worker failed")]
    Worker(#[from] WorkerError),
    /// The worker gave up.
    #[error("the scan's worker gave up: {0}")]
    WorkerGaveUp(String),
    /// The portfolio step could not be computed, or another step broke. A bug.
    #[error("the scan broke off while {step}: {why}")]
    Broken {
        /// Which step.
        step: &'static str,
        /// What was said.
        why: String,
    },
}
