//! Promises about request budgets. A permit's time is the store's time at the answer plus what the answer says.

use std::time::Duration;

use fleet_core::domain::Vendor;
use fleet_core::seams::{BudgetAnswer, Store, StoreError};
use jiff::{SignedDuration, Timestamp};

use super::super::{Kept, ensure, ensure_eq};
use super::fixture::StoreFixture;

const RATE: f64 = 20.0;

async fn draw(store: &dyn Store, vendor: Vendor, per_sec: f64, want: u32) -> Result<BudgetAnswer, String> {
    store.draw(vendor, per_sec, want).await.kept("drawing from a budget")
}

/// When the permits of an answer may leave.
fn leaves(now: Timestamp, answer: BudgetAnswer) -> Vec<Timestamp> {
    match answer {
        BudgetAnswer::Blocked { .. } => Vec::new(),
        BudgetAnswer::Granted { permits, start_in, spacing } => {
            (0..permits).map(|n| now.saturating_add(start_in + spacing * n).unwrap_or(Timestamp::MAX)).collect()
        }
    }
}

/// Two greedy callers for as long as it takes to draw `permits`; every leave, in order. Nobody waits in vain.
async fn greedy(at: &dyn StoreFixture, per_sec: f64, permits: usize) -> Result<Vec<Timestamp>, String> {
    let other = at.reopened().await?;
    let mut all = Vec::new();
    // Each turn grants at least one permit or waits for one; the bound only stops a store that never grants.
    for turn in 0..permits * 8 {
        if all.len() >= permits {
            break;
        }
        let store = if turn % 2 == 0 { at.store() } else { other.as_ref() };
        let answer = draw(store, Vendor::Cboe, per_sec, 5).await?;
        all.extend(leaves(at.now(), answer));
        if let BudgetAnswer::Blocked { retry_in } = answer {
            at.pass(retry_in).await;
        }
    }
    ensure!(all.len() >= permits, "only {} of {permits} permits were granted", all.len());
    all.sort();
    Ok(all)
}

/// In any ten seconds at most ten times the rate, over all callers, without a burst at the start; and nearly as much
/// is given as is allowed.
pub async fn a_budget_is_kept_in_every_window_by_all_callers_together(at: &dyn StoreFixture) -> Result<(), String> {
    let allowed = (RATE * 10.0) as usize;
    // A window and a bit, so that there are windows to slide.
    let all = greedy(at, RATE, allowed + 20).await?;
    let window = SignedDuration::from_secs(10);
    for (n, first) in all.iter().enumerate() {
        let inside = all[n..].iter().take_while(|leave| leave.duration_since(*first) <= window).count();
        ensure!(inside <= allowed, "{inside} requests may leave within 10 s at {RATE}/s");
    }
    let first_second = all.iter().take_while(|leave| leave.duration_since(all[0]) < SignedDuration::from_secs(1));
    let burst = first_second.count();
    ensure!(burst <= RATE as usize, "{burst} requests may leave in the first second at {RATE}/s");
    let took = all[allowed].duration_since(all[0]).as_secs_f64();
    ensure!(took < 11.0, "{allowed} requests at {RATE}/s took {took} s");
    Ok(())
}

/// At most a second's worth and at most what was asked for; at least one.
pub async fn a_grant_is_a_seconds_worth_at_most_and_one_at_least(at: &dyn StoreFixture) -> Result<(), String> {
    for (vendor, per_sec, want, most) in
        [(Vendor::Cboe, RATE, 1_000, 20), (Vendor::Yahoo, RATE, 3, 3), (Vendor::Finviz, 0.5, 9, 1)]
    {
        match draw(at.store(), vendor, per_sec, want).await? {
            BudgetAnswer::Granted { permits, start_in, spacing } => {
                ensure!((1..=most).contains(&permits), "{permits} permits of {want} at {per_sec}/s");
                ensure!(start_in < Duration::from_millis(100), "the first permit of all starts in {start_in:?}");
                ensure!(spacing.as_secs_f64() >= 1.0 / per_sec, "permits {spacing:?} apart at {per_sec}/s");
            }
            blocked @ BudgetAnswer::Blocked { .. } => return Err(format!("the first draw of all was {blocked:?}")),
        }
    }
    let zero = draw(at.store(), Vendor::Robinhood, RATE, 0).await?;
    ensure!(matches!(zero, BudgetAnswer::Granted { permits: 1, .. }), "a draw of nothing: {zero:?}");
    Ok(())
}

