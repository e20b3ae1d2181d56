//! Every outside thing, as a small object-safe trait. Engines and vendors implement them elsewhere; each has one
//! conformance suite that every implementation passes.

pub mod clock;
pub mod endpoints;
pub mod gateway_rows;
pub mod market_data;
pub mod notifier;
pub mod queue;
pub mod scans;
pub mod store;

pub use clock::{Clock, ManualClock, SystemClock};
pub use endpoints::{Endpoints, MemoryEndpoints};
pub use gateway_rows::{GatewayRow, GatewayRows, StoredEndpoints, endpoints_row};
pub use market_data::{
    ChainRequest, FetchError, FetchFailure, GatewayPass, MarketData, RequestTally, Trust, UniverseAnswer,
};
pub use notifier::{Delivered, Notifier, NotifyError};
pub use queue::{Delivery, Published, QueueError, TaskQueue};
pub use scans::{
    Attempt, Begun, Commit, CommitAnswer, Holder, Lease, LeaseAnswer, LeaseView, OpenedScan, PortfolioDecision,
    ScanStamp, ScanSummary, Scans,
};
pub use store::{
    BarCache, BudgetAnswer, BudgetStand, Budgets, ClaimedNotice, Explanations, NoticeClaim, Outbox, Roster, SeenWorker,
    Store, StoreError, Summaries, TradeFilter, Trades,
};
