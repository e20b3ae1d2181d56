//! S2 `unusual_volume`: a contract traded far more than is open of it, for real money (ANALYTICS 2.3). Something for
//! people to know, not to act on: whether it opened anything is known when the next session's open interest is published,
//! and told then.

use fleet_core::domain::{Advice, Check, Operator, OptionKind, Score, UnderlyingClass, calendar};
use jiff::civil::Date;
use jiff::{SignedDuration, Span};
use serde::{Deserialize, Serialize};

use super::checks::{abs_delta, dte, scored};
use super::{
    Card, Case, ContractView, Judgement, Needs, PlanRules, Problems, Role, Strategy, UnderlyingView, holds, part,
};
use crate::config::AnalysisConfig;

/// The farthest that `ex_dividend_sessions` reaches: 60 sessions, calendar days.
const FARTHEST_DAYS: i32 = 120;

/// What S2 is.
pub const CARD: Card = Card {
    name: "unusual_volume",
    code: "S2",
    role: Role::Signal,
    looks_for: "contracts traded far more than is open of them, for real money",
    reference: REFERENCE,
};

const REFERENCE: &str = "\
# Contracts traded far more than is open of them, for real money. What the next session's open interest confirms is told
# again (`CONF`). Off by default: it finds something every day.
#enabled = false
# Calendar days to expiration.
#dte = [7, 180]
# Delta without its sign.
#abs_delta = [0.1, 0.5]
# Contracts traded today …
#min_volume = 500
# … contracts open before …
#min_open_interest = 100
# … and the first over the second.
#min_volume_to_oi = 1.25
# Smallest price of the last trade, dollars.
#min_last = 0.1
# Smallest premium (volume x mid x 100), dollars: of companies below the first of market_caps, of those from it on, of
# those from the second on. Where nobody said what a company is worth the last one holds.
#min_premium = [10000.0, 50000.0, 100000.0]
# Market capitalisations, dollars, where the next premium begins to hold.
#market_caps = [5e10, 5e11]
# Smallest share of the mean daily volume of all the underlying's options, once the store has 20 sessions of it.
#min_share_of_usual = 0.05
# A last trade at bid + this share of the spread or above, not older than so many minutes, is a buyer's: told and scored.
#ask_side_spread_share = 0.6
# See above.
#ask_side_minutes = 5
# Funds and indices too, whose options are traded to hedge.
#include_funds = false
# Calls so few sessions from an ex-dividend date, paid or projected, are left out: they are exercised for the dividend.
#ex_dividend_sessions = 1
# Another contract of the underlying with a volume this near, percent, may be the other leg: told as `spread?`.
#matched_leg_pct = 10.0
# The next session's rise of the open interest is at least this share of the volume, percent: it was opened.
#confirm_pct = 50.0
# Told for information (`INFO`), and followed on paper in silence; false: told to buy, as of any strategy.
#informational = true
# Buy at bid + this share of the spread, rounded to a tick.
#buy_spread_share = 0.4
# The buy limit stands for so long.
#validity_minutes = 30
# Sell so far above the buy price, percent.
#target_pct = 30.0
# Sell so far below the buy price, percent.
#stop_pct = 30.0
# Sell after so many sessions.
#time_stop_sessions = 5
# Sell when calendar days to expiration come down to this.
#exit_dte = 1
";

/// S2's settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UnusualVolume {
    /// Whether it runs.
    pub enabled: bool,
    /// Calendar days to expiration, from and to.
    pub dte: [i32; 2],
    /// Delta without its sign, from and to.
    pub abs_delta: [f64; 2],
    /// Contracts traded today.
    pub min_volume: u32,
    /// Contracts open before.
    pub min_open_interest: u32,
    /// The first over the second.
    pub min_volume_to_oi: f64,
    /// Price of the last trade, dollars.
    pub min_last: f64,
    /// Volume × mid × 100, dollars, by market capitalisation.
    pub min_premium: [f64; 3],
    /// Market capitalisations where the second and the third premium begin, dollars.
    pub market_caps: [f64; 2],
    /// Share of the underlying's usual option volume, fraction.
    pub min_share_of_usual: f64,
    /// A last trade at bid + this share of the spread is a buyer's.
    pub ask_side_spread_share: f64,
    /// … unless it is older than so many minutes.
    pub ask_side_minutes: u32,
    /// Funds and indices too.
    pub include_funds: bool,
    /// Calls so few sessions from an ex-dividend date are left out.
    pub ex_dividend_sessions: u32,
    /// How near another contract's volume must be to be its other leg, percent.
    pub matched_leg_pct: f64,
    /// Rise of the open interest over the volume that confirms, percent.
    pub confirm_pct: f64,
    /// Told for information.
    pub informational: bool,
    /// Buy at bid + this share of the spread.
    pub buy_spread_share: f64,
    /// The buy limit stands for so long.
    pub validity_minutes: u32,
    /// Sell so far above the buy price, percent.
    pub target_pct: f64,
    /// Sell so far below the buy price, percent.
    pub stop_pct: f64,
    /// Sell after so many sessions.
    pub time_stop_sessions: u32,
    /// Sell when calendar days to expiration come down to this.
    pub exit_dte: i32,
}

