//! Words for an expiration on which nothing expires: what it is counted to, and what was likely meant.

use fleet_core::domain::ExerciseStyle;
use fleet_core::domain::calendar::{self, Cycle};
use jiff::ToSpan as _;
use jiff::civil::Date;

/// Days around a date in which its nearest expirations are looked for.
const NEAR_DAYS: i32 = 40;

/// What there is to say of an expiration on which nothing expires.
#[must_use]
pub fn unlisted_words(date: Date, style: ExerciseStyle) -> String {
    let listed = |cycle: Cycle| match style {
        // On the other days of the week only some of the most traded underlyings have expirations.
        ExerciseStyle::American => matches!(cycle, Cycle::Monthly | Cycle::Weekly),
        ExerciseStyle::European => true,
    };
    let dates = |from: Date, to: Date| calendar::expirations(from, to).filter(|at| listed(at.cycle)).map(|at| at.date);
    let before = dates(date.saturating_sub(NEAR_DAYS.days()), date).last();
    let after = dates(date, date.saturating_add(NEAR_DAYS.days())).next();
    let nearest: Vec<String> = before.into_iter().chain(after).map(|near| near.to_string()).collect();
    let session = calendar::settlement_session(date)
        .map_or_else(String::new, |session| format!("; it is counted to the session of {session}"));
    let nearest = match nearest.as_slice() {
        [] => String::new(),
        [one] => format!("; the nearest expiration is {one}"),
        several => format!("; the nearest expirations are {}", several.join(" and ")),
    };
    format!("nothing expires on {date}, a {}{session}{nearest}", date.strftime("%A"))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn an_expiration_that_is_none_is_told_with_its_neighbours() {
        assert_eq!(
            unlisted_words(date(2026, 11, 21), ExerciseStyle::American),
            "nothing expires on 2026-11-21, a Saturday; it is counted to the session of 2026-11-20; \
             the nearest expirations are 2026-11-20 and 2026-11-27"
        );
        // Thanksgiving; the S&P 500's options expire on each session around it.
        assert_eq!(
            unlisted_words(date(2026, 11, 26), ExerciseStyle::European),
            "nothing expires on 2026-11-26, a Thursday; it is counted to the session of 2026-11-25; \
             the nearest expirations are 2026-11-25 and 2026-11-27"
        );
        // The calendar's last days have no neighbour behind them.
        let last = unlisted_words(date(2035, 12, 30), ExerciseStyle::American);
        assert!(last.ends_with("the nearest expiration is 2035-12-28"), "{last}");
    }
}
