//! The puller: owns the pull and the slots' freedom.
//!
//! Receives: `Stands` from scanners; what a pull brought; `Drain` from the supervisor. Sends: one
//! delivery to each free scanner; `Quiet` to the supervisor once a drain is over. Limits: one pull at a time, for
//! exactly as many tasks as there are free slots (mailboxes are unbounded, so nothing else would push back); a pull
//! waits at most 0.5 s. How it fails: what it holds goes back to the queue; its replacement learns the slots anew, because
//! each scanner announces itself to a new puller.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fleet_core::seams::{Delivery, QueueError};
use fleet_telemetry::metrics::Part;
use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::task::JoinHandle;

use crate::pull_plan::{PullEffect, PullEvent, PullPlan, Stand};
use crate::scanner::ScannerMessage;
use crate::supervisor::SupervisorMessage;
use crate::trouble::Trouble;
use crate::{WorkerContext, in_time};

/// A drain waits for the pull under way, so this is kept short; an idle worker asks once in it.
const PULL_WAIT: Duration = Duration::from_millis(500);
/// What an engine may take beyond the wait before it counts as away.
const PULL_SLACK: Duration = Duration::from_secs(5);

pub(crate) struct Puller;

pub(crate) struct PullerArgs {
    pub(crate) context: Arc<WorkerContext>,
    pub(crate) supervisor: ActorRef<SupervisorMessage>,
}

pub(crate) enum PullerMessage {
    Stands { slot: usize, scanner: ActorRef<ScannerMessage>, stand: Stand, given: u64 },
    Pulled(Result<Vec<Box<dyn Delivery>>, QueueError>),
    Rested,
    Drain,
}

pub(crate) struct PullerState {
    args: PullerArgs,
    plan: PullPlan,
    scanners: BTreeMap<usize, ActorRef<ScannerMessage>>,
    pull: Option<JoinHandle<()>>,
    rest: Option<JoinHandle<Result<(), ractor::MessagingErr<PullerMessage>>>>,
    /// Whether the queue is away. (How long to rest then is the plan's.)
    trouble: Trouble,
}

impl Actor for Puller {
    type Msg = PullerMessage;
    type State = PullerState;
    type Arguments = PullerArgs;

    async fn pre_start(&self, _: ActorRef<PullerMessage>, args: PullerArgs) -> Result<PullerState, ActorProcessingErr> {
        let (plan, trouble) = (PullPlan::default(), Trouble::default());
        Ok(PullerState { args, plan, scanners: BTreeMap::new(), pull: None, rest: None, trouble })
    }

    async fn handle(
        &self,
        myself: ActorRef<PullerMessage>,
        message: PullerMessage,
        state: &mut PullerState,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            PullerMessage::Stands { slot, scanner, stand, given } => {
                let id = scanner.get_id();
                let before = state.scanners.insert(slot, scanner);
                if before.is_some_and(|before| before.get_id() != id) {
                    state.apply(&myself, PullEvent::Replaced { slot }, Vec::new()).await;
                }
                state.apply(&myself, PullEvent::Stands { slot, stand, given }, Vec::new()).await;
            }
            PullerMessage::Pulled(Ok(deliveries)) => {
                state.reap_pull().await;
                state.queue_answered(deliveries.len());
                let tasks = deliveries.len();
                state.apply(&myself, PullEvent::Pulled { tasks }, deliveries).await;
            }
            PullerMessage::Pulled(Err(error)) => {
                state.reap_pull().await;
                state.queue_failed(&error);
                state.apply(&myself, PullEvent::PullFailed, Vec::new()).await;
            }
            PullerMessage::Rested => state.apply(&myself, PullEvent::Rested, Vec::new()).await,
            PullerMessage::Drain => state.apply(&myself, PullEvent::DrainAsked, Vec::new()).await,
        }
        Ok(())
    }

    /// Ends the pull and the rest; tasks a pull was just bringing go back to the queue by being dropped.
    async fn post_stop(&self, _: ActorRef<PullerMessage>, state: &mut PullerState) -> Result<(), ActorProcessingErr> {
        if let Some(pull) = state.pull.take() {
            pull.abort();
            let _ = pull.await;
        }
        if let Some(rest) = state.rest.take() {
            rest.abort();
            let _ = rest.await;
        }
        Ok(())
    }
}

impl PullerState {
    async fn apply(
        &mut self,
        myself: &ActorRef<PullerMessage>,
        event: PullEvent,
        mut deliveries: Vec<Box<dyn Delivery>>,
    ) {
        let (plan, effects) = std::mem::take(&mut self.plan).step(event);
        self.plan = plan;
        for effect in effects {
            match effect {
                PullEffect::Pull { max } => self.pull = Some(self.start_pull(myself.clone(), max)),
                PullEffect::Assign { slots } => self.assign(&slots, std::mem::take(&mut deliveries)).await,
                PullEffect::Rest(rest) => self.rest = Some(myself.send_after(rest, || PullerMessage::Rested)),
                // The supervisor outlives its puller; if it is gone, so is everything here.
                PullEffect::SayQuiet => drop(self.args.supervisor.cast(SupervisorMessage::Quiet)),
            }
        }
    }

    fn start_pull(&self, myself: ActorRef<PullerMessage>, max: usize) -> JoinHandle<()> {
        let queue = Arc::clone(&self.args.context.parts.queue);
        tokio::spawn(async move {
            let pulled = tokio::time::timeout(PULL_WAIT + PULL_SLACK, queue.pull(max, PULL_WAIT))
                .await
                .unwrap_or_else(|_| Err(QueueError::Unavailable("a pull was not answered".to_owned())));
            // A puller that is gone drops the deliveries, which hands them back.
            let _ = myself.cast(PullerMessage::Pulled(pulled));
        })
    }

    async fn assign(&mut self, slots: &[usize], deliveries: Vec<Box<dyn Delivery>>) {
        let mut deliveries = deliveries.into_iter();
        for (slot, delivery) in slots.iter().zip(deliveries.by_ref()) {
            if let Some(scanner) = self.scanners.get(slot) {
                // A scanner that just died drops the delivery, which hands it back; its replacement announces itself.
                let _ = scanner.cast(ScannerMessage::Work(delivery));
            }
        }
        for left_over in deliveries {
            if let Err(error) = in_time::queue(left_over.retry_in(Duration::ZERO)).await {
                tracing::warn!(%error, "task not handed back; the queue delivers it again by itself");
            }
        }
    }

    fn queue_answered(&mut self, tasks: usize) {
        if tasks > 0 {
            self.args.context.activity.received();
        }
        if let Some(away) = self.trouble.succeeded(Instant::now()) {
            tracing::info!(away_ms = away.as_millis() as u64, "the queue answers again");
        }
    }

    fn queue_failed(&mut self, error: &QueueError) {
        self.args.context.instruments.metrics.failed(Part::Queue);
        if let Some(untold) = self.trouble.failed(Instant::now()).tell {
            tracing::warn!(%error, untold, "the queue fails; it is asked again, ever more slowly");
        }
    }

    /// The pull has spoken; its task is over.
    async fn reap_pull(&mut self) {
        if let Some(pull) = self.pull.take() {
            let _ = pull.await;
        }
    }
}
