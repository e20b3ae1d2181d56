//! What strategies see of the underlying: its bars, what is known of it beside prices, its volatilities and their
//! history.
//!
//! Promises: nothing later than `as_of` is read, whatever the snapshot holds; indicators of bars that are not fresh are
//! `None`. A history of one session or two is no history: what ranks it counts its sessions beside.

use std::collections::BTreeMap;

use fleet_core::domain::{
    Bar, CashDividend, EarningsDate, OccSymbol, RealisedVols, Root, UnderlyingClass, UnderlyingFacts, calendar,
};
use jiff::civil::Date;

use crate::expected_dividends::Coming;
use crate::indicators::{UnderlyingState, last_sma};
use crate::metrics::of_underlying::Past;
use crate::metrics::vol_history::VolRank;
use crate::stage::Stage;

/// An underlying at one instant.
#[derive(Debug, Clone)]
pub struct UnderlyingView<'a> {
    /// RSI and long average of its last closed bar.
    pub state: UnderlyingState,
    /// Its close over the average of 50 closes.
    pub close_to_sma50: Option<f64>,
    /// The average of 20 closes less the one of the bar before, dollars.
    pub sma20_rise: Option<f64>,
    /// How far its close is below the highest of the last 252, percent.
    pub drawdown_pct: Option<f64>,
    /// Believable closed bars, oldest first; empty when they are not fresh.
    pub bars: Vec<Bar>,
    /// How many believable closed bars there are, fresh or not.
    pub known_bars: usize,
    /// How it moved in the past, dividends taken out.
    pub past: Past,
    /// Its dividends, as far as its bars tell them; `None` where their vendor tells nobody's.
    pub dividends: Option<&'a [CashDividend]>,
    /// What is known of it beside prices.
    pub facts: &'a UnderlyingFacts,
    /// When it reports.
    pub earnings: Earnings,
    /// Its price as the chain implies it, dollars.
    pub spot: Option<f64>,
    /// The exchange's date at `as_of`.
    pub today: Date,
    /// The session a trade would begin in.
    pub entry_session: Date,
    /// How it is priced and how it moved; empty unless some enabled strategy or a live trade needs it.
    pub volatilities: Volatilities,
    /// Contracts traded today, by volume; empty unless some enabled strategy needs it.
    pub volumes: Vec<(u64, OccSymbol)>,
}

/// When a company reports, as far as anybody said.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Earnings {
    /// The next report, today's among them.
    pub next: Option<EarningsDate>,
    /// It never reports: a fund or an index.
    pub never: bool,
    /// Reports of the past, ascending.
    past: Vec<Date>,
}

/// Volatilities of an underlying.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Volatilities {
    /// At the money at 30 days, annual fraction.
    pub iv30: Option<f64>,
    /// Front over 60 to 90 days.
    pub term_slope: Option<f64>,
    /// Today's place among those of the past year.
    pub rank: VolRank,
    /// What it really moved.
    pub realised: RealisedVols,
    /// At the money by root and expiration, annual fractions.
    pub at_the_money: BTreeMap<(Root, Date), f64>,
    /// Mean volume of all its options in the 20 sessions before today, contracts.
    pub usual_option_volume: Option<f64>,
}

/// Sessions of the drawdown.
const YEAR: usize = 252;

impl<'a> UnderlyingView<'a> {
    /// An underlying with its believable bars.
    #[must_use]
    pub fn of(stage: &Stage<'a>, bars: Vec<Bar>) -> Self {
        let snapshot = stage.snapshot;
        let state = stage.underlying_state(&bars);
        let known_bars = bars.len();
        let bars = if stage.is_fresh(&bars) { bars } else { Vec::new() };
        let closes: Vec<f64> = bars.iter().map(|bar| bar.close.dollars()).collect();
        let close = closes.last().copied();
        let before = closes.len().checked_sub(1).map(|n| &closes[..n]);
        let highest = closes.iter().rev().take(YEAR).copied().max_by(f64::total_cmp);
        let dividends = snapshot.underlying_bars.as_ref().and_then(|series| series.dividends.as_deref());
        let past = Past::of(&bars, dividends.unwrap_or_default(), stage.last_closed);
        let strategies = stage.config.strategies.each();
        let asked = strategies.into_iter().any(|strategy| strategy.enabled() && strategy.needs().volatilities);
        let needed = asked || stage.live_trades().any(|trade| trade.plan.signals.iv_percentile.is_some());
        Self {
            state,
            close_to_sma50: close.zip(last_sma(&closes, 50).filter(|sma| *sma > 0.0)).map(|(close, sma)| close / sma),
            sma20_rise: last_sma(&closes, 20).zip(before.and_then(|c| last_sma(c, 20))).map(|(now, then)| now - then),
            drawdown_pct: close.zip(highest).map(|(close, highest)| 100.0 * (1.0 - close / highest)),
            dividends,
            facts: &snapshot.facts,
            earnings: Earnings::of(&snapshot.facts, calendar::exchange_date(snapshot.as_of)),
            spot: stage.spot().0,
            today: calendar::exchange_date(snapshot.as_of),
            entry_session: stage.entry_session,
            volatilities: if needed { Volatilities::of(stage, &past) } else { Volatilities::default() },
            volumes: if asked { volumes(stage) } else { Vec::new() },
            past,
            bars,
            known_bars,
        }
    }

