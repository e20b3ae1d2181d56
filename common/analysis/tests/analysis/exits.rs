//! A trade's life, scan by scan: each rule alone, and nothing twice.

use fleet_analysis::{MarketSnapshot, Wanted, analyse, new_trades, wanted};
use fleet_core::domain::*;
use jiff::civil::{Date, date};
use jiff::{SignedDuration, Timestamp};

use crate::world::*;

fn later(minutes: i64) -> Timestamp {
    as_of() + SignedDuration::from_mins(minutes)
}

/// A snapshot of the same market later, with one live trade.
fn look(at: Timestamp, trade: &TradeRecord) -> MarketSnapshot {
    let mut snapshot = MarketSnapshot { as_of: at, chain: chain(SPOT, at), ..snapshot() };
    snapshot.live_trades = vec![trade.clone()];
    snapshot
}

fn quoted(snapshot: &mut MarketSnapshot, bid: f64, ask: f64) {
    let row = row(snapshot, &the_call());
    row.bid = Some(price(bid));
    row.ask = Some(price(ask));
}

fn pending() -> TradeRecord {
    let snapshot = completed();
    let finding = analyse(&snapshot, &config());
    let proposed = new_trades(&finding, &snapshot.scan).into_iter().find(|t| t.symbol == the_call()).unwrap();
    TradeRecord { state: TradeState::Pending, ..proposed }
}

fn filled() -> TradeRecord {
    let trade = pending();
    let mut snapshot = look(later(20), &trade);
    let buy = trade.plan.buy.dollars();
    quoted(&mut snapshot, buy - 0.02, buy);
    let finding = analyse(&snapshot, &config());
    let transition = &finding.transitions[0];
    assert!(transition.notice.as_ref().unwrap().text.starts_with("FILLED S1 XYZ"));
    let open = trade.after(&transition.transition).unwrap();
    assert_eq!(open.fill.as_ref().unwrap().price, trade.plan.buy);
    assert_eq!(finding.marks.len(), 1);
    open
}

fn closing(snapshot: &MarketSnapshot) -> Option<Exit> {
    let finding = analyse(snapshot, &config());
    finding.transitions.into_iter().find_map(|t| match t.transition {
        Transition::Closed(exit) => Some(exit),
        Transition::Filled(_) | Transition::Lapsed { .. } | Transition::Confirmed { .. } => None,
    })
}

/// An open trade, seen at a time with a quote: the reason it is left for, if any.
fn check(at: Timestamp, bid: f64, wanted: Option<ExitReason>) {
    let mut snapshot = look(at, &filled());
    quoted(&mut snapshot, bid, bid + 0.02);
    let exit = closing(&snapshot);
    assert_eq!(exit.as_ref().map(|e| e.reason), wanted, "bid {bid}");
    if let Some(exit) = exit {
        let entry = filled().plan.buy;
        assert_eq!(exit.price, price(bid), "booked at the bid that is there");
        assert_eq!(exit.gross, price(bid).minus(entry).times(100));
        assert!((exit.gross.dollars() - exit.net.dollars() - 1.30).abs() < 1e-9);
    }
}

#[test]
fn a_limit_is_filled_by_a_later_quote_only() {
    let trade = pending();
    let buy = trade.plan.buy.dollars();
    let state = |minutes: i64, quote_minutes: i64, ask: f64| {
        let mut snapshot = look(later(minutes), &trade);
        snapshot.chain.quote_time = Some(later(quote_minutes));
        quoted(&mut snapshot, ask - 0.02, ask);
        analyse(&snapshot, &config()).transitions.first().map(|t| t.transition.to())
    };
    assert_eq!(state(10, 5, buy), Some(TradeState::Open));
    assert_eq!(state(10, 5, buy + 0.01), None);
    assert_eq!(state(10, 0, buy), None, "the very quote of the signal");
    assert_eq!(state(10, -5, buy), None, "an older quote");
    assert_eq!(state(40, 30, buy), Some(TradeState::Open), "delayed, but of the validity");
    assert_eq!(state(40, 30, buy + 0.01), None, "there may still come a quote of the validity");
    assert_eq!(state(40, 31, buy), Some(TradeState::Lapsed));
    assert_eq!(state(24 * 60, 24 * 60, buy), Some(TradeState::Lapsed));
    let mut crossed = look(later(10), &trade);
    quoted(&mut crossed, buy, buy - 0.01);
    assert_eq!(analyse(&crossed, &config()).transitions, Vec::new());
}

