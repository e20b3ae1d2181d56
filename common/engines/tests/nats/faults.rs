//! The NATS queue while its server dies, forgets, freezes, or is changed behind its back.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use fleet_core::domain::Ticker;
use fleet_core::seams::{Delivery, Published, QueueError, TaskQueue};
use fleet_engines::nats::NatsQueue;
use fleet_servers::NatsServer;

use crate::world::{ACK_WAIT, Raw, STREAM, SUBJECTS, patiently, scan, settings, task, ticker};

/// The connection's 2 s and three answers' 2.5 s, and room for a busy machine: no call takes longer, whatever happens.
const LIMIT: Duration = Duration::from_secs(12);
/// A frozen or dead server is surely back by then.
const PATIENCE: Duration = Duration::from_secs(30);

async fn start() -> (NatsServer, NatsQueue) {
    let server = NatsServer::start();
    let queue = NatsQueue::connect(settings(&server.url())).await.unwrap();
    (server, queue)
}

async fn publish(queue: &NatsQueue, n: usize, round: u32) -> Published {
    patiently("publishing", PATIENCE, async || queue.publish(&task(n), round).await).await
}

/// Pulls and acknowledges until so many tickers came, each at least once.
async fn take(queue: &NatsQueue, count: usize) -> BTreeSet<Ticker> {
    let give_up = Instant::now() + PATIENCE;
    let mut seen = BTreeSet::new();
    while seen.len() < count {
        assert!(Instant::now() < give_up, "only {} of {count} tasks came: {seen:?}", seen.len());
        let wait = Duration::from_millis(500);
        for delivery in patiently("pulling", PATIENCE, async || queue.pull(16, wait).await).await {
            seen.insert(delivery.task().ticker.clone());
            patiently("acknowledging", PATIENCE, async || delivery.progress().await).await;
            delivery.ack().await.unwrap();
        }
    }
    seen
}

async fn pull_one(queue: &NatsQueue) -> Box<dyn Delivery> {
    queue.pull(1, Duration::from_secs(5)).await.unwrap().pop().unwrap()
}

/// An error that says "try again", in time.
fn assert_unavailable<T>(answer: Result<T, QueueError>, asked: Instant) {
    let took = asked.elapsed();
    match answer {
        Err(QueueError::Unavailable(_)) => assert!(took < LIMIT, "it took {took:?} to say so"),
        Err(error) => panic!("not unavailable: {error}"),
        Ok(_) => panic!("a server that is not there answered"),
    }
}

#[tokio::test]
async fn tasks_survive_a_killed_server_and_held_ones_come_back() {
    let (mut server, queue) = start().await;
    for n in 0..20 {
        assert_eq!(publish(&queue, n, 0).await, Published::Queued);
    }
    let held = pull_one(&queue).await;
    server.kill();
    let asked = Instant::now();
    assert_unavailable(queue.pull(1, Duration::ZERO).await, asked);
    let asked = Instant::now();
    assert_unavailable(held.ack().await, asked);
    let asked = Instant::now();
    assert_unavailable(queue.ping().await, asked);
    server.restart();
    assert_eq!(publish(&queue, 0, 1).await, Published::AlreadyQueued);
    assert_eq!(take(&queue, 20).await, (0..20).map(ticker).collect());
    assert_eq!(queue.backlog(&scan(1)).await.unwrap(), 0);
}

#[tokio::test]
async fn a_waiting_pull_notices_that_its_server_died() {
    let (mut server, queue) = start().await;
    let asked = Instant::now();
    let (pulled, ()) = tokio::join!(queue.pull(1, Duration::from_secs(60)), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        server.restart();
    });
    assert!(asked.elapsed() < Duration::from_secs(4), "it noticed after {:?}", asked.elapsed());
    assert_unavailable(pulled, asked);
    publish(&queue, 1, 0).await;
    take(&queue, 1).await;
}

#[tokio::test]
async fn a_wiped_server_is_set_up_again_by_a_publication() {
    let (mut server, queue) = start().await;
    publish(&queue, 1, 0).await;
    server.restart_wiped();
    assert_eq!(publish(&queue, 1, 0).await, Published::Queued);
    take(&queue, 1).await;
}

#[tokio::test]
async fn a_wiped_server_is_set_up_again_by_a_pull() {
    let (mut server, queue) = start().await;
    let other = NatsQueue::connect(settings(&server.url())).await.unwrap();
    publish(&queue, 1, 0).await;
    server.restart_wiped();
    let wait = Duration::from_millis(100);
    let pulled = patiently("pulling", PATIENCE, async || queue.pull(1, wait).await).await;
    assert!(pulled.is_empty(), "a wiped server delivered a task");
    assert_eq!(publish(&other, 1, 0).await, Published::Queued);
    take(&queue, 1).await;
}

#[tokio::test]
async fn a_wiped_server_has_no_backlog_and_nothing_to_purge() {
    let (mut server, queue) = start().await;
    publish(&queue, 1, 0).await;
    server.restart_wiped();
    assert_eq!(patiently("purging", PATIENCE, async || queue.purge(&scan(1), None).await).await, 0);
    server.restart_wiped();
    assert_eq!(patiently("counting", PATIENCE, async || queue.backlog(&scan(1)).await).await, 0);
}

