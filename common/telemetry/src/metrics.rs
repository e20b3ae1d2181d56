//! The numbers a process counts, and the page that shows them.
//!
//! Labels are words from short lists of ours (outcomes, vendors, reasons), never a ticker, a scan or an address: a
//! watcher's memory is not filled by a scan of six thousand tickers. A number that is not known is left out: 0 is said
//! only where nothing was counted.

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// What [`Metrics::text`] is: the OpenMetrics text format, version 1.0.0.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// How long tickers took, in seconds: from a chain that came at once to the longest delivery (120 s).
const TICKER_SECONDS: [f64; 12] = [0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0];

type Label = [(&'static str, &'static str); 1];
type Counters = Family<Label, Counter>;
type Gauges = Family<Label, Gauge>;
/// A gauge that is left out until it is known.
type KnownGauge = Family<[(&'static str, &'static str); 0], Gauge>;

/// Everything one process shows. Clones show the same numbers.
#[derive(Debug, Clone)]
pub struct Metrics(Arc<Registry>);

impl Metrics {
    fn new(fill: impl FnOnce(&mut Registry)) -> Self {
        let mut registry = Registry::with_prefix("optionfleet");
        fill(&mut registry);
        Self(Arc::new(registry))
    }

    /// The page, as [`CONTENT_TYPE`].
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing into a text cannot fail; were it to, half a page is no page.
        match prometheus_client::encoding::text::encode(&mut text, &self.0) {
            Ok(()) => text,
            Err(std::fmt::Error) => String::new(),
        }
    }
}

/// The parts of the outside a process can fail to reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The store.
    Store,
    /// The queue.
    Queue,
}

impl Part {
    const fn word(self) -> &'static str {
        match self {
            Self::Store => "store",
            Self::Queue => "queue",
        }
    }
}

/// What a worker counts. Clones count together.
#[derive(Debug, Clone)]
pub struct WorkerMetrics {
    page: Metrics,
    tickers: Counters,
    attempts: Counter,
    handed_back: Counters,
    forgiven: Counter,
    requests: Counters,
    slots: Gauges,
    ticker_seconds: Histogram,
    errors: Counters,
}

impl Default for WorkerMetrics {
    fn default() -> Self {
        let (tickers, attempts, handed_back) = (Counters::default(), Counter::default(), Counters::default());
        let (forgiven, requests, slots) = (Counter::default(), Counters::default(), Gauges::default());
        let (ticker_seconds, errors) = (Histogram::new(TICKER_SECONDS), Counters::default());
        let page = Metrics::new(|all| {
            all.register("worker_tickers", "Tickers this worker accounted for, by outcome", tickers.clone());
            all.register("worker_attempts", "Deliveries whose attempt was counted in the store", attempts.clone());
            all.register("worker_handed_back", "Deliveries given back to the queue, by reason", handed_back.clone());
            all.register("worker_forgiven", "Attempts taken back because the worker left", forgiven.clone());
            all.register("worker_requests", "Requests to vendors, retries included", requests.clone());
            all.register("worker_slots", "Slots by what they are at", slots.clone());
            all.register("worker_ticker_seconds", "From a delivery's attempt to its commit", ticker_seconds.clone());
            all.register("worker_errors", "Calls to the store and the queue that failed", errors.clone());
        });
        for part in [Part::Store, Part::Queue] {
            drop(errors.get_or_create(&[("part", part.word())]));
        }
        Self { page, tickers, attempts, handed_back, forgiven, requests, slots, ticker_seconds, errors }
    }
}

impl WorkerMetrics {
    /// The page that shows them.
    #[must_use]
    pub fn page(&self) -> Metrics {
        self.page.clone()
    }

    /// A ticker was accounted for, as `outcome`, so long after its attempt began.
    pub fn ticker(&self, outcome: &'static str, took: Duration) {
        self.tickers.get_or_create(&[("outcome", outcome)]).inc();
        self.ticker_seconds.observe(took.as_secs_f64());
    }

    /// A delivery's attempt was counted.
    pub fn attempt(&self) {
        self.attempts.inc();
    }

    /// A delivery went back to the queue, for a reason from a short list.
    pub fn handed_back(&self, reason: &'static str) {
        self.handed_back.get_or_create(&[("reason", reason)]).inc();
    }

    /// An attempt was taken back.
    pub fn forgiven(&self) {
        self.forgiven.inc();
    }

    /// So many requests went to a vendor.
    pub fn requests(&self, vendor: &'static str, requests: u32) {
        if requests > 0 {
            self.requests.get_or_create(&[("vendor", vendor)]).inc_by(requests.into());
        }
    }

    /// So many of the worker's slots have a delivery, so many have none.
    pub fn slots(&self, busy: u32, free: u32) {
        self.slots.get_or_create(&[("state", "busy")]).set(busy.into());
        self.slots.get_or_create(&[("state", "free")]).set(free.into());
    }

    /// A call failed.
    pub fn failed(&self, part: Part) {
        self.errors.get_or_create(&[("part", part.word())]).inc();
    }
}

/// What a coordinator counts. Clones count together.
#[derive(Debug, Clone)]
pub struct CoordinatorMetrics {
    page: Metrics,
    state: Gauges,
    tickers: KnownGauge,
    missing: KnownGauge,
    backlog: KnownGauge,
    workers: KnownGauge,
    accounted: Counters,
    published: Counter,
    requests: Counters,
    notices: Counters,
    errors: Counters,
}

