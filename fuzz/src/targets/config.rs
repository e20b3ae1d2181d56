//! The configuration: a file and the environment become settings, or a list of mistakes.

use std::path::PathBuf;

use fleet_coordinator::config::{
    EnvironmentVariable, Layers, Origin, config_hash, described, for_universe_of, manifest_template, redacted, resolve,
};
use fleet_core::domain::ScanId;
use fleet_engines::connect::{QueueAddress, StoreAddress};
use jiff::Timestamp;

use super::promises;

/// In no text but a password's.
const PLANTED: &str = "pl4nt3d-S3CR3T";

/// The first piece, up to a NUL, is the file; each other piece is a variable, `NAME=VALUE`. In both, `%P@` stands for the
/// end of a password in an address.
pub fn config(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if text.contains(PLANTED) {
        return;
    }
    let mut pieces = text.split('\0');
    let file = pieces.next().unwrap_or_default();
    let variable = |piece: &str| {
        let (name, value) = piece.split_once('=')?;
        Some(EnvironmentVariable { name: format!("OPTIONFLEET_{name}"), value: planted(value) })
    };
    let layers = Layers {
        file: Some((PathBuf::from("x.toml"), planted(file))),
        environment: pieces.take(8).filter_map(variable).collect(),
        flags: Vec::new(),
    };
    let resolved = match resolve(&layers) {
        Ok(resolved) => resolved,
        Err(mistakes) => {
            assert!(!mistakes.0.is_empty(), "no settings and no mistake");
            let lines = file.split('\n').count();
            for mistake in &mistakes.0 {
                assert!(!mistake.text.is_empty());
                if let Some(Origin::File { line, .. }) = &mistake.origin {
                    assert!((1..=lines).contains(line), "line {line} of {lines}: {}", mistake.text);
                }
            }
            hidden(&redacted(&mistakes.to_string()));
            assert_eq!(resolve(&layers).err(), Some(mistakes), "the same file, other mistakes");
            return;
        }
    };
    let settings = &resolved.settings;
    assert_eq!(settings.analysis.problems(), Vec::<String>::new());
    assert!(QueueAddress::parse(&settings.queue.url).is_ok() && StoreAddress::parse(&settings.store.url).is_ok());
    let lines = described(&resolved);
    assert!(resolved.origins.keys().all(|key| lines.iter().any(|line| line.key == *key)), "{:?}", resolved.origins);
    for line in &lines {
        hidden(&line.value.to_string());
    }
    let hash = config_hash(settings, "universe");
    assert_eq!(for_universe_of(&hash, settings), hash);
    let scan = ScanId::parse("x-20261120-1000").expect("a scan id");
    let manifest = manifest_template(settings, &scan, "universe", None, Timestamp::UNIX_EPOCH);
    promises::survives_wire(&manifest);
    let analysis: fleet_analysis::AnalysisConfig =
        serde_json::from_value(manifest.analysis).expect("a worker reads the analysis of a manifest");
    assert_eq!(analysis, settings.analysis);
    assert!(resolve(&layers).is_ok_and(|again| again.settings == *settings), "the same file, other settings");
}

/// The text with each `%P@` after a `://` of its line made a password.
fn planted(text: &str) -> String {
    let line = |line: &str| match line.split_once("://") {
        Some((before, after)) => format!("{before}://{}", after.replace("%P@", &format!("{PLANTED}@"))),
        None => line.to_owned(),
    };
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

fn hidden(output: &str) {
    assert!(!output.contains(PLANTED), "a password is shown: {output}");
}
