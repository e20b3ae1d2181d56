//! The reconciler: what exists is made to be what is wanted, by deleting. One path for a run's teardown, for undoing a
//! failed start, and for `cleanup` after a crash; it takes no input.
//!
//! A pass looks (ledger, then every Region), decides ([`crate::plan`], [`crate::picture`]) and acts (Regions in parallel,
//! paced). Passes follow until nothing is left to do. Nothing is deleted that was not seen, with our exact tag, by the same
//! pass. What may appear yet (a call without an answer) is waited for. It may be interrupted anywhere and begun again.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::join_all;
use jiff::Timestamp;
use tokio::time::sleep;

use crate::call::{ActError, Repeat, may_pass};
use crate::estimate;
use crate::gateways::{Gateways, Scope};
use crate::ledger::{LedgerError, Part};
use crate::picture::{Lapsed, Leases, Picture, Settlement, Sight};
use crate::plan::{DeleteStep, Experience, RegionWork, plan};
use crate::progress::Progress;
use crate::provider::{Conflict, ProviderError};
use crate::region::Region;
use crate::resource::{Resource, ResourceKind, ResourceRef, StageName};
use crate::set::{GatewaySet, SetId, SetState};

/// A closed set is remembered so long after it was opened: what a call without an answer made has appeared by then, and
/// leases last hours.
const REMEMBERED: Duration = Duration::from_secs(7 * 86_400);
/// Passes in all: the work, what was refused or lost, a minute's wait for what may appear, and as much again.
const MAX_PASSES: u32 = 16;
/// Passes in a row that may change nothing.
const MAX_IDLE: u32 = 3;
/// The wait after a pass that changed nothing, times their number.
const IDLE_WAIT: Duration = Duration::from_secs(5);

/// Why reconciling could not go on. What was done is done, and the next time goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// The account or its Regions could not be asked for.
    #[error("the provider does not say {0}")]
    Provider(&'static str, #[source] ProviderError),
    /// The ledger could not be used.
    #[error("the ledger could not be used")]
    Ledger(#[from] LedgerError),
}

/// What reconciling came to.
#[derive(Debug, Default)]
pub struct Report {
    /// Deleted, or found to be gone when they were to be, in order of their Regions.
    pub deleted: Vec<ResourceRef>,
    /// Of ours, not wanted, and still there, with the last failure.
    pub remaining: Vec<(ResourceRef, Option<String>)>,
    /// Regions that could not be looked at, and why.
    pub blind: Vec<(Region, ProviderError)>,
    /// Regions that these credentials may not look at, and that nothing says we ever used: told, and no reason to come back.
    pub denied: Vec<(Region, ProviderError)>,
    /// Why it is not known which Regions there are beside those that were looked at; `None`: it is known.
    pub elsewhere: Option<ProviderError>,
    /// Intents that are not wanted and of which it is not known whether something exists.
    pub unsettled: Vec<String>,
    /// Things of ours that were spared, because a run uses them.
    pub spared: usize,
    /// Passes it took.
    pub passes: u32,
}

impl Report {
    /// Whether nothing is left that nobody wants.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.remaining.is_empty() && self.blind.is_empty() && self.elsewhere.is_none() && self.unsettled.is_empty()
    }
}

impl Gateways {
    /// What there is and what it would come to, without changing anything: a dry run. [`plan`] and
    /// [`estimate::of_work`] tell the rest.
    pub async fn survey(&self) -> Result<Picture, ReconcileError> {
        self.look_around(Lapsed::Orphan).await
    }

    async fn look_around(&self, lapsed: Lapsed) -> Result<Picture, ReconcileError> {
        let sets = self.sets().await?;
        let now = self.clock.now();
        let sets: BTreeMap<SetId, GatewaySet> = sets.into_iter().map(|set| (set.id.clone(), set)).collect();
        let mut picture = Picture {
            owner: self.settings.owner.clone(),
            now,
            leases: self.settings.leases,
            lapsed,
            sets,
            regions: BTreeMap::new(),
            expected: self.settings.expected.iter().cloned().collect(),
            elsewhere: None,
        };
        let regions = self.regions(&mut picture).await;
        let known: Vec<ResourceRef> = picture.left().filter_map(crate::set::Intent::reference).collect();
        let sights = join_all(regions.iter().map(|region| self.look(region, &known))).await;
        picture.regions = regions.into_iter().zip(sights).collect();
        Ok(picture)
    }

    /// Where to look. Where nobody says which Regions there are, those that the ledger and the configuration name are
    /// looked at all the same: what a run has must not stay because of a question.
    async fn regions(&self, picture: &mut Picture) -> Vec<Region> {
        let mut regions = match &self.settings.scope {
            Scope::Only(regions) => regions.clone(),
            Scope::Everywhere => {
                let mut regions = match self.enabled_regions().await {
                    Ok(regions) => regions,
                    Err(cause) => {
                        picture.elsewhere = Some(cause);
                        self.settings.expected.clone()
                    }
                };
                regions.extend(picture.left().map(|intent| intent.id.region.clone()));
                regions
            }
        };
        regions.sort();
        regions.dedup();
        regions
    }

