//! How many tasks are asked for, and which slot gets which. Pure: [`PullPlan::step`] takes what happened and says what to
//! do; the `puller` does it.
//!
//! Promises: one pull at a time, for exactly as many tasks as there are free slots; nothing is given to a slot that can
//! take none; a queue that is away is asked ever more slowly, at least every 5 s; a drain is quiet once nothing is held.

use std::collections::BTreeMap;
use std::time::Duration;

/// Rest after a pull that brought nothing, in case an engine does not wait as it should.
const EMPTY_REST: Duration = Duration::from_millis(50);
/// Rest after a first failed pull; doubled up to 5 s, so that a queue that comes back is noticed soon.
const FAILED_REST: Duration = Duration::from_millis(250);

/// How a slot stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stand {
    /// It holds nothing.
    Idle,
    /// It holds what is being written down, and can take another.
    Ready,
    /// It can take none.
    Busy,
}

/// A slot as it last said that it stands, and how many deliveries it had been given then. What it says in between, while
/// one is on its way to it, is older than that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Slot {
    stand: Stand,
    given: u64,
}

/// What the puller knows. Decisions are made by [`PullPlan::step`] alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct PullPlan {
    slots: BTreeMap<usize, Slot>,
    pulling: bool,
    resting: bool,
    draining: bool,
    failures: u32,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PullEvent {
    /// A slot's scanner is another one than before: its count of deliveries begins anew.
    Replaced {
        slot: usize,
    },
    /// A slot says how it stands.
    Stands {
        slot: usize,
        stand: Stand,
        given: u64,
    },
    Pulled {
        tasks: usize,
    },
    PullFailed,
    Rested,
    DrainAsked,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PullEffect {
    /// Ask the queue for so many tasks.
    Pull { max: usize },
    /// Give the pulled deliveries to these slots, one each, in order; hand back what is left over.
    Assign { slots: Vec<usize> },
    /// Do nothing for a while, then say `Rested`.
    Rest(Duration),
    /// Nothing is pulled or held any more.
    SayQuiet,
}

impl PullPlan {
    pub(crate) fn step(mut self, event: PullEvent) -> (Self, Vec<PullEffect>) {
        let mut effects = Vec::new();
        match event {
            PullEvent::Replaced { slot } => drop(self.slots.remove(&slot)),
            PullEvent::Stands { slot, stand, given } => {
                if self.slots.get(&slot).is_none_or(|known| known.given <= given) {
                    self.slots.insert(slot, Slot { stand, given });
                }
            }
            PullEvent::Pulled { tasks } => {
                self.pulling = false;
                self.failures = 0;
                let room = if self.draining { 0 } else { tasks };
                // Those that hold nothing come first.
                let mut free: Vec<(Stand, usize)> = self.free().collect();
                free.sort_unstable();
                let slots: Vec<usize> = free.into_iter().map(|(_, slot)| slot).take(room).collect();
                for slot in &slots {
                    if let Some(known) = self.slots.get_mut(slot) {
                        *known = Slot { stand: Stand::Busy, given: known.given + 1 };
                    }
                }
                effects.push(PullEffect::Assign { slots });
                if tasks == 0 && !self.draining {
                    self.resting = true;
                    effects.push(PullEffect::Rest(EMPTY_REST));
                }
            }
            PullEvent::PullFailed => {
                self.pulling = false;
                self.failures = (self.failures + 1).min(6);
                if !self.draining {
                    self.resting = true;
                    let rest = FAILED_REST.saturating_mul(1 << (self.failures - 1)).min(Duration::from_secs(5));
                    effects.push(PullEffect::Rest(rest));
                }
            }
            PullEvent::Rested => self.resting = false,
            PullEvent::DrainAsked => self.draining = true,
        }
        if self.draining {
            if !self.pulling && self.slots.values().all(|slot| slot.stand == Stand::Idle) {
                effects.push(PullEffect::SayQuiet);
            }
        } else if !self.pulling && !self.resting && self.free().next().is_some() {
            self.pulling = true;
            effects.push(PullEffect::Pull { max: self.free().count() });
        }
        (self, effects)
    }

    /// The slots that can take a delivery.
    fn free(&self) -> impl Iterator<Item = (Stand, usize)> {
        let can_take = self.slots.iter().filter(|(_, known)| known.stand != Stand::Busy);
        can_take.map(|(slot, known)| (known.stand, *slot))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    fn run(events: &[PullEvent]) -> (PullPlan, Vec<PullEffect>) {
        events.iter().fold((PullPlan::default(), Vec::new()), |(plan, _), event| plan.step(*event))
    }

    const fn idle(slot: usize, given: u64) -> PullEvent {
        PullEvent::Stands { slot, stand: Stand::Idle, given }
    }

    #[test]
    fn it_asks_for_exactly_the_free_slots() {
        use PullEvent::{Pulled, Stands};
        assert_eq!(run(&[idle(0, 0)]).1, [PullEffect::Pull { max: 1 }]);
        let (plan, effects) = run(&[idle(0, 0), idle(1, 0), idle(2, 0)]);
        assert_eq!(effects, [], "one pull at a time");
        let (plan, effects) = plan.step(Pulled { tasks: 1 });
        assert_eq!(effects, [PullEffect::Assign { slots: vec![0] }, PullEffect::Pull { max: 2 }]);
        let (plan, effects) = plan.step(Pulled { tasks: 2 });
        assert_eq!(effects, [PullEffect::Assign { slots: vec![1, 2] }], "nothing is free: nothing is pulled");
        let ready = Stands { slot: 1, stand: Stand::Ready, given: 1 };
        let (plan, effects) = plan.step(ready);
        assert_eq!(effects, [PullEffect::Pull { max: 1 }]);
        let (plan, _) = plan.step(idle(2, 1));
        let effects = plan.step(Pulled { tasks: 1 }).1;
        let expected = [PullEffect::Assign { slots: vec![2] }, PullEffect::Pull { max: 1 }];
        assert_eq!(effects, expected, "a slot that holds nothing comes first");
    }

    #[test]
    fn what_a_slot_says_before_it_has_its_delivery_is_not_believed() {
        use PullEvent::{DrainAsked, Pulled, Replaced, Stands};
        let ready = Stands { slot: 0, stand: Stand::Ready, given: 1 };
        let (plan, _) = run(&[idle(0, 0), Pulled { tasks: 1 }, ready, Pulled { tasks: 1 }]);
        // Its first is over; the second is on its way to it.
        let (plan, effects) = plan.step(idle(0, 1));
        assert_eq!(effects, [], "it is neither free");
        assert_eq!(plan.clone().step(DrainAsked).1, [], "nor quiet");
        assert_eq!(plan.clone().step(idle(0, 2)).1, [PullEffect::Pull { max: 1 }]);
        // A replaced one counts anew.
        let (plan, _) = plan.step(Replaced { slot: 0 });
        assert_eq!(plan.step(idle(0, 0)).1, [PullEffect::Pull { max: 1 }]);
    }

    #[test]
    fn a_queue_that_is_away_is_asked_ever_more_slowly() {
        let (mut plan, _) = run(&[idle(0, 0)]);
        let mut rests = Vec::new();
        for _ in 0..8 {
            let (next, effects) = plan.step(PullEvent::PullFailed);
            let [PullEffect::Rest(rest)] = effects[..] else { panic!("{effects:?}") };
            rests.push(rest.as_millis());
            let (next, effects) = next.step(PullEvent::Rested);
            assert_eq!(effects, [PullEffect::Pull { max: 1 }]);
            plan = next;
        }
        assert_eq!(rests, [250, 500, 1000, 2000, 4000, 5000, 5000, 5000]);
    }

    /// A slot as it is: what it holds beside what it works on, and whether it does.
    #[derive(Default)]
    struct Model {
        finishing: usize,
        working: bool,
        given: u64,
    }

    impl Model {
        fn stand(&self) -> Stand {
            match (self.working, self.finishing) {
                (false, 0) => Stand::Idle,
                (false, 1) => Stand::Ready,
                _ => Stand::Busy,
            }
        }
    }

    /// Random events against a model of the slots, whose words and deliveries are on their way for a while: never more
    /// pulled than is free, never a delivery to a slot that cannot take it, and a drain ends, and not before all is done.
    #[test]
    fn random_orders_keep_the_promises() {
        for seed in 0..500 {
            let mut random = Random(seed);
            let (mut plan, mut asked, mut resting) = (PullPlan::default(), None, false);
            let mut slots: Vec<Model> = Vec::new();
            // Deliveries on their way to slots, and their words on their way to the puller.
            let (mut to_slots, mut words) = (VecDeque::new(), VecDeque::new());
            let (mut draining, mut quiet) = (false, false);
            for round in 0..1200 {
                draining |= round == 600;
                let event = match random.below(8) {
                    _ if round == 600 => PullEvent::DrainAsked,
                    0 if slots.len() < 4 => {
                        slots.push(Model::default());
                        words.push_back(PullEvent::Stands { slot: slots.len() - 1, stand: Stand::Idle, given: 0 });
                        continue;
                    }
                    // The work of a slot goes on.
                    1 | 2 if !slots.is_empty() => {
                        let slot = random.below(slots.len());
                        let model = &mut slots[slot];
                        let before = model.stand();
                        match random.below(2) {
                            0 if model.working => {
                                (model.working, model.finishing) = (false, model.finishing + 1);
                            }
                            _ => model.finishing = model.finishing.saturating_sub(1),
                        }
                        if model.stand() != before {
                            words.push_back(PullEvent::Stands { slot, stand: model.stand(), given: model.given });
                        }
                        continue;
                    }
                    3 => {
                        let Some(slot) = to_slots.pop_front() else { continue };
                        let model: &mut Model = &mut slots[slot];
                        assert_ne!(model.stand(), Stand::Busy, "seed {seed}: a delivery it cannot take");
                        (model.working, model.given) = (true, model.given + 1);
                        continue;
                    }
                    4 if asked.is_some() => {
                        asked = None;
                        PullEvent::PullFailed
                    }
                    5 if resting => {
                        resting = false;
                        PullEvent::Rested
                    }
                    6 => match words.pop_front() {
                        Some(word) => word,
                        None => continue,
                    },
                    _ => match asked.take() {
                        Some(max) => PullEvent::Pulled { tasks: random.below(max + 1) },
                        None => continue,
                    },
                };
                let (next, effects) = plan.step(event);
                plan = next;
                for effect in effects {
                    match effect {
                        PullEffect::Pull { max } => {
                            assert!(!draining && asked.is_none() && (1..=4).contains(&max), "seed {seed}");
                            asked = Some(max);
                        }
                        PullEffect::Assign { slots } => {
                            assert!(slots.is_empty() || !draining, "seed {seed}");
                            to_slots.extend(slots);
                        }
                        PullEffect::Rest(_) => resting = true,
                        PullEffect::SayQuiet => {
                            let all_idle = slots.iter().all(|model| model.stand() == Stand::Idle);
                            assert!(draining && all_idle && to_slots.is_empty() && asked.is_none(), "seed {seed}");
                            quiet = true;
                        }
                    }
                }
            }
            assert!(quiet, "seed {seed}: the drain did not end");
        }
    }

    /// A small generator (Numerical Recipes' LCG), so that a seed names a run.
    struct Random(u64);

    impl Random {
        fn below(&mut self, n: usize) -> usize {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((self.0 >> 33) as usize) % n
        }
    }
}
