//! Secrets are where they were put and nowhere else: not in output, logs, errors, pages, command lines, the store or the
//! queue's files. Those of the lifecycle call (a role's keys, its signature) neither.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use fleet_market::MarketConfig;
use fleet_servers::{NatsAuth, NatsOptions, NatsServer, RedisOptions, RedisServer};
use fleet_tests::fleet::{World, unlimited};
use fleet_tests::market::{Market, config};
use fleet_tests::program::{Invocation, bin};
use fleet_tests::wait::wait_until;

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
    check_not_in(what, bytes, &[NATS, REDIS]);
}

#[track_caller]
fn check_not_in(what: &str, bytes: &[u8], secrets: &[&str]) {
    for secret in secrets {
        assert!(!holds(bytes, secret), "{secret} is in {what}");
    }
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

/// Every page a program serves, once it serves them.
fn pages(address: &str) -> String {
    let get = |page: &str| -> Option<String> {
        let mut stream = std::net::TcpStream::connect(address).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        write!(stream, "GET {page} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        answer.starts_with("HTTP/1.1").then_some(answer)
    };
    let pages = ["/livez", "/readyz", "/metrics"].map(|page| wait_until(page, PATIENCE, || get(page)));
    assert!(pages[2].contains("# TYPE"), "no numbers: {}", pages[2]);
    pages.concat()
}

/// A port that nobody had a moment ago.
fn free_address() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").to_string()
}

/// What anybody on the machine sees of a process (its command line), what its owner sees (its environment, where a
/// secret from a file must not be), and that it has no children who could have been given anything.
#[cfg(target_os = "linux")]
fn check_process(pid: u32) {
    let read = |name: &str| std::fs::read(format!("/proc/{pid}/{name}")).expect("the process is there");
    assert!(holds(&read("cmdline"), "optionfleet"), "another process");
    check("the command line", &read("cmdline"));
    let environment = read("environ");
    assert!(holds(&environment, NATS), "the environment was not read");
    check_not_in("the environment", &environment, &[REDIS]);
    for task in std::fs::read_dir(format!("/proc/{pid}/task")).expect("the process is there") {
        let children = task.expect("a task").path().join("children");
        // A thread may have ended meanwhile; a system without this file cannot be asked.
        let children = std::fs::read_to_string(children).unwrap_or_default();
        assert_eq!(children.trim(), "", "a child process");
    }
}

#[cfg(not(target_os = "linux"))]
fn check_process(pid: u32) {
    eprintln!("SKIPPED: what is seen of process {pid} is looked at on Linux only");
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("the folder can be read") {
            let path = entry.expect("an entry").path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found
}

#[test]
fn no_secret_is_in_output_logs_errors_or_the_store() {
    let guarded = Guarded::new();
    // Slow enough that the scan's pages can be met.
    let market = Market::start(MarketConfig { latency: Duration::from_millis(100), ..config(1, 20) });
    let (at_worker, at_scan) = (free_address(), free_address());
    let worker = guarded
        .program("optionfleet-worker")
        .args(["--name", "w1", "--log-format", "json", "--metrics", &at_worker])
        .spawn();
    let scan = guarded.program("optionfleet").args([
        "scan",
        "--market",
        market.url(),
        "--store",
        &guarded.redis.url(),
        "--slot",
        "1030",
        "--metrics",
        &at_scan,
    ]);
    let scan = unlimited(scan).spawn();
    check("the scan's pages", pages(&at_scan).as_bytes());
    check("the worker's pages", pages(&at_worker).as_bytes());
    check_process(scan.pid());
    check_process(worker.pid());
    let ran = scan.wait(PATIENCE).expect_code(0);
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
    let files = files(&guarded.nats.store());
    assert!(files.iter().any(|file| holds(file.as_os_str().as_encoded_bytes(), "WORK")), "no stream: {files:?}");
    for file in files {
        check(&file.display().to_string(), &std::fs::read(&file).expect("the file can be read"));
    }
}

/// What the instance's metadata hands out, and what the lifecycle call sends.
const AWS: [&str; 3] = ["imds-Sess1on-token-5b1d", "wJalrXUtnFEMI-s3cret-77aa", "IQoJb3JpZ2luX2-sess1on-token-9c"];

/// What the lifecycle endpoint was sent: its `authorization` and the session's token.
type Calls = Arc<Mutex<Vec<(String, String)>>>;

/// A metadata service whose instance is about to go, and the Auto Scaling endpoint, which refuses and repeats what it
/// was sent.
async fn aws(State(calls): State<Calls>, method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let known = match (method, uri.path()) {
        (Method::PUT, "/latest/api/token") => AWS[0].to_owned(),
        (Method::GET, _) if header("x-aws-ec2-metadata-token") != AWS[0] => {
            return StatusCode::UNAUTHORIZED.into_response();
        }
        (Method::GET, "/latest/meta-data/spot/instance-action") => {
            r#"{"action":"terminate","time":"2026-11-20T15:02:00Z"}"#.to_owned()
        }
        (Method::GET, "/latest/meta-data/instance-id") => "i-0123456789abcdef0".to_owned(),
        (Method::GET, "/latest/meta-data/placement/region") => "eu-central-1".to_owned(),
        (Method::GET, "/latest/meta-data/iam/security-credentials/") => "fleet".to_owned(),
        (Method::GET, "/latest/meta-data/iam/security-credentials/fleet") => {
            format!(r#"{{"AccessKeyId":"ASIA","SecretAccessKey":"{}","Token":"{}"}}"#, AWS[1], AWS[2])
        }
        (Method::POST, "/") => {
            let sent = (header("authorization"), header("x-amz-security-token"));
            let error = format!("<Message>no: {} {}</Message>", sent.1, sent.0);
            calls.lock().expect("nobody panicked").push(sent);
            return (StatusCode::FORBIDDEN, error).into_response();
        }
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    known.into_response()
}

#[test]
fn what_proves_who_asks_for_the_lifecycle_call_is_not_in_the_workers_words() {
    let guarded = Guarded::new();
    let calls: Calls = Arc::default();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let pages = Router::new().fallback(aws).with_state(Arc::clone(&calls));
    runtime.spawn(async move { axum::serve(listener, pages).await });
    let ended = guarded
        .program("optionfleet-worker")
        .env("AWS_ENDPOINT_URL", &url)
        .args(["--log-format", "json", "--spot-notices", "--imds", &url, "--lifecycle-hook", "h", "--asg", "g"])
        .patience(PATIENCE)
        .run()
        .expect_code(0);
    let calls = calls.lock().expect("nobody panicked").clone();
    let (authorization, token) = calls.last().expect("the lifecycle action was not asked for");
    assert_eq!(token, AWS[2]);
    let signature = authorization.split_once("Signature=").expect("a signed request").1;
    let said = format!("{}{}", ended.stdout, ended.stderr);
    assert!(said.contains("the lifecycle action is not completed") && said.contains("answered 403: no: ***"), "{said}");
    check_not_in("the worker's words", said.as_bytes(), &[AWS[0], AWS[1], AWS[2], signature, NATS, REDIS]);
    runtime.shutdown_background();
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
