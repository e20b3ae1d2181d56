//! What nobody says (the account, which Regions there are, one Region, a tag) holds up nothing that can be done without it,
//! and is told.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use fleet_core::seams::{Clock, Holder};
use fleet_gateways::gateways::Kept;
use fleet_gateways::ledger::Ledger;
use fleet_gateways::memory_aws::MemorySettings;
use fleet_gateways::memory_aws::faults::{Fault, Faults, Question};
use fleet_gateways::progress::Progress;
use fleet_gateways::provider::ProviderError;
use fleet_gateways::quota::Operation;
use fleet_gateways::reconcile::ReconcileError;
use fleet_gateways::region::AccountId;
use fleet_gateways::set::SetState;
use fleet_gateways::tags::OwnerTag;
use fleet_gateways::{Gateways, Settings};
use futures::FutureExt;
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use crate::world::{LEASE, World, owner, region, regions, spec};

const HANGS: Fault = Fault::TimeOut { effect_after: None };

fn denied() -> ProviderError {
    ProviderError::Denied("not authorised".to_owned())
}

#[tokio::test(start_paused = true)]
async fn a_run_is_taken_down_where_nobody_says_which_regions_there_are() {
    for fault in [HANGS, Fault::Before(denied()), Fault::Before(ProviderError::Unknown("503".to_owned()))] {
        let world = World::real(21, 3);
        let order = world.order("scan", 3, 1);
        world.up(&order).await.unwrap().unwrap();
        world.aws.inject(Faults::none().asked(Question::EnabledRegions, 0, fault.clone()));
        let report = world.down(&order).await.unwrap();
        assert_eq!((report.deleted.len(), report.remaining.len()), (9, 0), "{fault:?}: {report:?}");
        assert!(report.elsewhere.is_some() && !report.is_complete(), "what was not looked at is told: {report:?}");
        world.assert_empty("Regions nobody told").await;
    }
}

#[tokio::test(start_paused = true)]
async fn regions_of_the_configuration_are_looked_at_whatever_is_said() {
    let world = World::real(22, 2);
    let order = world.order("scan", 2, 1);
    world.up(&order).await.unwrap().unwrap();
    world.outlive_leases().await;
    // Another ledger: only the tags tell, and only where it is looked.
    let other = World::new(MemorySettings::real(22, regions(2)));
    let world = World { aws: world.aws, ledger: other.ledger, clock: world.clock };
    world.aws.inject(Faults::none().asked(Question::EnabledRegions, 0, HANGS));
    let settings = Settings { expected: regions(2), ..Settings::of(owner()) };
    let report = world.process_with(world.aws.clone(), settings).reconcile().await.unwrap();
    assert_eq!(report.deleted.len(), 6, "{report:?}");
}

#[tokio::test(start_paused = true)]
async fn a_process_that_knows_its_account_needs_not_be_told_again_to_delete() {
    let world = World::real(23, 2);
    let order = world.order("scan", 2, 1);
    let process = world.process();
    process.up(&order, &spec(), 2).await.unwrap();
    world.aws.inject(Faults::none().asked(Question::Account, 0, HANGS));
    process.release(&order.set, &order.holder).await.unwrap();
    assert!(process.reconcile().await.unwrap().is_complete());
    world.assert_empty("an account that is told once").await;
    // One that never knew says so, and nothing is concluded.
    let unknown = world.process().reconcile().await;
    assert!(matches!(unknown, Err(ReconcileError::Provider(_, ProviderError::Unknown(_)))), "{unknown:?}");
}

/// A clock that is looked at twice: the second time, and later, it is a second after everything.
struct LeaseEndsBetween {
    looks: AtomicU32,
    ends: Timestamp,
}

impl Clock for LeaseEndsBetween {
    fn now(&self) -> Timestamp {
        let before = self.looks.fetch_add(1, Ordering::SeqCst) == 0;
        self.ends.saturating_add(SignedDuration::from_secs(if before { -1 } else { 1 })).unwrap()
    }
}

