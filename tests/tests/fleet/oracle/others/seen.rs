//! One ticker as every strategy of the oracle sees it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::Value;

use super::past::Known;
use crate::oracle::bodies::{Chain, Chart, Day, Row};
use crate::oracle::compare::Asked;
use crate::oracle::gates::{Gated, Quoted, Ticks, Told};
use crate::oracle::indicators::{median, sma};
use crate::oracle::metrics::{self, Underlying};
use crate::oracle::parity::Parity;
use crate::oracle::strategy::{Bars, closed_days, last_closed_session, order, sessions_missed};
use crate::oracle::{calendar, cash};

/// What fires, by symbol.
pub type Firing = BTreeMap<String, Found>;

/// Where it is entered and left, and what that is worth.
#[derive(Debug, Clone, Copy, Default)]
pub struct Found {
    pub entry: f64,
    pub target: f64,
    pub stop: f64,
    pub net_pct: f64,
    pub score: f64,
}

pub struct Seen<'a> {
    pub chain: &'a Chain,
    pub body: &'a Value,
    pub as_of: Timestamp,
    pub parity: Parity,
    pub ticks: Ticks,
    pub gated: Vec<Gated>,
    pub bars: &'a Asked<'a>,
    pub told: Told<'a>,
    pub past: &'a Known,
}

/// A contract's own days with coverage.
pub struct Own {
    pub days: Vec<Day>,
    pub closes: Vec<f64>,
    /// The last day's volume over the usual one.
    pub relative_volume: f64,
}

/// Points for a share, held to the whole.
pub fn part(points: f64, share: f64) -> f64 {
    points * share.clamp(0.0, 1.0)
}

/// Of mid, fraction.
pub fn spread(row: &Row) -> f64 {
    (row.ask - row.bid) / mid(row)
}

pub fn mid(row: &Row) -> f64 {
    (row.bid + row.ask) / 2.0
}

