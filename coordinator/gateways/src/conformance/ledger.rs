//! The promises of a ledger.
//!
//! Each function wants an empty ledger. Times are the caller's, so nothing waits.

use std::time::Duration;

use fleet_core::seams::Holder;
use jiff::Timestamp;

use super::{Kept, ensure, ensure_eq};
use crate::ledger::{Ledger, LedgerError, Part};
use crate::region::{AccountId, Region};
use crate::resource::ResourceId;
use crate::set::{Entropy, GatewaySet, Intent, IntentState, Opening, Order, SetId, SetState};
use crate::spec::SpecHash;
use crate::tags::OwnerTag;

/// Calls a macro with the name of every promise of a ledger.
#[macro_export]
macro_rules! ledger_promises {
    ($each:ident) => {
        $each! {
            a_set_is_kept_as_it_was_opened
            the_first_choices_stay
            sets_come_in_order_and_do_not_mix
            what_is_not_there_is_not_found
            an_attempt_is_written_with_its_time
            a_refused_attempt_is_taken_back
            what_was_made_is_known_and_the_first_id_stays
            what_was_made_is_known_even_when_nobody_wants_it
            only_what_was_made_becomes_ready
            an_attempt_changes_nothing_that_is_made
            nothing_is_attempted_that_is_not_wanted
            a_part_can_be_released_alone
            releasing_every_part_releases_the_set
            gone_is_for_what_is_not_wanted
            a_lease_is_never_shortened_by_renewing
            a_released_set_is_neither_renewed_nor_parked
            only_a_lease_that_is_over_is_ended
            a_parked_set_is_claimed_once
            who_does_not_hold_a_set_changes_nothing
            a_set_whose_lease_is_over_is_not_claimed
            a_set_closes_when_nothing_of_it_may_exist
            a_closed_set_is_remembered_until_it_is_forgotten
            changes_at_the_same_time_are_all_kept
        }
    };
}

