//! Whether what a canary brought over one gateway can be believed, by what the others brought. Pure.
//!
//! Vendors are known to serve old data without an error after a few hundred requests from one address. A canary asks for
//! something that is known to move; one gateway whose answer has stopped moving, or has lost rows, shows beside the others.
//! Nothing is compared with a clock: a simulated market has a time of its own.
//!
//! **The rule.** What one gateway showed never condemns another by itself, and nobody is condemned by what was true before.
//! - Another gateway *contradicts* an answer when it had shown later data [`Judge::lag`] before the answer was asked for, has
//!   not taken that back, and shows still later data in an answer asked for afterwards. So a time in the future that is shown
//!   once is taken back, one that stands still contradicts nobody, and a vendor's correction is everybody's by then. Lost
//!   rows, lost open interest and a lost date are contradicted by answers asked for afterwards that have them.
//! - Of *m* other gateways more than half must contradict it; of one, that one. One that has stood still for twice the lag is
//!   condemned by a single one that moves on: it is likelier that several froze together than that one alone moves wrongly.
//! - One that stands still *ahead* of everybody (a time in the future that stays) is condemned by more than half of the others
//!   that moved on meanwhile.
//! - Until it is contradicted, an answer that as many have gone ahead of is only suspect: it vouches for nothing, and the others
//!   are asked at once.
//! - A page without any open interest, and a lone gateway's loss of rows it showed twice, need no other.
//!
//! **What it cannot see.** Data that is old over every gateway, or over the only one. Data that is late by less than the lag. Which of two gateways
//! is right if both move: the one behind goes. A majority that is wrong and moves.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use fleet_core::domain::ContractQuote;
use jiff::Timestamp;
use jiff::civil::Date;

use super::rotation::Moment;

/// Fewer than this share of the rows that are known is a shrunken answer.
const ROWS_KEPT: f64 = 0.8;
/// Fewer than this share of the rows with open interest that are known is a block of zeros.
const INTEREST_KEPT: f64 = 0.5;
/// An answer of so many rows has open interest somewhere.
const SURELY_SOME: u32 = 20;
/// A session's volume is corrected by less than this share: less of it is no older.
const CORRECTED: f64 = 0.02;
/// Answers remembered of a gateway: those of the last quarter of an hour, at a canary each half a minute.
const REMEMBERED: usize = 30;
/// Whoever has shown nothing for so long has no opinion.
const HEARD: Moment = Moment::from_secs(900);

/// How far an answer's data has come. What came later is greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Progress {
    /// Newest time in it.
    Time(Timestamp),
    /// Its newest bar, and how much was traded in it.
    Traded(Date, u64),
}

impl Progress {
    /// Whether it is later than another one by more than a correction could explain.
    fn is_ahead_of(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Traded(day, volume), Self::Traded(of, known)) if day == of => {
                *volume as f64 > *known as f64 * (1.0 + CORRECTED)
            }
            _ => self > other,
        }
    }
}

/// What a canary brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pulse {
    /// How far its data has come; `None`: nothing says.
    pub(crate) progress: Option<Progress>,
    /// Rows.
    pub(crate) rows: u32,
    /// Rows with open interest; `None`: rows of this kind have none.
    pub(crate) with_interest: Option<u32>,
}

impl Pulse {
    /// Of a chain, or of a page of one: its newest time, its rows, and how many others were refused.
    pub(crate) fn of_rows(newest: Option<Timestamp>, rows: &[ContractQuote], refused: usize) -> Self {
        let with_interest = rows.iter().filter(|quote| quote.open_interest.is_some_and(|open| open > 0)).count();
        Self {
            progress: newest.map(Progress::Time),
            rows: count(rows.len() + refused),
            with_interest: Some(count(with_interest)),
        }
    }

    fn has_fewer_rows_than(&self, other: &Self) -> bool {
        f64::from(self.rows) < ROWS_KEPT * f64::from(other.rows)
    }

