//! Standard output carries results and nothing else; a reader that went away is no error.

use std::io::{BufWriter, ErrorKind, StdoutLock, Write};

use crate::failure::Failure;

/// Writes results.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    still_read(out.write_all(text.as_bytes()).and_then(|()| out.flush())).map(drop)
}

/// Results that are written as they come, because they may have no end.
#[derive(Debug)]
pub struct Stream(BufWriter<StdoutLock<'static>>);

impl Stream {
    /// Standard output, held until this is dropped.
    #[must_use]
    pub fn new() -> Self {
        Self(BufWriter::with_capacity(1 << 16, std::io::stdout().lock()))
    }

    /// Writes a piece; whether anybody still reads.
    pub fn write(&mut self, text: &str) -> Result<bool, Failure> {
        still_read(self.0.write_all(text.as_bytes()))
    }

    /// Hands on what was written so far; whether anybody still reads.
    pub fn flush(&mut self) -> Result<bool, Failure> {
        still_read(self.0.flush())
    }
}

impl Default for Stream {
    fn default() -> Self {
        Self::new()
    }
}

fn still_read(written: std::io::Result<()>) -> Result<bool, Failure> {
    match written {
        Ok(()) => Ok(true),
        // `optionfleet … | head`: whoever read has read enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Failure::broken(format!("cannot write to standard output: {error}"))),
    }
}

/// JSON with a newline at the end.
pub fn json(value: &impl serde::Serialize) -> Result<String, Failure> {
    serde_json::to_string_pretty(value)
        .map(|text| text + "\n")
        .map_err(|error| Failure::broken(format!("cannot write JSON: {error}")))
}
