//! The ledger's suite notices: a ledger that is wrong in one known way breaks the promise about it, and every promise is
//! broken by one of them.

use std::collections::BTreeSet;

use async_trait::async_trait;
use fleet_core::seams::Holder;
use fleet_gateways::conformance::ledger;
use fleet_gateways::ledger::{Ledger, LedgerError, Part};
use fleet_gateways::memory_ledger::MemoryLedger;
use fleet_gateways::region::Region;
use fleet_gateways::resource::ResourceId;
use fleet_gateways::set::{GatewaySet, Intent, IntentId, IntentState, SetId, SetState};
use jiff::Timestamp;
use tokio::sync::Mutex;

/// One way to be wrong.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Fault {
    ForgetsKeys,
    ChoosesAnew,
    ListsBackwards,
    FindsEverything,
    KeepsTheFirstTime,
    KeepsRefusedAttempts,
    LastIdWins,
    ForgetsWhatIsMadeLate,
    ReadiesAnything,
    ForgetsOnAttempt,
    AttemptsAnything,
    ReleasesEverything,
    KeepsEmptySetsWanted,
    WritesOffAnything,
    ShortensLeases,
    RenewsReleased,
    ExpiresEarly,
    ClaimsHeld,
    ClaimsExpired,
    AnybodyHolds,
    ClosesEarly,
    ForgetsReleased,
    WritesOverOthers,
}

/// Each with the promise that is to notice.
const NOTICED: [(Fault, &str); 23] = [
    (Fault::ForgetsKeys, "a_set_is_kept_as_it_was_opened"),
    (Fault::ChoosesAnew, "the_first_choices_stay"),
    (Fault::ListsBackwards, "sets_come_in_order_and_do_not_mix"),
    (Fault::FindsEverything, "what_is_not_there_is_not_found"),
    (Fault::KeepsTheFirstTime, "an_attempt_is_written_with_its_time"),
    (Fault::KeepsRefusedAttempts, "a_refused_attempt_is_taken_back"),
    (Fault::LastIdWins, "what_was_made_is_known_and_the_first_id_stays"),
    (Fault::ForgetsWhatIsMadeLate, "what_was_made_is_known_even_when_nobody_wants_it"),
    (Fault::ReadiesAnything, "only_what_was_made_becomes_ready"),
    (Fault::ForgetsOnAttempt, "an_attempt_changes_nothing_that_is_made"),
    (Fault::AttemptsAnything, "nothing_is_attempted_that_is_not_wanted"),
    (Fault::ReleasesEverything, "a_part_can_be_released_alone"),
    (Fault::KeepsEmptySetsWanted, "releasing_every_part_releases_the_set"),
    (Fault::WritesOffAnything, "gone_is_for_what_is_not_wanted"),
    (Fault::ShortensLeases, "a_lease_is_never_shortened_by_renewing"),
    (Fault::RenewsReleased, "a_released_set_is_neither_renewed_nor_parked"),
    (Fault::ExpiresEarly, "only_a_lease_that_is_over_is_ended"),
    (Fault::ClaimsHeld, "a_parked_set_is_claimed_once"),
    (Fault::ClaimsExpired, "a_set_whose_lease_is_over_is_not_claimed"),
    (Fault::AnybodyHolds, "who_does_not_hold_a_set_changes_nothing"),
    (Fault::ClosesEarly, "a_set_closes_when_nothing_of_it_may_exist"),
    (Fault::ForgetsReleased, "a_closed_set_is_remembered_until_it_is_forgotten"),
    (Fault::WritesOverOthers, "changes_at_the_same_time_are_all_kept"),
];

macro_rules! by_name {
    ($($promise:ident)*) => {
        const PROMISES: &[&str] = &[$(stringify!($promise)),*];

        async fn check(promise: &str, of: &dyn Ledger) -> Result<(), String> {
            match promise {
                $(stringify!($promise) => ledger::$promise(of).await,)*
                other => panic!("there is no promise {other}"),
            }
        }
    };
}
fleet_gateways::ledger_promises!(by_name);

