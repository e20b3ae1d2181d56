//! Answers as text, row by row: CSV and JSON with every digit, a table for people.

use std::borrow::Cow;
use std::collections::BTreeMap;

use fleet_core::domain::ExerciseStyle;
use fleet_pricing::Kind;
use serde::Serialize;

use super::answer::Answer;
use super::contract::Contract;
use crate::args::Format;
use crate::report::SCHEMA;
use crate::report::csv;
use crate::report::layout::{or_dash, without_minus_zero, wrap};

/// Columns of the numbers, in order.
pub const COLUMNS: [&str; 21] = [
    "kind",
    "style",
    "spot",
    "forward",
    "strike",
    "years",
    "rate",
    "yield",
    "vol",
    "price",
    "iv",
    "delta",
    "gamma",
    "theta_per_day",
    "vega_per_point",
    "rho_per_point",
    "prob_itm",
    "prob_touch",
    "early_exercise_premium",
    "model",
    "reason",
];

/// Where the text of a reason begins in the table, columns.
const INDENT: usize = 7;

/// One row of the results.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// Its line in the file; none where the values are flags.
    pub line: Option<u64>,
    /// Fields of the columns that are no input.
    pub others: Vec<String>,
    /// What was asked and what is known, or why the row is no contract.
    pub told: Result<(Contract, Answer), String>,
}

/// A text in the making.
#[derive(Debug, Clone)]
pub struct Writing {
    format: Format,
    others: Vec<String>,
    rows: u64,
}

#[derive(Serialize)]
struct Row<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    columns: BTreeMap<&'a str, &'a str>,
    #[serde(flatten)]
    values: Values<'a>,
}

/// What stands in [`COLUMNS`].
#[derive(Debug, Default, Serialize)]
struct Values<'a> {
    kind: Option<&'static str>,
    style: Option<&'static str>,
    spot: Option<f64>,
    forward: Option<f64>,
    strike: Option<f64>,
    years: Option<f64>,
    rate: Option<f64>,
    r#yield: Option<f64>,
    vol: Option<f64>,
    price: Option<f64>,
    iv: Option<f64>,
    delta: Option<f64>,
    gamma: Option<f64>,
    theta_per_day: Option<f64>,
    vega_per_point: Option<f64>,
    rho_per_point: Option<f64>,
    prob_itm: Option<f64>,
    prob_touch: Option<f64>,
    early_exercise_premium: Option<f64>,
    model: Option<&'static str>,
    reason: Option<Cow<'a, str>>,
}

impl<'a> Values<'a> {
    fn of(told: &'a Result<(Contract, Answer), String>) -> Self {
        let (contract, answer) = match told {
            Ok((contract, answer)) => (contract, answer),
            Err(reason) => return Self { reason: Some(Cow::Borrowed(reason)), ..Self::default() },
        };
        let terms = &contract.terms;
        let greeks = answer.greeks.as_ref();
        Self {
            kind: Some(match terms.kind {
                Kind::Call => "call",
                Kind::Put => "put",
            }),
            style: Some(match contract.style {
                ExerciseStyle::American => "american",
                ExerciseStyle::European => "european",
            }),
            spot: Some(terms.spot),
            forward: Some(answer.forward),
            strike: Some(terms.strike),
            years: Some(terms.years),
            rate: Some(terms.rate),
            r#yield: Some(terms.yield_),
            vol: answer.vol,
            price: answer.price,
            iv: answer.iv,
            delta: greeks.map(|greeks| greeks.delta),
            gamma: greeks.map(|greeks| greeks.gamma),
            theta_per_day: greeks.map(|greeks| greeks.theta_per_day),
            vega_per_point: greeks.map(|greeks| greeks.vega_per_point),
            rho_per_point: greeks.map(|greeks| greeks.rho_per_point),
            prob_itm: answer.prob_itm,
            prob_touch: answer.prob_touch,
            early_exercise_premium: answer.early_exercise_premium,
            model: Some(answer.model.word()),
            reason: answer.words(),
        }
    }

