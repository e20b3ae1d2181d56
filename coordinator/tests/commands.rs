//! The commands as a user meets them: what is on stdout, what is on stderr, and the exit code. No network: nothing here
//! reaches a vendor.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test they serve")]

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// Runs the program in an empty home with nothing of ours in its environment.
fn run(home: &Path, line: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_optionfleet"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("OPTIONFLEET_") {
            command.env_remove(name);
        }
    }
    command.args(line).env("HOME", home).envs(variables.iter().copied()).current_dir(home);
    command.stdin(Stdio::null()).output().unwrap()
}

/// Exit code, and a part of stderr; a refused command has nothing to say on stdout.
#[track_caller]
fn check_refused(line: &[&str], code: i32, part: &str) {
    let home = TempDir::new().unwrap();
    check_refused_in(home.path(), line, &[], code, part);
}

#[track_caller]
fn check_refused_in(home: &Path, line: &[&str], variables: &[(&str, &str)], code: i32, part: &str) {
    let output = run(home, line, variables);
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{line:?}\n{out}{err}");
    assert!(err.contains(part), "{part:?} is not in\n{err}");
    assert_eq!(out, "", "{line:?} printed results");
    assert!(!err.contains("panicked"), "{err}");
}

#[track_caller]
fn check_prints(home: &Path, line: &[&str], variables: &[(&str, &str)], part: &str) {
    let output = run(home, line, variables);
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{line:?}\n{out}{err}");
    assert!(out.contains(part), "{part:?} is not in\n{out}");
}

/// Before a store is made for the scan, and by `check-config` as well.
#[test]
fn a_bad_row_in_the_file_of_reports_is_exit_2_and_named() {
    let home = TempDir::new().unwrap();
    std::fs::write(home.path().join("reports.csv"), "ticker,date\nAAPL,2027-01-28\nMSFT,soon\n").unwrap();
    let variables = [("OPTIONFLEET_EARNINGS__FILE", "~/reports.csv")];
    let told = "reports.csv: line 3: `soon` is no date such as 2026-11-20";
    for line in [&["check-config"][..], &["scan", "--tickers", "AAPL", "--dry-run"][..]] {
        check_refused_in(home.path(), line, &variables, 2, told);
    }
    assert!(!home.path().join(".local").exists(), "a store was made for a scan that could not be");
}

#[test]
fn what_is_typed_wrong_is_exit_2() {
    check_refused(&["scan", "--tickers", "AAPL,TOOLONG99,1X"], 2, "`TOOLONG99` is not a ticker");
    check_refused(&["scan", "--tickers", "AAPL,TOOLONG99,1X"], 2, "`1X` is not a ticker");
    check_refused(&["scan", "--tickers", "@/nonexistent/list"], 2, "cannot read the universe file /nonexistent/list");
    check_refused(&["scan", "--slot", "2500"], 2, "`2500` is not a slot");
    check_refused(&["scan", "--resume", "no spaces"], 2, "is not a scan id");
    check_refused(&["scan", "--as-of", "2026-11-20"], 2, "--as-of");
    let as_of = ["scan", "--tickers", "AAPL", "--as-of", "2026-11-20T15:00:00Z"];
    check_refused(&as_of, 2, "--as-of is for data that this machine serves itself, and vendors.cboe.base is https:");
    check_refused(&["scan", "--store", "redis://h"], 2, "do not go together");
    check_refused(&["scan", "--market", "ftp://x"], 2, "it must be http(s)://HOST");
    check_refused(&["scan", "--market", "notaurl"], 2, "--market is `notaurl`; it must be http(s)://HOST");
    check_refused(&["scan", "--deadline", "0s"], 2, "--deadline");
    check_refused(&["explain", "AAPL 270319"], 2, "is not an OCC symbol");
    check_refused(&["explain", "AAPL", "--scan", "no spaces"], 2, "is not a scan id");
    check_refused(&["strategies", "S9"], 2, "there is no strategy `S9`; there are oversold_call (S1), ");
    let named = "indicators.shown is not understood: no indicator `rsy`; did you mean `rsi`?";
    check_refused(&["scan", "--tickers", "AAPL", "--indicators", "rsy:14"], 2, named);
    check_refused(&["inspect", "--kind", "soup", "x"], 2, "`soup` is no kind of body");
    let calendar = |from, to, part| check_refused(&["calendar", "--from", from, "--to", to], 2, part);
    for bad in ["tomorrow", "2026-13-01", "2026-02-29", "20261120", "26-11-20", "2026-11-20T10"] {
        calendar(bad, "2026-12-31", "a date such as 2026-11-20 is wanted");
    }
    calendar("2026-11-21", "2026-11-20", "--to 2026-11-20 lies before --from 2026-11-21");
    calendar("2026-11-20", "2036-01-01", "2036-01-01 is outside the calendar, which knows 2000-01-01 to 2035-12-31");
    check_refused(&["calendar", "--from", "2026-11-20"], 2, "--to");
    check_refused(&["inspect", "/nonexistent"], 2, "cannot read /nonexistent");
    check_refused(&["scan", "--config", "/nonexistent"], 2, "cannot read the configuration file /nonexistent");
    check_refused(&["market", "--tickers", "0", "--listen", "127.0.0.1:0"], 2, "a market has 1 to");
    check_refused(&["--log", "=[", "scans"], 2, "is not a log filter");
}

