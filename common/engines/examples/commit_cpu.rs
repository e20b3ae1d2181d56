//! What a commit costs a Redis server, asked of the server itself: `cargo run --release -p fleet-engines --example commit_cpu`.
//!
//! Starts a `redis-server` of its own (`appendonly yes`, `appendfsync always`) and commits tickers one after the other, in
//! rounds. Prints, for each kind of ticker, the time of the script by `INFO commandstats` and the server's whole CPU by
//! `INFO cpu` (reading the call, the script, writing the file), each a commit, in microseconds: the median of the rounds and
//! the least, which is what is left on a busy machine when nobody was in the way.

use std::collections::BTreeMap;
use std::error::Error;
use std::time::Duration;

use fleet_core::domain::*;
use fleet_core::seams::*;
use fleet_engines::redis::{RedisSettings, RedisStore};
use fleet_servers::RedisServer;
use jiff::Timestamp;
use jiff::civil::date;

type Done<T> = Result<T, Box<dyn Error>>;

/// Commits in a round: long enough for the server's CPU clock.
const COMMITS: usize = 200;
const ROUNDS: usize = 7;

/// A kind of ticker. The sizes are the averages of the demo's tickers: 5 KB of outcome, 45 KB of explanations, 2.4 KB a
/// proposed trade, of which there are 1.3 a ticker.
struct Kind {
    name: &'static str,
    outcome_bytes: usize,
    explanation_bytes: usize,
    proposals: usize,
    marks: usize,
}

const KINDS: [Kind; 5] = [
    Kind { name: "skipped", outcome_bytes: 600, explanation_bytes: 0, proposals: 0, marks: 0 },
    Kind { name: "explained", outcome_bytes: 5_000, explanation_bytes: 45_000, proposals: 0, marks: 0 },
    Kind { name: "proposing", outcome_bytes: 5_000, explanation_bytes: 0, proposals: 1, marks: 0 },
    Kind { name: "usual", outcome_bytes: 5_000, explanation_bytes: 45_000, proposals: 1, marks: 0 },
    Kind { name: "held", outcome_bytes: 5_000, explanation_bytes: 45_000, proposals: 1, marks: 2 },
];

#[tokio::main(flavor = "current_thread")]
async fn main() -> Done<()> {
    let server = RedisServer::start();
    let store = RedisStore::connect(&server.url(), RedisSettings::default()).await?;
    let mut raw = redis::Client::open(server.url())?.get_multiplexed_async_connection().await?;
    println!("{:10} {:>14} {:>14} {:>14} {:>14}", "ticker", "script median", "script least", "CPU median", "CPU least");
    let mut slot = 0;
    for kind in KINDS {
        let (mut script, mut cpu) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            slot += 1;
            let live = live_trades(&store, &kind, slot).await?;
            let lease = frozen(&store, &format!("b{slot}"), COMMITS).await?;
            let stamp = store.scan_stamp(&lease.scan).await?;
            let commits: Vec<Commit> =
                (0..COMMITS).map(|n| commit(&kind, &lease.scan, &stamp, &live, n, slot)).collect::<Done<_>>()?;
            let before = spent(&mut raw).await?;
            for commit in &commits {
                let answer = store.commit(commit).await?;
                assert_eq!(answer, CommitAnswer::Committed);
            }
            let after = spent(&mut raw).await?;
            script.push((after.0 - before.0) / COMMITS as f64);
            cpu.push((after.1 - before.1) / COMMITS as f64);
        }
        script.sort_by(f64::total_cmp);
        cpu.sort_by(f64::total_cmp);
        let [a, b, c, d] = [script[ROUNDS / 2], script[0], cpu[ROUNDS / 2], cpu[0]];
        println!("{:10} {a:>14.1} {b:>14.1} {c:>14.1} {d:>14.1}", kind.name);
    }
    Ok(())
}

/// Microseconds the server has spent in scripts, and altogether.
async fn spent(raw: &mut redis::aio::MultiplexedConnection) -> Done<(f64, f64)> {
    let text: String = redis::cmd("INFO").arg("everything").query_async(raw).await?;
    let values: BTreeMap<&str, &str> = text.lines().filter_map(|line| line.split_once(':')).collect();
    let seconds = |name: &str| values.get(name).and_then(|text| text.parse::<f64>().ok()).ok_or("no CPU time");
    let scripts =
        values.get("cmdstat_evalsha").and_then(|stats| stats.split(',').find_map(|part| part.strip_prefix("usec=")));
    let scripts = scripts.map_or(Ok(0.0), str::parse)?;
    Ok((scripts, (seconds("used_cpu_user")? + seconds("used_cpu_sys")?) * 1e6))
}

async fn frozen(store: &RedisStore, slot: &str, tickers: usize) -> Done<Lease> {
    let scan = ScanId::parse(&format!("commit-20261120-{slot}"))?;
    store.open_scan(&scan, "c0ffee").await?;
    let holder = Holder("a:1".to_owned());
    let LeaseAnswer::Taken(lease) = store.take_lease(&scan, &holder, Duration::from_secs(600)).await? else {
        return Err("the lease of a new scan is held".into());
    };
    store.freeze_manifest(&lease, &manifest(&scan, tickers)?).await?;
    Ok(lease)
}

