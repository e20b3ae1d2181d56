//! What a judge believes, on a clock of its own; and, over random gateways, that it believes the honest and not the liar.

use std::ops::Range;

use fleet_core::domain::CanaryPlan;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::super::rotation::{Allowed, Rotation};
use super::*;

fn at_minute(minute: i64) -> Progress {
    Progress::Time(Timestamp::from_second(1_795_185_000 + 60 * minute).unwrap())
}

fn pulse(minute: i64, rows: u32, with_interest: u32) -> Pulse {
    Pulse { progress: Some(at_minute(minute)), rows, with_interest: Some(with_interest) }
}

fn secs(secs: u64) -> Moment {
    Moment::from_secs(secs)
}

/// One canary that takes a second; whether it was fine, and who is condemned.
fn told(judge: &mut Judge, gateway: &str, at: u64, pulse: Pulse) -> (bool, Vec<String>) {
    let judgement = judge.judge(gateway, secs(at), secs(at + 1), &pulse);
    (judgement.is_fine, judgement.against.into_iter().map(|(name, _)| name).collect())
}

#[track_caller]
fn fine(judge: &mut Judge, gateway: &str, at: u64, pulse: Pulse) {
    assert_eq!(told(judge, gateway, at, pulse), (true, Vec::new()), "{gateway} at {at}");
}

#[track_caller]
fn suspect(judge: &mut Judge, gateway: &str, at: u64, pulse: Pulse) {
    assert_eq!(told(judge, gateway, at, pulse), (false, Vec::new()), "{gateway} at {at}");
}

#[track_caller]
fn condemns(judge: &mut Judge, gateway: &str, at: u64, pulse: Pulse, whom: &str) {
    assert_eq!(told(judge, gateway, at, pulse).1, [whom], "{gateway} at {at}");
}

#[test]
fn what_stands_still_while_others_move_is_old() {
    let mut judge = Judge::new(secs(120));
    let of = |minute| pulse(minute, 100, 80);
    fine(&mut judge, "a", 0, of(0));
    fine(&mut judge, "b", 300, of(5));
    fine(&mut judge, "a", 310, of(0));
    suspect(&mut judge, "a", 430, of(0));
    condemns(&mut judge, "b", 440, of(7), "a");
    // It comes back when it shows what others had shown by then.
    suspect(&mut judge, "a", 740, of(0));
    fine(&mut judge, "a", 760, of(11));
    let undated = Pulse { progress: None, ..of(9) };
    suspect(&mut judge, "a", 800, undated);
    condemns(&mut judge, "b", 810, of(13), "a");
}

#[test]
fn lost_rows_and_lost_interest_are_seen_and_a_little_less_is_not() {
    let mut judge = Judge::new(secs(0));
    fine(&mut judge, "a", 0, pulse(0, 100, 80));
    fine(&mut judge, "b", 1, pulse(0, 90, 60));
    suspect(&mut judge, "b", 3, pulse(0, 79, 70));
    condemns(&mut judge, "a", 5, pulse(0, 100, 80), "b");
    fine(&mut judge, "b", 7, pulse(0, 100, 80));
    suspect(&mut judge, "b", 9, pulse(0, 100, 39));
    condemns(&mut judge, "a", 11, pulse(0, 100, 80), "b");
}

/// The vendor takes rows away, or corrects a volume: whoever is asked first is not condemned for it.
#[test]
fn what_has_changed_for_everybody_condemns_nobody() {
    let mut judge = Judge::new(secs(0));
    for (n, gateway) in ["a", "b", "c"].into_iter().enumerate() {
        fine(&mut judge, gateway, n as u64, pulse(0, 100, 80));
    }
    suspect(&mut judge, "a", 10, pulse(1, 70, 50));
    fine(&mut judge, "b", 12, pulse(1, 70, 50));
    fine(&mut judge, "c", 14, pulse(1, 70, 50));
    fine(&mut judge, "a", 16, pulse(1, 70, 50));
}

