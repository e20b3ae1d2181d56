//! Paper trades as a list, as one trade in full, as JSON and as CSV.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use fleet_analysis::strategy::code_of;
use fleet_core::domain::calendar::new_york_text;
use fleet_core::domain::{Direction, Mark, Price, TradeRecord};

use super::SCHEMA;
use super::layout::{Align, Column, grid, or_dash, price, wrap};
use super::table::{judged, signed};

/// JSON of a list.
#[derive(Debug, Serialize)]
pub struct TradeList<'a> {
    /// [`SCHEMA`].
    pub schema: u32,
    /// Live ones first, then the newest signals.
    pub trades: &'a [TradeRecord],
}

/// JSON of one trade.
#[derive(Debug, Serialize)]
pub struct TradeDetail<'a> {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The trade.
    pub trade: &'a TradeRecord,
    /// What it was worth at each scan, oldest first.
    pub marks: &'a [Mark],
}

/// A list for JSON.
#[must_use]
pub const fn list(trades: &[TradeRecord]) -> TradeList<'_> {
    TradeList { schema: SCHEMA, trades }
}

/// A trade for JSON.
#[must_use]
pub const fn detail<'a>(trade: &'a TradeRecord, marks: &'a [Mark]) -> TradeDetail<'a> {
    TradeDetail { schema: SCHEMA, trade, marks }
}

/// The order of every list: live ones first, then the newest signals, then the best scores.
pub fn sort(trades: &mut [TradeRecord]) {
    trades.sort_by(|a, b| {
        let by_life = b.state.is_live().cmp(&a.state.is_live());
        let by_time = b.signalled_at.cmp(&a.signalled_at);
        let by_score = b.score.total().total_cmp(&a.score.total());
        by_life.then(by_time).then(by_score).then_with(|| a.symbol.cmp(&b.symbol)).then_with(|| a.id.cmp(&b.id))
    });
}

/// `S1` or `S0`, as in notices; a strategy of another version by its name.
fn strategy(trade: &TradeRecord) -> &str {
    code_of(&trade.strategy)
}

/// The list for people: live trades by what they wait for, then those that ended by what they brought.
#[must_use]
pub fn table(trades: &[TradeRecord]) -> String {
    let (live, ended): (Vec<&TradeRecord>, Vec<&TradeRecord>) = trades.iter().partition(|trade| trade.state.is_live());
    let mut parts = Vec::new();
    if !live.is_empty() {
        parts.push(live_grid(&live));
    }
    if !ended.is_empty() {
        parts.push(ended_grid(&ended) + &summary(&ended));
    }
    if parts.is_empty() { "No trades.\n".to_owned() } else { parts.join("\n") }
}

/// The closing line of a list of all states, whose capped trades are left out.
#[must_use]
pub fn left_out(capped: usize, lapsed: usize) -> String {
    if capped == 0 {
        return String::new();
    }
    format!("\n{capped} capped, {lapsed} lapsed (`optionfleet trades capped` lists those without room)\n")
}

const FIRST: [Column; 8] = [
    Column(Align::Left, "", "Trade"),
    Column(Align::Left, "", "St"),
    Column(Align::Left, "", "State"),
    Column(Align::Left, "", "Ticker"),
    Column(Align::Left, "Expira-", "tion"),
    Column(Align::Right, "", "Strike"),
    Column(Align::Left, "C/", "P"),
    Column(Align::Left, "Sig-", "nalled"),
];

fn first(trade: &TradeRecord) -> Vec<String> {
    vec![
        trade.id.to_string(),
        strategy(trade).to_owned(),
        trade.state.word().to_owned(),
        trade.underlying.to_string(),
        trade.symbol.expiration.strftime("%y-%m-%d").to_string(),
        trade.symbol.strike.to_string(),
        format!("{}{}", sign(trade), trade.symbol.kind.letter()),
        trade.entry_session.strftime("%y-%m-%d").to_string(),
    ]
}

/// `-` before a contract that was sold first.
const fn sign(trade: &TradeRecord) -> &'static str {
    match trade.plan.direction {
        Direction::Long => "",
        Direction::Short => "-",
    }
}

/// What was paid or received, or in brackets what was to be.
fn entry(trade: &TradeRecord) -> String {
    match &trade.fill {
        Some(fill) => price(fill.price.dollars()),
        None => format!("({})", price(trade.plan.buy.dollars())),
    }
}

