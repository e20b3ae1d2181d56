//! Several stores, and stores that were emptied, at one NATS server: each sees its own tasks and nobody else's.

use std::time::{Duration, Instant};

use fleet_core::domain::{ScanId, Task};
use fleet_core::seams::{Attempt, CommitAnswer, Lease, Published};
use fleet_engines::connect::{Engines, QueueAddress, Secrets, StoreAddress, open};
use fleet_servers::{NatsServer, RedisServer};

use crate::small_scan::{commit, frozen, ticker};
use crate::world::Raw;

/// All of it takes seconds; the rest is for a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A process' own connections to both.
async fn engines(nats: &NatsServer, redis: &RedisServer) -> Engines {
    let queue = QueueAddress::parse(&nats.url()).unwrap();
    let store = StoreAddress::parse(&redis.url()).unwrap();
    open(&queue, &store, &Secrets::default()).await.unwrap()
}

/// A coordinator's part: a frozen scan whose tickers are all in the queue.
async fn launched(at: &Engines, slot: &str, tickers: usize) -> Lease {
    let lease = frozen(at.store.as_ref(), slot, tickers).await;
    for n in 0..tickers {
        let task = Task { scan: lease.scan.clone(), ticker: ticker(n) };
        assert_eq!(at.queue.publish(&task, 0).await.unwrap(), Published::Queued, "{} of {}", task.ticker, task.scan);
    }
    lease
}

/// A worker's part, until the scan misses nothing. Every task is of a scan that its store knows, and comes once.
async fn worked_off(at: &Engines, scan: &ScanId) {
    let give_up = Instant::now() + PATIENCE;
    while at.store.missing_count(scan).await.unwrap() > 0 {
        assert!(Instant::now() < give_up, "{} misses {:?}", scan, at.store.missing(scan).await);
        for delivery in at.queue.pull(4, Duration::from_millis(200)).await.unwrap() {
            let task = delivery.task().clone();
            let attempt = at.store.count_attempt(&task.scan, &task.ticker).await.unwrap();
            assert_eq!(attempt, Attempt::Run(1), "{} of {}", task.ticker, task.scan);
            let n = task.ticker.as_str().strip_prefix('T').unwrap().parse().unwrap();
            assert_eq!(at.store.commit(&commit(&task.scan, n, "x")).await.unwrap(), CommitAnswer::Committed);
            delivery.ack().await.unwrap();
        }
    }
    assert_eq!(at.queue.backlog(scan).await.unwrap(), 0);
}

async fn flush(redis: &RedisServer) {
    let client = redis::Client::open(redis.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    redis::cmd("FLUSHALL").query_async::<()>(&mut connection).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_stores_scan_side_by_side_at_one_server() {
    let (nats, redis) = (NatsServer::start(), [RedisServer::start(), RedisServer::start()]);
    // Scans of different names, and then of the same one.
    for (a, b) in [("1000", "1100"), ("1200", "1200")] {
        let coordinators = [engines(&nats, &redis[0]).await, engines(&nats, &redis[1]).await];
        let workers = [engines(&nats, &redis[0]).await, engines(&nats, &redis[1]).await];
        let leases = tokio::join!(launched(&coordinators[0], a, 60), launched(&coordinators[1], b, 45));
        tokio::join!(worked_off(&workers[0], &leases.0.scan), worked_off(&workers[1], &leases.1.scan));
        for (at, scan, tickers) in [(&workers[0], &leases.0.scan, 60), (&workers[1], &leases.1.scan, 45)] {
            assert_eq!(at.store.outcomes(scan, 0..u32::MAX).await.unwrap().len(), tickers);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_emptied_store_has_a_stream_of_its_own_and_workers_follow_it() {
    let (nats, redis) = (NatsServer::start(), RedisServer::start());
    let worker = engines(&nats, &redis).await;
    let before = launched(&engines(&nats, &redis).await, "1000", 5).await;
    assert_eq!(worker.queue.backlog(&before.scan).await.unwrap(), 5);
    flush(&redis).await;
    // The same scan again: the stream of the store that is gone does not count.
    let coordinator = engines(&nats, &redis).await;
    assert_eq!(coordinator.queue.backlog(&before.scan).await.unwrap(), 0);
    // The worker has looked by then at the latest: what it pulled before, of the scan that is gone, it would hand back.
    let give_up = Instant::now() + PATIENCE;
    while worker.queue.backlog(&before.scan).await.unwrap() > 0 {
        assert!(Instant::now() < give_up, "the worker stays with the store that is gone");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let lease = launched(&coordinator, "1000", 7).await;
    worked_off(&worker, &lease.scan).await;
    let streams = Raw::connect(&nats).api("STREAM.NAMES", "");
    assert_eq!(streams.matches("WORK-").count(), 2, "{streams}");
}

/// Nobody opens the emptied store but the worker that follows it: the next launch finds the worker where it looks.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_alone_with_an_emptied_store_waits_where_the_next_launch_publishes() {
    let (nats, redis) = (NatsServer::start(), RedisServer::start());
    let worker = engines(&nats, &redis).await;
    flush(&redis).await;
    let began = Instant::now();
    while began.elapsed() < Duration::from_millis(1_200) {
        assert!(worker.queue.pull(1, Duration::from_millis(100)).await.unwrap().is_empty());
    }
    let lease = launched(&engines(&nats, &redis).await, "1000", 3).await;
    worked_off(&worker, &lease.scan).await;
}
