//! What a person sees on stderr while a scan runs: a bar on a terminal, sparse lines elsewhere, nothing with --quiet.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use fleet_telemetry::say;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::sync::mpsc::UnboundedReceiver;

use fleet_core::domain::ScanState;

use crate::args::Global;
use crate::scan::{FoundSoFar, Progress};

/// How much is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Telling {
    /// Nothing.
    Quiet,
    /// A line now and then.
    Lines,
    /// A bar that moves.
    Bar,
}

impl Telling {
    /// What suits this stderr and what was asked for.
    #[must_use]
    pub fn of(global: &Global) -> Self {
        match (global.quiet, std::io::stderr().is_terminal()) {
            (true, _) => Self::Quiet,
            (false, true) => Self::Bar,
            (false, false) => Self::Lines,
        }
    }
}

/// Lines of accounted tickers are at least so far apart, so that a log stays readable.
const BETWEEN_LINES: Duration = Duration::from_secs(10);

/// Tells until the scan drops its sender. `worker_command` starts a worker of the fleet.
/// `see` is shown everything too.
pub async fn tell(
    mut events: UnboundedReceiver<Progress>,
    telling: Telling,
    worker_command: String,
    see: impl Fn(&Progress),
) {
    let mut shown = Shown::new(telling, worker_command);
    while let Some(event) = events.recv().await {
        see(&event);
        shown.show(&event);
    }
    shown.finish();
}

struct Shown {
    telling: Telling,
    worker_command: String,
    bar: Option<ProgressBar>,
    last_line: Instant,
    /// The deadline came first.
    sealed: bool,
}

impl Shown {
    fn new(telling: Telling, worker_command: String) -> Self {
        Self { telling, worker_command, bar: None, last_line: Instant::now(), sealed: false }
    }

    fn line(&self, text: &str) {
        match (&self.bar, self.telling) {
            (_, Telling::Quiet) => {}
            (Some(bar), _) => bar.println(text),
            (None, _) => say!("{text}"),
        }
    }

    fn show(&mut self, event: &Progress) {
        match event {
            Progress::WaitingForLease { holder, at_most } => {
                self.line(&format!("{} holds this scan; waiting at most {} s for it", holder.0, at_most.as_secs()));
            }
            Progress::State(state) => {
                if let Some(words) = state_words(*state)
                    && !(self.sealed && *state == ScanState::Sealed)
                {
                    self.line(words);
                }
            }
            Progress::Universe { pages, total, left_out } => {
                self.line(&format!("the universe has {} on {}", counted(*total, "row"), counted(*pages, "page")));
                if !left_out.is_empty() {
                    self.line(&format!("left out, no tickers we can scan: {}", left_out.join(" ")));
                }
            }
            Progress::Requests(_) | Progress::LeaseHeld | Progress::Published { .. } | Progress::Fleet { .. } => {}
            Progress::Planned { tickers } => self.start(*tickers),
            Progress::Accounted { done, of, found } => self.accounted(*done, *of, *found),
            Progress::NoWorker { since } => {
                self.line(&format!("no worker has checked in for {} s; start one with:", since.as_secs()));
                self.line(&format!("  {}", self.worker_command));
            }
            Progress::SealedAtDeadline { tickers } => {
                self.sealed = true;
                self.line(&format!("the deadline came first; tickers without an answer: {}", tickers.len()));
            }
            Progress::Settled { capped, notices } => {
                self.line(&format!(
                    "{} written, {} without room",
                    counted(*notices, "notice"),
                    counted(*capped, "candidate")
                ));
            }
            Progress::Notices { sent, left } => {
                if *left > 0 {
                    let left = counted(*left, "notice");
                    self.line(&format!("{sent} told of, {left} left for the next scan"));
                }
            }
        }
    }

    fn start(&mut self, tickers: u32) {
        self.line(&format!("scanning {}", counted(tickers, "ticker")));
        if self.telling == Telling::Bar {
            let bar = ProgressBar::new(u64::from(tickers));
            // The template is fixed and checked by a test; without it indicatif's own style serves.
            if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
                bar.set_style(style);
            }
            self.bar = Some(bar);
        }
    }

    fn accounted(&mut self, done: u32, of: u32, found: Option<FoundSoFar>) {
        let words = match found {
            Some(FoundSoFar { failed, candidates }) => {
                format!(", {failed} failed, {}", counted(candidates, "candidate"))
            }
            None => String::new(),
        };
        match &self.bar {
            Some(bar) => {
                bar.set_length(u64::from(of));
                bar.set_position(u64::from(done));
                bar.set_message(words);
            }
            None if done == of || self.last_line.elapsed() >= BETWEEN_LINES => {
                self.last_line = Instant::now();
                self.line(&format!("{done} of {of} tickers{words}"));
            }
            None => {}
        }
    }

    fn finish(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}

/// What the scan does now, in words for people; `None` where another line says it.
const fn state_words(state: ScanState) -> Option<&'static str> {
    match state {
        ScanState::Init => Some("reading the universe"),
        ScanState::Sealed => Some("all tickers accounted for"),
        ScanState::Publishing | ScanState::Running | ScanState::Alerting | ScanState::Done => None,
    }
}

/// `1 page`, `2 pages`.
fn counted(n: u32, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

const TEMPLATE: &str = "{bar:40} {pos}/{len} tickers{msg}, {eta} left";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_a_thing_has_no_s() {
        assert_eq!(counted(1, "page"), "1 page");
        assert_eq!(counted(0, "page"), "0 pages");
    }

    #[test]
    fn the_bar_has_a_sound_template() {
        assert!(ProgressStyle::with_template(TEMPLATE).is_ok());
    }
}
