//! What a scan would do: `--dry-run`.

use std::fmt::Write as _;

use serde::Serialize;

use fleet_core::domain::{RequestCounts, ScanId, Ticker, Vendor};

use crate::scan::plan::{Plan, RequestRange, budget_per_sec, estimate};

use super::SCHEMA;
use super::layout::wrap;

/// A plan. Serialised, this is the JSON output of `--dry-run`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DryRun {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The id the scan would have.
    pub scan: ScanId,
    /// What would be scanned, in order.
    pub tickers: Vec<Ticker>,
    /// Of these, tickers with a live trade.
    pub live: Vec<Ticker>,
    /// Requests by vendor.
    pub vendors: Vec<VendorShare>,
    /// Requests that planning itself made (the screener).
    pub made: RequestCounts,
    /// Gateways that requests would go through, and what they buy; `None`: requests leave from this machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateways: Option<Bought>,
    /// Seconds at the budgets, if no ticker needs more than its chain.
    pub shortest_secs: f64,
    /// Seconds at the budgets, if every ticker needs the most.
    pub longest_secs: f64,
}

/// What one vendor would be asked for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VendorShare {
    /// Who.
    pub vendor: Vendor,
    /// Requests at least.
    pub least: u32,
    /// Requests at most, retries not counted.
    pub most: u32,
    /// The budget; `None` is unlimited.
    pub per_sec: Option<f64>,
    /// Seconds the most would take.
    pub longest_secs: Option<f64>,
}

/// What gateways buy.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Bought {
    /// Their names; empty: one in each Region that is enabled for the account, and a plan does not ask which those are.
    pub names: Vec<String>,
    /// Seconds at the budgets with one address, if every ticker needs the most.
    pub longest_secs_without: f64,
}

/// The same plan with one address for each vendor.
fn without_gateways(plan: &Plan) -> f64 {
    let mut vendors = plan.manifest.vendors.clone();
    if let Some(gateways) = &mut vendors.gateways {
        gateways.names.truncate(1);
    }
    estimate(&plan.manifest.tickers, &vendors, 0).seconds
}

/// Tells of a plan.
#[must_use]
pub fn dry_run(plan: &Plan) -> DryRun {
    let vendors = &plan.manifest.vendors;
    let budget = |vendor| budget_per_sec(vendors, vendor);
    let share = |(vendor, range): (&Vendor, &RequestRange)| VendorShare {
        vendor: *vendor,
        least: range.low,
        most: range.high,
        per_sec: budget(*vendor),
        longest_secs: budget(*vendor).map(|per_sec| f64::from(range.high) / per_sec),
    };
    DryRun {
        schema: SCHEMA,
        scan: plan.manifest.scan.clone(),
        tickers: plan.manifest.tickers.clone(),
        live: plan.live.clone(),
        vendors: plan.estimate.requests.iter().map(share).collect(),
        made: plan.requests.clone(),
        gateways: vendors
            .gateways
            .as_ref()
            .map(|gateways| Bought { names: gateways.names.clone(), longest_secs_without: without_gateways(plan) }),
        shortest_secs: plan.estimate.seconds_low,
        longest_secs: plan.estimate.seconds,
    }
}

/// For people.
#[must_use]
pub fn render(plan: &DryRun) -> String {
    let mut text = format!("Scan      {} (dry run: nothing was analysed or stored)\n", plan.scan);
    let names: Vec<&str> = plan.tickers.iter().map(Ticker::as_str).collect();
    text += &wrap(&format!("Tickers   {}: {}", names.len(), names.join(" ")), 10);
    if !plan.live.is_empty() {
        let names: Vec<&str> = plan.live.iter().map(Ticker::as_str).collect();
        text += &wrap(&format!("          of these with a live trade: {}", names.join(" ")), 10);
    }
    for share in &plan.vendors {
        let requests = if share.least == share.most {
            share.most.to_string()
        } else {
            format!("{} to {}", share.least, share.most)
        };
        let budget = share.per_sec.map_or_else(|| "unlimited".to_owned(), |per_sec| format!("{per_sec}/s"));
        let time = share.longest_secs.map_or_else(String::new, |secs| format!(", at most {}", duration(secs)));
        let _ = writeln!(text, "Requests  {:<7} {requests} at {budget}{time}", share.vendor);
    }
    let (least, most) = (duration(plan.shortest_secs), duration(plan.longest_secs));
    let _ = writeln!(text, "Time      {least} to {most} at these budgets");
    if let Some(bought) = plan.gateways.as_ref().filter(|bought| bought.names.is_empty()) {
        let least = duration(bought.longest_secs_without);
        text += &wrap(
            &format!(
                "Gateways  in every Region that is enabled for the account; this plan counts one, which takes at most \
                 {least} (name some in gateways.regions to see what they buy)"
            ),
            10,
        );
    } else if let Some(bought) = &plan.gateways {
        let without = duration(bought.longest_secs_without);
        let (n, names) = (bought.names.len(), bought.names.join(" "));
        let addresses = if n == 1 { "address" } else { "addresses" };
        text += &wrap(&format!("Gateways  {n} {addresses}: {names}; from one, at most {without}"), 10);
    }
    for (vendor, n) in &plan.made.vendors {
        let _ = writeln!(text, "Made      {n} to {vendor}, to read the universe");
    }
    text
}

