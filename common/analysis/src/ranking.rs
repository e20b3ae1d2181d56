//! The ranking: a score for every contract past the gates, whichever strategy looks at it (RULES section 9). It is told
//! by `explain` and `ranking`; nothing is bought because of it.
//!
//! The score is that of a plain scanner: liquidity, a narrow spread, a delta near one half, and, where the contract's
//! own bars are known, the direction they speak for. It says what is easy to trade, not what pays.

use fleet_core::domain::{OptionKind, RankScore, Ranked, Technicals};

use crate::config::Ranking;
use crate::indicators::Indicators;
use crate::strategy::ContractView;
use crate::vol::VolPoint;

/// A contract's rank.
#[must_use]
pub fn rank(
    view: &ContractView<'_>,
    open_interest: Option<u64>,
    vol: &VolPoint,
    technicals: Option<&Technicals>,
    weights: &Ranking,
) -> Ranked {
    let counted = |n: Option<u64>| libm::log1p(n.unwrap_or(0) as f64);
    let greeks = &vol.greeks;
    let delta = greeks.delta.abs();
    Ranked {
        gamma: greeks.gamma,
        theta_per_day: greeks.theta_per_day,
        vega_per_point: greeks.vega_per_point,
        rho_per_point: greeks.rho_per_point,
        score: RankScore {
            liquidity: counted(view.quote.volume) + weights.open_interest * counted(open_interest),
            spread: -weights.spread * (view.ask.dollars() - view.bid.dollars()) / view.mid,
            delta: weights.delta * delta * (1.0 - delta),
            technical: technicals
                .and_then(|known| tilt(view.quote.symbol.kind, known))
                .map(|tilt| weights.technical * tilt),
        },
    }
}

/// What a contract's own indicators speak for, in the direction of a call: oversold (RSI below 50, a close in the lower
/// half of its band) and a rising histogram. `None` unless all three are known.
fn tilt(kind: OptionKind, known: &Technicals) -> Option<f64> {
    let direction = match kind {
        OptionKind::Call => 1.0,
        OptionKind::Put => -1.0,
    };
    let turn = if known.macd_histogram? > 0.0 { 0.25 } else { -0.25 };
    Some(direction * ((50.0 - known.rsi?) / 25.0 + turn + (0.5 - known.pct_b?)))
}

/// What a ranking reads of a contract's indicators.
#[must_use]
pub const fn technicals(indicators: &Indicators) -> Technicals {
    Technicals { rsi: indicators.rsi, macd_histogram: indicators.macd_histogram, pct_b: indicators.pct_b }
}
