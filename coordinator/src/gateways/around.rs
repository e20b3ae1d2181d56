//! A scan's gateways: brought up before its fan-out, leased while it runs, taken down (or kept for the next scan) after
//! its table.
//!
//! Workers know a scan's gateways by the scan's own name: under it their addresses and keys are in the store, whichever
//! set of the ledger they belong to. So a scan that is resumed, whose first gateways are gone, gets others.

use std::sync::Arc;
use std::time::{Duration, Instant};

use fleet_core::domain::{GatewayEndpoint, GatewayKey};
use fleet_core::seams::{Clock as _, Holder, Store, StoreError, SystemClock};
use fleet_core::wire::{self, KeptEndpoints};
use fleet_gateways::Gateways;
use fleet_gateways::ledger::LedgerError;
use fleet_gateways::provider::GatewayProvider;
use fleet_gateways::raise::{Raised, UpError};
use fleet_gateways::set::{Order, SetId};
use fleet_gateways::spec::GatewaySpec;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::kept_endpoints::{forget_dead, replace};
use super::told::{self, Teller};
use super::{holder, wiring};
use crate::config::Settings;
use crate::failure::{Failure, chain};
use crate::progress::Telling;

/// A run that does not renew for so long is dead: others may delete what it has.
const LEASE: Duration = Duration::from_secs(20 * 60);
/// How often a run says that it needs its gateways: four may fail before the lease ends.
const RENEW_EVERY: Duration = Duration::from_secs(4 * 60);
/// So many sets of one scan: each launch that finds the one before given up, or held by a dead process, begins another.
const MAX_SETS: u32 = 99;

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
    renewing: JoinHandle<()>,
    telling: Telling,
}

/// How bringing up ended.
pub enum Up {
    /// They are there.
    Standing(Box<Standing>),
    /// A person wants no more of it; what was begun is taken down.
    Interrupted,
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
    let Wanted { settings, spec, store, provider, name, run } = wanted;
    let holder = holder::of_this_process(&run);
    let regions = wiring::regions_of(settings, provider.as_ref()).await?;
    let ledger = wiring::ledger(Some(Arc::clone(&store)));
    // What they left goes with what this run will leave.
    holder::release_the_dead(ledger.as_ref()).await.map_err(|error| Failure::broken(chain(&error)))?;
    forget_dead(store.as_ref(), ledger.as_ref()).await.map_err(|error| Failure::broken(chain(&error)))?;
    let behaviour = wiring::behaviour(settings)?;
    let gateways = Arc::new(wiring::door(provider, ledger, behaviour, Arc::new(Teller::new(telling))));
    let least = usize::try_from(settings.gateways.least_regions).unwrap_or(1).min(regions.len());
    let mut order = Order {
        set: set_id(&name, 1)?,
        holder: holder.clone(),
        regions,
        per_region: settings.gateways.per_region,
        expires_at: after(LEASE),
        entropy: wiring::entropy()?,
    };
    let began = Instant::now();
    let raised = tokio::select! {
        raised = raise(&gateways, &mut order, &name, &spec, least) => raised?,
        () = stopped(interrupt) => {
            // Dropped where it stood, as a crash would; then undone, as after one.
            take_down(&gateways, &order.set, &holder, telling).await;
            return Ok(Up::Interrupted);
        }
    };
    told::up(&raised, began.elapsed(), telling);
    let standing = stand(gateways, store, (name, holder), settings.gateways.warm(), raised, telling);
    if let Err(error) = standing.publish().await {
        standing.end(Keep::Nothing).await;
        return Err(error.into());
    }
    Ok(Up::Standing(Box::new(standing)))
}

/// Returns once a person wants to stop; never, if nobody can say so any more.
async fn stopped(interrupt: &mut watch::Receiver<bool>) {
    if interrupt.wait_for(|stop| *stop).await.is_err() {
        std::future::pending::<()>().await;
    }
}

