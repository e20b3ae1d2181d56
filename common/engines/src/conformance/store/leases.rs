//! Promises about the lease of a scan and its fencing epoch.

use fleet_core::domain::{RequestCounts, ScanState, Vendor};
use fleet_core::seams::{Lease, LeaseAnswer, LeaseView, PortfolioDecision, StoreError};

use super::super::{Kept, ensure, ensure_eq};
use super::fixture::StoreFixture;
use super::samples::{frozen, holder, lease, manifest, notice, one_scan, proposed, scan_id, stored, told, trade};

async fn ask(at: &dyn StoreFixture, name: &str, beats: u32) -> Result<LeaseAnswer, String> {
    let scan = scan_id("1000");
    at.store().take_lease(&scan, &holder(name), at.beat() * beats).await.kept("asking for a lease")
}

async fn take(at: &dyn StoreFixture, name: &str, beats: u32) -> Result<Lease, String> {
    match ask(at, name, beats).await? {
        LeaseAnswer::Taken(lease) => Ok(lease),
        LeaseAnswer::Held { holder, .. } => Err(format!("a lease that is over is held by {}", holder.0)),
    }
}

async fn open(at: &dyn StoreFixture) -> Result<(), String> {
    at.store().open_scan(&scan_id("1000"), "c0ffee").await.kept("opening a scan").map(|_| ())
}

fn fenced(answer: &Result<(), StoreError>) -> bool {
    matches!(answer, Err(StoreError::Fenced { .. }))
}

/// One holder at a time; the second is told who and how long; after its time the epoch grows.
pub async fn a_lease_has_one_holder_and_a_growing_epoch(at: &dyn StoreFixture) -> Result<(), String> {
    let unknown = at.store().take_lease(&scan_id("0900"), &holder("a"), at.beat()).await;
    ensure!(matches!(unknown, Err(StoreError::NotFound(_))), "the lease of an unknown scan: {unknown:?}");
    open(at).await?;
    let first = take(at, "a", 4).await?;
    ensure_eq!((&first.scan, &first.holder), (&scan_id("1000"), &holder("a")), "the lease");
    match ask(at, "b", 4).await? {
        LeaseAnswer::Held { holder: who, expires_in } => {
            ensure_eq!(who, holder("a"), "the holder that is named");
            ensure!(!expires_in.is_zero() && expires_in <= at.beat() * 4, "it expires in {expires_in:?}");
        }
        LeaseAnswer::Taken(_) => return Err("a held lease was given to somebody else".to_owned()),
    }
    at.pass(at.beat() * 5).await;
    let second = take(at, "b", 4).await?;
    ensure_eq!(second.epoch, first.epoch + 1, "the epoch after the take-over");
    Ok(())
}

/// Of eight that ask at once, one gets it.
pub async fn only_one_of_many_gets_a_lease(at: &dyn StoreFixture) -> Result<(), String> {
    open(at).await?;
    let (a, b, c, d, e, f, g, h) = tokio::join!(
        ask(at, "a", 50),
        ask(at, "b", 50),
        ask(at, "c", 50),
        ask(at, "d", 50),
        ask(at, "e", 50),
        ask(at, "f", 50),
        ask(at, "g", 50),
        ask(at, "h", 50)
    );
    let mut taken = 0;
    for answer in [a, b, c, d, e, f, g, h] {
        taken += u32::from(matches!(answer?, LeaseAnswer::Taken(_)));
    }
    ensure_eq!(taken, 1, "leases given out to eight at once");
    Ok(())
}

/// Renewed in time it lasts; renewed late it lasts too, if nobody else took it.
pub async fn a_lease_lasts_while_it_is_renewed(at: &dyn StoreFixture) -> Result<(), String> {
    open(at).await?;
    let lease = take(at, "a", 4).await?;
    for _ in 0..3 {
        at.pass(at.beat() * 2).await;
        at.store().renew_lease(&lease, at.beat() * 4).await.kept("renewing in time")?;
    }
    let asked = ask(at, "b", 4).await?;
    ensure!(matches!(asked, LeaseAnswer::Held { .. }), "a renewed lease was given to somebody else");
    at.pass(at.beat() * 5).await;
    at.store().renew_lease(&lease, at.beat() * 4).await.kept("renewing late, before anybody took it")?;
    at.pass(at.beat() * 5).await;
    take(at, "b", 4).await?;
    let late = at.store().renew_lease(&lease, at.beat() * 4).await;
    ensure!(fenced(&late), "renewing a lease that was taken over: {late:?}");
    Ok(())
}

