//! Where a scan stands, for whoever looks from another terminal. Pure: what was read goes in, text or JSON comes out.
//!
//! The rate is the average since the scan was created and the expected end follows from it; both are absent where nothing
//! is done yet, or nothing is left to do.

use std::fmt::Write as _;

use fleet_core::domain::calendar::new_york_text;
use fleet_core::domain::{Manifest, ScanState, Vendor, WorkerReport};
use fleet_core::seams::{BudgetStand, LeaseView, ScanSummary, SeenWorker};
use jiff::Timestamp;
use serde::Serialize;

use super::SCHEMA;
use super::layout::{Align, Column, grid, grouped};
use super::plan::duration;

/// What the store and the queue say of one scan.
#[derive(Debug, Clone)]
pub struct StatusInput {
    /// The scan.
    pub summary: ScanSummary,
    /// Its manifest, once frozen.
    pub manifest: Option<Manifest>,
    /// Who coordinates it.
    pub lease: Option<LeaseView>,
    /// Deliveries counted.
    pub attempts: u64,
    /// Tasks in the queue; `None`: on one machine only its own process knows, or the queue does not answer.
    pub backlog: Option<u64>,
    /// Workers that checked in lately.
    pub workers: Vec<SeenWorker>,
    /// Budgets that were drawn from.
    pub budgets: Vec<BudgetStand>,
    /// Wall-clock time.
    pub now: Timestamp,
}

/// Where a scan stands. Serialised, this is the JSON output.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Status {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The scan, its state, and how far it is.
    #[serde(flatten)]
    pub summary: ScanSummary,
    /// Who coordinates it; `None`: nobody now.
    pub coordinator: Option<Coordinator>,
    /// How often it was launched or taken over.
    pub epoch: u64,
    /// Deliveries counted over all tickers.
    pub attempts: u64,
    /// Tasks in the queue, waiting or delivered.
    pub backlog: Option<u64>,
    /// Tickers a minute since it was created.
    pub per_minute: Option<f64>,
    /// When the rest is done at that rate.
    pub expected_end: Option<Timestamp>,
    /// When it is sealed, whatever is missing.
    pub deadline: Option<Timestamp>,
    /// Slots over all workers.
    pub slots: u32,
    /// Slots at work.
    pub busy: u32,
    /// Workers, by name.
    pub workers: Vec<WorkerRow>,
    /// Budgets, by vendor.
    pub budgets: Vec<BudgetRow>,
}

/// Who coordinates a scan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Coordinator {
    /// Its name.
    pub holder: String,
    /// Its lease ends in so many seconds unless it is renewed.
    pub lease_ends_in_secs: u64,
}

/// One worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WorkerRow {
    /// What it said last.
    #[serde(flatten)]
    pub report: WorkerReport,
    /// So many seconds ago.
    pub seen_secs_ago: u64,
}

/// One vendor's budget.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BudgetRow {
    /// Whose.
    pub vendor: Vendor,
    /// Requests a second, by the scan's manifest; `None`: unlimited, or not in it.
    pub per_sec: Option<f64>,
    /// The next request may leave in so many seconds.
    pub next_in_secs: f64,
    /// The vendor said stop for so many seconds yet.
    pub blocked_for_secs: f64,
}

/// Puts it together.
#[must_use]
pub fn status(input: StatusInput) -> Status {
    let StatusInput { summary, manifest, lease, attempts, backlog, workers, budgets, now } = input;
    let missing = summary.tickers.saturating_sub(summary.outcomes);
    let is_at_work = summary.state < ScanState::Sealed && missing > 0;
    let minutes = now.duration_since(summary.created_at).as_secs_f64() / 60.0;
    let per_minute =
        (is_at_work && summary.outcomes > 0 && minutes > 0.0).then(|| f64::from(summary.outcomes) / minutes);
    let expected_end = per_minute.and_then(|rate| {
        let left = jiff::SignedDuration::try_from_secs_f64(f64::from(missing) / rate * 60.0).ok()?;
        now.checked_add(left).ok()
    });
    let route = |vendor| manifest.as_ref()?.vendors.routes.iter().find(|route| route.vendor == vendor)?.budget_per_sec;
    let budget = |stand: BudgetStand| BudgetRow {
        vendor: stand.vendor,
        per_sec: route(stand.vendor),
        next_in_secs: stand.next_in.as_secs_f64(),
        blocked_for_secs: stand.blocked_for.as_secs_f64(),
    };
    let epoch = lease.as_ref().map_or(0, |lease| lease.epoch);
    let coordinator = lease
        .and_then(|lease| lease.held)
        .map(|(holder, ends_in)| Coordinator { holder: holder.0, lease_ends_in_secs: ends_in.as_secs() });
    Status {
        schema: SCHEMA,
        coordinator,
        epoch,
        attempts,
        backlog,
        per_minute,
        expected_end,
        deadline: manifest.as_ref().map(|manifest| manifest.deadline).filter(|_| summary.state < ScanState::Sealed),
        slots: workers.iter().map(|worker| worker.report.slots).sum(),
        busy: workers.iter().map(|worker| worker.report.busy).sum(),
        budgets: budgets.into_iter().map(budget).collect(),
        workers: workers
            .into_iter()
            .map(|worker| WorkerRow { report: worker.report, seen_secs_ago: worker.seen_ago.as_secs() })
            .collect(),
        summary,
    }
}

