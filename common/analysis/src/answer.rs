//! From a sifted chain to a finding: each row to its place, contracts with bars to their strategies.

use std::collections::{BTreeMap, BTreeSet};

use fleet_core::domain::{
    Answer, Candidate, Check, ContractExplanation, ContractMetrics, Finding, Funnel, MissDistance, NearMiss, OccSymbol,
    Provenance, Ranked, RowRefusal, SkipReason, Technicals, TradeState, Verdict,
};

use crate::cash_dividends::Repriced;
use crate::exits;
use crate::indicators::Indicators;
use crate::metrics::of_contract::{Depth, Examined, contract_metrics};
use crate::metrics::of_underlying::{Past, underlying_metrics};
use crate::own_bars::{OwnBars, by_name};
use crate::place::{Place, skip_word};
use crate::ranking;
use crate::repricing::Repricing;
use crate::stage::{Stage, Standing, fresh_time};
use crate::strategy::{Case, ContractView, Judgement, Role, Strategy, UnderlyingView, potential};

/// Near misses a finding carries.
const NEAR_MISSES: usize = 10;

/// What became of one row.
#[derive(Debug, Clone)]
struct Row {
    place: Place,
    gate: Option<Check>,
    strategies: Vec<(String, Vec<Check>)>,
    metrics: Option<Box<ContractMetrics>>,
}

/// Own bars and indicators of the contracts that had room, by row.
type Looked = BTreeMap<usize, (OwnBars, Option<Indicators>)>;

#[derive(Default)]
struct Signals {
    candidates: Vec<Candidate>,
    near_misses: Vec<NearMiss>,
}

/// The finding of a stage, and what it knows of each contract in the chain's order.
pub(crate) fn assemble(stage: &Stage<'_>) -> (Finding, Vec<ContractExplanation>) {
    let underlying_bars = stage.underlying_bars();
    let underlying = stage.underlying();
    let standing = underlying.as_ref().map(|underlying| stage.standing(underlying)).unwrap_or_default();
    let skip = stage.skip.clone().or_else(|| stage.underlying_skip(underlying.as_ref()?, &standing));
    let unknown = Past::default();
    let past = underlying.as_ref().map_or(&unknown, |underlying| &underlying.past);
    let mut signals = Signals::default();
    let (mut rows, looked) = match &skip {
        Some(reason) => (skipped_rows(stage, reason), Looked::new()),
        None => {
            let mut rows = gated_rows(stage);
            let looked = examine(stage, underlying.as_ref(), &standing, &mut rows, &mut signals);
            (rows, looked)
        }
    };
    signals.sort();
    let repricing = Repricing::of(stage, &signals.candidates);
    add_metrics(stage, past, &looked, &repricing, &mut rows, &mut signals);
    if skip.is_none() {
        signals.candidates.extend(controls(stage, underlying.as_ref()));
    }
    let funnel = funnel(stage, &rows, skip.as_ref());
    let followed = exits::follow(stage, underlying.as_ref(), underlying_bars.as_deref());
    let finding = Finding {
        ticker: stage.snapshot.ticker.clone(),
        as_of: stage.snapshot.as_of,
        answer: skip.map_or(Answer::Analysed, Answer::Skipped),
        provenance: provenance(stage),
        funnel,
        candidates: signals.candidates,
        near_misses: signals.near_misses,
        transitions: followed.transitions,
        marks: followed.marks,
        summary: stage.chain_metrics.as_ref().map(|chain| chain.summary.clone()),
        metrics: stage.chain_metrics.as_ref().map(|chain| Box::new(underlying_metrics(chain, past, stage.config))),
        iv_sessions: stage.iv_sessions(),
        not_served: stage.snapshot.chain.not_served.clone(),
        requests: stage.snapshot.requests.clone(),
    };
    (finding, explanations(stage, rows, &repricing))
}

