//! Faults of what is kept beside scans: bars, explanations, summaries, the roster, rows about gateways.

use std::time::Duration;

use async_trait::async_trait;
use fleet_core::domain::*;
use fleet_core::seams::*;
use jiff::civil::Date;

use crate::faults::{Broken, Fault, Stored};

#[async_trait]
impl BarCache for Broken {
    async fn cached_bars(&self, instrument: &Instrument, session: Date) -> Stored<Option<BarSeries>> {
        if self.is(Fault::KeepsBarsForEver) {
            return self.right.cached_bars(instrument, jiff::civil::date(2026, 1, 2)).await;
        }
        self.right.cached_bars(instrument, session).await
    }

    async fn earlier_bars(&self, instrument: &Instrument, session: Date) -> Stored<Option<(Date, KeptBars)>> {
        let earlier = self.right.earlier_bars(instrument, session).await?;
        Ok(match earlier {
            Some((_, bars)) if self.is(Fault::DatesEarlierBarsWrongly) => Some((session, bars)),
            Some((day, bars)) if self.is(Fault::ForgetsWhenBarsWereWhole) => {
                Some((day, KeptBars { whole_in: None, ..bars }))
            }
            earlier => earlier,
        })
    }

    async fn cache_bars(&self, session: Date, bars: &KeptBars) -> Stored<()> {
        let session = if self.is(Fault::KeepsBarsForEver) { jiff::civil::date(2026, 1, 2) } else { session };
        self.right.cache_bars(session, bars).await
    }
}

#[async_trait]
impl Explanations for Broken {
    async fn explanation(&self, ticker: &Ticker) -> Stored<Option<(ScanId, Vec<u8>)>> {
        self.right.explanation(ticker).await
    }
}

#[async_trait]
impl Summaries for Broken {
    async fn summaries(&self, underlying: &Ticker, newest: u32) -> Stored<Vec<SessionSummary>> {
        let mut right = self.right.summaries(underlying, newest).await?;
        match self.fault {
            Fault::LastSummaryWins | Fault::KeepsRefusedSummaries | Fault::KeepsSummariesForEver => {
                let kept = self.summaries.lock().unwrap();
                let own = kept.iter().filter(|((of, _), _)| of == underlying).map(|(_, summary)| summary.clone());
                let own: Vec<SessionSummary> = own.collect();
                Ok(own[own.len().saturating_sub(newest as usize)..].to_vec())
            }
            Fault::ReadsSummariesNewestFirst => {
                right.reverse();
                Ok(right)
            }
            _ => Ok(right),
        }
    }
}

#[async_trait]
impl Roster for Broken {
    async fn check_in(&self, report: &WorkerReport, lasts: Duration) -> Stored<()> {
        let lasts = if self.is(Fault::KeepsWorkersForEver) { lasts * 1_000 } else { lasts };
        self.right.check_in(report, lasts).await
    }

    async fn check_out(&self, name: &str) -> Stored<()> {
        self.right.check_out(name).await
    }

    async fn workers(&self) -> Stored<Vec<SeenWorker>> {
        self.right.workers().await
    }
}

#[async_trait]
impl GatewayRows for Broken {
    async fn gateway_rows(&self, prefix: &str) -> Stored<Vec<GatewayRow>> {
        let prefix = if self.is(Fault::ReadsAllRowsAboutGateways) { "" } else { prefix };
        self.right.gateway_rows(prefix).await
    }

    async fn gateway_row(&self, name: &str) -> Stored<Option<Vec<u8>>> {
        self.right.gateway_row(name).await
    }

    async fn swap_gateway_row(&self, name: &str, from: Option<&[u8]>, to: Option<&[u8]>) -> Stored<bool> {
        let found = self.right.gateway_row(name).await?;
        match self.fault {
            // Whoever is faster between the two calls is replaced as well.
            Fault::ReplacesAnyRowAboutGateways => loop {
                let found = self.right.gateway_row(name).await?;
                if self.right.swap_gateway_row(name, found.as_deref(), to).await? {
                    return Ok(true);
                }
            },
            Fault::RefusesRowsAgain if found.as_deref() == to => Ok(false),
            _ => self.right.swap_gateway_row(name, from, to).await,
        }
    }
}
