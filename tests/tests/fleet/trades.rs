//! Three scans over an advancing market: trades are found, bought on paper and left, each way of leaving once; every
//! transition is told once; repeating a scan adds nothing.

use std::collections::{BTreeMap, BTreeSet};

use fleet_core::domain::{ExitReason, Notice, NoticeKind, TradeRecord, TradeState};
use fleet_core::seams::{Outbox, TradeFilter, Trades};
use fleet_engines::sqlite::SqliteStore;
use fleet_tests::fleet::World;
use fleet_tests::market::{Market, config};

/// A seed whose trades end in all three ways after six sessions.
const SEED: u64 = 2;
const TICKERS: u32 = 60;
/// Past the time stop of five sessions.
const SESSIONS: u32 = 6;

fn left(world: &World) -> (Vec<TradeRecord>, Vec<Notice>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be built");
    runtime.block_on(async {
        let store = SqliteStore::open(&world.store_path()).expect("the store opens");
        let trades = store.trades(&TradeFilter::default()).await.expect("the store answers");
        let notices = store.notices().await.expect("the store answers");
        (trades, notices.into_iter().map(|(notice, _)| notice).collect())
    })
}

fn scan(world: &World, market: &Market, slot: &str) {
    // Room for every candidate, so that each way of leaving is met.
    let file = world.write("optionfleet.toml", "[caps]\nopen_per_underlying = 100\nnew_per_day = 1000\n");
    let _ = world.scan(market, ["--slot", slot, "--config"]).args([file]).run().expect_code(0);
}

/// Scans again under another slot: neither trades nor notices may change, but for marks.
fn check_a_repetition_adds_nothing(world: &World, market: &Market, slot: &str) {
    let (before, told_before) = left(world);
    scan(world, market, slot);
    let (after, told_after) = left(world);
    let essence = |trades: Vec<TradeRecord>| {
        trades.into_iter().map(|t| (t.id.clone(), (t.state, t.fill, t.exit))).collect::<BTreeMap<_, _>>()
    };
    assert_eq!(essence(after), essence(before), "repeating the scan changed trades");
    assert_eq!(told_after, told_before, "repeating the scan told something again");
}

#[test]
fn trades_reach_target_stop_and_time_stop_and_each_transition_is_told_once() {
    let world = World::new();
    let market = Market::start(config(SEED, TICKERS));

    scan(&world, &market, "1030");
    let (trades, _) = left(&world);
    let pending = trades.iter().filter(|trade| trade.state == TradeState::Pending).count();
    assert!(pending > 0, "no trade was signalled");
    check_a_repetition_adds_nothing(&world, &market, "1031");

    // CBOE's quotes are fifteen minutes old: these were made after the signal, while the limit stood.
    let _ = market.advance(0, 30);
    scan(&world, &market, "1100");
    let (trades, _) = left(&world);
    let open: BTreeSet<_> = trades.iter().filter(|t| t.state == TradeState::Open).map(|t| t.id.clone()).collect();
    assert!(open.len() >= 3, "{} trades were bought", open.len());
    check_a_repetition_adds_nothing(&world, &market, "1101");

    let _ = market.advance(SESSIONS, 0);
    scan(&world, &market, "1102");
    check_a_repetition_adds_nothing(&world, &market, "1103");
    let (trades, notices) = left(&world);
    let closed: Vec<&TradeRecord> = trades.iter().filter(|trade| open.contains(&trade.id)).collect();
    let mut reasons: BTreeMap<&str, u32> = BTreeMap::new();
    for trade in &closed {
        let (Some(fill), Some(exit)) = (&trade.fill, &trade.exit) else { panic!("{} was not left", trade.id) };
        *reasons.entry(exit.reason.word()).or_default() += 1;
        let gross = exit.price.minus(fill.price).times(100);
        assert_eq!(exit.gross, gross, "{}", trade.id);
        assert!((gross.dollars() - exit.net.dollars() - 1.30).abs() < 1e-9, "{}: two commissions", trade.id);
        match exit.reason {
            ExitReason::Target => assert!(exit.price >= trade.plan.target),
            ExitReason::Stop => assert!(exit.price <= trade.plan.stop),
            ExitReason::TimeStop => assert!(exit.price > trade.plan.stop && exit.price < trade.plan.target),
            ExitReason::Rsi
            | ExitReason::IvPercentile
            | ExitReason::Delta
            | ExitReason::Cross
            | ExitReason::Dte
            | ExitReason::Expiration
            | ExitReason::Manual => {}
        }
    }
    for reason in [ExitReason::Target, ExitReason::Stop, ExitReason::TimeStop] {
        assert!(reasons.contains_key(reason.word()), "no trade left by its {}: {reasons:?}", reason.word());
    }
    check_notices(&trades, &notices);
    check_the_list(&world, &closed);
}

/// One notice for each transition of each trade, and no other.
fn check_notices(trades: &[TradeRecord], notices: &[Notice]) {
    let mut told: BTreeSet<(String, &str)> = BTreeSet::new();
    for notice in notices {
        assert!(told.insert((notice.trade.to_string(), notice.kind.word())), "told twice: {notice:?}");
        assert!(notice.text.len() <= 160, "too long: {notice:?}");
    }
    let mut owed: BTreeSet<(String, &str)> = BTreeSet::new();
    for trade in trades.iter().filter(|trade| trade.state != TradeState::Capped) {
        let mut owe = |kind: NoticeKind| owed.insert((trade.id.to_string(), kind.word()));
        owe(NoticeKind::Buy);
        match trade.state {
            TradeState::Proposed => panic!("{} is only proposed, though its scan was settled", trade.id),
            TradeState::Pending | TradeState::Capped => {}
            TradeState::Open => drop(owe(NoticeKind::Filled)),
            TradeState::Lapsed => drop(owe(NoticeKind::Lapsed)),
            TradeState::Closed => {
                owe(NoticeKind::Filled);
                owe(NoticeKind::Exit);
            }
        }
    }
    assert_eq!(told, owed);
}

/// `trades` shows entry, exit, gross and net of each.
fn check_the_list(world: &World, closed: &[&TradeRecord]) {
    let table = world.with_store(["trades"]).run().expect_code(0).stdout;
    for trade in closed {
        let line = table.lines().find(|line| line.contains(trade.id.as_str())).unwrap_or_else(|| {
            panic!("`trades` does not list {}:\n{table}", trade.id);
        });
        let (fill, exit) = (trade.fill.as_ref().expect("bought"), trade.exit.as_ref().expect("sold"));
        for part in [fill.price.to_string(), exit.price.to_string(), exit.gross.to_string(), exit.net.to_string()] {
            assert!(line.contains(&part), "`{part}` is missing in: {line}");
        }
    }
}
