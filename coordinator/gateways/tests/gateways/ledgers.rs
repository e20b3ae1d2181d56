//! Every ledger keeps what the seam promises: in memory, in a SQLite file, on a Redis server.

use std::sync::{Arc, LazyLock};

use fleet_core::seams::Holder;
use fleet_core::wire::{decode, encode};
use fleet_engines::redis::{RedisSettings, RedisStore};
use fleet_engines::sqlite::SqliteStore;
use fleet_gateways::conformance::ledger;
use fleet_gateways::memory_ledger::MemoryLedger;
use fleet_gateways::region::{AccountId, Region};
use fleet_gateways::resource::ResourceId;
use fleet_gateways::set::{Entropy, GatewaySet, IntentState, Opening, Order, SetId};
use fleet_gateways::spec::SpecHash;
use fleet_gateways::stored_ledger::StoredLedger;
use fleet_gateways::tags::OwnerTag;
use fleet_servers::RedisServer;

/// One server for all tests of this program; its guardian ends it after the program.
static SERVER: LazyLock<RedisServer> = LazyLock::new(RedisServer::start);

async fn on_redis(prefix: &str) -> StoredLedger {
    let settings = RedisSettings { prefix: format!("{prefix}:"), ..RedisSettings::default() };
    StoredLedger::new(Arc::new(RedisStore::connect(&SERVER.url(), settings).await.unwrap()))
}

macro_rules! ledger_tests {
    ($($promise:ident)*) => {
        mod in_memory {
            use super::*;
            $(
                #[tokio::test]
                async fn $promise() {
                    ledger::$promise(&MemoryLedger::default()).await.unwrap();
                }
            )*
        }

        mod in_sqlite {
            use super::*;
            $(
                #[tokio::test]
                async fn $promise() {
                    let directory = tempfile::tempdir().unwrap();
                    let store = SqliteStore::open(&directory.path().join("store.db")).unwrap();
                    ledger::$promise(&StoredLedger::new(Arc::new(store))).await.unwrap();
                }
            )*
        }

        mod in_redis {
            use super::*;
            $(
                #[tokio::test]
                async fn $promise() {
                    ledger::$promise(&on_redis(stringify!($promise)).await).await.unwrap();
                }
            )*
        }
    };
}
fleet_gateways::ledger_promises!(ledger_tests);

/// A row as version 1 writes it: later versions read it, and do not write it differently without another number.
#[test]
fn a_row_is_written_as_it_always_was() {
    let order = Order {
        set: SetId::parse("finviz-20261120-1000").unwrap(),
        holder: Holder("host:1".to_owned()),
        regions: vec![Region::parse("us-east-1").unwrap()],
        per_region: 1,
        expires_at: "2026-11-20T16:00:00Z".parse().unwrap(),
        entropy: Entropy([7; 32]),
    };
    let opening = Opening {
        account: AccountId("123456789012".to_owned()),
        owner: OwnerTag::parse("desk-7").unwrap(),
        spec_hash: SpecHash("0123456789abcdef".to_owned()),
        at: "2026-11-20T15:00:00Z".parse().unwrap(),
    };
    let mut set = GatewaySet::draw(&order, opening);
    let at = "2026-11-20T15:00:01Z".parse().unwrap();
    let resource = |id: &str| ResourceId(id.to_owned());
    set.intents[0].state = IntentState::Ready { resource: resource("abc123defg"), at };
    set.intents[1].state = IntentState::Attempted { at };
    set.intents[2].state = IntentState::Made { resource: resource("k1"), at };
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/golden/set.json");
    let mut bytes = encode(&set).unwrap();
    bytes.push(b'\n');
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, &bytes).unwrap();
    }
    let golden = std::fs::read(path).unwrap();
    assert_eq!(String::from_utf8_lossy(&bytes), String::from_utf8_lossy(&golden), "written differently");
    assert_eq!(decode::<GatewaySet>(&golden).unwrap(), set, "read differently");
}
