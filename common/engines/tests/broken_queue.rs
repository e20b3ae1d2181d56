//! The queue suite notices: a queue that is broken in one known way fails the promise about it.

use std::time::Duration;

use async_trait::async_trait;
use fleet_core::domain::{ScanId, Task, Ticker, TraceContext};
use fleet_core::seams::{Delivery, Published, QueueError, TaskQueue};
use fleet_engines::conformance::queue::{self, QueueFixture};
use fleet_engines::in_process::InProcessQueue;

const ACK_WAIT: Duration = Duration::from_millis(200);

/// One way to be wrong.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Fault {
    DropsAcks,
    SaysQueuedTwice,
    LosesDroppedDeliveries,
    IgnoresTheDelay,
    LosesWhatIsHandedBack,
    IgnoresProgress,
    PurgesTooMuch,
    CountsWaitingOnly,
    TakesMoreThanAsked,
    LastInFirstOut,
    ReturnsAtOnceWhenEmpty,
    AnswersAPullForNothing,
    DeliversSomethingElse,
    IsNeverThere,
    LosesTheTrace,
}

/// A right queue behind one fault.
struct Broken {
    queue: InProcessQueue,
    fault: Fault,
}

#[async_trait]
impl TaskQueue for Broken {
    async fn publish(&self, task: &Task, round: u32) -> Result<Published, QueueError> {
        let published = self.queue.publish(task, round).await?;
        Ok(if self.fault == Fault::SaysQueuedTwice { Published::Queued } else { published })
    }

    async fn pull(&self, max: usize, wait: Duration) -> Result<Vec<Box<dyn Delivery>>, QueueError> {
        let max = match self.fault {
            Fault::TakesMoreThanAsked => max + 2,
            Fault::LastInFirstOut => 1_000,
            Fault::AnswersAPullForNothing => max.max(1),
            _ => max,
        };
        let wait = if self.fault == Fault::ReturnsAtOnceWhenEmpty { Duration::ZERO } else { wait };
        let mut pulled = self.queue.pull(max, wait).await?;
        if self.fault == Fault::LastInFirstOut {
            pulled = pulled.pop().into_iter().collect();
        }
        Ok(pulled.into_iter().map(|held| self.held(held)).collect())
    }

    async fn purge(&self, scan: &ScanId, ticker: Option<&Ticker>) -> Result<u64, QueueError> {
        let ticker = if self.fault == Fault::PurgesTooMuch { None } else { ticker };
        self.queue.purge(scan, ticker).await
    }

    async fn backlog(&self, scan: &ScanId) -> Result<u64, QueueError> {
        if self.fault == Fault::CountsWaitingOnly {
            return Ok(self.queue.pull(1_000, Duration::ZERO).await?.len() as u64);
        }
        self.queue.backlog(scan).await
    }

    async fn ping(&self) -> Result<(), QueueError> {
        match self.fault {
            Fault::IsNeverThere => Err(QueueError::Unavailable("nobody is there".to_owned())),
            _ => self.queue.ping().await,
        }
    }
}

impl Broken {
    fn held(&self, held: Box<dyn Delivery>) -> Box<dyn Delivery> {
        let mut task = held.task().clone();
        if self.fault == Fault::DeliversSomethingElse {
            task.ticker = Ticker::parse("OTHER").expect("a ticker");
        }
        Box::new(BrokenDelivery { held: Some(held), task, fault: self.fault })
    }
}

struct BrokenDelivery {
    held: Option<Box<dyn Delivery>>,
    task: Task,
    fault: Fault,
}

#[async_trait]
impl Delivery for BrokenDelivery {
    fn task(&self) -> &Task {
        &self.task
    }

    fn trace(&self) -> TraceContext {
        match self.fault {
            Fault::LosesTheTrace => TraceContext::of_task(&self.task, 0),
            _ => self.held.as_ref().expect("held until answered").trace(),
        }
    }

    async fn ack(mut self: Box<Self>) -> Result<(), QueueError> {
        let held = self.held.take().expect("held until answered");
        match self.fault {
            Fault::DropsAcks => Ok(()),
            _ => held.ack().await,
        }
    }

    async fn retry_in(mut self: Box<Self>, delay: Duration) -> Result<(), QueueError> {
        let held = self.held.take().expect("held until answered");
        match self.fault {
            Fault::IgnoresTheDelay => held.retry_in(Duration::ZERO).await,
            Fault::LosesWhatIsHandedBack => held.ack().await,
            _ => held.retry_in(delay).await,
        }
    }

