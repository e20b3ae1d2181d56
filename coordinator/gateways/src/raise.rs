//! Bringing a set up, and undoing it when that fails.
//!
//! Every thing is created in the order intent, call, id: the ledger knows of an attempt before the call leaves. A create
//! is never sent twice blindly: when nobody knows its outcome, the Region is looked through for what carries the intent's
//! tag until lists must show it; only then it is asked for again. What is not an act of creation (describing an API,
//! deploying it, letting the key use the plan) may be repeated, and is, by a replay.
//!
//! Undo is no code of its own: what failed is released in the ledger, and the reconciler deletes it as it deletes
//! everything that nobody wants.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::join_all;
use futures::stream::{FuturesUnordered, StreamExt};
use jiff::Timestamp;
use tokio::time::sleep;

use crate::call::{ActError, Repeat};
use crate::estimate;
use crate::gateways::Gateways;
use crate::ledger::{LedgerError, Part};
use crate::openapi::{self, ApiBody};
use crate::picture::answering;
use crate::progress::Progress;
use crate::provider::{Conflict, ProviderError};
use crate::quota::Operation;
use crate::reconcile::{ReconcileError, Report};
use crate::region::Region;
use crate::resource::{ApiKeyValue, AttachedStage, ResourceId, ResourceKind, StageName};
use crate::set::{GatewaySet, Intent, IntentId, IntentPart, IntentState, Opening, Order, SetId};
use crate::spec::{GatewaySpec, SpecHash};
use crate::tags;

/// A Region is looked through this often for what a call without an answer made.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// A thing is asked for this often in all; each time after the first, nobody knew what became of the time before, and a
/// minute was waited.
const MAX_CREATES: u32 = 3;

/// Gateways that are up.
#[derive(Debug)]
pub struct Raised {
    /// The set; another than was asked for, if one that was kept warm is used again.
    pub set: SetId,
    /// The end of its lease.
    pub expires_at: Timestamp,
    /// Where requests go, in order of Regions.
    pub endpoints: Vec<Endpoint>,
    /// Regions where it failed and was undone.
    pub failed: Vec<(Region, ActError)>,
    /// What undoing them came to; `None`: there was nothing to undo.
    pub undo: Option<Result<Report, ReconcileError>>,
    /// Whether it is new.
    pub origin: Origin,
}

/// Where a set comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// It was brought up now, or its bringing up was finished.
    Raised,
    /// It was kept warm.
    Reused,
}

/// One gateway, as requests use it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Where it is.
    pub region: Region,
    /// Its id.
    pub api: ResourceId,
    /// `{base_url}/{route}/…` reaches a vendor. No slash at the end.
    pub base_url: String,
    /// The value of the header `x-api-key`.
    pub key: ApiKeyValue,
}

/// Why no set is up. Nothing of it is left unless the undo says so.
#[derive(Debug, thiserror::Error)]
pub enum UpError {
    /// The account could not be asked for.
    #[error("the provider does not say whose credentials these are")]
    Account(#[source] ProviderError),
    /// The ledger could not be used.
    #[error("the ledger could not be used")]
    Ledger(#[from] LedgerError),
    /// A set of that name was opened with other routes.
    #[error("the gateways {set} were begun with other routes ({stored}; asked for {asked})")]
    SpecDiffers {
        /// Which.
        set: SetId,
        /// Its specification.
        stored: SpecHash,
        /// The one asked for.
        asked: SpecHash,
    },
    /// A set of that name was given up.
    #[error("the gateways {0} were given up: they were released, or their lease ended")]
    NotWanted(SetId),
    /// Too few Regions came up; everything was released.
    #[error("gateways came up in {raised} Regions, {least} are needed")]
    TooFew {
        /// In how many it came up.
        raised: usize,
        /// How many are needed.
        least: usize,
        /// Where it failed, and why.
        failed: Vec<(Region, ActError)>,
        /// What undoing came to.
        undo: Result<Report, ReconcileError>,
    },
}

/// What is to be done next for an intent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Ask for it.
    Create,
    /// An attempt has no answer: look for what it made.
    Find {
        /// When it was asked for.
        since: Timestamp,
    },
    /// Describe and deploy an API.
    Deploy(ResourceId),
    /// A plan has nothing more to be done to it.
    Enough,
    /// Let a key use the plan.
    Join {
        /// The key.
        key: ResourceId,
        /// The plan.
        plan: ResourceId,
    },
    /// Something else must come first.
    Wait,
    /// Nothing.
    Done,
}

/// What is to be done next for one of a Region's intents. Pure.
#[must_use]
pub fn next(intent: &Intent, region: &[Intent]) -> Next {
    let ready = |intent: &Intent| matches!(intent.state, IntentState::Ready { .. });
    let apis_ready = region.iter().filter(|other| other.id.kind() == ResourceKind::RestApi).all(ready);
    let plan = region.iter().find(|other| other.id.part == IntentPart::UsagePlan).and_then(Intent::resource);
    match (&intent.state, intent.id.kind()) {
        (IntentState::Planned, ResourceKind::UsagePlan) if !apis_ready => Next::Wait,
        (IntentState::Planned, _) => Next::Create,
        (IntentState::Attempted { at }, _) => Next::Find { since: *at },
        (IntentState::Made { resource, .. }, ResourceKind::RestApi) => Next::Deploy(resource.clone()),
        (IntentState::Made { .. }, ResourceKind::UsagePlan) => Next::Enough,
        (IntentState::Made { resource, .. }, ResourceKind::ApiKey) => match plan {
            Some(plan) => Next::Join { key: resource.clone(), plan: plan.clone() },
            None => Next::Wait,
        },
        (IntentState::Ready { .. } | IntentState::Gone, _) => Next::Done,
    }
}

/// A set that an order may use instead of a new one: kept warm, of the same specification, in the same Regions, complete.
/// Pure.
#[must_use]
pub fn reusable<'a>(sets: &'a [GatewaySet], order: &Order, spec: &SpecHash, now: Timestamp) -> Option<&'a GatewaySet> {
    let wanted: BTreeSet<&Region> = order.regions.iter().collect();
    let apis = |set: &GatewaySet| set.intents.iter().filter(|i| i.id.kind() == ResourceKind::RestApi).count();
    let count = wanted.len() * usize::try_from(order.per_region.max(1)).unwrap_or(usize::MAX);
    let complete =
        |set: &GatewaySet| set.intents.iter().all(|i| i.wanted && matches!(i.state, IntentState::Ready { .. }));
    sets.iter().find(|set| {
        set.is_live(now)
            && set.holder.is_none()
            && set.spec_hash == *spec
            && set.regions().iter().collect::<BTreeSet<_>>() == wanted
            && apis(set) == count
            && complete(set)
    })
}

