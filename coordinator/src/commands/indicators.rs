//! `indicators NAME… --bars FILE`: any of the 201 indicators on bars from a file, the same code as a scan's.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use fleet_indicators::{Column, Group, Indicator, Input, Output, Spec, all, compute};
use serde::Serialize;

use crate::args::{Format, Global, IndicatorsArgs};
use crate::bars_file::{self, BarsFile};
use crate::failure::{Exit, Failure};
use crate::output;
use crate::report::SCHEMA;
use crate::report::csv;
use crate::report::layout::wrap;

/// The largest file: [`fleet_indicators::MAX_BARS`] rows of 320 bytes.
const MAX_BYTES: u64 = 32_000_000;
/// Where the text of the list begins, columns.
const INDENT: usize = 22;

#[derive(Serialize)]
struct Told<'a> {
    schema: u32,
    dates: Vec<String>,
    indicators: Vec<ToldIndicator<'a>>,
}

#[derive(Serialize)]
struct ToldIndicator<'a> {
    spec: String,
    name: &'a str,
    title: &'a str,
    parameters: BTreeMap<&'a str, String>,
    outputs: Vec<ToldOutput<'a>>,
}

#[derive(Serialize)]
struct ToldOutput<'a> {
    name: &'a str,
    /// One a bar; null where nothing is known.
    values: Vec<Option<f64>>,
}

/// Prints the values, or the list of what there is.
pub fn run(global: &Global, args: &IndicatorsArgs) -> Result<Exit, Failure> {
    if args.list {
        output::print(&listed(global.format)?)?;
        return Ok(Exit::Done);
    }
    let hint = "optionfleet indicators --list";
    let specs = Spec::parse_list(&args.specs.join(","))
        .map_err(|error| Failure::usage(error.to_string()).hint(format!("{hint} tells what there is")))?;
    let Some(path) = args.bars.as_deref().filter(|_| !specs.is_empty()) else {
        return Err(Failure::usage("nothing is asked for").hint(format!("{hint} tells what there is")));
    };
    let name = if path == Path::new("-") { "standard input".to_owned() } else { path.display().to_string() };
    let unreadable = |why: String| Failure::usage(format!("cannot read bars from {name}: {why}"));
    let bytes = bytes(path).map_err(unreadable)?;
    let file = bars_file::read(&bytes).map_err(|error| unreadable(error.to_string()))?;
    let mut computed = Vec::with_capacity(specs.len());
    for spec in &specs {
        let bars = file.bars(&columns(spec)).map_err(|error| unreadable(error.to_string()))?;
        computed.push(compute(spec, &bars).map_err(|error| Failure::usage(error.to_string()))?);
    }
    let text = match global.format {
        Format::Json => output::json(&told(&file, &specs, &computed))?,
        // A calculator is read by programs; there is no other table than this.
        Format::Csv | Format::Table => table(&file, &specs, &computed),
    };
    output::print(&text)?;
    Ok(Exit::Done)
}

/// The whole of a file, or of standard input, within the limit.
fn bytes(path: &Path) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let read = if path == Path::new("-") {
        std::io::stdin().lock().take(MAX_BYTES + 1).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes))
    };
    let read = read.map_err(|error| error.to_string())?;
    if read as u64 > MAX_BYTES {
        return Err(format!("it has more than {MAX_BYTES} bytes"));
    }
    Ok(bytes)
}

/// Every column a specification reads.
fn columns(spec: &Spec) -> Vec<Column> {
    let fixed = spec.indicator().inputs.iter().flat_map(|input| match input {
        Input::Columns(columns) => *columns,
        Input::Series(..) => &[],
    });
    spec.sources().iter().chain(fixed).copied().collect()
}

fn table(file: &BarsFile, specs: &[Spec], computed: &[Vec<Output>]) -> String {
    let mut heading = vec!["date".to_owned()];
    for (spec, outputs) in specs.iter().zip(computed) {
        heading.extend(outputs.iter().map(|output| match outputs.len() {
            1 => spec.to_string(),
            _ => format!("{spec}.{}", output.name()),
        }));
    }
    let mut text = csv::line(&heading);
    for (bar, date) in file.dates.iter().enumerate() {
        let mut fields = vec![date.to_string()];
        let values = computed.iter().flatten().map(|output| output.at(bar));
        fields.extend(values.map(|value| value.map_or_else(String::new, csv::number)));
        text += &csv::line(&fields);
    }
    text
}

