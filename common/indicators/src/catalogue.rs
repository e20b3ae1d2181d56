//! What is known of an indicator before anything is computed: the types of the table, and how to find a row.

use std::fmt;

use ta_lib::abstract_api::FuncId;

use crate::average::MovingAverage;
use crate::columns::Column;
use crate::spec::Value;
use crate::table::TABLE;

/// One indicator.
#[derive(Debug)]
pub struct Indicator {
    /// Its name in a specification, lower case.
    pub name: &'static str,
    /// What it is, in a few words.
    pub title: &'static str,
    /// The wheel's group of it.
    pub group: Group,
    /// What it reads, in the library's order.
    pub inputs: &'static [Input],
    /// What may be chosen, in the order of a specification.
    pub parameters: &'static [Parameter],
    /// Names of what it gives.
    pub outputs: &'static [&'static str],
    /// The library's handle.
    pub(crate) id: FuncId,
}

/// The wheel's groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// Hilbert transforms.
    Cycle,
    /// Two series into one, and extremes of a window.
    MathOperators,
    /// One number into another.
    MathTransform,
    /// Oscillators and rates of change.
    Momentum,
    /// On the scale of the price.
    Overlap,
    /// Candlesticks: 100 or 200 bullish, the negative bearish, 0 nothing.
    Pattern,
    /// A bar into one price.
    PriceTransform,
    /// Regressions and deviations.
    Statistic,
    /// How far prices move.
    Volatility,
    /// What volume says.
    Volume,
}

/// Something an indicator reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// Any one column, by default the one named: `price=high` in a specification chooses another.
    Series(&'static str, Column),
    /// Just these columns of the bars.
    Columns(&'static [Column]),
}

/// A parameter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Parameter {
    /// Its name, the wheel's.
    pub name: &'static str,
    /// What it may be.
    pub domain: Domain,
}

/// What a parameter may be, and is where it is left out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Domain {
    /// A whole number, of bars.
    Integer {
        /// The least.
        least: i32,
        /// The largest.
        largest: i32,
        /// Where it is left out.
        default: i32,
    },
    /// A number between two bounds, both included.
    Real {
        /// The least.
        least: f64,
        /// The largest.
        largest: f64,
        /// Where it is left out.
        default: f64,
    },
    /// A kind of moving average.
    Average {
        /// Where it is left out.
        default: MovingAverage,
    },
}

/// All of them: the wheel's 201, by group, by name within a group.
#[must_use]
pub fn all() -> &'static [Indicator] {
    &TABLE
}

/// The indicator of a name in lower case; `None` where there is none.
#[must_use]
pub fn find(name: &str) -> Option<&'static Indicator> {
    TABLE.iter().find(|indicator| indicator.name == name)
}

/// The name a misspelled one may stand for: at most two letters wrong, and fewer than half of them.
pub(crate) fn nearest(name: &str) -> Option<&'static str> {
    let distance = |known: &str| strsim::osa_distance(known, name);
    let best = TABLE.iter().map(|known| known.name).min_by_key(|known| distance(known))?;
    let wrong = distance(best);
    (wrong <= 2 && 2 * wrong < name.chars().count()).then_some(best)
}

impl Group {
    /// All of them, in order.
    pub const ALL: [Self; 10] = [
        Self::Cycle,
        Self::MathOperators,
        Self::MathTransform,
        Self::Momentum,
        Self::Overlap,
        Self::Pattern,
        Self::PriceTransform,
        Self::Statistic,
        Self::Volatility,
        Self::Volume,
    ];

    /// The wheel's name of it.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Cycle => "Cycle Indicators",
            Self::MathOperators => "Math Operators",
            Self::MathTransform => "Math Transform",
            Self::Momentum => "Momentum Indicators",
            Self::Overlap => "Overlap Studies",
            Self::Pattern => "Pattern Recognition",
            Self::PriceTransform => "Price Transform",
            Self::Statistic => "Statistic Functions",
            Self::Volatility => "Volatility Indicators",
            Self::Volume => "Volume Indicators",
        }
    }
}

impl Indicator {
    /// What may be written after the name: `rsi takes 1 parameter: timeperiod 2..100000 (14)`.
    #[must_use]
    pub fn usage(&self) -> String {
        let parameters: Vec<String> = self.parameters.iter().map(Parameter::to_string).collect();
        let sources: Vec<String> = self.sources().map(|(name, column)| format!("{name}={}", column.word())).collect();
        let count = match parameters.len() {
            0 => "no parameters".to_owned(),
            1 => format!("1 parameter: {}", parameters[0]),
            n => format!("{n} parameters: {}", parameters.join(", ")),
        };
        let reads = if sources.is_empty() { String::new() } else { format!("; reads {}", sources.join(", ")) };
        format!("{} takes {count}{reads}", self.name)
    }

    /// The inputs whose column may be chosen, with the column they have by default.
    pub fn sources(&self) -> impl Iterator<Item = (&'static str, Column)> {
        self.inputs.iter().filter_map(|input| match input {
            Input::Series(name, column) => Some((*name, *column)),
            Input::Columns(_) => None,
        })
    }
}

impl Domain {
    /// What a parameter is where it is left out.
    #[must_use]
    pub const fn default(self) -> Value {
        match self {
            Self::Integer { default, .. } => Value::Integer(default),
            Self::Real { default, .. } => Value::Real(default),
            Self::Average { default } => Value::Average(default),
        }
    }
}

