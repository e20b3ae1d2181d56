//! What is known beside a chain and bars reaches the analysis: what a person and a vendor say, and earlier sessions.

use fleet_core::domain::{
    Chain, EarningsDate, FailReason, Holding, Outcome, Price, RequestCounts, SessionSummary, UnderlyingClass,
    UnderlyingFacts,
};
use fleet_core::seams::{Clock, Commit, CommitAnswer, ManualClock, ScanStamp};
use jiff::civil::date;

use super::*;
use crate::past::Past;
use crate::scan_ticker::{TickerJob, facts, history};
use crate::unvouched::Unvouched;

fn ticker() -> Ticker {
    Ticker::parse("XYZ").unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn summary(day: i8, as_of: &str) -> SessionSummary {
    SessionSummary {
        session: date(2026, 11, day),
        as_of: at(as_of),
        spot: Some(100.0),
        iv30: Some(0.3),
        skew_25: None,
        term_slope: None,
        call_volume: 1,
        put_volume: 2,
        call_open_interest: None,
        put_open_interest: None,
    }
}

/// A scan that committed a summary.
async fn keep(store: &SqliteStore, slot: &str, summary: &SessionSummary) {
    let scan = ScanId::parse(&format!("known-20261120-{slot}")).unwrap();
    store.open_scan(&scan, "hash").await.unwrap();
    let answer = store.take_lease(&scan, &Holder("test".to_owned()), Duration::from_secs(60)).await.unwrap();
    let LeaseAnswer::Taken(lease) = answer else { panic!("a new scan is free") };
    store.freeze_manifest(&lease, &manifest(&scan, &[ticker()], Manifest::VERSION)).await.unwrap();
    let reason = FailReason { word: "test".to_owned(), detail: String::new() };
    let commit = Commit {
        scan,
        stamp: None,
        ticker: ticker(),
        outcome: Outcome::Failed { reason, requests: RequestCounts::default() },
        worker: "w".to_owned(),
        attempt: 1,
        trades: Vec::new(),
        transitions: Vec::new(),
        marks: Vec::new(),
        explanations: Vec::new(),
        summary: Some(summary.clone()),
    };
    assert_eq!(store.commit(&commit).await.unwrap(), CommitAnswer::Committed);
}

/// Asks with a job of XYZ under this manifest.
async fn with_job<T>(world: &World, manifest: &Manifest, ask: impl AsyncFnOnce(&TickerJob<'_>) -> T) -> T {
    let task = Task { scan: world.scan.clone(), ticker: ticker() };
    let (past, tally) = (Past::default(), RequestTally::default());
    let (stamp, analysis) = (ScanStamp("s".to_owned()), Arc::new(AnalysisConfig::default()));
    let clock = ManualClock::new(at("2026-11-20T15:30:00Z"));
    let job = TickerJob {
        task: &task,
        attempt: 1,
        past: &past,
        worker: "w",
        manifest,
        stamp: &stamp,
        analysis: &analysis,
        market: world.market.as_ref(),
        store: &world.store,
        unvouched: &Unvouched::default(),
        tally: &tally,
        clock: &clock as &dyn Clock,
    };
    ask(&job).await
}

/// A chain of one contract without a quote, or of none.
fn chain(contracts: usize) -> Chain {
    let symbol = fleet_core::domain::OccSymbol::parse("XYZ261218C00100000").unwrap();
    let quote = fleet_core::domain::ContractQuote {
        symbol,
        bid: None,
        ask: None,
        last: None,
        volume: None,
        open_interest: None,
        vendor_iv: None,
    };
    Chain {
        underlying: ticker(),
        vendor: Vendor::Yahoo,
        quote_time: None,
        vendor_spot: None,
        vendor_yield: None,
        facts: UnderlyingFacts::default(),
        contracts: vec![quote; contracts],
        refused: Vec::new(),
        expirations: Vec::new(),
        not_served: Vec::new(),
    }
}

#[tokio::test]
async fn earlier_sessions_are_read_for_a_chain_with_rows_and_never_later_ones() {
    let world = World::new(&["XYZ"], Manifest::VERSION).await;
    let (first, second) = (summary(18, "2026-11-18T15:30:00Z"), summary(19, "2026-11-19T20:45:00Z"));
    for (slot, kept) in [("1", &second), ("2", &first), ("3", &summary(20, "2026-11-20T15:30:00.1Z"))] {
        keep(&world.store, slot, kept).await;
    }
    let manifest = manifest(&world.scan, &[ticker()], Manifest::VERSION);
    let read = async |contracts, as_of: &str| {
        with_job(&world, &manifest, async |job| history(job, &chain(contracts), at(as_of)).await.unwrap()).await
    };
    assert_eq!(read(1, "2026-11-20T15:30:00Z").await, [first.clone(), second]);
    assert_eq!(read(1, "2026-11-20T15:31:00Z").await.len(), 3, "an earlier scan of the session");
    assert_eq!(read(1, "2026-11-19T20:00:00Z").await, [first], "what came later is not there yet");
    assert_eq!(read(0, "2026-11-20T15:31:00Z").await, [], "nothing to compare with");
}

#[tokio::test]
async fn a_persons_word_goes_before_the_vendors() {
    let world = World::new(&["XYZ"], Manifest::VERSION).await;
    let report = |month, day, estimated| EarningsDate { date: date(2026, month, day), estimated };
    let holding = Some(Holding { shares: 300, cost_basis: Price::from_dollars(90.0).unwrap() });
    let mut manifest = manifest(&world.scan, &[ticker()], Manifest::VERSION);
    let mut chain = chain(1);
    chain.facts = UnderlyingFacts {
        class: Some(UnderlyingClass::Stock),
        earnings: Some(vec![report(10, 29, false), report(12, 10, true)]),
        market_cap: Some(4e9),
        holding: None,
    };
    let of = async |manifest: &Manifest| {
        with_job(&world, manifest, async |job| facts(job, &chain, at("2026-11-20T15:30:00Z"))).await
    };
    assert_eq!(of(&manifest).await, chain.facts, "nobody said anything");
    let said = UnderlyingFacts { earnings: Some(vec![report(12, 3, false)]), holding, ..UnderlyingFacts::default() };
    manifest.facts.insert(ticker(), said);
    let earnings = Some(vec![report(10, 29, false), report(12, 3, false)]);
    assert_eq!(of(&manifest).await, UnderlyingFacts { earnings, holding, ..chain.facts.clone() });
}
