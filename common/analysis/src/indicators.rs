//! Technical analysis of daily bars, by TA-Lib. Flat windows and missing bars are `None`, never a number that looks like
//! a signal: TA-Lib's RSI of a flat window is 0, "oversold".

use fleet_core::domain::Bar;
use ta_lib::{Core, MAType};

const RSI_LOOKBACK: usize = 14;
const BAND_LOOKBACK: usize = 20;
/// Closed bars over which the lowest RSI and %B are taken.
pub const RECENT: usize = 3;

/// What a contract's closed bars say. Each is `None` where its window is too short or flat.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Indicators {
    /// Believable bars.
    pub bars: usize,
    /// RSI(14) of the last bar.
    pub rsi: Option<f64>,
    /// RSI(14) of the bar before.
    pub rsi_before: Option<f64>,
    /// Lowest RSI(14) of the last three bars.
    pub min_rsi: Option<f64>,
    /// %B(20, 2) of the last bar, fraction of the band.
    pub pct_b: Option<f64>,
    /// %B(20, 2) of the bar before.
    pub pct_b_before: Option<f64>,
    /// Lowest %B(20, 2) of the last three bars.
    pub min_pct_b: Option<f64>,
    /// The MACD(12, 26, 9) histogram of the last bar, dollars.
    pub macd_histogram: Option<f64>,
    /// Its change from the bar before, dollars.
    pub macd_rise: Option<f64>,
    /// The last bar's volume over the median of the coverage window.
    pub relative_volume: Option<f64>,
    /// RSI(14) of the decay-adjusted closes' last; this and the next are `None` where there is no such series.
    pub adjusted_rsi: Option<f64>,
    /// %B(20, 2) of the decay-adjusted closes' last, fraction of the band.
    pub adjusted_pct_b: Option<f64>,
    /// MACD(12, 26, 9) histogram of the decay-adjusted closes' last, dollars.
    pub adjusted_macd_histogram: Option<f64>,
    /// Its change from the bar before, dollars.
    pub adjusted_macd_rise: Option<f64>,
}

/// What an underlying's closed bars say.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct UnderlyingState {
    /// RSI(14) of the last closed bar.
    pub rsi: Option<f64>,
    /// Its close over the average of 200 closes.
    pub close_to_sma200: Option<f64>,
}

/// Wilder's RSI(14) at each bar.
#[must_use]
pub fn rsi(closes: &[f64]) -> Vec<Option<f64>> {
    let mut out = vec![0.0; closes.len()];
    let Some(last) = usable(closes) else { return vec![None; closes.len()] };
    let range = Core::new().rsi(0, last, closes, RSI_LOOKBACK as i32, &mut out);
    let mut values = aligned(closes.len(), range, &out);
    blank_flat(closes, &mut values, RSI_LOOKBACK + 1);
    values
}

/// %B(20, 2) with the population deviation at each bar.
#[must_use]
pub fn pct_b(closes: &[f64]) -> Vec<Option<f64>> {
    let n = closes.len();
    let Some(last) = usable(closes) else { return vec![None; n] };
    let (mut upper, mut middle, mut lower) = (vec![0.0; n], vec![0.0; n], vec![0.0; n]);
    let bands = Core::new();
    let bands =
        bands.bbands(0, last, closes, BAND_LOOKBACK as i32, 2.0, 2.0, MAType::SMA, &mut upper, &mut middle, &mut lower);
    let mut values = vec![None; n];
    let Ok(range) = bands else { return values };
    for at in 0..range.count {
        let bar = range.beg_idx + at;
        let width = upper[at] - lower[at];
        // A flat window's width is rounding noise.
        if bar < n && width > 1e-9 * middle[at].abs() {
            values[bar] = Some((closes[bar] - lower[at]) / width).filter(|b: &f64| b.is_finite());
        }
    }
    values
}

/// MACD(12, 26, 9) histogram at each bar.
#[must_use]
pub fn macd_histogram(closes: &[f64]) -> Vec<Option<f64>> {
    let n = closes.len();
    let Some(last) = usable(closes) else { return vec![None; n] };
    let (mut line, mut signal, mut histogram) = (vec![0.0; n], vec![0.0; n], vec![0.0; n]);
    let range = Core::new().macd(0, last, closes, 12, 26, 9, &mut line, &mut signal, &mut histogram);
    aligned(n, range, &histogram)
}

/// Simple moving average at the last bar.
#[must_use]
pub fn last_sma(closes: &[f64], period: usize) -> Option<f64> {
    let last = usable(closes)?;
    let mut out = vec![0.0; closes.len()];
    let range = Core::new().sma(0, last, closes, period as i32, &mut out);
    aligned(closes.len(), range, &out).pop()?
}

impl Indicators {
    /// Computes all but those of the decay-adjusted closes. `median_volume` is that of the coverage window.
    #[must_use]
    pub fn of(bars: &[Bar], median_volume: Option<f64>) -> Self {
        let closes: Vec<f64> = bars.iter().map(|bar| bar.close.dollars()).collect();
        let (rsi, pct_b, macd) = (rsi(&closes), pct_b(&closes), macd_histogram(&closes));
        Self {
            bars: bars.len(),
            rsi: last_two(&rsi).0,
            rsi_before: last_two(&rsi).1,
            min_rsi: recent_lowest(&rsi),
            pct_b: last_two(&pct_b).0,
            pct_b_before: last_two(&pct_b).1,
            min_pct_b: recent_lowest(&pct_b),
            macd_histogram: last_two(&macd).0,
            macd_rise: last_rise(&macd),
            relative_volume: bars
                .last()
                .zip(median_volume.filter(|median| *median > 0.0))
                .map(|(bar, median)| bar.volume as f64 / median),
            ..Self::default()
        }
    }

