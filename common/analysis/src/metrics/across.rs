//! What each root's expiration says at the money and of its skew, read off the volatilities of a sifted chain.
//!
//! Promises: only contracts of a standard deliverable whose quotes are inside the spread gate speak, as for parity. What
//! σ_ATM of any expiration (so IV30, term slope and expected moves) and the skew are read off is of one engine for a root: a
//! contract that too few traded today is not priced otherwise than its neighbour, or a day's volume would move a series that
//! ranks are made of, and the distance that a breakeven is held to ([`Across::approximated`]).

use std::collections::{BTreeMap, BTreeSet};

use fleet_core::domain::{ExerciseModel, OccSymbol, OptionKind, Root, Strike, calendar};
use jiff::civil::Date;

use super::finite;
use super::smile::{AtmVol, Smile, SmilePoint, iv30, nearest_skew, term_slope};
use crate::config::AnalysisConfig;
use crate::gates::spread_passes;
use crate::sifting::Sifting;
use crate::snapshot::MarketSnapshot;

/// A root and the date of its symbols.
pub type Key = (Root, Date);

/// One root's expiration at the money.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AtTheMoney {
    /// The date of the symbols.
    pub expiration: Date,
    /// Calendar days to it.
    pub dte: i32,
    /// Years of 365 days to settlement.
    pub years: f64,
    /// Annual fraction.
    pub vol: Option<f64>,
    /// Mid of the call and mid of the put whose strike is nearest to the forward, together, dollars per share.
    pub straddle: Option<f64>,
}

/// All expirations of a chain.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Across {
    /// By root and expiration.
    pub at_the_money: BTreeMap<Key, AtTheMoney>,
    /// Of those of about 30 days that tell one.
    skews: BTreeMap<Key, Skew>,
    /// Rows that σ_ATM is read off and whose volatility is the European one of an American contract; of expirations that
    /// have some.
    roughly: BTreeMap<Key, Vec<usize>>,
}

/// The skew of one expiration.
#[derive(Debug, Clone, PartialEq)]
struct Skew {
    /// Annual fraction.
    skew: f64,
    /// Rows like those of [`Across::roughly`], of the wings: those it is read off and one more on either side of each,
    /// because another engine changes a delta too.
    roughly: Vec<usize>,
}

impl Across {
    /// Reads a sifted chain.
    #[must_use]
    pub fn of(snapshot: &MarketSnapshot, config: &AnalysisConfig, sifting: &Sifting) -> Self {
        let mut all = Self::default();
        for rows in sifting.rows.by_symbol.expirations() {
            all.read(&Run { snapshot, config, sifting, rows });
        }
        all
    }

    /// Reads the expirations of some rows again, which have other volatilities now.
    pub fn read_again(
        &mut self,
        rows: &[usize],
        snapshot: &MarketSnapshot,
        config: &AnalysisConfig,
        sifting: &Sifting,
    ) {
        let key = |row: &usize| {
            let symbol = &snapshot.chain.contracts[*row].symbol;
            (symbol.root, symbol.expiration)
        };
        for key in rows.iter().map(key).collect::<BTreeSet<Key>>() {
            let rows = sifting.rows.by_symbol.of(key.0, key.1);
            self.read(&Run { snapshot, config, sifting, rows });
        }
    }

    fn read(&mut self, run: &Run<'_>) {
        let Some((key, smile)) = run.smile() else { return };
        let (dte, years, vol) = (smile.dte, smile.years, smile.atm().map(|atm| atm.vol));
        let straddle = run.straddle(smile.forward);
        self.at_the_money.insert(key, AtTheMoney { expiration: key.1, dte, years, vol, straddle });
        let roughly = |points: &mut dyn Iterator<Item = &SmilePoint>| {
            points.map(|point| point.row).filter(|row| run.is_approximated(*row)).collect::<Vec<usize>>()
        };
        let money = roughly(&mut smile.beside_forward().into_iter().flatten());
        let skew = smile.skew_25().map(|skew| Skew { skew, roughly: roughly(&mut smile.beside_wings()) });
        self.roughly.remove(&key);
        self.roughly.extend(Some((key, money)).filter(|(_, rows)| !rows.is_empty()));
        self.skews.remove(&key);
        self.skews.extend(skew.map(|skew| (key, skew)));
    }