impl Seen<'_> {
    pub fn quoted(&self) -> Quoted<'_> {
        let Self { chain, parity, as_of, ticks, told, .. } = self;
        Quoted { chain, parity, as_of: *as_of, ticks: *ticks, told: *told }
    }

    pub fn today(&self) -> Date {
        calendar::new_york_date(self.as_of)
    }

    pub fn days_to(&self, row: &Row) -> f64 {
        f64::from(calendar::days_to(self.as_of, row.expiration))
    }

    /// What its chain, its bars and its history come to.
    pub fn numbers(&self, chart: Option<&Chart>) -> Underlying {
        metrics::underlying(self.quoted(), &self.parity, chart).after(&self.past.sessions)
    }

    /// Contracts past the gates with days to expiration and the absolute delta in these ranges, most traded first.
    pub fn eligible(&self, call: Option<bool>, dte: (i32, i32), delta: (f64, f64)) -> Vec<&Row> {
        let fits = |at: &usize| {
            let (row, gated) = (&self.chain.rows[*at], &self.gated[*at]);
            gated.stopped.is_none()
                && call.is_none_or(|call| row.call == call)
                && (dte.0..=dte.1).contains(&calendar::days_to(self.as_of, row.expiration))
                && gated.delta.is_some_and(|d| (delta.0..=delta.1).contains(&d.abs()))
        };
        let places = (0..self.chain.rows.len()).filter(fits);
        let mut out: Vec<&Row> = places.map(|at| &self.chain.rows[at]).collect();
        out.sort_by(|a, b| b.volume.total_cmp(&a.volume).then_with(|| order(a).cmp(&order(b))));
        out
    }

    /// Closed days of the underlying; none when they are old or too few to look at it at all.
    pub fn underlying(&self) -> Option<(Chart, Vec<Day>)> {
        let chart = self.bars.underlying();
        let days = closed_days(&chart, self.as_of);
        let fresh = days.last().is_some_and(|day| sessions_missed(day.date, self.as_of) <= 1);
        (fresh && days.len() >= 36).then_some((chart, days))
    }

    /// A contract's own days, where they cover enough.
    pub fn own(&self, row: &Row, underlying: &Chart) -> Option<Own> {
        let last_session = last_closed_session(self.as_of);
        let chart = self.bars.contract(&row.symbol);
        let split = underlying.last_split.max(chart.last_split).filter(|split| *split <= last_session);
        let days: Vec<Day> = closed_days(&chart, self.as_of)
            .into_iter()
            .filter(|day| day.volume > 0.0 && split.is_none_or(|split| day.date >= split))
            .collect();
        let from = calendar::sessions_before(last_session.tomorrow().expect("in range"), 20)[0];
        let window: Vec<f64> = days.iter().filter(|day| day.date >= from).map(|day| day.volume).collect();
        let usual = median(&window).filter(|usual| *usual >= 20.0)?;
        let last = days.last()?;
        let covered = days.len() >= 36 && window.len() >= 15 && sessions_missed(last.date, self.as_of) <= 1;
        let relative_volume = last.volume / usual;
        let closes = days.iter().map(|day| day.close).collect();
        covered.then_some(Own { days, closes, relative_volume })
    }

    /// Whether an ex-date of the underlying lies from one date to another, or may: nobody knows of one that paid within a year
    /// without a rhythm.
    pub fn pays(&self, chart: &Chart, from: Date, to: Date) -> bool {
        let (today, inside) = (self.today(), |day: &Date| from <= *day && *day <= to);
        let told = chart.dividends.iter().any(|(day, _)| inside(day));
        told || match cash::coming(chart, today, to) {
            Some(coming) => coming.iter().any(|(day, ..)| inside(day)),
            None => cash::paid_in_a_year(chart, today) > 0.0,
        }
    }

    fn round(&self, price: f64, down: bool) -> f64 {
        let tick = self.ticks.at(price);
        let steps = if down { (price / tick + 1e-9).floor() } else { (price / tick + 0.5 + 1e-9).floor() };
        (steps * tick * 10_000.0).round() / 10_000.0
    }

    /// Bought at bid + .4 of the spread, if what is left at the target after costs is 3 % or more.
    pub fn bought(&self, row: &Row, target: f64, stop: f64) -> Option<Found> {
        self.bought_at(row, self.round(row.bid + 0.4 * (row.ask - row.bid), false), target, stop)
    }

    /// Bought at mid, down to a tick.
    pub fn bought_at_mid(&self, row: &Row, target: f64, stop: f64) -> Option<Found> {
        self.bought_at(row, self.round(mid(row), true), target, stop)
    }

    fn bought_at(&self, row: &Row, entry: f64, target: f64, stop: f64) -> Option<Found> {
        let (target, stop) = (self.round(entry * target, true), self.round(entry * stop, false));
        let slip = 0.75 * (row.ask - row.bid) / 2.0;
        let paid = mid(row) + slip;
        let net_pct = 100.0 * (target - slip - paid - 0.013) / paid;
        (net_pct >= 3.0).then_some(Found { entry, target, stop, net_pct, score: 0.0 })
    }

    /// Sold at the bid and bought back with a share of the credit left, or at a multiple of it.
    pub fn sold(&self, row: &Row, left: f64, stop: f64) -> Option<Found> {
        let (entry, slip) = (self.round(row.bid, false), 0.75 * (row.ask - row.bid) / 2.0);
        let (target, stop) = (self.round(entry * left, true), self.round(entry * stop, false));
        let received = mid(row) - slip;
        let net_pct = 100.0 * (received - (target + slip) - 0.013) / received;
        (net_pct >= 3.0).then_some(Found { entry, target, stop, net_pct, score: 0.0 })
    }
}

pub fn last_close_over(days: &[Day], sessions: usize) -> Option<f64> {
    let closes: Vec<f64> = days.iter().map(|day| day.close).collect();
    Some(closes.last()? / sma(&closes, sessions).pop().flatten()?)
}
