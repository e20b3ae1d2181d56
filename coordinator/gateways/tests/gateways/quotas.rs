//! The in-memory AWS has the quotas of GATEWAYS.md, written out here once more, and is as strict.

use std::time::Duration;

use fleet_gateways::memory_aws::log::Outcome;
use fleet_gateways::memory_aws::{MemoryAws, MemorySettings};
use fleet_gateways::provider::{GatewayProvider, ProviderError};
use fleet_gateways::quota::Operation;
use fleet_gateways::region::Region;
use fleet_gateways::resource::{ApiKeyValue, AttachedStage, ResourceId, ResourceKind, ResourceRef, StageName, Tags};
use tokio::time::{Instant, sleep};

fn region(name: &str) -> Region {
    Region::parse(name).unwrap()
}

/// Without latency, so that calls arrive when they are sent.
fn aws() -> MemoryAws {
    let mut settings = MemorySettings::real(3, vec![region("us-east-1"), region("us-west-2")]);
    settings.latency_min = Duration::ZERO;
    settings.latency_max = Duration::ZERO;
    MemoryAws::new(settings)
}

/// Sends a call of an operation about nothing: what counts is whether it is admitted.
async fn send(aws: &MemoryAws, operation: Operation, at: &Region, n: usize) -> Result<(), ProviderError> {
    let nothing = ResourceId("nothing".to_owned());
    let (stage, tags) = (StageName::ours(), Tags::new());
    let attached = AttachedStage { api: nothing.clone(), stage: stage.clone() };
    let of = |kind| ResourceRef { region: at.clone(), kind, id: nothing.clone() };
    let route = fleet_gateways::spec::Route::new("x", "https://x.com").unwrap();
    let body = fleet_gateways::openapi::body(&fleet_gateways::spec::GatewaySpec::new(vec![route]).unwrap());
    let answer = match operation {
        Operation::CreateRestApi => aws.create_rest_api(at, "x", &tags).await.map(drop),
        Operation::PutRestApi => aws.put_rest_api(at, &nothing, &body).await,
        Operation::CreateDeployment => aws.create_deployment(at, &nothing, &stage).await,
        Operation::CreateUsagePlan => aws.create_usage_plan(at, "x", &[], &tags).await.map(drop),
        Operation::CreateApiKey => {
            aws.create_api_key(at, "x", &ApiKeyValue::new(format!("value-{n}")), &tags).await.map(drop)
        }
        Operation::CreateUsagePlanKey => aws.create_usage_plan_key(at, &nothing, &nothing).await,
        Operation::UpdateUsagePlan => aws.detach_stage(at, &nothing, &attached).await,
        Operation::TagResource => aws.tag(&of(ResourceKind::RestApi), &tags).await,
        Operation::Get(kind) => aws.get(&of(kind)).await.map(drop),
        Operation::List(kind) => aws.list(at, kind, None).await.map(drop),
        Operation::DeleteStage => aws.delete_stage(at, &nothing, &stage).await,
        Operation::Delete(kind) => aws.delete(&of(kind)).await,
    };
    match answer {
        Err(error @ ProviderError::Throttled { .. }) => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// How many calls are admitted within `window` when one is sent each 10 ms.
async fn admitted(operation: Operation, window: Duration) -> usize {
    let (aws, at, start) = (aws(), region("us-east-1"), Instant::now());
    let mut count = 0;
    for n in 0.. {
        if start.elapsed() > window {
            break;
        }
        // Alone, so that the common bucket does not decide: it refuses before an operation's own does.
        if send(&aws, operation, &at, n).await.is_ok() {
            count += 1;
        }
        sleep(Duration::from_millis(100)).await;
    }
    count
}

#[tokio::test(start_paused = true)]
async fn each_operation_has_its_quota() {
    let check = async |operation, window_ms: u64, expected: usize| {
        let count = admitted(operation, Duration::from_millis(window_ms)).await;
        assert_eq!(count, expected, "{operation} within {window_ms} ms");
    };
    // One at once, and one more each 3, 1, 5, 30 and 20 seconds.
    check(Operation::CreateRestApi, 9_050, 4).await;
    check(Operation::PutRestApi, 9_050, 10).await;
    check(Operation::CreateDeployment, 20_050, 5).await;
    check(Operation::Delete(ResourceKind::RestApi), 120_050, 5).await;
    check(Operation::UpdateUsagePlan, 80_050, 5).await;
    // Five a second.
    check(Operation::CreateApiKey, 10_050, 5 + 50).await;
    check(Operation::Delete(ResourceKind::ApiKey), 10_050, 5 + 50).await;
    // What has none of its own comes as often as it is sent here: ten a second.
    check(Operation::CreateUsagePlan, 10_050, 101).await;
    check(Operation::DeleteStage, 10_050, 101).await;
    check(Operation::List(ResourceKind::RestApi), 10_050, 101).await;
}

#[tokio::test(start_paused = true)]
async fn everything_together_has_a_quota_in_each_region() {
    let (aws, start) = (aws(), Instant::now());
    let kinds = ResourceKind::ALL;
    let mut counts = [0, 0];
    while start.elapsed() < Duration::from_secs(10) {
        for (at, count) in ["us-east-1", "us-west-2"].iter().zip(&mut counts) {
            for kind in kinds {
                *count += usize::from(send(&aws, Operation::Get(kind), &region(at), 0).await.is_ok());
            }
        }
        sleep(Duration::from_millis(50)).await;
    }
    // 40 at once, ten a second: 60 a second were sent.
    assert!(counts.iter().all(|count| (139..=141).contains(count)), "{counts:?}");
}

#[tokio::test(start_paused = true)]
async fn a_429_says_when_to_come_back_and_that_is_true() {
    let (aws, at) = (aws(), region("us-east-1"));
    let delete = Operation::Delete(ResourceKind::RestApi);
    assert!(send(&aws, delete, &at, 0).await.is_ok());
    sleep(Duration::from_millis(4_300)).await;
    let Err(ProviderError::Throttled { retry_after: Some(wait) }) = send(&aws, delete, &at, 0).await else {
        panic!("a second delete within 30 s was admitted");
    };
    assert_eq!(wait, Duration::from_secs(26), "25.7 s, in whole seconds");
    sleep(wait).await;
    assert!(send(&aws, delete, &at, 0).await.is_ok());
    assert!(send(&aws, delete, &region("us-west-2"), 0).await.is_ok(), "another Region has its own bucket");
    let outcomes: Vec<bool> = aws.log().iter().map(|call| call.outcome == Outcome::Throttled).collect();
    assert_eq!(outcomes, [false, true, false, false], "the log tells");
}

#[tokio::test(start_paused = true)]
async fn a_region_holds_600_apis() {
    let mut settings = MemorySettings::real(3, vec![region("us-east-1")]);
    settings.quotas = fleet_gateways::memory_aws::Quotas::Ignored;
    let aws = MemoryAws::new(settings);
    for _ in 0..600 {
        aws.plant(&region("us-east-1"), ResourceKind::RestApi, "x", &Tags::new());
    }
    let answer = aws.create_rest_api(&region("us-east-1"), "x", &Tags::new()).await;
    assert!(matches!(answer, Err(ProviderError::LimitReached(_))), "{answer:?}");
    let page = aws.list(&region("us-east-1"), ResourceKind::RestApi, None).await.unwrap();
    assert_eq!(page.items.len(), 500, "a page");
    let rest = aws.list(&region("us-east-1"), ResourceKind::RestApi, page.next.as_deref()).await.unwrap();
    assert_eq!((rest.items.len(), rest.next), (100, None));
}
