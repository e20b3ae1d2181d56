//! A scan's gateways: brought up before its fan-out, leased while it runs, taken down (or kept for the next scan) after
//! its table. Whoever asks for them holds the scan: they are made by one launch at a time.
//!
//! Workers know a scan's gateways by the scan's own name: under it their addresses and keys are in the store, whichever
//! set of the ledger they belong to. Each launch draws a set of its own, so a scan that is resumed gets other gateways.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fleet_core::domain::{GatewayEndpoint, GatewayKey};
use fleet_core::seams::{Clock as _, Holder, Store, SystemClock};
use fleet_core::wire::{self, KeptEndpoints};
use fleet_gateways::Gateways;
use fleet_gateways::gateways::Kept;
use fleet_gateways::provider::GatewayProvider;
use fleet_gateways::raise::{Origin, Raised};
use fleet_gateways::set::{Entropy, Order, SetId};
use fleet_gateways::spec::GatewaySpec;
use fleet_scraper::TlsSettings;
use fleet_scraper::probe::probe;
use fleet_telemetry::say;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::answering::{self, Answering, WAITING};
use super::kept_endpoints::{forget_dead, publish, withdraw};
use super::told::{self, Teller};
use super::wiring::TEST_ROUTE;
use super::{holder, wiring};
use crate::config::{Settings, vendor_ca_file};
use crate::failure::{Failure, chain};
use crate::progress::Telling;

/// A run that does not renew for so long is dead: others may delete what it has.
const LEASE: Duration = Duration::from_secs(20 * 60);
/// How often a run says that it needs its gateways: four may fail before the lease ends.
const RENEW_EVERY: Duration = Duration::from_secs(4 * 60);
/// What a scan's gateways are made of.
pub struct Wanted<'a> {
    /// The configuration.
    pub settings: &'a Settings,
    /// What each is to be.
    pub spec: GatewaySpec,
    /// The store of the scan.
    pub store: Arc<dyn Store>,
    /// Who makes them.
    pub provider: Arc<dyn GatewayProvider>,
    /// The name under which workers find them.
    pub name: String,
    /// Who runs the scan.
    pub run: Holder,
}

/// Gateways that are up, under a lease.
pub struct Standing {
    gateways: Arc<Gateways>,
    store: Arc<dyn Store>,
    name: String,
    set: SetId,
    holder: Holder,
    keep: Option<Duration>,
    endpoints: Vec<GatewayEndpoint>,
    /// What workers were told, as it is stored.
    published: Option<Vec<u8>>,
    /// Something beside the set is to be deleted: what failed here, or what dead runs left.
    owes: Owes,
    renewing: Renewing,
    telling: Telling,
}

/// Whether there is something to delete beside a run's own set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owes {
    Nothing,
    Deleting,
}

/// Renews whatever its run holds, from before the first call that makes something; aborts when it is dropped.
struct Renewing(JoinHandle<()>);

impl Renewing {
    fn start(gateways: Arc<Gateways>, holder: Holder) -> Self {
        Self(tokio::spawn(async move {
            loop {
                tokio::time::sleep(RENEW_EVERY).await;
                match gateways.renew_held(&holder, after(LEASE)).await {
                    Ok(failed) => {
                        failed.iter().for_each(|error| tracing::warn!(error = chain(error), "lease not renewed"))
                    }
                    Err(error) => tracing::warn!(error = chain(&error), "the gateways' lease is not renewed"),
                }
            }
        }))
    }
}

impl Drop for Renewing {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// How bringing up ended.
pub enum Up {
    /// They are there.
    Standing(Box<Standing>),
    /// A person wants no more of it; what was begun is taken down.
    Interrupted,
}

/// What there is when a run is done with its gateways.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Ended {
    /// They are kept for the next scan.
    Kept,
    /// Nothing is left that nobody wants.
    Gone,
    /// Something may be left; what to do is told.
    Incomplete,
}

fn after(time: Duration) -> Timestamp {
    let time = SignedDuration::try_from(time).unwrap_or(SignedDuration::MAX);
    SystemClock.now().saturating_add(time).unwrap_or(Timestamp::MAX)
}

