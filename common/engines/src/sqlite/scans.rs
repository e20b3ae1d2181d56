//! Scans: creation, manifest, state, attempts, what is missing, retention. (`commit` and `settle` write the rest.)

use std::collections::BTreeSet;
use std::ops::Range;
use std::time::Duration;

use async_trait::async_trait;
use fleet_core::domain::{Manifest, RequestCounts, ScanId, ScanState, StoredOutcome, Ticker, Vendor};
use fleet_core::seams::{
    Attempt, Begun, Commit, CommitAnswer, Holder, Lease, LeaseAnswer, LeaseView, OpenedScan, PortfolioDecision,
    ScanStamp, ScanSummary, Scans, StoreError,
};
use fleet_core::wire;
use jiff::Timestamp;
use rusqlite::OptionalExtension;

use super::failure::Failure;
use super::{SqliteStore, Work, commit, lease, row, settle, trades};

#[async_trait]
impl Scans for SqliteStore {
    async fn open_scan(&self, scan: &ScanId, config_hash: &str) -> Result<OpenedScan, StoreError> {
        let (scan, config_hash) = (scan.clone(), config_hash.to_owned());
        self.write(move |work| open_scan(work, &scan, &config_hash)).await
    }

    async fn take_lease(&self, scan: &ScanId, holder: &Holder, ttl: Duration) -> Result<LeaseAnswer, StoreError> {
        let (scan, holder) = (scan.clone(), holder.clone());
        self.write(move |work| lease::take(work, &scan, &holder, ttl)).await
    }

    async fn renew_lease(&self, lease: &Lease, ttl: Duration) -> Result<(), StoreError> {
        let lease = lease.clone();
        self.write(move |work| lease::renew(work, &lease, ttl)).await
    }

    async fn release_lease(&self, lease: &Lease) -> Result<(), StoreError> {
        let lease = lease.clone();
        self.write(move |work| lease::release(work, &lease)).await
    }

    async fn lease(&self, scan: &ScanId) -> Result<Option<LeaseView>, StoreError> {
        let scan = scan.clone();
        self.read(move |work| lease::view(work, &scan)).await
    }

    async fn freeze_manifest(&self, lease: &Lease, manifest: &Manifest) -> Result<Manifest, StoreError> {
        let (lease, manifest) = (lease.clone(), manifest.clone());
        self.write(move |work| freeze(work, &lease, manifest)).await
    }

    async fn manifest(&self, scan: &ScanId) -> Result<Option<Manifest>, StoreError> {
        let scan = scan.clone();
        self.read(move |work| stored_manifest(work, &scan)).await
    }

    async fn scan_stamp(&self, scan: &ScanId) -> Result<Option<ScanStamp>, StoreError> {
        let scan = scan.clone();
        self.read(move |work| Ok(row::find_scan(work, &scan)?.map(|found| found.stamp()))).await
    }

    async fn advance(&self, lease: &Lease, to: ScanState) -> Result<(), StoreError> {
        let lease = lease.clone();
        self.write(move |work| advance(work, &lease, to)).await
    }

    async fn scan_state(&self, scan: &ScanId) -> Result<Option<ScanState>, StoreError> {
        let scan = scan.clone();
        self.read(move |work| Ok(row::find_scan(work, &scan)?.map(|found| found.state))).await
    }

    async fn begin_attempt(
        &self,
        scan: &ScanId,
        stamp: Option<&ScanStamp>,
        ticker: &Ticker,
    ) -> Result<Begun, StoreError> {
        let (scan, stamp, ticker) = (scan.clone(), stamp.cloned(), ticker.clone());
        let path = self.path().to_owned();
        self.write(move |work| {
            let attempt = count_attempt(work, &scan, stamp.as_ref(), &ticker)?;
            let live = match attempt {
                Attempt::Run(_) => trades::live(work, &ticker).map_err(|failure| failure.at(&path)),
                Attempt::Done | Attempt::Sealed | Attempt::Unknown | Attempt::MadeAnew => Ok(Vec::new()),
            };
            Ok(Begun { attempt, live })
        })
        .await
    }

    async fn attempts_counted(&self, scan: &ScanId) -> Result<u64, StoreError> {
        let scan = scan.clone();
        self.read(move |work| {
            row::scan(work, &scan)?;
            let mut statement =
                work.tx.prepare_cached("SELECT coalesce(sum(attempts), 0) FROM attempts WHERE scan = ?")?;
            row::count(statement.query_row([scan.as_str()], |row| row.get(0))?).map(u64::from)
        })
        .await
    }

    async fn forgive_attempt(
        &self,
        scan: &ScanId,
        stamp: Option<&ScanStamp>,
        ticker: &Ticker,
    ) -> Result<(), StoreError> {
        let (scan, stamp, ticker) = (scan.clone(), stamp.cloned(), ticker.clone());
        self.write(move |work| forgive_attempt(work, &scan, stamp.as_ref(), &ticker)).await
    }

