//! One specification on one series of bars.

use std::sync::LazyLock;

use ta_lib::abstract_api::{FuncId, OutputType};
use ta_lib::{Core, RetCode};

use crate::bars::Bars;
use crate::catalogue::Input;
use crate::columns::Column;
use crate::extremes;
use crate::spec::{Spec, bind};

/// Why an indicator could not be computed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ComputeError {
    /// The bars have no such column.
    #[error("{spec} needs `{}`, and the bars have none", column.word())]
    Missing {
        /// What was asked for.
        spec: String,
        /// The column.
        column: Column,
    },
    /// The library refuses parameters that it accepted when the specification was read.
    #[error("{spec} cannot be computed: {reason:?}")]
    Refused {
        /// What was asked for.
        spec: String,
        /// The library's word for it.
        reason: RetCode,
    },
}

/// One output of an indicator, aligned with the bars.
#[derive(Debug, Clone)]
pub struct Output {
    name: &'static str,
    /// One a bar. What is not finite is no value, and leaves by [`Output::at`] alone.
    values: Vec<f64>,
}

impl Output {
    /// Its name, the wheel's: `real` or `integer` where there is but one.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// How many bars it has: as many as went in.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there were no bars.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The value at a bar; `None` in the lookback, at an absent bar, where the function has no finite value, where a
    /// ratio of movements meets no movement, and beyond the last bar.
    #[must_use]
    pub fn at(&self, bar: usize) -> Option<f64> {
        self.values.get(bar).copied().filter(|value| value.is_finite())
    }

    /// The value at the last bar.
    #[must_use]
    pub fn last(&self) -> Option<f64> {
        self.at(self.len().checked_sub(1)?)
    }

    /// The value at each bar.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = Option<f64>> + ExactSizeIterator {
        self.values.iter().map(|value| Some(*value).filter(|value| value.is_finite()))
    }
}

/// Computes an indicator. Each output has one value a bar; see [`Output::at`] for what is `None`.
///
/// `maxindex`, `minindex` and `minmaxindex` give places among all the bars, absent ones counted, from 0. Candlestick
/// patterns give 0 where there is none.
///
/// # Errors
/// A column that the bars do not have.
pub fn compute(spec: &Spec, bars: &Bars) -> Result<Vec<Output>, ComputeError> {
    let refused = |reason| ComputeError::Refused { spec: spec.to_string(), reason };
    let inputs = inputs(spec, bars)?;
    let mut outputs = of_traded(spec, bars, &inputs).map_err(refused)?;
    if let Some(rule) = spec.rule() {
        let prices: Vec<&[f64]> = moving(spec, &inputs);
        rule.each(&prices, |bar| {
            for output in &mut outputs {
                output.values[bar] = f64::NAN;
            }
        });
    }
    if let Some(places) = bars.places() {
        let meaning = match spec.indicator().id {
            FuncId::MAXINDEX | FuncId::MININDEX | FuncId::MINMAXINDEX => Meaning::Bar,
            _ => Meaning::Number,
        };
        for output in &mut outputs {
            output.values = spread(&output.values, places, bars.len(), meaning);
        }
    }
    Ok(outputs)
}

/// The library with its own settings: unstable periods of 0, the usual thresholds of candlesticks.
static LIBRARY: LazyLock<Core> = LazyLock::new(Core::new);

/// Most inputs of an indicator; a test of the table holds it.
const MOST_INPUTS: usize = 2;

/// The columns of each input, by [`Column`]; a chosen series stands alone at its own place.
type Slots<'a> = [[Option<&'a [f64]>; Column::ALL.len()]; MOST_INPUTS];

fn inputs<'a>(spec: &Spec, bars: &'a Bars) -> Result<Slots<'a>, ComputeError> {
    let mut sources = spec.sources().iter();
    let mut slots = Slots::default();
    for (slot, input) in slots.iter_mut().zip(spec.indicator().inputs) {
        let columns = match input {
            Input::Series(..) => sources.next().map(std::slice::from_ref).unwrap_or_default(),
            Input::Columns(columns) => columns,
        };
        for column in columns {
            let missing = || ComputeError::Missing { spec: spec.to_string(), column: *column };
            slot[*column as usize] = Some(bars.column(*column).ok_or_else(missing)?);
        }
    }
    Ok(slots)
}

