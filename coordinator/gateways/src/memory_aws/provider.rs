//! The seam on the in-memory world: each method is one call.

use async_trait::async_trait;

use super::faults::Question;
use super::region::{New, lag};
use super::{MemoryAws, seeded};
use crate::openapi::ApiBody;
use crate::provider::{GatewayProvider, Page, ProviderError};
use crate::quota::Operation;
use crate::region::{AccountId, Region};
use crate::resource::{ApiKeyValue, AttachedStage, Resource, ResourceId, ResourceKind, ResourceRef, StageName, Tags};

impl MemoryAws {
    /// What is needed to make something, but for its number.
    fn making(
        &self,
        region: &Region,
        kind: ResourceKind,
        name: &str,
        tags: &Tags,
    ) -> impl Fn(u64) -> New + Send + use<> {
        let (seed, most) = (self.settings.seed, self.settings.list_lag);
        let (region, name, tags) = (region.clone(), name.to_owned(), tags.clone());
        move |number| New {
            at: ResourceRef { region: region.clone(), kind, id: seeded::id(seed, number) },
            name: name.clone(),
            tags: tags.clone(),
            lag: lag(seed, number, most),
        }
    }
}

#[async_trait]
impl GatewayProvider for MemoryAws {
    async fn account(&self) -> Result<AccountId, ProviderError> {
        self.ask(Question::Account, self.settings.account.clone()).await
    }

    async fn enabled_regions(&self) -> Result<Vec<Region>, ProviderError> {
        self.ask(Question::EnabledRegions, self.settings.enabled.clone()).await
    }

    async fn create_rest_api(&self, region: &Region, name: &str, tags: &Tags) -> Result<ResourceId, ProviderError> {
        let new = self.making(region, ResourceKind::RestApi, name, tags);
        let act = move |things: &mut super::RegionWorld, at: &super::Stamp, n| things.create_rest_api(new(n), at);
        self.call(region, Operation::CreateRestApi, name, act).await
    }

    async fn put_rest_api(&self, region: &Region, api: &ResourceId, body: &ApiBody) -> Result<(), ProviderError> {
        let (id, body) = (api.clone(), body.as_str().to_owned());
        self.call(region, Operation::PutRestApi, &api.0, move |things, _, _| things.put_rest_api(&id, &body)).await
    }

    async fn create_deployment(
        &self,
        region: &Region,
        api: &ResourceId,
        stage: &StageName,
    ) -> Result<(), ProviderError> {
        let (id, stage) = (api.clone(), stage.clone());
        let act = move |things: &mut super::RegionWorld, _: &super::Stamp, _| things.create_deployment(&id, &stage);
        self.call(region, Operation::CreateDeployment, &api.0, act).await
    }

    async fn create_usage_plan(
        &self,
        region: &Region,
        name: &str,
        stages: &[AttachedStage],
        tags: &Tags,
    ) -> Result<ResourceId, ProviderError> {
        let new = self.making(region, ResourceKind::UsagePlan, name, tags);
        let stages = stages.to_vec();
        let act =
            move |things: &mut super::RegionWorld, at: &super::Stamp, n| things.create_usage_plan(new(n), &stages, at);
        self.call(region, Operation::CreateUsagePlan, name, act).await
    }

    async fn create_api_key(
        &self,
        region: &Region,
        name: &str,
        value: &ApiKeyValue,
        tags: &Tags,
    ) -> Result<ResourceId, ProviderError> {
        let new = self.making(region, ResourceKind::ApiKey, name, tags);
        let value = value.clone();
        let act =
            move |things: &mut super::RegionWorld, at: &super::Stamp, n| things.create_api_key(new(n), &value, at);
        self.call(region, Operation::CreateApiKey, name, act).await
    }

    async fn create_usage_plan_key(
        &self,
        region: &Region,
        plan: &ResourceId,
        key: &ResourceId,
    ) -> Result<(), ProviderError> {
        let (id, key) = (plan.clone(), key.clone());
        let act = move |things: &mut super::RegionWorld, _: &super::Stamp, _| things.create_usage_plan_key(&id, &key);
        self.call(region, Operation::CreateUsagePlanKey, &plan.0, act).await
    }

    async fn detach_stage(
        &self,
        region: &Region,
        plan: &ResourceId,
        stage: &AttachedStage,
    ) -> Result<(), ProviderError> {
        let (id, stage) = (plan.clone(), stage.clone());
        let act = move |things: &mut super::RegionWorld, _: &super::Stamp, _| things.detach_stage(&id, &stage);
        self.call(region, Operation::UpdateUsagePlan, &plan.0, act).await
    }

    async fn tag(&self, resource: &ResourceRef, tags: &Tags) -> Result<(), ProviderError> {
        let (at, tags) = (resource.clone(), tags.clone());
        let act = move |things: &mut super::RegionWorld, _: &super::Stamp, _| things.tag(&at, &tags);
        self.call(&resource.region, Operation::TagResource, &resource.id.0, act).await
    }

    async fn get(&self, resource: &ResourceRef) -> Result<Resource, ProviderError> {
        let at = resource.clone();
        let act = move |things: &mut super::RegionWorld, _: &super::Stamp, _| things.describe(&at);
        self.call(&resource.region, Operation::Get(resource.kind), &resource.id.0, act).await
    }

    async fn list(&self, region: &Region, kind: ResourceKind, position: Option<&str>) -> Result<Page, ProviderError> {
        let (at, after, page) = (region.clone(), position.map(str::to_owned), self.settings.page);
        let act = move |things: &mut super::RegionWorld, stamp: &super::Stamp, _| {
            Ok(things.list(&at, kind, after.as_deref(), page, stamp.now))
        };
        self.call(region, Operation::List(kind), "", act).await
    }

    async fn delete_stage(&self, region: &Region, api: &ResourceId, stage: &StageName) -> Result<(), ProviderError> {
        let (id, stage, seed, most) = (api.clone(), stage.clone(), self.settings.seed, self.settings.detach_lag);
        let act = move |things: &mut super::RegionWorld, at: &super::Stamp, n| {
            things.delete_stage(&id, &stage, at, lag(seed, n, most))
        };
        self.call(region, Operation::DeleteStage, &api.0, act).await
    }

    async fn delete(&self, resource: &ResourceRef) -> Result<(), ProviderError> {
        let (of, seed) = (resource.clone(), self.settings.seed);
        let (list, detach) = (self.settings.list_lag, self.settings.detach_lag);
        let act = move |things: &mut super::RegionWorld, at: &super::Stamp, n| {
            things.delete(&of, at, (lag(seed, n, list), lag(seed, n, detach)))
        };
        self.call(&resource.region, Operation::Delete(resource.kind), &resource.id.0, act).await
    }

    fn invoke_url(&self, region: &Region, api: &ResourceId, stage: &StageName) -> String {
        format!("https://{api}.execute-api.{region}.amazonaws.com/{stage}")
    }
}
