//! The supervisor: owns the tree (puller, heartbeat, scanners), its restarts and its end.
//!
//! Receives: supervision events of its children, `Stuck` from the heartbeat, `Quiet` from the puller, `Drain` from
//! outside. Sends: `Serve` and `HandBack` to scanners, `Watch` to the heartbeat, `Drain` to the puller. Limits: ten
//! restarts a minute, then the worker gives up and says why; a drain ends after its own limit plus 3 s. How it fails:
//! its children stop with it and hand back what they hold.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ractor::{Actor, ActorCell, ActorId, ActorProcessingErr, ActorRef, SupervisionEvent};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::heartbeat::{Heartbeat, HeartbeatMessage};
use crate::puller::{Puller, PullerArgs, PullerMessage};
use crate::scanner::{Scanner, ScannerArgs, ScannerMessage};
use crate::{WorkerContext, WorkerError};

/// So many restarts in [`WINDOW`] are bad luck; one more is a fault that restarting does not mend.
const RESTARTS: usize = 10;
const WINDOW: Duration = Duration::from_secs(60);
/// Handing back is one message a slot.
const HAND_BACK_LIMIT: Duration = Duration::from_secs(3);

/// Which child.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Child {
    Puller,
    Heartbeat,
    Scanner(usize),
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Working,
    /// Children finish what they hold.
    Draining,
    /// Time is up: children hand back what they hold.
    HandingBack,
    Over,
}

