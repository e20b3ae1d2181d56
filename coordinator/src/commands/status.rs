//! `status`: where a scan stands, from another terminal.

use fleet_core::domain::ScanId;
use fleet_core::seams::{Clock as _, ScanSummary, Store, SystemClock};

use crate::args::{Format, Global, StatusArgs};
use crate::commands::context;
use crate::config::FlagValue;
use crate::failure::{Exit, Failure};
use crate::report::status::{StatusInput, render, status};
use crate::{markets, output};

/// Scans looked through for the one that is meant.
const LISTED: u32 = 10_000;

/// Prints it.
pub async fn run(global: &Global, args: &StatusArgs) -> Result<Exit, Failure> {
    let queue =
        args.queue.as_ref().map(|url| FlagValue { key: "queue.url", flag: "--queue", value: url.clone().into() });
    let settings = context::configure(global, queue.into_iter().collect())?.settings;
    let store = markets::existing_store(&settings).await?;
    let summary = chosen(store.as_ref(), args.scan.as_deref()).await?;
    let backlog = markets::backlog(&settings, &summary.scan).await;
    let read = StatusInput {
        manifest: store.manifest(&summary.scan).await?,
        lease: store.lease(&summary.scan).await?,
        attempts: store.attempts_counted(&summary.scan).await?,
        workers: store.workers().await?,
        budgets: store.budget_stands().await?,
        backlog,
        now: SystemClock.now(),
        summary,
    };
    let status = status(read);
    output::print(&match global.format {
        Format::Table => render(&status),
        Format::Json => output::json(&status)?,
        Format::Csv => return Err(Failure::usage("a status is no list; use --format table or json")),
    })?;
    Ok(Exit::Done)
}

/// The scan that was named; else the newest that is not finished, else the newest.
async fn chosen(store: &dyn Store, named: Option<&str>) -> Result<ScanSummary, Failure> {
    let scans = store.list_scans(LISTED).await?;
    if let Some(text) = named {
        let id = ScanId::parse(text).map_err(|error| Failure::usage(error.to_string()))?;
        return scans.into_iter().find(|scan| scan.scan == id).ok_or_else(|| {
            Failure::usage(format!("there is no scan {id} in the store")).hint("`optionfleet scans` lists them")
        });
    }
    let unfinished = scans.iter().position(|scan| scan.state != fleet_core::domain::ScanState::Done);
    scans
        .into_iter()
        .nth(unfinished.unwrap_or(0))
        .ok_or_else(|| Failure::broken("the store holds no scan yet").hint("`optionfleet scan` begins one"))
}
