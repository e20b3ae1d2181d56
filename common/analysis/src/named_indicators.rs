//! `[indicators]`: which indicators are computed by name for candidates, beside those the strategies read.

use fleet_indicators::{Column, Input, Spec, SpecError};
use serde::{Deserialize, Serialize};

/// Indicators computed for candidates and controls, at the last closed bar of the contract and of its underlying.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NamedIndicators {
    /// Specifications such as `rsi:14`, `macd`, `bbands:20:2`: any of the 201 by name.
    pub shown: Vec<String>,
}

/// Why an indicator cannot be shown.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum NotShown {
    /// It names none, or takes no such parameters.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// It reads a column that no vendor's bars have.
    #[error("`{spec}` reads `{}`, which no vendor's bars have", column.word())]
    NoColumn {
        /// What was asked for.
        spec: String,
        /// The column.
        column: Column,
    },
}

impl NamedIndicators {
    /// What was asked for, read; commas inside one text separate several.
    ///
    /// # Errors
    /// The first that cannot be shown.
    pub fn specs(&self) -> Result<Vec<Spec>, NotShown> {
        let specs = Spec::parse_list(&self.shown.join(","))?;
        match specs.iter().find(|spec| reads_periods(spec)) {
            Some(spec) => Err(NotShown::NoColumn { spec: spec.to_string(), column: Column::Periods }),
            None => Ok(specs),
        }
    }
}

fn reads_periods(spec: &Spec) -> bool {
    let fixed = spec.indicator().inputs.iter().any(|input| match input {
        Input::Columns(columns) => columns.contains(&Column::Periods),
        Input::Series(..) => false,
    });
    fixed || spec.sources().contains(&Column::Periods)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(texts: &[&str]) -> Result<Vec<String>, String> {
        let shown = texts.iter().map(|text| (*text).to_owned()).collect();
        let specs = NamedIndicators { shown }.specs().map_err(|error| error.to_string())?;
        Ok(specs.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn names_are_read_one_by_one_or_in_a_list() {
        assert_eq!(shown(&[]), Ok(vec![]));
        assert_eq!(shown(&["RSI:14", "macd,bbands:20:2"]).unwrap(), ["rsi:14", "macd", "bbands:20:2"]);
    }

    #[test]
    fn what_cannot_be_shown_is_named() {
        assert_eq!(shown(&["rsi:14", "rsy"]), Err("no indicator `rsy`; did you mean `rsi`?".to_owned()));
        let periods = "reads `periods`, which no vendor's bars have";
        assert_eq!(shown(&["mavp"]), Err(format!("`mavp` {periods}")));
        assert_eq!(shown(&["sma:5:price=periods"]), Err(format!("`sma:5:price=periods` {periods}")));
        assert!(shown(&["sma:5:price=volume"]).is_ok());
    }
}
