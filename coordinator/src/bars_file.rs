//! Daily bars from a CSV file, for the calculators. Bytes in, a table out; nothing is guessed: one bad row refuses the
//! file, because a row that is passed over would change every value after it.
//!
//! A heading line names the columns, in any order and any case: `date` (2026-11-20) and any of `open`, `high`, `low`,
//! `close`, `volume`, `periods`. Other columns are passed over. Dates ascend. An empty field is a missing value.

use fleet_indicators::{Bars, BarsError, Column, MAX_BARS};
use jiff::civil::Date;

/// Bad rows that are told; more are counted.
const MAX_TOLD: usize = 10;
/// The longest field that is told as it is, characters.
const MAX_FIELD: usize = 40;

/// Why a text is no table of bars.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BarsFileError {
    /// It is not text.
    #[error("it is not UTF-8 text")]
    NotText,
    /// Its first line is no heading.
    #[error("its first line must be a heading with `date` and at least one of open, high, low, close, volume")]
    NoHeading,
    /// A column is named twice.
    #[error("its heading names `{0}` twice")]
    Twice(&'static str),
    /// Too many rows.
    #[error("it has more than {MAX_BARS} bars")]
    TooMany,
    /// Rows that are no bars.
    #[error("{}", .0.join("; "))]
    BadRows(Vec<String>),
}

/// Bars by date, oldest first.
#[derive(Debug, Clone, PartialEq)]
pub struct BarsFile {
    /// The date of each bar.
    pub dates: Vec<Date>,
    /// The columns that are there; a missing value is NaN.
    columns: Vec<(Column, Vec<f64>)>,
}

/// Reads a table.
///
/// # Errors
/// Anything but a heading and good rows; bad rows are named by their line.
pub fn read(bytes: &[u8]) -> Result<BarsFile, BarsFileError> {
    let text = std::str::from_utf8(bytes).map_err(|_| BarsFileError::NotText)?;
    let mut lines = text.trim_start_matches('\u{feff}').lines().enumerate();
    let heading = Heading::read(lines.next().map(|(_, line)| line).unwrap_or_default())?;
    let mut file = BarsFile { dates: Vec::new(), columns: heading.columns() };
    let mut bad = Vec::new();
    for (at, line) in lines.filter(|(_, line)| !line.trim().is_empty()) {
        if file.dates.len() == MAX_BARS {
            return Err(BarsFileError::TooMany);
        }
        if let Err(why) = heading.row(line, &mut file) {
            bad.push(format!("line {}: {why}", at + 1));
        }
    }
    if bad.is_empty() {
        return Ok(file);
    }
    let more = bad.len().saturating_sub(MAX_TOLD);
    bad.truncate(MAX_TOLD);
    if more > 0 {
        bad.push(format!("and {more} lines more"));
    }
    Err(BarsFileError::BadRows(bad))
}

impl BarsFile {
    /// The bars for something that reads these columns.
    ///
    /// The volume also says which bars were traded: with a volume of 0 a bar is absent for everybody. A volume that is
    /// not told makes a bar absent only for what reads volumes.
    ///
    /// # Errors
    /// What [`Bars::new`] refuses.
    pub fn bars(&self, reads: &[Column]) -> Result<Bars, BarsError> {
        let volumes = self.columns.iter().find(|(column, _)| *column == Column::Volume).map(|(_, volumes)| volumes);
        let told = volumes.filter(|volumes| volumes.iter().any(|volume| *volume > 0.0));
        let needed = |column: Column| match column {
            Column::Open | Column::High | Column::Low | Column::Close => true,
            Column::Volume | Column::Periods => reads.contains(&column),
        };
        let columns = self.columns.iter().filter(|(column, _)| needed(*column)).map(|(column, values)| {
            let mut values = values.clone();
            for (value, volume) in values.iter_mut().zip(told.into_iter().flatten()) {
                if *volume == 0.0 && *column != Column::Volume {
                    *value = f64::NAN;
                }
            }
            (*column, values)
        });
        Bars::new(columns)
    }
}

/// Where each column stands in a row.
struct Heading {
    fields: usize,
    date: usize,
    places: Vec<(Column, usize)>,
}

