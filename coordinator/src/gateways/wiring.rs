//! Settings become gateways: who makes them, where they are written down, and which routes they have.

use std::sync::Arc;

use fleet_core::domain::VendorPlan;
use fleet_core::domain::gateway::route_name;
use fleet_core::seams::{GatewayRows, Store, SystemClock};
use fleet_gateways::aws::{Aws, AwsSettings, NoAws};
use fleet_gateways::ledger::Ledger;
use fleet_gateways::memory_ledger::MemoryLedger;
use fleet_gateways::progress::Watcher;
use fleet_gateways::provider::{GatewayProvider, ProviderError};
use fleet_gateways::raise::UpError;
use fleet_gateways::reconcile::ReconcileError;
use fleet_gateways::region::{KNOWN, Region};
use fleet_gateways::set::Entropy;
use fleet_gateways::spec::{GatewaySpec, Route};
use fleet_gateways::stored_ledger::StoredLedger;
use fleet_gateways::tags::OwnerTag;
use fleet_gateways::{Gateways, Settings as GatewaysSettings};

use super::simulated::SimulatedAws;
use crate::config::{Settings, is_loopback, vendor_ca_file};
use crate::failure::{Failure, chain};

/// The route that `gateways test` asks.
pub const TEST_ROUTE: &str = "test.base";

/// Which Regions are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Those of the configuration.
    Configured,
    /// All there are: earlier runs may have had another configuration.
    Everywhere,
}

/// Who makes the gateways of a scan: AWS, or this process.
pub async fn scan_provider(settings: &Settings) -> Result<Arc<dyn GatewayProvider>, Failure> {
    if settings.gateways.provider != "simulated" {
        return provider(settings, Reach::Configured).await;
    }
    let mut regions = regions(settings)?;
    if regions.is_empty() {
        regions = everywhere();
    }
    Ok(SimulatedAws::new(regions))
}

fn everywhere() -> Vec<Region> {
    KNOWN.iter().filter_map(|code| Region::parse(code).ok()).collect()
}

/// Who makes gateways that outlive this process.
pub async fn provider(settings: &Settings, reach: Reach) -> Result<Arc<dyn GatewayProvider>, Failure> {
    if settings.gateways.provider != "aws" {
        return Err(Failure::usage("simulated gateways live in the scan that makes them, and end with it")
            .hint("scan --gateways and demo --gateways make some; set gateways.provider to aws for real ones"));
    }
    let configured = regions(settings)?;
    let url = settings.gateways.aws_endpoint_url.trim();
    let aws = AwsSettings {
        regions: (reach == Reach::Configured && !configured.is_empty()).then_some(configured),
        endpoint_url: (!url.is_empty()).then(|| url.to_owned()),
        ca_file: vendor_ca_file(settings),
    };
    let aws = Aws::connect(aws).await.map_err(|error| {
        Failure::usage(error.to_string()).hint(match error {
            NoAws::Credentials { profile: None, .. } => {
                "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE; nothing was created"
            }
            NoAws::Credentials { profile: Some(_), .. } => "look for that profile in ~/.aws; nothing was created",
            NoAws::Login { .. } => {
                "eval \"$(aws configure export-credentials --format env)\" gives them to it; nothing was created"
            }
            NoAws::CaFile(_) | NoAws::Setup(_) => "look at [tls] ca_file; nothing was created",
        })
    })?;
    Ok(Arc::new(aws))
}

/// Where gateways are to be: as configured, or every Region that is enabled.
pub async fn regions_of(settings: &Settings, gateways: &Gateways) -> Result<Vec<Region>, Failure> {
    let configured = regions(settings)?;
    if !configured.is_empty() {
        return Ok(configured);
    }
    let enabled =
        gateways.enabled_regions().await.map_err(|error| provider_failure("which Regions there are", &error))?;
    if enabled.is_empty() {
        return Err(Failure::usage("no AWS Region is enabled for these credentials; nothing was created")
            .hint("name Regions in [gateways] regions"));
    }
    Ok(enabled)
}

fn regions(settings: &Settings) -> Result<Vec<Region>, Failure> {
    let parsed = settings.gateways.regions.iter().map(|code| Region::parse(code));
    parsed.collect::<Result<_, _>>().map_err(|bad| Failure::usage(format!("gateways.regions: {bad}")))
}

