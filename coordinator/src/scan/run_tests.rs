//! Whole scans in a small world, with a real queue and a real store, no network.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use fleet_analysis::new_trades;
use fleet_core::domain::{
    Notice, NoticeKind, Outcome, ScanId, ScanState, StoredOutcome, Ticker, TradeRecord, TradeState, Vendor,
};
use fleet_core::seams::{
    Attempt, Commit, Delivered, Holder, Lease, LeaseAnswer, Notifier, NotifyError, OpenedScan, Outbox,
    PortfolioDecision, Scans, TradeFilter, Trades,
};
use tokio::sync::{mpsc, watch};

use fleet_worker::WorkerOptions;

use super::launch::run_at;
use super::test_world::{Fault, TEST_PACE, TestMarket, World, candidate, finding, set, ticker, tickers, unwatched};
use super::{FoundSoFar, Progress, ScanEnd, ScanError, ScanParts, ScanRequest, UniverseSource};

/// No wait in these tests is longer.
const PATIENCE: Duration = Duration::from_secs(15);

fn market(faults: &[(&str, Fault)]) -> TestMarket {
    TestMarket { faults: faults.iter().map(|(t, fault)| (ticker(t), *fault)).collect(), ..TestMarket::default() }
}

async fn launch(world: &World, request: &ScanRequest) -> Result<ScanEnd, ScanError> {
    let (progress, interrupt) = unwatched();
    let run = run_at(TEST_PACE, world.parts(), request.clone(), progress, interrupt);
    tokio::time::timeout(PATIENCE, run).await.expect("the scan did not end")
}

async fn outcomes(world: &World, request: &ScanRequest) -> Vec<StoredOutcome> {
    world.store.outcomes(&request.scan, 0..u32::MAX).await.unwrap()
}

async fn outcome(world: &World, request: &ScanRequest, text: &str) -> StoredOutcome {
    outcomes(world, request).await.into_iter().find(|outcome| outcome.ticker == ticker(text)).unwrap()
}

fn check_counted_once(outcomes: &[StoredOutcome], expected: &[Ticker]) {
    let counted: Vec<Ticker> = outcomes.iter().map(|outcome| outcome.ticker.clone()).collect();
    assert_eq!(counted, expected, "the manifest's order, each once");
}

#[tokio::test]
async fn a_scan_commits_each_ticker_once() {
    let world = World::new(market(&[]));
    let request = world.request(UniverseSource::Tickers(tickers(30)));
    assert_eq!(launch(&world, &request).await.unwrap(), ScanEnd::Finished(request.scan.clone()));
    let outcomes = outcomes(&world, &request).await;
    check_counted_once(&outcomes, &tickers(30));
    for outcome in &outcomes {
        let finding = outcome.finding().unwrap();
        assert_eq!(finding.funnel.total(), 18, "{}", outcome.ticker);
        assert_eq!((outcome.attempt, finding.requests.vendors[&Vendor::Cboe]), (1, 1));
    }
    assert_eq!(world.store.scan_state(&request.scan).await.unwrap(), Some(ScanState::Done));
    assert!(world.market.asked.lock().unwrap().values().all(|asked| *asked == 1));
}

#[tokio::test]
async fn a_finished_scan_is_not_run_again() {
    let world = World::new(market(&[]));
    let request = world.request(UniverseSource::Tickers(tickers(3)));
    launch(&world, &request).await.unwrap();
    let began = Instant::now();
    assert_eq!(launch(&world, &request).await.unwrap(), ScanEnd::AlreadyFinished(request.scan.clone()));
    assert!(began.elapsed() < TEST_PACE.lease, "its lease was not given back");
    assert!(world.market.asked.lock().unwrap().values().all(|asked| *asked == 1));
}

#[tokio::test]
async fn another_configuration_is_refused() {
    let world = World::new(market(&[]));
    let request = world.request(UniverseSource::Tickers(tickers(1)));
    launch(&world, &request).await.unwrap();
    let other = ScanRequest { config_hash: "other".to_owned(), ..request };
    assert!(matches!(launch(&world, &other).await, Err(ScanError::ConfigDiffers { .. })));
}

