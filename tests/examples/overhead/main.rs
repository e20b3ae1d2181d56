//! What the fleet costs beside the work: µs a ticker of the whole worker with an analysis that has nothing to do, beside
//! a bare loop on the same servers (publish, pull, one Lua commit of the same size, confirmed acknowledgement).
//!
//! `scripts/bench overhead`. Both are measured in one run, in turns, with the same number of tickers in hand, commits of
//! the same size and the same publications, on one NATS and one Redis server that flushes its file before it answers; only
//! their ratio means anything. Both are connected and ready before the first publication, both may use every core, and
//! both are done when the queue holds nothing of the scan; what the bare loop commits is prepared beforehand. Exit 1: the
//! median ratio is above [`LIMIT`]. `--steps` adds the loops between the two, which say where the time goes.

mod bare;
mod world;

use std::time::Duration;

use crate::bare::Step;
use crate::world::{Measured, World};

/// The worker may take so many times the bare loop.
const LIMIT: f64 = 2.0;
/// Tickers of one measurement: about a second, so that a start or an end does not count, and what else the machine does
/// slows both.
const TICKERS: u32 = 1000;
/// Rounds; odd, so that there is a median.
const ROUNDS: u32 = 15;
/// As many as a worker has by default.
const SLOTS: u32 = 8;

fn main() {
    let tickers = argument("--tickers").unwrap_or(TICKERS);
    let rounds = argument("--rounds").unwrap_or(ROUNDS).max(1);
    let slots = argument("--slots").unwrap_or(SLOTS).max(1);
    let steps = if std::env::args().any(|argument| argument == "--steps") { &Step::ALL[..] } else { &[Step::Bare] };
    fleet_scraper::install_crypto_provider();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime can be built");
    let rows = runtime.block_on(measure(tickers, rounds, slots as usize, steps));
    println!("{tickers} tickers, {slots} slots, {rounds} rounds; µs a ticker: min, median, max");
    for (name, measured) in &rows {
        let wall = spread(measured.iter().map(|one| micros(one.wall, tickers)));
        let cpu = spread(measured.iter().map(|one| micros(one.cpu, tickers)));
        println!("{name:<24} wall {:>7.1} {:>7.1} {:>7.1}   our CPU {:>6.1}", wall[0], wall[1], wall[2], cpu[1]);
    }
    let (Some((_, bare)), Some((_, worker))) = (rows.first(), rows.last()) else { return };
    // Round by round: what slowed one of them slowed the other.
    let ratios = worker.iter().zip(bare).map(|(worker, bare)| worker.wall.as_secs_f64() / bare.wall.as_secs_f64());
    let [min, median, max] = spread(ratios);
    println!("worker / bare: {min:.2} {median:.2} {max:.2} (at most {LIMIT})");
    if median > LIMIT {
        std::process::exit(1);
    }
}

async fn measure(tickers: u32, rounds: u32, slots: usize, steps: &[Step]) -> Vec<(&'static str, Vec<Measured>)> {
    let world = World::new(slots).await;
    let ways: Vec<Option<Step>> = steps.iter().copied().map(Some).chain([None]).collect();
    let mut rows: Vec<(&'static str, Vec<Measured>)> =
        ways.iter().map(|way| (way.map_or("the worker", Step::words), Vec::new())).collect();
    // One round more: the first warms servers and scripts, and is not counted.
    for round in 0..=rounds {
        let forth = 0..ways.len();
        // Back and forth, so that neither always comes first.
        let order: Vec<usize> = if round % 2 == 0 { forth.collect() } else { forth.rev().collect() };
        for at in order {
            let scan = world.scan(round, at, tickers).await;
            let one = match ways[at] {
                Some(step) => bare::run(&world, &scan, step).await,
                None => world.worker(&scan).await,
            };
            if round > 0 {
                rows[at].1.push(one);
            }
        }
    }
    rows
}

fn micros(time: Duration, tickers: u32) -> f64 {
    time.as_secs_f64() * 1e6 / f64::from(tickers)
}

/// Smallest, middle, largest.
fn spread(values: impl Iterator<Item = f64>) -> [f64; 3] {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let at = |place: usize| values.get(place).copied().unwrap_or(f64::NAN);
    [at(0), at(values.len() / 2), at(values.len().saturating_sub(1))]
}

fn argument(name: &str) -> Option<u32> {
    let arguments: Vec<String> = std::env::args().collect();
    let at = arguments.iter().position(|argument| argument == name)?;
    Some(arguments.get(at + 1).and_then(|n| n.parse().ok()).unwrap_or_else(|| panic!("{name} wants a number")))
}
