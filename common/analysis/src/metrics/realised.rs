//! How much the underlying really moved.
//!
//! Promises: annualised by √252 from daily bars, sample deviations (n − 1). Refuses, as `None`: too few bars, and any bar
//! of the window that is no bar (not positive, or its high and low do not enclose the others): one wrong print would be
//! the whole answer. Bars are the caller's to choose: closed ones, ascending, a session each.

use fleet_core::domain::{Bar, CashDividend, RealisedVols};

use super::{finite, positive};

/// Sessions of a year.
const SESSIONS: f64 = 252.0;

/// A bar adjusted for splits and dividends, dollars per share.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ohlc {
    /// First trade.
    pub open: f64,
    /// Highest trade.
    pub high: f64,
    /// Lowest trade.
    pub low: f64,
    /// Last trade.
    pub close: f64,
}

impl Ohlc {
    /// A bar as it is. Where it is not adjusted for dividends, each ex-date adds its dividend to the volatility.
    #[must_use]
    pub fn of(bar: &Bar) -> Self {
        let Bar { open, high, low, close, .. } = bar;
        Self { open: open.dollars(), high: high.dollars(), low: low.dollars(), close: close.dollars() }
    }

    fn times(self, factor: f64) -> Self {
        let Self { open, high, low, close } = self;
        Self { open: open * factor, high: high * factor, low: low * factor, close: close * factor }
    }

    /// Whether it can be a bar. Scaling may leave a rounding error between a price and the high it equals.
    fn is_whole(&self) -> bool {
        let Self { open, high, low, close } = *self;
        let (top, bottom) = (high * (1.0 + 1e-9), low * (1.0 - 1e-9));
        low > 0.0 && high.is_finite() && [open, close].iter().all(|price| (bottom..=top).contains(price))
    }
}

/// Bars with every price before an ex-date lowered by the dividend's share of the close before it, so that no dividend
/// looks like a move: × (1 − amount/close), as vendors' adjusted closes have it. Bars and dividends ascend by date;
/// dividends after the last bar have not happened. `None` where a dividend takes all of a close: one of the two is wrong.
#[must_use]
pub fn adjusted_for_dividends(bars: &[Bar], dividends: &[CashDividend]) -> Option<Vec<Ohlc>> {
    let last = bars.last().map(|bar| bar.date);
    let mut ahead = dividends.iter().rev().skip_while(|paid| last.is_none_or(|last| paid.ex_date > last)).peekable();
    let mut factor = 1.0;
    let mut adjusted = Vec::with_capacity(bars.len());
    for bar in bars.iter().rev() {
        let raw = Ohlc::of(bar);
        while let Some(paid) = ahead.next_if(|paid| paid.ex_date > bar.date) {
            factor *= positive(1.0 - paid.amount.dollars() / raw.close)?;
        }
        adjusted.push(raw.times(factor));
    }
    adjusted.reverse();
    Some(adjusted)
}

/// Realised volatilities of one underlying, from closed bars adjusted for dividends, oldest first: [`close_to_close`] of
/// 20, 30 and 60 returns, [`yang_zhang`] of 30 sessions, and the forecast √((HV20² + HV60²)/2): one window alone either
/// forgets too soon or lags.
#[must_use]
pub fn realised(bars: &[Ohlc]) -> RealisedVols {
    let (hv20, hv60) = (close_to_close(bars, 20), close_to_close(bars, 60));
    RealisedVols {
        hv20,
        hv30: close_to_close(bars, 30),
        hv60,
        yang_zhang30: yang_zhang(bars, 30),
        forecast: hv20.zip(hv60).and_then(|(short, long)| positive(((short * short + long * long) / 2.0).sqrt())),
    }
}

/// The deviation (n − 1) of the last n returns ln(C_t/C_{t−1}), times √252, an annual fraction. Needs n + 1 bars and
/// n ≥ 2. 0 where nothing moved.
#[must_use]
pub fn close_to_close(bars: &[Ohlc], n: usize) -> Option<f64> {
    let returns: Vec<f64> = window(bars, n)?.windows(2).map(|two| libm::log(two[1].close / two[0].close)).collect();
    finite((variance(&returns) * SESSIONS).sqrt())
}

