//! What a worker keeps of a scan between its tickers: the manifest (frozen, so it is read once), the analysis settings
//! read from it, the way to its vendors, bars that no canary has vouched for yet, and of each unfinished ticker what it has
//! cost and come to so far.
//!
//! A scan can vanish and come back under its id (its store was emptied, it was pruned). The store tells by the stamp, which
//! every commit carries; what is kept of a scan that is no more is forgotten when the store says so.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use fleet_analysis::AnalysisConfig;
use fleet_core::domain::{Manifest, ScanId, Ticker};
use fleet_core::seams::{MarketData, RequestTally, ScanStamp, StoreError};

use crate::past::Past;
use crate::unvouched::Unvouched;
use crate::{WorkerParts, in_time};

/// Scans run one after another; a worker sees two at once only around a change of scans.
const SCANS_KEPT: usize = 4;

/// One scan as this worker needs it.
pub(crate) struct PreparedScan {
    pub(crate) manifest: Manifest,
    /// Of the scan, from before its manifest was read: a commit that carries it cannot land in a scan that was made anew.
    pub(crate) stamp: ScanStamp,
    pub(crate) analysis: Arc<AnalysisConfig>,
    pub(crate) market: Arc<dyn MarketData>,
    /// Of the same market: what it vouches for and what not.
    pub(crate) unvouched: Unvouched,
    unfinished: Mutex<BTreeMap<Ticker, Unfinished>>,
}

/// What is kept of a ticker between its deliveries.
#[derive(Default)]
struct Unfinished {
    tally: Arc<RequestTally>,
    past: Past,
}

/// Why a scan's tasks cannot be worked on here.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PrepareError {
    /// The store has no manifest of it.
    #[error("the store has no manifest of the scan")]
    NoManifest,
    /// Somebody newer should do it.
    #[error("the manifest has version {0}; this worker knows {known}", known = Manifest::VERSION)]
    UnknownVersion(u32),
    /// Its analysis settings are not ours.
    #[error("the manifest's analysis settings cannot be read")]
    Settings(#[source] serde_json::Error),
    /// Its vendors cannot be reached from here.
    #[error("the manifest's vendors cannot be set up: {0}")]
    Market(String),
    /// The store did not answer.
    #[error("the manifest cannot be loaded")]
    Store(#[source] StoreError),
}

/// The scans this worker met last, newest last.
#[derive(Default)]
pub(crate) struct PreparedScans(Mutex<Vec<Arc<PreparedScan>>>);

impl PreparedScans {
    /// The scan, loaded once.
    pub(crate) async fn get(&self, scan: &ScanId, parts: &WorkerParts) -> Result<Arc<PreparedScan>, PrepareError> {
        if let Some(prepared) = self.kept(scan) {
            return Ok(prepared);
        }
        let stamp = in_time::store(parts.store.scan_stamp(scan))
            .await
            .map_err(PrepareError::Store)?
            .ok_or(PrepareError::NoManifest)?;
        let manifest = in_time::store(parts.store.manifest(scan))
            .await
            .map_err(PrepareError::Store)?
            .ok_or(PrepareError::NoManifest)?;
        if manifest.version > Manifest::VERSION {
            return Err(PrepareError::UnknownVersion(manifest.version));
        }
        let analysis = serde_json::from_value(manifest.analysis.clone()).map_err(PrepareError::Settings)?;
        let market = parts.markets.market_for(&manifest).map_err(PrepareError::Market)?;
        Ok(self.keep(PreparedScan {
            manifest,
            stamp,
            analysis: Arc::new(analysis),
            market,
            unvouched: Unvouched::default(),
            unfinished: Mutex::new(BTreeMap::new()),
        }))
    }

    /// The scan is not what it was; the next task of it loads it anew. One that was loaded anew meanwhile stays.
    pub(crate) fn forget(&self, stale: &PreparedScan) {
        let mut scans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        scans.retain(|kept| kept.manifest.scan != stale.manifest.scan || kept.stamp != stale.stamp);
    }

    fn kept(&self, scan: &ScanId) -> Option<Arc<PreparedScan>> {
        let scans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        scans.iter().find(|prepared| prepared.manifest.scan == *scan).cloned()
    }

    /// Keeps a scan; another slot may have been first, then its copy is the one (it holds the vendors' sessions).
    fn keep(&self, prepared: PreparedScan) -> Arc<PreparedScan> {
        let mut scans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(first) = scans.iter().find(|kept| kept.manifest.scan == prepared.manifest.scan) {
            return Arc::clone(first);
        }
        let prepared = Arc::new(prepared);
        scans.push(Arc::clone(&prepared));
        if scans.len() > SCANS_KEPT {
            scans.remove(0);
        }
        prepared
    }
}

impl PreparedScan {
    /// The ticker's count of requests. It outlives a failed attempt, so that the outcome tells what all attempts in
    /// this process have cost.
    pub(crate) fn tally(&self, ticker: &Ticker) -> Arc<RequestTally> {
        self.with(ticker, |unfinished| Arc::clone(&unfinished.tally))
    }

    /// What its earlier deliveries came to.
    pub(crate) fn past(&self, ticker: &Ticker) -> Past {
        self.with(ticker, |unfinished| unfinished.past.clone())
    }

    /// What its deliveries have come to by now.
    pub(crate) fn remember(&self, ticker: &Ticker, past: Past) {
        self.with(ticker, |unfinished| unfinished.past = past);
    }

    /// The ticker is accounted for; what was kept of it is in the outcome.
    pub(crate) fn forget(&self, ticker: &Ticker) {
        self.unfinished.lock().unwrap_or_else(PoisonError::into_inner).remove(ticker);
    }

    fn with<T>(&self, ticker: &Ticker, job: impl FnOnce(&mut Unfinished) -> T) -> T {
        let mut all = self.unfinished.lock().unwrap_or_else(PoisonError::into_inner);
        job(all.entry(ticker.clone()).or_default())
    }
}
