//! Daily bars of a session and of the newest one before it. A cache: it may forget, it never invents.
//!
//! Its size is bounded twice: the first series of a new session clears those of all but the newest earlier one; and at
//! [`MAX_SERIES`] earlier sessions' make room, then nothing more is kept (the vendor is asked again).

use async_trait::async_trait;
use fleet_core::domain::{BarSeries, Instrument, KeptBars};
use fleet_core::seams::{BarCache, StoreError};
use jiff::civil::Date;

use super::call::Again;
use super::{RedisStore, scripts};
use crate::sqlite::MAX_SERIES;

#[async_trait]
impl BarCache for RedisStore {
    async fn cached_bars(&self, instrument: &Instrument, session: Date) -> Result<Option<BarSeries>, StoreError> {
        let call = self.call(&scripts::BARS).text("read").text(&session.to_string()).text(&key(instrument));
        call.send(Again::Safe).await?.ok()?.body()
    }

    async fn earlier_bars(
        &self,
        instrument: &Instrument,
        session: Date,
    ) -> Result<Option<(Date, KeptBars)>, StoreError> {
        let call = self.call(&scripts::BARS).text("earlier").text(&session.to_string()).text(&key(instrument));
        let mut reply = call.send(Again::Safe).await?.ok()?;
        let Some(bars) = reply.body()? else { return Ok(None) };
        Ok(Some((reply.parsed("date", |text| text.parse::<Date>())?, bars)))
    }

    async fn cache_bars(&self, session: Date, bars: &KeptBars) -> Result<(), StoreError> {
        let key = key(&bars.series.instrument);
        let call = self.call(&scripts::BARS).text("keep").text(&session.to_string()).text(&key);
        call.body(bars)?.int(MAX_SERIES).send(Again::Safe).await?.ok().map(drop)
    }
}

/// Tickers and contracts are kept apart by their first letter.
fn key(instrument: &Instrument) -> String {
    match instrument {
        Instrument::Underlying(ticker) => format!("u:{ticker}"),
        Instrument::Contract(symbol) => format!("c:{symbol}"),
    }
}