/// Yang and Zhang (2000) over the last n sessions, an annual fraction: √(252·[V_o + k·V_c + (1−k)·V_RS]), V_o and V_c the
/// variances (n − 1) of ln(O_t/C_{t−1}) and ln(C_t/O_t), V_RS the mean of Rogers and Satchell's
/// ln(H/C)·ln(H/O) + ln(L/C)·ln(L/O), k = .34/(1.34 + (n+1)/(n−1)). Needs n + 1 bars and n ≥ 2.
#[must_use]
pub fn yang_zhang(bars: &[Ohlc], n: usize) -> Option<f64> {
    let window = window(bars, n)?;
    let overnight: Vec<f64> = window.windows(2).map(|two| libm::log(two[1].open / two[0].close)).collect();
    let sessions = &window[1..];
    let within: Vec<f64> = sessions.iter().map(|bar| libm::log(bar.close / bar.open)).collect();
    let count = n as f64;
    let range: f64 = sessions.iter().map(rogers_satchell).sum::<f64>() / count;
    let k = 0.34 / (1.34 + (count + 1.0) / (count - 1.0));
    finite((SESSIONS * (variance(&overnight) + k * variance(&within) + (1.0 - k) * range)).sqrt())
}

/// IV over HV, a ratio above 0: above 1.2 options are rich, below .9 cheap. `None` where nothing moved.
#[must_use]
pub fn implied_to_realised(implied: Option<f64>, realised: Option<f64>) -> Option<f64> {
    positive(positive(implied?)? / positive(realised?)?)
}

/// The last n + 1 bars, all of them whole.
fn window(bars: &[Ohlc], n: usize) -> Option<&[Ohlc]> {
    let start = bars.len().checked_sub(n.checked_add(1)?).filter(|_| n >= 2)?;
    let window = &bars[start..];
    window.iter().all(Ohlc::is_whole).then_some(window)
}

fn rogers_satchell(bar: &Ohlc) -> f64 {
    let Ohlc { open, high, low, close } = *bar;
    libm::log(high / close) * libm::log(high / open) + libm::log(low / close) * libm::log(low / open)
}

/// Of at least two numbers, over n − 1.
fn variance(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / (n - 1.0)
}

#[cfg(test)]
mod tests {
    use fleet_core::domain::Price;
    use jiff::civil::date;

    use super::*;
    use crate::metrics::check::near;

    fn bar(open: f64, high: f64, low: f64, close: f64) -> Ohlc {
        Ohlc { open, high, low, close }
    }

    fn four() -> Vec<Ohlc> {
        vec![
            bar(99.0, 101.0, 98.0, 100.0),
            bar(101.0, 104.0, 100.0, 103.0),
            bar(102.0, 103.0, 98.0, 99.0),
            bar(100.0, 102.0, 99.0, 101.0),
        ]
    }

    #[test]
    fn close_to_close_by_hand() {
        // Returns .0295588, −.0396091, .0200007; mean .0033168; squares .00068864, .00184261, .00027837, their sum
        // .00280963 over 2 is .00140482; times 252 .35401341; its root .594990.
        near(close_to_close(&four(), 3), 0.594_990, 6);
        // Two returns: half their difference squared, times 2: (.0596098)²/2 = .00177666; ·252 = .4477190; root .669118.
        near(close_to_close(&four(), 2), 0.669_118, 6);
    }

    #[test]
    fn yang_zhang_by_hand() {
        // ln(O/C₋₁): .0099503, −.0097562, .0100503, V_o .00013011. ln(C/O): .0196085, −.0298530, .0099503, V_c .00068734.
        // Rogers and Satchell: .00057693, .00079258, .00039611, mean .00058854. k = .34/(1.34 + 4/2) = .1017964.
        // .00013011 + .1017964·.00068734 + .8982036·.00058854 = .00072871; times 252 .18363433; its root .428526.
        near(yang_zhang(&four(), 3), 0.428_526, 6);
    }

    #[test]
    fn a_series_that_never_moved_has_no_volatility_and_no_ratio() {
        let flat = realised(&vec![bar(50.0, 50.0, 50.0, 50.0); 61]);
        let zero = Some(0.0);
        assert_eq!((flat.hv20, flat.hv30, flat.hv60, flat.yang_zhang30), (zero, zero, zero, zero));
        assert_eq!((flat.forecast, implied_to_realised(Some(0.3), flat.hv20)), (None, None));
    }