#[tokio::test]
async fn each_way_to_be_wrong_is_noticed_by_its_promise() {
    for (fault, promise) in NOTICED {
        let broken = Broken { inner: Mutex::default(), fault };
        assert!(check(promise, &broken).await.is_err(), "{promise} does not notice {fault:?}");
    }
    let covered: BTreeSet<&str> = NOTICED.iter().map(|(_, promise)| *promise).collect();
    let promised: BTreeSet<&str> = PROMISES.iter().copied().collect();
    assert_eq!(covered, promised, "a promise that nothing breaks may be one that cannot be broken");
}

struct Broken {
    inner: Mutex<MemoryLedger>,
    fault: Fault,
}

impl Broken {
    fn is(&self, fault: Fault) -> bool {
        self.fault == fault
    }

    /// Changes what is stored, past all rules.
    async fn edit(&self, id: &SetId, change: impl FnOnce(&mut GatewaySet)) {
        let mut inner = self.inner.lock().await;
        let mut sets = inner.sets().await.unwrap();
        if let Some(set) = sets.iter_mut().find(|set| set.id == *id) {
            change(set);
        }
        *inner = MemoryLedger::from(sets);
    }

    async fn edit_intent(&self, id: &IntentId, change: impl FnOnce(&mut Intent)) {
        self.edit(&id.set, |set| set.intents.iter_mut().find(|intent| intent.id == *id).map_or((), change)).await;
    }

    async fn stored(&self, id: &SetId) -> Option<GatewaySet> {
        self.inner.lock().await.sets().await.unwrap().into_iter().find(|set| set.id == *id)
    }

    fn found<T>(&self, answer: Result<T, LedgerError>, instead: T) -> Result<T, LedgerError> {
        match answer {
            Err(LedgerError::NotFound(_)) if self.is(Fault::FindsEverything) => Ok(instead),
            answer => answer,
        }
    }
}

#[async_trait]
impl Ledger for Broken {
    async fn open(&self, set: &GatewaySet) -> Result<GatewaySet, LedgerError> {
        let mut set = set.clone();
        if self.is(Fault::ForgetsKeys) {
            set.intents.iter_mut().for_each(|intent| intent.key_value = None);
        }
        let stored = self.inner.lock().await.open(&set).await?;
        if self.is(Fault::ChoosesAnew) {
            self.edit(&set.id, |there| *there = set.clone()).await;
            return Ok(set);
        }
        Ok(stored)
    }

    async fn sets(&self) -> Result<Vec<GatewaySet>, LedgerError> {
        let mut sets = self.inner.lock().await.sets().await?;
        if self.is(Fault::ListsBackwards) {
            sets.reverse();
        }
        Ok(sets)
    }

    async fn attempt(&self, intent: &IntentId, at: Timestamp) -> Result<(), LedgerError> {
        if self.is(Fault::WritesOverOthers) {
            let read = self.stored(&intent.set).await;
            tokio::task::yield_now().await;
            if let Some(read) = read {
                self.edit(&intent.set, |set| *set = read).await;
            }
        }
        let attempted = |intent: &mut Intent| intent.state = IntentState::Attempted { at };
        if self.is(Fault::ForgetsOnAttempt) {
            self.edit_intent(intent, attempted).await;
        }
        if self.is(Fault::AttemptsAnything) {
            self.edit_intent(intent, attempted).await;
            return Ok(());
        }
        let before = self.stored(&intent.set).await;
        let answer = self.inner.lock().await.attempt(intent, at).await;
        if self.is(Fault::KeepsTheFirstTime) {
            let first = before.and_then(|set| set.intents.into_iter().find(|one| one.id == *intent));
            let first = first.filter(|one| matches!(one.state, IntentState::Attempted { .. }));
            self.edit_intent(intent, |one| one.state = first.map_or(one.state.clone(), |first| first.state)).await;
        }
        self.found(answer, ())
    }

    async fn not_made(&self, intent: &IntentId) -> Result<(), LedgerError> {
        if self.is(Fault::KeepsRefusedAttempts) {
            return Ok(());
        }
        self.inner.lock().await.not_made(intent).await
    }

