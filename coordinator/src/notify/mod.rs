//! Ways a notice reaches a person: the report, always, and a file where one is named. Notices are collected while the
//! outbox is drained, and printed with the table.
//!
//! A notice is handed over once at a time, after it was claimed in the outbox; what these return decides whether it is
//! confirmed or released there.

mod file;
mod recording;

use std::path::PathBuf;

pub use file::FileNotifier;
pub use recording::RecordingNotifier;

/// Where notices go beside the report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sink {
    /// Nowhere.
    Report,
    /// To the end of a file, a line of JSON each. `~/` is not resolved yet.
    File(PathBuf),
}

/// Why a text names no sink.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("is `{0}`; it must be report, or file:PATH")]
pub struct BadSink(String);

impl Sink {
    /// Reads `report` or `file:PATH`.
    pub fn parse(text: &str) -> Result<Self, BadSink> {
        match text.strip_prefix("file:") {
            Some(path) if !path.trim().is_empty() => Ok(Self::File(PathBuf::from(path))),
            None if text == "report" => Ok(Self::Report),
            Some(_) | None => Err(BadSink(text.chars().take(80).collect())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sinks_are_the_report_and_files() {
        assert_eq!(Sink::parse("report"), Ok(Sink::Report));
        assert_eq!(Sink::parse("file:~/n.jsonl"), Ok(Sink::File("~/n.jsonl".into())));
        for text in ["", "file:", "file", "sms:1", "Report"] {
            assert!(Sink::parse(text).is_err(), "{text}");
        }
    }
}
