//! The numbers of one contract in words, grouped as they are read; a dash stands for what is not known.

use fleet_core::domain::{
    BarMetrics, ContractGreeks, ContractMetrics, ExpectedProfit, ExpirationMove, Oscillators, PastProfit, Position,
    PositionMetrics, PremiumYield,
};

use super::layout::{or_dash, wrap};
use super::table::{number, signed};

/// The groups, each with its name.
#[must_use]
pub fn render(metrics: &ContractMetrics) -> String {
    let mut text = String::new();
    let mut group = |name: &str, value: String| text += &wrap(&format!("{name:<11}{value}"), 11);
    let vol = |value: Option<f64>| or_dash(value, |value| format!("{} %", number(value * 100.0)));
    group(
        "IV range",
        format!("{} at the bid, {} at the ask{}", vol(metrics.iv_bid), vol(metrics.iv_ask), known_to(metrics)),
    );
    group(
        "Greeks",
        metrics.greeks.map_or_else(|| "- (the quote is too wide to tell its volatility)".to_owned(), greeks),
    );
    group(
        "Chances",
        format!(
            "in the money {}, out of it {}, strike touched before {} (risk-neutral)",
            chance(metrics.prob_itm),
            chance(metrics.prob_otm),
            chance(metrics.prob_touch)
        ),
    );
    group("Exp. move", or_dash(metrics.expected_move, |by| expected_move(&by)));
    let to_open = if metrics.is_new {
        "new (nothing was open)".to_owned()
    } else {
        or_dash(metrics.volume_to_open_interest, number)
    };
    group(
        "Activity",
        format!(
            "volume over open interest {to_open}, over its own median of 20 sessions {}, over the usual volume of all the \
             underlying's options {}",
            or_dash(metrics.volume_to_own_median, number),
            or_dash(metrics.volume_to_underlying_mean, number)
        ),
    );
    group(
        "Liquidity",
        format!(
            "{} of 100; spread {} a share, {} ticks; leaving at once costs {} a contract",
            or_dash(metrics.liquidity, |score| format!("{score:.0}")),
            or_dash(metrics.spread, |spread| format!("${}", number(spread))),
            or_dash(metrics.spread_ticks, number),
            or_dash(metrics.cost_to_leave_per_contract, |cost| format!("${cost:.2}"))
        ),
    );
    group("Own bars", or_dash(metrics.bars, |bars| own_bars(&bars)));
    for held in [&metrics.bought, &metrics.sold].into_iter().flatten() {
        text.push('\n');
        text += &position(held);
    }
    text
}

fn known_to(metrics: &ContractMetrics) -> String {
    metrics.iv_uncertainty.map_or_else(
        || "; how well it is known is not".to_owned(),
        |half| format!("; known to ± {} points", number(half * 100.0)),
    )
}

fn greeks(greeks: ContractGreeks) -> String {
    let ContractGreeks { delta, gamma, theta_per_day, vega_per_point, rho_per_point } = greeks;
    format!(
        "delta {}, gamma {} (a share, per $1); theta {} a day, vega {} a point of volatility, rho {} a point of interest \
         (dollars a share)",
        number(delta),
        number(gamma),
        number(theta_per_day),
        number(vega_per_point),
        number(rho_per_point)
    )
}

/// The three forms, each with what it is.
#[must_use]
pub fn expected_move(by: &ExpirationMove) -> String {
    let dollars = |value: Option<f64>| or_dash(value, |value| format!("${value:.2}"));
    format!(
        "by {} ({} days): {} one standard deviation (68 %), {} 0.85 x straddle (about 50 %), {} 1.2533 x straddle (about \
         one standard deviation); IV at the money {}",
        by.expiration,
        by.dte,
        dollars(by.one_sigma),
        dollars(by.straddle_85),
        dollars(by.straddle_one_sigma),
        or_dash(by.atm_iv, |vol| format!("{} %", number(vol * 100.0)))
    )
}

fn oscillators(series: &Oscillators) -> String {
    format!(
        "RSI {}, %B {}, MACD histogram {} (change {})",
        or_dash(series.rsi, number),
        or_dash(series.pct_b, number),
        or_dash(series.macd_histogram, number),
        or_dash(series.macd_rise, number),
    )
}

