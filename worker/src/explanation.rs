//! The blob of explanations a commit carries, one a ticker. What `explain` and `ranking` print is read from it.
//!
//! A chain has thousands of rows and every one is kept, so the form is compact and costs little: rows one after another,
//! each field only where it is known, counts as variable-length integers, prices in exact units, floats as their eight
//! bytes. [`write`] says the order of the fields, `read` reads it. Version 2 added a contract's metrics, at the end of its
//! row; a blob of version 1 is read as one that has none.
//!
//! Promises: what was packed is unpacked, bit for bit. Refuses: to read a newer version, a blob that ends early or goes
//! on, and to reserve memory for rows that a damaged or hostile blob only claims to have.

mod read;
mod write;

use fleet_core::domain::ContractExplanation;

pub use read::UnpackError;

/// How a blob begins: a mark, and the version of the form.
const MARK: [u8; 3] = *b"OFX";
/// The form written here, and the newest that is read.
pub const VERSION: u8 = 2;
/// The oldest form that is read.
const OLDEST_VERSION: u8 = 1;

/// Packs the explanations of one ticker.
#[must_use]
pub fn pack(explanations: &[ContractExplanation]) -> Vec<u8> {
    write::blob(explanations)
}

/// Unpacks what [`pack`] packed. No bytes are no explanations (a failed ticker has none).
pub fn unpack(bytes: &[u8]) -> Result<Vec<ContractExplanation>, UnpackError> {
    if bytes.is_empty() { Ok(Vec::new()) } else { read::blob(bytes) }
}

/// Which fields a row has, and whether it is of the same root, expiration and kind as the row before.
mod has {
    pub(super) const GROUP: u16 = 1;
    pub(super) const BID: u16 = 1 << 1;
    pub(super) const ASK: u16 = 1 << 2;
    pub(super) const LAST: u16 = 1 << 3;
    pub(super) const VOLUME: u16 = 1 << 4;
    pub(super) const OPEN_INTEREST: u16 = 1 << 5;
    pub(super) const VENDOR_IV: u16 = 1 << 6;
    pub(super) const GATE: u16 = 1 << 7;
    pub(super) const IV: u16 = 1 << 8;
    pub(super) const DELTA: u16 = 1 << 9;
    pub(super) const STRATEGIES: u16 = 1 << 10;
    pub(super) const RANKED: u16 = 1 << 11;
    pub(super) const TECHNICAL: u16 = 1 << 12;
    pub(super) const TECHNICALS: u16 = 1 << 13;
    pub(super) const METRICS: u16 = 1 << 14;
    pub(super) const MODEL: u16 = 1 << 15;
}

#[cfg(test)]
mod tests {
    use fleet_core::domain::{
        Check, ContractMetrics, ContractQuote, ExerciseModel, LastTrade, OccSymbol, Operator, Position,
        PositionMetrics, PremiumYield, Price, PricingModel, RankScore, Ranked, SpotSource, Technicals, Verdict,
    };

    use super::*;

    fn explanation(strike: u32) -> ContractExplanation {
        let symbol = OccSymbol::parse(&format!("AAPL270319C{:08}", strike * 1000)).unwrap();
        let quote = ContractQuote {
            symbol,
            bid: Some(Price::from_units(23_500)),
            ask: None,
            last: None,
            volume: Some(3),
            open_interest: None,
            vendor_iv: None,
        };
        ContractExplanation {
            quote,
            place: "gate:spread".into(),
            gate: None,
            iv: Some(0.25),
            delta: None,
            model: None,
            strategies: Vec::new(),
            ranked: None,
            technicals: None,
            metrics: None,
        }
    }

    fn model(rate: f64) -> PricingModel {
        PricingModel {
            exercise: ExerciseModel::American,
            spot: 100.5,
            spot_source: SpotSource::Implied,
            rate,
            yield_: 0.01,
            yield_assumed: false,
            dividend_bound: None,
        }
    }

    #[test]
    fn a_model_is_spelled_once_for_its_run_of_rows() {
        let with = |rate: Option<f64>| ContractExplanation { model: rate.map(model), ..explanation(1) };
        let rows: Vec<_> = [Some(0.04), Some(0.04), None, Some(0.04), Some(0.05), Some(0.04)].map(with).to_vec();
        let packed = pack(&rows);
        assert_eq!(unpack(&packed).unwrap(), rows);
        let again: Vec<_> = (0..100).map(|_| with(Some(0.04))).collect();
        assert!(pack(&again).len() < pack(&again[..1]).len() + 99 * 30);
    }

