//! What a scan has to say, from what the store holds of it. Pure: outcomes, trades and notices in, [`Report`] out; the
//! same store gives the same bytes. Nothing here reads a clock (elapsed time is told on stderr by the command).
//!
//! - [`table`] and below it [`more`]: for people, at most 100 columns, readable without colour.
//! - JSON: the [`Report`] itself, version [`SCHEMA`], see its fields. Numbers are in the units their names say; what is
//!   missing is `null`, never 0.
//! - [`csv`]: one line a candidate.

pub mod build;
pub mod calendar;
pub mod csv;
pub mod explained;
pub mod explained_metrics;
pub mod explained_underlying;
pub mod gathered;
pub mod layout;
pub mod metric_columns;
pub mod more;
pub mod own_bars;
pub mod places;
pub mod plan;
pub mod priced;
pub mod ranking;
pub mod status;
pub mod table;
pub mod trades;

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;

use fleet_core::domain::{
    Check, ContractMetrics, Direction, GatewayUse, NamedReading, Notice, OccSymbol, OptionKind, PositionMetrics,
    PricingModel, ScanId, ScorePart, SpotSource, Ticker, TradeId, TradeState, UnderlyingMetrics, Vendor,
};

pub use build::{ReportInput, build};
pub use gathered::Gathered;

/// Version of the JSON output. It grows when a field changes its meaning or goes away; new fields do not change it.
pub const SCHEMA: u32 = 1;

/// Whether every ticker of the manifest is accounted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Completion {
    /// All are, even if some only as failed or sealed.
    Complete,
    /// The scan was interrupted; it can be resumed.
    Partial,
}

/// Everything a scan has to say. Serialised, this is the JSON output.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: u32,
    /// Which scan.
    pub scan: ScanId,
    /// Whether it is whole.
    pub completion: Completion,
    /// First and last instant the tickers pretend to be at; one instant on a simulated market. `None`: no answer yet.
    pub as_of: Option<(Timestamp, Timestamp)>,
    /// By vendor of chains: whose data this is and how old it was.
    pub sources: Vec<Source>,
    /// Requests by vendor, retries included.
    pub requests: BTreeMap<Vendor, u32>,
    /// What each gateway was used for by the tickers, by its name; left out where none was. The screener's pages are not
    /// among it: of those the store keeps the number alone.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub gateways: BTreeMap<String, GatewayRow>,
    /// How the tickers were accounted for.
    pub tickers: TickerCounts,
    /// Of these, tickers nobody asked for: they are followed for live trades. `None`: not known.
    pub followed: Option<u32>,
    /// Whether the caps were applied: until then no candidate is a paper trade.
    pub settled: bool,
    /// Where each contract left.
    pub funnel: FunnelReport,
    /// Fired signals, best first; controls are not among them.
    pub candidates: Vec<CandidateRow>,
    /// Of the underlyings of `candidates`: volatility in context, expected moves, activity.
    pub underlyings: BTreeMap<Ticker, UnderlyingMetrics>,
    /// Candidates that are not in `candidates` because of `--top`.
    pub candidates_not_shown: u32,
    /// Candidates that became paper trades, in the same order (also those not shown).
    pub new_trades: Vec<NewTradeRow>,
    /// Candidates for which the portfolio caps left no room.
    pub capped: u32,
    /// Contracts that became control trades (S0).
    pub controls: u32,
    /// Strategies that cannot fire yet for want of history.
    pub dark: Vec<DarkRow>,
    /// Contracts that nearly fired: of some a check failed (fewest first), of the last only something is not known.
    pub near_misses: Vec<NearMissRow>,
    /// Changes of live trades in this scan.
    pub transitions: Vec<TransitionRow>,
    /// What people are told.
    pub notices: Vec<Notice>,
    /// Tickers set aside, with the reason: expected, no failure.
    pub skipped: BTreeMap<String, Vec<Ticker>>,
    /// Tickers without an answer: the reason for exit code 3.
    pub failed: Vec<FailedRow>,
    /// Answers in which some wanted expirations are missing.
    pub partial: Vec<PartialRow>,
    /// Sentences a reader of the numbers must know.
    pub remarks: Vec<String>,
}

