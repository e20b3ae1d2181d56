//! Promises about the roster of workers.

use fleet_core::domain::WorkerReport;

use super::super::{Kept, ensure, ensure_eq};
use super::fixture::StoreFixture;
use super::samples::minute;

fn report(name: &str, committed: u64) -> WorkerReport {
    WorkerReport {
        name: name.to_owned(),
        version: "0.1.0".to_owned(),
        slots: 8,
        busy: 3,
        committed,
        draining: false,
        started_at: minute(0),
    }
}

/// Its newest report is shown until it leaves, or says nothing for as long as it said.
pub async fn a_worker_is_there_until_it_leaves_or_falls_silent(at: &dyn StoreFixture) -> Result<(), String> {
    let (store, lasts) = (at.store(), at.beat() * 20);
    let check_in = async |report| store.check_in(&report, lasts).await.kept("checking in");
    let workers = async || store.workers().await.kept("asking who is there");
    ensure_eq!(workers().await?, Vec::new(), "workers before any checked in");
    check_in(report("b:2", 0)).await?;
    check_in(report("a:1", 0)).await?;
    at.pass(at.beat() * 10).await;
    let newer = WorkerReport { busy: 0, draining: true, ..report("b:2", 7) };
    check_in(newer.clone()).await?;
    let seen = workers().await?;
    let reports: Vec<&WorkerReport> = seen.iter().map(|worker| &worker.report).collect();
    ensure_eq!(reports, [&report("a:1", 0), &newer], "workers, by name, as they said last");
    let (a, b) = (seen[0].seen_ago, seen[1].seen_ago);
    ensure!(a >= at.beat() * 10 && a < at.beat() * 15, "seen {:?} ago, shown as {a:?}", at.beat() * 10);
    ensure!(b < at.beat() * 5, "seen just now, shown as {b:?}");
    at.pass(at.beat() * 11).await;
    let names = async || Ok::<_, String>(workers().await?.into_iter().map(|w| w.report.name).collect::<Vec<_>>());
    ensure_eq!(names().await?, ["b:2"], "workers after one fell silent");
    store.check_out("b:2").await.kept("checking out")?;
    store.check_out("b:2").await.kept("checking out again")?;
    ensure_eq!(names().await?, Vec::<String>::new(), "workers after one left");
    Ok(())
}
