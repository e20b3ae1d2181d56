//! The browsers people use, as of one date: which, on what, how often, and which versions of them are in the field.
//!
//! Pure data. Versions are not typed in but follow from each browser's published rhythm and the table's date, so that
//! the table claims nothing that nobody looked up:
//!
//! | browser | rule | newest on the table's date |
//! |---|---|---|
//! | Chrome | 153 on 2026-09-08, then a major every two weeks (its team's announcement of March 2026) | 158 |
//! | Edge | Chromium's major within days; it follows the two weeks since 152 | 158 |
//! | Firefox | 155 on 2026-09-01, then a major every two weeks (Mozilla's calendar) | 161 |
//! | Safari | a major with the systems in September (27.0 on 2026-09-14), its `.1` by early November, as in 2023, 2024 and 2025 | 27.1 |
//!
//! Weights are round shares of visits from the United States by system and browser: they say how often a profile is
//! drawn, not whether it is coherent. To bring the table up to date: look the rules up again, set [`UPDATED`] to that
//! day and run this crate's tests; a test fails when the table is more than a year old.

use jiff::Unit;
use jiff::civil::{Date, date};

use super::profile::{Browser, Device, Profile, System, Version};

/// The day the rules and weights were last looked up.
pub(super) const UPDATED: Date = date(2026, 11, 29);

/// A browser on a system.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub(super) browser: Browser,
    pub(super) system: System,
    pub(super) device: Device,
    /// Its share, relative to the other rows.
    pub(super) weight: u32,
}

const fn row(browser: Browser, system: System, device: Device, weight: u32) -> Row {
    Row { browser, system, device, weight }
}

/// Every profile that may be drawn.
pub(super) const ROWS: &[Row] = &[
    row(Browser::Chrome, System::Windows, Device::Desktop, 36),
    row(Browser::Chrome, System::MacOs, Device::Desktop, 12),
    row(Browser::Chrome, System::Linux, Device::Desktop, 2),
    row(Browser::Edge, System::Windows, Device::Desktop, 12),
    row(Browser::Edge, System::MacOs, Device::Desktop, 1),
    row(Browser::Firefox, System::Windows, Device::Desktop, 5),
    row(Browser::Firefox, System::MacOs, Device::Desktop, 1),
    row(Browser::Firefox, System::Linux, Device::Desktop, 1),
    row(Browser::Safari, System::MacOs, Device::Desktop, 8),
    row(Browser::Safari, System::Ios, Device::Phone, 14),
    row(Browser::Chrome, System::Android, Device::Phone, 8),
];

/// Versions of a browser in the field on a day, newest first, with weights: browsers update themselves, so that most
/// have the newest within two weeks and nearly all the rest the one before.
pub(super) fn versions(browser: Browser, on: Date) -> [(Version, u32); 2] {
    let newest = match browser {
        Browser::Chrome | Browser::Edge => every_two_weeks(153, date(2026, 9, 8), on),
        Browser::Firefox => every_two_weeks(155, date(2026, 9, 1), on),
        Browser::Safari => return [(Version { major: 27, minor: 1 }, 6), (Version { major: 27, minor: 0 }, 4)],
    };
    [(Version { major: newest, minor: 0 }, 6), (Version { major: newest - 1, minor: 0 }, 4)]
}

/// The major of a day, where `major` came out on `first` and another one every two weeks since.
fn every_two_weeks(major: u32, first: Date, on: Date) -> u32 {
    let days = first.until((Unit::Day, on)).map_or(0, |span| span.get_days());
    major + u32::try_from(days / 14).unwrap_or(0)
}

/// Chrome on Windows in its newest version: what most people have.
pub(super) fn usual() -> Profile {
    let [(version, _), _] = versions(Browser::Chrome, UPDATED);
    Profile { browser: Browser::Chrome, version, system: System::Windows, device: Device::Desktop }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Days after which the table gives itself away more than it helps.
    const MAX_AGE_DAYS: i32 = 365;

    /// What is wrong with using the table on a day, in words that say what to do; `None` while it is fresh.
    fn staleness(today: Date) -> Option<String> {
        let days = UPDATED.until((Unit::Day, today)).map_or(i32::MAX, |span| span.get_days());
        (days > MAX_AGE_DAYS).then(|| {
            format!(
                "the table of browser profiles is of {UPDATED}, {days} days ago, and gives itself away: look up the rules \
                 at the top of scraper/src/identity/table.rs, correct them and the weights, and set UPDATED to that day"
            )
        })
    }

    #[test]
    fn the_table_is_younger_than_a_year() {
        let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
        assert_eq!(staleness(today), None);
    }

    #[test]
    fn an_old_table_is_noticed_and_says_what_to_do() {
        assert_eq!(staleness(UPDATED), None);
        assert_eq!(staleness(date(2027, 11, 29)), None);
        let words = staleness(date(2027, 11, 30)).unwrap();
        assert!(words.contains("366 days ago") && words.contains("set UPDATED"), "{words}");
    }

    #[test]
    fn versions_follow_the_published_rhythm() {
        #[track_caller]
        fn check(browser: Browser, on: Date, newest: u32) {
            assert_eq!(versions(browser, on)[0].0.major, newest, "{browser:?} on {on}");
        }
        check(Browser::Chrome, date(2026, 9, 21), 153);
        check(Browser::Chrome, date(2026, 9, 22), 154);
        check(Browser::Chrome, UPDATED, 158);
        check(Browser::Edge, UPDATED, 158);
        // What Mozilla released on these days.
        check(Browser::Firefox, date(2026, 9, 15), 156);
        check(Browser::Firefox, date(2026, 10, 13), 158);
        check(Browser::Firefox, date(2026, 10, 27), 159);
        check(Browser::Firefox, UPDATED, 161);
        check(Browser::Safari, UPDATED, 27);
    }
}