/// Nothing is deleted of a set that its run could still renew: the ledger ends a lease, not a look at the clock.
#[tokio::test(start_paused = true)]
async fn what_lapses_while_cleanup_looks_is_spared_until_the_ledger_ends_it() {
    let world = World::real(24, 1);
    let order = world.order("scan", 1, 1);
    world.up(&order).await.unwrap().unwrap();
    let wanted_when_deleted = Arc::new(AtomicU32::new(0));
    let (ledger, seen) = (world.ledger.clone(), wanted_when_deleted.clone());
    let watcher = move |progress: &Progress| {
        if matches!(progress, Progress::TearingDown { .. }) {
            let sets = ledger.sets().now_or_never().unwrap().unwrap();
            let wanted = sets.iter().filter(|set| set.state == SetState::Wanted).count();
            seen.fetch_add(u32::try_from(wanted).unwrap(), Ordering::SeqCst);
        }
    };
    let clock = Arc::new(LeaseEndsBetween { looks: AtomicU32::new(0), ends: order.expires_at });
    let process = Gateways::new(world.aws.clone(), world.ledger.clone(), clock, Settings::of(owner()));
    let report = process.watched_by(Arc::new(watcher)).reconcile().await;
    assert_eq!(wanted_when_deleted.load(Ordering::SeqCst), 0, "{report:?}");
    world.outlive_leases().await;
    assert!(world.cleanup().await.unwrap().is_complete());
    world.assert_empty("a lease that ended meanwhile").await;
}

#[tokio::test(start_paused = true)]
async fn a_region_that_is_denied_to_everybody_is_told_and_is_no_reason_to_come_back() {
    let settings = MemorySettings { denied: vec![region("us-west-1")], ..MemorySettings::real(25, regions(3)) };
    let world = World::new(settings);
    let order = world.order("scan", 2, 1);
    world.up(&order).await.unwrap().unwrap();
    let report = world.down(&order).await.unwrap();
    assert_eq!((report.deleted.len(), report.is_complete()), (6, true), "{report:?}");
    assert_eq!(report.denied.iter().map(|(region, _)| region.as_str()).collect::<Vec<_>>(), ["us-west-1"]);

    // Not where the configuration names it, nor where the ledger knows of something in it.
    let settings = Settings { expected: vec![region("us-west-1")], ..Settings::of(owner()) };
    let report = world.process_with(world.aws.clone(), settings).reconcile().await.unwrap();
    assert_eq!((report.blind.len(), report.denied.len(), report.is_complete()), (1, 0, false), "{report:?}");
    world.assert_empty("a Region denied").await;
}

#[tokio::test(start_paused = true)]
async fn credentials_that_may_look_nowhere_are_wrong() {
    let world = World::new(MemorySettings { denied: regions(2), ..MemorySettings::real(26, regions(2)) });
    let report = world.cleanup().await.unwrap();
    assert_eq!((report.blind.len(), report.denied.len(), report.is_complete()), (2, 0, false), "{report:?}");
}

#[tokio::test(start_paused = true)]
async fn a_set_whose_tags_cannot_say_that_it_is_kept_is_not_kept() {
    let world = World::real(27, 1);
    let order = world.order("scan", 1, 1);
    world.up(&order).await.unwrap().unwrap();
    let until = world.now().checked_add(LEASE * 2).unwrap();
    world.aws.inject(Faults::none().every(Operation::TagResource, Fault::Before(denied())));
    let kept = world.process().keep(&order.set, &order.holder, until).await.unwrap();
    let Kept::Released(untold) = kept else { panic!("{kept:?}") };
    assert_eq!(untold.len(), 3, "an API, a plan and a key: {untold:?}");
    assert!(world.ledger_released().await);
    world.aws.inject(Faults::none());
    assert!(world.cleanup().await.unwrap().is_complete());
    world.assert_empty("not kept").await;

    // One that passes is tried again.
    let order = world.order("again", 1, 1);
    world.up(&order).await.unwrap().unwrap();
    let busy = Fault::Before(denied());
    world.aws.inject(Faults::nth(0, busy.clone()).and_nth(1, busy));
    let kept = world.process().keep(&order.set, &order.holder, until).await.unwrap();
    assert!(matches!(kept, Kept::Warm), "{kept:?}");
    let another_store = World { ledger: World::real(0, 1).ledger, aws: world.aws.clone(), clock: world.clock.clone() };
    world.outlive_leases().await;
    assert_eq!(another_store.cleanup().await.unwrap().spared, 3, "its tags say until when");
}