/// Brings up the gateways of a scan, or uses those that an earlier scan kept.
pub async fn bring_up(
    wanted: Wanted<'_>,
    telling: Telling,
    interrupt: &mut watch::Receiver<bool>,
) -> Result<Up, Failure> {
    let holder = holder::of_this_process(&wanted.run);
    let ledger = wiring::ledger(Some(Arc::clone(&wanted.store)));
    let behaviour = wiring::behaviour(wanted.settings)?;
    let (provider, teller) = (Arc::clone(&wanted.provider), Arc::new(Teller::new(telling)));
    let gateways = Arc::new(wiring::door(provider, Arc::clone(&ledger), behaviour, teller));
    let raised = tokio::select! {
        raised = stand(wanted, &gateways, ledger.as_ref(), &holder, telling) => raised,
        () = stopped(interrupt) => {
            // Dropped where it stood, as a crash would; then undone, as after one.
            let _ = take_down(&gateways, &holder, telling).await;
            return Ok(Up::Interrupted);
        }
    };
    match raised {
        Ok(standing) => Ok(Up::Standing(Box::new(standing))),
        Err(failure) => {
            // What failed inside was undone there. What a run still holds is what it did not get to use.
            if !matches!(gateways.release_held(&holder).await, Ok(0)) {
                let _ = take_down(&gateways, &holder, telling).await;
            }
            Err(failure)
        }
    }
}

/// Returns once a person wants to stop; never, if nobody can say so any more.
async fn stopped(interrupt: &mut watch::Receiver<bool>) {
    if interrupt.wait_for(|stop| *stop).await.is_err() {
        std::future::pending::<()>().await;
    }
}

async fn stand(
    wanted: Wanted<'_>,
    gateways: &Arc<Gateways>,
    ledger: &dyn fleet_gateways::ledger::Ledger,
    holder: &Holder,
    telling: Telling,
) -> Result<Standing, Failure> {
    let Wanted { settings, spec, store, name, .. } = wanted;
    let renewing = Renewing::start(Arc::clone(gateways), holder.clone());
    let regions = wiring::regions_of(settings, gateways).await?;
    // What they left goes with what this run will leave.
    let dead = holder::release_the_dead(ledger).await.map_err(|error| Failure::broken(chain(&error)))?;
    forget_dead(store.as_ref(), ledger).await.map_err(|error| Failure::broken(chain(&error)))?;
    let least = usize::try_from(settings.gateways.least_regions).unwrap_or(1).min(regions.len());
    let order = Order {
        // Drawn apart from the keys: a name is no secret.
        set: set_id(&name, &wiring::entropy()?)?,
        holder: holder.clone(),
        regions,
        per_region: settings.gateways.per_region,
        expires_at: after(LEASE),
        entropy: wiring::entropy()?,
    };
    let began = Instant::now();
    let raised = gateways.up(&order, &spec, least).await.map_err(|error| wiring::up_failure(&error))?;
    told::up(&raised, began.elapsed(), telling);
    let endpoints = answering(&raised, &spec, settings, least, telling).await?;
    let owes = if dead > 0 || !raised.failed.is_empty() { Owes::Deleting } else { Owes::Nothing };
    Ok(Standing {
        gateways: Arc::clone(gateways),
        store,
        name,
        set: raised.set,
        holder: holder.clone(),
        keep: settings.gateways.warm(),
        endpoints,
        published: None,
        owes,
        renewing,
        telling,
    })
}

/// A new set's name: the scan's, and what no other launch draws. Two machines that keep a store each may run a scan of one
/// name in one account, and what is tagged with a set's name is judged by what the ledger says of that set.
fn set_id(name: &str, entropy: &Entropy) -> Result<SetId, Failure> {
    let [a, b, c, d, ..] = entropy.0;
    let drawn = u32::from_be_bytes([a, b, c, d]);
    SetId::parse(&format!("{name}-{drawn:08x}")).map_err(|bad| Failure::usage(bad.to_string()))
}

