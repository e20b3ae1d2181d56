//! Request budgets over all processes that use the file; the arithmetic is in [`crate::budget`].

use std::time::Duration;

use async_trait::async_trait;
use fleet_core::domain::Vendor;
use fleet_core::seams::{BudgetAnswer, BudgetStand, Budgets, StoreError};
use rusqlite::OptionalExtension;

use super::failure::Failure;
use super::{SqliteStore, Work};
use crate::budget::{self, BudgetState};

#[async_trait]
impl Budgets for SqliteStore {
    async fn draw(&self, vendor: Vendor, per_sec: f64, want: u32) -> Result<BudgetAnswer, StoreError> {
        self.write(move |work| {
            let (next, answer) = budget::draw(state(work, vendor)?, work.now, per_sec, want)
                .map_err(|bad| StoreError::Conflict(bad.to_string()))?;
            keep(work, vendor, next)?;
            Ok(answer)
        })
        .await
    }

    async fn budget_stands(&self) -> Result<Vec<BudgetStand>, StoreError> {
        self.read(|work| {
            let mut stands = Vec::new();
            for vendor in Vendor::ALL {
                let found = find(work, vendor)?;
                stands.extend(found.map(|state| budget::stand(vendor, state, work.now)));
            }
            Ok(stands)
        })
        .await
    }

    async fn block(&self, vendor: Vendor, wait: Duration) -> Result<(), StoreError> {
        self.write(move |work| keep(work, vendor, budget::block(state(work, vendor)?, work.now, wait))).await
    }
}

fn state(work: &Work<'_>, vendor: Vendor) -> Result<BudgetState, Failure> {
    Ok(find(work, vendor)?.unwrap_or_default())
}

fn find(work: &Work<'_>, vendor: Vendor) -> Result<Option<BudgetState>, Failure> {
    let mut statement = work.tx.prepare_cached("SELECT next_us, blocked_until_us FROM budgets WHERE vendor = ?")?;
    let found = statement
        .query_row([vendor.word()], |row| Ok(BudgetState { next_us: row.get(0)?, blocked_until_us: row.get(1)? }))
        .optional()?;
    Ok(found)
}

fn keep(work: &Work<'_>, vendor: Vendor, state: BudgetState) -> Result<(), Failure> {
    work.tx
        .prepare_cached(
            "INSERT INTO budgets (vendor, next_us, blocked_until_us) VALUES (?1, ?2, ?3)
             ON CONFLICT (vendor) DO UPDATE SET next_us = ?2, blocked_until_us = ?3",
        )?
        .execute((vendor.word(), state.next_us, state.blocked_until_us))?;
    Ok(())
}
