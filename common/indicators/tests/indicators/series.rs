//! The series of the golden file, by the same formula as `reference/series.py`. Only +, -, *, / and floor: the same bits
//! on both sides, which the golden file's sums of the columns hold.

use fleet_indicators::{Bars, Column};

/// One bar: open, high, low, close, volume, periods.
pub type Row = [f64; 6];

/// Numbers in [0, 1).
struct Stream(u64);

impl Stream {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / 9_007_199_254_740_992.0
    }
}

/// A walk between about 20 and 500, with gaps between close and open.
pub fn random_bars(count: usize, seed: u64) -> Vec<Row> {
    let cents = |value: f64| (value * 10_000.0 + 0.5).floor() / 10_000.0;
    let (mut stream, mut close) = (Stream(seed), 100.0_f64);
    let mut rows = Vec::new();
    for bar in 0..count {
        let pull = 0.002 * (100.0 - close) / 100.0;
        let open = cents(close * (1.0 + 0.02 * (stream.next() - 0.5)));
        close = cents(open * (1.0 + 0.06 * (stream.next() - 0.5) + pull));
        let high = cents(open.max(close) * (1.0 + 0.02 * stream.next()));
        let low = cents(open.min(close) * (1.0 - 0.02 * stream.next()));
        let volume = (1_000.0 + 100_000.0 * stream.next()).floor();
        rows.push([open, high, low, close, volume, 2.0 + (bar % 29) as f64]);
    }
    rows
}

fn settling_bars() -> Vec<Row> {
    let mut rows = random_bars(300, 11);
    for (first, last) in [(120, 180), (240, 246)] {
        let still = rows[first - 1][3];
        for row in &mut rows[first..last] {
            row[..4].fill(still);
        }
    }
    rows
}

fn gapped_bars() -> Vec<Row> {
    let (mut rows, mut stream) = (random_bars(600, 5), Stream(17));
    for row in &mut rows {
        let chance = stream.next();
        if chance < 0.1 {
            row[4] = 0.0;
        } else if chance < 0.17 {
            row[3] = f64::NAN;
        }
    }
    rows
}

fn ticking_bars() -> Vec<Row> {
    let mut rows = random_bars(400, 23);
    for row in &mut rows {
        for price in &mut row[..4] {
            *price = (*price + 0.5).floor() / 20.0;
        }
    }
    rows
}

/// A series of the golden file.
pub fn named(name: &str) -> Vec<Row> {
    match name {
        "random" => random_bars(5_000, 1),
        "settling" => settling_bars(),
        "gapped" => gapped_bars(),
        "ticking" => ticking_bars(),
        "flat" => vec![[2.35, 2.35, 2.35, 2.35, 100.0, 10.0]; 160],
        tiny => {
            let count = tiny.strip_prefix("tiny").and_then(|count| count.parse().ok());
            random_bars(count.unwrap_or_else(|| panic!("no series is called {name}")), 3)
        }
    }
}

/// The rows as bars with every column.
pub fn bars(rows: &[Row]) -> Bars {
    let columns = Column::ALL.iter().map(|column| (*column, rows.iter().map(|row| row[*column as usize]).collect()));
    Bars::new(columns).expect("the series are bars")
}
