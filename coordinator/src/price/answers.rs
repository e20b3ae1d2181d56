//! Contracts become answers, a block at a time. American contracts of the same kind, spot, years, rate and yield are one smile,
//! whose exercise boundaries are shared where there are enough of them.

use std::borrow::Cow;
use std::collections::HashMap;
use std::error::Error;

use fleet_core::domain::ExerciseStyle;
use fleet_pricing::american::{self, Smile};
use fleet_pricing::black::{self, IMPLIED};
use fleet_pricing::{Bounds, Greeks, Kind, Point, Quoted, Terms, dividends};

use super::answer::{Answer, Model, Reason};
use super::contract::Contract;
use super::setting::Setting;
use super::unlisted::unlisted_words;
use crate::failure::chain;

/// Answers in the order asked.
#[must_use]
pub fn answers(contracts: &[Contract], setting: &Setting) -> Vec<Answer> {
    let mut answers: Vec<Answer> = contracts.iter().map(|contract| Answer::begun(contract, setting)).collect();
    let mut smiles: Vec<Vec<usize>> = Vec::new();
    let mut known: HashMap<Shared, usize> = HashMap::new();
    for (at, contract) in contracts.iter().enumerate() {
        match answers[at].model {
            Model::European | Model::CashDividends => answers[at].complete_alone(contract, setting),
            Model::American => {
                let smile = *known.entry(Shared::of(&contract.terms)).or_insert_with(|| {
                    smiles.push(Vec::new());
                    smiles.len() - 1
                });
                smiles[smile].push(at);
            }
        }
    }
    for rows in smiles {
        complete_smile(contracts, &rows, setting, &mut answers);
    }
    answers
}

/// What contracts must have in common to share boundaries, bit for bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Shared(Kind, [u64; 4]);

impl Shared {
    fn of(terms: &Terms) -> Self {
        Self(terms.kind, [terms.spot, terms.years, terms.rate, terms.yield_].map(f64::to_bits))
    }
}

/// The rows of one smile.
fn complete_smile(contracts: &[Contract], rows: &[usize], setting: &Setting, answers: &mut [Answer]) {
    let Some(first) = rows.first() else { return };
    let mut smile = match Smile::new(&contracts[*first].terms) {
        Ok(smile) => smile,
        Err(refused) => {
            for row in rows {
                answers[*row].refuse(&refused);
            }
            return;
        }
    };
    let quoted: Vec<(usize, Quoted)> = rows
        .iter()
        .filter_map(|row| {
            let contract = &contracts[*row];
            Some((*row, Quoted { strike: contract.terms.strike, price: contract.price?, tick: setting.tick }))
        })
        .collect();
    let quotes: Vec<Quoted> = quoted.iter().map(|(_, quote)| *quote).collect();
    for ((row, quote), iv) in quoted.iter().zip(smile.implied_vols(&quotes)) {
        answers[*row].note_iv(&contracts[*row].terms, quote, iv);
    }
    let at: Vec<(usize, Point)> = rows
        .iter()
        .filter_map(|row| Some((*row, Point { strike: contracts[*row].terms.strike, vol: answers[*row].vol? })))
        .collect();
    let points: Vec<Point> = at.iter().map(|(_, point)| *point).collect();
    let greeks = smile.greeks(&points);
    for (((row, _), price), greeks) in at.iter().zip(smile.prices(&points)).zip(greeks) {
        answers[*row].note_value(&contracts[*row], price, greeks);
    }
}

impl Answer {
    /// Before anything is computed.
    fn begun(contract: &Contract, setting: &Setting) -> Self {
        let pays = setting.dividends_before(contract.terms.years).next().is_some();
        let model = match contract.style {
            ExerciseStyle::European => Model::European,
            ExerciseStyle::American if pays => Model::CashDividends,
            ExerciseStyle::American => Model::American,
        };
        let mut notes: Vec<String> =
            contract.unlisted.map(|date| unlisted_words(date, contract.style)).into_iter().collect();
        if model == Model::CashDividends {
            // The chances are closed forms of an underlying that does not jump; a European price with jumps has none.
            notes.push("chances and early exercise premium are not known with cash dividends".to_owned());
        } else if !setting.dividends.is_empty() {
            notes.push("no dividend lies between now and settlement: none is counted".to_owned());
        }
        Self {
            model,
            vol: contract.vol,
            price: None,
            forward: contract.forward(setting),
            iv: None,
            greeks: None,
            prob_itm: None,
            prob_touch: None,
            early_exercise_premium: None,
            reason: None,
            notes,
        }
    }

