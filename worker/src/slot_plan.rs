//! What a slot does next. Pure: [`SlotPlan::step`] takes what happened and says what to do; the `scanner` does it.
//!
//! Promises: one delivery is worked on at a time, and at most two more are on their way to the servers; each delivery
//! leaves once, acknowledged or handed back; what is said of work that was ended meanwhile is not taken for another's.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::protocol::Conclusion;
use crate::pull_plan::Stand;

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

    /// Deliveries it was given, those that it refused too.
    pub(crate) const fn given(&self) -> u64 {
        self.given
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
