//! Bringing a set up, and undoing it when that fails.
//!
//! Undo is no code of its own: what failed is released in the ledger, and the reconciler deletes it as it deletes
//! everything that nobody wants.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::future::join_all;
use futures::stream::{FuturesUnordered, StreamExt};
use jiff::Timestamp;

use crate::call::ActError;
use crate::estimate;
use crate::gateways::Gateways;
use crate::ledger::{LedgerError, Part};
use crate::next::{Asked, Next, next, reusable};
use crate::openapi::{self, ApiBody};
use crate::progress::Progress;
use crate::provider::ProviderError;
use crate::reconcile::{ReconcileError, Report};
use crate::region::Region;
use crate::resource::{ApiKeyValue, ResourceId, ResourceKind, StageName};
use crate::said::said;
use crate::set::{GatewaySet, Intent, IntentId, IntentPart, Opening, Order, SetId};
use crate::spec::{GatewaySpec, SpecHash};

/// Gateways that are up.
#[derive(Debug)]
pub struct Raised {
    /// The set; another than was asked for, if one that was kept warm is used again.
    pub set: SetId,
    /// The end of its lease.
    pub expires_at: Timestamp,
    /// Where requests go, in order of Regions.
    pub endpoints: Vec<Endpoint>,
    /// Regions where it failed. What there is of them was released; [`Gateways::reconcile`] deletes it, at the latest with
    /// the set: that takes minutes, and costs nothing to wait for.
    pub failed: Vec<(Region, ActError)>,
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
    /// A set of that name is used by another run.
    #[error("the gateways {0} are used by another run")]
    Held(SetId),
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

/// What the steps of one bringing up share.
pub(crate) struct Raising<'a> {
    pub(crate) set: &'a GatewaySet,
    pub(crate) body: &'a ApiBody,
    /// This many Regions may fail; when more have, nothing more is begun anywhere.
    spare: usize,
    failures: AtomicUsize,
}

impl Gateways {
    /// Brings up what is asked for, or uses a set that was kept warm. At least `least` Regions must come up, or everything
    /// is undone. A set of the order's name that a dead process began is finished.
    pub async fn up(&self, order: &Order, spec: &GatewaySpec, least: usize) -> Result<Raised, UpError> {
        let account = self.our_account().await.map_err(UpError::Account)?;
        let hash = spec.hash();
        let sets = self.our_sets(account).await?;
        let asked = Asked { order, spec: &hash, least };
        if !sets.iter().any(|set| set.id == order.set)
            && let Some(warm) = reusable(&sets, &asked, self.clock.now())
            && let Some(raised) = self.reuse(warm, order).await?
        {
            return Ok(raised);
        }
        let now = self.clock.now();
        let opening =
            Opening { account: account.clone(), owner: self.settings.owner.clone(), spec_hash: hash.clone(), at: now };
        let set = self.ledger.open(&GatewaySet::draw(order, opening)).await?;
        if set.spec_hash != hash {
            return Err(UpError::SpecDiffers { set: set.id, stored: set.spec_hash, asked: hash });
        }
        if !set.is_live(now) {
            return Err(UpError::NotWanted(set.id));
        }
        let set = self.hold(set, order, now).await?;
        self.raise(&set, spec, least).await
    }

    /// A set of the order's name is this run's, for as long as it asks.
    async fn hold(&self, mut set: GatewaySet, order: &Order, now: Timestamp) -> Result<GatewaySet, UpError> {
        if set.holder.as_ref() != Some(&order.holder) {
            // It is one that this run kept warm itself, or somebody else's by now.
            if !self.ledger.claim(&set.id, &order.holder, now, order.expires_at).await? {
                return Err(UpError::Held(set.id));
            }
        } else if set.expires_at < order.expires_at {
            self.ledger.renew(&set.id, &order.holder, order.expires_at).await?;
        } else {
            return Ok(set);
        }
        self.write_leases(&set.id).await?;
        set.expires_at = set.expires_at.max(order.expires_at);
        Ok(set)
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
            self.release(&warm.id, &order.holder).await?;
            return Ok(None);
        }
        self.write_leases(&warm.id).await?;
        self.tell(&Progress::Reused(warm.id.clone()));
        let expires_at = warm.expires_at.max(order.expires_at);
        let endpoints = self.endpoints(&warm.intents);
        let (set, failed) = (warm.id.clone(), Vec::new());
        Ok(Some(Raised { set, expires_at, endpoints, failed, origin: Origin::Reused }))
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
                    self.tell(&Progress::Failed { region: region.clone(), why: said(&error) });
                    failed.push((region.clone(), error));
                }
            }
        }
        let raised = regions.len() - failed.len();
        if raised < least || raised == 0 {
            self.ledger.release(&set.id, &Part::Whole, None).await?;
            let undo = self.reconcile().await;
            return Err(UpError::TooFew { raised, least, failed, undo });
        }
        for (region, _) in &failed {
            self.ledger.release(&set.id, &Part::Region(region.clone()), None).await?;
        }
        let (id, expires_at) = (set.id.clone(), set.expires_at);
        Ok(Raised { set: id, expires_at, endpoints, failed, origin: Origin::Raised })
    }

    /// Everything a Region is to have, each thing as soon as what it needs is there. When a step fails, those under way
    /// are finished and no other is begun.
    async fn raise_region(&self, raising: &Raising<'_>, region: &Region) -> Result<Vec<Intent>, ActError> {
        let mut intents: Vec<Intent> = raising.set.in_region(region).cloned().collect();
        if intents.iter().any(|intent| !intent.wanted) {
            // It failed before, and was given up: a replay leaves it so.
            raising.failures.fetch_add(1, Ordering::Relaxed);
            return Err(LedgerError::NotWanted(format!("{} in {region}", raising.set.id)).into());
        }
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

    /// The gateways of a set that are up, as the ledger knows them.
    #[must_use]
    pub fn endpoints_of(&self, set: &GatewaySet) -> Vec<Endpoint> {
        let ready = |intent: &&Intent| matches!(intent.state, crate::set::IntentState::Ready { .. });
        let up: Vec<Intent> = set.intents.iter().filter(ready).cloned().collect();
        self.endpoints(&up)
    }

    /// The gateways among intents that are up.
    fn endpoints(&self, intents: &[Intent]) -> Vec<Endpoint> {
        let key = |region: &Region| {
            intents.iter().find(|i| i.id.part == IntentPart::ApiKey && i.id.region == *region)?.key_value.clone()
        };
        let apis = intents.iter().filter(|intent| intent.wanted && intent.id.kind() == ResourceKind::RestApi);
        apis.filter_map(|intent| {
            let (region, api) = (intent.id.region.clone(), intent.resource()?.clone());
            let base_url = self.provider.invoke_url(&region, &api, &StageName::ours());
            Some(Endpoint { key: key(&region)?, region, api, base_url })
        })
        .collect()
    }
}
