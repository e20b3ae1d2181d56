//! The ways a request can leave: from this machine, or through the gateways of a plan, one [`Lease`] each.
//!
//! The shell around the pure [`rotation`] (which gateway next, who rests, how fast), [`answer`] (whose answer it is) and
//! [`canary`] (is it to be believed); [`ways`] keeps which gateways there are. Promises: a vendor that the plan asks through gateways is never asked from this machine,
//! whatever happens to the gateways; identity, cookies and crumb belong to a lease and never leave by another; a key is in one
//! header and nowhere else.

pub(crate) mod answer;
pub(crate) mod canary;
pub(crate) mod rotation;
mod ways;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use fleet_core::domain::gateway::{KEY_HEADER, route_name};
use fleet_core::domain::{CanaryPlan, GatewayPlan, GatewayUse, Vendor};
use fleet_core::seams::{Endpoints, FetchError, FetchFailure, GatewayPass, RequestTally, Trust};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use url::Url;

use self::answer::GatewayFault;
use self::canary::Pulse;
use self::rotation::{Consequence, Moment, Verdict};
pub(crate) use self::ways::Probe;
use self::ways::{Gateways, Standing, Ways};
use crate::client::ClientError;
use crate::fetch::Purpose;
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

/// A request that is leaving.
pub(crate) struct Departure {
    at: Moment,
    purpose: Purpose,
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
        let gateways = Gateways::new(plan, totals, persona, endpoints, patience);
        Self { gateways: Some(gateways), ..self }
    }

    /// How soon the store is asked again for gateways that seem to be gone.
    #[cfg(test)]
    pub(crate) fn reads_again_after(&mut self, wait: Duration) {
        if let Some(gateways) = &mut self.gateways {
            gateways.reads_again_after(wait);
        }
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

    /// Does something with a vendor's standing; `None`: it is asked directly, or no gateway is known yet.
    fn with<T>(&self, vendor: Vendor, act: impl FnOnce(&Gateways, &[Arc<Lease>], &mut Standing) -> T) -> Option<T> {
        let gateways = self.of(vendor)?;
        let mut state = gateways.state();
        let Ways { leases, vendors, .. } = state.as_mut()?;
        Some(act(gateways, leases, vendors.get_mut(&vendor)?))
    }

    /// The same for one way's vendor; `None` too where the way is gone.
    fn at<T>(
        &self,
        vendor: Vendor,
        lease: &Lease,
        act: impl FnOnce(&Gateways, usize, &str, &mut Standing) -> T,
    ) -> Option<T> {
        let name = lease.gateway()?;
        let gateways = self.of(vendor)?;
        let mut state = gateways.state();
        let ways = state.as_mut()?;
        let at = ways.place(lease)?;
        Some(act(gateways, at, name, ways.vendors.get_mut(&vendor)?))
    }

    /// The way of the next request to a vendor. Waits for a gateway that rests no longer than is allowed.
    pub(crate) async fn lease(&self, vendor: Vendor) -> Result<Arc<Lease>, FetchFailure> {
        let Some(gateways) = self.of(vendor) else { return Ok(Arc::clone(&self.direct)) };
        let asked = gateways.now();
        loop {
            gateways.ready().await?;
            let pick = |gateways: &Gateways, leases: &[Arc<Lease>], standing: &mut Standing| {
                standing.rotation.pick(gateways.now()).map(|at| Arc::clone(&leases[at]))
            };
            let nobody = match self.with(vendor, pick) {
                Some(Ok(lease)) => return Ok(lease),
                Some(Err(nobody)) => nobody,
                None => return Err(FetchFailure::Gateway(format!("none for {vendor}"))),
            };
            // Others may have come in the place of those that carry nothing.
            if gateways.read_again().await {
                continue;
            }
            let waited = gateways.now().saturating_sub(asked);
            match nobody.retry_in {
                Some(wait) if waited + wait <= gateways.patience => tokio::time::sleep(wait).await,
                Some(_) | None => return Err(FetchFailure::Gateway(self.why_nobody(vendor))),
            }
        }
    }

    /// One sentence about all gateways.
    fn why_nobody(&self, vendor: Vendor) -> String {
        let why = self.with(vendor, |gateways, leases, standing| {
            let now = gateways.now();
            let of = |(at, lease): (usize, &Arc<Lease>)| {
                Some(format!("{}: {}", lease.gateway()?, standing.rotation.trouble(at, now)?))
            };
            let all: Vec<String> = leases.iter().enumerate().filter_map(of).take(5).collect();
            format!("none of {} for {vendor} ({})", leases.len(), all.join("; "))
        });
        why.unwrap_or_else(|| format!("none for {vendor}"))
    }

    /// The vendor's budget over its healthy gateways, requests a second; `None`: nothing limits it, or it is asked directly.
    pub(crate) fn budget(&self, vendor: Vendor) -> Option<f64> {
        self.with(vendor, |_, _, standing| standing.rotation.budget())?
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

    /// A request leaves now: it is counted.
    pub(crate) fn departs(&self, lease: &Lease, purpose: Purpose, tally: &RequestTally) -> Departure {
        let (Some(gateway), Some(gateways)) = (&lease.gateway, &self.gateways) else {
            return Departure { at: Moment::ZERO, purpose };
        };
        tally.used(&gateway.name, &GatewayUse { requests: 1, ..GatewayUse::default() });
        Departure { at: gateways.now(), purpose }
    }

    /// What a request came to. The way of an answer that is used is noted for a doubt that comes later.
    pub(crate) fn arrived(&self, lease: &Lease, arrival: &Arrival<'_>, tally: &RequestTally) -> Then {
        let Some(name) = lease.gateway() else { return Then::Decide };
        let Some(gateways) = self.of(arrival.vendor) else { return Then::Decide };
        let took = gateways.now().saturating_sub(arrival.departure.at);
        let verdict = arrival.verdict(took);
        let is_answer = matches!(verdict, Verdict::Fine(_));
        let latency_ms = if is_answer { u64::try_from(took.as_millis()).unwrap_or(u64::MAX) } else { 0 };
        let (answered, errors) = (u32::from(is_answer), u32::from(!is_answer));
        tally.used(name, &GatewayUse { answered, errors, latency_ms, ..GatewayUse::default() });
        if is_answer && arrival.departure.purpose == Purpose::Data {
            tally.passed(GatewayPass { vendor: arrival.vendor, gateway: name.to_owned(), at: arrival.departure.at });
        }
        if let (Some(FetchFailure::Network(_)), Some(ways)) = (arrival.failure, gateways.state().as_mut()) {
            ways.seem_gone = true;
        }
        let reported = self.at(arrival.vendor, lease, |gateways, at, _, standing| {
            let consequence = standing.rotation.report(at, arrival.departure.at, gateways.now(), verdict);
            (consequence, standing.rotation.healthy())
        });
        // Others have come in its place meanwhile.
        let Some((consequence, healthy)) = reported else {
            return if is_answer { Then::Decide } else { Then::Elsewhere };
        };
        let vendor = arrival.vendor;
        match consequence {
            Consequence::Rests(rest) => {
                let why = arrival.failure.map_or("slow", FetchFailure::word);
                tracing::info!(%vendor, gateway = name, rest_ms = rest.as_millis() as u64, why, "gateway rests");
            }
            Consequence::Limited { per_sec, wait } => {
                tracing::warn!(%vendor, per_sec, wait_ms = wait.as_millis() as u64, "all gateways limited together");
                return Then::Stop { wait };
            }
            Consequence::Pauses(wait) => return Then::Stop { wait },
            Consequence::None => {}
        }
        if is_answer || healthy == 0 || self.is_alone(vendor) { Then::Decide } else { Then::Elsewhere }
    }

    fn is_alone(&self, vendor: Vendor) -> bool {
        self.with(vendor, |_, leases, _| leases.len() <= 1).unwrap_or(true)
    }

    /// What a gateway said for itself concerns every vendor that is asked through it.
    pub(crate) fn own_fault(&self, lease: &Lease, departure: &Departure, fault: GatewayFault) -> FetchFailure {
        let name = lease.gateway().unwrap_or_default();
        if let Some(gateways) = &self.gateways
            && matches!(fault, GatewayFault::Refused | GatewayFault::Busy)
            && let Some(ways) = gateways.state().as_mut()
            && let Some(at) = ways.place(lease)
        {
            ways.seem_gone |= fault == GatewayFault::Refused;
            for standing in ways.vendors.values_mut() {
                standing.rotation.report(at, departure.at, gateways.now(), Verdict::Failed);
            }
        }
        FetchFailure::Gateway(format!("{name} {}", fault.words()))
    }

    /// A gateway over which a canary is to be sent to a vendor now, and the underlying to ask for.
    pub(crate) async fn due_canary(&self, vendor: Vendor) -> Option<(Arc<Lease>, CanaryPlan)> {
        let gateways = self.of(vendor)?;
        let plan = gateways.plan.canary.clone()?;
        gateways.ready().await.ok()?;
        let due = self.with(vendor, |gateways, leases, standing| {
            let at = standing.rotation.due_canary(gateways.now(), plan.every_requests.max(1))?;
            Some(Arc::clone(&leases[at]))
        });
        Some((due??, plan))
    }

    /// Now, on the clock of departures.
    pub(crate) fn now(&self) -> Moment {
        self.gateways.as_ref().map_or(Moment::ZERO, Gateways::now)
    }

    /// What the canaries that were sent then brought over a gateway, one of each kind. Only all of them together vouch for it.
    pub(crate) fn canaries_brought(
        &self,
        vendor: Vendor,
        lease: &Lease,
        sent: Moment,
        brought: &[(Probe, Option<Pulse>)],
        tally: &RequestTally,
    ) {
        let against = self.at(vendor, lease, |gateways, at, name, standing| {
            let now = gateways.now();
            let (mut against, mut is_fine, mut is_suspect) = (Vec::new(), true, false);
            for (probe, pulse) in brought {
                let Some(pulse) = pulse else {
                    is_fine = false;
                    continue;
                };
                let judgement = standing.judge(*probe).judge(name, sent, now, pulse);
                is_fine &= judgement.is_fine;
                is_suspect |= judgement.is_suspect;
                against.extend(judgement.against);
            }
            if is_fine && !against.iter().any(|(condemned, _)| condemned == name) {
                standing.rotation.trust(at, sent);
                standing.close_doubts(name, sent);
            }
            if is_suspect && !standing.rotation.is_quarantined(at) {
                standing.rotation.want_opinions(at);
            }
            against
        });
        for (name, disbelief) in against.into_iter().flatten() {
            self.quarantine(vendor, &name, &disbelief.to_string(), tally);
        }
    }

    /// A gateway's answers of a vendor are not believed any more, nor those since the last canary that was fine.
    pub(crate) fn quarantine(&self, vendor: Vendor, gateway: &str, why: &str, tally: &RequestTally) {
        self.with(vendor, |gateways, leases, standing| {
            let Some(at) = leases.iter().position(|lease| lease.gateway() == Some(gateway)) else { return };
            if !standing.rotation.is_quarantined(at) {
                tally.used(gateway, &GatewayUse { quarantined: 1, ..GatewayUse::default() });
                tracing::warn!(%vendor, gateway, why, "gateway quarantined");
            }
            let after = standing.rotation.quarantine(at, gateways.now());
            standing.judges.values_mut().for_each(|judge| judge.distrust(gateway));
            standing.open_doubt(gateway, after, format!("{vendor} over the gateway {gateway}: {why}"));
        });
    }

    /// Why what these requests brought is not believed; `None`: nothing is known against it.
    pub(crate) fn doubt(&self, tally: &RequestTally) -> Option<FetchError> {
        tally.passes().into_iter().find_map(|pass| {
            let why = self.with(pass.vendor, |_, _, standing| standing.doubt(&pass).map(str::to_owned))??;
            let (vendor, what) = (pass.vendor, "what was fetched".to_owned());
            Some(FetchError { vendor, what, failure: FetchFailure::Stale(why) })
        })
    }

    /// What is known of these ways by now.
    pub(crate) fn trust(&self, passes: &[GatewayPass]) -> Trust {
        let Some(gateways) = &self.gateways else { return Trust::Vouched };
        let state = gateways.state();
        let has_canaries = gateways.plan.canary.is_some();
        let of = |pass| state.as_ref().map_or(Trust::Never, |ways| ways.trust(pass, has_canaries));
        let mut all = Trust::Vouched;
        for trust in passes.iter().map(of) {
            match trust {
                Trust::Vouched => {}
                Trust::Open => all = Trust::Open,
                Trust::Never => return Trust::Never,
            }
        }
        all
    }
}

/// What became of a request.
pub(crate) struct Arrival<'a> {
    /// Who was asked.
    pub(crate) vendor: Vendor,
    /// When it left.
    pub(crate) departure: &'a Departure,
    /// `None`: an answer.
    pub(crate) failure: Option<&'a FetchFailure>,
    /// How long the vendor wants to be left alone, or our own delay where it did not say.
    pub(crate) wait: Duration,
    /// Tells one question from another.
    pub(crate) ask: u64,
}

impl Arrival<'_> {
    const fn verdict(&self, took: Duration) -> Verdict {
        match self.failure {
            Some(FetchFailure::Throttled { .. }) => Verdict::Throttled { wait: self.wait, ask: self.ask },
            Some(FetchFailure::Blocked(_) | FetchFailure::Consent) => Verdict::Refused,
            Some(
                FetchFailure::Network(_)
                | FetchFailure::Timeout(_)
                | FetchFailure::Server(_)
                | FetchFailure::Gateway(_),
            ) => Verdict::Failed,
            // Everything else is an answer, be it one that helps nobody.
            _ => Verdict::Fine(took),
        }
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

#[cfg(test)]
mod wire_tests;
