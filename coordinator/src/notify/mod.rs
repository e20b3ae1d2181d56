//! Ways a notice reaches a person. On one machine that is the report: notices are collected while the outbox is drained
//! and printed with the table.
//!
//! A notice is handed over once at a time, after it was claimed in the outbox; what these return decides whether it is
//! confirmed or released there.

mod recording;

pub use recording::RecordingNotifier;
