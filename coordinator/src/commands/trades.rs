//! `trades`: paper trades by state; one in full; ignore and close.

use jiff::Timestamp;

use fleet_core::domain::{Exit as Sold, ExitReason, Price, Ticker, TradeId, TradeRecord, TradeState};
use fleet_core::seams::{TradeFilter, Trades as _};
use fleet_engines::sqlite::SqliteStore;

use crate::args::{Format, Global, ListArgs, TradesArgs, TradesCommand};
use crate::commands::context;
use crate::failure::{Exit, Failure};
use crate::report::trades as report;
use crate::{markets, output};

/// Does what was asked.
pub async fn run(global: &Global, args: &TradesArgs) -> Result<Exit, Failure> {
    let settings = context::configure(global, Vec::new())?.settings;
    let store = markets::existing_store(&settings)?;
    let text = match &args.act {
        None => listed(global.format, &store, None, &args.listing).await?,
        Some(TradesCommand::Proposed(list)) => listed(global.format, &store, Some(TradeState::Proposed), list).await?,
        Some(TradesCommand::Pending(list)) => listed(global.format, &store, Some(TradeState::Pending), list).await?,
        Some(TradesCommand::Open(list)) => listed(global.format, &store, Some(TradeState::Open), list).await?,
        Some(TradesCommand::Lapsed(list)) => listed(global.format, &store, Some(TradeState::Lapsed), list).await?,
        Some(TradesCommand::Capped(list)) => listed(global.format, &store, Some(TradeState::Capped), list).await?,
        Some(TradesCommand::Closed(list)) => listed(global.format, &store, Some(TradeState::Closed), list).await?,
        Some(TradesCommand::Show { id }) => shown(global.format, &store, &find(&store, id).await?).await?,
        Some(TradesCommand::Ignore { id }) => {
            let found = find(&store, id).await?;
            store.ignore_trade(&found.id).await?;
            shown(global.format, &store, &found).await?
        }
        Some(TradesCommand::Close { id, price }) => {
            let found = find(&store, id).await?;
            close(&store, &found, *price).await?;
            shown(global.format, &store, &found).await?
        }
    };
    output::print(&text)?;
    Ok(Exit::Done)
}

async fn listed(
    format: Format,
    store: &SqliteStore,
    state: Option<TradeState>,
    list: &ListArgs,
) -> Result<String, Failure> {
    let underlying = match &list.ticker {
        None => None,
        Some(text) => Some(Ticker::parse(text).map_err(|error| Failure::usage(error.to_string()))?),
    };
    let filter =
        TradeFilter { state, underlying, controls: list.controls, limit: list.limit, ..TradeFilter::default() };
    let trades = store.trades(&filter).await?;
    Ok(match format {
        Format::Table => report::table(&trades),
        Format::Json => output::json(&report::list(&trades))?,
        Format::Csv => report::csv(&trades),
    })
}

async fn shown(format: Format, store: &SqliteStore, found: &TradeRecord) -> Result<String, Failure> {
    let (trade, marks) =
        store.trade(&found.id).await?.ok_or_else(|| Failure::usage(format!("there is no trade {}", found.id)))?;
    Ok(match format {
        Format::Table => report::show(&trade, &marks),
        Format::Json => output::json(&report::detail(&trade, &marks))?,
        Format::Csv => report::csv(&[trade]),
    })
}

/// A trade by its id or by a beginning that only it has.
async fn find(store: &SqliteStore, text: &str) -> Result<TradeRecord, Failure> {
    let id = TradeId::from_user(text);
    if let Some((trade, _)) = store.trade(&id).await? {
        return Ok(trade);
    }
    let all = store.trades(&TradeFilter { controls: true, ..TradeFilter::default() }).await?;
    let mut matching: Vec<TradeRecord> =
        all.into_iter().filter(|trade| !id.as_str().is_empty() && trade.id.as_str().starts_with(id.as_str())).collect();
    match (matching.len(), matching.pop()) {
        (1, Some(trade)) => Ok(trade),
        (0, _) | (_, None) => {
            Err(Failure::usage(format!("there is no trade `{text}`")).hint("`optionfleet trades` lists them"))
        }
        (n, Some(_)) => Err(Failure::usage(format!("{n} trades begin with `{text}`")).hint("give more of the id")),
    }
}

async fn close(store: &SqliteStore, trade: &TradeRecord, price: f64) -> Result<(), Failure> {
    let price = Price::from_dollars(price).map_err(|error| Failure::usage(format!("--price: {error}")))?;
    let Some(fill) = &trade.fill else {
        return Err(Failure::usage(format!("trade {} is {}, not open", trade.id, trade.state.word()))
            .hint("only an open trade can be closed; `optionfleet trades open` lists them"));
    };
    let sold = Sold::book(Timestamp::now(), fill.price, price, ExitReason::Manual, trade.plan.commission);
    store.close_trade(&trade.id, &sold).await?;
    Ok(())
}
