//! The decay-adjusted series: a contract's closes with the time value that the passing of days took given back.
//!
//! An option loses time value every day, so its raw closes fall while its underlying stands still, and their RSI reads
//! lower than the stock's (ANALYTICS, "theta drift"). Beside the raw closes P stands
//!
//! ```text
//! P*_k = P*_{k−1} + P_k − P_{k−1} + D_k      D_k = max(0, V(S_{k−1}, T_{k−1}, σ̂) − V(S_{k−1}, T_k, σ̂))
//! ```
//!
//! over the *traded* bars: between two of them however many days lie, their decay is given back at once and nothing is
//! filled in. V is Black–Scholes; σ̂ is what the five closes before k imply, kept near what is quoted now (ANALYTICS 2.1,
//! RULES section 5). P* ≥ P > 0. It drifts up by gamma, so it is no evidence of an overbought contract.
//!
//! Promises: P*_k depends on bars up to k and on the quotes of now, on nothing later; what is missing makes the whole
//! series `None`, never a gap in it.

use std::collections::BTreeMap;

use fleet_core::domain::{Bar, OccSymbol, OptionKind, calendar};
use fleet_pricing::{Kind, Terms, black};
use jiff::civil::Date;

use crate::bars::median;
use crate::pricing_rules::Pricing;
use crate::tick::Ticks;

/// Below so many calendar days to expiration a day's decay is of the size of the price itself: no series is made.
pub const MIN_DTE: i32 = 7;
/// Traded closes before a bar whose volatilities vote on its decay.
const VOTES: usize = 5;
/// How far the vote may lead away from the volatility that is quoted now.
const WITHIN: (f64, f64) = (0.5, 2.0);

/// A close of a contract, beside its underlying's of the same session.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TradedClose {
    /// What the contract closed at, dollars.
    pub price: f64,
    /// What the underlying closed at, dollars.
    pub spot: f64,
    /// Years from that close to settlement.
    pub years: f64,
}

/// A contract, as its decay is computed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Decaying {
    /// Call or put.
    pub kind: OptionKind,
    /// Dollars per share.
    pub strike: f64,
    /// Continuous risk-free rate of its expiration.
    pub rate: f64,
    /// Continuous dividend yield of its expiration.
    pub yield_: f64,
    /// Implied volatility at the present mid, annual fraction.
    pub mid_iv: f64,
    /// The chain's price steps.
    pub ticks: Ticks,
}

impl Decaying {
    /// P* of traded closes, oldest first; `None` where a number among them cannot be priced with.
    #[must_use]
    pub fn adjusted(&self, traded: &[TradedClose]) -> Option<Vec<f64>> {
        let implied: Vec<Option<f64>> = traded.iter().map(|close| self.implied(close)).collect();
        let mut adjusted: Vec<f64> = Vec::with_capacity(traded.len());
        for (k, close) in traded.iter().enumerate() {
            let next = match (k.checked_sub(1), adjusted.last()) {
                (Some(before), Some(last)) => {
                    let votes = &implied[k.saturating_sub(VOTES)..k];
                    let decay = self.decay(&traded[before], close.years, self.vol(votes))?;
                    // In this order, so that a price that stands still moves nothing by rounding.
                    last + (close.price - traded[before].price + decay)
                }
                _ => close.price,
            };
            adjusted.push(next);
        }
        adjusted.iter().all(|price| price.is_finite()).then_some(adjusted)
    }

    /// What the time from one close to the next took, the underlying standing still; dollars, never negative.
    fn decay(&self, from: &TradedClose, years: f64, vol: f64) -> Option<f64> {
        let before = black::price(&self.terms(from.spot, from.years), vol).ok()?;
        let after = black::price(&self.terms(from.spot, years), vol).ok()?;
        Some((before - after).max(0.0))
    }

    /// σ̂: the median of what some closes imply, near what is quoted now; without any, what is quoted now.
    fn vol(&self, votes: &[Option<f64>]) -> f64 {
        let mut known: Vec<f64> = votes.iter().flatten().copied().collect();
        let (low, high) = (WITHIN.0 * self.mid_iv, WITHIN.1 * self.mid_iv);
        median(&mut known).map_or(self.mid_iv, |vol| vol.max(low).min(high))
    }