    async fn made(&self, intent: &IntentId, resource: &ResourceId) -> Result<ResourceId, LedgerError> {
        let wanted = self.stored(&intent.set).await.is_some_and(|set| set.state == SetState::Wanted);
        if self.is(Fault::ForgetsWhatIsMadeLate) && !wanted {
            return Ok(resource.clone());
        }
        let answer = self.inner.lock().await.made(intent, resource).await;
        if self.is(Fault::LastIdWins) {
            let at = Timestamp::UNIX_EPOCH;
            self.edit_intent(intent, |one| one.state = IntentState::Made { resource: resource.clone(), at }).await;
        }
        answer
    }

    async fn ready(&self, intent: &IntentId) -> Result<(), LedgerError> {
        if self.is(Fault::ReadiesAnything) {
            let (resource, at) = (ResourceId("a".to_owned()), Timestamp::UNIX_EPOCH);
            self.edit_intent(intent, |one| one.state = IntentState::Ready { resource, at }).await;
        }
        self.inner.lock().await.ready(intent).await
    }

    async fn gone(&self, intent: &IntentId) -> Result<(), LedgerError> {
        if self.is(Fault::WritesOffAnything) {
            self.edit_intent(intent, |one| one.state = IntentState::Gone).await;
        }
        self.inner.lock().await.gone(intent).await
    }

    async fn claim(
        &self,
        set: &SetId,
        holder: &Holder,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<bool, LedgerError> {
        if self.is(Fault::ClaimsHeld) {
            self.edit(set, |set| set.holder = None).await;
        }
        let now = if self.is(Fault::ClaimsExpired) { Timestamp::UNIX_EPOCH } else { now };
        self.inner.lock().await.claim(set, holder, now, expires_at).await
    }

    async fn renew(&self, set: &SetId, holder: &Holder, expires_at: Timestamp) -> Result<(), LedgerError> {
        if self.is(Fault::RenewsReleased) {
            self.edit(set, |set| set.expires_at = expires_at).await;
        }
        let answer = match self.fault {
            Fault::AnybodyHolds => {
                self.edit(set, |set| set.expires_at = expires_at).await;
                Ok(())
            }
            _ => self.inner.lock().await.renew(set, holder, expires_at).await,
        };
        if self.is(Fault::ShortensLeases) {
            self.edit(set, |set| set.expires_at = expires_at).await;
        }
        answer
    }

    async fn park(&self, set: &SetId, holder: &Holder, expires_at: Timestamp) -> Result<(), LedgerError> {
        self.inner.lock().await.park(set, holder, expires_at).await
    }

    async fn release(&self, set: &SetId, part: &Part, holder: Option<&Holder>) -> Result<(), LedgerError> {
        let part = if self.is(Fault::ReleasesEverything) { &Part::Whole } else { part };
        let answer = self.inner.lock().await.release(set, part, holder).await;
        let one = |region: &Region| matches!(part, Part::Region(of) if of == region);
        if self.is(Fault::KeepsEmptySetsWanted) {
            self.edit(set, |set| {
                if set.regions().iter().any(one) {
                    set.state = SetState::Wanted;
                }
            })
            .await;
        }
        answer
    }

    async fn expire(&self, set: &SetId, now: Timestamp) -> Result<bool, LedgerError> {
        let now = if self.is(Fault::ExpiresEarly) { Timestamp::MAX } else { now };
        self.inner.lock().await.expire(set, now).await
    }

    async fn close(&self, set: &SetId) -> Result<bool, LedgerError> {
        if self.is(Fault::ClosesEarly) {
            self.edit(set, |set| set.state = SetState::Closed).await;
            return Ok(true);
        }
        self.inner.lock().await.close(set).await
    }

    async fn forget(&self, opened_before: Timestamp) -> Result<u32, LedgerError> {
        let mut inner = self.inner.lock().await;
        if self.is(Fault::ForgetsReleased) {
            let sets = inner.sets().await?.into_iter().filter(|set| set.state == SetState::Wanted).collect::<Vec<_>>();
            *inner = MemoryLedger::from(sets);
        }
        inner.forget(opened_before).await
    }
}
