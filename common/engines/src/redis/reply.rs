//! A script's answer: a list that begins with a word. Whatever is not as the scripts write it is damage, and said so.

use std::time::Duration;
use std::vec::IntoIter;

use ::redis::Value;
use fleet_core::domain::ScanId;
use fleet_core::seams::{Lease, StoreError};
use fleet_core::wire::{self, Wire};

use super::failure;

/// An answer, read from its beginning to its end.
#[derive(Debug)]
pub(super) struct Reply {
    word: String,
    rest: Row,
}

/// A list in an answer, read from its beginning to its end.
#[derive(Debug)]
pub(super) struct Row {
    values: IntoIter<Value>,
    server: String,
}

impl Reply {
    pub(super) fn read(value: Value, server: &str) -> Result<Self, StoreError> {
        let mut rest = Row::of(value, server)?;
        let word = rest.text()?;
        Ok(Self { word, rest })
    }

    pub(super) fn word(&self) -> &str {
        &self.word
    }

    /// What follows the word, if the word is `ok`.
    pub(super) fn ok(self) -> Result<Row, StoreError> {
        if self.word == "ok" { Ok(self.rest) } else { Err(self.surprise()) }
    }

    /// What follows the word.
    pub(super) fn rest(self) -> Row {
        self.rest
    }

    /// The answer to a question about a scan, unless there is no such scan.
    pub(super) fn of_scan(self, scan: &ScanId) -> Result<Self, StoreError> {
        match self.word.as_str() {
            "no scan" => Err(StoreError::NotFound(format!("scan {scan}"))),
            _ => Ok(self),
        }
    }

    /// The answer to a coordinator's write, unless its lease is no good.
    pub(super) fn of_lease(self, lease: &Lease) -> Result<Self, StoreError> {
        match self.word.as_str() {
            "fenced" => Err(StoreError::Fenced { scan: lease.scan.clone(), held: lease.epoch }),
            _ => self.of_scan(&lease.scan),
        }
    }

    /// No script of ours says that here.
    pub(super) fn surprise(&self) -> StoreError {
        failure::damaged(&self.rest.server, "answer", &self.word)
    }
}

impl Row {
    fn of(value: Value, server: &str) -> Result<Self, StoreError> {
        match value {
            Value::Array(values) => Ok(Self { values: values.into_iter(), server: server.to_owned() }),
            other => Err(failure::damaged(server, "list", &format!("{other:?}"))),
        }
    }

    fn next(&mut self) -> Value {
        self.values.next().unwrap_or_default()
    }

    /// Bytes, or nothing.
    pub(super) fn bytes(&mut self) -> Result<Option<Vec<u8>>, StoreError> {
        match self.next() {
            Value::Nil => Ok(None),
            Value::BulkString(bytes) => Ok(Some(bytes)),
            Value::Int(number) => Ok(Some(number.to_string().into_bytes())),
            other => Err(self.damaged("value", &format!("{other:?}"))),
        }
    }

    /// Text, or nothing.
    pub(super) fn optional_text(&mut self) -> Result<Option<String>, StoreError> {
        let bytes = self.bytes()?;
        bytes.map(String::from_utf8).transpose().map_err(|error| self.damaged("text", &error.to_string()))
    }

    pub(super) fn text(&mut self) -> Result<String, StoreError> {
        self.optional_text()?.ok_or_else(|| self.damaged("text", "nothing"))
    }

    /// A number, or nothing.
    pub(super) fn optional_int(&mut self) -> Result<Option<i64>, StoreError> {
        let text = self.optional_text()?;
        text.map(|text| text.parse().map_err(|_| self.damaged("number", &text))).transpose()
    }

    pub(super) fn int(&mut self) -> Result<i64, StoreError> {
        self.optional_int()?.ok_or_else(|| self.damaged("number", "nothing"))
    }

    pub(super) fn count(&mut self) -> Result<u32, StoreError> {
        let number = self.int()?;
        u32::try_from(number).map_err(|_| self.damaged("count", &number.to_string()))
    }

    /// A span in microseconds; what is over is none.
    pub(super) fn span(&mut self) -> Result<Duration, StoreError> {
        Ok(Duration::from_micros(u64::try_from(self.int()?).unwrap_or(0)))
    }

    /// A value of the wire, or nothing.
    pub(super) fn body<T: Wire>(&mut self) -> Result<Option<T>, StoreError> {
        let body = self.bytes()?;
        body.map(|body| wire::decode(&body)).transpose().map_err(|error| failure::wire(error, &self.server))
    }

    /// A value of the wire.
    pub(super) fn whole<T: Wire>(&mut self) -> Result<T, StoreError> {
        self.body()?.ok_or_else(|| self.damaged(T::NAME, "nothing"))
    }

    /// A value that is written as text.
    pub(super) fn parsed<T, E>(
        &mut self,
        what: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<T, StoreError> {
        let text = self.text()?;
        parse(&text).map_err(|_| self.damaged(what, &text))
    }

    /// A list in the list.
    pub(super) fn row(&mut self) -> Result<Self, StoreError> {
        let value = self.next();
        Self::of(value, &self.server)
    }

    /// The lists in the list that comes next.
    pub(super) fn rows(&mut self) -> Result<Vec<Self>, StoreError> {
        let Self { values, server } = self.row()?;
        values.map(|value| Self::of(value, &server)).collect()
    }

    /// Whether all of it was read.
    pub(super) fn is_over(&self) -> bool {
        self.values.len() == 0
    }

    pub(super) fn damaged(&self, what: &str, value: &str) -> StoreError {
        failure::damaged(&self.server, what, value)
    }
}
