//! The ledger fails at each call in turn, before it wrote or after: nothing is left behind once it is back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use fleet_core::seams::Holder;
use fleet_gateways::ledger::{Ledger, LedgerError, Part};
use fleet_gateways::memory_ledger::MemoryLedger;
use fleet_gateways::resource::ResourceId;
use fleet_gateways::set::{GatewaySet, IntentId, SetId};
use fleet_gateways::{Gateways, Settings};
use jiff::Timestamp;

use crate::world::{World, owner, spec};

#[derive(Clone, Copy, PartialEq, Debug)]
enum Away {
    BeforeWriting,
    AfterWriting,
}

/// Fails once, at its n-th call.
struct Flaky {
    inner: Arc<MemoryLedger>,
    calls: AtomicU32,
    fails_at: u32,
    away: Away,
}

impl Flaky {
    /// Whether this call fails, and how.
    fn away(&self) -> Option<Away> {
        (self.calls.fetch_add(1, Ordering::Relaxed) == self.fails_at).then_some(self.away)
    }
}

macro_rules! delegate {
    ($($name:ident($($arg:ident: $kind:ty),*) -> $answer:ty;)*) => {
        #[async_trait]
        impl Ledger for Flaky {
            $(
                async fn $name(&self, $($arg: $kind),*) -> Result<$answer, LedgerError> {
                    let away = self.away();
                    if away == Some(Away::BeforeWriting) {
                        return Err(LedgerError::Unavailable("away".to_owned()));
                    }
                    let answer = self.inner.$name($($arg),*).await;
                    if away == Some(Away::AfterWriting) {
                        return Err(LedgerError::Unavailable("away".to_owned()));
                    }
                    answer
                }
            )*
        }
    };
}

delegate! {
    open(set: &GatewaySet) -> GatewaySet;
    sets() -> Vec<GatewaySet>;
    attempt(intent: &IntentId, at: Timestamp) -> ();
    not_made(intent: &IntentId) -> ();
    made(intent: &IntentId, resource: &ResourceId) -> ResourceId;
    ready(intent: &IntentId) -> ();
    gone(intent: &IntentId) -> ();
    claim(set: &SetId, holder: &Holder, now: Timestamp, expires_at: Timestamp) -> bool;
    renew(set: &SetId, holder: &Holder, expires_at: Timestamp) -> ();
    park(set: &SetId, holder: &Holder, expires_at: Timestamp) -> ();
    release(set: &SetId, part: &Part, holder: Option<&Holder>) -> ();
    expire(set: &SetId, now: Timestamp) -> bool;
    close(set: &SetId) -> bool;
    forget(opened_before: Timestamp) -> u32;
}

/// One life with a ledger that fails at its n-th call; answers whether it came to that.
async fn life(fails_at: u32, away: Away) -> bool {
    let world = World::real(1, 2);
    world.plant_foreign();
    let order = world.order("scan", 2, 2);
    let flaky = Arc::new(Flaky { inner: world.ledger.clone(), calls: AtomicU32::new(0), fails_at, away });
    let process = Gateways::new(world.aws.clone(), flaky.clone(), world.clock.clone(), Settings::of(owner()));
    let up = process.up(&order, &spec(), 2).await;
    let released = process.release(&order.set, &order.holder).await;
    let down = process.reconcile().await;
    let failed = flaky.calls.load(Ordering::Relaxed) > fails_at;
    assert_eq!(failed, up.is_err() || released.is_err() || down.is_err(), "call {fails_at}: a failure was swallowed");
    // The next process has a ledger that answers.
    world.outlive_leases().await;
    assert!(world.cleanup().await.unwrap().is_complete(), "call {fails_at}, {away:?}");
    world.assert_empty(&format!("the ledger was away at call {fails_at}, {away:?}")).await;
    failed
}

#[tokio::test(start_paused = true)]
async fn a_ledger_that_is_away_at_any_call_leaves_nothing_behind() {
    for away in [Away::BeforeWriting, Away::AfterWriting] {
        let mut call = 0;
        while life(call, away).await {
            call += 1;
        }
        assert!(call > 30, "only {call} calls of the ledger");
    }
}
