//! Paper trades: a candidate taken on, followed to its exit.
//!
//! `proposed → pending | capped`, `pending → open | lapsed`, `open → closed`. A worker proposes; only when the scan is
//! settled does a trade become one: until then nobody follows it, counts it or is told of it. From then on its entry
//! is immutable; marks and transitions are added.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::candidate::{Check, Score};
use super::money::{Money, Price};
use super::notice::Notice;
use super::occ::OccSymbol;
use super::scan::ScanId;
use super::ticker::Ticker;

pub use super::entry_plan::{Advice, Cross, Direction, EntryPlan, ExitSignals};

/// Identity of a trade: hash of strategy, contract and entry session; never of price, time or worker, so that the
/// same signal found again is the same trade. Twelve characters of Crockford's base 32 (60 bits).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TradeId(String);

impl TradeId {
    /// Derives the id.
    #[must_use]
    pub fn derive(strategy: &str, symbol: &OccSymbol, entry_session: Date) -> Self {
        const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
        let digest = Sha256::digest(format!("{strategy}|{symbol}|{entry_session}").as_bytes());
        let mut bits = u64::from_be_bytes([
            digest[0], digest[1], digest[2], digest[3], digest[4], digest[5], digest[6], digest[7],
        ]);
        let mut text = String::with_capacity(12);
        for _ in 0..12 {
            text.push(char::from(ALPHABET[(bits >> 59) as usize]));
            bits <<= 5;
        }
        Self(text)
    }

    /// An id as a person typed it: a leading `#` and case are forgiven. It may name no trade.
    #[must_use]
    pub fn from_user(text: &str) -> Self {
        Self(text.trim().trim_start_matches('#').to_ascii_uppercase())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first four characters, for notices.
    #[must_use]
    pub fn short(&self) -> &str {
        self.0.get(..4).unwrap_or(&self.0)
    }
}

impl fmt::Display for TradeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Where a trade stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TradeState {
    /// Found by a scan that is not settled yet. No trade so far: neither live nor counted, and the next scan that
    /// finds the same signal makes it its own.
    Proposed,
    /// Waiting for a quote that reaches its limit.
    Pending,
    /// Entered on paper.
    Open,
    /// Never entered: its validity ended.
    Lapsed,
    /// Never entered: a portfolio cap left no room.
    Capped,
    /// Left on paper, or expired.
    Closed,
}

impl TradeState {
    /// The word used in commands and output.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Proposed => "proposed",
            Self::Pending => "pending",
            Self::Open => "open",
            Self::Lapsed => "lapsed",
            Self::Capped => "capped",
            Self::Closed => "closed",
        }
    }

    /// Whether the trade still wants quotes: pending or open.
    #[must_use]
    pub const fn is_live(self) -> bool {
        matches!(self, Self::Pending | Self::Open)
    }
}

/// An entered contract.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fill {
    /// As-of of the scan that saw the limit reached.
    pub at: Timestamp,
    /// The exchange date of that instant.
    pub session: Date,
    /// Price per share: the limit.
    pub price: Price,
}

/// Why a trade was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExitReason {
    /// The target was reached.
    Target,
    /// The stop was reached.
    Stop,
    /// Held for the time stop's sessions.
    TimeStop,
    /// RSI at or above its exit level.
    Rsi,
    /// The underlying's IV percentile at or above its exit level.
    IvPercentile,
    /// The contract's delta at or above its exit level.
    Delta,
    /// The underlying's fast line crossed below its slow one.
    Cross,
    /// Too close to expiration.
    Dte,
    /// Expired; booked at intrinsic value.
    Expiration,
    /// Closed by a person.
    Manual,
}

impl ExitReason {
    /// The word used in output.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Target => "target",
            Self::Stop => "stop",
            Self::TimeStop => "time stop",
            Self::Rsi => "rsi",
            Self::IvPercentile => "iv percentile",
            Self::Delta => "delta",
            Self::Cross => "cross",
            Self::Dte => "dte",
            Self::Expiration => "expiration",
            Self::Manual => "manual",
        }
    }
}

