//! The seam to whoever creates and deletes gateways, one method an AWS control-plane call.
//!
//! It is as thin as the calls are: no retries, no pacing, no lists joined from pages, no time-outs. All of that is ours
//! and above it, so that one implementation (AWS) is nothing but translation, and is the only file that names the SDK.
//! What is missing has a reason: deployments end with their API, and a key's place in a plan ends with either.
//!
//! An implementation says of each failure what is *known*: that nothing happened (most variants), or that nobody knows
//! ([`ProviderError::Unknown`]). [`crate::conformance::provider`] holds what else it promises.

use std::time::Duration;

use async_trait::async_trait;

use crate::openapi::ApiBody;
use crate::region::{AccountId, Region};
use crate::resource::{ApiKeyValue, AttachedStage, Resource, ResourceId, ResourceKind, ResourceRef, StageName, Tags};

/// Why a call did not do it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// Too many calls; nothing happened.
    #[error("throttled{}", retry_words(*.retry_after))]
    Throttled {
        /// What the answer asked for; `None`: it did not say.
        retry_after: Option<Duration>,
    },
    /// There is no such thing.
    #[error("not found: {0}")]
    NotFound(String),
    /// The state of things does not allow it; nothing happened.
    #[error("refused: {0}")]
    Conflict(Conflict),
    /// The Region is not enabled for this account, or does not exist; nothing happened.
    #[error("the Region {0} is not enabled for this account")]
    RegionDisabled(Region),
    /// The account may not, or no longer may: credentials, permissions; nothing happened.
    #[error("denied: {0}")]
    Denied(String),
    /// A limit of the account is reached (e.g. 600 REST APIs in a Region); nothing happened.
    #[error("limit reached: {0}")]
    LimitReached(String),
    /// The request itself is wrong and will be the next time too; nothing happened.
    #[error("bad request: {0}")]
    BadRequest(String),
    /// No answer, or one that says nothing (a server's error, a broken connection): it may have been done, or be done yet.
    #[error("unknown outcome: {0}")]
    Unknown(String),
}

fn retry_words(retry_after: Option<Duration>) -> String {
    retry_after.map(|after| format!(", retry after {} s", after.as_secs_f64())).unwrap_or_default()
}

/// Which state does not allow it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// A usage plan cannot be deleted while stages are attached to it.
    #[error("API Stages associated")]
    StagesAttached,
    /// The value or the association exists already.
    #[error("it already exists")]
    AlreadyExists,
    /// Something else changes it at the moment.
    #[error("it is being changed")]
    Busy,
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Its entries, with their tags.
    pub items: Vec<Resource>,
    /// Where the next page begins; `None`: this was the last.
    pub next: Option<String>,
}

/// Creates, describes and deletes gateways. Every call names its Region.
#[async_trait]
pub trait GatewayProvider: Send + Sync {
    /// Whose credentials these are. (`GetCallerIdentity`)
    async fn account(&self) -> Result<AccountId, ProviderError>;

    /// The Regions enabled for the account, or those the configuration lists. (`DescribeRegions`)
    async fn enabled_regions(&self) -> Result<Vec<Region>, ProviderError>;

    /// An empty regional REST API. Not idempotent: each call that succeeds makes another one.
    async fn create_rest_api(&self, region: &Region, name: &str, tags: &Tags) -> Result<ResourceId, ProviderError>;

    /// Replaces what an API consists of. May be repeated.
    async fn put_rest_api(&self, region: &Region, api: &ResourceId, body: &ApiBody) -> Result<(), ProviderError>;

    /// Deploys what an API consists of to a stage, which is created if it is not there. May be repeated.
    async fn create_deployment(
        &self,
        region: &Region,
        api: &ResourceId,
        stage: &StageName,
    ) -> Result<(), ProviderError>;

    /// A usage plan that covers stages, which must exist ([`ProviderError::NotFound`]). Not idempotent.
    async fn create_usage_plan(
        &self,
        region: &Region,
        name: &str,
        stages: &[AttachedStage],
        tags: &Tags,
    ) -> Result<ResourceId, ProviderError>;

    /// An enabled API key of this value; a value can be there only once ([`Conflict::AlreadyExists`]).
    async fn create_api_key(
        &self,
        region: &Region,
        name: &str,
        value: &ApiKeyValue,
        tags: &Tags,
    ) -> Result<ResourceId, ProviderError>;

    /// Lets a key use a plan; the second time it is [`Conflict::AlreadyExists`].
    async fn create_usage_plan_key(
        &self,
        region: &Region,
        plan: &ResourceId,
        key: &ResourceId,
    ) -> Result<(), ProviderError>;

    /// Takes a stage out of a usage plan. (`UpdateUsagePlan`, remove `/apiStages`) The last resort.
    async fn detach_stage(
        &self,
        region: &Region,
        plan: &ResourceId,
        stage: &AttachedStage,
    ) -> Result<(), ProviderError>;

    /// Adds tags, or replaces the values of those that are there; others stay.
    async fn tag(&self, resource: &ResourceRef, tags: &Tags) -> Result<(), ProviderError>;

    /// Describes one thing.
    async fn get(&self, resource: &ResourceRef) -> Result<Resource, ProviderError>;

    /// One page of everything of a kind in a Region, whosever it is. It may lag behind: what was just created may be
    /// missing, what was just deleted may still be there.
    async fn list(&self, region: &Region, kind: ResourceKind, position: Option<&str>) -> Result<Page, ProviderError>;

    /// Deletes a stage: the endpoint is dead at once.
    async fn delete_stage(&self, region: &Region, api: &ResourceId, stage: &StageName) -> Result<(), ProviderError>;

    /// Deletes one thing. The second time it is [`ProviderError::NotFound`].
    async fn delete(&self, resource: &ResourceRef) -> Result<(), ProviderError>;

    /// Where a stage answers, without a slash at the end: routes follow it.
    fn invoke_url(&self, region: &Region, api: &ResourceId, stage: &StageName) -> String;
}