    async fn commit(&self, commit: &Commit) -> Result<CommitAnswer, StoreError> {
        let commit = commit.clone();
        self.write(move |work| commit::commit(work, commit)).await
    }

    async fn missing(&self, scan: &ScanId) -> Result<Vec<Ticker>, StoreError> {
        let scan = scan.clone();
        self.read(move |work| {
            frozen_scan(work, &scan)?;
            missing(work, &scan).map(|rows| rows.into_iter().map(|(ticker, _)| ticker).collect())
        })
        .await
    }

    async fn missing_count(&self, scan: &ScanId) -> Result<u32, StoreError> {
        let scan = scan.clone();
        self.read(move |work| missing_count(work, &scan)).await
    }

    async fn outcomes(&self, scan: &ScanId, places: Range<u32>) -> Result<Vec<StoredOutcome>, StoreError> {
        let scan = scan.clone();
        self.read(move |work| outcomes(work, &scan, &places)).await
    }

    async fn seal(&self, lease: &Lease) -> Result<Vec<Ticker>, StoreError> {
        let lease = lease.clone();
        self.write(move |work| settle::seal(work, &lease)).await
    }

    async fn settle(&self, lease: &Lease, decision: &PortfolioDecision) -> Result<(), StoreError> {
        let (lease, decision) = (lease.clone(), decision.clone());
        self.write(move |work| settle::settle(work, &lease, &decision)).await
    }

    async fn note_requests(&self, lease: &Lease, requests: &RequestCounts) -> Result<(), StoreError> {
        let (lease, requests) = (lease.clone(), requests.clone());
        self.write(move |work| note_requests(work, &lease, &requests)).await
    }

    async fn scan_requests(&self, scan: &ScanId) -> Result<RequestCounts, StoreError> {
        let scan = scan.clone();
        self.read(move |work| scan_requests(work, &scan)).await
    }

    async fn list_scans(&self, limit: u32) -> Result<Vec<ScanSummary>, StoreError> {
        self.read(move |work| list(work, "ORDER BY seq DESC LIMIT ?", [limit])).await
    }

    async fn unfinished_scans(&self) -> Result<Vec<ScanSummary>, StoreError> {
        self.read(|work| list(work, "WHERE state NOT IN ('init', 'done') ORDER BY seq", [])).await
    }

    async fn prune_scans(&self, before: Timestamp, at_most: u64) -> Result<u64, StoreError> {
        self.write(move |work| prune(work, before, at_most)).await
    }
}

fn open_scan(work: &Work<'_>, scan: &ScanId, config_hash: &str) -> Result<OpenedScan, Failure> {
    if let Some(found) = row::find_scan(work, scan)? {
        return Ok(if found.config_hash == config_hash {
            OpenedScan::Existing(found.state)
        } else {
            OpenedScan::ConfigDiffers { stored: found.config_hash }
        });
    }
    work.tx
        .prepare_cached("INSERT INTO scans (scan, config_hash, state, created_us) VALUES (?, ?, ?, ?)")?
        .execute((scan.as_str(), config_hash, ScanState::Init.word(), work.now))?;
    Ok(OpenedScan::Created)
}

fn stored_manifest(work: &Work<'_>, scan: &ScanId) -> Result<Option<Manifest>, Failure> {
    let mut statement = work.tx.prepare_cached("SELECT manifest FROM scans WHERE scan = ?")?;
    let body: Option<Option<Vec<u8>>> = statement.query_row([scan.as_str()], |row| row.get(0)).optional()?;
    body.flatten().map(|body| wire::decode(&body).map_err(Failure::from)).transpose()
}

fn freeze(work: &Work<'_>, lease: &Lease, manifest: Manifest) -> Result<Manifest, Failure> {
    row::fenced_scan(work, lease)?;
    if let Some(frozen) = stored_manifest(work, &lease.scan)? {
        return Ok(frozen);
    }
    if manifest.scan != lease.scan {
        let message = format!("the manifest of {} cannot be frozen under the lease of {}", manifest.scan, lease.scan);
        return Err(StoreError::Conflict(message).into());
    }
    let mut seen = BTreeSet::new();
    if let Some(twice) = manifest.tickers.iter().find(|ticker| !seen.insert(*ticker)) {
        return Err(StoreError::Conflict(format!("the manifest of {} names {twice} twice", manifest.scan)).into());
    }
    work.tx
        .prepare_cached("UPDATE scans SET manifest = ? WHERE scan = ?")?
        .execute((wire::encode(&manifest)?, manifest.scan.as_str()))?;
    let mut insert = work.tx.prepare_cached("INSERT INTO attempts (scan, ticker, place) VALUES (?, ?, ?)")?;
    for (place, ticker) in (0_i64..).zip(&manifest.tickers) {
        insert.execute((manifest.scan.as_str(), ticker.as_str(), place))?;
    }
    row::set_state(work, &manifest.scan, ScanState::Publishing)?;
    Ok(manifest)
}

