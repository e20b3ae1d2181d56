//! What the store keeps of scans: manifest, lease, attempts, outcomes, and what a commit and a settlement carry.

use std::ops::Range;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::store::StoreError;
use crate::domain::{
    Manifest, Mark, Notice, Outcome, RequestCounts, ScanId, ScanState, SessionSummary, StoredOutcome, Ticker, TradeId,
    TradeRecord, TradeTransition,
};

/// Who holds a lease: a name for people, e.g. `host:pid`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Holder(pub String);

/// A right to coordinate one scan. Every write of a coordinator carries it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Which scan.
    pub scan: ScanId,
    /// Fencing epoch: grows by one whenever the lease changes hands.
    pub epoch: u64,
    /// Who.
    pub holder: Holder,
}

/// Answer to asking for a lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeaseAnswer {
    /// It is yours.
    Taken(Lease),
    /// Somebody has it.
    Held {
        /// Who.
        holder: Holder,
        /// It ends then, unless renewed.
        expires_in: Duration,
    },
}

/// Answer to opening a scan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OpenedScan {
    /// It did not exist; it is in INIT now.
    Created,
    /// It exists with the same configuration.
    Existing(ScanState),
    /// It exists with another configuration.
    ConfigDiffers {
        /// The stored hash.
        stored: String,
    },
}

/// Tells a scan from one of the same id that was made anew, because its store was emptied or it was pruned meanwhile.
/// Nothing else is to be read from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanStamp(pub String);

/// Answer to counting a delivery attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// Go ahead: this is attempt number n, from 1.
    Run(u32),
    /// The ticker has an outcome.
    Done,
    /// The scan is sealed.
    Sealed,
    /// The store knows no such scan, or the ticker is not in its manifest.
    Unknown,
    /// The scan was made anew since its stamp was read: its manifest is another one.
    MadeAnew,
}

/// Answer to beginning a delivery.
#[derive(Debug)]
pub struct Begun {
    /// Whether it is to be worked on.
    pub attempt: Attempt,
    /// Live trades on the ticker, controls too, newest signal first; none unless the answer is [`Attempt::Run`]. What
    /// cannot be read keeps no attempt from being counted, or its ticker would be delivered for ever.
    pub live: Result<Vec<TradeRecord>, StoreError>,
}

/// Everything one ticker adds, written in one atomic step.
#[derive(Debug, Clone, PartialEq)]
pub struct Commit {
    /// Which scan.
    pub scan: ScanId,
    /// Which making of the scan: as it was before the manifest was read that all of this was computed under. `None`:
    /// whichever there is.
    pub stamp: Option<ScanStamp>,
    /// Which ticker.
    pub ticker: Ticker,
    /// How it is accounted for.
    pub outcome: Outcome,
    /// Name of the worker.
    pub worker: String,
    /// The attempt that succeeded.
    pub attempt: u32,
    /// New trades. Whatever their state says, they are stored as `proposed` until the scan is settled. One that is
    /// proposed already becomes this scan's (the scan that proposed it has not been settled); one that is more than
    /// proposed, or whose strategy and contract have a live trade, is left as it is.
    pub trades: Vec<TradeRecord>,
    /// Changes of live trades; each applies only from its own starting state. Its notice enters the outbox with it.
    pub transitions: Vec<TradeTransition>,
    /// Marks of live trades.
    pub marks: Vec<(TradeId, Mark)>,
    /// Compressed explanations of every contract. The store keeps the newest scan's for each ticker.
    pub explanations: Vec<u8>,
    /// What the underlying's chain came to, for its history. It replaces one of its session that is of the same instant or
    /// an earlier one (compared to the microsecond). `None`: the chain came to nothing, and what is kept stays.
    pub summary: Option<SessionSummary>,
}

/// Answer to a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommitAnswer {
    /// Written.
    Committed,
    /// The ticker had an outcome; nothing was written.
    Duplicate,
    /// The scan was sealed; nothing was written.
    Late,
    /// The scan was made anew since: what was computed was computed under another manifest. Nothing was written.
    MadeAnew,
}

/// What the coordinator decides about a sealed scan's proposed trades. One that is in neither list is withdrawn.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PortfolioDecision {
    /// The portfolio it was decided on: [`super::Trades::portfolio_version`], read before the trades were.
    pub basis: u64,
    /// They become pending, controls too.
    pub taken: Vec<TradeId>,
    /// They become capped: the caps leave no room.
    pub capped: Vec<TradeId>,
    /// BUY notices of trades that are taken. They are dropped unless sent by [`EntryPlan::tell_until`].
    ///
    /// [`EntryPlan::tell_until`]: crate::domain::EntryPlan::tell_until
    pub notices: Vec<Notice>,
}

/// A scan in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScanSummary {
    /// Its id.
    pub scan: ScanId,
    /// Where it stands.
    pub state: ScanState,
    /// When it was created (store's clock).
    pub created_at: Timestamp,
    /// Tickers in the manifest; 0 until it is frozen.
    pub tickers: u32,
    /// Tickers accounted for.
    pub outcomes: u32,
}

/// Who coordinates a scan, for people who ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseView {
    /// Its epoch: how often the scan was launched or taken over.
    pub epoch: u64,
    /// Who holds it and for how long unless renewed; `None`: nobody does.
    pub held: Option<(Holder, Duration)>,
}

