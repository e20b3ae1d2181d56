//! The fuzz targets (`fuzz/`, `scripts/fuzz`) on their kept seeds, and on small damage to them: what a fuzzer found once
//! stays found, and a target that no longer compiles is noticed here.

use std::path::{Path, PathBuf};

use fleet_tests::recordings::repository;

#[path = "../../../fuzz/src/targets/mod.rs"]
mod targets;

/// Bytes that mean something to one of the readers.
const DAMAGE: [&[u8]; 8] = [b"\"", b"}", b"null", b"-1", b"\xFF", b"\\u001b", b"<", b"9999999999999999999999"];

/// A seed is damaged at so many places.
const PLACES: usize = 12;

fn seeds(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = repository().join("fuzz/seeds").join(target);
    let mut paths: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap_or_else(|why| panic!("{}: {why}", folder.display()))
        .map(|entry| entry.unwrap_or_else(|why| panic!("{}: {why}", folder.display())).path())
        .collect();
    paths.sort();
    let read = |path: &Path| std::fs::read(path).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
    paths.iter().map(|path| (path.clone(), read(path))).collect()
}

/// A failure names its bytes: they are printed when the target panics.
fn feed(name: &str, target: fn(&[u8]), what: &dyn Fn() -> String, bytes: &[u8]) {
    if let Err(panic) = std::panic::catch_unwind(|| target(bytes)) {
        eprintln!("target {name}, {}: {:?}", what(), String::from_utf8_lossy(bytes));
        std::panic::resume_unwind(panic);
    }
}

#[test]
fn every_target_keeps_its_promises_on_its_seeds() {
    for (name, target) in targets::ALL {
        let seeds = seeds(name);
        assert!(seeds.len() >= 3, "{name} has {} seeds", seeds.len());
        for (path, bytes) in &seeds {
            feed(name, target, &|| path.display().to_string(), bytes);
        }
    }
}

#[test]
fn every_target_keeps_its_promises_on_damaged_seeds() {
    for (name, target) in targets::ALL {
        for (path, bytes) in seeds(name) {
            for n in 0..PLACES.min(bytes.len()) {
                let at = bytes.len() * n / PLACES;
                let piece = DAMAGE[n % DAMAGE.len()];
                let damaged = [&bytes[..at], piece, &bytes[(at + 3).min(bytes.len())..]].concat();
                feed(name, target, &|| format!("{} damaged at byte {at}", path.display()), &damaged);
            }
        }
    }
}

#[test]
fn each_target_has_a_program_and_seeds() {
    let mut names: Vec<&str> = targets::ALL.map(|(name, _)| name).into();
    names.sort_unstable();
    let listed = |folder: &str| {
        let folder = repository().join("fuzz").join(folder);
        let mut found: Vec<String> = std::fs::read_dir(&folder)
            .unwrap_or_else(|why| panic!("{}: {why}", folder.display()))
            .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
            .collect();
        found.sort();
        found
    };
    assert_eq!(listed("seeds"), names);
    assert_eq!(listed("fuzz_targets"), names);
}