/// Freezing and sealing have methods of their own, which this one does not get around.
fn advance(work: &Work<'_>, lease: &Lease, to: ScanState) -> Result<(), Failure> {
    let found = row::fenced_scan(work, lease)?;
    if to <= found.state {
        return Ok(());
    }
    let conflict = |what: &str| Err(StoreError::Conflict(format!("scan {} {what}", lease.scan)).into());
    if !found.frozen {
        return conflict("has no manifest yet; freeze it first");
    }
    if to >= ScanState::Sealed && found.state < ScanState::Sealed {
        return conflict("is not sealed yet; seal it first");
    }
    row::set_state(work, &lease.scan, to)
}

fn count_attempt(
    work: &Work<'_>,
    scan: &ScanId,
    stamp: Option<&ScanStamp>,
    ticker: &Ticker,
) -> Result<Attempt, Failure> {
    let Some(found) = row::find_scan(work, scan)? else { return Ok(Attempt::Unknown) };
    if stamp.is_some_and(|stamp| *stamp != found.stamp()) {
        return Ok(Attempt::MadeAnew);
    }
    if found.state >= ScanState::Sealed {
        return Ok(if planned(work, scan, ticker)? { Attempt::Sealed } else { Attempt::Unknown });
    }
    if has_outcome(work, scan, ticker)? {
        return Ok(Attempt::Done);
    }
    let counted: Option<i64> = work
        .tx
        .prepare_cached("UPDATE attempts SET attempts = attempts + 1 WHERE scan = ? AND ticker = ? RETURNING attempts")?
        .query_row((scan.as_str(), ticker.as_str()), |row| row.get(0))
        .optional()?;
    counted.map_or(Ok(Attempt::Unknown), |n| row::count(n).map(Attempt::Run))
}

/// Sealed or accounted for, the number is what it was.
fn forgive_attempt(work: &Work<'_>, scan: &ScanId, stamp: Option<&ScanStamp>, ticker: &Ticker) -> Result<(), Failure> {
    let Some(found) = row::find_scan(work, scan)? else { return Ok(()) };
    let is_it = stamp.is_none_or(|stamp| *stamp == found.stamp());
    if is_it && found.state < ScanState::Sealed && !has_outcome(work, scan, ticker)? {
        work.tx
            .prepare_cached(
                "UPDATE attempts SET attempts = attempts - 1 WHERE scan = ? AND ticker = ? AND attempts > 0",
            )?
            .execute((scan.as_str(), ticker.as_str()))?;
    }
    Ok(())
}

/// Whether the frozen manifest names this ticker.
pub(super) fn planned(work: &Work<'_>, scan: &ScanId, ticker: &Ticker) -> Result<bool, Failure> {
    let mut statement = work.tx.prepare_cached("SELECT 1 FROM attempts WHERE scan = ? AND ticker = ?")?;
    Ok(statement.exists((scan.as_str(), ticker.as_str()))?)
}

fn has_outcome(work: &Work<'_>, scan: &ScanId, ticker: &Ticker) -> Result<bool, Failure> {
    let mut statement = work.tx.prepare_cached("SELECT 1 FROM outcomes WHERE scan = ? AND ticker = ?")?;
    Ok(statement.exists((scan.as_str(), ticker.as_str()))?)
}

/// "Nothing is missing" must not be the answer where nothing was planned yet.
fn frozen_scan(work: &Work<'_>, scan: &ScanId) -> Result<(), Failure> {
    if row::scan(work, scan)?.frozen {
        Ok(())
    } else {
        Err(StoreError::NotFound(format!("frozen manifest of scan {scan}")).into())
    }
}

/// Tickers without an outcome and their attempts so far, in the manifest's order.
pub(super) fn missing(work: &Work<'_>, scan: &ScanId) -> Result<Vec<(Ticker, u32)>, Failure> {
    let mut statement = work.tx.prepare_cached(
        "SELECT ticker, attempts FROM attempts AS a
         WHERE scan = ?1 AND NOT EXISTS (SELECT 1 FROM outcomes AS o WHERE o.scan = ?1 AND o.ticker = a.ticker)
         ORDER BY place",
    )?;
    let rows = statement.query_map([scan.as_str()], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)))?;
    rows.map(|row| {
        let (ticker, attempts) = row?;
        Ok((row::ticker(&ticker)?, row::count(attempts)?))
    })
    .collect()
}

