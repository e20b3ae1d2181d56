//! Which bars are asked for: those that are missing, and one that is there, to see whether it is still the same. Pure.
//!
//! What an earlier session kept is joined with what the vendor sends now, and the whole must be what the vendor would
//! have sent at once. Three things could spoil that, and each means that everything is asked for again:
//! - a **split**: the vendor rewrites all earlier bars;
//! - a bar of the **overlap** that has changed or gone: it rewrote them for another reason, or corrected itself;
//! - a **mistake** of the vendor's that was kept. So each series is asked for whole on every fifth session, whatever it
//!   looks like.
//!
//! A new dividend is none of these: prices are not dividend-adjusted, so that it changes no earlier bar. Dividends are
//! joined at the same date as the bars.
//!
//! Holidays are not missed; an underlying's session without a bar is, a contract's is not: nobody traded.

use fleet_core::domain::calendar;
use fleet_core::domain::{Bar, BarSeries, Instrument};
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};

/// Every so many sessions a series is asked for whole: a mistake stays for a week at most, and a fifth of the series
/// is due each session.
const WHOLE_EVERY: u32 = 5;

/// The first date of a request for about so many sessions up to an instant: 252 sessions are a year, and nine more days
/// make up for holidays.
pub(crate) fn first_date(as_of: Timestamp, sessions: u32) -> Date {
    let days = i64::from(sessions) * 365 / 252 + 9;
    // No setting is so large, and no as-of so early, that this leaves the years that exist.
    calendar::exchange_date(as_of).saturating_sub(days.days())
}

/// Whether a series is asked for whole in a session, whatever was kept.
pub(crate) fn is_due(instrument: &Instrument, session: Date) -> bool {
    let Some(number) = calendar::sessions_between(calendar::FIRST, session) else { return true };
    // Any number will do that is the same on every machine; neighbours in a chain should differ.
    let spread = instrument.to_string().bytes().fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    (number.wrapping_add(spread)).is_multiple_of(WHOLE_EVERY)
}

/// What an earlier session kept, to which the bars from `from` on are to be joined.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Kept {
    series: BarSeries,
    /// The date of the overlap: a bar of the series.
    pub(crate) from: Date,
}

impl Kept {
    /// Of the bars that were kept for `session`, those that can be built upon; `None`: everything must be asked for.
    pub(crate) fn usable((session, mut series): (Date, BarSeries), wanted_from: Date) -> Option<Self> {
        // Kept for a session whose close was to come: its own bar was provisional.
        series.bars.retain(|bar| bar.date < session);
        if series.complete_from.is_none_or(|from| from > wanted_from) {
            return None;
        }
        let (first, last) = (series.bars.first()?.date, series.bars.last()?.date);
        let hole = match series.instrument {
            Instrument::Underlying(_) => calendar::missing(series.bars.iter().map(|bar| bar.date), first, last).next(),
            Instrument::Contract(_) => None,
        };
        let known = series.bars.iter().map(|bar| bar.date);
        let from = known.take_while(|date| hole.is_none_or(|hole| *date < hole)).last()?;
        Some(Self { series, from })
    }

    /// The whole series from `wanted_from` on; `None` where the new bars do not continue the kept ones.
    pub(crate) fn joined(self, mut new: BarSeries, wanted_from: Date) -> Option<BarSeries> {
        let Self { series: kept, from } = self;
        let at = |series: &BarSeries| series.bars.iter().find(|bar| bar.date == from).copied();
        if new.last_split > kept.last_split || !is_same(&at(&kept)?, &at(&new)?) {
            return None;
        }
        let mut bars: Vec<Bar> = kept.bars.into_iter().filter(|bar| (wanted_from..from).contains(&bar.date)).collect();
        bars.extend(new.bars.into_iter().filter(|bar| bar.date >= wanted_from.max(from)));
        new.bars = bars;
        let known = kept.dividends.into_iter().filter(|dividend| (wanted_from..from).contains(&dividend.ex_date));
        let later = new.dividends.into_iter().filter(|dividend| dividend.ex_date >= wanted_from.max(from));
        new.dividends = known.chain(later).collect();
        new.last_split = kept.last_split.filter(|split| *split >= wanted_from);
        new.incomplete = new.incomplete.saturating_add(kept.incomplete);
        new.complete_from = Some(wanted_from);
        Some(new)
    }
}