#[test]
fn one_that_has_more_than_all_others_condemns_nobody() {
    let mut judge = Judge::new(secs(0));
    for round in 0..5 {
        fine(&mut judge, "b", 10 * round, pulse(0, 100, 50));
        fine(&mut judge, "c", 10 * round + 2, pulse(0, 100, 50));
        fine(&mut judge, "a", 10 * round + 4, pulse(0, 150, 120));
    }
    // Of two nobody can say which is right: the one with less goes.
    let mut judge = Judge::new(secs(0));
    fine(&mut judge, "a", 0, pulse(0, 150, 80));
    suspect(&mut judge, "b", 2, pulse(0, 100, 80));
    condemns(&mut judge, "a", 4, pulse(0, 150, 80), "b");
}

#[test]
fn no_open_interest_at_all_needs_no_other_to_compare_with() {
    let bad = |rows| !Judge::new(secs(0)).judge("a", secs(0), secs(0), &pulse(0, rows, 0)).against.is_empty();
    assert!(bad(200));
    assert!(!bad(3), "three rows may have none");
}

#[test]
fn a_lone_gateway_is_compared_with_what_it_showed_twice() {
    let mut judge = Judge::new(secs(0));
    fine(&mut judge, "a", 0, pulse(0, 100, 80));
    condemns(&mut judge, "a", 1, pulse(0, 79, 80), "a");
    let mut judge = Judge::new(secs(0));
    for (at, rows) in [(0, 100), (1, 140), (2, 100), (3, 100)] {
        fine(&mut judge, "a", at, pulse(0, rows, 80));
    }
    condemns(&mut judge, "a", 4, pulse(0, 79, 80), "a");
}

#[test]
fn bars_move_by_what_is_traded_and_a_correction_is_no_step_back() {
    let mut judge = Judge::new(secs(0));
    let day = |volume| Pulse {
        progress: Some(Progress::Traded(jiff::civil::date(2026, 11, 20), volume)),
        rows: 5,
        with_interest: None,
    };
    fine(&mut judge, "a", 0, day(1000));
    fine(&mut judge, "b", 2, day(1050));
    fine(&mut judge, "b", 4, day(1031));
    fine(&mut judge, "a", 6, day(1100));
    suspect(&mut judge, "b", 8, day(1031));
    condemns(&mut judge, "a", 10, day(1101), "b");
}

/// How one gateway of a random world lies, from an instant on.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Lie {
    Nothing,
    Frozen,
    /// A day ahead, once.
    AheadOnce,
    /// A day ahead, standing still.
    AheadStill,
    /// A day ahead, moving.
    AheadMoving,
    MoreRows,
    FewerRows,
    LessInterest,
    Undated,
}

const LAG: u64 = 120;
const HOUR: u64 = 3600;
/// Seconds from one canary over a gateway to the next.
const BETWEEN: Range<u64> = 20..40;

/// What the vendor's data has come to each second: it moves at least every 25 s, and a volume is corrected now and then.
fn truth(random: &mut ChaCha8Rng, is_volume: bool) -> Vec<Progress> {
    let (mut moves_at, mut seconds, mut volume, mut corrected_at) = (0, 0_i64, 1e7_f64, 0);
    (0..HOUR + 600)
        .map(|now| {
            if now >= moves_at {
                moves_at = now + random.random_range(3..25);
                seconds += random.random_range(1..30);
                volume *= 1.0 + 0.002 * random.random::<f64>();
            }
            if now >= corrected_at + 600 && random.random_range(0..100) == 0 {
                corrected_at = now;
                volume *= 1.0 - 0.015 * random.random::<f64>();
            }
            if is_volume {
                Progress::Traded(jiff::civil::date(2026, 11, 20), volume as u64)
            } else {
                Progress::Time(Timestamp::from_second(1_795_185_000 + seconds).unwrap())
            }
        })
        .collect()
}

fn a_day_ahead(progress: Progress) -> Progress {
    match progress {
        Progress::Time(at) => Progress::Time(at + jiff::SignedDuration::from_hours(24)),
        Progress::Traded(day, volume) => Progress::Traded(day.tomorrow().unwrap(), volume),
    }
}

