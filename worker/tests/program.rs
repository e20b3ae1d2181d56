//! The program itself, where it needs no servers: usage, servers that are not there, its pages, its end.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStderr, Command, Output, Stdio};
use std::time::Duration;

fn program(arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_optionfleet-worker"));
    command.args(arguments.split_whitespace()).env_clear().stdin(Stdio::null());
    command
}

fn run(arguments: &str) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = program(arguments).output().expect("it starts");
    (status.code(), String::from_utf8_lossy(&stdout).into_owned(), String::from_utf8_lossy(&stderr).into_owned())
}

/// Ports of this machine where nobody listens.
const NOBODY: &str = "--queue nats://me:S3CRET@127.0.0.1:9 --store redis://:S3CRET@127.0.0.1:9";

#[test]
fn help_is_help_and_wrong_usage_is_two() {
    let (code, stdout, _) = run("--help");
    assert_eq!(code, Some(0));
    assert!(stdout.contains("--exit-when-idle") && stdout.contains("Example:"), "{stdout}");
    for (arguments, part) in [
        ("", "a worker needs --queue"),
        (
            "--queue in-process --store sqlite:x.db",
            "optionfleet-worker: an in-process queue is the memory of one process",
        ),
        ("--queue nats://u:S3CRET@h/x --store redis://h", "may name hosts and ports only"),
        (&format!("{NOBODY} --log fleet_worker=loud"), "is not a log filter"),
    ] {
        let (code, stdout, stderr) = run(arguments);
        assert_eq!((code, stdout.as_str()), (Some(2), ""), "{arguments}: {stderr}");
        assert!(stderr.contains(part) && !stderr.contains("S3CRET"), "{arguments}: {stderr}");
    }
}

/// A worker whose servers are not there, ended with the test.
struct Waiting {
    child: Child,
    lines: std::io::Lines<BufReader<ChildStderr>>,
}

impl Waiting {
    fn start(arguments: &str) -> Self {
        let mut child = program(&format!("{NOBODY} {arguments}")).stderr(Stdio::piped()).spawn().expect("it starts");
        let lines = BufReader::new(child.stderr.take().expect("a pipe")).lines();
        Self { child, lines }
    }

    /// The next line that contains this.
    fn line(&mut self, part: &str) -> String {
        let found = self.lines.by_ref().map(|line| line.expect("text")).find(|line| line.contains(part));
        found.unwrap_or_else(|| panic!("it ended without {part:?}"))
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.child.id().to_string()]).status().expect("kill can be run");
        assert!(sent.success());
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn get(addr: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect_timeout(&addr, Duration::from_secs(5)).expect("it listens");
    write!(stream, "GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

#[test]
fn servers_that_are_not_there_are_said_at_once_and_waited_for() {
    let mut worker = Waiting::start("--metrics 127.0.0.1:0");
    let served = worker.line("serves /livez");
    let addr = served.rsplit_once("http://").expect("an address").1.parse().expect("an address");
    let line = worker.line("unavailable");
    assert!(line.contains("; tries on for 60 s") && !line.contains("S3CRET"), "{line}");

    let ready = get(addr, "/readyz");
    assert!(ready.starts_with("HTTP/1.1 503"), "{ready}");
    assert!(ready.ends_with("starting: the queue and the store are not there yet\n"), "{ready}");
    assert!(get(addr, "/livez").starts_with("HTTP/1.1 200"));
    assert!(get(addr, "/metrics").contains("# EOF"));

    worker.signal("-TERM");
    worker.line("SIGTERM: ends before it began");
    assert_eq!(worker.child.wait().expect("it ends").code(), Some(0));
}

#[test]
fn in_json_every_line_is_an_object() {
    let mut worker = Waiting::start("--log-format json --log debug");
    let line = worker.line("tries on");
    let read: serde_json::Value = serde_json::from_str(&line).expect("JSON");
    assert_eq!(read["level"], "WARN");
    worker.signal("-INT");
    let rest: Vec<String> = worker.lines.by_ref().map(|line| line.expect("text")).collect();
    assert!(rest.iter().any(|line| line.contains("Ctrl-C: ends before it began")), "{rest:?}");
    for line in rest {
        serde_json::from_str::<serde_json::Value>(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
    }
}