    /// Everything in a Region: what lists show, and what the ledger knows and lists do not show.
    async fn look(&self, region: &Region, known: &[ResourceRef]) -> Sight {
        let from = self.clock.now();
        match self.look_through(region, known).await {
            Ok(resources) => Sight::Seen { from, resources },
            Err(ActError::Provider { cause, .. }) => Sight::Blind(cause),
            Err(other @ (ActError::Ledger(_) | ActError::NotBegun)) => {
                Sight::Blind(ProviderError::Unknown(other.to_string()))
            }
        }
    }

    async fn look_through(&self, region: &Region, known: &[ResourceRef]) -> Result<Vec<Resource>, ActError> {
        let mut resources = Vec::new();
        for listed in join_all(ResourceKind::ALL.map(|kind| self.list_all(region, kind))).await {
            resources.extend(listed?);
        }
        let unseen = known
            .iter()
            .filter(|reference| reference.region == *region)
            .filter(|reference| !resources.iter().any(|seen| seen.at == **reference));
        for found in join_all(unseen.map(|reference| self.get(reference))).await {
            resources.extend(found?);
        }
        Ok(resources)
    }

    /// Deletes everything of ours that nobody wants.
    pub async fn reconcile(&self) -> Result<Report, ReconcileError> {
        let mut experience = Experience::default();
        let mut failures: BTreeMap<ResourceRef, String> = BTreeMap::new();
        let (mut idle, mut passes) = (0, 0);
        let picture = loop {
            passes += 1;
            self.end_leases().await?;
            // What lapses from here on, until it acts, is spared by this pass.
            let mut picture = self.look_around(Lapsed::Wanted).await?;
            picture.forget(&experience.gone);
            let waits = self.settle(&mut picture).await?;
            let work = plan(&picture, &experience);
            let blind = picture.regions.values().any(|sight| matches!(sight, Sight::Blind(cause) if may_pass(cause)));
            let last = passes >= MAX_PASSES || idle >= MAX_IDLE;
            if last || (work.is_empty() && waits.is_empty() && !blind) {
                break picture;
            }
            if work.is_empty() && !blind {
                // Something may appear yet. The wait is as long as it takes to be certain, so it is no idle pass.
                let until = waits.iter().copied().max().unwrap_or(picture.now);
                self.tell(&Progress::Settling { until });
                let left = until.duration_since(self.clock.now());
                sleep(Duration::try_from(left).unwrap_or_default()).await;
                continue;
            }
            let before = experience.gone.len();
            self.act(&work, &picture, &mut experience, &mut failures).await?;
            idle = if experience.gone.len() > before { 0 } else { idle + 1 };
            sleep(IDLE_WAIT * idle).await;
        };
        self.close_sets(&picture).await?;
        Ok(self.report(&picture, experience, &failures, passes))
    }

