//! `optionfleet inspect` over every recorded body says what a careful reader found in it (`EXPECTED.tsv`).

use std::collections::BTreeMap;

use fleet_tests::fleet::World;
use fleet_tests::recordings::shared;
use serde_json::Value;

/// A line of `EXPECTED.tsv`: kind, verdict, rows.
type Expected = (String, String, u64);

fn expected() -> Option<BTreeMap<String, Expected>> {
    let path = shared("captures/EXPECTED.tsv")?;
    let text = std::fs::read_to_string(&path).unwrap_or_else(|why| panic!("cannot read {}: {why}", path.display()));
    let lines = text.lines().skip(1).map(|line| {
        let fields: Vec<&str> = line.split('\t').collect();
        let rows = fields[3].parse().unwrap_or_else(|_| panic!("no count in {line}"));
        (fields[0].to_owned(), (fields[1].to_owned(), fields[2].to_owned(), rows))
    });
    Some(lines.collect())
}

#[test]
fn every_recorded_body_is_understood_as_a_careful_reader_understands_it() {
    let (Some(expected), Some(captures)) = (expected(), shared("captures")) else { return };
    let world = World::new();
    let files: Vec<String> = expected.keys().map(|file| captures.join(file).display().to_string()).collect();
    let ran = world.optionfleet(["inspect", "--format", "json"]).args(&files).run();
    let json = ran.json();
    let inspected = json["files"].as_array().unwrap_or_else(|| panic!("no files in {json:.300}"));
    assert_eq!(inspected.len(), expected.len());

    let mut differences = Vec::new();
    let mut not_told_by_content = Vec::new();
    for (asked, got) in files.iter().zip(inspected) {
        let file = got["file"].as_str().expect("a file");
        assert_eq!(file, asked, "files come in the order they were named");
        let (name, want) = expected.iter().find(|(name, _)| file.ends_with(name.as_str())).expect("a known file");
        let word = |field: &str| got[field].as_str().unwrap_or_default().to_owned();
        let found = (word("kind"), word("verdict"), got["rows"].as_u64().unwrap_or(u64::MAX));
        // A chart's error is an error body like any other; EXPECTED.tsv has the same bytes under both kinds.
        if found.0 == "error_body" && want.0 == "yahoo_chart" && (&found.1, found.2) == (&want.1, want.2) {
            not_told_by_content.push((asked, want));
        } else if found != *want {
            differences.push(format!("{name}: expected {want:?}, found {found:?}"));
        }
        let is_silent = found.2 == 0 && got["notes"].as_array().is_none_or(Vec::is_empty);
        if is_silent && got["detail"].as_str().is_none_or(str::is_empty) {
            differences.push(format!("{name}: a zero without a word"));
        }
    }
    assert!(differences.is_empty(), "{} differences:\n{}", differences.len(), differences.join("\n"));
    assert_eq!(not_told_by_content.len(), 1, "{not_told_by_content:?}");
    for (file, want) in not_told_by_content {
        let ran = world.optionfleet(["inspect", "--format", "json", "--kind", &want.0, file]).run().expect_code(3);
        let told = &ran.json()["files"][0];
        assert_eq!((told["kind"].as_str(), told["verdict"].as_str()), (Some(want.0.as_str()), Some(want.1.as_str())));
    }
    // Error bodies and changed layouts among them are refused.
    assert_eq!(ran.code, Some(3), "{}", ran.stderr);
}

#[test]
fn a_format_that_changed_is_refused_with_exit_3_and_one_understood_is_not() {
    let Some(captures) = shared("captures") else { return };
    let world = World::new();
    let inspect = |file: &str| {
        let path = captures.join(file).display().to_string();
        world.optionfleet(["inspect"]).args([path]).run()
    };
    let changed = inspect("finviz/screener_2023/nielse63_screener_error.html").expect_code(3);
    assert!(changed.stdout.contains("layout"), "{}", changed.stdout);
    let understood = inspect("finviz/screener_2023/nielse63_screener_success.html").expect_code(0);
    assert!(understood.stdout.contains("20"), "{}", understood.stdout);
    let _: Value = world
        .optionfleet(["inspect", "--format", "json"])
        .args([captures.join("cboe/RUT_index_full_chain.json")])
        .run()
        .expect_code(0)
        .json();
}
