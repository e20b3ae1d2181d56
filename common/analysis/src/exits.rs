//! Live trades: entered when a later quote allows it, left when a rule of their plan says so, at the bid that is there (a
//! short position: at the ask). RULES.md section 8. A quote that is old, crossed or missing decides nothing. A contract
//! that is offered and that nobody bids for is sold for nothing, and one that nobody offers is never bought back for
//! nothing: the worst losses must not be the ones that are never booked. Nothing is ever booked or marked across a split
//! of the underlying: such a trade stays as it is until a person closes it.

use fleet_core::domain::{
    Advice, Bar, Confirmation, ContractQuote, Direction, ExitReason, Fill, Mark, Notice, OptionKind, Price, Settlement,
    TradeId, TradeRecord, TradeState, TradeTransition, Transition, calendar,
};
use jiff::SignedDuration;

use crate::notices::{self, Seen};
use crate::own_bars::OwnBars;
use crate::stage::{Stage, fresh_time, tradable};
use crate::strategy::UnderlyingView;
use crate::strategy::cross::gap;

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
pub fn follow(stage: &Stage<'_>, underlying: Option<&UnderlyingView<'_>>, underlying_bars: Option<&[Bar]>) -> Followed {
    let mut followed = Followed::default();
    let quote_time = fresh_time(stage);
    let seen = Seen { at: stage.snapshot.as_of, quote_time, spot: stage.spot().0 };
    for trade in stage.live_trades() {
        let adjusted = stage.is_adjusted(trade);
        let quote = quote_time.and_then(|_| stage.quote(&trade.symbol)).filter(|_| !adjusted);
        let confirmed = confirmation(stage, trade, quote);
        let waits = trade.confirmation.is_none() && confirmed.is_none();
        // What is live is pending or open.
        let transition = if trade.state == TradeState::Pending {
            pending(stage, trade, quote).filter(|change| !(waits && awaits_confirmation(stage, trade, change)))
        } else if adjusted {
            None
        } else {
            open(stage, trade, quote, underlying, underlying_bars)
        };
        followed.marks.extend(mark(stage, trade, quote, transition.as_ref()));
        for transition in confirmed.into_iter().chain(transition) {
            let notice = told(trade, &transition, quote, &seen);
            followed.transitions.push(TradeTransition { trade: trade.id.clone(), transition, notice });
        }
    }
    followed
}

/// What people are told of a change: nothing of controls and of trades a person ignores; of those that are only to be
/// known, that they were confirmed.
fn told(trade: &TradeRecord, transition: &Transition, quote: Option<&ContractQuote>, seen: &Seen) -> Option<Notice> {
    if trade.control || trade.ignored {
        return None;
    }
    let acts = trade.plan.advice == Advice::Act;
    match transition {
        Transition::Filled(fill) => acts.then(|| notices::filled(trade, fill, seen)),
        Transition::Lapsed { .. } => acts.then(|| notices::lapsed(trade, seen)),
        Transition::Closed(exit) => acts.then(|| notices::exit(trade, exit, seen)),
        Transition::Confirmed { confirmation, .. } => {
            confirmation.opening.then(|| notices::confirmed(trade, confirmation, quote, seen))
        }
    }
}

/// Sessions after the signal's in which its confirmation is waited for.
const CONFIRMATION_SESSIONS: u32 = 3;

/// What the open interest of a later session says of the signal's volume, once.
fn confirmation(stage: &Stage<'_>, trade: &TradeRecord, quote: Option<&ContractQuote>) -> Option<Transition> {
    let least_pct = trade.plan.confirm_pct.filter(|_| trade.confirmation.is_none())?;
    let quoted_on = calendar::exchange_date(fresh_time(stage)?);
    if quoted_on <= trade.entry_session || stage.has_settled(&trade.symbol) || stage.rows.unknown_oi {
        return None;
    }
    let now = i64::try_from(quote?.open_interest?).ok()?;
    let at_signal = |name: &str| trade.checks.iter().find(|check| check.name == name).and_then(|check| check.value);
    let (volume, then) = (at_signal("volume")?, at_signal("open_interest")?);
    let rise = now - then as i64;
    let confirmation = Confirmation {
        at: stage.snapshot.as_of,
        rise,
        volume: volume as u64,
        opening: rise as f64 * 100.0 >= least_pct * volume,
    };
    Some(Transition::Confirmed { state: trade.state, confirmation })
}

/// Whether a lapse is put off: a trade that is no longer live is not looked at, and would never be confirmed. Its limit
/// is over all the same, so that nothing fills it.
fn awaits_confirmation(stage: &Stage<'_>, trade: &TradeRecord, change: &Transition) -> bool {
    let lapses = matches!(change, Transition::Lapsed { .. }) && !stage.has_settled(&trade.symbol);
    let today = calendar::exchange_date(stage.snapshot.as_of);
    let passed = calendar::sessions_between(trade.entry_session, today);
    lapses && trade.plan.confirm_pct.is_some() && passed.is_some_and(|passed| passed <= CONFIRMATION_SESSIONS)
}

