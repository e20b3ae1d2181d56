//! What earlier launches of a series left unfinished is closed before a new scan of it begins: a coordinator that died
//! leaves trades unsettled and notices unsent, and a timer's next launch is of another slot.
//!
//! The rule: a scan of the same series (its id without day and slot), of the same kind of market, that nobody holds, and
//! - that is sealed, or whose tickers are all accounted for, or whose deadline is over: sealed, settled, its notices sent,
//!   done. By the rules of any settling: a BUY that is too late is withdrawn, fills, lapses and exits are told;
//! - whose deadline is ahead: left alone (a fleet's workers may be at it), and a person is told how to go on with it;
//! - without a manifest: left alone, there is nothing to close.
//!
//! Promises: nothing is published and no vendor is asked; oldest first; bounded in number and in time, so that the new
//! scan begins while its quotes are fresh; what could not be closed is told, stays as it was, and is met again by the
//! next launch. Refuses: to touch a scan that somebody holds.

use std::time::{Duration, Instant};

use fleet_core::domain::{Manifest, ScanId, ScanState};
use fleet_core::seams::{ScanSummary, StoreError};
use jiff::Timestamp;
use tokio::sync::{mpsc, watch};

use super::launch::launched;
use super::run::PACE;
use super::state::Aim;
use super::{Progress, ScanEnd, ScanError, ScanParts, ScanRequest};
use crate::naming::series;

/// Scans looked through: four days of half hours.
const LOOKED_AT: u32 = 50;
/// So many are closed by one launch. More were left only where every launch died, and the next one goes on.
const A_LAUNCH: usize = 8;
/// All of them together. Settling takes a second; a service for notices that does not answer takes longer.
const IN_ALL: Duration = Duration::from_secs(60);

/// What became of an unfinished scan, for a person.
#[derive(Debug)]
pub enum Closed {
    /// It is done now.
    Done {
        /// Which scan.
        scan: ScanId,
        /// Where it had been left.
        left_in: ScanState,
        /// Tickers without an answer.
        sealed: u32,
        /// Notices sent with it (of any scan: the outbox is one), and those that could not be.
        notices: (u32, u32),
    },
    /// Its time is not over.
    Open {
        /// Which scan.
        scan: ScanId,
        /// Tickers accounted for, of so many.
        tickers: (u32, u32),
        /// Until then it may be gone on with.
        until: Timestamp,
    },
    /// It could not be closed; it is as it was, or further.
    NotClosed {
        /// Which scan.
        scan: ScanId,
        /// Why; `None`: it took too long.
        why: Option<ScanError>,
    },
}

/// What is done with an unfinished scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Close,
    /// It may be gone on with until then.
    Leave(Timestamp),
    /// It is none of this launch's business.
    Ignore,
}

/// Closes what earlier launches of this request's series left, and tells of each. Ends early when `interrupt` turns true.
pub async fn close_earlier(
    parts: &ScanParts,
    request: &ScanRequest,
    mut interrupt: watch::Receiver<bool>,
    mut tell: impl FnMut(Closed),
) -> Result<(), StoreError> {
    let (store, began) = (parts.store.as_ref(), Instant::now());
    let newest_first = parts.patience.store(|| store.list_scans(LOOKED_AT)).await?;
    let mut closed = 0;
    for summary in newest_first.into_iter().rev().filter(|summary| may_concern(summary, &request.scan)) {
        let scan = &summary.scan;
        let lease = parts.patience.store(|| store.lease(scan)).await?;
        let Some(manifest) = parts.patience.store(|| store.manifest(scan)).await? else { continue };
        if lease.is_none_or(|lease| lease.held.is_some()) {
            continue;
        }
        match judge(&summary, &manifest, &request.template, parts.clock.now()) {
            Verdict::Ignore => {}
            Verdict::Leave(until) => {
                tell(Closed::Open { scan: scan.clone(), tickers: (summary.outcomes, summary.tickers), until })
            }
            Verdict::Close => {
                let left = IN_ALL.saturating_sub(began.elapsed());
                if closed >= A_LAUNCH || left.is_zero() || *interrupt.borrow() {
                    return Ok(());
                }
                closed += 1;
                if let Some(became) = close(parts, request, &summary, manifest, left, &mut interrupt).await {
                    tell(became);
                }
            }
        }
    }
    Ok(())
}

fn may_concern(summary: &ScanSummary, own: &ScanId) -> bool {
    let has_begun = !matches!(summary.state, ScanState::Init | ScanState::Done);
    has_begun && summary.scan != *own && series(&summary.scan).is_some_and(|named| series(own) == Some(named))
}

