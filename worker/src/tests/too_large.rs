//! A finding that the store will not take, on a real Redis server.

use fleet_core::seams::RequestTally;
use fleet_engines::redis::{RedisSettings, RedisStore};
use fleet_servers::RedisServer;

use super::*;

/// Chains so many of whose expirations were not served that the finding, which lists them, is more than 8 MB long.
struct Endless(Arc<Market>);

#[async_trait]
impl MarketData for Endless {
    async fn universe(&self, filter: &str, tally: &RequestTally) -> Result<UniverseAnswer, FetchError> {
        self.0.universe(filter, tally).await
    }

    async fn chain(
        &self,
        ticker: &Ticker,
        want: &ChainRequest,
        tally: &RequestTally,
    ) -> Result<(Chain, Timestamp), FetchError> {
        tally.count(Vendor::Cboe);
        let (chain, at) = self.0.chain(ticker, want, tally).await?;
        let days = jiff::civil::date(2000, 1, 1).series(jiff::Span::new().days(1));
        Ok((Chain { not_served: days.take(800_000).collect(), ..chain }, at))
    }

    async fn bars(
        &self,
        instrument: &Instrument,
        from: jiff::civil::Date,
        until: Timestamp,
        tally: &RequestTally,
    ) -> Result<BarSeries, FetchError> {
        self.0.bars(instrument, from, until, tally).await
    }
}

struct EndlessMarket(Arc<Market>);

impl MarketFactory for EndlessMarket {
    fn market_for(&self, _: &Manifest) -> Result<Arc<dyn MarketData>, String> {
        Ok(Arc::new(Endless(Arc::clone(&self.0))))
    }
}

#[tokio::test]
async fn a_finding_beyond_the_stores_limit_fails_at_once_and_names_it() {
    let server = RedisServer::start();
    let store = RedisStore::connect(&server.url(), RedisSettings::default()).await.unwrap();
    let scan = ScanId::parse("worker-20261120-1000").unwrap();
    store.open_scan(&scan, "hash").await.unwrap();
    let lease = match store.take_lease(&scan, &Holder("test".to_owned()), Duration::from_secs(60)).await.unwrap() {
        LeaseAnswer::Taken(lease) => lease,
        held @ LeaseAnswer::Held { .. } => panic!("{held:?}"),
    };
    let ticker = Ticker::parse("A").unwrap();
    store.freeze_manifest(&lease, &manifest(&scan, std::slice::from_ref(&ticker), Manifest::VERSION)).await.unwrap();
    let queue = InProcessQueue::new(Duration::from_secs(30));
    queue.publish(&Task { scan: scan.clone(), ticker }, 0).await.unwrap();
    let (store, market) = (Arc::new(store), Arc::new(Market::default()));
    let parts = WorkerParts {
        queue: Arc::new(queue),
        store: Arc::clone(&store) as Arc<_>,
        markets: Arc::new(EndlessMarket(Arc::clone(&market))),
        clock: Arc::new(SystemClock),
    };
    let worker = start(parts, WorkerOptions { name: "w".to_owned(), slots: 1 }).await.unwrap();
    until(async || store.missing_count(&scan).await.unwrap() == 0).await;
    worker.stop().await;
    let outcome = store.outcomes(&scan, 0..1).await.unwrap().remove(0);
    let Outcome::Failed { reason, requests } = outcome.outcome else { panic!("{:?}", outcome.outcome) };
    assert_eq!(reason.word, "store");
    assert!(reason.detail.ends_with("is not stored; at most 8 MB are"), "{}", reason.detail);
    let asked = market.asked.lock().unwrap().len();
    assert_eq!((asked, outcome.attempt, requests.vendors[&Vendor::Cboe]), (1, 1, 1), "it was tried again");
}
