//! The words people are told. Each text is one segment of GSM 03.38 (at most 160 septets, no character outside the
//! alphabet), names the trade, the contract, and when the quotes were valid.

use fleet_core::domain::{
    Advice, Candidate, Confirmation, ContractQuote, Direction, EntryPlan, Exit, ExitReason, Fill, Notice, NoticeKind,
    OccSymbol, Settlement, TradeRecord, Verdict, calendar,
};
use jiff::Timestamp;

use crate::gsm7::{SEGMENT, septets};
use crate::strategy::code_of;

/// What was seen when a trade changed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Seen {
    /// As-of of the scan.
    pub at: Timestamp,
    /// When its quotes were valid.
    pub quote_time: Option<Timestamp>,
    /// The underlying's price.
    pub spot: Option<f64>,
}

/// A new candidate became a pending trade: `BUY`, `SELL`, or `INFO` where there is only something to know.
#[must_use]
pub fn buy(trade: &TradeRecord, candidate: &Candidate) -> Notice {
    let plan = &trade.plan;
    let passed = candidate.checks.iter().filter(|c| c.verdict == Verdict::Pass).count();
    let unknown = candidate.checks.iter().filter(|c| c.verdict == Verdict::Unknown).count();
    let unknown = if unknown == 0 { String::new() } else { format!(" ({unknown} unknown)") };
    let verb = match (plan.advice, plan.direction) {
        (Advice::Know, _) => "INFO",
        (Advice::Act, Direction::Long) => "BUY",
        (Advice::Act, Direction::Short) => "SELL",
    };
    let head = format!(
        "{verb} {} {passed}/{}{unknown} {}\nlim {} ({}x{}) {}\n{}{}",
        code_of(&trade.strategy),
        candidate.checks.len(),
        contract(trade),
        plan.buy,
        candidate.bid,
        candidate.ask,
        levels(plan),
        id(trade),
        when(Some(candidate.quote_time), candidate.spot_used),
    );
    let value = |name: &str| candidate.checks.iter().find(|c| c.name == name).and_then(|c| c.value);
    let risk = trade.max_loss().filter(|_| plan.direction == Direction::Short);
    let extras = [
        risk.map(|loss| format!("risk ${:.0}", loss.dollars())),
        candidate.flags.iter().any(|flag| flag == "earnings_unknown").then(|| "E?".to_owned()),
        candidate.rsi.map(|rsi| format!("RSI {rsi:.0}")),
        value("min_pct_b_3").map(|b| format!("%B {}", short(b))),
        value("iv_rank").map(|rank| format!("IVR {rank:.0}")),
        candidate.delta.map(|delta| format!("d{}", short(delta))),
        candidate.volume.map(|volume| format!("V{volume}")),
        candidate.open_interest.map(|interest| format!("OI{interest}")),
    ];
    notice(NoticeKind::Buy, trade, trade.signalled_at, append(head, extras.into_iter().flatten()))
}

/// `tgt 22.05 stop 13.45 t/o 5d`
fn levels(plan: &EntryPlan) -> String {
    let time_stop = plan.time_stop_sessions.map(|sessions| format!(" t/o {sessions}d")).unwrap_or_default();
    format!("tgt {} stop {}{time_stop}", plan.target, plan.stop)
}

/// The limit was reached.
#[must_use]
pub fn filled(trade: &TradeRecord, fill: &Fill, seen: &Seen) -> Notice {
    let plan = &trade.plan;
    let sold = match plan.direction {
        Direction::Long => "",
        Direction::Short => "sold ",
    };
    let text = format!(
        "FILLED {} {} {}\n{sold}at {} {}\n{}",
        code_of(&trade.strategy),
        contract(trade),
        id(trade),
        fill.price,
        levels(plan),
        when(seen.quote_time, seen.spot).trim_start(),
    );
    notice(NoticeKind::Filled, trade, seen.at, text)
}

/// The limit was not reached in time.
#[must_use]
pub fn lapsed(trade: &TradeRecord, seen: &Seen) -> Notice {
    let until = calendar::new_york_text(trade.plan.valid_until);
    let text = format!(
        "LAPSED {} {} {}\nlim {} not reached by {until} NY",
        code_of(&trade.strategy),
        contract(trade),
        id(trade),
        trade.plan.buy,
    );
    notice(NoticeKind::Lapsed, trade, seen.at, text)
}

/// The next session's open interest confirms the signal's volume.
#[must_use]
pub fn confirmed(
    trade: &TradeRecord,
    confirmation: &Confirmation,
    quote: Option<&ContractQuote>,
    seen: &Seen,
) -> Notice {
    let now = quote.and_then(|quote| Some(format!(", now {}x{}", quote.bid?, quote.ask?))).unwrap_or_default();
    let text = format!(
        "CONF {} {} {}: OI {:+} of {} vol = opening.\nWas {}x{}{now}{}",
        code_of(&trade.strategy),
        contract(trade),
        id(trade),
        confirmation.rise,
        confirmation.volume,
        trade.signal_bid,
        trade.signal_ask,
        when(seen.quote_time, seen.spot),
    );
    notice(NoticeKind::Confirmed, trade, seen.at, text)
}

