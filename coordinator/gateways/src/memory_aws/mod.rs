//! AWS' control plane in memory, with its manners: quotas per (Region, operation) and over all, 429 with Retry-After,
//! latency, lists that lag behind, a usage plan that cannot be deleted while stages are attached, and faults where a test
//! wants them. No emulator has any of these.
//!
//! Time is tokio's, so a test that pauses it runs an hour of quotas in a moment. What a call does, it does when it arrives
//! (half of its latency after it was sent). Nothing is random: a seed decides.
//!
//! - `bucket`: token buckets, exact.
//! - `region`: what exists in one Region, and what each call does to it.
//! - [`faults`]: what goes wrong, and when.
//! - [`log`]: every call, for what tests want to know afterwards.
//! - [`clock`]: the wall clock of such a world.

mod bucket;
pub mod clock;
pub mod faults;
pub mod log;
mod provider;
mod region;
pub mod seeded;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::provider::ProviderError;
use crate::quota::{Operation, Quota};
use crate::region::{AccountId, Region};
use crate::resource::{Resource, ResourceRef, Tags};
use crate::tags::OwnerTag;
use bucket::Bucket;
use faults::{Fault, Faults, Question};
use log::{LoggedCall, Outcome};
use region::{RegionWorld, Stamp};

/// How this AWS behaves.
#[derive(Debug, Clone)]
pub struct MemorySettings {
    /// Everything that varies follows from it.
    pub seed: u64,
    /// Whose it is.
    pub account: AccountId,
    /// The instant the world begins at.
    pub starts_at: Timestamp,
    /// Regions enabled for the account.
    pub enabled: Vec<Region>,
    /// Of these, Regions that the credentials may do nothing in.
    pub denied: Vec<Region>,
    /// Whether quotas are enforced.
    pub quotas: Quotas,
    /// A call takes at least this, there and back.
    pub latency_min: Duration,
    /// And at most this.
    pub latency_max: Duration,
    /// Lists lag behind by up to this; each thing by its own time.
    pub list_lag: Duration,
    /// A deleted API or stage stays attached to its plan for up to this.
    pub detach_lag: Duration,
    /// Entries of a page.
    pub page: usize,
    /// What a 429 asks to wait for, s; `None`: until the next turn.
    pub retry_after_secs: Option<u64>,
}

/// Whether quotas are enforced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quotas {
    /// As AWS does.
    Enforced,
    /// Never a 429, for tests that have another subject.
    Ignored,
}

impl MemorySettings {
    /// AWS as it is: quotas enforced, 40 to 100 ms a call, lists up to 2 s late.
    #[must_use]
    pub fn real(seed: u64, enabled: Vec<Region>) -> Self {
        Self {
            seed,
            account: AccountId("123456789012".to_owned()),
            starts_at: Timestamp::UNIX_EPOCH,
            enabled,
            denied: Vec::new(),
            quotas: Quotas::Enforced,
            latency_min: Duration::from_millis(40),
            latency_max: Duration::from_millis(100),
            list_lag: Duration::from_secs(2),
            detach_lag: Duration::from_millis(500),
            page: crate::quota::PAGE,
            retry_after_secs: None,
        }
    }
}

/// The world. Shared by reference; every client of it is another process on the same account.
pub struct MemoryAws {
    settings: MemorySettings,
    born: Instant,
    world: Mutex<World>,
    crashes: watch::Sender<u64>,
}

struct World {
    regions: BTreeMap<Region, RegionWorld>,
    buckets: BTreeMap<(Region, Operation), Bucket>,
    totals: BTreeMap<Region, Bucket>,
    faults: Faults,
    log: Vec<LoggedCall>,
    calls: u64,
    questions: BTreeMap<Question, u64>,
    made: u64,
    /// Effects of calls nobody waits for any more, with their time.
    late: Vec<(Instant, LateEffect)>,
    foreign: BTreeMap<ResourceRef, Resource>,
}

type LateEffect = Box<dyn FnOnce(&mut BTreeMap<Region, RegionWorld>) + Send>;

impl World {
    /// Does what was to be done by now.
    fn catch_up(&mut self, now: Instant) {
        let (due, later) = std::mem::take(&mut self.late).into_iter().partition(|(at, _)| *at <= now);
        self.late = later;
        let mut due: Vec<(Instant, LateEffect)> = due;
        due.sort_by_key(|(at, _)| *at);
        for (_, effect) in due {
            effect(&mut self.regions);
        }
    }
}

