//! The notices actor: drains the outbox, one notice at a time: claim → send → confirm.
//!
//! Receives: `Next`. Sends: one reply when it is done, through the channel it was given. Limits: a notice is tried in at
//! most three passes; a pass ends after ten failures; notices somebody else claimed are waited for as long as a claim
//! lasts; a BUY notice that is too late in the scan's market is dropped. How it fails: stopped between two notices; what
//! it had claimed can be claimed again once the claim is over.
//!
//! A notice is sent at least once over crashes: a launch that dies between sending and confirming leaves the notice to
//! the next one, which sends it again. On one machine that is a line printed twice; a service that charges for each
//! message gets the notice's key with it, and is the one who can tell. A notifier that answers "perhaps" is believed:
//! its notice is not sent again.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use fleet_core::seams::{ClaimedNotice, Delivered, Holder, NoticeClaim, Notifier, Store, StoreError};
use jiff::Timestamp;
use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::{Patience, ScanParts};

/// A claim outlives one sending by far, and a crashed sender's notices wait no longer than this.
const CLAIM: Duration = Duration::from_secs(20);
const SEND_TIMEOUT: Duration = Duration::from_secs(8);
const PASSES: u32 = 3;
/// A pass with so many failures is one in which the notifier is away.
const FAILURES_A_PASS: usize = 10;
const REST: Duration = Duration::from_secs(1);
/// How often the notices of a crashed sender are looked at.
const CLAIMED_REST: Duration = Duration::from_millis(500);
/// Looks until every claim of a crashed sender is over.
const CLAIMED_LOOKS: u32 = 44;

/// What became of the outbox.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Drained {
    pub(super) sent: u32,
    pub(super) left: u32,
}

