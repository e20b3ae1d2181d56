//! Scans and their leases.

use std::ops::Range;
use std::time::Duration;

use async_trait::async_trait;
use fleet_core::domain::*;
use fleet_core::seams::*;
use jiff::Timestamp;

use super::{ModelStore, Scan, State, Stored, conflict, not_found, until};

impl State {
    pub(super) fn scan(&mut self, scan: &ScanId) -> Stored<&mut Scan> {
        self.scans.get_mut(scan).ok_or_else(|| StoreError::NotFound(format!("scan {scan}")))
    }

    pub(super) fn fenced(&mut self, lease: &Lease) -> Stored<&mut Scan> {
        let scan = self.scan(&lease.scan)?;
        let holder = scan.held.as_ref().map(|(holder, _)| holder);
        if scan.epoch == lease.epoch && holder == Some(&lease.holder) {
            Ok(scan)
        } else {
            Err(StoreError::Fenced { scan: lease.scan.clone(), held: lease.epoch })
        }
    }
}

impl State {
    fn count(&mut self, scan: &ScanId, stamp: Option<&ScanStamp>, ticker: &Ticker) -> Attempt {
        let Some(scan) = self.scans.get_mut(scan) else { return Attempt::Unknown };
        if stamp.is_some_and(|stamp| *stamp != scan.stamp()) {
            return Attempt::MadeAnew;
        }
        if !scan.plans(ticker) {
            return Attempt::Unknown;
        }
        if scan.state >= ScanState::Sealed {
            return Attempt::Sealed;
        }
        if scan.outcomes.contains_key(ticker) {
            return Attempt::Done;
        }
        let attempts = scan.attempts.entry(ticker.clone()).or_default();
        *attempts += 1;
        Attempt::Run(*attempts)
    }

    /// Oldest first.
    fn summaries(&self) -> Vec<ScanSummary> {
        let mut scans: Vec<_> = self.scans.iter().collect();
        scans.sort_by_key(|(_, scan)| scan.seq);
        let summary = |(id, scan): (&ScanId, &Scan)| ScanSummary {
            scan: id.clone(),
            state: scan.state,
            created_at: scan.created_at,
            tickers: scan.manifest.as_ref().map_or(0, |manifest| manifest.tickers.len() as u32),
            outcomes: scan.outcomes.len() as u32,
        };
        scans.into_iter().map(summary).collect()
    }
}

impl Scan {
    pub(super) fn plans(&self, ticker: &Ticker) -> bool {
        self.manifest.as_ref().is_some_and(|manifest| manifest.tickers.contains(ticker))
    }

    pub(super) fn missing(&self) -> Stored<Vec<Ticker>> {
        let Some(manifest) = &self.manifest else { return not_found("manifest".to_owned()) };
        Ok(manifest.tickers.iter().filter(|ticker| !self.outcomes.contains_key(ticker)).cloned().collect())
    }
}

#[async_trait]
impl Scans for ModelStore {
    async fn open_scan(&self, scan: &ScanId, config_hash: &str) -> Stored<OpenedScan> {
        let mut state = self.state();
        if let Some(found) = state.scans.get(scan) {
            return Ok(match found.config_hash == config_hash {
                true => OpenedScan::Existing(found.state),
                false => OpenedScan::ConfigDiffers { stored: found.config_hash.clone() },
            });
        }
        state.scans_ever += 1;
        let created = Scan {
            seq: state.scans_ever,
            config_hash: config_hash.to_owned(),
            state: ScanState::Init,
            created_at: self.now(),
            epoch: 0,
            held: None,
            manifest: None,
            attempts: Default::default(),
            outcomes: Default::default(),
            requests: RequestCounts::default(),
        };
        state.scans.insert(scan.clone(), created);
        Ok(OpenedScan::Created)
    }

    async fn take_lease(&self, scan: &ScanId, holder: &Holder, ttl: Duration) -> Stored<LeaseAnswer> {
        let mut state = self.state();
        let found = state.scan(scan)?;
        if let Some((present, ends)) = &found.held
            && *ends > self.now()
        {
            return Ok(LeaseAnswer::Held { holder: present.clone(), expires_in: until(*ends, self.now()) });
        }
        found.epoch += 1;
        found.held = Some((holder.clone(), self.after(ttl)));
        Ok(LeaseAnswer::Taken(Lease { scan: scan.clone(), epoch: found.epoch, holder: holder.clone() }))
    }

    async fn renew_lease(&self, lease: &Lease, ttl: Duration) -> Stored<()> {
        self.state().fenced(lease)?.held = Some((lease.holder.clone(), self.after(ttl)));
        Ok(())
    }

    async fn release_lease(&self, lease: &Lease) -> Stored<()> {
        if let Ok(scan) = self.state().fenced(lease) {
            scan.held = None;
        }
        Ok(())
    }

    async fn lease(&self, scan: &ScanId) -> Stored<Option<LeaseView>> {
        let now = self.now();
        Ok(self.state().scans.get(scan).map(|scan| {
            let held = scan.held.clone().filter(|(_, ends)| *ends > now);
            LeaseView { epoch: scan.epoch, held: held.map(|(holder, ends)| (holder, until(ends, now))) }
        }))
    }

    async fn freeze_manifest(&self, lease: &Lease, manifest: &Manifest) -> Stored<Manifest> {
        let mut state = self.state();
        let scan = state.fenced(lease)?;
        if let Some(frozen) = &scan.manifest {
            return Ok(frozen.clone());
        }
        let twice = (1..manifest.tickers.len()).any(|n| manifest.tickers[..n].contains(&manifest.tickers[n]));
        if manifest.scan != lease.scan || twice {
            return conflict("no good manifest");
        }
        scan.manifest = Some(manifest.clone());
        scan.state = ScanState::Publishing;
        Ok(manifest.clone())
    }