#[tokio::test]
async fn faults_are_accounted_for_and_cost_no_other_ticker() {
    let faults = [("T1", Fault::Panic), ("T2", Fault::Unavailable(1)), ("T3", Fault::Gone), ("T4", Fault::Hang)];
    let mut world = World::new(market(&faults));
    world.max_attempts = 2;
    let request = ScanRequest {
        worker: Some(WorkerOptions { name: "test-worker".to_owned(), slots: 8 }),
        ..world.request(UniverseSource::Tickers(tickers(8)))
    };
    assert_eq!(launch(&world, &request).await.unwrap(), ScanEnd::Finished(request.scan.clone()));
    check_counted_once(&outcomes(&world, &request).await, &tickers(8));
    assert_eq!(outcome(&world, &request, "T1").await.outcome, Outcome::Poison { attempts: 2 });
    let late = outcome(&world, &request, "T2").await;
    assert_eq!(late.attempt, 2);
    let requests = &late.finding().unwrap().requests;
    assert_eq!(requests.vendors[&Vendor::Cboe], 2, "the failed attempt's request counts too");
    check_failed(&outcome(&world, &request, "T3").await, "not_found");
    check_failed(&outcome(&world, &request, "T4").await, "delivery_timeout");
    for text in ["T0", "T5", "T6", "T7"] {
        assert!(outcome(&world, &request, text).await.finding().is_some(), "{text}");
    }
}

fn check_failed(outcome: &StoredOutcome, word: &str) {
    match &outcome.outcome {
        Outcome::Failed { reason, requests } => {
            assert_eq!(reason.word, word);
            assert!(requests.total() > 0);
        }
        other => panic!("{}: {other:?}", outcome.ticker),
    }
}

#[tokio::test]
async fn an_interrupted_scan_resumes_where_it_was() {
    let world = World::new(TestMarket { latency: Duration::from_millis(40), ..market(&[]) });
    let request = world.request(UniverseSource::Tickers(tickers(40)));
    let ((progress, mut watched), (stop, interrupt)) = (mpsc::unbounded_channel(), watch::channel(false));
    let interrupter = async {
        while let Some(progress) = watched.recv().await {
            if matches!(progress, Progress::Accounted { done: 5.., .. }) {
                stop.send_replace(true);
            }
        }
    };
    let run = run_at(TEST_PACE, world.parts(), request.clone(), progress, interrupt);
    let (end, ()) = tokio::time::timeout(PATIENCE, async { tokio::join!(run, interrupter) }).await.unwrap();
    assert_eq!(end.unwrap(), ScanEnd::Interrupted(request.scan.clone()));
    let done = outcomes(&world, &request).await.len();
    assert!((5..40).contains(&done), "{done} of 40 before the interrupt");

    let (progress, mut watched) = mpsc::unbounded_channel();
    let (_stop, interrupt) = watch::channel(false);
    let end = run_at(TEST_PACE, world.parts(), request.clone(), progress, interrupt).await.unwrap();
    assert_eq!(end, ScanEnd::Finished(request.scan.clone()));
    let told: Vec<Progress> = std::iter::from_fn(|| watched.try_recv().ok()).collect();
    let waited = told.iter().any(|progress| matches!(progress, Progress::WaitingForLease { .. }));
    assert!(!waited, "the lease was not given back");
    let before = done as u32;
    assert!(
        told.contains(&Progress::Accounted { done: before, of: 40, found: Some(FoundSoFar::default()) }),
        "{told:?}"
    );
    check_counted_once(&outcomes(&world, &request).await, &tickers(40));
}