    fn has_less_interest_than(&self, other: &Self) -> bool {
        let (Some(here), Some(there)) = (self.with_interest, other.with_interest) else { return false };
        f64::from(here) < INTEREST_KEPT * f64::from(there)
    }
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// Why an answer is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Disbelief {
    /// Others had shown later data before, and have gone on.
    Old { shown: Progress, known: Progress },
    /// It stands still ahead of others, who have gone on.
    Still { shown: Progress },
    /// It says no time at all, where others do.
    Undated,
    /// It has lost rows.
    Shrunken { rows: u32, known: u32 },
    /// Its open interest is gone.
    NoInterest { with_interest: u32, known: u32 },
}

impl fmt::Display for Disbelief {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Old { shown: Progress::Time(shown), known: Progress::Time(known) } => {
                write!(f, "its data is of {shown}, others had shown {known}")
            }
            Self::Old { .. } => f.write_str("its newest bar is older than others had shown"),
            Self::Still { shown: Progress::Time(shown) } => {
                write!(f, "its data stays of {shown}, that of others goes on")
            }
            Self::Still { .. } => f.write_str("its newest bar stays as it is, that of others goes on"),
            Self::Undated => f.write_str("its data has no time, that of others has"),
            Self::Shrunken { rows, known } => write!(f, "it has {rows} rows where {known} are known"),
            Self::NoInterest { with_interest, known } => {
                write!(f, "{with_interest} of its rows have open interest where {known} are known to")
            }
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Seen {
    /// When it was asked for.
    sent: Moment,
    /// When it arrived.
    at: Moment,
    pulse: Pulse,
    is_believed: bool,
}

/// What one gateway has shown, in the order it was asked for.
#[derive(Debug, Clone, Default)]
struct Witness {
    seen: VecDeque<Seen>,
    /// It is in quarantine: its word counts for nothing.
    is_out: bool,
}

impl Witness {
    fn note(&mut self, seen: Seen) {
        let place = self.seen.partition_point(|earlier| earlier.sent <= seen.sent);
        self.seen.insert(place, seen);
        if self.seen.len() > REMEMBERED {
            self.seen.pop_front();
        }
    }

    /// What it had shown ahead of `progress` before an instant, and did not take back. The first such answer, and its place.
    fn claim(&self, progress: &Progress, before: Moment) -> Option<(usize, Progress)> {
        let ahead = |seen: &Seen| seen.pulse.progress.filter(|shown| shown.is_ahead_of(progress));
        let is_kept = |at: usize, shown: &Progress| {
            self.seen
                .iter()
                .skip(at + 1)
                .filter_map(|later| later.pulse.progress)
                .all(|later| !shown.is_ahead_of(&later))
        };
        self.seen.iter().enumerate().filter(|(_, seen)| seen.at <= before).find_map(|(at, seen)| {
            let shown = ahead(seen)?;
            is_kept(at, &shown).then_some((at, shown))
        })
    }

    /// Whether, after the answer at a place, it showed later data in an answer asked for at `since` or later.
    fn went_on(&self, at: usize, from: &Progress, since: Moment) -> bool {
        let later = |seen: &&Seen| seen.sent >= since && seen.pulse.progress.is_some_and(|shown| shown > *from);
        self.seen.iter().skip(at + 1).any(|seen| later(&seen))
    }

    /// Whether it moved between two instants.
    fn moved(&self, from: Moment, to: Moment) -> bool {
        let between = self.seen.iter().filter(|seen| seen.sent >= from && seen.at <= to);
        let mut shown = between.filter_map(|seen| seen.pulse.progress);
        shown.next().is_some_and(|first| shown.any(|later| later.is_ahead_of(&first)))
    }

    /// Since when its answers have shown the same progress as the newest one.
    fn still_since(&self) -> Option<Moment> {
        let newest = self.seen.back()?.pulse.progress?;
        let same = self.seen.iter().rev().take_while(|seen| seen.pulse.progress == Some(newest));
        same.last().map(|seen| seen.at)
    }

    /// The answers asked for at an instant or later.
    fn asked_since(&self, since: Moment) -> impl Iterator<Item = &Pulse> {
        self.seen.iter().filter(move |seen| seen.sent >= since).map(|seen| &seen.pulse)
    }
}

/// What a gateway's newest answer comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Fine,
    /// Enough others are against it, but have not been asked again.
    Suspect,
    Bad(Disbelief),
}

