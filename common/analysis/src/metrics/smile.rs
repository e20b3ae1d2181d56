//! The volatilities of a chain read across strikes and expirations: at the money, at 25 delta, at 30 days, front to back.
//!
//! Promises: straight lines between two neighbours that are there, never beyond them; out-of-the-money contracts only,
//! because their prices are mostly time value. Refuses, as `None`: what has no neighbour on one side, neighbours too far
//! apart to say anything of what lies between, and expirations nearer than a week, whose volatility is about this week.

use std::cmp::Ordering;

use fleet_core::domain::OptionKind;

use super::{DAYS, finite, positive};

/// Expirations nearer than this take no part, calendar days.
const NEAREST_DTE: i32 = 7;
/// A strike farther from the forward than e^±.2 says nothing of the money; shares of a few dollars have strikes 10 %
/// apart.
const FARTHEST: f64 = 0.2;
/// The delta of the skew.
const WING: f64 = 0.25;
/// Deltas that may stand beside it.
const BESIDE_WING: std::ops::RangeInclusive<f64> = 0.10..=0.45;
/// Expirations of "about 30 days", calendar days.
const SKEW_DTE: std::ops::RangeInclusive<i32> = 15..=60;
/// The horizon of the common volatility series, calendar days.
const HORIZON_DAYS: f64 = 30.0;
/// Expirations of the back of the term structure, calendar days.
const BACK_DTE: std::ops::RangeInclusive<i32> = 60..=90;
/// The middle of those.
const BACK_MIDDLE: i32 = 75;
/// So many contracts on either side of the wing's delta are of one engine: another engine moves a delta past .25 now and
/// then, not two.
const BESIDE: usize = 2;

/// One contract of a smile.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SmilePoint {
    /// Where it stands in its chain.
    pub row: usize,
    /// Call or put.
    pub kind: OptionKind,
    /// Dollars per share.
    pub strike: f64,
    /// Annual fraction; `None` where the price tells none.
    pub vol: Option<f64>,
    /// Dollars per $1 of the underlying, negative for puts.
    pub delta: Option<f64>,
}

/// The contracts of one expiration, in any order.
#[derive(Debug, Clone, PartialEq)]
pub struct Smile {
    /// Calendar days to expiration.
    pub dte: i32,
    /// Years of 365 days to settlement.
    pub years: f64,
    /// Forward, dollars per share.
    pub forward: f64,
    /// Its contracts.
    pub points: Vec<SmilePoint>,
}

/// The volatility at the money of one expiration.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AtmVol {
    /// Calendar days to expiration.
    pub dte: i32,
    /// Years of 365 days to settlement.
    pub years: f64,
    /// Annual fraction.
    pub vol: f64,
}

impl Smile {
    /// σ_ATM: linear in k = ln(K/F), at k = 0, between the nearest put at or below the forward and the nearest call at
    /// or above it that have a volatility. A strike on the forward itself counts on both sides; then it is the mean of
    /// its two. `None` without one on either side within e^±.2 of the forward.
    #[must_use]
    pub fn atm(&self) -> Option<AtmVol> {
        let at = |point: &SmilePoint| Some((libm::log(point.strike / self.forward), point.vol?));
        let [put, call] = self.beside_forward()?;
        let vol = line(at(put)?, at(call)?, 0.0)?;
        Some(AtmVol { dte: self.dte, years: positive(self.years)?, vol })
    }

    /// The two contracts that σ_ATM is read off, put and call.
    #[must_use]
    pub fn beside_forward(&self) -> Option<[&SmilePoint; 2]> {
        let forward = positive(self.forward)?;
        let side = |kind: OptionKind, sign: f64| {
            let known = self.points.iter().filter(|point| point.kind == kind);
            let nearest = known
                .filter(|point| positive(point.strike).is_some() && point.vol.and_then(positive).is_some())
                .filter(|point| sign * (point.strike - forward) >= 0.0)
                .min_by(|a, b| f64::total_cmp(&(sign * a.strike), &(sign * b.strike)))?;
            // k rises with the strike: where the nearest is too far, all are.
            (libm::log(nearest.strike / forward).abs() <= FARTHEST).then_some(nearest)
        };
        Some([side(OptionKind::Put, -1.0)?, side(OptionKind::Call, 1.0)?])
    }

    /// IV(25Δ put) − IV(25Δ call) of an expiration of about 30 days, an annual fraction; each linear in |Δ| between its
    /// neighbours, whose |Δ| are from .10 to .45. `None` of a nearer or farther expiration.
    #[must_use]
    pub fn skew_25(&self) -> Option<f64> {
        if !SKEW_DTE.contains(&self.dte) {
            return None;
        }
        Some(self.wing(OptionKind::Put)? - self.wing(OptionKind::Call)?)
    }

