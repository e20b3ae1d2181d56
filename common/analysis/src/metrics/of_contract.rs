//! One contract that reached a strategy, in numbers: what ANALYTICS sections 1 and 2.1 tell of it.
//!
//! Promises: volatilities come through the door that the sifting's do; what is bought is bought at the ask, what is sold
//! is sold at the bid. Refuses: numbers that hang on a volatility which the quote's width leaves open (greeks, chances,
//! distances in σ) where bid and ask are more than 20 points apart.

use fleet_core::domain::{
    Bar, ContractGreeks, ContractMetrics, ExpectedProfit, OptionKind, PastProfit, Position, PositionMetrics,
    PremiumYield, calendar,
};
use fleet_pricing::Terms;

use super::activity::{RelativeVolume, VolumeToOpenInterest};
use super::costs::{size_hint, to_leave_per_contract};
use super::empirical::EmpiricalValue;
use super::expected_value::ExpectedValue;
use super::finite;
use super::liquidity::Liquidity;
use super::of_underlying::Past;
use super::own_bars::{UsualTrading, bar_metrics};
use super::position::Entry;
use super::probability::{Chances, Market, pop, pop_delta};
use super::quoted_vol::QuotedVol;
use super::yields::{CallYield, PutYield};
use crate::bars::median;
use crate::cash_dividends::Repriced;
use crate::config::AnalysisConfig;
use crate::indicators::Indicators;
use crate::sifting::Sifting;
use crate::snapshot::MarketSnapshot;
use crate::strategy::ContractView;
use crate::vol::Priced;

/// What a contract's numbers are made of.
#[derive(Debug, Clone, Copy)]
pub struct Examined<'a> {
    /// What came in.
    pub snapshot: &'a MarketSnapshot,
    /// Settings.
    pub config: &'a AnalysisConfig,
    /// What the chain alone decided.
    pub sifting: &'a Sifting,
    /// Row of the chain.
    pub row: usize,
    /// Its believable bars; none where they are not known.
    pub bars: &'a [Bar],
    /// What they say, where they cover enough sessions.
    pub indicators: Option<&'a Indicators>,
    /// The underlying's past.
    pub past: &'a Past,
    /// How much of it.
    pub depth: Depth,
    /// The contract with cash dividends, where it was priced so.
    pub cash: Option<&'a Repriced>,
}

/// How much is worth computing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Everything.
    Whole,
    /// All but the mean profit in the past, which costs more than the rest together.
    WithoutPast,
}

/// What the market and the configuration say of one contract's positions.
struct Held<'a> {
    view: ContractView<'a>,
    priced: Priced,
    market: Market,
    /// The mid's volatility where the quote is narrow enough to tell it.
    vol: Option<f64>,
    delta: Option<f64>,
    past: &'a Past,
    config: &'a AnalysisConfig,
    /// To settlement; `None` where the past is not asked.
    sessions: Option<u32>,
}