fn own_bars(bars: &BarMetrics) -> String {
    let BarMetrics { rsi, pct_b, macd_histogram, macd_rise, .. } = *bars;
    let raw = Oscillators { rsi, pct_b, macd_histogram, macd_rise };
    format!(
        "{}; decay-adjusted {}; close over VWAP20 {}, ATR14 {} %, last volume over the median {}, traded in {} of the \
         last 20 sessions",
        oscillators(&raw),
        or_dash(bars.adjusted.as_ref(), oscillators),
        or_dash(bars.close_to_vwap20, number),
        or_dash(bars.atr14_pct, number),
        or_dash(bars.relative_volume, number),
        bars.traded_sessions
    )
}

/// Words for what is held.
#[must_use]
pub const fn position_words(position: Position) -> &'static str {
    match position {
        Position::LongCall => "Bought call",
        Position::LongPut => "Bought put",
        Position::CashSecuredPut => "Sold put, secured by cash",
        Position::CoveredCall => "Sold call, covered by shares bought at the spot",
    }
}

fn position(held: &PositionMetrics) -> String {
    let mut text = format!("{} at {}\n", position_words(held.position), number(held.price));
    let mut line = |name: &str, value: String| text += &wrap(&format!("  {name:<14}{value}"), 16);
    line(
        "break-even",
        format!(
            "{} at expiration, {} % from the spot, {} standard deviations",
            or_dash(held.breakeven, |at| format!("{at:.2}")),
            or_dash(held.breakeven_pct, number),
            or_dash(held.breakeven_sigma, number)
        ),
    );
    let by_delta = held.pop_delta.map_or_else(String::new, |pop| format!("; 1 - |delta| {}", chance(Some(pop))));
    line("profitable", format!("{} at expiration (risk-neutral){by_delta}", chance(held.pop)));
    line(
        "most to lose",
        format!(
            "{} a contract; {} within the risk that is configured",
            or_dash(held.max_loss_per_contract, |loss| format!("${loss:.2}")),
            or_dash(held.size_hint, |n| format!("{n} contract{}", if n == 1 { "" } else { "s" }))
        ),
    );
    line("mean profit", or_dash(held.ev, expected));
    line("in the past", or_dash(held.ev_hist, past));
    if let Some(yields) = held.yields {
        line("yields", premium(yields));
    }
    text
}

fn expected(ev: ExpectedProfit) -> String {
    format!(
        "{} a share at the underlying's forecast volatility of {} %; {} of the most to lose, {} a day",
        signed(ev.per_share),
        number(ev.vol * 100.0),
        or_dash(ev.to_max_loss, number),
        or_dash(ev.per_day, signed)
    )
}

/// Of a past without an interval neither mean nor share of winners is told: it is one rise or one fall.
fn past(ev: PastProfit) -> String {
    let Some((low, high)) = ev.low.zip(ev.high) else {
        return format!(
            "too few to say: {} stretches of {} sessions are about {:.1} independent ones, and fewer than five say nothing",
            ev.windows, ev.sessions, ev.n_eff
        );
    };
    format!(
        "{} a share (95 %: {} to {}), {} of {} stretches of {} sessions won, about {:.1} independent ones",
        signed(ev.per_share),
        signed(low),
        signed(high),
        chance(Some(ev.won)),
        ev.windows,
        ev.sessions,
        ev.n_eff
    )
}

fn premium(yields: PremiumYield) -> String {
    let annual = |pct: Option<f64>| or_dash(pct, |pct| format!("{} %", number(pct)));
    match yields {
        PremiumYield::CashSecuredPut { roc_pct, roc_annual_pct, on_strike_pct, on_strike_annual_pct } => format!(
            "{} % on the cash bound, {} a year (x 365/days); {} % on the strike, {} a year",
            number(roc_pct),
            annual(roc_annual_pct),
            number(on_strike_pct),
            annual(on_strike_annual_pct)
        ),
        PremiumYield::CoveredCall { static_pct, static_annual_pct, if_called_pct, if_called_annual_pct } => format!(
            "{} % if the share stays, {} a year (x 365/days); {} % if it is called, {} a year",
            number(static_pct),
            annual(static_annual_pct),
            number(if_called_pct),
            annual(if_called_annual_pct)
        ),
    }
}

/// A chance in percent.
fn chance(value: Option<f64>) -> String {
    or_dash(value, |value| format!("{:.1} %", value * 100.0))
}
