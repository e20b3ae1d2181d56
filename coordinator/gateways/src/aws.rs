//! AWS' API Gateway as a provider: translation, and the only file that names the SDK.
//!
//! The SDK tries nothing again: it would repeat a creation whose answer was lost, and it passes over Retry-After. What is
//! safe to repeat [`crate::call`] repeats. The SDK has no pace either; ours is [`crate::pace`].
//!
//! Which Regions are enabled is asked of each Region itself (a disabled one does not recognise the credentials), not of
//! EC2: its SDK alone compiles longer than everything else here.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_apigateway::Client;
use aws_sdk_apigateway::config::http::HttpResponse;
use aws_sdk_apigateway::config::{ProvideCredentials as _, StalledStreamProtectionConfig};
use aws_sdk_apigateway::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_apigateway::primitives::{Blob, DateTime};
use aws_sdk_apigateway::types::{ApiStage, EndpointConfiguration, EndpointType, Op, PatchOperation, PutMode};
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{Provider as TlsProvider, TlsContext, TrustStore, rustls_provider::CryptoMode};
use aws_smithy_http_client::{Builder as HttpBuilder, Connector};
use futures::future::join_all;
use jiff::Timestamp;

use crate::openapi::ApiBody;
use crate::provider::{Conflict, GatewayProvider, Page, ProviderError};
use crate::quota::PAGE;
use crate::region::{AccountId, KNOWN, Region};
use crate::resource::{ApiKeyValue, AttachedStage, Resource, ResourceId, ResourceKind, ResourceRef, StageName, Tags};
use crate::said::said;
use crate::trust::{BadCaFile, trusted};

/// A connection is there after this, or the attempt has failed. (A whole call's limit is [`crate::Settings::call_limit`].)
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// A Region says whether it is enabled within this, or is taken for enabled: one that accepts a connection and then hangs
/// must not hold up what is to be deleted in the others. (All of them are asked at once, within one call's limit.)
const ENABLED_LIMIT: Duration = Duration::from_secs(5);

/// How AWS is reached.
#[derive(Debug, Clone, Default)]
pub struct AwsSettings {
    /// Regions to look at; `None`: all there are, less those that are not enabled.
    pub regions: Option<Vec<Region>>,
    /// Another address of the API than AWS' own: an emulator's, without a slash at the end.
    pub endpoint_url: Option<String>,
    /// A PEM file whose certificates are trusted too.
    pub ca_file: Option<PathBuf>,
}

/// Why there is no AWS to work with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoAws {
    /// Nothing says whose calls these are.
    #[error("there are no AWS credentials{}: {cause}", of_profile(.profile.as_deref()))]
    Credentials {
        /// The profile that was asked for, if one was.
        profile: Option<String>,
        /// What was found instead.
        cause: String,
    },
    /// A person has to log in, with AWS' own tool.
    #[error("the AWS credentials{} come from a login in a browser, which this program does not do itself", of_profile(.profile.as_deref()))]
    Login {
        /// The profile.
        profile: Option<String>,
    },
    /// Nothing says whom to trust.
    #[error(transparent)]
    CaFile(#[from] BadCaFile),
    /// The client could not be set up.
    #[error("the AWS client cannot be set up: {0}")]
    Setup(String),
}

fn of_profile(profile: Option<&str>) -> String {
    profile.map(|name| format!(" of profile `{}`", name.escape_debug())).unwrap_or_default()
}

impl NoAws {
    /// What the SDK says of credentials, in words for people.
    fn of(said: String, profile: Option<String>) -> Self {
        match said.as_str() {
            // Single sign-on and `aws login`: parts of the SDK that are not compiled in.
            text if text.contains("cargo feature") => Self::Login { profile },
            text if text.contains("no providers in chain provided credentials") => {
                Self::Credentials { profile, cause: "none are set, in no place where AWS' own tools look".to_owned() }
            }
            _ => Self::Credentials { profile, cause: said },
        }
    }
}

/// API Gateway of one account.
pub struct Aws {
    config: SdkConfig,
    settings: AwsSettings,
    clients: Mutex<BTreeMap<Region, Client>>,
}

