//! What a rotation decides, on a clock of its own.

use super::*;

const FREE: Allowed = Allowed { total: None, per_address: None };
const TEN: Allowed = Allowed { total: Some(100.0), per_address: Some(2.0) };

fn ms(ms: u64) -> Moment {
    Moment::from_millis(ms)
}

fn throttled(ask: u64) -> Verdict {
    Verdict::Throttled { wait: ms(900), ask }
}

fn fine() -> Verdict {
    Verdict::Fine(ms(50))
}

#[test]
fn the_one_used_longest_ago_comes_next() {
    let mut rotation = Rotation::new(3, 0, FREE, ms(0));
    let picked: Vec<usize> = (0..7).map(|n| rotation.pick(ms(n)).unwrap()).collect();
    assert_eq!(picked, [0, 1, 2, 0, 1, 2, 0]);
    let mut other = Rotation::new(3, 2, FREE, ms(0));
    assert_eq!([0, 1, 2].map(|n| other.pick(ms(n)).unwrap()), [2, 0, 1], "another process begins elsewhere");
}

#[test]
fn each_kind_of_failure_rests_and_comes_back_by_one_probe() {
    for verdict in [throttled(1), Verdict::Refused, Verdict::Failed] {
        let mut rotation = Rotation::new(2, 0, TEN, ms(0));
        assert_eq!(rotation.pick(ms(0)), Ok(0));
        assert_eq!(rotation.report(0, ms(0), ms(10), verdict), Consequence::Rests(FIRST_REST));
        assert_eq!(rotation.budget(), Some(2.0), "the budget shrinks with it");
        assert_eq!([20, 30, 40].map(|at| rotation.pick(ms(at)).unwrap()), [1, 1, 1]);
        // Its rest is over: one request tries it, the others go on elsewhere until it is answered.
        assert_eq!([2010, 2020].map(|at| rotation.pick(ms(at)).unwrap()), [0, 1]);
        assert_eq!(rotation.report(0, ms(2010), ms(2050), fine()), Consequence::None);
        assert_eq!((rotation.healthy(), rotation.budget()), (2, Some(4.0)));
        assert_eq!([2060, 2070].map(|at| rotation.pick(ms(at)).unwrap()), [0, 1]);
    }
}

