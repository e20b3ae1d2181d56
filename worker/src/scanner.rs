//! A scanner: one slot. Owns at most one delivery that is worked on and two whose answer is being written down, and hands
//! back what does not come to an end.
//!
//! Receives: `Work` from the puller, how far the work it spawned has come, `Beat` from the heartbeat, `HandBack` from the
//! supervisor. Sends: `Stands` to the puller, `Alive`. Limits: one delivery is worked on at a time; while its commit and its
//! acknowledgement are on their way to the servers the next one may begin, so that a slot does not idle for them. The work
//! has the manifest's deadline inside; each call to the queue 2 s, taking back an attempt 1 s. How it fails: the work runs in
//! its own task with panics caught, so a broken ticker does not break the slot; a scanner that dies all the same drops its
//! deliveries, which hands them back, and is replaced.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use fleet_core::seams::{Delivery, QueueError};
use fleet_telemetry::metrics::Part;
use futures::FutureExt;
use futures::future::join_all;
use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::task::JoinHandle;
use tracing::Instrument as _;

use crate::activity::Holding;
use crate::handover::Handover;
use crate::heartbeat::HeartbeatMessage;
use crate::protocol::{Conclusion, work};
use crate::pull_plan::Stand;
use crate::puller::PullerMessage;
use crate::slot_plan::{SlotEffect, SlotEvent, SlotPlan};
use crate::{WorkerContext, in_time};

/// What it means when the queue could not be told.
const NOT_ACKNOWLEDGED: &str = "the store knows that the ticker is done: its next delivery ends at once";
const NOT_HANDED_BACK: &str = "the queue delivers the task again by itself";
const NO_PROGRESS: &str = "the queue may deliver the task to somebody else too";

pub(crate) struct Scanner;

pub(crate) struct ScannerArgs {
    pub(crate) slot: usize,
    pub(crate) context: Arc<WorkerContext>,
}

pub(crate) enum ScannerMessage {
    Work(Box<dyn Delivery>),
    Computed { serial: u64 },
    Concluded { serial: u64, conclusion: Conclusion },
    Acknowledged { serial: u64 },
    Beat(ActorRef<HeartbeatMessage>),
    HandBack,
    Serve(ActorRef<PullerMessage>),
}

pub(crate) struct ScannerState {
    args: ScannerArgs,
    plan: SlotPlan,
    puller: Option<ActorRef<PullerMessage>>,
    held: BTreeMap<u64, Held>,
}

/// A delivery of a slot.
struct Held {
    /// `None`: the queue is being told that it is done.
    delivery: Option<Box<dyn Delivery>>,
    handover: Arc<Handover>,
    holding: Holding,
    /// What works on it, or tells the queue.
    task: SpawnedWork,
}

/// The task a delivery is worked on in. It ends with the scanner, however that ends.
struct SpawnedWork(JoinHandle<()>);

impl Drop for SpawnedWork {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl SpawnedWork {
    async fn end(mut self) {
        self.0.abort();
        // Aborted work ends at its next await; all it holds is memory.
        let _ = tokio::time::timeout(in_time::QUEUE_TIMEOUT, &mut self.0).await;
    }

    /// Waits for a task that has a limit of its own.
    async fn ended(mut self) {
        let _ = (&mut self.0).await;
    }
}

impl Actor for Scanner {
    type Msg = ScannerMessage;
    type State = ScannerState;
    type Arguments = ScannerArgs;

    async fn pre_start(
        &self,
        _: ActorRef<ScannerMessage>,
        args: ScannerArgs,
    ) -> Result<ScannerState, ActorProcessingErr> {
        Ok(ScannerState { args, plan: SlotPlan::default(), puller: None, held: BTreeMap::new() })
    }

    async fn handle(
        &self,
        myself: ActorRef<ScannerMessage>,
        message: ScannerMessage,
        state: &mut ScannerState,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            ScannerMessage::Work(delivery) => state.apply(&myself, SlotEvent::Given, Some(delivery)).await,
            ScannerMessage::Computed { serial } => state.apply(&myself, SlotEvent::Computed { serial }, None).await,
            ScannerMessage::Concluded { serial, conclusion } => {
                state.apply(&myself, SlotEvent::Concluded { serial, conclusion }, None).await;
            }
            ScannerMessage::Acknowledged { serial } => {
                state.apply(&myself, SlotEvent::Acknowledged { serial }, None).await;
            }
            ScannerMessage::Beat(heartbeat) => {
                // A heartbeat that is gone is replaced and asks again.
                let _ = heartbeat.cast(HeartbeatMessage::Alive { slot: state.args.slot });
                state.apply(&myself, SlotEvent::Beaten, None).await;
            }
            ScannerMessage::HandBack => state.apply(&myself, SlotEvent::HandBackAsked, None).await,
            ScannerMessage::Serve(puller) => {
                state.puller = Some(puller);
                state.apply(&myself, SlotEvent::PullerCame, None).await;
            }
        }
        Ok(())
    }

    /// Hands back what is held: the last way out of the slot.
    async fn post_stop(
        &self,
        myself: ActorRef<ScannerMessage>,
        state: &mut ScannerState,
    ) -> Result<(), ActorProcessingErr> {
        state.apply(&myself, SlotEvent::HandBackAsked, None).await;
        Ok(())
    }
}