fn pending(stage: &Stage<'_>, trade: &TradeRecord, quote: Option<&ContractQuote>) -> Option<Transition> {
    let as_of = stage.snapshot.as_of;
    let until = trade.plan.valid_until;
    let quote_time = fresh_time(stage);
    let in_time = quote_time.is_some_and(|at| trade.signalled_at < at && at <= until);
    let reached = quote.and_then(tradable).is_some_and(|(bid, ask)| match trade.plan.direction {
        Direction::Long => ask <= trade.plan.buy,
        Direction::Short => bid >= trade.plan.buy,
    });
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
    underlying: Option<&UnderlyingView<'_>>,
    underlying_bars: Option<&[Bar]>,
) -> Option<Transition> {
    let fill = trade.fill.as_ref()?;
    let book = |price, reason| trade.booked(stage.snapshot.as_of, price, reason).map(Transition::Closed);
    if stage.has_settled(&trade.symbol) {
        return book(intrinsic(trade, underlying_bars?)?, ExitReason::Expiration);
    }
    let later = fresh_time(stage).is_some_and(|at| at > fill.at);
    let leave = |quote: &ContractQuote| match trade.plan.direction {
        Direction::Long => sale(quote, trade.plan.stop),
        Direction::Short => purchase(quote, trade.plan.stop),
    };
    let price = quote.and_then(leave).filter(|_| later)?;
    let reason = due(stage, trade, fill, price, underlying)?;
    book(price, reason)
}

/// What a seller gets: the bid, or nothing where nobody bids and even the ask is at or below the stop. An ask above the
/// stop without a bid is a gap in the quoting (an opening rotation, a pulled quote), not a price.
fn sale(quote: &ContractQuote, stop: Price) -> Option<Price> {
    let worthless = quote.ask.is_some_and(|ask| !ask.is_zero() && ask <= stop);
    let abandoned = quote.bid.is_none_or(Price::is_zero) && worthless;
    if abandoned { Some(Price::ZERO) } else { tradable(quote).map(|(bid, _)| bid) }
}

/// What who sold pays to buy back: the ask, also of a contract that nobody bids for, unless it is at or above the stop
/// then: that is a gap in the quoting. A contract that nobody offers cannot be bought back, least of all for nothing.
fn purchase(quote: &ContractQuote, stop: Price) -> Option<Price> {
    let ask = quote.ask.filter(|ask| !ask.is_zero())?;
    let nobody_bids = quote.bid.is_none_or(Price::is_zero);
    if nobody_bids { Some(ask).filter(|ask| *ask < stop) } else { tradable(quote).map(|(_, ask)| ask) }
}

fn due(
    stage: &Stage<'_>,
    trade: &TradeRecord,
    fill: &Fill,
    price: Price,
    underlying: Option<&UnderlyingView<'_>>,
) -> Option<ExitReason> {
    let plan = &trade.plan;
    let today = calendar::exchange_date(stage.snapshot.as_of);
    let (won, lost) = match plan.direction {
        Direction::Long => (price >= plan.target, price <= plan.stop),
        Direction::Short => (price <= plan.target, price >= plan.stop),
    };
    let held = calendar::sessions_between(fill.session, today);
    if won {
        Some(ExitReason::Target)
    } else if lost {
        Some(ExitReason::Stop)
    } else if plan.exit_rsi.zip(rsi_since(stage, trade, fill)).is_some_and(|(limit, rsi)| rsi >= limit) {
        Some(ExitReason::Rsi)
    } else if let Some(reason) = signalled(stage, trade, fill, underlying) {
        Some(reason)
    } else if plan.time_stop_sessions.zip(held).is_some_and(|(most, held)| held >= most) {
        Some(ExitReason::TimeStop)
    } else if calendar::dte(stage.snapshot.as_of, trade.symbol.expiration) <= plan.exit_dte {
        Some(ExitReason::Dte)
    } else {
        None
    }
}

/// A reason beside price and time; what is not known is none.
fn signalled(
    stage: &Stage<'_>,
    trade: &TradeRecord,
    fill: &Fill,
    underlying: Option<&UnderlyingView<'_>>,
) -> Option<ExitReason> {
    let signals = &trade.plan.signals;
    let percentile = underlying.and_then(|underlying| underlying.volatilities.rank.percentile);
    let delta = || {
        let row = stage.rows.by_symbol.get(&trade.symbol)?;
        Some(stage.sifted[row].as_ref()?.vol?.greeks.delta.abs())
    };
    // The last closed bar, if it closed since the fill.
    let crossed = |cross| {
        let bars = &underlying?.bars;
        bars.last().filter(|bar| bar.date >= fill.session)?;
        let closes: Vec<f64> = bars.iter().map(|bar| bar.close.dollars()).collect();
        gap(&closes, cross)
    };
    if signals.iv_percentile.zip(percentile).is_some_and(|(limit, percentile)| percentile >= limit) {
        Some(ExitReason::IvPercentile)
    } else if signals.delta.is_some_and(|limit| delta().is_some_and(|delta| delta >= limit)) {
        Some(ExitReason::Delta)
    } else if signals.cross.and_then(crossed).is_some_and(|gap| gap < 0.0) {
        Some(ExitReason::Cross)
    } else {
        None
    }
}

/// RSI(14) of the last closed bar, if it closed since the fill: an RSI that was there at the entry is no reason to leave.
fn rsi_since(stage: &Stage<'_>, trade: &TradeRecord, fill: &Fill) -> Option<f64> {
    let own = OwnBars::of(stage, &trade.symbol)?;
    own.bars.last().filter(|bar| bar.date >= fill.session)?;
    // The raw one: the adjusted closes drift up and are no evidence of an overbought contract.
    own.raw_indicators()?.rsi
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
