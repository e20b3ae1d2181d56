//! Daily bars from Yahoo's chart. Needs no crumb; a session that exists is sent along, as a browser would.

use fleet_core::domain::{BarSeries, Instrument};
use fleet_core::seams::{FetchFailure, RequestTally};
use jiff::{SignedDuration, Timestamp};

use super::{VendorMarket, Yahoo};
use crate::vendors::yahoo;

/// Calendar days that hold about so many sessions, and some: 252 sessions a year, and ten days for holidays and a
/// weekend at either end.
const fn calendar_days(sessions: u32) -> i64 {
    sessions as i64 * 365 / 252 + 10
}

impl VendorMarket {
    pub(super) async fn yahoo_bars(
        &self,
        site: &Yahoo,
        instrument: &Instrument,
        sessions: u32,
        until: Timestamp,
        tally: &RequestTally,
    ) -> Result<BarSeries, FetchFailure> {
        let span = SignedDuration::from_hours(24 * calendar_days(sessions));
        let from = until.saturating_sub(span).unwrap_or(Timestamp::UNIX_EPOCH);
        let url = |_: Option<&str>| yahoo::urls::bars(&site.bases.query, instrument, from, until);
        let answer = self
            .ask_yahoo(site, url, tally, |reply| {
                yahoo::parse::bars(&reply.body, instrument).map_err(|error| error.into_failure())
            })
            .await;
        match (answer, instrument) {
            // A contract that never traded is not known to the chart.
            (Err(FetchFailure::NotFound), Instrument::Contract(_)) => Ok(empty(instrument)),
            (Err(FetchFailure::VendorError { description, .. }), _) if is_no_data(&description) => {
                Ok(empty(instrument))
            }
            (answer, _) => answer,
        }
    }
}

/// "Data doesn't exist for startDate = …, endDate = …": the range is outside the instrument's life.
fn is_no_data(description: &str) -> bool {
    description.to_ascii_lowercase().starts_with("data doesn't exist")
}

fn empty(instrument: &Instrument) -> BarSeries {
    BarSeries { instrument: instrument.clone(), bars: Vec::new(), last_split: None, incomplete: 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_year_of_sessions_is_a_year_and_some() {
        assert_eq!(calendar_days(252), 375);
        assert_eq!(calendar_days(0), 10);
    }
}