/// A contract that was left. Booked at the bid (bought back: at the ask) that was there, not at the level that was
/// wished for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Exit {
    /// As-of of the scan that left it.
    pub at: Timestamp,
    /// Price per share.
    pub price: Price,
    /// Why.
    pub reason: ExitReason,
    /// (exit − fill) × 100, of a short position (fill − exit) × 100, before costs.
    pub gross: Money,
    /// Gross less commission on both sides. The half-spreads are in the prices already.
    pub net: Money,
}

/// What an open trade was worth at one scan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mark {
    /// As-of.
    pub at: Timestamp,
    /// Bid then; `None` when nobody bid.
    pub bid: Option<Price>,
    /// Ask then.
    pub ask: Option<Price>,
}

/// A trade as stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TradeRecord {
    /// Derived identity.
    pub id: TradeId,
    /// Name of the strategy.
    pub strategy: String,
    /// The underlying.
    pub underlying: Ticker,
    /// The contract.
    pub symbol: OccSymbol,
    /// A control trade (S0): never alerted, outside the portfolio caps.
    pub control: bool,
    /// Where it stands.
    pub state: TradeState,
    /// The scan that found it.
    pub scan: ScanId,
    /// As-of of the signal.
    pub signalled_at: Timestamp,
    /// The exchange date of the signal; part of the id.
    pub entry_session: Date,
    /// Quote at the signal.
    pub signal_bid: Price,
    /// Quote at the signal.
    pub signal_ask: Price,
    /// The plan, immutable.
    pub plan: EntryPlan,
    /// Score at the signal, immutable.
    pub score: Score,
    /// Checks at the signal, immutable.
    pub checks: Vec<Check>,
    /// Set when entered.
    pub fill: Option<Fill>,
    /// Set when left.
    pub exit: Option<Exit>,
    /// A person asked not to be told of this one any more.
    pub ignored: bool,
    /// Latest mark, if any scan has marked it.
    pub last_mark: Option<Mark>,
    /// What the next session's open interest said of the signal's volume; `None` until then, and where nobody asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmation: Option<Confirmation>,
}

/// What the next session's open interest said of a signal's volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmation {
    /// As-of of the scan that saw it.
    pub at: Timestamp,
    /// Open interest now less that at the signal, contracts.
    pub rise: i64,
    /// Volume at the signal, contracts.
    pub volume: u64,
    /// The rise is large enough: the volume opened positions.
    pub opening: bool,
}

/// A change of a trade's state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "to", rename_all = "snake_case")]
pub enum Transition {
    /// pending → open
    Filled(Fill),
    /// pending → lapsed
    Lapsed {
        /// As-of of the scan that found the validity over.
        at: Timestamp,
    },
    /// open → closed
    Closed(Exit),
    /// pending → pending, open → open: the signal's volume was confirmed, or was not.
    Confirmed {
        /// The state it is in.
        state: TradeState,
        /// What was seen.
        confirmation: Confirmation,
    },
}

/// A transition with what people are told of it. The store applies it only if the trade is in the state it starts
/// from, so applying it twice changes nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TradeTransition {
    /// Which trade.
    pub trade: TradeId,
    /// What happened.
    pub transition: Transition,
    /// Goes to the outbox in the same atomic step; `None` for controls and ignored trades.
    pub notice: Option<Notice>,
}

impl Transition {
    /// The state a trade must be in for this to apply.
    #[must_use]
    pub const fn from(&self) -> TradeState {
        match self {
            Self::Filled(_) | Self::Lapsed { .. } => TradeState::Pending,
            Self::Closed(_) => TradeState::Open,
            Self::Confirmed { state, .. } => *state,
        }
    }

    /// The state it leads to.
    #[must_use]
    pub const fn to(&self) -> TradeState {
        match self {
            Self::Filled(_) => TradeState::Open,
            Self::Lapsed { .. } => TradeState::Lapsed,
            Self::Closed(_) => TradeState::Closed,
            Self::Confirmed { state, .. } => *state,
        }
    }
}

