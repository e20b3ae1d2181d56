//! The store: what was planned, what is done, what is owed to people. It alone decides what is done.
//!
//! [`Store`] is the sum of small traits, one for each concern, so that a suite can name the promise it checks. Every
//! method is atomic. A store's own clock decides about leases, claims, retention and budgets. Whether a notice is too
//! late is asked of the caller's clock, because a simulated market has a time of its own.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use jiff::civil::Date;

use super::gateway_rows::GatewayRows;
use crate::domain::trade::Exit;
use crate::domain::{
    BarSeries, Instrument, KeptBars, Mark, Notice, ScanId, SessionSummary, Ticker, TradeId, TradeRecord, TradeState,
    Vendor, WorkerReport,
};

pub use super::scans::{
    Attempt, Begun, Commit, CommitAnswer, Holder, Lease, LeaseAnswer, LeaseView, OpenedScan, PortfolioDecision,
    ScanStamp, ScanSummary, Scans,
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