fn at(secs: i64) -> Timestamp {
    Timestamp::from_second(secs).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn holder(name: &str) -> Holder {
    Holder(name.to_owned())
}

/// A set in two Regions, opened at 1,000 s, with a lease until 2,000 s.
fn drawn(name: &str, entropy: u8) -> Result<GatewaySet, String> {
    let order = Order {
        set: SetId::parse(name).kept("naming a set")?,
        holder: holder("first"),
        regions: vec![region("us-east-1")?, region("us-west-2")?],
        per_region: 1,
        expires_at: at(2_000),
        entropy: Entropy([entropy; 32]),
    };
    let opening = Opening {
        account: AccountId("1".to_owned()),
        owner: OwnerTag::parse("conformance").kept("naming an owner")?,
        spec_hash: SpecHash("0123456789abcdef".to_owned()),
        at: at(1_000),
    };
    Ok(GatewaySet::draw(&order, opening))
}

fn region(code: &str) -> Result<Region, String> {
    Region::parse(code).kept("naming a Region")
}

async fn opened(ledger: &dyn Ledger, name: &str) -> Result<GatewaySet, String> {
    ledger.open(&drawn(name, 1)?).await.kept("opening a set")
}

async fn stored(ledger: &dyn Ledger, name: &str) -> Result<GatewaySet, String> {
    let sets = ledger.sets().await.kept("reading the sets")?;
    sets.into_iter().find(|set| set.id.as_str() == name).ok_or_else(|| format!("the set {name} is not there"))
}

/// The n-th intent as it is stored.
async fn intent(ledger: &dyn Ledger, name: &str, n: usize) -> Result<Intent, String> {
    let set = stored(ledger, name).await?;
    set.intents.get(n).cloned().ok_or_else(|| format!("the set {name} has no intent {n}"))
}

async fn make(ledger: &dyn Ledger, intent: &Intent, id: &str) -> Result<ResourceId, String> {
    ledger.attempt(&intent.id, at(1_001)).await.kept("attempting")?;
    ledger.made(&intent.id, &ResourceId(id.to_owned())).await.kept("writing an id")
}

fn not_wanted<T: std::fmt::Debug>(answer: &Result<T, LedgerError>, act: &str) -> Result<(), String> {
    ensure!(matches!(answer, Err(LedgerError::NotWanted(_))), "{act} something nobody wants gave {answer:?}");
    Ok(())
}

/// Every field.
pub async fn a_set_is_kept_as_it_was_opened(ledger: &dyn Ledger) -> Result<(), String> {
    let set = drawn("one", 1)?;
    ensure_eq!(ledger.open(&set).await.kept("opening")?, set, "the answer to opening");
    ensure_eq!(stored(ledger, "one").await?, set, "what is stored");
    Ok(())
}

/// A replay draws anew and gets what was drawn first.
pub async fn the_first_choices_stay(ledger: &dyn Ledger) -> Result<(), String> {
    let first = opened(ledger, "one").await?;
    make(ledger, &first.intents[0], "a").await?;
    let answer = ledger.open(&drawn("one", 2)?).await.kept("opening again")?;
    ensure_eq!(answer, stored(ledger, "one").await?, "the answer to opening again");
    let keys = |set: &GatewaySet| set.intents.iter().map(|intent| intent.key_value.clone()).collect::<Vec<_>>();
    ensure_eq!(keys(&answer), keys(&first), "the keys' values");
    ensure_eq!(answer.intents[0].resource().cloned(), Some(ResourceId("a".to_owned())), "what was made meanwhile");
    Ok(())
}

/// In order of names; what happens to one leaves the other.
pub async fn sets_come_in_order_and_do_not_mix(ledger: &dyn Ledger) -> Result<(), String> {
    let two = opened(ledger, "two").await?;
    let one = opened(ledger, "one").await?;
    make(ledger, &one.intents[0], "a").await?;
    ledger.release(&one.id, &Part::Whole, None).await.kept("releasing")?;
    let names: Vec<String> = ledger.sets().await.kept("reading")?.into_iter().map(|set| set.id.to_string()).collect();
    ensure_eq!(names, vec!["one".to_owned(), "two".to_owned()], "the order of sets");
    ensure_eq!(stored(ledger, "two").await?, two, "the other set");
    Ok(())
}

/// Neither set nor intent.
pub async fn what_is_not_there_is_not_found(ledger: &dyn Ledger) -> Result<(), String> {
    let set = drawn("nothing", 1)?;
    let intent = &set.intents[0].id;
    let answers = [
        ledger.attempt(intent, at(1)).await,
        ledger.not_made(intent).await,
        ledger.made(intent, &ResourceId("a".to_owned())).await.map(drop),
        ledger.ready(intent).await,
        ledger.gone(intent).await,
        ledger.claim(&set.id, &holder("x"), at(1), at(2)).await.map(drop),
        ledger.renew(&set.id, &holder("x"), at(2)).await,
        ledger.park(&set.id, &holder("first"), at(2)).await,
        ledger.release(&set.id, &Part::Whole, None).await,
        ledger.expire(&set.id, at(1)).await.map(drop),
        ledger.close(&set.id).await.map(drop),
    ];
    for (n, answer) in answers.into_iter().enumerate() {
        ensure!(matches!(answer, Err(LedgerError::NotFound(_))), "act {n} on nothing gave {answer:?}");
    }
    Ok(())
}

/// The last attempt's time counts.
pub async fn an_attempt_is_written_with_its_time(ledger: &dyn Ledger) -> Result<(), String> {
    let set = opened(ledger, "one").await?;
    for time in [at(1_001), at(1_050)] {
        ledger.attempt(&set.intents[1].id, time).await.kept("attempting")?;
        ensure_eq!(intent(ledger, "one", 1).await?.state, IntentState::Attempted { at: time }, "the attempt");
    }
    ensure_eq!(intent(ledger, "one", 0).await?.state, IntentState::Planned, "another intent");
    Ok(())
}

/// Then nothing exists; but what was made stays made.
pub async fn a_refused_attempt_is_taken_back(ledger: &dyn Ledger) -> Result<(), String> {
    let set = opened(ledger, "one").await?;
    ledger.attempt(&set.intents[0].id, at(1_001)).await.kept("attempting")?;
    ledger.not_made(&set.intents[0].id).await.kept("taking an attempt back")?;
    ensure_eq!(intent(ledger, "one", 0).await?.state, IntentState::Planned, "an attempt that was taken back");
    make(ledger, &set.intents[1], "b").await?;
    ledger.not_made(&set.intents[1].id).await.kept("taking back what was made")?;
    ensure!(intent(ledger, "one", 1).await?.resource().is_some(), "what was made was taken back");
    Ok(())
}

/// Two finders of two things agree on one.
pub async fn what_was_made_is_known_and_the_first_id_stays(ledger: &dyn Ledger) -> Result<(), String> {
    let set = opened(ledger, "one").await?;
    ensure_eq!(make(ledger, &set.intents[0], "a").await?.0, "a", "the first id");
    let state = IntentState::Made { resource: ResourceId("a".to_owned()), at: at(1_001) };
    ensure_eq!(intent(ledger, "one", 0).await?.state, state, "what was made");
    let answer = ledger.made(&set.intents[0].id, &ResourceId("b".to_owned())).await.kept("writing another id")?;
    ensure_eq!(answer.0, "a", "the id that counts");
    ensure_eq!(intent(ledger, "one", 0).await?.state, state, "what was made first");
    Ok(())
}

/// A released set still learns what exists.
pub async fn what_was_made_is_known_even_when_nobody_wants_it(ledger: &dyn Ledger) -> Result<(), String> {
    let set = opened(ledger, "one").await?;
    ledger.attempt(&set.intents[0].id, at(1_001)).await.kept("attempting")?;
    ledger.release(&set.id, &Part::Whole, None).await.kept("releasing")?;
    ledger.made(&set.intents[0].id, &ResourceId("a".to_owned())).await.kept("writing an id after the release")?;
    ensure!(intent(ledger, "one", 0).await?.resource().is_some(), "the id is not there");
    ensure!(!ledger.close(&set.id).await.kept("closing")?, "a set was closed of which something exists");
    Ok(())
}

/// Not what was merely attempted; ready stays ready.
pub async fn only_what_was_made_becomes_ready(ledger: &dyn Ledger) -> Result<(), String> {
    let set = opened(ledger, "one").await?;
    ledger.ready(&set.intents[0].id).await.kept("readying nothing")?;
    ensure_eq!(intent(ledger, "one", 0).await?.state, IntentState::Planned, "an intent nobody asked for");
    make(ledger, &set.intents[0], "a").await?;
    for _ in 0..2 {
        ledger.ready(&set.intents[0].id).await.kept("readying")?;
        let state = IntentState::Ready { resource: ResourceId("a".to_owned()), at: at(1_001) };
        ensure_eq!(intent(ledger, "one", 0).await?.state, state, "what is ready");
    }
    Ok(())
}

/// A replay that is late does not forget an id.
pub async fn an_attempt_changes_nothing_that_is_made(ledger: &dyn Ledger) -> Result<(), String> {
    let set = opened(ledger, "one").await?;
    make(ledger, &set.intents[0], "a").await?;
    let before = intent(ledger, "one", 0).await?;
    ledger.attempt(&set.intents[0].id, at(1_900)).await.kept("attempting what is made")?;
    ensure_eq!(intent(ledger, "one", 0).await?, before, "what was made");
    Ok(())
}

/// A run whose set was given up creates nothing more.
pub async fn nothing_is_attempted_that_is_not_wanted(ledger: &dyn Ledger) -> Result<(), String> {
    let set = opened(ledger, "one").await?;
    for _ in 0..2 {
        ledger.release(&set.id, &Part::Whole, None).await.kept("releasing, twice")?;
    }
    let stored = stored(ledger, "one").await?;
    ensure_eq!(stored.state, SetState::Released, "the set");
    ensure!(stored.intents.iter().all(|intent| !intent.wanted), "an intent of a released set is wanted");
    not_wanted(&ledger.attempt(&set.intents[0].id, at(1_001)).await, "attempting")?;
    ensure_eq!(intent(ledger, "one", 0).await?.state, IntentState::Planned, "what was not attempted");
    Ok(())
}

/// The other Region goes on.
pub async fn a_part_can_be_released_alone(ledger: &dyn Ledger) -> Result<(), String> {
    let set = opened(ledger, "one").await?;
    ledger.release(&set.id, &Part::Region(region("us-west-2")?), None).await.kept("releasing a Region")?;
    for one in &set.intents {
        let answer = ledger.attempt(&one.id, at(1_001)).await;
        if one.id.region == region("us-west-2")? {
            not_wanted(&answer, "attempting")?;
        } else {
            answer.kept("attempting in the other Region")?;
        }
    }
    ensure_eq!(stored(ledger, "one").await?.state, SetState::Wanted, "the set");
    ledger.renew(&set.id, &holder("first"), at(3_000)).await.kept("renewing the rest")
}

/// Nothing wanted is nothing wanted.
pub async fn releasing_every_part_releases_the_set(ledger: &dyn Ledger) -> Result<(), String> {
    let set = opened(ledger, "one").await?;
    for one in set.regions() {
        ledger.release(&set.id, &Part::Region(one), None).await.kept("releasing a Region")?;
    }
    ensure_eq!(stored(ledger, "one").await?.state, SetState::Released, "the set");
    Ok(())
}

/// What is wanted cannot be written off.
pub async fn gone_is_for_what_is_not_wanted(ledger: &dyn Ledger) -> Result<(), String> {
    let set = opened(ledger, "one").await?;
    make(ledger, &set.intents[0], "a").await?;
    ledger.gone(&set.intents[0].id).await.kept("writing off what is wanted")?;
    ensure!(intent(ledger, "one", 0).await?.resource().is_some(), "what is wanted was written off");
    ledger.release(&set.id, &Part::Whole, None).await.kept("releasing")?;
    for _ in 0..2 {
        ledger.gone(&set.intents[0].id).await.kept("writing off")?;
        ensure_eq!(intent(ledger, "one", 0).await?.state, IntentState::Gone, "what is gone");
    }
    Ok(())
}

/// A late renewal does no harm.
pub async fn a_lease_is_never_shortened_by_renewing(ledger: &dyn Ledger) -> Result<(), String> {
    let set = opened(ledger, "one").await?;
    for (asked, expected) in [(2_500, 2_500), (2_100, 2_500)] {
        ledger.renew(&set.id, &holder("first"), at(asked)).await.kept("renewing")?;
        ensure_eq!(stored(ledger, "one").await?.expires_at, at(expected), "the end of the lease");
    }
    ledger.park(&set.id, &holder("first"), at(2_200)).await.kept("parking")?;
    ensure_eq!(stored(ledger, "one").await?.expires_at, at(2_200), "the end of a parked set's lease");
    Ok(())
}

/// Given up is given up.
pub async fn a_released_set_is_neither_renewed_nor_parked(ledger: &dyn Ledger) -> Result<(), String> {
    let set = opened(ledger, "one").await?;
    ledger.release(&set.id, &Part::Whole, None).await.kept("releasing")?;
    not_wanted(&ledger.renew(&set.id, &holder("first"), at(9_000)).await, "renewing")?;
    not_wanted(&ledger.park(&set.id, &holder("first"), at(9_000)).await, "parking")?;
    ensure_eq!(stored(ledger, "one").await?.expires_at, at(2_000), "the end of the lease");
    Ok(())
}

/// A run that renewed in the last moment keeps its set.
pub async fn only_a_lease_that_is_over_is_ended(ledger: &dyn Ledger) -> Result<(), String> {
    let set = opened(ledger, "one").await?;
    ensure!(!ledger.expire(&set.id, at(1_999)).await.kept("ending a lease")?, "a lease was ended early");
    ensure_eq!(stored(ledger, "one").await?.state, SetState::Wanted, "the set");
    ensure!(ledger.expire(&set.id, at(2_000)).await.kept("ending a lease")?, "a lease that is over was not ended");
    ensure_eq!(stored(ledger, "one").await?.state, SetState::Released, "the set");
    not_wanted(&ledger.attempt(&set.intents[0].id, at(2_001)).await, "attempting")
}

/// One run at a time.
pub async fn a_parked_set_is_claimed_once(ledger: &dyn Ledger) -> Result<(), String> {
    let set = opened(ledger, "one").await?;
    let claim = |who: &'static str, until| {
        let id = set.id.clone();
        async move { ledger.claim(&id, &holder(who), at(1_500), at(until)).await.kept("claiming") }
    };
    ensure!(!claim("second", 3_000).await?, "a set that is held was claimed");
    ledger.park(&set.id, &holder("first"), at(2_000)).await.kept("parking")?;
    ensure_eq!(stored(ledger, "one").await?.holder, None, "the holder of a parked set");
    ensure!(claim("second", 3_000).await?, "a parked set could not be claimed");
    let claimed = stored(ledger, "one").await?;
    ensure_eq!(claimed.holder, Some(holder("second")), "the holder");
    ensure_eq!(claimed.expires_at, at(3_000), "the end of the lease");
    ensure!(!claim("third", 4_000).await?, "a set was claimed twice");
    ensure_eq!(stored(ledger, "one").await?, claimed, "the set after a claim that failed");
    Ok(())
}

