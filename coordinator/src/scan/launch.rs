//! One launch of a scan: opens it, takes its lease, starts its actor and waits for the end.
//!
//! Taking the lease and going on are two steps, because what a scan needs before its first task (gateways) is made between
//! them: by the one launch that holds the scan, and by no other.
//!
//! Promises: nothing is begun without the lease; a person's interrupt reaches the actor once. Refuses: a scan that was
//! begun with another configuration, and one that somebody else holds for longer than a dead holder's lease lasts.

use std::sync::Arc;
use std::time::{Duration, Instant};

use fleet_core::domain::ScanState;
use fleet_core::seams::{Lease, LeaseAnswer, OpenedScan, StoreError};
use ractor::ActorRef;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::run::{self, END_TIMEOUT, PACE, Pace, ScanMessage};
use super::state::{Aim, Event};
use super::steps::{self, Launch};
use super::{Progress, ScanEnd, ScanError, ScanParts, ScanRequest};

/// A lease that somebody holds is asked for so often.
const LEASE_ASK: Duration = Duration::from_millis(250);

/// What became of asking for a scan.
pub enum Opening {
    /// This launch holds it.
    Held(HeldScan),
    /// It was over before, or a person stopped waiting for it.
    Over(ScanEnd),
}

/// A scan that this launch holds and has not gone on with. Its lease is renewed until it is gone on with or dropped; then
/// it ends by itself.
pub struct HeldScan {
    pace: Pace,
    lease: Lease,
    renewing: Renewing,
}

/// Aborts when it is dropped: nothing outlives the launch.
struct Renewing(JoinHandle<()>);

impl Drop for Renewing {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl HeldScan {
    fn new(pace: Pace, parts: &ScanParts, lease: Lease, progress: mpsc::UnboundedSender<Progress>) -> Self {
        // Nobody watching is fine.
        let _ = progress.send(Progress::LeaseHeld);
        let (store, held) = (Arc::clone(&parts.store), lease.clone());
        let renewing = tokio::spawn(async move {
            loop {
                tokio::time::sleep(pace.renew).await;
                match tokio::time::timeout(pace.lease / 2, store.renew_lease(&held, pace.lease)).await {
                    Ok(Ok(())) => drop(progress.send(Progress::LeaseHeld)),
                    // Somebody else has it: the actor learns that from whatever it writes first.
                    Ok(Err(StoreError::Fenced { .. })) => return,
                    // Nobody else can take the lease from a store that is away.
                    Ok(Err(_)) | Err(_) => {}
                }
            }
        });
        Self { pace, lease, renewing: Renewing(renewing) }
    }

    /// Renews it now; an error where somebody else has it by now. What only the scan's own launch may write is written after
    /// this.
    pub async fn confirm(&self, parts: &ScanParts) -> Result<(), ScanError> {
        Ok(parts.patience.store(|| parts.store.renew_lease(&self.lease, self.pace.lease)).await?)
    }

