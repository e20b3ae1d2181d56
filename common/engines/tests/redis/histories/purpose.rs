//! The next sensible step of a scan, so that histories get to its end, and trades to theirs.

use fleet_core::domain::*;
use fleet_core::seams::*;

use super::calls::up_to;
use super::values::{self, chance};
use super::{Difference, History};

impl History {
    /// A coordinator or a worker does what is next.
    pub(super) async fn go_on(&mut self) -> Result<(), Difference> {
        let scan = values::scan(&mut self.rng);
        let state = self.ask("state", async |store| store.scan_state(&scan).await).await?.ok().flatten();
        let Some(state) = state else {
            return self
                .act(format!("open {scan}"), async |store| store.open_scan(&scan, "c0ffee").await)
                .await
                .map(drop);
        };
        let Some(lease) = self.good_lease(&scan).await? else {
            return self.take_lease_of(scan).await;
        };
        match state {
            ScanState::Init => self.freeze_under(lease).await,
            ScanState::Publishing | ScanState::Running => self.work(lease).await,
            ScanState::Sealed => self.settle_under(lease).await,
            ScanState::Alerting => {
                let what = format!("advance {lease:?} to its end");
                self.act(what, async |store| store.advance(&lease, ScanState::Done).await).await.map(drop)
            }
            ScanState::Done if chance(&mut self.rng, 50) => self.prune().await,
            ScanState::Done => {
                self.act(format!("release {lease:?}"), async |store| store.release_lease(&lease).await).await.map(drop)
            }
        }
    }

    /// The present lease of a scan, if one of the histories' coordinators has it.
    async fn good_lease(&self, scan: &ScanId) -> Result<Option<Lease>, Difference> {
        let view = self.ask("lease", async |store| store.lease(scan).await).await?.ok().flatten();
        let Some(LeaseView { epoch, held: Some(_) }) = view else { return Ok(None) };
        Ok(self.leases.iter().rev().find(|lease| lease.scan == *scan && lease.epoch == epoch).cloned())
    }

    /// A missing ticker is counted or committed; now and then the scan is sealed.
    async fn work(&mut self, lease: Lease) -> Result<(), Difference> {
        let missing = self.ask("missing", async |store| store.missing(&lease.scan).await).await?.unwrap_or_default();
        if missing.is_empty() || chance(&mut self.rng, 15) {
            return self.seal_under(lease).await;
        }
        let ticker = missing[up_to(&mut self.rng, missing.len() - 1)].clone();
        if chance(&mut self.rng, 25) {
            let what = format!("count {ticker} of {}", lease.scan);
            return self.act(what, async |store| store.begin_attempt(&lease.scan, None, &ticker).await).await.map(drop);
        }
        self.commit_of(lease.scan, ticker).await
    }
}