/// A run that parked its set, died, and does it again meets the next holder.
pub async fn who_does_not_hold_a_set_changes_nothing(ledger: &dyn Ledger) -> Result<(), String> {
    let set = opened(ledger, "one").await?;
    ledger.park(&set.id, &holder("first"), at(2_000)).await.kept("parking")?;
    ledger.park(&set.id, &holder("first"), at(2_000)).await.kept("parking what nobody holds, again")?;
    ledger.claim(&set.id, &holder("second"), at(1_500), at(3_000)).await.kept("claiming")?;
    let held = stored(ledger, "one").await?;
    let answers = [
        ledger.renew(&set.id, &holder("first"), at(9_000)).await,
        ledger.park(&set.id, &holder("first"), at(9_000)).await,
        ledger.release(&set.id, &Part::Whole, Some(&holder("first"))).await,
    ];
    for answer in answers {
        ensure!(matches!(answer, Err(LedgerError::NotHeld(_))), "an act on somebody else's set gave {answer:?}");
    }
    ensure_eq!(stored(ledger, "one").await?, held, "the set of somebody else");
    ledger.release(&set.id, &Part::Whole, Some(&holder("second"))).await.kept("releasing what is held")?;
    ensure_eq!(stored(ledger, "one").await?.state, SetState::Released, "the set");
    Ok(())
}