    async fn progress(&self) -> Result<(), QueueError> {
        match &self.held {
            Some(held) if self.fault != Fault::IgnoresProgress => held.progress().await,
            Some(_) | None => Ok(()),
        }
    }
}

impl Drop for BrokenDelivery {
    fn drop(&mut self) {
        if self.fault == Fault::LosesDroppedDeliveries
            && let Some(held) = self.held.take()
        {
            tokio::spawn(held.ack());
        }
    }
}

impl QueueFixture for Broken {
    fn queue(&self) -> &dyn TaskQueue {
        self
    }

    fn ack_wait(&self) -> Duration {
        ACK_WAIT
    }

    fn slack(&self) -> Duration {
        Duration::from_millis(300)
    }
}

macro_rules! notices {
    ($($fault:ident: $promise:ident;)*) => {
        /// Promises that notice something.
        const NOTICED: &[&str] = &[$(stringify!($promise)),*];

        #[tokio::test]
        async fn every_fault_is_noticed_by_the_promise_about_it() {
            let mut unnoticed = Vec::new();
            $(
                let broken = Broken { queue: InProcessQueue::new(ACK_WAIT), fault: Fault::$fault };
                if queue::$promise(&broken).await.is_ok() {
                    unnoticed.push((Fault::$fault, stringify!($promise)));
                }
            )*
            assert!(unnoticed.is_empty(), "{unnoticed:?}");
        }
    };
}

macro_rules! promises {
    ($($promise:ident)*) => {
        const PROMISES: &[&str] = &[$(stringify!($promise)),*];
    };
}

fleet_engines::queue_promises!(promises);

#[test]
fn every_promise_can_be_broken() {
    // This one has a test of its own below.
    let noticed = |promise: &&&str| NOTICED.contains(*promise) || **promise == "a_hung_holder_loses_its_delivery";
    let unbroken: Vec<_> = PROMISES.iter().filter(|promise| !noticed(promise)).collect();
    assert!(unbroken.is_empty(), "no fault breaks {unbroken:?}");
}

/// A function that is not in the list would be called by no engine's test.
#[test]
fn every_function_of_the_suite_is_in_the_list() {
    let text = include_str!("../src/conformance/queue.rs");
    let mut found: Vec<&str> =
        text.split("\npub async fn ").skip(1).filter_map(|rest| rest.split('(').next()).collect();
    let mut listed = PROMISES.to_vec();
    listed.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, listed);
}

notices! {
    IsNeverThere: a_queue_that_is_there_answers;
    LosesTheTrace: a_delivery_carries_the_trace_of_its_publication;
    DropsAcks: an_acknowledged_task_is_gone_and_can_be_published_again;
    SaysQueuedTwice: a_task_is_not_queued_twice_while_waiting;
    SaysQueuedTwice: a_task_is_not_queued_twice_while_delivered;
    LosesDroppedDeliveries: a_dropped_delivery_comes_back;
    IgnoresTheDelay: a_task_handed_back_comes_again_but_not_before_its_delay;
    LosesWhatIsHandedBack: a_task_handed_back_comes_again_but_not_before_its_delay;
    IgnoresProgress: progress_keeps_a_delivery;
    PurgesTooMuch: purging_takes_out_one_ticker_or_a_whole_scan;
    CountsWaitingOnly: the_backlog_counts_waiting_and_delivered_tasks;
    TakesMoreThanAsked: a_pull_takes_no_more_than_it_asks_for;
    LastInFirstOut: tasks_come_in_the_order_they_were_published;
    ReturnsAtOnceWhenEmpty: a_waiting_pull_wakes_for_a_task;
    ReturnsAtOnceWhenEmpty: an_empty_queue_answers_when_the_wait_is_over;
    AnswersAPullForNothing: a_pull_for_nothing_is_refused;
    DeliversSomethingElse: a_published_task_is_delivered;
    DropsAcks: a_late_acknowledgement_counts_and_harms_nobody;
    DropsAcks: concurrent_pulls_share_the_tasks;
}

/// A queue that never lets a hung holder go is the same queue with an endless acknowledgement time, of which the
/// fixture says otherwise.
#[tokio::test]
async fn a_queue_that_waits_for_the_hung_for_ever_is_noticed() {
    let patient = Broken { queue: InProcessQueue::new(Duration::from_secs(3600)), fault: Fault::CountsWaitingOnly };
    assert!(queue::a_hung_holder_loses_its_delivery(&patient).await.is_err());
    let hasty = Broken { queue: InProcessQueue::new(Duration::from_millis(20)), fault: Fault::CountsWaitingOnly };
    assert!(queue::a_hung_holder_loses_its_delivery(&hasty).await.is_err());
}