/// For people.
#[must_use]
pub fn render(status: &Status) -> String {
    let Status { summary, .. } = status;
    let mut text = format!("Scan         {} ({})\n", summary.scan, summary.state.word());
    let _ = match &status.coordinator {
        Some(coordinator) => writeln!(
            text,
            "Coordinator  {} (launch {}, lease ends in {} s unless renewed)",
            coordinator.holder, status.epoch, coordinator.lease_ends_in_secs
        ),
        None if summary.state == ScanState::Done => writeln!(text, "Coordinator  none; the scan is finished"),
        None => writeln!(text, "Coordinator  none; go on with: optionfleet scan --resume {}", summary.scan),
    };
    let missing = summary.tickers.saturating_sub(summary.outcomes);
    let _ = writeln!(
        text,
        "Tickers      {} of {} accounted for, {} missing; {} deliveries",
        grouped(summary.outcomes.into()),
        grouped(summary.tickers.into()),
        grouped(missing.into()),
        grouped(status.attempts)
    );
    if let Some(backlog) = status.backlog {
        let _ = writeln!(text, "Queue        {} tasks, waiting or delivered", grouped(backlog));
    }
    if let (Some(rate), Some(end)) = (status.per_minute, status.expected_end) {
        let _ = writeln!(text, "Rate         {rate:.1} tickers a minute; done about {} New York", new_york_text(end));
    }
    if let Some(deadline) = status.deadline {
        let _ = writeln!(text, "Deadline     {} New York", new_york_text(deadline));
    }
    for budget in &status.budgets {
        let rate = budget.per_sec.map_or_else(|| "unlimited".to_owned(), |rate| format!("{rate}/s"));
        let blocked = if budget.blocked_for_secs > 0.0 {
            format!(", told to stop for {}", duration(budget.blocked_for_secs))
        } else {
            String::new()
        };
        let _ = writeln!(text, "Budget       {:<7} {rate}{blocked}", budget.vendor);
    }
    if status.workers.is_empty() {
        text += "Workers      none\n";
        return text;
    }
    let _ = writeln!(text, "Slots        {} of {} at work", status.busy, status.slots);
    let rows: Vec<Vec<String>> = status
        .workers
        .iter()
        .map(|row| {
            vec![
                row.report.name.clone(),
                if row.report.draining { "draining" } else { "working" }.to_owned(),
                format!("{}/{}", row.report.busy, row.report.slots),
                grouped(row.report.committed),
                format!("{} s ago", row.seen_secs_ago),
                row.report.version.clone(),
            ]
        })
        .collect();
    text.push('\n');
    text += &grid(
        &[
            Column(Align::Left, "", "Worker"),
            Column(Align::Left, "", ""),
            Column(Align::Right, "Slots", "at work"),
            Column(Align::Right, "", "Tickers"),
            Column(Align::Right, "", "Seen"),
            Column(Align::Left, "", "Version"),
        ],
        &rows,
    );
    text
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use fleet_core::domain::ScanId;
    use fleet_core::seams::Holder;

    use super::*;
    use crate::config::{Settings, manifest_template};

    fn input() -> StatusInput {
        let scan = ScanId::parse("finviz-20261120-1000").unwrap();
        let created_at: Timestamp = "2026-11-20T15:00:00Z".parse().unwrap();
        let report = WorkerReport {
            name: "ip-10-0-0-7:812".to_owned(),
            version: "0.1.0".to_owned(),
            slots: 8,
            busy: 5,
            committed: 1_234,
            draining: false,
            started_at: created_at,
        };
        StatusInput {
            manifest: Some(manifest_template(&Settings::default(), &scan, "f", None, created_at)),
            summary: ScanSummary { scan, state: ScanState::Running, created_at, tickers: 6_000, outcomes: 2_000 },
            lease: Some(LeaseView { epoch: 2, held: Some((Holder("desk:77".to_owned()), Duration::from_secs(12))) }),
            attempts: 2_015,
            backlog: Some(4_000),
            workers: vec![SeenWorker { report, seen_ago: Duration::from_secs(3) }],
            budgets: vec![BudgetStand {
                vendor: Vendor::Cboe,
                next_in: Duration::from_millis(400),
                blocked_for: Duration::from_secs(30),
            }],
            now: "2026-11-20T15:10:00Z".parse().unwrap(),
        }
    }

    #[test]
    fn a_running_scan_tells_its_rate_and_end() {
        let text = render(&status(input()));
        for part in [
            "Scan         finviz-20261120-1000 (running)\n",
            "Coordinator  desk:77 (launch 2, lease ends in 12 s unless renewed)\n",
            "Tickers      2,000 of 6,000 accounted for, 4,000 missing; 2,015 deliveries\n",
            "Queue        4,000 tasks, waiting or delivered\n",
            "Rate         200.0 tickers a minute; done about 2026-11-20 10:30 New York\n",
            "Budget       cboe    2/s, told to stop for 30 s\n",
            "Slots        5 of 8 at work\n",
            "ip-10-0-0-7:812 working     5/8   1,234 3 s ago 0.1.0",
        ] {
            assert!(text.contains(part), "{part:?} is not in\n{text}");
        }
        assert!(text.lines().all(|line| line.chars().count() <= super::super::layout::WIDTH));
    }

    #[test]
    fn a_scan_that_nobody_coordinates_says_how_to_go_on() {
        let stopped = StatusInput { lease: Some(LeaseView { epoch: 1, held: None }), workers: Vec::new(), ..input() };
        let text = render(&status(stopped));
        assert!(text.contains("none; go on with: optionfleet scan --resume finviz-20261120-1000"), "{text}");
        assert!(text.contains("Workers      none"), "{text}");
    }

    #[test]
    fn what_is_not_known_is_absent() {
        let mut fresh = input();
        fresh.summary.outcomes = 0;
        let fresh = status(fresh);
        assert_eq!((fresh.per_minute, fresh.expected_end), (None, None));
        let mut finished = input();
        (finished.summary.state, finished.summary.outcomes) = (ScanState::Done, 6_000);
        let finished = status(finished);
        assert_eq!((finished.per_minute, finished.deadline), (None, None));
    }
}
