//! The metrics of a candidate and of its underlying as columns of the CSV output, in the units their names say.

use fleet_core::domain::{
    BarMetrics, ContractGreeks, ExpectedProfit, ExpirationMove, PastProfit, PremiumYield, UnderlyingMetrics,
};

use super::CandidateRow;
use super::csv::number;

/// A value of one row, `None` where it is not known.
type Value = fn(&CandidateRow, Option<&UnderlyingMetrics>) -> Option<String>;

/// Name and value of each column, in order.
pub const COLUMNS: &[(&str, Value)] = &[
    ("iv30", |_, of| text(of?.iv30)),
    ("iv_rank", |_, of| text(of?.iv_rank)),
    ("iv_percentile", |_, of| text(of?.iv_percentile)),
    ("iv_sessions", |_, of| text(Some(of?.iv_sessions))),
    ("skew_25", |_, of| text(of?.skew_25)),
    ("term_slope", |_, of| text(of?.term_slope)),
    ("hv20", |_, of| text(of?.realised.hv20)),
    ("hv30", |_, of| text(of?.realised.hv30)),
    ("hv60", |_, of| text(of?.realised.hv60)),
    ("yang_zhang30", |_, of| text(of?.realised.yang_zhang30)),
    ("iv30_to_hv20", |_, of| text(of?.iv30_to_hv20)),
    ("put_call_volume", |_, of| text(of?.put_call_volume)),
    ("put_call_open_interest", |_, of| text(of?.put_call_open_interest)),
    ("iv_bid", |row, _| text(row.metrics.as_ref()?.iv_bid)),
    ("iv_ask", |row, _| text(row.metrics.as_ref()?.iv_ask)),
    ("iv_uncertainty", |row, _| text(row.metrics.as_ref()?.iv_uncertainty)),
    ("gamma", |row, _| greek(row, |greeks| greeks.gamma)),
    ("theta_per_day", |row, _| greek(row, |greeks| greeks.theta_per_day)),
    ("vega_per_point", |row, _| greek(row, |greeks| greeks.vega_per_point)),
    ("rho_per_point", |row, _| greek(row, |greeks| greeks.rho_per_point)),
    ("prob_itm", |row, _| text(row.metrics.as_ref()?.prob_itm)),
    ("prob_otm", |row, _| text(row.metrics.as_ref()?.prob_otm)),
    ("prob_touch", |row, _| text(row.metrics.as_ref()?.prob_touch)),
    ("position", |row, _| serde_json::to_value(row.position()?.position).ok()?.as_str().map(str::to_owned)),
    ("pop", |row, _| text(row.position()?.pop)),
    ("pop_delta", |row, _| text(row.position()?.pop_delta)),
    ("breakeven", |row, _| text(row.position()?.breakeven)),
    ("breakeven_pct", |row, _| text(row.position()?.breakeven_pct)),
    ("breakeven_sigma", |row, _| text(row.position()?.breakeven_sigma)),
    ("max_loss_per_contract", |row, _| text(row.position()?.max_loss_per_contract)),
    ("ev_vol", |row, _| expected(row, |ev| Some(ev.vol))),
    ("ev_per_share", |row, _| expected(row, |ev| Some(ev.per_share))),
    ("ev_to_max_loss", |row, _| expected(row, |ev| ev.to_max_loss)),
    ("ev_per_day", |row, _| expected(row, |ev| ev.per_day)),
    ("ev_hist_per_share", |row, _| past(row, |ev| Some(ev.per_share))),
    ("ev_hist_low", |row, _| past(row, |ev| ev.low)),
    ("ev_hist_high", |row, _| past(row, |ev| ev.high)),
    ("ev_hist_won", |row, _| past(row, |ev| Some(ev.won))),
    ("ev_hist_n_eff", |row, _| past(row, |ev| Some(ev.n_eff))),
    ("yield_pct", |row, _| premium(row, |[simple, ..]| simple)),
    ("yield_annual_pct", |row, _| premium(row, |[_, annual, ..]| annual)),
    ("yield_if_called_pct", |row, _| premium(row, |[.., called, _]| called)),
    ("yield_if_called_annual_pct", |row, _| premium(row, |[.., annual]| annual)),
    ("volume_to_open_interest", |row, _| open_interest(row)),
    ("volume_to_own_median", |row, _| text(row.metrics.as_ref()?.volume_to_own_median)),
    ("volume_to_underlying_mean", |row, _| text(row.metrics.as_ref()?.volume_to_underlying_mean)),
    ("liquidity", |row, _| text(row.metrics.as_ref()?.liquidity)),
    ("spread", |row, _| text(row.metrics.as_ref()?.spread)),
    ("spread_ticks", |row, _| text(row.metrics.as_ref()?.spread_ticks)),
    ("cost_to_leave_per_contract", |row, _| text(row.metrics.as_ref()?.cost_to_leave_per_contract)),
    ("size_hint", |row, _| text(row.position()?.size_hint)),
    ("expected_move_one_sigma", |row, _| moved(row, |by| by.one_sigma)),
    ("expected_move_straddle_85", |row, _| moved(row, |by| by.straddle_85)),
    ("expected_move_straddle_one_sigma", |row, _| moved(row, |by| by.straddle_one_sigma)),
    ("pct_b", |row, _| own_bars(row, |bars| bars.pct_b)),
    ("macd_histogram", |row, _| own_bars(row, |bars| bars.macd_histogram)),
    ("macd_rise", |row, _| own_bars(row, |bars| bars.macd_rise)),
    ("close_to_vwap20", |row, _| own_bars(row, |bars| bars.close_to_vwap20)),
    ("atr14_pct", |row, _| own_bars(row, |bars| bars.atr14_pct)),
    ("relative_volume", |row, _| own_bars(row, |bars| bars.relative_volume)),
    ("traded_sessions", |row, _| own_bars(row, |bars| Some(bars.traded_sessions.into()))),
    ("model", |row, _| serde_json::to_value(row.model?.exercise).ok()?.as_str().map(str::to_owned)),
    ("rate", |row, _| text(Some(row.model?.rate))),
    ("dividend_yield", |row, _| text(Some(row.model?.yield_))),
    ("cash_dividends", |row, _| cash_dividends(row)),
    ("dividend_bound", |row, _| text(row.model?.dividend_bound)),
];

