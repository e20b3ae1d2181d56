//! The scan's actor: carries out what [`state`](super::state) decides.
//!
//! Owns: the lease, the worker of this machine, the steps under way. Receives: what its steps, its timers, its worker
//! and the interrupt report. Sends: [`Progress`]. Limits: one step and one poll at a time; the lease is renewed every
//! 5 s and given up when the store was away for longer than the scan has patience; leaving takes at most about 10 s. How it
//! fails: the first error is kept and returned, tasks are handed back, the lease is released; a crash leaves the store
//! as it is, and the next launch enters it there.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fleet_core::domain::ScanState;
use fleet_core::seams::StoreError;
use fleet_worker::{Accounted, RunningWorker, WorkerParts, start_watched};
use futures::FutureExt;
use ractor::{Actor, ActorProcessingErr, ActorRef, SpawnErr};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinHandle, JoinSet};

use super::outbox::{self, NoticesMessage};
use super::state::{Aim, Deadline, Departure, Effect, End, Event, Machine};
use super::steps::{Launch, Standing};
use super::watch::{Advice, FleetWatch, Look};
use super::{Progress, ScanEnd, ScanError, ScanParts};

/// How a launch spends its time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// A lease lasts so long. A second launch waits as long for the first to die.
    pub(super) lease: Duration,
    /// Renewed so often.
    pub(super) renew: Duration,
    /// The store is asked so often what is missing.
    pub(super) poll: Duration,
    /// The fleet is looked at so often, where there is one.
    pub(super) look: Duration,
    /// Deliveries under way may finish within this when a launch leaves; then they are handed back.
    pub(super) finish: Duration,
}

pub(super) const PACE: Pace = Pace {
    lease: Duration::from_secs(15),
    renew: Duration::from_secs(5),
    poll: Duration::from_millis(250),
    look: Duration::from_secs(2),
    finish: Duration::from_secs(3),
};

/// Two polls are never closer: each is two short questions to the store.
const SOONEST_POLL: Duration = Duration::from_millis(20);
/// Everything that ends with a launch has limits of its own that sum to less.
pub(super) const END_TIMEOUT: Duration = Duration::from_secs(30);

/// Starts the actor in a state the store has; the receiver has the answer.
pub(super) async fn start(
    pace: Pace,
    aim: Aim,
    launch: Arc<Launch>,
    stored: ScanState,
) -> Result<(ActorRef<ScanMessage>, JoinHandle<()>, oneshot::Receiver<Result<ScanEnd, ScanError>>), SpawnErr> {
    let (ended, end) = oneshot::channel();
    let (actor, task) = Actor::spawn(None, ScanRun, ScanRunArgs { pace, aim, launch, stored, ended }).await?;
    Ok((actor, task, end))
}

struct ScanRun;

struct ScanRunArgs {
    pace: Pace,
    aim: Aim,
    launch: Arc<Launch>,
    stored: ScanState,
    ended: oneshot::Sender<Result<ScanEnd, ScanError>>,
}

pub(super) enum ScanMessage {
    Happened(Event),
    StepFailed(ScanError),
    Planned { tickers: u32 },
    Standing(Standing),
    Accounted(Accounted),
    PollDue,
    Polled { missing: u32, attempts: u64 },
    LookDue,
    Looked(Option<Look>),
    RenewDue,
    Renewed(Result<(), StoreError>),
}

struct ScanRunState {
    pace: Pace,
    launch: Arc<Launch>,
    machine: Machine,
    ended: Option<oneshot::Sender<Result<ScanEnd, ScanError>>>,
    /// The first thing that went wrong.
    error: Option<ScanError>,
    /// Steps under way; each ends with a message.
    steps: JoinSet<()>,
    /// What must not be cut off: the worker's end, the release of the lease.
    farewells: JoinSet<()>,
    timers: Vec<JoinHandle<()>>,
    renewal: Option<JoinHandle<()>>,
    renewed: Instant,
    polling: bool,
    /// When the store last said what is missing.
    polled_at: Instant,
    looking: bool,
    fleet: FleetWatch,
    watching_since: Option<Instant>,
    worker: Option<RunningWorker>,
    notices: Option<(ActorRef<NoticesMessage>, JoinHandle<()>)>,
    standing: Standing,
    told: Option<ScanState>,
}

