//! New York's clock. The zone is compiled in; nothing is read from the system. It knows no sessions and holds for any
//! year.

use jiff::Timestamp;
use jiff::civil::{Date, time};
use jiff::tz::TimeZone;

fn new_york() -> TimeZone {
    static NEW_YORK: TimeZone = jiff::tz::get!("America/New_York");
    NEW_YORK.clone()
}

/// The date in New York at an instant.
#[must_use]
pub fn exchange_date(at: Timestamp) -> Date {
    // New York is four to five hours behind UTC, always: in these hours it has UTC's date, and no zone need be asked.
    if at.as_second().rem_euclid(86_400) >= 5 * 3600 {
        return TimeZone::UTC.to_datetime(at).date();
    }
    at.to_zoned(new_york()).date()
}

/// New York wall-clock text of an instant: `2026-11-20 10:05`.
#[must_use]
pub fn new_york_text(at: Timestamp) -> String {
    at.to_zoned(new_york()).strftime("%Y-%m-%d %H:%M").to_string()
}

/// The instant of a New York wall-clock time. A time that a clock change skips or repeats is resolved as RFC 5545
/// does; no session opens or closes at one.
#[must_use]
pub fn at_new_york(day: Date, hour: i8, minute: i8, second: i8) -> Timestamp {
    new_york()
        .to_ambiguous_timestamp(day.to_datetime(time(hour, minute, second, 0)))
        .compatible()
        .unwrap_or(if day.year() < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    #[test]
    fn dates_are_those_of_the_zone() {
        let mut at: Timestamp = "2026-03-07T00:00:00Z".parse().unwrap();
        for _ in 0..20_000 {
            assert_eq!(exchange_date(at), at.to_zoned(new_york()).date(), "{at}");
            at += SignedDuration::from_mins(37);
        }
    }
}
