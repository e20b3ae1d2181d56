//! The exchange's calendar: NYSE sessions, New York time, and when options close, expire and settle.
//!
//! It exists because none of the public calendars we looked at is right for options. Promises: the years 2000 to 2035,
//! by the exchange's rules and a list of what followed none; every answer is a look-up without allocation, because
//! settlement is asked for each contract. Refuses to guess: what lies outside is `None` where it is asked for, and no
//! session, expiration or settlement is known there.
//!
//! Reading order: [`rules`](Closure), [`day`] (the table), [`Session`], [`at_new_york`], [`settlement_instant`],
//! [`expirations`], [`OptionHours`], [`missing`].

mod rules;
mod table;

mod days;
mod expected_bars;
mod expirations;
mod new_york;
mod option_hours;
mod sessions;
mod settlement;

#[cfg(test)]
mod tests;

use jiff::civil::Date;

pub use days::{days_until, dte};
pub use expected_bars::missing;
pub use expirations::{Cycle, Expiration, expirations, monthly_expiration};
pub use new_york::{at_new_york, exchange_date, new_york_text};
pub use option_hours::OptionHours;
pub use rules::Closure;
pub use sessions::{
    Session, close_of, is_early_close, is_session, next_open, next_session, previous_session, session, session_at,
    session_date, session_on_or_before, sessions, sessions_back, sessions_between,
};
pub use settlement::{
    is_standard_monthly, last_trading_session, settlement, settlement_instant, settlement_session, years_to_settlement,
};
pub use table::{Day, FIRST, LAST, day};

/// A date the calendar does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} is outside the calendar, which knows {FIRST} to {LAST}")]
pub struct OutsideCalendar(pub Date);

/// Refuses a date outside the calendar.
pub fn known(date: Date) -> Result<Date, OutsideCalendar> {
    if (FIRST..=LAST).contains(&date) { Ok(date) } else { Err(OutsideCalendar(date)) }
}

/// Why a date has no session: `None` for a session, and outside the calendar.
#[must_use]
pub fn closure(date: Date) -> Option<Closure> {
    known(date).ok()?;
    let weekday = date.weekday().to_monday_zero_offset().into();
    rules::closure(rules::Civil {
        year: date.year().into(),
        month: date.month().into(),
        day: date.day().into(),
        weekday,
    })
}
