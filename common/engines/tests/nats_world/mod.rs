//! What the tests of the NATS queue share.

#![expect(dead_code, reason = "each test binary uses its part")]

use std::time::Duration;

use fleet_core::domain::{ScanId, Task, Ticker};
use fleet_engines::connect::{QueueAddress, Secrets};
use fleet_engines::nats::NatsSettings;

/// Short enough to wait for, long enough for a busy machine.
pub const ACK_WAIT: Duration = Duration::from_secs(1);

/// The fleet's layout at an address, with a short acknowledgement time.
pub fn settings(url: &str) -> NatsSettings {
    NatsSettings { ack_wait: ACK_WAIT, ..settings_with(url, &Secrets::default()) }
}

/// The fleet's layout at an address.
pub fn settings_with(url: &str, secrets: &Secrets) -> NatsSettings {
    match QueueAddress::parse(url).unwrap() {
        QueueAddress::Nats(address) => NatsSettings::new(&address, secrets).unwrap(),
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