/// One vendor of chains in this scan.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Source {
    /// Which.
    pub vendor: Vendor,
    /// Tickers it answered for.
    pub tickers: u32,
    /// Oldest and newest quote time.
    pub quote_time: Option<(Timestamp, Timestamp)>,
    /// Smallest and largest age of the quotes at as-of, in seconds.
    pub age_secs: Option<(i64, i64)>,
}

/// What one gateway was used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct GatewayRow {
    /// Requests that left through it, canaries included.
    pub requests: u32,
    /// Those that came to nothing because of it or of the vendor's view of it.
    pub errors: u32,
    /// Mean time until the whole answer was there, ms; `None`: nothing was answered.
    pub mean_latency_ms: Option<u64>,
    /// How often a canary stopped its use for a vendor.
    pub quarantined: u32,
}

impl GatewayRow {
    fn of(used: &GatewayUse) -> Self {
        let GatewayUse { requests, errors, quarantined, .. } = *used;
        Self { requests, errors, mean_latency_ms: used.mean_latency_ms(), quarantined }
    }
}

/// Tickers by fate. They sum to `total`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct TickerCounts {
    /// In the manifest.
    pub total: u32,
    /// Contracts went through the gates (partial answers too).
    pub analysed: u32,
    /// Set aside as a whole.
    pub skipped: u32,
    /// Failed for good.
    pub failed: u32,
    /// Broke their worker too often.
    pub poison: u32,
    /// Not done at the deadline.
    pub sealed: u32,
    /// Not accounted for (only in a partial report).
    pub missing: u32,
}

/// The funnel over all chains.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FunnelReport {
    /// Contracts by place, summing to `total`.
    pub places: BTreeMap<String, u64>,
    /// Rows of all chains.
    pub total: u64,
    /// Chains.
    pub chains: u32,
}

/// One fired signal.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CandidateRow {
    /// Place in the order, from 1.
    pub rank: u32,
    /// Its paper trade.
    pub trade: TradeId,
    /// Where that trade stands; `None` before the scan was settled.
    pub trade_state: Option<TradeState>,
    /// Strategy that fired.
    pub strategy: String,
    /// Its code.
    pub code: String,
    /// Bought or sold first.
    pub direction: Direction,
    /// The underlying.
    pub underlying: Ticker,
    /// The contract.
    pub symbol: OccSymbol,
    /// Its expiration.
    pub expiration: Date,
    /// Its strike in dollars.
    pub strike: f64,
    /// Call or put.
    pub kind: OptionKind,
    /// Dollars per share.
    pub bid: f64,
    /// Dollars per share.
    pub ask: f64,
    /// (bid + ask) / 2.
    pub mid: f64,
    /// Limit to buy at; of a short position, where it is bought back: the target.
    pub buy: f64,
    /// Limit to sell at: the target; of a short position, the entry.
    pub sell: f64,
    /// Leave at a loss here.
    pub stop: f64,
    /// The most one contract entered at the plan's limit can lose, dollars before costs; `null` of a call sold on shares.
    /// `metrics.bought` and `metrics.sold` are entered at the ask and at the bid instead: who does not wait for the limit.
    pub max_loss: Option<f64>,
    /// The limit stands until then.
    pub valid_until: Timestamp,
    /// Gain from the limit to the target over the limit, percent.
    pub gross_pct: f64,
    /// The same entered at mid and `costs.half_spread_share` of the half-spread, left with that share of it, after commission
    /// for both sides, over what is entered at, percent.
    pub net_pct: f64,
    /// Share of trades that must win for target and stop to break even, entered at the limit, percent.
    pub break_even_pct: f64,
    /// The same entered and left as `net_pct` is.
    pub break_even_net_pct: f64,
    /// Contracts traded today.
    pub volume: Option<u64>,
    /// Open contracts.
    pub open_interest: Option<u64>,
    /// (ask − bid) / mid, percent.
    pub spread_pct: f64,
    /// Annual fraction.
    pub iv: Option<f64>,
    /// Per $1.
    pub delta: Option<f64>,
    /// What both were computed with; `None` of what an earlier version stored.
    pub model: Option<PricingModel>,
    /// Calendar days to expiration.
    pub dte: i32,
    /// RSI(14) of the contract's last closed bar.
    pub rsi: Option<f64>,
    /// Sessions it traded in, of the last so many: `18/20`.
    pub coverage: Option<String>,
    /// The indicators asked for by name, of the contract and of its underlying; empty where none were.
    pub indicators: Vec<NamedReading>,
    /// Sum of the parts.
    pub score: f64,
    /// The parts.
    pub score_parts: Vec<ScorePart>,
    /// Every check with value and threshold.
    pub checks: Vec<Check>,
    /// Where the numbers came from.
    pub provenance: RowProvenance,
    /// Words such as `earnings_unknown`.
    pub flags: Vec<String>,
    /// What a professional reads beside it; `None` of what an earlier version stored.
    pub metrics: Option<Box<ContractMetrics>>,
}