/// What the actor knows. Decisions are made by [`DrainPlan::step`] alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct DrainPlan {
    sent: u32,
    pass: u32,
    looks: u32,
    /// Claimed in this pass and certainly not sent.
    held: BTreeSet<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum DrainEvent {
    Sent,
    NotSent {
        key: String,
    },
    /// Nothing can be claimed; so many unsent notices are in the outbox, the held ones included.
    NothingToClaim {
        unsent: u32,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum DrainEffect {
    Claim,
    Release(BTreeSet<String>),
    /// Wait, then claim.
    Rest(Duration),
    /// After so many were sent.
    Over {
        sent: u32,
    },
}

impl DrainPlan {
    fn step(mut self, event: DrainEvent) -> (Self, Vec<DrainEffect>) {
        let effects = match event {
            DrainEvent::Sent => {
                self.sent += 1;
                vec![DrainEffect::Claim]
            }
            DrainEvent::NotSent { key } => {
                self.held.insert(key);
                if self.held.len() >= FAILURES_A_PASS { self.end_pass() } else { vec![DrainEffect::Claim] }
            }
            DrainEvent::NothingToClaim { .. } if !self.held.is_empty() => self.end_pass(),
            DrainEvent::NothingToClaim { unsent: 0 } => vec![DrainEffect::Over { sent: self.sent }],
            DrainEvent::NothingToClaim { .. } => {
                self.looks += 1;
                if self.looks > CLAIMED_LOOKS {
                    vec![DrainEffect::Over { sent: self.sent }]
                } else {
                    vec![DrainEffect::Rest(CLAIMED_REST)]
                }
            }
        };
        (self, effects)
    }

    fn end_pass(&mut self) -> Vec<DrainEffect> {
        self.pass += 1;
        let held = std::mem::take(&mut self.held);
        let next = if self.pass >= PASSES {
            DrainEffect::Over { sent: self.sent }
        } else {
            DrainEffect::Rest(REST * self.pass)
        };
        vec![DrainEffect::Release(held), next]
    }
}

/// Drains the outbox in an actor of its own; the receiver has the answer. Stopping the actor ends it between two
/// notices.
pub(super) async fn start(
    parts: &ScanParts,
    holder: Holder,
    as_of: Timestamp,
) -> Result<(ActorRef<NoticesMessage>, JoinHandle<()>, oneshot::Receiver<Result<Drained, StoreError>>), ractor::SpawnErr>
{
    let (reply, receiver) = oneshot::channel();
    let ScanParts { store, notifier, patience, .. } = parts.clone();
    let args = NoticesArgs { store, notifier, patience, holder, as_of, reply };
    let (actor, ended) = Actor::spawn(None, Notices, args).await?;
    Ok((actor, ended, receiver))
}

struct Notices;

struct NoticesArgs {
    store: Arc<dyn Store>,
    notifier: Arc<dyn Notifier>,
    patience: Patience,
    holder: Holder,
    as_of: Timestamp,
    reply: oneshot::Sender<Result<Drained, StoreError>>,
}

pub(super) enum NoticesMessage {
    Next,
}

struct NoticesState {
    store: Arc<dyn Store>,
    notifier: Arc<dyn Notifier>,
    patience: Patience,
    holder: Holder,
    /// In the scan's market, when the draining began.
    as_of: Timestamp,
    reply: Option<oneshot::Sender<Result<Drained, StoreError>>>,
    plan: DrainPlan,
    rest: Option<JoinHandle<Result<(), ractor::MessagingErr<NoticesMessage>>>>,
}

impl Actor for Notices {
    type Msg = NoticesMessage;
    type State = NoticesState;
    type Arguments = NoticesArgs;

    async fn pre_start(
        &self,
        myself: ActorRef<NoticesMessage>,
        args: NoticesArgs,
    ) -> Result<NoticesState, ActorProcessingErr> {
        myself.cast(NoticesMessage::Next)?;
        let NoticesArgs { store, notifier, patience, holder, as_of, reply } = args;
        Ok(NoticesState {
            store,
            notifier,
            patience,
            holder,
            as_of,
            reply: Some(reply),
            plan: DrainPlan::default(),
            rest: None,
        })
    }

    async fn handle(
        &self,
        myself: ActorRef<NoticesMessage>,
        NoticesMessage::Next: NoticesMessage,
        state: &mut NoticesState,
    ) -> Result<(), ActorProcessingErr> {
        match state.next().await {
            Ok(event) => {
                if let Err(error) = state.apply(&myself, event).await {
                    state.answer(&myself, Err(error));
                }
            }
            Err(error) => state.answer(&myself, Err(error)),
        }
        Ok(())
    }

    async fn post_stop(&self, _: ActorRef<NoticesMessage>, state: &mut NoticesState) -> Result<(), ActorProcessingErr> {
        if let Some(rest) = state.rest.take() {
            rest.abort();
            let _ = rest.await;
        }
        Ok(())
    }
}

impl NoticesState {
    /// Claims one notice and sends it.
    async fn next(&self) -> Result<DrainEvent, StoreError> {
        let claim = NoticeClaim { max: 1, lasts: CLAIM, as_of: self.as_of };
        let claimed = self.patience.store(|| self.store.claim_notices(&self.holder, &claim)).await?;
        let Some(ClaimedNotice { key, notice }) = claimed.into_iter().next() else {
            let unsent = self.patience.store(|| self.store.unsent_notices()).await?;
            return Ok(DrainEvent::NothingToClaim { unsent });
        };
        let sent = tokio::time::timeout(SEND_TIMEOUT, self.notifier.send(&key, &notice)).await;
        match sent.unwrap_or(Ok(Delivered::Unknown)) {
            Ok(Delivered::Accepted) => {}
            Ok(Delivered::Unknown) => tracing::warn!(key, "notice may not have been sent; it is not sent again"),
            Err(error) => {
                tracing::warn!(key, %error, "notice not sent");
                return Ok(DrainEvent::NotSent { key });
            }
        }
        self.patience.store(|| self.store.confirm_notice(&key)).await?;
        Ok(DrainEvent::Sent)
    }

    async fn apply(&mut self, myself: &ActorRef<NoticesMessage>, event: DrainEvent) -> Result<(), StoreError> {
        let (plan, effects) = std::mem::take(&mut self.plan).step(event);
        self.plan = plan;
        for effect in effects {
            match effect {
                // To itself: it cannot be gone.
                DrainEffect::Claim => drop(myself.cast(NoticesMessage::Next)),
                DrainEffect::Rest(rest) => self.rest = Some(myself.send_after(rest, || NoticesMessage::Next)),
                DrainEffect::Release(keys) => {
                    for key in keys {
                        self.patience.store(|| self.store.release_notice(&self.holder, &key)).await?;
                    }
                }
                DrainEffect::Over { sent } => {
                    // Counted, not inferred: a pass that was ended early has not seen them all.
                    let left = self.patience.store(|| self.store.unsent_notices()).await?;
                    self.answer(myself, Ok(Drained { sent, left }));
                }
            }
        }
        Ok(())
    }

    fn answer(&mut self, myself: &ActorRef<NoticesMessage>, answer: Result<Drained, StoreError>) {
        if let Some(reply) = self.reply.take() {
            // Nobody waits when the scan was interrupted.
            let _ = reply.send(answer);
        }
        myself.stop(None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(events: &[DrainEvent]) -> (DrainPlan, Vec<DrainEffect>) {
        events.iter().cloned().fold((DrainPlan::default(), Vec::new()), |(plan, _), event| plan.step(event))
    }

    fn not_sent(key: &str) -> DrainEvent {
        DrainEvent::NotSent { key: key.to_owned() }
    }

    #[test]
    fn an_empty_outbox_is_drained() {
        let over = DrainEffect::Over { sent: 1 };
        assert_eq!(after(&[DrainEvent::Sent, DrainEvent::NothingToClaim { unsent: 0 }]).1, [over]);
    }

    #[test]
    fn a_failed_notice_is_tried_in_three_passes_and_left() {
        let nothing = DrainEvent::NothingToClaim { unsent: 1 };
        let pass = [not_sent("a"), nothing];
        let held = || DrainEffect::Release(BTreeSet::from(["a".to_owned()]));
        let (plan, effects) = after(&pass);
        assert_eq!(effects, [held(), DrainEffect::Rest(REST)]);
        let (plan, _) = pass.iter().cloned().fold((plan, Vec::new()), |(plan, _), event| plan.step(event));
        let (_, effects) = pass.iter().cloned().fold((plan, Vec::new()), |(plan, _), event| plan.step(event));
        assert_eq!(effects, [held(), DrainEffect::Over { sent: 0 }]);
    }

    #[test]
    fn notices_claimed_by_a_crashed_sender_are_waited_for_but_not_for_ever() {
        let mut plan = DrainPlan::default();
        for _ in 0..CLAIMED_LOOKS {
            let (next, effects) = plan.step(DrainEvent::NothingToClaim { unsent: 2 });
            assert_eq!(effects, [DrainEffect::Rest(CLAIMED_REST)]);
            plan = next;
        }
        let over = DrainEffect::Over { sent: 0 };
        assert_eq!(plan.step(DrainEvent::NothingToClaim { unsent: 2 }).1, [over]);
        assert!(CLAIMED_REST * CLAIMED_LOOKS > CLAIM);
    }
}