    /// With those of the decay-adjusted closes of the same bars.
    #[must_use]
    pub fn with_adjusted(self, closes: &[f64]) -> Self {
        let macd = macd_histogram(closes);
        Self {
            adjusted_rsi: last_two(&rsi(closes)).0,
            adjusted_pct_b: last_two(&pct_b(closes)).0,
            adjusted_macd_histogram: last_two(&macd).0,
            adjusted_macd_rise: last_rise(&macd),
            ..self
        }
    }
}

impl UnderlyingState {
    /// The state at the last closed bar.
    #[must_use]
    pub fn of(bars: &[Bar]) -> Self {
        let closes: Vec<f64> = bars.iter().map(|bar| bar.close.dollars()).collect();
        let average = last_sma(&closes, 200).filter(|average| *average > 0.0);
        Self {
            rsi: last_two(&rsi(&closes)).0,
            close_to_sma200: closes.last().zip(average).map(|(close, average)| close / average),
        }
    }
}

/// The last index of a series TA-Lib may see: not empty and finite throughout.
fn usable(values: &[f64]) -> Option<usize> {
    values.iter().all(|v| v.is_finite()).then(|| values.len().checked_sub(1))?
}

fn aligned(n: usize, range: Result<ta_lib::OutRange, ta_lib::RetCode>, out: &[f64]) -> Vec<Option<f64>> {
    let mut values = vec![None; n];
    if let Ok(range) = range {
        for (slot, value) in values.iter_mut().skip(range.beg_idx).zip(out.iter().take(range.count)) {
            *slot = Some(*value).filter(|v| v.is_finite());
        }
    }
    values
}

fn blank_flat(closes: &[f64], values: &mut [Option<f64>], window: usize) {
    for (end, value) in values.iter_mut().enumerate() {
        let start = (end + 1).saturating_sub(window);
        if closes[start..=end].iter().all(|close| *close == closes[end]) {
            *value = None;
        }
    }
}

fn last_two(values: &[Option<f64>]) -> (Option<f64>, Option<f64>) {
    let back = |n: usize| values.len().checked_sub(n).and_then(|at| values[at]);
    (back(1), back(2))
}

fn last_rise(values: &[Option<f64>]) -> Option<f64> {
    let (now, before) = last_two(values);
    now.zip(before).map(|(now, before)| now - before)
}

fn recent_lowest(values: &[Option<f64>]) -> Option<f64> {
    let recent = &values[values.len().checked_sub(RECENT)?..];
    recent.iter().copied().collect::<Option<Vec<f64>>>()?.into_iter().min_by(f64::total_cmp)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOLDEN: [f64; 33] = [
        44.34, 44.09, 44.15, 43.61, 44.33, 44.83, 45.10, 45.42, 45.84, 46.08, 45.89, 46.03, 45.61, 46.28, 46.28, 46.00,
        46.03, 46.41, 46.22, 45.64, 46.21, 46.25, 45.71, 46.45, 45.78, 45.35, 44.03, 44.18, 44.22, 44.57, 43.42, 42.66,
        43.13,
    ];

    #[test]
    fn wilders_rsi_of_the_golden_series() {
        let values = rsi(&GOLDEN);
        assert!((values[14].unwrap() - 70.4641).abs() <= 0.5e-4, "{:?}", values[14]);
        assert!((values[32].unwrap() - 37.7888).abs() <= 0.5e-4, "{:?}", values[32]);
        assert_eq!(values[13], None);
    }

    #[test]
    fn population_bands_of_the_golden_series() {
        let values = pct_b(&GOLDEN);
        assert!((values[32].unwrap() - 0.05635).abs() <= 0.5e-5, "{:?}", values[32]);
        assert_eq!(values[18], None);
    }

    #[test]
    fn macd_matches_a_naive_one() {
        let closes: Vec<f64> = (0..120).map(|i| 10.0 + (f64::from(i) * 0.7).sin() + 0.01 * f64::from(i)).collect();
        // Both averages start at the slow lookback (bar 25); the fast one is seeded by bars 14 to 25.
        let ema = |values: &[f64], period: usize, from: usize| {
            let mut at = values[from + 1 - period..=from].iter().sum::<f64>() / period as f64;
            let mut out = vec![at];
            for value in &values[from + 1..] {
                at += 2.0 / (period as f64 + 1.0) * (value - at);
                out.push(at);
            }
            out
        };
        let line: Vec<f64> =
            ema(&closes, 12, 25).iter().zip(ema(&closes, 26, 25)).map(|(fast, slow)| fast - slow).collect();
        let signal = ema(&line, 9, 8);
        let naive = line.last().unwrap() - signal.last().unwrap();
        let ours = macd_histogram(&closes);
        assert!((ours[119].unwrap() - naive).abs() < 1e-12);
        assert_eq!(ours[32], None);
        assert!(ours[33].is_some());
    }

    #[test]
    fn flat_windows_are_nothing() {
        let flat = vec![2.35; 60];
        assert_eq!(rsi(&flat)[59], None);
        assert_eq!(pct_b(&flat)[59], None);
        let mut late = flat;
        late[10] = 2.40;
        assert_eq!(rsi(&late)[59], None, "flat for fifteen closes");
        assert!(rsi(&late)[20].is_some());
        assert_eq!(rsi(&[]), Vec::<Option<f64>>::new());
        assert_eq!(rsi(&[1.0, f64::NAN]), vec![None, None]);
    }

    #[test]
    fn averages_of_the_last_bar() {
        assert_eq!(last_sma(&[1.0, 2.0, 3.0, 4.0], 2), Some(3.5));
        assert_eq!(last_sma(&[1.0], 2), None);
    }
}