fn ticker(n: usize) -> Done<Ticker> {
    Ok(Ticker::parse(&format!("T{n}"))?)
}

fn manifest(scan: &ScanId, tickers: usize) -> Done<Manifest> {
    Ok(Manifest {
        version: Manifest::VERSION,
        scan: scan.clone(),
        tickers: (0..tickers).map(ticker).collect::<Done<_>>()?,
        as_of: None,
        facts: Default::default(),
        analysis: serde_json::Value::Null,
        vendors: VendorPlan {
            chain_order: vec![Vendor::Cboe],
            bars: Vendor::Yahoo,
            routes: Vec::new(),
            identity: Vec::new(),
            max_bars_per_ticker: 12,
            bar_sessions: 120,
            underlying_bar_sessions: None,
            dte_window: (20, 60),
            gateways: None,
        },
        limits: DeliveryLimits {
            timeout_secs: 120,
            max_attempts: 5,
            request_timeout_secs: 20,
            request_tries: 4,
            max_retry_after_secs: 60,
        },
        config_hash: "c0ffee".to_owned(),
        deadline: Timestamp::UNIX_EPOCH,
    })
}

/// A trade of one ticker, about 2.4 KB as it is stored.
fn trade(scan: &ScanId, n: usize, strike: usize) -> Done<TradeRecord> {
    let underlying = ticker(n)?;
    let symbol = OccSymbol::parse(&format!("{underlying}270319C{strike:08}"))?;
    let price = |dollars| Price::from_dollars(dollars);
    let check = || Check::new("a_check_of_the_strategy", Some(1.0), Operator::AtLeast, 1.0);
    Ok(TradeRecord {
        id: TradeId::derive("oversold_call", &symbol, date(2026, 11, 20)),
        strategy: "oversold_call".to_owned(),
        underlying,
        symbol,
        control: false,
        state: TradeState::Pending,
        scan: scan.clone(),
        signalled_at: Timestamp::UNIX_EPOCH,
        entry_session: date(2026, 11, 20),
        signal_bid: price(2.30)?,
        signal_ask: price(2.40)?,
        plan: EntryPlan {
            buy: price(2.35)?,
            target: price(3.10)?,
            stop: price(1.60)?,
            valid_until: Timestamp::UNIX_EPOCH,
            time_stop_sessions: Some(10),
            direction: fleet_core::domain::Direction::Long,
            signals: fleet_core::domain::ExitSignals::default(),
            confirm_pct: None,
            advice: fleet_core::domain::Advice::Act,
            exit_rsi: None,
            exit_dte: 7,
            commission: price(0.65)?,
        },
        score: Score::default(),
        checks: (0..14).map(|_| check()).collect(),
        fill: None,
        exit: None,
        ignored: false,
        last_mark: None,
        confirmation: None,
    })
}

/// Live trades of an earlier scan, which each commit of a ticker that is held marks: one for each of its marks.
async fn live_trades(store: &RedisStore, kind: &Kind, slot: usize) -> Done<Vec<Vec<TradeId>>> {
    let lease = frozen(store, &format!("a{slot}"), 1).await?;
    let mut live = Vec::new();
    let mut trades = Vec::new();
    for n in 0..COMMITS {
        let of: Vec<TradeRecord> =
            (0..kind.marks).map(|m| trade(&lease.scan, n, 1_000_000 + slot * 10 + m)).collect::<Done<_>>()?;
        live.push(of.iter().map(|trade| trade.id.clone()).collect());
        trades.extend(of);
    }
    let taken = trades.iter().map(|trade| trade.id.clone()).collect();
    let all = Kind { name: "earlier", outcome_bytes: 1, explanation_bytes: 0, proposals: 0, marks: 0 };
    let earlier = Commit { trades, ..commit(&all, &lease.scan, &None, &[], 0, slot)? };
    store.commit(&earlier).await?;
    store.seal(&lease).await?;
    let basis = store.portfolio_version().await?;
    store.settle(&lease, &PortfolioDecision { basis, taken, ..PortfolioDecision::default() }).await?;
    Ok(live)
}

fn commit(
    kind: &Kind,
    scan: &ScanId,
    stamp: &Option<ScanStamp>,
    live: &[Vec<TradeId>],
    n: usize,
    slot: usize,
) -> Done<Commit> {
    let reason = FailReason { word: "timeout".to_owned(), detail: "x".repeat(kind.outcome_bytes) };
    let mark = Mark { at: Timestamp::from_second(slot as i64)?, bid: None, ask: None };
    Ok(Commit {
        scan: scan.clone(),
        stamp: stamp.clone(),
        ticker: ticker(n)?,
        outcome: Outcome::Failed { reason, requests: RequestCounts::default() },
        worker: "w1".to_owned(),
        attempt: 1,
        trades: (0..kind.proposals).map(|p| trade(scan, n, 100_000 + slot * 10 + p)).collect::<Done<_>>()?,
        transitions: Vec::new(),
        marks: live.get(n).into_iter().flatten().map(|id| (id.clone(), mark.clone())).collect(),
        explanations: vec![7; kind.explanation_bytes],
        summary: None,
    })
}