fn funnel(stage: &Stage<'_>, rows: &[Row], skip: Option<&SkipReason>) -> Funnel {
    let mut funnel = Funnel::default();
    // Neighbours leave at the same place more often than not.
    for run in rows.chunk_by(|a, b| a.place == b.place) {
        funnel.add(&run[0].place.text(), run.len() as u64);
    }
    for refused in &stage.snapshot.chain.refused {
        let place = match skip {
            Some(reason) => Place::Skipped(skip_word(reason)),
            None => Place::Refused(refused.reason),
        };
        funnel.count(&place.text());
    }
    funnel
}

fn provenance(stage: &Stage<'_>) -> Provenance {
    let chain = &stage.snapshot.chain;
    let (spot, spot_source) = stage.spot();
    let adjusted = stage.live_trades().any(|trade| trade.state == TradeState::Open && stage.is_adjusted(trade));
    Provenance {
        vendor: chain.vendor,
        quote_time: chain.quote_time,
        fetched_at: stage.snapshot.fetched_at,
        vendor_spot: chain.vendor_spot.map(|s| s.price),
        spot,
        spot_source,
        spot_gap: stage.parity.as_ref().and_then(|p| p.gap),
        forwards: stage.parity.as_ref().map(|p| p.forwards.clone()).unwrap_or_default(),
        flags: stage.flags().into_iter().chain(adjusted.then(|| "adjusted_contract".to_owned())).collect(),
    }
}

fn skipped_rows(stage: &Stage<'_>, reason: &SkipReason) -> Vec<Row> {
    let gate = match reason {
        SkipReason::UnderlyingPreGate { check } => Some(check.clone()),
        SkipReason::NoOptions
        | SkipReason::StaleQuotes { .. }
        | SkipReason::UndatedQuotes
        | SkipReason::SpotGap { .. }
        | SkipReason::ThinUnderlying { .. } => None,
    };
    let row = Row { place: Place::Skipped(skip_word(reason)), gate, strategies: Vec::new(), metrics: None };
    vec![row; stage.snapshot.chain.contracts.len()]
}

/// Every row at the place where the gates or the strategies' screens leave it.
fn gated_rows(stage: &Stage<'_>) -> Vec<Row> {
    let signals: Vec<&dyn Strategy> = stage.config.strategies.enabled(Role::Signal).map(|(_, s)| s).collect();
    let of = |row: usize| {
        let at = |place, gate| Row { place, gate, strategies: Vec::new(), metrics: None };
        match &stage.sifted[row] {
            None => at(Place::Refused(RowRefusal::Duplicate), None),
            Some(sifted) => match &sifted.stopped {
                Some(stopped) => at(stopped.place.clone(), Some(stopped.check.clone())),
                None if signals.is_empty() => {
                    at(if stage.is_ranked(row) { Place::Ranked } else { Place::NotExamined }, None)
                }
                None => {
                    let screens = stage.view(row).map(|view| {
                        signals.iter().map(|s| (s.card().name.to_owned(), s.screen(&view, stage.config))).collect()
                    });
                    let strategies: Vec<(String, Vec<Check>)> = screens.unwrap_or_default();
                    Row { place: screened(&strategies), gate: None, strategies, metrics: None }
                }
            },
        }
    };
    (0..stage.snapshot.chain.contracts.len()).map(of).collect()
}

/// The place of a contract that no strategy's screen lets pass: what one of them does not know of it, if it refuses nothing;
/// else nobody wants it.
fn screened(screens: &[(String, Vec<Check>)]) -> Place {
    let first = |checks: &[Check], verdict| checks.iter().find(|c| c.mandatory && c.verdict == verdict).cloned();
    let in_doubt = screens.iter().find(|(_, checks)| first(checks, Verdict::Fail).is_none());
    let unknown = in_doubt.and_then(|(_, checks)| first(checks, Verdict::Unknown));
    unknown.map_or(Place::NotWanted, |check| Place::Unknown(check.name))
}