/// A budget of less than one request in ten seconds is one at a time, that far apart.
pub async fn a_slow_budget_lets_one_through_at_a_time(at: &dyn StoreFixture) -> Result<(), String> {
    let per_sec = 0.05;
    let first = leaves(at.now(), draw(at.store(), Vendor::Cboe, per_sec, 5).await?);
    let second = leaves(at.now(), draw(at.store(), Vendor::Cboe, per_sec, 5).await?);
    ensure_eq!(first.len(), 1, "permits of the first draw at one in 20 s");
    let apart = second.first().map(|second| second.duration_since(first[0]));
    let wanted = SignedDuration::from_millis(19_900);
    ensure!(apart.is_none_or(|apart| apart >= wanted), "two requests {apart:?} apart at one in 20 s");
    let third = leaves(at.now(), draw(at.store(), Vendor::Cboe, per_sec, 5).await?);
    ensure!(second.len() + third.len() <= 1, "more than one request was promised ahead at one in 20 s");
    Ok(())
}

/// What one vendor uses up, another does not miss.
pub async fn vendors_have_budgets_of_their_own(at: &dyn StoreFixture) -> Result<(), String> {
    for vendor in Vendor::ALL {
        let answer = draw(at.store(), vendor, 1.0, 1).await?;
        let at_once = matches!(answer, BudgetAnswer::Granted { start_in, .. } if start_in < Duration::from_millis(100));
        ensure!(at_once, "the first draw of {vendor} was {answer:?}");
    }
    Ok(())
}

/// A "stop" stops everybody for as long as the longest one said, and only for that vendor.
pub async fn a_blocked_vendor_gets_nothing_until_it_is_over(at: &dyn StoreFixture) -> Result<(), String> {
    let (long, short) = (at.beat() * 6, at.beat());
    at.store().block(Vendor::Cboe, long).await.kept("blocking")?;
    at.store().block(Vendor::Cboe, short).await.kept("blocking")?;
    let other = at.reopened().await?;
    match draw(other.as_ref(), Vendor::Cboe, RATE, 1).await? {
        BudgetAnswer::Blocked { retry_in } => {
            ensure!(retry_in <= long && retry_in > long / 2, "blocked for {long:?}, told to ask in {retry_in:?}");
        }
        granted @ BudgetAnswer::Granted { .. } => return Err(format!("a blocked vendor was {granted:?}")),
    }
    let free = draw(at.store(), Vendor::Yahoo, RATE, 1).await?;
    ensure!(matches!(free, BudgetAnswer::Granted { .. }), "another vendor was {free:?}");
    at.pass(at.beat() * 3).await;
    let still = draw(at.store(), Vendor::Cboe, RATE, 1).await?;
    ensure!(matches!(still, BudgetAnswer::Blocked { .. }), "half way through its block a vendor was {still:?}");
    at.pass(at.beat() * 4).await;
    let over = draw(at.store(), Vendor::Cboe, RATE, 1).await?;
    ensure!(matches!(over, BudgetAnswer::Granted { .. }), "after its block a vendor was {over:?}");
    Ok(())
}

/// Zero, negative and other impossible rates are conflicts, not "unlimited" and not "never".
pub async fn what_is_no_rate_is_refused(at: &dyn StoreFixture) -> Result<(), String> {
    for per_sec in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let answer = at.store().draw(Vendor::Cboe, per_sec, 1).await;
        ensure!(matches!(answer, Err(StoreError::Conflict(_))), "a budget of {per_sec}/s was answered: {answer:?}");
    }
    Ok(())
}

/// Every budget that was drawn from or blocked is shown as it stands, and no other.
pub async fn budgets_are_shown_as_they_stand(at: &dyn StoreFixture) -> Result<(), String> {
    let stands = async || at.store().budget_stands().await.kept("looking at the budgets");
    ensure_eq!(stands().await?, Vec::new(), "budgets before any draw");
    draw(at.store(), Vendor::Yahoo, 1.0, 1).await?;
    at.store().block(Vendor::Cboe, at.beat() * 50).await.kept("blocking")?;
    let seen = stands().await?;
    let vendors: Vec<Vendor> = seen.iter().map(|stand| stand.vendor).collect();
    ensure_eq!(vendors, [Vendor::Cboe, Vendor::Yahoo], "vendors shown");
    let (cboe, yahoo) = (seen[0], seen[1]);
    let (least, most) = (at.beat() * 40, at.beat() * 50);
    ensure!((least..=most).contains(&cboe.blocked_for), "blocked for {most:?}, shown as {:?}", cboe.blocked_for);
    ensure_eq!(yahoo.blocked_for, Duration::ZERO, "the block of a vendor that said nothing");
    let spaced = (Duration::from_millis(500)..Duration::from_millis(1_100)).contains(&yahoo.next_in);
    ensure!(spaced, "after a draw at 1/s the next permit is shown in {:?}", yahoo.next_in);
    at.pass(at.beat() * 51).await;
    ensure!(stands().await?.iter().all(|s| s.blocked_for.is_zero()), "a block that is over is still shown");
    Ok(())
}
