//! One small world: an AWS in memory, a ledger that outlives processes, one clock, and processes in it. A process is a
//! [`Gateways`] with limiters of its own; a crash is its future dropped where it stands.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use fleet_core::seams::{Clock, Holder};
use fleet_gateways::ledger::Ledger;
use fleet_gateways::memory_aws::clock::TokioWallClock;
use fleet_gateways::memory_aws::{MemoryAws, MemorySettings};
use fleet_gateways::memory_ledger::MemoryLedger;
use fleet_gateways::provider::GatewayProvider;
use fleet_gateways::raise::{Raised, UpError};
use fleet_gateways::reconcile::Report;
use fleet_gateways::region::{KNOWN, Region};
use fleet_gateways::resource::{ResourceKind, Tags};
use fleet_gateways::set::{Entropy, Order, SetId, SetState};
use fleet_gateways::spec::{GatewaySpec, Route};
use fleet_gateways::tags::{self, OwnerTag};
use fleet_gateways::{Gateways, Settings};
use jiff::Timestamp;
use tokio::time::sleep;

/// A lease of a run, renewed or not.
pub const LEASE: Duration = Duration::from_secs(3_600);

/// Codes of 17 Regions, those that are enabled in every account.
pub const SEVENTEEN: [&str; 17] = *KNOWN.first_chunk().expect("more are known");

pub fn region(code: &str) -> Region {
    Region::parse(code).unwrap()
}

pub fn regions(count: usize) -> Vec<Region> {
    SEVENTEEN[..count].iter().map(|code| region(code)).collect()
}

pub fn owner() -> OwnerTag {
    OwnerTag::parse("desk-7").unwrap()
}

pub fn spec() -> GatewaySpec {
    let route = |name, origin| Route::new(name, origin).unwrap();
    GatewaySpec::new(vec![route("cboe", "https://cdn.cboe.com"), route("finviz", "https://finviz.com")]).unwrap()
}

/// A world and what outlives a process in it.
pub struct World {
    pub aws: Arc<MemoryAws>,
    pub ledger: Arc<MemoryLedger>,
    pub clock: Arc<TokioWallClock>,
}

impl World {
    pub fn new(settings: MemorySettings) -> Self {
        let clock = Arc::new(TokioWallClock::starting_at(settings.starts_at));
        Self { aws: Arc::new(MemoryAws::new(settings)), ledger: Arc::new(MemoryLedger::default()), clock }
    }

    /// AWS as it is, with this many Regions.
    pub fn real(seed: u64, count: usize) -> Self {
        Self::new(MemorySettings::real(seed, regions(count)))
    }

    /// A process.
    pub fn process(&self) -> Gateways {
        self.process_with(self.aws.clone(), Settings::of(owner()))
    }

    pub fn process_with(&self, provider: Arc<dyn GatewayProvider>, settings: Settings) -> Gateways {
        Gateways::new(provider, self.ledger.clone(), self.clock.clone(), settings)
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// What a run asks for.
    pub fn order(&self, set: &str, count: usize, per_region: u32) -> Order {
        Order {
            set: SetId::parse(set).unwrap(),
            holder: Holder(format!("holder of {set}")),
            regions: regions(count),
            per_region,
            expires_at: self.now().checked_add(LEASE).unwrap(),
            entropy: Entropy([set.len() as u8; 32]),
        }
    }

    /// Runs a process until it ends or reaches a crash point; `None`: it crashed.
    pub async fn until_crash<T>(&self, process: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            done = process => Some(done),
            () = self.aws.crashed() => None,
        }
    }

    /// Brings a set up in a process of its own; `None`: it crashed.
    pub async fn up(&self, order: &Order) -> Option<Result<Raised, UpError>> {
        let process = self.process();
        self.until_crash(process.up(order, &spec(), order.regions.len())).await
    }

    /// Releases a set and reconciles, in a process of its own; `None`: it crashed.
    pub async fn down(&self, order: &Order) -> Option<Report> {
        let process = self.process();
        self.until_crash(async {
            process.release(&order.set, &order.holder).await.unwrap();
            process.reconcile().await.unwrap()
        })
        .await
    }

    /// Cleans up in a process of its own, as cron does; `None`: it crashed.
    pub async fn cleanup(&self) -> Option<Report> {
        let process = self.process();
        self.until_crash(async { process.reconcile().await.unwrap() }).await
    }

    /// Waits until no lease lasts.
    pub async fn outlive_leases(&self) {
        sleep(LEASE).await;
    }

    /// Nothing of ours exists, and nothing will appear; the ledger agrees; nobody else was harmed.
    pub async fn assert_empty(&self, what: &str) {
        // As long as a call that nobody waits for any more could take.
        sleep(Duration::from_secs(60)).await;
        assert_eq!(self.aws.owned_by(&owner()), [], "{what}: left behind");
        assert_eq!(self.aws.harm(), Vec::<String>::new(), "{what}: harm");
        for set in self.ledger.sets().await.unwrap() {
            assert_eq!(set.state, SetState::Closed, "{what}: {} in the ledger: {:?}", set.id, set.intents);
        }
    }

    /// Things of others that look like ours as much as possible.
    pub fn plant_foreign(&self) {
        let lookalikes: [(&str, &str); 8] = [
            (tags::OWNER, "desk-77"),
            (tags::OWNER, "desk"),
            (tags::OWNER, "DESK-7"),
            (tags::OWNER, "desk-7 "),
            (tags::OWNER, ""),
            ("Optionfleet-Owner", "desk-7"),
            ("owner", "desk-7"),
            ("optionfleet:owner", "desk-7"),
        ];
        for at in regions(1) {
            for kind in ResourceKind::ALL {
                for (key, value) in lookalikes {
                    let mut tags = Tags::from([(key.to_owned(), value.to_owned())]);
                    tags.insert(tags::SET.to_owned(), "scan".to_owned());
                    tags.insert(tags::INTENT.to_owned(), format!("scan/{at}/api-1"));
                    tags.insert(tags::EXPIRES_AT.to_owned(), Timestamp::UNIX_EPOCH.to_string());
                    self.aws.plant(&at, kind, &format!("optionfleet-scan-{at}-api-1"), &tags);
                }
                self.aws.plant(&at, kind, "optionfleet", &Tags::new());
            }
        }
    }
}

impl World {
    /// Whether every set was given up.
    pub async fn ledger_released(&self) -> bool {
        self.ledger.sets().await.unwrap().iter().all(|set| set.state != SetState::Wanted)
    }
}
