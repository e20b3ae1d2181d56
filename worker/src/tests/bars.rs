//! Bars that fail: what is done without, and what is the ticker's failure. A small priced chain, a market whose bars fail
//! where they are told to, the real analysis and a real store.

use fleet_analysis::metrics::priced_as;
use fleet_core::domain::calendar::{at_new_york, years_to_settlement};
use fleet_core::domain::{
    Answer, ContractQuote, EntryPlan, ExitReason, Fill, Finding, OccSymbol, Price, Score, TradeId, TradeRecord,
    TradeState, Transition,
};
use fleet_core::seams::ScanStamp;
use fleet_pricing::black;
use jiff::civil::{Date, date};

use super::*;
use crate::past::Past;
use crate::scan_ticker::{BARS_MISSING, TickerError, TickerJob, scan_ticker};
use crate::unvouched::Unvouched;

pub(super) fn as_of() -> Timestamp {
    at_new_york(date(2026, 11, 20), 10, 30, 0)
}

fn price(dollars: f64) -> Price {
    Price::from_dollars(dollars).unwrap()
}

pub(super) fn ticker() -> Ticker {
    Ticker::parse("XYZ").unwrap()
}

/// The call a trade is open in; its bid is about 2.
fn held() -> OccSymbol {
    OccSymbol::parse("XYZ270115C00105000").unwrap()
}

/// Spot 100, 30 % volatility, a cent to either side of the model's price.
pub(super) fn priced_chain() -> Chain {
    let mut contracts = Vec::new();
    for strike in (70_u32..=130).step_by(5) {
        for kind in ["C", "P"] {
            let symbol = OccSymbol::parse(&format!("XYZ270115{kind}{:08}", strike * 1000)).unwrap();
            let years = years_to_settlement(as_of(), &symbol).unwrap();
            let growth = (0.04 * years).exp();
            let value =
                black::on_forward(priced_as(symbol.kind), 100.0 * growth, f64::from(strike), years, 0.3) / growth;
            let cents = (value * 100.0).round();
            contracts.push(ContractQuote {
                symbol,
                bid: Some(price((cents - 1.0).max(1.0) / 100.0)),
                ask: Some(price((cents + 1.0) / 100.0)),
                last: None,
                volume: Some(100),
                open_interest: Some(500),
                vendor_iv: None,
            });
        }
    }
    Chain {
        underlying: ticker(),
        vendor: Vendor::Cboe,
        quote_time: Some(as_of()),
        vendor_spot: None,
        vendor_yield: None,
        facts: Default::default(),
        contracts,
        refused: Vec::new(),
        expirations: vec![date(2027, 1, 15)],
        not_served: Vec::new(),
    }
}

