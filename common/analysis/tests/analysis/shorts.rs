//! A contract that was sold, and one that is only to be known: scan by scan, each rule alone.

use fleet_analysis::{AnalysisConfig, MarketSnapshot, analyse, gsm7, new_trades, notices};
use fleet_core::domain::*;
use jiff::civil::date;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::strategy_worlds::{busy_world, csp_world, only, the_short_put};
use crate::world::*;

fn later(minutes: i64) -> Timestamp {
    as_of() + SignedDuration::from_mins(minutes)
}

fn monday() -> Timestamp {
    calendar::at_new_york(date(2026, 11, 23), 10, 30, 0)
}

fn selling() -> AnalysisConfig {
    only("csp_yield", &json!({}))
}

fn taken(snapshot: &MarketSnapshot, config: &AnalysisConfig, symbol: &OccSymbol) -> TradeRecord {
    let finding = analyse(snapshot, config);
    let proposed = new_trades(&finding, &snapshot.scan).into_iter().find(|t| t.symbol == *symbol).unwrap();
    TradeRecord { state: TradeState::Pending, ..proposed }
}

fn sold() -> TradeRecord {
    let trade = taken(&csp_world(), &selling(), &the_short_put());
    let fill = Fill { at: later(20), session: date(2026, 11, 20), price: trade.plan.buy };
    trade.after(&Transition::Filled(fill)).unwrap()
}

/// The market at a time with the trade's contract quoted so.
fn look(at: Timestamp, trade: &TradeRecord, bid: Option<f64>, ask: Option<f64>) -> MarketSnapshot {
    let mut snapshot = MarketSnapshot { as_of: at, chain: chain(SPOT, at), ..snapshot() };
    snapshot.chain.contracts.retain(|quote| quote.symbol != trade.symbol);
    let quoted = quote(trade.symbol, SPOT, at);
    snapshot.chain.contracts.push(ContractQuote { bid: bid.map(price), ask: ask.map(price), ..quoted });
    snapshot.live_trades = vec![trade.clone()];
    let instrument = Instrument::Underlying(snapshot.ticker.clone());
    snapshot.underlying_bars = Some(series(instrument, calendar::exchange_date(at), &underlying_closes(), 1_000_000));
    snapshot
}

fn change(snapshot: &MarketSnapshot) -> Option<Transition> {
    analyse(snapshot, &selling()).transitions.into_iter().next().map(|t| t.transition)
}

