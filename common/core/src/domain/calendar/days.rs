//! Whole calendar days between dates.

use jiff::Timestamp;
use jiff::civil::Date;

use super::new_york::exchange_date;

/// Whole calendar days from the exchange date of `as_of` to an expiration; negative once it is past.
#[must_use]
pub fn dte(as_of: Timestamp, expiration: Date) -> i32 {
    days_until(exchange_date(as_of), expiration)
}

/// Whole calendar days from one date to another; negative when it is past.
#[must_use]
pub fn days_until(from: Date, to: Date) -> i32 {
    number(to) - number(from)
}

fn number(day: Date) -> i32 {
    civil_days(day.year().into(), day.month().into(), day.day().into())
}

/// Days from 1970-01-01 (the proleptic Gregorian calendar; Hinnant, "chrono-compatible low-level date algorithms").
pub(super) const fn civil_days(year: i32, month: i32, day: i32) -> i32 {
    let year = year - (month <= 2) as i32;
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn days_are_those_of_the_library() {
        let start = date(1969, 12, 1);
        let mut day = start;
        for n in 0..50_000 {
            assert_eq!(days_until(start, day), n, "{day}");
            day = day.tomorrow().unwrap();
        }
        let year_0 = date(0, 2, 28);
        assert_eq!(days_until(year_0, date(-4, 3, 1)), year_0.until(date(-4, 3, 1)).unwrap().get_days());
    }
}
