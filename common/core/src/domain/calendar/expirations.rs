//! Which expirations exchanges list, by rule: standard monthlies, weeklies, the S&P 500's dailies, VIX.
//!
//! It answers "what expires when, and how", for people and for whoever makes a market. Which of them one underlying has
//! is for its chain to say. Promises: no expiration whose session or settlement lies outside the calendar. Refuses what
//! no rule gives: quarterlies, listings for the month's end, and the years before a cycle was common (weeklies before
//! 2011, VIX before 2006, VIX weeklies before 2016, S&P 500 dailies before 12 May 2022).

use jiff::ToSpan;
use jiff::civil::{Date, Weekday, date};

use super::sessions::{is_session, session_on_or_before};
use super::settlement::{settlement_instant, settlement_session};
use super::table::{Day, LAST, day as day_of};
use crate::domain::contract::{OptionKind, Settlement, Strike};
use crate::domain::occ::{OccSymbol, Root};

/// A family of expirations that share dates and settlement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cycle {
    /// Third Friday, settled at the close: equities, funds, and the indices that settle there.
    Monthly,
    /// Third Friday, settled at the open: DJX, NDX, RUT, SPX.
    IndexMonthly,
    /// The other Fridays, settled at the close: the most traded equities and funds, NDXP, RUTW.
    Weekly,
    /// Every session, settled at the close: SPXW.
    IndexDaily,
    /// VIX: settled at the open, 30 days before the third Friday of the month after.
    Vix,
    /// VIXW: settled at the open, 30 days before the other Fridays.
    VixWeekly,
}

impl Cycle {
    /// Every cycle.
    pub const ALL: [Self; 6] =
        [Self::Monthly, Self::IndexMonthly, Self::Weekly, Self::IndexDaily, Self::Vix, Self::VixWeekly];

    /// Its word in outputs.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Monthly => "monthly",
            Self::IndexMonthly => "index_monthly",
            Self::Weekly => "weekly",
            Self::IndexDaily => "index_daily",
            Self::Vix => "vix",
            Self::VixWeekly => "vix_weekly",
        }
    }

    /// Roots that have it, for people.
    #[must_use]
    pub const fn roots(self) -> &'static str {
        match self {
            Self::Monthly => "equities, funds, OEX, XEO",
            Self::IndexMonthly => "DJX, NDX, RUT, SPX",
            Self::Weekly => "most traded equities and funds, NDXP, RUTW",
            Self::IndexDaily => "SPXW",
            Self::Vix => "VIX",
            Self::VixWeekly => "VIXW",
        }
    }

    /// One root that has it.
    const fn sample(self) -> &'static str {
        match self {
            Self::Monthly | Self::Weekly => "SPY",
            Self::IndexMonthly => "SPX",
            Self::IndexDaily => "SPXW",
            Self::Vix => "VIX",
            Self::VixWeekly => "VIXW",
        }
    }

    /// The first date it is told for.
    const fn begins(self) -> Date {
        match self {
            Self::Monthly | Self::IndexMonthly => super::FIRST,
            Self::Weekly => date(2011, 1, 1),
            Self::IndexDaily => date(2022, 5, 12),
            Self::Vix => date(2006, 3, 1),
            Self::VixWeekly => date(2016, 1, 1),
        }
    }

    fn holds(self, day: Date) -> bool {
        day >= self.begins()
            && match self {
                Self::Monthly | Self::IndexMonthly => third_friday(day).and_then(standard_monthly) == Some(day),
                Self::Weekly => friday_of(day).is_some_and(|friday| {
                    third_friday(friday) != Some(friday) && session_on_or_before(friday) == Some(day)
                }),
                Self::IndexDaily => is_session(day),
                Self::Vix => vix_friday(day).is_some_and(|friday| third_friday(friday) == Some(friday)),
                Self::VixWeekly => vix_friday(day).is_some_and(|friday| third_friday(friday) != Some(friday)),
            }
    }
}

/// One expiration of one cycle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expiration {
    /// The date in OCC symbols.
    pub date: Date,
    /// Whose it is.
    pub cycle: Cycle,
    /// Which price settles it.
    pub settlement: Settlement,
    /// The last session its contracts trade in.
    pub last_session: Date,
    /// When it settles.
    pub settles: jiff::Timestamp,
}

