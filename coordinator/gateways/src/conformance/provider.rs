//! The promises of a gateway provider.
//!
//! Each function works in one Region with names and an owner tag of its fixture's, next to whatever is there. Throttled
//! calls are repeated as the answer asks; lists and refusals get the fixture's time to become true. What a promise
//! creates it does not always delete: a fixture on a real account deletes by its owner tag afterwards.

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{Kept, ensure, ensure_eq};
use crate::openapi;
use crate::provider::{Conflict, GatewayProvider, ProviderError};
use crate::region::Region;
use crate::resource::{ApiKeyValue, AttachedStage, Resource, ResourceId, ResourceKind, ResourceRef, StageName, Tags};
use crate::spec::{GatewaySpec, Route};
use crate::tags;

/// A provider under test.
pub trait ProviderFixture: Send + Sync {
    /// The provider.
    fn provider(&self) -> &dyn GatewayProvider;

    /// An enabled Region to work in.
    fn region(&self) -> Region;

    /// A Region that is not enabled.
    fn disabled_region(&self) -> Region;

    /// An owner tag nobody else uses.
    fn owner(&self) -> &str;

    /// How late lists, and the ends of attachments, may be.
    fn lag(&self) -> Duration;
}

/// Calls a macro with the name of every promise of a gateway provider.
#[macro_export]
macro_rules! provider_promises {
    ($each:ident) => {
        $each! {
            it_knows_its_account_and_its_regions
            what_is_created_is_described_with_its_name_and_tags
            what_is_created_is_listed_with_its_tags
            lists_are_complete_over_all_pages
            every_create_makes_another_thing
            what_is_deleted_is_gone_and_cannot_be_deleted_twice
            what_is_not_there_is_not_found
            describing_an_api_may_be_repeated_and_keeps_its_tags
            an_empty_api_cannot_be_deployed
            deploying_may_be_repeated
            a_plan_needs_its_stages
            a_plan_tells_its_stages
            a_plan_cannot_be_deleted_while_an_api_is_attached
            a_plan_can_be_deleted_once_its_stage_is
            a_plan_can_be_deleted_once_its_stage_is_detached
            a_key_value_is_there_once
            a_key_joins_a_plan_once
            tags_are_added_and_replaced_and_others_stay
            a_disabled_region_is_refused
            an_endpoint_names_its_api_and_stage
        }
    };
}

/// A 429 is repeated this often.
const TURNS: u32 = 20;

/// Makes a call, again as long as it is throttled.
async fn patiently<T, F>(act: impl Fn() -> F) -> Result<T, ProviderError>
where
    F: Future<Output = Result<T, ProviderError>>,
{
    for _ in 0..TURNS {
        match act().await {
            Err(ProviderError::Throttled { retry_after }) => {
                sleep(retry_after.unwrap_or(Duration::from_secs(1))).await;
            }
            answer => return answer,
        }
    }
    act().await
}

/// Asks again until the answer is as promised, for as long as the fixture may be late.
async fn eventually<F>(at: &dyn ProviderFixture, promise: impl Fn() -> F) -> Result<(), String>
where
    F: Future<Output = Result<(), String>>,
{
    let until = Instant::now() + at.lag();
    loop {
        match promise().await {
            Ok(()) => return Ok(()),
            Err(broken) if Instant::now() > until => return Err(broken),
            Err(_) => sleep(Duration::from_millis(200)).await,
        }
    }
}

fn tags_of(at: &dyn ProviderFixture) -> Tags {
    Tags::from([(tags::OWNER.to_owned(), at.owner().to_owned()), ("purpose".to_owned(), "conformance".to_owned())])
}

fn reference(at: &dyn ProviderFixture, kind: ResourceKind, id: &ResourceId) -> ResourceRef {
    ResourceRef { region: at.region(), kind, id: id.clone() }
}

fn key_value(at: &dyn ProviderFixture, name: &str) -> ApiKeyValue {
    ApiKeyValue::new(format!("{}-{name}-0123456789abcdef", at.owner()))
}

async fn api(at: &dyn ProviderFixture, name: &str) -> Result<ResourceId, String> {
    let (region, tags) = (at.region(), tags_of(at));
    patiently(|| at.provider().create_rest_api(&region, name, &tags)).await.kept("creating an API")
}