/// A launch that dies leaves the store as it is; the next one enters it there, whatever it is.
#[tokio::test]
async fn a_scan_is_resumed_from_every_stored_state() {
    for died_in in [ScanState::Init, ScanState::Publishing, ScanState::Running, ScanState::Sealed, ScanState::Alerting]
    {
        let world = World::new(market(&[]));
        let request = world.request(UniverseSource::Tickers(tickers(4)));
        assert_eq!(world.store.open_scan(&request.scan, "hash").await.unwrap(), OpenedScan::Created);
        let holder = Holder("dead:1".to_owned());
        let answer = world.store.take_lease(&request.scan, &holder, Duration::from_millis(200)).await.unwrap();
        let LeaseAnswer::Taken(lease) = answer else { panic!("{answer:?}") };
        if died_in > ScanState::Init {
            let manifest = super::plan::plan(&world.parts(), &request).await.unwrap().manifest;
            world.store.freeze_manifest(&lease, &manifest).await.unwrap();
        }
        if died_in > ScanState::Publishing {
            world.store.advance(&lease, ScanState::Running).await.unwrap();
            // The dead launch's worker held one ticker.
            let attempt = world.store.begin_attempt(&request.scan, None, &ticker("T0")).await.unwrap().attempt;
            assert_eq!(attempt, Attempt::Run(1));
        }
        if died_in > ScanState::Running {
            world.store.seal(&lease).await.unwrap();
        }
        if died_in > ScanState::Sealed {
            world.store.settle(&lease, &PortfolioDecision::default()).await.unwrap();
        }
        let end = launch(&world, &request).await.unwrap();
        assert_eq!(end, ScanEnd::Finished(request.scan.clone()), "died in {died_in:?}");
        check_counted_once(&outcomes(&world, &request).await, &tickers(4));
        assert_eq!(world.store.scan_state(&request.scan).await.unwrap(), Some(ScanState::Done));
    }
}

/// A scan that is resumed long after its deadline is worked on, not sealed unseen.
#[tokio::test]
async fn a_launch_gets_its_time_whenever_it_begins() {
    let world = World::new(TestMarket { latency: Duration::from_millis(50), ..market(&[]) });
    let request = world.request(UniverseSource::Tickers(tickers(4)));
    let ((progress, mut watched), (stop, interrupt)) = (mpsc::unbounded_channel(), watch::channel(false));
    let interrupter = async {
        while let Some(progress) = watched.recv().await {
            if progress == Progress::State(ScanState::Publishing) {
                stop.send_replace(true);
            }
        }
    };
    let run = run_at(TEST_PACE, world.parts(), request.clone(), progress, interrupt);
    let (end, ()) = tokio::join!(run, interrupter);
    assert_eq!(end.unwrap(), ScanEnd::Interrupted(request.scan.clone()));
    world.clock.advance(jiff::SignedDuration::from_hours(5));
    assert_eq!(launch(&world, &request).await.unwrap(), ScanEnd::Finished(request.scan.clone()));
    assert!(outcomes(&world, &request).await.iter().all(|outcome| outcome.finding().is_some()));
}

#[tokio::test]
async fn a_second_coordinator_waits_a_lease_and_is_refused() {
    let world = World::new(TestMarket { latency: Duration::from_millis(150), ..market(&[]) });
    let request = ScanRequest {
        worker: Some(WorkerOptions { name: "test-worker".to_owned(), slots: 1 }),
        ..world.request(UniverseSource::Tickers(tickers(20)))
    };
    let second = ScanRequest { holder: Holder("test:2".to_owned()), ..request.clone() };
    let first = launch(&world, &request);
    let second = async {
        // Not before the first holds the lease.
        while world.market.asked.lock().unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        launch(&world, &second).await
    };
    let (first, second) = tokio::join!(first, second);
    assert_eq!(first.unwrap(), ScanEnd::Finished(request.scan.clone()));
    match second {
        Err(ScanError::Held { holder, .. }) => assert_eq!(holder, request.holder),
        other => panic!("{other:?}"),
    }
    assert!(world.market.asked.lock().unwrap().values().all(|asked| *asked == 1));
}

