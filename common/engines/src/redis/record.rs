//! How a trade record is put together again: its body as it was proposed, and beside it what has changed since. So no
//! script ever looks into a body.

use fleet_core::domain::{Confirmation, Exit, Fill, Mark, TradeRecord, TradeState};
use fleet_core::seams::StoreError;
use fleet_core::wire::Wire;
use serde::{Deserialize, Serialize};

use super::reply::Row;

/// A fill beside its trade.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct StoredFill(pub(super) Fill);

/// An exit beside its trade.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct StoredExit(pub(super) Exit);

/// A confirmation beside its trade.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct StoredConfirmation(pub(super) Confirmation);

impl Wire for StoredConfirmation {
    const NAME: &'static str = "confirmation";
    const VERSION: u32 = 1;
}

impl Wire for StoredFill {
    const NAME: &'static str = "fill";
    const VERSION: u32 = 1;
}

impl Wire for StoredExit {
    const NAME: &'static str = "exit";
    const VERSION: u32 = 1;
}

const STATES: [TradeState; 6] = [
    TradeState::Proposed,
    TradeState::Pending,
    TradeState::Open,
    TradeState::Lapsed,
    TradeState::Capped,
    TradeState::Closed,
];

/// The trade in the list that comes next: body, state, ignored, fill, exit, last mark, confirmation.
pub(super) fn trade(row: &mut Row) -> Result<TradeRecord, StoreError> {
    let body: TradeRecord = row.whole()?;
    let state = row.parsed("trade state", state)?;
    let ignored = row.int()? == 1;
    let fill = row.body()?.map(|StoredFill(fill)| fill);
    let exit = row.body()?.map(|StoredExit(exit)| exit);
    let last_mark: Option<Mark> = row.body()?;
    let confirmation = row.body()?.map(|StoredConfirmation(confirmation)| confirmation);
    Ok(TradeRecord {
        state,
        ignored,
        fill: fill.or(body.fill),
        exit: exit.or(body.exit),
        last_mark: last_mark.or(body.last_mark),
        confirmation: confirmation.or(body.confirmation),
        ..body
    })
}

pub(super) fn state(word: &str) -> Result<TradeState, ()> {
    STATES.into_iter().find(|state| state.word() == word).ok_or(())
}
