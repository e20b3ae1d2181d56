//! Our time for every indicator beside the C library's, in one run: `scripts/bench indicators`.
//!
//! The one argument is the C half (`reference/timer.c`, built by `scripts/reference-indicators timer`). The two take turns
//! on each indicator, and the least of the rounds counts, so that a busy machine disturbs both alike.
//!
//! Each is compared with its like: the call alone, into buffers that are there already, with the C library's call alone;
//! and the whole of `compute` (the look-up of columns, new buffers, the call, the rules for missing values) with the C
//! library's call into new buffers, the lookback filled, as the wheel does. What `compute` takes beside the C library's
//! bare call is told too.

use std::error::Error;
use std::hint::black_box;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use fleet_indicators::{Bars, Column, Indicator, Input, Spec, Value, all, compute};
use ta_lib::Core;
use ta_lib::abstract_api::{OutputType, get_func_handle};

#[path = "../tests/indicators/series.rs"]
#[expect(dead_code, reason = "one of the series is enough here")]
mod series;

/// A year of sessions, and twenty.
const LENGTHS: [usize; 2] = [252, 5_000];
const ROUNDS: usize = 15;
/// Of one round of one indicator.
const ROUND: Duration = Duration::from_micros(1_500);
/// What the targets ask for.
const TARGET: f64 = 1.1;
const WORST: usize = 8;

fn main() -> Result<(), Box<dyn Error>> {
    let timer = std::env::args().nth(1).ok_or("the C half is wanted: scripts/bench indicators")?;
    let mut child = Command::new(timer).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let (mut ask, answer) = (child.stdin.take().ok_or("no way in")?, child.stdout.take().ok_or("no way out")?);
    let mut answers = BufReader::new(answer).lines();
    let mut theirs = |name: &str, bars: usize, calls: u32, buffers: &str| -> Result<(f64, usize), Box<dyn Error>> {
        writeln!(ask, "{} {bars} {calls} {buffers}", name.to_ascii_uppercase())?;
        let line = answers.next().ok_or("the C half has ended")??;
        let (time, count) = line.split_once(' ').ok_or("the C half says nothing")?;
        Ok((time.parse()?, count.parse()?))
    };
    println!("our time over the C library's; the least of {ROUNDS} rounds each, in turns");
    for length in LENGTHS {
        let rows = series::random_bars(length, 1);
        let mut times = Vec::new();
        for indicator in all() {
            times.push((indicator.name, Times::of(indicator, &rows, &mut theirs)?));
        }
        let ratios = |ratio: fn(&Times) -> f64| times.iter().map(|(name, times)| (ratio(times), *name)).collect();
        report(length, "the call alone, ours over C", ratios(|times| times.alone / times.theirs));
        report(length, "compute over C with new buffers", ratios(|times| times.whole / times.theirs_fresh));
        report(length, "compute over C's call alone", ratios(|times| times.whole / times.theirs));
    }
    drop(ask);
    child.wait()?;
    Ok(())
}

/// Least nanoseconds of a call.
struct Times {
    /// `compute`.
    whole: f64,
    /// The Rust library's call alone.
    alone: f64,
    /// The C library's call alone.
    theirs: f64,
    /// The C library's call into new buffers.
    theirs_fresh: f64,
}

impl Times {
    fn of(
        indicator: &Indicator,
        rows: &[series::Row],
        theirs: &mut impl FnMut(&str, usize, u32, &str) -> Result<(f64, usize), Box<dyn Error>>,
    ) -> Result<Self, Box<dyn Error>> {
        let spec: Spec = indicator.name.parse()?;
        let bars: Bars = series::bars(rows);
        let (once, count) = theirs(indicator.name, bars.len(), 20, "kept")?;
        assert_eq!(
            count,
            bars.len().saturating_sub(spec.lookback()),
            "{}: both compute as many values",
            indicator.name
        );
        let calls = ((ROUND.as_nanos() as f64 / once) as u32).clamp(5, 100_000);
        let columns = Column::ALL.map(|column| rows.iter().map(|row| row[column as usize]).collect::<Vec<f64>>());
        let never = f64::INFINITY;
        let mut least = Self { whole: never, alone: never, theirs: never, theirs_fresh: never };
        for _ in 0..ROUNDS {
            least.theirs = least.theirs.min(theirs(indicator.name, bars.len(), calls, "kept")?.0);
            least.theirs_fresh = least.theirs_fresh.min(theirs(indicator.name, bars.len(), calls, "fresh")?.0);
            let started = Instant::now();
            for _ in 0..calls {
                black_box(compute(black_box(&spec), black_box(&bars))?);
            }
            least.whole = least.whole.min(started.elapsed().as_nanos() as f64 / f64::from(calls));
            least.alone = least.alone.min(alone(&spec, &columns, calls)?);
        }
        Ok(least)
    }
}

/// Nanoseconds of the Rust library's call alone.
fn alone(spec: &Spec, columns: &[Vec<f64>; 6], calls: u32) -> Result<f64, Box<dyn Error>> {
    let indicator = spec.indicator();
    let [open, high, low, close, volume, _] = columns;
    let core = Core::new();
    let function = get_func_handle(indicator.name).ok_or("a function of the library")?;
    let mut reals = vec![vec![0.0; close.len()]; 4];
    let mut integers = vec![vec![0; close.len()]; 4];
    let mut call = function.new_call(&core);
    for (index, value) in spec.values().iter().enumerate() {
        match value {
            Value::Integer(value) => call.set_opt_input(index, *value),
            Value::Real(value) => call.set_opt_input(index, *value),
            Value::Average(value) => call.set_opt_input(index, value.number()),
        }
        .map_err(|code| format!("{spec}: {code:?}"))?;
    }
    for (slot, input) in indicator.inputs.iter().enumerate() {
        match input {
            Input::Series(_, column) => call.set_input(slot, &columns[*column as usize]),
            Input::Columns(_) => {
                call.set_price_input(slot, Some(open), Some(high), Some(low), Some(close), Some(volume), None)
            }
        }
        .map_err(|code| format!("{}: {code:?}", indicator.name))?;
    }
    for (index, (real, integer)) in reals.iter_mut().zip(&mut integers).take(indicator.outputs.len()).enumerate() {
        match function.info().outputs[index].kind {
            OutputType::Real => call.set_output(index, real),
            OutputType::Integer => call.set_int_output(index, integer),
        }
        .map_err(|code| format!("{}: {code:?}", indicator.name))?;
    }
    let started = Instant::now();
    for _ in 0..calls {
        black_box(black_box(&mut call).call(0, close.len() - 1)).map_err(|code| format!("{code:?}"))?;
    }
    Ok(started.elapsed().as_nanos() as f64 / f64::from(calls))
}

fn report(length: usize, what: &str, mut ratios: Vec<(f64, &str)>) {
    ratios.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mean = (ratios.iter().map(|(ratio, _)| ratio.ln()).sum::<f64>() / ratios.len() as f64).exp();
    let verdict = if mean <= TARGET { "within" } else { "beyond" };
    let median = ratios[ratios.len() / 2].0;
    println!(
        "\n{what}, {length} bars, {} indicators: geometric mean {mean:.3}, {verdict} {TARGET}; median {median:.3}",
        ratios.len()
    );
    let told = |part: &[(f64, &str)]| -> String {
        part.iter().map(|(ratio, name)| format!("{name} {ratio:.2}")).collect::<Vec<_>>().join(", ")
    };
    println!("  least  {}", told(&ratios[..WORST]));
    println!("  most   {}", told(&ratios[ratios.len() - WORST..]));
}