/// The OCC date of a month's standard monthly contracts: the third Friday, the session before where that is a holiday;
/// until January 2015 the Saturday after it. `None` outside the calendar.
#[must_use]
pub fn monthly_expiration(year: i16, month: i8) -> Option<Date> {
    standard_monthly(Date::new(year, month, 1).ok()?.nth_weekday_of_month(3, Weekday::Friday).ok()?)
}

/// What expires from one date to another, both included: by date, then cycle. Of dates outside the calendar nothing is
/// told.
pub fn expirations(from: Date, to: Date) -> impl Iterator<Item = Expiration> {
    let first = from.max(super::FIRST);
    let last = to.min(LAST);
    let days = std::iter::successors(Some(first), |day| day.tomorrow().ok()).take_while(move |day| *day <= last);
    days.flat_map(|day| Cycle::ALL.into_iter().filter(move |cycle| cycle.holds(day)).filter_map(move |c| of(c, day)))
}

fn of(cycle: Cycle, day: Date) -> Option<Expiration> {
    // Any contract of the cycle tells: kind and strike play no part in its settlement.
    let symbol = OccSymbol {
        root: Root::parse(cycle.sample())?,
        expiration: day,
        kind: OptionKind::Call,
        strike: Strike::from_thousandths(1000)?,
    };
    Some(Expiration {
        date: day,
        cycle,
        settlement: symbol.settlement(),
        last_session: super::last_trading_session(&symbol)?,
        settles: settlement_instant(&symbol)?,
    })
}

/// The first month whose standard contracts carry a weekday.
const FRIDAYS_SINCE: Date = date(2015, 2, 1);

fn standard_monthly(third_friday: Date) -> Option<Date> {
    if third_friday < FRIDAYS_SINCE {
        // The session that settles it must be known, too.
        settlement_session(third_friday)?;
        return third_friday.tomorrow().ok();
    }
    session_on_or_before(third_friday)
}

fn third_friday(of_month: Date) -> Option<Date> {
    of_month.first_of_month().nth_weekday_of_month(3, Weekday::Friday).ok()
}

/// The Friday of a date's week, where a weekly of that Friday could carry the date: itself, or Thursday before a
/// holiday.
fn friday_of(day: Date) -> Option<Date> {
    match day.weekday() {
        Weekday::Friday => Some(day),
        Weekday::Thursday => day.tomorrow().ok().filter(|friday| day_of(*friday) == Some(Day::Closed)),
        Weekday::Monday | Weekday::Tuesday | Weekday::Wednesday | Weekday::Saturday | Weekday::Sunday => None,
    }
}

/// The Friday whose S&P 500 options a VIX contract of this date is about: VIX expires 30 days before they do, or the
/// session before where the exchange is closed then.
fn vix_friday(day: Date) -> Option<Date> {
    if !is_session(day) {
        return None;
    }
    // Fridays 30 to 32 days ahead: later by one where that Friday is a holiday, and by one where day 30 was.
    (30..=32).find_map(|ahead| {
        let friday = day.checked_add(ahead.days()).ok().filter(|date| date.weekday() == Weekday::Friday)?;
        let due = session_on_or_before(friday)?.checked_sub(30.days()).ok()?;
        (session_on_or_before(due) == Some(day)).then_some(friday)
    })
}

#[cfg(test)]
mod tests {
    use super::super::{new_york_text, previous_session};
    use super::*;

    /// What expires on a date: cycle, settlement, last session, New York time of settlement.
    #[track_caller]
    fn check(day: Date, expected: &[(Cycle, Settlement, Date, &str)]) {
        let found: Vec<_> =
            expirations(day, day).map(|e| (e.cycle, e.settlement, e.last_session, new_york_text(e.settles))).collect();
        let expected: Vec<_> = expected.iter().map(|(c, s, last, at)| (*c, *s, *last, (*at).to_owned())).collect();
        assert_eq!(found, expected, "{day}");
    }