#[test]
fn a_broken_environment_is_exit_1() {
    check_refused(&["trades"], 1, "there is no store at");
    check_refused(&["scan", "--market", "http://127.0.0.1:1"], 1, "no simulated market answers");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    check_refused(&["market", "--listen", &address], 1, "is in use by another program");
}

#[test]
fn the_calendar_needs_nothing_but_dates() {
    let home = TempDir::new().unwrap();
    // Not even a configuration that can be read, or a store.
    let broken = [("OPTIONFLEET_STORE", "nonsense://"), ("OPTIONFLEET_CONFIG", "/nonexistent")];
    let range = ["calendar", "--from", "2026-06-15", "--to", "2026-06-20"];
    check_prints(home.path(), &range, &broken, "Fri 2026-06-19 -     -     -       -          Juneteenth");
    let monthly = "2026-06-18 index_monthly 2026-06-18 09:30 AM 2026-06-17 DJX, NDX, RUT, SPX";
    check_prints(home.path(), &range, &broken, monthly);
    let json = run(home.path(), &[range.as_slice(), &["--format", "json"]].concat(), &broken);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(json["sessions"].as_array().unwrap().len(), 4);
    assert_eq!(json["sessions"][3]["index_option_close"], "2026-06-18T20:15:00Z");
    assert_eq!(json["closures"][0]["name"], "Juneteenth");
    let csv = [range.as_slice(), &["--format", "csv"]].concat();
    check_prints(home.path(), &csv, &broken, "expiration,2026-06-18,monthly,,,,,PM,2026-06-18T20:00:00Z,2026-06-18,");
    let help = "optionfleet calendar --from 2026-11-20 --to 2026-12-31";
    check_prints(home.path(), &["calendar", "--help"], &[], help);
}

#[test]
fn a_foreign_store_is_left_alone() {
    let home = TempDir::new().unwrap();
    std::fs::write(home.path().join("foreign.db"), "somebody's notes, and not a database at all").unwrap();
    check_refused_in(home.path(), &["trades", "--store", "sqlite:foreign.db"], &[], 1, "was not made by Optionfleet");
    let text = std::fs::read_to_string(home.path().join("foreign.db")).unwrap();
    assert_eq!(text, "somebody's notes, and not a database at all");
}

#[test]
fn the_configuration_file_is_written_once_found_and_checked() {
    let home = TempDir::new().unwrap();
    check_prints(home.path(), &["init-config"], &[], "");
    check_refused_in(home.path(), &["init-config"], &[], 2, "is there already");
    check_prints(home.path(), &["init-config", "--force"], &[], "");
    let file = home.path().join(".config/optionfleet/optionfleet.toml");
    let text = std::fs::read_to_string(&file).unwrap().replace("#top = 20", "top = 7");
    std::fs::write(&file, &text).unwrap();
    check_prints(home.path(), &["check-config"], &[], "scan.top = 7   # ");
    let variables = [("OPTIONFLEET_SCAN__TOP", "8")];
    check_prints(home.path(), &["check-config"], &variables, "scan.top = 8   # OPTIONFLEET_SCAN__TOP");
    std::fs::write(&file, text.replace("top = 7", "topp = 7\nslots = \"x\"")).unwrap();
    check_refused_in(home.path(), &["check-config"], &[], 2, "did you mean `scan.top`?");
    check_refused_in(home.path(), &["check-config"], &[], 2, "`scan.slots` is \"x\"; a whole number is wanted");
}