impl Actor for ScanRun {
    type Msg = ScanMessage;
    type State = ScanRunState;
    type Arguments = ScanRunArgs;

    async fn pre_start(
        &self,
        myself: ActorRef<ScanMessage>,
        args: ScanRunArgs,
    ) -> Result<ScanRunState, ActorProcessingErr> {
        myself.cast(ScanMessage::Happened(Event::LeaseTaken(args.stored)))?;
        let renewals = myself.send_interval(args.pace.renew, || ScanMessage::RenewDue);
        Ok(ScanRunState {
            pace: args.pace,
            launch: args.launch,
            machine: Machine::new(args.aim),
            ended: Some(args.ended),
            error: None,
            steps: JoinSet::new(),
            farewells: JoinSet::new(),
            timers: vec![renewals],
            renewal: None,
            renewed: Instant::now(),
            polling: false,
            polled_at: Instant::now(),
            looking: false,
            fleet: FleetWatch::default(),
            watching_since: None,
            worker: None,
            notices: None,
            standing: Standing::default(),
            told: None,
        })
    }

    async fn handle(
        &self,
        myself: ActorRef<ScanMessage>,
        message: ScanMessage,
        state: &mut ScanRunState,
    ) -> Result<(), ActorProcessingErr> {
        state.reap();
        match message {
            ScanMessage::Happened(event) => state.apply(&myself, event).await,
            ScanMessage::StepFailed(error) => state.fail(&myself, error).await,
            ScanMessage::Planned { tickers } => {
                state.launch.tell(Progress::Planned { tickers });
                state.apply(&myself, Event::Planned).await;
            }
            ScanMessage::Standing(standing) => state.stand(standing),
            ScanMessage::Accounted(accounted) => state.count(&myself, &accounted),
            ScanMessage::PollDue => state.poll(&myself),
            ScanMessage::Polled { missing, attempts } => state.polled(&myself, missing, attempts).await,
            ScanMessage::LookDue => state.look(&myself),
            ScanMessage::Looked(look) => state.looked(&myself, look).await,
            ScanMessage::RenewDue => state.renew(&myself),
            ScanMessage::Renewed(answer) => state.renewal_answered(&myself, answer).await,
        }
        Ok(())
    }

    /// Waits for everything that was begun: nothing outlives the launch.
    async fn post_stop(&self, _: ActorRef<ScanMessage>, state: &mut ScanRunState) -> Result<(), ActorProcessingErr> {
        state.abandon().await;
        state.end_worker(Duration::ZERO);
        while state.farewells.join_next().await.is_some() {}
        for timer in state.timers.drain(..).chain(state.renewal.take()) {
            timer.abort();
            let _ = timer.await;
        }
        Ok(())
    }
}

impl ScanRunState {
    async fn apply(&mut self, myself: &ActorRef<ScanMessage>, event: Event) {
        let (machine, effects) = self.machine.step(event);
        self.machine = machine;
        if let Some(state) = machine.state()
            && self.told != Some(state)
        {
            self.told = Some(state);
            tracing::info!(scan = %self.launch.request.scan, state = state.word(), "scan state");
            self.launch.tell(Progress::State(state));
        }
        for effect in effects {
            self.carry_out(myself, effect).await;
        }
    }