    /// The reason and the notes in one text.
    #[must_use]
    pub fn words(&self) -> Option<Cow<'_, str>> {
        let reason = self.reason.as_ref().map(Reason::text);
        match self.notes.as_slice() {
            [] => reason.map(Cow::Borrowed),
            notes => {
                let all: Vec<&str> = reason.into_iter().chain(notes.iter().map(String::as_str)).collect();
                Some(Cow::Owned(all.join("; ")))
            }
        }
    }

    /// By a model that shares nothing between contracts.
    fn complete_alone(&mut self, contract: &Contract, setting: &Setting) {
        let (terms, dividends) = (&contract.terms, setting.dividends.as_slice());
        let cash = self.model == Model::CashDividends;
        if let Some(price) = contract.price {
            let quote = Quoted { strike: terms.strike, price, tick: setting.tick };
            if cash {
                self.note_iv(terms, &quote, dividends::implied_vol(terms, price, setting.tick, dividends));
            } else {
                self.note_iv(terms, &quote, black::implied_vol(terms, price, setting.tick));
            }
        }
        let Some(vol) = self.vol else { return };
        if cash {
            let price = dividends::price(terms, vol, dividends).map(|valued| valued.price);
            self.note_value(contract, price, dividends::greeks(terms, vol, dividends));
        } else {
            self.note_value(contract, black::price(terms, vol), black::greeks(terms, vol));
        }
    }

    fn refuse(&mut self, refused: &impl Error) {
        self.reason = Some(Reason::Refused(chain(refused)));
    }

    fn note_iv<E: Error>(&mut self, terms: &Terms, quote: &Quoted, iv: Result<Option<f64>, E>) {
        match iv {
            Ok(Some(iv)) => {
                self.iv = Some(iv);
                self.vol = self.vol.or(Some(iv));
            }
            Ok(None) => self.reason = Some(Reason::Known(self.why_no_vol(terms, quote))),
            Err(refused) => self.refuse(&refused),
        }
    }

    fn why_no_vol(&self, terms: &Terms, quote: &Quoted) -> String {
        let Quoted { price, tick, .. } = *quote;
        let bounds = match self.model {
            Model::European => black::bounds(terms),
            Model::American => american::bounds(terms),
            Model::CashDividends => american::bounds(terms).map(|bounds| Bounds { lower: terms.intrinsic(), ..bounds }),
        };
        match bounds {
            Ok(_) | Err(_) if terms.years <= 0.0 => "no time is left, and a price tells no volatility then".to_owned(),
            Ok(Bounds { upper, .. }) if price >= upper => {
                format!("the price {price} is not below its upper bound {upper}")
            }
            Ok(Bounds { lower, .. }) if price < lower => {
                format!("the price {price} is below its lower bound {lower}")
            }
            Ok(Bounds { lower, .. }) if price <= lower + tick => {
                format!("the price {price} is within {tick} of its lower bound {lower} and tells no volatility")
            }
            Ok(_) | Err(_) => {
                format!("no volatility from {} to {} gives the price {price}", IMPLIED.start(), IMPLIED.end())
            }
        }
    }

    fn note_value<E: Error>(&mut self, contract: &Contract, price: Result<f64, E>, greeks: Result<Greeks, E>) {
        let Some(vol) = self.vol else { return };
        let terms = &contract.terms;
        match price {
            // The price that was given is exact; its volatility gives it back to some digits only.
            Ok(price) => {
                self.price = Some(if contract.vol.is_none() { contract.price.unwrap_or(price) } else { price })
            }
            Err(refused) => return self.refuse(&refused),
        }
        if terms.years <= 0.0 {
            self.reason = Some(Reason::Known("no time is left: the price is what exercise brings".to_owned()));
            return;
        }
        match greeks {
            Ok(greeks) => self.greeks = Some(greeks),
            Err(refused) => return self.refuse(&refused),
        }
        match self.model {
            Model::European | Model::American => {
                self.prob_itm = black::prob_itm(terms, vol).ok();
                self.prob_touch = black::prob_touch(terms, vol).ok();
            }
            // Said in the notes.
            Model::CashDividends => {}
        }
        if self.model == Model::American {
            let european = black::price(terms, vol).ok();
            self.early_exercise_premium =
                self.price.zip(european).map(|(american, european)| (american - european).max(0.0));
        }
    }
}

