//! One instrument's daily bars: from the session's cache, from what waits for a canary, or else from the vendor.
//!
//! Promises: what the store keeps for everybody either came straight from this machine or is vouched for by a canary that
//! went over the same gateway later; what is in doubt is read by nobody. Refuses: to decide which bars are wanted
//! (`scan_ticker` does) and which dates are missing (`bar_range` does).

use fleet_core::domain::calendar;
use fleet_core::domain::{BarSeries, Instrument, KeptBars};
use fleet_core::seams::{FetchError, FetchFailure, StoreError};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use crate::bar_range::{self, Kept};
use crate::in_time;
use crate::scan_ticker::{TickerError, TickerJob};

/// Daily bars, from the session's cache or else from the vendor, who is asked for what an earlier session did not keep.
pub(crate) async fn bars(
    job: &TickerJob<'_>,
    instrument: &Instrument,
    as_of: Timestamp,
) -> Result<BarSeries, TickerError> {
    let coverage = &job.analysis.coverage;
    // A provisional bar is of its minute.
    let session = cache_session(as_of, coverage.bar_final_minutes).filter(|_| !coverage.intraday);
    if let Some(session) = session
        && let Some(series) = in_time::store(job.store.cached_bars(instrument, session)).await?
    {
        return Ok(series);
    }
    if let Some(session) = session
        && let Some((series, passes)) = job.unvouched.find(job.market, instrument, session)
    {
        // An earlier delivery fetched it; the ways it came by are this one's now.
        passes.into_iter().for_each(|pass| job.tally.passed(pass));
        return Ok(series);
    }
    let from = bar_range::first_date(as_of, job.manifest.vendors.bar_sessions_of(instrument));
    let Some(session) = session else { return asked(job, instrument, from, as_of).await };
    let before = job.tally.passes().len();
    let kept = in_time::store(job.store.earlier_bars(instrument, session)).await?;
    let kept = kept.and_then(|kept| Kept::usable(kept, session, from));
    let joined = match kept {
        None => None,
        Some(kept) => {
            let new = asked(job, instrument, kept.from, as_of).await?;
            kept.joined(new, from)
        }
    };
    let bars = match joined {
        Some(bars) => bars,
        None => KeptBars { series: asked(job, instrument, from, as_of).await?, whole_in: Some(session) },
    };
    let passes = job.tally.passes().split_off(before);
    if passes.is_empty() {
        in_time::store(job.store.cache_bars(session, &bars)).await?;
        return Ok(bars.series);
    }
    let series = bars.series.clone();
    job.unvouched.put(session, bars, passes);
    Ok(series)
}

/// Bars from the vendor. A contract it does not know has none.
async fn asked(
    job: &TickerJob<'_>,
    instrument: &Instrument,
    from: Date,
    as_of: Timestamp,
) -> Result<BarSeries, TickerError> {
    match job.market.bars(instrument, from, as_of, job.tally).await {
        Err(FetchError { failure: FetchFailure::NotFound, .. }) if matches!(instrument, Instrument::Contract(_)) => {
            let (instrument, bars) = (instrument.clone(), Vec::new());
            Ok(BarSeries {
                instrument,
                bars,
                last_split: None,
                dividends: Some(Vec::new()),
                incomplete: 0,
                complete_from: None,
            })
        }
        answer => Ok(answer?),
    }
}

/// The session that fetched bars are good for: the one whose close comes next, because until then no daily bar closes.
/// `None` while the newest session's bar is not final yet: bars of that hour belong to no cache, or the next session's
/// scans would take a provisional bar for the last word. `None` too outside the calendar: nothing is cached there.
fn cache_session(as_of: Timestamp, final_minutes: u32) -> Option<Date> {
    let today = calendar::exchange_date(as_of);
    let (closed, close) = match calendar::close_of(today) {
        Some(close) if close <= as_of => (today, close),
        Some(_) | None => {
            let before = calendar::previous_session(today)?;
            (before, calendar::close_of(before)?)
        }
    };
    let is_final = close.checked_add(SignedDuration::from_mins(final_minutes.into())).is_ok_and(|at| at <= as_of);
    if is_final { calendar::next_session(closed) } else { None }
}

/// Gives everybody what canaries have vouched for since, whichever ticker fetched it.
pub(crate) async fn share_vouched(job: &TickerJob<'_>) -> Result<(), StoreError> {
    for (session, bars) in job.unvouched.vouched(job.market) {
        in_time::store(job.store.cache_bars(session, &bars)).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn check(at: &str, session: Option<Date>) {
        assert_eq!(cache_session(at.parse().unwrap(), 45), session, "{at}");
    }

    #[test]
    fn bars_are_good_until_the_next_close() {
        check("2026-11-20T13:00:00Z", Some(date(2026, 11, 20))); // before the open
        check("2026-11-20T20:59:59Z", Some(date(2026, 11, 20))); // within the session
        check("2026-11-22T12:00:00Z", Some(date(2026, 11, 23))); // Sunday
        check("2026-11-25T22:00:00Z", Some(date(2026, 11, 27))); // over Thanksgiving
    }

    #[test]
    fn bars_that_are_not_final_yet_belong_to_no_session() {
        check("2026-11-20T21:00:00Z", None);
        check("2026-11-20T21:44:59Z", None);
        check("2026-11-20T21:45:00Z", Some(date(2026, 11, 23)));
        check("2026-11-27T18:30:00Z", None); // a half day's close was at 18:00
        check("2026-11-27T18:45:00Z", Some(date(2026, 11, 30)));
        // A vendor that needs a day: Friday's bar is final on Saturday, Monday's on Tuesday at the close.
        let slow = |at: &str| cache_session(at.parse().unwrap(), 1440);
        assert_eq!(slow("2026-11-21T20:59:59Z"), None);
        assert_eq!(slow("2026-11-21T21:00:00Z"), Some(date(2026, 11, 23)));
        assert_eq!(slow("2026-11-24T15:00:00Z"), None);
    }
}
