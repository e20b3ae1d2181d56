//! Promises about the commit of one ticker: atomic, durable, and the first writer wins.

use fleet_core::domain::{NoticeKind, Outcome, RequestCounts, TradeState, Vendor};
use fleet_core::seams::{Commit, CommitAnswer, PortfolioDecision, StoreError};

use super::super::{Kept, ensure, ensure_eq};
use super::fixture::StoreFixture;
use super::samples::{
    EVERY_PLACE, commit, committed, failure, filled, frozen, mark, notice, one_scan, proposed, scan_id, stored, taken,
    ticker, told, trade,
};

/// The second commit of a ticker changes nothing, whatever it says.
pub async fn the_first_commit_wins(at: &dyn StoreFixture) -> Result<(), String> {
    let lease = frozen(at, "1000", &["TSLA"]).await?;
    let first = commit(&lease.scan, "TSLA");
    committed(at, &first).await?;
    let late = trade(&lease.scan, "TSLA270319C00450000", 20, 0);
    let mut second = Commit { outcome: failure("timeout"), worker: "worker-2".to_owned(), ..first.clone() };
    second.trades.push(late.clone());
    second.explanations = b"second".to_vec();
    let answer = at.store().commit(&second).await.kept("committing")?;
    ensure_eq!(answer, CommitAnswer::Duplicate, "the second commit");
    let outcomes = at.store().outcomes(&lease.scan, EVERY_PLACE).await.kept("reading outcomes")?;
    ensure_eq!(outcomes.len(), 1, "outcomes after two commits");
    ensure_eq!(outcomes[0].outcome, first.outcome, "the outcome after two commits");
    ensure!(at.store().trade(&late.id).await.kept("reading")?.is_none(), "a refused commit added its trade");
    let why = at.store().explanation(&ticker("TSLA")).await.kept("reading an explanation")?;
    ensure_eq!(why, None, "the explanation of a refused commit");
    Ok(())
}

/// Of eight at once exactly one is written, and it is the one that was told so; from two connections.
pub async fn only_one_of_many_commits_wins(at: &dyn StoreFixture) -> Result<(), String> {
    let lease = frozen(at, "1000", &["TSLA"]).await?;
    let other = at.reopened().await?;
    let (here, there) = (at.store(), other.as_ref());
    let of = |n: u32| Commit { worker: format!("worker-{n}"), attempt: n, ..commit(&lease.scan, "TSLA") };
    let commits: Vec<Commit> = (1..=8).map(of).collect();
    let (a, b, c, d, e, f, g, h) = tokio::join!(
        here.commit(&commits[0]),
        there.commit(&commits[1]),
        here.commit(&commits[2]),
        there.commit(&commits[3]),
        here.commit(&commits[4]),
        there.commit(&commits[5]),
        here.commit(&commits[6]),
        there.commit(&commits[7])
    );
    let mut winners = Vec::new();
    for (n, answer) in (1..).zip([a, b, c, d, e, f, g, h]) {
        match answer.kept("committing")? {
            CommitAnswer::Committed => winners.push(n),
            CommitAnswer::Duplicate => {}
            CommitAnswer::Late => return Err("a commit before the seal was late".to_owned()),
            CommitAnswer::MadeAnew => return Err("a commit without a stamp was refused for it".to_owned()),
        }
    }
    ensure_eq!(winners.len(), 1, "commits of eight that were told they won");
    let outcomes = at.store().outcomes(&lease.scan, EVERY_PLACE).await.kept("reading outcomes")?;
    let attempts: Vec<u32> = outcomes.iter().map(|stored| stored.attempt).collect();
    ensure_eq!(attempts, winners, "the attempt that is stored");
    Ok(())
}

