//! Gates: what keeps a contract from every strategy, in a fixed order, each with the value and threshold that stopped it.

use std::borrow::Cow;

use fleet_core::domain::{Check, ContractQuote, Operator, Price, Verdict, calendar};

use crate::config::{Gates, SpreadArithmetic};
use crate::place::Place;
use crate::tick::Ticks;
use crate::vol::{Bounds, VolPoint};

/// What the gates read of a contract besides its quote.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GateInput<'a> {
    /// The row.
    pub quote: &'a ContractQuote,
    /// `None` once the contract has expired, and where the calendar does not know when it does.
    pub years: Option<f64>,
    /// Open interest, `None` where the chain's means nothing.
    pub open_interest: Option<u64>,
    /// Why no contract of its expiration is believed.
    pub doubt: Option<&'a Stopped>,
    /// Bounds; `None` without a spot.
    pub bounds: Option<Bounds>,
    /// Volatility and delta at mid.
    pub vol: Option<VolPoint>,
}

/// A gate that stopped a contract.
#[derive(Debug, Clone, PartialEq)]
pub struct Stopped {
    /// Where it left.
    pub place: Place,
    /// What was measured.
    pub check: Check,
}

fn exactly(dollars: f64) -> i64 {
    (dollars * 10_000.0).round() as i64
}

/// Whether a quote's spread is narrow enough; not without 0 < bid < ask.
#[must_use]
pub fn spread_passes(quote: &ContractQuote, gates: &Gates) -> bool {
    let (Some(bid), Some(ask)) = (quote.bid, quote.ask) else { return false };
    if bid.is_zero() || bid >= ask {
        return false;
    }
    if gates.spread_arithmetic == SpreadArithmetic::Binary {
        let (bid, ask) = (bid.dollars(), ask.dollars());
        let spread = ask - bid;
        return spread <= gates.max_spread_dollars || spread <= gates.max_spread_pct / 100.0 * ((bid + ask) / 2.0);
    }
    let (bid, ask) = (bid.units(), ask.units());
    let spread = ask - bid;
    spread as i64 <= exactly(gates.max_spread_dollars)
        || 200.0 * spread as f64 <= gates.max_spread_pct * (bid + ask) as f64
}

/// (ask − bid)/mid in percent.
#[must_use]
pub fn spread_pct(quote: &ContractQuote) -> Option<f64> {
    Some(100.0 * quote.spread()? / quote.mid()?)
}

/// The first gate on quote, open interest and volume that stops a contract: those that need no price of the underlying.
#[must_use]
pub fn trade_stop(input: &GateInput<'_>, gates: &Gates) -> Option<Stopped> {
    quote_stop(input, gates).or_else(|| interest_stop(input, gates))
}

fn quote_stop(input: &GateInput<'_>, gates: &Gates) -> Option<Stopped> {
    let quote = input.quote;
    let adjusted = f64::from(u8::from(quote.symbol.root.is_adjusted()));
    let (bid, ask) = (quote.bid.filter(|p| !p.is_zero()), quote.ask.filter(|p| !p.is_zero()));
    if quote.symbol.root.is_adjusted() {
        return Some(stop("deliverable", Check::new("adjusted_root", Some(adjusted), Operator::AtMost, 0.0)));
    }
    if input.years.is_none() && calendar::settlement_instant(&quote.symbol).is_none() {
        // The calendar does not reach that far: it would be wrong to call the contract expired.
        return Some(unknown("settlement", Check::new("years_to_settlement", None, Operator::Above, 0.0)));
    }
    if input.years.is_none() {
        return Some(stop("expired", failed("years_to_settlement", Operator::Above, 0.0)));
    }
    if let Some(doubt) = input.doubt {
        return Some(doubt.clone());
    }
    let Some(bid) = bid.filter(|p| p.dollars() >= gates.min_bid) else {
        let check = Check::new("bid", bid.map(Price::dollars), Operator::AtLeast, gates.min_bid);
        return Some(stop("bid", Check { verdict: Verdict::Fail, ..check }));
    };
    let Some(ask) = ask else {
        return Some(stop("ask", failed("ask", Operator::Above, 0.0)));
    };
    if bid > ask {
        return Some(stop("crossed", Check::new("bid", Some(bid.dollars()), Operator::AtMost, ask.dollars())));
    }
    if bid == ask {
        return Some(stop("locked", Check::new("bid", Some(bid.dollars()), Operator::Below, ask.dollars())));
    }
    if !spread_passes(quote, gates) {
        let limit = quote
            .mid()
            .map_or(gates.max_spread_pct, |mid| gates.max_spread_pct.max(100.0 * gates.max_spread_dollars / mid));
        let check = Check::new("spread_pct", spread_pct(quote), Operator::AtMost, limit);
        return Some(stop("spread", Check { verdict: Verdict::Fail, ..check }));
    }
    None
}

fn interest_stop(input: &GateInput<'_>, gates: &Gates) -> Option<Stopped> {
    let count = |name: &'static str, value: Option<u64>, threshold: u64| {
        let check = Check::new(name, value.map(|v| v as f64), Operator::AtLeast, threshold as f64);
        match check.verdict {
            Verdict::Pass => None,
            Verdict::Fail => Some(stop(name, check)),
            Verdict::Unknown => Some(unknown(name, check)),
        }
    };
    count("open_interest", input.open_interest, gates.min_open_interest)
        .or_else(|| count("volume", input.quote.volume, gates.min_volume))
}

/// Stops a price that no honest market has.
#[must_use]
pub fn bounds_stop(input: &GateInput<'_>, ticks: Ticks) -> Option<Stopped> {
    let Some(Bounds { lower, upper }) = input.bounds else {
        return Some(unknown("spot", Check::new("spot", None, Operator::Above, 0.0)));
    };
    let (bid, ask) = (input.quote.bid?.dollars(), input.quote.ask?.dollars());
    let above = Check::new("ask", Some(ask), Operator::AtLeast, lower - ticks.at(ask));
    let below = Check::new("bid", Some(bid), Operator::AtMost, upper + ticks.at(bid));
    [above, below].into_iter().find(|check| check.verdict != Verdict::Pass).map(|check| stop("bounds", check))
}

/// Stops a volatility that is unknown or out of range.
#[must_use]
pub fn vol_stop(input: &GateInput<'_>, gates: &Gates) -> Option<Stopped> {
    let iv = input.vol.map(|v| v.iv);
    let low = Check::new("iv", iv, Operator::AtLeast, gates.iv[0]);
    let high = Check::new("iv", iv, Operator::AtMost, gates.iv[1]);
    let check = [low, high].into_iter().find(|check| check.verdict != Verdict::Pass)?;
    Some(if check.verdict == Verdict::Unknown { unknown("iv", check) } else { stop("iv", check) })
}

const fn failed(name: &'static str, operator: Operator, threshold: f64) -> Check {
    Check { name: Cow::Borrowed(name), value: None, operator, threshold, verdict: Verdict::Fail, mandatory: true }
}

const fn stop(gate: &'static str, check: Check) -> Stopped {
    Stopped { place: Place::Gate(gate), check }
}

const fn unknown(input: &'static str, check: Check) -> Stopped {
    Stopped { place: Place::Unknown(Cow::Borrowed(input)), check }
}
