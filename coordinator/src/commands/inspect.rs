//! `inspect FILE…`: what is understood of recorded vendor bodies, on the day a vendor changes its format.

use std::path::Path;

use fleet_scraper::inspect::{Inspection, Kind, inspect};
use serde::Serialize;

use crate::args::{Format, Global, InspectArgs};
use crate::failure::{Exit, Failure};
use crate::output;
use crate::report::SCHEMA;
use crate::report::layout::wrap;

/// The largest body a scan accepts; a larger file is refused likewise.
const MAX_BODY_BYTES: u64 = 32_000_000;

#[derive(Serialize)]
struct Inspected {
    file: String,
    /// Whether a scan would refuse it.
    refused: bool,
    #[serde(flatten)]
    inspection: Inspection,
}

#[derive(Serialize)]
struct InspectedFiles<'a> {
    schema: u32,
    files: &'a [Inspected],
}

/// Prints what each file holds.
pub fn run(global: &Global, args: &InspectArgs) -> Result<Exit, Failure> {
    let kind = match &args.kind {
        None => None,
        Some(word) => Some(Kind::from_word(word).ok_or_else(|| {
            let known: Vec<&str> = Kind::ALL.iter().map(|kind| kind.word()).collect();
            Failure::usage(format!("`{word}` is no kind of body")).hint(format!("one of {}", known.join(", ")))
        })?),
    };
    let (mut files, mut unreadable) = (Vec::new(), Vec::new());
    for path in &args.files {
        match read(path) {
            Ok(bytes) => {
                let inspection = inspect(&bytes, kind);
                let file = path.display().to_string();
                files.push(Inspected { file, refused: inspection.is_refused(), inspection });
            }
            Err(why) => unreadable.push(why),
        }
    }
    let text = match global.format {
        Format::Json => output::json(&InspectedFiles { schema: SCHEMA, files: &files })?,
        Format::Csv => files.iter().fold("file,kind,verdict,rows,refused\r\n".to_owned(), |text, file| {
            text + &crate::report::csv::line(&[
                file.file.clone(),
                file.inspection.kind.word().to_owned(),
                file.inspection.verdict.word().to_owned(),
                file.inspection.rows.to_string(),
                file.refused.to_string(),
            ])
        }),
        Format::Table => files.iter().map(told).collect::<Vec<_>>().join("\n"),
    };
    if !files.is_empty() {
        output::print(&text)?;
    }
    // Told last, so that what could be read is not lost.
    if !unreadable.is_empty() {
        return Err(Failure::usage(unreadable.join("; ")));
    }
    Ok(if files.iter().any(|file| file.refused) { Exit::Incomplete } else { Exit::Done })
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let cannot = |why: String| format!("cannot read {}: {why}", path.display());
    let size = std::fs::metadata(path).map_err(|error| cannot(error.to_string()))?.len();
    if size > MAX_BODY_BYTES {
        return Err(cannot(format!("it has {size} bytes, more than any answer a scan accepts")));
    }
    std::fs::read(path).map_err(|error| cannot(error.to_string()))
}

fn told(file: &Inspected) -> String {
    let refused = if file.refused { " REFUSED" } else { "" };
    let lines = file.inspection.lines();
    let told: String = lines.iter().map(|line| wrap(&format!("  {line}"), 4)).collect();
    format!("{}{refused}\n{told}", file.file)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fmt;

    use serde::Deserialize;
    use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

    use super::*;

    /// Any JSON whose objects name no key twice.
    struct WithoutRepetition;

    impl<'de> Deserialize<'de> for WithoutRepetition {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            deserializer.deserialize_any(Walk)
        }
    }

    struct Walk;

    impl<'de> Visitor<'de> for Walk {
        type Value = WithoutRepetition;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("JSON without repeated keys")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut keys = BTreeSet::new();
            while let Some(key) = map.next_key::<String>()? {
                let _: WithoutRepetition = map.next_value()?;
                if !keys.insert(key.clone()) {
                    return Err(A::Error::custom(format!("`{key}` is there twice")));
                }
            }
            Ok(WithoutRepetition)
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
            while let Some(WithoutRepetition) = seq.next_element()? {}
            Ok(WithoutRepetition)
        }

        fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
            Ok(WithoutRepetition)
        }

        fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
            Ok(WithoutRepetition)
        }

        fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
            Ok(WithoutRepetition)
        }
    }

    #[test]
    fn the_json_names_no_key_twice() {
        let inspection = inspect(b"Too many requests.", None);
        let files = [Inspected { file: "x".to_owned(), refused: inspection.is_refused(), inspection }];
        let text = output::json(&InspectedFiles { schema: SCHEMA, files: &files }).unwrap();
        serde_json::from_str::<WithoutRepetition>(&text).map(drop).unwrap();
        assert!(serde_json::from_str::<IgnoredAny>("{\"a\": 1, \"a\": 2}").is_ok());
        assert!(serde_json::from_str::<WithoutRepetition>("{\"a\": 1, \"a\": 2}").is_err(), "this test cannot fail");
        assert!(text.contains("\"refused_rows\""), "{text}");
    }
}
