//! Every call that arrived, as it arrived.

use std::time::Duration;

use crate::provider::ProviderError;
use crate::quota::Operation;
use crate::region::Region;

/// One call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedCall {
    /// When it arrived, since the world began.
    pub at: Duration,
    /// Where.
    pub region: Region,
    /// What.
    pub operation: Operation,
    /// On what: an id, a name for what is new, empty for a list.
    pub target: String,
    /// What came of it.
    pub outcome: Outcome,
}

impl LoggedCall {
    /// Whether a call of its kind changes the thing it names.
    #[must_use]
    pub const fn changes(&self) -> bool {
        match self.operation {
            Operation::Get(_) | Operation::List(_) => false,
            Operation::CreateRestApi
            | Operation::PutRestApi
            | Operation::CreateDeployment
            | Operation::CreateUsagePlan
            | Operation::CreateApiKey
            | Operation::CreateUsagePlanKey
            | Operation::UpdateUsagePlan
            | Operation::TagResource
            | Operation::DeleteStage
            | Operation::Delete(_) => true,
        }
    }
}

/// What the caller was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Done.
    Done,
    /// 429.
    Throttled,
    /// Another refusal.
    Refused(String),
    /// Nothing.
    NoAnswer,
}

impl Outcome {
    /// Of an error that was answered.
    #[must_use]
    pub fn of(error: &ProviderError) -> Self {
        match error {
            ProviderError::Throttled { .. } => Self::Throttled,
            ProviderError::Unknown(_) => Self::NoAnswer,
            ProviderError::NotFound(_)
            | ProviderError::Conflict(_)
            | ProviderError::RegionDisabled(_)
            | ProviderError::Denied(_)
            | ProviderError::LimitReached(_)
            | ProviderError::BadRequest(_) => Self::Refused(error.to_string()),
        }
    }
}