    async fn manifest(&self, scan: &ScanId) -> Stored<Option<Manifest>> {
        Ok(self.state().scans.get(scan).and_then(|scan| scan.manifest.clone()))
    }

    async fn scan_stamp(&self, scan: &ScanId) -> Stored<Option<ScanStamp>> {
        Ok(self.state().scans.get(scan).map(super::Scan::stamp))
    }

    async fn advance(&self, lease: &Lease, to: ScanState) -> Stored<()> {
        let mut state = self.state();
        let scan = state.fenced(lease)?;
        if to <= scan.state {
            return Ok(());
        }
        if scan.manifest.is_none() || (to >= ScanState::Sealed && scan.state < ScanState::Sealed) {
            return conflict("not so far");
        }
        scan.state = to;
        Ok(())
    }

    async fn scan_state(&self, scan: &ScanId) -> Stored<Option<ScanState>> {
        Ok(self.state().scans.get(scan).map(|scan| scan.state))
    }

    async fn begin_attempt(&self, scan: &ScanId, stamp: Option<&ScanStamp>, ticker: &Ticker) -> Stored<Begun> {
        let attempt = self.state().count(scan, stamp, ticker);
        let live = match attempt {
            Attempt::Run(_) => self.trades(&TradeFilter::live_on(ticker)).await,
            _ => Ok(Vec::new()),
        };
        Ok(Begun { attempt, live })
    }

    async fn attempts_counted(&self, scan: &ScanId) -> Stored<u64> {
        Ok(self.state().scan(scan)?.attempts.values().map(|n| u64::from(*n)).sum())
    }

    async fn forgive_attempt(&self, scan: &ScanId, stamp: Option<&ScanStamp>, ticker: &Ticker) -> Stored<()> {
        let mut state = self.state();
        if let Some(scan) = state.scans.get_mut(scan)
            && stamp.is_none_or(|stamp| *stamp == scan.stamp())
            && scan.state < ScanState::Sealed
            && !scan.outcomes.contains_key(ticker)
            && let Some(attempts) = scan.attempts.get_mut(ticker)
        {
            *attempts = attempts.saturating_sub(1);
        }
        Ok(())
    }

    async fn commit(&self, commit: &Commit) -> Stored<CommitAnswer> {
        self.state().commit(commit)
    }

    async fn missing(&self, scan: &ScanId) -> Stored<Vec<Ticker>> {
        self.state().scan(scan)?.missing()
    }

    async fn missing_count(&self, scan: &ScanId) -> Stored<u32> {
        Ok(self.state().scan(scan)?.missing()?.len() as u32)
    }

    async fn outcomes(&self, scan: &ScanId, places: Range<u32>) -> Stored<Vec<StoredOutcome>> {
        let mut state = self.state();
        let scan = state.scan(scan)?;
        let tickers = scan.manifest.iter().flat_map(|manifest| &manifest.tickers);
        let wanted = (0..).zip(tickers).filter(|(place, _)| places.contains(place));
        Ok(wanted.filter_map(|(_, ticker)| scan.outcomes.get(ticker).cloned()).collect())
    }

    async fn seal(&self, lease: &Lease) -> Stored<Vec<Ticker>> {
        self.state().seal(lease)
    }

    async fn settle(&self, lease: &Lease, decision: &PortfolioDecision) -> Stored<()> {
        self.state().settle(lease, decision)
    }

    async fn note_requests(&self, lease: &Lease, requests: &RequestCounts) -> Stored<()> {
        self.state().fenced(lease)?.requests.merge(requests);
        Ok(())
    }

    async fn scan_requests(&self, scan: &ScanId) -> Stored<RequestCounts> {
        Ok(self.state().scan(scan)?.requests.clone())
    }

    async fn list_scans(&self, limit: u32) -> Stored<Vec<ScanSummary>> {
        let mut scans = self.state().summaries();
        scans.reverse();
        scans.truncate(limit as usize);
        Ok(scans)
    }

    async fn unfinished_scans(&self) -> Stored<Vec<ScanSummary>> {
        let mut scans = self.state().summaries();
        scans.retain(|scan| !matches!(scan.state, ScanState::Init | ScanState::Done));
        Ok(scans)
    }

    async fn prune_scans(&self, before: Timestamp, at_most: u64) -> Stored<u64> {
        let now = self.now();
        let mut state = self.state();
        let over = |scan: &Scan| {
            let given_up = scan.state == ScanState::Init && scan.manifest.is_none();
            let held = scan.held.as_ref().is_some_and(|(_, ends)| *ends > now);
            scan.created_at < before && !held && (scan.state == ScanState::Done || given_up)
        };
        let mut gone: Vec<(u64, ScanId)> =
            state.scans.iter().filter(|(_, scan)| over(scan)).map(|(id, scan)| (scan.seq, id.clone())).collect();
        gone.sort();
        gone.truncate(usize::try_from(at_most).unwrap_or(usize::MAX));
        let gone: Vec<ScanId> = gone.into_iter().map(|(_, id)| id).collect();
        for scan in &gone {
            state.withdraw(scan);
            state.explanations.retain(|_, (_, of, _)| of != scan);
            state.scans.remove(scan);
        }
        let State { scans, outbox, .. } = &mut *state;
        outbox.retain(|owed| !owed.sent || scans.contains_key(&owed.scan));
        Ok(gone.len() as u64)
    }
}
