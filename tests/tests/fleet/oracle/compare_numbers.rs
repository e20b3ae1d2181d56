//! Every number that the product tells of an underlying, a contract and a position, beside the oracle's. The fields are
//! taken apart, not read by name: a number that is added is not left out by accident.

use std::collections::BTreeMap;

use fleet_core::domain::{
    Candidate, ContractGreeks, ContractMetrics, ExpectedProfit, ExpirationMove, Finding, PastProfit, PositionMetrics,
    PremiumYield, RealisedVols, UnderlyingMetrics,
};

use super::bodies::Day;
use super::calendar;
use super::cash::Valued;
use super::compare::Asked;
use super::compare_cash::compare_cash;
use super::differences::Differences;
use super::gates::Quoted;
use super::metrics::Underlying;
use super::numbers::{Named, numbers};
use super::strategy::{closed_days, last_closed_session};

/// `None` on both sides where the chain was not usable.
pub fn compare_underlying(
    finding: &Finding,
    oracle: Option<Underlying>,
    quoted: Quoted<'_>,
    differences: &mut Differences,
) -> Option<Underlying> {
    let ticker = &finding.ticker;
    differences.same(&format!("{ticker} has metrics"), finding.metrics.is_some(), oracle.is_some());
    differences.same(&format!("{ticker} has a summary"), finding.summary.is_some(), oracle.is_some());
    let (product, summary, oracle) = (finding.metrics.as_deref()?, finding.summary.as_ref()?, oracle?);
    let mut near = |what: &str, product: Option<f64>, oracle: Option<f64>| {
        differences.near(&format!("{ticker} {what}"), product, oracle, 1e-8 * oracle.unwrap_or(0.0).abs().max(1.0));
    };
    let UnderlyingMetrics {
        iv30,
        iv_rank,
        iv_percentile,
        iv_sessions,
        skew_25,
        term_slope,
        realised: RealisedVols { hv20, hv30, hv60, yang_zhang30, forecast },
        iv30_to_hv20,
        iv30_to_hv30,
        iv30_to_hv60,
        put_call_volume,
        put_call_open_interest,
        put_call_max_dte,
        usual_option_volume,
        expected_moves,
    } = product;
    let over = |hv: Option<f64>| oracle.iv30.zip(hv.filter(|hv| *hv > 0.0)).map(|(iv, hv)| iv / hv);
    near("IV30", *iv30, oracle.iv30);
    near("IV rank", *iv_rank, oracle.rank);
    near("IV percentile", *iv_percentile, oracle.percentile);
    near("IV sessions", Some(f64::from(*iv_sessions)), Some(oracle.sessions as f64));
    near("skew", *skew_25, oracle.skew);
    near("term slope", *term_slope, oracle.term_slope);
    near("HV20", *hv20, oracle.hv20);
    near("HV30", *hv30, oracle.hv30);
    near("HV60", *hv60, oracle.hv60);
    near("Yang and Zhang", *yang_zhang30, oracle.yang_zhang);
    near("forecast", *forecast, oracle.forecast);
    near("IV30/HV20", *iv30_to_hv20, over(oracle.hv20));
    near("IV30/HV30", *iv30_to_hv30, over(oracle.hv30));
    near("IV30/HV60", *iv30_to_hv60, over(oracle.hv60));
    near("put/call volume", *put_call_volume, oracle.put_call_volume);
    near("put/call open interest", *put_call_open_interest, oracle.put_call_open_interest);
    near("put/call days", Some(f64::from(*put_call_max_dte)), Some(60.0));
    near("usual volume", *usual_option_volume, oracle.usual_volume);
    near("summary's spot", summary.spot, quoted.parity.spot);
    near("summary's IV30", summary.iv30, oracle.iv30);
    near("summary's skew", summary.skew_25, oracle.skew);
    near("summary's slope", summary.term_slope, oracle.term_slope);
    near("summary's calls", Some(summary.call_volume as f64), Some(oracle.call_volume));
    near("summary's puts", Some(summary.put_volume as f64), Some(oracle.put_volume));
    near("summary's open calls", summary.call_open_interest.map(|n| n as f64), oracle.open_interests.map(|(n, _)| n));
    near("summary's open puts", summary.put_open_interest.map(|n| n as f64), oracle.open_interests.map(|(_, n)| n));
    compare_moves(ticker.as_str(), expected_moves, &oracle, quoted, differences);
    Some(oracle)
}

