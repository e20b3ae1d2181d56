//! Ways a notice reaches a person on one machine: written to a stream, or collected for a test or a summary.
//!
//! A notice is handed over once at a time, after it was claimed in the outbox; what these return decides whether it is
//! confirmed or released there.

mod line;
mod recording;

pub use line::LineNotifier;
pub use recording::RecordingNotifier;
