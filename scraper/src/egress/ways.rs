//! The gateways of a plan as they are now, and where each vendor's rotation stands.
//!
//! They are read from the store when the first request wants one, and again when they seem to be gone: a scan that is resumed
//! after its gateways were deleted gets others under the same name. Promises: what is known of a gateway that is still there
//! (its rest, its quarantine, its session) outlives a new reading; what came over one that is gone is vouched for by nobody.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fleet_core::domain::{GatewayEndpoint, GatewayPlan, Vendor};
use fleet_core::seams::{Endpoints, FetchFailure, GatewayPass, Trust};
use rand::RngExt;
use reqwest::header::HeaderValue;
use tokio::time::Instant;

use super::canary::Judge;
use super::rotation::{Allowed, Moment, Rotation};
use super::{Gateway, Lease, Persona};
use crate::client::base_url;
use crate::handshake::Handshake;

/// The store is asked again for gateways that seem to be gone this often at most.
const READ_AGAIN: Duration = Duration::from_secs(10);

pub(super) struct Gateways {
    pub(super) plan: GatewayPlan,
    totals: BTreeMap<Vendor, Option<f64>>,
    persona: Persona,
    endpoints: Arc<dyn Endpoints>,
    /// How long a request waits for a gateway that rests.
    pub(super) patience: Duration,
    began: Instant,
    state: Mutex<Option<Ways>>,
    /// Whoever holds it may ask the store; when it was asked last.
    reading: tokio::sync::Mutex<Option<Moment>>,
    between_readings: Duration,
}

/// The gateways there are.
pub(super) struct Ways {
    told: Vec<GatewayEndpoint>,
    pub(super) leases: Vec<Arc<Lease>>,
    pub(super) vendors: BTreeMap<Vendor, Standing>,
    /// One of them refuses our key, or cannot be reached.
    pub(super) seem_gone: bool,
}

/// Where one vendor's rotation stands.
pub(super) struct Standing {
    pub(super) rotation: Rotation,
    /// Of canaries of each kind.
    pub(super) judges: BTreeMap<Probe, Judge>,
    doubts: Vec<Doubt>,
    lag: Moment,
}

/// What a canary asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Probe {
    /// The chain of a busy underlying.
    Chain,
    /// Its bars.
    Bars,
}

/// Answers of one gateway that are in doubt: those that were asked for after the last canary that was fine.
struct Doubt {
    gateway: String,
    after: Moment,
    /// … and not after the first one that was again, or after the gateway was gone; `None`: there was none yet. A request that
    /// chose its way before the quarantine may leave later.
    until: Option<Moment>,
    why: String,
}

impl Doubt {
    fn is_about(&self, pass: &GatewayPass) -> bool {
        self.gateway == pass.gateway && pass.at > self.after && self.until.is_none_or(|until| pass.at <= until)
    }
}

impl Standing {
    fn new(rotation: Rotation, lag: Moment) -> Self {
        Self { rotation, judges: BTreeMap::new(), doubts: Vec::new(), lag }
    }

    pub(super) fn judge(&mut self, probe: Probe) -> &mut Judge {
        let lag = self.lag;
        self.judges.entry(probe).or_insert_with(|| Judge::new(lag))
    }

    /// Answers of a gateway after an instant are in doubt, until its doubts are closed.
    pub(super) fn open_doubt(&mut self, gateway: &str, after: Moment, why: String) {
        let is_open = |doubt: &Doubt| doubt.gateway == gateway && doubt.until.is_none();
        if !self.doubts.iter().any(is_open) {
            self.doubts.push(Doubt { gateway: gateway.to_owned(), after, until: None, why });
        }
    }

    pub(super) fn close_doubts(&mut self, gateway: &str, until: Moment) {
        let open = |doubt: &&mut Doubt| doubt.gateway == gateway && doubt.until.is_none();
        self.doubts.iter_mut().filter(open).for_each(|doubt| doubt.until = Some(until));
    }

    /// Why an answer is in doubt, if it is.
    pub(super) fn doubt(&self, pass: &GatewayPass) -> Option<&str> {
        self.doubts.iter().find(|doubt| doubt.is_about(pass)).map(|doubt| doubt.why.as_str())
    }
}

impl Ways {
    /// The place of a way among those there are; `None`: it is gone.
    pub(super) fn place(&self, lease: &Lease) -> Option<usize> {
        self.leases.iter().position(|kept| std::ptr::eq(Arc::as_ptr(kept), lease))
    }

    /// What is known of the way an answer came by. Where no canaries travel, nobody waits for one.
    pub(super) fn trust(&self, pass: &GatewayPass, has_canaries: bool) -> Trust {
        let Some(standing) = self.vendors.get(&pass.vendor) else { return Trust::Never };
        let Some(at) = self.leases.iter().position(|lease| lease.gateway() == Some(&pass.gateway)) else {
            return Trust::Never;
        };
        if standing.doubt(pass).is_some() || !standing.rotation.was_there(at, pass.at) {
            return Trust::Never;
        }
        if has_canaries && !standing.rotation.vouches(at, pass.at) { Trust::Open } else { Trust::Vouched }
    }
}

impl Gateways {
    pub(super) fn new(
        plan: GatewayPlan,
        totals: BTreeMap<Vendor, Option<f64>>,
        persona: Persona,
        endpoints: Arc<dyn Endpoints>,
        patience: Duration,
    ) -> Self {
        Self {
            plan,
            totals,
            persona,
            endpoints,
            patience,
            began: Instant::now(),
            state: Mutex::new(None),
            reading: tokio::sync::Mutex::new(None),
            between_readings: READ_AGAIN,
        }
    }

    #[cfg(test)]
    pub(super) fn reads_again_after(&mut self, wait: Duration) {
        self.between_readings = wait;
    }

