//! The oracle's cash dividends: which are to come, what they leave of the spot, and a trinomial tree that pays them
//! (RULES 11). The tree's price errs by a cent or so at a spot of 100 (the test below).

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};

use super::bodies::{Chart, Row};
use super::calendar;
use super::maths::lower_median;
use super::parity::{ASSUMED_YIELD, Parity, RATE};

/// An ex-date, dollars a share, and whether it is projected.
pub type Paying = (Date, f64, bool);

/// The dividends from tomorrow to a date; `None` where no rhythm tells them.
pub fn coming(chart: &Chart, today: Date, until: Date) -> Option<Vec<Paying>> {
    let mut all = chart.dividends.clone();
    all.sort_by_key(|(date, _)| *date);
    let newest = &all[all.len().saturating_sub(5)..];
    let Some(usual) = lower_median(&newest.iter().map(|(_, amount)| *amount).collect::<Vec<_>>()) else {
        return Some(Vec::new());
    };
    let regular: Vec<(Date, f64)> =
        all.iter().filter(|(_, amount)| 0.5 * usual <= *amount && *amount <= 2.0 * usual).copied().collect();
    let (last, amount) = *regular.last()?;
    let mut gaps: Vec<i32> = regular.windows(2).map(|pair| (pair[1].0 - pair[0].0).get_days()).collect();
    gaps.reverse();
    gaps.truncate(4);
    let all_in = |from: i32, to: i32| gaps.iter().all(|gap| from <= *gap && *gap <= to);
    let months = match gaps.len() {
        0 => return None,
        1 if all_in(150, 215) => 6,
        1 if all_in(330, 400) => 12,
        1 => return None,
        _ if all_in(21, 42) => 1,
        _ if all_in(70, 112) => 3,
        _ if all_in(150, 215) => 6,
        _ if all_in(330, 400) => 12,
        _ => return None,
    };
    let next = |n: i32| on_session(last.checked_add((n * months).months()).expect("in range"));
    if (today - next(1)).get_days() > 14 {
        return None;
    }
    let tomorrow = on_session(today.tomorrow().expect("in range"));
    let mut out: Vec<Paying> = all.into_iter().filter(|(d, _)| *d > today).map(|(d, cash)| (d, cash, false)).collect();
    let mut n = 1;
    while next(n) <= until {
        out.push((next(n).max(tomorrow), amount, true));
        n += 1;
    }
    out.retain(|(date, ..)| *date <= until);
    Some(out)
}

/// What was paid in the 365 days up to today, dollars a share.
pub fn paid_in_a_year(chart: &Chart, today: Date) -> f64 {
    chart.dividends.iter().filter(|(date, _)| (today - *date).get_days() < 365).map(|(_, cash)| cash).sum()
}

fn on_session(mut date: Date) -> Date {
    while !calendar::is_session(date) {
        date = date.tomorrow().expect("in range");
    }
    date
}

/// What a contract is worth at a volatility; theta a day, vega a point, rho a point of the rate.
#[derive(Debug, Clone, Copy)]
pub struct Valued {
    pub price: f64,
    pub delta: f64,
    pub gamma: f64,
    pub theta: f64,
    pub vega: f64,
    pub rho: f64,
}

/// A contract with its cash dividends.
#[derive(Clone)]
pub struct Cash {
    pub call: bool,
    pub spot: f64,
    pub strike: f64,
    pub years: f64,
    pub rate: f64,
    pub yield_: f64,
    /// Years from now and dollars, ascending.
    pub paid: Vec<(f64, f64)>,
}

impl Cash {
    /// Of a row; `None` where no dividend falls before its settlement, or the forward asks for an impossible yield.
    pub fn of(row: &Row, parity: &Parity, paying: &[Paying], as_of: Timestamp) -> Option<Self> {
        let dated: Vec<(f64, f64)> = paying
            .iter()
            .map(|(date, cash, _)| {
                let secs = calendar::new_york(*date, 9, 30).duration_since(as_of).as_secs_f64();
                (secs / 31_536_000.0, *cash)
            })
            .collect();
        let until = |years: f64| dated.iter().copied().filter(move |(at, _)| *at < years);
        let group = parity.groups.get(&(row.root.clone(), row.expiration))?;
        let growth = RATE - ASSUMED_YIELD;
        let (mut near, mut best) = (Vec::new(), None::<(i32, i32, f64)>);
        for ((_, expiration), group) in parity.groups.iter().filter(|(_, group)| group.implied) {
            let days = calendar::days_to(as_of, *expiration);
            let spot = group.forward * (-growth * group.years).exp()
                + until(group.years).map(|(at, cash)| cash * (-growth * at).exp()).sum::<f64>();
            let away = (7 - days).max(days - 60).max(0);
            if away == 0 {
                near.push(spot);
            }
            if best.is_none_or(|(least, at, _)| (away, days) < (least, at)) {
                best = Some((away, days, spot));
            }
        }
        let implied = lower_median(&near).or(best.map(|(.., spot)| spot));
        let spot = if parity.implied { implied? } else { parity.spot? };
        let paid: Vec<(f64, f64)> = until(group.years).collect();
        if paid.is_empty() {
            return None;
        }
        let forward = |yield_: f64| {
            let growth = RATE - yield_;
            let dropped = paid.iter().map(|(at, cash)| cash * (growth * (group.years - at)).exp());
            spot * (growth * group.years).exp() - dropped.sum::<f64>()
        };
        let (mut low, mut high) = (-0.5, 3.0);
        if group.implied && (forward(low) < group.forward || forward(high) > group.forward) {
            return None;
        }
        for _ in 0..100 {
            let middle = (low + high) / 2.0;
            if forward(middle) > group.forward { low = middle } else { high = middle }
        }
        let yield_ = if group.implied { low } else { ASSUMED_YIELD };
        Some(Self { call: row.call, spot, strike: row.strike, years: group.years, rate: RATE, yield_, paid })
    }