#[test]
fn nothing_is_done_on_stale_quotes() {
    let mut stale = look(later(24 * 60 * 3), &filled());
    quoted(&mut stale, 50.0, 50.02);
    stale.chain.quote_time = Some(later(60));
    let finding = analyse(&stale, &config());
    assert_eq!((finding.transitions, finding.marks), (Vec::new(), Vec::new()));
}

fn monday() -> Timestamp {
    calendar::at_new_york(date(2026, 11, 23), 10, 30, 0)
}

#[test]
fn target_stop_and_neither() {
    let plan = filled().plan;
    check(monday(), plan.target.dollars(), Some(ExitReason::Target));
    check(monday(), plan.target.dollars() + 1.0, Some(ExitReason::Target));
    check(monday(), plan.target.dollars() - 0.01, None);
    check(monday(), plan.stop.dollars() + 0.01, None);
    check(monday(), plan.stop.dollars(), Some(ExitReason::Stop));
}

#[test]
fn a_contract_nobody_bids_for_is_sold_for_nothing() {
    let sold = |bid: Option<f64>, ask: Option<f64>| {
        let mut snapshot = look(monday(), &filled());
        let row = row(&mut snapshot, &the_call());
        (row.bid, row.ask) = (bid.map(price), ask.map(price));
        let finding = analyse(&snapshot, &config());
        let told = finding.transitions.first().and_then(|t| t.notice.clone()).map(|n| n.text);
        (closing(&snapshot), told)
    };
    for bid in [None, Some(0.0)] {
        let (exit, told) = sold(bid, Some(0.05));
        let exit = exit.unwrap();
        assert_eq!((exit.price, exit.reason), (Price::ZERO, ExitReason::Stop));
        assert_eq!(exit.gross, Price::ZERO.minus(filled().plan.buy).times(100));
        assert!(told.unwrap().contains("\nbid 0.00 entry 2.93 -100.0% ("));
    }
    // An ask above the stop without a bid is a gap in the quoting, not a price.
    assert_eq!(sold(None, Some(filled().plan.stop.dollars() + 0.01)).0, None);
    // No quote at all, crossed and locked ones still decide nothing.
    for (bid, ask) in
        [(None, None), (None, Some(0.0)), (Some(0.0), Some(0.0)), (Some(1.0), Some(0.5)), (Some(1.0), Some(1.0))]
    {
        assert_eq!(sold(bid, ask).0, None, "{bid:?} {ask:?}");
    }
    // Nor do stale ones, or a contract that is not listed.
    let mut stale = look(monday(), &filled());
    row(&mut stale, &the_call()).bid = None;
    stale.chain.quote_time = Some(later(60));
    assert_eq!(closing(&stale), None);
    let mut absent = look(monday(), &filled());
    absent.chain.contracts.retain(|q| q.symbol != the_call());
    assert_eq!(closing(&absent), None);
}

#[test]
fn time_stop_counts_sessions_over_thanksgiving() {
    let plan = filled().plan;
    let between = (plan.stop.dollars() + plan.target.dollars()) / 2.0;
    let cents = (between * 100.0).round() / 100.0;
    // Sessions after the 20th: 23, 24, 25, 27, 30. The 26th is Thanksgiving.
    check(calendar::at_new_york(date(2026, 11, 27), 10, 30, 0), cents, None);
    check(calendar::at_new_york(date(2026, 11, 30), 10, 30, 0), cents, Some(ExitReason::TimeStop));
}

