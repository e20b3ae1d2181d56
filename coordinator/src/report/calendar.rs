//! The exchange's calendar of some dates: as a table in New York time, as JSON with instants, as CSV. Pure.
//!
//! Weekends are left out; every other date is a session or a closure with its name. CSV holds all rows in one shape,
//! what a row does not have is empty.

use fleet_core::domain::Settlement;
use fleet_core::domain::calendar::{
    self, Closure, Expiration, OptionHours, OutsideCalendar, Session, expirations, new_york_text, sessions,
};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;

use super::layout::{Align, Column, grid};
use super::{SCHEMA, csv};

/// Everything the calendar knows of a range of dates.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CalendarReport {
    /// [`SCHEMA`].
    pub schema: u32,
    /// First date asked for.
    pub from: Date,
    /// Last date asked for.
    pub to: Date,
    /// Oldest first.
    pub sessions: Vec<SessionRow>,
    /// Weekdays without a session, oldest first.
    pub closures: Vec<ClosureRow>,
    /// By date, then cycle.
    pub expirations: Vec<ExpirationRow>,
}

/// One session.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SessionRow {
    /// Its New York date.
    pub date: Date,
    /// When it opens.
    pub open: Timestamp,
    /// When it closes.
    pub close: Timestamp,
    /// When options of equities and most funds stop.
    pub option_close: Timestamp,
    /// When options of indices and broad funds stop.
    pub index_option_close: Timestamp,
    /// Whether it closes at 13:00.
    pub half_day: bool,
}

/// One weekday without a session.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClosureRow {
    /// Which.
    pub date: Date,
    /// Why.
    pub name: &'static str,
}

/// One expiration.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ExpirationRow {
    /// The date in OCC symbols.
    pub date: Date,
    /// `monthly`, `index_monthly`, `weekly`, `index_daily`, `vix`, `vix_weekly`.
    pub cycle: &'static str,
    /// `AM`: settled at the open. `PM`: at the close.
    pub settlement: &'static str,
    /// When.
    pub settles: Timestamp,
    /// The last session its contracts trade in.
    pub last_session: Date,
    /// Whose contracts they are.
    pub roots: &'static str,
}

impl CalendarReport {
    /// What is known from one date to another, both included. Refuses dates that the calendar does not know.
    pub fn of(from: Date, to: Date) -> Result<Self, OutsideCalendar> {
        let (from, to) = (calendar::known(from)?, calendar::known(to)?);
        let days = std::iter::successors(Some(from), |day| day.tomorrow().ok()).take_while(|day| *day <= to);
        let named = days.filter_map(|date| Some((date, calendar::closure(date)?)));
        Ok(Self {
            schema: SCHEMA,
            from,
            to,
            sessions: sessions(from, to).filter_map(calendar::session).map(|session| session_row(&session)).collect(),
            closures: named
                .filter(|(_, closure)| *closure != Closure::Weekend)
                .map(|(date, closure)| ClosureRow { date, name: closure.name() })
                .collect(),
            expirations: expirations(from, to).map(|expiration| expiration_row(&expiration)).collect(),
        })
    }
}

fn session_row(session: &Session) -> SessionRow {
    SessionRow {
        date: session.date,
        open: session.open,
        close: session.close,
        option_close: OptionHours::Equity.close(session),
        index_option_close: OptionHours::Index.close(session),
        half_day: session.is_half(),
    }
}

const fn expiration_row(expiration: &Expiration) -> ExpirationRow {
    ExpirationRow {
        date: expiration.date,
        cycle: expiration.cycle.word(),
        settlement: match expiration.settlement {
            Settlement::Am => "AM",
            Settlement::Pm => "PM",
        },
        settles: expiration.settles,
        last_session: expiration.last_session,
        roots: expiration.cycle.roots(),
    }
}

/// The table.
#[must_use]
pub fn render(report: &CalendarReport) -> String {
    let mut days: Vec<(Date, Vec<String>)> = report.sessions.iter().map(|row| (row.date, session_cells(row))).collect();
    days.extend(report.closures.iter().map(|row| (row.date, closure_cells(row))));
    days.sort_by_key(|(date, _)| *date);
    let days: Vec<Vec<String>> = days.into_iter().map(|(_, cells)| cells).collect();
    let expirations: Vec<Vec<String>> = report.expirations.iter().map(expiration_cells).collect();
    let left = |first, second| Column(Align::Left, first, second);
    let sessions = [
        left("", "Date"),
        left("", "Open"),
        left("", "Close"),
        left("Options", "close"),
        left("Index opt.", "close"),
        left("", ""),
    ];
    let expiring =
        [left("", "Expiration"), left("", "Cycle"), left("", "Settles"), left("Last", "session"), left("", "Roots")];
    format!(
        "Calendar {} to {}, New York time: {} sessions\n\n{}\n{}",
        report.from,
        report.to,
        report.sessions.len(),
        grid(&sessions, &days),
        grid(&expiring, &expirations)
    )
}

fn session_cells(row: &SessionRow) -> Vec<String> {
    let times = [row.open, row.close, row.option_close, row.index_option_close];
    let mut cells = vec![weekday_and_date(row.date)];
    cells.extend(times.map(clock));
    cells.push(if row.half_day { "half day".to_owned() } else { String::new() });
    cells
}

