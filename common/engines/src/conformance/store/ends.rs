//! Promises about the end of a scan: sealing and settling.

use fleet_core::domain::{NoticeKind, Outcome, ScanState, TradeRecord, TradeState};
use fleet_core::seams::{PortfolioDecision, StoreError};

use super::super::{Kept, ensure, ensure_eq};
use super::fixture::StoreFixture;
use super::samples::{
    EVERY_PLACE, commit, committed, control, frozen, lease, notice, one_scan, scan_id, settled, stored, taken, ticker,
    told, trade,
};

/// Missing tickers get the outcome `Sealed`; sealing again, after a take-over too, says the same.
pub async fn sealing_closes_what_is_missing(at: &dyn StoreFixture) -> Result<(), String> {
    let first = frozen(at, "1000", &["ZM", "AAPL", "MSFT"]).await?;
    at.store().begin_attempt(&first.scan, None, &ticker("MSFT")).await.kept("beginning an attempt")?;
    committed(at, &commit(&first.scan, "AAPL")).await?;
    let sealed = at.store().seal(&first).await.kept("sealing")?;
    ensure_eq!(sealed, [ticker("ZM"), ticker("MSFT")], "tickers that were sealed");
    ensure_eq!(at.store().missing(&first.scan).await.kept("asking")?, Vec::new(), "missing after the seal");
    let outcomes = at.store().outcomes(&first.scan, EVERY_PLACE).await.kept("reading outcomes")?;
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

/// What a scan proposes is taken, capped or withdrawn, at once and once; notices of what is taken enter the outbox; trades
/// of other scans stay as they are. Not before the seal.
pub async fn settling_decides_once_and_about_its_own_scan(at: &dyn StoreFixture) -> Result<(), String> {
    let (other_scan, this_scan) = (scan_id("0930"), scan_id("1000"));
    let other = trade(&other_scan, "TSLA270319C00440000", 20, -30);
    let bought = trade(&this_scan, "TSLA270319C00450000", 20, 0);
    let capped = trade(&this_scan, "TSLA270319C00460000", 20, 0);
    let ignored = trade(&this_scan, "TSLA270319C00470000", 20, 0);
    let undecided = trade(&this_scan, "TSLA270319C00480000", 20, 0);
    let shadow = control(&bought);
    one_scan(at, "0930", |_, commit| commit.trades.push(other.clone())).await?;
    let lease = one_scan(at, "1000", |_, commit| {
        commit.trades =
            [&bought, &capped, &ignored, &undecided, &shadow].map(|trade: &TradeRecord| trade.clone()).to_vec();
    })
    .await?;
    at.store().ignore_trade(&ignored.id).await.kept("ignoring a trade")?;
    let ids = |trades: &[&TradeRecord]| trades.iter().map(|trade| trade.id.clone()).collect::<Vec<_>>();
    let decision = PortfolioDecision {
        basis: 0,
        taken: ids(&[&bought, &ignored, &shadow, &other]),
        capped: ids(&[&capped, &other]),
        notices: [&bought, &ignored, &capped, &other].map(|trade| notice(trade, NoticeKind::Buy, 0)).to_vec(),
    };
    let early = at.store().settle(&lease, &decision).await;
    ensure!(matches!(early, Err(StoreError::Conflict(_))), "settling before the seal: {early:?}");
    ensure_eq!(stored(at, &bought.id).await?.state, TradeState::Proposed, "a trade after settling before the seal");
    settled(at, &lease, &decision).await?;
    let more = PortfolioDecision {
        basis: 0,
        taken: ids(&[&capped]),
        capped: ids(&[&bought]),
        notices: vec![notice(&shadow, NoticeKind::Buy, 0)],
    };
    at.store().settle(&lease, &more).await.kept("settling again")?;
    let states = [
        (&other, TradeState::Proposed),
        (&bought, TradeState::Pending),
        (&capped, TradeState::Capped),
        (&ignored, TradeState::Pending),
        (&shadow, TradeState::Pending),
    ];
    for (trade, state) in states {
        ensure_eq!(stored(at, &trade.id).await?.state, state, "the state of {} after settling", trade.symbol);
    }
    let withdrawn = at.store().trade(&undecided.id).await.kept("reading")?;
    ensure_eq!(withdrawn, None, "a trade nobody decided about");
    ensure_eq!(told(at).await?, [notice(&bought, NoticeKind::Buy, 0).key()], "the outbox after settling twice");
    let state = at.store().scan_state(&lease.scan).await.kept("asking for a state")?;
    ensure_eq!(state, Some(ScanState::Alerting), "the state after settling");
    Ok(())
}

/// A proposal whose strategy got a live trade in its contract by another scan is withdrawn, not added to it.
pub async fn settling_late_adds_no_second_live_trade(at: &dyn StoreFixture) -> Result<(), String> {
    let late = trade(&scan_id("0930"), "TSLA270319C00450000", 19, 0);
    let live = trade(&scan_id("1000"), "TSLA270319C00450000", 20, 400);
    let stopped = one_scan(at, "0930", |_, commit| commit.trades.push(late.clone())).await?;
    taken(at, "1000", |_, commit| commit.trades.push(live.clone())).await?;
    let notices = vec![notice(&late, NoticeKind::Buy, 0)];
    let decision = PortfolioDecision { taken: vec![late.id.clone()], notices, ..PortfolioDecision::default() };
    settled(at, &stopped, &decision).await?;
    ensure_eq!(at.store().trade(&late.id).await.kept("reading")?, None, "the late scan's trade");
    ensure_eq!(stored(at, &live.id).await?, live, "the live trade");
    ensure_eq!(told(at).await?, Vec::<String>::new(), "the outbox");
    Ok(())
}

/// Whoever decided before somebody else settled decides again; nothing of the old decision is written.
pub async fn settling_on_an_older_portfolio_is_refused(at: &dyn StoreFixture) -> Result<(), String> {
    let version = async || at.store().portfolio_version().await.kept("reading the portfolio's version");
    let other = trade(&scan_id("0930"), "TSLA270319C00440000", 20, -30);
    let late = trade(&scan_id("1000"), "TSLA270319C00450000", 20, 0);
    let lease = one_scan(at, "1000", |_, commit| commit.trades.push(late.clone())).await?;
    at.store().seal(&lease).await.kept("sealing")?;
    let basis = version().await?;
    let notices = vec![notice(&late, NoticeKind::Buy, 0)];
    let decision = PortfolioDecision { basis, taken: vec![late.id.clone()], capped: Vec::new(), notices };
    taken(at, "0930", |_, commit| commit.trades.push(other.clone())).await?;
    let now = version().await?;
    ensure!(now > basis, "the portfolio's version went from {basis} to {now} though a scan was settled");
    let refused = at.store().settle(&lease, &decision).await;
    ensure!(matches!(refused, Err(StoreError::Conflict(_))), "settling on an older portfolio: {refused:?}");
    ensure_eq!(stored(at, &late.id).await?.state, TradeState::Proposed, "the trade after the refusal");
    ensure_eq!(told(at).await?, Vec::<String>::new(), "the outbox after the refusal");
    let state = at.store().scan_state(&lease.scan).await.kept("asking for a state")?;
    ensure_eq!(state, Some(ScanState::Sealed), "the state after the refusal");
    at.store().settle(&lease, &PortfolioDecision { basis: now, ..decision }).await.kept("settling anew")?;
    ensure_eq!(stored(at, &late.id).await?.state, TradeState::Pending, "the trade after settling anew");
    Ok(())
}