impl Default for UnusualVolume {
    fn default() -> Self {
        Self {
            enabled: false,
            dte: [7, 180],
            abs_delta: [0.10, 0.50],
            min_volume: 500,
            min_open_interest: 100,
            min_volume_to_oi: 1.25,
            min_last: 0.10,
            min_premium: [10_000.0, 50_000.0, 100_000.0],
            market_caps: [50e9, 500e9],
            min_share_of_usual: 0.05,
            ask_side_spread_share: 0.6,
            ask_side_minutes: 5,
            include_funds: false,
            ex_dividend_sessions: 1,
            matched_leg_pct: 10.0,
            confirm_pct: 50.0,
            informational: true,
            buy_spread_share: 0.4,
            validity_minutes: 30,
            target_pct: 30.0,
            stop_pct: 30.0,
            time_stop_sessions: 5,
            exit_dte: 1,
        }
    }
}

impl UnusualVolume {
    /// The premium that is wanted of an underlying of that size; of one of unknown size, the highest.
    fn least_premium(&self, market_cap: Option<f64>) -> f64 {
        let [small, middle, large] = self.min_premium;
        match market_cap {
            Some(cap) if cap < self.market_caps[0] => small,
            Some(cap) if cap < self.market_caps[1] => middle,
            Some(_) | None => large,
        }
    }

    /// 0 for a company's options, 1 for a fund's or an index's; unknown where nobody said.
    fn fund_check(&self, contract: &ContractView<'_>) -> Check {
        let european = contract.quote.symbol.style() == fleet_core::domain::ExerciseStyle::European;
        let is_fund = match contract.facts.class {
            Some(UnderlyingClass::Fund | UnderlyingClass::Index) => Some(1.0),
            // Only indices' options are European.
            Some(UnderlyingClass::Stock) | None if european => Some(1.0),
            Some(UnderlyingClass::Stock) => Some(0.0),
            None => None,
        };
        let check = Check::new("is_fund_or_index", is_fund, Operator::AtMost, 0.0);
        // Left out where it is known to be one.
        if self.include_funds || is_fund.is_none() { scored(check) } else { check }
    }

    /// The place of a fresh last trade within the spread, 0 at the bid, 1 at the ask; `None` for a stale one.
    fn side(&self, contract: &ContractView<'_>) -> Option<f64> {
        let (last, at) = (contract.quote.last?, contract.quote_time?);
        let age = at.duration_since(last.time);
        let fresh = SignedDuration::ZERO <= age && age <= SignedDuration::from_mins(self.ask_side_minutes.into());
        let (bid, ask) = (contract.bid.dollars(), contract.ask.dollars());
        fresh.then(|| (last.price.dollars() - bid) / (ask - bid))
    }

    /// Ex-dividend dates near the session, of a call; none of a put.
    fn ex_dividends(&self, contract: &ContractView<'_>, underlying: &UnderlyingView<'_>) -> Option<f64> {
        if contract.quote.symbol.kind == OptionKind::Put {
            return Some(0.0);
        }
        let session = underlying.entry_session;
        let apart = |date: Date| calendar::sessions_between(date.min(session), date.max(session));
        let near = |date: Date| apart(date).is_some_and(|apart| apart <= self.ex_dividend_sessions);
        underlying.ex_dividends(session.saturating_add(Span::new().days(FARTHEST_DAYS)), near)
    }

    /// Whether another contract of the underlying was traded about as often today.
    fn is_matched(&self, contract: &ContractView<'_>, underlying: &UnderlyingView<'_>) -> bool {
        let Some(volume) = contract.quote.volume.map(|n| n as f64) else { return false };
        let reach = volume * self.matched_leg_pct / 100.0;
        let from = underlying.volumes.partition_point(|(other, _)| (*other as f64) < volume - reach);
        let near = underlying.volumes[from..].iter().take_while(|(other, _)| *other as f64 <= volume + reach);
        near.into_iter().any(|(_, symbol)| *symbol != contract.quote.symbol)
    }
}

impl Strategy for UnusualVolume {
    fn needs(&self) -> Needs {
        Needs { volatilities: true, ..Needs::default() }
    }

