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

/// So many are closed by one launch. More were left only where every launch died, and the next one goes on.
const A_LAUNCH: usize = 8;
/// All of them together, whatever does not answer meanwhile. Settling takes a second; a service for notices that does not
/// answer takes longer.
const IN_ALL: Duration = Duration::from_secs(60);
/// Of that, what a scan whose time is up gets to give its lease back; then nobody waits for it any more.
const TO_LEAVE: Duration = Duration::from_secs(5);

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
    interrupt: watch::Receiver<bool>,
    tell: impl FnMut(Closed),
) -> Result<(), StoreError> {
    close_within(IN_ALL, parts, request, interrupt, tell).await
}

async fn close_within(
    in_all: Duration,
    parts: &ScanParts,
    request: &ScanRequest,
    mut interrupt: watch::Receiver<bool>,
    mut tell: impl FnMut(Closed),
) -> Result<(), StoreError> {
    let (store, until) = (parts.store.as_ref(), Instant::now() + in_all);
    let oldest_first = in_time(until, in_all, parts.patience.store(|| store.unfinished_scans())).await?;
    let mut closed = 0;
    for summary in oldest_first.into_iter().filter(|summary| may_concern(summary, &request.scan)) {
        let scan = &summary.scan;
        let lease = in_time(until, in_all, parts.patience.store(|| store.lease(scan))).await?;
        let manifest = in_time(until, in_all, parts.patience.store(|| store.manifest(scan))).await?;
        let Some(manifest) = manifest else { continue };
        if lease.is_none_or(|lease| lease.held.is_some()) {
            continue;
        }
        match judge(&summary, &manifest, &request.template, parts.clock.now()) {
            Verdict::Ignore => {}
            Verdict::Leave(until) => {
                tell(Closed::Open { scan: scan.clone(), tickers: (summary.outcomes, summary.tickers), until })
            }
            Verdict::Close => {
                let left = until.saturating_duration_since(Instant::now()).saturating_sub(TO_LEAVE.min(in_all / 2));
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

/// A question to the store, which may be away for longer than this launch waits for it.
async fn in_time<T>(
    until: Instant,
    in_all: Duration,
    asked: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let late = || StoreError::Unavailable(format!("no answer within the {} s that this may take", in_all.as_secs()));
    tokio::time::timeout_at(until.into(), asked).await.unwrap_or_else(|_| Err(late()))
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
            // It ends by itself, later than this launch can wait; its lease ends with it.
            let interrupted = || Ok(ScanEnd::Interrupted(scan.clone()));
            tokio::time::timeout(TO_LEAVE, &mut launch).await.unwrap_or_else(|_| interrupted())
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
    use fleet_core::seams::{Holder, LeaseAnswer, Scans as _};

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

    /// However many scans of others are newer.
    #[tokio::test]
    async fn a_scan_of_the_series_is_found_behind_any_number_of_others() {
        let world = World::new(TestMarket::default());
        let request = world.request(UniverseSource::Tickers(test_world::tickers(1)));
        left_behind(&world, &request, "tickers-20261120-1000").await;
        for slot in 0..60 {
            left_behind(&world, &request, &format!("other-20261120-{:04}", 1000 + slot)).await;
        }
        let mut closed = Vec::new();
        let (_stop, interrupt) = watch::channel(false);
        close_earlier(&world.parts(), &request, interrupt, |one| closed.push(one)).await.unwrap();
        assert!(matches!(&closed[..], [Closed::Done { scan, .. }] if scan.as_str() == "tickers-20261120-1000"));
    }

    /// The store's file is locked by somebody who stays; a fleet's patience with it is longer than closing may take.
    #[tokio::test]
    async fn a_store_that_is_away_keeps_a_launch_no_longer_than_closing_may_take() {
        let world = World::new(TestMarket::default());
        let request = world.request(UniverseSource::Tickers(test_world::tickers(1)));
        left_behind(&world, &request, "tickers-20261120-1000").await;
        let parts = ScanParts { patience: super::super::Patience::FLEET, ..world.parts() };
        let locked = test_world::Locked::of(&world.store).await;
        let (began, mut closed) = (Instant::now(), Vec::new());
        let (_stop, interrupt) = watch::channel(false);
        close_within(Duration::from_secs(2), &parts, &request, interrupt, |one| closed.push(one)).await.unwrap();
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
        assert!(matches!(&closed[..], [Closed::NotClosed { why: None, .. }]), "{closed:?}");
        drop(locked);
    }

    /// A scan with a deadline that is over, which nobody holds.
    async fn left_behind(world: &World, request: &ScanRequest, scan: &str) {
        let scan = ScanId::parse(scan).unwrap();
        world.store.open_scan(&scan, "hash").await.unwrap();
        let dead = Holder("dead:1".to_owned());
        let taken = world.store.take_lease(&scan, &dead, Duration::ZERO).await.unwrap();
        let LeaseAnswer::Taken(lease) = taken else { panic!("{taken:?}") };
        let tickers = test_world::tickers(1);
        let manifest = Manifest { scan, tickers, ..request.template.clone() };
        world.store.freeze_manifest(&lease, &manifest).await.unwrap();
    }
}
