//! A person's file of report dates.

use fleet_coordinator::earnings_file::read;

/// Characters of a message about a file: ten lines of it, each with a field.
const MESSAGE: usize = 2000;

/// Whatever is read is by ticker, oldest first, one a date; the rest is a sentence.
pub fn earnings_file(bytes: &[u8]) {
    match read(bytes) {
        Ok(reports) => {
            for (ticker, dates) in reports {
                assert!(!dates.is_empty(), "{ticker} has no report");
                assert!(dates.is_sorted_by(|a, b| a.date < b.date), "{dates:?}");
            }
        }
        Err(error) => {
            let text = error.to_string();
            assert!(!text.is_empty() && !text.contains(char::is_control), "{text:?}");
            assert!(text.chars().count() <= MESSAGE, "{} characters: {text}", text.chars().count());
        }
    }
}