impl fmt::Debug for Aws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Aws").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Aws {
    /// Finds credentials where AWS' own tools look: environment, `~/.aws` (keys, roles, a process), web identity,
    /// container, machine. Not those of a login in a browser. Calls nothing of API Gateway.
    pub async fn connect(settings: AwsSettings) -> Result<Self, NoAws> {
        let at_home = settings.endpoint_url.is_some();
        let trusted = TrustStore::empty().with_pem_certificate(trusted(settings.ca_file.as_deref())?);
        let tls = TlsContext::builder().with_trust_store(trusted).build();
        let tls = tls.map_err(|error| NoAws::Setup(said(&error)))?;
        let http = HttpBuilder::new().build_with_connector_fn(move |settings, components| {
            let mut builder = Connector::builder();
            builder.set_connector_settings(settings.cloned());
            if let Some(components) = components {
                builder.set_sleep_impl(components.sleep_impl());
            }
            // An emulator is on this machine or beside it.
            let proxy = if at_home { ProxyConfig::disabled() } else { ProxyConfig::from_env() };
            builder
                .proxy_config(proxy)
                .tls_provider(TlsProvider::Rustls(CryptoMode::Ring))
                .tls_context(tls.clone())
                .build()
        });
        let home = home_of(settings.regions.iter().flatten().next());
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http)
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::builder().connect_timeout(CONNECT_LIMIT).build())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .region(aws_sdk_apigateway::config::Region::new(home.to_owned()));
        if let Some(url) = &settings.endpoint_url {
            loader = loader.endpoint_url(url);
        }
        let config = loader.load().await;
        let provider = config.credentials_provider();
        let profile = std::env::var("AWS_PROFILE").ok().filter(|name| !name.is_empty());
        let none = || NoAws::Credentials { profile: profile.clone(), cause: "none are configured".to_owned() };
        let found = provider.ok_or_else(none)?.provide_credentials().await;
        found.map_err(|error| NoAws::of(said(&error), profile.clone()))?;
        Ok(Self { config, settings, clients: Mutex::default() })
    }

    fn client(&self, region: &Region) -> Client {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let made = || {
            let there = aws_sdk_apigateway::config::Region::new(region.as_str().to_owned());
            Client::new(&self.config.to_builder().region(there).build())
        };
        clients.entry(region.clone()).or_insert_with(made).clone()
    }

    /// The Regions that gateways are looked for in, enabled or not.
    fn candidates(&self) -> Vec<Region> {
        match &self.settings.regions {
            Some(regions) => regions.clone(),
            None => KNOWN.iter().filter_map(|code| Region::parse(code).ok()).collect(),
        }
    }
}

/// A Region of AWS' partition, named as in names, and its home: the Region that every account of it has.
const fn partition_of(code: &str) -> (&'static str, &'static str) {
    match code.as_bytes() {
        [b'c', b'n', b'-', ..] => ("aws-cn", "cn-north-1"),
        [b'u', b's', b'-', b'g', b'o', b'v', b'-', ..] => ("aws-us-gov", "us-gov-west-1"),
        _ => ("aws", "us-east-1"),
    }
}

/// Where the account is asked for: not in a configured Region, which may be one the account has not opted into.
fn home_of(configured: Option<&Region>) -> &'static str {
    partition_of(configured.map_or("", Region::as_str)).1
}

/// Those of these Regions that are not known to be disabled.
async fn enabled_among<F>(regions: Vec<Region>, ask: impl Fn(Region) -> F) -> Vec<Region>
where
    F: Future<Output = Result<(), ProviderError>>,
{
    let asked = join_all(regions.iter().map(|region| tokio::time::timeout(ENABLED_LIMIT, ask(region.clone())))).await;
    let enabled = |(region, answer)| match answer {
        Ok(Err(ProviderError::RegionDisabled(_))) => None,
        // Whatever else it says, or does not say, will be met, and told, where it is looked through.
        Ok(Ok(()) | Err(_)) | Err(_) => Some(region),
    };
    regions.into_iter().zip(asked).filter_map(enabled).collect()
}

