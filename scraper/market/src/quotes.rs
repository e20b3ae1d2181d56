//! What one contract quotes and trades: bid, ask, volume, open interest, last trade, daily bars.
//!
//! Theory on the underlying's path with a smile, a spread that depends on liquidity, price and distance from the money,
//! and ticks of one, five or ten cents by class. A session's volume is drawn for each contract; where it comes out
//! below one there is no trade and no bar. Trades happen inside the spread.

use fleet_core::domain::{OptionKind, Strike};
use jiff::{SignedDuration, Timestamp};

use crate::contracts::Contract;
use crate::draw;
use crate::faults::Fault;
use crate::listing::{Liquidity, Profile};
use crate::path::{Day, Path, traded_share};
use crate::theory::{Greeks, Inputs};
use crate::time::{HISTORY, Moment, Sessions};

/// YOUNG was listed so many sessions before the first one.
pub(crate) const YOUNG_SESSIONS: usize = 40;
/// Sessions looked back for a last trade; further back a contract counts as never traded.
const LAST_TRADE_SESSIONS: usize = 60;
/// Beyond five standard deviations nothing trades, and beyond ten theory has nothing to say.
const FARTHEST: f64 = 10.0;

/// An underlying with everything needed to quote its contracts.
#[derive(Debug)]
pub(crate) struct Underlying {
    pub profile: Profile,
    pub path: Path,
}

/// An underlying at one moment: what all its contracts share.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View {
    pub moment: Moment,
    pub spot: f64,
    /// Today so far.
    pub day: Day,
    /// The close before.
    before: Moment,
}

/// One contract at one moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Quote {
    pub bid: f64,
    pub ask: f64,
    pub bid_size: u32,
    pub ask_size: u32,
    pub theory: f64,
    pub vol: f64,
    pub greeks: Greeks,
    /// Contracts traded today so far.
    pub volume: u64,
    pub open_interest: u64,
    pub last: Option<(f64, Timestamp)>,
    /// Mid at the close before.
    pub previous_mid: f64,
    /// Today's bar so far, where there was a trade.
    pub today: Option<ContractBar>,
}

/// One session of one contract.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ContractBar {
    pub open: f64,
    pub high: f64,
    pub low: f64,
    pub close: f64,
    pub volume: u64,
}

impl Underlying {
    pub(crate) fn new(profile: Profile) -> Self {
        let path = Path::new(&profile);
        Self { profile, path }
    }

    /// First session in which it was listed.
    pub(crate) fn first_session(&self) -> usize {
        match self.profile.fault {
            Some(Fault::Young) => HISTORY - YOUNG_SESSIONS,
            Some(_) | None => 0,
        }
    }

    pub(crate) fn view(&self, moment: Moment, sessions: &Sessions) -> View {
        let before = sessions.close_of(moment.session.saturating_sub(1));
        View { moment, spot: self.path.price(&moment), day: self.path.provisional(&moment), before }
    }

    pub(crate) fn quote(&self, contract: &Contract, view: &View, sessions: &Sessions) -> Quote {
        let (moment, before) = (&view.moment, &view.before);
        let inputs = self.inputs(contract, moment, view.spot);
        let theory = inputs.price();
        let (bid, ask) = self.bid_ask(theory, &inputs, contract);
        let session_volume = self.session_volume(contract, moment.session, sessions);
        let volume = (session_volume as f64 * traded_share(moment.fraction)) as u64;
        let before_inputs = self.inputs(contract, before, self.path.price(before));
        let (bid_before, ask_before) = self.bid_ask(before_inputs.price(), &before_inputs, contract);
        let sizes = draw::mix(contract.key, 40_000 + moment.session as u64);
        let drift = draw::unit(draw::mix(contract.key, 50_000 + moment.session as u64));
        Quote {
            bid,
            ask,
            bid_size: (sizes % 90 + 1) as u32,
            ask_size: ((sizes >> 20) % 90 + 1) as u32,
            theory,
            vol: inputs.vol,
            greeks: inputs.greeks(),
            volume,
            open_interest: (self.base_open_interest(contract) * (0.95 + 0.1 * drift)) as u64,
            last: self.last_trade(contract, moment, volume, sessions),
            previous_mid: (bid_before + ask_before) / 2.0,
            today: (volume > 0).then(|| {
                let day = view.day;
                self.bar(contract, moment, [day.open, day.high, day.low, day.close], volume, sessions)
            }),
        }
    }