/// What the supervisor knows. Decisions are made by [`TreePlan::step`] alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TreePlan {
    phase: Phase,
    /// When children were restarted, in the last minute (time since the worker's start).
    restarts: VecDeque<Duration>,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TreeEvent {
    ChildEnded {
        child: Child,
        at: Duration,
    },
    DrainAsked,
    /// The puller holds nothing and neither do the scanners.
    Quiet,
    /// The drain's limit, or after it the hand-back's.
    TimeUp,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TreeEffect {
    Restart(Child),
    /// Tell the puller to drain.
    DrainPuller,
    /// Tell the scanners to hand back what they hold, and say `TimeUp` after [`HAND_BACK_LIMIT`].
    HandBack,
    /// The worker is over: stop. `gave_up` if nobody asked for it.
    End {
        gave_up: bool,
    },
}

impl TreePlan {
    pub(crate) fn step(mut self, event: TreeEvent) -> (Self, Vec<TreeEffect>) {
        let effects = match (event, self.phase) {
            (_, Phase::Over) => Vec::new(),
            (TreeEvent::ChildEnded { child, at }, phase) => {
                self.restarts.retain(|restart| at.saturating_sub(*restart) < WINDOW);
                if self.restarts.len() >= RESTARTS {
                    self.phase = Phase::Over;
                    vec![TreeEffect::End { gave_up: true }]
                } else {
                    self.restarts.push_back(at);
                    match (child, phase) {
                        // A new puller does not know that a drain was asked for.
                        (Child::Puller, Phase::Draining | Phase::HandingBack) => {
                            vec![TreeEffect::Restart(child), TreeEffect::DrainPuller]
                        }
                        (Child::Puller | Child::Heartbeat | Child::Scanner(_), _) => vec![TreeEffect::Restart(child)],
                    }
                }
            }
            (TreeEvent::DrainAsked, Phase::Working) => {
                self.phase = Phase::Draining;
                vec![TreeEffect::DrainPuller]
            }
            (TreeEvent::Quiet, Phase::Draining | Phase::HandingBack) | (TreeEvent::TimeUp, Phase::HandingBack) => {
                self.phase = Phase::Over;
                vec![TreeEffect::End { gave_up: false }]
            }
            (TreeEvent::TimeUp, Phase::Draining) => {
                self.phase = Phase::HandingBack;
                vec![TreeEffect::HandBack]
            }
            (TreeEvent::DrainAsked, Phase::Draining | Phase::HandingBack)
            | (TreeEvent::Quiet | TreeEvent::TimeUp, Phase::Working) => Vec::new(),
        };
        (self, effects)
    }
}

pub(crate) struct Supervisor;

pub(crate) struct SupervisorArgs {
    context: Arc<WorkerContext>,
    slots: usize,
}

pub(crate) enum SupervisorMessage {
    Drain { within: Duration, drained: oneshot::Sender<()> },
    Quiet,
    TimeUp,
    Stuck { slot: usize },
}

type Timer = JoinHandle<Result<(), ractor::MessagingErr<SupervisorMessage>>>;

pub(crate) struct SupervisorState {
    args: SupervisorArgs,
    plan: TreePlan,
    started: Instant,
    children: BTreeMap<ActorId, (Child, ActorCell)>,
    /// The actors' tasks; awaited when the worker ends.
    tasks: Vec<JoinHandle<()>>,
    puller: Option<ActorRef<PullerMessage>>,
    heartbeat: Option<ActorRef<HeartbeatMessage>>,
    scanners: BTreeMap<usize, ActorRef<ScannerMessage>>,
    drained: Vec<oneshot::Sender<()>>,
    timers: Vec<Timer>,
    last_words: String,
}

/// Starts a worker's tree.
pub(crate) async fn spawn(
    context: Arc<WorkerContext>,
    slots: usize,
) -> Result<(ActorRef<SupervisorMessage>, JoinHandle<()>), WorkerError> {
    let args = SupervisorArgs { context, slots };
    Actor::spawn(None, Supervisor, args)
        .await
        .map_err(|error| WorkerError::Spawn { what: "supervisor", why: error.to_string() })
}

impl Actor for Supervisor {
    type Msg = SupervisorMessage;
    type State = SupervisorState;
    type Arguments = SupervisorArgs;

    async fn pre_start(
        &self,
        myself: ActorRef<SupervisorMessage>,
        args: SupervisorArgs,
    ) -> Result<SupervisorState, ActorProcessingErr> {
        let slots = args.slots;
        let mut state = SupervisorState {
            args,
            plan: TreePlan::default(),
            started: Instant::now(),
            children: BTreeMap::new(),
            tasks: Vec::new(),
            puller: None,
            heartbeat: None,
            scanners: BTreeMap::new(),
            drained: Vec::new(),
            timers: Vec::new(),
            last_words: String::new(),
        };
        for child in [Child::Puller, Child::Heartbeat].into_iter().chain((0..slots).map(Child::Scanner)) {
            state.spawn_child(&myself, child).await?;
        }
        Ok(state)
    }

    async fn handle(
        &self,
        myself: ActorRef<SupervisorMessage>,
        message: SupervisorMessage,
        state: &mut SupervisorState,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            SupervisorMessage::Drain { within, drained } => {
                state.drained.push(drained);
                state.timers.push(myself.send_after(within, || SupervisorMessage::TimeUp));
                state.apply(&myself, TreeEvent::DrainAsked).await
            }
            SupervisorMessage::Quiet => state.apply(&myself, TreeEvent::Quiet).await,
            SupervisorMessage::TimeUp => state.apply(&myself, TreeEvent::TimeUp).await,
            SupervisorMessage::Stuck { slot } => {
                state.kill_scanner(slot);
                Ok(())
            }
        }
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<SupervisorMessage>,
        event: SupervisionEvent,
        state: &mut SupervisorState,
    ) -> Result<(), ActorProcessingErr> {
        let (id, why) = match event {
            SupervisionEvent::ActorTerminated(cell, _, why) => (cell.get_id(), why.unwrap_or_default()),
            SupervisionEvent::ActorFailed(cell, error) => (cell.get_id(), error.to_string()),
            SupervisionEvent::ActorStarted(_) | SupervisionEvent::ProcessGroupChanged(_) => return Ok(()),
        };
        let Some((child, _)) = state.children.remove(&id) else { return Ok(()) };
        tracing::warn!(?child, why, "part of the worker ended");
        state.last_words = format!("{child:?}: {why}");
        let at = state.started.elapsed();
        state.apply(&myself, TreeEvent::ChildEnded { child, at }).await
    }

    /// Stops the children (each hands back what it holds) and waits for them.
    async fn post_stop(
        &self,
        _: ActorRef<SupervisorMessage>,
        state: &mut SupervisorState,
    ) -> Result<(), ActorProcessingErr> {
        for timer in state.timers.drain(..) {
            timer.abort();
            let _ = timer.await;
        }
        for (_, cell) in state.children.values() {
            cell.stop(None);
        }
        let all = futures::future::join_all(state.tasks.drain(..));
        if tokio::time::timeout(HAND_BACK_LIMIT, all).await.is_err() {
            for (_, cell) in state.children.values() {
                cell.kill();
            }
        }
        for drained in state.drained.drain(..) {
            // Nobody waits any more: fine.
            let _ = drained.send(());
        }
        Ok(())
    }
}

impl SupervisorState {
    async fn apply(
        &mut self,
        myself: &ActorRef<SupervisorMessage>,
        event: TreeEvent,
    ) -> Result<(), ActorProcessingErr> {
        let (plan, effects) = std::mem::take(&mut self.plan).step(event);
        self.plan = plan;
        for effect in effects {
            match effect {
                TreeEffect::Restart(child) => self.spawn_child(myself, child).await?,
                TreeEffect::DrainPuller => {
                    if let Some(puller) = &self.puller {
                        // One that is gone is restarted and told again.
                        let _ = puller.cast(PullerMessage::Drain);
                    }
                }
                TreeEffect::HandBack => {
                    for scanner in self.scanners.values() {
                        // One that is gone has handed back.
                        let _ = scanner.cast(ScannerMessage::HandBack);
                    }
                    self.timers.push(myself.send_after(HAND_BACK_LIMIT, || SupervisorMessage::TimeUp));
                }
                TreeEffect::End { gave_up } => {
                    if gave_up {
                        self.args.context.give_up(&self.last_words);
                    }
                    myself.stop(None);
                }
            }
        }
        Ok(())
    }

