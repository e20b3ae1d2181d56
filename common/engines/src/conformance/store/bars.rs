//! Promises about the cache of daily bars.

use fleet_core::domain::{BarSeries, Instrument, KeptBars, OccSymbol};

use super::super::{Kept, ensure_eq};
use super::fixture::StoreFixture;
use super::samples::{bars, session, ticker};

/// The newest bars of an earlier session are found until newer ones of the instrument are kept, or a second session has
/// begun since.
pub async fn bars_of_the_session_before_are_found(at: &dyn StoreFixture) -> Result<(), String> {
    let earlier = async |of: &Instrument, day| at.store().earlier_bars(of, session(day)).await.kept("reading bars");
    let keep = async |day, bars: &KeptBars| at.store().cache_bars(session(day), bars).await.kept("keeping bars");
    let bars = |of: Instrument, close| KeptBars { series: bars(of, close), whole_in: Some(session(16)) };
    let underlying = |name| Instrument::Underlying(ticker(name));
    let (aapl, tsla, f) = (underlying("AAPL"), underlying("TSLA"), underlying("F"));
    ensure_eq!(earlier(&aapl, 19).await?, None, "earlier bars before any");
    let (first, others) = (bars(aapl.clone(), 200.0), bars(tsla.clone(), 300.0));
    keep(17, &first).await?;
    keep(17, &others).await?;
    ensure_eq!(earlier(&aapl, 17).await?, None, "bars of the session itself are not earlier");
    // The sessions need not follow each other.
    keep(19, &bars(f.clone(), 10.0)).await?;
    ensure_eq!(earlier(&aapl, 19).await?, Some((session(17), first)), "bars of the session before");
    let second = bars(aapl.clone(), 201.0);
    keep(19, &second).await?;
    ensure_eq!(earlier(&aapl, 19).await?, None, "earlier bars that newer ones replaced");
    ensure_eq!(earlier(&aapl, 20).await?, Some((session(19), second.clone())), "the newest earlier bars");
    ensure_eq!(earlier(&tsla, 20).await?, Some((session(17), others)), "bars of another instrument");
    keep(20, &bars(f, 11.0)).await?;
    ensure_eq!(earlier(&tsla, 20).await?, None, "bars of two sessions before");
    ensure_eq!(earlier(&aapl, 20).await?, Some((session(19), second)), "bars of the newest session before");
    Ok(())
}

/// Bars are found in the session they were fetched in, by instrument; a later session's replace them.
pub async fn bars_are_kept_for_their_session_only(at: &dyn StoreFixture) -> Result<(), String> {
    let read = async |of: &Instrument, day| at.store().cached_bars(of, session(day)).await.kept("reading bars");
    let keep = async |day, series: &BarSeries| {
        let bars = KeptBars { series: series.clone(), whole_in: None };
        at.store().cache_bars(session(day), &bars).await.kept("keeping bars")
    };
    let aapl = Instrument::Underlying(ticker("AAPL"));
    let contract = Instrument::Contract(OccSymbol::parse("AAPL270319C00200000").kept("naming a contract")?);
    ensure_eq!(read(&aapl, 19).await?, None, "bars before any");
    let (first, option) = (bars(aapl.clone(), 200.0), bars(contract.clone(), 2.0));
    keep(19, &first).await?;
    keep(19, &option).await?;
    ensure_eq!(read(&aapl, 19).await?, Some(first), "bars of this session");
    ensure_eq!(read(&contract, 19).await?, Some(option), "bars of a contract");
    ensure_eq!(read(&aapl, 20).await?, None, "bars of the next session, before they are fetched");
    let corrected = bars(aapl.clone(), 201.0);
    keep(19, &corrected).await?;
    ensure_eq!(read(&aapl, 19).await?, Some(corrected), "bars fetched again in the same session");
    let next = bars(aapl.clone(), 202.0);
    keep(20, &next).await?;
    ensure_eq!(read(&aapl, 20).await?, Some(next.clone()), "bars of the next session");
    ensure_eq!(read(&aapl, 19).await?, None, "bars of the session before");
    // An older scan that is resumed after others have begun the new session.
    let late = bars(contract.clone(), 3.0);
    keep(19, &late).await?;
    keep(20, &late).await?;
    ensure_eq!(read(&contract, 19).await?, None, "bars of the session before, kept late");
    ensure_eq!(read(&aapl, 20).await?, Some(next), "bars of the next session, after some that came late");
    ensure_eq!(read(&contract, 20).await?, Some(late), "bars of a contract in the next session");
    Ok(())
}