#[tokio::test(start_paused = true)]
async fn a_run_renews_and_releases_whatever_it_holds() {
    let world = World::real(28, 1);
    let warm = world.order("warm", 1, 1);
    world.up(&warm).await.unwrap().unwrap();
    world.process().park(&warm.set, &warm.holder, warm.expires_at).await.unwrap();
    // It is interrupted after it claimed what was kept warm: the set has another name than its own.
    let order = world.order("scan", 1, 1);
    let process = world.process();
    assert!(world.ledger.claim(&warm.set, &order.holder, world.now(), order.expires_at).await.unwrap());
    let later = order.expires_at.checked_add(LEASE).unwrap();
    assert_eq!(process.renew_held(&order.holder, later).await.unwrap(), []);
    assert_eq!(world.ledger.sets().await.unwrap()[0].expires_at, later);
    assert_eq!(process.release_held(&Holder("another".to_owned())).await, Ok(0));
    assert_eq!(process.release_held(&order.holder).await, Ok(1));
    assert_eq!(process.release_held(&order.holder).await, Ok(0), "once");
    assert!(process.reconcile().await.unwrap().is_complete());
    world.assert_empty("released").await;
}

/// What others left, and what failed here, is deleted with the set: the first request does not wait for it.
#[tokio::test(start_paused = true)]
async fn a_set_is_up_before_what_failed_is_deleted() {
    let world = World::real(29, 1);
    let dead = world.order("dead", 1, 4);
    world.up(&dead).await.unwrap().unwrap();
    world.process().release(&dead.set, &dead.holder).await.unwrap();
    let mut order = world.order("scan", 1, 1);
    order.regions.push(region("ap-east-1"));
    let began = Instant::now();
    let raised = world.process().up(&order, &spec(), 1).await.unwrap();
    assert_eq!((raised.endpoints.len(), raised.failed.len()), (1, 1));
    assert!(began.elapsed() < Duration::from_secs(30), "up after {:?}", began.elapsed());
    let report = world.down(&order).await.unwrap();
    assert!(report.is_complete() && began.elapsed() > Duration::from_secs(90), "four APIs take a minute and a half");
    world.assert_empty("undone with its set").await;
}

#[tokio::test(start_paused = true)]
async fn sets_of_other_accounts_and_owners_are_not_told() {
    let world = World::real(30, 1);
    let order = world.order("ours", 1, 1);
    world.up(&order).await.unwrap().unwrap();
    let elsewhere =
        MemorySettings { account: AccountId("999999999999".to_owned()), ..MemorySettings::real(31, regions(1)) };
    let elsewhere = World { ledger: world.ledger.clone(), ..World::new(elsewhere) };
    elsewhere.up(&elsewhere.order("theirs", 1, 1)).await.unwrap().unwrap();
    let other = Settings::of(OwnerTag::parse("desk-8").unwrap());
    world.process_with(world.aws.clone(), other).up(&world.order("owners", 1, 1), &spec(), 1).await.unwrap();
    let names =
        |sets: Vec<fleet_gateways::set::GatewaySet>| sets.iter().map(|set| set.id.to_string()).collect::<Vec<_>>();
    assert_eq!(names(world.process().sets().await.unwrap()), ["ours"]);
    assert_eq!(names(elsewhere.process().sets().await.unwrap()), ["theirs"]);
}