#[cfg(test)]
mod tests {
    use fleet_pricing::dividends::Dividend;

    use super::*;

    fn contract(kind: Kind, strike: f64) -> Contract {
        let terms = Terms { kind, spot: 100.0, strike, years: 45.0 / 365.0, rate: 0.04, yield_: 0.0 };
        Contract { style: ExerciseStyle::European, terms, vol: Some(0.3), price: None, unlisted: None }
    }

    fn setting() -> Setting {
        Setting { as_of: jiff::Timestamp::UNIX_EPOCH, tick: 0.01, dividends: Vec::new() }
    }

    #[track_caller]
    fn check(contract: &Contract) -> Answer {
        answers(&[*contract], &setting()).pop().unwrap()
    }

    /// American puts over strikes, priced and quoted.
    fn chain() -> Vec<Contract> {
        let put = |n: u32| {
            let mut put = contract(Kind::Put, 70.0 + 3.0 * f64::from(n));
            put.style = ExerciseStyle::American;
            put.vol = Some(0.25 + 0.005 * f64::from(n));
            put
        };
        (0..20).map(put).collect()
    }

    #[test]
    fn the_golden_call() {
        let answer = check(&contract(Kind::Call, 105.0));
        let greeks = answer.greeks.unwrap();
        let got = [
            answer.price.unwrap(),
            greeks.delta,
            greeks.theta_per_day,
            answer.prob_itm.unwrap(),
            answer.prob_touch.unwrap(),
        ];
        for (got, wanted) in got.iter().zip([2.419380, 0.358042, -0.047363, 0.319523, 0.641490]) {
            assert!((got - wanted).abs() <= 0.5000001e-6, "{got} is not {wanted}");
        }
        assert_eq!((answer.iv, answer.early_exercise_premium, answer.reason), (None, None, None));
        assert_eq!(answer.model, Model::European);
    }

    #[test]
    fn a_chain_is_answered_as_its_contracts_are() {
        let chain = chain();
        let mixed: Vec<Contract> =
            chain.iter().flat_map(|put| [*put, contract(Kind::Call, put.terms.strike)]).collect();
        let together = answers(&mixed, &setting());
        for (put, answer) in chain.iter().zip(together.iter().step_by(2)) {
            let alone = check(put);
            assert!((alone.price.unwrap() - answer.price.unwrap()).abs() <= 3e-4, "{put:?}");
            assert!((alone.greeks.unwrap().delta - answer.greeks.unwrap().delta).abs() <= 2e-4, "{put:?}");
            assert!(answer.early_exercise_premium.is_some_and(|premium| premium >= 0.0));
        }
        // Whatever stands between them.
        assert_eq!(answers(&chain, &setting()), together.into_iter().step_by(2).collect::<Vec<_>>());
    }

    #[test]
    fn prices_give_their_volatilities_back() {
        let mut quoted = chain();
        let priced = answers(&quoted, &setting());
        for (contract, answer) in quoted.iter_mut().zip(&priced) {
            (contract.price, contract.vol) = (answer.price, None);
        }
        let mut told = 0;
        for (n, (answer, before)) in answers(&quoted, &setting()).iter().zip(&priced).enumerate() {
            assert!(answer.iv.is_some() != answer.reason.is_some(), "{answer:?}");
            let Some(iv) = answer.iv else { continue };
            told += 1;
            assert!((iv - before.vol.unwrap()).abs() < 1e-6, "{n}: {answer:?}");
            assert_eq!((answer.vol, answer.price), (Some(iv), before.price));
        }
        assert!(told >= 12, "{told} of 20");
    }

