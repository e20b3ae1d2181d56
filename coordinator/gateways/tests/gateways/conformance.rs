//! The AWS in memory keeps what the seam promises.

use std::time::Duration;

use fleet_gateways::conformance::provider;
use fleet_gateways::memory_aws::{MemoryAws, MemorySettings};
use fleet_gateways::provider::GatewayProvider;
use fleet_gateways::region::Region;

struct Memory(MemoryAws);

impl Memory {
    /// As strict as AWS, with pages of three.
    fn fresh() -> Self {
        let mut settings = MemorySettings::real(1, vec![Region::parse("us-east-1").unwrap()]);
        settings.page = 3;
        Self(MemoryAws::new(settings))
    }
}

impl provider::ProviderFixture for Memory {
    fn provider(&self) -> &dyn GatewayProvider {
        &self.0
    }

    fn region(&self) -> Region {
        Region::parse("us-east-1").unwrap()
    }

    fn disabled_region(&self) -> Region {
        Region::parse("ap-east-1").unwrap()
    }

    fn owner(&self) -> &str {
        "conformance"
    }

    fn lag(&self) -> Duration {
        Duration::from_secs(3)
    }
}

macro_rules! provider_tests {
    ($($promise:ident)*) => {
        mod the_provider {
            use super::*;
            $(
                #[tokio::test(start_paused = true)]
                async fn $promise() {
                    provider::$promise(&Memory::fresh()).await.unwrap();
                }
            )*
        }
    };
}
fleet_gateways::provider_promises!(provider_tests);
