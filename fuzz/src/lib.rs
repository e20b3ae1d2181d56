//! Bytes from anywhere against every parser, the wire and the analysis: what each target holds its code to.
//!
//! Run by libFuzzer (`scripts/fuzz`), and on the kept seeds by the ordinary tests.

pub mod targets;