/// The first four expirations that tell a move.
fn compare_moves(
    ticker: &str,
    product: &[ExpirationMove],
    oracle: &Underlying,
    quoted: Quoted<'_>,
    differences: &mut Differences,
) {
    let Some(spot) = quoted.parity.spot else { return };
    let mut wanted: Vec<_> = oracle
        .at_the_money
        .iter()
        .map(|((root, date), told)| (*date, quoted.parity.groups[&(root.clone(), *date)].years, *told))
        .filter(|(.., (sigma, straddle))| sigma.is_some() || straddle.is_some())
        .collect();
    wanted.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
    wanted.truncate(4);
    let dates = product.iter().map(|by| by.expiration).collect::<Vec<_>>();
    differences.same(&format!("{ticker} moves"), dates, wanted.iter().map(|(date, ..)| *date).collect());
    for (by, (date, _, (sigma, straddle))) in product.iter().zip(wanted) {
        let days = calendar::days_to(quoted.as_of, date);
        let one_sigma = sigma.filter(|_| days > 0).map(|vol| spot * vol * (f64::from(days) / 365.0).sqrt());
        let mut near = |what: &str, product: Option<f64>, oracle: Option<f64>| {
            differences.near(&format!("{ticker} move by {date} {what}"), product, oracle, 1e-6);
        };
        near("days", Some(f64::from(by.dte)), Some(f64::from(days)));
        near("IV", by.atm_iv, sigma);
        near("σ", by.one_sigma, one_sigma);
        near("straddle", by.straddle_85, straddle.map(|straddle| 0.85 * straddle));
        near("straddle's σ", by.straddle_one_sigma, straddle.map(|straddle| 1.2533 * straddle));
    }
}

/// Everything that stands beside a candidate or control but what its bars say. Returns what it is worth with cash dividends.
pub fn compare_candidate(
    candidate: &Candidate,
    quoted: Quoted<'_>,
    asked: &Asked<'_>,
    underlying: &Underlying,
    differences: &mut Differences,
) -> Option<Valued> {
    let cash = compare_cash(candidate, quoted, asked, differences);
    let symbol = candidate.symbol.to_string();
    let row = quoted.chain.rows.iter().find(|row| row.symbol == symbol).expect("a candidate is a row");
    let own = asked.known(&symbol).unwrap_or_default();
    let split = own.last_split.max(asked.known(&asked.underlying).and_then(|chart| chart.last_split));
    let split = split.filter(|split| *split <= last_closed_session(quoted.as_of));
    let days: Vec<Day> = closed_days(&own, quoted.as_of)
        .into_iter()
        .filter(|day| day.volume > 0.0 && split.is_none_or(|split| day.date >= split))
        .collect();
    let Some(mut oracle) = numbers(row, quoted, underlying, &days) else {
        differences.say(format!("{symbol}: a candidate without a spot"));
        return cash;
    };
    let Some(product) = candidate.metrics.as_deref() else {
        differences.say(format!("{symbol}: the product tells no metrics"));
        return cash;
    };
    let (Some(bought), Some(sold)) = (&product.bought, &product.sold) else {
        differences.say(format!("{symbol}: the product tells no position"));
        return cash;
    };
    // Greeks are told with cash dividends where there are any, everything else without.
    if let Some(Valued { delta, gamma, theta, vega, rho, .. }) = &cash {
        let greeks = [("delta", delta), ("gamma", gamma), ("theta", theta), ("vega", vega), ("rho", rho)];
        let sold = [("pop by delta", &(1.0 - delta.abs()))];
        for (named, all) in [(&mut oracle.contract, &greeks[..]), (&mut oracle.sold, &sold[..])] {
            for (name, value) in all {
                if let Some(known) = named.get_mut(name).and_then(Option::as_mut) {
                    *known = **value;
                }
            }
        }
    }
    // Trees and differences, not formulas, where early exercise is worth something.
    let by_tree = oracle.by_tree;
    let width = |named: &Named| named["past high"].zip(named["past low"]).map_or(0.0, |(high, low)| high - low);
    for (of, product, oracle) in [
        ("", of_contract(product), &oracle.contract),
        (" bought", of_position(bought), &oracle.bought),
        (" sold", of_position(sold), &oracle.sold),
    ] {
        let names = |named: &Named| named.keys().copied().collect::<Vec<_>>();
        differences.same(&format!("{symbol}{of} names"), names(&product), names(oracle));
        for (name, value) in oracle {
            let size = value.unwrap_or(0.0).abs();
            let within = match *name {
                // Drawn otherwise: either end errs by some hundredths of the width.
                "past low" | "past high" => 0.15 * width(oracle),
                "iv bid" | "iv ask" | "iv uncertainty" if by_tree => 1e-3,
                "delta" | "pop by delta" if cash.is_some() => 4e-3,
                "gamma" if cash.is_some() => 5e-4 + 0.05 * size,
                "theta" if cash.is_some() => 1e-3 + 0.04 * size,
                "vega" | "rho" if cash.is_some() => 5e-3 + 0.04 * size,
                "theta" | "vega" if by_tree => 5e-4 + 0.02 * size,
                "rho" if by_tree => 1e-3 + 0.03 * size,
                "gamma" if by_tree => 2e-4 + 0.03 * size,
                _ => 1e-7 * size.max(1.0),
            };
            let told = product.get(name).copied().flatten();
            differences.near(&format!("{symbol}{of} {name}"), told, *value, within);
        }
    }
    cash
}