fn live_grid(trades: &[&TradeRecord]) -> String {
    let own = [
        Column(Align::Right, "Entry", "(limit)"),
        Column(Align::Right, "", "Target"),
        Column(Align::Right, "", "Stop"),
        Column(Align::Right, "", "Last"),
    ];
    let rows: Vec<Vec<String>> = trades
        .iter()
        .map(|trade| {
            // What leaving it would have been done at: the bid, or the ask of what was sold.
            let last = trade.last_mark.as_ref().and_then(|mark| match trade.plan.direction {
                Direction::Long => mark.bid,
                Direction::Short => mark.ask,
            });
            let mut cells = first(trade);
            cells.extend([
                entry(trade),
                price(trade.plan.target.dollars()),
                price(trade.plan.stop.dollars()),
                or_dash(last, |last| price(last.dollars())),
            ]);
            cells
        })
        .collect();
    grid(&[FIRST.as_slice(), &own].concat(), &rows)
}

fn ended_grid(trades: &[&TradeRecord]) -> String {
    let own = [
        Column(Align::Right, "Entry", "(limit)"),
        Column(Align::Right, "", "Exit"),
        Column(Align::Left, "", "Why"),
        Column(Align::Right, "Gross", "$"),
        Column(Align::Right, "Net", "$"),
    ];
    let rows: Vec<Vec<String>> = trades
        .iter()
        .map(|trade| {
            let exit = trade.exit.as_ref();
            let mut cells = first(trade);
            cells.extend([
                entry(trade),
                or_dash(exit, |exit| price(exit.price.dollars())),
                or_dash(exit, |exit| exit.reason.word().to_owned()),
                or_dash(exit, |exit| format!("{:+.2}", exit.gross.dollars())),
                or_dash(exit, |exit| format!("{:+.2}", exit.net.dollars())),
            ]);
            cells
        })
        .collect();
    grid(&[FIRST.as_slice(), &own].concat(), &rows)
}

/// One line a strategy: a control's results are there to be compared, not to be added.
fn summary(trades: &[&TradeRecord]) -> String {
    let mut nets: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for trade in trades {
        let net = trade.exit.as_ref().map(|exit| exit.net.dollars());
        nets.entry(strategy(trade)).or_default().extend(net);
    }
    nets.retain(|_, nets| !nets.is_empty());
    let lines: String = nets
        .iter()
        .rev()
        .map(|(strategy, nets)| {
            let won = nets.iter().filter(|net| **net > 0.0).count();
            let total: f64 = nets.iter().sum();
            let few = if nets.len() < 30 { " Fewer than 30: this proves nothing." } else { "" };
            format!(
                "{strategy}: closed {}, won {won}, net {} in all, {} a trade on average.{few}\n",
                nets.len(),
                signed(total),
                signed(total / nets.len() as f64),
            )
        })
        .collect();
    if lines.is_empty() { lines } else { format!("\n{lines}") }
}

