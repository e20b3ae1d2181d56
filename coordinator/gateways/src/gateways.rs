//! The door: gateways of one owner in one account.
//!
//! It owns nothing but its limiters: what is wanted is in the ledger, what exists is with the provider. A process that dies
//! at any moment loses nothing that the next one needs.

use std::sync::Arc;
use std::time::Duration;

use fleet_core::seams::{Clock, Holder};
use futures::future::join_all;
use jiff::Timestamp;
use tokio::sync::OnceCell;

use crate::call::{ActError, Repeat};
use crate::ledger::{Ledger, LedgerError, Part};
use crate::pace::Pace;
use crate::picture::Leases;
use crate::progress::{Progress, Watcher};
use crate::provider::{GatewayProvider, ProviderError};
use crate::quota::Operation;
use crate::reconcile::ReconcileError;
use crate::region::{AccountId, Region};
use crate::resource::{Resource, ResourceKind, ResourceRef};
use crate::set::{GatewaySet, SetId, SetState};
use crate::tags::{self, OwnerTag};

/// How it behaves.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Only what carries exactly this tag is ever deleted.
    pub owner: OwnerTag,
    /// Which Regions are looked at for deleting.
    pub scope: Scope,
    /// Regions that are to be seen, beside those that the ledger names: those of the configuration. Another one that the
    /// credentials may not look at is told of, and holds nothing up.
    pub expected: Vec<Region>,
    /// Whether runs' leases count.
    pub leases: Leases,
    /// A call without an answer is given up after this.
    pub call_limit: Duration,
    /// Lists are complete after this.
    pub list_lag: Duration,
}

/// Which Regions are looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// All that are enabled for the account, and all that the ledger names.
    Everywhere,
    /// These only.
    Only(Vec<Region>),
}

impl Settings {
    /// The usual: everywhere, leases count, 15 s for a call, lists at most 45 s late.
    #[must_use]
    pub fn of(owner: OwnerTag) -> Self {
        Self {
            owner,
            scope: Scope::Everywhere,
            expected: Vec::new(),
            leases: Leases::Honoured,
            call_limit: Duration::from_secs(15),
            list_lag: Duration::from_secs(45),
        }
    }

    /// So long after a call its effect may be missing from what is seen.
    #[must_use]
    pub fn settle(&self) -> Duration {
        self.call_limit + self.list_lag
    }
}

/// Brings gateways up and takes them down.
pub struct Gateways {
    pub(crate) provider: Arc<dyn GatewayProvider>,
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) watcher: Arc<dyn Watcher>,
    pub(crate) settings: Settings,
    pub(crate) pace: Pace,
    /// Credentials do not change their account: what was said once need not be asked when something is to be deleted.
    account: OnceCell<AccountId>,
}

/// What became of a set that was to be kept warm.
#[derive(Debug)]
pub enum Kept {
    /// It stays, and its tags say so.
    Warm,
    /// Its tags could not be written, so that cleanups elsewhere would have taken it for a dead run's while the ledger called
    /// it wanted; it is released instead.
    Released(Vec<ActError>),
}

impl Gateways {
    /// Of these parts. Wants to be called inside tokio.
    #[must_use]
    pub fn new(
        provider: Arc<dyn GatewayProvider>,
        ledger: Arc<dyn Ledger>,
        clock: Arc<dyn Clock>,
        settings: Settings,
    ) -> Self {
        let (watcher, account) = (Arc::new(crate::progress::Nobody), OnceCell::new());
        Self { provider, ledger, clock, watcher, settings, pace: Pace::new(), account }
    }

    /// Somebody watches.
    #[must_use]
    pub fn watched_by(mut self, watcher: Arc<dyn Watcher>) -> Self {
        self.watcher = watcher;
        self
    }

    pub(crate) fn tell(&self, progress: &Progress) {
        self.watcher.saw(progress);
    }

    /// Its run needs a set until then: written to the ledger, then to the tags, for those who do not have our ledger. Tags
    /// that could not be written are answered; the lease holds nevertheless.
    pub async fn renew(
        &self,
        set: &SetId,
        holder: &Holder,
        expires_at: Timestamp,
    ) -> Result<Vec<ActError>, LedgerError> {
        self.ledger.renew(set, holder, expires_at).await?;
        self.write_leases(set).await
    }

    /// Renews every set that this run holds, whatever its name: one that is being brought up, or one that was kept warm.
    /// Answers what did not succeed, for each set and tag.
    pub async fn renew_held(&self, holder: &Holder, expires_at: Timestamp) -> Result<Vec<ActError>, LedgerError> {
        let mut failed = Vec::new();
        for set in self.held_by(holder).await? {
            match self.renew(&set.id, holder, expires_at).await {
                Ok(untold) => failed.extend(untold),
                Err(error) => failed.push(error.into()),
            }
        }
        Ok(failed)
    }

    /// Nobody wants the sets that this run holds any more. Answers how many there were.
    pub async fn release_held(&self, holder: &Holder) -> Result<usize, LedgerError> {
        let mut released = 0;
        for set in self.held_by(holder).await? {
            match self.release(&set.id, holder).await {
                Ok(()) => released += 1,
                // Somebody was faster.
                Err(LedgerError::NotFound(_) | LedgerError::NotHeld(_) | LedgerError::NotWanted(_)) => {}
                Err(error @ (LedgerError::Unavailable(_) | LedgerError::Damaged(_))) => return Err(error),
            }
        }
        Ok(released)
    }