#[test]
fn passwords_are_not_printed() {
    let home = TempDir::new().unwrap();
    let check = |line: &[&str], variables: &[(&str, &str)], part: &str| {
        let output = run(home.path(), line, variables);
        let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert!(text.contains(part) && !text.contains("s3cret"), "{line:?}\n{text}");
    };
    let url = [("OPTIONFLEET_VENDORS__CBOE__BASE", "http://me:s3cret@127.0.0.1:1")];
    check(&["check-config"], &url, "http://me:***@127.0.0.1:1");
    check(&["check-config", "--format", "json"], &url, "http://me:***@127.0.0.1:1");
    check(&["scan", "--store", "postgres://me:s3cret@h/db"], &[], "postgres://***@h/db");
    check(&["scan", "--store", "redis://me:s3cret@h"], &[], "***@h");
    check(&["scan", "--market", "http://me:s3cret@127.0.0.1:1"], &[], "http://me:***@127.0.0.1:1");
    check(&["check-config"], &[("OPTIONFLEET_VENDORS__CBOE__BASE", "x://me:s3cret@h")], "x://***@h");
}

#[test]
fn empty_variables_mean_nothing() {
    let home = TempDir::new().unwrap();
    let empty =
        [("OPTIONFLEET_SCAN__TOP", ""), ("OPTIONFLEET_STORE", ""), ("OPTIONFLEET_CONFIG", ""), ("OPTIONFLEET_LOG", "")];
    check_prints(home.path(), &["check-config"], &empty, "scan.top = 20\n");
}

#[test]
fn a_reader_that_went_away_is_no_error() {
    let home = TempDir::new().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_optionfleet"));
    command.args(["check-config", "--quiet"]).env("HOME", home.path()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[cfg(target_os = "linux")]
#[test]
fn results_that_cannot_be_written_are_exit_1() {
    let home = TempDir::new().unwrap();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_optionfleet"));
    command.args(["check-config", "--quiet"]).env("HOME", home.path()).stdout(full).stderr(Stdio::piped());
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot write to standard output"));
}

#[test]
fn inspect_tells_what_is_refused() {
    let home = TempDir::new().unwrap();
    std::fs::write(home.path().join("x.txt"), "Too many requests.").unwrap();
    let output = run(home.path(), &["inspect", "x.txt", "--format", "csv"], &[]);
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "file,kind,verdict,rows,refused\r\nx.txt,error_body,vendor_error,0,true\r\n"
    );
    let output = run(home.path(), &["inspect", "/nonexistent", "x.txt", "--format", "csv"], &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stdout).contains("x.txt,error_body"), "one missing file hid the others");
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot read /nonexistent"));
}

#[test]
fn one_strategy_is_shown_with_its_settings() {
    let home = TempDir::new().unwrap();
    let variables = [("OPTIONFLEET_STRATEGIES__CHEAP_IV__ENABLED", "true")];
    let table = run(home.path(), &["strategies", "s3"], &variables);
    let table = String::from_utf8(table.stdout).unwrap();
    assert!(table.starts_with("S3   cheap_iv             on "), "{table}");
    assert!(
        table.contains("strategies.cheap_iv.enabled = true   # OPTIONFLEET_STRATEGIES__CHEAP_IV__ENABLED"),
        "{table}"
    );
    assert!(!table.contains("oversold_call"), "{table}");
    let json = run(home.path(), &["strategies", "cheap_iv", "--format", "json"], &[]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(json["strategies"].as_array().unwrap().len(), 1);
    let settings = json["strategies"][0]["settings"].as_array().unwrap();
    assert!(settings.iter().any(|setting| setting["key"] == "strategies.cheap_iv.dte"), "{settings:?}");
    let all = run(home.path(), &["strategies", "--format", "json"], &[]);
    let all: serde_json::Value = serde_json::from_slice(&all.stdout).unwrap();
    assert!(all["strategies"].as_array().unwrap().len() > 5 && all["strategies"][0].get("settings").is_none());
}

/// It says what a scan would do, and makes nothing for it.
#[test]
fn a_dry_run_leaves_no_file_for_notices_and_no_store() {
    let home = tempfile::tempdir().unwrap();
    let notices = home.path().join("notices.jsonl");
    let sink = format!("file:{}", notices.display());
    let temporary = tempfile::tempdir().unwrap();
    let variables = [("TMPDIR", temporary.path().to_str().unwrap())];
    let done = run(home.path(), &["scan", "--tickers", "AAPL", "--dry-run", "--notify", &sink], &variables);
    assert!(done.status.success(), "{done:?}");
    assert!(!notices.exists(), "the notices' file was made");
    let files = |of: &Path| std::fs::read_dir(of).unwrap().collect::<Vec<_>>();
    let left: Vec<_> = files(home.path()).into_iter().chain(files(temporary.path())).collect();
    assert!(left.is_empty(), "it left {left:?}");
}
