//! Trades as people and the coordinator read them, and the two things a person may do to one.

use std::collections::BTreeSet;

use async_trait::async_trait;
use fleet_core::domain::{Exit, Mark, NoticeKind, ScanId, Ticker, TradeId, TradeRecord, TradeState};
use fleet_core::seams::{StoreError, TradeFilter, Trades};

use super::call::Again;
use super::record::{self, StoredExit};
use super::reply::{Reply, Row};
use super::{RedisStore, scans, scripts};

/// Trades answered at once: a few KB each. What a worker asks for a ticker, and what a scan decides about, fits in one.
pub(super) const TRADES_A_PAGE: u32 = 250;
/// Trades looked at at once, about 10 ms of the server's time.
const LOOKS_A_PAGE: u32 = 2_500;

#[async_trait]
impl Trades for RedisStore {
    async fn trades(&self, filter: &TradeFilter) -> Result<Vec<TradeRecord>, StoreError> {
        let mut trades = Vec::new();
        let mut seen = BTreeSet::new();
        let mut after = None;
        // Each round goes on after an older trade.
        loop {
            let room = if filter.limit == 0 { u32::MAX } else { filter.limit.saturating_sub(trades.len() as u32) };
            let page = page(self, filter, after.as_ref(), room.min(TRADES_A_PAGE)).await?;
            // One that was read twice because others were added meanwhile counts once.
            trades.extend(page.trades.into_iter().filter(|trade| seen.insert(trade.id.clone())));
            let enough = filter.limit != 0 && trades.len() as u32 >= filter.limit;
            match page.go_on_after {
                Some(last) if !enough => after = Some(last),
                Some(_) | None => return Ok(trades),
            }
        }
    }

    async fn trade(&self, id: &TradeId) -> Result<Option<(TradeRecord, Vec<Mark>)>, StoreError> {
        let answer = self.call(&scripts::TRADE).text("read").text(id.as_str()).send(Again::Safe).await?;
        if answer.word() == "no trade" {
            return Ok(None);
        }
        let mut row = answer.ok()?;
        let trade = record::trade(&mut row.row()?)?;
        Ok(Some((trade, marks(row.row()?)?)))
    }

    async fn portfolio_version(&self) -> Result<u64, StoreError> {
        let mut row = self.call(&scripts::PORTFOLIO).send(Again::Safe).await?.ok()?;
        let version = row.optional_int()?.unwrap_or(0);
        u64::try_from(version).map_err(|_| row.damaged("portfolio version", &version.to_string()))
    }

    async fn live_underlyings(&self) -> Result<Vec<Ticker>, StoreError> {
        let mut row = self.call(&scripts::PORTFOLIO).send(Again::Safe).await?.ok()?;
        row.optional_int()?;
        scans::tickers(&mut row)
    }

    async fn ignore_trade(&self, id: &TradeId) -> Result<TradeRecord, StoreError> {
        let mut call = self.call(&scripts::TRADE).text("ignore").text(id.as_str());
        for kind in [NoticeKind::Buy, NoticeKind::Filled, NoticeKind::Lapsed, NoticeKind::Exit, NoticeKind::Confirmed] {
            call = call.text(&format!("{id}|{}", kind.word()));
        }
        changed(call.send(Again::Safe).await?, id)
    }

    async fn close_trade(&self, id: &TradeId, exit: &Exit) -> Result<TradeRecord, StoreError> {
        let call = self.call(&scripts::TRADE).text("close").text(id.as_str()).body(&StoredExit(exit.clone()))?;
        changed(call.send(Again::Unsafe).await?, id)
    }
}

/// The live trades on an underlying in an answer; asked for by themselves where there are more than fit in it.
pub(super) async fn live(
    store: &RedisStore,
    underlying: &Ticker,
    mut answer: Row,
) -> Result<Vec<TradeRecord>, StoreError> {
    let trades: Vec<TradeRecord> = answer.rows()?.iter_mut().map(record::trade).collect::<Result<_, _>>()?;
    if (trades.len() as u32) < TRADES_A_PAGE {
        return Ok(trades);
    }
    store.trades(&TradeFilter::live_on(underlying)).await
}

fn changed(answer: Reply, id: &TradeId) -> Result<TradeRecord, StoreError> {
    match answer.word() {
        "no trade" => Err(StoreError::NotFound(format!("trade {id}"))),
        "not open" => {
            let state = answer.rest().text()?;
            Err(StoreError::Conflict(format!("trade {id} is {state}; only an open trade can be closed")))
        }
        _ => record::trade(&mut answer.ok()?.row()?),
    }
}

fn marks(mut row: Row) -> Result<Vec<Mark>, StoreError> {
    let mut marks = Vec::new();
    while !row.is_over() {
        marks.push(row.whole()?);
    }
    Ok(marks)
}

/// Some of the trades that fit a filter.
struct Page {
    trades: Vec<TradeRecord>,
    /// Where the next page begins; `None`: there is none.
    go_on_after: Option<Place>,
}

/// A trade in the order of an index.
struct Place {
    id: String,
    signalled_us: String,
}

async fn page(store: &RedisStore, filter: &TradeFilter, after: Option<&Place>, most: u32) -> Result<Page, StoreError> {
    let TradeFilter { state, scan, underlying, live, entry_session, controls, limit: _ } = filter;
    let call = store
        .call(&scripts::LIST_TRADES)
        .text(&index(filter))
        .text(state.map_or("", TradeState::word))
        .text(scan.as_ref().map_or("", ScanId::as_str))
        .text(underlying.as_ref().map_or("", Ticker::as_str))
        .text(if *live { "1" } else { "" })
        .text(&entry_session.map(|day| day.to_string()).unwrap_or_default())
        .int(*controls)
        .text(after.map_or("", |place| &place.signalled_us))
        .text(after.map_or("", |place| &place.id))
        .int(most)
        .int(LOOKS_A_PAGE);
    let mut answer = call.send(Again::Safe).await?.ok()?;
    let (id, signalled_us) = (answer.optional_text()?, answer.optional_text()?);
    let go_on_after = id.zip(signalled_us).map(|(id, signalled_us)| Place { id, signalled_us });
    let trades = answer.rows()?.iter_mut().map(record::trade).collect::<Result<_, _>>()?;
    Ok(Page { trades, go_on_after })
}

/// The smallest index that holds every trade that fits.
fn index(filter: &TradeFilter) -> String {
    let live = filter.live || filter.state.is_some_and(TradeState::is_live);
    match filter {
        TradeFilter { state: Some(TradeState::Proposed), scan: Some(scan), .. } => format!("scan:{scan}:proposed"),
        TradeFilter { state: Some(TradeState::Proposed), scan: None, .. } => "trades:proposed".to_owned(),
        TradeFilter { underlying: Some(ticker), .. } if live => format!("trades:live:{ticker}"),
        _ if live => "trades:live".to_owned(),
        TradeFilter { scan: Some(scan), .. } => format!("trades:scan:{scan}"),
        TradeFilter { underlying: Some(ticker), .. } => format!("trades:underlying:{ticker}"),
        TradeFilter { entry_session: Some(day), .. } => format!("trades:session:{day}"),
        _ => "trades:settled".to_owned(),
    }
}
