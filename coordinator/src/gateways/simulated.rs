//! Simulated gateways: an AWS in memory with its quotas, and for each API that is complete a forwarder on this machine that
//! behaves as the real data plane does, made from the same description. They end with the process.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use fleet_core::seams::{Clock as _, SystemClock};
use fleet_gateways::memory_aws::{MemoryAws, MemorySettings};
use fleet_gateways::openapi::ApiBody;
use fleet_gateways::provider::{GatewayProvider, Page, ProviderError};
use fleet_gateways::region::{AccountId, Region};
use fleet_gateways::resource::{ApiKeyValue, AttachedStage, ResourceId, ResourceKind, ResourceRef, StageName, Tags};
use fleet_market::{GatewayConfig, RunningGateway, serve_gateway_ready_after};

type Known = Result<(), ProviderError>;

/// A gateway refuses its key so long after it was made: AWS' own do, for longer.
const READY_AFTER: Duration = Duration::from_millis(400);

/// An AWS of this process.
pub struct SimulatedAws {
    control: MemoryAws,
    plane: Mutex<DataPlane>,
}

#[derive(Default)]
struct DataPlane {
    bodies: BTreeMap<ResourceId, ApiBody>,
    keys: BTreeMap<ResourceId, ApiKeyValue>,
    served: BTreeMap<ResourceId, RunningGateway>,
    /// How many were ever served: each has an address of its own.
    addresses: u16,
}

impl SimulatedAws {
    /// With these Regions enabled and nothing in them. Wants to be called inside tokio.
    #[must_use]
    pub fn new(enabled: Vec<Region>) -> Arc<Self> {
        let settings = MemorySettings { starts_at: SystemClock.now(), ..MemorySettings::real(1, enabled) };
        Arc::new(Self { control: MemoryAws::new(settings), plane: Mutex::default() })
    }

    fn plane(&self) -> MutexGuard<'_, DataPlane> {
        self.plane.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is needed to serve an API: its description, its key, and an address for its requests.
    fn to_serve(&self, api: &ResourceId, key: &ResourceId) -> Option<GatewayConfig> {
        let mut plane = self.plane();
        if plane.served.contains_key(api) {
            return None;
        }
        let openapi = plane.bodies.get(api)?.as_str().to_owned();
        let key = plane.keys.get(key)?.reveal().to_owned();
        // 127.0.0.1 is everybody's.
        plane.addresses = plane.addresses.wrapping_add(1).max(1);
        let [high, low] = plane.addresses.saturating_add(1).to_be_bytes();
        Some(GatewayConfig { source: Ipv4Addr::new(127, 0, high, low), key, openapi, limit_per_sec: None })
    }
}

#[async_trait]
impl GatewayProvider for SimulatedAws {
    async fn account(&self) -> Result<AccountId, ProviderError> {
        self.control.account().await
    }

    async fn enabled_regions(&self) -> Result<Vec<Region>, ProviderError> {
        self.control.enabled_regions().await
    }

    async fn create_rest_api(&self, region: &Region, name: &str, tags: &Tags) -> Result<ResourceId, ProviderError> {
        self.control.create_rest_api(region, name, tags).await
    }

    async fn put_rest_api(&self, region: &Region, api: &ResourceId, body: &ApiBody) -> Known {
        self.control.put_rest_api(region, api, body).await?;
        self.plane().bodies.insert(api.clone(), body.clone());
        Ok(())
    }

    async fn create_deployment(&self, region: &Region, api: &ResourceId, stage: &StageName) -> Known {
        self.control.create_deployment(region, api, stage).await
    }

    async fn create_usage_plan(
        &self,
        region: &Region,
        name: &str,
        stages: &[AttachedStage],
        tags: &Tags,
    ) -> Result<ResourceId, ProviderError> {
        self.control.create_usage_plan(region, name, stages, tags).await
    }

    async fn create_api_key(
        &self,
        region: &Region,
        name: &str,
        value: &ApiKeyValue,
        tags: &Tags,
    ) -> Result<ResourceId, ProviderError> {
        let key = self.control.create_api_key(region, name, value, tags).await?;
        self.plane().keys.insert(key.clone(), value.clone());
        Ok(key)
    }

    /// From here on the plan's APIs answer.
    async fn create_usage_plan_key(&self, region: &Region, plan: &ResourceId, key: &ResourceId) -> Known {
        self.control.create_usage_plan_key(region, plan, key).await?;
        let plan = ResourceRef { region: region.clone(), kind: ResourceKind::UsagePlan, id: plan.clone() };
        for stage in self.control.get(&plan).await?.stages {
            let Some(config) = self.to_serve(&stage.api, key) else { continue };
            let served = serve_gateway_ready_after(config, READY_AFTER)
                .await
                .map_err(|error| ProviderError::BadRequest(error.to_string()))?;
            self.plane().served.insert(stage.api, served);
        }
        Ok(())
    }

    async fn detach_stage(&self, region: &Region, plan: &ResourceId, stage: &AttachedStage) -> Known {
        self.control.detach_stage(region, plan, stage).await
    }

    async fn tag(&self, resource: &ResourceRef, tags: &Tags) -> Known {
        self.control.tag(resource, tags).await
    }

    async fn get(&self, resource: &ResourceRef) -> Result<fleet_gateways::resource::Resource, ProviderError> {
        self.control.get(resource).await
    }

    async fn list(&self, region: &Region, kind: ResourceKind, position: Option<&str>) -> Result<Page, ProviderError> {
        self.control.list(region, kind, position).await
    }

    async fn delete_stage(&self, region: &Region, api: &ResourceId, stage: &StageName) -> Known {
        self.control.delete_stage(region, api, stage).await?;
        self.plane().served.remove(api);
        Ok(())
    }

    async fn delete(&self, resource: &ResourceRef) -> Known {
        self.control.delete(resource).await?;
        self.plane().served.remove(&resource.id);
        Ok(())
    }

    fn invoke_url(&self, region: &Region, api: &ResourceId, stage: &StageName) -> String {
        let served = self.plane().served.get(api).map(RunningGateway::base_url);
        served.unwrap_or_else(|| self.control.invoke_url(region, api, stage))
    }
}