/// The name of a thing among all of AWS.
fn arn(resource: &ResourceRef) -> String {
    let (partition, _) = partition_of(resource.region.as_str());
    let path = match resource.kind {
        ResourceKind::RestApi => "restapis",
        ResourceKind::UsagePlan => "usageplans",
        ResourceKind::ApiKey => "apikeys",
    };
    format!("arn:{partition}:apigateway:{}::/{path}/{}", resource.region, resource.id)
}

/// What an error says is known.
fn known<E>(region: &Region, error: &SdkError<E, HttpResponse>) -> ProviderError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let SdkError::ServiceError(answer) = error else {
        // Not sent, or no answer that can be read: nobody knows. What cannot be sent at all is told each time.
        return match error {
            SdkError::ConstructionFailure(_) => ProviderError::BadRequest(said(&error)),
            _ => ProviderError::Unknown(said(&error)),
        };
    };
    let (status, code) = (answer.raw().status().as_u16(), answer.err().code().unwrap_or_default());
    let message = answer.err().message().unwrap_or(code).to_owned();
    let retry_after = answer.raw().headers().get("retry-after").and_then(|seconds| seconds.trim().parse().ok());
    let retry_after = retry_after.map(Duration::from_secs);
    let says = |words: &str| message.to_lowercase().contains(words);
    match code {
        "TooManyRequestsException" | "ThrottlingException" | "Throttling" => ProviderError::Throttled { retry_after },
        // The same word for a rate and for a number; only a rate passes by waiting.
        "LimitExceededException" if retry_after.is_some() => ProviderError::Throttled { retry_after },
        "LimitExceededException" => ProviderError::LimitReached(message),
        "UnrecognizedClientException" | "OptInRequired" => ProviderError::RegionDisabled(region.clone()),
        "UnauthorizedException"
        | "AccessDeniedException"
        | "AccessDenied"
        | "InvalidClientTokenId"
        | "InvalidSignatureException"
        | "SignatureDoesNotMatch"
        | "IncompleteSignature"
        | "MissingAuthenticationTokenException"
        | "ExpiredToken"
        | "ExpiredTokenException" => ProviderError::Denied(message),
        "NotFoundException" => ProviderError::NotFound(message),
        _ if says("api stages associated") => ProviderError::Conflict(Conflict::StagesAttached),
        "ConflictException" if says("already") => ProviderError::Conflict(Conflict::AlreadyExists),
        "ConflictException" => ProviderError::Conflict(Conflict::Busy),
        "BadRequestException" if says("already exists") => ProviderError::Conflict(Conflict::AlreadyExists),
        "BadRequestException" if says("api stage not found") || says("invalid api identifier") => {
            ProviderError::NotFound(message)
        }
        _ if status == 429 => ProviderError::Throttled { retry_after },
        _ if status == 404 => ProviderError::NotFound(message),
        _ if status >= 500 => ProviderError::Unknown(format!("{status}: {message}")),
        _ => ProviderError::BadRequest(format!("{code}: {message}")),
    }
}

/// An answer that lacks what the API's reference says it has.
fn incomplete(what: &str) -> ProviderError {
    ProviderError::Unknown(format!("AWS answered without {what}"))
}

fn made(id: Option<&str>) -> Result<ResourceId, ProviderError> {
    id.map(|id| ResourceId(id.to_owned())).ok_or_else(|| incomplete("an id"))
}

/// A thing as an answer describes it.
struct Described<'a> {
    id: Option<&'a str>,
    name: Option<&'a str>,
    created: Option<&'a DateTime>,
    tags: Option<&'a HashMap<String, String>>,
    stages: &'a [ApiStage],
}

impl Described<'_> {
    fn at(&self, region: &Region, kind: ResourceKind) -> Result<Resource, ProviderError> {
        let at = ResourceRef { region: region.clone(), kind, id: made(self.id)? };
        let stage = |stage: &ApiStage| {
            let (api, name) = (stage.api_id()?, stage.stage()?);
            Some(AttachedStage { api: ResourceId(api.to_owned()), stage: StageName(name.to_owned()) })
        };
        Ok(Resource {
            at,
            name: self.name.unwrap_or_default().to_owned(),
            created_at: self.created.and_then(|created| Timestamp::from_second(created.secs()).ok()),
            tags: self.tags.into_iter().flatten().map(|(key, value)| (key.clone(), value.clone())).collect(),
            stages: self.stages.iter().filter_map(stage).collect(),
        })
    }
}

