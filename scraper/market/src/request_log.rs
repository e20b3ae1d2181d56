//! The request log: one JSON line a request, written before its answer leaves, so that whoever has the answer also
//! finds the line. Times are the machine's, because the market's own clock stands still.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use serde::Serialize;

/// One line.
#[derive(Debug, Serialize)]
pub(crate) struct Line<'a> {
    /// When the request arrived.
    pub time: Timestamp,
    /// Address and port it came from.
    pub peer: String,
    pub method: &'a str,
    /// With the query, as it was sent.
    pub path: &'a str,
    /// The vendor whose prefix it bears; the market's own endpoints have none.
    pub vendor: Option<&'static str>,
    /// Names in lower case.
    pub headers: serde_json::Map<String, serde_json::Value>,
    pub status: u16,
}

/// An open log.
#[derive(Debug)]
pub(crate) struct RequestLog(Mutex<File>);

impl RequestLog {
    /// Opens for appending, creating the file.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self(Mutex::new(OpenOptions::new().create(true).append(true).open(path)?)))
    }

    /// Writes one line with a single call to the system.
    pub(crate) fn write(&self, line: &Line<'_>) -> io::Result<()> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write_all(&text)
    }
}
