//! The provider's suite notices: a provider that is wrong in one known way breaks the promise about it, and every promise is
//! broken by one of them.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use fleet_gateways::conformance::provider;
use fleet_gateways::memory_aws::{MemoryAws, MemorySettings};
use fleet_gateways::openapi::ApiBody;
use fleet_gateways::provider::{Conflict, GatewayProvider, Page, ProviderError};
use fleet_gateways::region::{AccountId, Region};
use fleet_gateways::resource::{
    ApiKeyValue, AttachedStage, Resource, ResourceId, ResourceKind, ResourceRef, StageName, Tags,
};

use crate::world::region;

/// One way to be wrong.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Fault {
    ForgetsWho,
    ForgetsTags,
    ListsWithoutTags,
    SkipsTheSecondPage,
    TwoAreOne,
    DeletesForEver,
    ForgivesWhatIsNotThere,
    DropsTagsOnPut,
    DeploysNothing,
    DeploysOnce,
    PlansWithoutStages,
    HidesStages,
    DeletesAttachedPlans,
    StagesStayAttached,
    DetachingDoesNothing,
    TakesValuesTwice,
    JoinsTwice,
    ReplacesAllTags,
    EnablesEverything,
    AnswersAnywhere,
}

/// Each with the promise that is to notice.
const NOTICED: [(Fault, &str); 20] = [
    (Fault::ForgetsWho, "it_knows_its_account_and_its_regions"),
    (Fault::ForgetsTags, "what_is_created_is_described_with_its_name_and_tags"),
    (Fault::ListsWithoutTags, "what_is_created_is_listed_with_its_tags"),
    (Fault::SkipsTheSecondPage, "lists_are_complete_over_all_pages"),
    (Fault::TwoAreOne, "every_create_makes_another_thing"),
    (Fault::DeletesForEver, "what_is_deleted_is_gone_and_cannot_be_deleted_twice"),
    (Fault::ForgivesWhatIsNotThere, "what_is_not_there_is_not_found"),
    (Fault::DropsTagsOnPut, "describing_an_api_may_be_repeated_and_keeps_its_tags"),
    (Fault::DeploysNothing, "an_empty_api_cannot_be_deployed"),
    (Fault::DeploysOnce, "deploying_may_be_repeated"),
    (Fault::PlansWithoutStages, "a_plan_needs_its_stages"),
    (Fault::HidesStages, "a_plan_tells_its_stages"),
    (Fault::DeletesAttachedPlans, "a_plan_cannot_be_deleted_while_an_api_is_attached"),
    (Fault::StagesStayAttached, "a_plan_can_be_deleted_once_its_stage_is"),
    (Fault::DetachingDoesNothing, "a_plan_can_be_deleted_once_its_stage_is_detached"),
    (Fault::TakesValuesTwice, "a_key_value_is_there_once"),
    (Fault::JoinsTwice, "a_key_joins_a_plan_once"),
    (Fault::ReplacesAllTags, "tags_are_added_and_replaced_and_others_stay"),
    (Fault::EnablesEverything, "a_disabled_region_is_refused"),
    (Fault::AnswersAnywhere, "an_endpoint_names_its_api_and_stage"),
];

macro_rules! by_name {
    ($($promise:ident)*) => {
        const PROMISES: &[&str] = &[$(stringify!($promise)),*];

        async fn check(promise: &str, of: &Broken) -> Result<(), String> {
            match promise {
                $(stringify!($promise) => provider::$promise(of).await,)*
                other => panic!("there is no promise {other}"),
            }
        }
    };
}
fleet_gateways::provider_promises!(by_name);

#[tokio::test(start_paused = true)]
async fn each_way_to_be_wrong_is_noticed_by_its_promise() {
    for (fault, promise) in NOTICED {
        let mut settings = MemorySettings::real(1, vec![region("us-east-1")]);
        settings.page = 3;
        let broken = Broken { inner: MemoryAws::new(settings), fault, seen: Mutex::default() };
        assert!(check(promise, &broken).await.is_err(), "{promise} does not notice {fault:?}");
    }
    let covered: BTreeSet<&str> = NOTICED.iter().map(|(_, promise)| *promise).collect();
    let promised: BTreeSet<&str> = PROMISES.iter().copied().collect();
    assert_eq!(covered, promised, "a promise that nothing breaks may be one that cannot be broken");
}

struct Broken {
    inner: MemoryAws,
    fault: Fault,
    /// What a fault has to remember.
    seen: Mutex<Vec<String>>,
}

impl Broken {
    fn is(&self, fault: Fault) -> bool {
        self.fault == fault
    }

    /// Remembers; answers whether it was remembered before.
    fn again(&self, what: &str) -> bool {
        let mut seen = self.seen.lock().unwrap();
        let again = seen.iter().any(|one| one == what);
        seen.push(what.to_owned());
        again
    }

    fn remembers(&self, what: &str) -> bool {
        self.seen.lock().unwrap().iter().any(|one| one == what)
    }

    fn forgiving<T>(&self, answer: Result<T, ProviderError>, instead: T) -> Result<T, ProviderError> {
        match answer {
            Err(ProviderError::NotFound(_)) if self.is(Fault::ForgivesWhatIsNotThere) => Ok(instead),
            answer => answer,
        }
    }
}

impl provider::ProviderFixture for Broken {
    fn provider(&self) -> &dyn GatewayProvider {
        self
    }

    fn region(&self) -> Region {
        region("us-east-1")
    }

    fn disabled_region(&self) -> Region {
        region("ap-east-1")
    }

    fn owner(&self) -> &str {
        "conformance"
    }