/// Given back, it is free at once, and of no more use to whoever had it; giving a stale one back harms nobody.
pub async fn a_lease_given_back_is_free_and_gone(at: &dyn StoreFixture) -> Result<(), String> {
    open(at).await?;
    let first = take(at, "a", 50).await?;
    at.store().release_lease(&first).await.kept("releasing")?;
    let renewed = at.store().renew_lease(&first, at.beat()).await;
    ensure!(fenced(&renewed), "renewing a lease that was given back: {renewed:?}");
    let second = take(at, "b", 50).await?;
    ensure_eq!(second.epoch, first.epoch + 1, "the epoch after a release");
    at.store().release_lease(&first).await.kept("releasing a stale lease")?;
    let asked = ask(at, "c", 50).await?;
    ensure!(matches!(asked, LeaseAnswer::Held { .. }), "a stale release set the new holder's lease free");
    Ok(())
}

/// Every write of a coordinator is refused once its lease was taken over, and changes nothing.
pub async fn a_stale_lease_writes_nothing(at: &dyn StoreFixture) -> Result<(), String> {
    let scan = scan_id("1000");
    let record = trade(&scan, "TSLA270319C00450000", 20, 0);
    let stale = one_scan(at, "1000", |_, commit| commit.trades.push(record.clone())).await?;
    at.pass(at.beat() * 101).await;
    let lease = lease(at, &scan, "b").await?;
    let fencing = |what: &str, answer: Result<(), StoreError>| -> Result<(), String> {
        ensure!(fenced(&answer), "{what} with a stale lease: {answer:?}");
        Ok(())
    };
    let store = at.store();
    fencing("renewing", store.renew_lease(&stale, at.beat()).await)?;
    fencing("freezing", store.freeze_manifest(&stale, &manifest(&scan, &["AAPL"])).await.map(|_| ()))?;
    fencing("advancing", store.advance(&stale, ScanState::Running).await)?;
    fencing("sealing", store.seal(&stale).await.map(|_| ()))?;
    let state = async || store.scan_state(&scan).await.kept("asking for a state");
    ensure_eq!(state().await?, Some(ScanState::Publishing), "the state after stale writes");
    store.seal(&lease).await.kept("sealing")?;
    let buy = notice(&record, fleet_core::domain::NoticeKind::Buy, 0);
    let decision =
        PortfolioDecision { taken: vec![record.id.clone()], notices: vec![buy], ..PortfolioDecision::default() };
    fencing("settling", store.settle(&stale, &decision).await)?;
    let asked = RequestCounts::of([(Vendor::Finviz, 5)]);
    fencing("noting requests", store.note_requests(&stale, &asked).await)?;
    ensure_eq!(store.scan_requests(&scan).await.kept("reading")?.total(), 0, "requests after stale writes");
    ensure_eq!(state().await?, Some(ScanState::Sealed), "the state after a stale settlement");
    ensure_eq!(stored(at, &record.id).await?, proposed(&record), "the trade after a stale settlement");
    ensure_eq!(told(at).await?, Vec::<String>::new(), "the outbox after a stale settlement");
    // A lease of the same epoch that belongs to somebody else is as stale.
    let forged = Lease { holder: holder("a"), ..lease };
    fencing("advancing as somebody else", store.advance(&forged, ScanState::Done).await)?;
    frozen(at, "1030", &["AAPL"]).await?;
    Ok(())
}

/// Whoever asks is told who holds a lease, until when, and how often it was given out.
pub async fn a_lease_is_shown_to_who_asks(at: &dyn StoreFixture) -> Result<(), String> {
    let view = async || at.store().lease(&scan_id("1000")).await.kept("looking at a lease");
    ensure_eq!(view().await?, None, "the lease of an unknown scan");
    open(at).await?;
    ensure_eq!(view().await?, Some(LeaseView { epoch: 0, held: None }), "a lease nobody ever had");
    let first = take(at, "a", 50).await?;
    let seen = view().await?.ok_or("a scan that is there was not found")?;
    ensure_eq!(seen.epoch, first.epoch, "the epoch shown");
    let (shown, ends_in) = seen.held.ok_or("a lease that is held was shown as free")?;
    ensure_eq!(shown, holder("a"), "the holder shown");
    ensure!(
        ends_in <= at.beat() * 50 && ends_in > at.beat() * 40,
        "a lease of {:?} ends in {ends_in:?}",
        at.beat() * 50
    );
    at.pass(at.beat() * 51).await;
    ensure_eq!(view().await?, Some(LeaseView { epoch: first.epoch, held: None }), "a lease whose time is over");
    Ok(())
}