async fn key(at: &dyn ProviderFixture, name: &str) -> Result<ResourceId, String> {
    let (region, tags, value) = (at.region(), tags_of(at), key_value(at, name));
    patiently(|| at.provider().create_api_key(&region, name, &value, &tags)).await.kept("creating a key")
}

fn body() -> Result<openapi::ApiBody, String> {
    let route = Route::new("cboe", "https://cdn.cboe.com").kept("naming a route")?;
    Ok(openapi::body(&GatewaySpec::new(vec![route]).kept("specifying")?))
}

async fn deployed(at: &dyn ProviderFixture, name: &str) -> Result<ResourceId, String> {
    let (api, region, body, stage) = (api(at, name).await?, at.region(), body()?, StageName::ours());
    patiently(|| at.provider().put_rest_api(&region, &api, &body)).await.kept("describing an API")?;
    patiently(|| at.provider().create_deployment(&region, &api, &stage)).await.kept("deploying")?;
    Ok(api)
}

fn stage_of(api: &ResourceId) -> AttachedStage {
    AttachedStage { api: api.clone(), stage: StageName::ours() }
}

async fn plan(at: &dyn ProviderFixture, name: &str, apis: &[ResourceId]) -> Result<ResourceId, String> {
    let (region, tags) = (at.region(), tags_of(at));
    let stages: Vec<AttachedStage> = apis.iter().map(stage_of).collect();
    patiently(|| at.provider().create_usage_plan(&region, name, &stages, &tags)).await.kept("creating a plan")
}

async fn get(at: &dyn ProviderFixture, resource: &ResourceRef) -> Result<Resource, ProviderError> {
    patiently(|| at.provider().get(resource)).await
}

async fn delete(at: &dyn ProviderFixture, resource: &ResourceRef) -> Result<(), ProviderError> {
    patiently(|| at.provider().delete(resource)).await
}

async fn list(at: &dyn ProviderFixture, kind: ResourceKind) -> Result<Vec<Resource>, String> {
    let region = at.region();
    let (mut all, mut position) = (Vec::new(), None);
    loop {
        let page = patiently(|| at.provider().list(&region, kind, position.as_deref())).await.kept("listing")?;
        all.extend(page.items);
        match page.next {
            Some(next) => position = Some(next),
            None => return Ok(all),
        }
    }
}

/// The account is the same each time, and the Region to work in is enabled.
pub async fn it_knows_its_account_and_its_regions(at: &dyn ProviderFixture) -> Result<(), String> {
    let account = at.provider().account().await.kept("asking for the account")?;
    ensure!(!account.0.is_empty(), "the account has no name");
    ensure_eq!(at.provider().account().await.kept("asking again")?, account, "the account");
    let enabled = at.provider().enabled_regions().await.kept("asking for the Regions")?;
    ensure!(enabled.contains(&at.region()), "{} is not among the enabled Regions", at.region());
    ensure!(!enabled.contains(&at.disabled_region()), "{} is among the enabled Regions", at.disabled_region());
    Ok(())
}

/// One thing of each kind, and what `get` says of it.
pub async fn what_is_created_is_described_with_its_name_and_tags(at: &dyn ProviderFixture) -> Result<(), String> {
    let api = deployed(at, "described-api").await?;
    let made = [
        (ResourceKind::UsagePlan, plan(at, "described-plan", std::slice::from_ref(&api)).await?, "described-plan"),
        (ResourceKind::ApiKey, key(at, "described-key").await?, "described-key"),
        (ResourceKind::RestApi, api, "described-api"),
    ];
    for (kind, id, name) in made {
        let resource = reference(at, kind, &id);
        let found = get(at, &resource).await.kept("describing what was created")?;
        ensure_eq!(found.at, resource, "what is described");
        // An API's name may be overwritten by its description.
        ensure!(kind == ResourceKind::RestApi || found.name == name, "the {kind} is called {}", found.name);
        ensure_eq!(found.tags.get(tags::OWNER).map(String::as_str), Some(at.owner()), "the owner tag of the {kind}");
        ensure_eq!(found.tags.get("purpose").map(String::as_str), Some("conformance"), "another tag of the {kind}");
    }
    Ok(())
}