/// What the steps of one bringing up share.
struct Raising<'a> {
    set: &'a GatewaySet,
    body: &'a ApiBody,
    /// This many Regions may fail; when more have, nothing more is begun anywhere.
    spare: usize,
    failures: AtomicUsize,
}

impl Gateways {
    /// Brings up what is asked for, or uses a set that was kept warm. At least `least` Regions must come up, or everything
    /// is undone. A set of the order's name that a dead process began is finished.
    pub async fn up(&self, order: &Order, spec: &GatewaySpec, least: usize) -> Result<Raised, UpError> {
        let account = self.limited(self.provider.account()).await.map_err(UpError::Account)?;
        let hash = spec.hash();
        let sets = self.our_sets(&account).await?;
        if !sets.iter().any(|set| set.id == order.set)
            && let Some(warm) = reusable(&sets, order, &hash, self.clock.now())
            && let Some(raised) = self.reuse(warm, order).await?
        {
            return Ok(raised);
        }
        let now = self.clock.now();
        let opening = Opening { account, owner: self.settings.owner.clone(), spec_hash: hash.clone(), at: now };
        let set = self.ledger.open(&GatewaySet::draw(order, opening)).await?;
        if set.spec_hash != hash {
            return Err(UpError::SpecDiffers { set: set.id, stored: set.spec_hash, asked: hash });
        }
        if !set.is_live(now) {
            return Err(UpError::NotWanted(set.id));
        }
        self.raise(&set, spec, least).await
    }

    /// Takes a set that was kept warm; `None`: somebody was faster, or it is not there any more.
    async fn reuse(&self, warm: &GatewaySet, order: &Order) -> Result<Option<Raised>, UpError> {
        if !self.ledger.claim(&warm.id, &order.holder, self.clock.now(), order.expires_at).await? {
            return Ok(None);
        }
        let there = join_all(warm.intents.iter().filter_map(Intent::reference).map(|resource| async move {
            // Whoever deletes by hand deletes APIs, plans or keys: all of them are needed.
            matches!(self.get(&resource).await, Ok(Some(found)) if self.settings.owner.owns(&found.tags))
        }))
        .await;
        if there.contains(&false) {
            self.release(&warm.id).await?;
            return Ok(None);
        }
        self.write_leases(&warm.id).await?;
        self.tell(&Progress::Reused(warm.id.clone()));
        let expires_at = warm.expires_at.max(order.expires_at);
        let endpoints = self.endpoints(&warm.intents);
        let (set, failed) = (warm.id.clone(), Vec::new());
        Ok(Some(Raised { set, expires_at, endpoints, failed, undo: None, origin: Origin::Reused }))
    }

