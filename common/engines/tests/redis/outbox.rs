//! What the outbox costs the server, counted in its commands, and outboxes that an earlier version wrote.

use std::time::Duration;

use fleet_core::domain::*;
use fleet_core::seams::*;
use fleet_engines::redis::{RedisStore, SCHEMA_VERSION};
use fleet_servers::RedisServer;
use jiff::Timestamp;
use jiff::civil::date;

use crate::place::Place;
use crate::scan::{commit, frozen};

/// Notices that wait.
const NOTICES: usize = 300;

fn second(n: usize) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + n as i64).unwrap()
}

fn trade(n: usize, valid_until: Timestamp) -> TradeRecord {
    let symbol = OccSymbol::parse(&format!("T0270319C{:08}", n + 1)).unwrap();
    let price = |dollars| Price::from_dollars(dollars).unwrap();
    TradeRecord {
        id: TradeId::derive("oversold_call", &symbol, date(2026, 11, 20)),
        strategy: "oversold_call".to_owned(),
        underlying: Ticker::parse("T0").unwrap(),
        symbol,
        control: false,
        state: TradeState::Pending,
        scan: ScanId::parse("server-20261120-1000").unwrap(),
        signalled_at: second(0),
        entry_session: date(2026, 11, 20),
        signal_bid: price(2.30),
        signal_ask: price(2.40),
        plan: EntryPlan {
            buy: price(2.35),
            target: price(3.10),
            stop: price(1.60),
            valid_until,
            time_stop_sessions: Some(10),
            direction: fleet_core::domain::Direction::Long,
            signals: fleet_core::domain::ExitSignals::default(),
            confirm_pct: None,
            advice: fleet_core::domain::Advice::Act,
            exit_rsi: None,
            exit_dte: 7,
            commission: price(0.65),
        },
        score: Score::default(),
        checks: Vec::new(),
        fill: None,
        exit: None,
        ignored: false,
        last_mark: None,
        confirmation: None,
    }
}

/// A settled scan that took these trades and owes a BUY notice of each, in their order.
async fn owed(store: &RedisStore, trades: &[TradeRecord]) {
    let lease = frozen(store, "1000", 1).await;
    store.commit(&Commit { trades: trades.to_vec(), ..commit(&lease.scan, 0, "x") }).await.unwrap();
    store.seal(&lease).await.unwrap();
    let notice = |trade: &TradeRecord| Notice {
        kind: NoticeKind::Buy,
        trade: trade.id.clone(),
        at: second(0),
        text: trade.symbol.to_string(),
    };
    let taken = trades.iter().map(|trade| trade.id.clone()).collect();
    let notices = trades.iter().map(notice).collect();
    store.settle(&lease, &PortfolioDecision { basis: 0, taken, capped: Vec::new(), notices }).await.unwrap();
    assert_eq!(store.unsent_notices().await.unwrap() as usize, trades.len());
}

async fn claim(store: &RedisStore, max: u32, as_of: Timestamp) -> Vec<String> {
    let claim = NoticeClaim { max, lasts: Duration::from_secs(60), as_of };
    let claimed = store.claim_notices(&Holder("a:1".to_owned()), &claim).await.unwrap();
    claimed.into_iter().map(|claimed| claimed.notice.text).collect()
}

/// A connection for what a store never does.
async fn raw(server: &RedisServer) -> redis::aio::MultiplexedConnection {
    redis::Client::open(server.url()).unwrap().get_multiplexed_async_connection().await.unwrap()
}

/// Calls the server has run so far, those of scripts counted one by one.
async fn calls(connection: &mut redis::aio::MultiplexedConnection) -> u64 {
    let stats: String = redis::cmd("INFO").arg("commandstats").query_async(connection).await.unwrap();
    let calls = stats.lines().filter_map(|line| line.split_once(":calls=")?.1.split(',').next()?.parse::<u64>().ok());
    calls.sum()
}

#[tokio::test]
async fn a_claim_looks_at_what_it_takes_and_not_at_what_waits() {
    let server = RedisServer::start();
    let store = Place::on(&server).store().await;
    let trades: Vec<TradeRecord> = (0..NOTICES).map(|n| trade(n, second(3600))).collect();
    owed(&store, &trades).await;
    let texts: Vec<String> = trades.iter().map(|trade| trade.symbol.to_string()).collect();
    let mut connection = raw(&server).await;
    for round in 0..3 {
        let before = calls(&mut connection).await;
        assert_eq!(claim(&store, 10, second(0)).await, texts[round * 10..][..10]);
        let cost = calls(&mut connection).await - before;
        // Two a notice that is looked at: the claimed ones, those claimed before, and the rest of a page.
        assert!(cost <= 10 + 2 * 50, "claim {round} of ten among {NOTICES} took {cost} calls");
    }
    // What is too late is dropped wherever it stands.
    assert!(claim(&store, 10, second(3600 + 901)).await.is_empty());
    assert_eq!(store.unsent_notices().await.unwrap(), 30, "only those that are claimed may be on their way");
}

#[tokio::test]
async fn an_outbox_of_the_first_schema_is_brought_up_to_date() {
    let server = RedisServer::start();
    let place = Place::on(&server);
    let store = place.store().await;
    let late = (0..40).map(|n| trade(n, second(3600)));
    let trades: Vec<TradeRecord> = late.chain((40..50).map(|n| trade(n, second(60)))).collect();
    owed(&store, &trades).await;
    let key = |name: &str| format!("{}{name}", place.settings.prefix);
    let mut connection = raw(&server).await;
    redis::cmd("DEL").arg(key("outbox:perishing")).query_async::<()>(&mut connection).await.unwrap();
    redis::cmd("SET").arg(key("schema")).arg("1").query_async::<()>(&mut connection).await.unwrap();
    let store = place.store().await;
    let schema: i64 = redis::cmd("GET").arg(key("schema")).query_async(&mut connection).await.unwrap();
    assert_eq!(schema, SCHEMA_VERSION);
    // The ten that are over stand behind those that are not: only their time leads to them.
    assert_eq!(claim(&store, 1, second(60 + 901)).await, [trades[0].symbol.to_string()]);
    assert_eq!(store.unsent_notices().await.unwrap(), 40);
}