#[test]
fn near_expiration_and_recovered_rsi() {
    let patient = |mut trade: TradeRecord| {
        trade.plan.time_stop_sessions = Some(500);
        trade
    };
    let on = |day: Date| {
        let mut snapshot = look(calendar::at_new_york(day, 10, 30, 0), &patient(filled()));
        let middle = filled().plan.buy.dollars();
        quoted(&mut snapshot, middle, middle + 0.02);
        snapshot
    };
    assert_eq!(closing(&on(date(2026, 12, 24))), None, "22 days");
    assert_eq!(closing(&on(date(2026, 12, 28))).map(|e| e.reason), Some(ExitReason::Dte), "18 days");
    let mut recovered = on(date(2026, 11, 24));
    let mut closes = contract_closes();
    closes.extend([5.0, 6.5]);
    recovered.contract_bars =
        [(the_call(), series(Instrument::Contract(the_call()), date(2026, 11, 24), &closes, 100))].into();
    assert_eq!(closing(&recovered).map(|e| e.reason), Some(ExitReason::Rsi));
    // The same reading on the day of the fill, from bars of before it, is no reason to leave.
    let mut at_once = look(later(120), &patient(filled()));
    let middle = filled().plan.buy.dollars();
    quoted(&mut at_once, middle, middle + 0.02);
    at_once.contract_bars =
        [(the_call(), series(Instrument::Contract(the_call()), date(2026, 11, 20), &closes, 100))].into();
    assert_eq!(closing(&at_once), None);
}

#[test]
fn expiration_is_settled_at_the_underlyings_close() {
    let after = calendar::at_new_york(date(2027, 1, 19), 10, 30, 0);
    let mut snapshot = look(after, &filled());
    snapshot.chain.contracts.retain(|q| q.symbol.expiration > EXPIRATIONS[1]);
    assert_eq!(wanted(&snapshot, &config()), Wanted::UnderlyingBars);
    let closes: Vec<f64> = vec![100.0; 60].into_iter().chain([108.25]).collect();
    let instrument = Instrument::Underlying(snapshot.ticker.clone());
    snapshot.underlying_bars = Some(series(instrument.clone(), date(2027, 1, 19), &closes, 1));
    let exit = closing(&snapshot).unwrap();
    assert_eq!((exit.reason, exit.price), (ExitReason::Expiration, price(3.25)));
    // Also when the vendor lists nothing any more; and never without the bar of that date.
    snapshot.chain.contracts.clear();
    assert!(closing(&snapshot).is_some());
    snapshot.underlying_bars = Some(series(instrument, date(2027, 1, 15), &closes, 1));
    assert_eq!(closing(&snapshot), None);
}

/// The official settlement value is not the index's open: whoever reads the exit must see which one it is.
#[test]
fn a_settlement_at_the_open_says_so() {
    let told = |root: &str, day: Date| {
        let mut trade = filled();
        trade.symbol = OccSymbol { root: Root::parse(root).unwrap(), expiration: day, ..the_call() };
        let mut snapshot = look(calendar::at_new_york(date(2027, 1, 19), 10, 30, 0), &trade);
        let instrument = Instrument::Underlying(snapshot.ticker.clone());
        // An index has no volume.
        let mut bars = series(instrument, date(2027, 1, 19), &[108.25; 60], 0);
        bars.bars.iter_mut().for_each(|bar| bar.open = price(107.0));
        snapshot.underlying_bars = Some(bars);
        let finding = analyse(&snapshot, &config());
        let Transition::Closed(exit) = &finding.transitions[0].transition else { panic!("{finding:?}") };
        (exit.price, finding.transitions[0].notice.clone().unwrap().text)
    };
    let (at_open, text) = told("SPX", date(2027, 1, 15));
    assert_eq!(at_open, price(2.0));
    assert!(text.contains("\nsettled ~open, held "), "{text}");
    let (at_close, text) = told("SPXW", date(2027, 1, 15));
    assert_eq!(at_close, price(3.25));
    assert!(text.contains("\nexpired, held "), "{text}");
}

