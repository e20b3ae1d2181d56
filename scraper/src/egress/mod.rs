//! The ways a request can leave: from this machine, or through the gateways of a plan, one [`Lease`] each.
//!
//! The shell around the pure [`rotation`] (which gateway next, who rests, how fast), [`answer`] (whose answer it is) and
//! [`canary`] (is it to be believed). Promises: a vendor that the plan asks through gateways is never asked from this machine,
//! whatever happens to the gateways; identity, cookies and crumb belong to a lease and never leave by another; a key is in one
//! header and nowhere else.

pub(crate) mod answer;
pub(crate) mod canary;
pub(crate) mod rotation;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use fleet_core::domain::gateway::{KEY_HEADER, route_name};
use fleet_core::domain::{CanaryPlan, GatewayPlan, GatewayUse, Vendor};
use fleet_core::seams::{Endpoints, FetchError, FetchFailure, GatewayPass, RequestTally};
use rand::RngExt;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use tokio::sync::OnceCell;
use tokio::time::Instant;
use url::Url;

use self::answer::GatewayFault;
use self::canary::{Judge, Pulse};
use self::rotation::{Allowed, Consequence, Moment, Rotation, Verdict};
use crate::client::{ClientError, base_url};
use crate::handshake::Handshake;
use crate::identity::{Identity, IdentityKey, Reads};

/// One way out, with everything that sticks to it.
pub(crate) struct Lease {
    /// Who we are on this way.
    pub(crate) identity: Identity,
    /// Yahoo's session on this way.
    pub(crate) handshake: Handshake,
    gateway: Option<Gateway>,
}

struct Gateway {
    /// Its place in every rotation.
    at: usize,
    name: String,
    base_url: String,
    key: HeaderValue,
}

impl Lease {
    /// The gateway's name; `None`: this machine.
    pub(crate) fn gateway(&self) -> Option<&str> {
        self.gateway.as_ref().map(|gateway| gateway.name.as_str())
    }
}

/// Who a plan's leases are.
pub(crate) enum Persona {
    /// Everybody the same: the profile a person configured.
    Configured(Identity),
    /// Each lease somebody else, drawn from the table of browsers.
    Drawn,
}

impl Persona {
    /// The identity of one gateway's lease of a set. One lease asks pages and data alike, so it is a desktop's.
    fn of(&self, set: &str, gateway: &str) -> Result<Identity, ClientError> {
        match self {
            Self::Configured(identity) => Ok(identity.clone()),
            Self::Drawn => Identity::draw(&IdentityKey { seed: 0, lease: set, endpoint: gateway, reads: Reads::Pages }),
        }
    }
}

/// One host of a vendor, as the plan spells it.
#[derive(Debug, Clone)]
pub(crate) struct Host {
    /// Whose.
    pub(crate) vendor: Vendor,
    /// The name of its base URL.
    pub(crate) key: &'static str,
    /// The base URL, without a slash at the end.
    pub(crate) base: String,
}

/// The ways of one plan.
pub(crate) struct Egress {
    direct: Arc<Lease>,
    gateways: Option<Gateways>,
}

struct Gateways {
    plan: GatewayPlan,
    totals: BTreeMap<Vendor, Option<f64>>,
    identity: Persona,
    endpoints: Arc<dyn Endpoints>,
    /// How long a request waits for a gateway that rests.
    patience: Duration,
    began: Instant,
    fleet: OnceCell<Ways>,
}

/// The gateways there are, and where each vendor's rotation stands.
struct Ways {
    leases: Vec<Arc<Lease>>,
    vendors: BTreeMap<Vendor, Mutex<Standing>>,
}

struct Standing {
    rotation: Rotation,
    judge: Judge,
    /// Answers that are in doubt, by gateway: those after the first moment and up to the second.
    doubts: Vec<Doubt>,
}

struct Doubt {
    gateway: String,
    after: Moment,
    until: Moment,
    why: String,
}

/// A request that is leaving.
pub(crate) struct Departure {
    at: Moment,
}

/// What the report of a request leads to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Then {
    /// The retry policy decides, as without gateways.
    Decide,
    /// Another gateway may do: at once.
    Elsewhere,
    /// All gateways are throttled together: the vendor's budget is this from now on, and everybody stops for so long.
    Stop { wait: Duration },
}

impl Egress {
    /// Every request leaves from this machine.
    pub(crate) fn direct(identity: Identity) -> Self {
        Self { direct: Arc::new(Lease { identity, handshake: Handshake::default(), gateway: None }), gateways: None }
    }

