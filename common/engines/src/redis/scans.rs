//! Scans: creation, manifest, state, attempts, what is missing, retention. (`commit` and `settle` write the rest.)

use std::collections::BTreeSet;
use std::ops::Range;
use std::time::Duration;

use async_trait::async_trait;
use fleet_core::domain::{Manifest, Outcome, RequestCounts, ScanId, ScanState, StoredOutcome, Ticker, Vendor};
use fleet_core::seams::{
    Attempt, Begun, Commit, CommitAnswer, Holder, Lease, LeaseAnswer, LeaseView, OpenedScan, PortfolioDecision,
    ScanStamp, ScanSummary, Scans, StoreError,
};
use jiff::Timestamp;

use super::call::Again;
use super::reply::{Reply, Row};
use super::{RedisStore, commit, lease, scripts, settle, trades};

/// Places read at once: outcomes of a few KB each, so that a page is a millisecond of the server's time.
const PLACES_A_PAGE: u32 = 100;
/// Scans listed, and looked at for pruning, at once.
const SCANS_A_PAGE: u32 = 200;
/// Sent notices looked at for pruning at once.
const NOTICES_A_PAGE: u32 = 500;

#[async_trait]
impl Scans for RedisStore {
    async fn open_scan(&self, scan: &ScanId, config_hash: &str) -> Result<OpenedScan, StoreError> {
        let answer = self.call(&scripts::OPEN_SCAN).scan(scan).text(config_hash).send(Again::Unsafe).await?;
        match answer.word() {
            "created" => Ok(OpenedScan::Created),
            "existing" => Ok(OpenedScan::Existing(state(&mut answer.rest())?)),
            "differs" => Ok(OpenedScan::ConfigDiffers { stored: answer.rest().text()? }),
            _ => Err(answer.surprise()),
        }
    }

    async fn take_lease(&self, scan: &ScanId, holder: &Holder, ttl: Duration) -> Result<LeaseAnswer, StoreError> {
        lease::take(self, scan, holder, ttl).await
    }

    async fn renew_lease(&self, lease: &Lease, ttl: Duration) -> Result<(), StoreError> {
        lease::renew(self, lease, ttl).await
    }

    async fn release_lease(&self, lease: &Lease) -> Result<(), StoreError> {
        lease::release(self, lease).await
    }

    async fn lease(&self, scan: &ScanId) -> Result<Option<LeaseView>, StoreError> {
        lease::view(self, scan).await
    }

    async fn freeze_manifest(&self, lease: &Lease, manifest: &Manifest) -> Result<Manifest, StoreError> {
        freeze(self, lease, manifest).await
    }