/// Scans: manifest, lease, attempts, outcomes.
#[async_trait]
pub trait Scans: Send + Sync {
    /// Creates a scan in INIT, or says what is there.
    async fn open_scan(&self, scan: &ScanId, config_hash: &str) -> Result<OpenedScan, StoreError>;

    /// Takes a scan's lease if nobody holds it (or its time is over); the epoch grows by one.
    async fn take_lease(&self, scan: &ScanId, holder: &Holder, ttl: Duration) -> Result<LeaseAnswer, StoreError>;

    /// Extends a lease; `Fenced` if it is no longer the caller's.
    async fn renew_lease(&self, lease: &Lease, ttl: Duration) -> Result<(), StoreError>;

    /// Gives a lease back; a stale one is no error.
    async fn release_lease(&self, lease: &Lease) -> Result<(), StoreError>;

    /// Who holds a scan's lease; `None`: there is no such scan.
    async fn lease(&self, scan: &ScanId) -> Result<Option<LeaseView>, StoreError>;

    /// Freezes the manifest and moves INIT → PUBLISHING. A manifest that is frozen already stays; the frozen one is
    /// returned.
    async fn freeze_manifest(&self, lease: &Lease, manifest: &Manifest) -> Result<Manifest, StoreError>;

    /// The frozen manifest.
    async fn manifest(&self, scan: &ScanId) -> Result<Option<Manifest>, StoreError>;

    /// Which making of a scan it is; `None`: there is no such scan. Asked before the manifest, it is never of a later scan
    /// than the manifest is.
    async fn scan_stamp(&self, scan: &ScanId) -> Result<Option<ScanStamp>, StoreError>;

    /// Moves a scan forward. Moving to the present state, or back, changes nothing.
    async fn advance(&self, lease: &Lease, to: ScanState) -> Result<(), StoreError>;

    /// Where a scan stands.
    async fn scan_state(&self, scan: &ScanId) -> Result<Option<ScanState>, StoreError>;

    /// What a delivery begins with, in one question: counts it, unless the task needs no doing, and reads the live trades
    /// on its ticker. With a stamp, a scan that was made anew since is told apart and nothing is counted.
    async fn begin_attempt(
        &self,
        scan: &ScanId,
        stamp: Option<&ScanStamp>,
        ticker: &Ticker,
    ) -> Result<Begun, StoreError>;

    /// Deliveries counted so far, over all tickers of a scan; forgiven ones left out. Whoever waits for a scan sees by it
    /// whether anybody works.
    async fn attempts_counted(&self, scan: &ScanId) -> Result<u64, StoreError>;

    /// A counted delivery was given up unbroken, because its worker is leaving: it does not count. Nothing happens where
    /// none is counted, the ticker is accounted for, or the scan is not the one of the stamp.
    async fn forgive_attempt(
        &self,
        scan: &ScanId,
        stamp: Option<&ScanStamp>,
        ticker: &Ticker,
    ) -> Result<(), StoreError>;

    /// Writes one ticker's outcome and all that comes with it; the first writer wins.
    async fn commit(&self, commit: &Commit) -> Result<CommitAnswer, StoreError>;

    /// Tickers of the manifest without an outcome, in the manifest's order.
    async fn missing(&self, scan: &ScanId) -> Result<Vec<Ticker>, StoreError>;

    /// How many tickers of the manifest have no outcome.
    async fn missing_count(&self, scan: &ScanId) -> Result<u32, StoreError>;

    /// Outcomes of the tickers at these places of the manifest (from 0), in its order. Whoever wants all of a large scan
    /// reads a page at a time.
    async fn outcomes(&self, scan: &ScanId, places: Range<u32>) -> Result<Vec<StoredOutcome>, StoreError>;

    /// Seals a scan: missing tickers get the outcome `Sealed`, later commits are `Late`. Returns the tickers it
    /// sealed (now or before).
    async fn seal(&self, lease: &Lease) -> Result<Vec<Ticker>, StoreError>;

    /// Carries out the decision about a sealed scan's proposed trades, writes the notices of those it takes, and moves
    /// SEALED → ALERTING. Afterwards the scan proposes nothing. A proposal whose strategy and contract got a live trade
    /// meanwhile is withdrawn too. Doing it again changes nothing. `Conflict`, and nothing is written, when the portfolio
    /// is not the one it was decided on any more: decide again.
    async fn settle(&self, lease: &Lease, decision: &PortfolioDecision) -> Result<(), StoreError>;

    /// Adds to the requests that the coordinator itself made for a scan (the universe; those of tickers are in their
    /// outcomes).
    async fn note_requests(&self, lease: &Lease, requests: &RequestCounts) -> Result<(), StoreError>;

    /// The requests the coordinator itself made for a scan, over all its launches.
    async fn scan_requests(&self, scan: &ScanId) -> Result<RequestCounts, StoreError>;

    /// The newest scans first.
    async fn list_scans(&self, limit: u32) -> Result<Vec<ScanSummary>, StoreError>;

    /// All scans that have a manifest and are not done, oldest first.
    async fn unfinished_scans(&self) -> Result<Vec<ScanSummary>, StoreError>;

    /// Deletes scans created before an instant that are done, or were given up before they had a manifest, with their
    /// outcomes, explanations, proposed trades and sent notices; never a trade that is more than proposed, a notice
    /// that is still owed, or a scan that can be resumed or whose lease is held. The oldest first, at most so many; returns
    /// how many.
    async fn prune_scans(&self, before: Timestamp, at_most: u64) -> Result<u64, StoreError>;
}
