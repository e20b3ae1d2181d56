//! Secrets are where they were put and nowhere else: not in output, logs, errors, metrics, or the store.

use std::process::Command;
use std::time::Duration;

use fleet_servers::{NatsAuth, NatsOptions, NatsServer, RedisOptions, RedisServer};
use fleet_tests::fleet::{World, unlimited};
use fleet_tests::market::{Market, config};
use fleet_tests::program::{Invocation, bin};

const NATS: &str = "nats-Passw0rd-7f3a";
const REDIS: &str = "redis-Passw0rd-91bc";
const PATIENCE: Duration = Duration::from_secs(120);

/// A fleet whose servers want passwords.
struct Guarded {
    world: World,
    nats: NatsServer,
    redis: RedisServer,
}

impl Guarded {
    fn new() -> Self {
        fleet_scraper::install_crypto_provider();
        let auth = NatsAuth::User { user: "fleet".to_owned(), password: NATS.to_owned() };
        Self {
            world: World::new(),
            nats: NatsServer::start_with(NatsOptions { auth, ..NatsOptions::default() }),
            redis: RedisServer::start_with(RedisOptions {
                password: Some(REDIS.to_owned()),
                ..RedisOptions::default()
            }),
        }
    }

    /// A program with addresses and secrets, one from the environment, one from a file, everything logged.
    fn program(&self, name: &str) -> Invocation {
        let file = self.world.write("redis-password", format!("{REDIS}\n"));
        Invocation::of(&bin(name), self.world.path())
            .env("OPTIONFLEET_QUEUE", self.nats.url())
            .env("OPTIONFLEET_STORE", self.redis.url())
            .env("OPTIONFLEET_NATS_USER", "fleet")
            .env("OPTIONFLEET_NATS_PASSWORD", NATS)
            .env("OPTIONFLEET_REDIS_PASSWORD_FILE", file)
            .env("OPTIONFLEET_LOG", "trace")
    }

    /// Everything the store's server holds, as it would write it to a file.
    fn dump(&self) -> Vec<u8> {
        let port = self.redis.url().trim_end_matches('/').rsplit(':').next().expect("a port").to_owned();
        let file = self.world.file("dump.rdb");
        let dumped = Command::new("redis-cli")
            .args(["-p", &port, "--no-auth-warning", "--rdb"])
            .arg(&file)
            .env("REDISCLI_AUTH", REDIS)
            .output()
            .expect("redis-cli comes with redis-server; apt-get install redis-tools");
        assert!(dumped.status.success(), "{}", String::from_utf8_lossy(&dumped.stderr));
        let bytes = std::fs::read(&file).expect("the dump can be read");
        assert!(bytes.len() > 10_000, "a dump of {} bytes holds no scan", bytes.len());
        bytes
    }
}

#[track_caller]
fn check(what: &str, bytes: &[u8]) {
    for secret in [NATS, REDIS] {
        let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(!found, "{secret} is in {what}");
    }
}

#[test]
fn no_secret_is_in_output_logs_errors_or_the_store() {
    let guarded = Guarded::new();
    let market = Market::start(config(1, 20));
    let worker = guarded.program("optionfleet-worker").args(["--name", "w1", "--log-format", "json"]).spawn();
    let scan = guarded.program("optionfleet").args([
        "scan",
        "--market",
        market.url(),
        "--store",
        &guarded.redis.url(),
        "--slot",
        "1030",
    ]);
    let ran = unlimited(scan).patience(PATIENCE).run().expect_code(0);
    check("the scan's result", ran.stdout.as_bytes());
    assert!(ran.stderr.len() > 1_000, "nothing was logged");
    check("the scan's log", ran.stderr.as_bytes());
    for command in [&["status"][..], &["scans"], &["trades"], &["check-config"]] {
        let ran = guarded.program("optionfleet").args(command).run().expect_code(0);
        check(command[0], format!("{}{}", ran.stdout, ran.stderr).as_bytes());
    }
    worker.signal("TERM");
    let ended = worker.wait(PATIENCE).expect_code(0);
    assert!(ended.stderr.len() > 1_000, "nothing was logged");
    check("the worker's log", format!("{}{}", ended.stdout, ended.stderr).as_bytes());
    check("the store", &guarded.dump());
}

#[test]
fn a_refused_secret_is_not_in_the_error() {
    let mut guarded = Guarded::new();
    let wrong = "wr0ng-secret-55aa";
    for (variable, name) in
        [("OPTIONFLEET_NATS_PASSWORD", "optionfleet"), ("OPTIONFLEET_NATS_PASSWORD", "optionfleet-worker")]
    {
        let mut program = guarded.program(name).env(variable, wrong).env("OPTIONFLEET_LOG", "error");
        program = if name == "optionfleet" { program.args(["scan", "--tickers", "AAPL", "--force"]) } else { program };
        let ran = program.patience(PATIENCE).run();
        assert_eq!(ran.code, Some(1), "{name}: {}", ran.stderr);
        assert!(!ran.stderr.contains(wrong), "{}", ran.stderr);
        check("the error", ran.stderr.as_bytes());
    }
    let url = guarded.redis.url().replace("redis://", &format!("redis://:{wrong}@"));
    let program = guarded.program("optionfleet").env("OPTIONFLEET_STORE", url).args(["scans"]);
    let ran = program.run();
    assert_ne!(ran.code, Some(0), "a wrong password was taken");
    assert!(!ran.stderr.contains(wrong), "{}", ran.stderr);
    guarded.nats.kill();
}
