//! What the coordinator knows of gateways: a row each, compared byte for byte.

use async_trait::async_trait;
use fleet_core::seams::{GatewayRow, GatewayRows, StoreError};
use rusqlite::OptionalExtension;

use super::failure::Failure;
use super::{SqliteStore, Work};

#[async_trait]
impl GatewayRows for SqliteStore {
    async fn gateway_rows(&self, prefix: &str) -> Result<Vec<GatewayRow>, StoreError> {
        let prefix = prefix.to_owned();
        self.read(move |work| {
            let mut statement = work.tx.prepare_cached("SELECT name, body FROM gateways ORDER BY name")?;
            let rows = statement.query_map([], |row| Ok(GatewayRow { name: row.get(0)?, body: row.get(1)? }))?;
            let rows = rows.collect::<Result<Vec<_>, _>>()?;
            Ok(rows.into_iter().filter(|row| row.name.starts_with(&prefix)).collect())
        })
        .await
    }

    async fn gateway_row(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let name = name.to_owned();
        self.read(move |work| find(work, &name)).await
    }

    async fn swap_gateway_row(&self, name: &str, from: Option<&[u8]>, to: Option<&[u8]>) -> Result<bool, StoreError> {
        let (name, from, to) = (name.to_owned(), from.map(<[u8]>::to_vec), to.map(<[u8]>::to_vec));
        self.write(move |work| swap(work, &name, from.as_deref(), to.as_deref())).await
    }
}

fn find(work: &Work<'_>, name: &str) -> Result<Option<Vec<u8>>, Failure> {
    let mut statement = work.tx.prepare_cached("SELECT body FROM gateways WHERE name = ?")?;
    Ok(statement.query_row([name], |row| row.get(0)).optional()?)
}

fn swap(work: &Work<'_>, name: &str, from: Option<&[u8]>, to: Option<&[u8]>) -> Result<bool, Failure> {
    let found = find(work, name)?;
    if found.as_deref() == to {
        return Ok(true);
    }
    if found.as_deref() != from {
        return Ok(false);
    }
    match to {
        None => work.tx.prepare_cached("DELETE FROM gateways WHERE name = ?")?.execute([name])?,
        Some(body) => work
            .tx
            .prepare_cached("INSERT OR REPLACE INTO gateways (name, body) VALUES (?, ?)")?
            .execute((name, body))?,
    };
    Ok(true)
}
