//! The scan id: `<universe label>-<YYYYMMDD>-<slot>`. Deterministic, so that a second launch of a slot resumes it and
//! never forks.

use std::path::Path;

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use fleet_core::domain::calendar;
use fleet_core::domain::{ScanId, Ticker};

/// The first part of a scan id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label(String);

/// Why a text is not a label.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a universe label: 1 to 40 letters, digits, `_` or `-` are wanted")]
pub struct BadLabel(String);

/// Why a text is not a slot.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a slot: a time of day such as 1000 (HHMM), or a length such as 30m (5m to 240m), is wanted")]
pub struct BadSlot(String);

/// The name of a run in the day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Slot {
    /// `HHMM`, as given.
    At(String),
    /// The begin of the present stretch of so many minutes, counted from midnight in New York. Launched more often than
    /// that, a timer resumes what crashed and does nothing where all is done.
    Every(u16),
}

impl Label {
    /// Reads a label.
    pub fn parse(text: &str) -> Result<Self, BadLabel> {
        let fits =
            (1..=40).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
        if fits { Ok(Self(text.to_owned())) } else { Err(BadLabel(text.chars().take(60).collect())) }
    }

    /// The label of tickers typed by hand: a hash of the set, whatever its order.
    #[must_use]
    pub fn of_tickers(tickers: &[Ticker]) -> Self {
        let mut sorted: Vec<&str> = tickers.iter().map(Ticker::as_str).collect();
        sorted.sort_unstable();
        sorted.dedup();
        let digest = Sha256::digest(sorted.join(",").as_bytes());
        let hash: String = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        Self(format!("tickers-{hash}"))
    }

    /// The label of a universe file: its stem, other characters turned into `_`.
    #[must_use]
    pub fn of_file(path: &Path) -> Self {
        let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let folded: String =
            stem.chars().take(40).map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect();
        Self(if folded.is_empty() { "file".to_owned() } else { folded })
    }
}

impl Slot {
    /// Reads `HHMM` or `30m`.
    pub fn parse(text: &str) -> Result<Self, BadSlot> {
        let digits = text.len() == 4 && text.bytes().all(|b| b.is_ascii_digit());
        if digits && &text[..2] < "24" && &text[2..] < "60" {
            return Ok(Self::At(text.to_owned()));
        }
        let minutes = text.strip_suffix('m').and_then(|number| number.parse().ok());
        let fitting = minutes.filter(|minutes| (5..=240).contains(minutes));
        fitting.map(Self::Every).ok_or_else(|| BadSlot(text.chars().take(40).collect()))
    }

    /// Its name at an instant, `HHMM`.
    fn name(&self, at: Timestamp) -> String {
        match self {
            Self::At(name) => name.clone(),
            Self::Every(minutes) => {
                let time = new_york_time(at);
                let number = |range: std::ops::Range<usize>| time[range].parse::<u16>().unwrap_or_default();
                let begin = (number(0..2) * 60 + number(2..4)) / minutes * minutes;
                format!("{:02}{:02}", begin / 60, begin % 60)
            }
        }
    }
}

/// The id of a scan that starts at an instant: the date in New York, and the slot or the time there to the second.
#[must_use]
pub fn scan_id(label: &Label, slot: Option<&Slot>, at: Timestamp) -> ScanId {
    let date = calendar::exchange_date(at).strftime("%Y%m%d").to_string();
    let slot = slot.map_or_else(|| new_york_time(at), |slot| slot.name(at));
    let text = format!("{}-{date}-{slot}", label.0);
    // A label has at most 40 permitted characters, so this always fits; the fallback is never seen.
    ScanId::parse(&text).or_else(|_| ScanId::parse("scan")).unwrap_or_else(|_| unreachable!("`scan` is a scan id"))
}

/// What all scans of one timer have in common: the id without its day and slot. `None`: not an id that was made here.
#[must_use]
pub fn series(scan: &ScanId) -> Option<&str> {
    let (rest, slot) = scan.as_str().rsplit_once('-')?;
    let (label, day) = rest.rsplit_once('-')?;
    let digits = |text: &str, n: &[usize]| n.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    (digits(day, &[8]) && digits(slot, &[4, 6]) && !label.is_empty()).then_some(label)
}

fn new_york_time(at: Timestamp) -> String {
    let midnight = calendar::at_new_york(calendar::exchange_date(at), 0, 0, 0);
    let minute = calendar::new_york_text(at);
    let second = (at.as_second() - midnight.as_second()).rem_euclid(60);
    format!("{}{}{second:02}", &minute[11..13], &minute[14..16])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tickers(list: &[&str]) -> Vec<Ticker> {
        list.iter().map(|text| Ticker::parse(text).unwrap()).collect()
    }

    #[test]
    fn the_id_says_label_day_and_slot_in_new_york() {
        let at: Timestamp = "2026-11-20T15:05:07Z".parse().unwrap();
        let label = Label::parse("finviz").unwrap();
        let slot = Slot::parse("1000").unwrap();
        assert_eq!(scan_id(&label, Some(&slot), at).as_str(), "finviz-20261120-1000");
        assert_eq!(scan_id(&label, None, at).as_str(), "finviz-20261120-100507");
        // Already tomorrow in Greenwich, still today in New York.
        let late: Timestamp = "2026-11-21T01:00:59Z".parse().unwrap();
        assert_eq!(scan_id(&label, None, late).as_str(), "finviz-20261120-200059");
    }

    #[test]
    fn a_series_is_the_label() {
        let check = |id: &str, expected| assert_eq!(series(&ScanId::parse(id).unwrap()), expected, "{id}");
        check("finviz-20261120-1000", Some("finviz"));
        check("tickers-0a1b2c3d-20261120-100507", Some("tickers-0a1b2c3d"));
        check("x-1", None);
        check("finviz-2026-1000", None);
        check("finviz-20261120-10", None);
    }

    #[test]
    fn labels_of_tickers_do_not_depend_on_order_or_repetition() {
        let label = Label::of_tickers(&tickers(&["AAPL", "MSFT"]));
        assert_eq!(label, Label::of_tickers(&tickers(&["MSFT", "AAPL", "MSFT"])));
        assert_ne!(label, Label::of_tickers(&tickers(&["AAPL"])));
        assert_eq!(label.0.len(), "tickers-".len() + 8);
    }

    #[test]
    fn labels_of_files_are_their_stems() {
        assert_eq!(Label::of_file(Path::new("/x/my list.v2.txt")).0, "my_list_v2");
        assert_eq!(Label::of_file(Path::new("/")).0, "file");
    }

    #[test]
    fn slots_are_times_of_day() {
        for text in ["0930", "2359", "0000", "5m", "30m", "240m"] {
            assert!(Slot::parse(text).is_ok(), "{text}");
        }
        for text in ["930", "2400", "1060", "10:00", "", "١٠٠٠", "4m", "241m", "m", "-5m", "1h"] {
            assert!(Slot::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_slot_of_half_an_hour_is_the_same_for_half_an_hour() {
        let at = |text: &str, slot: &str| Slot::parse(slot).unwrap().name(text.parse().unwrap());
        // 10:00 to 10:29 in New York.
        assert_eq!(at("2026-11-20T15:00:00Z", "30m"), "1000");
        assert_eq!(at("2026-11-20T15:29:59Z", "30m"), "1000");
        assert_eq!(at("2026-11-20T15:30:00Z", "30m"), "1030");
        assert_eq!(at("2026-11-20T15:59:59Z", "60m"), "1000");
    }
}
