//! Every ledger keeps what the seam promises: in memory, in a SQLite file, on a Redis server.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use async_trait::async_trait;
use fleet_core::seams::{GatewayRow, GatewayRows, Holder, StoreError};
use fleet_core::wire::{decode, encode};
use fleet_engines::redis::{RedisSettings, RedisStore};
use fleet_engines::sqlite::SqliteStore;
use fleet_gateways::conformance::ledger;
use fleet_gateways::ledger::Ledger as _;
use fleet_gateways::memory_ledger::MemoryLedger;
use fleet_gateways::region::{AccountId, Region};
use fleet_gateways::resource::ResourceId;
use fleet_gateways::set::{Entropy, GatewaySet, IntentState, Opening, Order, SetId};
use fleet_gateways::spec::SpecHash;
use fleet_gateways::stored_ledger::StoredLedger;
use fleet_gateways::tags::OwnerTag;
use fleet_servers::RedisServer;
use futures::future::join_all;

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

fn order(set: &str) -> Order {
    Order {
        set: SetId::parse(set).unwrap(),
        holder: Holder("host:1".to_owned()),
        regions: vec![Region::parse("us-east-1").unwrap()],
        per_region: 1,
        expires_at: "2026-11-20T16:00:00Z".parse().unwrap(),
        entropy: Entropy([7; 32]),
    }
}

fn opening() -> Opening {
    Opening {
        account: AccountId("123456789012".to_owned()),
        owner: OwnerTag::parse("desk-7").unwrap(),
        spec_hash: SpecHash("0123456789abcdef".to_owned()),
        at: "2026-11-20T15:00:00Z".parse().unwrap(),
    }
}

/// A row as version 1 writes it: later versions read it, and do not write it differently without another number.
#[test]
fn a_row_is_written_as_it_always_was() {
    let mut set = GatewaySet::draw(&order("finviz-20261120-1000"), opening());
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

/// A row that is slow to answer, as a server's is, and in which every change meets all the others.
struct SlowRows(SqliteStore);

#[async_trait]
impl GatewayRows for SlowRows {
    async fn gateway_row(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let row = self.0.gateway_row(name).await;
        tokio::time::sleep(Duration::from_millis(2)).await;
        row
    }

    async fn gateway_rows(&self, prefix: &str) -> Result<Vec<GatewayRow>, StoreError> {
        self.0.gateway_rows(prefix).await
    }

    async fn swap_gateway_row(&self, name: &str, from: Option<&[u8]>, to: Option<&[u8]>) -> Result<bool, StoreError> {
        self.0.swap_gateway_row(name, from, to).await
    }
}

#[tokio::test]
async fn every_region_of_a_run_writes_what_it_made_however_many_there_are() {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&directory.path().join("store.db")).unwrap();
    let ledger = StoredLedger::new(Arc::new(SlowRows(store)));
    let regions = (0..150).map(|n| Region::parse(&format!("us-north-{n}")).unwrap()).collect();
    let set = ledger.open(&GatewaySet::draw(&Order { regions, ..order("wide") }, opening())).await.unwrap();
    let at = "2026-11-20T15:00:00Z".parse().unwrap();
    let written = join_all(set.intents.iter().map(|intent| ledger.attempt(&intent.id, at))).await;
    assert!(written.iter().all(Result::is_ok), "{:?}", written.iter().find(|one| one.is_err()));
    let stored = ledger.sets().await.unwrap().remove(0);
    assert!(stored.intents.iter().all(|intent| matches!(intent.state, IntentState::Attempted { .. })));
}
