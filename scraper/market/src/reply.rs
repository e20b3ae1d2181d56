//! What a vendor is asked and what it answers, before any socket.

use std::collections::BTreeMap;
use std::time::Duration;

/// A request as a vendor sees it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ask {
    /// Below the vendor's prefix, beginning with a slash.
    pub path: String,
    /// Decoded; of a repeated name the last counts.
    pub query: BTreeMap<String, String>,
    /// The Cookie header.
    pub cookie: String,
    /// The Authorization header.
    pub authorization: String,
    /// The vendor's own address as the request was sent to it, without a slash at the end.
    pub base: String,
}

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub status: u16,
    pub content_type: &'static str,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
    /// Waits so long before it is sent.
    pub delay: Duration,
}

pub(crate) const JSON: &str = "application/json";
pub(crate) const JSON_UTF8: &str = "application/json;charset=utf-8";
pub(crate) const HTML: &str = "text/html; charset=utf-8";
pub(crate) const TEXT: &str = "text/plain;charset=utf-8";

impl Reply {
    pub(crate) fn new(status: u16, content_type: &'static str, body: impl Into<Vec<u8>>) -> Self {
        Self { status, content_type, headers: Vec::new(), body: body.into(), delay: Duration::ZERO }
    }

    /// A value as JSON. Only values of our own making are sent, and those always have a JSON form.
    pub(crate) fn json<T: serde::Serialize>(status: u16, content_type: &'static str, value: &T) -> Self {
        match serde_json::to_vec(value) {
            Ok(body) => Self::new(status, content_type, body),
            Err(error) => Self::new(500, TEXT, error.to_string()),
        }
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// Rounded to so many decimals, as vendors print.
pub(crate) fn round(value: f64, decimals: i32) -> f64 {
    let scale = 10_f64.powi(decimals);
    (value * scale).round() / scale
}

/// What is left of a number that a vendor keeps in 32 bits: 2.35 becomes 2.3499999046325684.
pub(crate) fn noisy(value: f64) -> f64 {
    f64::from(value as f32)
}
