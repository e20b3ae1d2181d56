//! `trades`: paper trades by state; one in full; ignore and close.

use jiff::Timestamp;

use fleet_core::domain::{ExitReason, Fill, Price, Ticker, TradeId, TradeRecord, TradeState};
use fleet_core::seams::{Store, TradeFilter};

use crate::args::{Format, Global, ListArgs, TradesArgs, TradesCommand};
use crate::commands::context;
use crate::failure::{Exit, Failure};
use crate::report::trades as report;
use crate::{markets, output};

/// Does what was asked.
pub async fn run(global: &Global, args: &TradesArgs) -> Result<Exit, Failure> {
    let settings = context::configure(global, Vec::new())?.settings;
    let store = markets::existing_store(&settings).await?;
    let text = match &args.act {
        None => listed(global.format, store.as_ref(), None, &args.listing).await?,
        Some(TradesCommand::Proposed(list)) => {
            listed(global.format, store.as_ref(), Some(TradeState::Proposed), list).await?
        }
        Some(TradesCommand::Pending(list)) => {
            listed(global.format, store.as_ref(), Some(TradeState::Pending), list).await?
        }
        Some(TradesCommand::Open(list)) => listed(global.format, store.as_ref(), Some(TradeState::Open), list).await?,
        Some(TradesCommand::Lapsed(list)) => {
            listed(global.format, store.as_ref(), Some(TradeState::Lapsed), list).await?
        }
        Some(TradesCommand::Capped(list)) => {
            listed(global.format, store.as_ref(), Some(TradeState::Capped), list).await?
        }
        Some(TradesCommand::Closed(list)) => {
            listed(global.format, store.as_ref(), Some(TradeState::Closed), list).await?
        }
        Some(TradesCommand::Show { id }) => {
            shown(global.format, store.as_ref(), &find(store.as_ref(), id).await?).await?
        }
        Some(TradesCommand::Ignore { id }) => {
            let found = find(store.as_ref(), id).await?;
            store.ignore_trade(&found.id).await?;
            match global.format {
                Format::Table => format!("No more notices of {} ({}); it is still followed.\n", found.id, found.symbol),
                Format::Json | Format::Csv => shown(global.format, store.as_ref(), &found).await?,
            }
        }
        Some(TradesCommand::Close { id, price }) => {
            let found = find(store.as_ref(), id).await?;
            close(store.as_ref(), &found, price).await?;
            shown(global.format, store.as_ref(), &found).await?
        }
    };
    output::print(&text)?;
    Ok(Exit::Done)
}

async fn listed(
    format: Format,
    store: &dyn Store,
    state: Option<TradeState>,
    list: &ListArgs,
) -> Result<String, Failure> {
    let underlying = match &list.ticker {
        None => None,
        Some(text) => Some(Ticker::parse(text).map_err(|error| Failure::usage(error.to_string()))?),
    };
    let filter = TradeFilter { state, underlying, controls: list.controls, ..TradeFilter::default() };
    let mut trades = store.trades(&filter).await?;
    report::sort(&mut trades);
    let count = |state| trades.iter().filter(|trade| trade.state == state).count();
    let (capped, lapsed) = (count(TradeState::Capped), count(TradeState::Lapsed));
    let whole = state.is_none() && format == Format::Table;
    if whole {
        trades.retain(|trade| trade.state != TradeState::Capped);
    }
    if list.limit > 0 {
        trades.truncate(usize::try_from(list.limit).unwrap_or(usize::MAX));
    }
    Ok(match format {
        Format::Table if whole => report::table(&trades) + &report::left_out(capped, lapsed),
        Format::Table => report::table(&trades),
        Format::Json => output::json(&report::list(&trades))?,
        Format::Csv => report::csv(&trades),
    })
}

async fn shown(format: Format, store: &dyn Store, found: &TradeRecord) -> Result<String, Failure> {
    let (trade, marks) =
        store.trade(&found.id).await?.ok_or_else(|| Failure::usage(format!("there is no trade {}", found.id)))?;
    Ok(match format {
        Format::Table => report::show(&trade, &marks),
        Format::Json => output::json(&report::detail(&trade, &marks))?,
        Format::Csv => report::csv(&[trade]),
    })
}

/// A trade by its id or by a beginning that only it has.
async fn find(store: &dyn Store, text: &str) -> Result<TradeRecord, Failure> {
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

async fn close(store: &dyn Store, trade: &TradeRecord, price: &str) -> Result<(), Failure> {
    let price = exit_price(price)?;
    let at = trade.fill.as_ref().map(|fill| newest_instant(trade, fill, Timestamp::now()));
    let Some(left) = at.and_then(|at| trade.booked(at, price, ExitReason::Manual)) else {
        return Err(Failure::usage(format!("trade {} is {}, not open", trade.id, trade.state.word()))
            .hint("only an open trade can be closed; `optionfleet trades open` lists them"));
    };
    store.close_trade(&trade.id, &left).await?;
    Ok(())
}

/// When a person left it: now, but never before what is known of the trade. A simulated market has a clock of its
/// own, which may be ahead of this computer's.
fn newest_instant(trade: &TradeRecord, fill: &Fill, now: Timestamp) -> Timestamp {
    now.max(fill.at).max(trade.last_mark.as_ref().map_or(fill.at, |mark| mark.at))
}

/// A price a person typed. Nothing at all must be meant: only `0` says it.
fn exit_price(text: &str) -> Result<Price, Failure> {
    /// No listed option ever cost more for a share.
    const MOST: f64 = 1_000_000.0;
    let refused = |why: &str| {
        Failure::usage(format!("--price {why}"))
            .hint("dollars per share, e.g. --price 22.10; --price 0 if it is worthless")
    };
    if text == "0" {
        return Ok(Price::ZERO);
    }
    let dollars: f64 = text.trim().parse().map_err(|_| refused("is no number"))?;
    if !(dollars.is_sign_positive() && dollars <= MOST) {
        return Err(refused("must be from 0 to 1000000 dollars"));
    }
    match Price::from_dollars(dollars) {
        Ok(Price::ZERO) => Err(refused("is nothing; if that is meant, write --price 0")),
        Ok(price) => Ok(price),
        Err(error) => Err(refused(&format!("is refused: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_sound_and_nothing_is_meant() {
        assert_eq!(exit_price("22.10").unwrap(), Price::from_dollars(22.1).unwrap());
        assert_eq!(exit_price("0").unwrap(), Price::ZERO);
        assert_eq!(exit_price("1000000").unwrap().dollars(), 1_000_000.0);
        for text in ["0.0", "-0", "-0.0", "-1", "0.00001", "1000001", "1e300", "inf", "NaN", "", "ten"] {
            let failure = exit_price(text).unwrap_err();
            assert!(failure.message.starts_with("--price ") && failure.message.len() < 80, "{text}: {failure:?}");
        }
        assert!(exit_price(&"9".repeat(300)).unwrap_err().text().len() < 200);
    }
}