/// An hour of canaries over so many gateways, of which the first lies from ten minutes on. When it was condemned, and which
/// others were.
fn hour(seed: u64, gateways: usize, lie: Lie, is_volume: bool) -> (Option<u64>, Vec<String>) {
    let random = &mut ChaCha8Rng::seed_from_u64(seed);
    let (truth, begins) = (truth(random, is_volume), 600);
    let mut judge = Judge::new(secs(LAG));
    let mut due: Vec<u64> = (0..gateways).map(|_| random.random_range(0..30)).collect();
    let (mut caught, mut wronged, mut has_lied) = (None, Vec::new(), false);
    let mut gives_opinion = vec![false; gateways];
    for now in 0..HOUR {
        for at in 0..gateways {
            if due[at] != now {
                continue;
            }
            due[at] = now + random.random_range(BETWEEN);
            let is_lying = at == 0 && now >= begins;
            // Its copy is of some time within the lag.
            let seen = truth[now.saturating_sub(random.random_range(0..LAG)) as usize];
            let honest = Pulse {
                progress: Some(seen),
                rows: random.random_range(95..=100),
                with_interest: Some(random.random_range(70..=80)),
            };
            let frozen = truth[begins as usize];
            let brought = match lie {
                _ if !is_lying => honest,
                Lie::AheadOnce if has_lied => honest,
                Lie::Nothing => honest,
                Lie::Frozen => Pulse { progress: Some(frozen), ..honest },
                Lie::AheadOnce | Lie::AheadMoving => Pulse { progress: Some(a_day_ahead(seen)), ..honest },
                Lie::AheadStill => Pulse { progress: Some(a_day_ahead(frozen)), ..honest },
                Lie::MoreRows => Pulse { rows: 150, with_interest: Some(150), ..honest },
                Lie::FewerRows => Pulse { rows: 70, ..honest },
                Lie::LessInterest => Pulse { with_interest: Some(30), ..honest },
                Lie::Undated => Pulse { progress: None, ..honest },
            };
            has_lied |= is_lying;
            let judgement = judge.judge(&format!("g{at}"), secs(now), secs(now) + Moment::from_millis(300), &brought);
            if judgement.is_suspect && !gives_opinion[at] {
                // The others are asked within the next seconds.
                for other in (0..gateways).filter(|other| *other != at) {
                    (due[other], gives_opinion[other]) = (now + random.random_range(1..5), true);
                }
            } else {
                gives_opinion[at] = false;
            }
            for (name, disbelief) in judgement.against {
                if name == "g0" && is_lying_at(now, begins, lie) {
                    caught.get_or_insert(now - begins);
                } else {
                    wronged.push(format!("{name} at {now}: {disbelief}"));
                }
            }
        }
    }
    (caught, wronged)
}

const fn is_lying_at(now: u64, begins: u64, lie: Lie) -> bool {
    now >= begins && !matches!(lie, Lie::Nothing | Lie::AheadOnce)
}

/// Runs many hours; the longest time until the liar was condemned.
#[track_caller]
fn check(gateways: Range<usize>, lie: Lie, caught_within: Option<u64>) {
    let mut longest = 0;
    for seed in 0..60 {
        let n = gateways.start + seed as usize % (gateways.end - gateways.start);
        let (caught, wronged) = hour(seed, n, lie, seed % 2 == 1 && lie != Lie::Frozen);
        assert_eq!(wronged, Vec::<String>::new(), "{lie:?}, seed {seed}, {n} gateways");
        if let Some(limit) = caught_within {
            let caught = caught.unwrap_or_else(|| panic!("{lie:?}, seed {seed}, {n} gateways: never caught"));
            assert!(caught <= limit, "{lie:?}, seed {seed}, {n} gateways: caught after {caught} s");
            longest = longest.max(caught);
        }
    }
    eprintln!("{lie:?} of {gateways:?} gateways: nobody wronged in 60 hours; caught after {longest} s at most");
}

/// Its own copies' lag and the others', a canary of another, one of its own, and the opinions of the others on it, which move
/// every 25 s.
const SOON: u64 = 2 * LAG + 2 * BETWEEN.end + 30;