/// Lists show it, with its tags, in time.
pub async fn what_is_created_is_listed_with_its_tags(at: &dyn ProviderFixture) -> Result<(), String> {
    let made = [(ResourceKind::RestApi, api(at, "listed").await?), (ResourceKind::ApiKey, key(at, "listed").await?)];
    for (kind, id) in made {
        let shown = || async {
            let all = list(at, kind).await?;
            let found = all.iter().find(|resource| resource.at.id == id);
            let found = found.ok_or_else(|| format!("the {kind} {id} is not listed"))?;
            ensure_eq!(found.tags.get(tags::OWNER).map(String::as_str), Some(at.owner()), "its owner tag in the list");
            ensure_eq!(found.at, reference(at, kind, &id), "how the list names it");
            Ok(())
        };
        eventually(at, shown).await?;
    }
    Ok(())
}

/// Pages add up to everything, each thing once.
pub async fn lists_are_complete_over_all_pages(at: &dyn ProviderFixture) -> Result<(), String> {
    let mut made = Vec::new();
    for n in 0..7 {
        made.push(key(at, &format!("paged-{n}")).await?);
    }
    let shown = || async {
        let all = list(at, ResourceKind::ApiKey).await?;
        for id in &made {
            let times = all.iter().filter(|resource| resource.at.id == *id).count();
            ensure_eq!(times, 1, "how often the key {id} is listed");
        }
        Ok(())
    };
    eventually(at, shown).await
}

/// Names are not unique: two creates of one name are two things.
pub async fn every_create_makes_another_thing(at: &dyn ProviderFixture) -> Result<(), String> {
    let (one, other) = (api(at, "same").await?, api(at, "same").await?);
    ensure!(one != other, "two APIs have the id {one}");
    for id in [one, other] {
        get(at, &reference(at, ResourceKind::RestApi, &id)).await.kept("describing one of two")?;
    }
    Ok(())
}

/// Deleting works once.
pub async fn what_is_deleted_is_gone_and_cannot_be_deleted_twice(at: &dyn ProviderFixture) -> Result<(), String> {
    let key = reference(at, ResourceKind::ApiKey, &key(at, "deleted").await?);
    let api = reference(at, ResourceKind::RestApi, &api(at, "deleted").await?);
    for resource in [key, api] {
        delete(at, &resource).await.kept("deleting")?;
        let again = delete(at, &resource).await;
        ensure!(matches!(again, Err(ProviderError::NotFound(_))), "deleting it twice gave {again:?}");
        let found = get(at, &resource).await;
        ensure!(matches!(found, Err(ProviderError::NotFound(_))), "what was deleted is described: {found:?}");
        let unlisted = || async {
            let all = list(at, resource.kind).await?;
            ensure!(all.iter().all(|listed| listed.at != resource), "{resource} was deleted and is listed");
            Ok(())
        };
        eventually(at, unlisted).await?;
    }
    Ok(())
}

/// Whatever is done to a thing that is not there is not found.
pub async fn what_is_not_there_is_not_found(at: &dyn ProviderFixture) -> Result<(), String> {
    let (region, nothing) = (at.region(), ResourceId("0nothing00".to_owned()));
    let (stage, body) = (StageName::ours(), body()?);
    let mut answers = Vec::new();
    for kind in ResourceKind::ALL {
        answers.push((kind.word(), delete(at, &reference(at, kind, &nothing)).await));
    }
    answers.push(("put", patiently(|| at.provider().put_rest_api(&region, &nothing, &body)).await));
    answers.push(("deploy", patiently(|| at.provider().create_deployment(&region, &nothing, &stage)).await));
    answers.push(("stage", patiently(|| at.provider().delete_stage(&region, &nothing, &stage)).await));
    answers.push(("join", patiently(|| at.provider().create_usage_plan_key(&region, &nothing, &nothing)).await));
    let attached = stage_of(&nothing);
    answers.push(("detach", patiently(|| at.provider().detach_stage(&region, &nothing, &attached)).await));
    for (act, answer) in answers {
        ensure!(matches!(answer, Err(ProviderError::NotFound(_))), "{act} of nothing gave {answer:?}");
    }
    Ok(())
}