/// The trade was left.
#[must_use]
pub fn exit(trade: &TradeRecord, exit: &Exit, seen: &Seen) -> Notice {
    let fill = trade.fill.as_ref();
    let entry = trade.entry_price();
    let (side, direction) = match trade.plan.direction {
        Direction::Long => ("bid", 1.0),
        Direction::Short => ("ask", -1.0),
    };
    let change = match entry.dollars() {
        entered if entered > 0.0 => format!(" {:+.1}%", direction * 100.0 * (exit.price.dollars() - entered) / entered),
        _ => String::new(),
    };
    let net = exit.net.dollars();
    let sign = if net < 0.0 { '-' } else { '+' };
    let held = fill.and_then(|f| calendar::sessions_between(f.session, calendar::exchange_date(exit.at)));
    let text = format!(
        "EXIT {} {} {}\n{} {} entry {entry}{change} ({sign}${:.2} net)\n{}, held {}d{}",
        code_of(&trade.strategy),
        contract(trade),
        id(trade),
        if exit.reason == ExitReason::Expiration { "worth" } else { side },
        exit.price,
        net.abs(),
        reason_text(exit.reason, trade.symbol.settlement()),
        held.unwrap_or(0),
        when(seen.quote_time, seen.spot),
    );
    notice(NoticeKind::Exit, trade, seen.at, text)
}

const fn reason_text(reason: ExitReason, settlement: Settlement) -> &'static str {
    match reason {
        ExitReason::Target => "target hit",
        ExitReason::Stop => "stop hit",
        ExitReason::TimeStop => "time stop",
        ExitReason::Rsi => "RSI recovered",
        ExitReason::IvPercentile => "IV recovered",
        ExitReason::Delta => "delta reached, roll",
        ExitReason::Cross => "sell signal",
        ExitReason::Dte => "expiration near",
        ExitReason::Expiration => match settlement {
            Settlement::Pm => "expired",
            // The official value is made of the constituents' openings, and no vendor here has it.
            Settlement::Am => "settled ~open",
        },
        ExitReason::Manual => "closed by hand",
    }
}

fn notice(kind: NoticeKind, trade: &TradeRecord, at: Timestamp, text: String) -> Notice {
    Notice { kind, trade: trade.id.clone(), at, text: cut(text) }
}

/// `TSLA 19Mar27 450C`
fn contract(trade: &TradeRecord) -> String {
    let OccSymbol { expiration, kind, strike, .. } = trade.symbol;
    format!("{} {} {strike}{}", trade.underlying, expiration.strftime("%d%b%y"), kind.letter())
}

fn id(trade: &TradeRecord) -> String {
    format!("#{}", trade.id.short())
}

/// ` q 11-20 10:05 S 437.12`, in New York time. With the day: a message may be read late, and quotes may be of the
/// session before.
fn when(quote_time: Option<Timestamp>, spot: Option<f64>) -> String {
    let time = quote_time.map(calendar::new_york_text);
    let time = time.as_deref().and_then(|text| text.split_once('-')).map(|(_, from_month)| format!(" q {from_month}"));
    let spot = spot.map(|spot| format!(" S {spot:.2}"));
    format!("{}{}", time.unwrap_or_default(), spot.unwrap_or_default())
}

/// Two decimals without the zero before the point: `.48`, `-.03`.
fn short(value: f64) -> String {
    let text = format!("{value:.2}");
    match text.strip_prefix("-0.") {
        Some(rest) => format!("-.{rest}"),
        None => text.strip_prefix("0.").map_or_else(|| text.clone(), |rest| format!(".{rest}")),
    }
}

/// Adds words while they fit.
fn append(mut text: String, words: impl Iterator<Item = String>) -> String {
    for word in words {
        let longer = format!("{text} {word}");
        if septets(&longer).is_some_and(|n| n <= SEGMENT) {
            text = longer;
        }
    }
    text
}

/// The last resort for names no vendor has: drops what GSM 03.38 lacks, then what is too long.
fn cut(text: String) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut used = 0;
    for c in text.chars() {
        let Some(septets) = septets(c.encode_utf8(&mut [0; 4])) else { continue };
        used += septets;
        if used > SEGMENT {
            break;
        }
        kept.push(c);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_resort_fits() {
        assert_eq!(cut("a → b".to_owned()), "a  b");
        assert_eq!(septets(&cut("x".repeat(500))), Some(SEGMENT));
        assert_eq!(septets(&cut(format!("{}€€", "x".repeat(157)))), Some(159), "two septets do not fit in one");
    }

    #[test]
    fn small_numbers_lose_their_zero() {
        let all = [0.48, -0.03, 1.5, -1.5, 0.0].map(short);
        assert_eq!(all, [".48", "-.03", "1.50", "-1.50", ".00"]);
    }
}