#[tokio::test]
async fn a_launch_whose_lease_was_taken_over_writes_no_more() {
    let world = World::new(TestMarket { latency: Duration::from_millis(300), ..market(&[]) });
    let request = ScanRequest {
        worker: Some(WorkerOptions { name: "test-worker".to_owned(), slots: 1 }),
        ..world.request(UniverseSource::Tickers(tickers(60)))
    };
    let robbed = launch(&world, &request);
    let robber = async {
        while world.market.asked.lock().unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // As if the first had slept past its lease: released in its name, and taken.
        let lease = Lease { scan: request.scan.clone(), epoch: 1, holder: request.holder.clone() };
        world.store.release_lease(&lease).await.unwrap();
        let holder = Holder("robber:1".to_owned());
        let taken = world.store.take_lease(&request.scan, &holder, Duration::from_secs(60)).await.unwrap();
        assert!(matches!(taken, LeaseAnswer::Taken(_)));
    };
    let (robbed, ()) = tokio::join!(robbed, robber);
    match robbed {
        Err(ScanError::Store(fleet_core::seams::StoreError::Fenced { held: 1, .. })) => {}
        other => panic!("{other:?}"),
    }
    assert_eq!(world.store.scan_state(&request.scan).await.unwrap(), Some(ScanState::Running));
}

#[tokio::test]
async fn the_deadline_seals_what_is_missing() {
    let world = World::new(TestMarket { latency: Duration::from_millis(20), ..market(&[("T3", Fault::Hang)]) });
    let base = world.request(UniverseSource::Tickers(tickers(5)));
    let request = ScanRequest { deadline: Some(Duration::from_secs(60)), ..base };
    let (progress, mut watched) = mpsc::unbounded_channel();
    let (_stop, interrupt) = watch::channel(false);
    let clock = async {
        let mut sealed = None;
        while let Some(progress) = watched.recv().await {
            match progress {
                Progress::Accounted { done: 4, .. } => world.clock.advance(jiff::SignedDuration::from_secs(61)),
                Progress::SealedAtDeadline { tickers } => sealed = Some(tickers),
                _ => {}
            }
        }
        sealed
    };
    let run = run_at(TEST_PACE, world.parts(), request.clone(), progress, interrupt);
    let (end, sealed) = tokio::time::timeout(PATIENCE, async { tokio::join!(run, clock) }).await.unwrap();
    assert_eq!(end.unwrap(), ScanEnd::Finished(request.scan.clone()));
    assert_eq!(set(&sealed.unwrap()), set(&[ticker("T3")]));
    assert_eq!(outcome(&world, &request, "T3").await.outcome, Outcome::Sealed);
}

#[tokio::test]
async fn a_screened_universe_is_read_and_told_of() {
    let world = World::new(TestMarket { universe: tickers(3), ..market(&[]) });
    let request = world.request(UniverseSource::Screener { filter: "f=x".to_owned() });
    let ((progress, mut watched), (_stop, interrupt)) = (mpsc::unbounded_channel(), watch::channel(false));
    run_at(TEST_PACE, world.parts(), request.clone(), progress, interrupt).await.unwrap();
    let told: Vec<Progress> = std::iter::from_fn(|| watched.try_recv().ok()).collect();
    let left_out = vec!["ACME-WT".to_owned()];
    assert!(told.contains(&Progress::Universe { pages: 1, total: 3, left_out }), "{told:?}");
    assert!(told.contains(&Progress::Accounted { done: 3, of: 3, found: Some(FoundSoFar::default()) }), "{told:?}");
    let states = told.iter().filter_map(|p| if let Progress::State(state) = p { Some(*state) } else { None });
    use ScanState::{Alerting, Init, Publishing, Running, Sealed};
    assert_eq!(states.collect::<Vec<_>>(), [Init, Publishing, Running, Sealed, Alerting]);
}

