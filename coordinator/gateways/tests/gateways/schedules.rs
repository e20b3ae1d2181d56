//! A thousand seeded lives: 429s nobody provoked, errors, lost answers, time-outs with late effects, crashes at any call,
//! lists that lag, others' things that look like ours, and another run in the same ledger. At the end nothing of ours is
//! left, nothing of others' was touched, and the other run was spared.

use std::time::Duration;

use fleet_gateways::memory_aws::faults::{Fault, Faults, Mixture};
use fleet_gateways::memory_aws::seeded::{between, mix};
use fleet_gateways::memory_aws::{MemorySettings, Quotas};

use crate::world::{LEASE, World, owner, regions, spec};

/// Lives in each of the tests, which run side by side.
const LIVES: u64 = 300;

/// What happened over many lives: a schedule without faults proves nothing.
#[derive(Default, Debug)]
struct Tally {
    crashes: u32,
    raised: u32,
    undone: u32,
    throttled: usize,
    unanswered: usize,
    cleanups: u32,
}

fn mixture(seed: u64) -> Mixture {
    let share = |purpose, most: u64| mix(seed, 0, purpose) % (most + 1);
    Mixture {
        seed,
        throttled: share(20, 120),
        failed_before: share(21, 60),
        lost_answer: share(22, 80),
        timed_out: share(23, 40),
        busy: share(24, 30),
        denied: if mix(seed, 0, 28).is_multiple_of(3) { share(29, 20) } else { 0 },
    }
}

/// Faults of one process: a mixture, and perhaps its end.
fn faults(seed: u64, process: u64, crash: bool) -> Faults {
    let faults = Faults::none().and_mixture(Mixture { seed: mix(seed, process, 25), ..mixture(seed) });
    if !crash {
        return faults;
    }
    let call = mix(seed, process, 26) % 24;
    let before = mix(seed, process, 27).is_multiple_of(2);
    faults.and_nth(call, if before { Fault::CrashBefore } else { Fault::CrashAfter })
}

async fn live(seed: u64, tally: &mut Tally) {
    let pick = |purpose, of: u64| mix(seed, 1, purpose) % of;
    let (count, per_region) = (1 + pick(1, 3), 1 + pick(2, 2));
    let mut settings = MemorySettings::real(seed, regions(usize::try_from(count).unwrap()));
    settings.list_lag = between(mix(seed, 1, 3), Duration::ZERO, Duration::from_secs(20));
    settings.detach_lag = between(mix(seed, 1, 4), Duration::ZERO, Duration::from_secs(9));
    settings.page = 1 + usize::try_from(pick(5, 6)).unwrap();
    settings.quotas = if pick(6, 4) == 0 { Quotas::Ignored } else { Quotas::Enforced };
    let world = World::new(settings);
    world.plant_foreign();

    // Another run, in use all the time.
    let mut other = world.order("other-run", 1, 1);
    other.expires_at = world.now().checked_add(LEASE * 24 * 30).unwrap();
    world.up(&other).await.unwrap().unwrap();
    let others: Vec<_> = world.aws.owned_by(&owner());

    let order = world.order("scan", usize::try_from(count).unwrap(), u32::try_from(per_region).unwrap());
    let mut process = 0;
    let mut next = |world: &World, crash: bool| {
        process += 1;
        world.aws.inject(faults(seed, process, crash));
    };

    // The run, launched up to three times while its lease lasts.
    let launches = 1 + pick(7, 3);
    for launch in 0..launches {
        next(&world, pick(8 + launch, 3) > 0);
        match world.up(&order).await {
            None => tally.crashes += 1,
            Some(Ok(_)) => {
                tally.raised += 1;
                break;
            }
            Some(Err(_)) => {
                tally.undone += 1;
                break;
            }
        }
    }
    // Its end, which may be no end at all.
    if pick(12, 3) > 0 {
        next(&world, pick(13, 2) > 0);
        if world.down(&order).await.is_none() {
            tally.crashes += 1;
        }
    }
    // Cron, for as long as it takes; its processes may end too.
    world.outlive_leases().await;
    for round in 0..12 {
        next(&world, round < 3 && pick(14 + round, 2) > 0);
        tally.cleanups += 1;
        match world.cleanup().await {
            None => tally.crashes += 1,
            Some(report) if report.is_complete() => break,
            Some(_) => {}
        }
        assert!(round < 11, "seed {seed}: cleanup does not come to an end");
    }
    let log = world.aws.log();
    use fleet_gateways::memory_aws::log::Outcome;
    tally.throttled += log.iter().filter(|call| call.outcome == Outcome::Throttled).count();
    tally.unanswered += log.iter().filter(|call| call.outcome == Outcome::NoAnswer).count();

    // What may appear late is recognised the next time.
    tokio::time::sleep(Duration::from_secs(60)).await;
    world.aws.inject(Faults::none());
    assert_eq!(world.aws.owned_by(&owner()), others, "seed {seed}: left behind, or the other run was harmed");
    assert_eq!(world.aws.harm(), Vec::<String>::new(), "seed {seed}");
    assert!(world.down(&other).await.unwrap().is_complete(), "seed {seed}");
    world.assert_empty(&format!("seed {seed}")).await;
}

