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
            let attempt = at.store.begin_attempt(&task.scan, None, &task.ticker).await.unwrap().attempt;
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

/// All keys of one server in another, as a dump that is loaded there has them.
async fn copied(from: &RedisServer, to: &RedisServer) {
    let connection = async |server: &RedisServer| {
        let client = redis::Client::open(server.url()).unwrap();
        client.get_multiplexed_async_connection().await.unwrap()
    };
    let (mut from, mut to) = (connection(from).await, connection(to).await);
    let keys: Vec<String> = redis::cmd("KEYS").arg("*").query_async(&mut from).await.unwrap();
    for key in keys {
        let body: Vec<u8> = redis::cmd("DUMP").arg(&key).query_async(&mut from).await.unwrap();
        let restore = redis::cmd("RESTORE").arg(&key).arg(0).arg(body).arg("REPLACE").to_owned();
        restore.query_async::<()>(&mut to).await.unwrap();
    }
}

async fn id_of(redis: &RedisServer) -> String {
    let client = redis::Client::open(redis.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    redis::cmd("GET").arg("optionfleet:1:id").query_async(&mut connection).await.unwrap()
}

/// Works at both for so long that each has looked whose its stream is.
async fn parted(stores: [&RedisServer; 2], at: [&Engines; 2]) {
    let give_up = Instant::now() + PATIENCE;
    while id_of(stores[0]).await == id_of(stores[1]).await {
        assert!(Instant::now() < give_up, "a copy and its original use one stream");
        for engines in at {
            assert!(engines.queue.pull(1, Duration::from_millis(50)).await.unwrap().is_empty());
        }
    }
    // Their processes follow within a second.
    let began = Instant::now();
    while began.elapsed() < Duration::from_millis(1_500) {
        for engines in at {
            assert!(engines.queue.pull(1, Duration::from_millis(50)).await.unwrap().is_empty());
        }
    }
}

/// Both scan, under the same name, with as many tickers of the same names: whatever one took of the other would show.
async fn both_scan(at: [&Engines; 2], slot: &str) {
    let leases = tokio::join!(launched(at[0], slot, 40), launched(at[1], slot, 40));
    tokio::join!(worked_off(at[0], &leases.0.scan), worked_off(at[1], &leases.1.scan));
}

/// The original goes on; the copy that is opened later finds at once that it is one.
#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_a_store_that_goes_on_has_a_stream_of_its_own() {
    let (nats, original, copy) = (NatsServer::start(), RedisServer::start(), RedisServer::start());
    drop(engines(&nats, &original).await);
    copied(&original, &copy).await;
    let first = engines(&nats, &original).await;
    let id = id_of(&original).await;
    let second = engines(&nats, &copy).await;
    assert_eq!(id_of(&original).await, id, "the original keeps its name");
    assert_ne!(id_of(&copy).await, id, "the copy has the original's");
    both_scan([&first, &second], "1000").await;
    assert_eq!(Raw::connect(&nats).api("STREAM.NAMES", "").matches("WORK-").count(), 2);
    // Opened again, both stay as they are.
    let ids = [id_of(&original).await, id_of(&copy).await];
    let (first, second) = (engines(&nats, &original).await, engines(&nats, &copy).await);
    both_scan([&first, &second], "1030").await;
    assert_eq!([id_of(&original).await, id_of(&copy).await], ids);
}

/// Nothing has happened since the copy was made, so that nobody can tell which is which: they part all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_and_its_copy_part_though_they_are_the_same_to_the_last_byte() {
    let (nats, original, copy) = (NatsServer::start(), RedisServer::start(), RedisServer::start());
    let first = engines(&nats, &original).await;
    copied(&original, &copy).await;
    let second = engines(&nats, &copy).await;
    parted([&original, &copy], [&first, &second]).await;
    both_scan([&first, &second], "1000").await;
}

/// A wiped server has no claim of anybody: its store goes on under its name.
#[tokio::test(flavor = "multi_thread")]
async fn a_wiped_queue_is_claimed_again() {
    let (mut nats, original, copy) = (NatsServer::start(), RedisServer::start(), RedisServer::start());
    let first = engines(&nats, &original).await;
    copied(&original, &copy).await;
    let id = id_of(&original).await;
    nats.restart_wiped();
    let again = engines(&nats, &original).await;
    assert_eq!(id_of(&original).await, id);
    let second = engines(&nats, &copy).await;
    assert_ne!(id_of(&copy).await, id);
    drop(first);
    both_scan([&again, &second], "1000").await;
}