/// Nobody takes what is about to be deleted.
pub async fn a_set_whose_lease_is_over_is_not_claimed(ledger: &dyn Ledger) -> Result<(), String> {
    let set = opened(ledger, "one").await?;
    ledger.park(&set.id, &holder("first"), at(2_000)).await.kept("parking")?;
    let late = ledger.claim(&set.id, &holder("second"), at(2_000), at(3_000)).await.kept("claiming")?;
    ensure!(!late, "a set whose lease is over was claimed");
    ledger.release(&set.id, &Part::Whole, None).await.kept("releasing")?;
    let released = ledger.claim(&set.id, &holder("second"), at(1_500), at(3_000)).await.kept("claiming")?;
    ensure!(!released, "a released set was claimed");
    Ok(())
}

/// Not before.
pub async fn a_set_closes_when_nothing_of_it_may_exist(ledger: &dyn Ledger) -> Result<(), String> {
    let set = opened(ledger, "one").await?;
    ensure!(!ledger.close(&set.id).await.kept("closing")?, "a set was closed that is wanted");
    make(ledger, &set.intents[0], "a").await?;
    ledger.attempt(&set.intents[1].id, at(1_001)).await.kept("attempting")?;
    ledger.release(&set.id, &Part::Whole, None).await.kept("releasing")?;
    for n in [0, 1] {
        ensure!(!ledger.close(&set.id).await.kept("closing")?, "a set was closed of which {} may exist", 2 - n);
        ensure_eq!(stored(ledger, "one").await?.state, SetState::Released, "the set");
        ledger.gone(&set.intents[n].id).await.kept("writing off")?;
    }
    for _ in 0..2 {
        ensure!(ledger.close(&set.id).await.kept("closing")?, "a set of which nothing exists was not closed");
    }
    ensure_eq!(stored(ledger, "one").await?.state, SetState::Closed, "the set");
    Ok(())
}