#[test]
fn honest_gateways_are_believed() {
    check(1..9, Lie::Nothing, None);
}

#[test]
fn a_frozen_one_of_any_number_is_condemned_and_no_other() {
    check(2..9, Lie::Frozen, Some(SOON));
}

#[test]
fn a_time_ahead_condemns_nobody_and_one_that_stays_is_condemned() {
    check(2..9, Lie::AheadOnce, None);
    check(3..9, Lie::AheadMoving, None);
    check(2..9, Lie::AheadStill, Some(10 * LAG));
}

#[test]
fn what_is_missing_is_condemned_and_what_is_too_much_condemns_nobody() {
    let soon = 3 * BETWEEN.end;
    check(3..9, Lie::MoreRows, None);
    check(2..9, Lie::FewerRows, Some(soon));
    check(2..9, Lie::LessInterest, Some(soon));
    check(2..9, Lie::Undated, Some(soon));
}

/// As shipped: a lag of two minutes, a canary before one in fifty requests. Over the first gateway nothing moves any more after
/// 300 requests. Seconds from then until it was condemned, and the canaries over it in that time, of those the ones that were
/// sent once its data was older than the lag.
fn frozen_after_300(gateways: usize, per_sec_each: f64) -> (u64, u32, u32) {
    let free = Allowed { total: None, per_address: None };
    let lag = secs(CanaryPlan::LAG_SECS.into());
    let mut rotation = Rotation::new(gateways, 0, free, Moment::ZERO);
    let mut judge = Judge::new(lag);
    let step = Moment::from_secs_f64(1.0 / (per_sec_each * gateways as f64));
    let (mut now, mut over_first, mut frozen_at, mut canaries) = (Moment::ZERO, 0, None, (0, 0));
    loop {
        now += step;
        assert!(now < Moment::from_secs(6 * HOUR), "it was never caught");
        if let Some(at) = rotation.due_canary(now, 50) {
            over_first += u32::from(at == 0);
            if at == 0 && over_first > 300 {
                let since = *frozen_at.get_or_insert(now);
                canaries.0 += 1;
                canaries.1 += u32::from(now > since + lag);
            }
            let shown = if at == 0 { frozen_at.unwrap_or(now) } else { now };
            let progress = Timestamp::from_second(1_795_185_000 + shown.as_secs() as i64).unwrap();
            let brought = Pulse { progress: Some(Progress::Time(progress)), rows: 100, with_interest: Some(80) };
            let judgement = judge.judge(&format!("g{at}"), now, now + Moment::from_millis(300), &brought);
            if judgement.is_fine {
                rotation.trust(at, now);
            }
            if judgement.is_suspect {
                rotation.want_opinions(at);
            }
            if let Some((name, _)) = judgement.against.first() {
                assert_eq!(name, "g0", "a healthy one was condemned at {now:?}");
                let since = frozen_at.expect("condemned before it froze");
                return ((now - since).as_secs(), canaries.0, canaries.1);
            }
        }
        let at = rotation.pick(now).unwrap();
        over_first += u32::from(at == 0);
        if at == 0 && over_first > 300 {
            frozen_at.get_or_insert(now);
        }
    }
}

#[test]
fn what_freezes_after_300_requests_is_caught_within_two_canaries_of_being_older_than_the_lag() {
    for gateways in [2, 3, 4, 10] {
        // One process, and one of ten that share the gateways: a canary each 25 s and each 50 s.
        for (per_sec, between) in [(2.0, 25), (0.2, 50)] {
            let (seconds, canaries, late) = frozen_after_300(gateways, per_sec);
            eprintln!(
                "{gateways} gateways, {per_sec}/s each: caught after {seconds} s, {canaries} canaries, {late} of them late"
            );
            assert!(
                seconds <= u64::from(CanaryPlan::LAG_SECS) + 3 * between + 5,
                "{gateways}, {per_sec}/s: {seconds} s"
            );
            assert!(late <= 2, "{gateways}, {per_sec}/s: {late}");
        }
    }
}
