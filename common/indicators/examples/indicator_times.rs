//! Our time for every indicator beside the C library's, in one run: `scripts/bench indicators`.
//!
//! The one argument is the C half (`reference/timer.c`, built by `scripts/reference-indicators timer`). The two take turns
//! on each indicator, and the least of the rounds counts, so that a busy machine disturbs both alike. Ours is the whole
//! of `compute`: the look-up of columns, the buffers, the library's call and the rules for missing values. The C
//! library's is its call alone, into buffers that are there. The values go the same way as for everybody else.

use std::error::Error;
use std::hint::black_box;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use fleet_indicators::{Bars, Indicator, Spec, all, compute};

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
    let mut theirs = |name: &str, bars: usize, calls: u32| -> Result<(f64, usize), Box<dyn Error>> {
        writeln!(ask, "{} {bars} {calls}", name.to_ascii_uppercase())?;
        let line = answers.next().ok_or("the C half has ended")??;
        let (time, count) = line.split_once(' ').ok_or("the C half says nothing")?;
        Ok((time.parse()?, count.parse()?))
    };
    println!("our time over the C library's; the least of {ROUNDS} rounds each, in turns");
    for length in LENGTHS {
        let bars = series::bars(&series::random_bars(length, 1));
        let mut ratios = Vec::new();
        for indicator in all() {
            ratios.push((ratio(indicator, &bars, &mut theirs)?, indicator.name));
        }
        report(length, ratios);
    }
    drop(ask);
    child.wait()?;
    Ok(())
}

/// Our least time over theirs.
fn ratio(
    indicator: &Indicator,
    bars: &Bars,
    theirs: &mut impl FnMut(&str, usize, u32) -> Result<(f64, usize), Box<dyn Error>>,
) -> Result<f64, Box<dyn Error>> {
    let spec: Spec = indicator.name.parse()?;
    let (once, count) = theirs(indicator.name, bars.len(), 20)?;
    assert_eq!(count, bars.len().saturating_sub(spec.lookback()), "{}: both compute as many values", indicator.name);
    let calls = ((ROUND.as_nanos() as f64 / once) as u32).clamp(5, 100_000);
    let (mut best_ours, mut best_theirs) = (f64::INFINITY, f64::INFINITY);
    for _ in 0..ROUNDS {
        best_theirs = best_theirs.min(theirs(indicator.name, bars.len(), calls)?.0);
        let started = Instant::now();
        for _ in 0..calls {
            black_box(compute(black_box(&spec), black_box(bars))?);
        }
        best_ours = best_ours.min(started.elapsed().as_nanos() as f64 / f64::from(calls));
    }
    Ok(best_ours / best_theirs)
}

fn report(length: usize, mut ratios: Vec<(f64, &str)>) {
    ratios.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mean = (ratios.iter().map(|(ratio, _)| ratio.ln()).sum::<f64>() / ratios.len() as f64).exp();
    let verdict = if mean <= TARGET { "within" } else { "beyond" };
    let median = ratios[ratios.len() / 2].0;
    println!(
        "\n{length} bars, {} indicators: geometric mean {mean:.3}, {verdict} {TARGET}; median {median:.3}",
        ratios.len()
    );
    let told = |part: &[(f64, &str)]| -> String {
        part.iter().map(|(ratio, name)| format!("{name} {ratio:.2}")).collect::<Vec<_>>().join(", ")
    };
    println!("  least  {}", told(&ratios[..WORST]));
    println!("  most   {}", told(&ratios[ratios.len() - WORST..]));
}
