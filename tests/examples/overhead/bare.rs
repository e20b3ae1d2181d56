//! The bare loop, and what the worker's protocol adds to it, step by step.

use std::collections::BTreeMap;

use async_nats::jetstream;
use fleet_analysis::{AnalysisConfig, MarketSnapshot, analyse};
use fleet_core::domain::*;
use fleet_core::seams::{Attempt, Commit, CommitAnswer, TradeFilter};
use fleet_core::wire::decode;
use fleet_worker::explanation::pack;
use futures::StreamExt;
use jiff::Timestamp;

use crate::world::{Measured, PATIENCE, Scan, WINDOW, Watch, World, nothing};

/// How much of the protocol a loop does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// The client's own endless pull, a commit, a confirmed acknowledgement: the least that loses no ticker.
    Bare,
    /// And the attempt is counted, so that a ticker that breaks its worker is found out.
    Attempts,
    /// And live trades are read.
    Trades,
}

impl Step {
    /// In the order in which they add up.
    pub const ALL: [Self; 3] = [Self::Bare, Self::Attempts, Self::Trades];

    pub const fn words(self) -> &'static str {
        match self {
            Self::Bare => "bare loop",
            Self::Attempts => "… counting attempts",
            Self::Trades => "… reading live trades",
        }
    }
}

/// Publishes and works through a scan.
pub async fn run(world: &World, scan: &Scan, step: Step) -> Measured {
    let watch = Watch::start();
    let both = async { tokio::join!(world.publish(scan), work(world, scan, step)) };
    tokio::time::timeout(PATIENCE, both).await.expect("the loop is stuck");
    let measured = watch.stop();
    world.check(scan).await;
    measured
}

/// As many hands as the worker has slots, fed by one endless pull that is ahead of them.
async fn work(world: &World, scan: &Scan, step: Step) {
    let client = async_nats::connect(world.nats.url()).await.expect("the server answers");
    let context = jetstream::new(client);
    // The server is this bench's own: its one stream is the store's.
    let name = context.stream_names().next().await.expect("the queue made its stream").expect("the server answers");
    let stream = context.get_stream(name).await.expect("the queue's stream");
    let consumer: jetstream::consumer::PullConsumer = stream.get_consumer("workers").await.expect("its consumer");
    let messages = consumer.stream().max_messages_per_batch(WINDOW).messages().await.expect("an endless pull");
    messages
        .take(scan.tickers.len())
        .for_each_concurrent(world.slots, async |message| {
            let message = message.expect("a task");
            let task: Task = decode(&message.payload).expect("a task of ours");
            if step >= Step::Attempts {
                let attempt = world.store.count_attempt(&task.scan, &task.ticker).await.expect("the store answers");
                assert_eq!(attempt, Attempt::Run(1), "{}", task.ticker);
            }
            if step >= Step::Trades {
                let underlying = Some(task.ticker.clone());
                let filter = TradeFilter { underlying, live: true, controls: true, ..TradeFilter::default() };
                assert!(world.store.trades(&filter).await.expect("the store answers").is_empty());
            }
            commit(world, &task).await;
            message.double_ack().await.expect("the acknowledgement is confirmed");
        })
        .await;
}

/// The worker's own commit of a ticker without options, byte for byte.
async fn commit(world: &World, task: &Task) {
    let now = Timestamp::now();
    let snapshot = MarketSnapshot {
        scan: task.scan.clone(),
        ticker: task.ticker.clone(),
        as_of: now,
        chain: nothing(&task.ticker),
        fetched_at: Some(now),
        max_quote_age_secs: 1200,
        underlying_bars: None,
        contract_bars: BTreeMap::new(),
        max_bars: 12,
        live_trades: Vec::new(),
        requests: RequestCounts([(Vendor::Cboe, 1)].into()),
    };
    let commit = Commit {
        scan: task.scan.clone(),
        stamp: None,
        ticker: task.ticker.clone(),
        outcome: Outcome::Found(Box::new(analyse(&snapshot, &AnalysisConfig::default()))),
        worker: "overhead:1".to_owned(),
        attempt: 1,
        trades: Vec::new(),
        transitions: Vec::new(),
        marks: Vec::new(),
        explanations: pack(&[]),
    };
    assert_eq!(world.store.commit(&commit).await.expect("the store answers"), CommitAnswer::Committed);
}