#[test]
fn a_probe_that_fails_rests_twice_as_long_up_to_a_limit() {
    let mut rotation = Rotation::new(1, 0, FREE, ms(0));
    let (mut now, mut rests) = (ms(0), Vec::new());
    for _ in 0..10 {
        assert_eq!(rotation.pick(now), Ok(0));
        let Consequence::Rests(rest) = rotation.report(0, now, now, Verdict::Failed) else { panic!("no rest") };
        rests.push(rest.as_secs());
        assert_eq!(rotation.pick(now), Err(Nobody { retry_in: Some(rest) }));
        now += rest;
    }
    assert_eq!(rests, [2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
}

#[test]
fn what_a_vendor_asks_for_is_waited_for_and_failures_under_way_together_are_one() {
    let mut rotation = Rotation::new(2, 0, FREE, ms(0));
    for _ in 0..4 {
        rotation.pick(ms(0)).unwrap();
    }
    let asked = |secs| Verdict::Throttled { wait: Duration::from_secs(secs), ask: 1 };
    assert_eq!(rotation.report(0, ms(0), ms(1), asked(7)), Consequence::Rests(Duration::from_secs(7)));
    assert_eq!(rotation.report(0, ms(0), ms(2), asked(9)), Consequence::None);
    assert_eq!(rotation.report(0, ms(0), ms(3), fine()), Consequence::None, "an older answer ends no rest");
    assert_eq!(rotation.healthy(), 1);
    assert_eq!(rotation.pick(ms(7500)), Ok(1), "the longer of both");
    assert_eq!(rotation.pick(ms(9010)), Ok(0));
}

#[test]
fn a_slow_one_rests_and_a_slow_vendor_does_not() {
    let mut rotation = Rotation::new(3, 0, FREE, ms(0));
    let mut told = Vec::new();
    for n in 0..12_u64 {
        let at = rotation.pick(ms(n)).unwrap();
        let took = if at == 1 { ms(5000) } else { ms(300) };
        told.push(rotation.report(at, ms(n), ms(n), Verdict::Fine(took)));
    }
    assert!(told.contains(&Consequence::Rests(FIRST_REST)), "{told:?}");
    assert_eq!(rotation.healthy(), 2);
    let mut all = Rotation::new(3, 0, FREE, ms(0));
    for n in 0..30_u64 {
        let at = all.pick(ms(n)).unwrap();
        assert_eq!(all.report(at, ms(n), ms(n), Verdict::Fine(ms(5000))), Consequence::None);
    }
}

#[test]
fn throttled_together_the_whole_budget_shrinks_and_stays() {
    let mut rotation = Rotation::new(10, 0, TEN, ms(0));
    assert_eq!(rotation.budget(), Some(20.0));
    let mut limited = None;
    for n in 0..10_u64 {
        let at = rotation.pick(ms(n)).unwrap();
        if let Consequence::Limited { per_sec, .. } = rotation.report(at, ms(n), ms(n), throttled(n)) {
            limited = Some((n, per_sec));
            break;
        }
    }
    assert_eq!(limited, Some((4, Some(14.0))), "half of ten gateways, of the budget that led there");
    assert_eq!((rotation.healthy(), rotation.budget()), (10, Some(14.0)), "the gateways have done nothing wrong");
    assert_eq!(
        rotation.report(7, ms(3), ms(9), throttled(9)),
        Consequence::None,
        "what was under way says nothing new"
    );
    // An hour of good answers changes nothing.
    for n in 0..100_u64 {
        let now = ms(60_000 + n * 36_000);
        let at = rotation.pick(now).unwrap();
        rotation.report(at, now, now, fine());
    }
    assert_eq!(rotation.budget(), Some(14.0));
}

#[test]
fn one_question_that_is_never_answered_is_no_limit_of_all() {
    let mut rotation = Rotation::new(4, 0, TEN, ms(0));
    for n in 0..4_u64 {
        let at = rotation.pick(ms(n)).unwrap();
        assert_eq!(rotation.report(at, ms(n), ms(n), throttled(7)), Consequence::Rests(FIRST_REST));
    }
    assert!(rotation.pick(ms(10)).is_err());
    let mut rotation = Rotation::new(4, 0, TEN, ms(0));
    for n in 0..4_u64 {
        // Far apart, they have nothing to do with each other.
        let now = ms(n * 11_000);
        let at = rotation.pick(now).unwrap();
        assert!(matches!(rotation.report(at, now, now, throttled(n)), Consequence::Rests(_)), "{n}");
    }
}

#[test]
fn canaries_come_first_and_then_again_after_so_many_requests() {
    let mut rotation = Rotation::new(2, 0, FREE, ms(0));
    assert_eq!([0, 1, 2].map(|at| rotation.due_canary(ms(at), 3)), [Some(0), Some(1), None]);
    for n in 0..5_u64 {
        rotation.pick(ms(n)).unwrap();
        assert_eq!(rotation.due_canary(ms(n), 3), (n == 4).then_some(0), "{n}");
    }
}

#[test]
fn a_quarantine_ends_by_a_canary_and_by_nothing_else() {
    let mut rotation = Rotation::new(2, 0, FREE, ms(0));
    for at in [0, 1] {
        rotation.due_canary(ms(0), 100);
        rotation.trust(at, ms(5));
    }
    assert_eq!(rotation.quarantine(0, ms(50)), ms(5), "in doubt since the last canary that was fine");
    assert_eq!([60, 70].map(|at| rotation.pick(ms(at)).unwrap()), [1, 1]);
    rotation.report(0, ms(40), ms(80), fine());
    assert_eq!(rotation.pick(Duration::from_secs(9999)), Ok(1), "time alone ends no quarantine");
    assert_eq!(rotation.due_canary(ms(60), 100), None);
    assert_eq!(rotation.due_canary(QUARANTINE + ms(50), 100), Some(0));
    assert_eq!(rotation.due_canary(QUARANTINE + ms(51), 100), None, "one at a time");
    rotation.trust(0, QUARANTINE + ms(50));
    assert_eq!(rotation.healthy(), 2);
    for at in [0, 1] {
        rotation.quarantine(at, ms(0));
    }
    assert_eq!(rotation.pick(ms(1)), Err(Nobody { retry_in: None }));
}

/// Without gateways a 429 stops everybody for the time it asks for, or for our own delay; with one it must too.
#[test]
fn where_one_gateway_is_in_use_its_429_is_the_vendors() {
    let alone = |rotation: &mut Rotation| {
        let mut told = Vec::new();
        for ask in 0..4_u64 {
            let at = rotation.pick(ms(ask)).unwrap();
            told.push(rotation.report(at, ms(ask), ms(ask), throttled(ask)));
        }
        told
    };
    let mut rotation = Rotation::new(1, 0, TEN, ms(0));
    let pauses = Consequence::Pauses(ms(900));
    let limited = |per_sec| Consequence::Limited { per_sec: Some(per_sec), wait: ms(900) };
    assert_eq!(alone(&mut rotation), [pauses, pauses, limited(0.7 * 2.0), pauses]);
    assert_eq!(rotation.budget(), Some(1.4));
    // The others are dead, blocked, or not believed.
    let mut rotation = Rotation::new(4, 3, TEN, ms(0));
    rotation.report(0, ms(0), ms(0), Verdict::Failed);
    rotation.report(1, ms(0), ms(0), Verdict::Refused);
    rotation.quarantine(2, ms(0));
    assert_eq!(alone(&mut rotation)[..2], [pauses, pauses]);
}

#[test]
fn a_stop_of_all_is_as_long_as_the_vendor_or_our_own_delay_says() {
    let mut rotation = Rotation::new(4, 0, TEN, ms(0));
    let mut last = Consequence::None;
    for ask in 0..3_u64 {
        let at = rotation.pick(ms(ask)).unwrap();
        last = rotation.report(at, ms(ask), ms(ask), throttled(ask));
    }
    assert_eq!(last, Consequence::Limited { per_sec: Some(SHRINK * 8.0), wait: ms(900) });
}

#[test]
fn canaries_are_due_by_time_too_where_enough_has_left() {
    let mut rotation = Rotation::new(1, 0, FREE, ms(0));
    assert_eq!(rotation.due_canary(ms(0), 50), Some(0));
    let half_a_minute = CANARY_AFTER;
    assert_eq!(rotation.due_canary(half_a_minute, 50), None, "nothing has left since");
    for n in 1..=10_u64 {
        assert_eq!(rotation.due_canary(half_a_minute, 50), None, "{n}");
        rotation.pick(ms(n)).unwrap();
    }
    assert_eq!(rotation.due_canary(half_a_minute - ms(1), 50), None);
    assert_eq!(rotation.due_canary(half_a_minute, 50), Some(0));
}

#[test]
fn what_is_known_of_a_gateway_outlives_others_that_come() {
    let mut before = Rotation::new(3, 0, TEN, ms(0));
    for at in 0..3 {
        before.trust(at, ms(5));
    }
    before.quarantine(1, ms(50));
    for ask in 0..3_u64 {
        let at = [0, 2][ask as usize % 2];
        before.report(at, ms(60 + ask), ms(60 + ask), throttled(ask));
    }
    assert_eq!(before.budget(), Some(0.7 * 4.0), "the vendor limits the account");
    // The second one is the first now, and a new one comes second.
    let after = before.succeeded(&[Some(1), None], ms(100));
    assert!(after.is_quarantined(0) && !after.is_quarantined(1));
    assert_eq!(after.budget(), Some(2.0));
    assert_eq!([ms(4), ms(6)].map(|asked| after.vouches(0, asked)), [true, false]);
    assert_eq!([ms(99), ms(100)].map(|asked| after.was_there(1, asked)), [false, true]);
    assert!(!after.vouches(1, ms(101)), "nothing has vouched for the new one");
    assert!(after.cap.is_some(), "what the vendor bears in all does not grow");
}

#[test]
fn a_second_opinion_is_asked_of_all_others_once_and_asks_for_none_itself() {
    let mut rotation = Rotation::new(3, 0, FREE, ms(0));
    assert_eq!([0, 1, 2].map(|at| rotation.due_canary(ms(at), 50)), [Some(0), Some(1), Some(2)]);
    rotation.want_opinions(1);
    assert_eq!([3, 4, 5].map(|at| rotation.due_canary(ms(at), 50)), [Some(0), Some(2), None]);
    rotation.want_opinions(0);
    assert_eq!(rotation.due_canary(ms(6), 50), None, "two that contradict each other do not go on for ever");
}