fn text<T: Into<f64>>(value: Option<T>) -> Option<String> {
    value.map(|value| number(value.into()))
}

/// `2026-12-10:0.26 2027-03-10:0.26`
fn cash_dividends(row: &CandidateRow) -> Option<String> {
    let cash = row.metrics.as_ref()?.cash.as_ref()?;
    let all = cash.dividends.iter().map(|dividend| format!("{}:{}", dividend.ex_date, dividend.amount));
    Some(all.collect::<Vec<_>>().join(" "))
}

fn greek(row: &CandidateRow, pick: fn(&ContractGreeks) -> f64) -> Option<String> {
    text(row.metrics.as_ref()?.greeks.as_ref().map(pick))
}

fn expected(row: &CandidateRow, pick: fn(&ExpectedProfit) -> Option<f64>) -> Option<String> {
    text(pick(row.position()?.ev.as_ref()?))
}

fn past(row: &CandidateRow, pick: fn(&PastProfit) -> Option<f64>) -> Option<String> {
    text(pick(row.position()?.ev_hist.as_ref()?))
}

/// On what a sold option binds, and that a year; where the share is called away, and that a year.
fn premium(row: &CandidateRow, pick: fn([Option<f64>; 4]) -> Option<f64>) -> Option<String> {
    text(pick(match row.position()?.yields.as_ref()? {
        PremiumYield::CashSecuredPut { roc_pct, roc_annual_pct, .. } => [Some(*roc_pct), *roc_annual_pct, None, None],
        PremiumYield::CoveredCall { static_pct, static_annual_pct, if_called_pct, if_called_annual_pct } => {
            [Some(*static_pct), *static_annual_pct, Some(*if_called_pct), *if_called_annual_pct]
        }
    }))
}

fn open_interest(row: &CandidateRow) -> Option<String> {
    let metrics = row.metrics.as_ref()?;
    if metrics.is_new { Some("new".to_owned()) } else { text(metrics.volume_to_open_interest) }
}

fn moved(row: &CandidateRow, pick: fn(&ExpirationMove) -> Option<f64>) -> Option<String> {
    text(pick(row.metrics.as_ref()?.expected_move.as_ref()?))
}

fn own_bars(row: &CandidateRow, pick: fn(&BarMetrics) -> Option<f64>) -> Option<String> {
    text(pick(row.metrics.as_ref()?.bars.as_ref()?))
}
