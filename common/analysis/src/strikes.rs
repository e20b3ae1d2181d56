//! Arbitrage between the strikes of one expiration and kind, at prices one could trade at: what is bought is bought at its
//! ask, what is sold is sold at its bid, and a tick is left (ANALYTICS section 1, "Bounds").
//!
//! - **Monotonicity.** Of two calls the one with the higher strike is worth no more, and less by no more than the strikes
//!   are apart; puts the other way round.
//! - **Butterfly.** A contract between two others is worth no more than their average weighed by the strikes.
//!
//! A relation does not say which of its contracts is misprinted. The one that is in most broken relations is stopped, and
//! what is left is looked at again, so that one misprint does not take its neighbours with it.

use fleet_core::domain::{Check, Operator, OptionKind};

use crate::gates::Stopped;
use crate::place::Place;
use crate::tick::Ticks;

/// A contract is compared with so many neighbours to either side, of those not stopped yet.
const REACH: usize = 3;
/// Dollars: sums of cents in binary are no further off.
const ROUNDING: f64 = 1e-9;

/// One contract of a side.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rung {
    /// Dollars per share.
    pub strike: f64,
    /// Dollars.
    pub bid: f64,
    /// Dollars.
    pub ask: f64,
}

/// Contracts of one expiration and kind, by strike.
#[derive(Debug, Clone, Copy)]
pub struct Ladder<'a> {
    /// Ascending in strike, no strike twice.
    pub rungs: &'a [Rung],
    /// Their kind.
    pub kind: OptionKind,
    /// What a dollar of the strikes' difference is worth at most now: e^(−rT), and at least 1 where exercise may be early.
    pub dollar: f64,
    /// The chain's price steps.
    pub ticks: Ticks,
}

/// A broken relation: something is sold for more than what is bought with it costs.
struct Broken {
    /// The contracts, by rung, each with what is wrong from its side.
    blamed: Vec<(usize, Check)>,
    /// Dollars a share it would bring, after a tick.
    excess: f64,
}

impl Ladder<'_> {
    /// The rungs that are to blame, each with the gate that stops it, in the order of the rungs.
    #[must_use]
    pub fn stopped(&self) -> Vec<(usize, Stopped)> {
        let mut left: Vec<usize> = (0..self.rungs.len()).collect();
        let mut stopped = self.stop(&mut left, "monotonicity", |left| self.pairs(left));
        stopped.extend(self.stop(&mut left, "butterfly", |left| self.butterflies(left)));
        stopped.sort_by_key(|(rung, _)| *rung);
        stopped
    }

    fn stop(
        &self,
        left: &mut Vec<usize>,
        gate: &'static str,
        broken: impl Fn(&[usize]) -> Vec<Broken>,
    ) -> Vec<(usize, Stopped)> {
        let mut stopped = Vec::new();
        loop {
            let broken = broken(left);
            let mut counts = vec![0_usize; self.rungs.len()];
            for (rung, _) in broken.iter().flat_map(|broken| &broken.blamed) {
                counts[*rung] += 1;
            }
            let most = counts.iter().copied().max().unwrap_or(0);
            if most == 0 {
                return stopped;
            }
            left.retain(|rung| counts[*rung] < most);
            let worst = |rung: usize| {
                let of_it = broken.iter().filter_map(|b| {
                    let (_, check) = b.blamed.iter().find(|(blamed, _)| *blamed == rung)?;
                    Some((b.excess, check))
                });
                of_it.max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, check)| check.clone())
            };
            let blamed = counts.iter().enumerate().filter(|(_, count)| **count == most);
            stopped.extend(
                blamed.filter_map(|(rung, _)| Some((rung, Stopped { place: Place::Gate(gate), check: worst(rung)? }))),
            );
        }
    }

    /// Broken relations of two.
    fn pairs(&self, left: &[usize]) -> Vec<Broken> {
        let mut broken = Vec::new();
        for (at, low) in left.iter().enumerate() {
            for high in left[at + 1..].iter().take(REACH) {
                let (dear, cheap) = match self.kind {
                    OptionKind::Call => (*low, *high),
                    OptionKind::Put => (*high, *low),
                };
                let apart = (self.rungs[*high].strike - self.rungs[*low].strike) * self.dollar;
                broken.extend(self.sold(cheap, &[(dear, 1.0)], 0.0, self.tick_of_ask(dear)));
                broken.extend(self.sold(dear, &[(cheap, 1.0)], apart, self.tick_of_bid(dear)));
            }
        }
        broken
    }

    /// Broken relations of three.
    fn butterflies(&self, left: &[usize]) -> Vec<Broken> {
        let mut broken = Vec::new();
        for (at, middle) in left.iter().enumerate() {
            for low in left[..at].iter().rev().take(REACH) {
                for high in left[at + 1..].iter().take(REACH) {
                    let [a, b, c] = [*low, *middle, *high].map(|rung| self.rungs[rung].strike);
                    let share = (c - b) / (c - a);
                    let wings = [(*low, share), (*high, 1.0 - share)];
                    broken.extend(self.sold(*middle, &wings, 0.0, self.tick_of_bid(*middle)));
                }
            }
        }
        broken
    }

    /// The relation "what is sold brings no more than shares of what is bought cost, and `owed`, and a tick", if it is
    /// broken.
    fn sold(&self, sold: usize, bought: &[(usize, f64)], owed: f64, tick: f64) -> Option<Broken> {
        let bid = self.rungs[sold].bid;
        let cost: f64 = bought.iter().map(|(rung, share)| share * self.rungs[*rung].ask).sum();
        let most = cost + owed + tick;
        let excess = bid - most;
        if excess.is_nan() || excess <= ROUNDING {
            return None;
        }
        let of_bought = bought.iter().map(|(rung, share)| {
            let ask = self.rungs[*rung].ask;
            (*rung, Check::new("ask", Some(ask), Operator::AtLeast, ask + excess / share))
        });
        let of_sold = (sold, Check::new("bid", Some(bid), Operator::AtMost, most));
        Some(Broken { blamed: std::iter::once(of_sold).chain(of_bought).collect(), excess })
    }

    fn tick_of_ask(&self, rung: usize) -> f64 {
        self.ticks.at(self.rungs[rung].ask)
    }

    fn tick_of_bid(&self, rung: usize) -> f64 {
        self.ticks.at(self.rungs[rung].bid)
    }
}

