//! A loop of commits that ends badly, by kill -9 or by a full disk: everything that was acknowledged is in the file,
//! whole, and nothing else (after a kill: but at most the one commit whose answer was on its way).
//!
//! The child is this test program itself, told by an environment variable to commit until it is killed.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise, in its helpers too")]

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use fleet_core::domain::*;
use fleet_core::seams::*;
use fleet_engines::sqlite::{SqliteSettings, SqliteStore};
use jiff::Timestamp;
use jiff::civil::date;

const FILE: &str = "FLEET_ENGINES_KILL_FILE";
const TICKERS: usize = 2_000;
/// Acknowledged commits after which each round kills; the moments differ, so that different steps are hit.
const ROUNDS: [usize; 4] = [1, 17, 60, 123];

fn scan() -> ScanId {
    ScanId::parse("kill-20261120-1000").unwrap()
}

fn ticker(n: usize) -> Ticker {
    Ticker::parse(&format!("K{n}")).unwrap()
}

/// The trade a commit proposes.
fn trade(n: usize) -> TradeRecord {
    TradeRecord { state: TradeState::Proposed, ..trade_at(n, "00460000") }
}

/// The live trade of an earlier scan that a commit lapses.
fn live(n: usize) -> TradeRecord {
    trade_at(n, "00450000")
}

