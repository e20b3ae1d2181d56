//! The calendar as a whole: known days, both reference files, the ends of what it knows, and settlement.

use jiff::civil::{Weekday, date};
use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::domain::OccSymbol;

fn days(from: Date, to: Date) -> impl Iterator<Item = Date> {
    std::iter::successors(Some(from), |day| day.tomorrow().ok()).take_while(move |day| *day <= to)
}

#[test]
fn known_days() {
    assert!(is_session(date(2026, 11, 20)));
    assert!(!is_session(date(2026, 11, 26)), "Thanksgiving");
    assert!(is_early_close(date(2026, 11, 27)));
    assert!(!is_session(date(2026, 4, 3)), "Good Friday");
    assert!(!is_session(date(2026, 6, 19)), "Juneteenth");
    assert!(!is_session(date(2026, 7, 3)), "Independence Day kept on Friday");
    assert!(is_session(date(2021, 12, 31)), "New Year on a Saturday is not kept on Friday");
    assert!(is_session(date(2021, 6, 18)), "Juneteenth was not kept before 2022");
    assert_eq!(next_session(date(2026, 11, 25)), Some(date(2026, 11, 27)));
    assert_eq!(previous_session(date(2001, 9, 17)), Some(date(2001, 9, 10)), "the longest closure");
    assert_eq!(sessions_between(date(2026, 11, 20), date(2026, 11, 27)), Some(4));
    assert_eq!(sessions_between(date(2026, 11, 27), date(2026, 11, 20)), Some(0));
    assert_eq!(sessions_back(date(2026, 11, 30), 3), Some(date(2026, 11, 24)));
    assert_eq!(sessions_back(date(2026, 11, 26), 0), None, "no session to count from");
    // The exchange's announced holidays of years beyond the reference files.
    let closed = |year| days(date(year, 1, 1), date(year, 12, 31)).filter(|day| !is_session(*day));
    let weekdays = |year| closed(year).filter(|day| closure(*day) != Some(Closure::Weekend)).count();
    // 1 January 2033 is a Saturday; no other holiday is ever lost.
    assert_eq!([2031, 2032, 2033, 2034, 2035].map(weekdays), [10, 10, 9, 10, 10]);
}

#[test]
fn closures_have_names() {
    let name = |y, m, d| closure(date(y, m, d)).map(Closure::name);
    assert_eq!(name(2026, 6, 19), Some("Juneteenth"));
    assert_eq!(name(2026, 11, 26), Some("Thanksgiving Day"));
    assert_eq!(name(2012, 10, 29), Some("unscheduled closure"));
    assert_eq!(name(2026, 11, 28), Some("weekend"));
    assert_eq!(name(2026, 11, 27), None, "a half day is a session");
    for day in days(FIRST, LAST) {
        assert_eq!(closure(day).is_none(), is_session(day), "{day}");
    }
}

/// Steps and counts agree with walking the calendar day by day.
#[test]
fn look_ups_agree_with_walking() {
    let all: Vec<Date> = days(FIRST, LAST).filter(|day| is_session(*day)).collect();
    assert_eq!(sessions(Date::MIN, Date::MAX).collect::<Vec<_>>(), all);
    for (n, pair) in all.windows(2).enumerate() {
        let [before, after] = [pair[0], pair[1]];
        for day in days(before, after) {
            let (last, first) = (day == after, day == before);
            assert_eq!(next_session(day), if last { all.get(n + 2).copied() } else { Some(after) }, "{day}");
            let known = n.checked_sub(1).map(|n| all[n]);
            assert_eq!(previous_session(day), if first { known } else { Some(before) }, "{day}");
            assert_eq!(session_on_or_before(day), Some(if last { after } else { before }), "{day}");
            assert_eq!(sessions_between(all[0], day), Some(n as u32 + u32::from(last)), "{day}");
        }
        assert_eq!(sessions_back(after, n as u32 + 1), Some(all[0]));
        assert_eq!(sessions_back(after, n as u32 + 2), None);
    }
}

