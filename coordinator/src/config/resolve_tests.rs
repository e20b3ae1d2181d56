use super::*;

fn file(text: &str) -> Layers {
    Layers { file: Some(("my.toml".into(), text.to_owned())), ..Layers::default() }
}

fn variable(name: &str, value: &str) -> EnvironmentVariable {
    EnvironmentVariable { name: name.to_owned(), value: value.to_owned() }
}

#[track_caller]
fn check_refused(layers: &Layers, expected: &[&str]) {
    let text = resolve(layers).expect_err("it was accepted").to_string();
    for part in expected {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
}

#[test]
fn nothing_given_is_the_defaults() {
    let resolved = resolve(&Layers::default()).unwrap();
    assert_eq!(resolved.settings, Settings::default());
    assert!(resolved.origins.is_empty());
}

#[test]
fn later_layers_win() {
    let mut layers = file("[scan]\nslots = 2\ntop = 5\nlabel = \"mine\"\n");
    layers.environment = vec![variable("OPTIONFLEET_SCAN__SLOTS", "3"), variable("OPTIONFLEET_SCAN__TOP", "6")];
    layers.flags = vec![FlagValue { key: "scan.slots", flag: "--slots", value: 4.into() }];
    let resolved = resolve(&layers).unwrap();
    assert_eq!(resolved.settings.scan.slots, 4);
    assert_eq!(resolved.settings.scan.top, 6);
    assert_eq!(resolved.settings.scan.label, "mine");
    assert_eq!(resolved.origins["scan.slots"].to_string(), "--slots");
    assert_eq!(resolved.origins["scan.top"].to_string(), "OPTIONFLEET_SCAN__TOP");
    assert_eq!(resolved.origins["scan.label"].to_string(), "my.toml:4");
}

#[test]
fn an_unknown_key_is_refused_with_the_nearest_and_its_line() {
    check_refused(
        &file("[scan]\n\nfiltre = \"x\"\n"),
        &["my.toml:3: unknown key `scan.filtre`; did you mean `scan.filter`?"],
    );
    check_refused(&file("[gate]\nmin_bid = 1\n"), &["my.toml:1: unknown key `gate`; did you mean `gates`?"]);
    check_refused(&file("min_bid = 1\n"), &["did you mean `gates.min_bid`?"]);
    check_refused(&file("[strategies.oversold_cal]\n"), &["did you mean `strategies.oversold_call`?"]);
}

#[test]
fn every_mistake_is_reported_in_one_run() {
    let text = "[scan]\nslots = \"many\"\nfiltre = 1\n[gates]\nmin_bid = -1\n[vendors.cboe]\ntotal_per_sec = \"unlimited\"\n[limits]\nmax_attempts = 0\n";
    let mut layers = file(text);
    layers.environment = vec![variable("OPTIONFLEET_SCAN__TOPP", "3")];
    check_refused(
        &layers,
        &[
            "6 mistakes",
            "my.toml:2: `scan.slots` is \"many\"; a whole number is wanted",
            "my.toml:3: unknown key `scan.filtre`",
            "my.toml:5: gates.min_bid",
            "my.toml:7: `vendors.cboe.total_per_sec` is unlimited, which only a loopback base URL allows",
            "my.toml:9: `limits.max_attempts` is 0; it must be 1 to 100",
            "OPTIONFLEET_SCAN__TOPP: unknown variable; did you mean OPTIONFLEET_SCAN__TOP?",
        ],
    );
}

#[test]
fn broken_toml_is_placed() {
    check_refused(&file("[scan]\nslots = = 3\n"), &["my.toml:2"]);
    check_refused(&file("scan = 3\n"), &["`scan` is a table"]);
    check_refused(&file("[gates]\nmin_bid = nan\n"), &["`gates.min_bid`: a finite number is wanted here"]);
}

#[test]
fn the_environment_needs_no_quotes() {
    let layers = Layers {
        environment: vec![
            variable("OPTIONFLEET_STORE", "sqlite:/tmp/x.db"),
            variable("OPTIONFLEET_SCAN__DEADLINE_MINUTES", "20"),
            variable("OPTIONFLEET_VENDORS__YAHOO__TOTAL_PER_SEC", "0.5"),
            variable("OPTIONFLEET_VENDORS__CHAIN_ORDER", "[\"yahoo\"]"),
            variable("OPTIONFLEET_LOG", "debug"),
        ],
        ..Layers::default()
    };
    let settings = resolve(&layers).unwrap().settings;
    assert_eq!(settings.store.url, "sqlite:/tmp/x.db");
    assert_eq!(settings.scan.deadline_minutes, super::super::AutoMinutes::Minutes(20));
    assert_eq!(settings.vendors.yahoo.total_per_sec, super::super::Rate::PerSec(0.5));
    assert_eq!(settings.vendors.chain_order, ["yahoo"]);
    check_refused(
        &Layers { environment: vec![variable("OPTIONFLEET_STOER", "x")], ..Layers::default() },
        &["OPTIONFLEET_STOER: unknown variable; did you mean OPTIONFLEET_STORE?"],
    );
}

#[test]
fn engines_have_addresses() {
    check_refused(&file("[store]\nurl = \"postgres://h\"\n"), &["`store.url` is `postgres://h`"]);
    check_refused(&file("[queue]\nurl = \"amqp://h\"\n"), &["`queue.url` is `amqp://h`"]);
    assert!(resolve(&file("[store]\nurl = \"redis://h\"\n[queue]\nurl = \"nats://a,b\"\n")).is_ok());
}

#[test]
fn a_wrong_number_is_told_in_words() {
    check_refused(&file("[scan]\nslots = \"x\"\n"), &["`scan.slots` is \"x\"; a whole number is wanted"]);
    check_refused(&file("[scan]\nslots = -1\n"), &["`scan.slots` is -1; a whole number is wanted"]);
    check_refused(&file("[scan]\nslots = 2.5\n"), &["`scan.slots` is 2.5; a whole number is wanted"]);
    check_refused(&file("[rates]\nrisk_free = \"x\"\n"), &["`rates.risk_free` is \"x\"; a number is wanted"]);
    check_refused(&file("[scan]\nfilter = 7\n"), &["`scan.filter` is 7; a text in quotes is wanted"]);
}

/// A mistake is printed after [`redacted`], which ends a password at a space or a quotation mark.
///
/// [`redacted`]: super::super::redact::redacted
#[test]
fn a_mistake_shows_no_password_however_odd() {
    let shows_none = |layers: &Layers, rest: &str| {
        let mistakes = resolve(layers).expect_err("it was accepted").to_string();
        let shown = super::super::redact::redacted(&mistakes);
        assert!(!shown.contains("pass") && !shown.contains("word") && shown.contains(rest), "{shown}");
    };
    let base = file("[vendors.cboe]\nbase = \"http://u:pass \\\"word@h\"\n");
    shows_none(&base, "`vendors.cboe.base` is `http://***@h`");
    shows_none(&file("[scan]\nslots = \"nats://u:pass \\\"word@h\"\n"), "`scan.slots` is \"nats://***@h\"");
    shows_none(&file("\"redis://u:pass \\\"word@h\" = 1\n"), "unknown key `redis://***@h`");
}
