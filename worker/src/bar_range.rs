//! Which bars are asked for: those that are missing, and one that is there, to see whether it is still the same. Pure.
//!
//! What an earlier session kept is joined with what the vendor sends now, and the whole must be what the vendor would
//! have sent at once. Three things could spoil that, and each means that everything is asked for again:
//! - a **split**: the vendor rewrites all earlier bars;
//! - a bar of the **overlap** that has changed or gone: it rewrote them for another reason, or corrected itself;
//! - a **mistake** of the vendor's that was kept. So each series is asked for whole within five sessions of the last time
//!   it was, whatever it looks like, and however often it is scanned.
//!
//! A new dividend is none of these: prices are not dividend-adjusted, so that it changes no earlier bar. Dividends are
//! joined at the same date as the bars.
//!
//! Holidays are not missed; an underlying's session without a bar is, a contract's is not: nobody traded.

use fleet_core::domain::calendar;
use fleet_core::domain::{Bar, BarSeries, Instrument, KeptBars};
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};

/// So many sessions after it was asked for whole, a series is again: a mistake stays for a week at most.
const WHOLE_AFTER: u32 = 5;
/// Some are so many sessions earlier: those that were first asked for together come apart.
const SPREAD: u32 = 3;

/// The first date of a request for about so many sessions up to an instant: 252 sessions are a year, and nine more days
/// make up for holidays.
pub(crate) fn first_date(as_of: Timestamp, sessions: u32) -> Date {
    let days = i64::from(sessions) * 365 / 252 + 9;
    // No setting is so large, and no as-of so early, that this leaves the years that exist.
    calendar::exchange_date(as_of).saturating_sub(days.days())
}

/// Whether a series that was last asked for whole in one session is in another, whatever was kept.
fn is_due(instrument: &Instrument, whole_in: Date, session: Date) -> bool {
    let Some(age) = calendar::sessions_between(whole_in, session) else { return true };
    // Any number will do that is the same on every machine; neighbours in a chain should differ.
    let spread = instrument.to_string().bytes().fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    age >= WHOLE_AFTER - spread % SPREAD
}

/// What an earlier session kept, to which the bars from `from` on are to be joined.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Kept {
    series: BarSeries,
    whole_in: Date,
    /// The date of the overlap: a bar of the series.
    pub(crate) from: Date,
}

impl Kept {
    /// Of the bars that were kept for an earlier session, those that can be built upon in `now`; `None`: everything must be
    /// asked for.
    pub(crate) fn usable((session, kept): (Date, KeptBars), now: Date, wanted_from: Date) -> Option<Self> {
        let KeptBars { mut series, whole_in } = kept;
        // What was kept before that was noted is asked for whole.
        let whole_in = whole_in.filter(|whole_in| !is_due(&series.instrument, *whole_in, now))?;
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
        Some(Self { series, whole_in, from })
    }

