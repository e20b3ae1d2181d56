//! Who is spared, and what is used again.

use std::sync::Arc;
use std::time::Duration;

use fleet_core::seams::Holder;
use fleet_gateways::ledger::{Ledger, Part};
use fleet_gateways::memory_aws::MemorySettings;
use fleet_gateways::memory_ledger::MemoryLedger;
use fleet_gateways::picture::Leases;
use fleet_gateways::quota::Operation;
use fleet_gateways::raise::{Origin, UpError};
use fleet_gateways::region::AccountId;
use fleet_gateways::resource::ResourceKind;
use fleet_gateways::set::SetState;
use fleet_gateways::spec::{GatewaySpec, Route};
use fleet_gateways::{Scope, Settings};
use tokio::time::sleep;

use crate::world::{LEASE, World, owner, region, regions, spec};

/// The same account seen from a machine with a ledger of its own.
fn another_machine(world: &World) -> World {
    World { aws: world.aws.clone(), ledger: Arc::new(MemoryLedger::default()), clock: world.clock.clone() }
}

fn creations(world: &World) -> usize {
    world.aws.log().iter().filter(|call| call.operation == Operation::CreateRestApi).count()
}

#[tokio::test(start_paused = true)]
async fn a_run_of_another_ledger_is_spared_until_its_lease_ends() {
    let world = World::real(1, 2);
    let order = world.order("scan", 2, 1);
    world.up(&order).await.unwrap().unwrap();
    sleep(Duration::from_secs(60)).await;
    let other = another_machine(&world);
    let report = other.cleanup().await.unwrap();
    assert!(report.is_complete() && report.deleted.is_empty(), "{report:?}");
    assert_eq!(report.spared, 6);

    // It renews, which the other machine sees by the tags alone.
    let until = world.now().checked_add(LEASE * 2).unwrap();
    assert_eq!(world.process().renew(&order.set, &order.holder, until).await.unwrap(), []);
    world.outlive_leases().await;
    assert_eq!(other.cleanup().await.unwrap().spared, 6, "a renewed lease");

    world.outlive_leases().await;
    let report = other.cleanup().await.unwrap();
    assert_eq!((report.deleted.len(), report.spared, report.is_complete()), (6, 0, true), "{report:?}");
    // Its own ledger hears of it, and believes it.
    assert!(world.cleanup().await.unwrap().is_complete());
    world.assert_empty("a lease that ended").await;
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_ended_is_ended_in_the_ledger_first() {
    let world = World::real(1, 1);
    let order = world.order("scan", 1, 1);
    world.up(&order).await.unwrap().unwrap();
    world.outlive_leases().await;
    assert!(world.cleanup().await.unwrap().is_complete());
    // The run that was only slow learns it, whatever it tries.
    let late = world.now().checked_add(LEASE).unwrap();
    assert!(world.process().renew(&order.set, &order.holder, late).await.is_err());
    assert!(world.ledger.attempt(&world.ledger.sets().await.unwrap()[0].intents[0].id, late).await.is_err());
    let again = world.up(&order).await.unwrap();
    assert!(matches!(again, Err(UpError::NotWanted(_))), "{again:?}");
    world.assert_empty("a slow run").await;
}

#[tokio::test(start_paused = true)]
async fn a_set_kept_warm_is_used_again_by_one_run() {
    let world = World::real(2, 2);
    let first = world.order("first", 2, 1);
    let raised = world.up(&first).await.unwrap().unwrap();
    let warm_until = world.now().checked_add(LEASE * 2).unwrap();
    world.process().park(&first.set, &first.holder, warm_until).await.unwrap();
    world.outlive_leases().await;
    assert_eq!(world.cleanup().await.unwrap().spared, 6, "what is kept warm");

    let second = world.order("second", 2, 1);
    let reused = world.up(&second).await.unwrap().unwrap();
    assert_eq!((reused.origin, &reused.set, &reused.endpoints), (Origin::Reused, &first.set, &raised.endpoints));
    assert_eq!(creations(&world), 2, "nothing was created anew");
    assert_eq!(reused.expires_at, warm_until.max(second.expires_at));

    let third = world.order("third", 2, 1);
    let own = world.up(&third).await.unwrap().unwrap();
    assert_eq!((own.origin, own.set), (Origin::Raised, third.set.clone()), "one run at a time");

    // The first run was killed after it parked the set, and does its end again: it is not its own any more.
    assert!(matches!(world.up(&first).await.unwrap(), Err(UpError::Held(_))));
    assert!(world.process().release(&first.set, &first.holder).await.is_err());
    assert_eq!(world.cleanup().await.unwrap().deleted, []);

    world.process().release(&first.set, &second.holder).await.unwrap();
    world.process().release(&third.set, &third.holder).await.unwrap();
    assert!(world.cleanup().await.unwrap().is_complete());
    world.assert_empty("kept warm").await;
}

#[tokio::test(start_paused = true)]
async fn a_set_kept_warm_is_not_used_where_it_does_not_fit() {
    let other_spec = GatewaySpec::new(vec![Route::new("yahoo", "https://query2.finance.yahoo.com").unwrap()]).unwrap();
    for (what, count, per_region, spec) in
        [("other routes", 2, 1, other_spec), ("fewer Regions", 1, 1, spec()), ("more gateways", 2, 2, spec())]
    {
        let world = World::real(3, 2);
        let first = world.order("first", 2, 1);
        world.up(&first).await.unwrap().unwrap();
        world.process().park(&first.set, &first.holder, first.expires_at).await.unwrap();
        let second = world.order("second", count, per_region);
        let raised = world.process().up(&second, &spec, count).await.unwrap();
        assert_eq!(raised.origin, Origin::Raised, "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_set_kept_warm_that_somebody_deleted_is_replaced() {
    let world = World::real(4, 1);
    let first = world.order("first", 1, 1);
    let raised = world.up(&first).await.unwrap().unwrap();
    world.process().park(&first.set, &first.holder, first.expires_at).await.unwrap();
    let api = world.aws.owned_by(&owner()).into_iter().find(|thing| thing.at.id == raised.endpoints[0].api).unwrap();
    use fleet_gateways::provider::GatewayProvider;
    world.aws.delete(&api.at).await.unwrap();
    let second = world.order("second", 1, 1);
    let again = world.up(&second).await.unwrap().unwrap();
    assert_eq!((again.origin, &again.set), (Origin::Raised, &second.set));
    assert!(world.down(&second).await.unwrap().is_complete());
    world.assert_empty("deleted by hand").await;
}

#[tokio::test(start_paused = true)]
async fn a_set_kept_warm_is_used_again_also_where_a_region_failed() {
    let world = World::real(11, 2);
    let order = |name| {
        let mut order = world.order(name, 2, 1);
        order.regions.push(region("ap-east-1"));
        order
    };
    let (first, second) = (order("first"), order("second"));
    let raised = world.process().up(&first, &spec(), 2).await.unwrap();
    world.process().park(&first.set, &first.holder, first.expires_at).await.unwrap();
    let again = world.process().up(&second, &spec(), 2).await.unwrap();
    assert_eq!((again.origin, &again.endpoints), (Origin::Reused, &raised.endpoints));
    // The run that holds it now is launched again.
    let failed = world.process().up(&first, &spec(), 2).await;
    assert!(matches!(failed, Err(UpError::Held(_))), "{failed:?}");
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_launched_again_has_its_lease_renewed() {
    let world = World::real(12, 2);
    let mut order = world.order("scan", 2, 1);
    order.regions.push(region("ap-east-1"));
    world.process().up(&order, &spec(), 2).await.unwrap();
    let first_lease = order.expires_at;
    order.expires_at = first_lease.checked_add(LEASE).unwrap();
    let again = world.process().up(&order, &spec(), 2).await.unwrap();
    assert_eq!((again.endpoints.len(), again.failed.len(), again.expires_at), (2, 1, order.expires_at));
    world.outlive_leases().await;
    // By tags alone, too.
    assert_eq!(another_machine(&world).cleanup().await.unwrap().spared, 6);
}

#[tokio::test(start_paused = true)]
async fn what_a_killed_run_left_is_not_used_again_while_it_is_held() {
    let world = World::real(5, 1);
    world.up(&world.order("first", 1, 1)).await.unwrap().unwrap();
    let raised = world.up(&world.order("second", 1, 1)).await.unwrap().unwrap();
    assert_eq!(raised.origin, Origin::Raised);
}

#[tokio::test(start_paused = true)]
async fn everything_of_ours_can_be_forced_and_the_run_learns_it() {
    let world = World::real(6, 2);
    world.plant_foreign();
    let order = world.order("scan", 2, 1);
    world.up(&order).await.unwrap().unwrap();
    let settings = |scope| Settings { leases: Leases::Overridden, scope, ..Settings::of(owner()) };

    // In one Region alone.
    let only = settings(Scope::Only(vec![region("us-east-1")]));
    let report = world.process_with(world.aws.clone(), only).reconcile().await.unwrap();
    assert!(report.is_complete(), "{report:?}");
    let left = world.aws.owned_by(&owner());
    assert_eq!(left.len(), 3);
    assert!(left.iter().all(|thing| thing.at.region == region("us-east-2")));
    assert_eq!(world.ledger.sets().await.unwrap()[0].state, SetState::Wanted);

    let report = world.process_with(world.aws.clone(), settings(Scope::Everywhere)).reconcile().await.unwrap();
    assert!(report.is_complete(), "{report:?}");
    assert!(world.process().renew(&order.set, &order.holder, order.expires_at).await.is_err());
    world.assert_empty("forced").await;
}

#[tokio::test(start_paused = true)]
async fn a_set_of_another_account_is_no_business_of_this_one() {
    let world = World::real(7, 1);
    let order = world.order("scan", 1, 1);
    world.up(&order).await.unwrap().unwrap();
    let before = world.ledger.sets().await.unwrap();
    let mut settings = MemorySettings::real(8, regions(1));
    settings.account = AccountId("999999999999".to_owned());
    let elsewhere = World { ledger: world.ledger.clone(), ..World::new(settings) };
    let forced = Settings { leases: Leases::Overridden, ..Settings::of(owner()) };
    assert!(elsewhere.process_with(elsewhere.aws.clone(), forced).reconcile().await.unwrap().is_complete());
    world.outlive_leases().await;
    assert!(elsewhere.cleanup().await.unwrap().is_complete());
    assert_eq!(world.ledger.sets().await.unwrap(), before, "nothing was concluded from another account");
    assert!(world.cleanup().await.unwrap().is_complete());
    world.assert_empty("two accounts").await;
}

#[tokio::test(start_paused = true)]
async fn a_name_is_not_used_for_other_routes() {
    let world = World::real(9, 1);
    let order = world.order("scan", 1, 1);
    world.up(&order).await.unwrap().unwrap();
    let other = GatewaySpec::new(vec![Route::new("x", "https://x.com").unwrap()]).unwrap();
    let answer = world.process().up(&order, &other, 1).await;
    assert!(matches!(answer, Err(UpError::SpecDiffers { .. })), "{answer:?}");
}

#[tokio::test(start_paused = true)]
async fn a_lease_renewed_in_the_last_moment_holds() {
    let world = World::real(10, 1);
    let order = world.order("scan", 1, 1);
    world.up(&order).await.unwrap().unwrap();
    world.outlive_leases().await;
    // Between the survey that saw it over and its end in the ledger.
    world.ledger.renew(&order.set, &order.holder, world.now().checked_add(LEASE).unwrap()).await.unwrap();
    let report = world.cleanup().await.unwrap();
    assert_eq!((report.spared, report.deleted.len()), (3, 0));
    // Parts released stay released.
    world.ledger.release(&order.set, &Part::Whole, None).await.unwrap();
    let claimed = world.ledger.claim(&order.set, &Holder("x".to_owned()), world.now(), order.expires_at).await;
    assert_eq!(claimed, Ok(false));
    assert!(world.cleanup().await.unwrap().is_complete());
    world.assert_empty("renewed").await;
    assert_eq!(world.aws.owned_by(&owner()).iter().filter(|thing| thing.at.kind == ResourceKind::RestApi).count(), 0);
}
