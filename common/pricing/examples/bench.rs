//! Prints what the engine is held to beside what it does, in one run on this machine: `scripts/bench pricing`.
//!
//! Times are the least and the median of many short rounds: on a machine that does other things too, the least is nearest
//! to what the code costs. Errors are over the tables in `../shared/reference`; without them their lines say so.

use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use fleet_pricing::american::{Smile, greeks, implied_vol, price};
use fleet_pricing::dividends::{self, Dividend};
use fleet_pricing::{Kind, Point, Quoted, Terms, black};

/// Enough for the least to be undisturbed; all rounds together take seconds.
const ROUNDS: usize = 400;

/// Nanoseconds.
struct Timed {
    least: f64,
    median: f64,
}

/// Time per item of a round.
fn time(items: usize, mut round: impl FnMut()) -> Timed {
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            round();
            start.elapsed().as_secs_f64() * 1e9 / items as f64
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    Timed { least: rounds[0], median: rounds[ROUNDS / 2] }
}

fn line(what: &str, target: &str, measured: &str) {
    println!("{what:<58} {target:>14} {measured}");
}

fn micros(what: &str, target: &str, timed: &Timed) {
    line(what, target, &format!("{:.2} (median {:.2})", timed.least / 1e3, timed.median / 1e3));
}

fn main() {
    line("", "target", "measured");
    errors();
    european();
    american();
    smiles();
    with_dividends();
}

fn table(name: &str) -> Option<Vec<Vec<f64>>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/reference").join(name);
    let text = fs::read_to_string(path).ok()?;
    Some(text.lines().skip(1).map(|row| row.split(',').filter_map(|cell| cell.parse().ok()).collect()).collect())
}

fn kind(is_call: f64) -> Kind {
    if is_call == 1.0 { Kind::Call } else { Kind::Put }
}

fn errors() {
    match table("american-grid.csv") {
        Some(rows) => american_errors(&rows),
        None => line("American errors", "", "SKIPPED: ../shared/reference is not beside this repository"),
    }
    match table("european-grid.csv") {
        Some(rows) => european_errors(&rows),
        None => line("European errors", "", "SKIPPED: ../shared/reference is not beside this repository"),
    }
}

fn american_errors(rows: &[Vec<f64>]) {
    let (mut worst, mut worst_vol, mut worst_trip, mut told, mut untold) = (0.0_f64, 0.0_f64, 0.0_f64, 0, 0);
    for row in rows {
        let &[years, strike, vol, rate, yield_, is_call, wanted] = row.as_slice() else { continue };
        let terms = Terms { kind: kind(is_call), spot: 100.0, strike, years, rate, yield_ };
        let at = |vol| price(&terms, vol).unwrap_or(f64::NAN);
        let got = at(vol);
        worst = worst.max((got - wanted).abs());
        if wanted - terms.intrinsic() < 0.01 || (at(vol + 1e-4) - at(vol - 1e-4)) / 2e-4 < 0.02 {
            continue;
        }
        match (implied_vol(&terms, wanted, 0.0), implied_vol(&terms, got, 0.0)) {
            (Ok(Some(of_reference)), Ok(Some(of_own))) => {
                told += 1;
                worst_vol = worst_vol.max((of_reference - vol).abs());
                worst_trip = worst_trip.max((of_own - vol).abs());
            }
            _ => untold += 1,
        }
    }
    line(&format!("American price, greatest error of {} rows, $", rows.len()), "2e-3", &format!("{worst:.1e}"));
    line(
        &format!("American IV of the reference's prices ({told} rows)"),
        "2e-4",
        &format!("{worst_vol:.1e}, {untold} without"),
    );
    line("American IV, round trip", "1e-6", &format!("{worst_trip:.1e}"));
}

fn european_errors(rows: &[Vec<f64>]) {
    let (mut worst, mut failed) = (0.0_f64, 0);
    for row in rows {
        let &[forward, strike, years, vol, _, _, otm_price, vega] = row.as_slice() else { continue };
        let leg = if strike >= forward { Kind::Call } else { Kind::Put };
        let attainable = (f64::EPSILON * vol).max(f64::EPSILON * otm_price / vega);
        match black::vol_on_forward(leg, forward, strike, years, otm_price) {
            Some(got) => worst = worst.max((got - vol).abs() / attainable),
            None => failed += 1,
        }
    }
    let measured = format!("{worst:.1}, {failed} failed");
    line(&format!("European IV, greatest error over attainable ({} rows)", rows.len()), "4", &measured);
}