    /// Gives it back: the next launch need not wait.
    pub async fn give_back(self, parts: &ScanParts) {
        drop(self.renewing);
        steps::release(parts, &self.lease).await;
    }
}

/// Opens a scan and takes its lease, waiting for another holder as long as a dead one's lease lasts. Makes nothing else.
pub async fn open(
    parts: &ScanParts,
    request: &ScanRequest,
    progress: &mpsc::UnboundedSender<Progress>,
    interrupt: &mut watch::Receiver<bool>,
) -> Result<Opening, ScanError> {
    open_at(PACE, parts, request, progress, interrupt).await
}

/// Runs a scan that this launch holds, from whatever state the store has it in, with a worker of its own or a fleet's.
///
/// `interrupt` turning true hands tasks back within about 10 s and leaves the scan resumable.
pub async fn go_on(
    held: HeldScan,
    parts: ScanParts,
    request: ScanRequest,
    progress: mpsc::UnboundedSender<Progress>,
    interrupt: watch::Receiver<bool>,
) -> Result<ScanEnd, ScanError> {
    carried_on(held, Aim::Scan, parts, request, progress, interrupt).await
}

async fn open_at(
    pace: Pace,
    parts: &ScanParts,
    request: &ScanRequest,
    progress: &mpsc::UnboundedSender<Progress>,
    interrupt: &mut watch::Receiver<bool>,
) -> Result<Opening, ScanError> {
    let scan = request.scan.clone();
    let opened = parts.patience.store(|| parts.store.open_scan(&scan, &request.config_hash)).await?;
    match opened {
        OpenedScan::ConfigDiffers { stored } => {
            Err(ScanError::ConfigDiffers { scan, stored, ours: request.config_hash.clone() })
        }
        OpenedScan::Existing(ScanState::Done) => Ok(Opening::Over(ScanEnd::AlreadyFinished(scan))),
        OpenedScan::Created | OpenedScan::Existing(_) => hold(pace, parts, request, progress, interrupt).await,
    }
}

/// Both steps at once, at a test's pace.
#[cfg(test)]
pub(super) async fn run_at(
    pace: Pace,
    parts: ScanParts,
    request: ScanRequest,
    progress: mpsc::UnboundedSender<Progress>,
    mut interrupt: watch::Receiver<bool>,
) -> Result<ScanEnd, ScanError> {
    match open_at(pace, &parts, &request, &progress, &mut interrupt).await? {
        Opening::Over(end) => Ok(end),
        Opening::Held(held) => go_on(held, parts, request, progress, interrupt).await,
    }
}

/// Takes the lease of a scan that is there, and goes on with it for what the launch is for.
pub(super) async fn launched(
    pace: Pace,
    aim: Aim,
    parts: ScanParts,
    request: ScanRequest,
    progress: mpsc::UnboundedSender<Progress>,
    mut interrupt: watch::Receiver<bool>,
) -> Result<ScanEnd, ScanError> {
    match hold(pace, &parts, &request, &progress, &mut interrupt).await? {
        Opening::Over(end) => Ok(end),
        Opening::Held(held) => carried_on(held, aim, parts, request, progress, interrupt).await,
    }
}

async fn hold(
    pace: Pace,
    parts: &ScanParts,
    request: &ScanRequest,
    progress: &mpsc::UnboundedSender<Progress>,
    interrupt: &mut watch::Receiver<bool>,
) -> Result<Opening, ScanError> {
    tokio::select! {
        lease = take_lease(pace, parts, request, progress) => {
            Ok(Opening::Held(HeldScan::new(pace, parts, lease?, progress.clone())))
        }
        () = interrupted(interrupt) => Ok(Opening::Over(ScanEnd::Interrupted(request.scan.clone()))),
    }
}

async fn carried_on(
    held: HeldScan,
    aim: Aim,
    parts: ScanParts,
    request: ScanRequest,
    progress: mpsc::UnboundedSender<Progress>,
    mut interrupt: watch::Receiver<bool>,
) -> Result<ScanEnd, ScanError> {
    let scan = request.scan.clone();
    let HeldScan { pace, lease, renewing } = held;
    let launch = Arc::new(Launch { parts, request, lease, progress });
    // Asked again now that nobody else can change it.
    let stored = match launch.parts.patience.store(|| launch.parts.store.scan_state(&scan)).await {
        Ok(state) => state.unwrap_or(ScanState::Init),
        Err(error) => {
            launch.release().await;
            return Err(error.into());
        }
    };
    let broken = |why: String| ScanError::Broken { step: "running the scan's actor", why };
    let (actor, task, end) = run::start(pace, aim, launch, stored).await.map_err(|error| broken(error.to_string()))?;
    // The actor renews from here on.
    drop(renewing);
    let answer = tokio::select! {
        answer = end => answer,
        answer = interruption(&actor, &mut interrupt) => match answer {}
    };
    actor.stop(None);
    if tokio::time::timeout(END_TIMEOUT, task).await.is_err() {
        actor.kill();
    }
    answer.unwrap_or_else(|_| Err(broken("it ended without an answer".to_owned())))
}

/// Takes the lease, waiting for another holder as long as a dead one's lease lasts.
async fn take_lease(
    pace: Pace,
    parts: &ScanParts,
    request: &ScanRequest,
    progress: &mpsc::UnboundedSender<Progress>,
) -> Result<Lease, ScanError> {
    let (began, mut told) = (Instant::now(), false);
    loop {
        match parts.patience.store(|| parts.store.take_lease(&request.scan, &request.holder, pace.lease)).await? {
            LeaseAnswer::Taken(lease) => return Ok(lease),
            // One ask more than the lease lasts: a dead holder's is over then.
            LeaseAnswer::Held { holder, expires_in } if began.elapsed() > pace.lease + LEASE_ASK => {
                return Err(ScanError::Held { holder, expires_in });
            }
            LeaseAnswer::Held { holder, .. } => {
                if !told {
                    // Nobody watching is fine.
                    let _ = progress.send(Progress::WaitingForLease { holder, at_most: pace.lease });
                    told = true;
                }
                tokio::time::sleep(LEASE_ASK).await;
            }
        }
    }
}

/// Returns once a person wants to stop; never, if nobody can say so any more.
async fn interrupted(interrupt: &mut watch::Receiver<bool>) {
    if interrupt.wait_for(|stop| *stop).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Tells the actor once of the interrupt.
async fn interruption(
    actor: &ActorRef<ScanMessage>,
    interrupt: &mut watch::Receiver<bool>,
) -> std::convert::Infallible {
    interrupted(interrupt).await;
    // An actor that is gone has sent its answer.
    let _ = actor.cast(ScanMessage::Happened(Event::Interrupted));
    std::future::pending().await
}