    /// The contract's bar of a session that is over, if it traded.
    pub(crate) fn closed_bar(&self, contract: &Contract, session: usize, sessions: &Sessions) -> Option<ContractBar> {
        let volume = self.session_volume(contract, session, sessions);
        let day = self.path.day(session);
        (volume > 0).then(|| {
            let close = sessions.close_of(session);
            self.bar(contract, &close, [day.open, day.high, day.low, day.close], volume, sessions)
        })
    }

    fn bar(
        &self,
        contract: &Contract,
        end: &Moment,
        [open, high, low, close]: [f64; 4],
        volume: u64,
        sessions: &Sessions,
    ) -> ContractBar {
        let session = sessions.get(end.session);
        let opening = Moment { session: end.session, fraction: 0.0, at: session.open };
        let side = |word: u64| 2.0 * draw::unit(draw::mix(contract.key, word + end.session as u64)) - 1.0;
        let open = self.trade_price(contract, &opening, open, side(10_000));
        let close = self.trade_price(contract, end, close, side(20_000));
        let (best, worst) = match contract.symbol.kind {
            OptionKind::Call => (high, low),
            OptionKind::Put => (low, high),
        };
        let best = self.trade_price(contract, end, best, 0.0);
        let worst = self.trade_price(contract, end, worst, 0.0);
        ContractBar { open, close, high: best.max(open).max(close), low: worst.min(open).min(close), volume }
    }

    /// Where a trade happens when the underlying stands at `spot`: theory, moved towards one side of the spread.
    fn trade_price(&self, contract: &Contract, moment: &Moment, spot: f64, side: f64) -> f64 {
        let inputs = self.inputs(contract, moment, spot);
        let theory = inputs.price();
        let half = self.spread(theory, &inputs) / 2.0;
        let reach = if self.profile.planted { 0.25 } else { 0.7 };
        let tick = self.tick(theory);
        to_tick(theory + side * reach * half, tick).max(tick)
    }

    fn last_trade(
        &self,
        contract: &Contract,
        moment: &Moment,
        volume: u64,
        sessions: &Sessions,
    ) -> Option<(f64, Timestamp)> {
        let luck = draw::unit(draw::mix(contract.key, 30_000 + moment.session as u64));
        if volume > 0 {
            // The more trades there were, the shorter ago is the last one.
            let open = sessions.get(moment.session).open;
            let passed = moment.at.duration_since(open).as_secs_f64();
            let ago = SignedDuration::from_secs((passed * luck / volume as f64) as i64);
            let at = sessions.moment(moment.at.saturating_sub(ago).unwrap_or(open));
            return Some((self.trade_price(contract, &at, self.path.price(&at), 2.0 * luck - 1.0), at.at));
        }
        let oldest = moment.session.saturating_sub(LAST_TRADE_SESSIONS);
        (oldest..moment.session).rev().find_map(|session| {
            let bar = self.closed_bar(contract, session, sessions)?;
            let ago = SignedDuration::from_secs((luck * 20_000.0 / bar.volume as f64) as i64);
            let close = sessions.get(session).close;
            Some((bar.close, close.saturating_sub(ago).unwrap_or(close)))
        })
    }

    fn inputs(&self, contract: &Contract, moment: &Moment, spot: f64) -> Inputs {
        let left = contract.settles.duration_since(moment.at).as_secs_f64();
        let years = left.max(3600.0) / 31_536_000.0;
        let strike = contract.symbol.strike.dollars();
        let base = self.profile.vol * self.path.day(moment.session).vol_factor;
        let distance = (libm::log(strike / spot) / libm::sqrt(years + 0.05)).clamp(-1.5, 1.5);
        let smile = 1.0 - 0.16 * distance + 0.10 * distance * distance;
        let term = 1.0 + 0.06 * libm::exp(-years / 0.2);
        let vol = (base * smile * term).clamp(0.08, 2.5);
        Inputs { kind: contract.symbol.kind, spot, strike, years, dividend_yield: self.profile.dividend_yield, vol }
    }

    fn bid_ask(&self, theory: f64, inputs: &Inputs, contract: &Contract) -> (f64, f64) {
        let tick = self.tick(theory);
        let wobble = 0.85 + 0.3 * draw::unit(draw::mix(contract.key, 60_000));
        let half = self.spread(theory, inputs) * wobble / 2.0;
        let bid = ((theory - half) / tick + 1e-6).floor() * tick;
        let ask = ((theory + half) / tick - 1e-6).ceil() * tick;
        let bid = (bid * 100.0).round().max(0.0) / 100.0;
        (bid, (ask * 100.0).round().max(100.0 * (bid + tick)).round() / 100.0)
    }