    /// Rows that σ_ATM of some expiration or the skew is read off and whose volatility is the European one of an American
    /// contract, ascending.
    #[must_use]
    pub fn approximated(&self) -> Vec<usize> {
        let wings = self.nearest_skew().and_then(|key| self.skews.get(&key)).map(|skew| &skew.roughly);
        let mut rows: Vec<usize> = self.roughly.values().chain(wings).flatten().copied().collect();
        rows.sort_unstable();
        rows.dedup();
        rows
    }

    /// IV30, annual fraction.
    #[must_use]
    pub fn iv30(&self) -> Option<f64> {
        iv30(&self.expirations())
    }

    /// Front over back.
    #[must_use]
    pub fn term_slope(&self) -> Option<f64> {
        term_slope(&self.expirations())
    }

    /// The skew of about 30 days, annual fraction.
    #[must_use]
    pub fn skew_25(&self) -> Option<f64> {
        self.skews.get(&self.nearest_skew()?).map(|skew| skew.skew)
    }

    fn nearest_skew(&self) -> Option<Key> {
        let keys: Vec<Key> = self.skews.keys().copied().collect();
        let at = nearest_skew(keys.iter().filter_map(|key| Some(self.at_the_money.get(key)?.dte)))?;
        keys.get(at).copied()
    }

    fn expirations(&self) -> Vec<AtmVol> {
        let all = self.at_the_money.values();
        all.filter_map(|at| Some(AtmVol { dte: at.dte, years: at.years, vol: at.vol? })).collect()
    }
}

/// The kept rows of one root and expiration.
struct Run<'a> {
    snapshot: &'a MarketSnapshot,
    config: &'a AnalysisConfig,
    sifting: &'a Sifting,
    rows: &'a [(OccSymbol, usize)],
}

impl Run<'_> {
    /// What its contracts tell; `None` of roots with a digit, which have no carry, and of a date that is not believed: its
    /// prices may be another unit's.
    fn smile(&self) -> Option<(Key, Smile)> {
        let (symbol, _) = self.rows.first()?;
        let key = (symbol.root, symbol.expiration);
        let parity = self.sifting.parity.as_ref().filter(|parity| !parity.doubts.contains_key(&key))?;
        let carry = parity.carries.get(&key)?;
        let vol_of = |row: usize| self.sifting.sifted.get(row)?.as_ref()?.vol;
        let points = self.rows.iter().filter_map(|(symbol, row)| {
            let at = vol_of(*row).filter(|_| self.speaks(*row))?;
            let (kind, strike) = (symbol.kind, symbol.strike.dollars());
            Some(SmilePoint { row: *row, kind, strike, vol: Some(at.iv), delta: Some(at.greeks.delta) })
        });
        let dte = calendar::dte(self.snapshot.as_of, key.1);
        Some((key, Smile { dte, years: carry.years, forward: carry.forward, points: points.collect() }))
    }

    fn is_approximated(&self, row: usize) -> bool {
        let model = self.sifting.sifted[row].as_ref().and_then(|sifted| sifted.model);
        model == Some(ExerciseModel::EuropeanApproximation)
    }

    fn speaks(&self, row: usize) -> bool {
        spread_passes(&self.snapshot.chain.contracts[row], &self.config.gates)
    }

    /// Mid of call and put, together, of the strike nearest to the forward (of two as near, the lower).
    fn straddle(&self, forward: f64) -> Option<f64> {
        let apart = |strike: Strike| (strike.dollars() - forward).abs();
        let nearest = self
            .rows
            .iter()
            .map(|(symbol, _)| symbol)
            .min_by(|a, b| apart(a.strike).total_cmp(&apart(b.strike)).then(a.strike.cmp(&b.strike)))?;
        let mid = |kind: OptionKind| {
            let row =
                self.sifting.rows.by_symbol.get(&OccSymbol { kind, ..*nearest }).filter(|row| self.speaks(*row))?;
            self.snapshot.chain.contracts[row].mid()
        };
        finite(mid(OptionKind::Call)? + mid(OptionKind::Put)?)
    }
}
