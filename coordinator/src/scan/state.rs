//! Which step of a scan follows which. Pure: [`Machine::step`] takes what happened and says what to do; the `run` actor
//! does it and reports back.
//!
//! ```text
//! Planning ─manifest frozen→ Publishing ─all published→ Watching ─complete|deadline→ Sealing → Settling → Draining → Finishing
//!   INIT                     PUBLISHING                 RUNNING                      RUNNING   SEALED     ALERTING   ALERTING
//! any stage: interrupted or failed → leaving (tasks handed back, lease released) → ended; a later launch re-enters
//! the stored state and does the same step again. A launch that closes enters RUNNING by Sealing.
//! ```
//! Promises: events may come twice, late or in any order; a step is begun once a launch (publishing also after a
//! stall); the end is said once. Refuses: to know the store, the queue or the clock.

use fleet_core::domain::ScanState;

/// So many polls without any ticker accounted for or attempted, and what is missing is published afresh (4 polls a
/// second: 60 s, twice the time after which a silent holder loses its delivery).
pub const STALL_POLLS: u32 = 240;

/// What a launch is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Before the stored state is known.
    Entering,
    Planning,
    Publishing,
    Watching {
        missing: u32,
        attempts: u64,
        still_polls: u32,
    },
    Sealing,
    Settling,
    Draining,
    Finishing,
    Leaving(Departure),
    Ended,
}

/// Why a launch leaves a scan unfinished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Departure {
    /// A person asked.
    Interrupted,
    /// A step failed for good, or the lease is lost.
    Failed,
}

/// What a launch is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aim {
    /// To scan, from whatever state the scan is in.
    Scan,
    /// To close what an earlier launch left: nothing is published any more.
    Close,
}

/// Whether the deadline has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deadline {
    /// Not yet.
    Ahead,
    /// It has.
    Reached,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// The lease is ours; the store says the scan is in this state.
    LeaseTaken(ScanState),
    /// The manifest is frozen.
    Planned,
    /// What was missing is in the queue, and the store says RUNNING.
    Published,
    /// The store was asked what is missing.
    Polled {
        /// Tickers without an outcome.
        missing: u32,
        /// Deliveries counted.
        attempts: u64,
        /// The clock's word.
        deadline: Deadline,
    },
    /// The queue holds fewer tasks than tickers are missing.
    QueueShort,
    /// The store says SEALED.
    Sealed,
    /// The store says ALERTING.
    Settled,
    /// No notice is left to send.
    OutboxDrained,
    /// The store says DONE.
    Finished,
    /// A person wants to stop.
    Interrupted,
    /// A step failed for good, the lease is lost, or the worker gave up.
    Failed,
    /// Tasks are handed back, the lease is released.
    Left,
}

/// What becomes of tasks that are in the queue when a scan's are published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Queued {
    /// They stay; they are not put in twice.
    Kept,
    /// They are taken out first: nobody was given one for a long time, so they may be ghosts.
    Purged,
}

/// What is to be done. Each is reported back by the event named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Read the universe and freeze the manifest → `Planned`.
    Plan,
    /// Start this machine's worker.
    StartWorker,
    /// Publish what is missing and say RUNNING → `Published`.
    Publish {
        /// This launch's how-manieth publication, from 0; part of the message id.
        round: u32,
        /// What becomes of what the queue holds.
        queued: Queued,
    },
    /// Ask the store what is missing from now on → `Polled`, again and again.
    Watch,
    /// Seal → `Sealed`.
    Seal,
    /// The worker has nothing left to do: stop it.
    StopWorker,
    /// Apply the caps and write the notices → `Settled`.
    Settle,
    /// Send the notices → `OutboxDrained`.
    DrainOutbox,
    /// Say DONE → `Finished`.
    Finish,
    /// Abandon what is under way, have the worker hand its tasks back, release the lease → `Left`.
    Leave,
    /// It is over; the lease is released if it was not yet.
    End(End),
}

