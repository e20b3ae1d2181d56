//! The ledger's rules, as changes of one set. Pure: whatever keeps sets applies them, one at a time.

use fleet_core::seams::Holder;
use jiff::Timestamp;

use crate::ledger::{LedgerError, Part};
use crate::resource::ResourceId;
use crate::set::{GatewaySet, Intent, IntentId, IntentState, SetState};

fn intent<'a>(set: &'a mut GatewaySet, id: &IntentId) -> Result<&'a mut Intent, LedgerError> {
    let intent = set.intents.iter_mut().find(|intent| intent.id == *id);
    intent.ok_or_else(|| LedgerError::NotFound(format!("intent {id}")))
}

fn wanted(set: &GatewaySet) -> Result<(), LedgerError> {
    match set.state {
        SetState::Wanted => Ok(()),
        SetState::Released | SetState::Closed => Err(LedgerError::NotWanted(set.id.to_string())),
    }
}

/// A set that nobody holds is anybody's who held it.
fn held(set: &GatewaySet, holder: &Holder) -> Result<(), LedgerError> {
    let elsewhere = set.holder.as_ref().is_some_and(|held_by| held_by != holder);
    if elsewhere { Err(LedgerError::NotHeld(set.id.to_string())) } else { Ok(()) }
}

fn release_all(set: &mut GatewaySet) {
    set.intents.iter_mut().for_each(|intent| intent.wanted = false);
    if set.state == SetState::Wanted {
        set.state = SetState::Released;
    }
}

pub(crate) fn attempt(set: &mut GatewaySet, id: &IntentId, at: Timestamp) -> Result<(), LedgerError> {
    let intent = intent(set, id)?;
    match (&intent.state, intent.wanted) {
        (_, false) => Err(LedgerError::NotWanted(intent.id.to_string())),
        (IntentState::Planned | IntentState::Attempted { .. } | IntentState::Gone, true) => {
            intent.state = IntentState::Attempted { at };
            Ok(())
        }
        (IntentState::Made { .. } | IntentState::Ready { .. }, true) => Ok(()),
    }
}

pub(crate) fn not_made(set: &mut GatewaySet, id: &IntentId) -> Result<(), LedgerError> {
    let intent = intent(set, id)?;
    if matches!(intent.state, IntentState::Attempted { .. }) {
        intent.state = IntentState::Planned;
    }
    Ok(())
}

pub(crate) fn made(set: &mut GatewaySet, id: &IntentId, resource: &ResourceId) -> Result<ResourceId, LedgerError> {
    let intent = intent(set, id)?;
    match &intent.state {
        IntentState::Made { resource, .. } | IntentState::Ready { resource, .. } => Ok(resource.clone()),
        IntentState::Attempted { at } => {
            intent.state = IntentState::Made { resource: resource.clone(), at: *at };
            Ok(resource.clone())
        }
        // Nothing was written before it was made: that is a mistake of the caller's, and the thing must be known.
        IntentState::Planned | IntentState::Gone => {
            intent.state = IntentState::Made { resource: resource.clone(), at: Timestamp::MIN };
            Ok(resource.clone())
        }
    }
}

pub(crate) fn ready(set: &mut GatewaySet, id: &IntentId) -> Result<(), LedgerError> {
    let intent = intent(set, id)?;
    if let IntentState::Made { resource, at } = &intent.state {
        intent.state = IntentState::Ready { resource: resource.clone(), at: *at };
    }
    Ok(())
}

pub(crate) fn gone(set: &mut GatewaySet, id: &IntentId) -> Result<(), LedgerError> {
    let intent = intent(set, id)?;
    if !intent.wanted {
        intent.state = IntentState::Gone;
    }
    Ok(())
}

pub(crate) fn claim(set: &mut GatewaySet, holder: &Holder, now: Timestamp, expires_at: Timestamp) -> bool {
    let free = set.holder.is_none() && set.is_live(now);
    if free {
        set.holder = Some(holder.clone());
        set.expires_at = set.expires_at.max(expires_at);
    }
    free
}

pub(crate) fn renew(set: &mut GatewaySet, holder: &Holder, expires_at: Timestamp) -> Result<(), LedgerError> {
    wanted(set)?;
    held(set, holder)?;
    set.expires_at = set.expires_at.max(expires_at);
    Ok(())
}

pub(crate) fn park(set: &mut GatewaySet, holder: &Holder, expires_at: Timestamp) -> Result<(), LedgerError> {
    wanted(set)?;
    held(set, holder)?;
    set.holder = None;
    set.expires_at = expires_at;
    Ok(())
}

pub(crate) fn release(set: &mut GatewaySet, part: &Part, holder: Option<&Holder>) -> Result<(), LedgerError> {
    holder.map_or(Ok(()), |holder| held(set, holder))?;
    match part {
        Part::Whole => release_all(set),
        Part::Region(region) => {
            set.intents.iter_mut().filter(|i| i.id.region == *region).for_each(|i| i.wanted = false);
            if set.intents.iter().all(|intent| !intent.wanted) {
                release_all(set);
            }
        }
    }
    Ok(())
}

pub(crate) fn expire(set: &mut GatewaySet, now: Timestamp) -> bool {
    let over = now >= set.expires_at;
    if over {
        release_all(set);
    }
    over
}

pub(crate) fn close(set: &mut GatewaySet) -> bool {
    let over = set.state != SetState::Wanted && set.intents.iter().all(|intent| !intent.may_exist());
    if over {
        set.state = SetState::Closed;
    }
    over
}

/// Whether a set may be forgotten.
pub(crate) fn forgettable(set: &GatewaySet, opened_before: Timestamp) -> bool {
    set.state == SetState::Closed && set.opened_at < opened_before
}
