//! Recorded vendor bodies. They belong to their publishers and are not part of the repository: a test that needs them
//! reads them from `../shared` beside it, or says loudly that it was skipped.

use std::path::{Path, PathBuf};

/// The repository's root.
#[must_use]
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the tests live in the repository")
}

/// A file or folder of `../shared`, when it is there.
#[must_use]
pub fn shared(path: &str) -> Option<PathBuf> {
    let found = repository().join("../shared").join(path);
    if found.exists() {
        Some(found)
    } else {
        eprintln!("SKIPPED: ../shared/{path} is not beside this repository");
        None
    }
}