/// So that something that appears late is recognised.
pub async fn a_closed_set_is_remembered_until_it_is_forgotten(ledger: &dyn Ledger) -> Result<(), String> {
    let closed = opened(ledger, "closed").await?;
    ledger.release(&closed.id, &Part::Whole, None).await.kept("releasing")?;
    ensure!(ledger.close(&closed.id).await.kept("closing")?, "an empty set was not closed");
    opened(ledger, "wanted").await?;
    let released = opened(ledger, "released").await?;
    ledger.release(&released.id, &Part::Whole, None).await.kept("releasing")?;
    let day = i64::try_from(Duration::from_secs(86_400).as_secs()).unwrap_or_default();
    ensure_eq!(ledger.forget(at(1_000)).await.kept("forgetting")?, 0, "sets forgotten too early");
    ensure_eq!(ledger.forget(at(1_000 + day)).await.kept("forgetting")?, 1, "sets forgotten");
    ensure_eq!(ledger.sets().await.kept("reading")?.len(), 2, "sets that are left");
    Ok(())
}

/// Regions come up side by side.
pub async fn changes_at_the_same_time_are_all_kept(ledger: &dyn Ledger) -> Result<(), String> {
    let set = opened(ledger, "one").await?;
    let attempts = set.intents.iter().map(|intent| ledger.attempt(&intent.id, at(1_001)));
    for answer in futures::future::join_all(attempts).await {
        answer.kept("attempting beside others")?;
    }
    for one in stored(ledger, "one").await?.intents {
        ensure_eq!(one.state, IntentState::Attempted { at: at(1_001) }, "{} after all were attempted at once", one.id);
    }
    Ok(())
}
