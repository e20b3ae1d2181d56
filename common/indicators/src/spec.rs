//! What a person writes: `rsi:14`, `bbands:20:2`, `macd:signalperiod=5`, `beta:5:price1=open`.
//!
//! A name, then parameters in their order or by name, then what it reads by name. What is left out is the default. Case
//! does not matter. No combination is accepted that the library would refuse later.

use std::fmt;
use std::str::FromStr;

use ta_lib::Core;

use crate::average::MovingAverage;
use crate::catalogue::{Domain, Indicator, Parameter, find, nearest};
use crate::columns::Column;
use crate::still::{self, Rule};

/// Most specifications one list may hold: a table has no room for more columns.
pub const MAX_SPECS: usize = 250;
/// The longest specification; the longest name with all of its parameters named has fewer characters.
const MAX_CHARACTERS: usize = 400;

/// An indicator with its parameters chosen.
#[derive(Debug, Clone, PartialEq)]
pub struct Spec {
    indicator: &'static Indicator,
    values: Vec<Value>,
    sources: Vec<Column>,
    lookback: usize,
    rule: Option<Rule>,
    text: String,
}

/// A parameter's value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value {
    /// A number of bars.
    Integer(i32),
    /// Any other number.
    Real(f64),
    /// A kind of moving average.
    Average(MovingAverage),
}

/// Why a specification names no indicator that can be computed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SpecError {
    /// There is no such indicator.
    #[error("no indicator `{name}`{}", hint(.nearest))]
    Unknown {
        /// The name.
        name: String,
        /// One that is spelled nearly so.
        nearest: Option<&'static str>,
    },
    /// More values than parameters.
    #[error("`{text}` has too many values; {usage}")]
    TooMany {
        /// What was written.
        text: String,
        /// What is wanted.
        usage: String,
    },
    /// A name that is no parameter and no input of it.
    #[error("`{text}` names `{key}`; {usage}")]
    NoSuchParameter {
        /// What was written.
        text: String,
        /// The name.
        key: String,
        /// What is wanted.
        usage: String,
    },
    /// A value that is none, or out of its range.
    #[error("`{value}` is no value of {key}; {usage}")]
    BadValue {
        /// The parameter or input.
        key: String,
        /// The value.
        value: String,
        /// What is wanted.
        usage: String,
    },
    /// A parameter given twice.
    #[error("`{text}` gives {key} twice")]
    Twice {
        /// What was written.
        text: String,
        /// The parameter or input.
        key: String,
    },
    /// A value without a name after one with a name: nobody knows which it is.
    #[error("`{value}` in `{text}` comes after a named parameter and needs its name too; {usage}")]
    Unnamed {
        /// What was written.
        text: String,
        /// The value.
        value: String,
        /// What is wanted.
        usage: String,
    },
    /// Each value is allowed, together they are not.
    #[error("`{text}`: the parameters do not go together; {usage}")]
    Refused {
        /// What was written.
        text: String,
        /// What is wanted.
        usage: String,
    },
    /// Longer than any specification can be, or a longer list.
    #[error("a specification has at most {MAX_CHARACTERS} characters, a list {MAX_SPECS} specifications")]
    TooLong,
}

impl Spec {
    /// The indicator.
    #[must_use]
    pub const fn indicator(&self) -> &'static Indicator {
        self.indicator
    }

    /// Its parameters' values, in their order.
    #[must_use]
    pub fn values(&self) -> &[Value] {
        &self.values
    }

    /// The columns its chosen inputs read, in their order; `mavp`'s periods among them.
    #[must_use]
    pub fn sources(&self) -> &[Column] {
        &self.sources
    }

    /// Traded bars before the one that has the first value.
    #[must_use]
    pub const fn lookback(&self) -> usize {
        self.lookback
    }

    /// Where it has no value although the library gives one.
    pub(crate) const fn rule(&self) -> Option<Rule> {
        self.rule
    }

    /// A whole list, `rsi:14,macd,bbands:20:2`, in its order. Empty places are passed over.
    ///
    /// # Errors
    /// The first specification that is none, or a list of more than [`MAX_SPECS`].
    pub fn parse_list(text: &str) -> Result<Vec<Self>, SpecError> {
        let parts: Vec<&str> = text.split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
        if parts.len() > MAX_SPECS {
            return Err(SpecError::TooLong);
        }
        parts.into_iter().map(str::parse).collect()
    }
}

impl fmt::Display for Spec {
    /// As it was written, in lower case: the name of its column.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Display for Value {
    /// As in a specification.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(value) => value.fmt(f),
            Self::Real(value) => value.fmt(f),
            Self::Average(value) => f.write_str(value.word()),
        }
    }
}