/// The numbers of a contract past the gates; `None` of a row that is none, or is not priced.
#[must_use]
pub fn contract_metrics(of: &Examined<'_>) -> Option<ContractMetrics> {
    let Examined { snapshot, config, sifting, row, bars, indicators, past, depth, cash } = *of;
    let view = sifting.view(snapshot, row)?;
    let symbol = view.quote.symbol;
    let priced = sifting.priced(snapshot, config, row)?;
    let point = sifting.sifted.get(row)?.as_ref()?.vol;
    let (bid, ask) = (view.bid.dollars(), view.ask.dollars());
    let tick = |price: f64| config.pricing.min_time_value_ticks * sifting.ticks.at(price);
    let vol_at = |price: f64| priced.iv_at(price, tick(price));
    let quoted = QuotedVol::around(point.map(|at| at.iv), bid, ask, vol_at);
    let greeks = cash.map(|cash| cash.greeks).or(point.map(|at| at.greeks)).filter(|_| quoted.greeks_are_usable());
    let vol = quoted.mid.filter(|_| quoted.greeks_are_usable());
    let Terms { years, rate, yield_, .. } = priced.terms;
    let market = Market { years, rate, yield_ };
    let chances = Chances::of(&priced.terms, vol);
    let settled = calendar::settlement_session(symbol.expiration);
    let today = calendar::exchange_date(snapshot.as_of);
    let held = Held {
        view,
        priced,
        market,
        vol,
        delta: greeks.map(|greeks| greeks.delta),
        past,
        config,
        sessions: match depth {
            Depth::Whole => settled.and_then(|settled| calendar::sessions_between(today, settled)),
            Depth::WithoutPast => None,
        },
    };
    let (bought, sold) = match symbol.kind {
        OptionKind::Call => (Position::LongCall, Position::CoveredCall),
        OptionKind::Put => (Position::LongPut, Position::CashSecuredPut),
    };
    let open_interest = view.quote.open_interest.filter(|_| !sifting.rows.unknown_oi);
    let usual = UsualTrading::of(bars, sifting.last_closed, sifting.entry_session);
    let to_open_interest = VolumeToOpenInterest::of(view.quote.volume, open_interest);
    let chain = sifting.chain_metrics.as_ref();
    let all_options = chain.map_or(&[][..], |chain| &chain.usual_option_volumes);
    let relative = RelativeVolume::of(view.quote.volume, &usual.volumes, all_options);
    let mut volumes: Vec<f64> = usual.volumes.iter().map(|volume| *volume as f64).collect();
    let liquidity = Liquidity {
        spread_pct: Some(view.spread_pct),
        open_interest,
        median_volume: median(&mut volumes),
        traded_sessions: usual.traded_sessions,
    };
    Some(ContractMetrics {
        iv_bid: quoted.bid,
        iv_ask: quoted.ask,
        iv_uncertainty: quoted.uncertainty,
        greeks: greeks.map(|greeks| ContractGreeks {
            delta: greeks.delta,
            gamma: greeks.gamma,
            theta_per_day: greeks.theta_per_day,
            vega_per_point: greeks.vega_per_point,
            rho_per_point: greeks.rho_per_point,
        }),
        prob_itm: chances.itm,
        prob_otm: chances.otm,
        prob_touch: chances.touch,
        bought: Some(held.as_position(bought, ask)),
        sold: Some(held.as_position(sold, bid)),
        volume_to_open_interest: to_open_interest.and_then(VolumeToOpenInterest::ratio),
        is_new: to_open_interest == Some(VolumeToOpenInterest::New),
        volume_to_own_median: relative.to_own_median,
        volume_to_underlying_mean: relative.to_underlying_mean,
        liquidity: liquidity.score(),
        spread: finite(ask - bid),
        spread_ticks: finite((ask - bid) / sifting.ticks.at(view.mid)),
        cost_to_leave_per_contract: to_leave_per_contract(bid, ask, &config.costs),
        expected_move: chain.and_then(|chain| chain.expected_move(symbol.root, symbol.expiration)),
        bars: indicators.map(|indicators| bar_metrics(bars, indicators, sifting.last_closed)),
        cash: cash.map(|cash| Box::new(cash.told.clone())),
    })
}

impl Held<'_> {
    fn as_position(&self, position: Position, price: f64) -> PositionMetrics {
        let entry = Entry { position, spot: self.priced.terms.spot, strike: self.priced.terms.strike, price };
        let breakeven = entry.breakeven(self.vol, self.market.years);
        let loss = entry.max_loss_per_contract();
        let forecast = self.past.realised.forecast;
        PositionMetrics {
            position,
            price,
            breakeven: breakeven.map(|at| at.price),
            breakeven_pct: breakeven.map(|at| at.distance_pct),
            breakeven_sigma: breakeven.and_then(|at| at.distance_sigma),
            pop: pop(&entry, self.market, self.vol),
            pop_delta: self.pop_delta(position),
            max_loss_per_contract: loss,
            ev: forecast.and_then(|vol| {
                let ExpectedValue { per_share, to_max_loss, per_day } =
                    ExpectedValue::of(&entry, self.market, Some(vol))?;
                Some(ExpectedProfit { vol, per_share, to_max_loss, per_day })
            }),
            ev_hist: self.in_the_past(&entry),
            yields: yields(&entry, self.view.dte),
            size_hint: size_hint(self.config.metrics.risk_dollars, loss, &self.config.costs),
        }
    }

    fn pop_delta(&self, position: Position) -> Option<f64> {
        match position {
            Position::LongCall | Position::LongPut => None,
            Position::CashSecuredPut | Position::CoveredCall => self.delta.and_then(pop_delta),
        }
    }

    fn in_the_past(&self, entry: &Entry) -> Option<PastProfit> {
        let sessions = self.sessions?;
        let value = EmpiricalValue::of(entry, &self.past.closes, sessions as usize)?;
        let (low, high) = value.interval.unzip();
        Some(PastProfit {
            per_share: value.per_share,
            low,
            high,
            won: value.won,
            sessions,
            windows: u32::try_from(value.windows).ok()?,
            n_eff: value.n_eff,
        })
    }
}

fn yields(entry: &Entry, dte: i32) -> Option<PremiumYield> {
    let of_put = || {
        let PutYield { roc_pct, annual_pct, annual_on_strike_pct, on_strike_pct } = PutYield::of(entry, dte)?;
        Some(PremiumYield::CashSecuredPut {
            roc_pct,
            roc_annual_pct: annual_pct,
            on_strike_pct,
            on_strike_annual_pct: annual_on_strike_pct,
        })
    };
    let of_call = || {
        let CallYield { static_pct, static_annual_pct, if_called_pct, if_called_annual_pct } =
            CallYield::of(entry, dte)?;
        Some(PremiumYield::CoveredCall { static_pct, static_annual_pct, if_called_pct, if_called_annual_pct })
    };
    of_put().or_else(of_call)
}