fn missing_count(work: &Work<'_>, scan: &ScanId) -> Result<u32, Failure> {
    frozen_scan(work, scan)?;
    let mut statement = work.tx.prepare_cached(
        "SELECT (SELECT count(*) FROM attempts WHERE scan = ?1) - (SELECT count(*) FROM outcomes WHERE scan = ?1)",
    )?;
    row::count(statement.query_row([scan.as_str()], |row| row.get(0))?)
}

fn outcomes(work: &Work<'_>, scan: &ScanId, places: &Range<u32>) -> Result<Vec<StoredOutcome>, Failure> {
    row::scan(work, scan)?;
    let mut statement = work.tx.prepare_cached(
        "SELECT o.body FROM outcomes AS o JOIN attempts AS a ON a.scan = o.scan AND a.ticker = o.ticker
         WHERE o.scan = ? AND a.place >= ? AND a.place < ? ORDER BY a.place",
    )?;
    let rows = statement.query_map((scan.as_str(), places.start, places.end), |row| row.get::<_, Vec<u8>>(0))?;
    rows.map(|body| Ok(wire::decode(&body?)?)).collect()
}

fn note_requests(work: &Work<'_>, lease: &Lease, requests: &RequestCounts) -> Result<(), Failure> {
    row::fenced_scan(work, lease)?;
    for (vendor, count) in &requests.vendors {
        work.tx
            .prepare_cached(
                "INSERT INTO requests (scan, vendor, requests) VALUES (?1, ?2, ?3)
                 ON CONFLICT (scan, vendor) DO UPDATE SET requests = requests + ?3",
            )?
            .execute((lease.scan.as_str(), vendor.word(), count))?;
    }
    Ok(())
}

fn scan_requests(work: &Work<'_>, scan: &ScanId) -> Result<RequestCounts, Failure> {
    row::scan(work, scan)?;
    let mut statement = work.tx.prepare_cached("SELECT vendor, requests FROM requests WHERE scan = ?")?;
    let rows = statement.query_map([scan.as_str()], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)))?;
    let mut requests = RequestCounts::default();
    for row in rows {
        let (word, count) = row?;
        let vendor = Vendor::ALL.into_iter().find(|vendor| vendor.word() == word);
        requests.add(vendor.ok_or(Failure::BadValue("vendor", word))?, row::count(count)?);
    }
    Ok(requests)
}

/// `which`: the rest of the question, with its parameters.
fn list(work: &Work<'_>, which: &str, parameters: impl rusqlite::Params) -> Result<Vec<ScanSummary>, Failure> {
    let mut statement = work.tx.prepare_cached(&format!(
        "SELECT scan, state, created_us,
                (SELECT count(*) FROM attempts AS a WHERE a.scan = s.scan),
                (SELECT count(*) FROM outcomes AS o WHERE o.scan = s.scan)
         FROM scans AS s {which}"
    ))?;
    let rows = statement.query_map(parameters, |row| {
        Ok((
            row.get::<_, String>(0)?,
            row.get::<_, String>(1)?,
            row.get::<_, i64>(2)?,
            row.get::<_, i64>(3)?,
            row.get::<_, i64>(4)?,
        ))
    })?;
    rows.map(|row| {
        let (scan, state, created_us, tickers, outcomes) = row?;
        Ok(ScanSummary {
            scan: row::scan_id(&scan)?,
            state: row::scan_state(&state)?,
            created_at: row::instant(created_us)?,
            tickers: row::count(tickers)?,
            outcomes: row::count(outcomes)?,
        })
    })
    .collect()
}

/// A scan that stands between INIT and DONE can be resumed, however old it is; one in INIT has nothing to lose.
fn prune(work: &Work<'_>, before: Timestamp, at_most: u64) -> Result<u64, Failure> {
    let mut old = work.tx.prepare_cached(
        "SELECT scan FROM scans
         WHERE created_us < ? AND (holder IS NULL OR lease_until_us <= ?)
           AND (state = 'done' OR (state = 'init' AND manifest IS NULL))
         ORDER BY seq LIMIT ?",
    )?;
    let scans: Vec<String> = old
        .query_map((before.as_microsecond(), work.now, i64::try_from(at_most).unwrap_or(i64::MAX)), |row| row.get(0))?
        .collect::<Result<_, rusqlite::Error>>()?;
    for scan in &scans {
        settle::withdraw(work, &row::scan_id(scan)?)?;
        for table in ["outcomes", "attempts", "explanations", "requests", "scans"] {
            work.tx.prepare_cached(&format!("DELETE FROM {table} WHERE scan = ?"))?.execute([scan])?;
        }
    }
    // Of every scan that is gone by now: a notice may have been sent after its scan was pruned.
    work.tx
        .prepare_cached(
            "DELETE FROM outbox
             WHERE sent = 1 AND NOT EXISTS (SELECT 1 FROM scans WHERE scans.scan = outbox.scan)",
        )?
        .execute([])?;
    Ok(scans.len() as u64)
}
