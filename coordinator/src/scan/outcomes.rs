//! Reads a scan's outcomes a page at a time: all of a large scan at once would be hundreds of megabytes.

use fleet_core::domain::{ScanId, StoredOutcome};
use fleet_core::seams::{Store, StoreError};

use super::Patience;

/// Tickers a page: about a quarter of a megabyte where every one has candidates.
const PAGE: u32 = 16;

/// Hands over every outcome of a scan of so many tickers, in the manifest's order.
pub async fn for_each(
    store: &dyn Store,
    patience: Patience,
    scan: &ScanId,
    tickers: u32,
    mut visit: impl FnMut(StoredOutcome) + Send,
) -> Result<(), StoreError> {
    let mut from = 0;
    while from < tickers {
        let to = from.saturating_add(PAGE);
        patience.store(|| store.outcomes(scan, from..to)).await?.into_iter().for_each(&mut visit);
        from = to;
    }
    Ok(())
}