fn of_contract(metrics: &ContractMetrics) -> Named {
    let ContractMetrics {
        iv_bid,
        iv_ask,
        iv_uncertainty,
        greeks,
        prob_itm,
        prob_otm,
        prob_touch,
        bought: _,
        sold: _,
        volume_to_open_interest,
        is_new,
        volume_to_own_median,
        volume_to_underlying_mean,
        liquidity,
        spread,
        spread_ticks,
        cost_to_leave_per_contract,
        expected_move,
        bars: _,
        cash: _,
    } = metrics;
    let greek = |of: fn(ContractGreeks) -> f64| greeks.map(of);
    BTreeMap::from([
        ("iv bid", *iv_bid),
        ("iv ask", *iv_ask),
        ("iv uncertainty", *iv_uncertainty),
        ("delta", greek(|of| of.delta)),
        ("gamma", greek(|of| of.gamma)),
        ("theta", greek(|of| of.theta_per_day)),
        ("vega", greek(|of| of.vega_per_point)),
        ("rho", greek(|of| of.rho_per_point)),
        ("prob itm", *prob_itm),
        ("prob otm", *prob_otm),
        ("prob touch", *prob_touch),
        ("volume/OI", *volume_to_open_interest),
        ("is new", Some(f64::from(*is_new))),
        ("volume/own median", *volume_to_own_median),
        ("volume/all options", *volume_to_underlying_mean),
        ("liquidity", *liquidity),
        ("spread", *spread),
        ("spread in ticks", *spread_ticks),
        ("cost to leave", *cost_to_leave_per_contract),
        ("atm iv", expected_move.and_then(|by| by.atm_iv)),
        ("one sigma", expected_move.and_then(|by| by.one_sigma)),
        ("straddle 85", expected_move.and_then(|by| by.straddle_85)),
        ("straddle one sigma", expected_move.and_then(|by| by.straddle_one_sigma)),
    ])
}

fn of_position(held: &PositionMetrics) -> Named {
    let PositionMetrics {
        position: _,
        price,
        breakeven,
        breakeven_pct,
        breakeven_sigma,
        pop,
        pop_delta,
        max_loss_per_contract,
        ev,
        ev_hist,
        yields,
        size_hint,
    } = held;
    let [first, a_year, second, second_a_year] = match *yields {
        None => [None; 4],
        Some(PremiumYield::CashSecuredPut { roc_pct, roc_annual_pct, on_strike_pct, on_strike_annual_pct }) => {
            [Some(roc_pct), roc_annual_pct, Some(on_strike_pct), on_strike_annual_pct]
        }
        Some(PremiumYield::CoveredCall { static_pct, static_annual_pct, if_called_pct, if_called_annual_pct }) => {
            [Some(static_pct), static_annual_pct, Some(if_called_pct), if_called_annual_pct]
        }
    };
    let expected = |of: fn(ExpectedProfit) -> Option<f64>| ev.and_then(of);
    let past = |of: fn(PastProfit) -> Option<f64>| ev_hist.and_then(of);
    BTreeMap::from([
        ("price", Some(*price)),
        ("breakeven", *breakeven),
        ("breakeven %", *breakeven_pct),
        ("breakeven sd", *breakeven_sigma),
        ("pop", *pop),
        ("pop by delta", *pop_delta),
        ("max loss", *max_loss_per_contract),
        ("ev vol", expected(|ev| Some(ev.vol))),
        ("ev", expected(|ev| Some(ev.per_share))),
        ("ev/max loss", expected(|ev| ev.to_max_loss)),
        ("ev a day", expected(|ev| ev.per_day)),
        ("past", past(|past| Some(past.per_share))),
        ("past won", past(|past| Some(past.won))),
        ("past sessions", past(|past| Some(past.sessions.into()))),
        ("past windows", past(|past| Some(past.windows.into()))),
        ("past n_eff", past(|past| Some(past.n_eff))),
        ("past low", past(|past| past.low)),
        ("past high", past(|past| past.high)),
        ("yield", first),
        ("yield a year", a_year),
        ("second yield", second),
        ("second yield a year", second_a_year),
        ("size hint", size_hint.map(f64::from)),
    ])
}