    /// In the order of [`COLUMNS`].
    fn fields(&self) -> [String; COLUMNS.len()] {
        let number = |value: Option<f64>| value.map_or_else(String::new, csv::number);
        let word = |value: Option<&str>| value.unwrap_or_default().to_owned();
        [
            word(self.kind),
            word(self.style),
            number(self.spot),
            number(self.forward),
            number(self.strike),
            number(self.years),
            number(self.rate),
            number(self.r#yield),
            number(self.vol),
            number(self.price),
            number(self.iv),
            number(self.delta),
            number(self.gamma),
            number(self.theta_per_day),
            number(self.vega_per_point),
            number(self.rho_per_point),
            number(self.prob_itm),
            number(self.prob_touch),
            number(self.early_exercise_premium),
            word(self.model),
            word(self.reason.as_deref()),
        ]
    }
}

impl Writing {
    /// For rows of a file whose other columns are these.
    pub fn new<'a>(format: Format, others: impl Iterator<Item = &'a str>) -> Self {
        // Names that are ours too would stand twice.
        let taken = |name: &str| COLUMNS.contains(&name) || name == "line";
        let own = |name: &str| if taken(name) { format!("given_{name}") } else { name.to_owned() };
        Self { format, others: others.map(own).collect(), rows: 0 }
    }

    /// What stands before the first row of a file.
    #[must_use]
    pub fn heading(&self) -> String {
        match self.format {
            Format::Csv => {
                let names = std::iter::once("line").chain(self.others.iter().map(String::as_str)).chain(COLUMNS);
                csv::line(&names.map(str::to_owned).collect::<Vec<_>>())
            }
            Format::Json => format!("{{\n  \"schema\": {SCHEMA},\n  \"contracts\": ["),
            Format::Table => format!("{TOP}\n{BELOW}\n"),
        }
    }

    /// A row.
    #[must_use]
    pub fn row(&mut self, row: &Told) -> String {
        let values = Values::of(&row.told);
        self.rows += 1;
        match self.format {
            Format::Csv => {
                let line = row.line.map(|line| line.to_string());
                // A row that could not be split has no other fields.
                let others = (0..self.others.len()).map(|at| row.others.get(at).cloned().unwrap_or_default());
                csv::line(&line.into_iter().chain(others).chain(values.fields()).collect::<Vec<_>>())
            }
            Format::Json => {
                let columns = self.others.iter().map(String::as_str).zip(row.others.iter().map(String::as_str));
                let row = Row { line: row.line, columns: columns.collect(), values };
                let comma = if self.rows > 1 { "," } else { "" };
                // Nothing of it can fail to be JSON: numbers are finite, keys are texts.
                format!("{comma}\n    {}", serde_json::to_string(&row).unwrap_or_default())
            }
            Format::Table => table_row(row, &values),
        }
    }

    /// What stands behind the last row of a file.
    #[must_use]
    pub fn end(&self) -> &'static str {
        match self.format {
            Format::Json => "\n  ]\n}\n",
            Format::Csv | Format::Table => "",
        }
    }
}

/// The one contract that flags describe.
#[must_use]
pub fn single(format: Format, contract: &Contract, answer: &Answer) -> String {
    let told = Ok((*contract, answer.clone()));
    let values = Values::of(&told);
    match format {
        Format::Csv => csv::line(&COLUMNS.map(str::to_owned)) + &csv::line(&values.fields()),
        Format::Json => {
            let mut writing = Writing::new(format, std::iter::empty());
            let row = writing.row(&Told { line: None, others: Vec::new(), told });
            writing.heading() + &row + writing.end()
        }
        Format::Table => listed(&values),
    }
}

const TOP: &str =
    "       Ty                                                    Theta   Vega     Rho   ITM Touch  Early";
const BELOW: &str =
    "  Line pe   Strike  Years    Vol %    Price  Delta   Gamma     day     pt      pt     %     %   prem";

