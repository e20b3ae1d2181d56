//! What the tests of the NATS queue share.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use fleet_core::domain::{ScanId, Task, Ticker};
use fleet_core::seams::QueueError;
use fleet_engines::connect::{QueueAddress, Secrets};
use fleet_engines::nats::NatsSettings;
use fleet_engines::store_id::StoreId;
use fleet_servers::NatsServer;

/// Short enough to wait for, long enough for a busy machine.
pub const ACK_WAIT: Duration = Duration::from_secs(1);

/// The store whose tasks these are: its stream is [`STREAM`], its subjects begin with [`SUBJECTS`].
pub fn store() -> StoreId {
    StoreId::parse("00000000000000aa").unwrap()
}

pub const STREAM: &str = "WORK-00000000000000aa";
pub const SUBJECTS: &str = "work.00000000000000aa";

/// The fleet's layout at an address, with a short acknowledgement time.
pub fn settings(url: &str) -> NatsSettings {
    NatsSettings { ack_wait: ACK_WAIT, ..settings_with(url, &Secrets::default()) }
}

/// The fleet's layout at an address.
pub fn settings_with(url: &str, secrets: &Secrets) -> NatsSettings {
    match QueueAddress::parse(url).unwrap() {
        QueueAddress::Nats(address) => NatsSettings::new(&address, secrets, &store()).unwrap(),
        QueueAddress::InProcess => panic!("{url} is no address of a NATS server"),
    }
}

pub fn scan(n: usize) -> ScanId {
    ScanId::parse(&format!("test-20261120-{n}")).unwrap()
}

pub fn ticker(n: usize) -> Ticker {
    Ticker::parse(&format!("T{n}")).unwrap()
}

/// Task number n of scan 1.
pub fn task(n: usize) -> Task {
    Task { scan: scan(1), ticker: ticker(n) }
}

/// Repeats what is unavailable, until it is not.
pub async fn patiently<T>(act: &str, patience: Duration, try_it: impl AsyncFn() -> Result<T, QueueError>) -> T {
    let give_up = Instant::now() + patience;
    loop {
        match try_it().await {
            Ok(value) => return value,
            Err(QueueError::Unavailable(why)) => assert!(Instant::now() < give_up, "{act} in vain: {why}"),
            Err(error @ QueueError::Refused(_)) => panic!("{act}: {error}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A connection that speaks the protocol as it is, for what the queue itself never does.
pub struct Raw {
    stream: BufReader<TcpStream>,
    requests: usize,
}

impl Raw {
    /// To an open server.
    pub fn connect(server: &NatsServer) -> Self {
        let url = server.url();
        let stream = TcpStream::connect(url.strip_prefix("nats://").unwrap()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream.set_nodelay(true).unwrap();
        let mut raw = Self { stream: BufReader::new(stream), requests: 0 };
        assert!(raw.line().starts_with("INFO "));
        raw.send("CONNECT {\"verbose\":false,\"pedantic\":false,\"headers\":true}\r\n");
        raw
    }

    /// Publishes a message and waits for the answer.
    pub fn request(&mut self, subject: &str, payload: &str) -> String {
        self.requests += 1;
        let inbox = format!("_INBOX.raw.{}", self.requests);
        let size = payload.len();
        self.send(&format!("SUB {inbox} {}\r\nPUB {subject} {inbox} {size}\r\n{payload}\r\n", self.requests));
        loop {
            let line = self.line();
            if line.starts_with("PING") {
                self.send("PONG\r\n");
            } else if line.starts_with("MSG ") {
                let size: usize = line.rsplit(' ').next().unwrap().parse().unwrap();
                let mut body = vec![0; size + 2];
                self.stream.read_exact(&mut body).unwrap();
                return String::from_utf8_lossy(&body[..size]).into_owned();
            } else {
                panic!("{line}");
            }
        }
    }

    /// A request to JetStream, which must succeed.
    pub fn api(&mut self, name: &str, payload: &str) -> String {
        let answer = self.request(&format!("$JS.API.{name}"), payload);
        assert!(!answer.contains("\"error\""), "{name}: {answer}");
        answer
    }

    fn send(&mut self, text: &str) {
        self.stream.get_mut().write_all(text.as_bytes()).unwrap();
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stream.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }
}
