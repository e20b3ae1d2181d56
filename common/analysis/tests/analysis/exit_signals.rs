//! Reasons to leave that are neither price nor time: the underlying's IV percentile, its two lines, the contract's delta.
//! Each alone, on a quote between stop and target, by what the plan says and whatever strategies run now.

use fleet_analysis::{AnalysisConfig, MarketSnapshot, analyse, new_trades};
use fleet_core::domain::*;
use jiff::civil::{Date, date};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::strategy_worlds::{cheap_world, crossing, crossing_world, history, only};
use crate::world::*;

const FILLED_ON: Date = date(2026, 11, 20);

fn at(day: Date) -> Timestamp {
    calendar::at_new_york(day, 10, 30, 0)
}

/// A trade that a strategy found and that was filled at its limit.
fn filled(snapshot: &MarketSnapshot, config: &AnalysisConfig) -> TradeRecord {
    let proposed = new_trades(&analyse(snapshot, config), &snapshot.scan).remove(0);
    let at = as_of() + SignedDuration::from_mins(20);
    let fill = Fill { at, session: FILLED_ON, price: proposed.plan.buy };
    TradeRecord { state: TradeState::Pending, ..proposed }.after(&Transition::Filled(fill)).unwrap()
}

/// The market at a time: the trade is quoted as it was bought, the underlying closed so before.
fn look(at: Timestamp, trade: &TradeRecord, closes: &[f64]) -> MarketSnapshot {
    let mut snapshot = MarketSnapshot { as_of: at, chain: chain(SPOT, at), ..snapshot() };
    snapshot.chain.contracts.retain(|quote| quote.symbol != trade.symbol);
    let (bid, ask) = (trade.plan.buy, trade.plan.buy.dollars() + 0.02);
    let quoted = quote(trade.symbol, SPOT, at);
    snapshot.chain.contracts.push(ContractQuote { bid: Some(bid), ask: Some(price(ask)), ..quoted });
    snapshot.live_trades = vec![trade.clone()];
    let instrument = Instrument::Underlying(snapshot.ticker.clone());
    snapshot.underlying_bars = Some(series(instrument, calendar::exchange_date(at), closes, 1_000_000));
    snapshot
}

/// Why it is left, with S1 running: no strategy that would ask for volatilities itself.
fn reason(snapshot: &MarketSnapshot) -> Option<ExitReason> {
    let change = analyse(snapshot, &config()).transitions.into_iter().next()?;
    match change.transition {
        Transition::Closed(exit) => Some(exit.reason),
        other => panic!("{other:?}"),
    }
}

#[test]
fn cheap_volatility_is_left_once_it_is_dear() {
    let trade = filled(&cheap_world(), &only("cheap_iv", &json!({})));
    assert_eq!(trade.plan.signals, ExitSignals { iv_percentile: Some(50.0), ..ExitSignals::default() });
    let monday = at(date(2026, 11, 23));
    // So many of the sessions before were below today's .30.
    let seen = |below: usize, sessions: usize| {
        let mut snapshot = look(monday, &trade, &underlying_closes());
        snapshot.history = history(sessions, 0.40, 0.40);
        snapshot.history.iter_mut().take(below).for_each(|session| session.iv30 = Some(0.20));
        snapshot
    };
    assert_eq!(reason(&seen(49, 100)), None);
    assert_eq!(reason(&seen(50, 100)), Some(ExitReason::IvPercentile));
    // Below thirty sessions, today's among them, nothing is ranked.
    assert_eq!(reason(&seen(28, 28)), None);
    assert_eq!(reason(&seen(29, 29)), Some(ExitReason::IvPercentile));
    assert_eq!(reason(&look(monday, &trade, &underlying_closes())), None, "no history");
    let told = analyse(&seen(50, 100), &config()).transitions.remove(0).notice.unwrap().text;
    assert!(told.starts_with("EXIT S3 XYZ ") && told.contains("\nIV recovered"), "{told}");
    // A plan that does not ask for it is not left for it.
    let silent = EntryPlan { signals: ExitSignals::default(), ..trade.plan.clone() };
    let mut snapshot = seen(100, 100);
    snapshot.live_trades[0].plan = silent;
    assert_eq!(reason(&snapshot), None);
}

#[test]
fn a_crossing_is_left_when_the_lines_cross_back() {
    for (name, code) in [("sma_cross", "S5"), ("macd_cross", "S5m")] {
        let trade = filled(&crossing_world(), &only(name, &json!({})));
        assert!(trade.plan.signals.cross.is_some() && trade.strategy == name);
        let tuesday = at(date(2026, 11, 24));
        let back = [crossing(), vec![130.0, 20.0]].concat();
        let seen = look(tuesday, &trade, &back);
        assert_eq!(reason(&seen), Some(ExitReason::Cross), "{name}");
        let told = analyse(&seen, &config()).transitions.remove(0).notice.unwrap().text;
        assert!(told.starts_with(&format!("EXIT {code} XYZ ")) && told.contains("\nsell signal"), "{told}");
        // Still above; and touching, which is not below.
        assert_eq!(reason(&look(tuesday, &trade, &[crossing(), vec![130.0, 131.0]].concat())), None, "{name}");
        assert_eq!(reason(&look(tuesday, &trade, &[100.0; 260])), None, "{name}");
        // The same on the day of the fill is of bars from before it.
        assert_eq!(reason(&look(at(FILLED_ON) + SignedDuration::from_mins(120), &trade, &back)), None, "{name}");
        // The bar of the fill's own session counts.
        assert_eq!(reason(&look(at(date(2026, 11, 23)), &trade, &back)), Some(ExitReason::Cross), "{name}");
        // Bars that are old, or not there, say nothing.
        let mut old = look(at(date(2026, 11, 27)), &trade, &back);
        old.underlying_bars.as_mut().unwrap().bars.retain(|bar| bar.date <= date(2026, 11, 23));
        assert_eq!(reason(&old), None, "{name}");
        let missing = MarketSnapshot { underlying_bars: None, ..look(tuesday, &trade, &back) };
        assert_eq!(reason(&missing), None, "{name}");
    }
}

#[test]
fn price_comes_before_what_the_underlying_says() {
    let trade = filled(&crossing_world(), &only("sma_cross", &json!({})));
    let mut snapshot = look(at(date(2026, 11, 24)), &trade, &[crossing(), vec![130.0, 20.0]].concat());
    let (stop, ask) = (trade.plan.stop, trade.plan.stop.dollars() + 0.02);
    let row = row(&mut snapshot, &trade.symbol);
    (row.bid, row.ask) = (Some(stop), Some(price(ask)));
    assert_eq!(reason(&snapshot), Some(ExitReason::Stop));
}
