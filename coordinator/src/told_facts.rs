//! What a person says of underlyings: dates of reports from a file, and what they hold from the configuration.

use std::collections::BTreeMap;
use std::path::PathBuf;

use fleet_core::domain::{EarningsDate, Holding, Price, Ticker, UnderlyingFacts};

use crate::config::{HoldingsSettings, Settings};
use crate::failure::Failure;
use crate::{earnings_file, markets};

/// Reads what is said, of every ticker that is named. A scan takes what is of its own universe.
pub fn read(settings: &Settings) -> Result<BTreeMap<Ticker, UnderlyingFacts>, Failure> {
    let mut facts: BTreeMap<Ticker, UnderlyingFacts> = BTreeMap::new();
    for (ticker, dates) in earnings(settings.earnings.file.trim())? {
        facts.entry(ticker).or_default().earnings = Some(dates);
    }
    for (ticker, holding) in holdings(&settings.holdings) {
        facts.entry(ticker).or_default().holding = Some(holding);
    }
    Ok(facts)
}

fn earnings(path: &str) -> Result<BTreeMap<Ticker, Vec<EarningsDate>>, Failure> {
    if path.is_empty() {
        return Ok(BTreeMap::new());
    }
    let path = markets::at_home(PathBuf::from(path))?;
    let cannot = |why: String| {
        Failure::usage(format!("cannot read the file of reports {}: {why}", path.display()))
            .hint("`earnings.file` names it: a heading `ticker,date,estimated`, then a line a report")
    };
    let size = std::fs::metadata(&path).map_err(|error| cannot(error.to_string()))?.len();
    if size > earnings_file::MAX_BYTES {
        return Err(cannot(format!("it has {size} bytes, more than a list of reports can have")));
    }
    let bytes = std::fs::read(&path).map_err(|error| cannot(error.to_string()))?;
    earnings_file::read(&bytes).map_err(|error| cannot(error.to_string()))
}

/// Settings are checked before: what cannot be is not in them.
fn holdings(settings: &HoldingsSettings) -> BTreeMap<Ticker, Holding> {
    let read = |(ticker, shares, paid): &(String, u32, f64)| {
        let holding = Holding { shares: *shares, cost_basis: Price::from_dollars(*paid).ok()? };
        Some((Ticker::parse(ticker).ok()?, holding))
    };
    settings.shares.iter().filter_map(read).collect()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::failure::Exit;

    #[test]
    fn reports_and_holdings_come_together() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "ticker,date\nAAPL,2027-01-28\nF,2027-02-02\n").unwrap();
        let mut settings = Settings::default();
        assert_eq!(read(&settings).unwrap(), BTreeMap::new());
        settings.earnings.file = file.path().display().to_string();
        settings.holdings.shares = vec![("aapl".to_owned(), 300, 187.5), ("BRK-B".to_owned(), 100, 400.0)];
        let facts = read(&settings).unwrap();
        let of = |text: &str| facts[&Ticker::parse(text).unwrap()].clone();
        let report = |month, day| Some(vec![EarningsDate { date: date(2027, month, day), estimated: false }]);
        let holding = |shares, paid| Some(Holding { shares, cost_basis: Price::from_dollars(paid).unwrap() });
        let said =
            UnderlyingFacts { class: None, earnings: report(1, 28), market_cap: None, holding: holding(300, 187.5) };
        assert_eq!(of("AAPL"), said);
        assert_eq!(of("F"), UnderlyingFacts { earnings: report(2, 2), ..UnderlyingFacts::default() });
        assert_eq!(of("BRK.B").holding, holding(100, 400.0));
        assert_eq!(facts.len(), 3);
    }

    #[test]
    fn a_bad_file_is_a_usage_error_that_names_it_and_the_line() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "ticker,date\nAAPL,soon\n").unwrap();
        let mut settings = Settings::default();
        settings.earnings.file = file.path().display().to_string();
        let failure = read(&settings).unwrap_err();
        assert_eq!(failure.exit, Exit::Usage);
        let expected = format!("{}: line 2: `soon` is no date such as 2026-11-20", file.path().display());
        assert!(failure.message.contains(&expected), "{}", failure.message);
        settings.earnings.file = "/nonexistent/earnings.csv".to_owned();
        assert!(read(&settings).unwrap_err().message.contains("/nonexistent/earnings.csv"));
    }
}
