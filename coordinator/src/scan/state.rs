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