/// Putting twice is as putting once, and tags stay.
pub async fn describing_an_api_may_be_repeated_and_keeps_its_tags(at: &dyn ProviderFixture) -> Result<(), String> {
    let (api, region, body) = (api(at, "described-twice").await?, at.region(), body()?);
    for _ in 0..2 {
        patiently(|| at.provider().put_rest_api(&region, &api, &body)).await.kept("describing an API")?;
    }
    let found = get(at, &reference(at, ResourceKind::RestApi, &api)).await.kept("describing it")?;
    ensure_eq!(found.tags.get(tags::OWNER).map(String::as_str), Some(at.owner()), "its owner tag afterwards");
    Ok(())
}

/// What has no methods is not deployed.
pub async fn an_empty_api_cannot_be_deployed(at: &dyn ProviderFixture) -> Result<(), String> {
    let (api, region, stage) = (api(at, "empty").await?, at.region(), StageName::ours());
    let answer = patiently(|| at.provider().create_deployment(&region, &api, &stage)).await;
    ensure!(matches!(answer, Err(ProviderError::BadRequest(_))), "deploying an empty API gave {answer:?}");
    Ok(())
}

/// A second deployment replaces the first.
pub async fn deploying_may_be_repeated(at: &dyn ProviderFixture) -> Result<(), String> {
    let (api, region, stage) = (deployed(at, "deployed-twice").await?, at.region(), StageName::ours());
    patiently(|| at.provider().create_deployment(&region, &api, &stage)).await.kept("deploying again")
}

/// A plan over a stage that is not there is refused.
pub async fn a_plan_needs_its_stages(at: &dyn ProviderFixture) -> Result<(), String> {
    let (api, region, tags) = (api(at, "stageless").await?, at.region(), tags_of(at));
    let stages = [stage_of(&api)];
    let answer = patiently(|| at.provider().create_usage_plan(&region, "stageless", &stages, &tags)).await;
    ensure!(matches!(answer, Err(ProviderError::NotFound(_))), "a plan over no stage gave {answer:?}");
    Ok(())
}

/// Its description names what it covers.
pub async fn a_plan_tells_its_stages(at: &dyn ProviderFixture) -> Result<(), String> {
    let api = deployed(at, "covered").await?;
    let plan = plan(at, "covering", std::slice::from_ref(&api)).await?;
    let found = get(at, &reference(at, ResourceKind::UsagePlan, &plan)).await.kept("describing a plan")?;
    ensure_eq!(found.stages, vec![stage_of(&api)], "the stages of the plan");
    Ok(())
}

async fn refused(at: &dyn ProviderFixture, plan: &ResourceRef) -> Result<(), String> {
    let answer = delete(at, plan).await;
    let expected = Err(ProviderError::Conflict(Conflict::StagesAttached));
    ensure_eq!(answer, expected, "deleting a plan with a stage");
    Ok(())
}

async fn deletable(at: &dyn ProviderFixture, plan: &ResourceRef) -> Result<(), String> {
    eventually(at, || async { delete(at, plan).await.kept("deleting a plan without stages") }).await
}

/// "API Stages associated", until the API is deleted. A key in it does not matter.
pub async fn a_plan_cannot_be_deleted_while_an_api_is_attached(at: &dyn ProviderFixture) -> Result<(), String> {
    let api = deployed(at, "attached").await?;
    let plan = plan(at, "attached", std::slice::from_ref(&api)).await?;
    let (region, key) = (at.region(), key(at, "attached").await?);
    patiently(|| at.provider().create_usage_plan_key(&region, &plan, &key)).await.kept("joining")?;
    let plan = reference(at, ResourceKind::UsagePlan, &plan);
    refused(at, &plan).await?;
    delete(at, &reference(at, ResourceKind::RestApi, &api)).await.kept("deleting the API")?;
    deletable(at, &plan).await
}