#[tokio::test]
async fn an_empty_universe_is_an_error_that_leaves_no_lease_behind() {
    let world = World::new(market(&[]));
    let request = world.request(UniverseSource::Tickers(Vec::new()));
    for _ in 0..2 {
        let began = Instant::now();
        assert!(matches!(launch(&world, &request).await, Err(ScanError::EmptyUniverse)));
        assert!(began.elapsed() < TEST_PACE.lease);
    }
}

#[tokio::test]
async fn a_notice_that_is_owed_is_sent_once() {
    let world = World::new(market(&[]));
    let lease = died_after_its_commit(&world, "earlier-20261120-1000").await;
    settle(&world, &lease).await;
    let request = world.request(UniverseSource::Tickers(tickers(2)));
    let ((progress, mut watched), (_stop, interrupt)) = (mpsc::unbounded_channel(), watch::channel(false));
    run_at(TEST_PACE, world.parts(), request.clone(), progress, interrupt).await.unwrap();
    launch(&world, &request).await.unwrap();
    assert_eq!(world.notifier.sent().len(), 1);
    let told: Vec<Progress> = std::iter::from_fn(|| watched.try_recv().ok()).collect();
    assert!(told.contains(&Progress::Notices { sent: 1, left: 0 }), "{told:?}");
}

#[tokio::test]
async fn a_buy_notice_that_is_owed_too_long_is_dropped() {
    let world = World::new(market(&[]));
    let lease = died_after_its_commit(&world, "earlier-20261120-1000").await;
    settle(&world, &lease).await;
    let mut request = world.request(UniverseSource::Tickers(tickers(2)));
    request.template.as_of = Some("2026-11-20T16:15:01Z".parse().unwrap());
    launch(&world, &request).await.unwrap();
    assert_eq!(world.notifier.sent(), []);
    assert_eq!(world.store.unsent_notices().await.unwrap(), 0);
}

/// What a scan that was never settled found is no trade: it takes no room, and the next scan can make it one.
#[tokio::test]
async fn a_scan_that_was_never_settled_leaves_no_trade() {
    let world = World::new(market(&[]));
    died_after_its_commit(&world, "earlier-20261120-1000").await;
    launch(&world, &world.request(UniverseSource::Tickers(tickers(2)))).await.unwrap();
    let live = TradeFilter { live: true, ..TradeFilter::default() };
    assert_eq!(world.store.trades(&live).await.unwrap(), []);
    assert_eq!(world.notifier.sent(), []);
    // It is resumed after all.
    let mut resumed = world.request(UniverseSource::Tickers(tickers(1)));
    resumed.scan = ScanId::parse("earlier-20261120-1000").unwrap();
    launch(&world, &resumed).await.unwrap();
    let trades = world.store.trades(&live).await.unwrap();
    assert_eq!(trades.iter().map(|trade| trade.underlying.clone()).collect::<Vec<_>>(), [ticker("T0")]);
    assert_eq!(world.notifier.sent().len(), 1);
}

/// One that is resumed when its signals are too late to act on tells nobody to buy.
#[tokio::test]
async fn a_scan_that_is_settled_too_late_takes_no_trade() {
    let world = World::new(market(&[]));
    died_after_its_commit(&world, "earlier-20261120-1000").await;
    let mut resumed = world.request(UniverseSource::Tickers(tickers(1)));
    resumed.scan = ScanId::parse("earlier-20261120-1000").unwrap();
    resumed.template.as_of = None;
    world.clock.advance(jiff::SignedDuration::from_mins(16));
    launch(&world, &resumed).await.unwrap();
    assert_eq!(world.store.trades(&TradeFilter::default()).await.unwrap(), []);
    let proposed = TradeFilter { state: Some(TradeState::Proposed), ..TradeFilter::default() };
    assert_eq!(world.store.trades(&proposed).await.unwrap(), []);
    assert_eq!(world.notifier.sent(), []);
}

