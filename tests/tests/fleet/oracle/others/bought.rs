//! S3: contracts at the money where volatility is cheap against its own past and against what the underlying moves.

use super::seen::{Firing, Found, Seen, mid, part, spread};
use crate::oracle::calendar;
use crate::oracle::indicators::sma;
use crate::oracle::positions::{Entered, Held, told_of_the_past};
use crate::oracle::strategy::rise;

pub const S3: &str = "[strategies.cheap_iv]\nenabled = true\ndte = [30, 120]\nabs_delta = [0.35, 0.65]\n\
    min_iv_sessions = 33\nmax_iv_to_hv = [1.3, 1.4]\nmax_term_slope = 1.1\n";

pub fn cheap_iv(seen: &Seen<'_>) -> Firing {
    let mut out = Firing::new();
    let eligible = seen.eligible(None, (30, 120), (0.35, 0.65));
    if eligible.is_empty() {
        return out;
    }
    let Some((chart, days)) = seen.underlying() else { return out };
    let numbers = seen.numbers(Some(&chart));
    let known = (numbers.rank, numbers.percentile, numbers.iv30, numbers.hv20, numbers.hv60, numbers.term_slope);
    let (Some(rank), Some(percentile), Some(iv30), Some(hv20), Some(hv60), Some(slope)) = known else { return out };
    let ratio = iv30 / hv20;
    let cheap = rank <= 20.0 && percentile <= 20.0 && ratio <= 1.3 && iv30 / hv60 <= 1.4 && slope <= 1.1;
    // Twenty sessions without a report, as far as somebody says what was before them.
    let quiet_from = calendar::sessions_before(seen.today(), 20)[0];
    let mut before = seen.past.reports.iter().filter(|day| **day < seen.today()).peekable();
    let quiet = before.peek().is_some() && before.all(|day| *day < quiet_from);
    let next = seen.past.reports.iter().filter(|day| **day >= seen.today()).min();
    let closes: Vec<f64> = days.iter().map(|day| day.close).collect();
    let Some(slope20) = rise(&sma(&closes, 20)).filter(|rise| *rise != 0.0) else { return out };
    if !cheap || !quiet || numbers.sessions < 33 {
        return out;
    }
    for row in eligible {
        let Some(found) = seen.bought_at_mid(row, 1.25, 0.75) else { continue };
        let price = mid(row) + 0.75 * (row.ask - row.bid) / 2.0 + 2.0 * 0.65 / 100.0;
        let position = if row.call { Held::Call } else { Held::Put };
        let spot = seen.parity.spot.expect("a contract past the gates has one");
        let value = told_of_the_past(Entered { position, price, row, spot, as_of: seen.as_of }, &numbers);
        let fires = next.is_some_and(|next| *next > row.expiration)
            && row.call == (slope20 > 0.0)
            && value.is_some_and(|value| value > 0.0);
        let score = part(25.0, (20.0 - rank) / 20.0)
            + part(15.0, (20.0 - percentile) / 20.0)
            + part(20.0, (1.3 - ratio) / 0.3)
            + part(10.0, (1.1 - slope) / 0.2)
            + part(10.0, value.unwrap_or(0.0) / (mid(row) / 2.0))
            + part(20.0, (0.10 - spread(row)) / 0.08);
        if fires {
            out.insert(row.symbol.clone(), Found { score, ..found });
        }
    }
    out
}
