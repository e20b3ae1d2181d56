//! What a contract's own closed bars say beside the signals (ANALYTICS 2.1), and how it usually trades.
//!
//! Promises: indicators only where the coverage gate passed; a session without a trade is a volume of 0, not a missing
//! one. Refuses: to call twenty sessions usual of which the contract did not exist in some.

use fleet_core::domain::{Bar, BarMetrics, Oscillators, calendar};
use jiff::civil::Date;
use ta_lib::Core;

use super::activity::USUAL_SESSIONS;
use super::positive;
use crate::indicators::Indicators;

const ATR_LOOKBACK: i32 = 14;

/// A contract's trading in the 20 sessions before today.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct UsualTrading {
    /// Volume by session, oldest first, 0 where it did not trade; empty where it is younger than that.
    pub volumes: Vec<u64>,
    /// Sessions with a trade.
    pub traded_sessions: Option<u32>,
}

impl UsualTrading {
    /// From believable bars: the 20 sessions up to the last closed one before `today`.
    #[must_use]
    pub fn of(bars: &[Bar], last_closed: Date, today: Date) -> Self {
        let last = calendar::previous_session(today).map_or(last_closed, |before| before.min(last_closed));
        let Some(first) = calendar::sessions_back(last, USUAL_SESSIONS as u32 - 1) else { return Self::default() };
        if bars.first().is_none_or(|bar| bar.date > first) {
            return Self::default();
        }
        let volume_of = |day: Date| bars.binary_search_by_key(&day, |bar| bar.date).map_or(0, |at| bars[at].volume);
        let volumes: Vec<u64> = calendar::sessions(first, last).map(volume_of).collect();
        let traded = volumes.iter().filter(|volume| **volume > 0).count();
        Self { volumes, traded_sessions: Some(traded as u32) }
    }
}

/// The output of ANALYTICS 2.1 of a contract whose bars passed the coverage gate.
#[must_use]
pub fn bar_metrics(bars: &[Bar], indicators: &Indicators, last_closed: Date) -> BarMetrics {
    let window = recent(bars, last_closed);
    let close = bars.last().and_then(|bar| positive(bar.close.dollars()));
    let over_close = |value: Option<f64>| value.zip(close).map(|(value, close)| 100.0 * value / close);
    BarMetrics {
        rsi: indicators.rsi,
        pct_b: indicators.pct_b,
        macd_histogram: indicators.macd_histogram,
        macd_rise: indicators.macd_rise,
        close_to_vwap20: close.zip(vwap(window)).map(|(close, mean)| close / mean),
        atr14_pct: over_close(last_atr(bars)),
        relative_volume: indicators.relative_volume,
        traded_sessions: window.len() as u32,
        adjusted: adjusted(indicators),
    }
}

/// What the decay-adjusted closes say; `None` where none of it is known.
fn adjusted(indicators: &Indicators) -> Option<Oscillators> {
    let told = Oscillators {
        rsi: indicators.adjusted_rsi,
        pct_b: indicators.adjusted_pct_b,
        macd_histogram: indicators.adjusted_macd_histogram,
        macd_rise: indicators.adjusted_macd_rise,
    };
    [told.rsi, told.pct_b, told.macd_histogram].iter().any(Option::is_some).then_some(told)
}

/// Bars of the last 20 closed sessions.
fn recent(bars: &[Bar], last_closed: Date) -> &[Bar] {
    let first = calendar::sessions_back(last_closed, USUAL_SESSIONS as u32 - 1).unwrap_or(Date::MIN);
    &bars[bars.partition_point(|bar| bar.date < first)..]
}

/// Σ (H + L + C)/3·V / Σ V, dollars; `None` without volume.
fn vwap(bars: &[Bar]) -> Option<f64> {
    let typical = |bar: &Bar| (bar.high.dollars() + bar.low.dollars() + bar.close.dollars()) / 3.0;
    let (paid, volume) = bars.iter().fold((0.0, 0.0), |(paid, volume), bar| {
        let traded = bar.volume as f64;
        (paid + typical(bar) * traded, volume + traded)
    });
    positive(paid / positive(volume)?)
}

