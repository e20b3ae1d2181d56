//! Promises about the outbox: a notice is with one sender at a time, and gone once it was sent.

use fleet_core::domain::NoticeKind;
use fleet_core::seams::{NoticeClaim, PortfolioDecision, StoreError};

use super::super::{Kept, ensure, ensure_eq};
use super::fixture::StoreFixture;
use super::samples::{filled, holder, minute, notice, one_scan, scan_id, settled, taken, told, trade};

/// Three trades with a notice each; their keys, oldest first.
async fn three(at: &dyn StoreFixture) -> Result<Vec<String>, String> {
    let scan = scan_id("0930");
    let contracts = ["TSLA270319C00450000", "TSLA270319C00430000", "TSLA270319C00440000"];
    let trades = contracts.map(|contract| trade(&scan, contract, 20, 0));
    taken(at, "0930", |_, commit| commit.trades = trades.to_vec()).await?;
    one_scan(at, "1000", |_, commit| commit.transitions = trades.iter().map(|trade| filled(trade, 5)).collect())
        .await?;
    Ok(trades.iter().map(|trade| notice(trade, NoticeKind::Filled, 5).key()).collect())
}

async fn claim(at: &dyn StoreFixture, name: &str, max: u32) -> Result<Vec<String>, String> {
    claim_at(at, name, max, 0).await
}

/// A claim at a minute of the market's clock.
async fn claim_at(at: &dyn StoreFixture, name: &str, max: u32, as_of: i64) -> Result<Vec<String>, String> {
    let claim = NoticeClaim { max, lasts: at.beat() * 4, as_of: minute(as_of) };
    let claimed = at.store().claim_notices(&holder(name), &claim).await.kept("claiming notices")?;
    ensure!(claimed.iter().all(|claimed| claimed.key == claimed.notice.key()), "a claim's key is not its notice's");
    Ok(claimed.into_iter().map(|claimed| claimed.key).collect())
}

/// Oldest first, as many as asked for, each to one claimer.
pub async fn a_claimed_notice_is_not_claimed_again(at: &dyn StoreFixture) -> Result<(), String> {
    let keys = three(at).await?;
    ensure_eq!(claim(at, "a", 2).await?, keys[..2], "the first claim of two");
    ensure_eq!(claim(at, "b", 2).await?, keys[2..], "the second claim of two");
    ensure_eq!(claim(at, "a", 2).await?, Vec::<String>::new(), "a third claim");
    Ok(())
}

/// Eight claimers at once get each notice once in all.
pub async fn concurrent_claims_share_the_notices(at: &dyn StoreFixture) -> Result<(), String> {
    let mut keys = three(at).await?;
    let (a, b, c, d, e, f, g, h) = tokio::join!(
        claim(at, "a", 1),
        claim(at, "b", 1),
        claim(at, "c", 1),
        claim(at, "d", 1),
        claim(at, "e", 1),
        claim(at, "f", 1),
        claim(at, "g", 1),
        claim(at, "h", 1)
    );
    let mut claimed = [a?, b?, c?, d?, e?, f?, g?, h?].concat();
    claimed.sort();
    keys.sort();
    ensure_eq!(claimed, keys, "notices claimed by eight at once");
    Ok(())
}

/// A claimer that says nothing for the time of its claim loses it; before that, not, also for another process.
pub async fn a_claim_ends(at: &dyn StoreFixture) -> Result<(), String> {
    let keys = three(at).await?;
    claim(at, "a", 3).await?;
    at.pass(at.beat() * 2).await;
    let other = at.reopened().await?;
    let early = NoticeClaim { max: 3, lasts: at.beat(), as_of: minute(0) };
    let early = other.claim_notices(&holder("b"), &early).await.kept("claiming")?;
    ensure_eq!(early.len(), 0, "notices claimed while the first claim holds");
    at.pass(at.beat() * 3).await;
    ensure_eq!(claim(at, "b", 3).await?, keys, "notices claimed after the first claim's end");
    Ok(())
}

