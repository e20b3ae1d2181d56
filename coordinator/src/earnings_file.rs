//! Dates of earnings reports from a person's CSV file. Bytes in, dates out; nothing is guessed: one bad row refuses the
//! file, because a report that is passed over is a trade through a report.
//!
//! A heading line names the columns, in any order and any case: `ticker`, `date` (2026-11-20, in New York) and, if it is
//! there, `estimated` (true or false; an empty field is false). Other columns are passed over. Dates may be past or
//! future, in any order.

use std::collections::BTreeMap;

use fleet_core::domain::{EarningsDate, Ticker};
use jiff::civil::Date;

/// A file of ten years of reports of every company with options is half as long.
pub const MAX_BYTES: u64 = 16 << 20;
/// Bad rows that are told; more are counted.
const MAX_TOLD: usize = 10;
/// The longest field that is told as it is, characters.
const MAX_FIELD: usize = 40;

/// Why bytes are no file of reports.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EarningsFileError {
    /// It is not text.
    #[error("it is not UTF-8 text")]
    NotText,
    /// Its first line is no heading.
    #[error("its first line must be a heading with `ticker` and `date`, and perhaps `estimated`")]
    NoHeading,
    /// A column is named twice.
    #[error("its heading names `{0}` twice")]
    Twice(&'static str),
    /// Rows that are no reports.
    #[error("{}", .0.join("; "))]
    BadRows(Vec<String>),
}

/// Reads the reports of each ticker, oldest first, one a date.
///
/// # Errors
/// Anything but a heading and good rows; bad rows are named by their line.
pub fn read(bytes: &[u8]) -> Result<BTreeMap<Ticker, Vec<EarningsDate>>, EarningsFileError> {
    let text = std::str::from_utf8(bytes).map_err(|_| EarningsFileError::NotText)?;
    let mut lines = text.trim_start_matches('\u{feff}').lines().enumerate();
    let heading = Heading::read(lines.next().map(|(_, line)| line).unwrap_or_default())?;
    let mut reports: BTreeMap<Ticker, BTreeMap<Date, Told>> = BTreeMap::new();
    let mut bad = Vec::new();
    for (at, line) in lines.filter(|(_, line)| !line.trim().is_empty()) {
        let line_number = at + 1;
        match heading.row(line) {
            Ok((ticker, date, estimated)) => {
                let told = reports.entry(ticker).or_default().entry(date).or_insert(Told { estimated, line_number });
                if told.estimated != estimated {
                    let earlier = told.line_number;
                    bad.push(format!("line {line_number}: it contradicts line {earlier}, which has the same report"));
                }
            }
            Err(why) => bad.push(format!("line {line_number}: {why}")),
        }
    }
    if !bad.is_empty() {
        let more = bad.len().saturating_sub(MAX_TOLD);
        bad.truncate(MAX_TOLD);
        if more > 0 {
            bad.push(format!("and {more} lines more"));
        }
        return Err(EarningsFileError::BadRows(bad));
    }
    let dates = |told: BTreeMap<Date, Told>| {
        told.into_iter().map(|(date, Told { estimated, .. })| EarningsDate { date, estimated }).collect()
    };
    Ok(reports.into_iter().map(|(ticker, told)| (ticker, dates(told))).collect())
}

/// What a line says of a report.
struct Told {
    estimated: bool,
    line_number: usize,
}

/// Where each column stands in a row.
struct Heading {
    fields: usize,
    ticker: usize,
    date: usize,
    estimated: Option<usize>,
}