async fn lives(from: u64) {
    let mut tally = Tally::default();
    for seed in from..from + LIVES {
        live(seed, &mut tally).await;
    }
    let Tally { crashes, raised, undone, throttled, unanswered, cleanups } = tally;
    println!(
        "{LIVES} lives: {crashes} crashes, {raised} raised, {undone} undone, {throttled} throttled, {unanswered} \
         unanswered, {cleanups} cleanups"
    );
    assert!(u64::from(crashes) > LIVES / 2 && u64::from(raised) > LIVES / 4, "too few of something: {tally:?}");
    assert!(undone > 4, "too few were undone");
    assert!(throttled > 1_000 && unanswered > 1_000, "too few faults: {throttled} and {unanswered}");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_left_and_nobody_is_harmed_in_lives_0_to_300() {
    lives(0).await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_left_and_nobody_is_harmed_in_lives_1000_to_1300() {
    lives(1_000).await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_left_and_nobody_is_harmed_in_lives_2000_to_2300() {
    lives(2_000).await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_left_and_nobody_is_harmed_in_lives_3000_to_3300() {
    lives(3_000).await;
}

/// A start, with faults, while cron cleans up without a pause and the run renews what it holds: what is being created is
/// never taken for an orphan. Its first lease ends before it is up: without a renewal nothing would be.
#[tokio::test(start_paused = true)]
async fn cleanup_beside_a_start_takes_nothing_of_it() {
    let (mut raised, mut cleaned) = (0, 0);
    for seed in 0..100 {
        let mut settings = MemorySettings::real(seed, regions(2));
        settings.list_lag = Duration::from_secs(5);
        let world = World::new(settings);
        world.aws.inject(faults(seed, 1, false));
        let mut order = world.order("scan", 2, 2);
        order.expires_at = world.now().checked_add(Duration::from_secs(4)).unwrap();
        let (starting, cron, spec) = (world.process(), world.process(), spec());
        let start = starting.up(&order, &spec, 2);
        let cleaning = async {
            loop {
                // A pass that is not told whose account this is, however often it asks, does nothing.
                if let Ok(report) = cron.reconcile().await {
                    cleaned += 1;
                    // A set that failed is undone by both.
                    let released = world.ledger_released().await;
                    assert!(released || report.deleted.is_empty(), "seed {seed}: {report:?}");
                }
                tokio::time::sleep(Duration::from_millis(700)).await;
            }
        };
        let renewing = async {
            loop {
                tokio::time::sleep(Duration::from_secs(1)).await;
                let until = world.now().checked_add(Duration::from_secs(600)).unwrap();
                // A tag that is not written is the next time's.
                let _ = starting.renew_held(&order.holder, until).await.unwrap();
            }
        };
        let done = tokio::select! {
            done = start => done,
            () = cleaning => unreachable!("cron does not end"),
            () = renewing => unreachable!("a run renews as long as it lasts"),
        };
        if let Ok(up) = done {
            raised += 1;
            assert_eq!(up.endpoints.len(), 4, "seed {seed}");
            assert_eq!(world.aws.owned_by(&owner()).len(), 8, "seed {seed}");
        }
        world.aws.inject(Faults::none());
        assert!(world.down(&order).await.unwrap().is_complete(), "seed {seed}");
        world.assert_empty(&format!("seed {seed}")).await;
    }
    assert!(raised > 60 && cleaned > 300, "{raised} raised beside {cleaned} cleanups");
}
