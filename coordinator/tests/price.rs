//! The command `price` as a user meets it.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test they serve")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

fn command(home: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_optionfleet"));
    command.arg("price").args(words).env("HOME", home).current_dir(home);
    // Not even a configuration that can be read, or a store.
    command.env("OPTIONFLEET_STORE", "nonsense://").env("OPTIONFLEET_CONFIG", "/nonexistent");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn run(words: &[&str], input: &str) -> Output {
    let home = TempDir::new().unwrap();
    let mut child = command(home.path(), words).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    std::thread::scope(|scope| {
        // From a thread of its own: the program writes before it has read everything. It may end before it has, too.
        scope.spawn(move || drop(stdin.write_all(input.as_bytes())));
        child.wait_with_output().unwrap()
    })
}

#[track_caller]
fn printed(words: &[&str], input: &str, code: i32) -> String {
    let output = run(words, input);
    assert_eq!(output.status.code(), Some(code), "{words:?} {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[track_caller]
fn check_refused(words: &[&str], input: &str, part: &str) {
    let output = run(words, input);
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{words:?}\n{err}");
    assert!(err.contains(part), "{part:?} is not in\n{err}");
    assert!(output.stdout.is_empty(), "{words:?} printed results");
    assert!(!err.contains("panicked"), "{err}");
}

/// The columns of a result by name, row by row; an empty field is `None`.
struct Results {
    names: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Results {
    /// No field of these tests holds a comma.
    fn of(text: &str) -> Self {
        let mut lines = text.lines().map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>());
        let names = lines.next().unwrap();
        Self { names, rows: lines.collect() }
    }

    fn text(&self, row: usize, name: &str) -> &str {
        let at = self.names.iter().position(|known| known == name).unwrap_or_else(|| panic!("no {name}"));
        &self.rows[row][at]
    }

    fn number(&self, row: usize, name: &str) -> Option<f64> {
        Some(self.text(row, name)).filter(|text| !text.is_empty()).map(|text| text.parse().unwrap())
    }
}

/// A file of `../shared`, when it is there; says loudly when it is not.
fn shared(path: &str) -> Option<String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared").join(path);
    let text = std::fs::read_to_string(&file).ok();
    if text.is_none() {
        eprintln!("SKIPPED: ../shared/{path} is not beside this repository");
    }
    text
}

/// ANALYTICS section 1: price, delta, gamma, theta, vega, prob ITM, prob touch, each to the digits given.
#[test]
fn golden_values_by_flags_and_by_file() {
    let golden = [
        ("call,100,105,45,.04,0,.30", [2.419380, 0.358042, 0.035449, -0.047363, 0.131113, 0.319523, 0.641490]),
        ("put,100,95,45,.04,0,.30", [1.919748, -0.278793, 0.031890, -0.036051, 0.117949, 0.315225, 0.628082]),
        ("call,279,279,45,0,0,.15", [5.861586, 0.510505, 0.027140, -0.065114, 0.390682, 0.489495, 1.0]),
        ("put,50,45,30,.05,.02,.55", [1.093165, -0.222464, 0.037770, -0.038064, 0.042685, 0.272593, 0.525333]),
    ];
    const NAMES: [&str; 7] = ["price", "delta", "gamma", "theta_per_day", "vega_per_point", "prob_itm", "prob_touch"];
    let mut file = "kind,spot,strike,years,rate,yield,vol\n".to_owned();
    for (row, wanted) in golden {
        let fields: Vec<&str> = row.split(',').collect();
        let years = (fields[3].parse::<f64>().unwrap() / 365.0).to_string();
        let [kind, spot, strike, _, rate, yield_, vol] = fields[..] else { panic!("{row}") };
        file += &format!("{kind},{spot},{strike},{years},{rate},{yield_},{vol}\n");
        let words = [
            "--kind", kind, "--spot", spot, "--strike", strike, "--years", &years, "--rate", rate, "--yield", yield_,
            "--vol", vol, "--style", "european", "--format", "json",
        ];
        let json: serde_json::Value = serde_json::from_str(&printed(&words, "", 0)).unwrap();
        assert_eq!(json["schema"], 1);
        for (name, wanted) in NAMES.iter().zip(wanted) {
            let got = json["contracts"][0][name].as_f64().unwrap();
            assert!((got - wanted).abs() <= 0.5000001e-6, "{name} of {row}: {got}, not {wanted}");
        }
    }
    let results = Results::of(&printed(&["-", "--style", "european", "--format", "csv"], &file, 0));
    for (row, (_, wanted)) in golden.iter().enumerate() {
        for (name, wanted) in NAMES.iter().zip(wanted) {
            let got = results.number(row, name).unwrap();
            assert!((got - wanted).abs() <= 0.5000001e-6, "{name} of row {row}: {got}, not {wanted}");
        }
        assert_eq!((results.text(row, "model"), results.text(row, "reason")), ("european_black", ""));
    }
}

/// The put of ANALYTICS' example: the volatility of the mid of 1.85 and 2.00.
#[test]
fn a_price_gives_its_volatility() {
    let words = ["--kind", "put", "--spot", "100", "--strike", "95", "--years", "0.12328767123287671"];
    let more = ["--price", "1.925", "--rate", ".04", "--root", "SPXW", "--format", "csv"];
    let results = Results::of(&printed(&[words, more].concat(), "", 0));
    let iv = results.number(0, "iv").unwrap();
    assert!((iv - 0.300445).abs() < 0.5e-6, "{iv}");
    assert_eq!((results.number(0, "vol"), results.text(0, "price")), (Some(iv), "1.925"));
    assert_eq!(results.text(0, "style"), "european");
}

/// ANALYTICS section 3: at most $.002 from the reference, its volatilities within 2e-4 where prices tell them, its own within 1e-6.
#[test]
fn the_american_reference_grid() {
    let Some(file) = shared("reference/american-grid.csv") else { return };
    let given = Results::of(&file);
    assert_eq!(given.rows.len(), 1728);
    let results = Results::of(&printed(&["-", "--spot", "100", "--format", "csv", "--tick", "0"], &file, 0));
    assert_eq!(results.rows.len(), 1728);
    let (mut worst, mut worst_vol, mut told) = (0.0_f64, 0.0_f64, 0);
    let mut quoted = "line,years,strike,rate,yield,is_call,price\n".to_owned();
    for row in 0..given.rows.len() {
        let (wanted, vol) = (given.number(row, "price").unwrap(), given.number(row, "vol").unwrap());
        worst = worst.max((results.number(row, "price").unwrap() - wanted).abs());
        let strike = given.number(row, "strike").unwrap();
        let is_call = given.text(row, "is_call");
        let intrinsic = if is_call == "1" { 100.0 - strike } else { strike - 100.0 };
        // .02 per 1.00 of volatility.
        let vega = results.number(row, "vega_per_point").unwrap();
        if wanted - intrinsic.max(0.0) >= 0.01 && vega >= 2e-4 {
            told += 1;
            worst_vol = worst_vol.max((results.number(row, "iv").unwrap() - vol).abs());
            let [years, rate, yield_] = ["years", "rate", "dividend_yield"].map(|name| given.text(row, name));
            quoted += &format!("{row},{years},{strike},{rate},{yield_},{is_call},{}\n", results.text(row, "price"));
        }
    }
    eprintln!("American grid by the command: {worst:e} dollars, {worst_vol:e} of volatility over {told} that tell it");
    assert!(worst <= 0.002 && worst_vol <= 2e-4 && told >= 1300, "{worst} {worst_vol} {told}");
    let back = Results::of(&printed(&["-", "--spot", "100", "--format", "csv", "--tick", "0"], &quoted, 0));
    let mut worst_trip = 0.0_f64;
    for row in 0..back.rows.len() {
        let of: usize = back.text(row, "given_line").parse().unwrap();
        worst_trip = worst_trip.max((back.number(row, "iv").unwrap() - given.number(of, "vol").unwrap()).abs());
    }
    eprintln!("round trip: {worst_trip:e}");
    assert!(worst_trip <= 1e-6, "{worst_trip}");
}

/// Prices to the last digits; volatilities of the out-of-the-money leg within four times what rounding makes unavoidable.
#[test]
fn the_european_reference_grid() {
    let Some(file) = shared("reference/european-grid.csv") else { return };
    let given = Results::of(&file);
    assert_eq!(given.rows.len(), 1536);
    let fixed = ["--style", "european", "--rate", "0", "--tick", "0", "--format", "csv"];
    let results = Results::of(&printed(&[&["-"], &fixed[..]].concat(), &file, 0));
    let mut legs = "forward,strike,years,kind,price\n".to_owned();
    for row in 0..given.rows.len() {
        let [wanted, forward, strike] = ["price", "forward", "strike"].map(|name| given.number(row, name).unwrap());
        let got = results.number(row, "price").unwrap();
        assert!((got - wanted).abs() <= 1e-13 * wanted.max(forward), "row {row}: {got}, not {wanted}");
        let leg = if strike >= forward { "call" } else { "put" };
        legs += &format!("{forward},{strike},{},{leg},{}\n", given.text(row, "years"), given.text(row, "otm_price"));
    }
    let back = Results::of(&printed(&[&["-"], &fixed[..]].concat(), &legs, 0));
    let mut worst = 0.0_f64;
    for row in 0..given.rows.len() {
        let [vol, otm_price, vega] = ["vol", "otm_price", "vega"].map(|name| given.number(row, name).unwrap());
        let attainable = f64::EPSILON * vol.max(otm_price / vega);
        let iv = back.number(row, "iv").unwrap_or_else(|| panic!("row {row} has no volatility"));
        worst = worst.max((iv - vol).abs() / attainable);
    }
    eprintln!("European grid by the command: {worst} times the attainable error");
    assert!(worst <= 4.0, "{worst}");
}

#[test]
fn rows_keep_their_place_with_what_else_they_hold() {
    let file = "id,kind,strike,vol,price\na,put,95,.3,\nb,put,x,.3,\nc,put,95,,9\nd,put,95\n\ne,call,95,.3,7\nf,put,95,,4.99\n";
    let words = ["-", "--spot", "100", "--years", ".5", "--rate", ".04", "--format", "csv"];
    let output = run(&words, file);
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{err}");
    assert!(
        err.contains("2 of 6 rows of standard input could not be priced; the first is line 3: `x` is no strike"),
        "{err}"
    );
    let results = Results::of(std::str::from_utf8(&output.stdout).unwrap());
    let ids: Vec<&str> = (0..6).map(|row| results.text(row, "id")).collect();
    assert_eq!(ids, ["a", "b", "c", "", "e", "f"]);
    assert_eq!(results.text(4, "line"), "7", "the blank line is counted");
    // Quoted, because it holds a comma.
    assert!(std::str::from_utf8(&output.stdout).unwrap().contains("\"it has 3 fields, the heading 5\""));
    assert!(results.number(4, "price").is_some_and(|price| price > 9.0) && results.number(4, "iv").is_some());
}

#[test]
fn a_price_that_tells_nothing_is_understood() {
    let words = ["-", "--spot", "100", "--years", ".5", "--rate", ".04", "--kind", "put", "--format", "csv"];
    let results = Results::of(&printed(&words, "strike,price\n110,10\n110,9\n", 0));
    assert!(results.text(0, "reason").contains("within 0.01 of its lower bound 10"), "{}", results.text(0, "reason"));
    assert!(results.text(1, "reason").contains("below its lower bound 10"));
    assert_eq!((results.number(0, "iv"), results.number(0, "delta")), (None, None));
}

#[test]
fn every_form_says_the_same() {
    let words = ["-", "--spot", "100", "--years", ".5", "--rate", ".04", "--kind", "put"];
    let file = "strike,vol\n95,.3\n90,\n";
    let csv = Results::of(&printed(&[&words[..], &["--format", "csv"]].concat(), file, 3));
    let json = printed(&[&words[..], &["--format", "json"]].concat(), file, 3);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["contracts"][0]["price"].as_f64(), csv.number(0, "price"));
    assert_eq!(json["contracts"][1]["reason"], "neither vol nor price");
    let table = printed(&words, file, 3);
    assert!(
        table.contains("     2 AP   95.000 0.5000    30.00   5.2781") && table.contains("     3 neither vol nor price"),
        "{table}"
    );
}

#[test]
fn what_is_typed_wrong_is_exit_2_and_prints_nothing() {
    let good = ["--kind", "put", "--spot", "100", "--strike", "95", "--years", ".5", "--vol", ".3", "--rate", ".04"];
    let with = |more: &[&'static str]| -> Vec<&'static str> { good.iter().chain(more).copied().collect() };
    check_refused(&[], "", "nothing is given to price");
    check_refused(&good[..10], "", "no rate");
    check_refused(&with(&["--yield", "2"]), "", "yield is 2, more than 100 % a year");
    check_refused(&with(&["--dividend", "tomorrow"]), "", "--dividend: `tomorrow` is no dividend such as");
    check_refused(&with(&["--tick", "-1"]), "", "dollars of at least 0 are wanted");
    check_refused(&with(&["--as-of", "2026-11-20"]), "", "an instant such as");
    check_refused(&["nothere.csv"], "", "cannot read nothere.csv: ");
    check_refused(&["."], "", "cannot read .: ");
    check_refused(&["-"], "", "cannot read standard input: it is empty");
    check_refused(&["-"], "100,95\n", "names none of symbol, kind,");
    check_refused(&with(&["-"]), "strike\n95\n", "the file has a column `strike` and --strike is given too");
    check_refused(&["-"], "kind,spot,strike,years,vol,rat\n", "its column `rat` is no input; did you mean `rate`?");
    check_refused(&["-"], "kind,spot,strike,years,vol\n", "neither a column nor a flag tells the rate");
    check_refused(
        &["-", "--years", ".5", "--rate", "-0.03", "--yield", "-.05"],
        "kind\n",
        "tells the spot or the forward",
    );
}

#[test]
fn a_negative_rate_is_no_flag() {
    let words =
        ["--kind", "put", "--spot", "100", "--strike", "95", "--years", ".5", "--vol", ".3", "--rate", "-0.005"];
    assert!(printed(&words, "", 0).contains("rate                          -0.500  % a year"));
    let two = [&words[..], &["--yield", "-.02"]].concat();
    check_refused(&two, "", "early exercise has two boundaries");
}

#[test]
fn dividends_are_paid_in_cash() {
    let words = [
        "--kind",
        "call",
        "--spot",
        "100",
        "--strike",
        "90",
        "--expiration",
        "2027-05-21",
        "--vol",
        ".3",
        "--rate",
        ".04",
    ];
    let at = ["--as-of", "2026-11-20T15:30:00Z", "--format", "csv"];
    let plain = Results::of(&printed(&[&words[..], &at].concat(), "", 0));
    let paid = Results::of(&printed(
        &[&words[..], &at, &["--dividend", "2027-02-09:2", "--dividend", "2027-05-09:2"]].concat(),
        "",
        0,
    ));
    assert_eq!((plain.text(0, "model"), paid.text(0, "model")), ("american_alo", "american_cash_dividends"));
    let fell = plain.number(0, "price").unwrap() - paid.number(0, "price").unwrap();
    // Two dividends of $2 at a delta of about .77 would take three dollars; exercise before the first saves some of it.
    assert!((1.0..3.0).contains(&fell), "{fell}");
    assert_eq!(paid.number(0, "prob_itm"), None);
    assert!(paid.text(0, "reason").contains("are not known with cash dividends"), "{}", paid.text(0, "reason"));
    // The forward is: two dividends lower, and a little interest on the first.
    let fell = plain.number(0, "forward").unwrap() - paid.number(0, "forward").unwrap();
    assert!((4.0..4.04).contains(&fell), "{fell}");
    // One that is paid after settlement is none, and that is said.
    let later = Results::of(&printed(&[&words[..], &at, &["--dividend", "2028-02-01:2"]].concat(), "", 0));
    assert_eq!(later.text(0, "reason"), "no dividend lies between now and settlement: none is counted");
    assert_eq!((later.text(0, "model"), later.number(0, "prob_itm")), ("american_alo", plain.number(0, "prob_itm")));
    let all_of_it = [&words[..], &at, &["--dividend", "2027-02-01:200"]].concat();
    check_refused(&all_of_it, "", "the dividend of 200 dollars is not below the spot, 100");
}

#[test]
fn an_expiration_on_which_nothing_expires_is_told() {
    let words = ["--kind", "call", "--spot", "100", "--strike", "100", "--vol", ".3", "--rate", ".04"];
    let at = ["--as-of", "2026-11-10T15:30:00Z", "--expiration"];
    let saturday = printed(&[&words[..], &at, &["2026-11-21"]].concat(), "", 0);
    assert!(saturday.contains("nothing expires on 2026-11-21, a Saturday"), "{saturday}");
    assert!(saturday.contains("2026-11-20 and") && saturday.contains("2026-11-27"), "{saturday}");
    let friday = printed(&[&words[..], &at, &["2026-11-20"]].concat(), "", 0);
    assert!(!friday.contains("note"), "{friday}");
}

/// A far call has a gamma of 1e-200: it is written in a few digits that give it back.
#[test]
fn no_number_has_hundreds_of_digits() {
    let file = "kind,spot,strike,years,vol,rate\ncall,100,1,.25,.3,.04\n";
    let csv = printed(&["-", "--format", "csv"], file, 0);
    let results = Results::of(&csv);
    let longest = results.rows[0].iter().map(String::len).max().unwrap();
    assert!(longest <= 25 && csv.lines().nth(1).unwrap().len() < 300, "{csv}");
    let gamma = results.text(0, "gamma");
    assert!(gamma.contains("e-"), "{gamma}");
    let json = printed(&["-", "--format", "json"], file, 0);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["contracts"][0]["gamma"].as_f64(), results.number(0, "gamma"));
}

/// Ten blocks: what is read is bounded by what is written, and whoever stops reading ends it without a word.
#[test]
fn a_reader_that_went_away_is_no_error() {
    let home = TempDir::new().unwrap();
    let words = ["-", "--kind", "call", "--style", "european", "--rate", ".04", "--vol", ".3", "--format", "csv"];
    let mut child = command(home.path(), &words).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || {
        stdin.write_all(b"spot,strike,years\n")?;
        // Without an end: the program has to stop by itself.
        loop {
            stdin.write_all("100,95,.5\n".repeat(1000).as_bytes())?;
        }
    });
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    assert!(line.starts_with("line,kind,style,"), "{line}");
    line.clear();
    out.read_line(&mut line).unwrap();
    assert!(line.starts_with("2,call,european,100,"), "{line}");
    drop(out);
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
    let written: std::io::Result<()> = writer.join().unwrap();
    assert!(written.is_err(), "the program went on reading");
}

#[test]
fn help_shows_an_example_of_each_use() {
    let home = TempDir::new().unwrap();
    let help = command(home.path(), &["--help"]).output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let examples: Vec<&str> = help.lines().filter_map(|line| line.trim().strip_prefix("optionfleet price ")).collect();
    assert_eq!(examples.len(), 6, "{help}");
    std::fs::write(home.path().join("contracts.csv"), "kind,spot,strike,vol,years\nput,100,95,.3,.5\n").unwrap();
    for example in examples {
        let line = example.split(" > ").next().unwrap();
        let (words, input) = match line.split_once(" < ") {
            None => (line, ""),
            Some((words, _)) => (words, "spot,strike,vol\n100,95,.3\n"),
        };
        let words: Vec<&str> = words.split_whitespace().collect();
        let mut child = command(home.path(), &words).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let err = String::from_utf8_lossy(&output.stderr);
        // Examples with a date of their own go out of date: only those are told so.
        let dated = err.contains("before the instant of the analysis");
        assert!(output.status.success() || dated, "{line}: {err}");
    }
}