/// The stage's end ends the attachment too.
pub async fn a_plan_can_be_deleted_once_its_stage_is(at: &dyn ProviderFixture) -> Result<(), String> {
    let (api, region, stage) = (deployed(at, "staged").await?, at.region(), StageName::ours());
    let plan = reference(at, ResourceKind::UsagePlan, &plan(at, "staged", std::slice::from_ref(&api)).await?);
    refused(at, &plan).await?;
    patiently(|| at.provider().delete_stage(&region, &api, &stage)).await.kept("deleting the stage")?;
    deletable(at, &plan).await
}

/// The last resort.
pub async fn a_plan_can_be_deleted_once_its_stage_is_detached(at: &dyn ProviderFixture) -> Result<(), String> {
    let (api, region) = (deployed(at, "detached").await?, at.region());
    let plan = plan(at, "detached", std::slice::from_ref(&api)).await?;
    let stage = stage_of(&api);
    patiently(|| at.provider().detach_stage(&region, &plan, &stage)).await.kept("detaching the stage")?;
    deletable(at, &reference(at, ResourceKind::UsagePlan, &plan)).await?;
    get(at, &reference(at, ResourceKind::RestApi, &api)).await.kept("describing the API, which stays").map(drop)
}

/// A second key of the same value is refused, so that a lost answer cannot make two.
pub async fn a_key_value_is_there_once(at: &dyn ProviderFixture) -> Result<(), String> {
    key(at, "unique").await?;
    let (region, tags, value) = (at.region(), tags_of(at), key_value(at, "unique"));
    let again = patiently(|| at.provider().create_api_key(&region, "another", &value, &tags)).await;
    ensure_eq!(again, Err(ProviderError::Conflict(Conflict::AlreadyExists)), "the same value again");
    Ok(())
}

/// Joining twice is told as such.
pub async fn a_key_joins_a_plan_once(at: &dyn ProviderFixture) -> Result<(), String> {
    let (region, plan, key) = (at.region(), plan(at, "joined", &[]).await?, key(at, "joined").await?);
    patiently(|| at.provider().create_usage_plan_key(&region, &plan, &key)).await.kept("joining")?;
    let again = patiently(|| at.provider().create_usage_plan_key(&region, &plan, &key)).await;
    ensure_eq!(again, Err(ProviderError::Conflict(Conflict::AlreadyExists)), "joining again");
    Ok(())
}

/// A renewal replaces its tag and nothing else.
pub async fn tags_are_added_and_replaced_and_others_stay(at: &dyn ProviderFixture) -> Result<(), String> {
    let api = reference(at, ResourceKind::RestApi, &api(at, "tagged").await?);
    for value in ["first", "second"] {
        let tags = Tags::from([("lease".to_owned(), value.to_owned())]);
        patiently(|| at.provider().tag(&api, &tags)).await.kept("tagging")?;
        let found = get(at, &api).await.kept("describing it")?;
        ensure_eq!(found.tags.get("lease").map(String::as_str), Some(value), "the new tag");
        ensure_eq!(found.tags.get(tags::OWNER).map(String::as_str), Some(at.owner()), "the owner tag");
    }
    Ok(())
}

/// Nothing can be done in a Region that is not enabled.
pub async fn a_disabled_region_is_refused(at: &dyn ProviderFixture) -> Result<(), String> {
    let region = at.disabled_region();
    let listed = patiently(|| at.provider().list(&region, ResourceKind::RestApi, None)).await;
    ensure_eq!(listed, Err(ProviderError::RegionDisabled(region.clone())), "listing in {region}");
    let tags = tags_of(at);
    let made = patiently(|| at.provider().create_rest_api(&region, "nowhere", &tags)).await;
    ensure_eq!(made, Err(ProviderError::RegionDisabled(region.clone())), "creating in {region}");
    Ok(())
}

/// The address of an endpoint is made of what it is.
pub async fn an_endpoint_names_its_api_and_stage(at: &dyn ProviderFixture) -> Result<(), String> {
    let (api, stage) = (ResourceId("abc123defg".to_owned()), StageName::ours());
    let url = at.provider().invoke_url(&at.region(), &api, &stage);
    ensure!(url.starts_with("https://") || url.starts_with("http://"), "{url} is no address");
    ensure!(url.contains(&api.0) && url.ends_with(&stage.0), "{url} names not both API and stage");
    Ok(())
}