/// 100 strikes around a spot of 100 under a skewed smile.
fn points() -> Vec<Point> {
    let point = |i: i32| {
        let strike = 60.0 + 0.8 * f64::from(i);
        let x = (strike / 100.0).ln();
        Point { strike, vol: 0.3 - 0.2 * x + 0.5 * x * x }
    };
    (0..100).map(point).collect()
}

const fn terms(kind: Kind, days: f64) -> Terms {
    Terms { kind, spot: 100.0, strike: 100.0, years: days / 365.0, rate: 0.045, yield_: 0.015 }
}

fn european() {
    let chains = [Kind::Put, Kind::Call].map(|kind| {
        let terms = terms(kind, 91.0);
        let quote = |p: &Point| {
            let price = black::price(&Terms { strike: p.strike, ..terms }, p.vol).ok()?;
            Some(Quoted { strike: p.strike, price, tick: 0.01 })
        };
        let quotes: Vec<Quoted> = points().iter().filter_map(quote).collect();
        let told = |q: &Quoted| matches!(black::solve(&terms, &[*q]).as_slice(), [Ok(Some(_))]);
        (terms, quotes.into_iter().filter(told).collect::<Vec<Quoted>>())
    });
    let contracts = chains.iter().map(|(_, quotes)| quotes.len()).sum();
    let timed = time(contracts, || {
        for (terms, quotes) in &chains {
            let _ = black_box(black::solve(black_box(terms), quotes));
        }
    });
    let measured = format!("{:.2} (median {:.2})", 1e3 / timed.least, 1e3 / timed.median);
    line("European IV and five greeks, million a second", ">= 4", &measured);
}

fn american() {
    let contracts: Vec<(Terms, f64)> = [7.0, 91.0, 365.0, 1095.0]
        .iter()
        .flat_map(|days| {
            let terms = terms(Kind::Put, *days);
            [(85.0, 0.45), (95.0, 0.25), (105.0, 0.2)].map(|(strike, vol)| (Terms { strike, ..terms }, vol))
        })
        .collect();
    let timed = time(contracts.len(), || {
        for (terms, vol) in &contracts {
            let _ = black_box(price(black_box(terms), *vol));
        }
    });
    micros("American price, cold, us", "<= 15", &timed);
    let timed = time(contracts.len(), || {
        for (terms, vol) in &contracts {
            let _ = black_box(greeks(black_box(terms), *vol));
        }
    });
    micros("American greeks, cold, us", "", &timed);
}

fn smiles() {
    let points = points();
    for days in [30.0, 365.0] {
        let terms = terms(Kind::Put, days);
        let Ok(smile) = Smile::new(&terms) else { continue };
        let prices = smile.clone().prices(&points);
        let quote = |(point, price): (&Point, _)| Quoted { strike: point.strike, price, tick: 0.01 };
        let quotes: Vec<Quoted> = points.iter().zip(prices.into_iter().flatten()).map(quote).collect();
        // A new smile each time: its boundaries are part of the price.
        let fresh = || Smile::new(black_box(&terms));
        let timed = time(points.len(), || {
            let _ = black_box(fresh().map(|mut smile| smile.prices(&points)));
        });
        micros(&format!("American price, {days} days, amortised over 100 strikes, us"), "<= 2", &timed);
        let timed = time(points.len(), || {
            let _ = black_box(fresh().map(|mut smile| smile.implied_vols(&quotes)));
        });
        micros(&format!("American IV, {days} days, amortised over 100 strikes, us"), "<= 10", &timed);
        let timed = time(points.len(), || {
            let _ = black_box(fresh().map(|mut smile| smile.greeks(&points)));
        });
        micros(&format!("American greeks, {days} days, amortised over 100, us"), "", &timed);
    }
}

fn with_dividends() {
    let quarterly: Vec<Dividend> =
        (0..4).map(|i| Dividend { years: (20.0 + 91.0 * f64::from(i)) / 365.0, cash: 0.5 }).collect();
    let terms = Terms { yield_: 0.0, ..terms(Kind::Put, 365.0) };
    let timed = time(1, || {
        let _ = black_box(dividends::price(black_box(&terms), 0.3, &quarterly));
    });
    micros("American with 4 cash dividends, 365 days, us", "<= 1000", &timed);
}