fn examine(
    stage: &Stage<'_>,
    underlying: Option<&UnderlyingView<'_>>,
    standing: &Standing,
    rows: &mut [Row],
    signals: &mut Signals,
) -> Looked {
    let mut looked = Looked::new();
    let strategies = stage.config.strategies.each();
    let roomy: BTreeSet<usize> = standing.room.rows.iter().copied().collect();
    for eligible in &stage.eligible {
        let row = &mut rows[eligible.row];
        let Some(view) = stage.view(eligible.row) else { continue };
        let own = if roomy.contains(&eligible.row) { OwnBars::of(stage, &view.quote.symbol) } else { None };
        let needs_none = eligible.strategies.iter().any(|at| !strategies[*at].needs().own_bars);
        let Some(underlying) = underlying else {
            row.place =
                if own.is_some() || needs_none { Place::Unknown("underlying_bars".into()) } else { Place::NotExamined };
            continue;
        };
        let indicators = own.as_ref().and_then(|own| own.indicators(stage, eligible.row, &underlying.bars));
        let case = Case { contract: &view, underlying, own: indicators.as_ref() };
        let mut looks = Vec::new();
        for at in &eligible.strategies {
            let strategy = strategies[*at];
            looks.push(if standing.refused.contains_key(at) {
                refused(strategy, &case, stage, row)
            } else if strategy.needs().own_bars && indicators.is_none() {
                match own.as_ref().map(|own| own.density.failed.clone()) {
                    None => Place::NotExamined,
                    Some(failed) => {
                        row.gate = failed;
                        Place::Gate("coverage")
                    }
                }
            } else {
                judge(stage, eligible.row, strategy, &case, row, signals)
            });
        }
        row.place = foremost(looks);
        if !matches!(row.place, Place::Gate(_)) {
            row.gate = None;
        }
        if let Some(own) = own {
            looked.insert(eligible.row, (own, indicators));
        }
    }
    looked
}

/// The numbers beside candidates, near misses, whatever else was judged by its own bars, and what has cash dividends; the
/// past's costly ones only beside the first two.
fn add_metrics(
    stage: &Stage<'_>,
    past: &Past,
    looked: &Looked,
    repricing: &Repricing,
    rows: &mut [Row],
    signals: &mut Signals,
) {
    let row_of = |symbol: &OccSymbol| stage.rows.by_symbol.get(symbol);
    let told: BTreeSet<usize> = signals
        .candidates
        .iter()
        .map(|candidate| &candidate.symbol)
        .chain(signals.near_misses.iter().map(|miss| &miss.symbol))
        .filter_map(row_of)
        .collect();
    let judged = looked.iter().filter(|(_, (_, indicators))| indicators.is_some()).map(|(row, _)| *row);
    for row in judged.chain(told.iter().copied()).chain(repricing.rows()).collect::<BTreeSet<usize>>() {
        let depth = if told.contains(&row) { Depth::Whole } else { Depth::WithoutPast };
        let (own, indicators) = looked.get(&row).map_or((None, None), |(own, known)| (Some(own), known.as_ref()));
        rows[row].metrics = metrics(stage, row, (own, indicators), past, depth, repricing.get(row));
    }
    for candidate in &mut signals.candidates {
        let Some(row) = row_of(&candidate.symbol) else { continue };
        candidate.metrics.clone_from(&rows[row].metrics);
        repricing.tell(row, candidate);
    }
}

/// Where a contract is left that several strategies looked at: a candidate of any is a candidate; else the first that
/// got as far as a verdict names the place; else the first gate.
fn foremost(looks: Vec<Place>) -> Place {
    let rank = |place: &Place| match place {
        Place::Candidate => 0,
        Place::Strategy(_) | Place::Unknown(_) => 1,
        Place::Gate(_) => 2,
        Place::Skipped(_) | Place::Refused(_) | Place::NotWanted | Place::NotExamined | Place::Ranked => 3,
    };
    // The first of the lowest rank.
    looks.into_iter().min_by_key(rank).unwrap_or(Place::NotExamined)
}

/// A strategy that the underlying rules out does not look at the contract's bars.
fn refused(strategy: &dyn Strategy, case: &Case<'_>, stage: &Stage<'_>, row: &mut Row) -> Place {
    let mut checks = strategy.screen(case.contract, stage.config);
    checks.extend(strategy.pre_gate(case.underlying));
    let place = place_of(strategy, &checks);
    tell(row, strategy, checks);
    place
}

