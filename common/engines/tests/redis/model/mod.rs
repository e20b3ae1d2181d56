//! A store as plain as can be: maps in memory behind one lock. It is what the seam means, written down a second time
//! without a database, so that histories of calls can be played on it and on an engine side by side.
//!
//! It promises what every store promises but that anything survives it. It looks through everything for every call.

mod commit;
mod people;
mod scans;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fleet_core::domain::*;
use fleet_core::seams::*;
use fleet_engines::budget::BudgetState;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

/// The store. Clones share everything.
#[derive(Clone)]
pub struct ModelStore {
    state: Arc<Mutex<State>>,
    clock: Arc<ManualClock>,
}

#[derive(Default)]
struct State {
    scans: BTreeMap<ScanId, Scan>,
    scans_ever: u64,
    trades: BTreeMap<TradeId, (TradeRecord, Vec<Mark>)>,
    settlements: u64,
    /// Oldest first.
    outbox: Vec<Owed>,
    budgets: BTreeMap<Vendor, BudgetState>,
    bars: BTreeMap<(Date, Instrument), KeptBars>,
    /// With the scan's place in the order of creation.
    explanations: BTreeMap<Ticker, (u64, ScanId, Vec<u8>)>,
    summaries: BTreeMap<Ticker, BTreeMap<Date, SessionSummary>>,
    workers: BTreeMap<String, Present>,
    gateways: BTreeMap<String, Vec<u8>>,
}

struct Scan {
    seq: u64,
    config_hash: String,
    state: ScanState,
    created_at: Timestamp,
    epoch: u64,
    /// Who and until when.
    held: Option<(Holder, Timestamp)>,
    manifest: Option<Manifest>,
    attempts: BTreeMap<Ticker, u32>,
    outcomes: BTreeMap<Ticker, StoredOutcome>,
    requests: RequestCounts,
}

impl Scan {
    fn stamp(&self) -> ScanStamp {
        ScanStamp(format!("{} {}", self.seq, self.created_at))
    }
}

struct Owed {
    scan: ScanId,
    notice: Notice,
    sent: bool,
    /// Who and until when; stays when its time is over.
    claim: Option<(Holder, Timestamp)>,
    expires: Option<Timestamp>,
}

struct Present {
    report: WorkerReport,
    seen: Timestamp,
    until: Timestamp,
}

type Stored<T> = Result<T, StoreError>;

impl ModelStore {
    pub fn new(clock: Arc<ManualClock>) -> Self {
        Self { state: Arc::default(), clock }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn after(&self, span: Duration) -> Timestamp {
        self.now() + SignedDuration::try_from(span).expect("a span of a test")
    }
}

/// How long until then; nothing if that is over.
fn until(at: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(at.duration_since(now)).unwrap_or_default()
}

fn not_found<T>(what: String) -> Stored<T> {
    Err(StoreError::NotFound(what))
}

fn conflict<T>(what: &str) -> Stored<T> {
    Err(StoreError::Conflict(what.to_owned()))
}