    async fn carry_out(&mut self, myself: &ActorRef<ScanMessage>, effect: Effect) {
        let launch = Arc::clone(&self.launch);
        match effect {
            Effect::Plan => self.begin(myself, "planning", async move {
                let tickers = launch.plan().await?;
                Ok(ScanMessage::Planned { tickers })
            }),
            Effect::StartWorker => self.start_worker(myself).await,
            Effect::Publish { round, queued } => {
                let me = myself.clone();
                self.begin(myself, "publishing tasks", async move {
                    if round == 0 {
                        // Before the first task is out, so that nothing is counted twice.
                        let standing = launch.standing().await?;
                        // The actor outlives its steps.
                        let _ = me.cast(ScanMessage::Standing(standing));
                    }
                    launch.publish(round, queued).await?;
                    Ok(ScanMessage::Happened(Event::Published))
                });
            }
            Effect::Watch => {
                self.timers.push(myself.send_interval(self.pace.poll, || ScanMessage::PollDue));
                if self.launch.request.worker.is_none() {
                    self.watching_since = Some(Instant::now());
                    self.timers.push(myself.send_interval(self.pace.look, || ScanMessage::LookDue));
                }
                self.poll(myself);
            }
            Effect::Seal => self.begin(myself, "sealing", async move {
                launch.seal().await?;
                Ok(ScanMessage::Happened(Event::Sealed))
            }),
            Effect::StopWorker => self.end_worker(Duration::ZERO),
            Effect::Settle => self.begin(myself, "settling", async move {
                launch.settle().await?;
                Ok(ScanMessage::Happened(Event::Settled))
            }),
            Effect::DrainOutbox => self.drain_outbox(myself).await,
            Effect::Finish => self.begin(myself, "finishing", async move {
                launch.finish().await?;
                Ok(ScanMessage::Happened(Event::Finished))
            }),
            Effect::Leave => self.leave(myself).await,
            Effect::End(end) => self.end(myself, end),
        }
    }

    /// Begins a step in a task of its own. It always ends with a message, also by a panic.
    fn begin(
        &mut self,
        myself: &ActorRef<ScanMessage>,
        name: &'static str,
        step: impl Future<Output = Result<ScanMessage, ScanError>> + Send + 'static,
    ) {
        let myself = myself.clone();
        self.steps.spawn(async move {
            let message = match AssertUnwindSafe(step).catch_unwind().await {
                Ok(Ok(message)) => message,
                Ok(Err(error)) => ScanMessage::StepFailed(error),
                Err(_) => ScanMessage::StepFailed(ScanError::Broken { step: name, why: "a panic".to_owned() }),
            };
            // The actor outlives its steps.
            let _ = myself.cast(message);
        });
    }

    /// A fleet's workers come and go by themselves.
    async fn start_worker(&mut self, myself: &ActorRef<ScanMessage>) {
        let Some(options) = self.launch.request.worker.clone() else { return };
        let ScanParts { queue, store, markets, clock, .. } = self.launch.parts.clone();
        let (sender, mut receiver) = mpsc::unbounded_channel();
        match start_watched(WorkerParts { queue, store, markets, clock }, options, sender).await {
            Ok(worker) => {
                self.worker = Some(worker);
                let myself = myself.clone();
                // Ends with the worker, which holds the other end.
                self.farewells.spawn(async move {
                    while let Some(accounted) = receiver.recv().await {
                        let _ = myself.cast(ScanMessage::Accounted(accounted));
                    }
                });
            }
            Err(error) => {
                let _ = myself.cast(ScanMessage::StepFailed(error.into()));
            }
        }
    }

    fn end_worker(&mut self, within: Duration) {
        if let Some(worker) = self.worker.take() {
            self.farewells.spawn(worker.drain(within));
        }
    }

    async fn drain_outbox(&mut self, myself: &ActorRef<ScanMessage>) {
        let Launch { parts, request, .. } = self.launch.as_ref();
        match outbox::start(parts, request.holder.clone(), self.launch.now()).await {
            Ok((actor, ended, answer)) => {
                self.notices = Some((actor, ended));
                let launch = Arc::clone(&self.launch);
                self.begin(myself, "sending notices", async move {
                    let ended = |_| ScanError::Broken { step: "sending notices", why: "the actor ended".to_owned() };
                    let drained = answer.await.map_err(ended)??;
                    launch.tell(Progress::Notices { sent: drained.sent, left: drained.left });
                    Ok(ScanMessage::Happened(Event::OutboxDrained))
                });
            }
            Err(error) => {
                let error = ScanError::Broken { step: "sending notices", why: error.to_string() };
                let _ = myself.cast(ScanMessage::StepFailed(error));
            }
        }
    }

