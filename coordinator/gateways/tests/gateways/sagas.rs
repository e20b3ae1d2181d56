//! The four checks, for bringing up and for taking down: fail at every call in turn and unwind clean; every step twice;
//! every undo twice; end the process between any two calls, then clean up. The provider ends empty each time.
//!
//! Two Regions with two gateways each: the order with stages, and every kind of step.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use fleet_gateways::Settings;
use fleet_gateways::memory_aws::MemoryAws;
use fleet_gateways::memory_aws::faults::{Fault, Faults};
use fleet_gateways::openapi::ApiBody;
use fleet_gateways::provider::{GatewayProvider, Page, ProviderError};
use fleet_gateways::raise::UpError;
use fleet_gateways::region::{AccountId, Region};
use fleet_gateways::resource::{
    ApiKeyValue, AttachedStage, Resource, ResourceId, ResourceKind, ResourceRef, StageName, Tags,
};
use fleet_gateways::set::Order;

use crate::world::{World, owner, spec};

const REGIONS: usize = 2;
const PER_REGION: u32 = 2;
/// Two APIs, a plan and a key in each.
const THINGS: usize = REGIONS * (PER_REGION as usize + 2);

/// Always the same world, so that its calls can be counted.
fn world() -> (World, Order) {
    let world = World::real(1, REGIONS);
    world.plant_foreign();
    let order = world.order("scan", REGIONS, PER_REGION);
    (world, order)
}

fn denied() -> ProviderError {
    ProviderError::Denied("not authorised".to_owned())
}

/// The number of calls an undisturbed life takes: up alone, and up with down.
async fn calls() -> (u64, u64) {
    let (world, order) = world();
    world.aws.inject(Faults::none());
    world.up(&order).await.unwrap().unwrap();
    let up = world.aws.calls();
    assert!(world.down(&order).await.unwrap().is_complete());
    world.assert_empty("an undisturbed life").await;
    (up, world.aws.calls())
}