impl TradeRecord {
    /// The trade after a transition; `None` if it does not start from the present state.
    #[must_use]
    pub fn after(&self, transition: &Transition) -> Option<Self> {
        if transition.from() != self.state {
            return None;
        }
        let mut next = self.clone();
        next.state = transition.to();
        match transition {
            Transition::Filled(fill) => next.fill = Some(fill.clone()),
            Transition::Lapsed { .. } => {}
            Transition::Closed(exit) => next.exit = Some(exit.clone()),
            Transition::Confirmed { confirmation, .. } => next.confirmation = Some(*confirmation),
        }
        Some(next)
    }

    /// What was paid or received per share; before the fill, the limit.
    #[must_use]
    pub fn entry_price(&self) -> Price {
        self.fill.as_ref().map_or(self.plan.buy, |fill| fill.price)
    }

    /// Books leaving it at a price, by its position; `None` before it was entered.
    #[must_use]
    pub fn booked(&self, at: Timestamp, price: Price, reason: ExitReason) -> Option<Exit> {
        let (entry, commission) = (self.fill.as_ref()?.price, self.plan.commission);
        Some(match self.plan.direction {
            Direction::Long => Exit::book(at, entry, price, reason, commission),
            Direction::Short => Exit::bought_back(at, entry, price, reason, commission),
        })
    }

    /// The most one contract can lose from what it was really entered at: [`EntryPlan::max_loss`].
    #[must_use]
    pub fn max_loss(&self) -> Option<Money> {
        EntryPlan { buy: self.entry_price(), ..self.plan.clone() }.max_loss(&self.symbol)
    }
}

impl Exit {
    /// Books buying one contract (100 shares) back that was sold at `fill`.
    #[must_use]
    pub fn bought_back(at: Timestamp, fill: Price, price: Price, reason: ExitReason, commission: Price) -> Self {
        // Sold at the fill, bought at the price: as if bought at the price and sold at the fill.
        Self { price, ..Self::book(at, price, fill, reason, commission) }
    }

    /// Books a sale of one contract (100 shares) bought at `fill`.
    #[must_use]
    pub fn book(at: Timestamp, fill: Price, price: Price, reason: ExitReason, commission: Price) -> Self {
        let gross = price.minus(fill).times(100);
        let net = gross.minus(commission.minus(Price::ZERO).times(2));
        Self { at, price, reason, gross, net }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn the_id_is_fixed_for_ever() {
        let symbol = OccSymbol::parse("TSLA270319C00450000").unwrap();
        let id = TradeId::derive("oversold_call", &symbol, date(2026, 11, 20));
        assert_eq!(id, TradeId::derive("oversold_call", &symbol, date(2026, 11, 20)));
        assert_ne!(id, TradeId::derive("oversold_call", &symbol, date(2026, 11, 23)));
        assert_ne!(id, TradeId::derive("control", &symbol, date(2026, 11, 20)));
        assert_eq!(id.as_str().len(), 12);
        assert_eq!(TradeId::from_user(&format!("#{}", id.as_str().to_lowercase())), id);
    }

    #[test]
    fn a_short_position_earns_what_it_was_sold_for_more() {
        let price = |d| Price::from_dollars(d).unwrap();
        let at = Timestamp::UNIX_EPOCH;
        let earned = Exit::bought_back(at, price(1.85), price(0.90), ExitReason::Target, price(0.65));
        assert_eq!((earned.price, earned.gross.dollars(), earned.net.dollars()), (price(0.90), 95.0, 93.7));
        let lost = Exit::bought_back(at, price(1.85), price(5.60), ExitReason::Stop, price(0.65));
        assert_eq!((lost.gross.dollars(), lost.net.dollars()), (-375.0, -376.3));
    }

    #[test]
    fn the_example_of_the_design_books_right() {
        let price = |d| Price::from_dollars(d).unwrap();
        let exit = Exit::book(Timestamp::UNIX_EPOCH, price(19.20), price(22.10), ExitReason::Target, price(0.65));
        assert_eq!(exit.gross.dollars(), 290.0);
        assert_eq!(exit.net.dollars(), 288.7);
    }
}