impl Heading {
    fn read(line: &str) -> Result<Self, EarningsFileError> {
        let words: Vec<String> = fields(line).map(str::to_ascii_lowercase).collect();
        let place = |word: &'static str| {
            let mut found = words.iter().enumerate().filter(|(_, known)| *known == word).map(|(at, _)| at);
            match (found.next(), found.next()) {
                (_, Some(_)) => Err(EarningsFileError::Twice(word)),
                (place, None) => Ok(place),
            }
        };
        let needed = |word| place(word)?.ok_or(EarningsFileError::NoHeading);
        let (ticker, date) = (needed("ticker")?, needed("date")?);
        Ok(Self { fields: words.len(), ticker, date, estimated: place("estimated")? })
    }

    /// The report of a row, or what is wrong with it.
    fn row(&self, line: &str) -> Result<(Ticker, Date, bool), String> {
        let fields: Vec<&str> = fields(line).collect();
        if fields.len() != self.fields {
            return Err(format!("it has {} fields, the heading {}", fields.len(), self.fields));
        }
        let ticker = Ticker::parse(fields[self.ticker]).map_err(|error| error.to_string())?;
        let date = fields[self.date]
            .parse()
            .map_err(|_| format!("`{}` is no date such as 2026-11-20", shown(fields[self.date])))?;
        let estimated = match self.estimated.map(|at| fields[at]) {
            None | Some("") => false,
            Some(word) if word.eq_ignore_ascii_case("false") => false,
            Some(word) if word.eq_ignore_ascii_case("true") => true,
            Some(word) => return Err(format!("`{}` is neither true nor false", shown(word))),
        };
        Ok((ticker, date, estimated))
    }
}

/// The fields of a line; tickers and dates hold no comma.
fn fields(line: &str) -> impl Iterator<Item = &str> {
    line.split(',').map(|field| field.trim().trim_matches('"').trim())
}

/// A field as it is, or its beginning; nothing in it moves a terminal's cursor.
fn shown(field: &str) -> String {
    field.chars().take(MAX_FIELD).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn ticker(text: &str) -> Ticker {
        Ticker::parse(text).unwrap()
    }

    #[track_caller]
    fn check_refused(text: &str, told: &str) {
        assert_eq!(read(text.as_bytes()).unwrap_err().to_string(), told);
    }

    #[test]
    fn reports_are_read_by_ticker_and_date() {
        let text = b"\xef\xbb\xbfDate,Company,\"Ticker\",Estimated\r\n2027-01-28,Apple,aapl,TRUE\r\n\r\n\
                     2026-10-29,Apple,AAPL,\r\n2026-10-29,Apple,AAPL,false\r\n2026-11-02,Berkshire,BRK-B,\r\n";
        let reports = read(text).unwrap();
        let apple = [
            EarningsDate { date: date(2026, 10, 29), estimated: false },
            EarningsDate { date: date(2027, 1, 28), estimated: true },
        ];
        assert_eq!(reports[&ticker("AAPL")], apple);
        assert_eq!(reports[&ticker("BRK.B")], [EarningsDate { date: date(2026, 11, 2), estimated: false }]);
        assert_eq!(reports.len(), 2);
        assert_eq!(read(b"ticker,date\nAAPL,2026-10-29\n").unwrap()[&ticker("AAPL")], apple[..1]);
        assert_eq!(read(b"ticker,date\n"), Ok(BTreeMap::new()));
    }

    #[test]
    fn what_is_no_file_of_reports_is_refused() {
        const NO_HEADING: &str = "its first line must be a heading with `ticker` and `date`, and perhaps `estimated`";
        check_refused("", NO_HEADING);
        check_refused("AAPL,2026-10-29\n", NO_HEADING);
        check_refused("ticker,when\n", NO_HEADING);
        check_refused("ticker,date,DATE\n", "its heading names `date` twice");
        assert_eq!(read(b"ticker,date\n\xff"), Err(EarningsFileError::NotText));
    }

    #[test]
    fn every_bad_row_is_named_by_its_line() {
        let text = "ticker,date,estimated\nAAPL,2026-10-29\n\n1X,2026-10-29,\nAAPL,29.10.2026,\nAAPL,2026-10-29,maybe\n\
                    AAPL,2026-10-29,true\nAAPL,2026-10-29,false\n";
        let told = read(text.as_bytes()).unwrap_err().to_string();
        for part in [
            "line 2: it has 2 fields, the heading 3",
            "line 4: `1X`",
            "line 5: `29.10.2026` is no date such as 2026-11-20",
            "line 6: `maybe` is neither true nor false",
            "line 8: it contradicts line 7, which has the same report",
        ] {
            assert!(told.contains(part), "{part:?} is not in {told:?}");
        }
        let many = "AAPL,never\n".repeat(12);
        let told = read(format!("ticker,date\n{many}").as_bytes()).unwrap_err().to_string();
        assert!(told.starts_with("line 2: `never`") && told.ends_with("; and 2 lines more"), "{told}");
    }
}
