//! What an options body says of its underlying beside the price: what it is, what it is worth, when it reports.
//!
//! `earningsTimestamp` is often the last report, and `earningsTimestampStart` and `End` the window of the next one; all of
//! them are kept, as dates of New York, because which of them is to come depends on the instant an analysis pretends to
//! be at. The window's dates carry the body's estimate flag (older bodies have none: then a window of two days is an
//! estimate, one of one day is not), and so does the single date, unless it lies before the window: then it is the last
//! report. The dates of calls are not reports, and `dividendDate` is when is paid, not the ex-date: neither is read.

use fleet_core::domain::calendar::exchange_date;
use fleet_core::domain::{EarningsDate, UnderlyingClass, UnderlyingFacts};
use jiff::civil::Date;

use crate::vendors::field::Number;
use crate::vendors::row;
use crate::vendors::yahoo::models::UnderlyingQuote;

/// No company is worth a quadrillion dollars; such a number is a mistake.
const ABSURD_MARKET_CAP: f64 = 1e15;

/// What a quote says. What it leaves out, or what cannot be, is `None`.
pub(super) fn facts(quote: &UnderlyingQuote<'_>) -> UnderlyingFacts {
    UnderlyingFacts {
        class: quote.quote_type.read().and_then(|word| class(word)),
        earnings: earnings(quote),
        market_cap: quote.market_cap.read().copied().filter(|cap| *cap > 0.0 && *cap < ABSURD_MARKET_CAP),
        holding: None,
    }
}

/// Currencies, futures and the like have no options of ours.
fn class(word: &str) -> Option<UnderlyingClass> {
    match word {
        "EQUITY" => Some(UnderlyingClass::Stock),
        "ETF" | "MUTUALFUND" => Some(UnderlyingClass::Fund),
        "INDEX" => Some(UnderlyingClass::Index),
        _ => None,
    }
}

fn earnings(quote: &UnderlyingQuote<'_>) -> Option<Vec<EarningsDate>> {
    let date = |field: &Number| -> Option<Date> { field.read().and_then(|s| row::epoch(*s)).map(exchange_date) };
    let (start, end) = (date(&quote.earnings_timestamp_start), date(&quote.earnings_timestamp_end));
    let told = quote.is_earnings_date_estimate.read().copied();
    let estimated = told.unwrap_or(start.is_some() && start != end);
    let single = date(&quote.earnings_timestamp).map(|date| {
        let is_held = start.is_some_and(|start| date < start);
        EarningsDate { date, estimated: estimated && !is_held }
    });
    let window = [start, end].into_iter().flatten().map(|date| EarningsDate { date, estimated });
    let mut dates: Vec<EarningsDate> = window.chain(single).collect();
    dates.sort_unstable();
    dates.dedup_by_key(|report| report.date);
    (!dates.is_empty()).then_some(dates)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::vendors::field::Field;

    /// Of a body with these instants.
    fn quote(single: Option<f64>, window: Option<(f64, f64)>, flag: Option<bool>) -> UnderlyingQuote<'static> {
        let number = |value: Option<f64>| value.map_or(Field::Missing, Field::Read);
        UnderlyingQuote {
            earnings_timestamp: number(single),
            earnings_timestamp_start: number(window.map(|(start, _)| start)),
            earnings_timestamp_end: number(window.map(|(_, end)| end)),
            is_earnings_date_estimate: flag.map_or(Field::Missing, Field::Read),
            ..UnderlyingQuote::default()
        }
    }

    fn of(year: i16, month: i8, day: i8, estimated: bool) -> EarningsDate {
        EarningsDate { date: date(year, month, day), estimated }
    }

    /// 30 January 2025 after the close, and 30 April (6:59 in New York) to 5 May: as Apple's were told.
    const LAST: f64 = 1_738_272_600.0;
    const WINDOW: (f64, f64) = (1_746_010_740.0, 1_746_446_400.0);

    #[test]
    fn the_last_report_and_the_window_of_the_next_are_all_kept() {
        let expected = [of(2025, 1, 30, false), of(2025, 4, 30, true), of(2025, 5, 5, true)];
        assert_eq!(earnings(&quote(Some(LAST), Some(WINDOW), Some(true))).unwrap(), expected);
        assert_eq!(earnings(&quote(Some(LAST), Some(WINDOW), None)).unwrap(), expected, "without a flag");
        assert_eq!(earnings(&quote(None, Some(WINDOW), Some(true))).unwrap(), expected[1..]);
    }

    #[test]
    fn a_day_that_is_announced_is_one_date() {
        let day = 1_740_749_400.0;
        for flag in [Some(false), None] {
            assert_eq!(earnings(&quote(Some(day), Some((day, day)), flag)).unwrap(), [of(2025, 2, 28, false)]);
        }
        assert_eq!(earnings(&quote(Some(day), Some((day, day)), Some(true))).unwrap(), [of(2025, 2, 28, true)]);
        assert_eq!(earnings(&quote(Some(day), None, None)).unwrap(), [of(2025, 2, 28, false)]);
        assert_eq!(earnings(&quote(None, None, Some(true))), None, "nothing is said");
        assert_eq!(earnings(&quote(Some(1e300), None, None)), None, "no instant");
    }

    #[test]
    fn classes_and_market_caps() {
        let of = |word: &'static str, cap| {
            facts(&UnderlyingQuote {
                quote_type: Field::Read(word.into()),
                market_cap: Field::Read(cap),
                ..UnderlyingQuote::default()
            })
        };
        let known = of("EQUITY", 3.4e12);
        assert_eq!((known.class, known.market_cap), (Some(UnderlyingClass::Stock), Some(3.4e12)));
        assert_eq!(of("ETF", 0.0), UnderlyingFacts { class: Some(UnderlyingClass::Fund), ..Default::default() });
        assert_eq!(of("INDEX", f64::NAN).class, Some(UnderlyingClass::Index));
        assert_eq!(of("CURRENCY", 1e18), UnderlyingFacts::default());
        assert_eq!(facts(&UnderlyingQuote::default()), UnderlyingFacts::default());
    }
}