/// The ledger in a store; without one, one that ends with this process.
#[must_use]
pub fn ledger(store: Option<Arc<dyn Store>>) -> Arc<dyn Ledger> {
    match store {
        Some(store) => Arc::new(StoredLedger::new(store as Arc<dyn GatewayRows>)),
        None => Arc::new(MemoryLedger::default()),
    }
}

/// How gateways behave under this configuration.
pub fn behaviour(settings: &Settings) -> Result<GatewaysSettings, Failure> {
    let owner = OwnerTag::parse(&settings.gateways.owner);
    let owner = owner.map_err(|bad| Failure::usage(format!("gateways.owner: {bad}")))?;
    Ok(GatewaysSettings { expected: regions(settings)?, ..GatewaysSettings::of(owner) })
}

/// The door.
#[must_use]
pub fn door(
    provider: Arc<dyn GatewayProvider>,
    ledger: Arc<dyn Ledger>,
    behaviour: GatewaysSettings,
    watcher: Arc<dyn Watcher>,
) -> Gateways {
    Gateways::new(provider, ledger, Arc::new(SystemClock), behaviour).watched_by(watcher)
}

/// What each gateway is to be: a route to every host of the vendors that are asked through gateways, and to the test's.
pub fn spec(settings: &Settings, plan: &VendorPlan) -> Result<GatewaySpec, Failure> {
    let routed = settings.gateways.routed();
    let simulated = settings.gateways.provider == "simulated";
    let real = !simulated && settings.gateways.aws_endpoint_url.is_empty();
    let routes_of = plan.routes.iter().filter(|route| routed.contains(&route.vendor));
    for url in routes_of.flat_map(|route| route.base_urls.values()) {
        if real && is_loopback(url) {
            return Err(Failure::usage(format!("gateways of AWS cannot reach {url}, which is this machine"))
                .hint("set gateways.provider to simulated for a simulated market"));
        }
        if simulated && !is_loopback(url) {
            return Err(Failure::usage(format!("simulated gateways reach this machine alone, and not {url}"))
                .hint("set gateways.provider to aws, or name a simulated market with --market"));
        }
    }
    let mut routes = Vec::new();
    for route in plan.routes.iter().filter(|route| routed.contains(&route.vendor)) {
        routes.extend(route.base_urls.iter().map(|(key, url)| (route_name(route.vendor, key), url)));
    }
    if !settings.gateways.test_url.is_empty() {
        routes.push((TEST_ROUTE.to_owned(), &settings.gateways.test_url));
    }
    let routes = routes.iter().map(|(name, origin)| Route::new(name, origin)).collect::<Result<Vec<_>, _>>();
    let spec = routes.and_then(GatewaySpec::new);
    spec.map_err(|bad| Failure::usage(format!("a gateway cannot lead there: {bad}")))
}

/// What credentials are told that may not.
const MAY_NOT: &str = "look at the credentials and at deploy/aws/gateways-policy.json";

/// 256 bits nobody can guess.
pub fn entropy() -> Result<Entropy, Failure> {
    let mut bits = [0; 32];
    let random = rustls::crypto::ring::default_provider().secure_random;
    random.fill(&mut bits).map_err(|_| Failure::broken("the system gives no random numbers"))?;
    Ok(Entropy(bits))
}

/// Names of endpoints in the order of their Regions: `us-east-1`, `us-east-1/2`.
#[must_use]
pub fn names<'a>(regions: impl Iterator<Item = &'a Region>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let (mut last, mut n) = (None, 0);
    for region in regions {
        n = if last == Some(region) { n + 1 } else { 1 };
        last = Some(region);
        names.push(if n == 1 { region.to_string() } else { format!("{region}/{n}") });
    }
    names
}

/// What the names will be, before anything is there; none where every Region that is enabled is wanted: AWS is not asked.
pub fn expected_names(settings: &Settings) -> Result<Vec<String>, Failure> {
    let regions = match regions(settings)? {
        none if none.is_empty() && settings.gateways.provider == "simulated" => everywhere(),
        named => named,
    };
    let each = usize::try_from(settings.gateways.per_region).unwrap_or(1);
    Ok(names(regions.iter().flat_map(|region| std::iter::repeat_n(region, each))))
}