    fn screen(&self, contract: &ContractView<'_>, config: &AnalysisConfig) -> Vec<Check> {
        let volume = contract.quote.volume.map(|n| n as f64);
        let open = contract.open_interest.map(|n| n as f64);
        let ratio = volume.zip(open.filter(|open| *open > 0.0)).map(|(volume, open)| volume / open);
        let premium = volume.map(|volume| volume * contract.mid * 100.0);
        let least = self.least_premium(contract.facts.market_cap);
        let last = contract.quote.last.map(|last| last.price.dollars());
        let mut checks = dte(contract, self.dte).to_vec();
        checks.extend(abs_delta(contract, self.abs_delta));
        checks.extend([
            Check::new("volume", volume, Operator::AtLeast, self.min_volume.into()),
            Check::new("open_interest", open, Operator::AtLeast, self.min_open_interest.into()),
            Check::new("volume_to_oi", ratio, Operator::AtLeast, self.min_volume_to_oi),
            Check::new("last", last, Operator::AtLeast, self.min_last),
            Check::new("premium", premium, Operator::AtLeast, least),
            self.fund_check(contract),
            self.net_check(contract, config),
        ]);
        checks
    }

    fn pre_gate(&self, _underlying: &UnderlyingView<'_>) -> Vec<Check> {
        Vec::new()
    }

    fn judge(&self, case: &Case<'_>, config: &AnalysisConfig) -> Judgement {
        let Case { contract, underlying, .. } = case;
        let volume = contract.quote.volume.map(|n| n as f64);
        let open = contract.open_interest.map(|n| n as f64).filter(|open| *open > 0.0);
        let share = volume.zip(underlying.volatilities.usual_option_volume).map(|(volume, usual)| volume / usual);
        let side = self.side(contract);
        let usual = Check::new("share_of_usual", share, Operator::AtLeast, self.min_share_of_usual);
        let mut checks = self.screen(contract, config);
        checks.extend([
            Check::new("ex_dividends", self.ex_dividends(contract, underlying), Operator::AtMost, 0.0),
            // Until the store has the sessions it asks for nothing.
            if share.is_some() { usual } else { scored(usual) },
            scored(Check::new("ask_side", side, Operator::AtLeast, self.ask_side_spread_share)),
        ]);
        let least = self.least_premium(contract.facts.market_cap);
        let premium = volume.map(|volume| volume * contract.mid * 100.0);
        let ratio = volume.zip(open).map(|(volume, open)| volume / open);
        let parts = vec![
            part("premium", 30.0, premium.map(|premium| libm::log10(premium / least))),
            part("volume_to_oi", 30.0, ratio.map(|ratio| (ratio - self.min_volume_to_oi) / 3.75)),
            part("ask_side", 20.0, side.map(|side| holds(side >= self.ask_side_spread_share))),
            part("spread", 20.0, Some((0.10 - contract.spread_pct / 100.0) / 0.08)),
        ];
        let flags = [
            (true, "unconfirmed"),
            (side.is_some_and(|side| side >= self.ask_side_spread_share), "ask_side"),
            (self.is_matched(contract, underlying), "spread?"),
            (underlying.earnings.is_unknown(), "earnings_unknown"),
        ];
        let flags = flags.into_iter().filter(|(on, _)| *on).map(|(_, word)| word).collect();
        Judgement { checks, score: Score { parts }, flags }
    }

    fn rules(&self, _config: &AnalysisConfig) -> PlanRules {
        PlanRules {
            spread_share: self.buy_spread_share,
            validity_minutes: self.validity_minutes,
            target_pct: self.target_pct,
            stop_pct: self.stop_pct,
            time_stop_sessions: Some(self.time_stop_sessions),
            exit_dte: self.exit_dte,
            advice: if self.informational { Advice::Know } else { Advice::Act },
            confirm_pct: Some(self.confirm_pct),
            ..PlanRules::default()
        }
    }

    fn problems(&self, all: &mut Problems) {
        all.days("dte", self.dte);
        all.range("abs_delta", self.abs_delta, 0.0, 1.0);
        all.number("min_volume_to_oi", self.min_volume_to_oi, 0.0, 1e6);
        all.number("min_last", self.min_last, 0.0, 1000.0);
        for (at, premium) in self.min_premium.into_iter().enumerate() {
            all.number(&format!("min_premium[{at}]"), premium, 1.0, 1e12);
        }
        all.range("market_caps", self.market_caps, 0.0, 1e15);
        all.number("min_share_of_usual", self.min_share_of_usual, 0.0, 1.0);
        all.number("ask_side_spread_share", self.ask_side_spread_share, 0.0, 1.0);
        all.count("ask_side_minutes", self.ask_side_minutes.into(), 0, 1440);
        all.count("ex_dividend_sessions", self.ex_dividend_sessions.into(), 0, 60);
        all.number("matched_leg_pct", self.matched_leg_pct, 0.0, 100.0);
        all.number("confirm_pct", self.confirm_pct, 0.0, 1000.0);
        self.rules(&AnalysisConfig::default()).problems("buy_spread_share", all);
    }
}
