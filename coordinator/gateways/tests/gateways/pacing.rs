//! How long it takes against AWS' real quotas, and that our own pacing provokes no 429.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use fleet_gateways::memory_aws::MemorySettings;
use fleet_gateways::memory_aws::log::Outcome;
use fleet_gateways::progress::Progress;
use fleet_gateways::quota::Operation;
use fleet_gateways::resource::ResourceKind;
use tokio::time::{Instant, sleep};

use crate::world::{World, regions, spec};

fn throttled(world: &World) -> usize {
    world.aws.log().iter().filter(|call| call.outcome == Outcome::Throttled).count()
}

/// How long bringing up and taking down take, each with the estimate made before.
struct Taken {
    up: (Duration, Duration),
    down: (Duration, Duration),
}

async fn measure(world: &World, count: usize, per_region: u32) -> Taken {
    let estimates: Arc<Mutex<Vec<Duration>>> = Arc::default();
    let seen = estimates.clone();
    let watcher = move |progress: &Progress| match progress {
        Progress::Raising { estimate, .. } | Progress::TearingDown { estimate, .. } => {
            seen.lock().unwrap().push(estimate.total());
        }
        _ => {}
    };
    let process = world.process().watched_by(Arc::new(watcher));
    let order = world.order("scan", count, per_region);
    let start = Instant::now();
    let raised = process.up(&order, &spec(), count).await.unwrap();
    let up = start.elapsed();
    assert_eq!(raised.endpoints.len(), count * per_region as usize);
    // A scan; and lists have caught up.
    sleep(Duration::from_secs(600)).await;
    let start = Instant::now();
    process.release(&order.set, &order.holder).await.unwrap();
    assert!(process.reconcile().await.unwrap().is_complete());
    let down = start.elapsed();
    world.assert_empty("measured").await;
    let estimates = estimates.lock().unwrap().clone();
    assert_eq!(estimates.len(), 2, "one pass of work: {estimates:?}");
    assert_eq!(throttled(world), 0, "calls were throttled");
    Taken { up: (up, estimates[0]), down: (down, estimates[1]) }
}

fn within(took: Duration, ideal: Duration, what: &str) {
    let (took, ideal) = (took.as_secs_f64(), ideal.as_secs_f64());
    assert!(took >= ideal && took <= ideal * 1.02, "{what}: {took:.2} s, AWS allows it in {ideal} s");
}

#[tokio::test(start_paused = true)]
async fn seventeen_regions_with_one_api_each_wait_for_no_quota() {
    for seed in 0..20 {
        let world = World::real(seed, 17);
        let taken = measure(&world, 17, 1).await;
        // Five calls one after the other, three to look and three to delete, at 40 to 100 ms, three times looked.
        assert!(taken.up.0 < Duration::from_secs(1), "up took {:?}", taken.up);
        assert!(taken.down.0 < Duration::from_secs(2), "down took {:?}", taken.down);
    }
}

#[tokio::test(start_paused = true)]
async fn twenty_apis_in_one_region_take_as_long_as_aws_wants() {
    for seed in 0..20 {
        let world = World::real(seed, 1);
        let taken = measure(&world, 1, 20).await;
        within(taken.down.0, Duration::from_secs(30 * 19), "deleting 20 APIs");
        within(taken.up.0, Duration::from_secs(5 * 19), "creating 20 APIs");
        for (took, estimate) in [taken.up, taken.down] {
            let off = took.as_secs_f64() / estimate.as_secs_f64() - 1.0;
            assert!(off.abs() < 0.02, "took {took:?}, {estimate:?} was told before");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_endpoints_of_a_full_region_are_dead_long_before_their_apis_are_gone() {
    let world = World::real(4, 1);
    measure(&world, 1, 20).await;
    let at = |operation: Operation| {
        let log = world.aws.log();
        let of = log.iter().filter(|call| call.operation == operation && call.outcome == Outcome::Done);
        of.map(|call| call.at).max().unwrap()
    };
    let begun = world.aws.log().iter().find(|call| call.operation == Operation::DeleteStage).unwrap().at;
    let key = at(Operation::Delete(ResourceKind::ApiKey));
    assert!(key - begun < Duration::from_secs(3), "the key was deleted after {:?}", key - begun);
    assert!(at(Operation::Delete(ResourceKind::RestApi)) - begun > Duration::from_secs(500));
    // With one API a Region no stage is deleted: three calls do.
    let world = World::real(4, 1);
    measure(&world, 1, 1).await;
    let deletes: Vec<Operation> = world.aws.log().iter().map(|call| call.operation).filter(is_delete).collect();
    let kinds = [ResourceKind::RestApi, ResourceKind::UsagePlan, ResourceKind::ApiKey];
    assert!(deletes.starts_with(&kinds.map(Operation::Delete)[..1]), "{deletes:?}");
    assert!(!deletes.contains(&Operation::DeleteStage), "{deletes:?}");
}

fn is_delete(operation: &Operation) -> bool {
    matches!(operation, Operation::DeleteStage | Operation::Delete(_))
}

#[tokio::test(start_paused = true)]
async fn two_processes_on_one_account_share_its_quota_by_being_refused() {
    // Each paces itself and knows nothing of the other: the 429s are obeyed, and both finish. Also where each asks for a second
    // alone, while a turn comes every thirty.
    for retry_after_secs in [None, Some(1)] {
        for seed in 8..13 {
            let settings = MemorySettings { retry_after_secs, ..MemorySettings::real(seed, regions(1)) };
            let world = World::new(settings);
            let (one, other) = (world.order("one", 1, 4), world.order("another", 1, 4));
            let both = tokio::join!(world.up(&one), world.up(&other));
            both.0.unwrap().unwrap();
            both.1.unwrap().unwrap();
            let both = tokio::join!(world.down(&one), world.down(&other));
            for report in [both.0.unwrap(), both.1.unwrap()] {
                assert!(report.is_complete(), "Retry-After {retry_after_secs:?}, seed {seed}: {report:?}");
            }
            assert!(throttled(&world) > 0, "the test has a subject");
            world.assert_empty("two processes").await;
        }
    }
}
