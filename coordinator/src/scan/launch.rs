//! One launch of a scan: opens it, takes its lease, starts its actor and waits for the end.
//!
//! Promises: nothing is begun without the lease; a person's interrupt reaches the actor once. Refuses: a scan that was
//! begun with another configuration, and one that somebody else holds for longer than a dead holder's lease lasts.

use std::sync::Arc;
use std::time::{Duration, Instant};

use fleet_core::domain::ScanState;
use fleet_core::seams::{Lease, LeaseAnswer, OpenedScan};
use ractor::ActorRef;
use tokio::sync::{mpsc, watch};

use super::run::{self, END_TIMEOUT, PACE, Pace, ScanMessage};
use super::state::{Aim, Event};
use super::steps::Launch;
use super::{Progress, ScanEnd, ScanError, ScanParts, ScanRequest};

/// A lease that somebody holds is asked for so often.
const LEASE_ASK: Duration = Duration::from_millis(250);

/// Runs one scan on this machine, from whatever state the store has it in, with a worker of its own.
///
/// `interrupt` turning true hands tasks back within about 10 s and leaves the scan resumable.
pub async fn run(
    parts: ScanParts,
    request: ScanRequest,
    progress: mpsc::UnboundedSender<Progress>,
    interrupt: watch::Receiver<bool>,
) -> Result<ScanEnd, ScanError> {
    run_at(PACE, parts, request, progress, interrupt).await
}

pub(super) async fn run_at(
    pace: Pace,
    parts: ScanParts,
    request: ScanRequest,
    progress: mpsc::UnboundedSender<Progress>,
    interrupt: watch::Receiver<bool>,
) -> Result<ScanEnd, ScanError> {
    let scan = request.scan.clone();
    let opened = parts.patience.store(|| parts.store.open_scan(&scan, &request.config_hash)).await?;
    match opened {
        OpenedScan::ConfigDiffers { stored } => {
            return Err(ScanError::ConfigDiffers { scan, stored, ours: request.config_hash });
        }
        OpenedScan::Existing(ScanState::Done) => return Ok(ScanEnd::AlreadyFinished(scan)),
        OpenedScan::Created | OpenedScan::Existing(_) => {}
    }
    launched(pace, Aim::Scan, parts, request, progress, interrupt).await
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
    let scan = request.scan.clone();
    let lease = tokio::select! {
        lease = take_lease(pace, &parts, &request, &progress) => lease?,
        () = interrupted(&mut interrupt) => return Ok(ScanEnd::Interrupted(scan)),
    };
    let launch = Arc::new(Launch { parts, request, lease, progress });
    launch.tell(Progress::LeaseHeld);
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