/// What follows from one answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Judgement {
    /// Whether it vouches for what came over its gateway before.
    pub(crate) is_fine: bool,
    /// It is suspect: what the others show now decides.
    pub(crate) is_suspect: bool,
    /// Gateways that are not believed any more: its own, or others that it contradicts.
    pub(crate) against: Vec<(String, Disbelief)>,
}

/// What canaries of one kind to one vendor brought so far.
#[derive(Debug)]
pub(crate) struct Judge {
    /// A vendor's own copies may be so far apart.
    lag: Moment,
    witnesses: BTreeMap<String, Witness>,
}

impl Judge {
    pub(crate) const fn new(lag: Moment) -> Self {
        Self { lag, witnesses: BTreeMap::new() }
    }

    /// Takes in what a canary brought over a gateway that was sent then and arrived now.
    pub(crate) fn judge(&mut self, gateway: &str, sent: Moment, now: Moment, pulse: &Pulse) -> Judgement {
        let own = self.witnesses.entry(gateway.to_owned()).or_default();
        own.note(Seen { sent, at: now, pulse: *pulse, is_believed: false });
        let standing = self.standing(gateway, now);
        if let Some(own) = self.witnesses.get_mut(gateway)
            && standing == Standing::Fine
        {
            own.is_out = false;
            own.seen.iter_mut().filter(|seen| seen.sent == sent).for_each(|seen| seen.is_believed = true);
        }
        let mut against = Vec::new();
        let names: Vec<String> = self.witnesses.keys().cloned().collect();
        for name in names {
            let is_out = self.witnesses.get(&name).is_none_or(|witness| witness.is_out);
            if let Standing::Bad(disbelief) = self.standing(&name, now)
                && !is_out
            {
                self.distrust(&name);
                against.push((name, disbelief));
            }
        }
        let (is_fine, is_suspect) = (standing == Standing::Fine, standing == Standing::Suspect);
        Judgement { is_fine, is_suspect, against }
    }

    /// A gateway is in quarantine, for whatever reason.
    pub(crate) fn distrust(&mut self, gateway: &str) {
        self.witnesses.entry(gateway.to_owned()).or_default().is_out = true;
    }

    /// The same, but for what gateways have shown that are no more.
    pub(crate) fn among(&self, is_kept: impl Fn(&str) -> bool) -> Self {
        let witnesses = self.witnesses.iter().filter(|(name, _)| is_kept(name));
        Self { lag: self.lag, witnesses: witnesses.map(|(name, witness)| (name.clone(), witness.clone())).collect() }
    }

    fn standing(&self, gateway: &str, now: Moment) -> Standing {
        let Some(own) = self.witnesses.get(gateway) else { return Standing::Fine };
        let Some(newest) = own.seen.back() else { return Standing::Fine };
        let pulse = &newest.pulse;
        if pulse.with_interest == Some(0) && pulse.rows >= SURELY_SOME {
            return Standing::Bad(Disbelief::NoInterest { with_interest: 0, known: self.most_interest(gateway) });
        }
        let is_heard = |witness: &Witness| witness.seen.back().is_some_and(|seen| seen.at + HEARD >= now);
        let others: Vec<&Witness> = self
            .witnesses
            .iter()
            .filter(|(name, witness)| *name != gateway && !witness.is_out && is_heard(witness))
            .map(|(_, witness)| witness)
            .collect();
        if others.is_empty() {
            return lone(own, pulse);
        }
        let mut standing = Standing::Fine;
        for found in [self.progress(own, newest, &others), rows(newest, &others), interest(newest, &others)] {
            match found {
                Standing::Bad(_) => return found,
                Standing::Suspect => standing = Standing::Suspect,
                Standing::Fine => {}
            }
        }
        standing
    }

    fn most_interest(&self, but: &str) -> u32 {
        let others = self.witnesses.iter().filter(|(name, _)| *name != but);
        others.filter_map(|(_, witness)| witness.seen.back()?.pulse.with_interest).max().unwrap_or(0)
    }