/// The parts of an answer that describes a thing: an API's, a plan's or a key's.
macro_rules! described {
    ($thing:expr) => {
        Described { stages: &[], ..described!($thing, created $thing.created_date()) }
    };
    (plan $thing:expr) => {
        Described { stages: $thing.api_stages(), ..described!($thing, created None) }
    };
    ($thing:expr, created $created:expr) => {
        Described { id: $thing.id(), name: $thing.name(), created: $created, tags: $thing.tags(), stages: &[] }
    };
}

fn stage_of(stage: &AttachedStage) -> ApiStage {
    ApiStage::builder().api_id(&stage.api.0).stage(&stage.stage.0).build()
}

fn owned(tags: &Tags) -> Option<HashMap<String, String>> {
    Some(tags.iter().map(|(key, value)| (key.clone(), value.clone())).collect())
}

#[async_trait]
impl GatewayProvider for Aws {
    async fn account(&self) -> Result<AccountId, ProviderError> {
        let home = Region::parse(home_of(self.candidates().first()));
        let home = home.map_err(|error| ProviderError::BadRequest(error.to_string()))?;
        let answer = aws_sdk_sts::Client::new(&self.config).get_caller_identity().send().await;
        let answer = answer.map_err(|error| match known(&home, &error) {
            // Here it is the credentials themselves.
            ProviderError::RegionDisabled(_) => ProviderError::Denied("AWS does not know these credentials".to_owned()),
            other => other,
        })?;
        answer.account().map(|account| AccountId(account.to_owned())).ok_or_else(|| incomplete("an account"))
    }

    async fn enabled_regions(&self) -> Result<Vec<Region>, ProviderError> {
        let ask = |region: Region| async move {
            let answer = self.client(&region).get_rest_apis().limit(1).send().await;
            answer.map(drop).map_err(|error| known(&region, &error))
        };
        Ok(enabled_among(self.candidates(), ask).await)
    }

    async fn create_rest_api(&self, region: &Region, name: &str, tags: &Tags) -> Result<ResourceId, ProviderError> {
        let regional = EndpointConfiguration::builder().types(EndpointType::Regional).build();
        let call = self.client(region).create_rest_api().name(name).endpoint_configuration(regional);
        let answer = call.set_tags(owned(tags)).send().await.map_err(|error| known(region, &error))?;
        made(answer.id())
    }

    async fn put_rest_api(&self, region: &Region, api: &ResourceId, body: &ApiBody) -> Result<(), ProviderError> {
        let call = self.client(region).put_rest_api().rest_api_id(&api.0).mode(PutMode::Overwrite);
        let call = call.fail_on_warnings(true).body(Blob::new(body.as_bytes()));
        call.send().await.map(drop).map_err(|error| known(region, &error))
    }

    async fn create_deployment(
        &self,
        region: &Region,
        api: &ResourceId,
        stage: &StageName,
    ) -> Result<(), ProviderError> {
        let call = self.client(region).create_deployment().rest_api_id(&api.0).stage_name(&stage.0);
        call.send().await.map(drop).map_err(|error| known(region, &error))
    }

    async fn create_usage_plan(
        &self,
        region: &Region,
        name: &str,
        stages: &[AttachedStage],
        tags: &Tags,
    ) -> Result<ResourceId, ProviderError> {
        let stages = (!stages.is_empty()).then(|| stages.iter().map(stage_of).collect());
        let call = self.client(region).create_usage_plan().name(name).set_api_stages(stages).set_tags(owned(tags));
        let answer = call.send().await.map_err(|error| known(region, &error))?;
        made(answer.id())
    }

