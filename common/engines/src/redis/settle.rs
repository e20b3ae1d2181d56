//! The end of a scan: sealing it (what is not done stays undone) and settling it (proposed trades are taken, capped or
//! withdrawn; notices). Both can be done again by whoever takes over half way, and change nothing then.

use fleet_core::domain::Ticker;
use fleet_core::seams::{Lease, PortfolioDecision, StoreError};

use super::call::Again;
use super::{RedisStore, commit, scans, scripts};
use crate::sqlite::MAX_EXPLANATIONS;

pub(super) async fn seal(store: &RedisStore, lease: &Lease) -> Result<Vec<Ticker>, StoreError> {
    let call = store.call(&scripts::SEAL).lease(lease).int(MAX_EXPLANATIONS);
    let answer = call.send(Again::Safe).await?.of_lease(lease)?;
    match answer.word() {
        "no manifest" => Err(StoreError::Conflict(format!("scan {} has no manifest; it cannot be sealed", lease.scan))),
        _ => scans::tickers(&mut answer.ok()?),
    }
}

pub(super) async fn settle(store: &RedisStore, lease: &Lease, decision: &PortfolioDecision) -> Result<(), StoreError> {
    let PortfolioDecision { basis, taken, capped, notices } = decision;
    let mut call = store.call(&scripts::SETTLE).lease(lease).text(&basis.to_string());
    for ids in [taken, capped] {
        call = call.count(ids.len());
        for id in ids {
            call = call.text(id.as_str());
        }
    }
    call = call.count(notices.len());
    for notice in notices {
        call = call.text(notice.trade.as_str()).text(&notice.key()).body(notice)?.int(commit::perishes(notice.kind));
    }
    let answer = call.send(Again::Safe).await?.of_lease(lease)?;
    let conflict = |message: String| Err(StoreError::Conflict(message));
    match answer.word() {
        "not sealed" => conflict(format!("scan {} is not sealed; it cannot be settled", lease.scan)),
        "another portfolio" => conflict(format!("the portfolio changed while scan {} was decided about", lease.scan)),
        _ => answer.ok().map(drop),
    }
}