    /// Ends the steps under way. What they had the store do is done or not, and the next launch can tell.
    async fn abandon(&mut self) {
        self.steps.shutdown().await;
        if let Some((actor, ended)) = self.notices.take() {
            actor.stop(None);
            if tokio::time::timeout(END_TIMEOUT, ended).await.is_err() {
                actor.kill();
            }
        }
    }

    async fn leave(&mut self, myself: &ActorRef<ScanMessage>) {
        self.abandon().await;
        let (launch, myself, finish) = (Arc::clone(&self.launch), myself.clone(), self.pace.finish);
        let worker = self.worker.take();
        // A person wants it to stop: a fleet's workers stop with it. What failed here may go on there.
        let is_wanted_over = self.error.is_none() && self.launch.request.worker.is_none();
        self.farewells.spawn(async move {
            if let Some(worker) = worker {
                worker.drain(finish).await;
            }
            if is_wanted_over {
                launch.empty_queue().await;
            }
            launch.release().await;
            // The actor waits for this.
            let _ = myself.cast(ScanMessage::Happened(Event::Left));
        });
    }

    fn end(&mut self, myself: &ActorRef<ScanMessage>, end: End) {
        let scan = self.launch.request.scan.clone();
        let answer = match (end, self.error.take()) {
            (End::Finished, _) => {
                self.release_lease();
                Ok(ScanEnd::Finished(scan))
            }
            (End::AlreadyFinished, _) => {
                self.release_lease();
                Ok(ScanEnd::AlreadyFinished(scan))
            }
            (End::Left(Departure::Interrupted), _) => Ok(ScanEnd::Interrupted(scan)),
            (End::Left(Departure::Failed), Some(error)) => Err(error),
            (End::Left(Departure::Failed), None) => {
                Err(ScanError::Broken { step: "leaving", why: "no reason was given".to_owned() })
            }
        };
        if let Some(ended) = self.ended.take() {
            // Nobody waits when `run` itself was dropped.
            let _ = ended.send(answer);
        }
        myself.stop(None);
    }

    fn release_lease(&mut self) {
        let launch = Arc::clone(&self.launch);
        self.farewells.spawn(async move { launch.release().await });
    }

    async fn fail(&mut self, myself: &ActorRef<ScanMessage>, error: ScanError) {
        tracing::debug!(%error, "scan step failed");
        self.error.get_or_insert(error);
        self.apply(myself, Event::Failed).await;
    }

    fn stand(&mut self, standing: Standing) {
        self.standing = standing;
        self.tell_accounted();
    }

    fn count(&mut self, myself: &ActorRef<ScanMessage>, accounted: &Accounted) {
        self.standing.done += 1;
        self.standing.found.failed += u32::from(accounted.failed);
        self.standing.found.candidates += accounted.candidates;
        self.tell_accounted();
        if self.standing.done >= self.standing.of {
            self.poll(myself);
        }
    }

    fn tell_accounted(&self) {
        let Standing { of, done, found, deadline: _ } = self.standing;
        let found = self.launch.request.worker.is_some().then_some(found);
        self.launch.tell(Progress::Accounted { done: done.min(of), of, found });
    }

    /// Asks the store what is missing. The store decides; the count above is for people.
    fn poll(&mut self, myself: &ActorRef<ScanMessage>) {
        if self.polling || self.machine.state() != Some(ScanState::Running) {
            return;
        }
        self.polling = true;
        let launch = Arc::clone(&self.launch);
        self.begin(myself, "watching", async move {
            let (missing, attempts) = launch.poll().await?;
            Ok(ScanMessage::Polled { missing, attempts })
        });
    }