fn table_row(row: &Told, values: &Values<'_>) -> String {
    let line = row.line.map_or_else(String::new, |line| line.to_string());
    if values.price.is_none() {
        let reason = values.reason.as_deref().unwrap_or("no price");
        return wrap(&format!("{line:>6} {reason}"), INDENT);
    }
    let number = |value: Option<f64>, digits, width| or_dash(value, |value| fitted(value, digits, width));
    let percent = |value: Option<f64>| number(value.map(hundred), 1, 5);
    let initial = |word: Option<&str>| word.and_then(|word| word.chars().next()).unwrap_or('?').to_ascii_uppercase();
    let mut text = format!(
        "{line:>6} {}{} {:>8} {:>6} {:>8} {:>8} {:>6} {:>7} {:>7} {:>6} {:>7} {:>5} {:>5} {:>6}\n",
        initial(values.style),
        initial(values.kind),
        number(values.strike, 3, 8),
        number(values.years, 4, 6),
        number(values.vol.map(hundred), 2, 8),
        number(values.price, 4, 8),
        number(values.delta, 3, 6),
        number(values.gamma, 5, 7),
        number(values.theta_per_day, 4, 7),
        number(values.vega_per_point, 4, 6),
        number(values.rho_per_point, 4, 7),
        percent(values.prob_itm),
        percent(values.prob_touch),
        number(values.early_exercise_premium, 4, 6),
    );
    if let Some(reason) = &values.reason {
        text += &wrap(&format!("{:INDENT$}{reason}", ""), INDENT);
    }
    text
}

/// With as many digits after the point as the width leaves room for, and no more than these.
fn fitted(value: f64, digits: usize, width: usize) -> String {
    let texts = (0..=digits).rev().map(|digits| fixed(value, digits));
    texts.reduce(|first, fewer| if first.len() <= width { first } else { fewer }).unwrap_or_default()
}

fn fixed(value: f64, digits: usize) -> String {
    without_minus_zero(format!("{value:.digits$}"))
}

