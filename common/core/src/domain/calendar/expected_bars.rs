//! Which daily bars should exist: one a session, none on a holiday.
//!
//! For an underlying a session without a bar is a hole: it was halted all day, or the vendor lost it. For a contract it
//! usually means that nobody traded, and before its first bar that it may not have been listed: nothing here can tell
//! these apart, and nothing tries.

use jiff::civil::Date;

use super::sessions::sessions;

/// The sessions from one date to another, both included, that a list of dates lacks, oldest first. `have` must ascend;
/// dates in it that are no sessions are passed over. Of dates outside the calendar none is missing.
pub fn missing(have: impl IntoIterator<Item = Date>, from: Date, to: Date) -> impl Iterator<Item = Date> {
    let mut have = have.into_iter().peekable();
    sessions(from, to).filter(move |session| {
        while have.next_if(|date| date < session).is_some() {}
        have.peek() != Some(session)
    })
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn a_missing_bar_is_told_from_a_holiday() {
        // Thanksgiving week: the holiday and the weekend are not missed, Wednesday and the half day are.
        let have = [date(2026, 11, 20), date(2026, 11, 22), date(2026, 11, 23), date(2026, 11, 24), date(2026, 11, 30)];
        let lacking: Vec<Date> = missing(have, date(2026, 11, 19), date(2026, 12, 1)).collect();
        assert_eq!(lacking, [date(2026, 11, 19), date(2026, 11, 25), date(2026, 11, 27), date(2026, 12, 1)]);
        assert_eq!(missing(have, date(2026, 11, 26), date(2026, 11, 26)).count(), 0, "a holiday alone");
        assert_eq!(missing([], date(2026, 12, 1), date(2026, 11, 1)).count(), 0, "a range that ends before it begins");
        assert_eq!(missing([], date(2035, 12, 31), date(2036, 12, 31)).collect::<Vec<_>>(), [date(2035, 12, 31)]);
    }
}