    /// Whatever their account: a process holds only what it made.
    async fn held_by(&self, holder: &Holder) -> Result<Vec<GatewaySet>, LedgerError> {
        let mut sets = self.ledger.sets().await?;
        sets.retain(|set| set.state == SetState::Wanted && set.holder.as_ref() == Some(holder));
        Ok(sets)
    }

    /// Its run is done with a set, and it stays for the next one until then, if its tags can say so: tried twice.
    pub async fn keep(&self, set: &SetId, holder: &Holder, expires_at: Timestamp) -> Result<Kept, LedgerError> {
        if self.park(set, holder, expires_at).await?.is_empty() {
            return Ok(Kept::Warm);
        }
        let untold = self.write_leases(set).await?;
        if untold.is_empty() {
            return Ok(Kept::Warm);
        }
        match self.release(set, holder).await {
            Ok(()) => Ok(Kept::Released(untold)),
            // The next run has taken it meanwhile, and writes its tags.
            Err(LedgerError::NotHeld(_)) => Ok(Kept::Warm),
            Err(error) => Err(error),
        }
    }

    /// Its run is done with a set, and it stays for the next one until then. Its tags are as with [`Self::renew`].
    pub async fn park(
        &self,
        set: &SetId,
        holder: &Holder,
        expires_at: Timestamp,
    ) -> Result<Vec<ActError>, LedgerError> {
        self.ledger.park(set, holder, expires_at).await?;
        self.write_leases(set).await
    }

    /// Its run is done with a set, and nobody wants it any more. [`Self::reconcile`] deletes it.
    pub async fn release(&self, set: &SetId, holder: &Holder) -> Result<(), LedgerError> {
        self.ledger.release(set, &Part::Whole, Some(holder)).await
    }

    /// The tags say what the ledger says.
    pub(crate) async fn write_leases(&self, set: &SetId) -> Result<Vec<ActError>, LedgerError> {
        let sets = self.ledger.sets().await?;
        let Some(set) = sets.into_iter().find(|stored| stored.id == *set) else { return Ok(Vec::new()) };
        let lease = tags::lease(set.expires_at);
        let written = join_all(set.intents.iter().filter(|intent| intent.wanted).filter_map(|intent| {
            let resource = intent.reference()?;
            let lease = &lease;
            Some(async move {
                let act = (&resource.region, Operation::TagResource);
                let attempt = || async { Ok(self.limited(self.provider.tag(&resource, lease)).await?) };
                self.call(act, Repeat::Safe, attempt).await
            })
        }))
        .await;
        Ok(written.into_iter().filter_map(Result::err).collect())
    }

    /// Everything of a kind in a Region, page by page.
    pub(crate) async fn list_all(&self, region: &Region, kind: ResourceKind) -> Result<Vec<Resource>, ActError> {
        let mut all: Vec<Resource> = Vec::new();
        let mut position: Option<String> = None;
        // Bounded: each page begins after the last, and a Region holds 600 APIs.
        loop {
            let attempt = || async { Ok(self.limited(self.provider.list(region, kind, position.as_deref())).await?) };
            let page = self.call((region, Operation::List(kind)), Repeat::Safe, attempt).await?;
            all.extend(page.items);
            match page.next {
                Some(next) if Some(&next) != position.as_ref() => position = Some(next),
                Some(_) | None => return Ok(all),
            }
        }
    }

    /// One thing; `None`: there is no such thing.
    pub(crate) async fn get(&self, resource: &ResourceRef) -> Result<Option<Resource>, ActError> {
        let attempt = || async { Ok(self.limited(self.provider.get(resource)).await?) };
        match self.call((&resource.region, Operation::Get(resource.kind)), Repeat::Safe, attempt).await {
            Ok(resource) => Ok(Some(resource)),
            Err(ActError::Provider { cause: ProviderError::NotFound(_), .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The Regions enabled for the account.
    pub async fn enabled_regions(&self) -> Result<Vec<Region>, ProviderError> {
        self.asked(|| self.provider.enabled_regions()).await
    }

    pub(crate) async fn our_account(&self) -> Result<&AccountId, ProviderError> {
        self.account.get_or_try_init(|| self.asked(|| self.provider.account())).await
    }

    /// This owner's sets in this account, closed ones too: a ledger may have others.
    pub async fn sets(&self) -> Result<Vec<GatewaySet>, ReconcileError> {
        let account = self.our_account().await;
        let account = account.map_err(|cause| ReconcileError::Provider("whose credentials these are", cause))?;
        Ok(self.our_sets(account).await?)
    }

    /// Our sets in this account.
    pub(crate) async fn our_sets(&self, account: &AccountId) -> Result<Vec<GatewaySet>, LedgerError> {
        let mut sets = self.ledger.sets().await?;
        sets.retain(|set| set.account == *account && set.owner == self.settings.owner);
        Ok(sets)
    }
}