/// Confirmed is confirmed: after the claim's end too, by whoever sent it; confirming again is no error.
pub async fn a_sent_notice_is_never_claimed_again(at: &dyn StoreFixture) -> Result<(), String> {
    let keys = three(at).await?;
    claim(at, "a", 1).await?;
    at.store().confirm_notice(&keys[0]).await.kept("confirming")?;
    at.store().confirm_notice(&keys[0]).await.kept("confirming again")?;
    at.store().release_notice(&holder("a"), &keys[0]).await.kept("releasing what was sent")?;
    at.pass(at.beat() * 5).await;
    ensure_eq!(claim(at, "b", 3).await?, keys[1..], "notices claimed after one was sent");
    let sent: Vec<bool> = at.store().notices().await.kept("reading")?.into_iter().map(|(_, sent)| sent).collect();
    ensure_eq!(sent, [true, false, false], "which notices were sent");
    let unknown = at.store().confirm_notice("no such key").await;
    ensure!(matches!(unknown, Err(StoreError::NotFound(_))), "confirming an unknown notice: {unknown:?}");
    Ok(())
}

/// A notice that certainly was not sent is free at once.
pub async fn a_released_notice_can_be_claimed_again(at: &dyn StoreFixture) -> Result<(), String> {
    let keys = three(at).await?;
    claim(at, "a", 3).await?;
    at.store().release_notice(&holder("a"), &keys[1]).await.kept("releasing")?;
    ensure_eq!(claim(at, "b", 3).await?, keys[1..2], "notices claimed after one was released");
    Ok(())
}

/// A claimer whose claim is over cannot set the next claimer's notice free: it would be sent twice.
pub async fn a_stale_release_frees_nothing(at: &dyn StoreFixture) -> Result<(), String> {
    let keys = three(at).await?;
    claim(at, "a", 1).await?;
    at.pass(at.beat() * 5).await;
    ensure_eq!(claim(at, "b", 1).await?, keys[..1], "notices claimed after the first claim's end");
    at.store().release_notice(&holder("a"), &keys[0]).await.kept("releasing what somebody else claimed")?;
    ensure_eq!(claim(at, "c", 3).await?, keys[1..], "notices claimed after a stale release");
    Ok(())
}

/// What is not sent is counted, claimed or not.
pub async fn unsent_notices_are_counted(at: &dyn StoreFixture) -> Result<(), String> {
    let unsent = async || at.store().unsent_notices().await.kept("counting");
    ensure_eq!(unsent().await?, 0, "unsent notices of an empty store");
    let keys = three(at).await?;
    claim(at, "a", 2).await?;
    ensure_eq!(unsent().await?, 3, "unsent notices, two of them claimed");
    at.store().confirm_notice(&keys[0]).await.kept("confirming")?;
    ensure_eq!(unsent().await?, 2, "unsent notices after one was sent");
    Ok(())
}

/// A BUY notice is dropped once it is too late by the claimer's market's clock, unless somebody is sending it; what
/// happened to a trade is told however late.
pub async fn a_late_buy_notice_is_dropped(at: &dyn StoreFixture) -> Result<(), String> {
    let record = trade(&scan_id("0930"), "TSLA270319C00450000", 20, 0);
    let told_later = trade(&scan_id("0930"), "TSLA270319C00460000", 20, 1000);
    let lease = one_scan(at, "0930", |_, commit| commit.trades = vec![record.clone(), told_later.clone()]).await?;
    let trades = [&record, &told_later];
    let decision = PortfolioDecision {
        basis: 0,
        taken: trades.map(|trade| trade.id.clone()).to_vec(),
        capped: Vec::new(),
        notices: trades.map(|trade| notice(trade, NoticeKind::Buy, 0)).to_vec(),
    };
    settled(at, &lease, &decision).await?;
    one_scan(at, "1000", |_, commit| commit.transitions.push(filled(&record, 5))).await?;
    let keys = told(at).await?;
    // The trade's validity of 390 minutes and 15 for the quotes' delay.
    ensure_eq!(claim_at(at, "a", 1, 405).await?, keys[..1], "claimed at the last moment");
    ensure_eq!(claim_at(at, "b", 9, 406).await?, keys[1..], "claimed while the late one is being sent");
    at.pass(at.beat() * 5).await;
    ensure_eq!(claim_at(at, "c", 9, 406).await?, keys[1..], "claimed when the late one is free again");
    ensure_eq!(told(at).await?, keys[1..], "the outbox after the late one was dropped");
    ensure_eq!(at.store().trade(&record.id).await.kept("reading")?.is_some(), true, "the trade of a dropped notice");
    Ok(())
}
