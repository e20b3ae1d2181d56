//! Every notice fits one text message, whatever the contract.

use fleet_analysis::gsm7::{SEGMENT, septets};
use fleet_analysis::notices::{Seen, buy, exit, filled, lapsed};
use fleet_analysis::{analyse, new_trades};
use fleet_core::domain::*;
use proptest::prelude::*;

use crate::world::*;

fn pair() -> (TradeRecord, Candidate) {
    let snapshot = completed();
    let finding = analyse(&snapshot, &config());
    let at = finding.candidates.iter().position(|c| c.symbol == the_call()).unwrap();
    (new_trades(&finding, &snapshot.scan).swap_remove(at), finding.candidates[at].clone())
}

#[test]
fn a_buy_reads_like_the_example() {
    let (trade, candidate) = pair();
    let text = buy(&trade, &candidate).text;
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("BUY S1 1") && lines[0].ends_with("XYZ 15Jan27 105C"), "{text}");
    assert!(lines[1].starts_with("lim 2.93 (2.92x2.94) tgt 3.36 stop 2.05") && lines[1].ends_with("t/o 5d"), "{text}");
    assert!(lines[2].starts_with(&format!("#{} q 11-20 10:30 S ", trade.id.short())), "{text}");
    assert!(lines[2].contains("RSI ") && lines[2].contains("OI500"), "{text}");
}

#[test]
fn an_exit_says_what_it_brought() {
    let (mut trade, _) = pair();
    trade.fill = Some(Fill { at: as_of(), session: calendar::exchange_date(as_of()), price: price(19.20) });
    let booked = Exit::book(as_of(), price(19.20), price(22.10), ExitReason::Target, price(0.65));
    let text = exit(&trade, &booked, &Seen { at: as_of(), quote_time: Some(as_of()), spot: Some(100.0) }).text;
    let wanted = "bid 22.10 entry 19.20 +15.1% (+$288.70 net)\ntarget hit, held 0d q 11-20 10:30 S 100.00";
    assert_eq!(text.split_once('\n').unwrap().1, wanted);
    let loss = Exit::book(as_of(), price(19.20), price(13.00), ExitReason::Stop, price(0.65));
    let text = exit(&trade, &loss, &Seen { at: as_of(), quote_time: None, spot: None }).text;
    assert!(text.contains("-32.3% (-$621.30 net)\nstop hit, held 0d"), "{text}");
}

/// The longest of everything: nothing of what matters may be cut off, so the date of the quotes is still there.
#[test]
fn the_longest_notices_keep_the_date_of_their_quotes() {
    let (mut trade, mut candidate) = pair();
    let most = price(9_999_999.99);
    trade.underlying = Ticker::parse("ABCDEF.XY").unwrap();
    trade.symbol.strike = Strike::from_thousandths(9_999_999).unwrap();
    (trade.plan.buy, trade.plan.target, trade.plan.stop) = (most, most, most);
    trade.plan.time_stop_sessions = Some(500);
    (candidate.bid, candidate.ask, candidate.spot_used) = (most, most, Some(9_999_999.99));
    let fill = Fill { at: as_of(), session: calendar::exchange_date(as_of()), price: most };
    trade.fill = Some(fill.clone());
    let seen = Seen { at: as_of(), quote_time: Some(as_of()), spot: Some(9_999_999.99) };
    let booked = Exit::book(as_of(), most, Price::ZERO, ExitReason::Dte, price(0.65));
    for notice in [buy(&trade, &candidate), filled(&trade, &fill, &seen), exit(&trade, &booked, &seen)] {
        assert!(
            notice.text.contains(" q 11-20 10:30 S 9999999.99") || notice.text.contains("\nq 11-20 10:30"),
            "{}",
            notice.text
        );
        assert!(septets(&notice.text).is_some_and(|n| n <= SEGMENT), "{}", notice.text);
    }
    assert!(lapsed(&trade, &seen).text.contains("2026-11-20 11:00"), "{}", lapsed(&trade, &seen).text);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn all_fit(
        dollars in proptest::collection::vec(0.01f64..9_999_999.0, 6),
        strike in 1u32..=Strike::MAX_THOUSANDTHS,
        counts in any::<(u64, u64)>(),
        class in prop::sample::select(vec!["A", "BRK.B", "ABCDEF.XY"]),
    ) {
        let (mut trade, mut candidate) = pair();
        trade.underlying = Ticker::parse(class).unwrap();
        trade.symbol.strike = Strike::from_thousandths(strike).unwrap();
        trade.plan.buy = price(dollars[0]);
        trade.plan.target = price(dollars[1]);
        trade.plan.stop = price(dollars[2]);
        trade.fill = Some(Fill { at: as_of(), session: calendar::exchange_date(as_of()), price: price(dollars[0]) });
        candidate.bid = price(dollars[3]);
        candidate.ask = price(dollars[4]);
        (candidate.volume, candidate.open_interest) = (Some(counts.0), Some(counts.1));
        let seen = Seen { at: as_of(), quote_time: Some(as_of()), spot: Some(dollars[5]) };
        let booked = Exit::book(as_of(), price(dollars[0]), price(dollars[1]), ExitReason::Dte, price(0.65));
        let fill = trade.fill.clone().unwrap();
        for notice in [
            buy(&trade, &candidate), filled(&trade, &fill, &seen), lapsed(&trade, &seen), exit(&trade, &booked, &seen),
        ] {
            let septets = septets(&notice.text);
            prop_assert!(septets.is_some_and(|n| n <= SEGMENT), "{septets:?} septets: {}", notice.text);
            prop_assert!(notice.text.contains(trade.id.short()), "{}", notice.text);
        }
    }
}
