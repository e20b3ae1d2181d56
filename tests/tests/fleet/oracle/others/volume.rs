//! S2: contracts traded much against what is open and what is usual, not near an ex-dividend date.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;

use super::seen::{Firing, Found, Seen, mid, part, spread};
use crate::oracle::bodies::new_york_text;
use crate::oracle::calendar;
use crate::oracle::metrics::Underlying;

pub const S2: &str = "[strategies.unusual_volume]\nenabled = true\nmin_volume = 200\nmin_volume_to_oi = 0.1\n\
    min_premium = [1000.0, 2000.0, 30000.0]\n";

pub fn unusual_volume(seen: &Seen<'_>) -> Firing {
    let mut out = Firing::new();
    let last = last_trades(seen);
    let usual = Underlying::default().after(&seen.past.sessions).usual_volume;
    let today = seen.today();
    for row in seen.eligible(None, (7, 180), (0.10, 0.50)) {
        let premium = row.volume * mid(row) * 100.0;
        let ratio = row.volume / row.open_interest;
        let busy = row.volume >= 200.0 && row.open_interest >= 100.0 && ratio >= 0.1 && premium >= 30_000.0;
        let Some((price, at)) = last.get(row.symbol.as_str()).filter(|(price, _)| busy && *price >= 0.10) else {
            continue;
        };
        let Some(found) = seen.bought(row, 1.30, 0.70) else { continue };
        let Some((chart, _)) = seen.underlying() else { continue };
        // Ex-dates are sessions: from the one before today to the one after.
        let near = seen.pays(&chart, calendar::sessions_before(today, 1)[0], next_session(today));
        if (row.call && near) || usual.is_some_and(|usual| row.volume / usual < 0.05) {
            continue;
        }
        let age = seen.chain.quote_time.duration_since(*at).as_secs_f64();
        let side = (price - row.bid) / (row.ask - row.bid);
        let of_a_buyer = (0.0..=300.0).contains(&age) && side >= 0.6;
        let score = part(30.0, (premium / 30_000.0).log10())
            + part(30.0, (ratio - 0.1) / 3.75)
            + if of_a_buyer { 20.0 } else { 0.0 }
            + part(20.0, (0.10 - spread(row)) / 0.08);
        out.insert(row.symbol.clone(), Found { score, ..found });
    }
    out
}

/// Price and time of each contract's last trade.
fn last_trades<'a>(seen: &'a Seen<'_>) -> BTreeMap<&'a str, (f64, Timestamp)> {
    let options = seen.body["data"]["options"].as_array().expect("an array").iter();
    options
        .filter_map(|option| {
            let at = new_york_text(option["last_trade_time"].as_str()?);
            Some((option["option"].as_str()?, (option["last_trade_price"].as_f64()?, at)))
        })
        .collect()
}

fn next_session(today: Date) -> Date {
    let after = (1..10).map(|n| today.saturating_add(jiff::Span::new().days(n)));
    after.into_iter().find(|day| calendar::is_session(*day)).expect("no ten days without a session")
}