    #[test]
    fn each_window_needs_one_bar_more() {
        let flat = realised(&vec![bar(50.0, 50.0, 50.0, 50.0); 30]);
        assert_eq!((flat.hv20, flat.hv30, flat.yang_zhang30), (Some(0.0), None, None));
        assert_eq!(close_to_close(&four(), 1), None, "one return has no deviation");
        assert_eq!(yang_zhang(&four(), usize::MAX), None);
    }

    #[test]
    fn the_forecast_is_the_root_of_the_mean_variance() {
        // 41 returns of 0, then ±a in turn: HV20² = 252·a²·20/19, HV60² = 252·a²·20/59 (mean 0).
        let at = |price: f64| bar(price, price, price, price);
        let mut bars = vec![at(100.0); 41];
        bars.extend((0..20).map(|i| at(if i % 2 == 0 { 100.0 * libm::exp(0.02) } else { 100.0 })));
        let vols = realised(&bars);
        near(vols.hv20, 0.02 * (252.0f64 * 20.0 / 19.0).sqrt(), 9);
        near(vols.hv60, 0.02 * (252.0f64 * 20.0 / 59.0).sqrt(), 9);
        near(vols.forecast, 0.02 * (252.0f64 * (20.0 / 19.0 + 20.0 / 59.0) / 2.0).sqrt(), 9);
    }

    #[test]
    fn a_bar_that_is_none_is_no_volatility() {
        for wrong in [
            bar(0.0, 104.0, 0.0, 103.0),
            bar(101.0, 102.0, 100.0, 103.0),
            bar(101.0, 104.0, 102.0, 103.0),
            bar(f64::NAN, 104.0, 100.0, 103.0),
            bar(101.0, f64::INFINITY, 100.0, 103.0),
        ] {
            let mut bars = four();
            bars[1] = wrong;
            assert_eq!((close_to_close(&bars, 3), yang_zhang(&bars, 3)), (None, None), "{wrong:?}");
        }
    }

    /// A bar of one price but its high and low, on a day of November 2026.
    fn dated(day: i8, close: f64) -> Bar {
        let price = |dollars| Price::from_dollars(dollars).unwrap();
        let (high, low) = (price(close + 1.0), price(close - 1.0));
        Bar { date: date(2026, 11, day), open: price(close), high, low, close: price(close), volume: 5 }
    }

    fn paid(day: i8, amount: f64) -> CashDividend {
        CashDividend { ex_date: date(2026, 11, day), amount: Price::from_dollars(amount).unwrap() }
    }

    #[test]
    fn a_dividend_is_no_move() {
        // 100 falls to 98 by a dividend of 2 and stays; then 1 of 98 without a fall, so the price really rose.
        let bars = [dated(2, 100.0), dated(3, 98.0), dated(4, 98.0)];
        let adjusted = adjusted_for_dividends(&bars, &[paid(3, 2.0), paid(4, 1.0)]).unwrap();
        let (first, second) = (0.98 * (1.0 - 1.0 / 98.0), 1.0 - 1.0 / 98.0);
        for (got, wanted) in adjusted.iter().zip([100.0 * first, 98.0 * second, 98.0]) {
            near(Some(got.close), wanted, 12);
        }
        near(Some(adjusted[0].high), 101.0 * first, 12);
        near(Some(adjusted[0].low), 99.0 * first, 12);
        near(Some(libm::log(adjusted[1].close / adjusted[0].close)), 0.0, 12);
    }

    #[test]
    fn dividends_that_are_none_of_these_bars_change_nothing() {
        let bars = [dated(3, 98.0), dated(5, 98.0)];
        let raw: Vec<Ohlc> = bars.iter().map(Ohlc::of).collect();
        // Before the first bar and on it, after the last.
        assert_eq!(adjusted_for_dividends(&bars, &[paid(2, 2.0), paid(3, 2.0), paid(6, 2.0)]), Some(raw));
        // On a day without a bar: the close before it is the one of the bar before.
        near(adjusted_for_dividends(&bars, &[paid(4, 0.98)]).map(|all| all[0].close), 98.0 * 0.99, 12);
        assert_eq!(adjusted_for_dividends(&bars, &[paid(5, 98.0)]), None);
        assert_eq!(adjusted_for_dividends(&[], &[paid(5, 1.0)]), Some(Vec::new()));
    }

    #[test]
    fn rich_and_cheap() {
        assert_eq!(implied_to_realised(Some(0.3), Some(0.25)), Some(1.2));
        assert_eq!(implied_to_realised(None, Some(0.25)), None);
        assert_eq!(implied_to_realised(Some(0.3), None), None);
    }
}