/// The gateways of a set that answer. Those that were kept warm did when they were new.
async fn answering(
    raised: &Raised,
    spec: &GatewaySpec,
    settings: &Settings,
    least: usize,
    telling: Telling,
) -> Result<Vec<GatewayEndpoint>, Failure> {
    let names = wiring::names(raised.endpoints.iter().map(|endpoint| &endpoint.region));
    let endpoints = raised.endpoints.iter().zip(&names).map(|(endpoint, name)| GatewayEndpoint {
        name: name.clone(),
        base_url: endpoint.base_url.clone(),
        api_key: GatewayKey::new(endpoint.key.reveal().to_owned()),
    });
    let endpoints: Vec<GatewayEndpoint> = endpoints.collect();
    let has_test_route = spec.routes().iter().any(|route| route.name() == TEST_ROUTE);
    if raised.origin == Origin::Reused || !has_test_route {
        return Ok(endpoints);
    }
    let tls = TlsSettings { ca_file: vendor_ca_file(settings) };
    let ask = |endpoint: GatewayEndpoint| {
        let tls = tls.clone();
        async move { probe(&endpoint, TEST_ROUTE, &tls).await }
    };
    let tell = |behind| told::waiting(behind, WAITING.in_all, telling);
    let Answering { endpoints, closed, unclear } = answering::until_they_answer(endpoints, WAITING, ask, tell).await;
    for (name, why) in &closed {
        say!("warning: the gateway {name} is not used: {why}");
    }
    for (name, why) in &unclear {
        say!("warning: the gateway {name} may not answer: over gateways.test_url {why}");
    }
    let answer = |name: &String| endpoints.iter().any(|endpoint| endpoint.name == *name);
    let up = raised.endpoints.iter().zip(&names).filter(|(_, name)| answer(name)).map(|(endpoint, _)| &endpoint.region);
    let up = up.collect::<BTreeSet<_>>().len();
    if up < least.max(1) {
        let why: Vec<String> = closed.iter().map(|(name, why)| format!("{name}: {why}")).collect();
        return Err(Failure::broken(format!(
            "gateways answer in {up} Regions after {} s, {least} are needed ({})",
            WAITING.in_all.as_secs(),
            why.join("; ")
        ))
        .hint("try again in a minute; `optionfleet gateways test` tells more"));
    }
    Ok(endpoints)
}

impl Standing {
    /// Their names.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.endpoints.iter().map(|endpoint| endpoint.name.clone()).collect()
    }

    /// The name under which workers find them.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Puts addresses and keys where workers find them. For whoever holds the scan.
    pub async fn publish(&mut self) -> Result<(), Failure> {
        let kept = KeptEndpoints(self.endpoints.clone());
        let body = wire::encode(&kept).map_err(|error| Failure::broken(error.to_string()))?;
        // Before it is written: what may be there is withdrawn.
        let body = self.published.insert(body);
        Ok(publish(self.store.as_ref(), &self.name, body).await?)
    }

    /// Keeps them for the next scan where the configuration says so, or deletes them; says on stderr how that goes.
    pub async fn end(self) -> Ended {
        let Self { gateways, holder, telling, renewing, .. } = &self;
        if let Some(published) = &self.published
            && let Err(error) = withdraw(self.store.as_ref(), &self.name, published).await
        {
            tracing::warn!(%error, "keys of gateways stay in the store");
        }
        let Some(time) = self.keep else {
            return take_down(gateways, holder, *telling).await;
        };
        let kept = gateways.keep(&self.set, holder, after(time)).await;
        // Not before: until it is parked or released, the set is this run's.
        renewing.0.abort();
        match kept {
            Ok(Kept::Warm) if self.owes == Owes::Nothing => {
                told::kept(time, *telling);
                Ended::Kept
            }
            Ok(Kept::Warm) => {
                told::kept(time, *telling);
                match take_down(gateways, holder, *telling).await {
                    Ended::Incomplete => Ended::Incomplete,
                    Ended::Kept | Ended::Gone => Ended::Kept,
                }
            }
            Ok(Kept::Released(untold)) => {
                let why = untold.first().map(|error| chain(error)).unwrap_or_default();
                say!("warning: gateways are not kept warm, because their tags cannot say so: {why}");
                take_down(gateways, holder, *telling).await
            }
            Err(error) => {
                say!(
                    "warning: gateways are not kept warm: {}; `optionfleet cleanup --yes` deletes them",
                    chain(&error)
                );
                Ended::Incomplete
            }
        }
    }
}

