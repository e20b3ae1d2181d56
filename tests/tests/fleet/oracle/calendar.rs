//! Sessions of the oracle: weekdays less a table of closures (2024 to 2029), and settlement instants.

use jiff::Timestamp;
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;

/// The exchange's clock.
pub static NEW_YORK: TimeZone = jiff::tz::get!("America/New_York");

/// Closures as `yyyymmdd`, from the exchange's published holidays.
const CLOSED: [i32; 60] = [
    20240101, 20240115, 20240219, 20240329, 20240527, 20240619, 20240704, 20240902, 20241128, 20241225, 20250101,
    20250109, 20250120, 20250217, 20250418, 20250526, 20250619, 20250704, 20250901, 20251127, 20251225, 20260101,
    20260119, 20260216, 20260403, 20260525, 20260619, 20260703, 20260907, 20261126, 20261225, 20270101, 20270118,
    20270215, 20270326, 20270531, 20270618, 20270705, 20270906, 20271125, 20271224, 20280117, 20280221, 20280414,
    20280529, 20280619, 20280704, 20280904, 20281123, 20281225, 20290101, 20290115, 20290219, 20290330, 20290528,
    20290619, 20290704, 20290903, 20291122, 20291225,
];

/// Sessions that close at 13:00.
const SHORT: [i32; 14] = [
    20240703, 20241129, 20241224, 20250703, 20251128, 20251224, 20261127, 20261224, 20271126, 20280703, 20281124,
    20290703, 20291123, 20291224,
];

fn number(day: Date) -> i32 {
    i32::from(day.year()) * 10_000 + i32::from(day.month()) * 100 + i32::from(day.day())
}

/// Whether the exchange is open that day.
pub fn is_session(day: Date) -> bool {
    !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday) && !CLOSED.contains(&number(day))
}

/// When a date's session closes, if it is one.
pub fn close(day: Date) -> Option<Timestamp> {
    is_session(day).then(|| new_york(day, if SHORT.contains(&number(day)) { 13 } else { 16 }, 0))
}

/// The last `n` sessions strictly before a date, oldest first.
pub fn sessions_before(day: Date, n: usize) -> Vec<Date> {
    let mut out = Vec::new();
    let mut at = day;
    while out.len() < n {
        at = at.yesterday().expect("in range");
        if is_session(at) {
            out.push(at);
        }
    }
    out.reverse();
    out
}

/// The date in New York.
pub fn new_york_date(at: Timestamp) -> Date {
    at.to_zoned(NEW_YORK.clone()).date()
}

/// The instant of a New York wall-clock time.
pub fn new_york(day: Date, hour: i8, minute: i8) -> Timestamp {
    day.at(hour, minute, 0, 0).to_zoned(NEW_YORK.clone()).expect("in range").timestamp()
}

/// Calendar days from the New York date of an instant to a date.
pub fn days_to(at: Timestamp, day: Date) -> i32 {
    (day - new_york_date(at)).get_days()
}

/// Years to settlement (calendar seconds of 365 days, an hour at least); `None` once it is past.
pub fn years_to(at: Timestamp, root: &str, expiration: Date) -> Option<f64> {
    let session = if is_session(expiration) { expiration } else { sessions_before(expiration, 1)[0] };
    let instant = if settles_at_the_open(root, expiration) {
        new_york(session, 9, 30)
    } else {
        close(session).expect("a session")
    };
    let seconds = instant.duration_since(at).as_secs_f64();
    (seconds > 0.0).then(|| seconds.max(3600.0) / 31_536_000.0)
}

fn settles_at_the_open(root: &str, expiration: Date) -> bool {
    // The third Friday of its month, told by how far the date is from it.
    let third = Date::new(expiration.year(), expiration.month(), 1)
        .and_then(|first| first.nth_weekday_of_month(3, Weekday::Friday))
        .expect("every month has one");
    let monthly = match (expiration - third).get_days() {
        -1 => !is_session(third),
        0 | 1 => true,
        _ => false,
    };
    matches!(root, "VIX" | "VIXW") || (matches!(root, "DJX" | "NDX" | "RUT" | "SPX") && monthly)
}

#[cfg(test)]
mod golden {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn sessions_skip_thanksgiving() {
        assert_eq!(
            sessions_before(date(2026, 11, 30), 3),
            [date(2026, 11, 24), date(2026, 11, 25), date(2026, 11, 27)]
        );
        let at = new_york(date(2026, 11, 20), 10, 0);
        assert_eq!(days_to(at, date(2026, 11, 27)), 7);
        // From 10:00 to 13:00 of a half day a week later.
        let years = years_to(at, "AAPL", date(2026, 11, 27)).unwrap();
        assert!((years * 365.0 - 7.125).abs() < 1e-12);
    }
    #[test]
    fn indices_settle_at_the_open_of_the_monthly_session() {
        let at = new_york(date(2026, 6, 15), 9, 30);
        let days = |root, expiration| years_to(at, root, expiration).unwrap() * 365.0;
        // Juneteenth is the third Friday.
        for (root, wanted) in [("SPX", 3.0), ("DJX", 3.0), ("SPXW", 3.0 + 6.5 / 24.0), ("AAPL", 3.0 + 6.5 / 24.0)] {
            assert!((days(root, date(2026, 6, 18)) - wanted).abs() < 1e-9, "{root}");
            assert!((days(root, date(2026, 6, 20)) - wanted).abs() < 1e-9, "{root} dated Saturday");
        }
        assert!((days("VIX", date(2026, 6, 17)) - 2.0).abs() < 1e-9);
        assert!((days("NDX", date(2026, 6, 25)) - (10.0 + 6.5 / 24.0)).abs() < 1e-9, "a Thursday without a reason");
    }
}