impl ScannerState {
    async fn apply(
        &mut self,
        myself: &ActorRef<ScannerMessage>,
        event: SlotEvent,
        mut given: Option<Box<dyn Delivery>>,
    ) {
        let (plan, effects) = std::mem::take(&mut self.plan).step(event);
        self.plan = plan;
        for effect in effects {
            match effect {
                SlotEffect::Start { serial } => {
                    if let Some(delivery) = given.take() {
                        let held = self.start(myself.clone(), serial, delivery);
                        self.held.insert(serial, held);
                    }
                }
                SlotEffect::Refuse => {
                    if let Some(delivery) = given.take() {
                        self.args.context.instruments.metrics.handed_back("refused");
                        self.told(in_time::queue(delivery.retry_in(Duration::ZERO)).await, NOT_HANDED_BACK);
                    }
                }
                SlotEffect::Finish { serial } => {
                    if let Some(held) = self.held.get_mut(&serial) {
                        held.holding.finish();
                    }
                }
                SlotEffect::Acknowledge { serial } => self.acknowledge(myself.clone(), serial),
                SlotEffect::Forget { serial } => drop(self.held.remove(&serial)),
                SlotEffect::HandBack { serial, rest } => {
                    if let Some(delivery) = self.held.remove(&serial).and_then(|held| held.delivery) {
                        self.told(in_time::queue(delivery.retry_in(rest)).await, NOT_HANDED_BACK);
                    }
                }
                SlotEffect::Leave(serials) => self.leave(&serials).await,
                SlotEffect::Progress { serial } => {
                    if let Some(delivery) = self.held.get(&serial).and_then(|held| held.delivery.as_ref()) {
                        self.told(in_time::queue(delivery.progress()).await, NO_PROGRESS);
                    }
                }
                SlotEffect::Say(stand) => self.say(myself, stand),
            }
        }
    }

    /// Works on the task in a task of its own. Its last words always come: panics inside are caught by the protocol,
    /// and whatever else broke is a hand-back.
    fn start(&self, myself: ActorRef<ScannerMessage>, serial: u64, delivery: Box<dyn Delivery>) -> Held {
        let context = Arc::clone(&self.args.context);
        let handover = Arc::new(Handover::of(delivery.as_ref(), &context.process));
        let (span, held) = (handover.span(), Arc::clone(&handover));
        let holding = context.activity.hold();
        let work = async move {
            // A scanner that is gone has handed the delivery back.
            let computed = || drop(myself.cast(ScannerMessage::Computed { serial }));
            let conclusion = AssertUnwindSafe(work(&context, &handover, computed)).catch_unwind().await;
            let conclusion = conclusion.unwrap_or_else(|_| {
                handover.counted.settle();
                Conclusion::HandBack(Duration::from_secs(1))
            });
            let _ = myself.cast(ScannerMessage::Concluded { serial, conclusion });
        };
        let task = SpawnedWork(tokio::spawn(work.instrument(span)));
        Held { delivery: Some(delivery), handover: held, holding, task }
    }

    /// Tells the queue, in a task of its own.
    fn acknowledge(&mut self, myself: ActorRef<ScannerMessage>, serial: u64) {
        let Some(held) = self.held.get_mut(&serial) else { return };
        let Some(delivery) = held.delivery.take() else { return };
        let context = Arc::clone(&self.args.context);
        held.task = SpawnedWork(tokio::spawn(async move {
            told(&context, in_time::queue(delivery.ack()).await, NOT_ACKNOWLEDGED);
            // A scanner that is gone waited for this.
            let _ = myself.cast(ScannerMessage::Acknowledged { serial });
        }));
    }

    /// All side by side: a worker that leaves has 3 s for it.
    async fn leave(&mut self, serials: &[u64]) {
        let held: Vec<Held> = serials.iter().filter_map(|serial| self.held.remove(serial)).collect();
        join_all(held.into_iter().map(|held| self.leave_one(held))).await;
    }

    async fn leave_one(&self, held: Held) {
        let Held { delivery, handover, holding: _holding, task } = held;
        match delivery {
            None => task.ended().await,
            Some(delivery) => {
                task.end().await;
                self.forgive(&handover).await;
                self.told(in_time::queue(delivery.retry_in(Duration::ZERO)).await, NOT_HANDED_BACK);
            }
        }
    }

    /// The worker leaves with the attempt unbroken: it does not count.
    async fn forgive(&self, handover: &Handover) {
        let context = &self.args.context;
        context.instruments.metrics.handed_back("drain");
        let Some(stamp) = handover.counted.take() else { return };
        let task = &handover.task;
        let forgiven = context.parts.store.forgive_attempt(&task.scan, Some(&stamp), &task.ticker);
        match in_time::forgive(forgiven).await {
            Ok(()) => {
                context.instruments.metrics.forgiven();
                handover.span().in_scope(|| tracing::info!("ticker handed back, its attempt does not count"));
            }
            Err(error) => {
                context.instruments.metrics.failed(Part::Store);
                handover.span().in_scope(|| tracing::warn!(%error, "ticker handed back, its attempt counts"));
            }
        }
    }

    fn told(&self, answer: Result<(), QueueError>, otherwise: &'static str) {
        told(&self.args.context, answer, otherwise);
    }

    fn say(&self, myself: &ActorRef<ScannerMessage>, stand: Stand) {
        if let Some(puller) = &self.puller {
            let (slot, scanner, given) = (self.args.slot, myself.clone(), self.plan.given());
            // A puller that is gone is replaced, and its replacement asks.
            let _ = puller.cast(PullerMessage::Stands { slot, scanner, stand, given });
        }
    }
}

/// What the queue answered about a delivery; nothing depends on it.
fn told(context: &WorkerContext, answer: Result<(), QueueError>, otherwise: &'static str) {
    if let Err(error) = answer {
        context.instruments.metrics.failed(Part::Queue);
        // The puller says aloud that the queue is away, and does so once for all slots.
        tracing::debug!(%error, otherwise, "the queue was not told");
    }
}
