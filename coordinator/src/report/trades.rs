//! Paper trades as a list, as one trade in full, as JSON and as CSV.

use std::fmt::Write as _;

use serde::Serialize;

use fleet_core::domain::calendar::new_york_text;
use fleet_core::domain::{Mark, Price, TradeRecord};

use super::SCHEMA;
use super::layout::{Align, Column, grid, or_dash, price, wrap};
use super::table::{check_text, signed};

/// JSON of a list.
#[derive(Debug, Serialize)]
pub struct TradeList<'a> {
    /// [`SCHEMA`].
    pub schema: u32,
    /// Newest signal first.
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

/// The list for people.
#[must_use]
pub fn table(trades: &[TradeRecord]) -> String {
    use Align::{Left, Right};
    if trades.is_empty() {
        return "No trades.\n".to_owned();
    }
    let columns = [
        Column(Left, "", "Trade"),
        Column(Left, "", "State"),
        Column(Left, "", "Ticker"),
        Column(Left, "Expira-", "tion"),
        Column(Right, "", "Strike"),
        Column(Left, "C/", "P"),
        Column(Left, "Sig-", "nalled"),
        Column(Right, "Entry", "(limit)"),
        Column(Right, "", "Exit"),
        Column(Left, "", "Why"),
        Column(Right, "Gross", "$"),
        Column(Right, "Net", "$"),
    ];
    let rows: Vec<Vec<String>> = trades
        .iter()
        .map(|trade| {
            let exit = trade.exit.as_ref();
            vec![
                trade.id.to_string(),
                trade.state.word().to_owned(),
                trade.underlying.to_string(),
                trade.symbol.expiration.strftime("%y-%m-%d").to_string(),
                trade.symbol.strike.to_string(),
                trade.symbol.kind.letter().to_string(),
                trade.entry_session.strftime("%y-%m-%d").to_string(),
                match &trade.fill {
                    Some(fill) => price(fill.price.dollars()),
                    None => format!("({})", price(trade.plan.buy.dollars())),
                },
                or_dash(exit, |exit| price(exit.price.dollars())),
                or_dash(exit, |exit| exit.reason.word().to_owned()),
                or_dash(exit, |exit| format!("{:+.2}", exit.gross.dollars())),
                or_dash(exit, |exit| format!("{:+.2}", exit.net.dollars())),
            ]
        })
        .collect();
    grid(&columns, &rows) + &summary(trades)
}

fn summary(trades: &[TradeRecord]) -> String {
    let nets: Vec<f64> = trades.iter().filter_map(|t| t.exit.as_ref()).map(|exit| exit.net.dollars()).collect();
    if nets.is_empty() {
        return String::new();
    }
    let won = nets.iter().filter(|net| **net > 0.0).count();
    let total: f64 = nets.iter().sum();
    let few = if nets.len() < 30 { " Fewer than 30: this proves nothing." } else { "" };
    format!(
        "\nClosed {}, won {won}, net {} in all, {} a trade on average.{few}\n",
        nets.len(),
        signed(total),
        signed(total / nets.len() as f64),
    )
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
    line(
        "Plan",
        format!(
            "buy at {} until {}, sell at {}, stop at {}, out after {} sessions{} or at {} DTE",
            plan.buy,
            new_york_text(plan.valid_until),
            plan.target,
            plan.stop,
            plan.time_stop_sessions,
            plan.exit_rsi.map_or_else(String::new, |rsi| format!(", at RSI {rsi}")),
            plan.exit_dte,
        ),
    );
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
        let _ = writeln!(text, "  {}", check_text(check));
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
        "trade,state,strategy,control,ticker,symbol,signalled_at,scan,buy,target,stop,fill,filled_at,exit,exit_at,reason,gross,net\r\n"
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
        ]);
    }
    text
}