    /// How many ex-dividend dates count, of those told and of those projected up to a date (RULES section 11, "Coming"). Of
    /// one that pays without a plain rhythm the told ones, unless none of them counts: then nobody knows. One that paid
    /// nothing for a year pays nothing. Unknown where nobody told of any dividend.
    #[must_use]
    pub fn ex_dividends(&self, until: Date, counts: impl Fn(Date) -> bool) -> Option<f64> {
        let dividends = self.dividends?;
        let told = dividends.iter().filter(|dividend| counts(dividend.ex_date)).count() as f64;
        match Coming::of(dividends, self.today, until) {
            Coming::Nothing => Some(0.0),
            Coming::Dividends(coming) => {
                let projected = coming.iter().filter(|dividend| dividend.projected && counts(dividend.ex_date));
                Some(told + projected.count() as f64)
            }
            Coming::Unclear { a_year } => Some(told).filter(|told| *told > 0.0 || a_year <= 0.0),
        }
    }
}

impl Earnings {
    /// From what is known on a date.
    #[must_use]
    pub fn of(facts: &UnderlyingFacts, today: Date) -> Self {
        let dates = facts.earnings.as_deref().unwrap_or_default();
        Self {
            next: dates.iter().copied().filter(|report| report.date >= today).min(),
            never: matches!(facts.class, Some(UnderlyingClass::Fund | UnderlyingClass::Index)),
            past: dates.iter().map(|report| report.date).filter(|date| *date < today).collect(),
        }
    }

    /// Nobody said when it reports next.
    #[must_use]
    pub const fn is_unknown(&self) -> bool {
        !self.never && self.next.is_none()
    }

    /// 1 if it reports from today to a date, 0 if not; `None` where nobody said.
    #[must_use]
    pub fn until(&self, date: Date) -> Option<f64> {
        match self.next {
            _ if self.never => Some(0.0),
            Some(next) => Some(super::holds(next.date <= date)),
            None => None,
        }
    }

    /// 1 if it reported from a date to yesterday, 0 if not. `None` where the known reports do not reach back so far: a
    /// list that begins later says nothing of what was before.
    #[must_use]
    pub fn since(&self, date: Date) -> Option<f64> {
        if self.never {
            Some(0.0)
        } else if self.past.iter().any(|report| *report >= date) {
            Some(1.0)
        } else {
            (!self.past.is_empty()).then_some(0.0)
        }
    }
}

impl Volatilities {
    fn of(stage: &Stage<'_>, past: &Past) -> Self {
        let Some(chain) = &stage.chain_metrics else { return Self::default() };
        let at_the_money = chain.at_the_money.iter().filter_map(|(key, at)| Some((*key, at.vol?)));
        Self {
            iv30: chain.summary.iv30,
            term_slope: chain.summary.term_slope,
            rank: chain.rank,
            realised: past.realised,
            at_the_money: at_the_money.collect(),
            usual_option_volume: chain.usual_option_volume(),
        }
    }
}

/// Contracts that were traded today, the least traded first.
fn volumes(stage: &Stage<'_>) -> Vec<(u64, OccSymbol)> {
    let contracts = &stage.snapshot.chain.contracts;
    let traded = stage.rows.by_symbol.iter().filter_map(|(symbol, row)| {
        let volume = contracts[row].volume.filter(|volume| *volume > 0)?;
        Some((volume, *symbol))
    });
    let mut volumes: Vec<(u64, OccSymbol)> = traded.collect();
    volumes.sort_unstable();
    volumes
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn facts(dates: &[Date]) -> UnderlyingFacts {
        let earnings = dates.iter().map(|date| EarningsDate { date: *date, estimated: false }).collect();
        UnderlyingFacts { earnings: Some(earnings), ..UnderlyingFacts::default() }
    }

    #[test]
    fn reports_of_the_past_and_of_the_future() {
        let today = date(2026, 11, 20);
        let known = Earnings::of(&facts(&[date(2026, 8, 5), date(2026, 11, 4), date(2027, 2, 3)]), today);
        assert_eq!(known.next.unwrap().date, date(2027, 2, 3));
        assert_eq!([known.until(date(2027, 1, 15)), known.until(date(2027, 2, 3))], [Some(0.0), Some(1.0)]);
        assert_eq!([known.since(date(2026, 11, 5)), known.since(date(2026, 11, 4))], [Some(0.0), Some(1.0)]);
        let today_is_one = Earnings::of(&facts(&[today]), today);
        assert_eq!((today_is_one.until(today), today_is_one.since(date(2026, 1, 1))), (Some(1.0), None));
    }

    #[test]
    fn what_nobody_said_is_unknown_and_a_fund_never_reports() {
        let today = date(2026, 11, 20);
        let ended = Earnings::of(&facts(&[date(2026, 11, 4)]), today);
        assert!(ended.is_unknown() && ended.until(date(2027, 1, 15)).is_none());
        let nothing = Earnings::of(&UnderlyingFacts::default(), today);
        assert!(nothing.is_unknown() && nothing.since(today).is_none());
        let fund = UnderlyingFacts { class: Some(UnderlyingClass::Fund), ..UnderlyingFacts::default() };
        let fund = Earnings::of(&fund, today);
        assert_eq!((fund.is_unknown(), fund.until(today), fund.since(today)), (false, Some(0.0), Some(0.0)));
    }
}