#[test]
fn nothing_is_said_of_dates_outside() {
    for outside in [Date::MIN, date(1999, 12, 31), date(2036, 1, 1), date(2036, 1, 2), Date::MAX] {
        assert_eq!(day(outside), None);
        assert!(!is_session(outside) && !is_early_close(outside));
        assert_eq!(session(outside), None);
        assert_eq!((next_session(outside), previous_session(outside)), (None, None));
        assert_eq!(sessions_between(outside, date(2026, 11, 20)), None);
        assert_eq!(sessions_between(date(2026, 11, 20), outside), None);
        assert_eq!(closure(outside), None);
        assert_eq!(known(outside), Err(OutsideCalendar(outside)));
        let noon = at_new_york(outside, 12, 0, 0);
        assert_eq!((session_at(noon), next_open(noon)), (None, None));
        assert!(!is_session(session_date(noon)), "{outside}");
        assert_eq!((settlement_session(outside), missing([], outside, outside).next()), (None, None));
    }
    assert_eq!(known(FIRST).and(known(LAST)), Ok(LAST));
    assert_eq!(previous_session(date(2000, 1, 3)), None, "the first session");
    assert_eq!(next_session(date(2035, 12, 31)), None, "the last one");
    let at = |text: &str| -> Timestamp { text.parse().unwrap() };
    assert_eq!(next_open(at("2035-12-31T14:30:00Z")), None);
    assert_eq!(next_open(at("2035-12-31T14:29:59Z")).map(|s| s.date), Some(date(2035, 12, 31)));
    assert_eq!(session_date(at("2036-03-08T15:00:00Z")), date(2036, 3, 8), "its own date: no session is known");
    let beyond = OccSymbol::parse("SPX360118C05000000").unwrap();
    assert_eq!((settlement_instant(&beyond), last_trading_session(&beyond)), (None, None));
    assert_eq!(years_to_settlement(at("2026-11-20T15:00:00Z"), &beyond), None);
    assert_eq!(
        OutsideCalendar(date(2036, 1, 1)).to_string(),
        "2036-01-01 is outside the calendar, which knows 2000-01-01 to 2035-12-31"
    );
}

#[test]
fn daylight_saving_moves_the_open() {
    let open = |y, m, d| session(date(y, m, d)).unwrap().open.to_string();
    assert_eq!(open(2026, 3, 6), "2026-03-06T14:30:00Z");
    assert_eq!(open(2026, 3, 9), "2026-03-09T13:30:00Z");
    assert_eq!(open(2026, 10, 30), "2026-10-30T13:30:00Z");
    assert_eq!(open(2026, 11, 2), "2026-11-02T14:30:00Z");
    // Until 2006: from April's first Sunday to October's last.
    assert_eq!(open(2006, 3, 31), "2006-03-31T14:30:00Z");
    assert_eq!(open(2006, 4, 3), "2006-04-03T13:30:00Z");
    assert_eq!(open(2006, 10, 27), "2006-10-27T13:30:00Z");
    assert_eq!(open(2006, 10, 30), "2006-10-30T14:30:00Z");
}

/// By the law (Energy Policy Act of 2005): whether New York is four hours behind on a date's business hours.
fn is_summer(day: Date) -> bool {
    let sunday = |month, nth| date(day.year(), month, 1).nth_weekday_of_month(nth, Weekday::Sunday).unwrap();
    let (from, to) = if day.year() < 2007 { (sunday(4, 1), sunday(10, -1)) } else { (sunday(3, 2), sunday(11, 1)) };
    from <= day && day < to
}

#[test]
fn every_open_and_close_is_at_its_hour_by_law() {
    for day in sessions(FIRST, LAST) {
        let Session { open, close, .. } = session(day).unwrap();
        let midnight = jiff::tz::TimeZone::UTC.to_timestamp(day.at(0, 0, 0, 0)).unwrap();
        let behind = if is_summer(day) { 4 } else { 5 };
        let utc = |minutes: i64| midnight + SignedDuration::from_mins(60 * behind + minutes);
        let last = if is_early_close(day) { 13 } else { 16 };
        assert_eq!((open, close), (utc(9 * 60 + 30), utc(last * 60)), "{day}");
    }
}

/// The instant a contract settles, and the last session it trades in.
#[track_caller]
fn check_settlement(symbol: &str, at: &str, last: Date) {
    let symbol = OccSymbol::parse(symbol).unwrap();
    assert_eq!(settlement_instant(&symbol).unwrap().to_string(), at, "{symbol}");
    assert_eq!(last_trading_session(&symbol), Some(last), "{symbol}");
}

