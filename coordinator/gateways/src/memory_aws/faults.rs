//! What goes wrong, and when: named calls, or a seeded mixture.

use std::collections::BTreeMap;
use std::time::Duration;

use super::seeded::mix;
use crate::provider::{Conflict, ProviderError};
use crate::quota::Operation;

/// What happens to one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// It is refused; nothing happens.
    Before(ProviderError),
    /// It is done, and the answer is lost.
    LostAnswer,
    /// No answer ever comes.
    TimeOut {
        /// It is done after this time nevertheless; `None`: it never is.
        effect_after: Option<Duration>,
    },
    /// The calling process ends before it was sent.
    CrashBefore,
    /// The calling process ends after it was done.
    CrashAfter,
}

/// A question that is about no one Region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Question {
    /// Whose credentials these are.
    Account,
    /// Which Regions are enabled.
    EnabledRegions,
}

/// The faults of a world.
#[derive(Debug, Clone)]
pub struct Faults {
    named: BTreeMap<u64, Fault>,
    from: BTreeMap<Operation, Fault>,
    questions: BTreeMap<Question, (u64, Fault)>,
    mixture: Option<Mixture>,
}

/// How often what goes wrong, of 1,000 calls.
#[derive(Debug, Clone, Copy)]
pub struct Mixture {
    /// Which calls, follows from it.
    pub seed: u64,
    /// 429 that nobody provoked (somebody else uses the account).
    pub throttled: u64,
    /// A server's error before anything happened.
    pub failed_before: u64,
    /// The answer is lost.
    pub lost_answer: u64,
    /// No answer; half of these are done later, up to 20 s.
    pub timed_out: u64,
    /// "It is being changed".
    pub busy: u64,
    /// Not allowed: it does not pass by itself.
    pub denied: u64,
}

impl Faults {
    /// Nothing goes wrong.
    #[must_use]
    pub fn none() -> Self {
        Self { named: BTreeMap::new(), from: BTreeMap::new(), questions: BTreeMap::new(), mixture: None }
    }

    /// The n-th call from now, from 0.
    #[must_use]
    pub fn nth(call: u64, fault: Fault) -> Self {
        Self::none().and_nth(call, fault)
    }

    /// And the n-th call.
    #[must_use]
    pub fn and_nth(mut self, call: u64, fault: Fault) -> Self {
        self.named.insert(call, fault);
        self
    }

    /// Every call of an operation.
    #[must_use]
    pub fn every(mut self, operation: Operation, fault: Fault) -> Self {
        self.from.insert(operation, fault);
        self
    }

    /// A question, from the n-th time it is asked on, from 0.
    #[must_use]
    pub fn asked(mut self, question: Question, from: u64, fault: Fault) -> Self {
        self.questions.insert(question, (from, fault));
        self
    }

    /// And a mixture, where nothing else was named.
    #[must_use]
    pub fn and_mixture(mut self, mixture: Mixture) -> Self {
        self.mixture = Some(mixture);
        self
    }

    /// What happens to a question that was asked so often before; `number` counts questions of all kinds.
    pub(super) fn of_question(&self, question: Question, before: u64, number: u64) -> Option<Fault> {
        let named = self.questions.get(&question).filter(|(from, _)| before >= *from);
        let mixed = || self.mixture.and_then(|mixture| mixture.of_question(number));
        named.map(|(_, fault)| fault.clone()).or_else(mixed)
    }

    /// What happens to this call.
    pub(super) fn of(&self, number: u64, operation: Operation) -> Option<Fault> {
        let named = self.named.get(&number).or_else(|| self.from.get(&operation)).cloned();
        named.or_else(|| self.mixture.and_then(|mixture| mixture.of(number)))
    }
}

impl Mixture {
    /// A question fails as calls do, but for what only a change can meet.
    fn of_question(&self, number: u64) -> Option<Fault> {
        let of_questions = Self { seed: mix(self.seed, number, 4), lost_answer: 0, busy: 0, denied: 0, ..*self };
        of_questions.of(number)
    }

    fn of(&self, number: u64) -> Option<Fault> {
        let mut at = mix(self.seed, number, 2) % 1_000;
        let detail = mix(self.seed, number, 3);
        let mut falls = |share: u64| {
            let hit = at < share;
            at = at.wrapping_sub(share);
            hit
        };
        if falls(self.throttled) {
            let retry_after = (!detail.is_multiple_of(3)).then(|| Duration::from_secs(1 + detail % 4));
            return Some(Fault::Before(ProviderError::Throttled { retry_after }));
        }
        if falls(self.failed_before) {
            return Some(Fault::Before(ProviderError::Unknown("internal server error".to_owned())));
        }
        if falls(self.lost_answer) {
            return Some(Fault::LostAnswer);
        }
        if falls(self.timed_out) {
            let effect_after = detail.is_multiple_of(2).then(|| Duration::from_millis(detail % 20_000));
            return Some(Fault::TimeOut { effect_after });
        }
        if falls(self.busy) {
            return Some(Fault::Before(ProviderError::Conflict(Conflict::Busy)));
        }
        falls(self.denied).then(|| Fault::Before(ProviderError::Denied("not authorised".to_owned())))
    }
}
