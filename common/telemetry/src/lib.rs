//! What a process of the fleet tells about itself, so that a machine can watch it.
//!
//! - [`logs`]: events on stderr, as text for people or one JSON object a line for machines;
//! - [`health`]: whether it lives, and whether it is ready, with reasons;
//! - [`metrics`]: numbers in the text format Prometheus reads;
//! - [`http`]: all of that over HTTP, if somebody asks for an address;
//! - [`mod@say`]: lines for people.
//!
//! Promises: nothing here knows a ticker or a vendor's format, and nothing here can fail a scan: a number is one
//! addition in memory. Refuses: to push anything anywhere, and to serve more than three pages.

pub mod health;
pub mod http;
pub mod logs;
pub mod metrics;
pub mod say;

pub use health::Health;
pub use http::{Served, serve};
pub use logs::{BadFilter, LogFormat};
pub use metrics::{CoordinatorMetrics, Metrics, WorkerMetrics};
