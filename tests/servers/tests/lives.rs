//! The servers start, forget or keep what they should, freeze, and end with their owner.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise, in its helpers too")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use fleet_servers::{AppendOnly, Certificates, JetStream, NatsOptions, NatsServer, RedisOptions, RedisServer};

/// Longer than any answer takes, short enough to wait for where none comes.
const PATIENCE: Duration = Duration::from_secs(5);
/// When set, this program is the child that starts a server and is killed.
const CHILD: &str = "FLEET_SERVERS_CHILD";

fn connect(url: &str) -> TcpStream {
    let address = url.split("://").nth(1).unwrap().trim_end_matches('/');
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// One line of answer to one line of command.
fn ask(url: &str, command: &str) -> String {
    let mut stream = connect(url);
    stream.write_all(format!("{command}\r\n").as_bytes()).unwrap();
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).unwrap();
    line.trim_end().to_owned()
}

fn alive(pid: u32) -> bool {
    // A killed child of somebody else may be a zombie until it is waited for.
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

fn until(what: &str, seen: impl Fn() -> bool) {
    let give_up = Instant::now() + PATIENCE;
    while !seen() {
        assert!(Instant::now() < give_up, "waited {PATIENCE:?} in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_nats_server_keeps_streams_if_told_so() {
    assert!(ask(&NatsServer::start().url(), "").contains("\"jetstream\":true"));
    let plain = NatsServer::start_with(NatsOptions { jetstream: JetStream::Off, ..NatsOptions::default() });
    assert!(!ask(&plain.url(), "").contains("\"jetstream\":true"));
}

#[test]
fn a_killed_redis_remembers_what_it_answered_unless_wiped() {
    let mut server = RedisServer::start();
    let url = server.url();
    assert_eq!(ask(&url, "SET key value"), "+OK");
    server.kill();
    server.restart();
    assert_eq!((server.url(), ask(&url, "GET key")), (url.clone(), "$5".to_owned()));
    server.restart_wiped();
    assert_eq!(ask(&url, "GET key"), "$-1");
}

#[test]
fn a_redis_can_be_made_to_forget() {
    let mut server = RedisServer::start_with(RedisOptions { append_only: AppendOnly::Off, ..RedisOptions::default() });
    assert_eq!(ask(&server.url(), "SET key value"), "+OK");
    server.restart();
    assert_eq!(ask(&server.url(), "GET key"), "$-1");
}

#[test]
fn a_frozen_server_answers_after_the_thaw() {
    let server = RedisServer::start();
    server.freeze();
    let mut stream = connect(&server.url());
    stream.write_all(b"PING\r\n").unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    assert!(stream.read(&mut [0; 16]).is_err(), "a frozen server answered");
    server.thaw();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).unwrap();
    assert_eq!(line, "+PONG\r\n");
}

#[test]
fn servers_take_users_and_certificates() {
    let certificates = Certificates::make();
    let users = vec!["fleet on >secret ~* +@all".to_owned()];
    let redis = RedisServer::start_with(RedisOptions {
        users,
        password: Some("other".to_owned()),
        tls: Some(certificates.clone()),
        maxmemory_policy: Some("allkeys-lru".to_owned()),
        ..RedisOptions::default()
    });
    assert!(redis.url().starts_with("rediss://"));
    let nats = NatsServer::start_with(NatsOptions { tls: Some(certificates), ..NatsOptions::default() });
    assert!(ask(&nats.url(), "").contains("\"tls_required\":true"));
    assert!(nats.log().contains("Server is ready"));
}

#[test]
fn a_dropped_server_is_gone() {
    let server = NatsServer::start();
    let pid = server.pid();
    assert!(alive(pid));
    drop(server);
    assert!(!alive(pid));
}

/// Not a test of its own: what the next one starts and kills.
#[test]
fn child() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    let server = RedisServer::start();
    let folder = ask_folder(&server.url());
    println!("\nserver {} {folder}", server.pid());
    // Killed meanwhile; bounded, should nobody do it.
    std::thread::sleep(Duration::from_secs(30));
}

fn ask_folder(url: &str) -> String {
    let mut stream = connect(url);
    stream.write_all(b"CONFIG GET dir\r\n").unwrap();
    let lines = BufReader::new(stream).lines();
    lines.take(5).last().unwrap().unwrap()
}

#[test]
fn a_server_does_not_outlive_a_killed_test() {
    let mut test = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture"])
        .env(CHILD, "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(test.stdout.take().unwrap()).lines();
    let line = lines.map_while(Result::ok).find(|line| line.starts_with("server ")).unwrap();
    let [_, pid, folder] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
    let pid: u32 = pid.parse().unwrap();
    assert!(alive(pid) && Path::new(folder).is_dir());
    test.kill().unwrap();
    test.wait().unwrap();
    until("the server ends", || !alive(pid));
    until("its folder is deleted", || !Path::new(folder).exists());
}
