//! The product's cash dividends beside the oracle's.

use fleet_core::domain::Candidate;

use super::calendar;
use super::cash::{self, Valued};
use super::compare::Asked;
use super::differences::Differences;
use super::gates::{Quoted, is_european};

/// A candidate's cash dividends: what they are, what spot and yield they leave, and price and delta at the product's
/// volatility. Returns what the oracle has there.
pub fn compare_cash(
    candidate: &Candidate,
    quoted: Quoted<'_>,
    asked: &Asked<'_>,
    differences: &mut Differences,
) -> Option<Valued> {
    let Quoted { chain, parity, as_of, .. } = quoted;
    let symbol = candidate.symbol.to_string();
    let row = chain.rows.iter().find(|row| row.symbol == symbol).expect("a candidate is a row");
    let told = candidate.metrics.as_deref().and_then(|metrics| metrics.cash.as_deref());
    let chart = asked.known(&asked.underlying).filter(|_| !candidate.control && !is_european(&row.root));
    let today = calendar::new_york_date(as_of);
    // The spot may be told by an expiration behind the row's, with the dividends before that one.
    let last = parity.groups.keys().map(|(_, expiration)| *expiration).max().unwrap_or(row.expiration);
    let paying = chart.as_ref().map(|chart| cash::coming(chart, today, last));
    let own = paying.as_ref().and_then(|known| cash::Cash::of(row, parity, known.as_ref()?, as_of));
    let years = parity.groups[&(row.root.clone(), row.expiration)].years;
    let bound = match (&paying, &own) {
        (_, Some(own)) if told.is_none() => own.paid.iter().map(|(_, cash)| cash).sum(),
        (Some(None), _) => chart.map_or(0.0, |chart| cash::paid_in_a_year(&chart, today)) * years.max(1.0),
        _ => 0.0,
    };
    let product = candidate.model.and_then(|model| model.dividend_bound).unwrap_or(0.0);
    differences.near(&format!("{symbol} bound of its dividends"), Some(product), Some(bound), 1e-9);
    let mid = (row.bid + row.ask) / 2.0;
    match (told, own) {
        (Some(told), Some(own)) => {
            let model = told.model;
            let wanted = paying.flatten().unwrap_or_default().into_iter().take(own.paid.len()).collect::<Vec<_>>();
            let product = told.dividends.iter().map(|d| (d.ex_date, d.amount.dollars(), d.projected)).collect();
            differences.same(&format!("{symbol} dividends"), product, wanted);
            differences.near(
                &format!("{symbol} spot with dividends"),
                Some(model.spot),
                Some(own.spot),
                1e-9 * own.spot,
            );
            differences.near(&format!("{symbol} yield beside dividends"), Some(model.yield_), Some(own.yield_), 1e-9);
            differences.same(
                &format!("{symbol} iv and delta"),
                (candidate.iv, candidate.delta),
                (Some(told.iv), Some(told.delta)),
            );
            let valued = own.valued(told.iv);
            let Valued { price, delta, .. } = valued;
            differences.near(&format!("{symbol} price with dividends"), Some(mid), Some(price), 1.5e-4 * own.spot);
            differences.near(&format!("{symbol} delta with dividends"), Some(told.delta), Some(delta), 4e-3);
            Some(valued)
        }
        (None, Some(own)) => {
            // Nothing is priced with cash only where even no volatility at all is worth the quote.
            let least = own.valued(0.05).price;
            if least < mid - 0.01 {
                differences.say(format!("{symbol}: the product tells no cash dividends, the oracle {:?}", own.paid));
            }
            None
        }
        (Some(told), None) => {
            differences.say(format!("{symbol}: the product tells {:?}, the oracle none", told.dividends));
            None
        }
        (None, None) => None,
    }
}