/// The series whose movement counts: all but the volume beside prices.
fn moving<'a>(spec: &Spec, inputs: &Slots<'a>) -> Vec<&'a [f64]> {
    let mut series = Vec::new();
    for (input, slot) in spec.indicator().inputs.iter().zip(inputs) {
        let volume_too = matches!(input, Input::Series(..));
        let counts = |column: &Column| volume_too || *column != Column::Volume;
        series.extend(
            Column::ALL.iter().zip(slot).filter(|(column, _)| counts(column)).filter_map(|(_, values)| *values),
        );
    }
    series
}

/// The outputs of the traded bars alone, one value each.
fn of_traded(spec: &Spec, bars: &Bars, inputs: &Slots<'_>) -> Result<Vec<Output>, RetCode> {
    let indicator = spec.indicator();
    let (traded, lookback) = (bars.traded(), spec.lookback());
    if traded <= lookback {
        let nothing = |name: &&'static str| Output { name, values: vec![f64::NAN; traded] };
        return Ok(indicator.outputs.iter().map(nothing).collect());
    }
    let series = inputs.iter().flatten().flatten().next();
    if let Some(places) = series.and_then(|series| extremes::places(spec, series)) {
        return Ok(indicator.outputs.iter().zip(places).map(|(name, values)| Output { name, values }).collect());
    }
    // The library writes behind the lookback, so that its values stand at their bars at once.
    let kinds = indicator.id.info().outputs;
    let mut outputs = Vec::with_capacity(kinds.len());
    let mut integers: Vec<Vec<i32>> = Vec::new();
    for (name, output) in indicator.outputs.iter().zip(kinds) {
        let mut values = Vec::with_capacity(traded);
        values.resize(lookback, f64::NAN);
        match output.kind {
            OutputType::Real => values.resize(traded, 0.0),
            OutputType::Integer => integers.push(vec![0; traded - lookback]),
        }
        outputs.push(Output { name, values });
    }
    let mut call = indicator.id.new_call(&LIBRARY);
    bind(&mut call, spec.values())?;
    for (slot, (input, columns)) in indicator.inputs.iter().zip(inputs).enumerate() {
        match input {
            Input::Series(..) => {
                let series = columns.iter().flatten().next().ok_or(RetCode::InputNotAllInitialize)?;
                call.set_input(slot, series)?;
            }
            Input::Columns(_) => {
                let [open, high, low, close, volume, _] = *columns;
                call.set_price_input(slot, open, high, low, close, volume, None)?;
            }
        }
    }
    let mut buffers = integers.iter_mut();
    for (index, (output, kind)) in outputs.iter_mut().zip(kinds).enumerate() {
        match kind.kind {
            OutputType::Real => call.set_output(index, &mut output.values[lookback..])?,
            OutputType::Integer => {
                call.set_int_output(index, buffers.next().ok_or(RetCode::OutputNotAllInitialize)?)?
            }
        };
    }
    let range = call.call(0, traded - 1)?;
    // Anything else would put the values at other bars than their own.
    if (range.beg_idx, range.count) != (lookback, traded - lookback) {
        return Err(RetCode::InternalError);
    }
    for (output, values) in outputs.iter_mut().filter(|output| output.values.len() < traded).zip(integers) {
        output.values.extend(values.into_iter().map(f64::from));
    }
    Ok(outputs)
}

/// What the values of an indicator are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    /// Numbers.
    Number,
    /// Places of bars among those that were computed on.
    Bar,
}

/// Values of the traded bars back at their places among all the bars.
fn spread(values: &[f64], places: &[usize], bars: usize, meaning: Meaning) -> Vec<f64> {
    let mut all = vec![f64::NAN; bars];
    for (value, place) in values.iter().zip(places) {
        all[*place] = match meaning {
            Meaning::Bar if value.is_finite() => places.get(*value as usize).map_or(f64::NAN, |bar| *bar as f64),
            Meaning::Bar | Meaning::Number => *value,
        };
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::all;

    #[test]
    fn there_is_room_for_every_input() {
        assert_eq!(all().iter().map(|indicator| indicator.inputs.len()).max(), Some(MOST_INPUTS));
    }
}
