//! `ranking`: the contracts the newest scan ranked, read back from the store, best first.

use fleet_core::domain::{ScanId, Ticker};
use fleet_core::seams::Store;
use fleet_worker::explanation;

use crate::args::{Format, Global, RankingArgs};
use crate::commands::context;
use crate::failure::{Exit, Failure, chain};
use crate::report::ranking::{self, RankedRow};
use crate::{markets, output};

/// Prints it.
pub async fn run(global: &Global, args: &RankingArgs) -> Result<Exit, Failure> {
    let given = match &args.ticker {
        None => None,
        Some(text) => Some(Ticker::parse(text).map_err(|error| Failure::usage(error.to_string()))?),
    };
    let settings = context::configure(global, Vec::new())?.settings;
    let store = markets::existing_store(&settings).await?;
    let (scan, tickers) = match given {
        Some(ticker) => (None, vec![ticker]),
        None => newest(store.as_ref()).await?,
    };
    let mut rows = Vec::new();
    for ticker in &tickers {
        rows.extend(of_ticker(store.as_ref(), scan.as_ref(), ticker).await?);
    }
    if rows.is_empty() {
        return Err(Failure::usage("the newest scan ranked no contract")
            .hint("ranking.enabled = true in the configuration makes the next scan rank them"));
    }
    let ranking = ranking::ranking(rows, usize::try_from(args.top).ok().filter(|top| *top > 0));
    output::print(&match global.format {
        Format::Table => ranking::render(&ranking),
        Format::Json => output::json(&ranking)?,
        Format::Csv => ranking::csv(&ranking),
    })?;
    Ok(Exit::Done)
}

/// The newest scan that was planned, and its tickers.
async fn newest(store: &dyn Store) -> Result<(Option<ScanId>, Vec<Ticker>), Failure> {
    let Some(summary) = store.list_scans(1).await?.into_iter().next() else { return Ok((None, Vec::new())) };
    let manifest = store.manifest(&summary.scan).await?;
    Ok((Some(summary.scan), manifest.map(|manifest| manifest.tickers).unwrap_or_default()))
}

/// The ranked contracts of a ticker; of this scan, if one is named.
async fn of_ticker(store: &dyn Store, scan: Option<&ScanId>, ticker: &Ticker) -> Result<Vec<RankedRow>, Failure> {
    let Some((of, blob)) = store.explanation(ticker).await? else { return Ok(Vec::new()) };
    if scan.is_some_and(|scan| *scan != of) {
        return Ok(Vec::new());
    }
    let contracts = explanation::unpack(&blob)
        .map_err(|error| Failure::broken(format!("the explanation of {ticker} cannot be read: {}", chain(&error))))?;
    Ok(contracts.iter().filter_map(|contract| RankedRow::of(&of, contract)).collect())
}
