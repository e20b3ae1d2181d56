//! The task queue of a fleet: a JetStream work queue on a NATS server.
//!
//! It promises what every queue promises (see [`fleet_core::seams::TaskQueue`]): a task is in it once, is delivered
//! until it is acknowledged, and comes back when its holder is silent for the acknowledgement time. Tasks survive the
//! server's death; what the server forgets (a wiped store, an acknowledgement of its last moments) is made good by the
//! store of scans, which alone knows what is done.
//!
//! - Every call has a limit: an unreachable or frozen server is [`QueueError::Unavailable`] after at most 2 s for the
//!   connection and 2.5 s for each answer. The client connects again by itself, for ever.
//! - The stream and the consumer are made when they are not there, also later, and read back; one that is otherwise is
//!   refused by name. Servers before 2.9, or without JetStream, are refused.
//! - A message that is no task is thrown away with a warning; a task of a newer version is handed back.
//! - Every store has a stream, subjects and a consumer of its own (`WORK-<id>`), so that any number of stores meet at one
//!   server and none sees the tasks of another. A stream whose store is gone holds nothing a day later, because tasks
//!   live no longer; the empty stream costs the server some kilobytes and stays until a person deletes it, because nobody
//!   else can know that its store will not come back.
//! - The stream's description says which store has a claim on it: two stores of one name (one is a copy) part by it.
//! - A publication "already queued" is what the stream says. A server that was killed may keep acknowledged messages
//!   as ghosts, which are never delivered: whoever waits for a ticker in vain purges it and publishes it again.
//!
//! A pull that is cancelled while a task is on its way loses that delivery until the acknowledgement time is over; ask
//! with a short wait instead of cancelling.

mod claim;
mod contents;
mod delivery;
mod failure;
mod layout;
mod link;
mod publish;
mod pull;
mod settings;
mod subject;
mod tls;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use fleet_core::domain::{ScanId, Task, Ticker};
use fleet_core::seams::{Delivery, Published, QueueError, TaskQueue};
use tokio::time::Instant;

use crate::store_id::StoreId;

pub use self::settings::{NatsAuth, NatsSettings};

use self::delivery::Held;
use self::failure::Failure;
use self::link::Link;

/// The longest wait of one pull that is believed.
const MAX_WAIT: Duration = Duration::from_secs(3600);
/// Nothing was set up yet, or it is in doubt.
const IN_DOUBT: u64 = u64::MAX;

/// The task queue of a fleet.
pub struct NatsQueue {
    link: Arc<Link>,
    settings: NatsSettings,
    /// Only one at a time makes what is missing: hundreds of publications notice it at once.
    setting_up: tokio::sync::Mutex<()>,
    /// How often the connection had been lost when the stream and the consumer were last seen.
    seen_at: AtomicU64,
}

impl NatsQueue {
    /// Connects, checks the server, and makes the stream and the consumer unless they are there.
    pub async fn connect(settings: NatsSettings) -> Result<Self, QueueError> {
        let NatsSettings { stream, subject_prefix, consumer, .. } = &settings;
        for (name, is_name) in [
            (stream, subject::is_token(stream)),
            (subject_prefix, subject::is_tokens(subject_prefix)),
            (consumer, subject::is_token(consumer)),
        ] {
            if !is_name {
                let text = format!("`{name}` is no name for a stream, subject or consumer");
                return Err(QueueError::Refused(text));
            }
        }
        let link = Arc::new(Link::connect(&settings).await?);
        layout::probe(&link).await?;
        Self::over(link, settings).await
    }

    /// The queue of another store on the same server, over the same connection. What was delivered from this one is
    /// still answered for here.
    pub async fn of_store(&self, store: &StoreId) -> Result<Self, QueueError> {
        Self::over(Arc::clone(&self.link), self.settings.of_store(store)).await
    }

    /// Who has a claim on the stream; `None`: nobody.
    pub(crate) async fn claim(&self) -> Result<Option<String>, QueueError> {
        let claim = match claim::read(&self.link, &self.settings).await {
            Err(failure) if failure.is_missing() => {
                self.set_up().await?;
                claim::read(&self.link, &self.settings).await
            }
            answer => answer,
        };
        claim.map_err(|failure| self.error(failure, "asking whose the stream is"))
    }