/// Whether two bars of a session have the same prices. Volumes are corrected overnight, which changes no other bar.
fn is_same(a: &Bar, b: &Bar) -> bool {
    (a.open, a.high, a.low, a.close) == (b.open, b.high, b.low, b.close)
}

#[cfg(test)]
mod tests {
    use fleet_core::domain::{CashDividend, OccSymbol, Price, Ticker};
    use jiff::civil::date;

    use super::*;

    fn underlying() -> Instrument {
        Instrument::Underlying(Ticker::parse("XYZ").unwrap())
    }

    fn contract() -> Instrument {
        Instrument::Contract(OccSymbol::parse("XYZ270115C00105000").unwrap())
    }

    fn bar(date: Date, cents: u32) -> Bar {
        let price = Price::from_dollars(f64::from(cents) / 100.0).unwrap();
        Bar { date, open: price, high: price, low: price, close: price, volume: 10 }
    }

    /// What the vendor sends of its history when it is asked for bars from a date on.
    fn sent(instrument: Instrument, history: &[Bar], from: Date) -> BarSeries {
        let bars = history.iter().filter(|bar| bar.date >= from).copied().collect();
        BarSeries {
            instrument,
            bars,
            last_split: None,
            dividends: Vec::new(),
            incomplete: 0,
            complete_from: Some(from),
        }
    }

    /// Every session of November 2026 but some.
    fn november(without: &[i8]) -> Vec<Bar> {
        let all = calendar::sessions(date(2026, 11, 2), date(2026, 11, 30));
        let traded = all.filter(|day| !without.contains(&day.day()));
        traded.map(|day| bar(day, 1000 + u32::from(day.day().unsigned_abs()))).collect()
    }

    /// Bars kept on the 20th before its close, joined on the 24th: as if all had been asked for on the 24th.
    #[track_caller]
    fn check_joined(instrument: Instrument, without: &[i8], overlap: Date) {
        let history = november(without);
        let (old, new) = (date(2026, 11, 3), date(2026, 11, 4));
        let mut kept = sent(instrument.clone(), &history, old);
        kept.bars.retain(|bar| bar.date <= date(2026, 11, 20));
        // The running session's bar is not final.
        if let Some(last) = kept.bars.last_mut().filter(|bar| bar.date == date(2026, 11, 20)) {
            *last = bar(last.date, 5);
        }
        let kept = Kept::usable((date(2026, 11, 20), kept), new).unwrap();
        assert_eq!(kept.from, overlap);
        let tail = sent(instrument.clone(), &history, kept.from);
        assert_eq!(kept.joined(tail, new), Some(sent(instrument, &history, new)));
    }

    #[test]
    fn what_is_joined_is_what_would_have_been_sent_at_once() {
        check_joined(underlying(), &[], date(2026, 11, 19));
        check_joined(contract(), &[], date(2026, 11, 19));
        // Nobody traded: no reason to ask for those days again. An underlying's hole is asked for once more.
        check_joined(contract(), &[9, 10, 18, 19, 23], date(2026, 11, 17));
        check_joined(underlying(), &[10, 18], date(2026, 11, 9));
    }

    #[test]
    fn what_cannot_be_built_upon_is_asked_for_whole() {
        let (from, session) = (date(2026, 11, 4), date(2026, 11, 20));
        let usable = |series: BarSeries| Kept::usable((session, series), from).is_some();
        let history = november(&[]);
        assert!(usable(sent(contract(), &history, from)));
        assert!(!usable(sent(contract(), &history, date(2026, 11, 5))), "it begins later than wanted");
        assert!(!usable(BarSeries { complete_from: None, ..sent(contract(), &history, from) }), "nobody knows where");
        assert!(!usable(sent(contract(), &[], from)), "nothing to compare with");
        assert!(!usable(sent(contract(), &[bar(session, 5)], from)), "a provisional bar alone");
    }

