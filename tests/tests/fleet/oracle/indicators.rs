//! Indicators of the oracle, straight from their definitions (ANALYTICS section 1), over a plain slice of closes.

use super::bodies::Day;

/// Wilder's RSI of every bar that has one: the first averages are means of the first `n` changes. A bar whose last
/// `n + 1` closes are all equal has none.
pub fn rsi(closes: &[f64], n: usize) -> Vec<Option<f64>> {
    let mut out = vec![None; closes.len()];
    if closes.len() <= n {
        return out;
    }
    let changes: Vec<f64> = closes.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let length = n as f64;
    let mut up = changes[..n].iter().map(|c| c.max(0.0)).sum::<f64>() / length;
    let mut down = changes[..n].iter().map(|c| (-c).max(0.0)).sum::<f64>() / length;
    let value = |at: usize, up: f64, down: f64| {
        let flat = closes[at - n..=at].iter().all(|close| *close == closes[at]);
        (!flat).then(|| 100.0 * up / (up + down))
    };
    out[n] = value(n, up, down);
    for at in n + 1..closes.len() {
        let change = changes[at - 1];
        up = (up * (length - 1.0) + change.max(0.0)) / length;
        down = (down * (length - 1.0) + (-change).max(0.0)) / length;
        out[at] = value(at, up, down);
    }
    out
}

/// The mean of the last `n` closes at every bar that has so many.
pub fn sma(closes: &[f64], n: usize) -> Vec<Option<f64>> {
    (0..closes.len()).map(|at| (at + 1 >= n).then(|| closes[at + 1 - n..=at].iter().sum::<f64>() / n as f64)).collect()
}

/// %B of Bollinger's bands (population deviation, two of them): 0 on the lower band, 1 on the upper. Bands without
/// width have none.
pub fn percent_b(closes: &[f64], n: usize) -> Vec<Option<f64>> {
    (0..closes.len())
        .map(|at| {
            let window = (at + 1 >= n).then(|| &closes[at + 1 - n..=at])?;
            let mean = window.iter().sum::<f64>() / n as f64;
            let variance = window.iter().map(|c| (c - mean) * (c - mean)).sum::<f64>() / n as f64;
            let deviation = variance.sqrt();
            let (lower, upper) = (mean - 2.0 * deviation, mean + 2.0 * deviation);
            (upper - lower > 1e-9 * mean.abs()).then(|| (closes[at] - lower) / (upper - lower))
        })
        .collect()
}

/// An exponential mean seeded by the simple mean of `n` values that ends at index `seed`.
fn ema(values: &[f64], n: usize, seed: usize) -> Vec<Option<f64>> {
    let mut out = vec![None; values.len()];
    if seed >= values.len() || seed + 1 < n {
        return out;
    }
    let weight = 2.0 / (n as f64 + 1.0);
    let mut mean = values[seed + 1 - n..=seed].iter().sum::<f64>() / n as f64;
    out[seed] = Some(mean);
    for at in seed + 1..values.len() {
        mean += weight * (values[at] - mean);
        out[at] = Some(mean);
    }
    out
}

/// Histogram of MACD(12, 26, 9); both means start at the slow one's first value, as TA-Lib has it.
pub fn macd_histogram(closes: &[f64]) -> Vec<Option<f64>> {
    let (fast, slow) = (ema(closes, 12, 25), ema(closes, 26, 25));
    let line: Vec<f64> = fast.iter().zip(&slow).filter_map(|(f, s)| Some((*f)? - (*s)?)).collect();
    let signal = ema(&line, 9, 8);
    let mut out = vec![None; closes.len()];
    for (at, value) in line.iter().enumerate() {
        out[at + 25] = signal[at].map(|s| value - s);
    }
    out
}

/// Wilder's average true range at the last day: true ranges from the second day on, the first average a mean of `n`.
pub fn atr(days: &[Day], n: usize) -> Option<f64> {
    let range = |pair: &[Day]| {
        let before = pair[0].close;
        (pair[1].high - pair[1].low).max((pair[1].high - before).abs()).max((pair[1].low - before).abs())
    };
    let ranges: Vec<f64> = days.windows(2).map(range).collect();
    let first = ranges.get(..n)?.iter().sum::<f64>() / n as f64;
    Some(ranges[n..].iter().fold(first, |mean, range| (mean * (n as f64 - 1.0) + range) / n as f64))
}

/// What was paid on average: each day's typical price, by its volume.
pub fn vwap(days: &[Day]) -> Option<f64> {
    let volume: f64 = days.iter().map(|day| day.volume).sum();
    let paid: f64 = days.iter().map(|day| (day.high + day.low + day.close) / 3.0 * day.volume).sum();
    (volume > 0.0).then(|| paid / volume)
}

/// The middle of the sorted values; the mean of the middle two of an even number.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(sorted[middle]),
        _ => Some((sorted[middle - 1] + sorted[middle]) / 2.0),
    }
}

#[cfg(test)]
mod golden {
    use super::*;

    const CLOSES: [f64; 33] = [
        44.34, 44.09, 44.15, 43.61, 44.33, 44.83, 45.10, 45.42, 45.84, 46.08, 45.89, 46.03, 45.61, 46.28, 46.28, 46.00,
        46.03, 46.41, 46.22, 45.64, 46.21, 46.25, 45.71, 46.45, 45.78, 45.35, 44.03, 44.18, 44.22, 44.57, 43.42, 42.66,
        43.13,
    ];

    #[test]
    fn the_golden_values_of_the_analytics() {
        let rsi = rsi(&CLOSES, 14);
        assert_eq!(rsi[13], None);
        assert!((rsi[14].unwrap() - 70.4641).abs() < 5e-5);
        assert!((rsi[32].unwrap() - 37.7888).abs() < 5e-5);
        assert!((sma(&CLOSES, 20)[32].unwrap() - 45.241).abs() < 1e-9);
        assert!((percent_b(&CLOSES, 20)[32].unwrap() - 0.056_35).abs() < 5e-6);
    }

    #[test]
    fn what_is_flat_has_no_indicator() {
        assert_eq!(rsi(&[5.0; 40], 14)[39], None);
        assert_eq!(percent_b(&[5.0; 40], 20)[39], None);
        assert_eq!(macd_histogram(&[5.0; 33])[32], None);
        assert_eq!(macd_histogram(&[5.0; 34])[33], Some(0.0));
    }
}