    async fn raise(&self, set: &GatewaySet, spec: &GatewaySpec, least: usize) -> Result<Raised, UpError> {
        let regions = set.regions();
        let apis = |region: &Region| set.in_region(region).filter(|i| i.id.kind() == ResourceKind::RestApi).count();
        let fullest = regions.iter().map(apis).max().unwrap_or(0);
        let estimate = estimate::of_raising(&regions, u32::try_from(fullest).unwrap_or(u32::MAX));
        self.tell(&Progress::Raising { set: set.id.clone(), estimate });

        let body = openapi::body(spec);
        let spare = regions.len().saturating_sub(least.min(regions.len()));
        let raising = Raising { set, body: &body, spare, failures: AtomicUsize::new(0) };
        let outcomes = join_all(regions.iter().map(|region| self.raise_region(&raising, region))).await;

        let (mut endpoints, mut failed) = (Vec::new(), Vec::new());
        for (region, outcome) in regions.iter().zip(outcomes) {
            match outcome {
                Ok(intents) => endpoints.extend(self.endpoints(&intents)),
                Err(error) => {
                    self.tell(&Progress::Failed { region: region.clone(), why: error.to_string() });
                    failed.push((region.clone(), error));
                }
            }
        }
        let raised = regions.len() - failed.len();
        if raised < least || raised == 0 {
            let undo = self.undo(&set.id, &[Part::Whole]).await;
            return Err(UpError::TooFew { raised, least, failed, undo });
        }
        let parts: Vec<Part> = failed.iter().map(|(region, _)| Part::Region(region.clone())).collect();
        let undo = if parts.is_empty() { None } else { Some(self.undo(&set.id, &parts).await) };
        let (id, expires_at) = (set.id.clone(), set.expires_at);
        Ok(Raised { set: id, expires_at, endpoints, failed, undo, origin: Origin::Raised })
    }

    async fn undo(&self, set: &SetId, parts: &[Part]) -> Result<Report, ReconcileError> {
        for part in parts {
            self.ledger.release(set, part).await?;
        }
        self.reconcile().await
    }

    /// Everything a Region is to have, each thing as soon as what it needs is there. When a step fails, those under way
    /// are finished and no other is begun.
    async fn raise_region(&self, raising: &Raising<'_>, region: &Region) -> Result<Vec<Intent>, ActError> {
        let mut intents: Vec<Intent> = raising.set.in_region(region).cloned().collect();
        let mut creates: BTreeMap<IntentId, u32> = BTreeMap::new();
        let mut running = FuturesUnordered::new();
        let mut busy: BTreeSet<IntentId> = BTreeSet::new();
        let mut failure: Option<ActError> = None;
        loop {
            if failure.is_none() && raising.failures.load(Ordering::Relaxed) > raising.spare {
                failure = Some(ActError::NotBegun);
            }
            for intent in intents.iter().filter(|_| failure.is_none()) {
                let step = next(intent, &intents);
                if matches!(step, Next::Wait | Next::Done) || !busy.insert(intent.id.clone()) {
                    continue;
                }
                let before = creates.entry(intent.id.clone()).or_default();
                *before += u32::from(step == Next::Create);
                running.push(self.step(raising, (intent.clone(), step, *before), intents.clone()));
            }
            let Some((id, outcome)) = running.next().await else { break };
            busy.remove(&id);
            match outcome {
                Ok(state) => intents.iter_mut().filter(|intent| intent.id == id).for_each(|i| i.state = state.clone()),
                Err(error) => {
                    if failure.is_none() {
                        raising.failures.fetch_add(1, Ordering::Relaxed);
                        failure = Some(error);
                    }
                }
            }
        }
        match failure {
            Some(error) => Err(error),
            None => Ok(intents),
        }
    }

    /// One step of one intent; answers the state it is in afterwards.
    async fn step(
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
        match self.call((at, operation), Repeat::OnlyIfRefused, attempt).await {
            Ok(resource) => self.made(intent, &resource).await,
            // A key of this value is there: it can only be ours, from an attempt whose answer was lost.
            Err(ActError::Provider {
                cause: ProviderError::Unknown(_) | ProviderError::Conflict(Conflict::AlreadyExists),
                ..
            }) if creates < MAX_CREATES => Ok(IntentState::Attempted { at: self.clock.now() }),
            Err(error) => {
                let unknown = matches!(&error, ActError::Provider { cause: ProviderError::Unknown(_), .. });
                if !unknown && matches!(error, ActError::Provider { .. }) {
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
        self.call((region, Operation::PutRestApi), Repeat::Safe, put).await?;
        let stage = StageName::ours();
        let deploy = || async { Ok(self.limited(self.provider.create_deployment(region, &api, &stage)).await?) };
        self.call((region, Operation::CreateDeployment), Repeat::Safe, deploy).await?;
        self.ready(intent).await
    }

    async fn join(&self, intent: &Intent, key: &ResourceId, plan: &ResourceId) -> Result<IntentState, ActError> {
        let region = &intent.id.region;
        let join = || async { Ok(self.limited(self.provider.create_usage_plan_key(region, plan, key)).await?) };
        match self.call((region, Operation::CreateUsagePlanKey), Repeat::Safe, join).await {
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

    /// The gateways among intents that are up.
    fn endpoints(&self, intents: &[Intent]) -> Vec<Endpoint> {
        let key = |region: &Region| {
            intents.iter().find(|i| i.id.part == IntentPart::ApiKey && i.id.region == *region)?.key_value.clone()
        };
        let apis = intents.iter().filter(|intent| intent.id.kind() == ResourceKind::RestApi);
        apis.filter_map(|intent| {
            let (region, api) = (intent.id.region.clone(), intent.resource()?.clone());
            let base_url = self.provider.invoke_url(&region, &api, &StageName::ours());
            Some(Endpoint { key: key(&region)?, region, api, base_url })
        })
        .collect()
    }
}