/// Outcome, trades, transitions with notices, marks and explanations are written together. (That nothing is half
/// written is shown by killing the process, in each engine's own tests.)
pub async fn a_commit_writes_everything_it_brings(at: &dyn StoreFixture) -> Result<(), String> {
    let old = trade(&scan_id("0930"), "TSLA270319C00450000", 19, -600);
    taken(at, "0930", |_, commit| commit.trades.push(old.clone())).await?;
    let new = trade(&scan_id("1000"), "TSLA270319C00460000", 20, 0);
    let lease = one_scan(at, "1000", |_, commit| {
        commit.trades.push(new.clone());
        commit.transitions.push(filled(&old, 0));
        commit.marks.push((old.id.clone(), mark(0, 2.30)));
        commit.explanations = b"why".to_vec();
    })
    .await?;
    ensure_eq!(stored(at, &new.id).await?, proposed(&new), "the new trade");
    let (changed, marks) = at.store().trade(&old.id).await.kept("reading")?.ok_or("the old trade is gone")?;
    ensure_eq!(changed.state, TradeState::Open, "the old trade's state");
    ensure_eq!(changed.last_mark, Some(mark(0, 2.30)), "the old trade's latest mark");
    ensure_eq!(marks, [mark(0, 2.30)], "the old trade's marks");
    ensure_eq!(told(at).await?, [notice(&old, NoticeKind::Filled, 0).key()], "the outbox");
    let why = at.store().explanation(&ticker("TSLA")).await.kept("reading an explanation")?;
    ensure_eq!(why, Some((lease.scan.clone(), b"why".to_vec())), "the explanation");
    ensure_eq!(at.store().outcomes(&lease.scan, EVERY_PLACE).await.kept("reading outcomes")?.len(), 1, "outcomes");
    Ok(())
}

/// A scan or ticker nobody planned has no outcome.
pub async fn a_commit_for_what_was_not_planned_is_refused(at: &dyn StoreFixture) -> Result<(), String> {
    let lease = frozen(at, "1000", &["TSLA"]).await?;
    for wrong in [commit(&lease.scan, "AAPL"), commit(&scan_id("0900"), "TSLA")] {
        let answer = at.store().commit(&wrong).await;
        ensure!(matches!(answer, Err(StoreError::NotFound(_))), "an unplanned commit was answered with {answer:?}");
    }
    ensure_eq!(at.store().outcomes(&lease.scan, EVERY_PLACE).await.kept("reading outcomes")?.len(), 0, "outcomes");
    Ok(())
}

/// After the seal nothing is written, also for a ticker that was accounted for.
pub async fn a_commit_after_the_seal_is_late(at: &dyn StoreFixture) -> Result<(), String> {
    let lease = frozen(at, "1000", &["TSLA", "AAPL"]).await?;
    committed(at, &commit(&lease.scan, "AAPL")).await?;
    at.store().seal(&lease).await.kept("sealing")?;
    let mut late = commit(&lease.scan, "TSLA");
    late.trades.push(trade(&lease.scan, "TSLA270319C00450000", 20, 0));
    late.explanations = b"late".to_vec();
    for commit in [&late, &commit(&lease.scan, "AAPL")] {
        let answer = at.store().commit(commit).await.kept("committing")?;
        ensure_eq!(answer, CommitAnswer::Late, "a commit of {} after the seal", commit.ticker);
    }
    let outcomes = at.store().outcomes(&lease.scan, EVERY_PLACE).await.kept("reading outcomes")?;
    ensure_eq!(outcomes[0].outcome, Outcome::Sealed, "the outcome of a late ticker");
    ensure!(at.store().trade(&late.trades[0].id).await.kept("reading")?.is_none(), "a late commit added its trade");
    let why = at.store().explanation(&ticker("TSLA")).await.kept("reading an explanation")?;
    ensure_eq!(why, None, "the explanation of a late commit");
    Ok(())
}

