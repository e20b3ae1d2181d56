//! Every recorded body in `../shared/captures` is read as `EXPECTED.tsv` says: kind, verdict, rows.
//!
//! The recordings are not ours to copy, so they lie beside the repository; where they are missing the tests say so
//! on stderr and check nothing.

use std::path::{Path, PathBuf};

use fleet_core::domain::{EarningsDate, Instrument, Ticker, UnderlyingClass};
use fleet_scraper::inspect::{Inspection, Kind, Verdict, inspect};
use fleet_scraper::vendors::yahoo::parse::chain_page;
use jiff::civil::date;

/// Where the recordings are, or a loud word that they are not.
pub fn captures() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/captures");
    if folder.join("EXPECTED.tsv").is_file() {
        Some(folder)
    } else {
        eprintln!("SKIPPED: no recorded bodies in {}", folder.display());
        None
    }
}

pub fn read(folder: &Path, file: &str) -> Vec<u8> {
    std::fs::read(folder.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// Two recordings are the same bytes under two kinds: the error object of a chart is in both folders. Content cannot
/// tell them apart, so the kind of this one is given, as a user would with `--kind`.
const GIVEN: &str = "yahoo_chart/chart-BFLY-2020-01-01-to-2020-01-03.20211121T140131Z.json";
const SAME_BYTES: &str = "errors/yahoo_chart_400_no_data_in_range.json";

#[test]
fn every_recording_is_read_as_expected() {
    let Some(folder) = captures() else { return };
    let expected = std::fs::read_to_string(folder.join("EXPECTED.tsv")).unwrap();
    assert_eq!(read(&folder, GIVEN), read(&folder, SAME_BYTES));
    let mut wrong = Vec::new();
    let mut lines = 0;
    for line in expected.lines().skip(1) {
        let fields: Vec<&str> = line.split('\t').collect();
        let (file, kind, verdict, rows) = (fields[0], fields[1], fields[2], fields[3]);
        lines += 1;
        let given = (file == GIVEN).then_some(Kind::YahooChart);
        let found = inspect(&read(&folder, file), given);
        let found_words = format!("{} {} {}", found.kind, found.verdict, found.rows);
        if found_words != format!("{kind} {verdict} {rows}") {
            wrong.push(format!("{file}: expected {kind} {verdict} {rows}, found {found_words} ({})", found.detail));
        }
        let usable = ["understood", "no_options", "unlisted_date", "no_bars", "snippet"].contains(&verdict);
        if found.is_refused() == usable {
            wrong.push(format!("{file}: refused is {}", found.is_refused()));
        }
    }
    assert!(lines > 150, "only {lines} lines in EXPECTED.tsv");
    assert!(wrong.is_empty(), "{} of {lines} differ:\n{}", wrong.len(), wrong.join("\n"));
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

/// Nothing that has no rows may look like an answer: without rows there is a verdict that says why, and a sentence.
#[test]
fn no_recording_gives_a_silent_zero_or_a_panic_under_any_kind() {
    let Some(folder) = captures() else { return };
    let mut all = Vec::new();
    files(&folder, &mut all);
    assert!(all.len() > 100);
    for path in all {
        let bytes = std::fs::read(&path).unwrap();
        // Under every kind only for the small ones: the point is the shape, not the size.
        let kinds: Vec<Option<Kind>> =
            if bytes.len() < 20_000 { Kind::ALL.into_iter().map(Some).chain([None]).collect() } else { vec![None] };
        for kind in kinds {
            check_loud(&inspect(&bytes, kind), &format!("{} as {kind:?}", path.display()));
        }
    }
}

/// The ex-dates are the companies' own, as they announced them.
#[test]
fn recorded_dividends_went_ex_on_their_days() {
    let Some(folder) = captures() else { return };
    let check = |file: &str, ticker: &str, expected: &[(&str, f64)]| {
        let bytes = read(&folder, &format!("yahoo_chart/{file}"));
        let of = Instrument::Underlying(Ticker::parse(ticker).unwrap());
        let series = fleet_scraper::vendors::yahoo::parse::bars(&bytes, &of).unwrap();
        let paid: Vec<(String, f64)> =
            series.dividends.iter().flatten().map(|paid| (paid.ex_date.to_string(), paid.amount.dollars())).collect();
        let expected: Vec<(String, f64)> = expected.iter().map(|(day, paid)| ((*day).to_owned(), *paid)).collect();
        assert_eq!(paid, expected, "{file}");
    };
    check(
        "historical-via-chart-MSFT-dividends-2021-02-01-to-2022-01-31.csv.20240916T121425Z.json",
        "MSFT",
        &[("2021-02-17", 0.56), ("2021-05-19", 0.56), ("2021-08-18", 0.56), ("2021-11-17", 0.62)],
    );
    // Paid after the split of August 2020, and asked for after it: $0.205 then is $0.205 now.
    check("chart-AAPL-2020-08-31-to-2020-11-07.20211122T095544Z.json", "AAPL", &[("2020-11-06", 0.205)]);
    check("yfrs_history_chart_AAPL.20250815T1735Z.json", "AAPL", &[("2025-05-12", 0.26), ("2025-08-11", 0.26)]);
}

/// What the bodies say, read by a person.
#[test]
fn recorded_reports_and_classes() {
    let Some(folder) = captures() else { return };
    let of = |file: &str, ticker: &str| {
        let bytes = read(&folder, &format!("yahoo_options/{file}"));
        chain_page(&bytes, &Ticker::parse(ticker).unwrap()).unwrap().facts
    };
    let report = |date, estimated| EarningsDate { date, estimated };
    let apple = of("options-AAPL.20250224T092442Z.json", "AAPL");
    assert_eq!((apple.class, apple.market_cap), (Some(UnderlyingClass::Stock), Some(3_688_676_720_640.0)));
    let expected = [report(date(2025, 1, 30), false), report(date(2025, 4, 30), true), report(date(2025, 5, 5), true)];
    assert_eq!(apple.earnings.as_deref(), Some(expected.as_slice()), "held, and the window of the next");
    let ebay = of("options-EBAY.20250224T092448Z.json", "EBAY");
    assert_eq!(ebay.earnings, Some(vec![report(date(2025, 2, 26), false)]), "announced");
    let qqq = of("options-QQQ.20250224T092445Z.json", "QQQ");
    assert_eq!((qqq.class, qqq.earnings), (Some(UnderlyingClass::Fund), None));
    let google = of("options-GOOG.20220216T091623Z.json", "GOOG");
    assert_eq!((google.class, google.earnings), (Some(UnderlyingClass::Stock), None), "this body names no date");
}

pub fn check_loud(found: &Inspection, what: &str) {
    assert!(!found.detail.is_empty(), "{what}: no sentence");
    if found.verdict == Verdict::Understood {
        assert!(found.rows > 0, "{what}: understood, and nothing in it");
    }
    assert!(found.lines().len() >= 2, "{what}");
}
