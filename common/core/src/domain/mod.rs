//! The nouns of the project, one a file. Reading order: `ticker`, `occ`, `quote`, `chain`; `scan`, `manifest`, `task`;
//! `candidate`, `finding`, `outcome`; `trade`, `notice`.

pub mod bar;
pub mod calendar;
pub mod candidate;
pub mod chain;
pub mod contract;
pub mod contract_metrics;
pub mod delivery_limits;
pub mod entry_plan;
mod excerpt;
pub mod explanation;
pub mod facts;
pub mod finding;
pub mod funnel;
pub mod gateway;
pub mod manifest;
pub mod money;
pub mod notice;
pub mod occ;
pub mod outcome;
pub mod pricing_model;
mod provenance;
pub mod quote;
pub mod scan;
pub mod session_summary;
pub mod skip_reason;
pub mod task;
pub mod ticker;
pub mod trace_context;
pub mod trade;
pub mod underlying_metrics;
pub mod vendor;
pub mod vendor_plan;
pub mod worker_report;

pub use bar::{Bar, BarSeries, Instrument, KeptBars};
pub use candidate::{
    Candidate, Check, MissDistance, NamedOutput, NamedReading, NearMiss, Operator, Score, ScorePart, TradedSessions,
    Verdict,
};
pub use chain::{Chain, RefusedRow, RowRefusal, VendorSpot};
pub use contract::{ExerciseStyle, OptionKind, Settlement, Strike};
pub use contract_metrics::{
    BarMetrics, ContractGreeks, ContractMetrics, ExpectedProfit, Oscillators, PastProfit, Position, PositionMetrics,
    PremiumYield,
};
pub use delivery_limits::DeliveryLimits;
pub use entry_plan::{Advice, Cross, Direction, EntryPlan, ExitSignals};
pub use explanation::{ContractExplanation, RankScore, Ranked, Technicals};
pub use facts::{CashDividend, EarningsDate, ExpectedDividend, Holding, UnderlyingClass, UnderlyingFacts};
pub use finding::{Answer, Finding};
pub use funnel::Funnel;
pub use gateway::{CanaryPlan, GatewayEndpoint, GatewayKey, GatewayPlan, GatewayUse};
pub use manifest::Manifest;
pub use money::{BadPrice, Money, Price};
pub use notice::{Notice, NoticeKind};
pub use occ::{BadOccSymbol, OccSymbol, Root};
pub use outcome::{FailReason, Outcome, StoredOutcome};
pub use pricing_model::{CashPriced, ExerciseModel, PricingModel};
pub use provenance::{Provenance, SpotSource};
pub use quote::{ContractQuote, LastTrade};
pub use scan::{BadScanId, ScanId, ScanState};
pub use session_summary::{SUMMARIES_KEPT, SessionSummary};
pub use skip_reason::SkipReason;
pub use task::Task;
pub use ticker::{BadTicker, Ticker};
pub use trace_context::TraceContext;
pub use trade::{
    Confirmation, Exit, ExitReason, Fill, Mark, TradeId, TradeRecord, TradeState, TradeTransition, Transition,
};
pub use underlying_metrics::{ExpirationMove, RealisedVols, UnderlyingMetrics};
pub use vendor::{RequestCounts, Vendor};
pub use vendor_plan::{VendorPlan, VendorRoute};
pub use worker_report::WorkerReport;