#[cfg(test)]
mod tests {
    use fleet_core::domain::Verdict;
    use fleet_pricing::black;

    use super::*;
    use crate::metrics::priced_as;

    /// Fair prices a cent to either side, strikes 80 to 120.
    fn rungs(kind: OptionKind) -> Vec<Rung> {
        let rung = |i: u32| {
            let strike = 80.0 + 2.0 * f64::from(i);
            let fair = black::on_forward(priced_as(kind), 100.0, strike, 0.25, 0.3);
            Rung { strike, bid: (fair * 100.0).round() / 100.0 - 0.01, ask: (fair * 100.0).round() / 100.0 + 0.01 }
        };
        (0..21).map(rung).collect()
    }

    fn stopped(kind: OptionKind, rungs: &[Rung]) -> Vec<(usize, String)> {
        let stops = Ladder { rungs, kind, dollar: 1.0, ticks: Ticks::PENNY }.stopped();
        for (_, stop) in &stops {
            assert_eq!(stop.check.verdict, Verdict::Fail, "{stop:?}");
        }
        stops.into_iter().map(|(rung, stop)| (rung, stop.place.to_string())).collect()
    }

    fn moved(rungs: &[Rung], rung: usize, by: f64) -> Vec<Rung> {
        let mut rungs = rungs.to_vec();
        rungs[rung].bid += by;
        rungs[rung].ask += by;
        rungs
    }

    const KINDS: [OptionKind; 2] = [OptionKind::Call, OptionKind::Put];

    #[test]
    fn fair_prices_stop_nothing() {
        for kind in KINDS {
            assert_eq!(stopped(kind, &rungs(kind)), []);
            assert_eq!(stopped(kind, &rungs(kind)[..1]), []);
            assert_eq!(stopped(kind, &[]), []);
        }
    }

    #[test]
    fn one_misprint_is_stopped_alone_wherever_it_is() {
        for kind in KINDS {
            let fair = rungs(kind);
            for rung in 0..fair.len() {
                for by in [-4.0, 4.0] {
                    // A price below zero is no quote.
                    if fair[rung].bid + by < 0.1 {
                        continue;
                    }
                    let got = stopped(kind, &moved(&fair, rung, by));
                    assert_eq!(got.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [rung], "{kind:?} {by}: {got:?}");
                }
            }
        }
    }

    #[test]
    fn a_small_bump_breaks_convexity_only() {
        let fair = rungs(OptionKind::Call);
        assert_eq!(stopped(OptionKind::Call, &moved(&fair, 10, 0.30)), [(10, "gate:butterfly".to_owned())]);
        assert_eq!(stopped(OptionKind::Call, &moved(&fair, 10, 0.06)), []);
    }

    #[test]
    fn equals_are_blamed_together_and_a_tick_is_left() {
        let two =
            |bid: f64| [Rung { strike: 100.0, bid: 1.90, ask: 2.00 }, Rung { strike: 105.0, bid, ask: bid + 0.10 }];
        assert_eq!(stopped(OptionKind::Call, &two(2.01)), []);
        let both = [(0, "gate:monotonicity".to_owned()), (1, "gate:monotonicity".to_owned())];
        assert_eq!(stopped(OptionKind::Call, &two(2.02)), both);
    }

    #[test]
    fn prices_fall_no_faster_than_strikes_rise() {
        let steep = [Rung { strike: 100.0, bid: 9.00, ask: 9.10 }, Rung { strike: 105.0, bid: 3.90, ask: 3.98 }];
        let ladder = Ladder { rungs: &steep, kind: OptionKind::Call, dollar: 1.0, ticks: Ticks::PENNY };
        assert_eq!(ladder.stopped().len(), 2, "a spread that pays 5 at most is sold for 5.02");
        assert_eq!(Ladder { dollar: 1.01, ..ladder }.stopped(), []);
    }

    #[test]
    fn afterwards_no_relation_is_broken() {
        // A chain of nonsense: bids and asks in no order.
        let rungs: Vec<Rung> = (0..60_u32)
            .map(|i| {
                let bid = f64::from(i * 7919 % 101) / 10.0 + 0.1;
                Rung { strike: 50.0 + f64::from(i), bid, ask: bid + 0.05 }
            })
            .collect();
        for kind in KINDS {
            let ladder = Ladder { rungs: &rungs, kind, dollar: 1.0, ticks: Ticks::PENNY };
            let stopped: Vec<usize> = ladder.stopped().into_iter().map(|(rung, _)| rung).collect();
            let left: Vec<usize> = (0..rungs.len()).filter(|rung| !stopped.contains(rung)).collect();
            assert!(ladder.pairs(&left).is_empty() && ladder.butterflies(&left).is_empty());
            assert!(!stopped.is_empty() && !left.is_empty());
        }
    }
}
