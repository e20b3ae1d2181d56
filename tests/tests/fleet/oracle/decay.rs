//! The oracle's decay-adjusted closes (ANALYTICS 2.1, RULES 5): what the days took of a contract's closes, given back.

use super::bodies::{Day, Row};
use super::calendar;
use super::gates::Ticks;
use super::indicators::median;
use super::maths::{black, implied_vol};
use super::parity::{Group, RATE};

/// A contract and what its prices are computed with.
#[derive(Debug, Clone, Copy)]
pub struct Decaying<'a> {
    pub row: &'a Row,
    pub group: Group,
    /// The volatility of now.
    pub iv: f64,
    pub ticks: Ticks,
}

impl Decaying<'_> {
    /// P* of every traded day; `None` where the underlying has no close of one, or the settlement was.
    pub fn closes(&self, days: &[Day], underlying: &[Day]) -> Option<Vec<f64>> {
        let mut spots = Vec::new();
        let mut times = Vec::new();
        for day in days {
            spots.push(underlying.iter().find(|of| of.date == day.date)?.close);
            times.push(calendar::years_to(calendar::close(day.date)?, &self.row.root, self.row.expiration)?);
        }
        let mut adjusted = vec![days.first()?.close];
        for k in 1..days.len() {
            let voters = k.saturating_sub(5)..k;
            let votes: Vec<f64> = voters.filter_map(|j| self.implied(days[j].close, spots[j], times[j])).collect();
            let vol = median(&votes).unwrap_or(self.iv).max(0.5 * self.iv).min(2.0 * self.iv);
            let worth = |years: f64| self.price(spots[k - 1], years, vol);
            let decay = (worth(times[k - 1]) - worth(times[k])).max(0.0);
            adjusted.push(adjusted[k - 1] + (days[k].close - days[k - 1].close) + decay);
        }
        Some(adjusted)
    }

    /// What a close implies, where a tick of it or more is time value.
    fn implied(&self, close: f64, spot: f64, years: f64) -> Option<f64> {
        let forward = self.forward(spot, years);
        let discount = (-RATE * years).exp();
        let exercised = if self.row.call { forward - self.row.strike } else { self.row.strike - forward };
        let time_value = close - (discount * exercised).max(0.0);
        (time_value >= self.ticks.at(close))
            .then(|| implied_vol(self.row.call, close, forward, self.row.strike, years, RATE))?
    }

    fn price(&self, spot: f64, years: f64, vol: f64) -> f64 {
        black(self.row.call, self.forward(spot, years), self.row.strike, years, RATE, vol)
    }

    /// The forward of another day, at the yield of now.
    fn forward(&self, spot: f64, years: f64) -> f64 {
        spot * ((RATE - self.group.dividend_yield) * years).exp()
    }
}
