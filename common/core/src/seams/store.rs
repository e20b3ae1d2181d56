//! The store: what was planned, what is done, what is owed to people. It alone decides what is done.
//!
//! [`Store`] is the sum of small traits, one for each concern, so that a suite can name the promise it checks. Every
//! method is atomic. A store's own clock decides about leases, claims, retention and budgets. Whether a notice is too
//! late is asked of the caller's clock, because a simulated market has a time of its own.

use std::ops::Range;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::gateway_rows::GatewayRows;
use crate::domain::trade::Exit;
use crate::domain::{
    BarSeries, Instrument, KeptBars, Manifest, Mark, Notice, Outcome, RequestCounts, ScanId, ScanState, SessionSummary,
    StoredOutcome, Ticker, TradeId, TradeRecord, TradeState, TradeTransition, Vendor, WorkerReport,
};

/// Why the store did not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Not reachable, or busy for longer than its own wait. Trying again may help.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// The caller's lease was taken by somebody else; everything it still wants to write is refused.
    #[error("this run's lease on {scan} was taken over (epoch {held} is stale)")]
    Fenced {
        /// Of which scan.
        scan: ScanId,
        /// The stale epoch.
        held: u64,
    },
    /// No room.
    #[error("the disk is full: {0}")]
    Full(String),
    /// The file or server is not ours.
    #[error("{0} was not made by Optionfleet")]
    Foreign(String),
    /// Written by a newer version.
    #[error("{what} was written by a newer Optionfleet (schema {found}; this one knows {known})")]
    Newer {
        /// Which file or server.
        what: String,
        /// Its schema version.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// There is no such thing.
    #[error("there is no {0}")]
    NotFound(String),
    /// It is not in a state that allows this.
    #[error("{0}")]
    Conflict(String),
    /// It is larger than the store takes, and will be the next time too.
    #[error("{0}")]
    TooLarge(String),
    /// What is stored cannot be read.
    #[error("what is stored is damaged: {0}")]
    Damaged(String),
}

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
    /// The portfolio it was decided on: [`Trades::portfolio_version`], read before the trades were.
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

/// Which trades.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TradeFilter {
    /// Only this state; `None` is every state but `proposed`.
    pub state: Option<TradeState>,
    /// Only those this scan found.
    pub scan: Option<ScanId>,
    /// Only this underlying.
    pub underlying: Option<Ticker>,
    /// Only live ones (pending or open).
    pub live: bool,
    /// Only those signalled in this exchange session.
    pub entry_session: Option<Date>,
    /// Also controls.
    pub controls: bool,
    /// At most so many; 0 is no limit.
    pub limit: u32,
}

impl TradeFilter {
    /// Live trades on an underlying, controls too: what a scan of it begins with.
    #[must_use]
    pub fn live_on(underlying: &Ticker) -> Self {
        Self { underlying: Some(underlying.clone()), live: true, controls: true, ..Self::default() }
    }
}

/// Trades.
#[async_trait]
pub trait Trades: Send + Sync {
    /// Trades by filter, newest signal first, then by id.
    async fn trades(&self, filter: &TradeFilter) -> Result<Vec<TradeRecord>, StoreError>;

    /// One trade and its marks, oldest first.
    async fn trade(&self, id: &TradeId) -> Result<Option<(TradeRecord, Vec<Mark>)>, StoreError>;

    /// Grows whenever a scan is settled, which is when trades are taken: whoever decides about the portfolio sees by it
    /// whether somebody else decided meanwhile.
    async fn portfolio_version(&self) -> Result<u64, StoreError>;

    /// Underlyings with a live trade, in order.
    async fn live_underlyings(&self) -> Result<Vec<Ticker>, StoreError>;

    /// A person wants no more notices of a trade: they are dropped from now on.
    async fn ignore_trade(&self, id: &TradeId) -> Result<TradeRecord, StoreError>;

    /// A person closed an open trade. `Conflict` unless it is open.
    async fn close_trade(&self, id: &TradeId, exit: &Exit) -> Result<TradeRecord, StoreError>;
}

/// A notice taken out to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedNotice {
    /// Its de-duplication key.
    pub key: String,
    /// The message.
    pub notice: Notice,
}

/// What is claimed of the outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoticeClaim {
    /// At most so many notices.
    pub max: u32,
    /// The claim survives its claimer for so long; then they can be claimed again.
    pub lasts: Duration,
    /// The time in the claimer's market: a simulated market's clock, or the wall's. BUY notices that are too late by
    /// it are dropped.
    pub as_of: Timestamp,
}

/// Notices not yet sent. A notice is sent at least once: a sender that dies between sending and confirming leaves it
/// to the next one. Who must not repeat it (a paid service) tells by the notice's key.
#[async_trait]
pub trait Outbox: Send + Sync {
    /// Drops unclaimed BUY notices that are too late, then claims unsent, unclaimed notices, oldest first.
    async fn claim_notices(&self, holder: &Holder, claim: &NoticeClaim) -> Result<Vec<ClaimedNotice>, StoreError>;