/// Releases whatever a run holds, also what it had claimed and not used yet, and deletes everything nobody wants.
async fn take_down(gateways: &Gateways, holder: &Holder, telling: Telling) -> Ended {
    let began = Instant::now();
    if let Err(error) = gateways.release_held(holder).await {
        say!(
            "warning: the gateways of {} could not be released ({error}); `optionfleet cleanup --yes` deletes them",
            holder::shown(holder)
        );
        return Ended::Incomplete;
    }
    match gateways.reconcile().await {
        Ok(report) => {
            told::down(&report, began.elapsed(), telling);
            if report.is_complete() { Ended::Gone } else { Ended::Incomplete }
        }
        Err(error) => {
            say!("warning: gateways could not be deleted ({}); `optionfleet cleanup --yes` does", chain(&error));
            Ended::Incomplete
        }
    }
}

#[cfg(test)]
mod tests {
    use fleet_core::seams::GatewayRows as _;
    use fleet_engines::sqlite::SqliteStore;
    use fleet_gateways::memory_aws::faults::{Fault, Faults, Question};
    use fleet_gateways::memory_aws::{MemoryAws, MemorySettings};
    use fleet_gateways::provider::ProviderError;
    use fleet_gateways::quota::Operation;
    use fleet_gateways::region::Region;
    use fleet_gateways::resource::ResourceKind;
    use fleet_gateways::set::SetState;
    use fleet_gateways::spec::Route;
    use fleet_gateways::tags::OwnerTag;

    use super::*;

    struct World {
        _directory: tempfile::TempDir,
        store: Arc<SqliteStore>,
        aws: Arc<MemoryAws>,
        settings: Settings,
        /// Who launches.
        run: Holder,
    }

    impl World {
        fn new(regions: &[&str]) -> Self {
            let directory = tempfile::tempdir().unwrap();
            let store = Arc::new(SqliteStore::open(&directory.path().join("x.db")).unwrap());
            let mut settings = Settings::default();
            settings.gateways.regions = regions.iter().map(|code| (*code).to_owned()).collect();
            let enabled = regions.iter().map(|code| Region::parse(code).unwrap()).collect();
            let aws = MemorySettings { starts_at: SystemClock.now(), ..MemorySettings::real(1, enabled) };
            let run = Holder(format!("host:{}", std::process::id()));
            Self { _directory: directory, store, aws: Arc::new(MemoryAws::new(aws)), settings, run }
        }

        async fn bring_up(&self, name: &str, interrupt: &mut watch::Receiver<bool>) -> Result<Up, Failure> {
            let wanted = Wanted {
                settings: &self.settings,
                spec: GatewaySpec::new(vec![Route::new("cboe.base", "https://cdn.cboe.com").unwrap()]).unwrap(),
                store: self.store.clone(),
                provider: self.aws.clone(),
                name: name.to_owned(),
                run: self.run.clone(),
            };
            bring_up(wanted, Telling::Quiet, interrupt).await
        }

        async fn standing(&self, name: &str) -> Box<Standing> {
            let (_stop, mut interrupt) = watch::channel(false);
            match self.bring_up(name, &mut interrupt).await {
                Ok(Up::Standing(standing)) => standing,
                Ok(Up::Interrupted) => panic!("nobody interrupts"),
                Err(failure) => panic!("{failure:?}"),
            }
        }

        fn things(&self) -> usize {
            self.aws.owned_by(&OwnerTag::parse("optionfleet").unwrap()).len()
        }

        async fn wanted(&self) -> Vec<String> {
            let sets = wiring::ledger(Some(self.store.clone())).sets().await.unwrap();
            sets.iter().filter(|set| set.state == SetState::Wanted).map(|set| set.id.to_string()).collect()
        }
    }

