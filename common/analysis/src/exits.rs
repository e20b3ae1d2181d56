//! Live trades: bought when a later quote allows it, sold when a rule of their plan says so, at the bid that is there.
//! RULES.md section 8. A quote that is old, crossed or missing decides nothing. A contract that is offered and that
//! nobody bids for is sold for nothing: the worst losses must not be the ones that are never booked. Nothing is ever
//! booked or marked across a split of the underlying: such a trade stays as it is until a person closes it.

use fleet_core::domain::{
    Bar, ContractQuote, Exit, ExitReason, Fill, Mark, OptionKind, Price, Settlement, TradeId, TradeRecord, TradeState,
    TradeTransition, Transition, calendar,
};
use jiff::SignedDuration;

use crate::answer::OwnBars;
use crate::notices::{self, Seen};
use crate::stage::{Stage, fresh_time, tradable};

/// What this look changes.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Followed {
    /// Changes of state.
    pub transitions: Vec<TradeTransition>,
    /// What open trades are worth.
    pub marks: Vec<(TradeId, Mark)>,
}

/// Looks at every live trade once.
#[must_use]
pub fn follow(stage: &Stage<'_>, underlying_bars: Option<&[Bar]>) -> Followed {
    let mut followed = Followed::default();
    let quote_time = fresh_time(stage);
    let seen = Seen { at: stage.snapshot.as_of, quote_time, spot: stage.spot().0 };
    for trade in stage.live_trades() {
        let adjusted = stage.is_adjusted(trade);
        let quote = quote_time.and_then(|_| stage.quote(&trade.symbol)).filter(|_| !adjusted);
        // What is live is pending or open.
        let transition = if trade.state == TradeState::Pending {
            pending(stage, trade, quote)
        } else if adjusted {
            None
        } else {
            open(stage, trade, quote, underlying_bars)
        };
        followed.marks.extend(mark(stage, trade, quote, transition.as_ref()));
        if let Some(transition) = transition {
            let silent = trade.control || trade.ignored;
            let notice = (!silent).then(|| match &transition {
                Transition::Filled(fill) => notices::filled(trade, fill, &seen),
                Transition::Lapsed { .. } => notices::lapsed(trade, &seen),
                Transition::Closed(exit) => notices::exit(trade, exit, &seen),
            });
            followed.transitions.push(TradeTransition { trade: trade.id.clone(), transition, notice });
        }
    }
    followed
}

fn pending(stage: &Stage<'_>, trade: &TradeRecord, quote: Option<&ContractQuote>) -> Option<Transition> {
    let as_of = stage.snapshot.as_of;
    let until = trade.plan.valid_until;
    let quote_time = fresh_time(stage);
    let in_time = quote_time.is_some_and(|at| trade.signalled_at < at && at <= until);
    let reached = quote.and_then(tradable).is_some_and(|(_, ask)| ask <= trade.plan.buy);
    if in_time && reached && !stage.has_settled(&trade.symbol) {
        let session = calendar::exchange_date(as_of);
        return Some(Transition::Filled(Fill { at: as_of, session, price: trade.plan.buy }));
    }
    // Delayed quotes of the validity can still come for as long as quotes may be old.
    let patience = SignedDuration::from_secs(stage.snapshot.max_quote_age_secs.clamp(0, 86_400));
    let last_chance = until.checked_add(patience).unwrap_or(jiff::Timestamp::MAX);
    let known = stage.snapshot.chain.quote_time;
    let over = as_of > until && (known.is_none_or(|at| at > until) || as_of > last_chance);
    (over || stage.has_settled(&trade.symbol)).then_some(Transition::Lapsed { at: as_of })
}

