//! A scanner: one slot. Owns at most one delivery, and hands it back if it does not come to an end.
//!
//! Receives: `Work` from the puller, the conclusion of the work it spawned, `Beat` from the heartbeat, `HandBack` from
//! the supervisor. Sends: `SlotFree` (or `SlotBusy` to a new puller), `Alive`. Limits: one delivery; the work has the
//! manifest's deadline inside; each call to the queue 2 s, taking back an attempt 1 s. How it fails: the work runs in its own task with panics
//! caught, so a broken ticker does not break the slot; a scanner that dies all the same drops its delivery, which hands
//! it back, and is replaced.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use fleet_core::seams::{Delivery, QueueError};
use fleet_telemetry::metrics::Part;
use futures::FutureExt;
use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::task::JoinHandle;
use tracing::Instrument as _;

use crate::activity::Holding;
use crate::handover::Handover;
use crate::heartbeat::HeartbeatMessage;
use crate::protocol::{Conclusion, work};
use crate::puller::PullerMessage;
use crate::{WorkerContext, in_time};

/// What it means when the queue could not be told.
const NOT_ACKNOWLEDGED: &str = "the store knows that the ticker is done: its next delivery ends at once";
const NOT_HANDED_BACK: &str = "the queue delivers the task again by itself";
const NO_PROGRESS: &str = "the queue may deliver the task to somebody else too";

