//! When an option contract settles, by which price, and how long that is from now.
//!
//! - The **settlement session** is the expiration's date, or the session before where the exchange is closed on it:
//!   standard monthlies carried the Saturday after the third Friday until January 2015.
//! - **PM** (everything but the next): at the session's close, 16:00 or 13:00. Options that are quoted until 16:15 settle
//!   at the close all the same.
//! - **AM**: at 09:30 of the settlement session; the contract last trades the session before. VIX always, and third-Friday
//!   contracts of DJX, NDX, RUT and SPX (their weeklies have other roots).
//!
//! Promises: a settlement outside the calendar is `None`. Source: the exchanges' product specifications.

use jiff::civil::{Date, Weekday};
use jiff::{SignedDuration, Timestamp};

use super::new_york::at_new_york;
use super::sessions::{close_of, previous_session, session_on_or_before};
use super::table::{Day, day as day_of};
use crate::domain::contract::Settlement;
use crate::domain::occ::{OccSymbol, Root};

/// Roots whose third-Friday contracts settle at the open.
const AM_MONTHLY_ROOTS: &[&str] = &["DJX", "NDX", "RUT", "SPX"];
/// Roots that always settle at the open.
const AM_ROOTS: &[&str] = &["VIX", "VIXW"];
/// Seconds of a year of 365 days.
const YEAR_SECS: f64 = 31_536_000.0;
/// No contract is treated as nearer to settlement than this.
const SHORTEST_SECS: f64 = 3600.0;

/// Which price settles contracts of a root that expire on a date.
#[must_use]
pub fn settlement(root: Root, expiration: Date) -> Settlement {
    let root = root.as_str();
    // Nearly all roots are no index's: texts first, dates only for the few.
    if AM_ROOTS.contains(&root) || (AM_MONTHLY_ROOTS.contains(&root) && is_standard_monthly(expiration)) {
        Settlement::Am
    } else {
        Settlement::Pm
    }
}

/// Whether an OCC date is a standard monthly expiration's: the third Friday, the Thursday before where that Friday is
/// known to be a holiday, or the Saturday after it (contracts listed before 2013).
#[must_use]
pub fn is_standard_monthly(expiration: Date) -> bool {
    let day = expiration.day();
    match expiration.weekday() {
        Weekday::Friday => (15..=21).contains(&day),
        Weekday::Thursday => {
            (14..=20).contains(&day) && expiration.tomorrow().is_ok_and(|friday| day_of(friday) == Some(Day::Closed))
        }
        Weekday::Saturday => (16..=22).contains(&day),
        Weekday::Monday | Weekday::Tuesday | Weekday::Wednesday | Weekday::Sunday => false,
    }
}

/// The session whose price settles contracts of an expiration: that date's, or the one before where the exchange is
/// closed; `None` outside the calendar.
#[must_use]
pub fn settlement_session(expiration: Date) -> Option<Date> {
    session_on_or_before(expiration)
}

/// The last session a contract trades in: the settlement session, for AM settlement the one before; `None` outside the
/// calendar.
#[must_use]
pub fn last_trading_session(symbol: &OccSymbol) -> Option<Date> {
    let session = settlement_session(symbol.expiration)?;
    match symbol.settlement() {
        Settlement::Am => previous_session(session),
        Settlement::Pm => Some(session),
    }
}

/// The instant a contract settles: 09:30 New York of the settlement session (AM) or that session's close (PM); `None`
/// where the calendar does not know it (expirations after 2035, and of the weekend before the first session of 2000).
#[must_use]
pub fn settlement_instant(symbol: &OccSymbol) -> Option<Timestamp> {
    let session = settlement_session(symbol.expiration)?;
    match symbol.settlement() {
        Settlement::Am => Some(at_new_york(session, 9, 30, 0)),
        Settlement::Pm => close_of(session),
    }
}

/// Years from `as_of` to settlement: calendar seconds / 31,536,000, at least one hour; `None` once it is past, and where
/// [`settlement_instant`] is.
#[must_use]
pub fn years_to_settlement(as_of: Timestamp, symbol: &OccSymbol) -> Option<f64> {
    let left: SignedDuration = settlement_instant(symbol)?.duration_since(as_of);
    (left > SignedDuration::ZERO).then(|| left.as_secs_f64().max(SHORTEST_SECS) / YEAR_SECS)
}