impl PartialEq for Indicator {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl fmt::Display for Parameter {
    /// The name, the range, and in brackets the default.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.name)?;
        match self.domain {
            Domain::Integer { least, largest, default } => write!(f, "{least}..{largest} ({default})"),
            Domain::Real { least, largest, default } if largest >= 3e37 => match least {
                0.0 => write!(f, "0 or more ({default})"),
                _ => write!(f, "any number ({default})"),
            },
            Domain::Real { least, largest, default } => write!(f, "{least}..{largest} ({default})"),
            Domain::Average { default } => {
                let words: Vec<&str> = MovingAverage::ALL.iter().map(|average| average.word()).collect();
                write!(f, "{} ({})", words.join("|"), default.word())
            }
        }
    }
}

/// A row of the table.
pub(crate) const fn indicator(
    id: FuncId,
    name: &'static str,
    title: &'static str,
    group: Group,
    inputs: &'static [Input],
    parameters: &'static [Parameter],
    outputs: &'static [&'static str],
) -> Indicator {
    Indicator { name, title, group, inputs, parameters, outputs, id }
}

/// A whole number of bars.
pub(crate) const fn int(name: &'static str, (least, largest): (i32, i32), default: i32) -> Parameter {
    Parameter { name, domain: Domain::Integer { least, largest, default } }
}

/// A number between two bounds.
pub(crate) const fn real(name: &'static str, (least, largest): (f64, f64), default: f64) -> Parameter {
    Parameter { name, domain: Domain::Real { least, largest, default } }
}

/// A kind of moving average.
pub(crate) const fn average(name: &'static str, default: MovingAverage) -> Parameter {
    Parameter { name, domain: Domain::Average { default } }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use ta_lib::abstract_api::{InputType, OptInputType};

    use super::*;

    #[test]
    fn every_name_is_there_once() {
        let names: BTreeSet<&str> = all().iter().map(|indicator| indicator.name).collect();
        assert_eq!(names.len(), 201);
        assert!(all().is_sorted_by_key(|indicator| (indicator.group, indicator.name)));
        assert!(names.iter().all(|name| find(name).is_some()));
        assert!(find("alma").is_none(), "the Rust library's own extras are not the wheel's");
    }

    /// The table is the wheel's word; the Rust library that computes must mean the same.
    #[test]
    fn the_library_agrees_with_the_table() {
        let mut differences = Vec::new();
        for indicator in all() {
            let known = indicator.id.info();
            assert_eq!(known.name.to_ascii_lowercase(), indicator.name);
            assert_eq!(known.group.as_str(), indicator.group.title(), "{}", indicator.name);
            assert_eq!(known.outputs.len(), indicator.outputs.len(), "{}", indicator.name);
            assert_eq!(known.inputs.len(), indicator.inputs.len(), "{}", indicator.name);
            for (theirs, ours) in known.inputs.iter().zip(indicator.inputs) {
                match (theirs.kind, ours) {
                    (InputType::Real, Input::Series(..)) => {}
                    (InputType::Price, Input::Columns(columns)) => {
                        let bits = columns.iter().fold(0, |bits, column| bits | 1_u32 << *column as u32);
                        assert_eq!(theirs.flags.bits(), bits, "{}", indicator.name);
                    }
                    other => panic!("{}: {other:?}", indicator.name),
                }
            }
            assert_eq!(known.opt_inputs.len(), indicator.parameters.len(), "{}", indicator.name);
            for (theirs, ours) in known.opt_inputs.iter().zip(indicator.parameters) {
                let theirs_told = match theirs.kind {
                    OptInputType::IntegerRange { min, max, default, .. } => int(ours.name, (min, max), default),
                    OptInputType::RealRange { min, max, default, .. } => real(ours.name, (min, max), default),
                    OptInputType::IntegerList { default, .. } => {
                        let default = MovingAverage::ALL.into_iter().find(|a| i64::from(a.number()) == default);
                        average(ours.name, default.unwrap())
                    }
                    OptInputType::RealList { .. } => panic!("{}: a list of numbers", indicator.name),
                };
                if theirs_told != *ours {
                    differences.push(format!("{}: {theirs_told}", indicator.name));
                }
                assert_eq!(
                    theirs.param_name.trim_start_matches("optIn").to_ascii_lowercase(),
                    ours.name,
                    "{}",
                    indicator.name
                );
            }
        }
        // Every parameter is handed over, so the library's own default is never used.
        assert_eq!(differences, ["percentile: timeperiod 2..10000 (100)"]);
    }

    #[test]
    fn usages_say_what_is_wanted() {
        let usage = |name| find(name).unwrap().usage();
        assert_eq!(usage("rsi"), "rsi takes 1 parameter: timeperiod 2..100000 (14); reads price=close");
        assert_eq!(usage("trange"), "trange takes no parameters");
        assert_eq!(usage("sar"), "sar takes 2 parameters: acceleration 0 or more (0.02), maximum 0 or more (0.2)");
        assert!(usage("bbands").contains("nbdevup any number (2), "), "{}", usage("bbands"));
        assert!(usage("mama").contains("fastlimit 0.01..0.99 (0.5)"), "{}", usage("mama"));
        assert!(usage("ma").contains("matype sma|ema|wma|"), "{}", usage("ma"));
    }

    #[test]
    fn near_names_are_offered_and_far_ones_not() {
        assert_eq!(nearest("rsy"), Some("rsi"));
        assert_eq!(nearest("bband"), Some("bbands"));
        assert_eq!(nearest("xyzzy"), None);
        assert_eq!(nearest("q"), None);
    }
}