/// Open since yesterday, with a stop far above today's bid.
fn open_trade() -> TradeRecord {
    let session = date(2026, 11, 19);
    let at = at_new_york(session, 11, 0, 0);
    TradeRecord {
        id: TradeId::derive("oversold_call", &held(), session),
        strategy: "oversold_call".to_owned(),
        underlying: ticker(),
        symbol: held(),
        control: false,
        state: TradeState::Open,
        scan: ScanId::parse("before").unwrap(),
        signalled_at: at,
        entry_session: session,
        signal_bid: price(9.9),
        signal_ask: price(10.1),
        plan: EntryPlan {
            buy: price(10.0),
            target: price(15.0),
            stop: price(8.0),
            valid_until: at,
            time_stop_sessions: Some(10),
            direction: fleet_core::domain::Direction::Long,
            signals: fleet_core::domain::ExitSignals::default(),
            confirm_pct: None,
            advice: fleet_core::domain::Advice::Act,
            exit_rsi: Some(60.0),
            exit_dte: 7,
            commission: price(0.65),
        },
        score: Score { parts: Vec::new() },
        checks: Vec::new(),
        fill: Some(Fill { at, session, price: price(10.0) }),
        exit: None,
        ignored: false,
        last_mark: None,
        confirmation: None,
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Fails {
    Underlying,
    /// The first contract that is asked for.
    FirstContract,
}

struct FailingBars {
    fails: Fails,
    failure: FetchFailure,
    contracts: AtomicU32,
    /// From when on whose bars were asked for.
    asked: Mutex<Vec<(Instrument, Date)>>,
}

#[async_trait]
impl MarketData for FailingBars {
    async fn universe(&self, _: &str, _: &RequestTally) -> Result<UniverseAnswer, FetchError> {
        Ok(UniverseAnswer { tickers: Vec::new(), total: 0, pages: 0, left_out: Vec::new() })
    }

    async fn chain(&self, _: &Ticker, _: &ChainRequest, _: &RequestTally) -> Result<(Chain, Timestamp), FetchError> {
        Ok((priced_chain(), as_of()))
    }

    async fn bars(
        &self,
        instrument: &Instrument,
        from: Date,
        _: Timestamp,
        _: &RequestTally,
    ) -> Result<BarSeries, FetchError> {
        self.asked.lock().unwrap().push((instrument.clone(), from));
        let fails = match instrument {
            Instrument::Underlying(_) => self.fails == Fails::Underlying,
            Instrument::Contract(_) => {
                self.contracts.fetch_add(1, Ordering::SeqCst) == 0 && self.fails == Fails::FirstContract
            }
        };
        if fails {
            let (vendor, what) = (Vendor::Yahoo, format!("bars of {instrument}"));
            return Err(FetchError { vendor, what, failure: self.failure.clone() });
        }
        Ok(BarSeries {
            instrument: instrument.clone(),
            bars: rising_bars(),
            last_split: None,
            dividends: Some(Vec::new()),
            incomplete: 0,
            complete_from: None,
        })
    }
}

/// A long quiet year: enough bars for every indicator, and an underlying that is not ruled out.
pub(super) fn rising_bars() -> Vec<fleet_core::domain::Bar> {
    let mut day = date(2026, 11, 20);
    let mut bars = Vec::new();
    for n in 0..260_u32 {
        day = fleet_core::domain::calendar::previous_session(day).unwrap();
        let wave = price(f64::from(100 + n % 3));
        bars.push(fleet_core::domain::Bar { date: day, open: wave, high: wave, low: wave, close: wave, volume: 100 });
    }
    bars.reverse();
    bars
}

/// What a ticker's scan came to, and how many contracts' bars were asked for.
struct Scanned {
    answer: Result<Box<Finding>, FetchFailure>,
    contracts: u32,
    asked: Vec<(Instrument, Date)>,
}

async fn scan(fails: Fails, failure: FetchFailure, live: &[TradeRecord], past: &Past, attempt: u32) -> Scanned {
    let world = World::new(&["XYZ"], Manifest::VERSION).await;
    let mut manifest = manifest(&world.scan, &[ticker()], Manifest::VERSION);
    manifest.as_of = Some(as_of());
    manifest.vendors.underlying_bar_sessions = Some(1260);
    let market = FailingBars { fails, failure, contracts: AtomicU32::new(0), asked: Mutex::default() };
    let (task, tally) = (Task { scan: world.scan.clone(), ticker: ticker() }, RequestTally::default());
    let job = TickerJob {
        task: &task,
        attempt,
        past,
        worker: "w",
        manifest: &manifest,
        stamp: &ScanStamp("1".to_owned()),
        analysis: &Arc::new(AnalysisConfig::default()),
        market: &market,
        store: &world.store,
        unvouched: &Unvouched::default(),
        tally: &tally,
        clock: &SystemClock,
    };
    let answer = match scan_ticker(&job, live.to_vec()).await {
        Ok(commit) => match commit.outcome {
            Outcome::Found(finding) => Ok(finding),
            other => panic!("{other:?}"),
        },
        Err(TickerError::Fetch(error)) => Err(error.failure),
        Err(error) => panic!("{error}"),
    };
    let (contracts, asked) = (market.contracts.load(Ordering::SeqCst), market.asked.into_inner().unwrap());
    Scanned { answer, contracts, asked }
}

#[tokio::test]
async fn five_years_of_the_underlying_and_one_of_contracts_are_asked_for_once_each() {
    let scanned = scan(Fails::Underlying, malformed(), &[open_trade()], &Past::default(), 1).await;
    let underlying = Instrument::Underlying(ticker());
    assert_eq!(scanned.asked, [(underlying, date(2021, 11, 12))], "five years and nine days");
    let scanned = scan(Fails::FirstContract, malformed(), &[], &Past::default(), 1).await;
    let of = |is: fn(&Instrument) -> bool| scanned.asked.iter().filter(move |(of, _)| is(of));
    assert_eq!(of(|of| matches!(of, Instrument::Underlying(_))).count(), 1);
    assert!(of(|of| matches!(of, Instrument::Contract(_))).all(|(_, from)| *from == date(2025, 11, 14)));
    assert!(scanned.contracts > 0 && scanned.asked.len() == 1 + scanned.contracts as usize);
}

fn malformed() -> FetchFailure {
    FetchFailure::Malformed("no chart".to_owned())
}

fn is_flagged(finding: &Finding) -> bool {
    finding.provenance.flags.iter().any(|flag| flag == BARS_MISSING)
}

/// The stop of the open trade fires, and the finding says what it lacks.
#[track_caller]
fn check_stopped(scanned: Scanned) -> u32 {
    let finding = scanned.answer.unwrap();
    let exits: Vec<_> = finding
        .transitions
        .iter()
        .map(|change| match &change.transition {
            Transition::Closed(exit) => exit.reason,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(exits, [ExitReason::Stop]);
    assert!(is_flagged(&finding), "{:?}", finding.provenance.flags);
    assert_eq!(finding.funnel.total(), 26, "{:?}", finding.funnel);
    scanned.contracts
}

#[tokio::test]
async fn an_open_trade_is_stopped_though_the_underlyings_bars_fail() {
    let (live, first) = ([open_trade()], Past::default());
    for failure in [malformed(), FetchFailure::NotFound, FetchFailure::Blocked("status 403".to_owned())] {
        check_stopped(scan(Fails::Underlying, failure.clone(), &live, &first, 1).await);
        // Nobody's exits wait for it: people must see that the ticker failed, and why.
        let alone = scan(Fails::Underlying, failure.clone(), &[], &first, 1).await;
        assert_eq!(alone.answer.unwrap_err(), failure);
    }
}

#[tokio::test]
async fn what_may_pass_is_tried_again_before_it_is_done_without() {
    let (live, first) = ([open_trade()], Past::default());
    let second = Past { vendor_failures: 1, last: None };
    let failure = FetchFailure::Server(502);
    for fails in [Fails::Underlying, Fails::FirstContract] {
        assert_eq!(scan(fails, failure.clone(), &live, &first, 1).await.answer.unwrap_err(), failure);
        check_stopped(scan(fails, failure.clone(), &live, &second, 2).await);
        check_stopped(scan(fails, failure.clone(), &live, &first, 3).await);
        assert_eq!(scan(fails, failure.clone(), &[], &second, 2).await.answer.unwrap_err(), failure);
    }
}

#[tokio::test]
async fn one_unreadable_contract_costs_one_contract() {
    let healthy = scan(Fails::FirstContract, FetchFailure::NotFound, &[], &Past::default(), 1).await;
    let finding = healthy.answer.unwrap();
    assert!(!is_flagged(&finding), "a contract without a chart never traded");
    assert!(healthy.contracts > 1, "{:?} {:?}", finding.answer, finding.funnel);
    assert_eq!(finding.answer, Answer::Analysed);
    let scanned = scan(Fails::FirstContract, malformed(), &[], &Past::default(), 1).await;
    assert!(is_flagged(&scanned.answer.unwrap()));
    assert_eq!(scanned.contracts, healthy.contracts, "the others are asked for, and it is not asked for again");
}

#[tokio::test]
async fn a_vendor_that_refuses_is_not_asked_for_the_other_contracts() {
    let live = [open_trade()];
    let wait = Some(Duration::from_secs(9999));
    for failure in [
        FetchFailure::Blocked("status 403".to_owned()),
        FetchFailure::Consent,
        FetchFailure::Unauthorized("Invalid Crumb".to_owned()),
        FetchFailure::Throttled { retry_after: wait },
    ] {
        let scanned = scan(Fails::FirstContract, failure.clone(), &live, &Past::default(), 1).await;
        assert_eq!(check_stopped(scanned), 1);
        let alone = scan(Fails::FirstContract, failure.clone(), &[], &Past::default(), 1).await;
        assert_eq!((alone.answer.unwrap_err(), alone.contracts), (failure, 1));
    }
}