impl FromStr for Spec {
    type Err = SpecError;

    fn from_str(written: &str) -> Result<Self, SpecError> {
        if written.chars().count() > MAX_CHARACTERS {
            return Err(SpecError::TooLong);
        }
        let text = written.trim().to_ascii_lowercase();
        let mut parts = text.split(':').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let indicator =
            find(name).ok_or_else(|| SpecError::Unknown { name: name.to_owned(), nearest: nearest(name) })?;
        let mut choice = Choice::of(indicator, &text);
        for part in parts {
            match part.split_once('=') {
                Some((key, value)) => choice.named(key.trim(), value.trim())?,
                None => choice.in_order(part)?,
            }
        }
        choice.finish()
    }
}

/// What was chosen so far.
struct Choice<'a> {
    indicator: &'static Indicator,
    text: &'a str,
    values: Vec<Option<Value>>,
    sources: Vec<(&'static str, Column, Option<Column>)>,
    in_order: usize,
    any_named: bool,
}

impl<'a> Choice<'a> {
    fn of(indicator: &'static Indicator, text: &'a str) -> Self {
        let sources = indicator.sources().map(|(name, column)| (name, column, None)).collect();
        let values = vec![None; indicator.parameters.len()];
        Self { indicator, text, values, sources, in_order: 0, any_named: false }
    }

    fn in_order(&mut self, value: &str) -> Result<(), SpecError> {
        if self.any_named {
            let (text, usage) = (self.text.to_owned(), self.indicator.usage());
            return Err(SpecError::Unnamed { text, value: value.to_owned(), usage });
        }
        let Some(parameter) = self.indicator.parameters.get(self.in_order) else {
            return Err(SpecError::TooMany { text: self.text.to_owned(), usage: self.indicator.usage() });
        };
        self.values[self.in_order] = Some(self.value(parameter, value)?);
        self.in_order += 1;
        Ok(())
    }

    fn named(&mut self, key: &str, value: &str) -> Result<(), SpecError> {
        self.any_named = true;
        let twice = || SpecError::Twice { text: self.text.to_owned(), key: key.to_owned() };
        if let Some(at) = self.indicator.parameters.iter().position(|parameter| parameter.name == key) {
            if self.values[at].is_some() {
                return Err(twice());
            }
            self.values[at] = Some(self.value(&self.indicator.parameters[at], value)?);
            return Ok(());
        }
        let Some(at) = self.sources.iter().position(|(name, ..)| *name == key) else {
            let (text, usage) = (self.text.to_owned(), self.indicator.usage());
            return Err(SpecError::NoSuchParameter { text, key: key.to_owned(), usage });
        };
        if self.sources[at].2.is_some() {
            return Err(twice());
        }
        self.sources[at].2 = Some(Column::from_word(value).ok_or_else(|| self.bad(key, value))?);
        Ok(())
    }

    fn value(&self, parameter: &Parameter, text: &str) -> Result<Value, SpecError> {
        let value = match parameter.domain {
            Domain::Integer { least, largest, .. } => {
                text.parse().ok().filter(|value| (least..=largest).contains(value)).map(Value::Integer)
            }
            Domain::Real { least, largest, .. } => {
                text.parse().ok().filter(|value| (least..=largest).contains(value)).map(Value::Real)
            }
            Domain::Average { .. } => MovingAverage::parse(text).map(Value::Average),
        };
        value.ok_or_else(|| self.bad(parameter.name, text))
    }

    fn bad(&self, key: &str, value: &str) -> SpecError {
        SpecError::BadValue { key: key.to_owned(), value: value.to_owned(), usage: self.indicator.usage() }
    }

    fn finish(self) -> Result<Spec, SpecError> {
        let defaults = self.indicator.parameters.iter().map(|parameter| parameter.domain.default());
        let values: Vec<Value> =
            self.values.iter().zip(defaults).map(|(chosen, default)| chosen.unwrap_or(default)).collect();
        let sources = self.sources.iter().map(|(_, default, chosen)| chosen.unwrap_or(*default)).collect();
        let core = Core::new();
        let mut call = self.indicator.id.new_call(&core);
        let lookback = bind(&mut call, &values).and_then(|()| call.lookback());
        let Ok(lookback) = lookback else {
            return Err(SpecError::Refused { text: self.text.to_owned(), usage: self.indicator.usage() });
        };
        let rule = still::rule(self.indicator.id, &values, lookback);
        Ok(Spec { indicator: self.indicator, values, sources, lookback, rule, text: self.text.to_owned() })
    }
}