    fn lag(&self) -> Duration {
        Duration::from_secs(3)
    }
}

#[async_trait]
impl GatewayProvider for Broken {
    async fn account(&self) -> Result<AccountId, ProviderError> {
        if self.is(Fault::ForgetsWho) && self.again("account") {
            return Ok(AccountId("somebody".to_owned()));
        }
        self.inner.account().await
    }

    async fn enabled_regions(&self) -> Result<Vec<Region>, ProviderError> {
        self.inner.enabled_regions().await
    }

    async fn create_rest_api(&self, at: &Region, name: &str, tags: &Tags) -> Result<ResourceId, ProviderError> {
        let at = if self.is(Fault::EnablesEverything) { &region("us-east-1") } else { at };
        let none = Tags::new();
        let tags = if self.is(Fault::ForgetsTags) { &none } else { tags };
        let made = self.inner.create_rest_api(at, name, tags).await?;
        if !self.is(Fault::TwoAreOne) {
            return Ok(made);
        }
        let mut seen = self.seen.lock().unwrap();
        seen.push(made.0);
        Ok(ResourceId(seen[0].clone()))
    }

    async fn put_rest_api(&self, at: &Region, api: &ResourceId, body: &ApiBody) -> Result<(), ProviderError> {
        self.again(&format!("put {api}"));
        let answer = self.inner.put_rest_api(at, api, body).await;
        self.forgiving(answer, ())
    }

    async fn create_deployment(&self, at: &Region, api: &ResourceId, stage: &StageName) -> Result<(), ProviderError> {
        if self.is(Fault::DeploysOnce) && self.again(&format!("deploy {api}")) {
            return Err(ProviderError::Conflict(Conflict::AlreadyExists));
        }
        match self.inner.create_deployment(at, api, stage).await {
            Err(ProviderError::BadRequest(_)) if self.is(Fault::DeploysNothing) => Ok(()),
            answer => answer,
        }
    }

    async fn create_usage_plan(
        &self,
        at: &Region,
        name: &str,
        stages: &[AttachedStage],
        tags: &Tags,
    ) -> Result<ResourceId, ProviderError> {
        let stages = if self.is(Fault::PlansWithoutStages) { &[] } else { stages };
        self.inner.create_usage_plan(at, name, stages, tags).await
    }

    async fn create_api_key(
        &self,
        at: &Region,
        name: &str,
        value: &ApiKeyValue,
        tags: &Tags,
    ) -> Result<ResourceId, ProviderError> {
        match self.inner.create_api_key(at, name, value, tags).await {
            Err(ProviderError::Conflict(_)) if self.is(Fault::TakesValuesTwice) => Ok(ResourceId("again".to_owned())),
            answer => answer,
        }
    }

    async fn create_usage_plan_key(
        &self,
        at: &Region,
        plan: &ResourceId,
        key: &ResourceId,
    ) -> Result<(), ProviderError> {
        match self.inner.create_usage_plan_key(at, plan, key).await {
            Err(ProviderError::Conflict(_)) if self.is(Fault::JoinsTwice) => Ok(()),
            answer => answer,
        }
    }

    async fn detach_stage(&self, at: &Region, plan: &ResourceId, stage: &AttachedStage) -> Result<(), ProviderError> {
        if self.is(Fault::DetachingDoesNothing) {
            return Ok(());
        }
        self.inner.detach_stage(at, plan, stage).await
    }

    async fn tag(&self, resource: &ResourceRef, tags: &Tags) -> Result<(), ProviderError> {
        self.again(&format!("tag {}", resource.id));
        self.inner.tag(resource, tags).await
    }

    async fn get(&self, resource: &ResourceRef) -> Result<Resource, ProviderError> {
        let mut found = self.inner.get(resource).await?;
        if self.is(Fault::DropsTagsOnPut) && self.remembers(&format!("put {}", resource.id)) {
            found.tags.clear();
        }
        if self.is(Fault::ReplacesAllTags) && self.remembers(&format!("tag {}", resource.id)) {
            found.tags.retain(|key, _| key == "lease");
        }
        if self.is(Fault::HidesStages) {
            found.stages.clear();
        }
        Ok(found)
    }

    async fn list(&self, at: &Region, kind: ResourceKind, position: Option<&str>) -> Result<Page, ProviderError> {
        let at = if self.is(Fault::EnablesEverything) { &region("us-east-1") } else { at };
        let mut page = self.inner.list(at, kind, position).await?;
        if self.is(Fault::SkipsTheSecondPage) && position.is_some() {
            page.items.clear();
        }
        if self.is(Fault::ListsWithoutTags) {
            page.items.iter_mut().for_each(|item| item.tags.clear());
        }
        Ok(page)
    }

    async fn delete_stage(&self, at: &Region, api: &ResourceId, stage: &StageName) -> Result<(), ProviderError> {
        if self.is(Fault::StagesStayAttached) {
            return Ok(());
        }
        self.inner.delete_stage(at, api, stage).await
    }

    async fn delete(&self, resource: &ResourceRef) -> Result<(), ProviderError> {
        match self.inner.delete(resource).await {
            Err(ProviderError::NotFound(_)) if self.is(Fault::DeletesForEver) => Ok(()),
            Err(ProviderError::Conflict(_)) if self.is(Fault::DeletesAttachedPlans) => Ok(()),
            answer => self.forgiving(answer, ()),
        }
    }

    fn invoke_url(&self, at: &Region, api: &ResourceId, stage: &StageName) -> String {
        if self.is(Fault::AnswersAnywhere) {
            return "https://example.com".to_owned();
        }
        self.inner.invoke_url(at, api, stage)
    }
}
