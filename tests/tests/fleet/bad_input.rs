//! Bad input gets a sentence that names the thing, the right exit code, and nothing on stdout.

use fleet_tests::fleet::World;
use fleet_tests::program::Ran;

/// A run that must be refused, and words of the refusal.
struct Case {
    args: Vec<String>,
    code: i32,
    words: &'static [&'static str],
}

fn check(world: &World, args: &[&str], code: i32, words: &'static [&'static str]) {
    let case = Case { args: args.iter().map(|arg| (*arg).to_owned()).collect(), code, words };
    let ran = world.optionfleet([]).args(&case.args).run();
    check_refusal(&case, &ran);
}

fn check_refusal(case: &Case, ran: &Ran) {
    let line = case.args.join(" ");
    assert_eq!(ran.code, Some(case.code), "`optionfleet {line}`: {}{}", ran.stdout, ran.stderr);
    assert_eq!(ran.stdout, "", "`optionfleet {line}` writes a refusal to stdout");
    for word in case.words {
        assert!(ran.stderr.contains(word), "`optionfleet {line}` does not say `{word}`: {}", ran.stderr);
    }
    assert!(!ran.stderr.contains("panicked"), "`optionfleet {line}`: {}", ran.stderr);
}

#[test]
fn usage_is_refused_with_exit_2() {
    let world = World::new();
    check(&world, &["scna"], 2, &["scna"]);
    check(&world, &["scan", "--no-such-flag"], 2, &["--no-such-flag"]);
    check(&world, &["scan", "--tickers", "A$B"], 2, &["A$B"]);
    check(&world, &["scan", "--tickers", "AAPL,1ABC"], 2, &["1ABC"]);
    check(&world, &["scan", "--tickers", ""], 2, &["--tickers"]);
    check(&world, &["scan", "--tickers", "@absent.txt"], 2, &["absent.txt"]);
    check(&world, &["scan", "--market", "not a url"], 2, &["not a url"]);
    check(&world, &["scan", "--slot", "1000 x"], 2, &["1000 x"]);
    // Nobody listens there: what is typed wrong is told before anything is asked for.
    let nobody = ["scan", "--market", "http://127.0.0.1:9", "--indicators"];
    let shown = |list: &'static str| [&nobody[..], &[list]].concat();
    check(&world, &shown("macd,rsy:14"), 2, &["--indicators", "rsy", "did you mean `rsi`"]);
    check(&world, &shown("rsi:one"), 2, &["`one`", "timeperiod 2..100000"]);
    check(&world, &shown("mavp"), 2, &["mavp", "periods"]);
    check(&world, &["scan", "--deadline", "soon"], 2, &["soon"]);
    check(&world, &["scan", "--format", "yaml"], 2, &["yaml"]);
    check(&world, &["scan", "--store", "redis://127.0.0.1"], 2, &["store"]);
    check(&world, &["explain", "A$PL"], 2, &["A$PL", "OCC"]);
    check(&world, &["market", "--listen", "nowhere"], 2, &["nowhere"]);
    check(&world, &["market", "--listen", "127.0.0.1:0", "--latency", "fast"], 2, &["fast"]);
}

#[test]
fn an_unreadable_universe_is_refused() {
    let world = World::new();
    let list = world.write("tickers.txt", "AAPL\nMSFT\n12MONKEYS\n");
    let list = format!("@{}", list.display());
    check(&world, &["scan", "--tickers", &list], 2, &["12MONKEYS"]);
    let binary = world.write("binary.txt", [0xFF, 0xFE, 0x00, 0x41]);
    let binary = format!("@{}", binary.display());
    check(&world, &["scan", "--tickers", &binary], 2, &["binary.txt"]);
}

#[test]
fn a_malformed_configuration_is_refused_with_every_mistake_at_once() {
    let world = World::new();
    let config = |name: &str, text: &str| world.write(name, text).display().to_string();
    let both = config("both.toml", "[scan]\nslotz = 3\n[gates]\nmin_bid = -1.0\n");
    check(&world, &["check-config", "--config", &both], 2, &["slotz", "slots", "min_bid"]);
    check(&world, &["scan", "--tickers", "AAPL", "--config", &both], 2, &["slotz", "min_bid"]);
    let broken = config("broken.toml", "[scan\nslots = 3\n");
    check(&world, &["check-config", "--config", &broken], 2, &["broken.toml"]);
    let typed = config("typed.toml", "[scan]\nslots = \"many\"\n");
    check(&world, &["check-config", "--config", &typed], 2, &["scan.slots"]);
    let pair = config("pair.toml", "[queue]\nurl = \"nats://127.0.0.1\"\n");
    check(&world, &["check-config", "--config", &pair], 2, &["queue"]);
    check(&world, &["check-config", "--config", "absent.toml"], 2, &["absent.toml"]);
}

#[test]
fn a_store_that_is_not_ours_is_refused_and_left_alone() {
    let world = World::new();
    let market = fleet_tests::market::Market::start(fleet_tests::market::config(1, 2));
    let foreign =
        b"this is somebody's diary, not a database. It is long enough to have a header of 100 bytes, as SQLite's.";
    let path = world.write("diary.db", foreign);
    let store = format!("sqlite:{}", path.display());
    check(&world, &["scan", "--market", market.url(), "--store", &store], 1, &["diary.db"]);
    assert_eq!(std::fs::read(&path).expect("it is still there"), foreign);
    let folder = format!("sqlite:{}", world.path().display());
    check(&world, &["scan", "--market", market.url(), "--store", &folder], 1, &["store"]);
}

#[test]
fn nothing_to_connect_to_is_said() {
    let world = World::new();
    // Port 9 (discard) of loopback: nothing listens there.
    let ran = world.with_store(["scan", "--market", "http://127.0.0.1:9"]).run();
    assert_ne!(ran.code, Some(0));
    assert!(ran.stderr.contains("127.0.0.1:9"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
}

#[test]
fn what_was_never_stored_is_said_to_be_missing() {
    let world = World::new();
    let market = fleet_tests::market::Market::start(fleet_tests::market::config(1, 2));
    let _ = world.scan(&market, []).run().expect_code(0);
    for (args, word) in [
        (vec!["explain", "AAPL270319C00450000"], "AAPL"),
        (vec!["trades", "show", "ZZZZ"], "ZZZZ"),
        (vec!["scan", "--market", market.url(), "--resume", "finviz-20261120-1030"], "finviz-20261120-1030"),
    ] {
        let ran = world.with_store(args.iter().copied()).run();
        assert_eq!(ran.code, Some(2), "`{}`: {}{}", args.join(" "), ran.stdout, ran.stderr);
        assert!(ran.stderr.contains(word), "`{}`: {}", args.join(" "), ran.stderr);
    }
}
