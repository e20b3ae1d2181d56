//! The steps of bringing up, one by one: each answers the state its intent is in afterwards.
//!
//! Every thing is created in the order intent, call, id: the ledger knows of an attempt before the call leaves. A create is
//! never sent twice blindly: when nobody knows its outcome, the Region is looked through for what carries the intent's tag
//! until lists must show it; only then it is asked for again. What is not an act of creation (describing an API, deploying
//! it, letting the key use the plan) may be repeated, and is, by a replay.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::sleep;

use crate::call::{ActError, Repeat};
use crate::gateways::Gateways;
use crate::next::Next;
use crate::openapi::ApiBody;
use crate::picture::answering;
use crate::progress::Progress;
use crate::provider::{Conflict, ProviderError};
use crate::quota::Operation;
use crate::raise::Raising;
use crate::resource::{AttachedStage, ResourceId, ResourceKind, StageName};
use crate::set::{GatewaySet, Intent, IntentId, IntentState};
use crate::tags;

/// A Region is looked through this often for what a call without an answer made.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// A thing is asked for this often in all; each time after the first, nobody knew what became of the time before, and a
/// minute was waited.
const MAX_CREATES: u32 = 3;

impl Gateways {
    /// One step of one intent; answers the state it is in afterwards.
    pub(crate) async fn step(
        &self,
        raising: &Raising<'_>,
        (intent, step, creates): (Intent, Next, u32),
        region: Vec<Intent>,
    ) -> (IntentId, Result<IntentState, ActError>) {
        let outcome = match step {
            Next::Create => self.create(raising.set, &intent, &region, creates).await,
            Next::Find { since } => self.find(&intent, since).await,
            Next::Deploy(api) => self.deploy(raising.body, &intent, api).await,
            Next::Enough => self.ready(&intent).await,
            Next::Join { key, plan } => self.join(&intent, &key, &plan).await,
            Next::Wait | Next::Done => Ok(intent.state.clone()),
        };
        (intent.id, outcome)
    }

    async fn create(
        &self,
        set: &GatewaySet,
        intent: &Intent,
        region: &[Intent],
        creates: u32,
    ) -> Result<IntentState, ActError> {
        let at = &intent.id.region;
        let operation = Operation::create(intent.id.kind());
        let tags = tags::of_intent(set, intent);
        let stages: Vec<AttachedStage> = region
            .iter()
            .filter(|other| other.id.kind() == ResourceKind::RestApi)
            .filter_map(|api| Some(AttachedStage { api: api.resource()?.clone(), stage: StageName::ours() }))
            .collect();
        let attempt = || async {
            self.ledger.attempt(&intent.id, self.clock.now()).await?;
            let provider = &self.provider;
            let made = match (&intent.key_value, intent.id.kind()) {
                (Some(value), _) => self.limited(provider.create_api_key(at, &intent.name, value, &tags)).await,
                (None, ResourceKind::UsagePlan) => {
                    self.limited(provider.create_usage_plan(at, &intent.name, &stages, &tags)).await
                }
                (None, ResourceKind::RestApi | ResourceKind::ApiKey) => {
                    self.limited(provider.create_rest_api(at, &intent.name, &tags)).await
                }
            };
            Ok(made?)
        };
        let repeat = match intent.id.kind() {
            // Its stages were made just now.
            ResourceKind::UsagePlan => Repeat::OnlyIfRefusedOnNew,
            ResourceKind::RestApi | ResourceKind::ApiKey => Repeat::OnlyIfRefused,
        };
        match self.call((at, operation), repeat, attempt).await {
            Ok(resource) => self.made(intent, &resource).await,
            // A key of this value is there: it can only be ours, from an attempt whose answer was lost.
            Err(ActError::Provider {
                cause: ProviderError::Unknown(_) | ProviderError::Conflict(Conflict::AlreadyExists),
                ..
            }) if creates < MAX_CREATES => Ok(IntentState::Attempted { at: self.clock.now() }),
            Err(error) => {
                if let ActError::Provider { cause, .. } = &error
                    && makes_nothing(cause)
                {
                    self.ledger.not_made(&intent.id).await?;
                }
                Err(error)
            }
        }
    }

    async fn made(&self, intent: &Intent, resource: &ResourceId) -> Result<IntentState, ActError> {
        let resource = self.ledger.made(&intent.id, resource).await?;
        self.tell(&Progress::Made(intent.id.clone()));
        Ok(IntentState::Made { resource, at: self.clock.now() })
    }

    /// Looks for what an attempt without an answer made, until lists must show it.
    async fn find(&self, intent: &Intent, since: Timestamp) -> Result<IntentState, ActError> {
        let certain = since.saturating_add(self.settings.settle()).unwrap_or(Timestamp::MAX);
        // Bounded by `certain`, a minute after the attempt.
        loop {
            let from = self.clock.now();
            let seen = self.list_all(&intent.id.region, intent.id.kind()).await?;
            if let Some(resource) = answering(&self.settings.owner, &intent.id, &seen) {
                return self.made(intent, &resource).await;
            }
            if from >= certain {
                return Ok(IntentState::Planned);
            }
            sleep(LOOK_EVERY).await;
        }
    }

    async fn deploy(&self, body: &ApiBody, intent: &Intent, api: ResourceId) -> Result<IntentState, ActError> {
        let region = &intent.id.region;
        let put = || async { Ok(self.limited(self.provider.put_rest_api(region, &api, body)).await?) };
        self.call((region, Operation::PutRestApi), Repeat::SafeOnNew, put).await?;
        let stage = StageName::ours();
        let deploy = || async { Ok(self.limited(self.provider.create_deployment(region, &api, &stage)).await?) };
        self.call((region, Operation::CreateDeployment), Repeat::SafeOnNew, deploy).await?;
        self.ready(intent).await
    }

    async fn join(&self, intent: &Intent, key: &ResourceId, plan: &ResourceId) -> Result<IntentState, ActError> {
        let region = &intent.id.region;
        let join = || async { Ok(self.limited(self.provider.create_usage_plan_key(region, plan, key)).await?) };
        match self.call((region, Operation::CreateUsagePlanKey), Repeat::SafeOnNew, join).await {
            Ok(()) | Err(ActError::Provider { cause: ProviderError::Conflict(Conflict::AlreadyExists), .. }) => {
                self.ready(intent).await
            }
            Err(error) => Err(error),
        }
    }

    async fn ready(&self, intent: &Intent) -> Result<IntentState, ActError> {
        self.ledger.ready(&intent.id).await?;
        self.tell(&Progress::Ready(intent.id.clone()));
        Ok(match &intent.state {
            IntentState::Made { resource, at } => IntentState::Ready { resource: resource.clone(), at: *at },
            other => other.clone(),
        })
    }
}

/// Whether this answer to a creation says that nothing of ours exists.
const fn makes_nothing(cause: &ProviderError) -> bool {
    match cause {
        ProviderError::Unknown(_) | ProviderError::Conflict(Conflict::AlreadyExists) => false,
        ProviderError::Throttled { .. }
        | ProviderError::NotFound(_)
        | ProviderError::Conflict(Conflict::StagesAttached | Conflict::Busy)
        | ProviderError::RegionDisabled(_)
        | ProviderError::Denied(_)
        | ProviderError::LimitReached(_)
        | ProviderError::BadRequest(_) => true,
    }
}
