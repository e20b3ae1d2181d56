//! What the analysis is given, and what it asks for next.

use std::collections::BTreeMap;

use fleet_core::domain::{
    BarSeries, Chain, OccSymbol, RequestCounts, ScanId, SessionSummary, Ticker, TradeRecord, UnderlyingFacts,
};
use jiff::Timestamp;

/// Everything that is known of one underlying at one instant. The analysis reads nothing else.
#[derive(Debug, Clone, PartialEq)]
pub struct MarketSnapshot {
    /// The scan this belongs to.
    pub scan: ScanId,
    /// Whose chain.
    pub ticker: Ticker,
    /// The instant the analysis pretends to be at. Bars that were not closed then are ignored.
    pub as_of: Timestamp,
    /// Every row the vendor served.
    pub chain: Chain,
    /// When the chain's response arrived; copied to the provenance, used for nothing.
    pub fetched_at: Option<Timestamp>,
    /// The vendor's quotes may be this old.
    pub max_quote_age_secs: i64,
    /// Daily bars of the underlying, once fetched.
    pub underlying_bars: Option<BarSeries>,
    /// Daily bars of contracts, as far as fetched. A contract that never traded has an empty series.
    pub contract_bars: BTreeMap<OccSymbol, BarSeries>,
    /// What is known of the underlying beside prices.
    pub facts: UnderlyingFacts,
    /// What earlier sessions' chains of the underlying came to, oldest first. One of the running session may be last: of
    /// an earlier scan, which this one supersedes.
    pub history: Vec<SessionSummary>,
    /// Bars of at most so many contracts are asked for (live trades come on top).
    pub max_bars: u32,
    /// Pending and open trades on this underlying.
    pub live_trades: Vec<TradeRecord>,
    /// Requests it took so far; copied to the finding.
    pub requests: RequestCounts,
}

/// What to fetch next. The caller fetches, adds it to the snapshot and asks again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// The snapshot is complete: analyse it.
    Nothing,
    /// The underlying's daily bars.
    UnderlyingBars,
    /// Daily bars of these contracts, most wanted first.
    ContractBars(Vec<OccSymbol>),
}