/// Wilder's average true range of 14 bars at the last one, dollars.
fn last_atr(bars: &[Bar]) -> Option<f64> {
    let prices = |of: fn(&Bar) -> f64| bars.iter().map(of).collect::<Vec<f64>>();
    let (high, low) = (prices(|bar| bar.high.dollars()), prices(|bar| bar.low.dollars()));
    let close = prices(|bar| bar.close.dollars());
    let mut out = vec![0.0; bars.len()];
    let last = bars.len().checked_sub(1)?;
    let range = Core::new().atr(0, last, &high, &low, &close, ATR_LOOKBACK, &mut out).ok()?;
    out.get(range.count.checked_sub(1)?).copied().filter(|atr| atr.is_finite())
}

#[cfg(test)]
mod tests {
    use fleet_core::domain::Price;
    use jiff::civil::date;

    use super::*;
    use crate::metrics::check::near;

    fn bar(date: Date, [high, low, close]: [f64; 3], volume: u64) -> Bar {
        let price = |dollars| Price::from_dollars(dollars).unwrap();
        Bar { date, open: price(close), high: price(high), low: price(low), close: price(close), volume }
    }

    /// One bar a session up to 19 November 2026, a Thursday.
    fn daily(n: u32, volume: impl Fn(u32) -> u64) -> Vec<Bar> {
        let last = date(2026, 11, 19);
        let day = |back| calendar::sessions_back(last, back).unwrap();
        (0..n).rev().map(|back| bar(day(back), [3.0, 1.0, 2.0], volume(back))).collect()
    }

    #[test]
    fn usual_volumes_count_sessions_without_a_trade() {
        let today = date(2026, 11, 20);
        let mut bars = daily(30, |back| u64::from(back) + 1);
        let usual = UsualTrading::of(&bars, date(2026, 11, 19), today);
        assert_eq!(usual.volumes, (1..=20).rev().collect::<Vec<u64>>());
        assert_eq!(usual.traded_sessions, Some(20));
        bars.remove(29);
        bars.remove(20);
        let usual = UsualTrading::of(&bars, date(2026, 11, 19), today);
        assert_eq!((usual.volumes[19], usual.volumes[10], usual.traded_sessions), (0, 0, Some(18)));
    }

    #[test]
    fn todays_bar_is_not_usual_and_a_young_contract_has_nothing_usual() {
        // After the close today's bar counts for indicators; what is usual ends before it.
        let bars = daily(30, |back| u64::from(back) + 1);
        let usual = UsualTrading::of(&bars, date(2026, 11, 19), date(2026, 11, 19));
        assert_eq!((usual.volumes.first(), usual.volumes.last()), (Some(&21), Some(&2)));
        let young = daily(19, |_| 7);
        assert_eq!(UsualTrading::of(&young, date(2026, 11, 19), date(2026, 11, 20)), UsualTrading::default());
        assert_eq!(UsualTrading::of(&[], date(2026, 11, 19), date(2026, 11, 20)), UsualTrading::default());
    }

    #[test]
    fn vwap_and_range_by_hand() {
        // 2·10 + 5·30 over 40 is 4.25; the last close is 5: 1.176471.
        let day = date(2026, 11, 19);
        let bars = [bar(date(2026, 11, 18), [3.0, 1.0, 2.0], 10), bar(day, [6.0, 4.0, 5.0], 30)];
        near(bar_metrics(&bars, &Indicators::default(), day).close_to_vwap20, 1.176_471, 6);
        // Every true range is 2 (3 − 1); on a close of 2 that is 100 %.
        let told = bar_metrics(&daily(30, |_| 5), &Indicators::default(), day);
        near(told.atr14_pct, 100.0, 9);
        assert_eq!(told.traded_sessions, 20);
        // Then a gap: 8 − 2 = 6, so (13·2 + 6)/14 = 2.285714 over 8.
        let mut gapped = daily(30, |_| 5);
        gapped[29] = bar(day, [8.0, 7.0, 8.0], 5);
        near(bar_metrics(&gapped, &Indicators::default(), day).atr14_pct, 28.571_429, 6);
    }

    #[test]
    fn too_few_bars_say_nothing() {
        let told = bar_metrics(&daily(14, |_| 5), &Indicators::default(), date(2026, 11, 19));
        assert_eq!(told.atr14_pct, None, "the first true range needs a close before it");
        assert_eq!(bar_metrics(&[], &Indicators::default(), date(2026, 11, 19)), BarMetrics::default());
    }
}