    /// Dollars between bid and ask before ticks.
    fn spread(&self, theory: f64, inputs: &Inputs) -> f64 {
        let (share, least) = match (self.profile.fault, self.profile.liquidity) {
            (Some(Fault::Wide), _) => return (0.4 * theory).max(0.1),
            (_, Liquidity::Deep) => (0.012, 0.01),
            (_, Liquidity::Medium) => (0.04, 0.05),
            (_, Liquidity::Thin) => (0.12, 0.10),
        };
        // Deep in the money the spread follows the stock's own, not the option's price.
        let capped = theory.min(0.12 * inputs.spot);
        (share * capped * (1.0 + 0.3 * distance(inputs).abs())).max(least)
    }

    fn tick(&self, theory: f64) -> f64 {
        match self.profile.liquidity {
            Liquidity::Deep => 0.01,
            Liquidity::Medium if theory < 3.0 => 0.01,
            Liquidity::Medium => 0.05,
            Liquidity::Thin if theory < 3.0 => 0.05,
            Liquidity::Thin => 0.10,
        }
    }

    /// Contracts traded in a whole session.
    fn session_volume(&self, contract: &Contract, session: usize, sessions: &Sessions) -> u64 {
        let day = sessions.get(session).date;
        if day < contract.listed || day > contract.symbol.expiration || session < self.first_session() {
            return 0;
        }
        if self.profile.fault == Some(Fault::Halt) && session >= HISTORY {
            return 0;
        }
        let eager = match self.profile.liquidity {
            Liquidity::Deep => 3000.0,
            Liquidity::Medium => 500.0,
            Liquidity::Thin => 30.0,
        };
        let close = sessions.close_of(session);
        let inputs = self.inputs(contract, &close, self.path.day(session).close);
        let noise = libm::exp(0.5 * draw::normal(draw::mix(contract.key, session as u64)));
        (eager * self.popularity(contract) * interest(&inputs, contract.symbol.strike) * noise) as u64
    }

    fn base_open_interest(&self, contract: &Contract) -> f64 {
        let deep = match self.profile.liquidity {
            Liquidity::Deep => 9000.0,
            Liquidity::Medium => 2500.0,
            Liquidity::Thin => 300.0,
        };
        // As of the first session, so that it does not jump about with the price.
        let start = Moment { session: HISTORY, fraction: 0.0, at: crate::time::start() };
        let inputs = self.inputs(contract, &start, self.profile.anchor);
        let noise = libm::exp(0.6 * draw::normal(draw::mix(contract.key, 70_000)));
        deep * libm::sqrt(interest(&inputs, contract.symbol.strike) * self.popularity(contract)) * noise
    }

    /// How much more or less than its neighbours a contract is traded. Three in ten thin ones never are.
    fn popularity(&self, contract: &Contract) -> f64 {
        let bits = draw::mix(contract.key, 90_000);
        match self.profile.liquidity {
            Liquidity::Thin if bits % 10 < 3 => 0.0,
            Liquidity::Thin | Liquidity::Medium => libm::exp(0.6 * draw::normal(bits)),
            Liquidity::Deep => libm::exp(0.25 * draw::normal(bits)),
        }
    }
}

/// How far the strike lies from the spot in standard deviations to expiration; above zero is above the spot.
fn distance(inputs: &Inputs) -> f64 {
    (libm::log(inputs.strike / inputs.spot) / (inputs.vol * libm::sqrt(inputs.years))).clamp(-FARTHEST, FARTHEST)
}

/// The share of people's attention a contract gets, 0 to about 1.2: near the money, near in time, round strikes.
fn interest(inputs: &Inputs, strike: Strike) -> f64 {
    let distance = distance(inputs);
    let near = libm::exp(-0.5 * (distance / 0.9) * (distance / 0.9));
    let soon = 1.0 / (1.0 + inputs.years * 365.0 / 150.0);
    let round = if strike.thousandths().is_multiple_of(5000) { 1.2 } else { 0.9 };
    near * soon * round
}

fn to_tick(price: f64, tick: f64) -> f64 {
    ((price / tick).round() * tick * 100.0).round() / 100.0
}
