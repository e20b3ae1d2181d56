//! Scans that vanish and come back under their id while a worker has them in its head, and scans that only vanish.

use fleet_core::domain::ScanState;
use fleet_core::seams::{Attempt, PortfolioDecision};

use super::*;

impl World {
    /// Done with everything, and pruned.
    async fn pruned(&self) {
        let store = &self.store;
        store.seal(&self.lease).await.unwrap();
        store.settle(&self.lease, &PortfolioDecision::default()).await.unwrap();
        store.advance(&self.lease, ScanState::Done).await.unwrap();
        store.release_lease(&self.lease).await.unwrap();
        assert_eq!(store.prune_scans(Timestamp::now(), 9).await.unwrap(), 1);
    }

    /// The scan again, under another manifest, with its first ticker in the queue.
    async fn made_anew(&self, as_of: Timestamp) {
        self.store.open_scan(&self.scan, "hash").await.unwrap();
        let holder = Holder("test".to_owned());
        let taken = self.store.take_lease(&self.scan, &holder, Duration::from_secs(60)).await.unwrap();
        let LeaseAnswer::Taken(lease) = taken else { panic!("{taken:?}") };
        let ticker = Ticker::parse("A").unwrap();
        let mut manifest = manifest(&self.scan, std::slice::from_ref(&ticker), Manifest::VERSION);
        manifest.as_of = Some(as_of);
        self.store.freeze_manifest(&lease, &manifest).await.unwrap();
        self.queue.publish(&Task { scan: self.scan.clone(), ticker }, 0).await.unwrap();
    }
}

#[tokio::test]
async fn nothing_is_committed_under_the_manifest_of_a_scan_that_is_gone() {
    let world = World::new(&["A"], Manifest::VERSION).await;
    let worker = world.start(1).await;
    until(async || world.missing().await == 0 && world.backlog().await == 0).await;
    world.pruned().await;
    let as_of = "2026-11-20T15:00:00Z".parse().unwrap();
    world.made_anew(as_of).await;
    until(async || world.missing().await == 0).await;
    worker.drain(Duration::from_secs(5)).await;
    // Once for the first scan, once as the new manifest says.
    assert_eq!(*world.market.asked_as_of.lock().unwrap(), [None, Some(as_of)]);
    let outcome = world.store.outcomes(&world.scan, 0..9).await.unwrap().remove(0);
    assert_eq!(outcome.attempt, 1, "what was done by mistake was no attempt of the new scan");
}

/// A market in whose first chain the scan is pruned and made anew, and somebody begins with it.
struct MakingAnew {
    world: World,
    as_of: Timestamp,
    asked_as_of: Mutex<Vec<Option<Timestamp>>>,
}

struct Shared(Arc<MakingAnew>);

#[async_trait]
impl MarketData for Shared {
    async fn universe(&self, filter: &str, tally: &RequestTally) -> Result<UniverseAnswer, FetchError> {
        self.0.world.market.universe(filter, tally).await
    }

    async fn chain(
        &self,
        ticker: &Ticker,
        want: &ChainRequest,
        tally: &RequestTally,
    ) -> Result<(Chain, Timestamp), FetchError> {
        let MakingAnew { world, as_of, asked_as_of } = self.0.as_ref();
        asked_as_of.lock().unwrap().push(want.as_of);
        if want.as_of.is_none() {
            world.pruned().await;
            world.made_anew(*as_of).await;
            let begun = world.store.begin_attempt(&world.scan, None, ticker).await.unwrap();
            assert_eq!(begun.attempt, Attempt::Run(1));
        }
        world.market.chain(ticker, want, tally).await
    }

    async fn bars(
        &self,
        instrument: &Instrument,
        from: jiff::civil::Date,
        until: Timestamp,
        tally: &RequestTally,
    ) -> Result<BarSeries, FetchError> {
        self.0.world.market.bars(instrument, from, until, tally).await
    }
}

impl MarketFactory for Shared {
    fn market_for(&self, _: &Manifest) -> Result<Arc<dyn MarketData>, String> {
        Ok(Arc::new(Self(Arc::clone(&self.0))))
    }
}

#[tokio::test]
async fn nobodys_attempt_at_the_new_scan_is_taken_back_for_one_at_the_old() {
    let (world, as_of) = (World::new(&["A"], Manifest::VERSION).await, "2026-11-20T15:00:00Z".parse().unwrap());
    let making = Arc::new(MakingAnew { world, as_of, asked_as_of: Mutex::default() });
    let world = &making.world;
    let parts = WorkerParts { markets: Arc::new(Shared(Arc::clone(&making))), ..world.parts() };
    let worker = start(parts, WorkerOptions { name: "w".to_owned(), slots: 1 }).await.unwrap();
    // While it is made anew there is no scan, or none with a manifest.
    until(async || making.asked_as_of.lock().unwrap().len() == 2).await;
    until(async || world.missing().await == 0).await;
    worker.drain(Duration::from_secs(5)).await;
    assert_eq!(*making.asked_as_of.lock().unwrap(), [None, Some(as_of)]);
    let outcome = world.store.outcomes(&world.scan, 0..9).await.unwrap().remove(0);
    assert_eq!(outcome.attempt, 2, "somebody else's attempt at the new scan counts");
}

/// A task of a scan that the store does not know stays in the queue, whether the worker knows the scan or not.
#[tokio::test]
async fn a_task_of_an_unknown_scan_is_not_thrown_away() {
    for met in [true, false] {
        let world = World::new(if met { &["A"] } else { &[] }, Manifest::VERSION).await;
        let worker = world.start(1).await;
        until(async || world.missing().await == 0 && world.backlog().await == 0).await;
        world.pruned().await;
        let task = Task { scan: world.scan.clone(), ticker: Ticker::parse("B").unwrap() };
        world.queue.publish(&task, 0).await.unwrap();
        // It is handed back, and not to be had for some minutes.
        until(async || worker_is_done_with(&world).await).await;
        worker.drain(Duration::from_secs(5)).await;
        assert_eq!(world.backlog().await, 1, "met before: {met}");
    }
}

/// Nothing is held and nothing can be pulled.
async fn worker_is_done_with(world: &World) -> bool {
    world.queue.pull(1, Duration::from_millis(30)).await.unwrap().is_empty()
}