fn open(
    stage: &Stage<'_>,
    trade: &TradeRecord,
    quote: Option<&ContractQuote>,
    underlying_bars: Option<&[Bar]>,
) -> Option<Transition> {
    let fill = trade.fill.as_ref()?;
    let book = |price, reason| {
        Transition::Closed(Exit::book(stage.snapshot.as_of, fill.price, price, reason, trade.plan.commission))
    };
    if stage.has_settled(&trade.symbol) {
        return intrinsic(trade, underlying_bars?).map(|price| book(price, ExitReason::Expiration));
    }
    let later = fresh_time(stage).is_some_and(|at| at > fill.at);
    let bid = quote.and_then(|quote| sale(quote, trade.plan.stop)).filter(|_| later)?;
    let reason = due(stage, trade, fill, bid)?;
    Some(book(bid, reason))
}

/// What a seller gets: the bid, or nothing where nobody bids and even the ask is at or below the stop. An ask above the
/// stop without a bid is a gap in the quoting (an opening rotation, a pulled quote), not a price.
fn sale(quote: &ContractQuote, stop: Price) -> Option<Price> {
    let worthless = quote.ask.is_some_and(|ask| !ask.is_zero() && ask <= stop);
    let abandoned = quote.bid.is_none_or(Price::is_zero) && worthless;
    if abandoned { Some(Price::ZERO) } else { tradable(quote).map(|(bid, _)| bid) }
}

fn due(stage: &Stage<'_>, trade: &TradeRecord, fill: &Fill, bid: Price) -> Option<ExitReason> {
    let plan = &trade.plan;
    let today = calendar::exchange_date(stage.snapshot.as_of);
    if bid >= plan.target {
        Some(ExitReason::Target)
    } else if bid <= plan.stop {
        Some(ExitReason::Stop)
    } else if plan.exit_rsi.zip(rsi_since(stage, trade, fill)).is_some_and(|(limit, rsi)| rsi >= limit) {
        Some(ExitReason::Rsi)
    } else if calendar::sessions_between(fill.session, today).is_some_and(|held| held >= plan.time_stop_sessions) {
        Some(ExitReason::TimeStop)
    } else if calendar::dte(stage.snapshot.as_of, trade.symbol.expiration) <= plan.exit_dte {
        Some(ExitReason::Dte)
    } else {
        None
    }
}

/// RSI(14) of the last closed bar, if it closed since the fill: an RSI that was there at the entry is no reason to leave.
fn rsi_since(stage: &Stage<'_>, trade: &TradeRecord, fill: &Fill) -> Option<f64> {
    let own = OwnBars::of(stage, &trade.symbol)?;
    own.bars.last().filter(|bar| bar.date >= fill.session)?;
    own.indicators()?.rsi
}

/// What a contract is worth at settlement, by the underlying's bar of that date.
fn intrinsic(trade: &TradeRecord, underlying_bars: &[Bar]) -> Option<Price> {
    let symbol = &trade.symbol;
    let date = calendar::settlement_session(symbol.expiration)?;
    let bar = underlying_bars.iter().rev().find(|bar| bar.date == date)?;
    let spot = match symbol.settlement() {
        Settlement::Am => bar.open,
        Settlement::Pm => bar.close,
    };
    let (spot, strike) = (spot.units(), u64::from(symbol.strike.thousandths()) * 10);
    Some(Price::from_units(match symbol.kind {
        OptionKind::Call => spot.saturating_sub(strike),
        OptionKind::Put => strike.saturating_sub(spot),
    }))
}

fn mark(
    stage: &Stage<'_>,
    trade: &TradeRecord,
    quote: Option<&ContractQuote>,
    transition: Option<&Transition>,
) -> Option<(TradeId, Mark)> {
    let at = stage.snapshot.as_of;
    let held = trade.state == TradeState::Open || matches!(transition, Some(Transition::Filled(_)));
    let new = trade.last_mark.as_ref().is_none_or(|last| last.at != at);
    let quote = quote.filter(|_| held && new)?;
    Some((trade.id.clone(), Mark { at, bid: quote.bid, ask: quote.ask }))
}
