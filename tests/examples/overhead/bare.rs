//! The bare loop, and what the worker's protocol adds to it, step by step.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_nats::jetstream;
use async_nats::jetstream::consumer::pull::Stream;
use fleet_analysis::{AnalysisConfig, MarketSnapshot, analyse};
use fleet_core::domain::*;
use fleet_core::seams::{Attempt, Begun, Commit, CommitAnswer, Store};
use fleet_core::wire::decode;
use fleet_worker::explanation::pack;
use futures::StreamExt;
use futures::stream::Take;
use jiff::Timestamp;
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use crate::world::{Measured, PATIENCE, Scan, WINDOW, Watch, World, nothing};

/// How much of the protocol a loop does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// The client's own endless pull, a commit, a confirmed acknowledgement: the least that loses no ticker.
    Bare,
    /// And the attempt is counted, so that a ticker that breaks its worker is found out, and live trades are read.
    Attempts,
}

impl Step {
    /// In the order in which they add up.
    pub const ALL: [Self; 2] = [Self::Bare, Self::Attempts];

    pub const fn words(self) -> &'static str {
        match self {
            Self::Bare => "bare loop",
            Self::Attempts => "… counting attempts",
        }
    }
}

/// Publishes and works through a scan. The hands are ready before the watch starts, as the worker is.
pub async fn run(world: &World, scan: &Scan, step: Step) -> Measured {
    let line = Arc::new(Mutex::new(pull(world).await.take(scan.tickers.len())));
    let hand = Hand { store: Arc::clone(&world.store), prepared: Arc::new(prepare(scan)), step };
    let watch = Watch::start();
    let mut hands = JoinSet::new();
    for _ in 0..world.slots {
        hands.spawn(hand.clone().work(Arc::clone(&line)));
    }
    let all = async {
        while let Some(ended) = hands.join_next().await {
            ended.expect("a hand works to the end");
        }
        world.emptied(scan).await;
    };
    let both = async { tokio::join!(world.publish(scan), all) };
    tokio::time::timeout(PATIENCE, both).await.expect("the loop is stuck");
    let measured = watch.stop();
    // The pull ends here, so that it takes nothing of the next scan.
    drop(line);
    world.check(scan).await;
    measured
}

/// One endless pull that is ahead of the hands, on a connection of its own.
async fn pull(world: &World) -> Stream {
    let client = async_nats::connect(world.nats.url()).await.expect("the server answers");
    let context = jetstream::new(client);
    // The server is this bench's own: its one stream is the store's.
    let name = context.stream_names().next().await.expect("the queue made its stream").expect("the server answers");
    let stream = context.get_stream(name).await.expect("the queue's stream");
    let consumer: jetstream::consumer::PullConsumer = stream.get_consumer("workers").await.expect("its consumer");
    consumer.stream().max_messages_per_batch(WINDOW).messages().await.expect("an endless pull")
}

/// One of as many as the worker has slots, each a task of its own.
#[derive(Clone)]
struct Hand {
    store: Arc<dyn Store>,
    prepared: Arc<Commit>,
    step: Step,
}

impl Hand {
    /// Works until all of the scan is taken.
    async fn work(self, line: Arc<Mutex<Take<Stream>>>) {
        loop {
            // The line is held while taking, not while working.
            let next = line.lock().await.next().await;
            let Some(message) = next else { return };
            let message = message.expect("a task");
            let task: Task = decode(&message.payload).expect("a task of ours");
            if self.step >= Step::Attempts {
                let begun = self.store.begin_attempt(&task.scan, None, &task.ticker).await;
                let Begun { attempt, live } = begun.expect("the store answers");
                assert_eq!(attempt, Attempt::Run(1), "{}", task.ticker);
                assert!(live.expect("the trades can be read").is_empty());
            }
            self.commit(task).await;
            message.double_ack().await.expect("the acknowledgement is confirmed");
        }
    }

    /// The worker's own commit of a ticker without options, of the same size.
    async fn commit(&self, task: Task) {
        let mut commit = Commit::clone(&self.prepared);
        if let Outcome::Found(finding) = &mut commit.outcome {
            finding.ticker = task.ticker.clone();
        }
        commit.ticker = task.ticker;
        assert_eq!(self.store.commit(&commit).await.expect("the store answers"), CommitAnswer::Committed);
    }
}

/// What every commit of a scan is made from. The ticker is the scan's first.
fn prepare(scan: &Scan) -> Commit {
    let now = Timestamp::now();
    let ticker = scan.tickers.first().expect("a scan has tickers");
    let snapshot = MarketSnapshot {
        scan: scan.id.clone(),
        ticker: ticker.clone(),
        as_of: now,
        chain: nothing(ticker),
        fetched_at: Some(now),
        max_quote_age_secs: 1200,
        underlying_bars: None,
        contract_bars: BTreeMap::new(),
        facts: Default::default(),
        history: Vec::new(),
        max_bars: 12,
        live_trades: Vec::new(),
        requests: RequestCounts::of([(Vendor::Cboe, 1)]),
    };
    Commit {
        scan: scan.id.clone(),
        stamp: None,
        ticker: ticker.clone(),
        outcome: Outcome::Found(Box::new(analyse(&snapshot, &AnalysisConfig::default()))),
        worker: "overhead:1".to_owned(),
        attempt: 1,
        trades: Vec::new(),
        transitions: Vec::new(),
        marks: Vec::new(),
        explanations: pack(&[]),
        summary: None,
    }
}