#[tokio::test]
async fn a_frozen_server_is_unavailable_within_limits_and_works_after_the_thaw() {
    let (server, queue) = start().await;
    publish(&queue, 1, 0).await;
    let held = pull_one(&queue).await;
    server.freeze();
    let frozen = Instant::now();
    let (task, scan) = (task(2), scan(1));
    let all = async {
        tokio::join!(
            queue.publish(&task, 0),
            queue.pull(4, Duration::from_millis(100)),
            queue.purge(&scan, None),
            queue.backlog(&scan),
            queue.ping(),
            held.progress(),
        )
    };
    let (published, pulled, purged, counted, pinged, progressed) = all.await;
    assert_unavailable(published, frozen);
    assert_unavailable(pulled, frozen);
    assert_unavailable(purged, frozen);
    assert_unavailable(counted, frozen);
    assert_unavailable(pinged, frozen);
    assert_unavailable(progressed, frozen);
    let asked = Instant::now();
    assert_unavailable(held.ack().await, asked);
    server.thaw();
    patiently("asking", PATIENCE, async || queue.ping().await).await;
    // What nobody waited for any more may have been done: the purge may have taken out either.
    for n in [1, 2] {
        publish(&queue, n, 1).await;
    }
    take(&queue, 2).await;
}

#[tokio::test]
async fn a_server_frozen_until_the_client_gives_up_is_found_again() {
    let (server, queue) = start().await;
    server.freeze();
    // Two pings go unanswered: the connection counts as lost, and each new one as well.
    let give_up = Instant::now() + PATIENCE;
    let lost = |answer: Result<(), QueueError>| answer.is_err_and(|error| error.to_string().contains("not connected"));
    while !lost(queue.ping().await) {
        assert!(Instant::now() < give_up, "a frozen connection was never given up");
    }
    server.thaw();
    publish(&queue, 1, 0).await;
    take(&queue, 1).await;
}

#[tokio::test]
async fn a_consumer_and_a_stream_deleted_behind_our_back_are_made_again() {
    let (server, queue) = start().await;
    let mut raw = Raw::connect(&server);
    publish(&queue, 1, 0).await;
    raw.api(&format!("CONSUMER.DELETE.{STREAM}.workers"), "");
    take(&queue, 1).await;
    // While a pull waits.
    let (pulled, ()) = tokio::join!(queue.pull(1, Duration::from_secs(10)), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        raw.api(&format!("CONSUMER.DELETE.{STREAM}.workers"), "");
        publish(&queue, 2, 0).await;
    });
    assert_eq!(pulled.unwrap().len(), 1);
    raw.api(&format!("STREAM.DELETE.{STREAM}"), "");
    assert_eq!(publish(&queue, 3, 0).await, Published::Queued);
    take(&queue, 1).await;
}

/// Who would be told "queued" by a stream that no worker looks at?
#[tokio::test]
async fn a_stream_that_took_our_subjects_meanwhile_swallows_nothing() {
    let (server, queue) = start().await;
    let mut raw = Raw::connect(&server);
    raw.api(&format!("STREAM.DELETE.{STREAM}"), "");
    raw.api("STREAM.CREATE.OTHER", r#"{"name":"OTHER","subjects":["work.>"],"num_replicas":1}"#);
    match queue.publish(&task(1), 0).await {
        Err(QueueError::Refused(why)) => assert!(why.contains("expected stream does not match"), "{why}"),
        answer => panic!("{answer:?}"),
    }
    assert!(raw.api("STREAM.INFO.OTHER", "").contains("\"messages\":0"), "it swallowed a task");
}

/// A server that is killed forgets its last acknowledgements, and may keep some messages that it never delivers. The
/// rule for those (purge, publish again) brings every one of them back.
#[tokio::test]
async fn whatever_a_killed_server_forgot_can_be_purged_and_published_again() {
    let (mut server, queue) = start().await;
    for n in 0..200 {
        publish(&queue, n, 0).await;
    }
    take(&queue, 100).await;
    server.kill();
    server.restart();
    // All that still comes by itself: until nothing does for longer than the acknowledgement time.
    let mut quiet = Instant::now();
    while quiet.elapsed() < ACK_WAIT * 2 {
        let pulled = patiently("pulling", PATIENCE, async || queue.pull(16, ACK_WAIT / 2).await).await;
        for delivery in pulled {
            delivery.ack().await.unwrap();
            quiet = Instant::now();
        }
    }
    for n in 0..200 {
        queue.purge(&scan(1), Some(&ticker(n))).await.unwrap();
        assert_eq!(queue.publish(&task(n), 1).await.unwrap(), Published::Queued);
    }
    assert_eq!(take(&queue, 200).await.len(), 200);
    assert_eq!(queue.backlog(&scan(1)).await.unwrap(), 0);
}

/// A purge with a filter, by somebody else, makes a 2.9 server pass over everything that waits. The same rule helps.
#[tokio::test]
async fn a_task_that_the_server_passes_over_can_be_purged_and_published_again() {
    let (server, queue) = start().await;
    for n in 0..3 {
        publish(&queue, n, 0).await;
    }
    let filter = format!(r#"{{"filter": "{SUBJECTS}.test-20261120-1.T0"}}"#);
    Raw::connect(&server).api(&format!("STREAM.PURGE.{STREAM}"), &filter);
    assert_eq!(queue.backlog(&scan(1)).await.unwrap(), 2);
    assert_eq!(publish(&queue, 1, 1).await, Published::AlreadyQueued);
    for n in [1, 2] {
        assert_eq!(queue.purge(&scan(1), Some(&ticker(n))).await.unwrap(), 1);
        assert_eq!(publish(&queue, n, 1).await, Published::Queued);
    }
    assert_eq!(take(&queue, 2).await, [1, 2].map(ticker).into());
}