    /// Sets whose lease is over are released, in the ledger first: a run that was only slow learns it before it creates
    /// anything more.
    async fn end_leases(&self) -> Result<(), ReconcileError> {
        let now = self.clock.now();
        let sets = self.sets().await?;
        for set in sets.into_iter().filter(|set| set.state == SetState::Wanted) {
            match (self.settings.leases, &self.settings.scope) {
                (Leases::Honoured, _) if set.is_live(now) => {}
                (Leases::Honoured, _) => {
                    // Renewed meanwhile: then it is spared.
                    self.ledger.expire(&set.id, now).await?;
                }
                (Leases::Overridden, Scope::Everywhere) => self.ledger.release(&set.id, &Part::Whole, None).await?,
                (Leases::Overridden, Scope::Only(regions)) => {
                    for region in regions {
                        self.ledger.release(&set.id, &Part::Region(region.clone()), None).await?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Tells the ledger what the picture settles; answers until when something may appear yet.
    async fn settle(&self, picture: &mut Picture) -> Result<Vec<Timestamp>, ReconcileError> {
        let mut waits = Vec::new();
        for settlement in picture.settlements(self.settings.settle()) {
            match settlement {
                Settlement::Adopt { intent, resource } => {
                    let resource = self.ledger.made(&intent, &resource).await?;
                    picture.adopt(&intent, &resource);
                }
                Settlement::Gone(intent) => self.ledger.gone(&intent).await?,
                Settlement::Wait { until, .. } => waits.push(until),
            }
        }
        Ok(waits)
    }

    async fn act(
        &self,
        work: &[RegionWork],
        picture: &Picture,
        experience: &mut Experience,
        failures: &mut BTreeMap<ResourceRef, String>,
    ) -> Result<(), ReconcileError> {
        if !work.is_empty() {
            let things = work.iter().flat_map(|region| region.waves.iter().flatten());
            let things = things.filter(|step| matches!(step, DeleteStep::Thing(_))).count();
            self.tell(&Progress::TearingDown { things, estimate: estimate::of_work(work) });
        }
        let done = join_all(work.iter().map(|region| self.act_in_region(region, picture))).await;
        for (step, outcome) in done.into_iter().flatten() {
            let about = step.about().clone();
            match outcome {
                Ok(()) => {
                    if matches!(step, DeleteStep::Thing(_)) {
                        failures.remove(&about);
                        experience.gone.insert(about);
                    }
                }
                Err(ActError::Ledger(error)) => return Err(error.into()),
                Err(error @ (ActError::Provider { .. } | ActError::NotBegun)) => {
                    let attached = matches!(
                        &error,
                        ActError::Provider { cause: ProviderError::Conflict(Conflict::StagesAttached), .. }
                    );
                    if attached {
                        *experience.refusals.entry(about.clone()).or_default() += 1;
                    }
                    // A stage or an attachment that cannot be deleted ends with its API or plan.
                    if !error.may_pass() && matches!(step, DeleteStep::Thing(_)) {
                        experience.given_up.insert(about.clone());
                    }
                    failures.insert(about, words(&error));
                }
            }
        }
        Ok(())
    }

    async fn act_in_region(&self, work: &RegionWork, picture: &Picture) -> Vec<(DeleteStep, Result<(), ActError>)> {
        let mut done = Vec::new();
        for wave in &work.waves {
            let outcomes = join_all(wave.iter().map(|step| self.delete(step, picture))).await;
            for (step, outcome) in wave.iter().zip(outcomes) {
                match &outcome {
                    Ok(()) => self.tell(&Progress::Done(step.clone())),
                    Err(error) => self.tell(&Progress::NotDone { step: step.clone(), why: words(error) }),
                }
                done.push((step.clone(), outcome));
            }
        }
        done
    }

    /// One step. What is not there any more is done.
    async fn delete(&self, step: &DeleteStep, picture: &Picture) -> Result<(), ActError> {
        let act = (&step.about().region, step.operation());
        let stage = StageName::ours();
        let attempt = || async {
            let provider = &self.provider;
            match step {
                DeleteStep::Stage(api) => self.limited(provider.delete_stage(&api.region, &api.id, &stage)).await?,
                DeleteStep::Detach { plan, stage } => {
                    self.limited(provider.detach_stage(&plan.region, &plan.id, stage)).await?;
                }
                DeleteStep::Thing(resource) => self.limited(provider.delete(resource)).await?,
            }
            Ok(())
        };
        match (self.call(act, Repeat::Safe, attempt).await, step) {
            (Ok(()), DeleteStep::Thing(resource)) => self.write_gone(resource, picture).await,
            (Ok(()), DeleteStep::Stage(_) | DeleteStep::Detach { .. }) => Ok(()),
            // The ledger learns of it from the next picture: "not found" can be too early to be true.
            (Err(ActError::Provider { cause: ProviderError::NotFound(_), .. }), _) => Ok(()),
            (Err(error), _) => Err(error),
        }
    }

    /// The intents that a deleted thing answered are gone.
    async fn write_gone(&self, resource: &ResourceRef, picture: &Picture) -> Result<(), ActError> {
        for intent in picture.left().filter(|intent| intent.reference().as_ref() == Some(resource)) {
            self.ledger.gone(&intent.id).await?;
        }
        Ok(())
    }

    async fn close_sets(&self, picture: &Picture) -> Result<(), ReconcileError> {
        for set in picture.sets.values().filter(|set| set.state == SetState::Released) {
            // What of it may exist keeps it open, and is in the report.
            self.ledger.close(&set.id).await?;
        }
        let opened_before = picture.now.saturating_sub(REMEMBERED).unwrap_or(Timestamp::MIN);
        self.ledger.forget(opened_before).await?;
        Ok(())
    }

    fn report(
        &self,
        picture: &Picture,
        experience: Experience,
        failures: &BTreeMap<ResourceRef, String>,
        passes: u32,
    ) -> Report {
        let orphans = picture.regions.keys().flat_map(|region| picture.orphans(region));
        let why = |orphan: &Resource| match picture.has_foreign_stage(orphan) {
            true => Some("a stage of an API that is not ours is attached to it".to_owned()),
            false => failures.get(&orphan.at).cloned(),
        };
        let remaining = orphans.map(|orphan| (orphan.at.clone(), why(orphan))).collect();
        let orphans = picture.regions.keys().flat_map(|region| picture.orphans(region)).count();
        let owned = |(region, cause): (&Region, &ProviderError)| (region.clone(), cause.clone());
        let waits = picture.settlements(self.settings.settle()).into_iter().filter_map(|settlement| match settlement {
            Settlement::Wait { intent, .. } => Some(intent.to_string()),
            Settlement::Adopt { .. } | Settlement::Gone(_) => None,
        });
        Report {
            deleted: experience.gone.into_iter().collect(),
            remaining,
            blind: picture.blind().map(owned).collect(),
            denied: picture.denied().map(owned).collect(),
            elsewhere: picture.elsewhere.clone(),
            unsettled: waits.collect(),
            spared: picture.ours().count() - orphans,
            passes,
        }
    }
}

/// An error with its cause, in words.
fn words(error: &ActError) -> String {
    match error {
        ActError::Provider { cause, .. } => format!("{error}: {cause}"),
        ActError::Ledger(cause) => format!("{error}: {cause}"),
        ActError::NotBegun => error.to_string(),
    }
}