    /// Starts (or restarts) a child and makes it known to those who need it.
    async fn spawn_child(
        &mut self,
        myself: &ActorRef<SupervisorMessage>,
        child: Child,
    ) -> Result<(), ActorProcessingErr> {
        let context = Arc::clone(&self.args.context);
        let (cell, task) = match child {
            Child::Puller => {
                let args = PullerArgs { context, supervisor: myself.clone() };
                let (puller, task) = Actor::spawn_linked(None, Puller, args, myself.get_cell()).await?;
                for scanner in self.scanners.values() {
                    let _ = scanner.cast(ScannerMessage::Serve(puller.clone()));
                }
                let cell = puller.get_cell();
                self.puller = Some(puller);
                (cell, task)
            }
            Child::Heartbeat => {
                let (heartbeat, task) = Actor::spawn_linked(None, Heartbeat, myself.clone(), myself.get_cell()).await?;
                for (slot, scanner) in &self.scanners {
                    let _ = heartbeat.cast(HeartbeatMessage::Watch { slot: *slot, scanner: scanner.clone() });
                }
                let cell = heartbeat.get_cell();
                self.heartbeat = Some(heartbeat);
                (cell, task)
            }
            Child::Scanner(slot) => {
                let args = ScannerArgs { slot, context };
                let (scanner, task) = Actor::spawn_linked(None, Scanner, args, myself.get_cell()).await?;
                if let Some(puller) = &self.puller {
                    let _ = scanner.cast(ScannerMessage::Serve(puller.clone()));
                }
                if let Some(heartbeat) = &self.heartbeat {
                    let _ = heartbeat.cast(HeartbeatMessage::Watch { slot, scanner: scanner.clone() });
                }
                let cell = scanner.get_cell();
                self.scanners.insert(slot, scanner);
                (cell, task)
            }
        };
        self.children.insert(cell.get_id(), (child, cell));
        self.tasks.retain(|task| !task.is_finished());
        self.tasks.push(task);
        Ok(())
    }

    /// Kills a scanner that hangs; its end is a supervision event like any other.
    fn kill_scanner(&self, slot: usize) {
        if let Some(scanner) = self.scanners.get(&slot) {
            scanner.kill();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(child: Child, secs: u64) -> TreeEvent {
        TreeEvent::ChildEnded { child, at: Duration::from_secs(secs) }
    }

    #[test]
    fn the_eleventh_restart_within_a_minute_is_one_too_many() {
        let mut plan = TreePlan::default();
        for n in 0..10 {
            let (next, effects) = plan.step(ended(Child::Scanner(0), n));
            assert_eq!(effects, [TreeEffect::Restart(Child::Scanner(0))]);
            plan = next;
        }
        assert_eq!(plan.clone().step(ended(Child::Heartbeat, 59)).1, [TreeEffect::End { gave_up: true }]);
        assert_eq!(plan.step(ended(Child::Heartbeat, 61)).1, [TreeEffect::Restart(Child::Heartbeat)]);
    }

    #[test]
    fn a_puller_that_is_replaced_in_a_drain_is_told_of_it() {
        let (plan, effects) = TreePlan::default().step(TreeEvent::DrainAsked);
        assert_eq!(effects, [TreeEffect::DrainPuller]);
        let effects = plan.step(ended(Child::Puller, 1)).1;
        assert_eq!(effects, [TreeEffect::Restart(Child::Puller), TreeEffect::DrainPuller]);
    }

    #[test]
    fn a_drain_hands_back_when_its_time_is_up_and_ends() {
        let (plan, _) = TreePlan::default().step(TreeEvent::DrainAsked);
        let (plan, effects) = plan.step(TreeEvent::TimeUp);
        assert_eq!(effects, [TreeEffect::HandBack]);
        assert_eq!(plan.clone().step(TreeEvent::Quiet).1, [TreeEffect::End { gave_up: false }]);
        assert_eq!(plan.step(TreeEvent::TimeUp).1, [TreeEffect::End { gave_up: false }]);
    }

    /// Whatever happens in whatever order: it ends at most once, never before a drain was asked for unless it gives up,
    /// and two `TimeUp`s after a drain always end it.
    #[test]
    fn random_orders_always_end_once() {
        for seed in 0_u64..1000 {
            let mut random = seed;
            let (mut plan, mut asked, mut ends) = (TreePlan::default(), false, 0);
            for round in 0..60 {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let event = match (random >> 33) % 8 {
                    _ if round == 57 => TreeEvent::DrainAsked,
                    _ if round > 57 => TreeEvent::TimeUp,
                    0 => TreeEvent::DrainAsked,
                    1 => TreeEvent::Quiet,
                    2 => TreeEvent::TimeUp,
                    3 => ended(Child::Puller, round * 7),
                    _ => ended(Child::Scanner(1), round * 7),
                };
                asked |= event == TreeEvent::DrainAsked;
                let (next, effects) = plan.step(event);
                plan = next;
                for effect in effects {
                    if let TreeEffect::End { gave_up } = effect {
                        assert!(gave_up || asked, "seed {seed}");
                        ends += 1;
                    }
                }
            }
            assert_eq!(ends, 1, "seed {seed}");
        }
    }
}
