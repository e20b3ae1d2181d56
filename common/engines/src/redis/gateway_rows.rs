//! What the coordinator knows of gateways: a hash, name to body.

use async_trait::async_trait;
use fleet_core::seams::{GatewayRow, GatewayRows, StoreError};

use super::call::Again;
use super::{RedisStore, scripts};

#[async_trait]
impl GatewayRows for RedisStore {
    async fn gateway_rows(&self, prefix: &str) -> Result<Vec<GatewayRow>, StoreError> {
        let mut row = self.call(&scripts::GATEWAY_ROWS).text("all").send(Again::Safe).await?.ok()?.row()?;
        let mut rows = Vec::new();
        while !row.is_over() {
            let name = row.text()?;
            let body = row.bytes()?.ok_or_else(|| row.damaged("row about gateways", &name))?;
            rows.push(GatewayRow { name, body });
        }
        rows.retain(|row| row.name.starts_with(prefix));
        rows.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(rows)
    }

    async fn gateway_row(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.call(&scripts::GATEWAY_ROWS).text("get").text(name).send(Again::Safe).await?.ok()?.bytes()
    }

    async fn swap_gateway_row(&self, name: &str, from: Option<&[u8]>, to: Option<&[u8]>) -> Result<bool, StoreError> {
        let call = self.call(&scripts::GATEWAY_ROWS).text("swap").text(name);
        let call = call.limited("row about gateways", from.unwrap_or_default());
        let answer = call.limited("row about gateways", to.unwrap_or_default()).send(Again::Safe).await?;
        match answer.word() {
            "other" => Ok(false),
            _ => answer.ok().map(|_| true),
        }
    }
}