/// Hands the parameters to the library.
pub(crate) fn bind(call: &mut ta_lib::abstract_api::ParamHolder<'_>, values: &[Value]) -> Result<(), ta_lib::RetCode> {
    for (index, value) in values.iter().enumerate() {
        match value {
            Value::Integer(value) => call.set_opt_input(index, *value)?,
            Value::Real(value) => call.set_opt_input(index, *value)?,
            Value::Average(value) => call.set_opt_input(index, value.number())?,
        };
    }
    Ok(())
}

fn hint(nearest: &Option<&'static str>) -> String {
    nearest.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, name: &str, values: &[Value]) -> Spec {
        let spec: Spec = text.parse().unwrap();
        assert_eq!((spec.indicator().name, spec.values()), (name, values));
        spec
    }

    #[track_caller]
    fn check_refused(text: &str, told: &str) {
        let error = text.parse::<Spec>().unwrap_err().to_string();
        assert_eq!(error, told);
    }

    #[test]
    fn parameters_stand_in_order_or_by_name() {
        use Value::{Average, Integer, Real};
        assert_eq!(check("rsi:14", "rsi", &[Integer(14)]).lookback(), 14);
        check("RSI", "rsi", &[Integer(14)]);
        let bands = [Integer(20), Real(2.0), Real(2.0), Average(MovingAverage::Sma)];
        check("bbands:20:2", "bbands", &bands);
        check(" bbands:timeperiod=20 ", "bbands", &bands);
        check("ma:10:ema", "ma", &[Integer(10), Average(MovingAverage::Ema)]);
        check("ma:10:matype=13", "ma", &[Integer(10), Average(MovingAverage::Rma)]);
        check("macd:12:signalperiod=5", "macd", &[Integer(12), Integer(26), Integer(5)]);
        check("linearreg_slope", "linearreg_slope", &[Integer(14)]);
    }

    #[test]
    fn the_columns_read_may_be_chosen() {
        assert_eq!(check("sma:2:price=volume", "sma", &[Value::Integer(2)]).sources(), [Column::Volume]);
        let beta = check("beta:price1=open", "beta", &[Value::Integer(5)]);
        assert_eq!(beta.sources(), [Column::High, Column::Open]);
        assert_eq!(beta.to_string(), "beta:price1=open");
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_what_is_wanted() {
        check_refused("rsy", "no indicator `rsy`; did you mean `rsi`?");
        check_refused("xyzzy:1", "no indicator `xyzzy`");
        check_refused("", "no indicator ``");
        let rsi = "rsi takes 1 parameter: timeperiod 2..100000 (14); reads price=close";
        check_refused("rsi:14:3", &format!("`rsi:14:3` has too many values; {rsi}"));
        check_refused("rsi:1", &format!("`1` is no value of timeperiod; {rsi}"));
        check_refused("rsi:100001", &format!("`100001` is no value of timeperiod; {rsi}"));
        check_refused("rsi:14.5", &format!("`14.5` is no value of timeperiod; {rsi}"));
        check_refused("rsi:", &format!("`` is no value of timeperiod; {rsi}"));
        check_refused("rsi:period=3", &format!("`rsi:period=3` names `period`; {rsi}"));
        check_refused("rsi:price=bid", &format!("`bid` is no value of price; {rsi}"));
        check_refused("rsi:3:timeperiod=3", "`rsi:3:timeperiod=3` gives timeperiod twice");
        check_refused(
            "rsi:timeperiod=3:4",
            &format!("`4` in `rsi:timeperiod=3:4` comes after a named parameter and needs its name too; {rsi}"),
        );
        for text in ["bbands:20:nan", "bbands:20:inf", "bbands:20:4e37", "ma:10:default", "ma:10:11"] {
            assert!(matches!(text.parse::<Spec>(), Err(SpecError::BadValue { .. })), "{text}");
        }
        assert_eq!("x".repeat(401).parse::<Spec>(), Err(SpecError::TooLong));
    }

    #[test]
    fn lists_keep_their_order_and_name_the_mistake() {
        let list = Spec::parse_list("rsi:14, macd,,bbands:20:2,").unwrap();
        let names: Vec<String> = list.iter().map(Spec::to_string).collect();
        assert_eq!(names, ["rsi:14", "macd", "bbands:20:2"]);
        assert!(Spec::parse_list("rsi,mcad").unwrap_err().to_string().contains("did you mean `macd`"));
        assert_eq!(Spec::parse_list(&"rsi,".repeat(MAX_SPECS + 1)), Err(SpecError::TooLong));
        assert_eq!(Spec::parse_list(""), Ok(Vec::new()));
    }
}
