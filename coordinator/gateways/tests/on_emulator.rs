//! AWS as a provider, over the real SDK, against an emulator of its API: the promises an emulator can keep. Started by
//! `scripts/aws-emulator`; without it this says that it was skipped.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise, in its helpers too")]

use std::collections::BTreeSet;
use std::time::Duration;

use fleet_gateways::aws::{Aws, AwsSettings};
use fleet_gateways::conformance::provider::{self, ProviderFixture};
use fleet_gateways::provider::GatewayProvider;
use fleet_gateways::region::Region;
use fleet_gateways::resource::ResourceKind;
use fleet_gateways::tags::OwnerTag;

/// Where the emulator listens.
const ENDPOINT: &str = "OPTIONFLEET_TEST_AWS_ENDPOINT";
const OWNER: &str = "conformance";

/// What LocalStack 4.9 does otherwise than AWS, and why that shows nothing about us.
const NOT_KEPT: &[(&str, &str)] = &[
    ("it_knows_its_account_and_its_regions", "every Region is enabled"),
    ("a_disabled_region_is_refused", "every Region is enabled"),
    ("what_is_not_there_is_not_found", "deleting a usage plan that is not there breaks it (500)"),
    ("a_plan_needs_its_stages", "a plan over stages that are not there is made"),
    ("a_plan_cannot_be_deleted_while_an_api_is_attached", "a plan is deleted with everything attached to it"),
    ("a_plan_can_be_deleted_once_its_stage_is", "a plan is deleted with everything attached to it"),
    ("a_key_joins_a_plan_once", "a key joins a plan any number of times"),
    (
        "tags_are_added_and_replaced_and_others_stay",
        "tags of TagResource are kept beside the thing and not shown in it",
    ),
];

struct Emulated(Aws);

impl ProviderFixture for Emulated {
    fn provider(&self) -> &dyn GatewayProvider {
        &self.0
    }

    fn region(&self) -> Region {
        Region::parse("us-east-1").unwrap()
    }

    fn disabled_region(&self) -> Region {
        Region::parse("ap-east-1").unwrap()
    }

    fn owner(&self) -> &str {
        OWNER
    }

    fn lag(&self) -> Duration {
        Duration::from_secs(2)
    }
}

macro_rules! by_name {
    ($($promise:ident)*) => {
        const PROMISES: &[&str] = &[$(stringify!($promise)),*];

        async fn check(promise: &str, of: &Emulated) -> Result<(), String> {
            match promise {
                $(stringify!($promise) => provider::$promise(of).await,)*
                other => panic!("there is no promise {other}"),
            }
        }
    };
}
fleet_gateways::provider_promises!(by_name);

/// Deletes what the promises left: APIs first, so that nothing is attached to a plan.
async fn sweep(aws: &Aws, region: &Region) {
    let owner = OwnerTag::parse(OWNER).unwrap();
    for kind in ResourceKind::ALL {
        let page = aws.list(region, kind, None).await.unwrap();
        for resource in page.items.iter().filter(|resource| owner.owns(&resource.tags)) {
            let _ = aws.delete(&resource.at).await;
        }
    }
}

#[tokio::test]
async fn the_emulator_keeps_what_an_emulator_can_keep() {
    let Ok(endpoint) = std::env::var(ENDPOINT) else {
        eprintln!("SKIPPED: {ENDPOINT} is not set; scripts/aws-emulator runs this");
        return;
    };
    let settings = AwsSettings { endpoint_url: Some(endpoint), ..AwsSettings::default() };
    let emulated = Emulated(Aws::connect(settings).await.unwrap());
    let mut broken = BTreeSet::new();
    for promise in PROMISES {
        match check(promise, &emulated).await {
            Ok(()) => eprintln!("kept      {promise}"),
            Err(why) => {
                eprintln!("not kept  {promise}: {why}");
                broken.insert(*promise);
            }
        }
        sweep(&emulated.0, &emulated.region()).await;
    }
    let expected: BTreeSet<&str> = NOT_KEPT.iter().map(|(promise, _)| *promise).collect();
    assert_eq!(broken, expected, "promises that are not kept; why some cannot be: {NOT_KEPT:?}");
}
