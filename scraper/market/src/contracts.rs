//! Which option contracts exist: expirations and strikes as an exchange lists them.
//!
//! Five weeklies (Fridays, or the Thursday before a holiday), then monthlies (third Fridays) out to about 300 days.
//! A weekly is listed seven weeks before it expires, a monthly 400 days before. Strikes lie on a grid around the
//! profile's anchor, wider for monthlies, and do not move as the clock advances.

use fleet_core::domain::calendar;
use fleet_core::domain::{OccSymbol, OptionKind, Root, Strike};
use jiff::civil::{Date, Weekday};
use jiff::{Timestamp, ToSpan};

use crate::draw;
use crate::faults::Fault;
use crate::listing::Profile;

/// Weeklies listed at a time.
const WEEKLIES: usize = 5;
/// Calendar days to the last monthly, at most.
const LAST_MONTHLY_DAYS: i32 = 300;
/// Calendar days a monthly is listed before it expires.
const MONTHLY_LISTED_DAYS: i32 = 400;
/// Calendar days a weekly is listed before it expires.
const WEEKLY_LISTED_DAYS: i32 = 49;
/// HUGE: 20 expirations × 250 strikes × 2 kinds = 10,000.
const HUGE_WEEKLIES: usize = 20;
const HUGE_STRIKES: u32 = 250;

/// A listed contract.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Contract {
    pub symbol: OccSymbol,
    /// Its draws are made under this key.
    pub key: u64,
    /// First date it could trade.
    pub listed: Date,
    /// When it settles, kept because every price needs it.
    pub settles: Timestamp,
}

/// Expirations on the list on a date, ascending.
pub(crate) fn expirations(profile: &Profile, today: Date) -> Vec<Date> {
    match profile.fault {
        Some(Fault::Empty | Fault::Gone) => Vec::new(),
        Some(Fault::Expir) => vec![today],
        Some(Fault::Huge) => fridays(today).take(HUGE_WEEKLIES).collect(),
        Some(_) | None => {
            let mut days: Vec<Date> = fridays(today).take(WEEKLIES).collect();
            let last = today.saturating_add(LAST_MONTHLY_DAYS.days());
            days.extend(fridays(today).skip(WEEKLIES).take_while(|d| *d <= last).filter(|d| is_monthly(*d)));
            days
        }
    }
}

/// Option Fridays from a date on: Thursdays where the exchange is closed on Friday.
fn fridays(today: Date) -> impl Iterator<Item = Date> {
    // A year of weeks bounds every list made of it.
    (0..53_i32).filter_map(move |week| {
        let ahead = (i32::from(Weekday::Friday.to_monday_zero_offset())
            - i32::from(today.weekday().to_monday_zero_offset()))
        .rem_euclid(7);
        let friday = today.saturating_add((ahead + 7 * week).days());
        let day = calendar::session_on_or_before(friday)?;
        (day >= today).then_some(day)
    })
}

/// A third Friday, or the session before it when that is a holiday.
fn is_monthly(day: Date) -> bool {
    let friday = if day.weekday() == Weekday::Thursday { day.saturating_add(1.day()) } else { day };
    friday.weekday() == Weekday::Friday && (15..=21).contains(&friday.day())
}

/// The strikes of one expiration in thousandths, ascending.
fn strikes(profile: &Profile, expiration: Date) -> Vec<u32> {
    let step = step(profile.anchor);
    let around = (profile.anchor * 1000.0 / f64::from(step)).round() as u32;
    let reach = match profile.fault {
        Some(Fault::Huge) => {
            let lowest = (profile.anchor as u32).saturating_sub(HUGE_STRIKES / 2);
            return (0..HUGE_STRIKES).map(|n| (lowest + n) * 1000).collect();
        }
        _ if is_monthly(expiration) => 13,
        _ => 8,
    };
    (around.saturating_sub(reach).max(1)..=around + reach).map(|n| n * step).collect()
}

/// Distance between strikes in thousandths: what exchanges use near this price, about a fortieth of it.
fn step(anchor: f64) -> u32 {
    match anchor {
        a if a < 30.0 => 500,
        a if a < 70.0 => 1000,
        a if a < 150.0 => 2500,
        a if a < 300.0 => 5000,
        _ => 10_000,
    }
}

/// What the contracts of one expiration share.
struct Expiration {
    date: Date,
    listed: Date,
    settles: Timestamp,
}

