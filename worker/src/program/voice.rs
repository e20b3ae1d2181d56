//! What the program itself says, whatever the log's filter: a handful of lines in its life, on stderr.

use fleet_telemetry::LogFormat;
use fleet_telemetry::say;
use jiff::Timestamp;
use serde_json::json;

/// Says a line, in the form the log has.
#[derive(Debug, Clone, Copy)]
pub struct Voice(LogFormat);

impl Voice {
    pub fn new(format: LogFormat) -> Self {
        Self(format)
    }

    pub fn say(self, text: &str) {
        self.line("INFO", text);
    }

    pub fn warn(self, text: &str) {
        self.line("WARN", text);
    }

    pub fn fail(self, text: &str) {
        self.line("ERROR", text);
    }

    fn line(self, level: &str, text: &str) {
        say!("{}", self.written(level, text, Timestamp::now()));
    }

    fn written(self, level: &str, text: &str, at: Timestamp) -> String {
        match self.0 {
            LogFormat::Text if level == "WARN" => format!("optionfleet-worker: warning: {text}"),
            LogFormat::Text => format!("optionfleet-worker: {text}"),
            // The keys of the log's own lines.
            LogFormat::Json => {
                let target = "optionfleet_worker";
                json!({"timestamp": at.to_string(), "level": level, "target": target, "message": text}).to_string()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_the_logs_form() {
        let at: Timestamp = "2026-11-20T15:00:00Z".parse().unwrap();
        assert_eq!(Voice::new(LogFormat::Text).written("WARN", "a \"b\"", at), "optionfleet-worker: warning: a \"b\"");
        let line = Voice::new(LogFormat::Json).written("INFO", "a \"b\"\nc", at);
        assert_eq!(line.lines().count(), 1, "{line}");
        let read: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!((read["level"].as_str(), read["message"].as_str()), (Some("INFO"), Some("a \"b\"\nc")));
    }
}
