//! Promises about the end of a scan: sealing and settling.

use fleet_core::domain::{NoticeKind, Outcome, ScanState, TradeState};
use fleet_core::seams::{Settlement, StoreError};

use super::super::{Kept, ensure, ensure_eq};
use super::fixture::StoreFixture;
use super::samples::{
    commit, committed, filled, frozen, lease, notice, one_scan, scan_id, stored, ticker, told, trade,
};

/// Missing tickers get the outcome `Sealed`; sealing again, after a take-over too, says the same.
pub async fn sealing_closes_what_is_missing(at: &dyn StoreFixture) -> Result<(), String> {
    let first = frozen(at, "1000", &["ZM", "AAPL", "MSFT"]).await?;
    at.store().count_attempt(&first.scan, &ticker("MSFT")).await.kept("counting an attempt")?;
    committed(at, &commit(&first.scan, "AAPL")).await?;
    let sealed = at.store().seal(&first).await.kept("sealing")?;
    ensure_eq!(sealed, [ticker("ZM"), ticker("MSFT")], "tickers that were sealed");
    ensure_eq!(at.store().missing(&first.scan).await.kept("asking")?, Vec::new(), "missing after the seal");
    let outcomes = at.store().outcomes(&first.scan).await.kept("reading outcomes")?;
    let seals: Vec<bool> = outcomes.iter().map(|stored| stored.outcome == Outcome::Sealed).collect();
    ensure_eq!(seals, [true, false, true], "which outcomes are seals");
    at.pass(at.beat() * 101).await;
    let second = lease(at, &first.scan, "b").await?;
    ensure_eq!(at.store().seal(&second).await.kept("sealing again")?, sealed, "tickers sealed, asked again");
    let state = at.store().scan_state(&first.scan).await.kept("asking for a state")?;
    ensure_eq!(state, Some(ScanState::Sealed), "the state after sealing");
    let init = scan_id("1030");
    at.store().open_scan(&init, "c0ffee").await.kept("opening a scan")?;
    let empty = lease(at, &init, "c").await?;
    let refused = at.store().seal(&empty).await;
    ensure!(matches!(refused, Err(StoreError::Conflict(_))), "a scan without a manifest was sealed: {refused:?}");
    Ok(())
}

/// Caps apply to this scan's pending trades only, notices enter the outbox, once; not before the seal.
pub async fn settling_caps_and_tells_once(at: &dyn StoreFixture) -> Result<(), String> {
    let (other_scan, this_scan) = (scan_id("0930"), scan_id("1000"));
    let other = trade(&other_scan, "TSLA270319C00440000", 20, -30);
    let bought = trade(&this_scan, "TSLA270319C00450000", 20, 0);
    let capped = trade(&this_scan, "TSLA270319C00460000", 20, 0);
    let ignored = trade(&this_scan, "TSLA270319C00470000", 20, 0);
    one_scan(at, "0930", |_, commit| commit.trades.push(other.clone())).await?;
    let lease = frozen(at, "1000", &["TSLA", "AAPL"]).await?;
    let mut first = commit(&lease.scan, "TSLA");
    first.trades = vec![bought.clone(), capped.clone(), ignored.clone()];
    committed(at, &first).await?;
    let mut second = commit(&lease.scan, "AAPL");
    second.transitions = vec![filled(&bought, 5)];
    second.transitions[0].notice = None;
    committed(at, &second).await?;
    at.store().ignore_trade(&ignored.id).await.kept("ignoring a trade")?;
    let settlement = Settlement {
        capped: vec![other.id.clone(), bought.id.clone(), capped.id.clone()],
        notices: [&bought, &ignored].map(|trade| notice(trade, NoticeKind::Buy, 0)).to_vec(),
    };
    let early = at.store().settle(&lease, &settlement).await;
    ensure!(matches!(early, Err(StoreError::Conflict(_))), "settling before the seal: {early:?}");
    at.store().seal(&lease).await.kept("sealing")?;
    at.store().settle(&lease, &settlement).await.kept("settling")?;
    let more = Settlement { capped: vec![ignored.id.clone()], notices: vec![notice(&capped, NoticeKind::Buy, 0)] };
    at.store().settle(&lease, &more).await.kept("settling again")?;
    let states = [&other, &bought, &capped, &ignored].map(|trade| trade.id.clone());
    let wanted = [TradeState::Pending, TradeState::Open, TradeState::Capped, TradeState::Pending];
    for (id, state) in states.iter().zip(wanted) {
        ensure_eq!(stored(at, id).await?.state, state, "a trade's state after settling");
    }
    ensure_eq!(told(at).await?, [notice(&bought, NoticeKind::Buy, 0).key()], "the outbox after settling twice");
    let state = at.store().scan_state(&lease.scan).await.kept("asking for a state")?;
    ensure_eq!(state, Some(ScanState::Alerting), "the state after settling");
    Ok(())
}
