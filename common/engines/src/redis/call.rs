//! One call of a script: its arguments, sending it, and reading its answer.

use std::time::Duration;

use ::redis::{Arg, Cmd, ErrorKind, RedisError, ServerErrorKind};
use fleet_core::domain::ScanId;
use fleet_core::seams::{Lease, StoreError};
use fleet_core::wire::{self, Wire};
use jiff::Timestamp;

use super::failure;
use super::link::Link;
use super::reply::Reply;
use super::scripts::Script;
use super::settings::RedisSettings;

/// Larger bodies are refused before they are sent: everybody else's calls would wait behind them.
pub const MAX_BODY_BYTES: usize = 8 << 20;
/// Spans are cut to this (about 120 years), so that instants stay below 2^53 microseconds.
const MAX_SPAN_US: i64 = 3_900_000_000_000_000;

/// Whether a call may be sent again when its answer was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    /// It reads, or the second one has the same answer and changes nothing.
    Safe,
    /// The second one would be answered differently; the caller decides.
    Unsafe,
}

/// A script about to be called. Arguments are taken in the order in which the script takes them.
pub(super) struct Call<'a> {
    link: &'a Link,
    script: &'static Script,
    command: Cmd,
    /// The first body that is too large, in words.
    refused: Option<String>,
}

impl<'a> Call<'a> {
    pub(super) fn new(link: &'a Link, script: &'static Script, settings: &RedisSettings) -> Self {
        let now = settings.clock.as_ref().map(|clock| clock.now().as_microsecond().to_string());
        let mut command = ::redis::cmd("EVALSHA");
        command.arg(script.sha.as_str()).arg(0).arg(&settings.prefix).arg(now.unwrap_or_default());
        Self { link, script, command, refused: None }
    }

    pub(super) fn text(mut self, text: &str) -> Self {
        self.command.arg(text);
        self
    }

    pub(super) fn int(mut self, number: impl Into<i64>) -> Self {
        self.command.arg(number.into());
        self
    }

    /// A number of groups of arguments that follow.
    pub(super) fn count(mut self, groups: usize) -> Self {
        self.command.arg(groups);
        self
    }

    /// Whole microseconds.
    pub(super) fn span(self, span: Duration) -> Self {
        self.int(i64::try_from(span.as_micros()).unwrap_or(MAX_SPAN_US).min(MAX_SPAN_US))
    }

    /// Whole microseconds since 1970.
    pub(super) fn instant(self, at: Timestamp) -> Self {
        self.int(at.as_microsecond())
    }

    /// Scan, epoch and holder.
    pub(super) fn lease(mut self, lease: &Lease) -> Self {
        self.command.arg(lease.scan.as_str()).arg(lease.epoch).arg(&lease.holder.0);
        self
    }

    pub(super) fn scan(self, scan: &ScanId) -> Self {
        self.text(scan.as_str())
    }

    pub(super) fn bytes(mut self, bytes: &[u8]) -> Self {
        self.command.arg(bytes);
        self
    }

    /// The wire form of a value.
    pub(super) fn body<T: Wire>(self, value: &T) -> Result<Self, StoreError> {
        let body = wire::encode(value).map_err(|error| failure::wire(error, self.link.address()))?;
        Ok(self.limited(T::NAME, &body))
    }

    /// Bytes that are refused where they are too many to be stored.
    pub(super) fn limited(mut self, what: &str, bytes: &[u8]) -> Self {
        if bytes.len() > MAX_BODY_BYTES && self.refused.is_none() {
            let megabytes = bytes.len().div_ceil(1 << 20);
            self.refused =
                Some(format!("a {what} of {megabytes} MB is not stored; at most {} MB are", MAX_BODY_BYTES >> 20));
        }
        self.bytes(bytes)
    }

    /// Runs the script.
    pub(super) async fn send(self, again: Again) -> Result<Reply, StoreError> {
        if let Some(why) = self.refused {
            return Err(StoreError::TooLarge(why));
        }
        let answer = match self.link.send(&self.command, again).await {
            Err(error) if is_unknown_script(&error) => self.link.send(&self.with_text(), again).await,
            answer => answer,
        };
        let address = self.link.address();
        answer.map_err(|error| failure::of(&error, address)).and_then(|value| Reply::read(value, address))
    }

    /// The same call with the script's text, which the server keeps from then on.
    fn with_text(&self) -> Cmd {
        let mut command = ::redis::cmd("EVAL");
        command.arg(self.script.text);
        for argument in self.command.args_iter().skip(2) {
            if let Arg::Simple(bytes) = argument {
                command.arg(bytes);
            }
        }
        command
    }
}

fn is_unknown_script(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::NoScript)
}
