//! A contract's own closed bars, judged: coverage, indicators raw and decay-adjusted, and the indicators that were asked
//! for by name (RULES section 5).

use fleet_core::domain::{Bar, NamedOutput, NamedReading, OccSymbol};
use fleet_indicators::{Bars, Column, Output, Spec, compute};

use crate::bars::{Density, believable, density, last_split};
use crate::config::AnalysisConfig;
use crate::decay::{Decaying, MIN_DTE, traded_closes};
use crate::indicators::Indicators;
use crate::stage::Stage;

/// A contract's own bars, judged.
pub(crate) struct OwnBars {
    /// Believable bars.
    pub(crate) bars: Vec<Bar>,
    /// Coverage.
    pub(crate) density: Density,
}

impl OwnBars {
    /// The bars of a contract, if the snapshot has them.
    pub(crate) fn of(stage: &Stage<'_>, symbol: &OccSymbol) -> Option<Self> {
        let series = stage.snapshot.contract_bars.get(symbol)?;
        let split = last_split(stage.snapshot.underlying_bars.as_ref(), series, stage.last_closed);
        let bars = believable(series, stage.last_closed, split);
        let density = density(&bars, stage.last_closed, &stage.config.coverage);
        Some(Self { bars, density })
    }

    /// Indicators of the raw closes, unless the contract trades too thinly for them.
    pub(crate) fn raw_indicators(&self) -> Option<Indicators> {
        self.density.failed.is_none().then(|| Indicators::of(&self.bars, self.density.median_volume))
    }

    /// Indicators of the raw closes and of the decay-adjusted ones of a row's contract, unless it trades too thinly.
    pub(crate) fn indicators(&self, stage: &Stage<'_>, row: usize, underlying: &[Bar]) -> Option<Indicators> {
        let raw = self.raw_indicators()?;
        Some(match self.adjusted(stage, row, underlying) {
            Some(closes) => raw.with_adjusted(&closes),
            None => raw,
        })
    }

    /// Its decay-adjusted closes; `None` where ANALYTICS 2.1 has none.
    fn adjusted(&self, stage: &Stage<'_>, row: usize, underlying: &[Bar]) -> Option<Vec<f64>> {
        let view = stage.view(row).filter(|view| view.dte >= MIN_DTE)?;
        let symbol = &view.quote.symbol;
        let carry = stage.parity.as_ref()?.carries.get(&(symbol.root, symbol.expiration))?;
        let decaying = Decaying {
            kind: symbol.kind,
            strike: symbol.strike.dollars(),
            rate: carry.rate,
            yield_: carry.yield_,
            mid_iv: stage.sifted[row].as_ref()?.vol?.iv,
            ticks: stage.ticks,
        };
        decaying.adjusted(&traded_closes(symbol, &self.bars, underlying, &stage.config.pricing)?)
    }
}

/// The indicators that the configuration asks for by name, at the last closed bar of a contract and of its underlying.
/// A contract's are unknown where it trades too thinly or its bars are not there, an underlying's without bars.
pub(crate) fn by_name(config: &AnalysisConfig, own: Option<&OwnBars>, underlying: &[Bar]) -> Vec<NamedReading> {
    let own = own.filter(|own| own.density.failed.is_none()).map_or(&[][..], |own| own.bars.as_slice());
    let reading = |spec: &Spec| {
        let names = spec.indicator().outputs.iter();
        let values = at_last(spec, own).into_iter().zip(at_last(spec, underlying));
        let output =
            |(name, (contract, underlying)): (&&str, _)| NamedOutput { name: (*name).to_owned(), contract, underlying };
        NamedReading { spec: spec.to_string(), outputs: names.zip(values).map(output).collect() }
    };
    // A configuration that names an indicator wrongly is refused before anything is analysed.
    config.indicators.specs().unwrap_or_default().iter().map(reading).collect()
}

/// Each output of an indicator at the last of some bars.
fn at_last(spec: &Spec, bars: &[Bar]) -> Vec<Option<f64>> {
    match columns(bars).and_then(|bars| compute(spec, &bars).ok()) {
        Some(outputs) => outputs.iter().map(Output::last).collect(),
        None => vec![None; spec.indicator().outputs.len()],
    }
}

fn columns(bars: &[Bar]) -> Option<Bars> {
    let column = |of: fn(&Bar) -> f64| bars.iter().map(of).collect::<Vec<f64>>();
    let columns = [
        (Column::Open, column(|bar| bar.open.dollars())),
        (Column::High, column(|bar| bar.high.dollars())),
        (Column::Low, column(|bar| bar.low.dollars())),
        (Column::Close, column(|bar| bar.close.dollars())),
        (Column::Volume, column(|bar| bar.volume as f64)),
    ];
    Bars::new(columns).ok()
}