impl MemoryAws {
    /// A world with nothing in it. Wants to be called inside tokio.
    #[must_use]
    pub fn new(settings: MemorySettings) -> Self {
        let regions = settings.enabled.iter().map(|region| (region.clone(), RegionWorld::default())).collect();
        let world = World {
            regions,
            buckets: BTreeMap::new(),
            totals: BTreeMap::new(),
            faults: Faults::none(),
            log: Vec::new(),
            calls: 0,
            questions: BTreeMap::new(),
            made: 0,
            late: Vec::new(),
            foreign: BTreeMap::new(),
        };
        Self { settings, born: Instant::now(), world: Mutex::new(world), crashes: watch::Sender::new(0) }
    }

    fn with<T>(&self, act: impl FnOnce(&mut World) -> T) -> T {
        act(&mut self.world.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// What goes wrong from now on; calls are counted from 0 again, and crashes are forgotten.
    pub fn inject(&self, faults: Faults) {
        self.crashes.send_replace(0);
        self.with(|world| {
            world.faults = faults;
            world.calls = 0;
            world.questions.clear();
        });
    }

    /// Waits until a call reaches a crash point (since faults were last injected): the process that made it is to be
    /// dropped then.
    pub async fn crashed(&self) {
        // It cannot fail: the sender lives as long as the world.
        drop(self.crashes.subscribe().wait_for(|crashes| *crashes > 0).await);
    }

    /// Calls that arrived since faults were last injected.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.with(|world| world.calls)
    }

    /// Every call so far.
    #[must_use]
    pub fn log(&self) -> Vec<LoggedCall> {
        self.with(|world| world.log.clone())
    }

    /// Everything with this owner's exact tag that exists now, whatever lists say.
    #[must_use]
    pub fn owned_by(&self, owner: &OwnerTag) -> Vec<Resource> {
        let now = Instant::now();
        self.with(|world| {
            world.catch_up(now);
            let all = world.regions.iter().flat_map(|(region, things)| things.existing(region));
            all.filter(|resource| owner.owns(&resource.tags)).collect()
        })
    }

    /// Puts a thing there that somebody else made, and remembers how it looks.
    pub fn plant(&self, region: &Region, kind: crate::resource::ResourceKind, name: &str, tags: &Tags) -> ResourceRef {
        let at = self.stamp();
        self.with(|world| {
            world.made += 1;
            let id = seeded::id(self.settings.seed, world.made);
            let reference = ResourceRef { region: region.clone(), kind, id };
            let things = world.regions.entry(region.clone()).or_default();
            things.plant(&reference, name, tags, &at);
            if let Ok(resource) = things.describe(&reference) {
                world.foreign.insert(reference.clone(), resource);
            }
            reference
        })
    }

    /// What happened to planted things, one sentence each; empty: nothing.
    #[must_use]
    pub fn harm(&self) -> Vec<String> {
        self.with(|world| {
            let ids: BTreeSet<&str> = world.foreign.keys().map(|reference| reference.id.0.as_str()).collect();
            let calls = world.log.iter().filter(|call| call.changes() && ids.contains(call.target.as_str()));
            let mut harm: Vec<String> =
                calls.map(|call| format!("{} was called on {}", call.operation, call.target)).collect();
            for (reference, before) in &world.foreign {
                let things = world.regions.get(&reference.region);
                if things.and_then(|things| things.describe(reference).ok()).as_ref() != Some(before) {
                    harm.push(format!("{reference} is not as it was"));
                }
            }
            harm
        })
    }

    fn stamp(&self) -> Stamp {
        let now = Instant::now();
        let wall = self.settings.starts_at.saturating_add(now - self.born).unwrap_or(Timestamp::MAX);
        Stamp { now, wall }
    }

    /// One call: it travels, is admitted or refused, does its work, and its answer travels back, unless a fault comes
    /// between. `act` is what it does, told the world's next number.
    async fn call<T, F>(&self, region: &Region, operation: Operation, target: &str, act: F) -> Result<T, ProviderError>
    where
        T: Send + 'static,
        F: FnOnce(&mut RegionWorld, &Stamp, u64) -> Result<T, ProviderError> + Send + 'static,
    {
        let (number, fault) = self.with(|world| {
            let number = world.calls;
            world.calls += 1;
            (number, world.faults.of(number, operation))
        });
        let half = seeded::between(
            seeded::mix(self.settings.seed, number, 1),
            self.settings.latency_min / 2,
            self.settings.latency_max / 2,
        );
        let note = |outcome: Outcome| {
            let call = LoggedCall {
                at: self.born.elapsed(),
                region: region.clone(),
                operation,
                target: target.to_owned(),
                outcome,
            };
            self.with(|world| world.log.push(call));
        };
        if fault == Some(Fault::CrashBefore) {
            note(Outcome::NoAnswer);
            return self.crash().await;
        }
        tokio::time::sleep(half).await;
        let admitted = match &fault {
            Some(Fault::Before(error)) => Err(error.clone()),
            _ => self.admit(region, operation),
        };
        if let Err(error) = admitted {
            note(Outcome::of(&error));
            tokio::time::sleep(half).await;
            return Err(error);
        }
        if let Some(Fault::TimeOut { effect_after }) = fault {
            note(Outcome::NoAnswer);
            if let Some(after) = effect_after {
                self.act_late(region.clone(), after, act);
            }
            return std::future::pending().await;
        }
        let stamp = self.stamp();
        let done = self.with(|world| {
            world.catch_up(stamp.now);
            world.made += 1;
            let things = world.regions.entry(region.clone()).or_default();
            act(things, &stamp, world.made)
        });
        match fault {
            Some(Fault::CrashAfter) => {
                note(Outcome::NoAnswer);
                self.crash().await
            }
            Some(Fault::LostAnswer) => {
                note(Outcome::NoAnswer);
                tokio::time::sleep(half).await;
                Err(ProviderError::Unknown("the connection was closed before the answer".to_owned()))
            }
            _ => {
                note(done.as_ref().err().map_or(Outcome::Done, Outcome::of));
                tokio::time::sleep(half).await;
                done
            }
        }
    }

    /// A question that is about no one Region: answered at once, unless something goes wrong. It is in no log.
    async fn ask<T>(&self, question: Question, answer: T) -> Result<T, ProviderError> {
        let fault = self.with(|world| {
            let number = world.questions.values().sum();
            let asked = world.questions.entry(question).or_default();
            *asked += 1;
            let before = *asked - 1;
            world.faults.of_question(question, before, number)
        });
        match fault {
            None => Ok(answer),
            Some(Fault::CrashBefore | Fault::CrashAfter) => self.crash().await,
            Some(Fault::TimeOut { .. }) => std::future::pending().await,
            Some(Fault::LostAnswer) => Err(ProviderError::Unknown("the connection was closed".to_owned())),
            Some(Fault::Before(error)) => Err(error),
        }
    }

    fn act_late<T, F>(&self, region: Region, after: Duration, act: F)
    where
        F: FnOnce(&mut RegionWorld, &Stamp, u64) -> Result<T, ProviderError> + Send + 'static,
    {
        let due = Instant::now() + after;
        let wall = self.stamp().wall.saturating_add(after).unwrap_or(Timestamp::MAX);
        self.with(|world| {
            world.made += 1;
            let number = world.made;
            let effect = move |regions: &mut BTreeMap<Region, RegionWorld>| {
                // A refusal of an effect nobody waits for is nobody's to hear.
                drop(act(regions.entry(region).or_default(), &Stamp { now: due, wall }, number));
            };
            world.late.push((due, Box::new(effect)));
        });
    }

    async fn crash<T>(&self) -> T {
        self.crashes.send_modify(|count| *count += 1);
        std::future::pending().await
    }

    /// Region and quotas.
    fn admit(&self, region: &Region, operation: Operation) -> Result<(), ProviderError> {
        if !self.settings.enabled.contains(region) {
            return Err(ProviderError::RegionDisabled(region.clone()));
        }
        if self.settings.denied.contains(region) {
            return Err(ProviderError::Denied("an explicit deny in a service control policy".to_owned()));
        }
        if self.settings.quotas == Quotas::Ignored {
            return Ok(());
        }
        let now = Instant::now();
        self.with(|world| {
            let total = world.totals.entry(region.clone()).or_insert_with(|| Bucket::full(Quota::TOTAL, now));
            let mut admitted = total.take(now);
            if let (Ok(()), Some(quota)) = (admitted, operation.quota()) {
                let key = (region.clone(), operation);
                admitted = world.buckets.entry(key).or_insert_with(|| Bucket::full(quota, now)).take(now);
            }
            // On the wire Retry-After is in whole seconds.
            let secs = |wait: Duration| self.settings.retry_after_secs.unwrap_or(wait.as_secs() + 1);
            admitted.map_err(|wait| ProviderError::Throttled { retry_after: Some(Duration::from_secs(secs(wait))) })
        })
    }
}