    /// The plan's vendors are asked through its gateways. `totals`: requests a second each vendor allows in all.
    pub(crate) fn through(
        self,
        plan: GatewayPlan,
        totals: BTreeMap<Vendor, Option<f64>>,
        persona: Persona,
        endpoints: Arc<dyn Endpoints>,
        patience: Duration,
    ) -> Self {
        let (began, fleet) = (Instant::now(), OnceCell::new());
        let gateways = Gateways { plan, totals, identity: persona, endpoints, patience, began, fleet };
        Self { gateways: Some(gateways), ..self }
    }

    /// Whether a vendor is asked through gateways.
    pub(crate) fn is_rotating(&self, vendor: Vendor) -> bool {
        self.of(vendor).is_some()
    }

    /// The way from this machine, for what is decided before a way is known.
    pub(crate) fn unsent(&self) -> &Lease {
        &self.direct
    }

    fn of(&self, vendor: Vendor) -> Option<&Gateways> {
        self.gateways.as_ref().filter(|gateways| gateways.plan.vendors.contains(&vendor))
    }

    /// The gateways and a vendor's standing, if they are known by now.
    fn standing(&self, vendor: Vendor) -> Option<(&Gateways, &Ways, std::sync::MutexGuard<'_, Standing>)> {
        let gateways = self.of(vendor)?;
        let ways = gateways.fleet.get()?;
        let standing = ways.vendors.get(&vendor)?;
        Some((gateways, ways, standing.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    /// The way of the next request to a vendor. Waits for a gateway that rests no longer than is allowed.
    pub(crate) async fn lease(&self, vendor: Vendor) -> Result<Arc<Lease>, FetchFailure> {
        let Some(gateways) = self.of(vendor) else { return Ok(Arc::clone(&self.direct)) };
        let ways = gateways.ways().await?;
        let asked = gateways.now();
        loop {
            let nobody = {
                let Some((_, _, mut standing)) = self.standing(vendor) else { return Err(no_standing(vendor)) };
                match standing.rotation.pick(gateways.now()) {
                    Ok(at) => return Ok(Arc::clone(&ways.leases[at])),
                    Err(nobody) => nobody,
                }
            };
            let waited = gateways.now().saturating_sub(asked);
            match nobody.retry_in {
                Some(wait) if waited + wait <= gateways.patience => tokio::time::sleep(wait).await,
                Some(_) | None => return Err(FetchFailure::Gateway(self.why_nobody(vendor))),
            }
        }
    }

    /// One sentence about all gateways.
    fn why_nobody(&self, vendor: Vendor) -> String {
        let Some((gateways, ways, standing)) = self.standing(vendor) else { return format!("none for {vendor}") };
        let now = gateways.now();
        let of = |(at, lease): (usize, &Arc<Lease>)| {
            Some(format!("{}: {}", lease.gateway()?, standing.rotation.trouble(at, now)?))
        };
        let all: Vec<String> = ways.leases.iter().enumerate().filter_map(of).take(5).collect();
        format!("none of {} for {vendor} ({})", ways.leases.len(), all.join("; "))
    }

    /// The vendor's budget over its healthy gateways, requests a second; `None`: nothing limits it, or it is asked directly.
    pub(crate) fn budget(&self, vendor: Vendor) -> Option<f64> {
        self.standing(vendor)?.2.rotation.budget()
    }

    /// Where a request really goes, and what it carries for the gateway.
    pub(crate) fn readdressed(&self, lease: &Lease, host: &Host, url: &Url) -> Result<Readdressed, FetchFailure> {
        let Some(gateway) = &lease.gateway else {
            return Ok(Readdressed { url: url.clone(), key: None });
        };
        let rest = url.as_str().strip_prefix(host.base.as_str()).unwrap_or_default();
        // A gateway knows a host's own page without a slash at its end.
        let rest = rest.strip_prefix('/').filter(|query| query.is_empty() || query.starts_with('?')).unwrap_or(rest);
        let text = format!("{}/{}{rest}", gateway.base_url, route_name(host.vendor, host.key));
        let url = Url::parse(&text).map_err(|error| FetchFailure::Gateway(format!("`{text}` is no URL ({error})")))?;
        Ok(Readdressed { url, key: Some(gateway.key.clone()) })
    }

    /// A request leaves now: it is counted, and where it went is noted for a doubt that comes later.
    pub(crate) fn departs(&self, vendor: Vendor, lease: &Lease, tally: &RequestTally) -> Departure {
        let (Some(gateway), Some(gateways)) = (&lease.gateway, &self.gateways) else {
            return Departure { at: Moment::ZERO };
        };
        let at = gateways.now();
        tally.used(&gateway.name, &GatewayUse { requests: 1, ..GatewayUse::default() });
        tally.passed(GatewayPass { vendor, gateway: gateway.name.clone(), at });
        Departure { at }
    }

    /// What a request came to. `None` as a failure: an answer.
    pub(crate) fn arrived(
        &self,
        vendor: Vendor,
        lease: &Lease,
        departure: &Departure,
        failure: Option<&FetchFailure>,
        ask: u64,
        tally: &RequestTally,
    ) -> Then {
        let Some(gateway) = &lease.gateway else { return Then::Decide };
        let Some((gateways, ways, mut standing)) = self.standing(vendor) else { return Then::Decide };
        let now = gateways.now();
        let took = now.saturating_sub(departure.at);
        let verdict = match failure {
            Some(FetchFailure::Throttled { retry_after }) => Verdict::Throttled { retry_after: *retry_after, ask },
            Some(FetchFailure::Blocked(_) | FetchFailure::Consent) => Verdict::Refused,
            Some(FetchFailure::Network(_) | FetchFailure::Timeout(_) | FetchFailure::Server(_)) => Verdict::Failed,
            Some(FetchFailure::Gateway(_)) => Verdict::Failed,
            // Everything else is an answer, be it one that helps nobody.
            _ => Verdict::Fine(took),
        };
        let is_answer = matches!(verdict, Verdict::Fine(_));
        let latency_ms = if is_answer { u64::try_from(took.as_millis()).unwrap_or(u64::MAX) } else { 0 };
        let (answered, errors) = (u32::from(is_answer), u32::from(!is_answer));
        tally.used(&gateway.name, &GatewayUse { answered, errors, latency_ms, ..GatewayUse::default() });
        let consequence = standing.rotation.report(gateway.at, departure.at, now, verdict);
        let others = standing.rotation.healthy() > 0 && ways.leases.len() > 1;
        match consequence {
            Consequence::Rests(rest) => {
                let why = failure.map_or("slow", FetchFailure::word);
                tracing::info!(%vendor, gateway = gateway.name, rest_ms = rest.as_millis() as u64, why, "gateway rests");
            }
            Consequence::Limited { per_sec, wait } => {
                tracing::warn!(%vendor, per_sec, wait_ms = wait.as_millis() as u64, "all gateways limited together");
                return Then::Stop { wait };
            }
            Consequence::None => {}
        }
        if is_answer || !others { Then::Decide } else { Then::Elsewhere }
    }

    /// What a gateway said for itself concerns every vendor that is asked through it.
    pub(crate) fn own_fault(&self, lease: &Lease, departure: &Departure, fault: GatewayFault) -> FetchFailure {
        let name = lease.gateway().unwrap_or_default();
        if let (Some(gateway), Some(ways)) = (&lease.gateway, self.gateways.as_ref().and_then(|all| all.fleet.get()))
            && matches!(fault, GatewayFault::Refused | GatewayFault::Busy)
        {
            let now = self.gateways.as_ref().map_or(Moment::ZERO, Gateways::now);
            for standing in ways.vendors.values() {
                let mut standing = standing.lock().unwrap_or_else(PoisonError::into_inner);
                standing.rotation.report(gateway.at, departure.at, now, Verdict::Failed);
            }
        }
        FetchFailure::Gateway(format!("{name} {}", fault.words()))
    }

    /// A gateway over which a canary is to be sent to a vendor now, and the underlying to ask for.
    pub(crate) async fn due_canary(&self, vendor: Vendor) -> Option<(Arc<Lease>, CanaryPlan)> {
        let gateways = self.of(vendor)?;
        let plan = gateways.plan.canary.clone()?;
        let ways = gateways.ways().await.ok()?;
        let (_, _, mut standing) = self.standing(vendor)?;
        let at = standing.rotation.due_canary(gateways.now(), plan.every_requests.max(1))?;
        Some((Arc::clone(&ways.leases[at]), plan))
    }

    /// Now, on the clock of departures.
    pub(crate) fn now(&self) -> Moment {
        self.gateways.as_ref().map_or(Moment::ZERO, Gateways::now)
    }

    /// What a canary that was sent then brought over a gateway.
    pub(crate) fn canary_brought(
        &self,
        vendor: Vendor,
        lease: &Lease,
        sent: Moment,
        pulse: &Pulse,
        tally: &RequestTally,
    ) {
        let Some(gateway) = &lease.gateway else { return };
        let judged = {
            let Some((gateways, _, mut standing)) = self.standing(vendor) else { return };
            let now = gateways.now();
            let judged = standing.judge.judge(sent, now, pulse);
            if judged.is_ok() {
                standing.rotation.trust(gateway.at, sent);
            }
            judged
        };
        if let Err(disbelief) = judged {
            self.quarantine(vendor, lease, &disbelief.to_string(), tally);
        }
    }

    /// A gateway's answers of a vendor are not believed any more, nor those since the last canary that was fine.
    pub(crate) fn quarantine(&self, vendor: Vendor, lease: &Lease, why: &str, tally: &RequestTally) {
        let Some(gateway) = &lease.gateway else { return };
        let Some((gateways, _, mut standing)) = self.standing(vendor) else { return };
        let now = gateways.now();
        if !standing.rotation.is_quarantined(gateway.at) {
            tally.used(&gateway.name, &GatewayUse { quarantined: 1, ..GatewayUse::default() });
            tracing::warn!(%vendor, gateway = gateway.name, why, "gateway quarantined");
        }
        let after = standing.rotation.quarantine(gateway.at, now);
        let why = format!("{vendor} over the gateway {}: {why}", gateway.name);
        standing.doubts.push(Doubt { gateway: gateway.name.clone(), after, until: now, why });
    }

    /// Why what these requests brought is not believed; `None`: nothing is known against it.
    pub(crate) fn doubt(&self, tally: &RequestTally) -> Option<FetchError> {
        tally.passes().into_iter().find_map(|pass| {
            let (_, _, standing) = self.standing(pass.vendor)?;
            let of = |doubt: &&Doubt| doubt.gateway == pass.gateway && pass.at >= doubt.after && pass.at <= doubt.until;
            let doubt = standing.doubts.iter().find(of)?;
            let failure = FetchFailure::Stale(doubt.why.clone());
            Some(FetchError { vendor: pass.vendor, what: "what was fetched".to_owned(), failure })
        })
    }
}

/// Where a request really goes.
pub(crate) struct Readdressed {
    /// The gateway's URL, or the vendor's own.
    pub(crate) url: Url,
    key: Option<HeaderValue>,
}

impl Readdressed {
    /// Adds the gateway's key.
    pub(crate) fn authorise(&self, headers: &mut HeaderMap) {
        if let Some(key) = &self.key {
            headers.insert(HeaderName::from_static(KEY_HEADER), key.clone());
        }
    }
}

impl Gateways {
    fn now(&self) -> Moment {
        self.began.elapsed()
    }

    /// The gateways, read from the store when the first request wants one.
    async fn ways(&self) -> Result<&Ways, FetchFailure> {
        self.fleet.get_or_try_init(|| self.read()).await
    }

    async fn read(&self) -> Result<Ways, FetchFailure> {
        let set = &self.plan.set;
        let endpoints =
            self.endpoints.endpoints(set).await.map_err(|error| FetchFailure::Gateway(error.to_string()))?;
        let mut leases = Vec::new();
        for endpoint in endpoints {
            let bad = |why: String| FetchFailure::Gateway(format!("{}: {why}", endpoint.name));
            let url = base_url(&endpoint.base_url).map_err(bad)?;
            let mut key = HeaderValue::from_str(endpoint.api_key.reveal())
                .map_err(|_| bad("its key cannot be sent in a header".to_owned()))?;
            key.set_sensitive(true);
            let gateway = Gateway {
                at: leases.len(),
                name: endpoint.name.clone(),
                base_url: url.as_str().trim_end_matches('/').to_owned(),
                key,
            };
            let identity = self.identity.of(set, &endpoint.name).map_err(|error| bad(error.to_string()))?;
            let handshake = Handshake::default();
            leases.push(Arc::new(Lease { identity, handshake, gateway: Some(gateway) }));
        }
        if leases.is_empty() {
            return Err(FetchFailure::Gateway(format!("no gateway of the set {set} is ready")));
        }
        let lag = Duration::from_secs(self.plan.canary.as_ref().map_or(0, |canary| canary.lag_secs.into()));
        // Processes that start together do not all begin with the same gateway.
        let first = rand::rng().random_range(0..leases.len());
        let standing = |vendor: &Vendor| {
            let allowed = Allowed {
                total: self.totals.get(vendor).copied().flatten(),
                per_address: self.plan.per_address_per_sec.get(vendor).copied(),
            };
            let rotation = Rotation::new(leases.len(), first, allowed);
            (*vendor, Mutex::new(Standing { rotation, judge: Judge::new(lag), doubts: Vec::new() }))
        };
        let vendors = self.plan.vendors.iter().map(standing).collect();
        Ok(Ways { leases, vendors })
    }
}

fn no_standing(vendor: Vendor) -> FetchFailure {
    FetchFailure::Gateway(format!("none for {vendor}"))
}

#[cfg(test)]
mod wire_tests;