fn judge(summary: &ScanSummary, manifest: &Manifest, ours: &Manifest, now: Timestamp) -> Verdict {
    // A simulated market's clock says nothing about trades of the real one.
    if manifest.as_of.is_some() != ours.as_of.is_some() {
        return Verdict::Ignore;
    }
    let is_sealed = summary.state >= ScanState::Sealed;
    if is_sealed || summary.outcomes >= summary.tickers || manifest.deadline <= now {
        Verdict::Close
    } else {
        Verdict::Leave(manifest.deadline)
    }
}

/// Closes one within a time. `None`: somebody else took it, or did it.
async fn close(
    parts: &ScanParts,
    request: &ScanRequest,
    summary: &ScanSummary,
    manifest: Manifest,
    within: Duration,
    interrupt: &mut watch::Receiver<bool>,
) -> Option<Closed> {
    let scan = summary.scan.clone();
    // Settled by this launch's caps and clock, as any scan is by its own launch's.
    let its = ScanRequest { scan: scan.clone(), config_hash: manifest.config_hash, worker: None, ..request.clone() };
    let (progress, mut seen) = mpsc::unbounded_channel();
    let (stop, stopped) = watch::channel(false);
    let launch = launched(PACE, Aim::Close, parts.clone(), its, progress, stopped);
    tokio::pin!(launch);
    let ended = tokio::select! {
        ended = &mut launch => ended,
        () = enough(within, interrupt) => {
            stop.send_replace(true);
            launch.await
        }
    };
    let (mut sealed, mut notices) = (0, (0, 0));
    while let Ok(progress) = seen.try_recv() {
        if let Progress::SealedAtDeadline { tickers } = &progress {
            sealed = tickers.len() as u32;
        }
        if let Progress::Notices { sent, left } = progress {
            notices = (sent, left);
        }
    }
    match ended {
        Ok(ScanEnd::Finished(_)) => Some(Closed::Done { scan, left_in: summary.state, sealed, notices }),
        Ok(ScanEnd::AlreadyFinished(_)) | Err(ScanError::Held { .. }) => None,
        Ok(ScanEnd::Interrupted(_)) => Some(Closed::NotClosed { scan, why: None }),
        Err(why) => Some(Closed::NotClosed { scan, why: Some(why) }),
    }
}

/// Returns when the time is over, or a person wants to stop.
async fn enough(within: Duration, interrupt: &mut watch::Receiver<bool>) {
    let interrupted = async {
        if interrupt.wait_for(|stop| *stop).await.is_err() {
            // Nobody can say so any more.
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = tokio::time::sleep(within) => {}
        () = interrupted => {}
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_world::{AS_OF, TestMarket, World};
    use super::super::{UniverseSource, test_world};
    use super::*;

    fn summary(scan: &str, state: ScanState, tickers: (u32, u32)) -> ScanSummary {
        let (outcomes, tickers) = tickers;
        ScanSummary { scan: ScanId::parse(scan).unwrap(), state, created_at: Timestamp::UNIX_EPOCH, tickers, outcomes }
    }

    #[test]
    fn only_unfinished_scans_of_the_series_concern_a_launch() {
        let own = ScanId::parse("finviz-20261120-1000").unwrap();
        let check = |scan, state, expected| {
            assert_eq!(may_concern(&summary(scan, state, (1, 2)), &own), expected, "{scan} {state:?}");
        };
        check("finviz-20261120-0930", ScanState::Running, true);
        check("finviz-20261119-1530", ScanState::Alerting, true);
        check("finviz-20261120-0930", ScanState::Done, false);
        check("finviz-20261120-0930", ScanState::Init, false);
        check("finviz-20261120-1000", ScanState::Running, false);
        check("finviz-b-20261120-0930", ScanState::Running, false);
    }

    #[test]
    fn what_is_over_is_closed_and_what_is_not_is_left() {
        let world = World::new(TestMarket::default());
        let ours = world.request(UniverseSource::Tickers(test_world::tickers(1))).template;
        let now: Timestamp = AS_OF.parse().unwrap();
        let ahead = now + jiff::SignedDuration::from_mins(5);
        let check = |state, tickers, deadline, expected| {
            let manifest = Manifest { deadline, ..ours.clone() };
            assert_eq!(judge(&summary("x-1", state, tickers), &manifest, &ours, now), expected);
        };
        check(ScanState::Running, (1, 9), ahead, Verdict::Leave(ahead));
        check(ScanState::Publishing, (0, 9), ahead, Verdict::Leave(ahead));
        check(ScanState::Running, (9, 9), ahead, Verdict::Close);
        check(ScanState::Running, (1, 9), now, Verdict::Close);
        check(ScanState::Sealed, (9, 9), ahead, Verdict::Close);
        check(ScanState::Alerting, (9, 9), ahead, Verdict::Close);
        let real = Manifest { as_of: None, ..ours.clone() };
        assert_eq!(judge(&summary("x-1", ScanState::Sealed, (9, 9)), &real, &ours, now), Verdict::Ignore);
    }
}