    /// The whole series from `wanted_from` on; `None` where the new bars do not continue the kept ones.
    pub(crate) fn joined(self, mut new: BarSeries, wanted_from: Date) -> Option<KeptBars> {
        let Self { series: kept, whole_in, from } = self;
        let at = |series: &BarSeries| series.bars.iter().find(|bar| bar.date == from).copied();
        if new.last_split > kept.last_split || !is_same(&at(&kept)?, &at(&new)?) {
            return None;
        }
        let mut bars: Vec<Bar> = kept.bars.into_iter().filter(|bar| (wanted_from..from).contains(&bar.date)).collect();
        bars.extend(new.bars.into_iter().filter(|bar| bar.date >= wanted_from.max(from)));
        new.bars = bars;
        // Nobody knows of the whole where nobody told of a part.
        new.dividends = kept.dividends.zip(new.dividends).map(|(known, later)| {
            let known = known.into_iter().filter(|dividend| (wanted_from..from).contains(&dividend.ex_date));
            let later = later.into_iter().filter(|dividend| dividend.ex_date >= wanted_from.max(from));
            known.chain(later).collect()
        });
        new.last_split = kept.last_split.filter(|split| *split >= wanted_from);
        new.incomplete = new.incomplete.saturating_add(kept.incomplete);
        new.complete_from = Some(wanted_from);
        Some(KeptBars { series: new, whole_in: Some(whole_in) })
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
            dividends: Some(Vec::new()),
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

    /// What was asked for whole and kept on the 20th, on the next session.
    fn usable(series: BarSeries, from: Date) -> Option<Kept> {
        let (session, next) = (date(2026, 11, 20), date(2026, 11, 23));
        Kept::usable((session, KeptBars { series, whole_in: Some(session) }), next, from)
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
        let kept = usable(kept, new).unwrap();
        assert_eq!(kept.from, overlap);
        let tail = sent(instrument.clone(), &history, kept.from);
        let whole = KeptBars { series: sent(instrument, &history, new), whole_in: Some(date(2026, 11, 20)) };
        assert_eq!(kept.joined(tail, new), Some(whole));
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
        let usable = |series: BarSeries| usable(series, from).is_some();
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
        let kept = || usable(sent(underlying(), &history, from), from).unwrap();
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
        assert!(joined.series.bars.contains(&corrected.bars[0]), "the newer volume counts");
    }

    #[test]
    fn a_split_is_known_for_as_long_as_it_was_asked_for() {
        let history = november(&[]);
        let split = |from: Date| {
            let series = BarSeries { last_split: Some(date(2026, 11, 6)), ..sent(underlying(), &history, from) };
            let kept = usable(series, from).unwrap();
            let tail = sent(underlying(), &history, kept.from);
            kept.joined(tail, date(2026, 11, 6)).unwrap().series.last_split
        };
        assert_eq!(split(date(2026, 11, 4)), Some(date(2026, 11, 6)));
        let kept = BarSeries { last_split: Some(date(2026, 11, 6)), ..sent(underlying(), &history, date(2026, 11, 4)) };
        let kept = usable(kept, date(2026, 11, 9)).unwrap();
        let tail = sent(underlying(), &history, kept.from);
        assert_eq!(kept.joined(tail, date(2026, 11, 9)).unwrap().series.last_split, None, "it lies before the range");
    }

    /// Whatever the rhythm of the scans: nothing is built upon that is five sessions old, and what was asked for whole
    /// yesterday is.
    #[test]
    fn a_series_is_asked_for_whole_again_within_five_sessions_in_any_rhythm() {
        let days: Vec<Date> = calendar::sessions(date(2026, 6, 1), date(2026, 12, 31)).collect();
        let from = date(2026, 5, 1);
        for instrument in [underlying(), contract()] {
            for rhythm in 1..=12 {
                for start in 0..5 {
                    let (mut whole_in, mut built_upon) = (days[start], 0);
                    for (at, now) in days.iter().enumerate().skip(start + rhythm).step_by(rhythm) {
                        let first = bar(days[0], 100);
                        let series = sent(instrument.clone(), &[first], from);
                        let before = days[at - rhythm];
                        let kept = KeptBars { series, whole_in: Some(whole_in) };
                        if before > days[0] && Kept::usable((before, kept), *now, from).is_some() {
                            built_upon += 1;
                            let age = days[..at].iter().filter(|day| **day >= whole_in).count();
                            assert!(age < 5, "{instrument}, each {rhythm}: built upon at {age}");
                        } else {
                            whole_in = *now;
                        }
                    }
                    assert!(built_upon > 0 || rhythm >= 3, "each {rhythm}: never built upon");
                }
            }
        }
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
        let kept = BarSeries { dividends: Some(paid(old, &[3, 10, 19])), ..sent(underlying(), &history, old) };
        let kept = usable(kept, new).unwrap();
        let tail = BarSeries { dividends: Some(paid(kept.from, &all)), ..sent(underlying(), &history, kept.from) };
        assert_eq!(tail.dividends.as_ref().unwrap().len(), 2, "the overlap's and the new one");
        let untold = BarSeries { dividends: None, ..tail.clone() };
        assert_eq!(kept.clone().joined(untold, new).unwrap().series.dividends, None);
        assert_eq!(kept.joined(tail, new).unwrap().series.dividends, Some(paid(new, &all)));
    }

    #[test]
    fn what_was_asked_for_whole_together_comes_apart() {
        let contract = |strike: u32| Instrument::Contract(OccSymbol::parse(&format!("XYZ270115C{strike:08}")).unwrap());
        let due = |day| (100_000..100_100).filter(|strike| is_due(&contract(*strike), date(2026, 11, 9), day)).count();
        // Monday to Monday.
        let days = [10, 11, 12, 13, 16].map(|day| due(date(2026, 11, day)));
        assert_eq!((days[0], days[1], days[4]), (0, 0, 100), "{days:?}");
        assert!((20..50).contains(&days[2]) && (50..80).contains(&days[3]), "{days:?}");
    }

    #[test]
    fn what_was_kept_before_it_was_noted_is_asked_for_whole() {
        let (from, session) = (date(2026, 11, 4), date(2026, 11, 20));
        let series = sent(contract(), &november(&[]), from);
        assert_eq!(Kept::usable((session, KeptBars { series, whole_in: None }), session, from), None);
    }

    #[test]
    fn a_year_of_sessions_is_a_year_and_some() {
        let at = calendar::at_new_york(date(2026, 11, 20), 10, 30, 0);
        assert_eq!(first_date(at, 252), date(2025, 11, 11));
        assert_eq!(first_date(at, 0), date(2026, 11, 11));
    }
}
