//! What the premium of a short option earns on what it binds, at the bid: the price that can be had.
//!
//! Promises: simple annualisation, × 365/DTE on net collateral, not compounded (3 % in a month are 36 % a year; programs
//! that use 252/DTE, or the strike, show other figures); percent. Refuses, as `None`: entries of another position, and
//! annual figures below 5 days, where a few cents become hundreds of percent.

use super::position::{Entry, Position};
use super::{DAYS, finite};

/// Below this nothing is annualised, calendar days.
const LEAST_DTE: i32 = 5;

/// Yields of a cash-secured put, percent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PutYield {
    /// 100·bid/(K − bid): on net collateral.
    pub roc_pct: f64,
    /// That a year. `None` below 5 days.
    pub annual_pct: Option<f64>,
    /// 100·bid/K, a year: on the strike. `None` below 5 days.
    pub annual_on_strike_pct: Option<f64>,
    /// 100·bid/K.
    pub on_strike_pct: f64,
}

/// Yields of a covered call, percent of S − bid.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CallYield {
    /// 100·bid/(S − bid): the share stays where it is.
    pub static_pct: f64,
    /// That a year. `None` below 5 days.
    pub static_annual_pct: Option<f64>,
    /// 100·(K − S + bid)/(S − bid): the share is called away. Negative where that is a loss.
    pub if_called_pct: f64,
    /// That a year. `None` below 5 days.
    pub if_called_annual_pct: Option<f64>,
}

fn a_year(pct: f64, dte: i32) -> Option<f64> {
    if dte < LEAST_DTE { None } else { finite(pct * DAYS / f64::from(dte)) }
}

impl PutYield {
    /// Of a cash-secured put with so many calendar days left. `None` for another position, or a bid of the strike or more.
    #[must_use]
    pub fn of(entry: &Entry, dte: i32) -> Option<Self> {
        if entry.position != Position::CashSecuredPut {
            return None;
        }
        let roc_pct = finite(100.0 * entry.price / entry.net_cost()?)?;
        let on_strike_pct = 100.0 * entry.price / entry.strike;
        Some(Self {
            roc_pct,
            annual_pct: a_year(roc_pct, dte),
            annual_on_strike_pct: a_year(on_strike_pct, dte),
            on_strike_pct,
        })
    }
}

impl CallYield {
    /// Of a covered call with so many calendar days left. `None` for another position, or a bid of the spot or more.
    #[must_use]
    pub fn of(entry: &Entry, dte: i32) -> Option<Self> {
        if entry.position != Position::CoveredCall {
            return None;
        }
        let cost = entry.net_cost()?;
        let static_pct = finite(100.0 * entry.price / cost)?;
        let if_called_pct = finite(100.0 * (entry.strike - cost) / cost)?;
        Some(Self {
            static_pct,
            static_annual_pct: a_year(static_pct, dte),
            if_called_pct,
            if_called_annual_pct: a_year(if_called_pct, dte),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::check::near;

    const PUT: Entry = Entry { position: Position::CashSecuredPut, spot: 100.0, strike: 95.0, price: 1.85 };
    const COVERED: Entry = Entry { position: Position::CoveredCall, spot: 100.0, strike: 105.0, price: 1.50 };

    #[test]
    fn the_golden_put() {
        let yields = PutYield::of(&PUT, 45).unwrap();
        near(Some(yields.roc_pct), 1.9860, 4);
        near(yields.annual_pct, 16.109, 3);
        near(yields.annual_on_strike_pct, 15.795, 3);
        // 1.85/95 = .0194737.
        near(Some(yields.on_strike_pct), 1.94737, 5);
    }

    #[test]
    fn the_golden_covered_call() {
        let yields = CallYield::of(&COVERED, 30).unwrap();
        near(Some(yields.static_pct), 1.5228, 4);
        near(yields.static_annual_pct, 18.53, 2);
        near(Some(yields.if_called_pct), 6.599, 3);
        near(yields.if_called_annual_pct, 80.29, 2);
        // Called away below what the share costs: (97 − 98.50)/98.50.
        near(CallYield::of(&Entry { strike: 97.0, ..COVERED }, 30).map(|y| y.if_called_pct), -1.522_843, 6);
    }

    #[test]
    fn three_percent_a_month_are_thirty_six_a_year() {
        // 3 on 100 net in 365/12 days; the nearest whole number of days is 30: 36.5.
        let yields = PutYield::of(&Entry { strike: 103.0, price: 3.0, ..PUT }, 30).unwrap();
        near(yields.annual_pct, 36.5, 9);
    }

    #[test]
    fn days_too_few_are_not_annualised() {
        let yields = PutYield::of(&PUT, 4).unwrap();
        assert_eq!((yields.annual_pct, yields.annual_on_strike_pct), (None, None));
        assert!(PutYield::of(&PUT, 5).unwrap().annual_pct.is_some());
        let yields = CallYield::of(&COVERED, -1).unwrap();
        assert_eq!((yields.static_annual_pct, yields.if_called_annual_pct), (None, None));
    }

    #[test]
    fn what_binds_nothing_yields_nothing() {
        assert_eq!(PutYield::of(&COVERED, 45), None);
        assert_eq!(CallYield::of(&PUT, 45), None);
        assert_eq!(PutYield::of(&Entry { price: 95.0, ..PUT }, 45), None);
        assert_eq!(CallYield::of(&Entry { price: f64::NAN, ..COVERED }, 45), None);
    }
}
