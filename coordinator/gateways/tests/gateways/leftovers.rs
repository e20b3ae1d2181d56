//! What is found and deleted, what is told and left, and what is never touched.

use std::sync::Arc;
use std::time::Duration;

use fleet_gateways::memory_aws::faults::{Fault, Faults};
use fleet_gateways::memory_aws::log::Outcome;
use fleet_gateways::memory_aws::{MemorySettings, Quotas};
use fleet_gateways::memory_ledger::MemoryLedger;
use fleet_gateways::picture::{Fate, Orphan};
use fleet_gateways::plan::{Experience, plan};
use fleet_gateways::provider::{GatewayProvider, ProviderError};
use fleet_gateways::quota::Operation;
use fleet_gateways::raise::UpError;
use fleet_gateways::resource::{AttachedStage, ResourceKind, StageName, Tags};
use fleet_gateways::tags;
use tokio::time::sleep;

use crate::world::{World, owner, region, regions, spec};

fn calls(world: &World, operation: Operation) -> usize {
    world.aws.log().iter().filter(|call| call.operation == operation).count()
}

fn our_tags(more: &[(&str, &str)]) -> Tags {
    let mut tags = Tags::from([(tags::OWNER.to_owned(), owner().as_str().to_owned())]);
    tags.extend(more.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
    tags
}

#[tokio::test(start_paused = true)]
async fn what_a_lost_ledger_knew_is_found_by_its_tags() {
    let mut world = World::real(1, 3);
    world.plant_foreign();
    world.up(&world.order("scan", 3, 2)).await.unwrap().unwrap();
    world.ledger = Arc::new(MemoryLedger::default());
    world.outlive_leases().await;
    let report = world.cleanup().await.unwrap();
    assert_eq!((report.deleted.len(), report.is_complete()), (12, true), "{report:?}");
    world.assert_empty("a lost ledger").await;
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_tells_each_fate_and_changes_nothing() {
    let world = World::real(2, 1);
    world.plant_foreign();
    let live = world.order("live", 1, 1);
    world.up(&live).await.unwrap().unwrap();
    let old = world.order("old", 1, 1);
    world.up(&old).await.unwrap().unwrap();
    world.process().release(&old.set, &old.holder).await.unwrap();
    let at = region("us-east-1");
    let intent = format!("live/{at}/api-1");
    let future = world.now().checked_add(Duration::from_secs(999_999)).unwrap().to_string();
    let kind = ResourceKind::RestApi;
    let plant = |more: &[(&str, &str)]| world.aws.plant(&at, kind, "x", &our_tags(more)).id;
    let surplus = plant(&[(tags::SET, "live"), (tags::INTENT, &intent), (tags::EXPIRES_AT, &future)]);
    let leased = plant(&[(tags::SET, "elsewhere"), (tags::EXPIRES_AT, &future)]);
    let expired = plant(&[(tags::SET, "elsewhere"), (tags::EXPIRES_AT, "1970-01-01T00:00:00Z")]);
    let bare = plant(&[]);
    sleep(Duration::from_secs(60)).await;

    let before = world.aws.log().len();
    let picture = world.process().survey().await.unwrap();
    let fates: Vec<(String, Fate)> = picture.ours().map(|(thing, fate)| (thing.at.id.0.clone(), fate)).collect();
    let fate = |id: &str| fates.iter().find(|(of, _)| of == id).map(|(_, fate)| fate.clone()).unwrap();
    assert_eq!(fate(&surplus.0), Fate::Orphan(Orphan::Surplus(live.set.clone())));
    assert!(matches!(fate(&leased.0), Fate::Leased { .. }));
    assert!(matches!(fate(&expired.0), Fate::Orphan(Orphan::Expired { .. })));
    assert_eq!(fate(&bare.0), Fate::Orphan(Orphan::NoLease));
    let count = |fate: &Fate| fates.iter().filter(|(_, of)| of == fate).count();
    assert_eq!(count(&Fate::Wanted(live.set.clone())), 3);
    assert_eq!(count(&Fate::Orphan(Orphan::Released(old.set.clone()))), 3);
    assert_eq!(fates.len(), 10, "nothing foreign among them");
    assert_eq!(plan(&picture, &Experience::default()).len(), 1);
    assert!(world.aws.log()[before..].iter().all(|call| !call.changes()), "a dry run changed something");
}

#[tokio::test(start_paused = true)]
async fn a_plan_whose_stages_do_not_go_is_detached_and_only_then() {
    let mut settings = MemorySettings::real(3, regions(1));
    settings.detach_lag = Duration::from_secs(2);
    let world = World::new(settings.clone());
    let order = world.order("scan", 1, 2);
    world.up(&order).await.unwrap().unwrap();
    assert!(world.down(&order).await.unwrap().is_complete());
    assert_eq!(calls(&world, Operation::UpdateUsagePlan), 0, "not on the usual path");
    world.assert_empty("detached in time").await;

    settings.detach_lag = Duration::from_secs(1_000_000);
    settings.seed = 5;
    let world = World::new(settings);
    let order = world.order("scan", 1, 2);
    world.up(&order).await.unwrap().unwrap();
    assert!(world.down(&order).await.unwrap().is_complete());
    assert_eq!(calls(&world, Operation::UpdateUsagePlan), 2, "both stages");
    world.assert_empty("the last resort").await;
}

#[tokio::test(start_paused = true)]
async fn a_plan_of_ours_with_somebody_elses_stage_is_left_and_told() {
    let world = World::real(4, 1);
    world.plant_foreign();
    let at = region("us-east-1");
    let theirs = world.aws.plant(&at, ResourceKind::RestApi, "theirs", &Tags::new());
    let stage = AttachedStage { api: theirs.id, stage: StageName::ours() };
    world.aws.create_usage_plan(&at, "ours", &[stage], &our_tags(&[])).await.unwrap();
    sleep(Duration::from_secs(5)).await;
    let report = world.cleanup().await.unwrap();
    assert!(!report.is_complete());
    assert_eq!(report.remaining.len(), 1, "{report:?}");
    assert!(report.remaining[0].1.as_ref().is_some_and(|why| why.contains("not ours")), "{report:?}");
    assert_eq!(
        calls(&world, Operation::UpdateUsagePlan) + calls(&world, Operation::Delete(ResourceKind::UsagePlan)),
        0
    );
    assert_eq!(world.aws.harm(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn ours_is_found_among_more_than_a_page_of_others() {
    let world = World::real(5, 1);
    let order = world.order("scan", 1, 1);
    for _ in 0..598 {
        world.aws.plant(&region("us-east-1"), ResourceKind::RestApi, "theirs", &Tags::new());
    }
    world.up(&order).await.unwrap().unwrap();
    sleep(Duration::from_secs(60)).await;
    assert_eq!(world.cleanup().await.unwrap().spared, 3);
    assert!(world.down(&order).await.unwrap().is_complete());
    world.assert_empty("two pages").await;
}

#[tokio::test(start_paused = true)]
async fn a_region_that_is_not_enabled_costs_only_itself() {
    let world = World::real(6, 2);
    let mut order = world.order("scan", 2, 1);
    order.regions.push(region("ap-east-1"));
    let raised = world.process().up(&order, &spec(), 2).await.unwrap();
    assert_eq!(raised.endpoints.len(), 2);
    assert_eq!(raised.failed.len(), 1);
    assert!(world.cleanup().await.unwrap().is_complete());

    let mut all = world.order("all", 2, 1);
    all.regions.push(region("ap-east-1"));
    let failed = world.process().up(&all, &spec(), 3).await;
    let Err(UpError::TooFew { raised, least, undo, .. }) = failed else { panic!("{failed:?}") };
    assert!(raised <= 2 && least == 3);
    assert!(undo.unwrap().is_complete());
    assert_eq!(world.aws.owned_by(&owner()).len(), 6, "the first set alone");
    assert!(world.down(&order).await.unwrap().is_complete());
    world.assert_empty("a disabled Region").await;
}

#[tokio::test(start_paused = true)]
async fn a_region_that_was_disabled_with_things_in_it_is_told_of() {
    let world = World::real(7, 2);
    let order = world.order("scan", 2, 1);
    world.up(&order).await.unwrap().unwrap();
    let list = Operation::List(ResourceKind::RestApi);
    // Disabled, and not even listed as a Region: both ends of the same news.
    let disabled = Fault::Before(ProviderError::RegionDisabled(region("us-east-2")));
    world.aws.inject(Faults::none().every(list, disabled));
    let report = world.down(&order).await.unwrap();
    assert_eq!((report.is_complete(), report.blind.len()), (false, 2), "{report:?}");
    world.aws.inject(Faults::none());
    assert!(world.cleanup().await.unwrap().is_complete());
    world.assert_empty("enabled again").await;
}

#[tokio::test(start_paused = true)]
async fn without_permission_nothing_is_begun_and_the_answer_is_quick() {
    let world = World::real(8, 17);
    let denied = Fault::Before(ProviderError::Denied("not authorised".to_owned()));
    world.aws.inject(Faults::none().every(Operation::CreateRestApi, denied));
    let start = tokio::time::Instant::now();
    let failed = world.process().up(&world.order("scan", 17, 1), &spec(), 17).await;
    assert!(matches!(failed, Err(UpError::TooFew { raised: 0, .. })), "{failed:?}");
    // What was certainly refused is not waited for. Keys were made beside, and are deleted.
    assert!(start.elapsed() < Duration::from_secs(3), "it took {:?}", start.elapsed());
    world.assert_empty("no permission").await;
}

#[tokio::test(start_paused = true)]
async fn a_key_value_never_leaves_but_to_create_the_key() {
    let world = World::real(9, 1);
    let order = world.order("scan", 1, 1);
    let raised = world.up(&order).await.unwrap().unwrap();
    let key = raised.endpoints[0].key.reveal();
    assert!(key.len() >= 40);
    let shown = format!("{raised:?} {:?} {:?}", world.aws.log(), world.aws.owned_by(&owner()));
    assert!(!shown.contains(key));
}

#[tokio::test(start_paused = true)]
async fn a_region_that_does_not_answer_is_tried_again_and_then_told() {
    let mut settings = MemorySettings::real(10, regions(1));
    settings.quotas = Quotas::Ignored;
    let world = World::new(settings);
    let order = world.order("scan", 1, 1);
    world.up(&order).await.unwrap().unwrap();
    let nothing = Fault::TimeOut { effect_after: None };
    world.aws.inject(Faults::none().every(Operation::Delete(ResourceKind::RestApi), nothing));
    let report = world.down(&order).await.unwrap();
    assert!(!report.is_complete());
    // The plan is attached to the API that does not go; the key went.
    assert!(report.remaining.iter().any(|(thing, _)| thing.kind == ResourceKind::RestApi), "{report:?}");
    let unanswered = world.aws.log().iter().filter(|call| call.outcome == Outcome::NoAnswer).count();
    assert!((4..=100).contains(&unanswered), "{unanswered} tries");
    world.aws.inject(Faults::none());
    assert!(world.cleanup().await.unwrap().is_complete());
    world.assert_empty("answering again").await;
}

#[tokio::test(start_paused = true)]
async fn what_appears_after_its_set_was_closed_is_recognised_for_a_week() {
    let world = World::real(11, 1);
    let order = world.order("scan", 1, 1);
    world.up(&order).await.unwrap().unwrap();
    assert!(world.down(&order).await.unwrap().is_complete());
    world.assert_empty("closed").await;
    let future = world.now().checked_add(Duration::from_secs(99 * 86_400)).unwrap().to_string();
    let late = || {
        let tags = our_tags(&[(tags::SET, "scan"), (tags::EXPIRES_AT, &future)]);
        world.aws.plant(&region("us-east-1"), ResourceKind::RestApi, "late", &tags).id
    };
    let first = late();
    sleep(Duration::from_secs(6 * 86_400)).await;
    let deleted = world.cleanup().await.unwrap().deleted;
    assert_eq!(deleted.into_iter().map(|thing| thing.id).collect::<Vec<_>>(), [first], "its lease does not count");
    sleep(Duration::from_secs(2 * 86_400)).await;
    world.cleanup().await.unwrap();
    assert!(fleet_gateways::ledger::Ledger::sets(&*world.ledger).await.unwrap().is_empty(), "it was forgotten");
    late();
    assert_eq!(world.cleanup().await.unwrap().spared, 1, "it is only known by its tags now");
}
