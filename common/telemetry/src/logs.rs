//! Logs go to stderr: stdout belongs to results.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// Form of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// One line an event, for people; coloured on a terminal.
    #[default]
    Text,
    /// One JSON object a line: the event's fields at the top, those of the delivery it belongs to under `span`.
    Json,
}

/// A text that is no log filter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{filter}` is not a log filter: {why}; write for example info or fleet_worker=debug")]
pub struct BadFilter {
    /// The text.
    pub filter: String,
    /// What is wrong with it.
    pub why: String,
}

/// What is logged unless somebody says otherwise.
pub const DEFAULT_FILTER: &str = "error";

/// Logs from now on. An empty filter is as good as none: `error`. In a process that logs already nothing changes.
pub fn start(filter: &str, format: LogFormat) -> Result<(), BadFilter> {
    let filter = read(filter)?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // It would tell of them on stderr, where nobody reads any more.
    let log = log.log_internal_errors(false);
    let started = match format {
        LogFormat::Text => log.with_ansi(std::io::stderr().is_terminal()).try_init(),
        LogFormat::Json => log.json().flatten_event(true).with_current_span(true).with_span_list(false).try_init(),
    };
    // An error means that somebody was first, whose log it then is.
    drop(started);
    Ok(())
}

fn read(filter: &str) -> Result<EnvFilter, BadFilter> {
    let filter = if filter.trim().is_empty() { DEFAULT_FILTER } else { filter };
    let bad =
        |error: tracing_subscriber::filter::ParseError| BadFilter { filter: filter.to_owned(), why: error.to_string() };
    // Our own events say what the NATS client says too, in our words.
    if filter.contains("async_nats") {
        return EnvFilter::try_new(filter).map_err(bad);
    }
    EnvFilter::try_new(format!("{filter},async_nats=off")).map_err(bad)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_read_or_named() {
        assert_eq!(read("").unwrap().to_string(), "async_nats=off,error");
        assert_eq!(read("async_nats=debug").unwrap().to_string(), "async_nats=debug");
        let error = read("fleet_worker=loud").unwrap_err().to_string();
        assert!(error.starts_with("`fleet_worker=loud` is not a log filter"), "{error}");
    }
}