    fn wing(&self, kind: OptionKind) -> Option<f64> {
        let at = |point: Option<&SmilePoint>| point.and_then(|point| Some((point.delta?.abs(), point.vol?)));
        let [below, above] = self.beside_wing(kind);
        line(at(below.first().copied())?, at(above.first().copied())?, WING)
    }

    /// Contracts of a kind at or below the wing's delta and at or above it, the nearest first.
    fn beside_wing(&self, kind: OptionKind) -> [Vec<&SmilePoint>; 2] {
        let near = |side: fn(f64) -> bool| {
            let delta = |point: &SmilePoint| point.delta.map_or(f64::NAN, f64::abs);
            let of_kind = self.points.iter().filter(|point| point.kind == kind);
            let known = of_kind.filter(|point| point.vol.and_then(positive).is_some());
            let mut near: Vec<&SmilePoint> =
                known.filter(|point| BESIDE_WING.contains(&delta(point)) && side(delta(point))).collect();
            near.sort_by(|a, b| f64::total_cmp(&(delta(a) - WING).abs(), &(delta(b) - WING).abs()));
            near
        };
        [near(|delta| delta <= WING), near(|delta| delta >= WING)]
    }

    /// The contracts that the skew is read off, and one more on either side of each wing.
    pub fn beside_wings(&self) -> impl Iterator<Item = &SmilePoint> {
        let sides = [OptionKind::Put, OptionKind::Call].map(|kind| self.beside_wing(kind));
        sides.into_iter().flatten().flat_map(|near| near.into_iter().take(BESIDE))
    }
}

/// The value at `at` of the straight line through two points; of two at the same place, their mean.
fn line((x0, y0): (f64, f64), (x1, y1): (f64, f64), at: f64) -> Option<f64> {
    if x1 <= x0 {
        return finite((y0 + y1) / 2.0);
    }
    finite(y0 + (y1 - y0) * (at - x0) / (x1 - x0))
}

/// Of skews by days to expiration the one nearest to 30 days (of two as near, the earlier; of two as early, the first);
/// its place among them.
#[must_use]
pub fn nearest_skew(told: impl Iterator<Item = i32>) -> Option<usize> {
    told.enumerate().min_by_key(|(_, dte)| ((f64::from(*dte) - HORIZON_DAYS).abs() as i32, *dte)).map(|(at, _)| at)
}

/// The volatility at the money of 30 days: total variance linear in time,
/// √{[σ₁²T₁(T₂−T₃₀) + σ₂²T₂(T₃₀−T₁)] / [(T₂−T₁)T₃₀]}, between the last expiration at or before and the first at or after.
/// Expirations below 7 days take no part. `None` without one on either side.
#[must_use]
pub fn iv30(expirations: &[AtmVol]) -> Option<f64> {
    between_two(around(expirations, HORIZON_DAYS)?, HORIZON_DAYS)
}

/// IV of the front over IV of the back, a ratio above 0; above 1 is backwardation. The front is the first expiration of
/// 7 to 59 days; the back, of 60 to 90 days, the one nearest to 75 (of two as near, the earlier). Where none is of 60 to
/// 90 days, the back is 75 days, total variance linear in time between the last expiration before and the first after.
#[must_use]
pub fn term_slope(expirations: &[AtmVol]) -> Option<f64> {
    let back = match back(expirations)? {
        Back::Listed(back) => back.vol,
        Back::Between(two) => between_two(two, f64::from(BACK_MIDDLE))?,
    };
    finite(front(expirations)?.vol / back)
}

/// The back of the term structure.
enum Back {
    /// An expiration of 60 to 90 days.
    Listed(AtmVol),
    /// None is: the last before and the first after.
    Between([AtmVol; 2]),
}

fn front(expirations: &[AtmVol]) -> Option<AtmVol> {
    usable(expirations).filter(|atm| atm.dte < *BACK_DTE.start()).min_by(|a, b| earlier(a, b)).copied()
}

fn back(expirations: &[AtmVol]) -> Option<Back> {
    let apart = |atm: &AtmVol| (atm.dte - BACK_MIDDLE).abs();
    let listed = usable(expirations)
        .filter(|atm| BACK_DTE.contains(&atm.dte))
        .min_by(|a, b| apart(a).cmp(&apart(b)).then_with(|| earlier(a, b)));
    listed.map_or_else(|| around(expirations, f64::from(BACK_MIDDLE)).map(Back::Between), |at| Some(Back::Listed(*at)))
}

/// Expirations of a week or more with a volatility.
fn usable(expirations: &[AtmVol]) -> impl Iterator<Item = &AtmVol> {
    expirations.iter().filter(|atm| atm.dte >= NEAREST_DTE && positive(atm.vol).is_some())
}

