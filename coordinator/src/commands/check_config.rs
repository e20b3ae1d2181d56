//! `check-config`: the configuration in force and where each value that is no default came from.

use fleet_telemetry::say;

use crate::args::{Format, Global};
use crate::commands::context;
use crate::config::described;
use crate::failure::{Exit, Failure};
use crate::{markets, output, told_facts};

/// Prints it; mistakes are a failure that names every one.
pub fn run(global: &Global) -> Result<Exit, Failure> {
    let resolved = context::configure(global, Vec::new())?;
    markets::check_pair(&resolved.settings)?;
    told_facts::read(&resolved.settings)?;
    let values = described(&resolved);
    let text = match global.format {
        Format::Json => output::json(&values)?,
        Format::Csv => values.iter().fold("key,value,origin\r\n".to_owned(), |text, value| {
            text + &crate::report::csv::line(&[value.key.clone(), value.value.to_string(), value.origin.clone()])
        }),
        Format::Table => values.iter().fold(String::new(), |text, value| {
            let origin = if value.origin == "default" { String::new() } else { format!("   # {}", value.origin) };
            format!("{text}{} = {}{origin}\n", value.key, value.value)
        }),
    };
    output::print(&text)?;
    if !global.quiet {
        let changed = resolved.origins.len();
        say!("the configuration is sound; {changed} of {} values are set", values.len());
    }
    Ok(Exit::Done)
}
