//! Promises about what chains came to, session by session.

use std::slice;

use fleet_core::domain::{SUMMARIES_KEPT, ScanState, SessionSummary};
use fleet_core::seams::{Commit, CommitAnswer, ScanStamp};
use jiff::ToSpan;

use super::super::{Kept, ensure_eq};
use super::fixture::StoreFixture;
use super::samples::{commit, committed, frozen, session, summary, ticker};

/// More than there are in any test.
const ALL: u32 = u32::MAX;

async fn read(at: &dyn StoreFixture, underlying: &str, newest: u32) -> Result<Vec<SessionSummary>, String> {
    at.store().summaries(&ticker(underlying), newest).await.kept("reading summaries")
}

/// A scan of its own that commits a summary of TSLA.
async fn add(at: &dyn StoreFixture, slot: &str, summary: &SessionSummary) -> Result<(), String> {
    let lease = frozen(at, slot, &["TSLA"]).await?;
    committed(at, &Commit { summary: Some(summary.clone()), ..commit(&lease.scan, "TSLA") }).await
}

/// Whatever the order of the commits: of one session the summary of the latest instant is kept, of one instant the one
/// that was written last. A commit without one changes nothing, and underlyings have their own.
pub async fn a_session_has_one_summary_of_the_latest_instant(at: &dyn StoreFixture) -> Result<(), String> {
    ensure_eq!(read(at, "TSLA", ALL).await?, [], "summaries before any");
    let (first, later) = (summary(20, 0, 0.30), summary(20, 30, 0.31));
    add(at, "1000", &first).await?;
    ensure_eq!(read(at, "TSLA", ALL).await?, [first], "the first summary of a session");
    add(at, "1030", &later).await?;
    ensure_eq!(read(at, "TSLA", ALL).await?, slice::from_ref(&later), "after one of a later instant");
    add(at, "1015", &summary(20, 15, 0.32)).await?;
    ensure_eq!(read(at, "TSLA", ALL).await?, [later], "after one of an earlier instant");
    let again = summary(20, 30, 0.33);
    add(at, "1031", &again).await?;
    ensure_eq!(read(at, "TSLA", ALL).await?, slice::from_ref(&again), "after another one of the same instant");
    let lease = frozen(at, "1100", &["TSLA", "AAPL"]).await?;
    committed(at, &commit(&lease.scan, "TSLA")).await?;
    let other = summary(20, 60, 0.20);
    committed(at, &Commit { summary: Some(other.clone()), ..commit(&lease.scan, "AAPL") }).await?;
    ensure_eq!(read(at, "TSLA", ALL).await?, [again], "after a commit without one, and another underlying's");
    ensure_eq!(read(at, "AAPL", ALL).await?, [other], "another underlying's");
    Ok(())
}

/// A duplicate, a late one, and one of a scan that was made anew.
pub async fn a_commit_that_is_refused_writes_no_summary(at: &dyn StoreFixture) -> Result<(), String> {
    let lease = frozen(at, "1000", &["TSLA", "AAPL", "F"]).await?;
    let kept = summary(20, 0, 0.30);
    committed(at, &Commit { summary: Some(kept.clone()), ..commit(&lease.scan, "TSLA") }).await?;
    let with = |text: &str| Commit { summary: Some(summary(20, 30, 0.99)), ..commit(&lease.scan, text) };
    let answer = at.store().commit(&with("TSLA")).await.kept("committing")?;
    ensure_eq!(answer, CommitAnswer::Duplicate, "a second commit");
    let stale = Commit { stamp: Some(ScanStamp("no such stamp".to_owned())), ..with("F") };
    ensure_eq!(at.store().commit(&stale).await.kept("committing")?, CommitAnswer::MadeAnew, "a stale stamp");
    at.store().seal(&lease).await.kept("sealing")?;
    ensure_eq!(at.store().commit(&with("AAPL")).await.kept("committing")?, CommitAnswer::Late, "after the seal");
    ensure_eq!(read(at, "TSLA", ALL).await?, [kept], "summaries after a duplicate");
    ensure_eq!(read(at, "F", ALL).await?, [], "summaries of a scan that was made anew");
    ensure_eq!(read(at, "AAPL", ALL).await?, [], "summaries of a late commit");
    Ok(())
}

/// Sessions are read in their order, whatever the order of writing; what was answered is there for a second connection,
/// and after the scans are gone.
pub async fn summaries_are_read_oldest_first_and_outlive_their_scans(at: &dyn StoreFixture) -> Result<(), String> {
    let full = summary(18, 7, 0.2);
    let bare = SessionSummary { iv30: None, spot: None, term_slope: None, call_open_interest: None, ..full };
    let all = [summary(17, 0, 0.1), bare, summary(19, 30, 0.3), summary(20, 0, 0.4)];
    for (slot, nth) in [("1000", 2), ("1010", 0), ("1020", 3), ("1030", 1)] {
        add(at, slot, &all[nth]).await?;
    }
    ensure_eq!(read(at, "TSLA", ALL).await?, all, "all of them");
    ensure_eq!(read(at, "TSLA", 2).await?, all[2..], "the two newest");
    ensure_eq!(read(at, "TSLA", 0).await?, [], "none of them");
    let lease = frozen(at, "1040", &["TSLA"]).await?;
    let last = summary(23, 0, 0.5);
    committed(at, &Commit { summary: Some(last.clone()), ..commit(&lease.scan, "TSLA") }).await?;
    at.store().seal(&lease).await.kept("sealing")?;
    at.store().advance(&lease, ScanState::Done).await.kept("finishing")?;
    at.store().release_lease(&lease).await.kept("releasing")?;
    at.pass(at.beat()).await;
    let pruned = at.store().prune_scans(at.now(), u64::MAX).await.kept("pruning")?;
    ensure_eq!(pruned, 1, "scans pruned");
    let again = at.reopened().await?;
    let read = again.summaries(&ticker("TSLA"), ALL).await.kept("reading summaries")?;
    ensure_eq!(read[..4], all, "all of them, through a second connection after pruning");
    ensure_eq!(read[4..], [last], "that of the scan that was pruned");
    Ok(())
}

/// The oldest sessions go, also where one that is older than all comes last.
pub async fn so_many_sessions_have_a_summary_and_no_more(at: &dyn StoreFixture) -> Result<(), String> {
    let days = i64::from(SUMMARIES_KEPT) + 2;
    // No calendar is asked here: any dates will do.
    let of = |n: i64| SessionSummary { session: session(1).saturating_add(n.days()), ..summary(1, n, 0.25) };
    for n in 1..days {
        add(at, &format!("d{n}"), &of(n)).await?;
    }
    let newest = read(at, "TSLA", ALL).await?;
    ensure_eq!(newest.len(), SUMMARIES_KEPT as usize, "summaries after one more than are kept");
    ensure_eq!(newest[0], of(2), "the oldest of them");
    add(at, "d0", &of(0)).await?;
    ensure_eq!(read(at, "TSLA", ALL).await?, newest, "after one that is older than all");
    Ok(())
}