impl CandidateRow {
    /// The position its strategy enters.
    #[must_use]
    pub fn position(&self) -> Option<&PositionMetrics> {
        let metrics = self.metrics.as_ref()?;
        match self.direction {
            Direction::Long => metrics.bought.as_ref(),
            Direction::Short => metrics.sold.as_ref(),
        }
    }

    /// RSI(14) of its decay-adjusted closes.
    #[must_use]
    pub fn adjusted_rsi(&self) -> Option<f64> {
        self.metrics.as_ref()?.bars.as_ref()?.adjusted?.rsi
    }
}

/// Where a row's numbers came from.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RowProvenance {
    /// Who served the chain.
    pub vendor: Vendor,
    /// When its quotes were valid.
    pub quote_time: Timestamp,
    /// When the response arrived.
    pub fetched_at: Option<Timestamp>,
    /// Spot used for this contract's expiration.
    pub spot_used: Option<f64>,
    /// Where it came from.
    pub spot_source: SpotSource,
    /// The vendor's own spot.
    pub vendor_spot: Option<f64>,
}

/// A candidate that became a paper trade.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NewTradeRow {
    /// Its identity.
    pub trade: TradeId,
    /// Its contract.
    pub symbol: OccSymbol,
}

/// A strategy that cannot fire yet for want of history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DarkRow {
    /// Its name.
    pub strategy: String,
    /// Its code.
    pub code: &'static str,
    /// Sessions of volatilities that it needs of an underlying.
    pub needs_sessions: u32,
    /// Sessions of the underlying that has the most.
    pub has_sessions: u32,
    /// Sessions until the first underlying has enough, if it is scanned in each.
    pub sessions_to_go: u32,
}

/// A contract that nearly fired.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NearMissRow {
    /// The underlying.
    pub underlying: Ticker,
    /// The contract.
    pub symbol: OccSymbol,
    /// The strategy that refused it.
    pub strategy: String,
    /// Mandatory checks that failed (`verdict` is `fail`) or whose value is not known (`unknown`).
    pub missed: Vec<Check>,
    /// Number of checks in all.
    pub of: u32,
}

/// A change of a live trade.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TransitionRow {
    /// Which trade.
    pub trade: TradeId,
    /// Bought or sold first.
    pub direction: Direction,
    /// Its contract, where the store still has the trade.
    pub symbol: Option<OccSymbol>,
    /// Whether it is a control.
    pub control: bool,
    /// `open`, `lapsed` or `closed`.
    pub to: TradeState,
    /// Price per share of the fill or exit.
    pub price: Option<f64>,
    /// Why it was left.
    pub reason: Option<String>,
    /// Dollars for one contract before costs.
    pub gross: Option<f64>,
    /// Dollars for one contract after commission.
    pub net: Option<f64>,
}

/// A ticker without an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FailedRow {
    /// Which.
    pub ticker: Ticker,
    /// Stable word.
    pub word: String,
    /// One sentence.
    pub detail: String,
}

/// An answer made of less than was wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PartialRow {
    /// Which.
    pub ticker: Ticker,
    /// Expirations that were wanted and not served.
    pub not_served: Vec<Date>,
    /// Bars that were wanted did not come: contracts were not examined, and exits went by quotes alone.
    pub bars_missing: bool,
}

impl Report {
    /// Whether some ticker has no answer, which exit code 3 stands for.
    #[must_use]
    pub const fn has_failures(&self) -> bool {
        !self.failed.is_empty()
    }

    /// The JSON text, indented, with a newline at the end.
    pub fn json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self).map(|text| text + "\n")
    }
}

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;
