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
use crate::puller::{PullerMessage, Stand};
use crate::{WorkerContext, in_time};

/// What it means when the queue could not be told.
const NOT_ACKNOWLEDGED: &str = "the store knows that the ticker is done: its next delivery ends at once";
const NOT_HANDED_BACK: &str = "the queue delivers the task again by itself";
const NO_PROGRESS: &str = "the queue may deliver the task to somebody else too";

/// Deliveries of a slot whose answers may be on their way to the servers while it works on another: one commit and one
/// acknowledgement.
const FINISHING: usize = 2;

/// How far a delivery has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// It is worked on.
    Working,
    /// Its answer is being written down.
    Committing,
    /// The queue is being told that it is done.
    Acknowledging,
}

/// What a slot is at. Decisions are made by [`SlotPlan::step`] alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SlotPlan {
    /// What it holds, by serial number.
    held: BTreeMap<u64, Stage>,
    /// Deliveries it was given, those that it refused too; the serial number of the last.
    given: u64,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SlotEvent {
    /// A delivery came.
    Given,
    /// Nothing is left to do for work number `serial` but to write its answer down.
    Computed { serial: u64 },
    /// Work number `serial` came to an end.
    Concluded { serial: u64, conclusion: Conclusion },
    /// The queue was told that delivery number `serial` is done.
    Acknowledged { serial: u64 },
    /// The heartbeat asks.
    Beaten,
    /// Whatever is held must go back now.
    HandBackAsked,
    /// There is a (new) puller.
    PullerCame,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SlotEffect {
    /// Begin work number `serial` on the delivery that came.
    Start {
        serial: u64,
    },
    /// A delivery came though there is no place for it: back with the new one.
    Refuse,
    /// It is not worked on any more, though still held.
    Finish {
        serial: u64,
    },
    Acknowledge {
        serial: u64,
    },
    /// It is over: nothing is held of it.
    Forget {
        serial: u64,
    },
    HandBack {
        serial: u64,
        rest: Duration,
    },
    /// End the work on these, take back attempts that came to nothing, hand them back.
    Leave(Vec<u64>),
    /// Tell the queue that the delivery is being worked on.
    Progress {
        serial: u64,
    },
    /// Tell the puller.
    Say(Stand),
}

impl SlotPlan {
    pub(crate) fn step(mut self, event: SlotEvent) -> (Self, Vec<SlotEffect>) {
        let before = self.stand();
        let mut effects = Vec::new();
        match event {
            SlotEvent::Given => {
                self.given += 1;
                if before == Stand::Busy {
                    effects.push(SlotEffect::Refuse);
                } else {
                    self.held.insert(self.given, Stage::Working);
                    effects.push(SlotEffect::Start { serial: self.given });
                }
                // The puller that gave it knows.
                return (self, effects);
            }
            SlotEvent::Computed { serial } => {
                if let Some(stage @ Stage::Working) = self.held.get_mut(&serial) {
                    *stage = Stage::Committing;
                    effects.push(SlotEffect::Finish { serial });
                }
            }
            SlotEvent::Concluded { serial, conclusion } => match (self.held.get_mut(&serial), conclusion) {
                // Of work that was ended, or whose end is known.
                (None | Some(Stage::Acknowledging), _) => {}
                // The ticker is safe in the store: the slot does not wait for the queue.
                (Some(stage), Conclusion::Ack) => {
                    *stage = Stage::Acknowledging;
                    effects.extend([SlotEffect::Finish { serial }, SlotEffect::Acknowledge { serial }]);
                }
                (Some(_), Conclusion::HandBack(rest)) => {
                    self.held.remove(&serial);
                    effects.push(SlotEffect::HandBack { serial, rest });
                }
            },
            SlotEvent::Acknowledged { serial } => {
                if self.held.remove(&serial).is_some() {
                    effects.push(SlotEffect::Forget { serial });
                }
            }
            SlotEvent::Beaten => {
                let slow = self.held.iter().filter(|(_, stage)| **stage != Stage::Acknowledging);
                effects.extend(slow.map(|(serial, _)| SlotEffect::Progress { serial: *serial }));
            }
            SlotEvent::HandBackAsked => {
                let all: Vec<u64> = std::mem::take(&mut self.held).into_keys().collect();
                if !all.is_empty() {
                    effects.push(SlotEffect::Leave(all));
                }
            }
            SlotEvent::PullerCame => {
                effects.push(SlotEffect::Say(before));
                return (self, effects);
            }
        }
        let stand = self.stand();
        if stand != before {
            effects.push(SlotEffect::Say(stand));
        }
        (self, effects)
    }

    fn stand(&self) -> Stand {
        let is_working = self.held.values().any(|stage| *stage == Stage::Working);
        match self.held.len() {
            0 => Stand::Idle,
            held if !is_working && held <= FINISHING => Stand::Ready,
            _ => Stand::Busy,
        }
    }
}

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
            let (slot, scanner, given) = (self.args.slot, myself.clone(), self.plan.given);
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

#[cfg(test)]
mod tests {
    use super::*;

    const ACK: Conclusion = Conclusion::Ack;

    fn after(events: &[SlotEvent]) -> (SlotPlan, Vec<SlotEffect>) {
        events.iter().fold((SlotPlan::default(), Vec::new()), |(plan, _), event| plan.step(*event))
    }

    #[test]
    fn a_slot_takes_another_while_its_commit_is_on_its_way() {
        use SlotEvent::{Acknowledged, Computed, Given};
        let done = |serial| SlotEvent::Concluded { serial, conclusion: ACK };
        assert_eq!(after(&[Given]).1, [SlotEffect::Start { serial: 1 }]);
        let (plan, effects) = after(&[Given, Computed { serial: 1 }]);
        assert_eq!(effects, [SlotEffect::Finish { serial: 1 }, SlotEffect::Say(Stand::Ready)]);
        let (plan, effects) = plan.step(Given);
        assert_eq!(effects, [SlotEffect::Start { serial: 2 }]);
        let (plan, effects) = plan.step(done(1));
        assert_eq!(effects, [SlotEffect::Finish { serial: 1 }, SlotEffect::Acknowledge { serial: 1 }]);
        // Two are finishing: no third may begin to before one of them is over.
        let (plan, _) = plan.step(Computed { serial: 2 });
        let (plan, effects) = plan.step(Given);
        assert_eq!(effects, [SlotEffect::Start { serial: 3 }]);
        let (plan, effects) = plan.step(Computed { serial: 3 });
        assert_eq!(effects, [SlotEffect::Finish { serial: 3 }]);
        let (plan, effects) = plan.step(Acknowledged { serial: 1 });
        assert_eq!(effects, [SlotEffect::Forget { serial: 1 }, SlotEffect::Say(Stand::Ready)]);
        let plan =
            [done(2), done(3), Acknowledged { serial: 3 }].into_iter().fold(plan, |plan, event| plan.step(event).0);
        let effects = plan.step(Acknowledged { serial: 2 }).1;
        assert_eq!(effects, [SlotEffect::Forget { serial: 2 }, SlotEffect::Say(Stand::Idle)]);
    }

    #[test]
    fn a_conclusion_of_ended_work_is_not_taken_for_the_next_delivery() {
        let late = SlotEvent::Concluded { serial: 1, conclusion: ACK };
        let (plan, effects) = after(&[SlotEvent::Given, SlotEvent::HandBackAsked, SlotEvent::Given, late]);
        assert_eq!(effects, []);
        assert_eq!(plan.held, BTreeMap::from([(2, Stage::Working)]));
    }

    #[test]
    fn a_second_delivery_is_refused_while_one_is_worked_on() {
        assert_eq!(after(&[SlotEvent::Given, SlotEvent::Given]).1, [SlotEffect::Refuse]);
    }

    /// Random events: every delivery that was given leaves exactly once (acknowledged, handed back or refused), one at a
    /// time is worked on, and the puller always knows how the slot stands.
    #[test]
    fn random_orders_let_every_delivery_leave_once() {
        for seed in 0_u64..500 {
            let mut random = seed;
            let (mut plan, mut given, mut left, mut started, mut known) =
                (SlotPlan::default(), 0_usize, 0_usize, 0, Stand::Idle);
            for round in 0..300 {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let serial = started - ((random >> 40) % 4).min(started);
                let event = match (random >> 33) % 9 {
                    _ if round == 299 => SlotEvent::HandBackAsked,
                    0 | 1 => SlotEvent::Given,
                    2 => SlotEvent::Concluded { serial, conclusion: ACK },
                    3 => SlotEvent::Concluded { serial, conclusion: Conclusion::HandBack(Duration::ZERO) },
                    4 => SlotEvent::Computed { serial },
                    5 => SlotEvent::Beaten,
                    6 => SlotEvent::PullerCame,
                    7 => {
                        let telling = plan.held.iter().find(|(_, stage)| **stage == Stage::Acknowledging);
                        let Some((serial, _)) = telling else { continue };
                        SlotEvent::Acknowledged { serial: *serial }
                    }
                    _ => SlotEvent::HandBackAsked,
                };
                given += usize::from(event == SlotEvent::Given);
                let before = plan.clone();
                let (next, effects) = plan.step(event);
                plan = next;
                if event == SlotEvent::Given {
                    known = Stand::Busy;
                }
                for effect in effects {
                    match effect {
                        SlotEffect::Start { serial } => started = serial,
                        SlotEffect::Refuse | SlotEffect::Forget { .. } | SlotEffect::HandBack { .. } => left += 1,
                        SlotEffect::Leave(serials) => {
                            assert_eq!(event, SlotEvent::HandBackAsked, "only who leaves is forgiven");
                            left += serials.len();
                        }
                        SlotEffect::Progress { serial } | SlotEffect::Acknowledge { serial } => {
                            assert_ne!(before.held[&serial], Stage::Acknowledging, "seed {seed}");
                        }
                        SlotEffect::Say(stand) => known = stand,
                        SlotEffect::Finish { .. } => {}
                    }
                }
                assert_eq!(plan.stand(), known, "seed {seed}: the puller is wrong about the slot");
                let working = plan.held.values().filter(|stage| **stage == Stage::Working).count();
                assert!(working <= 1 && plan.held.len() <= FINISHING + 1, "seed {seed}: {plan:?}");
            }
            assert_eq!(given, left, "seed {seed}");
        }
    }
}
