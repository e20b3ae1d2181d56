//! The control plane's operations and what AWS allows of each (GATEWAYS.md, "Control-plane quotas").
//!
//! Facts only. What we ask of ourselves, with its margins, is in [`crate::pace`].

use std::fmt;
use std::time::Duration;

use crate::resource::ResourceKind;

/// One kind of call. Each has its own bucket in each Region, and all share one more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// `CreateRestApi`.
    CreateRestApi,
    /// `PutRestApi`.
    PutRestApi,
    /// `CreateDeployment`, with its stage.
    CreateDeployment,
    /// `CreateUsagePlan`.
    CreateUsagePlan,
    /// `CreateApiKey`.
    CreateApiKey,
    /// `CreateUsagePlanKey`.
    CreateUsagePlanKey,
    /// `UpdateUsagePlan`, to take a stage out of it.
    UpdateUsagePlan,
    /// `TagResource`.
    TagResource,
    /// `GetRestApi`, `GetUsagePlan`, `GetApiKey`.
    Get(ResourceKind),
    /// `GetRestApis`, `GetUsagePlans`, `GetApiKeys`: one page.
    List(ResourceKind),
    /// `DeleteStage`.
    DeleteStage,
    /// `DeleteRestApi`, `DeleteUsagePlan`, `DeleteApiKey`.
    Delete(ResourceKind),
}

impl Operation {
    /// All of them.
    pub const ALL: [Self; 18] = [
        Self::CreateRestApi,
        Self::PutRestApi,
        Self::CreateDeployment,
        Self::CreateUsagePlan,
        Self::CreateApiKey,
        Self::CreateUsagePlanKey,
        Self::UpdateUsagePlan,
        Self::TagResource,
        Self::Get(ResourceKind::RestApi),
        Self::Get(ResourceKind::UsagePlan),
        Self::Get(ResourceKind::ApiKey),
        Self::List(ResourceKind::RestApi),
        Self::List(ResourceKind::UsagePlan),
        Self::List(ResourceKind::ApiKey),
        Self::DeleteStage,
        Self::Delete(ResourceKind::RestApi),
        Self::Delete(ResourceKind::UsagePlan),
        Self::Delete(ResourceKind::ApiKey),
    ];

    /// The name AWS gives it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::CreateRestApi => "CreateRestApi",
            Self::PutRestApi => "PutRestApi",
            Self::CreateDeployment => "CreateDeployment",
            Self::CreateUsagePlan => "CreateUsagePlan",
            Self::CreateApiKey => "CreateApiKey",
            Self::CreateUsagePlanKey => "CreateUsagePlanKey",
            Self::UpdateUsagePlan => "UpdateUsagePlan",
            Self::TagResource => "TagResource",
            Self::Get(ResourceKind::RestApi) => "GetRestApi",
            Self::Get(ResourceKind::UsagePlan) => "GetUsagePlan",
            Self::Get(ResourceKind::ApiKey) => "GetApiKey",
            Self::List(ResourceKind::RestApi) => "GetRestApis",
            Self::List(ResourceKind::UsagePlan) => "GetUsagePlans",
            Self::List(ResourceKind::ApiKey) => "GetApiKeys",
            Self::DeleteStage => "DeleteStage",
            Self::Delete(ResourceKind::RestApi) => "DeleteRestApi",
            Self::Delete(ResourceKind::UsagePlan) => "DeleteUsagePlan",
            Self::Delete(ResourceKind::ApiKey) => "DeleteApiKey",
        }
    }

    /// The operation that creates a thing of this kind.
    #[must_use]
    pub const fn create(kind: ResourceKind) -> Self {
        match kind {
            ResourceKind::RestApi => Self::CreateRestApi,
            ResourceKind::UsagePlan => Self::CreateUsagePlan,
            ResourceKind::ApiKey => Self::CreateApiKey,
        }
    }

    /// What AWS allows of it alone; `None`: it has no quota of its own.
    #[must_use]
    pub const fn quota(self) -> Option<Quota> {
        match self {
            Self::CreateRestApi => Some(Quota::one_per_ms(3_000)),
            Self::PutRestApi => Some(Quota::one_per_ms(1_000)),
            Self::CreateDeployment => Some(Quota::one_per_ms(5_000)),
            Self::Delete(ResourceKind::RestApi) => Some(Quota::one_per_ms(30_000)),
            Self::UpdateUsagePlan => Some(Quota::one_per_ms(20_000)),
            Self::CreateApiKey | Self::Delete(ResourceKind::ApiKey) => Some(Quota::five_per_second()),
            Self::CreateUsagePlan
            | Self::CreateUsagePlanKey
            | Self::TagResource
            | Self::Get(_)
            | Self::List(_)
            | Self::DeleteStage
            | Self::Delete(ResourceKind::UsagePlan) => None,
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A token bucket: `burst` tokens, one more each `interval`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// The time one token takes to come back.
    pub interval: Duration,
    /// Tokens of a full bucket.
    pub burst: u32,
}

impl Quota {
    /// Everything together, in each Region: 10 per second, burst 40.
    pub const TOTAL: Self = Self { interval: Duration::from_millis(100), burst: 40 };

    const fn one_per_ms(ms: u64) -> Self {
        Self { interval: Duration::from_millis(ms), burst: 1 }
    }

    const fn five_per_second() -> Self {
        Self { interval: Duration::from_millis(200), burst: 5 }
    }
}

/// REST APIs (regional) a Region holds.
pub const MAX_REST_APIS: usize = 600;

/// Entries a list gives at once.
pub const PAGE: usize = 500;
