//! Standard output carries results and nothing else; a reader that went away is no error.

use std::io::{ErrorKind, Write};

use crate::failure::Failure;

/// Writes results.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        // `optionfleet … | head`: whoever read has read enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Failure::broken(format!("cannot write to standard output: {error}"))),
    }
}

/// JSON with a newline at the end.
pub fn json(value: &impl serde::Serialize) -> Result<String, Failure> {
    serde_json::to_string_pretty(value)
        .map(|text| text + "\n")
        .map_err(|error| Failure::broken(format!("cannot write JSON: {error}")))
}