/// Why no gateways are up, as a person is told.
#[must_use]
pub fn up_failure(error: &UpError) -> Failure {
    match error {
        UpError::Account(cause) => provider_failure("whose credentials these are", cause),
        UpError::TooFew { failed, undo, .. } => {
            let left = match undo {
                Ok(report) if report.is_complete() => "nothing is left of them".to_owned(),
                Ok(_) | Err(_) => "something may be left of them: `optionfleet cleanup --yes` deletes it".to_owned(),
            };
            // Why was told of each Region when it failed; here once more, in case nobody read it.
            let first = failed.first().map(|(region, error)| format!(" ({region}: {})", chain(error)));
            let text = format!("{error}{}; {left}", first.unwrap_or_default());
            match failed.iter().all(|(_, error)| is_denied(error)) {
                true => Failure::usage(text).hint(MAY_NOT),
                false => Failure::broken(text),
            }
        }
        UpError::Ledger(_) | UpError::SpecDiffers { .. } | UpError::NotWanted(_) | UpError::Held(_) => {
            Failure::broken(chain(error))
        }
    }
}

fn is_denied(error: &fleet_gateways::call::ActError) -> bool {
    use fleet_gateways::call::ActError;
    match error {
        ActError::Provider { cause, .. } => {
            matches!(cause, ProviderError::Denied(_) | ProviderError::RegionDisabled(_))
        }
        ActError::NotBegun => true,
        ActError::Ledger(_) => false,
    }
}

/// Why gateways could not be looked at or deleted.
#[must_use]
pub fn reconcile_failure(error: &ReconcileError) -> Failure {
    match error {
        ReconcileError::Provider(what, cause) => provider_failure(what, cause),
        ReconcileError::Ledger(_) => Failure::broken(chain(error)),
    }
}

fn provider_failure(what: &str, cause: &ProviderError) -> Failure {
    let text = format!("AWS does not say {what}: {cause}");
    match cause {
        ProviderError::Denied(_) => Failure::usage(text).hint(MAY_NOT),
        ProviderError::Unknown(_) => {
            Failure::broken(text).hint("look at the network, and at proxies between here and AWS")
        }
        _ => Failure::broken(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::vendor_plan;

    #[test]
    fn every_host_of_a_routed_vendor_has_a_route() {
        let mut settings = Settings::default();
        let names = |settings: &Settings| {
            let spec = spec(settings, &vendor_plan(settings)).unwrap();
            spec.routes().iter().map(|route| route.name().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(names(&settings), ["cboe.base", "finviz.base", "test.base", "yahoo.cookie", "yahoo.query"]);
        settings.gateways.vendors = vec!["cboe".to_owned()];
        settings.gateways.test_url = String::new();
        assert_eq!(names(&settings), ["cboe.base"]);
    }

    #[test]
    fn each_kind_of_gateways_is_refused_what_it_cannot_reach() {
        let mut settings = Settings::default();
        settings.gateways.provider = "simulated".to_owned();
        let refused = spec(&settings, &vendor_plan(&settings)).unwrap_err();
        assert!(refused.text().contains("reach this machine alone"), "{}", refused.text());
        let mut plan = vendor_plan(&settings);
        for url in plan.routes.iter_mut().flat_map(|route| route.base_urls.values_mut()) {
            *url = "http://127.0.0.1:8080/x".to_owned();
        }
        settings.gateways.test_url = String::new();
        assert!(spec(&settings, &plan).is_ok());
        settings.gateways.provider = "aws".to_owned();
        let refused = spec(&settings, &plan).unwrap_err();
        assert!(refused.text().contains("gateways of AWS cannot reach"), "{}", refused.text());
    }

    #[test]
    fn several_gateways_of_a_region_are_numbered() {
        let mut settings = Settings::default();
        settings.gateways.regions = vec!["us-east-1".to_owned(), "eu-west-1".to_owned()];
        settings.gateways.per_region = 2;
        assert_eq!(expected_names(&settings).unwrap(), ["us-east-1", "us-east-1/2", "eu-west-1", "eu-west-1/2"]);
    }

    #[test]
    fn no_two_draws_are_alike() {
        assert_ne!(entropy().unwrap().0, entropy().unwrap().0);
    }
}