/// `45 s`, `12 min`, `2 h 05 min`.
#[must_use]
pub fn duration(secs: f64) -> String {
    let whole = secs.ceil() as u64;
    match whole {
        0..120 => format!("{whole} s"),
        120..7200 => format!("{} min", whole.div_ceil(60)),
        7200.. => format!("{} h {:02} min", whole / 3600, whole % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Settings, manifest_template};

    #[test]
    fn the_plan_says_who_is_asked_how_often_and_how_long_it_takes() {
        let tickers: Vec<Ticker> = ["AAPL", "MSFT"].iter().map(|t| Ticker::parse(t).unwrap()).collect();
        let scan = ScanId::parse("x-20261120-1000").unwrap();
        let now = jiff::Timestamp::UNIX_EPOCH;
        let mut manifest = manifest_template(&Settings::default(), &scan, "AAPL,MSFT", None, now);
        manifest.tickers.clone_from(&tickers);
        let estimate = estimate(&tickers, &manifest.vendors, 0);
        let live = vec![tickers[1].clone()];
        let plan = Plan { manifest, universe: None, live, estimate, requests: RequestCounts::default() };
        let text = render(&dry_run(&plan));
        for part in
            ["Tickers   2: AAPL MSFT\n", "with a live trade: MSFT\n", "Requests  cboe    2 at 2/s, at most 1 s\n"]
        {
            assert!(text.contains(part), "{part:?} is not in\n{text}");
        }
    }

    #[test]
    fn the_plan_says_what_gateways_buy() {
        let tickers: Vec<Ticker> = (0..100).map(|n| Ticker::parse(&format!("T{n}")).unwrap()).collect();
        let scan = ScanId::parse("x-20261120-1000").unwrap();
        let settings = Settings::default();
        let mut manifest = manifest_template(&settings, &scan, "T0", None, jiff::Timestamp::UNIX_EPOCH);
        let names = vec!["us-east-1".to_owned(), "us-west-2".to_owned()];
        manifest.vendors = crate::config::through_gateways(&settings, manifest.vendors, scan.to_string(), names);
        manifest.tickers.clone_from(&tickers);
        let estimate = estimate(&tickers, &manifest.vendors, 0);
        let plan = Plan { manifest, universe: None, live: Vec::new(), estimate, requests: RequestCounts::default() };
        let text = render(&dry_run(&plan));
        // 1302 requests of Yahoo at 2 × 2 a second, or at 2.
        for part in [
            "yahoo   0 to 1302 at 4/s, at most 6 min\n",
            "2 addresses: us-east-1 us-west-2; from one, at most 11 min\n",
        ] {
            assert!(text.contains(part), "{part:?} is not in\n{text}");
        }
    }

    #[test]
    fn gateways_whose_number_nobody_knows_count_as_one() {
        let tickers: Vec<Ticker> = (0..100).map(|n| Ticker::parse(&format!("T{n}")).unwrap()).collect();
        let scan = ScanId::parse("x-20261120-1000").unwrap();
        let settings = Settings::default();
        let mut manifest = manifest_template(&settings, &scan, "T0", None, jiff::Timestamp::UNIX_EPOCH);
        manifest.tickers.clone_from(&tickers);
        let through =
            crate::config::through_gateways(&settings, manifest.vendors.clone(), scan.to_string(), Vec::new());
        let estimate = estimate(&tickers, &manifest.vendors, 0);
        let plan = Plan { manifest, universe: None, live: Vec::new(), estimate, requests: RequestCounts::default() };
        let text = render(&dry_run(&plan.with_vendors(through)));
        for part in ["yahoo   0 to 1302 at 2/s, at most 11 min\n", "in every Region that is enabled"] {
            assert!(text.contains(part), "{part:?} is not in\n{text}");
        }
        assert!(!text.contains("0/s") && !text.contains("inf"), "{text}");
    }

    #[test]
    fn durations_read_well() {
        let texts = [(0.2, "1 s"), (119.0, "119 s"), (121.0, "3 min"), (7500.0, "2 h 05 min")];
        for (secs, text) in texts {
            assert_eq!(duration(secs), text);
        }
    }
}
