//! The command `indicators` as a user meets it.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test they serve")]

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// Thirty closes of which the last fifteen do not move.
fn bars() -> String {
    let mut text = "volume,date,close\n".to_owned();
    for day in 1..=30 {
        let close = if day < 16 { 10.0 + f64::from(day % 4) } else { 12.5 };
        text += &format!("100,2026-09-{day:02},{close}\n");
    }
    text
}

fn run(words: &[&str], input: &str) -> Output {
    let home = TempDir::new().unwrap();
    std::fs::write(home.path().join("bars.csv"), bars()).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_optionfleet"))
        .arg("indicators")
        .args(words)
        .env("HOME", home.path())
        .current_dir(home.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The program may end before it has read everything, or anything.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

#[track_caller]
fn printed(words: &[&str], input: &str) -> String {
    let output = run(words, input);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[track_caller]
fn check_refused(words: &[&str], input: &str, part: &str) {
    let output = run(words, input);
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{words:?}\n{err}");
    assert!(err.contains(part), "{part:?} is not in\n{err}");
    assert!(output.stdout.is_empty(), "{words:?} printed results");
}

#[test]
fn values_stand_beside_their_dates() {
    let text = printed(&["rsi:14", "macd:3:6:2", "--bars", "bars.csv"], "");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 31);
    assert_eq!(lines[0], "date,rsi:14,macd:3:6:2.macd,macd:3:6:2.macdsignal,macd:3:6:2.macdhist");
    assert_eq!(lines[1], "2026-09-01,,,,", "the lookback is empty");
    let rsi = |line: usize| lines[line].split(',').nth(1).unwrap();
    assert_eq!(rsi(14), "");
    assert!(rsi(15).parse::<f64>().is_ok_and(|value| value > 0.0 && value < 100.0), "{}", lines[15]);
    assert_eq!(rsi(30), "", "fifteen equal closes have no RSI");
}

#[test]
fn standard_input_and_json_say_the_same() {
    let csv = printed(&["bbands:5,sma:5", "--bars", "bars.csv"], "");
    let json = printed(&["bbands:5", "sma:5", "--bars", "-", "--format", "json"], &bars());
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["schema"], 1);
    assert_eq!(json["dates"].as_array().unwrap().len(), 30);
    assert_eq!(json["indicators"][0]["parameters"]["matype"], "sma");
    let middle = &json["indicators"][0]["outputs"][1];
    assert_eq!(middle["name"], "middleband");
    assert!(middle["values"][3].is_null());
    let row: Vec<&str> = csv.lines().nth(10).unwrap().split(',').collect();
    assert_eq!(row[2].parse::<f64>().unwrap(), middle["values"][9].as_f64().unwrap());
    assert_eq!(row[4].parse::<f64>().unwrap(), json["indicators"][1]["outputs"][0]["values"][9].as_f64().unwrap());
}

#[test]
fn absent_bars_stay_empty_and_count_in_no_window() {
    let text = printed(
        &["sma:2", "--bars", "-"],
        "date,close,volume\n2026-11-17,1,5\n2026-11-18,2,5\n2026-11-19,9,0\n2026-11-20,4,5\n",
    );
    assert_eq!(text, "date,sma:2\r\n2026-11-17,\r\n2026-11-18,1.5\r\n2026-11-19,\r\n2026-11-20,3\r\n");
}

#[test]
fn what_cannot_be_computed_is_exit_2_and_prints_nothing() {
    check_refused(&["rsy", "--bars", "bars.csv"], "", "no indicator `rsy`; did you mean `rsi`?");
    check_refused(&["rsi:1", "--bars", "bars.csv"], "", "rsi takes 1 parameter: timeperiod 2..100000");
    check_refused(&["rsi", "--bars", "nothere.csv"], "", "cannot read bars from nothere.csv");
    check_refused(&["rsi"], "", "--bars");
    check_refused(&["--bars", "bars.csv"], "", "required");
    check_refused(&[",", "--bars", "bars.csv"], "", "nothing is asked for");
    check_refused(&["atr", "--bars", "bars.csv"], "", "atr needs `high`, and the bars have none");
    check_refused(&["obv", "--bars", "-"], "date,close\n2026-11-20,1\n", "obv needs `volume`");
    let bad = "date,close\n2026-11-20,1\n2026-11-19,2\n2026-11-23,x\n";
    check_refused(&["rsi", "--bars", "-"], bad, "standard input: line 3: 2026-11-19 does not come after 2026-11-20");
    check_refused(&["rsi", "--bars", "-"], bad, "line 4: `x` is no close");
}

#[test]
fn the_list_names_all_of_them() {
    let text = printed(&["--list"], "");
    assert!(text.contains("Momentum Indicators (47)") && text.contains("Relative Strength Index"), "{text}");
    assert_eq!(printed(&["--list", "--format", "csv"], "").lines().count(), 202);
}
