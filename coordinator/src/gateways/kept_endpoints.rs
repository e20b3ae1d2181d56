//! The rows through which workers find a scan's gateways: written when they are up, deleted with them, and deleted later
//! where the run that wrote them died.

use std::collections::BTreeSet;

use fleet_core::seams::{GatewayRows, StoreError, endpoints_row};
use fleet_core::wire::{self, KeptEndpoints};
use fleet_gateways::ledger::{Ledger, LedgerError};
use fleet_gateways::set::SetState;

/// How often a row is read again because somebody else changed it meanwhile.
const TRIES: u32 = 8;

/// Why dead rows are still there.
#[derive(Debug, thiserror::Error)]
pub enum ForgetError {
    /// Which gateways are wanted is not known.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The rows were not read or not deleted.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Writes the row of a scan, whatever it was: who holds the scan knows which gateways it goes through.
pub async fn publish(rows: &dyn GatewayRows, scan: &str, body: &[u8]) -> Result<(), StoreError> {
    let row = endpoints_row(scan);
    for _ in 0..TRIES {
        let found = rows.gateway_row(&row).await?;
        if rows.swap_gateway_row(&row, found.as_deref(), Some(body)).await? {
            return Ok(());
        }
    }
    Err(StoreError::Conflict(format!("the gateways of {scan} are changed by somebody else")))
}

/// Deletes the row of a scan if it is still the one that was published: a launch that ends must not take the gateways of
/// the one that goes on with its scan from the workers.
pub async fn withdraw(rows: &dyn GatewayRows, scan: &str, published: &[u8]) -> Result<(), StoreError> {
    rows.swap_gateway_row(&endpoints_row(scan), Some(published), None).await.map(drop)
}

/// Deletes the rows all of whose keys are dead: no set that is wanted has one of them. Answers how many. A row is written
/// only when its set is there, so that none of a live scan can be met; one that cannot be read stays.
pub async fn forget_dead(rows: &dyn GatewayRows, ledger: &dyn Ledger) -> Result<usize, ForgetError> {
    let found = rows.gateway_rows(&endpoints_row("")).await?;
    let sets = ledger.sets().await?;
    let wanted = sets.iter().filter(|set| set.state == SetState::Wanted).flat_map(|set| &set.intents);
    let live: BTreeSet<&str> = wanted.filter_map(|intent| intent.key_value.as_ref()).map(|key| key.reveal()).collect();
    let mut forgotten = 0;
    for row in found {
        let endpoints = match wire::decode::<KeptEndpoints>(&row.body) {
            Ok(KeptEndpoints(endpoints)) => endpoints,
            Err(error) => {
                tracing::warn!(row = row.name, %error, "the gateways of a scan cannot be read");
                continue;
            }
        };
        let is_dead = !endpoints.iter().any(|endpoint| live.contains(endpoint.api_key.reveal()));
        if is_dead && rows.swap_gateway_row(&row.name, Some(&row.body), None).await? {
            forgotten += 1;
        }
    }
    Ok(forgotten)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use fleet_core::domain::{GatewayEndpoint, GatewayKey};
    use fleet_core::seams::{Endpoints as _, Holder, StoredEndpoints};
    use fleet_engines::sqlite::SqliteStore;
    use fleet_gateways::ledger::Part;
    use fleet_gateways::region::{AccountId, Region};
    use fleet_gateways::set::{Entropy, GatewaySet, Opening, Order, SetId};
    use fleet_gateways::spec::SpecHash;
    use fleet_gateways::stored_ledger::StoredLedger;
    use fleet_gateways::tags::OwnerTag;
    use jiff::Timestamp;

    use super::*;

    fn body(keys: &[&str]) -> Vec<u8> {
        let endpoint = |key: &&str| GatewayEndpoint {
            name: "us-east-1".to_owned(),
            base_url: "http://one".to_owned(),
            api_key: GatewayKey::new((*key).to_owned()),
        };
        wire::encode(&KeptEndpoints(keys.iter().map(endpoint).collect())).unwrap()
    }

    fn set(name: &str, entropy: u8) -> GatewaySet {
        let order = Order {
            set: SetId::parse(name).unwrap(),
            holder: Holder("host:1".to_owned()),
            regions: vec![Region::parse("us-east-1").unwrap()],
            per_region: 1,
            expires_at: Timestamp::MAX,
            entropy: Entropy([entropy; 32]),
        };
        let opening = Opening {
            account: AccountId("123456789012".to_owned()),
            owner: OwnerTag::parse("optionfleet").unwrap(),
            spec_hash: SpecHash("0".repeat(16)),
            at: Timestamp::UNIX_EPOCH,
        };
        GatewaySet::draw(&order, opening)
    }

    fn key_of(set: &GatewaySet) -> &str {
        set.intents.iter().find_map(|intent| intent.key_value.as_ref()).unwrap().reveal()
    }

    #[tokio::test]
    async fn workers_find_the_newest_gateways_by_the_scans_name() {
        let directory = tempfile::tempdir().unwrap();
        let store = Arc::new(SqliteStore::open(&directory.path().join("x.db")).unwrap());
        let told = StoredEndpoints::new(store.clone());
        for keys in [["one"], ["two"]] {
            publish(store.as_ref(), "x-1", &body(&keys)).await.unwrap();
            assert_eq!(told.endpoints("x-1").await.unwrap()[0].api_key.reveal(), keys[0]);
        }
        assert_eq!(told.endpoints("x-2").await.unwrap(), []);
        // The launch that had published the first ends late.
        withdraw(store.as_ref(), "x-1", &body(&["one"])).await.unwrap();
        assert_eq!(told.endpoints("x-1").await.unwrap().len(), 1, "they are another launch's by now");
        withdraw(store.as_ref(), "x-1", &body(&["two"])).await.unwrap();
        assert_eq!(told.endpoints("x-1").await.unwrap(), []);
        withdraw(store.as_ref(), "x-1", &body(&["two"])).await.unwrap();
    }

    #[tokio::test]
    async fn the_row_of_a_dead_run_goes_and_that_of_a_live_one_stays() {
        let directory = tempfile::tempdir().unwrap();
        let store = Arc::new(SqliteStore::open(&directory.path().join("x.db")).unwrap());
        let ledger = StoredLedger::new(store.clone());
        let (live, dead) = (set("live", 1), set("dead", 2));
        for set in [&live, &dead] {
            ledger.open(set).await.unwrap();
        }
        // A scan that uses what an earlier one kept warm has a row of its own name with the earlier one's keys.
        publish(store.as_ref(), "later", &body(&[key_of(&live)])).await.unwrap();
        publish(store.as_ref(), "dead", &body(&[key_of(&dead)])).await.unwrap();
        publish(store.as_ref(), "unknown", &body(&["of a ledger that was lost"])).await.unwrap();
        assert!(store.swap_gateway_row("endpoints/odd", None, Some(b"?")).await.unwrap());
        ledger.release(&dead.id, &Part::Whole, None).await.unwrap();

        assert_eq!(forget_dead(store.as_ref(), &ledger).await.unwrap(), 2);
        let told = StoredEndpoints::new(store.clone());
        assert_eq!(told.endpoints("later").await.unwrap().len(), 1);
        assert_eq!(told.endpoints("dead").await.unwrap(), []);
        assert_eq!(told.endpoints("unknown").await.unwrap(), []);
        assert!(
            store.gateway_row("endpoints/odd").await.unwrap().is_some(),
            "what cannot be read is not ours to judge"
        );
        assert_eq!(forget_dead(store.as_ref(), &ledger).await.unwrap(), 0);
    }
}
