//! Dividends to come, from those that were paid: known ex-dates, and the ones a plain rhythm lets expect (RULES section 11).
//!
//! Promises: what is projected says so; every ex-date is a session. Refuses: to project a rhythm that is not plain, or one
//! that has stopped.

use fleet_core::domain::{CashDividend, ExpectedDividend, calendar};
use jiff::Span;
use jiff::civil::Date;

use crate::forward::lower_median;

/// Rhythms, months between two ex-dates: the days that such a gap may have, and how many gaps tell it. Companies that pay
/// once or twice a year show no more than one gap in a year or two.
const RHYTHMS: [(i32, std::ops::RangeInclusive<i32>, usize); 4] =
    [(1, 21..=42, 2), (3, 70..=112, 2), (6, 150..=215, 1), (12, 330..=400, 1)];
/// The newest decide: amounts and rhythm of years ago are none of today.
const NEWEST: usize = 5;
/// The gaps between so many.
const NEWEST_GAPS: usize = NEWEST - 1;
/// A dividend so many days late may still come; after that the rhythm has stopped.
const LATE: i32 = 14;
/// A year's dividends are told by so many days.
const YEAR: i32 = 365;

/// What is to be paid.
#[derive(Debug, Clone, PartialEq)]
pub enum Coming {
    /// Nothing was paid and nothing is known to be.
    Nothing,
    /// These and no others, ascending, up to the date asked for.
    Dividends(Vec<ExpectedDividend>),
    /// It pays, but nothing tells when.
    Unclear {
        /// What it paid in the last 365 days, dollars.
        a_year: f64,
    },
}

impl Coming {
    /// From the dividends that a vendor tells, of which those after `today` are known ahead, for ex-dates after `today` up
    /// to `until`.
    #[must_use]
    pub fn of(told: &[CashDividend], today: Date, until: Date) -> Self {
        let mut told = told.to_vec();
        told.sort_unstable();
        let mut amounts: Vec<f64> = told.iter().rev().take(NEWEST).map(|paid| paid.amount.dollars()).collect();
        let Some(usual) = lower_median(&mut amounts) else { return Self::Nothing };
        let is_regular = |paid: &&CashDividend| (usual / 2.0..=usual * 2.0).contains(&paid.amount.dollars());
        let regular: Vec<CashDividend> = told.iter().filter(is_regular).copied().collect();
        let Some((last, next)) = months(&regular).and_then(|months| projection(&regular, months, today)) else {
            let recent = told.iter().filter(|paid| (today - paid.ex_date).get_days() < YEAR);
            return Self::Unclear { a_year: recent.map(|paid| paid.amount.dollars()).sum() };
        };
        let known = told.into_iter().filter(|known| known.ex_date > today);
        let known =
            known.map(|CashDividend { ex_date, amount }| ExpectedDividend { ex_date, amount, projected: false });
        let projected = next.map(|ex_date| ExpectedDividend { ex_date, amount: last.amount, projected: true });
        let mut coming: Vec<ExpectedDividend> =
            known.chain(projected.take_while(|dividend| dividend.ex_date <= until)).collect();
        coming.retain(|dividend| dividend.ex_date <= until);
        Self::Dividends(coming)
    }
}

/// The rhythm of ex-dates; `None` where their gaps are not alike, or too few.
fn months(regular: &[CashDividend]) -> Option<i32> {
    let gaps = regular.windows(2).map(|pair| (pair[1].ex_date - pair[0].ex_date).get_days());
    let newest: Vec<i32> = gaps.rev().take(NEWEST_GAPS).collect();
    let fits = |(_, days, least): &&(i32, std::ops::RangeInclusive<i32>, usize)| {
        newest.len() >= *least && newest.iter().all(|gap| days.contains(gap))
    };
    RHYTHMS.iter().find(fits).map(|(months, ..)| *months)
}

/// The last regular dividend and the ex-dates that follow from it, after today; `None` where the next one is too late.
fn projection(
    regular: &[CashDividend],
    months: i32,
    today: Date,
) -> Option<(CashDividend, impl Iterator<Item = Date>)> {
    let last = *regular.last()?;
    let nth = move |n: i32| {
        session_from(last.ex_date.checked_add(Span::new().try_months(n.checked_mul(months)?).ok()?).ok()?)
    };
    let first = nth(1)?;
    if (today - first).get_days() > LATE {
        return None;
    }
    // One that is late comes at the earliest in the next session.
    let soonest = calendar::next_session(today)?;
    Some((last, (1..).map_while(nth).map(move |date| date.max(soonest))))
}

/// The date, or the first session after it.
fn session_from(date: Date) -> Option<Date> {
    if calendar::is_session(date) { Some(date) } else { calendar::next_session(date) }
}

#[cfg(test)]
mod tests {
    use fleet_core::domain::Price;
    use jiff::civil::date;

    use super::*;

    fn paid(dates: &[Date], cents: u64) -> Vec<CashDividend> {
        let all = dates.iter();
        all.map(|ex_date| CashDividend { ex_date: *ex_date, amount: Price::from_units(cents * 100) }).collect()
    }