/// The last expiration at or before so many days, and the first at or after.
fn around(expirations: &[AtmVol], days: f64) -> Option<[AtmVol; 2]> {
    let horizon = days / DAYS;
    let by_time = |a: &&AtmVol, b: &&AtmVol| f64::total_cmp(&a.years, &b.years);
    let near = usable(expirations).filter(|atm| atm.years > 0.0 && atm.years <= horizon).max_by(by_time)?;
    let far = usable(expirations).filter(|atm| atm.years >= horizon && atm.years.is_finite()).min_by(by_time)?;
    Some([*near, *far])
}

/// The volatility of so many days, total variance linear in time between two expirations around them.
fn between_two(two: [AtmVol; 2], days: f64) -> Option<f64> {
    let horizon = days / DAYS;
    let [near, far] = two.map(|atm| (atm.years, atm.vol * atm.vol * atm.years));
    positive((line(near, far, horizon)? / horizon).sqrt())
}

fn earlier(a: &AtmVol, b: &AtmVol) -> Ordering {
    a.dte.cmp(&b.dte).then(a.years.total_cmp(&b.years))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::check::near;

    fn point(kind: OptionKind, strike: f64, vol: f64, delta: f64) -> SmilePoint {
        SmilePoint { row: 0, kind, strike, vol: Some(vol), delta: Some(delta) }
    }

    fn smile(dte: i32, points: &[SmilePoint]) -> Smile {
        Smile { dte, years: f64::from(dte) / 365.0, forward: 102.0, points: points.to_vec() }
    }

    fn atm(days: i32, vol: f64) -> AtmVol {
        AtmVol { dte: days, years: f64::from(days) / 365.0, vol }
    }

    use OptionKind::{Call, Put};

    #[test]
    fn at_the_money_by_hand() {
        // k: ln(100/102) = −.0198026, ln(105/102) = .0289875; weight of the call .0198026/.0487901 = .405873;
        // .32 − .04·.405873 = .303765. The in-the-money contracts and the farther strikes say nothing.
        let points = [
            point(Call, 105.0, 0.28, 0.4),
            point(Put, 100.0, 0.32, -0.4),
            point(Call, 100.0, 0.9, 0.6),
            point(Put, 105.0, 0.9, -0.6),
            point(Put, 95.0, 0.5, -0.2),
            point(Call, 110.0, 0.5, 0.2),
        ];
        near(smile(30, &points).atm().map(|atm| atm.vol), 0.303_765, 6);
    }

    #[test]
    fn a_strike_on_the_forward_is_the_mean_of_its_two() {
        let points = [point(Call, 102.0, 0.28, 0.5), point(Put, 102.0, 0.32, -0.5), point(Put, 100.0, 0.4, -0.4)];
        near(smile(30, &points).atm().map(|atm| atm.vol), 0.30, 12);
        let only_the_put = [points[1], point(Call, 105.0, 0.28, 0.4)];
        near(smile(30, &only_the_put).atm().map(|atm| atm.vol), 0.32, 12);
    }

    #[test]
    fn strikes_without_a_volatility_are_passed_over_and_far_ones_refused() {
        let nothing = SmilePoint { vol: None, ..point(Put, 101.0, 0.0, -0.5) };
        let call = point(Call, 105.0, 0.28, 0.4);
        let far_enough = smile(30, &[nothing, point(Put, 84.0, 0.32, -0.1), call]);
        assert!(far_enough.atm().is_some());
        assert_eq!(smile(30, &[nothing, point(Put, 83.0, 0.32, -0.1), call]).atm(), None, "ln(83/102) is −.206");
        assert_eq!(smile(30, &[call]).atm(), None);
        assert_eq!(Smile { forward: f64::NAN, ..far_enough }.atm(), None);
    }

    #[test]
    fn iv30_by_hand() {
        // Total variance at 30 days between .09·20 = 1.8 at 20 and .0625·40 = 2.5 at 40 is 2.15 (days instead of years
        // cancel out): √(2.15/30) = .267706.
        near(iv30(&[atm(40, 0.25), atm(20, 0.30)]), 0.267_706, 6);
        near(iv30(&[atm(30, 0.25), atm(20, 0.30), atm(60, 0.2)]), 0.25, 12);
        near(iv30(&[atm(12, 0.9), atm(20, 0.30), atm(40, 0.25), atm(90, 0.9)]), 0.267_706, 6);
    }

    #[test]
    fn iv30_needs_a_bracket() {
        assert_eq!(iv30(&[atm(6, 0.3), atm(40, 0.25)]), None, "six days are too near");
        assert!(iv30(&[atm(7, 0.3), atm(40, 0.25)]).is_some());
        assert_eq!(iv30(&[atm(35, 0.3), atm(40, 0.25)]), None);
        assert_eq!(iv30(&[atm(20, 0.3), atm(29, 0.25)]), None);
        assert_eq!(iv30(&[]), None);
    }

    fn winged(dte: i32, lift: f64) -> Smile {
        smile(
            dte,
            &[
                point(Put, 85.0, 0.9, -0.12),
                point(Put, 90.0, 0.36 + lift, -0.20),
                point(Put, 95.0, 0.33 + lift, -0.30),
                point(Put, 98.0, 0.9, -0.40),
                point(Call, 110.0, 0.27, 0.30),
                point(Call, 115.0, 0.26, 0.15),
            ],
        )
    }

    /// The skew that is told, as the scan picks it.
    fn skew_of(smiles: &[Smile]) -> Option<f64> {
        let told: Vec<(i32, f64)> = smiles.iter().filter_map(|smile| Some((smile.dte, smile.skew_25()?))).collect();
        nearest_skew(told.iter().map(|(dte, _)| *dte)).map(|at| told[at].1)
    }

    #[test]
    fn skew_by_hand() {
        // Put .36 − .03·(.25−.20)/.10 = .345; call .26 + .01·(.25−.15)/.15 = .2666667.
        near(winged(30, 0.0).skew_25(), 0.078_333, 6);
        // The nearest to 30 days that tells one; of 25 and 35 the earlier.
        near(skew_of(&[winged(35, 0.2), winged(25, 0.1), winged(14, 0.0)]), 0.178_333, 6);
        let dumb = Smile { points: vec![point(Put, 90.0, 0.3, -0.2)], ..winged(30, 0.0) };
        assert_eq!(dumb.skew_25(), None);
        near(skew_of(&[dumb, winged(44, 0.0)]), 0.078_333, 6);
        assert_eq!(skew_of(&[winged(14, 0.0), winged(61, 0.0)]), None);
    }

    #[test]
    fn what_the_numbers_are_read_off() {
        let strikes = |points: Vec<&SmilePoint>| points.iter().map(|point| point.strike).collect::<Vec<f64>>();
        let smile = winged(30, 0.0);
        assert_eq!(strikes(smile.beside_forward().unwrap().to_vec()), [98.0, 110.0]);
        // Two at or below .25 and two above, of puts, then of calls.
        assert_eq!(strikes(smile.beside_wings().collect()), [90.0, 85.0, 95.0, 98.0, 115.0, 110.0]);
    }

    #[test]
    fn a_wing_needs_neighbours_that_are_near() {
        let far = smile(30, &[point(Put, 80.0, 0.4, -0.09), point(Put, 95.0, 0.3, -0.3)]);
        assert_eq!(far.wing(Put), None);
        let exact = smile(30, &[point(Put, 92.0, 0.4, -0.25)]);
        assert_eq!(exact.wing(Put), Some(0.4));
    }

    #[test]
    fn term_slope_by_hand() {
        // .30 / .24; 75 days are the middle of the back, 74 and 76 as near.
        near(term_slope(&[atm(3, 0.9), atm(9, 0.30), atm(30, 0.5), atm(60, 0.9), atm(70, 0.24)]), 1.25, 12);
        near(term_slope(&[atm(9, 0.30), atm(76, 0.9), atm(74, 0.24)]), 1.25, 12);
        assert_eq!(term_slope(&[atm(60, 0.30), atm(75, 0.24)]), None, "no front before the back");
    }

    #[test]
    fn between_56_and_91_days_the_back_is_interpolated() {
        // Total variance at 75 days between .09·56 = 5.04 at 56 and .0576·91 = 5.2416 at 91 is 5.04 + .2016·19/35 =
        // 5.14944: √(5.14944/75) = .262029; .33/.262029 = 1.259403.
        near(term_slope(&[atm(28, 0.33), atm(56, 0.30), atm(91, 0.24)]), 1.259_403, 6);
        // The front may itself be the last before.
        near(term_slope(&[atm(56, 0.30), atm(91, 0.24)]), 0.30 / 0.262_029, 5);
        // One of 60 to 90 days goes first, and nothing is said beyond the last expiration.
        near(term_slope(&[atm(28, 0.33), atm(56, 0.30), atm(61, 0.22), atm(91, 0.24)]), 1.5, 12);
        assert_eq!(term_slope(&[atm(28, 0.33), atm(56, 0.30)]), None);
        assert_eq!(term_slope(&[atm(91, 0.24), atm(119, 0.24)]), None, "no front");
        assert_eq!(term_slope(&[atm(5, 0.33), atm(91, 0.24)]), None, "five days are too near");
    }
}