#[test]
fn settlement_instants() {
    check_settlement("SPX261218C05000000", "2026-12-18T14:30:00Z", date(2026, 12, 17));
    check_settlement("SPXW261218C05000000", "2026-12-18T21:00:00Z", date(2026, 12, 18));
    check_settlement("AAPL261127C00200000", "2026-11-27T18:00:00Z", date(2026, 11, 27)); // half day
    check_settlement("SPXW261127C05000000", "2026-11-27T18:00:00Z", date(2026, 11, 27)); // not 13:15
    check_settlement("SPY261120C00500000", "2026-11-20T21:00:00Z", date(2026, 11, 20)); // not 16:15
    check_settlement("AAPL260618C00200000", "2026-06-18T20:00:00Z", date(2026, 6, 18)); // moved by Juneteenth
    check_settlement("NDX260618C05000000", "2026-06-18T13:30:00Z", date(2026, 6, 17));
    check_settlement("SPX270617C05000000", "2027-06-17T13:30:00Z", date(2027, 6, 16));
    check_settlement("RUT261120C02000000", "2026-11-20T14:30:00Z", date(2026, 11, 19));
    check_settlement("DJX261120C00400000", "2026-11-20T14:30:00Z", date(2026, 11, 19));
    check_settlement("XSP261120C00500000", "2026-11-20T21:00:00Z", date(2026, 11, 20));
    check_settlement("VIX261118C00020000", "2026-11-18T14:30:00Z", date(2026, 11, 17)); // a Wednesday
    check_settlement("VIXW261125C00020000", "2026-11-25T14:30:00Z", date(2026, 11, 24));
    // Saturday dates, one of them after Good Friday; an AM contract of that month settled on Thursday, too.
    check_settlement("AAPL140118C00500000", "2014-01-17T21:00:00Z", date(2014, 1, 17));
    check_settlement("SPX120121C01300000", "2012-01-20T14:30:00Z", date(2012, 1, 19));
    check_settlement("AAPL080322C00130000", "2008-03-20T20:00:00Z", date(2008, 3, 20));
    check_settlement("SPX080322C01300000", "2008-03-20T13:30:00Z", date(2008, 3, 19));
    // Thursdays that no holiday moved: dailies.
    check_settlement("SPXW261119C05000000", "2026-11-19T21:00:00Z", date(2026, 11, 19));
    check_settlement("SPX261119C05000000", "2026-11-19T21:00:00Z", date(2026, 11, 19));
}

#[test]
fn years_count_calendar_seconds_an_hour_at_least() {
    let symbol = OccSymbol::parse("AAPL261127C00200000").unwrap();
    let years = |text: &str| years_to_settlement(text.parse().unwrap(), &symbol);
    assert_eq!(years("2026-11-20T18:00:00Z"), Some(7.0 / 365.0));
    assert_eq!(years("2026-11-27T17:59:00Z"), Some(3600.0 / 31_536_000.0));
    assert_eq!(years("2026-11-27T18:00:00Z"), None);
}

/// Dates of a reference file: the first word of each line that is no comment. `None`, said aloud, without the file.
fn reference(name: &str) -> Option<std::collections::BTreeSet<Date>> {
    let path = format!("{}/../../../shared/reference/{name}", env!("CARGO_MANIFEST_DIR"));
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("SKIPPED: {name} is not here, the calendar was not compared");
        return None;
    };
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    Some(lines.filter_map(|line| line.split_whitespace().next()).map(|word| word.parse().unwrap()).collect())
}

#[test]
fn no_difference_from_an_independent_calendar() {
    let Some(closed) = reference("nyse-closed.txt") else { return };
    let Some(early) = reference("nyse-early-closes.txt") else { return };
    assert!(closed.len() > 250 && early.len() > 50, "the files were not read whole");
    let mut differences = Vec::new();
    for day in days(date(2000, 1, 3), date(2030, 12, 31)) {
        let weekend = matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
        if is_session(day) == (weekend || closed.contains(&day)) {
            differences.push(format!("{day} session {}", is_session(day)));
        }
        if is_early_close(day) != early.contains(&day) {
            differences.push(format!("{day} early close {}", is_early_close(day)));
        }
    }
    assert_eq!(differences, Vec::<String>::new());
}

/// Our own list of short sessions, for machines without the reference files: what the exchange announced or held.
#[test]
fn short_sessions_of_some_years() {
    let short = |year| -> Vec<String> {
        let all = days(date(year, 1, 1), date(year, 12, 31)).filter(|day| is_early_close(*day));
        all.map(|day| day.strftime("%m-%d").to_string()).collect()
    };
    assert_eq!(short(2002), ["07-05", "11-29", "12-24"]);
    assert_eq!(short(2003), ["07-03", "11-28", "12-24", "12-26"]);
    assert_eq!(short(2013), ["07-03", "11-29", "12-24"]);
    assert_eq!(short(2020), ["11-27", "12-24"]);
    assert_eq!(short(2021), ["11-26"]);
    assert_eq!(short(2026), ["11-27", "12-24"]);
    assert_eq!(short(2035), ["07-03", "11-23", "12-24"]);
}