    /// AAPL's of 2024 and 2025.
    fn apple() -> Vec<CashDividend> {
        let dates = [date(2024, 11, 8), date(2025, 2, 10), date(2025, 5, 12), date(2025, 8, 11)];
        let mut all = paid(&dates, 25);
        all[2].amount = Price::from_units(2_600);
        all[3].amount = Price::from_units(2_600);
        all
    }

    fn dates(coming: &Coming) -> Vec<Date> {
        match coming {
            Coming::Dividends(all) => all.iter().map(|dividend| dividend.ex_date).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_quarterly_payer_goes_on_with_its_last_amount() {
        let coming = Coming::of(&apple(), date(2025, 8, 26), date(2026, 6, 19));
        // 11 November is a session; 11 February too; 11 May too.
        assert_eq!(dates(&coming), [date(2025, 11, 11), date(2026, 2, 11), date(2026, 5, 11)]);
        let Coming::Dividends(all) = coming else { panic!("it pays") };
        assert!(all.iter().all(|dividend| dividend.projected && dividend.amount == Price::from_units(2_600)));
        // The last day counts, the day after it does not.
        assert_eq!(dates(&Coming::of(&apple(), date(2025, 8, 26), date(2025, 11, 11))).len(), 1);
        assert_eq!(dates(&Coming::of(&apple(), date(2025, 8, 26), date(2025, 11, 10))).len(), 0);
    }

    #[test]
    fn months_halves_and_years_are_rhythms() {
        let monthly = [date(2026, 7, 31), date(2026, 8, 31), date(2026, 9, 30)];
        let coming = Coming::of(&paid(&monthly, 5), date(2026, 10, 5), date(2026, 12, 31));
        // A month from the last day of September is the 30th: a Friday; then a Monday; then a Wednesday.
        assert_eq!(dates(&coming), [date(2026, 10, 30), date(2026, 11, 30), date(2026, 12, 30)]);
        let halves = [date(2026, 1, 15), date(2026, 7, 16)];
        assert_eq!(dates(&Coming::of(&paid(&halves, 50), date(2026, 8, 3), date(2027, 2, 1))), [date(2027, 1, 19)]);
        let years = [date(2025, 4, 22), date(2026, 4, 21)];
        assert_eq!(dates(&Coming::of(&paid(&years, 300), date(2026, 8, 3), date(2027, 5, 1))), [date(2027, 4, 21)]);
    }

    #[test]
    fn a_known_date_is_not_projected_and_begins_the_projection() {
        let mut told = apple();
        told.extend(paid(&[date(2025, 11, 10)], 26));
        let coming = Coming::of(&told, date(2025, 8, 26), date(2026, 3, 1));
        let Coming::Dividends(all) = coming else { panic!("it pays") };
        let told: Vec<(Date, bool)> = all.iter().map(|dividend| (dividend.ex_date, dividend.projected)).collect();
        assert_eq!(told, [(date(2025, 11, 10), false), (date(2026, 2, 10), true)]);
    }

    #[test]
    fn a_late_one_may_come_tomorrow_and_one_that_is_too_late_does_not_come() {
        let expected = date(2025, 11, 11);
        let day = |days: i32| expected.checked_add(Span::new().days(days)).unwrap();
        let at = |today: Date| Coming::of(&apple(), today, date(2026, 3, 1));
        assert_eq!(dates(&at(day(-1)))[0], expected);
        assert_eq!(dates(&at(expected)), [date(2025, 11, 12), date(2026, 2, 11)]);
        assert_eq!(dates(&at(day(14))), [date(2025, 11, 26), date(2026, 2, 11)]);
        // What it paid in a year: three times, or four.
        assert_eq!(at(day(15)), Coming::Unclear { a_year: 0.25 + 0.26 + 0.26 });
    }

    #[test]
    fn no_rhythm_is_made_up() {
        let today = date(2026, 10, 1);
        let of = |days: &[Date]| Coming::of(&paid(days, 100), today, date(2027, 12, 31));
        assert_eq!(of(&[]), Coming::Nothing);
        for unclear in [
            // One dividend, one gap of a quarter, gaps of two kinds, a gap of no kind.
            &[date(2026, 9, 1)][..],
            &[date(2026, 6, 1), date(2026, 9, 1)],
            &[date(2026, 1, 2), date(2026, 4, 1), date(2026, 9, 28)],
            &[date(2026, 5, 1), date(2026, 7, 1), date(2026, 9, 1)],
        ] {
            assert_eq!(of(unclear), Coming::Unclear { a_year: unclear.len() as f64 }, "{unclear:?}");
        }
        // One that doubled within its years is no special.
        let mut grown = paid(&[date(2024, 2, 12), date(2024, 5, 13), date(2024, 8, 12)], 10);
        grown.extend(apple());
        assert_eq!(dates(&Coming::of(&grown, date(2025, 8, 26), date(2026, 1, 1))), [date(2025, 11, 11)]);
        // A special dividend is none of the rhythm, and none is expected again.
        let mut special = apple();
        special.extend(paid(&[date(2025, 8, 20)], 500));
        special.sort_unstable();
        let coming = Coming::of(&special, date(2025, 8, 26), date(2026, 1, 1));
        assert_eq!(dates(&coming), [date(2025, 11, 11)]);
    }
}