    /// One look at a time; a look that nobody answers ends by itself.
    fn look(&mut self, myself: &ActorRef<ScanMessage>) {
        let Some(since) = self.watching_since.filter(|_| self.machine.state() == Some(ScanState::Running)) else {
            return;
        };
        if std::mem::replace(&mut self.looking, true) {
            return;
        }
        let launch = Arc::clone(&self.launch);
        self.begin(myself, "looking at the fleet", async move {
            Ok(ScanMessage::Looked(launch.look(since.elapsed()).await))
        });
    }

    async fn looked(&mut self, myself: &ActorRef<ScanMessage>, look: Option<Look>) {
        self.looking = false;
        let Some(look) = look else { return };
        self.launch.tell(Progress::Fleet { workers: look.workers, backlog: look.backlog });
        let (fleet, advice) = self.fleet.step(look);
        self.fleet = fleet;
        for advice in advice {
            match advice {
                Advice::SayNoWorker(since) => self.launch.tell(Progress::NoWorker { since }),
                Advice::Republish => self.apply(myself, Event::QueueShort).await,
            }
        }
    }

    async fn polled(&mut self, myself: &ActorRef<ScanMessage>, missing: u32, attempts: u64) {
        self.polling = false;
        if self.launch.request.worker.is_none() {
            let done = self.standing.of.saturating_sub(missing);
            self.expect_the_end(myself, done.saturating_sub(self.standing.done), missing);
            if done != self.standing.done {
                self.standing.done = done;
                self.tell_accounted();
            }
        }
        if let Some(why) = self.worker.as_ref().and_then(RunningWorker::gave_up) {
            return self.fail(myself, ScanError::WorkerGaveUp(why)).await;
        }
        let now = self.launch.parts.clock.now();
        let reached = self.standing.deadline.is_some_and(|deadline| now >= deadline);
        let deadline = if reached { Deadline::Reached } else { Deadline::Ahead };
        self.apply(myself, Event::Polled { missing, attempts, deadline }).await;
    }

    /// Asks again when the rest should be done at the rate of late, if that is before the next poll: a scan of seconds
    /// should not wait for a clock. Without progress the polls alone go on.
    fn expect_the_end(&mut self, myself: &ActorRef<ScanMessage>, newly_done: u32, missing: u32) {
        let since = std::mem::replace(&mut self.polled_at, Instant::now()).elapsed();
        if newly_done > 0 && missing > 0 {
            let left = since.mul_f64(f64::from(missing) / f64::from(newly_done)).max(SOONEST_POLL);
            if left < self.pace.poll {
                // Detached: it ends by itself within a poll's time, also when the actor is gone.
                drop(myself.send_after(left, || ScanMessage::PollDue));
            }
        }
    }

    fn renew(&mut self, myself: &ActorRef<ScanMessage>) {
        if self.renewal.as_ref().is_some_and(|renewal| !renewal.is_finished()) {
            return;
        }
        let (launch, myself, ttl) = (Arc::clone(&self.launch), myself.clone(), self.pace.lease);
        self.renewal = Some(tokio::spawn(async move {
            let answer = tokio::time::timeout(ttl / 2, launch.parts.store.renew_lease(&launch.lease, ttl)).await;
            let answer = answer.unwrap_or_else(|_| Err(StoreError::Unavailable("no answer in time".to_owned())));
            // The actor outlives its renewals.
            let _ = myself.cast(ScanMessage::Renewed(answer));
        }));
    }

    async fn renewal_answered(&mut self, myself: &ActorRef<ScanMessage>, answer: Result<(), StoreError>) {
        match answer {
            Ok(()) => {
                self.renewed = Instant::now();
                self.launch.tell(Progress::LeaseHeld);
            }
            // Nobody else can take the lease from a store that is away; what is stale is fenced.
            Err(StoreError::Unavailable(_)) if self.renewed.elapsed() < self.store_patience() => {}
            Err(error) => self.fail(myself, error.into()).await,
        }
    }

    fn store_patience(&self) -> Duration {
        self.pace.lease.max(self.launch.parts.patience.time())
    }

    fn reap(&mut self) {
        while self.steps.try_join_next().is_some() {}
    }
}
