//! Contracts that reached a strategy, priced with the cash dividends to come instead of a yield: American exercise, finite
//! differences, the forward of the chain kept (ANALYTICS section 3; every choice is in RULES section 11).
//!
//! Promises: gates and strategies never see these numbers; what cannot be priced so keeps its yield, with what that may
//! cost. Refuses: European contracts, whose forward says all, and settings that do not take the forward from the quotes.

use fleet_core::domain::{CashPriced, ExerciseModel, ExerciseStyle, PricingModel, SpotSource, calendar};
use fleet_pricing::dividends::{self, Dividend};
use fleet_pricing::{Greeks, Terms};
use jiff::civil::Date;

use crate::config::{AnalysisConfig, DividendSource};
use crate::expected_dividends::Coming;
use crate::forward::{Carry, YIELD, spot_of_groups};
use crate::metrics::priced_as;
use crate::sifting::Sifting;
use crate::snapshot::MarketSnapshot;

/// Seconds of a year.
const YEAR: f64 = 31_536_000.0;
/// Halvings that leave nothing of the range of yields.
const HALVINGS: u32 = 80;

/// The dividends of one underlying, and its spot with them.
#[derive(Debug)]
pub struct CashDividends<'a> {
    snapshot: &'a MarketSnapshot,
    config: &'a AnalysisConfig,
    sifting: &'a Sifting,
    coming: Coming,
    /// By years to their ex-date, as they come.
    dated: Vec<Dividend>,
    /// The underlying's price with the dividends to come still in it.
    spot: Option<f64>,
}

/// A contract with cash dividends.
#[derive(Debug, Clone, PartialEq)]
pub struct Repriced {
    /// What is told of it.
    pub told: CashPriced,
    /// At its volatility.
    pub greeks: Greeks,
}

impl<'a> CashDividends<'a> {
    /// Of a sifted chain and the underlying's bars; `None` where nothing would be priced with them.
    #[must_use]
    pub fn of(snapshot: &'a MarketSnapshot, config: &'a AnalysisConfig, sifting: &'a Sifting) -> Option<Self> {
        let parity = sifting.parity.as_ref()?;
        let told = snapshot.underlying_bars.as_ref()?.dividends.as_ref()?;
        if config.pricing.dividends != DividendSource::Implied {
            return None;
        }
        let last = parity.carries.keys().map(|(_, expiration)| *expiration).max()?;
        let coming = Coming::of(told, calendar::exchange_date(snapshot.as_of), last);
        let dated = match &coming {
            Coming::Nothing => return None,
            Coming::Unclear { .. } => Vec::new(),
            Coming::Dividends(all) => {
                let dated = all.iter().map(|dividend| {
                    let years = years_to_open(snapshot, dividend.ex_date)?;
                    Some(Dividend { years, cash: dividend.amount.dollars() })
                });
                dated.collect::<Option<Vec<Dividend>>>()?
            }
        };
        let spot = match parity.source {
            SpotSource::Implied => {
                let told = parity.carries.iter().filter(|(_, carry)| !carry.assumed);
                let spots = told.map(|((_, expiration), carry)| {
                    let spot = spot_with(carry, &dated, config.rates.assumed_yield);
                    (calendar::dte(snapshot.as_of, *expiration), spot)
                });
                spot_of_groups(&spots.collect::<Vec<(i32, f64)>>())
            }
            SpotSource::Vendor | SpotSource::None => parity.spot,
        };
        Some(Self { snapshot, config, sifting, coming, dated, spot })
    }

    /// The contract of a row with its cash dividends; `None` where none falls before its settlement, or it cannot be
    /// priced so.
    #[must_use]
    pub fn reprice(&self, row: usize) -> Option<Repriced> {
        if !self.config.pricing.cash_dividends {
            return None;
        }
        let quote = self.snapshot.chain.contracts.get(row)?;
        let carry = self.american(row)?;
        self.sifting.sifted.get(row)?.as_ref()?.vol?;
        let within = self.within(carry);
        if within.is_empty() {
            return None;
        }
        let spot = self.spot?;
        let Carry { years, rate, forward, assumed: yield_assumed, .. } = *carry;
        let yield_ = if yield_assumed { carry.yield_ } else { residual_yield(spot, forward, years, rate, within)? };
        let (kind, strike) = (priced_as(quote.symbol.kind), quote.symbol.strike.dollars());
        let terms = Terms { kind, spot, strike, years, rate, yield_ };
        let mid = quote.mid()?;
        let tick = self.config.pricing.min_time_value_ticks * self.sifting.ticks.at(mid);
        let iv = dividends::implied_vol(&terms, mid, tick, within).ok().flatten()?;
        let greeks = dividends::greeks(&terms, iv, within).ok()?;
        let Coming::Dividends(all) = &self.coming else { return None };
        let model = PricingModel {
            exercise: ExerciseModel::AmericanCashDividends,
            spot,
            spot_source: self.sifting.parity.as_ref()?.source,
            rate,
            yield_,
            yield_assumed,
            dividend_bound: None,
        };
        let dividends = all[..within.len()].to_vec();
        Some(Repriced { told: CashPriced { iv, delta: greeks.delta, model, dividends }, greeks })
    }