    async fn create_api_key(
        &self,
        region: &Region,
        name: &str,
        value: &ApiKeyValue,
        tags: &Tags,
    ) -> Result<ResourceId, ProviderError> {
        let call = self.client(region).create_api_key().name(name).enabled(true).value(value.reveal());
        let answer = call.set_tags(owned(tags)).send().await.map_err(|error| known(region, &error))?;
        made(answer.id())
    }

    async fn create_usage_plan_key(
        &self,
        region: &Region,
        plan: &ResourceId,
        key: &ResourceId,
    ) -> Result<(), ProviderError> {
        let call = self.client(region).create_usage_plan_key().usage_plan_id(&plan.0).key_id(&key.0);
        call.key_type("API_KEY").send().await.map(drop).map_err(|error| known(region, &error))
    }

    async fn detach_stage(
        &self,
        region: &Region,
        plan: &ResourceId,
        stage: &AttachedStage,
    ) -> Result<(), ProviderError> {
        let remove = PatchOperation::builder().op(Op::Remove).path("/apiStages");
        let remove = remove.value(format!("{}:{}", stage.api, stage.stage)).build();
        let call = self.client(region).update_usage_plan().usage_plan_id(&plan.0).patch_operations(remove);
        call.send().await.map(drop).map_err(|error| known(region, &error))
    }

    async fn tag(&self, resource: &ResourceRef, tags: &Tags) -> Result<(), ProviderError> {
        let region = &resource.region;
        let call = self.client(region).tag_resource().resource_arn(arn(resource)).set_tags(owned(tags));
        call.send().await.map(drop).map_err(|error| known(region, &error))
    }

    async fn get(&self, resource: &ResourceRef) -> Result<Resource, ProviderError> {
        let (region, kind, id) = (&resource.region, resource.kind, &resource.id.0);
        let client = self.client(region);
        match kind {
            ResourceKind::RestApi => {
                let found = client.get_rest_api().rest_api_id(id).send().await;
                let found = found.map_err(|error| known(region, &error))?;
                described!(found).at(region, kind)
            }
            ResourceKind::UsagePlan => {
                let found = client.get_usage_plan().usage_plan_id(id).send().await;
                let found = found.map_err(|error| known(region, &error))?;
                described!(plan found).at(region, kind)
            }
            ResourceKind::ApiKey => {
                let found = client.get_api_key().api_key(id).include_value(false).send().await;
                let found = found.map_err(|error| known(region, &error))?;
                described!(found).at(region, kind)
            }
        }
    }

    async fn list(&self, region: &Region, kind: ResourceKind, position: Option<&str>) -> Result<Page, ProviderError> {
        let (client, position) = (self.client(region), position.map(str::to_owned));
        let limit = i32::try_from(PAGE).unwrap_or(i32::MAX);
        let (items, next): (Result<Vec<Resource>, ProviderError>, Option<String>) = match kind {
            ResourceKind::RestApi => {
                let page = client.get_rest_apis().limit(limit).set_position(position).send().await;
                let page = page.map_err(|error| known(region, &error))?;
                let items = page.items().iter().map(|api| described!(api).at(region, kind)).collect();
                (items, page.position().map(str::to_owned))
            }
            ResourceKind::UsagePlan => {
                let page = client.get_usage_plans().limit(limit).set_position(position).send().await;
                let page = page.map_err(|error| known(region, &error))?;
                let items = page.items().iter().map(|one| described!(plan one).at(region, kind)).collect();
                (items, page.position().map(str::to_owned))
            }
            ResourceKind::ApiKey => {
                let page = client.get_api_keys().limit(limit).set_position(position).include_values(false).send().await;
                let page = page.map_err(|error| known(region, &error))?;
                let items = page.items().iter().map(|key| described!(key).at(region, kind)).collect();
                (items, page.position().map(str::to_owned))
            }
        };
        Ok(Page { items: items?, next: next.filter(|next| !next.is_empty()) })
    }

    async fn delete_stage(&self, region: &Region, api: &ResourceId, stage: &StageName) -> Result<(), ProviderError> {
        let call = self.client(region).delete_stage().rest_api_id(&api.0).stage_name(&stage.0);
        call.send().await.map(drop).map_err(|error| known(region, &error))
    }