    /// How many notices are not sent, claimed ones included.
    async fn unsent_notices(&self) -> Result<u32, StoreError>;

    /// A claimed notice was sent.
    async fn confirm_notice(&self, key: &str) -> Result<(), StoreError>;

    /// A claimed notice was certainly not sent; it can be claimed again. A claim that somebody else holds by now, and a
    /// notice that was sent, stay as they are.
    async fn release_notice(&self, holder: &Holder, key: &str) -> Result<(), StoreError>;

    /// Every notice, oldest first, with whether it was sent.
    async fn notices(&self) -> Result<Vec<(Notice, bool)>, StoreError>;
}

/// Answer to drawing from a budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BudgetAnswer {
    /// `permits` requests may leave: the first after `start_in`, each next one `spacing` later. All within about 1 s.
    Granted {
        /// How many.
        permits: u32,
        /// Wait before the first.
        start_in: Duration,
        /// Time between two.
        spacing: Duration,
    },
    /// The vendor told somebody to wait; ask again after that.
    Blocked {
        /// How long.
        retry_in: Duration,
    },
}

/// Where a budget stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BudgetStand {
    /// Whose.
    pub vendor: Vendor,
    /// The next permit may leave after this.
    pub next_in: Duration,
    /// The vendor said stop for so long yet; zero: it did not.
    pub blocked_for: Duration,
}

/// Request budgets over all processes.
#[async_trait]
pub trait Budgets: Send + Sync {
    /// Draws up to `want` permits at `per_sec` requests a second (GCRA without burst: in any 10 s window at most
    /// 10 × `per_sec` requests leave, over all callers). At most one second's worth, at least one permit.
    async fn draw(&self, vendor: Vendor, per_sec: f64, want: u32) -> Result<BudgetAnswer, StoreError>;

    /// Where every budget that was ever drawn from stands, by vendor.
    async fn budget_stands(&self) -> Result<Vec<BudgetStand>, StoreError>;

    /// A vendor said stop: nobody draws for so long. The longest one wins.
    async fn block(&self, vendor: Vendor, wait: Duration) -> Result<(), StoreError>;
}

/// Daily bars of a session and, so that only what is missing need be asked for, of the newest one before it.
#[async_trait]
pub trait BarCache: Send + Sync {
    /// Bars kept for this exchange session.
    async fn cached_bars(&self, instrument: &Instrument, session: Date) -> Result<Option<BarSeries>, StoreError>;

    /// The newest bars kept for an earlier session, and that session.
    async fn earlier_bars(
        &self,
        instrument: &Instrument,
        session: Date,
    ) -> Result<Option<(Date, KeptBars)>, StoreError>;

    /// Keeps bars for a session and forgets those of earlier ones of the same instrument. The first ones of a session
    /// also make the cache forget every other instrument's, but for those of the newest earlier session.
    async fn cache_bars(&self, session: Date, bars: &KeptBars) -> Result<(), StoreError>;
}

/// What the newest scan knows of each contract.
#[async_trait]
pub trait Explanations: Send + Sync {
    /// The newest committed blob of a ticker and the scan it is of.
    async fn explanation(&self, ticker: &Ticker) -> Result<Option<(ScanId, Vec<u8>)>, StoreError>;
}

/// What underlyings' chains came to, session by session: written by commits, and kept when scans are pruned.
#[async_trait]
pub trait Summaries: Send + Sync {
    /// The summaries of an underlying's newest sessions, at most so many, oldest first. There is at most one a session, and
    /// at most [`SUMMARIES_KEPT`] are kept; sessions without a scan have none.
    ///
    /// [`SUMMARIES_KEPT`]: crate::domain::SUMMARIES_KEPT
    async fn summaries(&self, underlying: &Ticker, newest: u32) -> Result<Vec<SessionSummary>, StoreError>;
}

/// A worker as others see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenWorker {
    /// What it said last.
    pub report: WorkerReport,
    /// How long ago (store's clock).
    pub seen_ago: Duration,
}

/// Which workers are there: for people who ask, never for a decision about a ticker.
#[async_trait]
pub trait Roster: Send + Sync {
    /// A worker says that it is there; it is forgotten unless it says so again within `lasts`.
    async fn check_in(&self, report: &WorkerReport, lasts: Duration) -> Result<(), StoreError>;

    /// It has left.
    async fn check_out(&self, name: &str) -> Result<(), StoreError>;

    /// Those that are there, by name.
    async fn workers(&self) -> Result<Vec<SeenWorker>, StoreError>;
}

/// A whole store.
pub trait Store:
    Scans + Trades + Outbox + Budgets + BarCache + Explanations + Summaries + Roster + GatewayRows
{
}

impl<T: Scans + Trades + Outbox + Budgets + BarCache + Explanations + Summaries + Roster + GatewayRows> Store for T {}
