//! The nouns of the project, one a file, in reading order.

pub mod bar;
pub mod calendar;
pub mod candidate;
pub mod chain;
pub mod contract;
pub mod finding;
pub mod money;
pub mod notice;
pub mod occ;
pub mod quote;
pub mod scan;
pub mod ticker;
pub mod trade;
pub mod vendor;

pub use bar::{Bar, BarSeries, Instrument};
pub use candidate::{Candidate, Check, NearMiss, Operator, Score, ScorePart, Verdict};
pub use chain::{Chain, RefusedRow, RowRefusal, VendorSpot};
pub use contract::{ExerciseStyle, OptionKind, Settlement, Strike};
pub use finding::{
    Answer, ContractExplanation, FailReason, Finding, Funnel, Outcome, Provenance, SkipReason, SpotSource,
    StoredOutcome,
};
pub use money::{BadPrice, Money, Price};
pub use notice::{Notice, NoticeKind};
pub use occ::{BadOccSymbol, OccSymbol, Root};
pub use quote::{ContractQuote, LastTrade};
pub use scan::{BadScanId, DeliveryLimits, Manifest, ScanId, ScanState, Slot, Task, VendorPlan, VendorRoute};
pub use ticker::{BadTicker, Ticker};
pub use trade::{
    EntryPlan, Exit, ExitReason, Fill, Mark, TradeId, TradeRecord, TradeState, TradeTransition, Transition,
};
pub use vendor::{RequestCounts, Vendor};