    /// What the price of a row's contract may be off by where dividends are a yield in it, dollars a share: the dividends
    /// before its settlement, or where nothing tells them what a year paid, for each year. `None` where there are none.
    #[must_use]
    pub fn bound(&self, row: usize) -> Option<f64> {
        let carry = self.american(row)?;
        let bound = match self.coming {
            Coming::Nothing => 0.0,
            Coming::Dividends(_) => self.within(carry).iter().map(|dividend| dividend.cash).sum(),
            Coming::Unclear { a_year } => a_year * carry.years.max(1.0),
        };
        (bound > 0.0).then_some(bound)
    }

    /// What prices a row's contract, if it may be exercised early.
    fn american(&self, row: usize) -> Option<&Carry> {
        let symbol = &self.snapshot.chain.contracts.get(row)?.symbol;
        let style = self.config.pricing.exercise.style(symbol);
        let carries = &self.sifting.parity.as_ref()?.carries;
        carries.get(&(symbol.root, symbol.expiration)).filter(|_| style == ExerciseStyle::American)
    }

    /// The dividends before a settlement.
    fn within(&self, carry: &Carry) -> &[Dividend] {
        &self.dated[..before(&self.dated, carry.years)]
    }
}

/// How many of the dividends, as they come, have an ex-date before so many years.
fn before(dated: &[Dividend], years: f64) -> usize {
    dated.iter().take_while(|dividend| dividend.years < years).count()
}

/// From as-of to the open of an ex-date; at least a second.
fn years_to_open(snapshot: &MarketSnapshot, ex_date: Date) -> Option<f64> {
    let open = calendar::session(ex_date)?.open;
    Some(open.duration_since(snapshot.as_of).as_secs_f64().max(1.0) / YEAR)
}

/// The spot from which a forward follows once the dividends before it are paid.
fn spot_with(carry: &Carry, dated: &[Dividend], yield_: f64) -> f64 {
    let growth = carry.rate - yield_;
    let paid = dated[..before(dated, carry.years)].iter().map(|d| d.cash * libm::exp(-growth * d.years));
    carry.forward * libm::exp(-growth * carry.years) + paid.sum::<f64>()
}

/// The yield that the underlying pays beside its cash dividends, so that its forward is this one: S·e^{(r−q)T} − Σ D·e^{(r−q)(T−t)}.
/// `None` where no yield does it.
fn residual_yield(spot: f64, forward: f64, years: f64, rate: f64, within: &[Dividend]) -> Option<f64> {
    let at = |yield_: f64| {
        let growth = rate - yield_;
        let paid: f64 = within.iter().map(|d| d.cash * libm::exp(growth * (years - d.years))).sum();
        spot * libm::exp(growth * years) - paid
    };
    let (mut low, mut high) = YIELD;
    // The forward falls as the yield rises.
    if at(low) < forward || at(high) > forward {
        return None;
    }
    for _ in 0..HALVINGS {
        let middle = 0.5 * (low + high);
        if at(middle) > forward {
            low = middle;
        } else {
            high = middle;
        }
    }
    Some(0.5 * (low + high))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forward_is_kept() {
        let within = [Dividend { years: 0.1, cash: 1.0 }, Dividend { years: 0.35, cash: 1.0 }];
        for (rate, yield_) in [(0.04, 0.0), (0.04, -0.02), (0.0, 0.07), (0.05, 0.0123)] {
            let growth: f64 = rate - yield_;
            let forward = 100.0 * (growth * 0.5).exp() - (growth * 0.4).exp() - (growth * 0.15).exp();
            let found = residual_yield(100.0, forward, 0.5, rate, &within).unwrap();
            assert!((found - yield_).abs() < 1e-12, "{found} {yield_}");
        }
        assert_eq!(residual_yield(100.0, 1e4, 0.5, 0.04, &within), None);
        assert_eq!(residual_yield(100.0, 1.0, 0.5, 0.04, &within), None);
    }

    #[test]
    fn a_spot_has_the_dividends_to_come() {
        let (rate, years) = (0.04_f64, 0.5);
        let dated = [Dividend { years: 0.1, cash: 1.0 }, Dividend { years: 0.6, cash: 1.0 }];
        let forward = (100.0 - (-rate * 0.1).exp()) * (rate * years).exp();
        let carry = Carry { years, rate, spot: 99.0, forward, yield_: 0.0, discount: 0.98, assumed: false };
        assert!((spot_with(&carry, &dated, 0.0) - 100.0).abs() < 1e-12);
    }
}
