//! Where to enter a contract and when to leave it, as a signal fixes it.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::contract::OptionKind;
use super::money::{Money, Price};
use super::occ::OccSymbol;

/// Which side of a contract a trade is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Bought first, sold later.
    #[default]
    Long,
    /// Sold first, bought back later: against cash (a put) or shares (a call).
    Short,
}

impl Direction {
    /// The word used in output.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Long => "long",
            Self::Short => "short",
        }
    }

    /// Bought first. Trades that were stored before there were others are.
    #[must_use]
    pub const fn is_long(&self) -> bool {
        matches!(self, Self::Long)
    }
}

/// Two lines of the underlying that cross.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cross {
    /// Its averages of so many closes.
    Sma {
        /// The shorter.
        fast: u32,
        /// The longer.
        slow: u32,
    },
    /// Its MACD(12, 26, 9) and the signal line.
    Macd,
}

/// Reasons to leave beside price and time. `None` switches one off.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct ExitSignals {
    /// Leave when the underlying's IV percentile is at or above this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iv_percentile: Option<f64>,
    /// Leave when the contract's delta, without its sign, is at or above this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delta: Option<f64>,
    /// Leave when the fast line stands below the slow one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cross: Option<Cross>,
}

impl ExitSignals {
    /// None is switched on.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What people are told of a trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Advice {
    /// To act: its entry, its fill or lapse, its exit.
    #[default]
    Act,
    /// That there is something to know. It is followed on paper in silence.
    Know,
}

impl Advice {
    /// To act, as of every trade that was stored before there was another.
    #[must_use]
    pub const fn is_act(&self) -> bool {
        matches!(self, Self::Act)
    }
}

/// Where to enter and when to leave, fixed at the signal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EntryPlan {
    /// Bought or sold first.
    #[serde(default, skip_serializing_if = "Direction::is_long")]
    pub direction: Direction,
    /// Limit of the entry, per share: to buy at; of a short position, to sell at.
    pub buy: Price,
    /// Sell when the bid is at or above this; of a short position, buy back when the ask is at or below it.
    pub target: Price,
    /// Sell when the bid is at or below this; of a short position, buy back when the ask is at or above it.
    pub stop: Price,
    /// The limit stands until then.
    pub valid_until: Timestamp,
    /// Leave once this many sessions have passed since the fill's session; `None` switches it off.
    pub time_stop_sessions: Option<u32>,
    /// Leave when the contract's RSI(14) is at or above this; `None` switches it off.
    pub exit_rsi: Option<f64>,
    /// Leave when calendar days to expiration are at or below this.
    pub exit_dte: i32,
    /// Reasons to leave beside price and time.
    #[serde(default, skip_serializing_if = "ExitSignals::is_empty")]
    pub signals: ExitSignals,
    /// The next session's rise of the open interest over the signal's volume that confirms it, percent; `None` where
    /// nothing is to be confirmed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm_pct: Option<f64>,
    /// What people are told.
    #[serde(default, skip_serializing_if = "Advice::is_act")]
    pub advice: Advice,
    /// Commission per contract and side.
    pub commission: Price,
}

impl EntryPlan {
    /// Quotes are delayed by so much: one that arrives this long after the validity's end may still be from before it.
    const QUOTE_DELAY: SignedDuration = SignedDuration::from_mins(15);

    /// Telling a person to enter makes sense until then: the validity and the delay of the quotes. A trade that is
    /// settled later is not taken, and a BUY notice that is not sent by then is dropped.
    #[must_use]
    pub fn tell_until(&self) -> Timestamp {
        self.valid_until.checked_add(Self::QUOTE_DELAY).unwrap_or(Timestamp::MAX)
    }

    /// The most one contract entered at the limit can lose, before costs: what was paid; of a put sold, strike less
    /// credit, which is what it binds. `None` of a call sold: its loss has no end, and the shares it stands against are
    /// somebody's own.
    #[must_use]
    pub fn max_loss(&self, symbol: &OccSymbol) -> Option<Money> {
        match (self.direction, symbol.kind) {
            (Direction::Long, _) => Some(self.buy.minus(Price::ZERO).times(100)),
            (Direction::Short, OptionKind::Put) => {
                let strike = Price::from_units(u64::from(symbol.strike.thousandths()) * 10);
                Some(strike.minus(self.buy).times(100))
            }
            (Direction::Short, OptionKind::Call) => None,
        }
    }
}