/// A line a value, with its unit.
fn listed(values: &Values<'_>) -> String {
    let style = values.style.unwrap_or_default();
    let model = match values.model {
        Some("american_alo") => "American exercise (Andersen, Lake and Offengenden 2016)",
        Some("american_cash_dividends") => "American exercise with cash dividends (finite differences)",
        _ => "European exercise (Black 1976)",
    };
    let words = [("kind", format!("{style} {}", values.kind.unwrap_or_default())), ("model", model.to_owned())];
    let mut text: String = words.iter().map(|(name, word)| format!("{name:<24}{word}\n")).collect();
    let rows = [
        ("spot", values.spot, 4, "dollars"),
        ("forward", values.forward, 4, "dollars"),
        ("strike", values.strike, 4, "dollars"),
        ("years", values.years, 6, "of 365 days"),
        ("rate", values.rate.map(hundred), 3, "% a year, continuous"),
        ("yield", values.r#yield.map(hundred), 3, "% a year, continuous"),
        ("vol", values.vol.map(hundred), 4, "% a year"),
        ("price", values.price, 6, "dollars a share"),
        ("iv", values.iv.map(hundred), 4, "% a year, of the price given"),
        ("delta", values.delta, 6, "dollars per $1 of the underlying"),
        ("gamma", values.gamma, 6, "delta per $1 of the underlying"),
        ("theta_per_day", values.theta_per_day, 6, "dollars per calendar day"),
        ("vega_per_point", values.vega_per_point, 6, "dollars per volatility point"),
        ("rho_per_point", values.rho_per_point, 6, "dollars per point of the rate"),
        ("prob_itm", values.prob_itm.map(hundred), 4, "% to end in the money, risk-neutral"),
        ("prob_touch", values.prob_touch.map(hundred), 4, "% to touch the strike before, risk-neutral"),
        ("early_exercise_premium", values.early_exercise_premium, 6, "dollars a share over the European price"),
    ];
    for (name, value, digits, unit) in rows {
        if let Some(value) = value {
            text += &format!("{name:<24}{:>12}  {unit}\n", fixed(value, digits));
        }
    }
    if let Some(reason) = &values.reason {
        text += &wrap(&format!("{:<24}{reason}", "note"), 24);
    }
    text
}

fn hundred(fraction: f64) -> f64 {
    100.0 * fraction
}

#[cfg(test)]
mod tests {
    use fleet_pricing::Terms;

    use super::super::answer::answers;
    use super::super::setting::Setting;
    use super::*;

    fn told(strike: f64) -> Told {
        let terms = Terms { kind: Kind::Put, spot: 100.0, strike, years: 0.5, rate: 0.04, yield_: 0.0 };
        let contract = Contract { style: ExerciseStyle::American, terms, vol: Some(0.3), price: None, unlisted: None };
        let setting = Setting { as_of: jiff::Timestamp::UNIX_EPOCH, tick: 0.01, dividends: Vec::new() };
        let answer = answers(&[contract], &setting).pop().unwrap();
        Told { line: Some(2), others: vec!["a,b".to_owned(), "7".to_owned()], told: Ok((contract, answer)) }
    }

    fn refused() -> Told {
        Told { line: Some(100_000), others: Vec::new(), told: Err("no strike ".repeat(30)) }
    }

    #[test]
    fn names_that_are_ours_are_told_apart() {
        let mut writing = Writing::new(Format::Csv, ["id", "delta"].into_iter());
        let heading = writing.heading();
        assert!(heading.starts_with("line,id,given_delta,kind,style,"), "{heading}");
        let columns = heading.trim_end().split(',').count();
        let row = writing.row(&told(95.0));
        assert!(row.starts_with("2,\"a,b\",7,put,american,100,102."), "{row}");
        assert_eq!(row.trim_end().split(',').count(), columns + 1);
        let empty = writing.row(&refused());
        assert_eq!(empty.trim_end().split(',').count(), columns);
    }

    #[test]
    fn json_is_one_document() {
        let mut writing = Writing::new(Format::Json, ["id", "n"].into_iter());
        let text = writing.heading() + &writing.row(&told(95.0)) + &writing.row(&refused()) + writing.end();
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(json["schema"], 1);
        let rows = json["contracts"].as_array().unwrap();
        assert_eq!((rows.len(), &rows[0]["columns"]["id"], &rows[0]["yield"]), (2, &"a,b".into(), &0.0.into()));
        assert!(rows[0]["early_exercise_premium"].as_f64().is_some_and(|premium| premium > 0.0));
        assert!(rows[1]["price"].is_null() && rows[1]["reason"].is_string());
        assert!(COLUMNS.iter().all(|name| rows[0].get(name).is_some()), "{}", rows[0]);
        let none = Writing::new(Format::Json, std::iter::empty());
        let empty: serde_json::Value = serde_json::from_str(&(none.heading() + none.end())).unwrap();
        assert_eq!(empty["contracts"].as_array().unwrap().len(), 0);
    }

    #[test]
    fn the_table_fits() {
        let mut writing = Writing::new(Format::Table, std::iter::empty());
        let text =
            writing.heading() + &writing.row(&told(95.0)) + &writing.row(&told(99_999.5)) + &writing.row(&refused());
        assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
        let (top, row) = (text.lines().nth(1).unwrap(), text.lines().nth(2).unwrap());
        assert_eq!(top.chars().count(), row.chars().count(), "{text}");
        assert!(row.contains(" AP   95.000 0.5000    30.00   5.2781 -0.339 0.01782 "), "{text}");
        let Ok((contract, answer)) = told(95.0).told else { panic!() };
        let list = single(Format::Table, &contract, &answer);
        assert!(
            list.contains("theta_per_day              -0.01") && list.lines().all(|line| line.len() <= 100),
            "{list}"
        );
        assert!(list.starts_with("kind                    american put\n"), "{list}");
    }
}