    /// Claims the stream.
    pub(crate) async fn set_claim(&self, claim: &str) -> Result<(), QueueError> {
        let written = claim::write(&self.link, &self.settings, claim).await;
        written.map_err(|failure| self.error(failure, "claiming the stream"))
    }

    async fn over(link: Arc<Link>, settings: NatsSettings) -> Result<Self, QueueError> {
        let queue = Self { link, settings, setting_up: tokio::sync::Mutex::new(()), seen_at: AtomicU64::new(IN_DOUBT) };
        queue.set_up().await?;
        Ok(queue)
    }

    async fn set_up(&self) -> Result<(), QueueError> {
        let _alone = self.setting_up.lock().await;
        let losses = self.link.losses();
        layout::set_up(&self.link, &self.settings).await?;
        self.seen_at.store(losses, Ordering::Release);
        Ok(())
    }

    /// Pulls of a consumer that is not there are not refused but never answered: so it is looked for whenever the
    /// connection is a new one, or a pull was not answered.
    async fn look_for_consumer(&self) -> Result<(), QueueError> {
        self.link.ready().await.map_err(|failure| self.error(failure, "pulling tasks"))?;
        if self.seen_at.load(Ordering::Acquire) == self.link.losses() { Ok(()) } else { self.set_up().await }
    }

    fn error(&self, failure: Failure, act: &str) -> QueueError {
        failure.error(act, self.link.place())
    }
}

#[async_trait]
impl TaskQueue for NatsQueue {
    async fn publish(&self, task: &Task, round: u32) -> Result<Published, QueueError> {
        let answer = match publish::publish(&self.link, &self.settings, task, round).await {
            Err(failure) if failure.is_missing() => {
                self.set_up().await?;
                publish::publish(&self.link, &self.settings, task, round).await
            }
            answer => answer,
        };
        answer.map_err(|failure| self.error(failure, &format!("publishing {}", task.ticker)))
    }

    async fn pull(&self, max: usize, wait: Duration) -> Result<Vec<Box<dyn Delivery>>, QueueError> {
        if max == 0 {
            return Err(QueueError::Refused("a pull must ask for at least one task".to_owned()));
        }
        let until = Instant::now() + wait.min(MAX_WAIT);
        self.look_for_consumer().await?;
        let taken = match pull::pull(&self.link, &self.settings, max, until).await {
            Err(failure) if failure.is_missing() => {
                self.set_up().await?;
                pull::pull(&self.link, &self.settings, max, until).await
            }
            answer => answer,
        };
        if let Err(Failure::Silent(_)) = &taken {
            self.seen_at.store(IN_DOUBT, Ordering::Release);
        }
        let taken = taken.map_err(|failure| self.error(failure, "pulling tasks"))?;
        let held = |taken: pull::Taken| -> Box<dyn Delivery> {
            let link = Arc::clone(&self.link);
            Box::new(Held::new(link, taken.task, taken.trace, taken.reply, self.settings.ack_wait))
        };
        Ok(taken.into_iter().map(held).collect())
    }

    async fn purge(&self, scan: &ScanId, ticker: Option<&Ticker>) -> Result<u64, QueueError> {
        let purged = match contents::purge(&self.link, &self.settings, scan, ticker).await {
            Err(failure) if failure.is_missing() => {
                self.set_up().await?;
                contents::purge(&self.link, &self.settings, scan, ticker).await
            }
            answer => answer,
        };
        purged.map_err(|failure| self.error(failure, &format!("purging {scan}")))
    }

    async fn backlog(&self, scan: &ScanId) -> Result<u64, QueueError> {
        let count = match contents::count(&self.link, &self.settings, scan).await {
            Err(failure) if failure.is_missing() => {
                self.set_up().await?;
                contents::count(&self.link, &self.settings, scan).await
            }
            answer => answer,
        };
        count.map_err(|failure| self.error(failure, &format!("counting the tasks of {scan}")))
    }

    async fn ping(&self) -> Result<(), QueueError> {
        layout::ping(&self.link).await.map_err(|failure| self.error(failure, "asking for a sign of life"))
    }
}