impl Default for CoordinatorMetrics {
    fn default() -> Self {
        let (state, tickers, missing) = (Gauges::default(), KnownGauge::default(), KnownGauge::default());
        let (backlog, workers, accounted) = (KnownGauge::default(), KnownGauge::default(), Counters::default());
        let (published, requests, notices) = (Counter::default(), Counters::default(), Counters::default());
        let errors = Counters::default();
        let page = Metrics::new(|all| {
            all.register("scan_state", "1 for the state the scan is in, 0 for those it has left", state.clone());
            all.register("scan_tickers", "Tickers of the scan's manifest", tickers.clone());
            all.register("scan_missing", "Tickers that are not accounted for yet", missing.clone());
            all.register("scan_backlog", "Tasks waiting or delivered in the queue", backlog.clone());
            all.register("scan_workers", "Workers that say they are there", workers.clone());
            all.register("scan_accounted", "Tickers accounted for, by outcome", accounted.clone());
            all.register("scan_published", "Tasks published, again ones included", published.clone());
            all.register("scan_requests", "Requests of the coordinator itself to vendors", requests.clone());
            all.register("scan_notices", "Notices by what became of them", notices.clone());
            all.register("coordinator_errors", "Calls to the store and the queue that failed", errors.clone());
        });
        for part in [Part::Store, Part::Queue] {
            drop(errors.get_or_create(&[("part", part.word())]));
        }
        Self { page, state, tickers, missing, backlog, workers, accounted, published, requests, notices, errors }
    }
}

impl CoordinatorMetrics {
    /// The page that shows them.
    #[must_use]
    pub fn page(&self) -> Metrics {
        self.page.clone()
    }

    /// The scan went from one state to the next; `from` is `None` for the first one met.
    pub fn state(&self, from: Option<&'static str>, to: &'static str) {
        if let Some(from) = from {
            self.state.get_or_create(&[("state", from)]).set(0);
        }
        self.state.get_or_create(&[("state", to)]).set(1);
    }

    /// The scan's manifest has so many tickers.
    pub fn tickers(&self, tickers: u32) {
        self.tickers.get_or_create(&[]).set(tickers.into());
    }

    /// So many of them are not accounted for.
    pub fn missing(&self, missing: u32) {
        self.missing.get_or_create(&[]).set(missing.into());
    }

    /// So many tasks are in the queue.
    pub fn backlog(&self, backlog: u64) {
        self.backlog.get_or_create(&[]).set(i64::try_from(backlog).unwrap_or(i64::MAX));
    }

    /// So many workers are there.
    pub fn workers(&self, workers: u32) {
        self.workers.get_or_create(&[]).set(workers.into());
    }

    /// So many more tickers were accounted for, as `outcome`.
    pub fn accounted(&self, outcome: &'static str, tickers: u32) {
        self.accounted.get_or_create(&[("outcome", outcome)]).inc_by(tickers.into());
    }

    /// So many more tasks were published.
    pub fn published(&self, tasks: u32) {
        self.published.inc_by(tasks.into());
    }

    /// So many requests went to a vendor.
    pub fn requests(&self, vendor: &'static str, requests: u32) {
        if requests > 0 {
            self.requests.get_or_create(&[("vendor", vendor)]).inc_by(requests.into());
        }
    }

    /// A notice was sent, dropped, or failed.
    pub fn notice(&self, fate: &'static str) {
        self.notices.get_or_create(&[("fate", fate)]).inc();
    }

    /// A call failed.
    pub fn failed(&self, part: Part) {
        self.errors.get_or_create(&[("part", part.word())]).inc();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, line: &str) {
        assert!(text.lines().any(|found| found == line), "{line:?} is not in\n{text}");
    }

    #[test]
    fn a_workers_numbers_are_shown() {
        let metrics = WorkerMetrics::default();
        metrics.ticker("analysed", Duration::from_millis(700));
        metrics.ticker("failed", Duration::from_secs(3));
        metrics.attempt();
        metrics.handed_back("drain");
        metrics.forgiven();
        metrics.requests("cboe", 2);
        metrics.requests("yahoo", 0);
        metrics.slots(3, 5);
        metrics.failed(Part::Store);
        let text = metrics.page().text();
        for line in [
            "optionfleet_worker_tickers_total{outcome=\"analysed\"} 1",
            "optionfleet_worker_attempts_total 1",
            "optionfleet_worker_handed_back_total{reason=\"drain\"} 1",
            "optionfleet_worker_forgiven_total 1",
            "optionfleet_worker_requests_total{vendor=\"cboe\"} 2",
            "optionfleet_worker_slots{state=\"busy\"} 3",
            "optionfleet_worker_slots{state=\"free\"} 5",
            "optionfleet_worker_ticker_seconds_bucket{le=\"0.5\"} 0",
            "optionfleet_worker_ticker_seconds_bucket{le=\"1.0\"} 1",
            "optionfleet_worker_ticker_seconds_count 2",
            "optionfleet_worker_errors_total{part=\"store\"} 1",
            "optionfleet_worker_errors_total{part=\"queue\"} 0",
            "# EOF",
        ] {
            check(&text, line);
        }
        assert!(!text.contains("yahoo"), "nothing was asked of it");
    }

    #[test]
    fn what_a_coordinator_does_not_know_is_left_out() {
        let metrics = CoordinatorMetrics::default();
        let text = metrics.page().text();
        assert!(!text.lines().any(|line| line.starts_with("optionfleet_scan_missing{")), "{text}");
        metrics.missing(7);
        metrics.state(None, "running");
        metrics.state(Some("running"), "sealed");
        let text = metrics.page().text();
        check(&text, "optionfleet_scan_missing{} 7");
        check(&text, "optionfleet_scan_state{state=\"running\"} 0");
        check(&text, "optionfleet_scan_state{state=\"sealed\"} 1");
    }
}