/// What a slot is at. Decisions are made by [`SlotPlan::step`] alone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct SlotPlan {
    /// The serial number of the work under way.
    working: Option<u64>,
    serial: u64,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SlotEvent {
    /// A delivery came.
    Given,
    /// Work number `serial` came to an end.
    Concluded { serial: u64, conclusion: Conclusion },
    /// The heartbeat asks.
    Beaten,
    /// Whatever is held must go back now.
    HandBackAsked,
    /// There is a (new) puller.
    PullerCame,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SlotEffect {
    /// Begin work number `serial` on the delivery that came.
    Start {
        serial: u64,
    },
    /// A delivery came though one is held: back with the new one.
    Refuse,
    /// End the work under way.
    Abort,
    /// Take back the attempt of the aborted work, if one is counted that came to nothing.
    Forgive,
    Acknowledge,
    HandBack(Duration),
    /// Tell the queue that the delivery is being worked on.
    Progress,
    SayFree,
    SayBusy,
}

impl SlotPlan {
    pub(crate) fn step(self, event: SlotEvent) -> (Self, Vec<SlotEffect>) {
        let idle = Self { working: None, ..self };
        match (event, self.working) {
            (SlotEvent::Given, None) => {
                let serial = self.serial + 1;
                (Self { working: Some(serial), serial }, vec![SlotEffect::Start { serial }])
            }
            (SlotEvent::Given, Some(_)) => (self, vec![SlotEffect::Refuse]),
            // The slot is free before the acknowledgement is under way: the ticker is safe in the store.
            (SlotEvent::Concluded { serial, conclusion }, Some(working)) if serial == working => match conclusion {
                Conclusion::Ack => (idle, vec![SlotEffect::SayFree, SlotEffect::Acknowledge]),
                Conclusion::HandBack(rest) => (idle, vec![SlotEffect::HandBack(rest), SlotEffect::SayFree]),
            },
            (SlotEvent::Concluded { .. }, _) => (self, Vec::new()),
            (SlotEvent::Beaten | SlotEvent::HandBackAsked, None) => (self, Vec::new()),
            (SlotEvent::Beaten, Some(_)) => (self, vec![SlotEffect::Progress]),
            (SlotEvent::HandBackAsked, Some(_)) => {
                let hand_back = SlotEffect::HandBack(Duration::ZERO);
                (idle, vec![SlotEffect::Abort, SlotEffect::Forgive, hand_back, SlotEffect::SayFree])
            }
            (SlotEvent::PullerCame, None) => (self, vec![SlotEffect::SayFree]),
            (SlotEvent::PullerCame, Some(_)) => (self, vec![SlotEffect::SayBusy]),
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
    Concluded { serial: u64, conclusion: Conclusion },
    Beat(ActorRef<HeartbeatMessage>),
    HandBack,
    Serve(ActorRef<PullerMessage>),
}

pub(crate) struct ScannerState {
    args: ScannerArgs,
    plan: SlotPlan,
    puller: Option<ActorRef<PullerMessage>>,
    held: Option<Held>,
    work: Option<SpawnedWork>,
}

/// The delivery a slot works on.
struct Held {
    delivery: Box<dyn Delivery>,
    handover: Arc<Handover>,
    _holding: Holding,
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
        Ok(ScannerState { args, plan: SlotPlan::default(), puller: None, held: None, work: None })
    }

    async fn handle(
        &self,
        myself: ActorRef<ScannerMessage>,
        message: ScannerMessage,
        state: &mut ScannerState,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            ScannerMessage::Work(delivery) => state.apply(&myself, SlotEvent::Given, Some(delivery)).await,
            ScannerMessage::Concluded { serial, conclusion } => {
                state.apply(&myself, SlotEvent::Concluded { serial, conclusion }, None).await;
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
        let (plan, effects) = self.plan.step(event);
        self.plan = plan;
        for effect in effects {
            match effect {
                SlotEffect::Start { serial } => {
                    self.held = given.take().map(|delivery| self.hold(delivery));
                    let handover = self.held.as_ref().map(|held| Arc::clone(&held.handover));
                    self.work = handover.map(|handover| self.start(myself.clone(), serial, handover));
                }
                SlotEffect::Refuse => {
                    if let Some(delivery) = given.take() {
                        self.args.context.instruments.metrics.handed_back("refused");
                        self.told(in_time::queue(delivery.retry_in(Duration::ZERO)).await, NOT_HANDED_BACK);
                    }
                }
                SlotEffect::Abort => {
                    if let Some(work) = self.work.take() {
                        work.end().await;
                    }
                }
                SlotEffect::Forgive => self.forgive().await,
                SlotEffect::Acknowledge => {
                    self.work = None;
                    if let Some(Held { delivery, handover: _, _holding }) = self.held.take() {
                        self.told(in_time::queue(delivery.ack()).await, NOT_ACKNOWLEDGED);
                    }
                }
                SlotEffect::HandBack(rest) => {
                    self.work = None;
                    if let Some(Held { delivery, handover: _, _holding }) = self.held.take() {
                        self.told(in_time::queue(delivery.retry_in(rest)).await, NOT_HANDED_BACK);
                    }
                }
                SlotEffect::Progress => {
                    if let Some(held) = &self.held {
                        self.told(in_time::queue(held.delivery.progress()).await, NO_PROGRESS);
                    }
                }
                SlotEffect::SayFree => {
                    self.tell(PullerMessage::SlotFree { slot: self.args.slot, scanner: myself.clone() });
                }
                SlotEffect::SayBusy => {
                    self.tell(PullerMessage::SlotBusy { slot: self.args.slot, scanner: myself.clone() });
                }
            }
        }
    }

    fn hold(&self, delivery: Box<dyn Delivery>) -> Held {
        let context = &self.args.context;
        let handover = Arc::new(Handover::of(delivery.as_ref(), &context.process));
        Held { delivery, handover, _holding: context.activity.hold() }
    }

    /// Works on the task in a task of its own. Its last words always come: panics inside are caught by the protocol,
    /// and whatever else broke is a hand-back.
    fn start(&self, myself: ActorRef<ScannerMessage>, serial: u64, handover: Arc<Handover>) -> SpawnedWork {
        let context = Arc::clone(&self.args.context);
        let span = handover.span();
        let work = async move {
            let conclusion = AssertUnwindSafe(work(&context, &handover)).catch_unwind().await;
            let conclusion = conclusion.unwrap_or_else(|_| {
                handover.counted.settle();
                Conclusion::HandBack(Duration::from_secs(1))
            });
            // A scanner that is gone has handed the delivery back.
            let _ = myself.cast(ScannerMessage::Concluded { serial, conclusion });
        };
        SpawnedWork(tokio::spawn(work.instrument(span)))
    }

    /// The worker leaves with the attempt unbroken: it does not count.
    async fn forgive(&self) {
        let (context, Some(held)) = (&self.args.context, &self.held) else { return };
        context.instruments.metrics.handed_back("drain");
        if !held.handover.counted.take() {
            return;
        }
        let task = &held.handover.task;
        match in_time::forgive(context.parts.store.forgive_attempt(&task.scan, &task.ticker)).await {
            Ok(()) => {
                context.instruments.metrics.forgiven();
                held.handover.span().in_scope(|| tracing::info!("ticker handed back, its attempt does not count"));
            }
            Err(error) => {
                context.instruments.metrics.failed(Part::Store);
                held.handover.span().in_scope(|| tracing::warn!(%error, "ticker handed back, its attempt counts"));
            }
        }
    }

    /// What the queue answered about the delivery; nothing depends on it.
    fn told(&self, answer: Result<(), QueueError>, otherwise: &'static str) {
        if let Err(error) = answer {
            self.args.context.instruments.metrics.failed(Part::Queue);
            // The puller says aloud that the queue is away, and does so once for all slots.
            tracing::debug!(%error, otherwise, "the queue was not told");
        }
    }

    fn tell(&self, message: PullerMessage) {
        if let Some(puller) = &self.puller {
            // A puller that is gone is replaced, and its replacement asks.
            let _ = puller.cast(message);
        }
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
    fn a_slot_is_free_before_it_acknowledges() {
        let done = SlotEvent::Concluded { serial: 1, conclusion: ACK };
        assert_eq!(after(&[SlotEvent::Given]).1, [SlotEffect::Start { serial: 1 }]);
        assert_eq!(after(&[SlotEvent::Given, done]).1, [SlotEffect::SayFree, SlotEffect::Acknowledge]);
    }

    #[test]
    fn a_conclusion_of_aborted_work_is_not_taken_for_the_next_delivery() {
        let late = SlotEvent::Concluded { serial: 1, conclusion: ACK };
        let (plan, effects) = after(&[SlotEvent::Given, SlotEvent::HandBackAsked, SlotEvent::Given, late]);
        assert_eq!(effects, []);
        assert_eq!(plan.working, Some(2));
    }

    #[test]
    fn a_second_delivery_is_refused() {
        assert_eq!(after(&[SlotEvent::Given, SlotEvent::Given]).1, [SlotEffect::Refuse]);
    }

    /// Random events: every delivery that was given leaves exactly once (acknowledged, handed back or refused), and a
    /// slot says that it is free whenever it becomes so.
    #[test]
    fn random_orders_let_every_delivery_leave_once() {
        for seed in 0_u64..500 {
            let mut random = seed;
            let (mut plan, mut given, mut left, mut started, mut free) = (SlotPlan::default(), 0, 0, 0, 0);
            for round in 0..200 {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let serial = (random >> 40) % (started + 2);
                let event = match (random >> 33) % 7 {
                    _ if round == 199 => SlotEvent::HandBackAsked,
                    0 | 1 => SlotEvent::Given,
                    2 => SlotEvent::Concluded { serial, conclusion: ACK },
                    3 => SlotEvent::Concluded { serial, conclusion: Conclusion::HandBack(Duration::ZERO) },
                    4 => SlotEvent::Beaten,
                    5 => SlotEvent::PullerCame,
                    _ => SlotEvent::HandBackAsked,
                };
                given += u64::from(event == SlotEvent::Given);
                let (next, effects) = plan.step(event);
                let becomes_free = plan.working.is_some() && next.working.is_none();
                plan = next;
                free += u64::from(becomes_free);
                assert_eq!(becomes_free, effects.contains(&SlotEffect::SayFree) && event != SlotEvent::PullerCame);
                for effect in effects {
                    match effect {
                        SlotEffect::Start { serial } => started = serial,
                        SlotEffect::Refuse | SlotEffect::Acknowledge | SlotEffect::HandBack(_) => left += 1,
                        SlotEffect::Progress => assert!(plan.working.is_some()),
                        SlotEffect::Forgive => {
                            assert_eq!(event, SlotEvent::HandBackAsked, "only who leaves is forgiven")
                        }
                        SlotEffect::Abort | SlotEffect::SayFree | SlotEffect::SayBusy => {}
                    }
                }
            }
            assert_eq!(given, left, "seed {seed}");
            assert_eq!(started, free, "seed {seed}");
        }
    }
}