async fn raise(
    gateways: &Gateways,
    order: &mut Order,
    name: &str,
    spec: &GatewaySpec,
    least: usize,
) -> Result<Raised, Failure> {
    for n in 1..=MAX_SETS {
        order.set = set_id(name, n)?;
        match gateways.up(order, spec, least).await {
            Ok(raised) => return Ok(raised),
            // An earlier launch's: gone, or a dead process' until its lease ends.
            Err(UpError::NotWanted(_) | UpError::Held(_) | UpError::SpecDiffers { .. }) => {}
            Err(error) => return Err(wiring::up_failure(&error)),
        }
    }
    Err(Failure::broken(format!("{MAX_SETS} sets of gateways were begun for {name}"))
        .hint("look at them with `optionfleet gateways list`"))
}

fn set_id(name: &str, n: u32) -> Result<SetId, Failure> {
    let text = if n == 1 { name.to_owned() } else { format!("{name}-set{n}") };
    SetId::parse(&text).map_err(|bad| Failure::usage(bad.to_string()))
}

fn stand(
    gateways: Arc<Gateways>,
    store: Arc<dyn Store>,
    (name, holder): (String, Holder),
    keep: Option<Duration>,
    raised: Raised,
    telling: Telling,
) -> Standing {
    let names = wiring::names(raised.endpoints.iter().map(|endpoint| &endpoint.region));
    let endpoints = raised.endpoints.iter().zip(names).map(|(endpoint, name)| GatewayEndpoint {
        name,
        base_url: endpoint.base_url.clone(),
        api_key: GatewayKey::new(endpoint.key.reveal().to_owned()),
    });
    let endpoints = endpoints.collect();
    let renewing = {
        let (gateways, set, holder) = (Arc::clone(&gateways), raised.set.clone(), holder.clone());
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(RENEW_EVERY).await;
                match gateways.renew(&set, &holder, after(LEASE)).await {
                    Ok(untold) => {
                        untold.iter().for_each(|error| tracing::warn!(error = chain(error), "lease not in a tag"))
                    }
                    Err(error) => tracing::warn!(error = chain(&error), "the gateways' lease is not renewed"),
                }
            }
        })
    };
    Standing { gateways, store, name, set: raised.set, holder, keep, endpoints, renewing, telling }
}

/// Whether gateways may be kept for the next scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// If the configuration says so.
    AsConfigured,
    /// Not now.
    Nothing,
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

    /// Puts addresses and keys where workers find them.
    async fn publish(&self) -> Result<(), StoreError> {
        let kept = KeptEndpoints(self.endpoints.clone());
        let body = wire::encode(&kept).map_err(|error| StoreError::Conflict(error.to_string()))?;
        replace(self.store.as_ref(), &self.name, Some(&body)).await
    }

    /// Keeps them for the next scan, or deletes them; says on stderr how that goes.
    pub async fn end(self, keep: Keep) {
        self.renewing.abort();
        if let Err(error) = replace(self.store.as_ref(), &self.name, None).await {
            tracing::warn!(%error, "keys of gateways stay in the store");
        }
        match self.keep.filter(|_| keep == Keep::AsConfigured) {
            Some(time) => match self.gateways.park(&self.set, &self.holder, after(time)).await {
                Ok(_) => told::kept(time, self.telling),
                Err(error) => eprintln!("warning: gateways are not kept warm: {error}"),
            },
            None => take_down(&self.gateways, &self.set, &self.holder, self.telling).await,
        }
    }
}

/// Releases a set and deletes everything nobody wants.
async fn take_down(gateways: &Gateways, set: &SetId, holder: &Holder, telling: Telling) {
    let began = Instant::now();
    match gateways.release(set, holder).await {
        // Never opened, or somebody else's by now.
        Ok(()) | Err(LedgerError::NotFound(_) | LedgerError::NotHeld(_) | LedgerError::NotWanted(_)) => {}
        Err(error @ (LedgerError::Unavailable(_) | LedgerError::Damaged(_))) => {
            eprintln!(
                "warning: the gateways {set} could not be released ({error}); `optionfleet cleanup --yes` deletes them"
            );
            return;
        }
    }
    match gateways.reconcile().await {
        Ok(report) => told::down(&report, began.elapsed(), telling),
        Err(error) => {
            eprintln!("warning: gateways could not be deleted ({}); `optionfleet cleanup --yes` does", chain(&error));
        }
    }
}