/// One trade in full.
#[must_use]
pub fn show(trade: &TradeRecord, marks: &[Mark]) -> String {
    let mut text = String::new();
    let plan = &trade.plan;
    let mut line = |name: &str, value: String| text += &wrap(&format!("{name:<11}{value}"), 11);
    let control = if trade.control { ", a control" } else { "" };
    let ignored = if trade.ignored { ", ignored" } else { "" };
    line("Trade", format!("{} {}{control}{ignored}", trade.id, trade.state.word()));
    line("Contract", format!("{} on {}", trade.symbol, trade.underlying));
    line(
        "Signal",
        format!("{} at {} New York, scan {}", trade.strategy, new_york_text(trade.signalled_at), trade.scan),
    );
    line("Quote", format!("bid {} ask {}", trade.signal_bid, trade.signal_ask));
    let (enter, leave, stop) = match plan.direction {
        Direction::Long => ("buy", "sell", "stop"),
        Direction::Short => ("sell", "buy back", "buy back at a loss"),
    };
    let outs = [
        plan.time_stop_sessions.map(|sessions| format!("out after {sessions} sessions, ")),
        plan.exit_rsi.map(|rsi| format!("at RSI {rsi}, ")),
        plan.signals.iv_percentile.map(|percentile| format!("at IV percentile {percentile}, ")),
        plan.signals.delta.map(|delta| format!("at delta {delta}, ")),
        plan.signals.cross.map(|_| "when the lines cross back, ".to_owned()),
    ];
    line(
        "Plan",
        format!(
            "{enter} at {} until {}, {leave} at {}, {stop} at {}, {}out at {} DTE",
            plan.buy,
            new_york_text(plan.valid_until),
            plan.target,
            plan.stop,
            outs.into_iter().flatten().collect::<String>(),
            plan.exit_dte,
        ),
    );
    let direction = trade.plan.direction.word();
    line(
        "Risk",
        trade.max_loss().map_or_else(
            || format!("{direction}: no end, against shares that are held"),
            |loss| format!("{direction}: at most {} a contract before costs", signed(-loss.dollars())),
        ),
    );
    if let Some(seen) = &trade.confirmation {
        let word = if seen.opening { "opening" } else { "not opening" };
        let at = new_york_text(seen.at);
        line("Confirmed", format!("{word}: open interest {:+} of {} traded, at {at} New York", seen.rise, seen.volume));
    }
    line("Score", format!("{:.1}", trade.score.total()));
    line(
        "Entry",
        or_dash(trade.fill.as_ref(), |fill| format!("{} at {} New York", fill.price, new_york_text(fill.at))),
    );
    line(
        "Exit",
        or_dash(trade.exit.as_ref(), |exit| {
            format!(
                "{} at {} New York ({}), gross {} net {}",
                exit.price,
                new_york_text(exit.at),
                exit.reason.word(),
                signed(exit.gross.dollars()),
                signed(exit.net.dollars()),
            )
        }),
    );
    text += "Checks\n";
    for check in &trade.checks {
        let _ = writeln!(text, "  {}", judged(check));
    }
    if !marks.is_empty() {
        text += "Marks (bid x ask)\n";
    }
    let side = |price: Option<Price>| or_dash(price, |price| price.to_string());
    for mark in marks {
        let _ = writeln!(text, "  {}  {} x {}", new_york_text(mark.at), side(mark.bid), side(mark.ask));
    }
    text
}

/// The list as CSV.
#[must_use]
pub fn csv(trades: &[TradeRecord]) -> String {
    let mut text =
        "trade,state,strategy,control,ticker,symbol,signalled_at,scan,buy,target,stop,fill,filled_at,exit,exit_at,reason,gross,net,direction\r\n"
            .to_owned();
    for trade in trades {
        let (fill, exit) = (trade.fill.as_ref(), trade.exit.as_ref());
        let empty = String::new;
        text += &super::csv::line(&[
            trade.id.to_string(),
            trade.state.word().to_owned(),
            trade.strategy.clone(),
            trade.control.to_string(),
            trade.underlying.to_string(),
            trade.symbol.to_string(),
            trade.signalled_at.to_string(),
            trade.scan.to_string(),
            trade.plan.buy.to_string(),
            trade.plan.target.to_string(),
            trade.plan.stop.to_string(),
            fill.map_or_else(empty, |fill| fill.price.to_string()),
            fill.map_or_else(empty, |fill| fill.at.to_string()),
            exit.map_or_else(empty, |exit| exit.price.to_string()),
            exit.map_or_else(empty, |exit| exit.at.to_string()),
            exit.map_or_else(empty, |exit| exit.reason.word().to_owned()),
            exit.map_or_else(empty, |exit| exit.gross.to_string()),
            exit.map_or_else(empty, |exit| exit.net.to_string()),
            trade.plan.direction.word().to_owned(),
        ]);
    }
    text
}

#[cfg(test)]
mod tests {
    use fleet_core::domain::TradeState;

    use super::*;

    const CLOSED: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../common/core/golden/trade-closed.json"));

    fn trade(state: TradeState, strategy: &str) -> TradeRecord {
        let golden: serde_json::Value = serde_json::from_str(CLOSED).unwrap();
        let read: TradeRecord = serde_json::from_value(golden["body"].clone()).unwrap();
        TradeRecord { state, strategy: strategy.to_owned(), ..read }
    }

    #[test]
    fn live_trades_come_first_and_each_strategy_is_summed_by_itself() {
        let closed = |strategy| trade(TradeState::Closed, strategy);
        let mut trades = [closed("oversold_call"), closed("control"), trade(TradeState::Open, "oversold_call")];
        sort(&mut trades);
        assert_eq!(trades[0].state, TradeState::Open);
        let text = table(&trades);
        assert!(text.contains("\nS1: closed 1, ") && text.contains("\nS0: closed 1, "), "{text}");
        assert!(text.contains("Target  Stop") && text.contains("Gross"), "{text}");
        assert_eq!(table(&[]) + &left_out(0, 3), "No trades.\n");
        assert!(left_out(2, 1).contains("2 capped, 1 lapsed"));
    }
}