fn judge(
    stage: &Stage<'_>,
    at: usize,
    strategy: &dyn Strategy,
    case: &Case<'_>,
    row: &mut Row,
    signals: &mut Signals,
) -> Place {
    let judgement = strategy.judge(case, stage.config);
    let place = place_of(strategy, &judgement.checks);
    tell(row, strategy, judgement.checks.clone());
    if place == Place::Candidate {
        signals.candidates.extend(candidate(stage, at, strategy, case, judgement));
    } else {
        signals.near_misses.push(near_miss(case.contract, strategy, judgement));
    }
    place
}

fn tell(row: &mut Row, strategy: &dyn Strategy, checks: Vec<Check>) {
    let name = strategy.card().name;
    match row.strategies.iter_mut().find(|(known, _)| known == name) {
        Some((_, known)) => *known = checks,
        None => row.strategies.push((name.to_owned(), checks)),
    }
}

fn place_of(strategy: &dyn Strategy, checks: &[Check]) -> Place {
    let first = |verdict| checks.iter().find(|c| c.mandatory && c.verdict == verdict);
    match (first(Verdict::Fail), first(Verdict::Unknown)) {
        (Some(_), _) => Place::Strategy(strategy.card().name),
        (None, Some(check)) => Place::Unknown(check.name.clone()),
        (None, None) => Place::Candidate,
    }
}

fn near_miss(view: &ContractView<'_>, strategy: &dyn Strategy, judgement: Judgement) -> NearMiss {
    let of = judgement.checks.len() as u32;
    let missed = judgement.checks.into_iter().filter(|c| c.mandatory && c.verdict != Verdict::Pass).collect();
    NearMiss { symbol: view.quote.symbol, strategy: strategy.card().name.to_owned(), missed, of }
}

impl Signals {
    fn sort(&mut self) {
        self.candidates.sort_by(|a, b| {
            b.score.total().total_cmp(&a.score.total()).then(a.symbol.cmp(&b.symbol)).then(a.strategy.cmp(&b.strategy))
        });
        self.near_misses.sort_by(|a, b| {
            let distance = MissDistance::of(&a.missed).cmp(&MissDistance::of(&b.missed));
            distance.then(a.symbol.cmp(&b.symbol)).then_with(|| a.strategy.cmp(&b.strategy))
        });
        self.near_misses.truncate(NEAR_MISSES);
    }
}

fn controls<'s>(stage: &'s Stage<'_>, underlying: Option<&UnderlyingView<'s>>) -> impl Iterator<Item = Candidate> + 's {
    let control = stage.config.strategies.enabled(Role::Control).map(|(_, strategy)| strategy).next();
    let underlying = underlying.cloned().unwrap_or_else(|| UnderlyingView::of(stage, Vec::new()));
    stage.controls.iter().filter_map(move |row| {
        let view = stage.view(*row)?;
        let own = OwnBars::of(stage, &view.quote.symbol);
        let indicators = own.as_ref().and_then(|own| own.indicators(stage, *row, &underlying.bars));
        let case = Case { contract: &view, underlying: &underlying, own: indicators.as_ref() };
        let judgement = control?.judge(&case, stage.config);
        let found = candidate(stage, *row, control?, &case, judgement)?;
        let metrics = metrics(stage, *row, (own.as_ref(), indicators.as_ref()), &underlying.past, Depth::Whole, None);
        Some(Candidate { metrics, ..found })
    })
}

