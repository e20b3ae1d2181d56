//! The heartbeat: asks every scanner each 10 s, which is also when a scanner tells the queue that its delivery is being
//! worked on (the queue redelivers after 30 s of silence).
//!
//! Receives: its own ticks, `Watch` from the supervisor, `Alive` from scanners. Sends: `Beat` to scanners, `Stuck` to
//! the supervisor. Limits: one tick's worth of messages. How it fails: its replacement begins anew.

use std::collections::BTreeMap;
use std::time::Duration;

use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::task::JoinHandle;

use crate::scanner::ScannerMessage;
use crate::supervisor::SupervisorMessage;

/// A third of the queue's acknowledgement time.
const BEAT: Duration = Duration::from_secs(10);
/// A scanner's handlers end within some seconds; one that let three beats pass hangs.
const MISSED_BEATS: u32 = 3;

/// Unanswered beats by slot. Decisions are made by [`Pulse::tick`] alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Pulse(BTreeMap<usize, u32>);

impl Pulse {
    /// A scanner is watched from now on (anew, if it replaces another).
    pub(crate) fn watch(&mut self, slot: usize) {
        self.0.insert(slot, 0);
    }

    /// A scanner answered.
    pub(crate) fn alive(&mut self, slot: usize) {
        self.watch(slot);
    }

    /// Time for a beat: which slots to ask, and which have not answered for too long (no longer watched).
    pub(crate) fn tick(mut self) -> (Self, Vec<usize>, Vec<usize>) {
        let stuck: Vec<usize> = self.0.iter().filter(|(_, missed)| **missed >= MISSED_BEATS).map(|(s, _)| *s).collect();
        self.0.retain(|slot, _| !stuck.contains(slot));
        for missed in self.0.values_mut() {
            *missed += 1;
        }
        let asked = self.0.keys().copied().collect();
        (self, asked, stuck)
    }
}

pub(crate) struct Heartbeat;

pub(crate) enum HeartbeatMessage {
    Tick,
    Watch { slot: usize, scanner: ActorRef<ScannerMessage> },
    Alive { slot: usize },
}

pub(crate) struct HeartbeatState {
    supervisor: ActorRef<SupervisorMessage>,
    pulse: Pulse,
    scanners: BTreeMap<usize, ActorRef<ScannerMessage>>,
    ticks: JoinHandle<()>,
}

impl Actor for Heartbeat {
    type Msg = HeartbeatMessage;
    type State = HeartbeatState;
    type Arguments = ActorRef<SupervisorMessage>;

    async fn pre_start(
        &self,
        myself: ActorRef<HeartbeatMessage>,
        supervisor: ActorRef<SupervisorMessage>,
    ) -> Result<HeartbeatState, ActorProcessingErr> {
        let ticks = myself.send_interval(BEAT, || HeartbeatMessage::Tick);
        Ok(HeartbeatState { supervisor, pulse: Pulse::default(), scanners: BTreeMap::new(), ticks })
    }

    async fn handle(
        &self,
        myself: ActorRef<HeartbeatMessage>,
        message: HeartbeatMessage,
        state: &mut HeartbeatState,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            HeartbeatMessage::Tick => state.beat(&myself),
            HeartbeatMessage::Alive { slot } => state.pulse.alive(slot),
            HeartbeatMessage::Watch { slot, scanner } => {
                state.scanners.insert(slot, scanner);
                state.pulse.watch(slot);
            }
        }
        Ok(())
    }

    async fn post_stop(
        &self,
        _: ActorRef<HeartbeatMessage>,
        state: &mut HeartbeatState,
    ) -> Result<(), ActorProcessingErr> {
        state.ticks.abort();
        let _ = (&mut state.ticks).await;
        Ok(())
    }
}

impl HeartbeatState {
    fn beat(&mut self, myself: &ActorRef<HeartbeatMessage>) {
        let (pulse, asked, stuck) = std::mem::take(&mut self.pulse).tick();
        self.pulse = pulse;
        for scanner in asked.iter().filter_map(|slot| self.scanners.get(slot)) {
            // One that is gone is about to be replaced and watched anew.
            let _ = scanner.cast(ScannerMessage::Beat(myself.clone()));
        }
        for slot in stuck {
            tracing::warn!(slot, beats = MISSED_BEATS, "scanner does not answer");
            let _ = self.supervisor.cast(SupervisorMessage::Stuck { slot });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scanner_that_answers_is_never_stuck() {
        let mut pulse = Pulse::default();
        pulse.watch(0);
        for _ in 0..20 {
            let (next, asked, stuck) = pulse.tick();
            assert_eq!((asked, stuck), (vec![0], vec![]));
            pulse = next;
            pulse.alive(0);
        }
    }

    #[test]
    fn three_unanswered_beats_and_it_is_stuck_once() {
        let mut pulse = Pulse::default();
        pulse.watch(0);
        pulse.watch(1);
        let mut stuck_at = Vec::new();
        for tick in 0..6 {
            let (next, asked, stuck) = pulse.tick();
            stuck_at.extend(stuck.into_iter().map(|slot| (tick, slot)));
            assert_eq!(asked.contains(&1), tick < 3);
            pulse = next;
            pulse.alive(0);
        }
        assert_eq!(stuck_at, [(3, 1)]);
    }
}