fn left(trade: &TradeRecord, bid: Option<f64>, ask: Option<f64>) -> Option<Exit> {
    match change(&look(monday(), trade, bid, ask))? {
        Transition::Closed(exit) => Some(exit),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_limit_to_sell_is_filled_by_a_later_bid_only() {
    let trade = taken(&csp_world(), &selling(), &the_short_put());
    let credit = trade.plan.buy.dollars();
    let filled = |bid: f64| change(&look(later(20), &trade, Some(bid), Some(bid + 0.02)));
    assert!(matches!(filled(credit), Some(Transition::Filled(fill)) if fill.price == trade.plan.buy));
    assert!(matches!(filled(credit + 0.10), Some(Transition::Filled(fill)) if fill.price == trade.plan.buy));
    assert_eq!(filled(credit - 0.01), None);
    let at_once = look(later(0), &trade, Some(credit), Some(credit + 0.02));
    assert_eq!(change(&at_once), None, "the very quote of the signal");
    let told = analyse(&look(later(20), &trade, Some(credit), Some(credit + 0.02)), &selling()).transitions;
    let text = &told[0].notice.as_ref().unwrap().text;
    assert!(text.starts_with("FILLED S4 XYZ 18Dec26 94P #") && text.contains("\nsold at "), "{text}");
    assert!(gsm7::septets(text).unwrap() <= gsm7::SEGMENT);
}

#[test]
fn it_is_bought_back_at_the_ask_that_is_there() {
    let trade = sold();
    let (credit, target, stop) = (trade.plan.buy, trade.plan.target.dollars(), trade.plan.stop.dollars());
    let check = |ask: f64, wanted: Option<ExitReason>| {
        let exit = left(&trade, Some(ask - 0.02), Some(ask));
        assert_eq!(exit.as_ref().map(|exit| exit.reason), wanted, "ask {ask}");
        if let Some(exit) = exit {
            assert_eq!(exit.price, price(ask));
            assert_eq!(exit.gross, credit.minus(price(ask)).times(100));
            assert!((exit.gross.dollars() - exit.net.dollars() - 1.30).abs() < 1e-9);
        }
    };
    check(target, Some(ExitReason::Target));
    check(target - 0.05, Some(ExitReason::Target));
    check(target + 0.01, None);
    check(stop - 0.01, None);
    check(stop, Some(ExitReason::Stop));
    check(stop + 1.0, Some(ExitReason::Stop));
    let near = TradeRecord { plan: EntryPlan { exit_dte: 25, ..trade.plan.clone() }, ..trade.clone() };
    assert_eq!(left(&near, Some(0.80), Some(0.82)).unwrap().reason, ExitReason::Dte);
    let rolled = ExitSignals { delta: Some(0.15), ..ExitSignals::default() };
    let rolled = TradeRecord { plan: EntryPlan { signals: rolled, ..trade.plan.clone() }, ..trade.clone() };
    assert_eq!(left(&rolled, Some(0.80), Some(0.82)).unwrap().reason, ExitReason::Delta);
}

#[test]
fn what_nobody_offers_is_not_bought_back_for_nothing() {
    let trade = sold();
    let (target, stop) = (trade.plan.target.dollars(), trade.plan.stop.dollars());
    for (bid, ask) in [(None, None), (Some(0.80), None), (Some(0.80), Some(0.0)), (None, Some(0.0))] {
        assert_eq!(left(&trade, bid, ask), None, "{bid:?} {ask:?}");
    }
    // Crossed and locked quotes decide nothing.
    assert_eq!(left(&trade, Some(0.20), Some(0.10)), None);
    assert_eq!(left(&trade, Some(0.10), Some(0.10)), None);
    // Nobody bids any more: an offer is still a price, unless it is far away.
    assert_eq!(left(&trade, None, Some(0.05)).unwrap().reason, ExitReason::Target);
    assert_eq!(left(&trade, Some(0.0), Some(target)).unwrap().price, price(target));
    assert_eq!(left(&trade, None, Some(stop)), None, "a gap in the quoting is no stop");
    assert_eq!(left(&trade, None, Some(50.0)), None);
}

#[test]
fn at_settlement_it_owes_what_the_contract_is_worth() {
    let trade = sold();
    let at = calendar::at_new_york(date(2026, 12, 21), 10, 30, 0);
    let settled = |close: f64| {
        let mut snapshot = look(at, &trade, None, None);
        let mut closes = underlying_closes();
        *closes.last_mut().unwrap() = close;
        let instrument = Instrument::Underlying(snapshot.ticker.clone());
        snapshot.underlying_bars = Some(series(instrument, date(2026, 12, 21), &closes, 1_000_000));
        match change(&snapshot) {
            Some(Transition::Closed(exit)) => exit,
            other => panic!("{other:?}"),
        }
    };
    let credit = trade.plan.buy;
    assert_eq!((settled(95.0).price, settled(95.0).gross), (Price::ZERO, credit.minus(Price::ZERO).times(100)));
    assert_eq!((settled(80.0).price, settled(80.0).gross), (price(14.0), credit.minus(price(14.0)).times(100)));
    assert_eq!(settled(80.0).reason, ExitReason::Expiration);
}

#[test]
fn across_a_split_nothing_is_booked() {
    let mut snapshot = look(monday(), &sold(), Some(0.05), Some(0.06));
    snapshot.underlying_bars.as_mut().unwrap().last_split = Some(date(2026, 11, 23));
    assert_eq!(change(&snapshot), None);
}

fn known() -> (AnalysisConfig, TradeRecord) {
    let config = only("unusual_volume", &json!({}));
    let trade = taken(&busy_world(), &config, &the_call());
    (config, trade)
}

/// The trade seen with an open interest: what happens to it, and the notices.
fn seen(at: Timestamp, trade: &TradeRecord, open_interest: Option<u64>) -> (Vec<Transition>, Vec<String>) {
    let mut snapshot = look(at, trade, Some(2.80), Some(9.00));
    snapshot.chain.contracts.last_mut().unwrap().open_interest = open_interest;
    let all = analyse(&snapshot, &known().0).transitions;
    let texts = all.iter().filter_map(|t| t.notice.as_ref()).map(|notice| notice.text.clone()).collect();
    (all.into_iter().map(|t| t.transition).collect(), texts)
}

#[test]
fn the_next_sessions_open_interest_confirms() {
    let (_, trade) = known();
    assert_eq!((trade.plan.advice, trade.confirmation), (Advice::Know, None));
    // The same session: nothing new is known, and the limit's end is not the end of the trade.
    assert_eq!(seen(later(120), &trade, Some(9_000)), (vec![], vec![]));
    // 2,500 of 5,000 are half.
    let (changes, told) = seen(monday(), &trade, Some(3_500));
    let Transition::Confirmed { state: TradeState::Pending, confirmation } = changes[0] else { panic!("{changes:?}") };
    assert_eq!((confirmation.rise, confirmation.volume, confirmation.opening), (2_500, 5_000, true));
    assert!(matches!(changes[1..], [Transition::Lapsed { .. }]), "{changes:?}");
    assert_eq!(told.len(), 1, "it was only to be known: its lapse is not told");
    let wanted = format!("CONF S2 XYZ 15Jan27 105C #{}: OI +2500 of 5000 vol = opening.\nWas ", trade.id.short());
    assert!(told[0].starts_with(&wanted) && told[0].contains(", now 2.80x9.00 q 11-23 10:30"), "{}", told[0]);
    assert!(gsm7::septets(&told[0]).unwrap() <= gsm7::SEGMENT);
    // Applied, it is not seen again.
    let once = trade.after(&changes[0]).unwrap();
    assert_eq!(once.confirmation, Some(confirmation));
    assert!(matches!(seen(monday(), &once, Some(3_500)).0[..], [Transition::Lapsed { .. }]));
}

#[test]
fn what_was_not_opened_is_stored_and_not_told() {
    let (_, trade) = known();
    let (changes, told) = seen(monday(), &trade, Some(3_499));
    assert!(matches!(changes[0], Transition::Confirmed { confirmation: Confirmation { opening: false, .. }, .. }));
    assert!(told.is_empty());
    let (fallen, _) = seen(monday(), &trade, Some(200));
    assert!(matches!(fallen[0], Transition::Confirmed { confirmation: Confirmation { rise: -800, .. }, .. }));
    // Unknown, it is waited for some sessions long.
    assert_eq!(seen(monday(), &trade, None).0, vec![]);
    let week = calendar::at_new_york(date(2026, 11, 30), 10, 30, 0);
    assert!(matches!(seen(week, &trade, None).0[..], [Transition::Lapsed { .. }]));
}

#[test]
fn what_people_are_told_at_the_entry() {
    let told = |snapshot: &MarketSnapshot, config: &AnalysisConfig, symbol: &OccSymbol| {
        let found = analyse(snapshot, config).candidates.into_iter().find(|c| c.symbol == *symbol).unwrap();
        let text = notices::buy(&taken(snapshot, config, symbol), &found).text;
        assert!(gsm7::septets(&text).unwrap() <= gsm7::SEGMENT, "{text}");
        text
    };
    let sell = told(&csp_world(), &selling(), &the_short_put());
    let credit = sold().plan.buy;
    assert!(sell.starts_with("SELL S4 ") && sell.contains(&format!(" XYZ 18Dec26 94P\nlim {credit} (")), "{sell}");
    let risk = format!(" risk ${:.0}", (94.0 - credit.dollars()) * 100.0);
    assert!(sell.contains(&risk) && !sell.contains("t/o") && !sell.contains("E?"), "{sell}");
    assert!(sell.contains(" (1 unknown) "), "an IV rank that nobody has yet: {sell}");
    let info = told(&busy_world(), &known().0, &the_call());
    assert!(info.starts_with("INFO S2 ") && info.contains("XYZ 15Jan27 105C\nlim "), "{info}");
    let mut nobody_said = busy_world();
    nobody_said.facts.earnings = None;
    assert!(told(&nobody_said, &known().0, &the_call()).contains(" E? "));
}
