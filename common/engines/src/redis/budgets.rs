//! Request budgets over all processes that use the server. The arithmetic is [`crate::budget`]'s: what depends on the
//! rate is worked out here, what depends on the stored state in the script; a test compares the two.

use std::time::Duration;

use async_trait::async_trait;
use fleet_core::domain::Vendor;
use fleet_core::seams::{BudgetAnswer, BudgetStand, Budgets, StoreError};

use super::call::Again;
use super::{RedisStore, scripts};
use crate::budget::{self, HORIZON, MAX_BLOCK};

#[async_trait]
impl Budgets for RedisStore {
    async fn draw(&self, vendor: Vendor, per_sec: f64, want: u32) -> Result<BudgetAnswer, StoreError> {
        let spacing = budget::spacing(per_sec).map_err(|bad| StoreError::Conflict(bad.to_string()))?;
        let one_second = (per_sec.floor() as i64).max(1);
        let call = self
            .call(&scripts::BUDGET)
            .text("draw")
            .text(vendor.word())
            .span(spacing)
            .span(HORIZON.max(spacing))
            .int(one_second)
            .int(want)
            .span(MAX_BLOCK);
        let answer = call.send(Again::Unsafe).await?;
        match answer.word() {
            "granted" => {
                let mut row = answer.rest();
                Ok(BudgetAnswer::Granted { permits: row.count()?, start_in: row.span()?, spacing })
            }
            "blocked" => Ok(BudgetAnswer::Blocked { retry_in: answer.rest().span()? }),
            _ => Err(answer.surprise()),
        }
    }

    async fn budget_stands(&self) -> Result<Vec<BudgetStand>, StoreError> {
        let mut call = self.call(&scripts::BUDGET).text("stands");
        for vendor in Vendor::ALL {
            call = call.text(vendor.word());
        }
        let rows = call.send(Again::Safe).await?.ok()?.rows()?;
        let vendor = |word: &str| Vendor::ALL.into_iter().find(|vendor| vendor.word() == word).ok_or(());
        rows.into_iter()
            .map(|mut row| {
                Ok(BudgetStand {
                    vendor: row.parsed("vendor", vendor)?,
                    next_in: row.span()?,
                    blocked_for: row.span()?,
                })
            })
            .collect()
    }

    async fn block(&self, vendor: Vendor, wait: Duration) -> Result<(), StoreError> {
        let call = self.call(&scripts::BUDGET).text("block").text(vendor.word()).span(wait.min(MAX_BLOCK));
        call.send(Again::Safe).await?.ok().map(drop)
    }
}
