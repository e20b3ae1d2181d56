//! The README's commands, each run as it stands (all but `scripts/test`, which runs this). Where one asks a real vendor,
//! it is pointed at a simulated market and keeps everything else; a command nobody listed here fails the test.

use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use fleet_tests::fleet::World;
use fleet_tests::market::{Market, config};
use fleet_tests::program::Running;
use fleet_tests::recordings::repository;
use fleet_tests::servers::Servers;
use fleet_tests::wait::wait_until;

/// Commands of the README's shell blocks, comments and the trailing `&` removed.
fn commands() -> Vec<String> {
    let path = repository().join("README.md");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|why| panic!("cannot read {}: {why}", path.display()));
    let mut commands = Vec::new();
    let mut in_shell = false;
    for line in text.lines() {
        match line.trim() {
            "```sh" | "```bash" | "```shell" => in_shell = true,
            "```" => in_shell = false,
            line if in_shell => {
                let command = line.split(" #").next().unwrap_or_default().trim().trim_end_matches('&').trim();
                if !command.is_empty() && !command.starts_with('#') {
                    commands.push(command.to_owned());
                }
            }
            _ => {}
        }
    }
    commands
}

/// A directory with everything the README's commands may name.
fn prepared() -> (World, Market) {
    let world = World::new();
    // Few tickers: the commands keep their default budgets.
    let market = Market::start(config(1, 5));
    let _ = world.write("saved-page.html", "Too many requests.");
    let _ = world.write("bars.csv", "date,open,high,low,close,volume\n2026-11-20,1,3,1,2,100\n");
    let _ =
        world.write("contracts.csv", "kind,spot,strike,years,vol,price\nput,100,95,.25,.3,\ncall,100,95,.25,,9.10\n");
    let (_, chain) = market.get(&format!("/cboe/api/global/delayed_quotes/options/{}.json", first_ticker(&market)));
    let _ = world.write("chain.json", chain);
    (world, market)
}

fn first_ticker(market: &Market) -> String {
    let (_, page) = market.get("/finviz/screener.ashx?v=111&f=sh_opt_option");
    let page = String::from_utf8_lossy(&page).into_owned();
    let listed = page.split("<!-- TS").nth(1).expect("the page lists its tickers");
    listed.trim_start().split('|').next().expect("a ticker").to_owned()
}

/// Runs `optionfleet` with the words of a README line and further arguments.
fn run(world: &World, words: &[&str], more: &[&str], code: i32) {
    let ran = world.optionfleet(words.iter().copied()).args(more).run();
    assert_eq!(
        ran.code,
        Some(code),
        "`optionfleet {} {}`\n-- stdout\n{}\n-- stderr\n{}",
        words.join(" "),
        more.join(" "),
        ran.stdout,
        ran.stderr
    );
}

#[test]
fn the_commands_of_the_readme_work() {
    let (world, market) = prepared();
    let two = format!("{0},{0}", first_ticker(&market));
    // Named, so that questions to the store find what the scans before them left.
    let store = format!("sqlite:{}", world.store_path().display());
    let to_the_market = ["--market", market.url(), "--store", &store];
    let commands = commands();
    assert!(commands.len() >= 8, "only {} commands were found in README.md", commands.len());
    let mut fleet: Option<(Servers, Vec<Running>)> = None;
    for command in &commands {
        let words: Vec<&str> = command.split_whitespace().collect();
        match words.as_slice() {
            ["scripts/test", ..] => {}
            ["cargo", "run", "--release", "--", rest @ ..] => run(&world, rest, &[], 0),
            ["optionfleet", "market", rest @ ..] => check_market_flags(&world, rest),
            ["curl", "-X", "POST", url] => {
                assert!(url.ends_with("/_market/advance?sessions=1'"), "unknown page: {command}");
                let _ = market.advance(1, 0);
            }
            // The real vendors do not know the simulated tickers, nor the test the real vendors.
            ["export", _, _] => fleet = Some((Servers::new(), Vec::new())),
            ["optionfleet-worker", "--slots", slots] => {
                let (servers, workers) = fleet.as_mut().expect("a worker is started after the addresses were set");
                workers.push(servers.worker("readme", slots.parse().expect("a number of slots")));
            }
            ["optionfleet", "scan", "--slot", _] => {
                let (servers, _) = fleet.as_ref().expect("a slot is scanned by a fleet");
                let _ = servers.scan(&market, words[2..].iter().copied()).run().expect_code(0);
            }
            ["optionfleet", "status"] => {
                let (servers, _) = fleet.as_ref().expect("the status is a fleet's");
                let status = servers.optionfleet(["status"]).run().expect_code(0).stdout;
                assert!(status.contains("(done)") && status.contains("readme"), "{status}");
            }
            ["optionfleet", "scan", "--tickers", _, "--dry-run"] => run(&world, &words[1..], &[], 0),
            ["optionfleet", "scan", "--tickers", _] => run(&world, &["scan", "--tickers", &two], &to_the_market, 0),
            ["optionfleet", "scan", "--indicators", _] => run(&world, &words[1..], &to_the_market, 0),
            ["optionfleet", "scan", "--market", _] | ["optionfleet", "scan"] => {
                run(&world, &["scan"], &to_the_market, 0)
            }
            // The contract is an example; that it is not in this scan is said.
            ["optionfleet", "explain", _] => run(&world, &words[1..], &["--store", &store], 2),
            ["optionfleet", "trades", ..] => run(&world, &words[1..], &["--store", &store], 0),
            // No credentials here: that is said, and nothing is made.
            ["optionfleet", "gateways" | "cleanup", ..] | ["optionfleet", "scan", "--gateways"] => {
                run(&world, &words[1..], &[], 2)
            }
            ["optionfleet", "inspect", ..] => run(&world, &words[1..], &[], 3),
            ["optionfleet", rest @ ..] => run(&world, rest, &[], 0),
            _ => panic!("the README's `{command}` is not tested; add it to tests/tests/fleet/readme.rs"),
        }
    }
}

/// The market's own flags are read; the README's port may be taken here, so a free one is asked for.
fn check_market_flags(world: &World, flags: &[&str]) {
    let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port");
    let flag = |flag: &&str| if flag.starts_with("127.0.0.1:") { free.to_string() } else { (*flag).to_owned() };
    let mut running = world.optionfleet(["market"]).args(flags.iter().map(flag)).spawn();
    wait_until("the market listens", Duration::from_secs(30), || {
        assert!(!running.has_ended(), "`optionfleet market {}` ended at once", flags.join(" "));
        TcpStream::connect(free).ok()
    });
    let _ = running.kill();
}

/// The lines of the README's text block that begins with the scan's header, without the ellipses.
fn shown_output() -> Vec<String> {
    let path = repository().join("README.md");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|why| panic!("cannot read {}: {why}", path.display()));
    let block = text.split("```text\n").find(|block| block.starts_with("Scan "));
    let block = block.expect("README.md shows the demo's output").split("\n```").next().unwrap_or_default();
    block.lines().filter(|line| !line.trim().is_empty() && *line != "…").map(str::to_owned).collect()
}

#[test]
fn the_output_in_the_readme_is_what_the_demo_prints() {
    let ran = World::new().optionfleet(["demo"]).run();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let mut printed = ran.stdout.lines();
    let shown = shown_output();
    assert!(shown.len() > 15, "only {} lines are shown", shown.len());
    for line in shown {
        assert!(printed.any(|candidate| candidate == line), "the demo does not print (in this place):\n{line}");
    }
}