    #[test]
    fn third_fridays_move_before_holidays() {
        use Cycle::{IndexDaily, IndexMonthly, Monthly};
        use Settlement::{Am, Pm};
        for (thursday, before, friday) in [
            (date(2026, 6, 18), date(2026, 6, 17), date(2026, 6, 19)),
            (date(2027, 6, 17), date(2027, 6, 16), date(2027, 6, 18)),
            (date(2025, 4, 17), date(2025, 4, 16), date(2025, 4, 18)),
        ] {
            let (close, open) = (format!("{thursday} 16:00"), format!("{thursday} 09:30"));
            let monthly = [
                (Monthly, Pm, thursday, &*close),
                (IndexMonthly, Am, before, &*open),
                (IndexDaily, Pm, thursday, &*close),
            ];
            check(thursday, &monthly);
            check(friday, &[]);
            assert_eq!(monthly_expiration(thursday.year(), thursday.month()), Some(thursday));
        }
        assert_eq!(monthly_expiration(2026, 12), Some(date(2026, 12, 18)));
    }

    #[test]
    fn before_2015_monthlies_carry_a_saturday() {
        use Settlement::{Am, Pm};
        let expected = [
            (Cycle::Monthly, Pm, date(2015, 1, 16), "2015-01-16 16:00"),
            (Cycle::IndexMonthly, Am, date(2015, 1, 15), "2015-01-16 09:30"),
        ];
        check(date(2015, 1, 17), &expected);
        check(date(2015, 1, 16), &[]);
        // Good Friday was the third Friday: both moved to Thursday, the date did not.
        let moved = [
            (Cycle::Monthly, Pm, date(2008, 3, 20), "2008-03-20 16:00"),
            (Cycle::IndexMonthly, Am, date(2008, 3, 19), "2008-03-20 09:30"),
        ];
        check(date(2008, 3, 22), &moved);
        let first_friday = expirations(date(2015, 2, 1), date(2015, 3, 1)).find(|e| e.cycle == Cycle::Monthly);
        assert_eq!(first_friday.map(|e| e.date), Some(date(2015, 2, 20)));
    }

    #[test]
    fn weeklies_are_the_other_fridays() {
        let weeklies: Vec<Date> = expirations(date(2026, 6, 20), date(2026, 7, 31))
            .filter(|e| e.cycle == Cycle::Weekly)
            .map(|e| e.date)
            .collect();
        // 3 July is Independence Day's holiday, 17 July a third Friday.
        let expected = [date(2026, 6, 26), date(2026, 7, 2), date(2026, 7, 10), date(2026, 7, 24), date(2026, 7, 31)];
        assert_eq!(weeklies, expected);
        let close = |day| expirations(day, day).find(|e| e.cycle == Cycle::Weekly).map(|e| new_york_text(e.settles));
        assert_eq!(close(date(2026, 11, 27)).as_deref(), Some("2026-11-27 13:00"), "a half day");
    }

    #[test]
    fn vix_expires_thirty_days_before_the_third_friday() {
        let of = |year| -> Vec<String> {
            let all = expirations(date(year, 1, 1), date(year, 12, 31));
            all.filter(|e| e.cycle == Cycle::Vix).map(|e| e.date.strftime("%m-%d").to_string()).collect()
        };
        // The exchange's list of 2024; 19 June is a holiday.
        let days_2024 = [
            "01-17", "02-14", "03-20", "04-17", "05-22", "06-18", "07-17", "08-21", "09-18", "10-16", "11-20", "12-18",
        ];
        assert_eq!(of(2024), days_2024);
        // 30 days before 18 April 2014, Good Friday, less one.
        assert_eq!(of(2014)[2], "03-18");
        for expiration in expirations(date(2026, 1, 1), date(2027, 12, 31)).filter(|e| e.cycle >= Cycle::Vix) {
            assert_eq!(expiration.settlement, Settlement::Am);
            assert_eq!(previous_session(expiration.date), Some(expiration.last_session));
        }
    }

    #[test]
    fn every_month_has_one_of_each_and_none_lies_outside() {
        let all: Vec<Expiration> = expirations(Date::MIN, Date::MAX).collect();
        let of = |cycle| all.iter().filter(|e| e.cycle == cycle).count();
        assert_eq!((of(Cycle::Monthly), of(Cycle::IndexMonthly)), (36 * 12, 36 * 12));
        assert!(all.iter().all(|e| is_session(e.last_session)), "a last session that is none");
        assert_eq!(expirations(date(2036, 1, 1), date(2036, 12, 31)).count(), 0);
        assert_eq!(monthly_expiration(2036, 1), None);
        assert_eq!(monthly_expiration(1999, 12), None);
    }
}
