//! What is known of an underlying beside prices: what kind of thing it is, when it reports, what it pays, what a person
//! holds of it. What is not known is `None` and never a guess.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::money::Price;
use super::ticker::Ticker;

/// What kind of thing an underlying is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnderlyingClass {
    /// A company's share.
    Stock,
    /// An exchange-traded fund.
    Fund,
    /// An index.
    Index,
}

impl UnderlyingClass {
    /// The word used in JSON.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Stock => "stock",
            Self::Fund => "fund",
            Self::Index => "index",
        }
    }
}

/// A day on which a company reports. Of a window that a vendor expects the report in, its first and its last day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EarningsDate {
    /// New York date of the report.
    pub date: Date,
    /// Whether it is an estimate, not announced.
    pub estimated: bool,
}

/// A cash dividend of an underlying.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CashDividend {
    /// The first session without it.
    pub ex_date: Date,
    /// Dollars per share, on the scale of the bars it came with (after later splits).
    pub amount: Price,
}

/// A cash dividend to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpectedDividend {
    /// The first session without it.
    pub ex_date: Date,
    /// Dollars per share.
    pub amount: Price,
    /// Nobody announced it: the rhythm of the past ones lets expect it.
    pub projected: bool,
}

/// Shares a person says to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holding {
    /// Shares, above 0.
    pub shares: u32,
    /// Paid per share.
    pub cost_basis: Price,
}

/// What is known of an underlying beside prices. Dividends are with its bars: [`super::BarSeries::dividends`].
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct UnderlyingFacts {
    /// What it is; `None`: nobody said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<UnderlyingClass>,
    /// Dates of reports, past and future, ascending; `None`: nobody said. A list that ends before today says nothing of
    /// the next report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earnings: Option<Vec<EarningsDate>>,
    /// Market capitalisation, dollars; `None`: nobody said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub market_cap: Option<f64>,
    /// What a person holds; `None`: nothing, as far as they said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holding: Option<Holding>,
}

impl UnderlyingFacts {
    /// Whether nothing is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What a person says and what a vendor says of an underlying, on a day:
    /// - class: an index that we know is one (a table), else the person's word, else the vendor's;
    /// - reports before the day: both lists together; a report that was held is a fact, whoever tells it;
    /// - reports from the day on: the person's, if they named any, else the vendor's. So a date that a person corrects is
    ///   not told twice, and a list they have not kept up does not hide the vendor's;
    /// - market capitalisation: the person's, else the vendor's;
    /// - holding: the person's alone.
    ///
    /// A date that both have, or one has twice, is announced if either says so.
    #[must_use]
    pub fn merged(ticker: &Ticker, person: &Self, vendor: &Self, day: Date) -> Self {
        let index = ticker.is_index().then_some(UnderlyingClass::Index);
        Self {
            class: index.or(person.class).or(vendor.class),
            earnings: merged_earnings(person.earnings.as_deref(), vendor.earnings.as_deref(), day),
            market_cap: person.market_cap.or(vendor.market_cap),
            holding: person.holding,
        }
    }
}

/// `None` where neither says anything.
fn merged_earnings(
    person: Option<&[EarningsDate]>,
    vendor: Option<&[EarningsDate]>,
    day: Date,
) -> Option<Vec<EarningsDate>> {
    if person.is_none() && vendor.is_none() {
        return None;
    }
    let (person, vendor) = (person.unwrap_or_default(), vendor.unwrap_or_default());
    let is_to_come = |report: &&EarningsDate| report.date >= day;
    let coming = if person.iter().any(|report| is_to_come(&report)) { person } else { vendor };
    let held = person.iter().chain(vendor).filter(|report| !is_to_come(report));
    let mut dates: Vec<EarningsDate> = held.chain(coming.iter().filter(is_to_come)).copied().collect();
    // Of one date the announced one comes first, and stays.
    dates.sort_unstable();
    dates.dedup_by_key(|report| report.date);
    Some(dates)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    const DAY: Date = date(2026, 11, 20);

    fn report(month: i8, day: i8, estimated: bool) -> EarningsDate {
        EarningsDate { date: date(2026, month, day), estimated }
    }

    fn with(earnings: &[EarningsDate]) -> UnderlyingFacts {
        UnderlyingFacts { earnings: Some(earnings.to_vec()), ..UnderlyingFacts::default() }
    }

    #[track_caller]
    fn check_earnings(person: &[EarningsDate], vendor: &[EarningsDate], expected: &[EarningsDate]) {
        let ticker = Ticker::parse("AAPL").unwrap();
        let merged = UnderlyingFacts::merged(&ticker, &with(person), &with(vendor), DAY);
        assert_eq!(merged.earnings.as_deref(), Some(expected));
    }

    #[test]
    fn a_persons_coming_report_stands_for_the_vendors() {
        let (held, other) = (report(10, 29, false), report(7, 30, false));
        check_earnings(
            &[report(12, 3, false)],
            &[held, report(12, 1, true), report(12, 8, true)],
            &[held, report(12, 3, false)],
        );
        check_earnings(&[other], &[held, report(12, 1, true)], &[other, held, report(12, 1, true)]);
        check_earnings(&[other, held], &[held], &[other, held]);
        check_earnings(&[], &[], &[]);
        // Today's is to come: nobody says whether it was before the open.
        check_earnings(&[report(11, 20, false)], &[report(11, 24, true)], &[report(11, 20, false)]);
    }

    #[test]
    fn one_date_is_announced_if_either_says_so() {
        check_earnings(&[report(10, 29, true)], &[report(10, 29, false)], &[report(10, 29, false)]);
        check_earnings(&[], &[report(12, 1, true), report(12, 1, false)], &[report(12, 1, false)]);
    }

    #[test]
    fn nothing_said_is_nothing_known() {
        let ticker = Ticker::parse("AAPL").unwrap();
        let nothing = UnderlyingFacts::default();
        assert_eq!(UnderlyingFacts::merged(&ticker, &nothing, &nothing, DAY), nothing);
        assert!(nothing.is_empty() && !with(&[]).is_empty());
    }

    #[test]
    fn the_persons_word_beats_the_vendors_and_the_table_both() {
        let holding = Some(Holding { shares: 100, cost_basis: Price::from_units(1_875_000) });
        let of = |class, market_cap| UnderlyingFacts { class: Some(class), market_cap, ..UnderlyingFacts::default() };
        let person = UnderlyingFacts { holding, ..of(UnderlyingClass::Fund, None) };
        let vendor = of(UnderlyingClass::Stock, Some(3e12));
        let merged = |ticker: &str, person: &UnderlyingFacts| {
            UnderlyingFacts::merged(&Ticker::parse(ticker).unwrap(), person, &vendor, DAY)
        };
        let apple = merged("AAPL", &person);
        assert_eq!((apple.class, apple.market_cap, apple.holding), (Some(UnderlyingClass::Fund), Some(3e12), holding));
        assert_eq!(merged("AAPL", &UnderlyingFacts::default()).class, Some(UnderlyingClass::Stock));
        assert_eq!(merged("SPX", &person).class, Some(UnderlyingClass::Index));
    }
}