    /// What a close implies, where it holds at least a tick of time value: less than that is rounding.
    fn implied(&self, close: &TradedClose) -> Option<f64> {
        let terms = self.terms(close.spot, close.years);
        let time_value = close.price - black::bounds(&terms).ok()?.lower;
        let enough = time_value >= self.ticks.at(close.price);
        enough.then(|| black::implied_vol(&terms, close.price, 0.0).ok().flatten())?
    }

    fn terms(&self, spot: f64, years: f64) -> Terms {
        let kind = match self.kind {
            OptionKind::Call => Kind::Call,
            OptionKind::Put => Kind::Put,
        };
        Terms { kind, spot, strike: self.strike, years, rate: self.rate, yield_: self.yield_ }
    }
}

/// A contract's bars beside the underlying's closes; `None` where a session lacks one, or lies after the settlement.
#[must_use]
pub fn traded_closes(
    symbol: &OccSymbol,
    bars: &[Bar],
    underlying: &[Bar],
    pricing: &Pricing,
) -> Option<Vec<TradedClose>> {
    let spots: BTreeMap<Date, f64> = underlying.iter().map(|bar| (bar.date, bar.close.dollars())).collect();
    let of = |bar: &Bar| {
        let years = pricing.years_to_expiry(calendar::close_of(bar.date)?, symbol)?;
        Some(TradedClose { price: bar.close.dollars(), spot: *spots.get(&bar.date)?, years })
    };
    bars.iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    const CALL: Decaying =
        Decaying { kind: OptionKind::Call, strike: 105.0, rate: 0.04, yield_: 0.0, mid_iv: 0.30, ticks: Ticks::PENNY };

    fn fair(spot: f64, days: f64, vol: f64) -> TradedClose {
        let years = days / 365.0;
        TradedClose { price: black::price(&CALL.terms(spot, years), vol).unwrap(), spot, years }
    }

    /// A golden value: the call of ANALYTICS section 1 is worth 2.419380 with 45 days left.
    #[test]
    fn a_day_gives_back_what_it_took() {
        let (before, after) = (fair(100.0, 45.0, 0.30), fair(100.0, 44.0, 0.30));
        assert!((before.price - 2.419_380).abs() < 1e-6);
        let adjusted = CALL.adjusted(&[before, after]).unwrap();
        assert!((adjusted[1] - before.price).abs() < 1e-12, "the underlying stood still, so P* does: {adjusted:?}");
        assert!((before.price - after.price - 0.047_6).abs() < 1e-3, "about its theta of a day");
    }

    #[test]
    fn a_gap_gives_back_the_days_between() {
        let days = [45.0, 44.0, 41.0, 33.0];
        let all: Vec<TradedClose> = days.iter().map(|days| fair(100.0, *days, 0.30)).collect();
        let gapped = CALL.adjusted(&[all[0], all[3]]).unwrap();
        let dense = CALL.adjusted(&all).unwrap();
        assert!((gapped[1] - dense[3]).abs() < 1e-12, "gaps telescope: {gapped:?} {dense:?}");
    }

    #[test]
    fn it_moves_with_the_price_and_never_below_it() {
        let closes = [fair(100.0, 45.0, 0.30), fair(97.0, 42.0, 0.30), fair(103.0, 41.0, 0.30), fair(99.0, 40.0, 0.30)];
        let adjusted = CALL.adjusted(&closes).unwrap();
        assert_eq!(adjusted[0], closes[0].price);
        assert!(adjusted.iter().zip(&closes).all(|(star, close)| *star >= close.price));
        assert!(adjusted[1] < adjusted[0] && adjusted[2] > adjusted[1] && adjusted[3] < adjusted[2]);
    }

    /// Each bar's decay is worked out by hand from what the closes before it imply.
    #[test]
    fn the_volatility_is_the_median_of_five_closes_before() {
        let vols = [0.30, 0.32, 0.36, 0.31, 0.40, 0.33, 0.90, 0.30];
        let closes: Vec<TradedClose> =
            vols.iter().enumerate().map(|(k, vol)| fair(100.0, 60.0 - k as f64, *vol)).collect();
        let adjusted = CALL.adjusted(&closes).unwrap();
        // .30; .30 .32; .30 .32 .36; …; and of bar 7 the five .36 .31 .40 .33 .90.
        for (k, vol) in [(1, 0.30), (2, 0.31), (3, 0.32), (4, 0.315), (5, 0.32), (6, 0.33), (7, 0.36)] {
            let worth = |days: f64| fair(100.0, days, vol).price;
            let decay = worth(61.0 - k as f64) - worth(60.0 - k as f64);
            let step = adjusted[k] - adjusted[k - 1] - (closes[k].price - closes[k - 1].price);
            assert!((step - decay).abs() < 1e-9, "bar {k}: {step}, not {decay}");
        }
    }

    #[test]
    fn the_volatility_stays_near_the_one_quoted_now() {
        let step = |vol: f64, mid_iv: f64| {
            let closes = [fair(100.0, 60.0, vol), fair(100.0, 59.0, vol)];
            let adjusted = Decaying { mid_iv, ..CALL }.adjusted(&closes).unwrap();
            adjusted[1] - adjusted[0] - (closes[1].price - closes[0].price)
        };
        let worth = |vol: f64| fair(100.0, 60.0, vol).price - fair(100.0, 59.0, vol).price;
        assert!((step(0.30, 0.70) - worth(0.35)).abs() < 1e-12, "at least half");
        assert!((step(0.30, 0.10) - worth(0.20)).abs() < 1e-12, "at most twice");
        assert!((step(0.30, 0.20) - worth(0.30)).abs() < 1e-9);
    }

    #[test]
    fn closes_without_time_value_do_not_vote() {
        let deep = Decaying { strike: 50.0, mid_iv: 0.45, ..CALL };
        let years = [60.0 / 365.0, 59.0 / 365.0];
        let bare = |years: f64| TradedClose { price: 100.0 - 50.0, spot: 100.0, years };
        let adjusted = deep.adjusted(&years.map(bare)).unwrap();
        let worth = |years: f64| black::price(&deep.terms(100.0, years), 0.45).unwrap();
        assert!((adjusted[1] - adjusted[0] - (worth(years[0]) - worth(years[1]))).abs() < 1e-12, "the quoted one");
        // Exactly a tick of time value is enough.
        let cent = TradedClose { price: 0.01, spot: 60.0, years: years[0] };
        assert!(CALL.implied(&cent).is_some());
        assert_eq!(CALL.implied(&TradedClose { price: 0.0099, ..cent }), None);
    }

    #[test]
    fn what_cannot_be_priced_is_no_series() {
        let good = fair(100.0, 45.0, 0.30);
        assert_eq!(CALL.adjusted(&[]), Some(Vec::new()));
        assert_eq!(CALL.adjusted(&[good, TradedClose { price: f64::NAN, ..good }]), None);
        assert_eq!(CALL.adjusted(&[TradedClose { spot: 0.0, ..good }, good]), None);
        assert_eq!(Decaying { mid_iv: f64::NAN, ..CALL }.adjusted(&[TradedClose { price: 0.0, ..good }, good]), None);
    }

    #[test]
    fn every_session_needs_the_underlyings_close() {
        use fleet_core::domain::Price;
        let price = |dollars| Price::from_dollars(dollars).unwrap();
        let bar = |day, close| {
            let close = price(close);
            Bar { date: date(2026, 11, day), open: close, high: close, low: close, close, volume: 10 }
        };
        let symbol = OccSymbol::parse("XYZ270115C00105000").unwrap();
        let own = [bar(18, 2.5), bar(20, 2.25)];
        let of = |underlying: &[Bar]| traded_closes(&symbol, &own, underlying, &Pricing::default());
        let closes = of(&[bar(17, 99.0), bar(18, 100.0), bar(19, 101.0), bar(20, 102.0)]).unwrap();
        assert_eq!([closes[0].spot, closes[1].spot], [100.0, 102.0]);
        assert!((closes[0].years * 365.0 - 58.0).abs() < 1e-9, "from the close to the close: {}", closes[0].years);
        assert_eq!(of(&[bar(18, 100.0), bar(19, 101.0)]), None);
        let expired = OccSymbol::parse("XYZ261120C00105000").unwrap();
        assert_eq!(traded_closes(&expired, &own, &own, &Pricing::default()), None, "settled at that very close");
    }
}
