//! What came over a gateway is kept for others only when a canary has vouched for it, and never when one was bad.

use fleet_core::domain::calendar::{exchange_date, previous_session};
use fleet_core::seams::{BarCache, GatewayPass, ScanStamp, Trust};
use jiff::civil::Date;

use super::bars::{as_of, priced_chain, rising_bars, ticker};
use super::*;
use crate::past::Past;
use crate::scan_ticker::{TickerError, TickerJob, scan_ticker};
use crate::unvouched::Unvouched;

/// Every answer comes over one gateway, a second after the one before. While it is frozen, bars lack the newest session.
#[derive(Default)]
struct OverOne {
    answers: AtomicU32,
    is_frozen: AtomicBool,
    /// The last canary that was fine left then.
    vouched: Mutex<Duration>,
    /// What came from the first of these on and before the second is in doubt.
    doubted: Mutex<(Duration, Duration)>,
    /// The contract of this number, from 1, is answered by a broken server.
    fails_at: AtomicU32,
    asked: Mutex<Vec<Instrument>>,
}

impl OverOne {
    fn pass(&self, tally: &RequestTally) {
        let at = Duration::from_secs(self.answers.fetch_add(1, Ordering::SeqCst).into());
        tally.passed(GatewayPass { vendor: Vendor::Yahoo, gateway: "region-1".to_owned(), at });
    }

    fn now(&self) -> Duration {
        Duration::from_secs(self.answers.load(Ordering::SeqCst).into())
    }

    /// A canary is fine: what comes from now on is in doubt no more.
    fn vouch(&self) {
        *self.vouched.lock().unwrap() = self.now();
        let mut doubted = self.doubted.lock().unwrap();
        doubted.1 = doubted.1.min(self.now());
    }

    /// A canary is not: what came since the last one that was is in doubt.
    fn doubt_all(&self) {
        *self.doubted.lock().unwrap() = (*self.vouched.lock().unwrap(), Duration::MAX);
    }

    /// How many series were asked for since this was asked last.
    fn fetched(&self) -> usize {
        std::mem::take(&mut *self.asked.lock().unwrap()).len()
    }
}

#[async_trait]
impl MarketData for OverOne {
    async fn universe(&self, _: &str, _: &RequestTally) -> Result<UniverseAnswer, FetchError> {
        Ok(UniverseAnswer { tickers: Vec::new(), total: 0, pages: 0, left_out: Vec::new() })
    }

    async fn chain(&self, _: &Ticker, _: &ChainRequest, _: &RequestTally) -> Result<(Chain, Timestamp), FetchError> {
        Ok((priced_chain(), as_of()))
    }

    async fn bars(
        &self,
        instrument: &Instrument,
        _: Date,
        _: Timestamp,
        tally: &RequestTally,
    ) -> Result<BarSeries, FetchError> {
        self.asked.lock().unwrap().push(instrument.clone());
        let left = self.fails_at.load(Ordering::SeqCst);
        if left > 0 && matches!(instrument, Instrument::Contract(_)) {
            self.fails_at.store(left - 1, Ordering::SeqCst);
            if left == 1 {
                let (vendor, what) = (Vendor::Yahoo, format!("bars of {instrument}"));
                return Err(FetchError { vendor, what, failure: FetchFailure::Server(502) });
            }
        }
        self.pass(tally);
        let mut bars = rising_bars();
        if self.is_frozen.load(Ordering::SeqCst) {
            bars.pop();
        }
        Ok(BarSeries {
            instrument: instrument.clone(),
            bars,
            last_split: None,
            dividends: Some(Vec::new()),
            incomplete: 0,
            complete_from: None,
        })
    }

    fn doubt(&self, tally: &RequestTally) -> Option<FetchError> {
        (self.trust(&tally.passes()) == Trust::Never).then(|| FetchError {
            vendor: Vendor::Yahoo,
            what: "what was fetched".to_owned(),
            failure: FetchFailure::Stale("frozen".to_owned()),
        })
    }

    fn trust(&self, passes: &[GatewayPass]) -> Trust {
        let (vouched, doubted) = (*self.vouched.lock().unwrap(), *self.doubted.lock().unwrap());
        if passes.iter().any(|pass| (doubted.0..doubted.1).contains(&pass.at)) {
            Trust::Never
        } else if passes.iter().all(|pass| pass.at < vouched) {
            Trust::Vouched
        } else {
            Trust::Open
        }
    }
}

/// One worker's part of a scan: its market, and what it holds.
#[derive(Default)]
struct Process {
    market: OverOne,
    unvouched: Unvouched,
}

