//! A random history of calls, played on three stores side by side. After every call all answers must be equal, and at
//! intervals everything that can be read.

mod calls;
mod look;
mod purpose;
mod values;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

use fleet_core::seams::*;
use fleet_engines::sqlite::SqliteStore;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use tempfile::TempDir;

use crate::model::ModelStore;
use crate::place::Place;

/// Everything is read after so many calls.
const LOOK_EVERY: u32 = 30;
/// Calls shown with a difference.
const TRAIL: usize = 25;

/// Three stores and who works with them.
pub struct History {
    stores: Vec<(&'static str, Box<dyn Store>)>,
    clock: Arc<ManualClock>,
    rng: ChaCha8Rng,
    /// Leases that were given out, the newest last; most are stale by now.
    leases: Vec<Lease>,
    /// Claims of notices that were given out.
    claims: Vec<(Holder, String)>,
    trail: Vec<String>,
    /// What was asked and what kind of answer came, e.g. `commit Ok Duplicate`, and how often.
    pub reached: BTreeMap<String, u32>,
    _folder: TempDir,
}

/// Where two stores differ.
pub type Difference = String;

impl History {
    /// New stores; the seed decides about everything that follows.
    pub async fn new(seed: u64) -> Self {
        let clock = Arc::new(ManualClock::new("2026-11-20T15:00:00Z".parse().unwrap()));
        // In memory where there is such a folder: nothing here is about the disk.
        let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let sqlite = SqliteStore::open_with_clock(&folder.path().join("store.db"), clock.clone()).unwrap();
        let redis = Place::with_clock(clock.clone()).store().await;
        let stores: Vec<(&'static str, Box<dyn Store>)> = vec![
            ("the model", Box::new(ModelStore::new(clock.clone()))),
            ("redis", Box::new(redis)),
            ("sqlite", Box::new(sqlite)),
        ];
        let rng = ChaCha8Rng::seed_from_u64(seed);
        Self {
            stores,
            clock,
            rng,
            leases: Vec::new(),
            claims: Vec::new(),
            trail: Vec::new(),
            reached: BTreeMap::new(),
            _folder: folder,
        }
    }

    /// Plays so many calls.
    pub async fn play(&mut self, calls: u32) -> Result<(), Difference> {
        for n in 1..=calls {
            let played = match self.call().await {
                Ok(()) if n % LOOK_EVERY == 0 || n == calls => self.look().await,
                played => played,
            };
            played.map_err(|difference| format!("{difference}\nafter\n  {}", self.trail.join("\n  ")))?;
        }
        Ok(())
    }

    /// Asks all stores the same; their answer, or how they differ.
    async fn ask<T: Debug>(
        &self,
        what: &str,
        ask: impl AsyncFn(&dyn Store) -> Result<T, StoreError>,
    ) -> Result<Result<T, &'static str>, Difference> {
        let mut first: Option<(String, Result<T, &'static str>)> = None;
        for (name, store) in &self.stores {
            let answer = ask(store.as_ref()).await;
            let answer = answer.map_err(|error| word(name, &error));
            let text = format!("{answer:?}");
            match &first {
                None => first = Some((text, answer)),
                Some((model, _)) if *model == text => {}
                Some((model, _)) => {
                    return Err(format!("{what}:\n{name} says\n  {text}\nthe model says\n  {model}"));
                }
            }
        }
        first.map(|(_, answer)| answer).ok_or_else(|| "no store".to_owned())
    }

    fn reach(&mut self, what: String) {
        *self.reached.entry(what).or_default() += 1;
    }

    /// A call that is remembered for the report.
    async fn act<T: Debug>(
        &mut self,
        what: String,
        ask: impl AsyncFn(&dyn Store) -> Result<T, StoreError>,
    ) -> Result<Option<T>, Difference> {
        let answer = self.ask(&what, ask).await?;
        let short: String = format!("{answer:?}").chars().take(120).collect();
        let verb = what.split(' ').find(|word| word.chars().all(|c| c.is_ascii_lowercase())).unwrap_or_default();
        let kind: String = short.chars().take_while(|c| c.is_alphabetic() || "(\" ".contains(*c)).collect();
        self.reach(format!("{verb} {}", kind.replace('(', " ").replace('"', "").trim()));
        self.trail.push(format!("{what} -> {short}"));
        if self.trail.len() > TRAIL {
            self.trail.remove(0);
        }
        Ok(answer.ok())
    }
}

/// What kind of refusal; the sentences are each store's own.
fn word(store: &str, error: &StoreError) -> &'static str {
    match error {
        StoreError::Fenced { .. } => "fenced",
        StoreError::NotFound(_) => "not found",
        StoreError::Conflict(_) => "conflict",
        other => panic!("{store} failed: {other}"),
    }
}