#[tokio::test(start_paused = true)]
async fn bringing_up_fails_at_every_call_in_turn_and_unwinds_clean() {
    let (up, _) = calls().await;
    assert!(up >= THINGS as u64, "{up} calls");
    for call in 0..up {
        for fault in [Fault::Before(denied()), Fault::Before(ProviderError::BadRequest("no".to_owned()))] {
            let (world, order) = world();
            world.aws.inject(Faults::nth(call, fault));
            let failed = world.up(&order).await.unwrap();
            let Err(UpError::TooFew { undo, failed, .. }) = failed else { panic!("call {call}: {failed:?}") };
            assert!(!failed.is_empty(), "call {call}");
            assert!(undo.unwrap().is_complete(), "call {call}: the undo is not complete");
            world.assert_empty(&format!("refused at call {call}")).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn answers_lost_at_every_call_in_turn_are_no_failure() {
    let (up, all) = calls().await;
    for call in 0..all {
        for fault in [
            Fault::LostAnswer,
            Fault::TimeOut { effect_after: None },
            Fault::TimeOut { effect_after: Some(Duration::from_secs(19)) },
        ] {
            let (world, order) = world();
            world.aws.inject(Faults::nth(call, fault.clone()));
            let raised = world.up(&order).await.unwrap().unwrap();
            assert_eq!(raised.endpoints.len(), REGIONS * PER_REGION as usize, "call {call}, {fault:?}");
            assert_eq!(world.aws.owned_by(&owner()).len(), THINGS, "call {call}, {fault:?}: nothing twice");
            let report = world.down(&order).await.unwrap();
            assert!(report.is_complete(), "call {call} of {up}+, {fault:?}: {report:?}");
            world.assert_empty(&format!("{fault:?} at call {call}")).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn taking_down_fails_at_every_call_in_turn_and_the_next_time_finishes() {
    let (up, all) = calls().await;
    for call in up..all {
        let (world, order) = world();
        world.aws.inject(Faults::nth(call, Fault::Before(denied())));
        world.up(&order).await.unwrap().unwrap();
        let report = world.down(&order).await.unwrap();
        // What was refused is told, or was done another way (a stage ends with its API).
        if !report.is_complete() {
            assert!(!report.remaining.is_empty() || !report.blind.is_empty(), "call {call}: {report:?}");
            let again = world.cleanup().await.unwrap();
            assert!(again.is_complete(), "call {call}: {again:?}");
        }
        world.assert_empty(&format!("refused at call {call}")).await;
    }
}

/// The process ends at this call of a life, before it was sent or after it was done.
async fn check_crash(call: u64, fault: Fault, order_of_events: &str) {
    let (world, order) = world();
    world.aws.inject(Faults::nth(call, fault.clone()));
    let raised = world.up(&order).await;
    let down = match raised {
        Some(_) => world.down(&order).await.is_some(),
        None => false,
    };
    assert!(!down, "call {call}, {fault:?}: nothing crashed");
    match order_of_events {
        // Nobody releases the set: its lease must end first. Until then it is spared.
        "cleanup" => {
            let before = world.aws.owned_by(&owner()).len();
            let released = world.ledger_released().await;
            world.aws.inject(Faults::none());
            world.cleanup().await.unwrap();
            if !released {
                assert_eq!(world.aws.owned_by(&owner()).len(), before, "call {call}: a lease was not respected");
                world.outlive_leases().await;
                assert!(world.cleanup().await.unwrap().is_complete(), "call {call}");
            }
        }
        // The run is launched again: it finishes what was begun, which does every step that has no record twice, and
        // makes nothing twice.
        "replay" => {
            world.aws.inject(Faults::none());
            match world.up(&order).await.unwrap() {
                Ok(raised) => {
                    assert_eq!(raised.endpoints.len(), REGIONS * PER_REGION as usize, "call {call}");
                    assert_eq!(world.aws.owned_by(&owner()).len(), THINGS, "call {call}, {fault:?}: nothing twice");
                }
                Err(UpError::NotWanted(_)) => assert!(world.ledger_released().await, "call {call}"),
                Err(other) => panic!("call {call}: {other:?}"),
            }
            assert!(world.down(&order).await.unwrap().is_complete(), "call {call}");
        }
        // The teardown is done again from the start.
        other => assert_eq!(other, "down"),
    }
    world.aws.inject(Faults::none());
    assert!(world.down(&order).await.unwrap().is_complete(), "call {call}, {fault:?}");
    world.assert_empty(&format!("{fault:?} at call {call}, then {order_of_events}")).await;
}

#[tokio::test(start_paused = true)]
async fn a_process_that_ends_between_any_two_calls_leaves_nothing_after_cleanup() {
    let (_, all) = calls().await;
    for call in 0..all {
        check_crash(call, Fault::CrashBefore, "cleanup").await;
        check_crash(call, Fault::CrashAfter, "cleanup").await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_launched_again_finishes_what_was_begun_and_makes_nothing_twice() {
    let (_, all) = calls().await;
    for call in 0..all {
        check_crash(call, Fault::CrashBefore, "replay").await;
        check_crash(call, Fault::CrashAfter, "replay").await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_teardown_that_is_begun_again_at_any_call_ends_empty() {
    let (up, all) = calls().await;
    for call in up..all {
        check_crash(call, Fault::CrashBefore, "down").await;
        check_crash(call, Fault::CrashAfter, "down").await;
    }
}

/// Sends what may be repeated twice: every step that is no creation, and every deletion. What is asked once is not answered
/// the first time.
struct Twice(Arc<MemoryAws>, AtomicU32);

#[async_trait]
impl GatewayProvider for Twice {
    async fn account(&self) -> Result<AccountId, ProviderError> {
        if self.1.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) {
            return Err(ProviderError::Unknown("internal server error".to_owned()));
        }
        self.0.account().await
    }
    async fn enabled_regions(&self) -> Result<Vec<Region>, ProviderError> {
        self.0.enabled_regions().await
    }
    async fn create_rest_api(&self, region: &Region, name: &str, tags: &Tags) -> Result<ResourceId, ProviderError> {
        self.0.create_rest_api(region, name, tags).await
    }
    async fn put_rest_api(&self, region: &Region, api: &ResourceId, body: &ApiBody) -> Result<(), ProviderError> {
        self.0.put_rest_api(region, api, body).await?;
        self.0.put_rest_api(region, api, body).await
    }
    async fn create_deployment(
        &self,
        region: &Region,
        api: &ResourceId,
        stage: &StageName,
    ) -> Result<(), ProviderError> {
        self.0.create_deployment(region, api, stage).await?;
        self.0.create_deployment(region, api, stage).await
    }
    async fn create_usage_plan(
        &self,
        region: &Region,
        name: &str,
        stages: &[AttachedStage],
        tags: &Tags,
    ) -> Result<ResourceId, ProviderError> {
        self.0.create_usage_plan(region, name, stages, tags).await
    }
    async fn create_api_key(
        &self,
        region: &Region,
        name: &str,
        value: &ApiKeyValue,
        tags: &Tags,
    ) -> Result<ResourceId, ProviderError> {
        // The second is refused, and what the first made is found by its tag.
        self.0.create_api_key(region, name, value, tags).await?;
        self.0.create_api_key(region, name, value, tags).await
    }
    async fn create_usage_plan_key(
        &self,
        region: &Region,
        plan: &ResourceId,
        key: &ResourceId,
    ) -> Result<(), ProviderError> {
        self.0.create_usage_plan_key(region, plan, key).await?;
        self.0.create_usage_plan_key(region, plan, key).await
    }
    async fn detach_stage(
        &self,
        region: &Region,
        plan: &ResourceId,
        stage: &AttachedStage,
    ) -> Result<(), ProviderError> {
        self.0.detach_stage(region, plan, stage).await?;
        self.0.detach_stage(region, plan, stage).await
    }
    async fn tag(&self, resource: &ResourceRef, tags: &Tags) -> Result<(), ProviderError> {
        self.0.tag(resource, tags).await?;
        self.0.tag(resource, tags).await
    }
    async fn get(&self, resource: &ResourceRef) -> Result<Resource, ProviderError> {
        self.0.get(resource).await
    }
    async fn list(&self, region: &Region, kind: ResourceKind, position: Option<&str>) -> Result<Page, ProviderError> {
        self.0.list(region, kind, position).await
    }
    async fn delete_stage(&self, region: &Region, api: &ResourceId, stage: &StageName) -> Result<(), ProviderError> {
        self.0.delete_stage(region, api, stage).await?;
        self.0.delete_stage(region, api, stage).await
    }
    async fn delete(&self, resource: &ResourceRef) -> Result<(), ProviderError> {
        self.0.delete(resource).await?;
        self.0.delete(resource).await
    }
    fn invoke_url(&self, region: &Region, api: &ResourceId, stage: &StageName) -> String {
        self.0.invoke_url(region, api, stage)
    }
}

#[tokio::test(start_paused = true)]
async fn every_step_and_every_undo_twice_is_as_once() {
    let mut settings = fleet_gateways::memory_aws::MemorySettings::real(5, crate::world::regions(REGIONS));
    // Twice in a row is no pace AWS would allow.
    settings.quotas = fleet_gateways::memory_aws::Quotas::Ignored;
    let world = World::new(settings);
    world.plant_foreign();
    let order = world.order("scan", REGIONS, PER_REGION);
    let twice = || world.process_with(Arc::new(Twice(world.aws.clone(), AtomicU32::new(0))), Settings::of(owner()));
    let raised = twice().up(&order, &spec(), REGIONS).await.unwrap();
    assert_eq!(raised.endpoints.len(), REGIONS * PER_REGION as usize);
    assert_eq!(world.aws.owned_by(&owner()).len(), THINGS, "nothing twice");
    let process = twice();
    for _ in 0..2 {
        process.release(&order.set, &order.holder).await.unwrap();
        assert!(process.reconcile().await.unwrap().is_complete());
    }
    world.assert_empty("everything twice").await;
}

#[tokio::test(start_paused = true)]
async fn an_undo_that_is_refused_for_good_says_what_is_left() {
    let (world, order) = world();
    let kind = ResourceKind::RestApi;
    world.up(&order).await.unwrap().unwrap();
    let delete = fleet_gateways::quota::Operation::Delete(kind);
    world.aws.inject(Faults::none().every(delete, Fault::Before(denied())));
    let report = world.down(&order).await.unwrap();
    assert!(!report.is_complete());
    let left: Vec<ResourceKind> = report.remaining.iter().map(|(resource, _)| resource.kind).collect();
    assert_eq!(left, [kind; REGIONS * PER_REGION as usize], "{report:?}");
    assert!(report.remaining.iter().all(|(_, why)| why.as_ref().is_some_and(|why| why.contains("not authorised"))));
    world.aws.inject(Faults::none());
    assert!(world.cleanup().await.unwrap().is_complete());
    world.assert_empty("permission given later").await;
}

/// A world whose lists are 20 s late.
fn slow_world() -> (World, Order) {
    let mut settings = fleet_gateways::memory_aws::MemorySettings::real(1, crate::world::regions(REGIONS));
    settings.list_lag = Duration::from_secs(20);
    let world = World::new(settings);
    world.plant_foreign();
    let order = world.order("scan", REGIONS, PER_REGION);
    (world, order)
}

#[tokio::test(start_paused = true)]
async fn what_lists_do_not_show_yet_is_waited_for() {
    let (up, _) = calls().await;
    for call in 0..up {
        let (world, order) = slow_world();
        world.aws.inject(Faults::nth(call, Fault::CrashAfter));
        assert!(world.up(&order).await.is_none(), "call {call}: nothing crashed");
        world.aws.inject(Faults::none());
        // At once, and only once.
        assert!(world.down(&order).await.unwrap().is_complete(), "call {call}");
        world.assert_empty(&format!("torn down at once after a crash at call {call}")).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_takes_effect_after_its_process_died_is_waited_for() {
    let (up, _) = calls().await;
    for call in 0..up {
        let (world, order) = slow_world();
        let effect_after = Some(Duration::from_secs(14));
        world.aws.inject(Faults::nth(call, Fault::TimeOut { effect_after }));
        let process = world.process();
        let up = tokio::time::timeout(Duration::from_secs(12), process.up(&order, &spec(), REGIONS)).await;
        assert!(up.is_err(), "call {call}: the process was to die while it waits");
        world.aws.inject(Faults::none());
        assert!(world.down(&order).await.unwrap().is_complete(), "call {call}");
        world.assert_empty(&format!("torn down at once while call {call} was under way")).await;
    }
}