    /// Everything that can be there.
    fn full() -> ContractExplanation {
        let at = "2026-11-20T14:59:59.123456789Z".parse().unwrap();
        let check = |value| Check::new("min_rsi_3", value, Operator::AtMost, 35.0);
        let unheard_of = Check { name: "unheard_of".to_owned().into(), mandatory: false, ..check(None) };
        let score = RankScore { liquidity: 7.5, spread: -0.1, delta: 0.5, technical: Some(-0.25) };
        let (gamma, theta_per_day) = (0.01, -0.05);
        ContractExplanation {
            quote: ContractQuote {
                symbol: OccSymbol::parse("AAPL1270319P00012345").unwrap(),
                bid: Some(Price::from_units(1)),
                ask: Some(Price::from_units(u64::from(u32::MAX))),
                last: Some(LastTrade { price: Price::from_units(7), time: at }),
                volume: Some(u64::MAX),
                open_interest: Some(0),
                vendor_iv: Some(0.1 + 0.2),
            },
            place: "strategy:oversold_call".into(),
            gate: Some(check(Some(-1e-300))),
            iv: Some(0.3),
            delta: Some(-0.4),
            model: Some(model(0.04)),
            strategies: vec![("oversold_call".to_owned(), vec![check(Some(31.0)), unheard_of])],
            ranked: Some(Ranked { gamma, theta_per_day, vega_per_point: 0.1, rho_per_point: -0.01, score }),
            technicals: Some(Technicals { rsi: Some(31.0), macd_histogram: None, pct_b: Some(0.0) }),
            metrics: Some(Box::new(metrics())),
        }
    }

    fn metrics() -> ContractMetrics {
        let sold = PositionMetrics {
            position: Position::CashSecuredPut,
            price: 0.1 + 0.2,
            breakeven: Some(93.15),
            breakeven_pct: Some(-6.85),
            breakeven_sigma: None,
            pop: Some(0.7475),
            pop_delta: None,
            max_loss_per_contract: Some(9_315.0),
            ev: None,
            ev_hist: None,
            yields: Some(PremiumYield::CashSecuredPut {
                roc_pct: 1.0 / 3.0,
                roc_annual_pct: None,
                on_strike_pct: 1e-300,
                on_strike_annual_pct: Some(-0.0),
            }),
            size_hint: Some(0),
        };
        ContractMetrics { iv_bid: Some(0.1 + 0.7), sold: Some(sold), is_new: true, ..ContractMetrics::default() }
    }

    #[test]
    fn what_was_packed_is_unpacked() {
        let mut explanations: Vec<_> = (1..500).map(explanation).collect();
        let packed = pack(&explanations);
        assert!(packed.len() < 15_000, "{} bytes", packed.len());
        assert_eq!(unpack(&packed).unwrap(), explanations);
        explanations.extend([full(), explanation(7), full()]);
        assert_eq!(unpack(&pack(&explanations)).unwrap(), explanations);
        assert_eq!(unpack(&pack(&[])).unwrap(), []);
        assert_eq!(unpack(&[]).unwrap(), []);
        assert!(full().gate.is_some_and(|gate| gate.verdict == Verdict::Pass));
    }

    #[test]
    fn damaged_blobs_are_refused_at_every_length() {
        let packed = pack(&[explanation(1), full(), explanation(2)]);
        for len in 1..packed.len() {
            assert!(unpack(&packed[..len]).is_err(), "{len} of {} bytes were taken", packed.len());
        }
        let mut longer = packed.clone();
        longer.push(0);
        assert!(matches!(unpack(&longer), Err(UnpackError::Damaged(_))));
        assert!(matches!(unpack(b"no such mark"), Err(UnpackError::Damaged(_))));
        let mut newer = packed;
        newer[3] = VERSION + 1;
        assert!(matches!(unpack(&newer), Err(UnpackError::Version(3))));
    }

    #[test]
    fn what_the_version_before_packed_is_read() {
        // Version 1 had everything but metrics and models.
        let before = vec![explanation(1), ContractExplanation { metrics: None, model: None, ..full() }];
        let mut packed = pack(&before);
        packed[3] = 1;
        assert_eq!(unpack(&packed).unwrap(), before);
        packed[3] = 0;
        assert!(matches!(unpack(&packed), Err(UnpackError::Version(0))));
    }

    #[test]
    fn no_byte_makes_a_reader_panic_or_reserve_much() {
        let packed = pack(&[explanation(1), full(), explanation(2)]);
        for at in 4..packed.len() {
            for byte in [0, 1, 0x7f, 0x80, 0xff] {
                let mut damaged = packed.clone();
                damaged[at] = byte;
                // Taken or refused: either is an answer.
                let _ = unpack(&damaged);
            }
        }
        let claims = [&MARK[..], &[VERSION], &[0xff, 0xff, 0xff, 0xff, 0x0f]].concat();
        assert!(matches!(unpack(&claims), Err(UnpackError::Damaged(_))));
    }
}
