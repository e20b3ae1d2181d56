//! The words, the seams and the wire that both programs share. No clock, no randomness, no logging, no I/O.
//!
//! - [`domain`]: one noun a file. Read `ticker`, `occ`, `quote`, `chain`, `finding`, `trade` and you know the language.
//! - [`seams`]: every outside thing is a small object-safe trait; engines and vendors implement them elsewhere.
//! - [`wire`]: what crosses a process or a database, versioned.
//!
//! Admission: a type lives here only if two crates need it.

pub mod domain;
pub mod seams;
pub mod wire;
