//! Tasks on their way through the stream: many of them, repeated ones, and messages that are none.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use fleet_core::domain::{Task, TraceContext};
use fleet_core::seams::{Delivery, Published, TaskQueue};
use fleet_core::wire;
use fleet_engines::nats::NatsQueue;
use fleet_servers::NatsServer;
use futures::{StreamExt, stream};

use crate::world::{ACK_WAIT, Raw, SUBJECTS, scan, settings, task, ticker};

const MANY: usize = 6_000;
/// The publisher's own window.
const WINDOW: usize = 256;

async fn start() -> (NatsServer, NatsQueue) {
    let server = NatsServer::start();
    let queue = NatsQueue::connect(settings(&server.url())).await.unwrap();
    (server, queue)
}

async fn publish(queue: &NatsQueue, n: usize, round: u32) -> Published {
    queue.publish(&task(n), round).await.unwrap()
}

async fn pull(queue: &NatsQueue, max: usize, wait_ms: u64) -> Vec<Box<dyn Delivery>> {
    queue.pull(max, Duration::from_millis(wait_ms)).await.unwrap()
}

async fn pull_one(queue: &NatsQueue) -> Box<dyn Delivery> {
    pull(queue, 1, 5_000).await.pop().unwrap()
}

/// Publishes tasks 0 to [`MANY`] of scan 1; returns how many were queued.
async fn publish_many(queue: &NatsQueue, round: u32) -> usize {
    let published: Vec<Published> =
        stream::iter(0..MANY).map(|n| publish(queue, n, round)).buffered(WINDOW).collect().await;
    published.iter().filter(|published| **published == Published::Queued).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_scan_is_published_counted_worked_off_and_purged() {
    let (_server, queue) = start().await;
    let started = Instant::now();
    assert_eq!(publish_many(&queue, 0).await, MANY);
    println!("published {MANY} in {:?}", started.elapsed());
    let other = Task { scan: scan(2), ticker: ticker(1) };
    assert_eq!(queue.publish(&other, 0).await.unwrap(), Published::Queued);
    // The same launch again, and a later one.
    assert_eq!(publish_many(&queue, 0).await, 0);
    assert_eq!(publish_many(&queue, 1).await, 0);
    assert_eq!(queue.backlog(&scan(1)).await.unwrap(), MANY as u64);

    let started = Instant::now();
    let work = async |share: usize| {
        let mut done = Vec::new();
        while done.len() < share {
            let pulled = pull(&queue, 16.min(share - done.len()), 1_000).await;
            assert!(!pulled.is_empty(), "no more tasks came after {}", done.len());
            for delivery in pulled {
                done.push(delivery.task().clone());
                delivery.ack().await.unwrap();
            }
        }
        done
    };
    let half = MANY / 2;
    let (one, two, three) = tokio::join!(work(half / 3), work(half / 3), work(half / 3));
    println!("worked off {half} in {:?}", started.elapsed());
    let done: Vec<Task> = [one, two, three].concat();
    assert_eq!(done.len(), half);
    assert_eq!(done.iter().map(|task| &task.ticker).collect::<BTreeSet<_>>().len(), half);

    let started = Instant::now();
    assert_eq!(queue.purge(&scan(1), None).await.unwrap(), half as u64);
    let took = started.elapsed();
    println!("purged {half} in {took:?}");
    assert!(took < Duration::from_secs(10), "a purge of {half} tasks took {took:?}");
    assert_eq!(queue.backlog(&scan(1)).await.unwrap(), 0);
    assert_eq!(*pull_one(&queue).await.task(), other);
}

/// The server remembers message ids for two minutes, also of messages that are gone.
#[tokio::test]
async fn a_task_that_is_gone_is_queued_in_the_same_round_again() {
    let (_server, queue) = start().await;
    assert_eq!(publish(&queue, 1, 0).await, Published::Queued);
    assert_eq!(publish(&queue, 1, 0).await, Published::AlreadyQueued);
    pull_one(&queue).await.ack().await.unwrap();
    assert_eq!(publish(&queue, 1, 0).await, Published::Queued);
    assert_eq!(publish(&queue, 1, 0).await, Published::AlreadyQueued);
    assert_eq!(queue.purge(&scan(1), None).await.unwrap(), 1);
    assert_eq!(publish(&queue, 1, 0).await, Published::Queued);
    pull_one(&queue).await.ack().await.unwrap();
    assert!(pull(&queue, 1, 200).await.is_empty(), "a task came twice");
}

#[tokio::test]
async fn many_publishers_of_one_task_queue_it_once() {
    let (server, queue) = start().await;
    let other = NatsQueue::connect(settings(&server.url())).await.unwrap();
    for round in 0..5 {
        let tries = (0..40).map(|n| if n % 2 == 0 { &queue } else { &other }).map(|queue| publish(queue, 1, round));
        let answers = futures::future::join_all(tries).await;
        let queued = answers.iter().filter(|answer| **answer == Published::Queued).count();
        assert_eq!(queued, 1, "round {round}");
        pull_one(&queue).await.ack().await.unwrap();
        // The same round again: its id is remembered by now.
        let answers = futures::future::join_all((0..40).map(|_| publish(&other, 1, round))).await;
        assert_eq!(answers.iter().filter(|answer| **answer == Published::Queued).count(), 1, "round {round} again");
        pull_one(&queue).await.ack().await.unwrap();
    }
}

#[tokio::test]
async fn messages_that_are_no_tasks_are_thrown_away_and_block_nothing() {
    let (server, queue) = start().await;
    let mut raw = Raw::connect(&server);
    let foreign = String::from_utf8(wire::encode(&task(7)).unwrap()).unwrap();
    for (n, body) in ["", "nonsense", "{\"v\":1}", "{\"v\":1,\"body\":{\"scan\":\"*\",\"ticker\":\">\"}}", &foreign]
        .into_iter()
        .enumerate()
    {
        let answer = raw.request(&format!("{SUBJECTS}.test-20261120-1.BAD{n}"), body);
        assert!(answer.contains("\"seq\""), "{answer}");
    }
    publish(&queue, 1, 0).await;
    // One by one, so that each is the only message of a pull once.
    assert_eq!(*pull_one(&queue).await.task(), task(1));
    assert_eq!(queue.backlog(&scan(1)).await.unwrap(), 1, "what was thrown away is still there");
}

#[tokio::test]
async fn a_task_of_a_newer_version_is_left_for_somebody_else() {
    let (server, queue) = start().await;
    let mut raw = Raw::connect(&server);
    raw.request(&format!("{SUBJECTS}.test-20261120-1.T1"), "{\"v\":1000,\"body\":[]}");
    publish(&queue, 2, 0).await;
    let started = Instant::now();
    let delivery = pull_one(&queue).await;
    assert!(started.elapsed() < ACK_WAIT, "a newer task held up the others");
    delivery.ack().await.unwrap();
    assert!(pull(&queue, 1, 1_500).await.is_empty(), "a task of a newer version was delivered");
    assert_eq!(queue.backlog(&scan(1)).await.unwrap(), 1, "it is not there any more");
}

#[tokio::test]
async fn a_foreign_trace_header_is_not_believed() {
    let (server, queue) = start().await;
    let mut raw = Raw::connect(&server);
    raw.request(
        &format!("{SUBJECTS}.test-20261120-1.T1"),
        &String::from_utf8(wire::encode(&task(1)).unwrap()).unwrap(),
    );
    assert_eq!(pull_one(&queue).await.trace(), TraceContext::of_task(&task(1), 0));
}

#[tokio::test]
async fn an_acknowledgement_is_of_its_own_publication() {
    let (_server, queue) = start().await;
    publish(&queue, 1, 0).await;
    let purged = pull_one(&queue).await;
    queue.purge(&scan(1), None).await.unwrap();
    assert_eq!(publish(&queue, 1, 1).await, Published::Queued);
    purged.ack().await.unwrap();
    assert_eq!(queue.backlog(&scan(1)).await.unwrap(), 1);
    pull_one(&queue).await.ack().await.unwrap();
    assert!(pull(&queue, 1, 1_500).await.is_empty(), "a purged task came again");
}

/// The server would take the task away from its new holder.
#[tokio::test]
async fn a_holder_whose_time_is_over_hands_nothing_back() {
    let (_server, queue) = start().await;
    publish(&queue, 1, 0).await;
    let slow = pull_one(&queue).await;
    let quick = pull_one(&queue).await;
    slow.retry_in(Duration::ZERO).await.unwrap();
    assert!(pull(&queue, 1, 300).await.is_empty(), "a held task was delivered to somebody else");
    quick.ack().await.unwrap();
}

#[tokio::test]
async fn a_pull_for_many_does_not_wait_for_more_than_the_first() {
    let (_server, queue) = start().await;
    for n in 0..3 {
        publish(&queue, n, 0).await;
    }
    let started = Instant::now();
    assert_eq!(pull(&queue, 64, 10_000).await.len(), 3);
    let (pulled, _) = tokio::join!(pull(&queue, 64, 10_000), publish(&queue, 3, 0));
    assert_eq!(pulled.len(), 1);
    assert!(started.elapsed() < Duration::from_secs(5), "a pull waited for tasks that were not there");
}

#[tokio::test]
async fn more_pulls_than_tasks_wait_side_by_side() {
    let (_server, queue) = start().await;
    let pull_and_acknowledge = async || {
        let mut mine = Vec::new();
        for delivery in pull(&queue, 4, 3_000).await {
            mine.push(delivery.task().ticker.clone());
            delivery.ack().await.unwrap();
        }
        mine
    };
    let pulls = futures::future::join_all((0..40).map(|_| pull_and_acknowledge()));
    let publications = async {
        for n in 0..20 {
            publish(&queue, n, 0).await;
        }
    };
    let (pulled, ()) = tokio::join!(pulls, publications);
    let got = pulled.concat();
    assert_eq!(got.len(), 20);
    assert_eq!(got.into_iter().collect::<BTreeSet<_>>().len(), 20);
}
