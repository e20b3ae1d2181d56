//! What exists in a Region and has an id of its own: REST APIs, usage plans, API keys.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::region::Region;

/// The kinds of things we create. Stages, deployments and a key's place in a plan have no tags and end with the thing
/// they belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResourceKind {
    /// A REST API: a gateway.
    RestApi,
    /// What lets a key use the gateways of a Region.
    UsagePlan,
    /// The key that requests carry.
    ApiKey,
}

impl ResourceKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::RestApi, Self::UsagePlan, Self::ApiKey];

    /// The word used in output.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::RestApi => "REST API",
            Self::UsagePlan => "usage plan",
            Self::ApiKey => "API key",
        }
    }
}

impl fmt::Display for ResourceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// The id the provider gave, unique for its kind in its Region.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ResourceId(pub String);

impl fmt::Display for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Which thing, among all.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ResourceRef {
    /// Where.
    pub region: Region,
    /// Of which kind.
    pub kind: ResourceKind,
    /// Its id.
    pub id: ResourceId,
}

impl fmt::Display for ResourceRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} in {}", self.kind, self.id, self.region)
    }
}

/// Tags of a resource, by key.
pub type Tags = BTreeMap<String, String>;

/// A thing that exists, as the provider describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// Which.
    pub at: ResourceRef,
    /// Its name: no identity, names are not unique.
    pub name: String,
    /// When it was created; `None` where the provider does not say (usage plans).
    pub created_at: Option<Timestamp>,
    /// Its tags.
    pub tags: Tags,
    /// Stages attached to a usage plan; empty for everything else.
    pub stages: Vec<AttachedStage>,
}

/// A stage that a usage plan covers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AttachedStage {
    /// Of which REST API.
    pub api: ResourceId,
    /// Its name.
    pub stage: StageName,
}

/// The name of a stage: the first segment of an endpoint's path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StageName(pub String);

impl StageName {
    /// The one stage each of our gateways has.
    #[must_use]
    pub fn ours() -> Self {
        Self("v1".to_owned())
    }
}

impl fmt::Display for StageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The value of an API key: a secret. It is shown nowhere, not even in debug output.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ApiKeyValue(String);

impl ApiKeyValue {
    /// Wraps a value.
    #[must_use]
    pub fn new(value: String) -> Self {
        Self(value)
    }

    /// The secret itself, for the header `x-api-key` and for creating the key.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ApiKeyValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKeyValue(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_never_shown() {
        assert_eq!(format!("{:?}", ApiKeyValue::new("secret".to_owned())), "ApiKeyValue(***)");
    }
}