fn trade_at(n: usize, strike: &str) -> TradeRecord {
    let symbol = OccSymbol::parse(&format!("K{n}270319C{strike}")).unwrap();
    let price = |dollars| Price::from_dollars(dollars).unwrap();
    TradeRecord {
        id: TradeId::derive("oversold_call", &symbol, date(2026, 11, 20)),
        strategy: "oversold_call".to_owned(),
        underlying: ticker(n),
        symbol,
        control: false,
        state: TradeState::Pending,
        scan: scan(),
        signalled_at: Timestamp::UNIX_EPOCH,
        entry_session: date(2026, 11, 20),
        signal_bid: price(2.30),
        signal_ask: price(2.40),
        plan: EntryPlan {
            buy: price(2.35),
            target: price(3.10),
            stop: price(1.60),
            valid_until: Timestamp::UNIX_EPOCH,
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

/// An outcome of about 20 KB, a proposed trade, the lapse of a live one with its notice, and an explanation of 30 KB.
fn commit(n: usize) -> Commit {
    let reason = FailReason { word: "timeout".to_owned(), detail: "x".repeat(20_000) };
    let live = live(n);
    let lapse = TradeTransition {
        trade: live.id.clone(),
        transition: Transition::Lapsed { at: Timestamp::UNIX_EPOCH },
        notice: Some(Notice {
            kind: NoticeKind::Lapsed,
            trade: live.id.clone(),
            at: Timestamp::UNIX_EPOCH,
            text: format!("lapsed {}", live.symbol),
        }),
    };
    Commit {
        scan: scan(),
        stamp: None,
        ticker: ticker(n),
        outcome: Outcome::Failed { reason, requests: RequestCounts::default() },
        worker: "child".to_owned(),
        attempt: 1,
        trades: vec![trade(n)],
        transitions: vec![lapse],
        marks: Vec::new(),
        explanations: vec![7; 30_000],
        summary: None,
    }
}

/// A store with a live trade a ticker, left by an earlier scan, and the frozen scan of the loop.
async fn prepare(path: &Path) {
    let store = SqliteStore::open(path).unwrap();
    let earlier = ScanId::parse("kill-20261120-0930").unwrap();
    let lease = frozen(&store, &earlier).await;
    let live: Vec<TradeRecord> = (0..TICKERS).map(live).collect();
    let taken = live.iter().map(|trade| trade.id.clone()).collect();
    let first = Commit { scan: earlier, trades: live, transitions: Vec::new(), explanations: Vec::new(), ..commit(0) };
    assert_eq!(store.commit(&first).await.unwrap(), CommitAnswer::Committed);
    store.seal(&lease).await.unwrap();
    store.settle(&lease, &PortfolioDecision { taken, ..PortfolioDecision::default() }).await.unwrap();
    frozen(&store, &scan()).await;
}

async fn frozen(store: &SqliteStore, scan: &ScanId) -> Lease {
    store.open_scan(scan, "hash").await.unwrap();
    let answer = store.take_lease(scan, &Holder("parent:1".to_owned()), Duration::from_secs(600)).await.unwrap();
    let LeaseAnswer::Taken(lease) = answer else { panic!("a new scan is free") };
    let manifest = Manifest {
        version: Manifest::VERSION,
        scan: scan.clone(),
        tickers: (0..TICKERS).map(ticker).collect(),
        as_of: None,
        facts: Default::default(),
        analysis: serde_json::Value::Null,
        vendors: VendorPlan {
            chain_order: Vec::new(),
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
        config_hash: "hash".to_owned(),
        deadline: Timestamp::UNIX_EPOCH,
    };
    store.freeze_manifest(&lease, &manifest).await.unwrap();
    lease
}

/// Not a check by itself: does nothing unless it is the child.
#[tokio::test]
async fn child_commits_until_it_is_killed() {
    let Some(path) = std::env::var_os(FILE) else { return };
    let store = SqliteStore::open(Path::new(&path)).unwrap();
    for n in 0..TICKERS {
        assert_eq!(store.commit(&commit(n)).await.unwrap(), CommitAnswer::Committed);
        // To the error stream: the test harness writes to the other one.
        eprintln!("ACK {n}");
    }
}

/// Runs the child until it has acknowledged so many commits, kills it, and gives every acknowledgement it wrote.
fn kill_after(path: &Path, acknowledged: usize) -> Vec<usize> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child_commits_until_it_is_killed", "--nocapture", "--test-threads=1"])
        .env(FILE, path)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut seen = Vec::new();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    // Goes on to the end of the stream, which comes with the child's death: also what it wrote before that counts.
    for line in lines {
        if let Some(n) = line.unwrap().strip_prefix("ACK ").and_then(|n| n.parse().ok()) {
            seen.push(n);
        }
        if seen.len() == acknowledged {
            child.kill().unwrap();
        }
    }
    assert!(!child.wait().unwrap().success(), "the child ended by itself");
    seen
}

#[tokio::test]
async fn after_kill_9_exactly_what_was_acknowledged_is_there() {
    for acknowledged in ROUNDS {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("store.db");
        prepare(&path).await;
        let seen = kill_after(&path, acknowledged);
        let store = SqliteStore::open(&path).unwrap();
        assert_eq!(seen, (0..seen.len()).collect::<Vec<_>>());
        let n = check_whole(&store).await;
        assert!(n == seen.len() || n == seen.len() + 1, "{} acknowledged, {n} in the file", seen.len());
    }
}

#[tokio::test]
async fn on_a_full_disk_exactly_what_was_acknowledged_is_there() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    prepare(&path).await;
    // Bounds that end the loop at different places inside a commit.
    for room in [100_000, 217_000, 333_000, 1_000_000] {
        let max_bytes = Some(std::fs::metadata(&path).unwrap().len() + room);
        let small = SqliteStore::open_with(&path, SqliteSettings { max_bytes, ..SqliteSettings::default() }).unwrap();
        let already = small.outcomes(&scan(), 0..u32::MAX).await.unwrap().len();
        let mut acknowledged = already;
        let error = loop {
            match small.commit(&commit(acknowledged)).await {
                Ok(answer) => assert_eq!(answer, CommitAnswer::Committed),
                Err(error) => break error,
            }
            acknowledged += 1;
        };
        assert!(matches!(error, StoreError::Full(_)), "{error:?}");
        assert_eq!(check_whole(&small).await, acknowledged, "after {already}");
    }
}

/// Each commit is there as a whole or not at all: outcome, proposed trade, the lapse of the live one, its notice, the
/// explanation. Returns how many.
async fn check_whole(store: &SqliteStore) -> usize {
    let outcomes = store.outcomes(&scan(), 0..u32::MAX).await.unwrap();
    let n = outcomes.len();
    let stored: BTreeSet<Ticker> = outcomes.into_iter().map(|outcome| outcome.ticker).collect();
    assert_eq!(stored, (0..n).map(ticker).collect());
    for k in 0..n {
        let (found, _) = store.trade(&trade(k).id).await.unwrap().expect("an acknowledged trade");
        assert_eq!(found.state, TradeState::Proposed, "trade {k} of {n}");
        let (_, blob) = store.explanation(&ticker(k)).await.unwrap().expect("an acknowledged explanation");
        assert_eq!(blob.len(), 30_000);
    }
    assert_eq!(store.explanation(&ticker(n)).await.unwrap(), None);
    let count =
        async |state| store.trades(&TradeFilter { state: Some(state), ..TradeFilter::default() }).await.unwrap().len();
    assert_eq!(count(TradeState::Proposed).await, n);
    assert_eq!((count(TradeState::Lapsed).await, count(TradeState::Pending).await), (n, TICKERS - n));
    assert_eq!(store.notices().await.unwrap().len(), n);
    assert_eq!(store.missing(&scan()).await.unwrap().len(), TICKERS - n);
    n
}
