//! Daily bars from Yahoo's chart. Needs no crumb; a session that exists is sent along, as a browser would.

use fleet_core::domain::calendar::at_new_york;
use fleet_core::domain::{BarSeries, Instrument};
use fleet_core::seams::{FetchFailure, RequestTally};
use jiff::Timestamp;
use jiff::civil::Date;

use super::VendorMarket;
use crate::handshake::Bases;
use crate::vendors::yahoo;

impl VendorMarket {
    pub(super) async fn yahoo_bars(
        &self,
        site: &Bases,
        instrument: &Instrument,
        from: Date,
        until: Timestamp,
        tally: &RequestTally,
    ) -> Result<BarSeries, FetchFailure> {
        let begins = at_new_york(from, 0, 0, 0);
        let url = |_: Option<&str>| yahoo::urls::bars(&site.query, instrument, begins, until);
        let answer = self
            .ask_yahoo(site, until, url, tally, |reply| {
                yahoo::parse::bars(&reply.body, instrument).map_err(|error| error.into_failure())
            })
            .await;
        let series = match (answer, instrument) {
            // A contract that never traded is not known to the chart.
            (Err(FetchFailure::NotFound), Instrument::Contract(_)) => empty(instrument),
            (Err(FetchFailure::VendorError { description, .. }), _) if is_no_data(&description) => empty(instrument),
            (answer, _) => answer?,
        };
        let mut series = BarSeries { complete_from: Some(from), ..series };
        // Of some funds Yahoo tells every dividend since they were founded, whatever is asked for.
        if let Some(dividends) = &mut series.dividends {
            dividends.retain(|dividend| dividend.ex_date >= from);
        }
        Ok(series)
    }
}

/// "Data doesn't exist for startDate = …, endDate = …": the range is outside the instrument's life.
fn is_no_data(description: &str) -> bool {
    description.to_ascii_lowercase().starts_with("data doesn't exist")
}

pub(super) fn empty(instrument: &Instrument) -> BarSeries {
    BarSeries {
        instrument: instrument.clone(),
        bars: Vec::new(),
        last_split: None,
        dividends: Some(Vec::new()),
        incomplete: 0,
        complete_from: None,
    }
}