impl Expiration {
    fn new(date: Date) -> Self {
        let days = if is_monthly(date) { MONTHLY_LISTED_DAYS } else { WEEKLY_LISTED_DAYS };
        let close = calendar::session(date).map_or_else(|| calendar::at_new_york(date, 16, 0, 0), |s| s.close);
        Self { date, listed: date.saturating_sub(days.days()), settles: close }
    }

    fn contract(&self, profile: &Profile, kind: OptionKind, strike: Strike) -> Contract {
        let symbol = OccSymbol { root: profile.root, expiration: self.date, kind, strike };
        let day = (i64::from(self.date.year()) * 12 + i64::from(self.date.month())) * 31 + i64::from(self.date.day());
        let side = u64::from(kind == OptionKind::Put);
        let word = (day.unsigned_abs() << 32) | (u64::from(strike.thousandths()) << 1) | side;
        Contract { symbol, key: draw::mix(profile.key, word), listed: self.listed, settles: self.settles }
    }
}

/// The contracts of one expiration, by strike, call before put.
pub(crate) fn of_expiration(profile: &Profile, expiration: Date) -> Vec<Contract> {
    let shared = Expiration::new(expiration);
    strikes(profile, expiration)
        .into_iter()
        .filter_map(Strike::from_thousandths)
        .flat_map(|strike| [OptionKind::Call, OptionKind::Put].map(|kind| shared.contract(profile, kind, strike)))
        .collect()
}

/// The listed contract with this symbol, if there is one on that date. Expired ones are gone. The adjusted root of
/// SPLIT has the contracts of the ordinary one.
pub(crate) fn find(profile: &Profile, symbol: &OccSymbol, today: Date) -> Option<Contract> {
    let known = expirations(profile, today).contains(&symbol.expiration)
        && (symbol.root == profile.root || adjusted(profile) == Some(symbol.root))
        && strikes(profile, symbol.expiration).contains(&symbol.strike.thousandths());
    known.then(|| Expiration::new(symbol.expiration).contract(profile, symbol.kind, symbol.strike))
}

/// The root of adjusted contracts, where there are any.
pub(crate) fn adjusted(profile: &Profile) -> Option<Root> {
    match profile.fault {
        Some(Fault::Split) => Root::parse("SPLIT1"),
        Some(_) | None => None,
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::listing::{Faults, listing};

    #[test]
    fn expirations_are_weekly_then_monthly() {
        let days = expirations(&listing(1, 1, Faults::None)[0], date(2026, 11, 20));
        assert_eq!(
            days[..5],
            [date(2026, 11, 20), date(2026, 11, 27), date(2026, 12, 4), date(2026, 12, 11), date(2026, 12, 18)]
        );
        assert_eq!(days[5], date(2027, 1, 15));
        assert!(days.contains(&date(2027, 6, 17)), "Juneteenth moves it to Thursday");
        assert!(days.iter().all(|d| calendar::is_session(*d)));
        assert!(days.is_sorted());
    }

    #[test]
    fn a_contract_stays_listed_until_it_expires() {
        let profile = &listing(1, 1, Faults::None)[0];
        let mut day = date(2026, 11, 20);
        let mut before = expirations(profile, day);
        for _ in 0..40 {
            day = day.saturating_add(1.day());
            let now = expirations(profile, day);
            assert!(before.iter().all(|d| *d < day || now.contains(d)), "something vanished on {day}");
            before = now;
        }
    }

    #[test]
    fn chains_have_a_realistic_size() {
        for profile in listing(1, 60, Faults::Added) {
            let today = date(2026, 11, 20);
            let n: usize = expirations(&profile, today).iter().map(|d| of_expiration(&profile, *d).len()).sum();
            match profile.fault {
                Some(Fault::Huge) => assert_eq!(n, 10_000),
                Some(Fault::Empty | Fault::Gone) => assert_eq!(n, 0),
                Some(Fault::Expir) => assert!(n > 0),
                _ => assert!((300..=800).contains(&n), "{}: {n}", profile.ticker),
            }
        }
    }

    #[test]
    fn symbols_are_found_and_strangers_are_not() {
        let profile = &listing(1, 1, Faults::None)[0];
        let today = date(2026, 11, 20);
        let one = of_expiration(profile, date(2027, 3, 19))[5];
        assert_eq!(find(profile, &one.symbol, today).map(|c| c.key), Some(one.key));
        assert!(find(profile, &OccSymbol { expiration: date(2026, 11, 13), ..one.symbol }, today).is_none());
        assert!(
            find(profile, &OccSymbol { strike: Strike::from_thousandths(1).unwrap(), ..one.symbol }, today).is_none()
        );
    }
}
