//! Addresses of queues and stores: a password is never shown.

use fleet_engines::connect::{QueueAddress, Secret, StoreAddress, check_pair, shown};

/// In no text but the password's.
const PLANTED: &str = "pl4nt3d-S3CR3T";
const ANOTHER: &str = "zzzzzzz-0TH3R";

/// The bytes are an address, and (cut at the first NUL) what stands around a planted password.
pub fn addresses(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if text.contains(PLANTED) {
        return;
    }
    parse(text);
    let (before, after) = text.split_once('\0').unwrap_or((text, "host:1"));
    for scheme in ["nats://", "tls://", "redis://", "rediss://", ""] {
        let address = format!("{scheme}{before}:{PLANTED}@{after}");
        hidden(&shown(&address), &address);
        parse(&address);
    }
}

fn parse(text: &str) {
    let queue = QueueAddress::parse(text);
    let store = StoreAddress::parse(text);
    match &queue {
        Ok(read) => {
            hidden(&format!("{read} {read:?}"), text);
            // What is shown says the same whatever the password is, and names the same servers.
            if let QueueAddress::Nats(nats) = read {
                assert!((1..=16).contains(&nats.servers.len()), "{nats:?}");
                let mut other = nats.clone();
                other.password = other.password.map(|_| Secret::new(ANOTHER));
                assert_eq!(other.to_string(), nats.to_string());
                assert_eq!(format!("{other:?}"), format!("{nats:?}"));
                let bare = QueueAddress::parse(&nats.servers.join(","));
                assert!(matches!(&bare, Ok(QueueAddress::Nats(again)) if again.servers == nats.servers), "{bare:?}");
            }
        }
        Err(error) => hidden(&error.to_string(), text),
    }
    match &store {
        Ok(read) => {
            if let StoreAddress::Redis(redis) = read {
                hidden(&format!("{read} {read:?}"), text);
                assert!(!redis.host.is_empty(), "{redis:?}");
                let mut other = redis.clone();
                other.password = other.password.map(|_| Secret::new(ANOTHER));
                assert_eq!(other.to_string(), redis.to_string());
                assert_eq!(format!("{other:?}"), format!("{redis:?}"));
                other.user = None;
                other.password = None;
                assert_eq!(StoreAddress::parse(&other.to_string()), Ok(StoreAddress::Redis(other)));
            }
        }
        Err(error) => hidden(&error.to_string(), text),
    }
    if let (Ok(queue), Ok(store)) = (queue, store)
        && let Err(mixed) = check_pair(&queue, &store)
        && !matches!(store, StoreAddress::Sqlite(_))
    {
        hidden(&mixed.to_string(), text);
    }
}

fn hidden(output: &str, address: &str) {
    // After the last `@` it is a host's or a file's name, and no password.
    let is_password = address.rsplit_once('@').is_none_or(|(_, rest)| !rest.contains(PLANTED));
    assert!(!is_password || !output.contains(PLANTED), "{address:?} is shown as {output:?}");
}