    async fn delete(&self, resource: &ResourceRef) -> Result<(), ProviderError> {
        let (region, id) = (&resource.region, &resource.id.0);
        let client = self.client(region);
        match resource.kind {
            ResourceKind::RestApi => {
                client.delete_rest_api().rest_api_id(id).send().await.map(drop).map_err(|error| known(region, &error))
            }
            ResourceKind::UsagePlan => {
                let call = client.delete_usage_plan().usage_plan_id(id);
                call.send().await.map(drop).map_err(|error| known(region, &error))
            }
            ResourceKind::ApiKey => {
                client.delete_api_key().api_key(id).send().await.map(drop).map_err(|error| known(region, &error))
            }
        }
    }

    fn invoke_url(&self, region: &Region, api: &ResourceId, stage: &StageName) -> String {
        let suffix = if region.as_str().starts_with("cn-") { ".cn" } else { "" };
        match &self.settings.endpoint_url {
            // As LocalStack serves it.
            Some(endpoint) => format!("{}/_aws/execute-api/{api}/{stage}", endpoint.trim_end_matches('/')),
            None => format!("https://{api}.execute-api.{region}.amazonaws.com{suffix}/{stage}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_have_their_names_in_every_partition() {
        let name = |region: &str, kind| {
            arn(&ResourceRef { region: Region::parse(region).unwrap(), kind, id: ResourceId("a1".to_owned()) })
        };
        assert_eq!(name("us-east-1", ResourceKind::RestApi), "arn:aws:apigateway:us-east-1::/restapis/a1");
        assert_eq!(name("cn-north-1", ResourceKind::UsagePlan), "arn:aws-cn:apigateway:cn-north-1::/usageplans/a1");
        assert_eq!(name("us-gov-west-1", ResourceKind::ApiKey), "arn:aws-us-gov:apigateway:us-gov-west-1::/apikeys/a1");
    }

    #[test]
    fn the_account_is_asked_for_where_every_account_is_known() {
        for (configured, home) in [
            (None, "us-east-1"),
            (Some("ap-east-1"), "us-east-1"),
            (Some("eu-central-2"), "us-east-1"),
            (Some("cn-northwest-1"), "cn-north-1"),
            (Some("us-gov-east-1"), "us-gov-west-1"),
        ] {
            let configured = configured.map(|code| Region::parse(code).unwrap());
            assert_eq!(home_of(configured.as_ref()), home, "{configured:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_region_that_hangs_is_looked_at_and_holds_up_no_other() {
        let codes = ["us-east-1", "ap-east-1", "eu-west-1", "us-west-2"];
        let regions = codes.map(|code| Region::parse(code).unwrap()).to_vec();
        let began = tokio::time::Instant::now();
        let enabled = enabled_among(regions, |region| async move {
            match region.as_str() {
                "us-east-1" => std::future::pending().await,
                "ap-east-1" => Err(ProviderError::RegionDisabled(region)),
                "eu-west-1" => Err(ProviderError::Unknown("503".to_owned())),
                _ => Ok(()),
            }
        })
        .await;
        assert_eq!(enabled.iter().map(Region::as_str).collect::<Vec<_>>(), ["us-east-1", "eu-west-1", "us-west-2"]);
        // Within one call's limit, so that the question itself is answered.
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    }

    #[test]
    fn missing_credentials_are_said_in_words() {
        let of = |text: &str, profile: Option<&str>| NoAws::of(text.to_owned(), profile.map(str::to_owned)).to_string();
        let nowhere = "the credential provider was not enabled: no providers in chain provided credentials";
        let none = "none are set, in no place where AWS' own tools look";
        assert_eq!(of(nowhere, None), format!("there are no AWS credentials: {none}"));
        assert_eq!(of(nowhere, Some("desk")), format!("there are no AWS credentials of profile `desk`: {none}"));
        let sso = "This behavior requires following cargo feature(s) enabled: sso.";
        let login = "come from a login in a browser, which this program does not do itself";
        assert_eq!(of(sso, Some("desk")), format!("the AWS credentials of profile `desk` {login}"));
        assert_eq!(of("expired", None), "there are no AWS credentials: expired");
    }
}