    #[tokio::test]
    async fn an_interruption_also_ends_what_was_taken_from_the_last_scan() {
        let mut world = World::new(&["us-east-1"]);
        world.settings.gateways.keep_warm = "2h".to_owned();
        assert_eq!(world.standing("first").await.end().await, Ended::Kept);
        assert_eq!(world.wanted().await.len(), 1);
        // It is looked whether what was kept is there; nobody answers.
        let hangs = Fault::TimeOut { effect_after: None };
        world.aws.inject(Faults::none().every(Operation::Get(ResourceKind::RestApi), hangs));
        let (stop, mut interrupt) = watch::channel(false);
        let stopping = async {
            tokio::time::sleep(Duration::from_millis(700)).await;
            world.aws.inject(Faults::none());
            stop.send_replace(true);
        };
        let (up, ()) = tokio::join!(world.bring_up("second", &mut interrupt), stopping);
        assert!(matches!(up, Ok(Up::Interrupted)));
        assert_eq!(world.wanted().await, Vec::<String>::new(), "a set is held by a run that ended");
        assert_eq!(world.things(), 0);
    }

    /// Two machines that keep a store each, in one account.
    #[tokio::test]
    async fn a_scan_of_the_same_name_with_another_store_leaves_ours_alone() {
        let (one, mut other) = (World::new(&["us-east-1"]), World::new(&["us-east-1"]));
        other.aws = Arc::clone(&one.aws);
        let live = one.standing("finviz-20261120-1030").await;
        let things = one.things();
        assert_eq!(other.standing("finviz-20261120-1030").await.end().await, Ended::Gone);
        assert_eq!(one.things(), things, "those of the scan that lives");
        assert_eq!(live.end().await, Ended::Gone);
        assert_eq!(one.things(), 0);
    }

    #[test]
    fn the_longest_name_of_a_scan_has_room_for_a_launchs_own() {
        let name = "x".repeat(80);
        let of = |first: u8| set_id(&name, &Entropy([first; 32])).unwrap();
        assert_ne!(of(1), of(2));
        assert!(of(1).as_str().starts_with(&name));
    }

    #[tokio::test]
    async fn a_question_that_nobody_answers_can_be_interrupted() {
        let mut world = World::new(&["us-east-1"]);
        // Every Region that is enabled.
        world.settings.gateways.regions = Vec::new();
        let hangs = Fault::TimeOut { effect_after: None };
        world.aws.inject(Faults::none().asked(Question::EnabledRegions, 0, hangs));
        let (stop, mut interrupt) = watch::channel(false);
        let stopping = async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            world.aws.inject(Faults::none());
            stop.send_replace(true);
        };
        let both = async { tokio::join!(world.bring_up("scan", &mut interrupt), stopping) };
        let (up, ()) = tokio::time::timeout(Duration::from_secs(10), both).await.unwrap();
        assert!(matches!(up, Ok(Up::Interrupted)));
        assert_eq!(world.things(), 0);
    }

    #[tokio::test]
    async fn what_cannot_be_deleted_is_told_by_the_end() {
        let world = World::new(&["us-east-1"]);
        let mut standing = world.standing("scan").await;
        standing.publish().await.unwrap();
        let denied = Fault::Before(ProviderError::Denied("not authorised".to_owned()));
        world.aws.inject(Faults::none().every(Operation::Delete(ResourceKind::RestApi), denied));
        assert_eq!(standing.end().await, Ended::Incomplete);
        assert_eq!(world.store.gateway_rows("endpoints/").await.unwrap(), [], "its key is dead all the same");
        world.aws.inject(Faults::none());
        assert_eq!(world.standing("next").await.end().await, Ended::Gone);
        assert_eq!(world.things(), 0);
    }

    #[tokio::test]
    async fn a_launch_that_ends_leaves_the_endpoints_of_the_one_that_goes_on() {
        let mut world = World::new(&["us-east-1"]);
        let mut first = world.standing("scan").await;
        first.publish().await.unwrap();
        world.run = Holder(format!("another:{}", std::process::id()));
        // The first is slow to end; the scan is gone on with by a launch with gateways of its own.
        let mut second = world.standing("scan").await;
        second.publish().await.unwrap();
        let row = world.store.gateway_rows("endpoints/").await.unwrap();
        assert_eq!(first.end().await, Ended::Gone);
        assert_eq!(world.store.gateway_rows("endpoints/").await.unwrap(), row);
        let _ = second.end().await;
        assert_eq!(world.store.gateway_rows("endpoints/").await.unwrap(), []);
    }
}
