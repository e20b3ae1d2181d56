//! `scans`: what is in the store; `scans prune` deletes old ones.

use jiff::Timestamp;
use serde::Serialize;

use fleet_core::domain::calendar::new_york_text;
use fleet_core::seams::ScanSummary;

use crate::args::{Format, Global, ScansArgs, ScansCommand};
use crate::commands::context;
use crate::failure::{Exit, Failure};
use crate::report::SCHEMA;
use crate::report::layout::{Align, Column, grid};
use crate::{markets, output, pruning};

/// More are never wanted on a screen, and a store that is pruned holds fewer.
const LISTED: u32 = 10_000;

#[derive(Serialize)]
struct ScanList<'a> {
    schema: u32,
    scans: &'a [ScanSummary],
}

/// Lists or prunes.
pub async fn run(global: &Global, args: &ScansArgs) -> Result<Exit, Failure> {
    let settings = context::configure(global, Vec::new())?.settings;
    let store = markets::existing_store(&settings).await?;
    match &args.act {
        None => {
            let scans = store.list_scans(LISTED).await?;
            output::print(&listed(global.format, &scans)?)?;
        }
        Some(ScansCommand::Prune { older_than }) => {
            let pruned = store.prune_scans(pruning::ago(Timestamp::now(), *older_than)?, u64::MAX).await?;
            output::print(&format!("{pruned} scan{} deleted; trades stay\n", if pruned == 1 { "" } else { "s" }))?;
        }
    }
    Ok(Exit::Done)
}

fn listed(format: Format, scans: &[ScanSummary]) -> Result<String, Failure> {
    let cells = |scan: &ScanSummary| {
        vec![
            scan.scan.to_string(),
            scan.state.word().to_owned(),
            new_york_text(scan.created_at),
            scan.outcomes.to_string(),
            scan.tickers.to_string(),
        ]
    };
    Ok(match format {
        Format::Json => output::json(&ScanList { schema: SCHEMA, scans })?,
        Format::Csv => scans.iter().fold("scan,state,created,outcomes,tickers\r\n".to_owned(), |text, scan| {
            text + &crate::report::csv::line(&cells(scan))
        }),
        Format::Table if scans.is_empty() => "No scans.\n".to_owned(),
        Format::Table => grid(
            &[
                Column(Align::Left, "", "Scan"),
                Column(Align::Left, "", "State"),
                Column(Align::Left, "Created", "(New York)"),
                Column(Align::Right, "Accounted", "for"),
                Column(Align::Right, "", "Tickers"),
            ],
            &scans.iter().map(cells).collect::<Vec<_>>(),
        ),
    })
}