#[tokio::test]
async fn notices_that_cannot_be_sent_are_counted_all() {
    for owed in [3, 14] {
        let world = World::new(market(&[]));
        let lease = died_with_trades(&world, "earlier-20261120-1000", owed).await;
        settle(&world, &lease).await;
        let parts = ScanParts { notifier: Arc::new(Away), ..world.parts() };
        let ((progress, mut watched), (_stop, interrupt)) = (mpsc::unbounded_channel(), watch::channel(false));
        let request = world.request(UniverseSource::Tickers(tickers(1)));
        run_at(TEST_PACE, parts, request, progress, interrupt).await.unwrap();
        let told: Vec<Progress> = std::iter::from_fn(|| watched.try_recv().ok()).collect();
        assert!(told.contains(&Progress::Notices { sent: 0, left: owed }), "{owed} owed: {told:?}");
    }
}

#[tokio::test]
async fn the_universes_requests_are_kept_with_the_scan() {
    let world = World::new(TestMarket { universe: tickers(3), ..market(&[]) });
    let request = world.request(UniverseSource::Screener { filter: "f=x".to_owned() });
    launch(&world, &request).await.unwrap();
    launch(&world, &request).await.unwrap();
    let kept = world.store.scan_requests(&request.scan).await.unwrap();
    assert_eq!(kept.vendors, BTreeMap::from([(Vendor::Finviz, 1)]));
}

/// A notifier that is away.
struct Away;

#[async_trait]
impl Notifier for Away {
    async fn send(&self, _key: &str, _notice: &Notice) -> Result<Delivered, NotifyError> {
        Err(NotifyError("away".to_owned()))
    }
}

/// A scan of one ticker that proposed a trade and died; its lease is over.
async fn died_after_its_commit(world: &World, scan: &str) -> Lease {
    died_with_trades(world, scan, 1).await
}

async fn died_with_trades(world: &World, scan: &str, trades: u32) -> Lease {
    let mut request = world.request(UniverseSource::Tickers(tickers(1)));
    request.scan = ScanId::parse(scan).unwrap();
    world.store.open_scan(&request.scan, "hash").await.unwrap();
    let holder = Holder("dead:1".to_owned());
    let answer = world.store.take_lease(&request.scan, &holder, Duration::ZERO).await.unwrap();
    let LeaseAnswer::Taken(lease) = answer else { panic!("{answer:?}") };
    let manifest = super::plan::plan(&world.parts(), &request).await.unwrap().manifest;
    world.store.freeze_manifest(&lease, &manifest).await.unwrap();
    let finding = finding((1..=trades).map(|n| candidate("T0", 100 + n, 50.0)).collect());
    let commit = Commit {
        scan: request.scan.clone(),
        stamp: None,
        ticker: ticker("T0"),
        trades: new_trades(&finding, &request.scan),
        outcome: Outcome::Found(Box::new(finding)),
        worker: "dead".to_owned(),
        attempt: 1,
        transitions: Vec::new(),
        marks: Vec::new(),
        explanations: Vec::new(),
        summary: None,
    };
    world.store.commit(&commit).await.unwrap();
    lease
}

/// What the dead launch got done before it died: everything but the sending.
async fn settle(world: &World, lease: &Lease) {
    world.store.seal(lease).await.unwrap();
    let of_scan =
        TradeFilter { state: Some(TradeState::Proposed), scan: Some(lease.scan.clone()), ..TradeFilter::default() };
    let trades = world.store.trades(&of_scan).await.unwrap();
    let buy = |trade: &TradeRecord| Notice {
        kind: NoticeKind::Buy,
        trade: trade.id.clone(),
        at: trade.signalled_at,
        text: "owed by an earlier scan".to_owned(),
    };
    let decision = PortfolioDecision {
        basis: world.store.portfolio_version().await.unwrap(),
        taken: trades.iter().map(|trade| trade.id.clone()).collect(),
        capped: Vec::new(),
        notices: trades.iter().map(buy).collect(),
    };
    world.store.settle(lease, &decision).await.unwrap();
}
