//! That a scan ends whatever happens, in whatever order.

use std::collections::{BTreeMap, BTreeSet};

use fleet_core::domain::ScanState;

use super::state::*;

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
    for state in [ScanState::Init, ScanState::Publishing, ScanState::Running, ScanState::Sealed, ScanState::Alerting] {
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
