//! What a strategy sees of a contract, and everything it is given to judge one by.

use fleet_core::domain::{ContractQuote, Price, UnderlyingFacts};
use jiff::Timestamp;
use jiff::civil::Date;

use super::UnderlyingView;
use crate::indicators::Indicators;
use crate::metrics::probability::Market;
use crate::tick::Ticks;

/// A contract past the gates: what its chain tells.
#[derive(Debug, Clone, Copy)]
pub struct ContractView<'a> {
    /// The row.
    pub quote: &'a ContractQuote,
    /// Bid, above zero and below the ask.
    pub bid: Price,
    /// Ask.
    pub ask: Price,
    /// Half way, dollars.
    pub mid: f64,
    /// Of mid.
    pub spread_pct: f64,
    /// Open contracts; `None` where the chain's mean nothing.
    pub open_interest: Option<u64>,
    /// Implied volatility at mid, annual fraction.
    pub iv: Option<f64>,
    /// Dollars per $1 of the underlying.
    pub delta: Option<f64>,
    /// Calendar days to expiration.
    pub dte: i32,
    /// The underlying's price, dollars.
    pub spot: Option<f64>,
    /// Years to settlement, rate and yield of its expiration.
    pub market: Option<Market>,
    /// The chain's price steps.
    pub ticks: Ticks,
    /// The session a trade would begin in.
    pub entry_session: Date,
    /// When the quotes were valid.
    pub quote_time: Option<Timestamp>,
    /// What is known of the underlying beside prices.
    pub facts: &'a UnderlyingFacts,
}

/// One contract with all that is known of it. The seam through which later numbers reach every strategy: a new one is a
/// new field here, and strategies that do not read it stay as they are.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    /// What the chain tells.
    pub contract: &'a ContractView<'a>,
    /// What the underlying's bars, facts and history tell.
    pub underlying: &'a UnderlyingView<'a>,
    /// What the contract's own bars tell. `None`: they were not asked for, or are too thin to mean anything.
    pub own: Option<&'a Indicators>,
}