fn told<'a>(file: &BarsFile, specs: &[Spec], computed: &[Vec<Output>]) -> Told<'a> {
    let indicators = specs.iter().zip(computed).map(|(spec, outputs)| {
        let indicator = spec.indicator();
        let values = spec.values().iter().map(ToString::to_string);
        ToldIndicator {
            spec: spec.to_string(),
            name: indicator.name,
            title: indicator.title,
            parameters: indicator.parameters.iter().map(|parameter| parameter.name).zip(values).collect(),
            outputs: outputs
                .iter()
                .map(|output| ToldOutput { name: output.name(), values: output.values().collect() })
                .collect(),
        }
    });
    Told {
        schema: SCHEMA,
        dates: file.dates.iter().map(ToString::to_string).collect(),
        indicators: indicators.collect(),
    }
}

#[derive(Serialize)]
struct Listed {
    schema: u32,
    indicators: Vec<ListedIndicator>,
}

#[derive(Serialize)]
struct ListedIndicator {
    name: &'static str,
    group: &'static str,
    title: &'static str,
    /// Name, range, and in brackets the default.
    parameters: Vec<String>,
    inputs: Vec<String>,
    outputs: &'static [&'static str],
}

impl ListedIndicator {
    fn of(indicator: &'static Indicator) -> Self {
        Self {
            name: indicator.name,
            group: indicator.group.title(),
            title: indicator.title,
            parameters: indicator.parameters.iter().map(ToString::to_string).collect(),
            inputs: inputs(indicator),
            outputs: indicator.outputs,
        }
    }
}

/// What it reads; `price=close` where the column may be chosen.
fn inputs(indicator: &Indicator) -> Vec<String> {
    let words = indicator.inputs.iter().flat_map(|input| match input {
        Input::Series(name, column) => vec![format!("{name}={}", column.word())],
        Input::Columns(columns) => columns.iter().map(|column| column.word().to_owned()).collect(),
    });
    words.collect()
}

fn listed(format: Format) -> Result<String, Failure> {
    let rows = || all().iter().map(ListedIndicator::of);
    match format {
        Format::Json => output::json(&Listed { schema: SCHEMA, indicators: rows().collect() }),
        Format::Csv => Ok(rows().fold("name,group,title,parameters,inputs,outputs\r\n".to_owned(), |text, row| {
            let (parameters, inputs, outputs) =
                (row.parameters.join("; "), row.inputs.join(" "), row.outputs.join(" "));
            text + &csv::line(&[row.name.into(), row.group.into(), row.title.into(), parameters, inputs, outputs])
        })),
        Format::Table => Ok(listed_by_group()),
    }
}

fn listed_by_group() -> String {
    let mut text = String::new();
    for group in Group::ALL {
        let members: Vec<&Indicator> = all().iter().filter(|indicator| indicator.group == group).collect();
        let gap = if text.is_empty() { "" } else { "\n" };
        text += &format!("{gap}{} ({})\n", group.title(), members.len());
        for indicator in members {
            let defaults = indicator.parameters.iter().map(|p| format!(" {}={}", p.name, p.domain.default()));
            let reads = inputs(indicator).join(" ");
            let gives = match indicator.outputs {
                [_] => String::new(),
                several => format!(" -> {}", several.join(" ")),
            };
            let line = format!("{}:{} [{reads}]{gives}", indicator.title, defaults.collect::<String>());
            text += &wrap(&format!("  {:<width$}{line}", indicator.name, width = INDENT - 2), INDENT);
        }
    }
    text + "\nValues follow the name, in order or named: bbands:20:2, macd:signalperiod=5, sma:50:price=volume\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_has_every_indicator_within_the_width() {
        let text = listed_by_group();
        assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
        let named = |indicator: &Indicator| {
            text.lines().filter(|line| line.starts_with("  ") && line.split_whitespace().next() == Some(indicator.name))
        };
        for indicator in all() {
            assert!(named(indicator).count() >= 1, "{} is not listed", indicator.name);
        }
        assert!(text.contains("Pattern Recognition (61)"), "{text}");
        let words: Vec<&str> = text.split_whitespace().collect();
        let words = words.join(" ");
        assert!(words.contains("timeperiod=20 nbdevup=2 nbdevdn=2 matype=sma [price=close] -> upperband"), "{text}");
    }

    #[test]
    fn machines_get_the_whole_list() {
        let csv = listed(Format::Csv).unwrap();
        assert_eq!(csv.lines().count(), 202);
        assert!(
            csv.contains("rsi,Momentum Indicators,Relative Strength Index,timeperiod 2..100000 (14),price=close,real")
        );
        let json: serde_json::Value = serde_json::from_str(&listed(Format::Json).unwrap()).unwrap();
        assert_eq!(json["indicators"].as_array().unwrap().len(), 201);
    }
}