fn closure_cells(row: &ClosureRow) -> Vec<String> {
    let dash = || "-".to_owned();
    vec![weekday_and_date(row.date), dash(), dash(), dash(), dash(), row.name.to_owned()]
}

fn expiration_cells(row: &ExpirationRow) -> Vec<String> {
    vec![
        row.date.to_string(),
        row.cycle.to_owned(),
        format!("{} {}", new_york_text(row.settles), row.settlement),
        row.last_session.to_string(),
        row.roots.to_owned(),
    ]
}

fn weekday_and_date(date: Date) -> String {
    date.strftime("%a %Y-%m-%d").to_string()
}

/// The time of day in New York.
fn clock(at: Timestamp) -> String {
    new_york_text(at).split(' ').nth(1).unwrap_or_default().to_owned()
}

/// The names of CSV's columns, in order.
pub const COLUMNS: &str =
    "row,date,name,open,close,option_close,index_option_close,settlement,settles,last_session,roots";

/// All rows: sessions, closures, expirations.
#[must_use]
pub fn render_csv(report: &CalendarReport) -> String {
    let none = String::new;
    let mut text = format!("{COLUMNS}\r\n");
    for row in &report.sessions {
        let name = if row.half_day { "half day" } else { "" };
        let times = [row.open, row.close, row.option_close, row.index_option_close].map(|at| at.to_string());
        let [open, close, option, index] = times;
        let cells = ["session".to_owned(), row.date.to_string(), name.to_owned(), open, close, option, index];
        text += &csv::line(&[cells.as_slice(), &[none(), none(), none(), none()]].concat());
    }
    for row in &report.closures {
        let cells = ["closure".to_owned(), row.date.to_string(), row.name.to_owned()];
        text +=
            &csv::line(&[cells.as_slice(), &[none(), none(), none(), none(), none(), none(), none(), none()]].concat());
    }
    for row in &report.expirations {
        let cells =
            ["expiration".to_owned(), row.date.to_string(), row.cycle.to_owned(), none(), none(), none(), none()];
        let more =
            [row.settlement.to_owned(), row.settles.to_string(), row.last_session.to_string(), row.roots.to_owned()];
        text += &csv::line(&[cells.as_slice(), &more].concat());
    }
    text
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::report::layout::WIDTH;

    fn thanksgiving() -> CalendarReport {
        CalendarReport::of(date(2026, 11, 20), date(2026, 11, 28)).unwrap()
    }

    #[test]
    fn every_weekday_is_a_session_or_a_closure() {
        let report = thanksgiving();
        let dates: Vec<String> = report.sessions.iter().map(|row| row.date.strftime("%d").to_string()).collect();
        assert_eq!(dates, ["20", "23", "24", "25", "27"]);
        assert_eq!(report.closures, [ClosureRow { date: date(2026, 11, 26), name: "Thanksgiving Day" }]);
    }

    #[test]
    fn the_table_is_in_new_york_time_and_narrow_enough() {
        let text = render(&thanksgiving());
        for line in [
            "Fri 2026-11-20 09:30 16:00 16:00   16:15",
            "Thu 2026-11-26 -     -     -       -          Thanksgiving Day",
            "Fri 2026-11-27 09:30 13:00 13:00   13:15      half day",
            "2026-11-20 monthly       2026-11-20 16:00 PM 2026-11-20 equities, funds, OEX, XEO",
            "2026-11-20 index_monthly 2026-11-20 09:30 AM 2026-11-19 DJX, NDX, RUT, SPX",
            "2026-11-27 weekly        2026-11-27 13:00 PM 2026-11-27 most traded equities and funds, NDXP, RUTW",
        ] {
            assert!(text.lines().any(|found| found == line), "{line:?} is not in\n{text}");
        }
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
    }

    #[test]
    fn csv_has_one_shape() {
        let text = render_csv(&thanksgiving());
        let width = COLUMNS.split(',').count();
        let unquoted = |line: &str| line.split('"').step_by(2).map(|part| part.matches(',').count()).sum::<usize>() + 1;
        for line in text.trim_end().split("\r\n") {
            assert_eq!(unquoted(line), width, "{line}");
        }
        assert!(text.contains("session,2026-11-27,half day,2026-11-27T14:30:00Z,2026-11-27T18:00:00Z,"), "{text}");
        assert!(text.contains("closure,2026-11-26,Thanksgiving Day,,,"), "{text}");
    }

    #[test]
    fn dates_outside_are_refused() {
        let (inside, outside) = (date(2035, 12, 31), date(2036, 1, 1));
        assert_eq!(CalendarReport::of(inside, outside), Err(OutsideCalendar(outside)));
        assert_eq!(CalendarReport::of(date(1999, 12, 31), inside), Err(OutsideCalendar(date(1999, 12, 31))));
        let whole = CalendarReport::of(calendar::FIRST, calendar::LAST).unwrap();
        assert_eq!(whole.sessions.len(), sessions(calendar::FIRST, calendar::LAST).count());
    }
}