impl Process {
    /// A delivery of the ticker; the failure's word.
    async fn deliver(&self, world: &World, attempt: u32) -> Result<(), &'static str> {
        let mut manifest = manifest(&world.scan, &[ticker()], Manifest::VERSION);
        manifest.as_of = Some(as_of());
        let (task, tally) = (Task { scan: world.scan.clone(), ticker: ticker() }, RequestTally::default());
        let job = TickerJob {
            task: &task,
            attempt,
            past: &Past::default(),
            worker: "w",
            manifest: &manifest,
            stamp: &ScanStamp("1".to_owned()),
            analysis: &Arc::new(AnalysisConfig::default()),
            market: &self.market,
            store: &world.store,
            unvouched: &self.unvouched,
            tally: &tally,
            clock: &SystemClock,
        };
        match scan_ticker(&job, Vec::new()).await {
            Ok(_) => Ok(()),
            Err(TickerError::Fetch(error)) => Err(error.failure.word()),
            Err(error) => panic!("{error}"),
        }
    }
}

/// The newest date that the store keeps of the underlying, for everybody.
async fn kept(world: &World) -> Option<Date> {
    let of = Instrument::Underlying(ticker());
    let series = world.store.cached_bars(&of, exchange_date(as_of())).await.unwrap()?;
    series.bars.last().map(|bar| bar.date)
}

fn newest() -> Date {
    previous_session(exchange_date(as_of())).unwrap()
}

#[tokio::test]
async fn doubted_bars_are_fetched_anew_by_the_next_delivery_and_by_everybody_else() {
    let world = World::new(&["XYZ"], Manifest::VERSION).await;
    let (process, other) = (Process::default(), Process::default());
    process.market.is_frozen.store(true, Ordering::SeqCst);
    process.market.doubt_all();
    assert_eq!(process.deliver(&world, 1).await, Err("stale"));
    let wanted = process.market.fetched();
    assert!(wanted > 1);
    assert_eq!(kept(&world).await, None, "they would be everybody's, for the whole session");
    // The gateway is itself again.
    process.market.is_frozen.store(false, Ordering::SeqCst);
    process.market.vouch();
    assert_eq!(process.deliver(&world, 2).await, Ok(()));
    assert_eq!(process.market.fetched(), wanted, "nothing of the first delivery is used");
    assert_eq!(kept(&world).await, None);
    assert_eq!(other.deliver(&world, 1).await, Ok(()));
    assert_eq!(other.market.fetched(), wanted, "what nobody has vouched for is nobody else's");
}

/// A canary is late: the ticker was committed, which stays. Its bars are nobody's all the same.
#[tokio::test]
async fn bars_are_kept_once_they_are_vouched_for_and_forgotten_when_they_are_not() {
    let world = World::new(&["XYZ"], Manifest::VERSION).await;
    let (process, other) = (Process::default(), Process::default());
    process.market.is_frozen.store(true, Ordering::SeqCst);
    assert_eq!(process.deliver(&world, 1).await, Ok(()), "nothing is known yet");
    let wanted = process.market.fetched();
    assert_eq!(kept(&world).await, None);
    process.market.doubt_all();
    process.market.is_frozen.store(false, Ordering::SeqCst);
    process.market.vouch();
    // The scan that is run again finds nothing old, nor does anything old reach the store now.
    assert_eq!(process.deliver(&world, 1).await, Ok(()));
    assert_eq!((process.market.fetched(), kept(&world).await), (wanted, None));
    process.market.vouch();
    assert_eq!(process.deliver(&world, 1).await, Ok(()));
    assert_eq!((process.market.fetched(), kept(&world).await), (0, Some(newest())));
    assert_eq!(other.deliver(&world, 1).await, Ok(()));
    assert_eq!(other.market.fetched(), 0, "vouched for by the first one's canary");
}

#[tokio::test]
async fn a_delivery_goes_on_with_what_the_one_before_fetched_under_the_same_doubt() {
    let world = World::new(&["XYZ"], Manifest::VERSION).await;
    for is_doubted in [false, true] {
        let process = Process::default();
        process.market.fails_at.store(2, Ordering::SeqCst);
        assert_eq!(process.deliver(&world, 1).await, Err("server_error"));
        let before = process.market.fetched();
        assert_eq!(before, 3, "the underlying and two contracts");
        if is_doubted {
            process.market.doubt_all();
            assert_eq!(process.deliver(&world, 2).await, Err("stale"));
            assert!(process.market.fetched() >= before, "all of it is asked for anew");
        } else {
            assert_eq!(process.deliver(&world, 2).await, Ok(()));
            let all = Process::default();
            all.deliver(&world, 1).await.unwrap();
            assert_eq!(process.market.fetched() + 2, all.market.fetched());
        }
    }
    // What is used of the delivery before came by its ways: a doubt that comes while this one works reaches it.
    let process = Process::default();
    assert_eq!(process.deliver(&world, 1).await, Ok(()));
    let (tally, of) = (RequestTally::default(), Instrument::Underlying(ticker()));
    let session = exchange_date(as_of());
    let (_, passes) = process.unvouched.find(&process.market, &of, session).unwrap();
    passes.into_iter().for_each(|pass| tally.passed(pass));
    assert_eq!(process.market.doubt(&tally), None);
    process.market.doubt_all();
    assert!(process.market.doubt(&tally).is_some());
}