    fn progress(&self, own: &Witness, newest: &Seen, others: &[&Witness]) -> Standing {
        let most = majority(others.len());
        let before = newest.sent.saturating_sub(self.lag);
        let Some(shown) = newest.pulse.progress else {
            let is_dated = |pulse: &Pulse| pulse.progress.is_some();
            let dated = others.iter().filter(|other| other.seen.back().is_some_and(|seen| is_dated(&seen.pulse)));
            let still = others.iter().filter(|other| other.asked_since(newest.sent).any(is_dated));
            return decide(dated.count() >= most, still.count() >= most, Disbelief::Undated);
        };
        let stood = own.still_since().map_or(Moment::ZERO, |since| newest.sent.saturating_sub(since));
        let is_still = stood > Moment::ZERO && stood >= 2 * self.lag;
        let needed = if is_still { 1 } else { most };
        let claims: Vec<(&Witness, usize, Progress)> = others
            .iter()
            .filter_map(|other| other.claim(&shown, before).map(|(at, known)| (*other, at, known)))
            .collect();
        let contradicted = claims.iter().filter(|(other, at, known)| other.went_on(*at, known, newest.sent)).count();
        let known = claims.iter().map(|(_, _, known)| *known).max().unwrap_or(shown);
        match decide(claims.len() >= needed, contradicted >= needed, Disbelief::Old { shown, known }) {
            Standing::Fine => {}
            found => return found,
        }
        let Some(since) = own.still_since().filter(|_| is_still) else { return Standing::Fine };
        let moved = others.iter().filter(|other| other.moved(since + self.lag, before)).count();
        decide(false, moved >= most, Disbelief::Still { shown })
    }
}

/// More than half.
const fn majority(of: usize) -> usize {
    of / 2 + 1
}

const fn decide(is_suspect: bool, is_bad: bool, disbelief: Disbelief) -> Standing {
    if is_bad {
        Standing::Bad(disbelief)
    } else if is_suspect {
        Standing::Suspect
    } else {
        Standing::Fine
    }
}

/// More than half of the others have more, in their newest answers and in ones asked for since.
fn lost(
    newest: &Seen,
    others: &[&Witness],
    has_less: impl Fn(&Pulse, &Pulse) -> bool,
    disbelief: Disbelief,
) -> Standing {
    let (own, most) = (&newest.pulse, majority(others.len()));
    let more = others.iter().filter(|other| other.seen.back().is_some_and(|seen| has_less(own, &seen.pulse)));
    let still = others.iter().filter(|other| other.asked_since(newest.sent).any(|pulse| has_less(own, pulse)));
    decide(more.count() >= most, still.count() >= most, disbelief)
}

fn rows(newest: &Seen, others: &[&Witness]) -> Standing {
    let known = others.iter().filter_map(|other| Some(other.seen.back()?.pulse.rows)).max().unwrap_or(0);
    lost(newest, others, Pulse::has_fewer_rows_than, Disbelief::Shrunken { rows: newest.pulse.rows, known })
}

fn interest(newest: &Seen, others: &[&Witness]) -> Standing {
    let known = others.iter().filter_map(|other| other.seen.back()?.pulse.with_interest).max().unwrap_or(0);
    let with_interest = newest.pulse.with_interest.unwrap_or(0);
    lost(newest, others, Pulse::has_less_interest_than, Disbelief::NoInterest { with_interest, known })
}

/// A gateway without others is compared with what it showed itself: the second most, so that one answer that was too large
/// condemns nothing, or the only one.
fn lone(own: &Witness, pulse: &Pulse) -> Standing {
    let second = |of: &dyn Fn(&Pulse) -> Option<u32>| {
        let believed = own.seen.iter().filter(|seen| seen.is_believed);
        let mut all: Vec<u32> = believed.filter_map(|seen| of(&seen.pulse)).collect();
        all.sort_unstable_by(|a, b| b.cmp(a));
        all.get(1).or(all.first()).copied().unwrap_or(0)
    };
    let (rows, interest) = (second(&|pulse| Some(pulse.rows)), second(&|pulse| pulse.with_interest));
    let known = Pulse { progress: None, rows, with_interest: Some(interest) };
    if pulse.has_fewer_rows_than(&known) {
        return Standing::Bad(Disbelief::Shrunken { rows: pulse.rows, known: rows });
    }
    if pulse.has_less_interest_than(&known) {
        let with_interest = pulse.with_interest.unwrap_or(0);
        return Standing::Bad(Disbelief::NoInterest { with_interest, known: interest });
    }
    Standing::Fine
}

#[cfg(test)]
#[path = "canary_tests.rs"]
mod tests;