    async fn manifest(&self, scan: &ScanId) -> Result<Option<Manifest>, StoreError> {
        match ask(self, scan, "manifest").await {
            Ok(answer) => answer.ok()?.body(),
            Err(StoreError::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn scan_stamp(&self, scan: &ScanId) -> Result<Option<ScanStamp>, StoreError> {
        match ask(self, scan, "stamp").await {
            Ok(answer) => Ok(Some(ScanStamp(answer.ok()?.text()?))),
            Err(StoreError::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn advance(&self, lease: &Lease, to: ScanState) -> Result<(), StoreError> {
        let call = self.call(&scripts::ADVANCE).lease(lease).text(to.word());
        let answer = call.send(Again::Safe).await?.of_lease(lease)?;
        let conflict = |what: &str| Err(StoreError::Conflict(format!("scan {} {what}", lease.scan)));
        match answer.word() {
            "no manifest" => conflict("has no manifest yet; freeze it first"),
            "not sealed" => conflict("is not sealed yet; seal it first"),
            _ => answer.ok().map(drop),
        }
    }

    async fn scan_state(&self, scan: &ScanId) -> Result<Option<ScanState>, StoreError> {
        match ask(self, scan, "state").await {
            Ok(answer) => state(&mut answer.ok()?).map(Some),
            Err(StoreError::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn begin_attempt(
        &self,
        scan: &ScanId,
        stamp: Option<&ScanStamp>,
        ticker: &Ticker,
    ) -> Result<Begun, StoreError> {
        let call = self.call(&scripts::BEGIN).scan(scan).text(text_of(stamp)).text(ticker.as_str());
        let answer = call.int(trades::TRADES_A_PAGE).send(Again::Unsafe).await?;
        let attempt = match answer.word() {
            "run" => {
                let mut rest = answer.rest();
                let attempt = Attempt::Run(rest.count()?);
                return Ok(Begun { attempt, live: trades::live(self, ticker, rest).await });
            }
            "done" => Attempt::Done,
            "sealed" => Attempt::Sealed,
            "unknown" => Attempt::Unknown,
            "made anew" => Attempt::MadeAnew,
            _ => return Err(answer.surprise()),
        };
        Ok(Begun { attempt, live: Ok(Vec::new()) })
    }

    async fn attempts_counted(&self, scan: &ScanId) -> Result<u64, StoreError> {
        ask(self, scan, "counted").await?.ok()?.count().map(u64::from)
    }

    async fn forgive_attempt(
        &self,
        scan: &ScanId,
        stamp: Option<&ScanStamp>,
        ticker: &Ticker,
    ) -> Result<(), StoreError> {
        let call = self.call(&scripts::FORGIVE).scan(scan).text(text_of(stamp)).text(ticker.as_str());
        call.send(Again::Unsafe).await.map(drop)
    }

    async fn commit(&self, commit: &Commit) -> Result<CommitAnswer, StoreError> {
        commit::commit(self, commit).await
    }

    async fn missing(&self, scan: &ScanId) -> Result<Vec<Ticker>, StoreError> {
        tickers(&mut planned(ask(self, scan, "missing").await?, scan)?)
    }

    async fn missing_count(&self, scan: &ScanId) -> Result<u32, StoreError> {
        planned(ask(self, scan, "missing count").await?, scan)?.count()
    }

    async fn outcomes(&self, scan: &ScanId, places: Range<u32>) -> Result<Vec<StoredOutcome>, StoreError> {
        let mut outcomes = Vec::new();
        let mut first = places.start;
        // Asked once at least: an unknown scan is said so, whatever its places. Ends with the first page that is not full.
        loop {
            let end = first.saturating_add(PLACES_A_PAGE).min(places.end).max(first);
            let read = outcomes_page(self, scan, first..end, &mut outcomes).await?;
            if read < PLACES_A_PAGE || end >= places.end {
                return Ok(outcomes);
            }
            first = end;
        }
    }

    async fn seal(&self, lease: &Lease) -> Result<Vec<Ticker>, StoreError> {
        settle::seal(self, lease).await
    }

    async fn settle(&self, lease: &Lease, decision: &PortfolioDecision) -> Result<(), StoreError> {
        settle::settle(self, lease, decision).await
    }

    async fn note_requests(&self, lease: &Lease, requests: &RequestCounts) -> Result<(), StoreError> {
        let mut call = self.call(&scripts::NOTE_REQUESTS).lease(lease).count(requests.vendors.len());
        for (vendor, count) in &requests.vendors {
            call = call.text(vendor.word()).int(*count);
        }
        call.send(Again::Unsafe).await?.of_lease(lease)?.ok().map(drop)
    }

    async fn scan_requests(&self, scan: &ScanId) -> Result<RequestCounts, StoreError> {
        let mut row = ask(self, scan, "requests").await?.ok()?.row()?;
        let mut requests = RequestCounts::default();
        while !row.is_over() {
            let word = row.text()?;
            let vendor = Vendor::ALL.into_iter().find(|vendor| vendor.word() == word);
            requests.add(vendor.ok_or_else(|| row.damaged("vendor", &word))?, row.count()?);
        }
        Ok(requests)
    }

    async fn list_scans(&self, limit: u32) -> Result<Vec<ScanSummary>, StoreError> {
        list(self, limit).await
    }

    async fn unfinished_scans(&self) -> Result<Vec<ScanSummary>, StoreError> {
        unfinished(self).await
    }

    async fn prune_scans(&self, before: Timestamp, at_most: u64) -> Result<u64, StoreError> {
        prune(self, before, at_most).await
    }
}

/// As the scripts take a stamp; any will do where there is none.
fn text_of(stamp: Option<&ScanStamp>) -> &str {
    stamp.map_or("", |stamp| &stamp.0)
}

/// Something of a scan that is there.
async fn ask(store: &RedisStore, scan: &ScanId, what: &str) -> Result<Reply, StoreError> {
    store.call(&scripts::SCAN).text(what).scan(scan).send(Again::Safe).await?.of_scan(scan)
}

/// The answer about a scan with a manifest.
fn planned(answer: Reply, scan: &ScanId) -> Result<Row, StoreError> {
    match answer.word() {
        "no manifest" => Err(StoreError::NotFound(format!("frozen manifest of scan {scan}"))),
        _ => answer.ok(),
    }
}

/// The list of tickers that comes next.
pub(super) fn tickers(row: &mut Row) -> Result<Vec<Ticker>, StoreError> {
    let mut row = row.row()?;
    let mut tickers = Vec::new();
    while !row.is_over() {
        tickers.push(row.parsed("ticker", Ticker::parse)?);
    }
    Ok(tickers)
}

fn state(row: &mut Row) -> Result<ScanState, StoreError> {
    const ALL: [ScanState; 6] = [
        ScanState::Init,
        ScanState::Publishing,
        ScanState::Running,
        ScanState::Sealed,
        ScanState::Alerting,
        ScanState::Done,
    ];
    row.parsed("scan state", |word| ALL.into_iter().find(|state| state.word() == word).ok_or(()))
}

/// What is wrong with a manifest matters only to the holder of a scan that has none.
async fn freeze(store: &RedisStore, lease: &Lease, manifest: &Manifest) -> Result<Manifest, StoreError> {
    let mut call = store.call(&scripts::FREEZE).lease(lease);
    let wrong = wrong_manifest(lease, manifest);
    match &wrong {
        Some(_) => call = call.text(""),
        None => {
            call = call.body(manifest)?;
            for ticker in &manifest.tickers {
                call = call.text(ticker.as_str());
            }
        }
    }
    let answer = call.send(Again::Safe).await?.of_lease(lease)?;
    match (answer.word(), wrong) {
        ("frozen", _) => answer.rest().whole(),
        ("written", None) => Ok(manifest.clone()),
        ("free", Some(why)) => Err(StoreError::Conflict(why)),
        _ => Err(answer.surprise()),
    }
}

fn wrong_manifest(lease: &Lease, manifest: &Manifest) -> Option<String> {
    if manifest.scan != lease.scan {
        return Some(format!("the manifest of {} cannot be frozen under the lease of {}", manifest.scan, lease.scan));
    }
    let mut seen = BTreeSet::new();
    let twice = manifest.tickers.iter().find(|ticker| !seen.insert(*ticker));
    twice.map(|twice| format!("the manifest of {} names {twice} twice", manifest.scan))
}

/// Adds the outcomes of some places; how many places there are among them.
async fn outcomes_page(
    store: &RedisStore,
    scan: &ScanId,
    places: Range<u32>,
    outcomes: &mut Vec<StoredOutcome>,
) -> Result<u32, StoreError> {
    // The last place is included; the place before the first is none at all.
    let (first, last) = (i64::from(places.start), i64::from(places.end) - 1);
    let (first, last) = if last < first { (1, 0) } else { (first, last) };
    let call = store.call(&scripts::OUTCOMES).scan(scan).int(first).int(last);
    let mut page = call.send(Again::Safe).await?.of_scan(scan)?.ok()?;
    let read = page.count()?;
    let sealed_by = page.optional_text()?;
    for mut row in page.rows()? {
        let ticker = row.parsed("ticker", Ticker::parse)?;
        outcomes.push(match row.body()? {
            Some(stored) => stored,
            None => StoredOutcome {
                scan: scan.clone(),
                ticker,
                outcome: Outcome::Sealed,
                worker: sealed_by.clone().ok_or_else(|| row.damaged("holder that sealed", "nothing"))?,
                attempt: row.optional_int()?.and_then(|n| u32::try_from(n).ok()).unwrap_or(0),
            },
        });
    }
    Ok(read)
}

async fn list(store: &RedisStore, limit: u32) -> Result<Vec<ScanSummary>, StoreError> {
    let mut scans: Vec<ScanSummary> = Vec::new();
    let mut older_than = "+inf".to_owned();
    loop {
        let wanted = limit.saturating_sub(scans.len() as u32).min(SCANS_A_PAGE);
        if wanted == 0 {
            return Ok(scans);
        }
        let call = store.call(&scripts::LIST_SCANS).text("").text(&older_than).int(wanted);
        match summaries(call.send(Again::Safe).await?, &mut scans)? {
            Some(seq) => older_than = seq,
            None => return Ok(scans),
        }
    }
}

async fn unfinished(store: &RedisStore) -> Result<Vec<ScanSummary>, StoreError> {
    let mut scans: Vec<ScanSummary> = Vec::new();
    let mut older_than = "+inf".to_owned();
    // Each round goes on with older scans.
    loop {
        let call = store.call(&scripts::LIST_SCANS).text("unfinished").text(&older_than).int(SCANS_A_PAGE);
        match summaries(call.send(Again::Safe).await?, &mut scans)? {
            Some(seq) => older_than = seq,
            None => break,
        }
    }
    scans.reverse();
    Ok(scans)
}

/// Adds a page of scans; the seq to go on before, unless all were looked at.
fn summaries(answer: Reply, scans: &mut Vec<ScanSummary>) -> Result<Option<String>, StoreError> {
    let mut page = answer.ok()?;
    let seq = page.optional_text()?;
    for mut row in page.rows()? {
        scans.push(ScanSummary {
            scan: row.parsed("scan id", ScanId::parse)?,
            state: state(&mut row)?,
            created_at: row.parsed("instant", instant)?,
            tickers: row.count()?,
            outcomes: row.count()?,
        });
    }
    Ok(seq)
}

fn instant(text: &str) -> Result<Timestamp, ()> {
    text.parse().ok().and_then(|micros| Timestamp::from_microsecond(micros).ok()).ok_or(())
}

/// Scan by scan, each at once; then the notices of all that are gone. A scan that stands between INIT and DONE can be
/// resumed, however old it is; one in INIT has nothing to lose.
async fn prune(store: &RedisStore, before: Timestamp, at_most: u64) -> Result<u64, StoreError> {
    let mut pruned = 0;
    let mut after = "-inf".to_owned();
    // Each round goes on after a later scan.
    while pruned < at_most {
        let call = store.call(&scripts::PRUNE).instant(before).text(&after).int(SCANS_A_PAGE);
        let mut step = call.send(Again::Unsafe).await?.ok()?;
        pruned += u64::from(step.count()?);
        match step.optional_text()? {
            Some(seq) => after = seq,
            None => break,
        }
    }
    let mut after = "-inf".to_owned();
    // Each round goes on after a later notice.
    loop {
        let call = store.call(&scripts::PRUNE_NOTICES).text(&after).int(NOTICES_A_PAGE);
        match call.send(Again::Safe).await?.ok()?.optional_text()? {
            Some(seq) => after = seq,
            None => return Ok(pruned),
        }
    }
}
