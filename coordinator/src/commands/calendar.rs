//! `calendar --from DATE --to DATE`: sessions, closing times and expirations, from what is compiled in. It needs no
//! store, no network and no market hours; its range is bounded by the years the calendar knows.

use crate::args::{CalendarArgs, Format, Global};
use crate::failure::{Exit, Failure};
use crate::output;
use crate::report::calendar::{CalendarReport, render, render_csv};

/// Prints it.
pub fn run(global: &Global, args: &CalendarArgs) -> Result<Exit, Failure> {
    let (from, to) = (args.from, args.to);
    if to < from {
        return Err(Failure::usage(format!("--to {to} lies before --from {from}")));
    }
    let report = CalendarReport::of(from, to).map_err(|outside| Failure::usage(outside.to_string()))?;
    output::print(&match global.format {
        Format::Table => render(&report),
        Format::Json => output::json(&report)?,
        Format::Csv => render_csv(&report),
    })?;
    Ok(Exit::Done)
}