/// How a launch ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The scan is done.
    Finished,
    /// The scan was done before.
    AlreadyFinished,
    /// It can be resumed.
    Left(Departure),
}

/// One launch of a scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Machine {
    aim: Aim,
    stage: Stage,
    /// Publications begun in this launch.
    rounds: u32,
    /// A publication is under way.
    publishing: bool,
}

impl Machine {
    /// A launch that has not begun.
    #[must_use]
    pub const fn new(aim: Aim) -> Self {
        Self { aim, stage: Stage::Entering, rounds: 0, publishing: false }
    }

    /// Whether nothing can happen any more.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.stage == Stage::Ended
    }

    /// The scan's state as this launch last made or found it, where that is known.
    #[must_use]
    pub fn state(&self) -> Option<ScanState> {
        match self.stage {
            Stage::Planning => Some(ScanState::Init),
            Stage::Publishing => Some(ScanState::Publishing),
            Stage::Watching { .. } | Stage::Sealing => Some(ScanState::Running),
            Stage::Settling => Some(ScanState::Sealed),
            Stage::Draining | Stage::Finishing => Some(ScanState::Alerting),
            Stage::Entering | Stage::Leaving(_) | Stage::Ended => None,
        }
    }

    /// What follows.
    #[must_use]
    pub fn step(mut self, event: Event) -> (Self, Vec<Effect>) {
        let effects = match (event, self.stage) {
            (_, Stage::Ended) => Vec::new(),
            (Event::Left, Stage::Leaving(departure)) => {
                self.stage = Stage::Ended;
                vec![Effect::End(End::Left(departure))]
            }
            (_, Stage::Leaving(_)) => Vec::new(),
            (Event::Interrupted, _) => self.leave(Departure::Interrupted),
            (Event::Failed, _) => self.leave(Departure::Failed),
            (Event::LeaseTaken(state), Stage::Entering) => self.enter(state),
            (Event::Planned, Stage::Planning) => self.enter(ScanState::Publishing),
            (Event::Published, Stage::Publishing) => {
                self.publishing = false;
                self.stage = Stage::Watching { missing: u32::MAX, attempts: 0, still_polls: 0 };
                vec![Effect::Watch]
            }
            (Event::Published, _) => {
                self.publishing = false;
                Vec::new()
            }
            (
                Event::Polled { missing: 0, .. } | Event::Polled { deadline: Deadline::Reached, .. },
                Stage::Watching { .. },
            ) => {
                self.stage = Stage::Sealing;
                vec![Effect::Seal]
            }
            (
                Event::Polled { missing, attempts, .. },
                Stage::Watching { missing: before, attempts: tried, still_polls },
            ) => {
                let is_still = missing >= before && attempts <= tried;
                self.watched(missing, attempts, if is_still { still_polls + 1 } else { 0 })
            }
            (Event::QueueShort, Stage::Watching { .. }) if !self.publishing => vec![self.publish(Queued::Kept)],
            (Event::Sealed, Stage::Sealing) => {
                self.stage = Stage::Settling;
                vec![Effect::StopWorker, Effect::Settle]
            }
            (Event::Settled, Stage::Settling) => self.enter(ScanState::Alerting),
            (Event::OutboxDrained, Stage::Draining) => {
                self.stage = Stage::Finishing;
                vec![Effect::Finish]
            }
            (Event::Finished, Stage::Finishing) => {
                self.stage = Stage::Ended;
                vec![Effect::End(End::Finished)]
            }
            // Twice, late, or about a step that was overtaken.
            (
                Event::LeaseTaken(_)
                | Event::Planned
                | Event::Polled { .. }
                | Event::QueueShort
                | Event::Sealed
                | Event::Settled
                | Event::OutboxDrained
                | Event::Finished
                | Event::Left,
                _,
            ) => Vec::new(),
        };
        (self, effects)
    }

    /// Enters a stored state, be it fresh or after a crash: the same step either way.
    fn enter(&mut self, state: ScanState) -> Vec<Effect> {
        match state {
            // Without a manifest there is nothing to close.
            ScanState::Init if self.aim == Aim::Close => self.leave(Departure::Interrupted),
            ScanState::Init => {
                self.stage = Stage::Planning;
                vec![Effect::Plan]
            }
            ScanState::Publishing | ScanState::Running if self.aim == Aim::Close => {
                self.stage = Stage::Sealing;
                vec![Effect::Seal]
            }
            ScanState::Publishing | ScanState::Running => {
                self.stage = Stage::Publishing;
                vec![Effect::StartWorker, self.publish(Queued::Kept)]
            }
            ScanState::Sealed => {
                self.stage = Stage::Settling;
                vec![Effect::Settle]
            }
            ScanState::Alerting => {
                self.stage = Stage::Draining;
                vec![Effect::DrainOutbox]
            }
            ScanState::Done => {
                self.stage = Stage::Ended;
                vec![Effect::End(End::AlreadyFinished)]
            }
        }
    }

    fn watched(&mut self, missing: u32, attempts: u64, still_polls: u32) -> Vec<Effect> {
        let stalled = still_polls >= STALL_POLLS && !self.publishing;
        self.stage = Stage::Watching { missing, attempts, still_polls: if stalled { 0 } else { still_polls } };
        if stalled { vec![self.publish(Queued::Purged)] } else { Vec::new() }
    }

    fn publish(&mut self, queued: Queued) -> Effect {
        let round = self.rounds;
        self.rounds += 1;
        self.publishing = true;
        Effect::Publish { round, queued }
    }

    fn leave(&mut self, departure: Departure) -> Vec<Effect> {
        self.stage = Stage::Leaving(departure);
        vec![Effect::Leave]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    fn after(events: &[Event]) -> (Machine, Vec<Effect>) {
        of(Aim::Scan, events)
    }

    fn of(aim: Aim, events: &[Event]) -> (Machine, Vec<Effect>) {
        events.iter().fold((Machine::new(aim), Vec::new()), |(machine, _), event| machine.step(*event))
    }

    const AHEAD: Deadline = Deadline::Ahead;

    #[test]
    fn every_stored_state_is_entered_by_its_own_step() {
        let check = |state, effects: &[Effect]| assert_eq!(after(&[Event::LeaseTaken(state)]).1, effects);
        check(ScanState::Init, &[Effect::Plan]);
        check(ScanState::Publishing, &[Effect::StartWorker, Effect::Publish { round: 0, queued: Queued::Kept }]);
        check(ScanState::Running, &[Effect::StartWorker, Effect::Publish { round: 0, queued: Queued::Kept }]);
        check(ScanState::Sealed, &[Effect::Settle]);
        check(ScanState::Alerting, &[Effect::DrainOutbox]);
        check(ScanState::Done, &[Effect::End(End::AlreadyFinished)]);
    }

    #[test]
    fn whoever_closes_publishes_nothing() {
        let check = |state, effects: &[Effect]| assert_eq!(of(Aim::Close, &[Event::LeaseTaken(state)]).1, effects);
        check(ScanState::Init, &[Effect::Leave]);
        check(ScanState::Publishing, &[Effect::Seal]);
        check(ScanState::Running, &[Effect::Seal]);
        check(ScanState::Sealed, &[Effect::Settle]);
        check(ScanState::Alerting, &[Effect::DrainOutbox]);
        let events = [Event::LeaseTaken(ScanState::Running), Event::Sealed, Event::Settled, Event::OutboxDrained];
        assert_eq!(of(Aim::Close, &events).1, [Effect::Finish]);
    }

    #[test]
    fn a_stall_publishes_again_with_a_new_round() {
        let (mut machine, _) = after(&[Event::LeaseTaken(ScanState::Running), Event::Published]);
        let mut published = Vec::new();
        for poll in 0..=2 * STALL_POLLS {
            let (next, effects) = machine.step(Event::Polled { missing: 7, attempts: 7, deadline: AHEAD });
            machine = next;
            if effects.contains(&Effect::Publish { round: published.len() as u32 + 1, queued: Queued::Purged }) {
                published.push(poll);
                machine = machine.step(Event::Published).0;
            }
        }
        assert_eq!(published, [STALL_POLLS, 2 * STALL_POLLS]);
    }

    #[test]
    fn progress_is_no_stall() {
        let (mut machine, _) = after(&[Event::LeaseTaken(ScanState::Running), Event::Published]);
        for missing in (1..1000).rev() {
            let (next, effects) = machine.step(Event::Polled { missing, attempts: 0, deadline: AHEAD });
            assert_eq!(effects, []);
            machine = next;
        }
    }

    #[test]
    fn an_attempt_is_no_stall() {
        let (mut machine, _) = after(&[Event::LeaseTaken(ScanState::Running), Event::Published]);
        for attempts in 1..1000 {
            let (next, effects) = machine.step(Event::Polled { missing: 9, attempts, deadline: AHEAD });
            assert_eq!(effects, []);
            machine = next;
        }
    }

    #[test]
    fn a_queue_that_is_short_is_filled_once_at_a_time() {
        let (machine, _) = after(&[Event::LeaseTaken(ScanState::Running)]);
        assert_eq!(machine.step(Event::QueueShort).1, [], "before the first publication is over");
        let (machine, _) = machine.step(Event::Published);
        let (machine, effects) = machine.step(Event::QueueShort);
        assert_eq!(effects, [Effect::Publish { round: 1, queued: Queued::Kept }]);
        let (machine, effects) = machine.step(Event::QueueShort);
        assert_eq!(effects, [], "while it is being filled");
        let (machine, _) = machine.step(Event::Published);
        assert_eq!(machine.step(Event::QueueShort).1, [Effect::Publish { round: 2, queued: Queued::Kept }]);
    }

    #[test]
    fn the_deadline_seals_once() {
        let (machine, _) = after(&[Event::LeaseTaken(ScanState::Running), Event::Published]);
        let late = Event::Polled { missing: 3, attempts: 0, deadline: Deadline::Reached };
        let (machine, effects) = machine.step(late);
        assert_eq!(effects, [Effect::Seal]);
        assert_eq!(machine.step(late).1, []);
    }

    #[test]
    fn an_interrupt_leaves_from_every_stage_and_ends() {
        for state in
            [ScanState::Init, ScanState::Publishing, ScanState::Running, ScanState::Sealed, ScanState::Alerting]
        {
            let (machine, effects) = after(&[Event::LeaseTaken(state), Event::Interrupted]);
            assert_eq!(effects, [Effect::Leave], "{state:?}");
            assert_eq!(machine.step(Event::Failed).1, [], "{state:?}: the first reason stands");
            let (machine, effects) = machine.step(Event::Left);
            assert_eq!(effects, [Effect::End(End::Left(Departure::Interrupted))]);
            assert!(machine.is_over());
        }
    }

    /// A world: a store, a queue and a worker as the effects see them, with events that come late, twice, or not at all
    /// because the launch dies.
    struct World {
        random: u64,
        stored: ScanState,
        queue: BTreeSet<u32>,
        outcomes: BTreeMap<u32, u32>,
        settlements: u32,
    }

    const TICKERS: u32 = 5;

    impl World {
        fn below(&mut self, n: usize) -> usize {
            self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((self.random >> 33) as usize) % n
        }

        /// Does what the effect says, durably, and gives the event that reports it.
        fn carry_out(&mut self, effect: Effect) -> Option<Event> {
            match effect {
                Effect::Plan => {
                    self.stored = self.stored.max(ScanState::Publishing);
                    Some(Event::Planned)
                }
                Effect::Publish { .. } => {
                    self.queue.extend((0..TICKERS).filter(|ticker| !self.outcomes.contains_key(ticker)));
                    self.stored = self.stored.max(ScanState::Running);
                    Some(Event::Published)
                }
                Effect::Seal => {
                    for ticker in 0..TICKERS {
                        self.outcomes.entry(ticker).or_insert(1);
                    }
                    self.stored = self.stored.max(ScanState::Sealed);
                    Some(Event::Sealed)
                }
                Effect::Settle => {
                    self.settlements += u32::from(self.stored == ScanState::Sealed);
                    self.stored = self.stored.max(ScanState::Alerting);
                    Some(Event::Settled)
                }
                Effect::DrainOutbox => Some(Event::OutboxDrained),
                Effect::Finish => {
                    self.stored = ScanState::Done;
                    Some(Event::Finished)
                }
                Effect::Leave => Some(Event::Left),
                Effect::StartWorker | Effect::StopWorker | Effect::Watch | Effect::End(_) => None,
            }
        }

        /// The worker takes a task, or the queue forgets one.
        fn work(&mut self) {
            let Some(ticker) = self.queue.pop_first() else { return };
            if self.below(10) > 0 && self.stored <= ScanState::Running {
                let earlier = self.outcomes.insert(ticker, 1);
                assert_eq!(earlier, None, "ticker {ticker} counted twice");
            }
        }
    }

    /// One launch; `true` if it saw the scan finished.
    fn launch(world: &mut World, seed: u64) -> bool {
        let (mut machine, mut working) = (Machine::new(Aim::Scan), false);
        let mut pending = vec![Event::LeaseTaken(world.stored)];
        for round in 0..20_000 {
            let event = match world.below(40) {
                0 => Event::Interrupted,
                1 if round > 3_000 => return false, // kill -9
                2..=20 if !pending.is_empty() => {
                    let at = world.below(pending.len());
                    // Now and then an event comes twice.
                    if world.below(8) == 0 { pending[at] } else { pending.swap_remove(at) }
                }
                _ => {
                    if working {
                        world.work();
                    }
                    let missing = TICKERS - world.outcomes.len() as u32;
                    let deadline = if round > 10_000 { Deadline::Reached } else { AHEAD };
                    Event::Polled { missing, attempts: 0, deadline }
                }
            };
            let (next, effects) = machine.step(event);
            machine = next;
            for effect in effects {
                match effect {
                    Effect::StartWorker => working = true,
                    Effect::StopWorker | Effect::Leave => working = false,
                    Effect::End(End::Finished | End::AlreadyFinished) => return true,
                    Effect::End(End::Left(_)) => return false,
                    Effect::Plan
                    | Effect::Publish { .. }
                    | Effect::Watch
                    | Effect::Seal
                    | Effect::Settle
                    | Effect::DrainOutbox
                    | Effect::Finish => {}
                }
                pending.extend(world.carry_out(effect));
            }
        }
        panic!("seed {seed}: a launch did not end");
    }

    #[test]
    fn random_orders_interrupts_and_crashes_always_end_with_each_ticker_counted_once() {
        for seed in 0..300 {
            let mut world = World {
                random: seed,
                stored: ScanState::Init,
                queue: BTreeSet::new(),
                outcomes: BTreeMap::new(),
                settlements: 0,
            };
            let launches = (1..200).find(|_| {
                world.queue.clear(); // the in-process queue dies with its process
                launch(&mut world, seed)
            });
            assert!(launches.is_some(), "seed {seed}: never finished");
            assert_eq!(world.stored, ScanState::Done, "seed {seed}");
            assert!((0..TICKERS).all(|ticker| world.outcomes.get(&ticker) == Some(&1)), "seed {seed}");
            assert_eq!(world.settlements, 1, "seed {seed}");
        }
    }
}