    #[test]
    fn with_both_the_volatility_given_decides() {
        let both = Contract { price: Some(3.0), ..contract(Kind::Call, 105.0) };
        let answer = check(&both);
        assert!((answer.price.unwrap() - 2.419380).abs() < 1e-6 && answer.vol == Some(0.3));
        assert!(answer.iv.is_some_and(|iv| iv > 0.3));
    }

    #[test]
    fn why_a_price_tells_no_volatility() {
        let of = |price: f64, years: f64| {
            let mut put = contract(Kind::Put, 110.0);
            (put.style, put.vol, put.price, put.terms.years) = (ExerciseStyle::American, None, Some(price), years);
            match check(&put).reason {
                Some(Reason::Known(text)) => text,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(of(110.0, 0.5), "the price 110 is not below its upper bound 110");
        assert_eq!(of(9.0, 0.5), "the price 9 is below its lower bound 10");
        assert_eq!(of(10.01, 0.5), "the price 10.01 is within 0.01 of its lower bound 10 and tells no volatility");
        assert_eq!(of(109.0, 1e-6), "no volatility from 0.01 to 5 gives the price 109");
        assert_eq!(of(12.0, 0.0), "no time is left, and a price tells no volatility then");
    }

    #[test]
    fn nothing_left_is_what_exercise_brings() {
        let mut put = contract(Kind::Put, 110.0);
        put.style = ExerciseStyle::American;
        put.terms.years = 0.0;
        let answer = check(&put);
        assert_eq!((answer.price, answer.greeks), (Some(10.0), None));
        assert!(matches!(answer.reason, Some(Reason::Known(_))));
    }

    #[test]
    fn two_boundaries_are_refused() {
        let mut put = contract(Kind::Put, 110.0);
        (put.style, put.terms.rate, put.terms.yield_) = (ExerciseStyle::American, -0.01, -0.03);
        let answer = check(&put);
        assert!(matches!(&answer.reason, Some(Reason::Refused(text)) if text.contains("two boundaries")), "{answer:?}");
        assert_eq!(answer.price, None);
    }

    #[test]
    fn cash_dividends_change_the_model() {
        let mut put = contract(Kind::Put, 100.0);
        put.style = ExerciseStyle::American;
        let paid = Setting { dividends: vec![Dividend { years: 0.05, cash: 1.0 }], ..setting() };
        let answer = answers(&[put], &paid).pop().unwrap();
        assert_eq!(answer.model, Model::CashDividends);
        assert!(answer.price > check(&put).price && answer.greeks.is_some(), "{answer:?}");
        assert_eq!((answer.prob_itm, answer.prob_touch, answer.early_exercise_premium), (None, None, None));
        assert_eq!(
            answer.words().as_deref(),
            Some("chances and early exercise premium are not known with cash dividends")
        );
        // Spot less the dividend's present value, grown at the rate.
        let wanted = (100.0 - (-0.04_f64 * 0.05).exp()) * (0.04_f64 * 45.0 / 365.0).exp();
        assert!((answer.forward - wanted).abs() < 1e-12, "{} is not {wanted}", answer.forward);
        let quoted = Contract { vol: None, price: answer.price, ..put };
        let iv = answers(&[quoted], &paid).pop().unwrap().iv.unwrap();
        assert!((iv - 0.3).abs() < 1e-5, "{iv}");
    }

    #[test]
    fn dividends_behind_settlement_change_nothing_and_that_is_said() {
        let mut put = contract(Kind::Put, 100.0);
        put.style = ExerciseStyle::American;
        // The ex-date's open is the settlement: not before it.
        let later = Setting { dividends: vec![Dividend { years: put.terms.years, cash: 1.0 }], ..setting() };
        let answer = answers(&[put], &later).pop().unwrap();
        let note = "no dividend lies between now and settlement: none is counted";
        assert_eq!(answer.words().as_deref(), Some(note));
        assert_eq!(Answer { notes: Vec::new(), ..answer }, check(&put));
    }
}