fn candidate(
    stage: &Stage<'_>,
    row: usize,
    strategy: &dyn Strategy,
    case: &Case<'_>,
    judgement: Judgement,
) -> Option<Candidate> {
    let sifted = stage.sifted[row].as_ref()?;
    let view = case.contract;
    let own = OwnBars::of(stage, &view.quote.symbol);
    let plan = strategy.plan(view, stage.snapshot.as_of, stage.config);
    let potential = potential(view, &plan, stage.config)?;
    let of_the_chain = stage.flags().into_iter().filter(|word| word != "unknown_oi" && word != "yield_assumed");
    let assumed = sifted.yield_assumed.then(|| "yield_assumed".to_owned());
    let flags = of_the_chain.chain(assumed).chain(judgement.flags.iter().map(|word| (*word).to_owned()));
    Some(Candidate {
        underlying: stage.snapshot.ticker.clone(),
        symbol: view.quote.symbol,
        strategy: strategy.card().name.to_owned(),
        bid: view.bid,
        ask: view.ask,
        mid: view.mid,
        gross_pct: potential.gross_pct,
        net_pct: potential.net_pct,
        volume: view.quote.volume,
        open_interest: view.open_interest,
        spread_pct: view.spread_pct,
        iv: view.iv,
        delta: view.delta,
        model: stage.model(row),
        dte: view.dte,
        rsi: case.own.and_then(|own| own.rsi),
        coverage: own.as_ref().map(|own| own.density.sessions),
        indicators: by_name(stage.config, own.as_ref(), &case.underlying.bars),
        score: judgement.score,
        checks: judgement.checks,
        quote_time: fresh_time(stage)?,
        spot_used: stage.spot().0,
        flags: flags.collect(),
        control: strategy.card().role == Role::Control,
        plan,
        metrics: None,
    })
}

/// The numbers beside a contract, with its own bars and what they say where they cover enough sessions.
fn metrics(
    stage: &Stage<'_>,
    row: usize,
    (own, indicators): (Option<&OwnBars>, Option<&Indicators>),
    past: &Past,
    depth: Depth,
    cash: Option<&Repriced>,
) -> Option<Box<ContractMetrics>> {
    let bars = own.map_or(&[][..], |own| &own.bars);
    let Stage { snapshot, config, sifting, .. } = *stage;
    contract_metrics(&Examined { snapshot, config, sifting, row, bars, indicators, past, depth, cash }).map(Box::new)
}

fn explanations(stage: &Stage<'_>, rows: Vec<Row>, repricing: &Repricing) -> Vec<ContractExplanation> {
    let technicals = own_technicals(stage);
    let explain = |(at, row): (usize, Row)| {
        let quote = &stage.snapshot.chain.contracts[at];
        let vol = stage.sifted[at].as_ref().and_then(|sifted| sifted.vol);
        let technicals = technicals.get(&at).copied();
        ContractExplanation {
            ranked: ranked(stage, at, technicals.as_ref()),
            quote: quote.clone(),
            place: row.place.text(),
            gate: row.gate,
            iv: vol.map(|v| v.iv),
            delta: vol.map(|v| v.greeks.delta),
            model: repricing.bounded(at, stage.model(at)),
            strategies: row.strategies,
            technicals,
            metrics: row.metrics,
        }
    };
    rows.into_iter().enumerate().map(explain).collect()
}

/// Indicators of the contracts whose bars there are, by row, where contracts are ranked.
fn own_technicals(stage: &Stage<'_>) -> BTreeMap<usize, Technicals> {
    let of = |symbol: &OccSymbol| {
        let row = stage.rows.by_symbol.get(symbol).filter(|row| stage.is_ranked(*row))?;
        Some((row, ranking::technicals(&OwnBars::of(stage, symbol)?.raw_indicators()?)))
    };
    stage.snapshot.contract_bars.keys().filter_map(of).collect()
}

/// The rank of a row past the gates, where contracts are ranked.
fn ranked(stage: &Stage<'_>, row: usize, technicals: Option<&Technicals>) -> Option<Ranked> {
    let sifted = stage.sifted[row].as_ref().filter(|sifted| sifted.stopped.is_none() && stage.is_ranked(row))?;
    let view = stage.view(row)?;
    let open_interest = view.quote.open_interest.filter(|_| !stage.rows.unknown_oi);
    Some(ranking::rank(&view, open_interest, sifted.vol.as_ref()?, technicals, &stage.config.ranking))
}