#[test]
fn nothing_is_booked_or_marked_across_a_split() {
    let flagged = |finding: &Finding| finding.provenance.flags.contains(&"adjusted_contract".to_owned());
    // What an open trade and its finding become when the underlying split on a day.
    let seen = |trade: &TradeRecord, at: Timestamp, split: Date| {
        let mut snapshot = look(at, trade);
        quoted(&mut snapshot, 0.50, 0.52);
        let mut asked = 0;
        while let Wanted::UnderlyingBars = wanted(&snapshot, &config()) {
            let instrument = Instrument::Underlying(snapshot.ticker.clone());
            let before = calendar::exchange_date(at);
            snapshot.underlying_bars =
                Some(BarSeries { last_split: Some(split), ..series(instrument, before, &underlying_closes(), 1) });
            asked += 1;
        }
        assert_eq!(asked, 1, "whether there was a split is asked before anything is sold");
        analyse(&snapshot, &config())
    };
    let open = filled();
    for split in [date(2026, 11, 19), date(2026, 11, 20), date(2026, 11, 24)] {
        let finding = seen(&open, monday(), split);
        assert!(matches!(finding.transitions[0].transition, Transition::Closed(_)), "no split since the fill: {split}");
        assert!(finding.marks.len() == 1 && !flagged(&finding), "{split}");
    }
    let after_settlement = calendar::at_new_york(date(2027, 1, 19), 10, 30, 0);
    for (at, split) in
        [(monday(), date(2026, 11, 23)), (after_settlement, date(2026, 12, 14)), (after_settlement, date(2027, 1, 19))]
    {
        let finding = seen(&open, at, split);
        assert_eq!((&finding.transitions, &finding.marks), (&Vec::new(), &Vec::new()), "split {split}, seen {at}");
        assert!(flagged(&finding), "split {split}, seen {at}");
        assert!(finding.candidates.iter().all(|c| !c.flags.contains(&"adjusted_contract".to_owned())));
    }
    // A limit of before the split buys nothing after it, and lapses as any other.
    let mut waiting = pending();
    waiting.plan.valid_until = monday();
    let mut snapshot = look(monday(), &waiting);
    quoted(&mut snapshot, 0.50, 0.52);
    let instrument = Instrument::Underlying(snapshot.ticker.clone());
    let bars = series(instrument, date(2026, 11, 23), &underlying_closes(), 1);
    snapshot.underlying_bars = Some(BarSeries { last_split: Some(date(2026, 11, 23)), ..bars });
    assert_eq!(analyse(&snapshot, &config()).transitions, Vec::new());
}

#[test]
fn controls_and_ignored_trades_are_silent() {
    let silent = |change: fn(&mut TradeRecord)| {
        let mut trade = filled();
        change(&mut trade);
        let mut snapshot = look(monday(), &trade);
        quoted(&mut snapshot, 50.0, 50.02);
        let finding = analyse(&snapshot, &config());
        assert_eq!(finding.transitions.len(), 1);
        finding.transitions[0].notice.is_none()
    };
    assert!(silent(|t| t.control = true));
    assert!(silent(|t| t.ignored = true));
    assert!(!silent(|_| {}));
}

#[test]
fn the_same_look_again_adds_nothing() {
    let mut trade = filled();
    let at = later(20);
    trade.last_mark = Some(Mark { at, bid: None, ask: None });
    let mut again = look(at, &trade);
    quoted(&mut again, 50.0, 50.02);
    let finding = analyse(&again, &config());
    assert_eq!((finding.transitions, finding.marks), (Vec::new(), Vec::new()), "the quote of the fill sells nothing");
}

#[test]
fn a_live_trade_is_followed_whatever_the_gates_say() {
    let mut snapshot = look(monday(), &filled());
    let plan = filled().plan;
    quoted(&mut snapshot, plan.stop.dollars() - 0.5, plan.stop.dollars() + 3.0);
    snapshot.max_bars = 0;
    let asked = complete(&mut snapshot, &config());
    assert_eq!(asked, vec![the_call()], "its bars come on top of the cap");
    let finding = analyse(&snapshot, &config());
    assert_eq!(finding.transitions.len(), 1);
    assert_eq!(finding.marks.len(), 1);
}
