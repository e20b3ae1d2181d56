//! `explain CONTRACT`: every gate, check and number of one contract in the newest scan. `explain TICKER`: the numbers of
//! an underlying.

use std::collections::BTreeSet;

use fleet_core::domain::{OccSymbol, ScanId, StoredOutcome, Ticker};
use fleet_core::seams::Store;
use fleet_worker::explanation;

use crate::args::{ExplainArgs, Format, Global};
use crate::commands::context;
use crate::failure::{Exit, Failure, chain};
use crate::report::{explained, explained_underlying};
use crate::{markets, output};

/// Scans whose tickers are looked through for the one a root may belong to.
const RECENT_SCANS: u32 = 5;

/// Prints it.
pub async fn run(global: &Global, args: &ExplainArgs) -> Result<Exit, Failure> {
    let text = args.contract.trim().to_ascii_uppercase();
    let symbol = match (OccSymbol::parse(&text), Ticker::parse(&text)) {
        (Ok(symbol), _) => symbol,
        (Err(_), Ok(ticker)) => return run_underlying(global, &ticker, asked_scan(args)?).await,
        (Err(error), Err(_)) => return Err(Failure::usage(error.to_string())),
    };
    let given = match &args.ticker {
        None => None,
        Some(text) => Some(Ticker::parse(text).map_err(|error| Failure::usage(error.to_string()))?),
    };
    let asked = asked_scan(args)?;
    let settings = context::configure(global, Vec::new())?.settings;
    let store = markets::existing_store(&settings).await?;
    let tickers = match given {
        Some(ticker) => vec![ticker],
        None => possible_underlyings(store.as_ref(), &symbol).await?,
    };
    let mut others = Vec::new();
    for ticker in &tickers {
        let Some((scan, blob)) = store.explanation(ticker).await? else { continue };
        if asked.as_ref().is_some_and(|asked| *asked != scan) {
            others.push(format!("of {ticker} it is {scan}"));
            continue;
        }
        let contracts = explanation::unpack(&blob).map_err(|error| {
            Failure::broken(format!("the explanation of {ticker} cannot be read: {}", chain(&error)))
        })?;
        if let Some(contract) = contracts.iter().find(|contract| *contract.symbol() == symbol) {
            let stored = outcome_of(store.as_ref(), &scan, ticker).await?;
            let finding = stored.as_ref().and_then(StoredOutcome::finding);
            let newest = store.list_scans(1).await?.into_iter().next().map(|summary| summary.scan);
            let told = explained::explained(&scan, newest.filter(|newest| *newest != scan), contract, finding);
            let text = match global.format {
                Format::Table => explained::render(&told),
                Format::Json => output::json(&told)?,
                Format::Csv => return Err(Failure::usage("an explanation is no list; use --format table or json")),
            };
            output::print(&text)?;
            return Ok(Exit::Done);
        }
    }
    if let (Some(asked), false) = (&asked, others.is_empty()) {
        return Err(Failure::usage(format!(
            "contracts are explained as the newest scan of their underlying left them; {}, not {asked}",
            others.join(", ")
        ))
        .hint("without --scan that one is told; `explain TICKER --scan ID` has the underlying's numbers of any stored scan"));
    }
    let names: Vec<&str> = tickers.iter().map(Ticker::as_str).collect();
    Err(Failure::usage(format!("the newest scan knows nothing of {symbol} (looked under {})", names.join(", ")))
        .hint("scan its underlying first; where the root does not tell it, add --ticker"))
}

/// The scan that was named.
fn asked_scan(args: &ExplainArgs) -> Result<Option<ScanId>, Failure> {
    args.scan.as_deref().map(ScanId::parse).transpose().map_err(|error| Failure::usage(error.to_string()))
}

/// Prints what is known of an underlying, in the newest scan or in the one that was asked for.
async fn run_underlying(global: &Global, ticker: &Ticker, asked: Option<ScanId>) -> Result<Exit, Failure> {
    let settings = context::configure(global, Vec::new())?.settings;
    let store = markets::existing_store(&settings).await?;
    let unknown = || {
        let scan =
            asked.as_ref().map_or_else(|| "no scan has an answer".to_owned(), |asked| format!("{asked} has no answer"));
        Failure::usage(format!("{scan} for {ticker}"))
            .hint("scan it first; a contract is named by its whole symbol, as AAPL270319C00250000")
    };
    let scan = match &asked {
        Some(asked) => asked.clone(),
        None => store.explanation(ticker).await?.ok_or_else(unknown)?.0,
    };
    let stored = outcome_of(store.as_ref(), &scan, ticker).await?;
    let finding = stored.as_ref().and_then(StoredOutcome::finding).ok_or_else(unknown)?;
    // Whoever names a scan knows that there are others.
    let newest = match asked {
        Some(_) => None,
        None => store.list_scans(1).await?.into_iter().next().map(|summary| summary.scan),
    };
    let told = explained_underlying::explained(&scan, newest.filter(|newest| *newest != scan), finding);
    let text = match global.format {
        Format::Table => explained_underlying::render(&told),
        Format::Json => output::json(&told)?,
        Format::Csv => return Err(Failure::usage("an explanation is no list; use --format table or json")),
    };
    output::print(&text)?;
    Ok(Exit::Done)
}

/// How a scan accounted for a ticker.
async fn outcome_of(store: &dyn Store, scan: &ScanId, ticker: &Ticker) -> Result<Option<StoredOutcome>, Failure> {
    let Some(manifest) = store.manifest(scan).await? else { return Ok(None) };
    let place = manifest.tickers.iter().position(|planned| planned == ticker).and_then(|n| u32::try_from(n).ok());
    let Some(place) = place else { return Ok(None) };
    Ok(store.outcomes(scan, place..place + 1).await?.pop())
}

/// A root is not a ticker, but begins like one: `AAPL1`, `SPXW`, `BRKB`. The scans' own tickers decide.
async fn possible_underlyings(store: &dyn Store, symbol: &OccSymbol) -> Result<Vec<Ticker>, Failure> {
    let root = symbol.root.as_str();
    let mut known = BTreeSet::new();
    for summary in store.list_scans(RECENT_SCANS).await? {
        known.extend(store.manifest(&summary.scan).await?.into_iter().flat_map(|manifest| manifest.tickers));
    }
    let begins = |ticker: &Ticker| root.starts_with(&ticker.as_str().replace('.', ""));
    let mut possible: Vec<Ticker> = known.into_iter().filter(begins).collect();
    possible.sort_by_key(|ticker| std::cmp::Reverse(ticker.as_str().len()));
    if possible.is_empty() {
        possible.extend(Ticker::parse(root).ok());
    }
    Ok(possible)
}
