//! Tables of reference values: our own small ones, and the large ones beside the repository.

use std::fs;
use std::path::Path;

/// Rows of numbers below a header.
pub fn rows(text: &str) -> Vec<Vec<f64>> {
    let number = |cell: &str| cell.trim().parse().unwrap_or_else(|e| panic!("{cell:?}: {e}"));
    let lines = text.lines().filter(|line| !line.starts_with('#')).skip(1);
    lines.map(|line| line.split(',').map(number).collect()).collect()
}

/// A table of `../shared`, when it is there; says loudly when it is not.
pub fn shared(path: &str) -> Option<Vec<Vec<f64>>> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared").join(path);
    match fs::read_to_string(&file) {
        Ok(text) => Some(rows(&text)),
        Err(_) => {
            eprintln!("SKIPPED: ../shared/{path} is not beside this repository");
            None
        }
    }
}
