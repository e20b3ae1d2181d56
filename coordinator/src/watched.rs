//! What a machine that watches a coordinator is told: health and numbers, at an address somebody asked for.
//!
//! Everything comes from the scan's own [`Progress`]: nothing here asks the store or the queue.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Duration;

use fleet_core::domain::ScanState;
use fleet_telemetry::{CoordinatorMetrics, Health, Served, serve};

use crate::failure::Failure;
use crate::scan::Progress;

/// A lease that was not renewed for so long is over.
const LEASE: Duration = Duration::from_secs(15);

/// Health and numbers of one coordinator.
pub struct Watched {
    health: Health,
    metrics: CoordinatorMetrics,
    served: Option<Served>,
    state: Mutex<Option<ScanState>>,
}

impl Watched {
    /// Serves `/livez`, `/readyz` and `/metrics` at an address, if there is one.
    pub async fn at(address: Option<SocketAddr>) -> Result<Self, Failure> {
        let (health, metrics) = (Health::new(), CoordinatorMetrics::default());
        health.expect("lease", LEASE);
        let served = match address {
            None => None,
            Some(address) => Some(serve(address, health.clone(), metrics.page()).await.map_err(|error| {
                Failure::broken(format!("cannot serve metrics at {address}: {error}")).hint("name a free one")
            })?),
        };
        Ok(Self { health, metrics, served, state: Mutex::default() })
    }

    /// Where it is served.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.served.as_ref().map(|served| served.addr)
    }

    /// Takes in what happened.
    pub fn see(&self, progress: &Progress) {
        match progress {
            Progress::State(state) => {
                let mut present = self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                self.metrics.state(present.map(ScanState::word), state.word());
                *present = Some(*state);
            }
            Progress::LeaseHeld => self.health.succeeded("lease"),
            Progress::Planned { tickers } => self.metrics.tickers(*tickers),
            Progress::Accounted { done, of, .. } => {
                self.metrics.tickers(*of);
                self.metrics.missing(of.saturating_sub(*done));
            }
            Progress::Fleet { workers, backlog } => {
                self.metrics.workers(*workers);
                if let Some(backlog) = backlog {
                    self.metrics.backlog(*backlog);
                }
            }
            Progress::Published { tasks } => self.metrics.published(*tasks),
            Progress::Requests(counts) => {
                for (vendor, requests) in &counts.vendors {
                    self.metrics.requests(vendor.word(), *requests);
                }
            }
            Progress::SealedAtDeadline { tickers } => {
                self.metrics.accounted("sealed", u32::try_from(tickers.len()).unwrap_or(u32::MAX));
            }
            Progress::Notices { sent, left } => {
                (0..*sent).for_each(|_| self.metrics.notice("sent"));
                (0..*left).for_each(|_| self.metrics.notice("left"));
            }
            Progress::WaitingForLease { .. }
            | Progress::Universe { .. }
            | Progress::NoWorker { .. }
            | Progress::Settled { .. } => {}
        }
    }

    /// Ends the serving.
    pub async fn stop(self) {
        if let Some(served) = self.served {
            served.stop().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_scan_is_seen_in_numbers() {
        let watched = Watched::at(None).await.unwrap();
        assert_eq!(watched.health.reasons().len(), 1, "ready before the lease was ever held");
        for progress in [
            Progress::LeaseHeld,
            Progress::State(ScanState::Publishing),
            Progress::State(ScanState::Running),
            Progress::Published { tasks: 40 },
            Progress::Accounted { done: 30, of: 40, found: None },
            Progress::Fleet { workers: 3, backlog: Some(10) },
        ] {
            watched.see(&progress);
        }
        assert_eq!(watched.health.reasons(), Vec::<String>::new());
        let text = watched.metrics.page().text();
        for (name, value) in
            [("scan_missing", 10), ("scan_workers", 3), ("scan_backlog", 10), ("scan_published_total", 40)]
        {
            let line = text.lines().find(|line| line.contains(name) && !line.starts_with('#'));
            assert!(line.is_some_and(|line| line.ends_with(&format!(" {value}"))), "{name} is not {value} in\n{text}");
        }
        assert!(text.contains("scan_state{state=\"publishing\"} 0"), "{text}");
        assert!(text.contains("scan_state{state=\"running\"} 1"), "{text}");
    }
}