    fn exercise(&self, at: f64) -> f64 {
        if self.call { at - self.strike } else { self.strike - at }
    }

    /// At a volatility; vega and rho by the prices beside.
    pub fn valued(&self, vol: f64) -> Valued {
        let [price, delta, gamma] = self.tree(vol);
        let (r, s) = (self.rate, self.spot);
        let theta = r * price - (r - self.yield_) * s * delta - 0.5 * vol * vol * s * s * gamma;
        let vega = (self.tree(vol + 0.01)[0] - self.tree(vol - 0.01)[0]) / 2.0;
        let at_rate = |rate: f64| Self { rate, ..self.clone() }.tree(vol)[0];
        let rho = at_rate(r + 0.005) - at_rate(r - 0.005);
        Valued { price, delta, gamma, theta: theta / 365.0, vega, rho }
    }

    /// Price, delta and gamma.
    fn tree(&self, vol: f64) -> [f64; 3] {
        const STEPS: f64 = 600.0;
        let widest = self.years / STEPS;
        let apart = vol * (3.0 * widest).sqrt();
        let nodes = (6.0 * vol * self.years.sqrt() / apart).ceil() as i32 + 40;
        let at: Vec<f64> = (-nodes..=nodes).map(|j| self.spot * (apart * f64::from(j)).exp()).collect();
        let mut values: Vec<f64> = at.iter().map(|s| self.exercise(*s).max(0.0)).collect();
        let mut end = self.years;
        for (ex_date, cash) in self.paid.iter().rev().copied().chain([(0.0, 0.0)]) {
            let steps = ((end - ex_date) / widest).ceil().max(1.0);
            for _ in 0..steps as usize {
                self.step(&mut values, &at, vol, (end - ex_date) / steps, apart);
            }
            end = ex_date;
            if cash > 0.0 {
                let after = values.clone();
                for (value, s) in values.iter_mut().zip(&at) {
                    *value = between(&at, &after, (s - cash).max(at[0])).max(self.exercise(*s));
                }
            }
        }
        let middle = nodes as usize;
        let (down, up) = (at[middle] - at[middle - 1], at[middle + 1] - at[middle]);
        let (below, above) = ((values[middle] - values[middle - 1]) / down, (values[middle + 1] - values[middle]) / up);
        let delta = (below * up + above * down) / (up + down);
        let gamma = 2.0 * (above - below) / (up + down);
        [values[middle], delta, gamma]
    }

    fn step(&self, values: &mut [f64], at: &[f64], vol: f64, time: f64, apart: f64) {
        let drift = (self.rate - self.yield_ - vol * vol / 2.0) * time;
        let spread = (vol * vol * time + drift * drift) / (apart * apart);
        let [up, down] = [drift / apart, -drift / apart].map(|lean| (spread + lean) / 2.0);
        let discount = (-self.rate * time).exp();
        let before = values.to_vec();
        for j in 1..before.len() - 1 {
            let held = discount * (up * before[j + 1] + (1.0 - spread) * before[j] + down * before[j - 1]);
            values[j] = held.max(self.exercise(at[j]));
        }
        for end in [0, at.len() - 1] {
            values[end] = self.exercise(at[end]).max(0.0);
        }
    }
}

/// On the cubic through the four nodes around `x` (Lagrange): a straight line would lie above values that are convex.
fn between(at: &[f64], values: &[f64], x: f64) -> f64 {
    let first = at.partition_point(|s| *s < x).clamp(2, at.len() - 2) - 2;
    let around = first..first + 4;
    around
        .clone()
        .map(|i| values[i] * around.clone().filter(|j| *j != i).map(|j| (x - at[j]) / (at[i] - at[j])).product::<f64>())
        .sum()
}

/// The tree without dividends is the other tree, and with them a call deep in the money is exercised before the ex-date.
#[test]
fn the_tree_pays() {
    let of = |call: bool, strike: f64, paid: Vec<(f64, f64)>| Cash {
        call,
        spot: 100.0,
        strike,
        years: 0.25,
        rate: RATE,
        yield_: 0.02,
        paid,
    };
    for (call, strike) in [(true, 100.0), (false, 100.0), (false, 110.0), (true, 90.0)] {
        let Valued { price, delta, theta, .. } = of(call, strike, Vec::new()).valued(0.3);
        let other =
            super::american::Contract { call, spot: 100.0, strike, years: 0.25, rate: RATE, dividend_yield: 0.02 };
        let wanted = other.valued(0.3);
        assert!((price - wanted.price).abs() < 0.01 && (delta - wanted.delta).abs() < 2e-3, "{price} {wanted:?}");
        assert!((theta - other.theta(0.3)).abs() < 5e-4, "{theta} {}", other.theta(0.3));
    }
    let Valued { price, .. } = of(true, 60.0, vec![(0.001, 5.0)]).valued(0.3);
    assert!((price - 40.0).abs() < 0.05, "{price}");
}
