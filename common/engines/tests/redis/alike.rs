//! The Redis store, the SQLite store and a plain model of a store answer the same, whatever is asked of them in whatever
//! order: seeded random histories of coordinators, workers and people, under one clock that only moves when told to.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use fleet_core::seams::{Clock, ManualClock, Store};
use fleet_engines::conformance::store::{self, StoreFixture};
use jiff::{SignedDuration, Timestamp};

use crate::histories::History;
use crate::model::ModelStore;

/// Histories played.
const HISTORIES: u64 = 200;
/// Threads that play them.
const PLAYERS: u64 = 4;
/// Calls of a history.
const STEPS: u32 = 150;

/// What the histories must get to, or they would prove little: words of the calls, and of their answers.
const MUST_REACH: &[&str] = &[
    "advance Err fenced",
    "begun Done",
    "begun MadeAnew",
    "begun Run",
    "begun Sealed",
    "begun with live trades",
    "claimed buy",
    "claimed exit",
    "claimed filled",
    "claimed lapsed",
    "close Ok TradeRecord",
    "commit Ok Committed",
    "commit Ok Duplicate",
    "commit Ok Late",
    "confirm Ok",
    "draw Ok Blocked",
    "draw Ok Granted",
    "freeze Err conflict",
    "freeze Err fenced",
    "ignore Ok TradeRecord",
    "note Ok",
    "open Ok ConfigDiffers",
    "open Ok Existing Done",
    "pruned 2",
    "releases Ok",
    "renew Err fenced",
    "seal Ok",
    "settle Err conflict",
    "settle Err fenced",
    "settle Ok",
    "takes Ok Held",
    "trade capped",
    "trade closed",
    "trade lapsed",
];

#[test]
fn random_histories_are_answered_alike() {
    if let Some(seed) = std::env::var("FLEET_HISTORY").ok().and_then(|seed| seed.parse().ok()) {
        play(seed);
        return;
    }
    let players = (0..PLAYERS).map(|player| {
        std::thread::spawn(move || (player..HISTORIES).step_by(PLAYERS as usize).map(play).reduce(sum).unwrap())
    });
    let players: Vec<_> = players.collect();
    let reached = players.into_iter().map(|player| player.join().unwrap()).reduce(sum).unwrap();
    let unreached: Vec<_> = MUST_REACH.iter().filter(|what| !reached.contains_key(**what)).collect();
    assert!(unreached.is_empty(), "no history came to {unreached:?}; they came to {reached:#?}");
}

/// Plays the history of a seed; what it came to, and how often.
fn play(seed: u64) -> BTreeMap<String, u32> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut history = History::new(seed).await;
        if let Err(difference) = history.play(STEPS).await {
            panic!("history {seed} (play it again with FLEET_HISTORY={seed}): {difference}");
        }
        history.reached
    })
}

fn sum(mut all: BTreeMap<String, u32>, more: BTreeMap<String, u32>) -> BTreeMap<String, u32> {
    for (what, times) in more {
        *all.entry(what).or_default() += times;
    }
    all
}

/// The model under test.
struct Fresh {
    store: ModelStore,
    clock: Arc<ManualClock>,
}

#[async_trait]
impl StoreFixture for Fresh {
    fn store(&self) -> &dyn Store {
        &self.store
    }

    async fn reopened(&self) -> Result<Box<dyn Store>, String> {
        Ok(Box::new(self.store.clone()))
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    async fn pass(&self, time: Duration) {
        self.clock.advance(SignedDuration::try_from(time).unwrap());
    }

    fn beat(&self) -> Duration {
        Duration::from_secs(1)
    }
}

macro_rules! tests {
    ($($promise:ident)*) => {
        /// A model that breaks a promise would prove nothing.
        mod the_model_keeps_every_promise {
            use super::*;
            $(
                #[tokio::test]
                async fn $promise() {
                    let clock = Arc::new(ManualClock::new("2026-11-20T15:00:00Z".parse().unwrap()));
                    store::$promise(&Fresh { store: ModelStore::new(clock.clone()), clock }).await.unwrap();
                }
            )*
        }
    };
}

fleet_engines::store_promises!(tests);