    pub(super) fn now(&self) -> Moment {
        self.began.elapsed()
    }

    pub(super) fn state(&self) -> MutexGuard<'_, Option<Ways>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sees to it that there are some: read when the first request wants one, again when they seem to be gone.
    pub(super) async fn ready(&self) -> Result<(), FetchFailure> {
        let (are_known, seem_gone) = match self.state().as_ref() {
            Some(ways) => (true, ways.seem_gone),
            None => (false, false),
        };
        if !are_known {
            let mut last = self.reading.lock().await;
            if self.state().is_none() {
                let told = self.told().await?;
                *last = Some(self.now());
                let ways = self.ways(told, None)?;
                *self.state() = Some(ways);
            }
        } else if seem_gone {
            self.read_again().await;
        }
        Ok(())
    }

    /// Reads the gateways again, unless that was done just now. Whether there are others.
    pub(super) async fn read_again(&self) -> bool {
        let mut last = self.reading.lock().await;
        if last.is_some_and(|last| self.now() < last + self.between_readings) {
            return false;
        }
        *last = Some(self.now());
        let told = match self.told().await {
            Ok(told) => told,
            Err(failure) => {
                tracing::debug!(failure = %failure, "gateways not read again");
                return false;
            }
        };
        let mut state = self.state();
        let Some(before) = state.as_mut() else { return false };
        before.seem_gone = false;
        if before.told == told {
            return false;
        }
        match self.ways(told, Some(before)) {
            Ok(ways) => {
                tracing::info!(gateways = ways.leases.len(), "gateways are others than before");
                *state = Some(ways);
                true
            }
            Err(failure) => {
                tracing::warn!(failure = %failure, "gateways that were read again cannot be used");
                false
            }
        }
    }

    async fn told(&self) -> Result<Vec<GatewayEndpoint>, FetchFailure> {
        let set = &self.plan.set;
        let told = self.endpoints.endpoints(set).await.map_err(|error| FetchFailure::Gateway(error.to_string()))?;
        if told.is_empty() {
            return Err(FetchFailure::Gateway(format!("no gateway of the set {set} is ready")));
        }
        Ok(told)
    }

    /// The gateways that were told, with what is known of those that were there before.
    fn ways(&self, told: Vec<GatewayEndpoint>, before: Option<&Ways>) -> Result<Ways, FetchFailure> {
        let kept: Vec<Option<usize>> = told
            .iter()
            .map(|endpoint| before.and_then(|before| before.told.iter().position(|known| known == endpoint)))
            .collect();
        let mut leases = Vec::new();
        for (endpoint, kept) in told.iter().zip(&kept) {
            let same = kept.and_then(|at| before?.leases.get(at));
            leases.push(match same {
                Some(lease) => Arc::clone(lease),
                None => Arc::new(self.lease_of(endpoint)?),
            });
        }
        let lag = Duration::from_secs(self.plan.canary.as_ref().map_or(0, |canary| canary.lag_secs.into()));
        let now = self.now();
        // Processes that start together do not all begin with the same gateway.
        let first = rand::rng().random_range(0..leases.len());
        let standing = |vendor: &Vendor| {
            let allowed = Allowed {
                total: self.totals.get(vendor).copied().flatten(),
                per_address: self.plan.per_address_per_sec.get(vendor).copied(),
            };
            let known = before.and_then(|before| before.vendors.get(vendor));
            let standing = match known {
                None => Standing::new(Rotation::new(leases.len(), first, allowed, now), lag),
                Some(known) => known.succeeded(&kept, now, |name| is_kept(before, &kept, name)),
            };
            (*vendor, standing)
        };
        let vendors = self.plan.vendors.iter().map(standing).collect();
        Ok(Ways { told, leases, vendors, seem_gone: false })
    }

    fn lease_of(&self, endpoint: &GatewayEndpoint) -> Result<Lease, FetchFailure> {
        let bad = |why: String| FetchFailure::Gateway(format!("{}: {why}", endpoint.name));
        let url = base_url(&endpoint.base_url).map_err(bad)?;
        let mut key = HeaderValue::from_str(endpoint.api_key.reveal())
            .map_err(|_| bad("its key cannot be sent in a header".to_owned()))?;
        key.set_sensitive(true);
        let name = endpoint.name.clone();
        let gateway = Gateway { name, base_url: url.as_str().trim_end_matches('/').to_owned(), key };
        let identity = self.persona.of(&self.plan.set, &endpoint.name).map_err(|error| bad(error.to_string()))?;
        Ok(Lease { identity, handshake: Handshake::default(), gateway: Some(gateway) })
    }
}

/// Whether the gateway of a name is the one that had it before.
fn is_kept(before: Option<&Ways>, kept: &[Option<usize>], name: &str) -> bool {
    let Some(before) = before else { return false };
    kept.iter().flatten().any(|at| before.told.get(*at).is_some_and(|endpoint| endpoint.name == name))
}

impl Standing {
    /// The standing when gateways are others than before: what is known of those that are kept stays, and so does what the
    /// vendor bears in all.
    fn succeeded(&self, kept: &[Option<usize>], now: Moment, is_kept: impl Fn(&str) -> bool) -> Self {
        let mut next = Self::new(self.rotation.succeeded(kept, now), self.lag);
        next.judges = self.judges.iter().map(|(probe, judge)| (*probe, judge.among(&is_kept))).collect();
        next.doubts = self
            .doubts
            .iter()
            .map(|doubt| {
                let until = doubt.until.or_else(|| (!is_kept(&doubt.gateway)).then_some(now));
                Doubt { gateway: doubt.gateway.clone(), after: doubt.after, until, why: doubt.why.clone() }
            })
            .collect();
        next
    }
}