impl Heading {
    fn read(line: &str) -> Result<Self, BarsFileError> {
        let words: Vec<String> = fields(line).map(str::to_ascii_lowercase).collect();
        let place = |word: &'static str| {
            let mut found = words.iter().enumerate().filter(|(_, known)| *known == word).map(|(at, _)| at);
            match (found.next(), found.next()) {
                (_, Some(_)) => Err(BarsFileError::Twice(word)),
                (place, None) => Ok(place),
            }
        };
        let date = place("date")?.ok_or(BarsFileError::NoHeading)?;
        let mut places = Vec::new();
        for column in Column::ALL {
            places.extend(place(column.word())?.map(|at| (column, at)));
        }
        match places.as_slice() {
            [] => Err(BarsFileError::NoHeading),
            _ => Ok(Self { fields: words.len(), date, places }),
        }
    }

    fn columns(&self) -> Vec<(Column, Vec<f64>)> {
        self.places.iter().map(|(column, _)| (*column, Vec::new())).collect()
    }

    /// Adds a row to the table, or says what is wrong with it.
    fn row(&self, line: &str, file: &mut BarsFile) -> Result<(), String> {
        let fields: Vec<&str> = fields(line).collect();
        if fields.len() != self.fields {
            return Err(format!("it has {} fields, the heading {}", fields.len(), self.fields));
        }
        let date: Date = fields[self.date]
            .parse()
            .map_err(|_| format!("`{}` is no date such as 2026-11-20", shown(fields[self.date])))?;
        if let Some(before) = file.dates.last().filter(|before| **before >= date) {
            return Err(format!("{date} does not come after {before}; bars go from old to new"));
        }
        let mut values = Vec::with_capacity(self.places.len());
        for (column, at) in &self.places {
            values.push(number(fields[*at]).ok_or_else(|| {
                format!("`{}` is no {}: a number of at least 0 is wanted", shown(fields[*at]), column.word())
            })?);
        }
        let value =
            |wanted| self.places.iter().zip(&values).find(|((column, _), _)| *column == wanted).map(|(_, v)| *v);
        if let (Some(high), Some(low)) = (value(Column::High), value(Column::Low))
            && high < low
        {
            return Err(format!("the high {high} is below the low {low}"));
        }
        file.dates.push(date);
        for ((_, column), value) in file.columns.iter_mut().zip(values) {
            column.push(value);
        }
        Ok(())
    }
}

/// The fields of a line; numbers and dates hold no comma.
fn fields(line: &str) -> impl Iterator<Item = &str> {
    line.split(',').map(|field| field.trim().trim_matches('"').trim())
}

/// A price or a volume; NaN where the field is empty.
fn number(field: &str) -> Option<f64> {
    if field.is_empty() {
        return Some(f64::NAN);
    }
    field.parse().ok().filter(|value: &f64| value.is_finite() && *value >= 0.0)
}

/// A field as it is, or its beginning.
fn shown(field: &str) -> String {
    field.chars().take(MAX_FIELD).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_refused(text: &str, told: &str) {
        assert_eq!(read(text.as_bytes()).unwrap_err().to_string(), told);
    }

    #[test]
    fn columns_stand_in_any_order() {
        let file = read(b"\xef\xbb\xbfClose,Adj Close,\"Date\"\r\n2.5,9,2026-11-19\r\n\r\n,9,2026-11-20\r\n").unwrap();
        assert_eq!(file.dates.len(), 2);
        assert_eq!(file.columns.len(), 1);
        assert_eq!(file.columns[0].0, Column::Close);
        assert!(file.columns[0].1[0] == 2.5 && file.columns[0].1[1].is_nan());
    }

    #[test]
    fn what_is_no_table_is_refused() {
        const NO_HEADING: &str =
            "its first line must be a heading with `date` and at least one of open, high, low, close, volume";
        check_refused("", NO_HEADING);
        check_refused("2026-11-20,1,2\n", NO_HEADING);
        check_refused("date,price\n", NO_HEADING);
        check_refused("date,close,CLOSE\n", "its heading names `close` twice");
        assert_eq!(read(b"date,close\n\xff"), Err(BarsFileError::NotText));
        let many = "2026-11-20,1\n".repeat(12);
        let told = read(format!("date,close\n{many}").as_bytes()).unwrap_err().to_string();
        assert!(told.starts_with("line 3: 2026-11-20 does not come after 2026-11-20; bars go from old to new; line 4"));
        assert!(told.ends_with("; and 1 lines more"), "{told}");
    }

    #[test]
    fn bad_rows_are_named_by_their_line() {
        check_refused("date,close\n2026-11-20,1,2\n", "line 2: it has 3 fields, the heading 2");
        check_refused("date,close\n\n20.11.2026,1\n", "line 3: `20.11.2026` is no date such as 2026-11-20");
        for number in ["nan", "inf", "-1", "1e999", "x"] {
            let told = format!("line 2: `{number}` is no close: a number of at least 0 is wanted");
            check_refused(&format!("date,close\n2026-11-20,{number}\n"), &told);
        }
        check_refused("date,high,low\n2026-11-20,1,2\n", "line 2: the high 1 is below the low 2");
    }

    #[test]
    fn more_rows_than_an_indicator_may_have_are_refused() {
        let first = jiff::civil::date(1700, 1, 1);
        let rows = (0..=i64::try_from(MAX_BARS).unwrap()).map(|day| {
            let date = first.checked_add(jiff::Span::new().days(day)).unwrap();
            format!("{date},1\n")
        });
        let text: String = std::iter::once("date,close\n".to_owned()).chain(rows).collect();
        assert_eq!(read(text.as_bytes()), Err(BarsFileError::TooMany));
    }

    #[test]
    fn the_volume_says_which_bars_were_traded() {
        let file = read(b"date,close,volume\n2026-11-18,1,5\n2026-11-19,2,0\n2026-11-20,3,\n").unwrap();
        assert_eq!(file.bars(&[Column::Close]).unwrap().traded(), 2, "the last one's volume is not told");
        assert_eq!(file.bars(&[Column::Close, Column::Volume]).unwrap().traded(), 1);
        let index = read(b"date,close,volume\n2026-11-19,2,0\n2026-11-20,3,0\n").unwrap();
        assert_eq!(index.bars(&[Column::Close]).unwrap().traded(), 2, "an index has no volume");
    }
}