/// Whoever comes later finds what was answered: manifest, attempts, outcomes, trades, notices, lease.
pub async fn what_was_answered_is_there_after_reopening(at: &dyn StoreFixture) -> Result<(), String> {
    let record = trade(&scan_id("1000"), "TSLA270319C00450000", 20, 0);
    let lease = one_scan(at, "1000", |_, commit| commit.trades.push(record.clone())).await?;
    at.store().seal(&lease).await.kept("sealing")?;
    let buy = notice(&record, NoticeKind::Buy, 0);
    let asked = RequestCounts::of([(Vendor::Finviz, 5)]);
    at.store().note_requests(&lease, &asked).await.kept("noting requests")?;
    let (taken, capped) = (vec![record.id.clone()], Vec::new());
    let decision = PortfolioDecision { taken, capped, notices: vec![buy.clone()], basis: 0 };
    at.store().settle(&lease, &decision).await.kept("settling")?;
    let again = at.reopened().await?;
    let (before, after) = (at.store(), again.as_ref());
    let scan = &lease.scan;
    ensure_eq!(after.manifest(scan).await.kept("m")?, before.manifest(scan).await.kept("m")?, "the manifest");
    ensure_eq!(
        after.outcomes(scan, EVERY_PLACE).await.kept("o")?,
        before.outcomes(scan, EVERY_PLACE).await.kept("o")?,
        "the outcomes"
    );
    ensure_eq!(after.scan_state(scan).await.kept("s")?, before.scan_state(scan).await.kept("s")?, "the state");
    ensure_eq!(after.trade(&record.id).await.kept("t")?, Some((record, Vec::new())), "the trade");
    ensure_eq!(after.scan_requests(scan).await.kept("r")?, asked, "the coordinator's requests");
    ensure_eq!(after.notices().await.kept("n")?, [(buy, false)], "the outbox");
    after.renew_lease(&lease, at.beat()).await.kept("renewing a lease after reopening")
}

/// One blob a ticker: of the scan that was created last, not of the one that committed last.
pub async fn the_newest_scans_explanation_is_kept(at: &dyn StoreFixture) -> Result<(), String> {
    let read = async || at.store().explanation(&ticker("TSLA")).await.kept("reading an explanation");
    ensure_eq!(read().await?, None, "an explanation before any commit");
    let slow = frozen(at, "0930", &["TSLA"]).await?;
    at.pass(at.beat()).await;
    let quick = one_scan(at, "1000", |_, commit| commit.explanations = b"newer".to_vec()).await?;
    let mut resumed = commit(&slow.scan, "TSLA");
    resumed.explanations = b"older".to_vec();
    committed(at, &resumed).await?;
    ensure_eq!(read().await?, Some((quick.scan.clone(), b"newer".to_vec())), "after an older scan's commit");
    one_scan(at, "1030", |_, commit| commit.outcome = failure("timeout")).await?;
    ensure_eq!(read().await?, Some((quick.scan, b"newer".to_vec())), "after a commit without one");
    let newest = one_scan(at, "1100", |_, commit| commit.explanations = b"newest".to_vec()).await?;
    ensure_eq!(read().await?, Some((newest.scan, b"newest".to_vec())), "after a newer scan's commit");
    Ok(())
}

/// A scan that was pruned and made again under its old id is another one: what was computed under the manifest of the
/// first is not written into the second, also not for a ticker that the second does not have.
pub async fn a_commit_of_a_scan_that_was_made_anew_is_refused(at: &dyn StoreFixture) -> Result<(), String> {
    let scan = scan_id("1000");
    let stamp = async || at.store().scan_stamp(&scan).await.kept("reading a scan's stamp");
    ensure_eq!(stamp().await?, None, "the stamp of no scan");
    at.store().open_scan(&scan, "c0ffee").await.kept("opening a scan")?;
    let first = stamp().await?;
    ensure!(first.is_some(), "a scan has no stamp");
    at.pass(at.beat()).await;
    ensure_eq!(at.store().prune_scans(at.now(), u64::MAX).await.kept("pruning")?, 1, "scans pruned");
    frozen(at, "1000", &["TSLA"]).await?;
    let second = stamp().await?;
    ensure!(second.is_some() && second != first, "the stamp of a scan that was made anew is {second:?}, as before");
    for ticker in ["TSLA", "MSFT"] {
        let stale = Commit { stamp: first.clone(), ..commit(&scan, ticker) };
        let answer = at.store().commit(&stale).await.kept("committing")?;
        ensure_eq!(answer, CommitAnswer::MadeAnew, "a commit of {ticker} under the first manifest");
    }
    ensure_eq!(at.store().missing_count(&scan).await.kept("counting")?, 1, "tickers missing after refusals");
    let other = at.reopened().await?;
    let found = other.scan_stamp(&scan).await.kept("reading a scan's stamp")?;
    ensure_eq!(found, second, "the stamp of a frozen scan, asked by another process");
    committed(at, &Commit { stamp: second, ..commit(&scan, "TSLA") }).await
}