    #[test]
    fn a_split_or_a_changed_overlap_discards_what_was_kept() {
        let (from, history) = (date(2026, 11, 4), november(&[]));
        let kept = || Kept::usable((date(2026, 11, 20), sent(underlying(), &history, from)), from).unwrap();
        let tail = || sent(underlying(), &history, date(2026, 11, 19));
        assert!(kept().joined(tail(), from).is_some());
        let split = BarSeries { last_split: Some(date(2026, 11, 23)), ..tail() };
        assert_eq!(kept().joined(split, from), None, "a new split");
        let mut rewritten = tail();
        rewritten.bars[0] = bar(date(2026, 11, 19), 500);
        assert_eq!(kept().joined(rewritten, from), None, "the overlap has other prices");
        let mut gone = tail();
        let _ = gone.bars.remove(0);
        assert_eq!(kept().joined(gone, from), None, "the overlap has gone");
        let mut corrected = tail();
        corrected.bars[0].volume = 11;
        let joined = kept().joined(corrected.clone(), from).unwrap();
        assert!(joined.bars.contains(&corrected.bars[0]), "the newer volume counts");
    }

    #[test]
    fn a_split_is_known_for_as_long_as_it_was_asked_for() {
        let history = november(&[]);
        let split = |from: Date| {
            let series = BarSeries { last_split: Some(date(2026, 11, 6)), ..sent(underlying(), &history, from) };
            let kept = Kept::usable((date(2026, 11, 20), series), from).unwrap();
            let tail = sent(underlying(), &history, kept.from);
            kept.joined(tail, date(2026, 11, 6)).unwrap().last_split
        };
        assert_eq!(split(date(2026, 11, 4)), Some(date(2026, 11, 6)));
        let kept = BarSeries { last_split: Some(date(2026, 11, 6)), ..sent(underlying(), &history, date(2026, 11, 4)) };
        let kept = Kept::usable((date(2026, 11, 20), kept), date(2026, 11, 9)).unwrap();
        let tail = sent(underlying(), &history, kept.from);
        assert_eq!(kept.joined(tail, date(2026, 11, 9)).unwrap().last_split, None, "it lies before the range");
    }

    /// What the vendor tells of these days from a date on.
    fn paid(from: Date, days: &[i8]) -> Vec<CashDividend> {
        let all = days.iter().map(|day| date(2026, 11, *day)).filter(|day| *day >= from);
        all.map(|ex_date| CashDividend { ex_date, amount: Price::from_units(2_600) }).collect()
    }

    /// One before the range, one kept, one on the day of the overlap, and one that is new: each once.
    #[test]
    fn dividends_are_joined_as_if_they_had_been_asked_for_at_once() {
        let (history, old, new) = (november(&[]), date(2026, 11, 3), date(2026, 11, 4));
        let all = [3, 10, 19, 23];
        let kept = BarSeries { dividends: paid(old, &[3, 10, 19]), ..sent(underlying(), &history, old) };
        let kept = Kept::usable((date(2026, 11, 20), kept), new).unwrap();
        let tail = BarSeries { dividends: paid(kept.from, &all), ..sent(underlying(), &history, kept.from) };
        assert_eq!(tail.dividends.len(), 2, "the overlap's and the new one");
        assert_eq!(kept.joined(tail, new).unwrap().dividends, paid(new, &all));
    }

    #[test]
    fn every_series_is_whole_once_in_five_sessions() {
        for instrument in [underlying(), contract()] {
            let days: Vec<Date> = calendar::sessions(date(2026, 11, 2), date(2026, 12, 31)).collect();
            for week in days.windows(WHOLE_EVERY as usize) {
                assert_eq!(week.iter().filter(|day| is_due(&instrument, **day)).count(), 1, "{instrument} {week:?}");
            }
        }
        let due = |strike: u32| {
            is_due(
                &Instrument::Contract(OccSymbol::parse(&format!("XYZ270115C{strike:08}")).unwrap()),
                date(2026, 11, 20),
            )
        };
        let n = (1..=1000).filter(|dollars| due(dollars * 1000)).count();
        assert!((150..=250).contains(&n), "{n} of a thousand are due at once");
    }

    #[test]
    fn a_year_of_sessions_is_a_year_and_some() {
        let at = calendar::at_new_york(date(2026, 11, 20), 10, 30, 0);
        assert_eq!(first_date(at, 252), date(2025, 11, 11));
        assert_eq!(first_date(at, 0), date(2026, 11, 11));
    }
}
