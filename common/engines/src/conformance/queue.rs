//! The promises of a task queue.
//!
//! Each function wants a queue of its own, empty, which nobody else pulls from (on a server: a fresh stream). Time is
//! real: the fixture names an acknowledgement time short enough to wait for, and how late the engine may be.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use fleet_core::domain::{ScanId, Task, Ticker, TraceContext};
use fleet_core::seams::{Delivery, Published, QueueError, TaskQueue};

use super::{Kept, ensure, ensure_eq};

/// An empty queue under test.
pub trait QueueFixture: Send + Sync {
    /// The queue.
    fn queue(&self) -> &dyn TaskQueue;

    /// The acknowledgement time it was made with; a second or less keeps the suite quick.
    fn ack_wait(&self) -> Duration;

    /// How long the engine may take for anything it does at once.
    fn slack(&self) -> Duration;
}

/// Calls a macro with the name of every promise of a task queue.
#[macro_export]
macro_rules! queue_promises {
    ($each:ident) => {
        $each! {
            a_queue_that_is_there_answers
            a_published_task_is_delivered
            a_delivery_carries_the_trace_of_its_publication
            an_empty_queue_answers_when_the_wait_is_over
            a_waiting_pull_wakes_for_a_task
            a_task_is_not_queued_twice_while_waiting
            a_task_is_not_queued_twice_while_delivered
            an_acknowledged_task_is_gone_and_can_be_published_again
            tasks_come_in_the_order_they_were_published
            a_pull_takes_no_more_than_it_asks_for
            a_pull_for_nothing_is_refused
            a_dropped_delivery_comes_back
            a_task_handed_back_comes_again_but_not_before_its_delay
            a_hung_holder_loses_its_delivery
            progress_keeps_a_delivery
            a_late_acknowledgement_counts_and_harms_nobody
            purging_takes_out_one_ticker_or_a_whole_scan
            the_backlog_counts_waiting_and_delivered_tasks
            concurrent_pulls_share_the_tasks
        }
    };
}

fn scan(label: &str) -> Result<ScanId, String> {
    ScanId::parse(&format!("conformance-20261120-{label}")).kept("naming a scan")
}

fn task(ticker: &str) -> Result<Task, String> {
    Ok(Task { scan: scan("1000")?, ticker: Ticker::parse(ticker).kept("naming a ticker")? })
}

async fn publish(at: &dyn QueueFixture, task: &Task) -> Result<Published, String> {
    at.queue().publish(task, 0).await.kept("publishing a task")
}

async fn pull(at: &dyn QueueFixture, max: usize, wait: Duration) -> Result<Vec<Box<dyn Delivery>>, String> {
    at.queue().pull(max, wait).await.kept("pulling")
}

/// One delivery, which must come within `wait` and the engine's slack.
async fn one(at: &dyn QueueFixture, wait: Duration) -> Result<Box<dyn Delivery>, String> {
    let mut pulled = pull(at, 1, wait + at.slack()).await?;
    pulled.pop().ok_or_else(|| format!("nothing was delivered within {:?}", wait + at.slack()))
}

/// Nothing must come within `wait`.
async fn nothing(at: &dyn QueueFixture, wait: Duration, why: &str) -> Result<(), String> {
    let pulled = pull(at, 1, wait).await?;
    match pulled.first() {
        None => Ok(()),
        Some(delivery) => Err(format!("{} was delivered though {why}", delivery.task().ticker)),
    }
}

async fn ack(delivery: Box<dyn Delivery>) -> Result<(), String> {
    delivery.ack().await.kept("acknowledging")
}

/// What is published is delivered as it was.
pub async fn a_published_task_is_delivered(at: &dyn QueueFixture) -> Result<(), String> {
    let task = task("BRK.B")?;
    ensure_eq!(publish(at, &task).await?, Published::Queued, "a new task");
    let delivery = one(at, Duration::ZERO).await?;
    ensure_eq!(*delivery.task(), task, "the delivered task");
    ack(delivery).await
}

/// A ping is answered.
pub async fn a_queue_that_is_there_answers(at: &dyn QueueFixture) -> Result<(), String> {
    at.queue().ping().await.kept("asking whether it is there")
}

/// The trace context is that of the publication, also when it is delivered again.
pub async fn a_delivery_carries_the_trace_of_its_publication(at: &dyn QueueFixture) -> Result<(), String> {
    let task = task("AAPL")?;
    at.queue().publish(&task, 3).await.kept("publishing a task")?;
    let first = one(at, Duration::ZERO).await?;
    ensure_eq!(first.trace(), TraceContext::of_task(&task, 3), "the trace");
    first.retry_in(Duration::ZERO).await.kept("handing back")?;
    let again = one(at, Duration::ZERO).await?;
    ensure_eq!(again.trace(), TraceContext::of_task(&task, 3), "the trace of the second delivery");
    ack(again).await
}

/// A pull on an empty queue waits its time and returns empty.
pub async fn an_empty_queue_answers_when_the_wait_is_over(at: &dyn QueueFixture) -> Result<(), String> {
    let wait = Duration::from_millis(200);
    let started = Instant::now();
    nothing(at, wait, "nothing was published").await?;
    let took = started.elapsed();
    ensure!(took >= wait - Duration::from_millis(20), "an empty pull of {wait:?} returned after {took:?}");
    ensure!(took <= wait + at.slack(), "an empty pull of {wait:?} took {took:?}");
    Ok(())
}

/// A pull that waits gets a task as soon as one is published.
pub async fn a_waiting_pull_wakes_for_a_task(at: &dyn QueueFixture) -> Result<(), String> {
    let task = task("AAPL")?;
    let wait = Duration::from_secs(10) + at.slack();
    let late = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        publish(at, &task).await?;
        Ok::<_, String>(Instant::now())
    };
    let pulled = async { Ok::<_, String>((pull(at, 1, wait).await?, Instant::now())) };
    let (published, pulled) = tokio::join!(late, pulled);
    let (published_at, (mut deliveries, pulled_at)) = (published?, pulled?);
    let took = pulled_at.saturating_duration_since(published_at);
    ensure!(took <= at.slack(), "a waiting pull was woken {took:?} after the publication");
    let delivery = deliveries.pop().ok_or("a waiting pull returned empty")?;
    ack(delivery).await
}

/// Publishing a waiting task again changes nothing, in any round.
pub async fn a_task_is_not_queued_twice_while_waiting(at: &dyn QueueFixture) -> Result<(), String> {
    let task = task("AAPL")?;
    publish(at, &task).await?;
    for round in [0, 1] {
        let again = at.queue().publish(&task, round).await.kept("publishing again")?;
        ensure_eq!(again, Published::AlreadyQueued, "a task that waits, published again in round {round}");
    }
    ack(one(at, Duration::ZERO).await?).await?;
    nothing(at, Duration::from_millis(200), "it was acknowledged").await
}

/// Publishing a delivered, unanswered task again changes nothing.
pub async fn a_task_is_not_queued_twice_while_delivered(at: &dyn QueueFixture) -> Result<(), String> {
    let task = task("AAPL")?;
    publish(at, &task).await?;
    let delivery = one(at, Duration::ZERO).await?;
    let again = at.queue().publish(&task, 1).await.kept("publishing again")?;
    ensure_eq!(again, Published::AlreadyQueued, "a delivered task, published again");
    ack(delivery).await?;
    nothing(at, Duration::from_millis(200), "it was acknowledged").await
}

/// An acknowledged task is not delivered again, and its ticker can be published anew.
pub async fn an_acknowledged_task_is_gone_and_can_be_published_again(at: &dyn QueueFixture) -> Result<(), String> {
    let task = task("AAPL")?;
    publish(at, &task).await?;
    ack(one(at, Duration::ZERO).await?).await?;
    nothing(at, at.ack_wait() * 2 + at.slack(), "it was acknowledged").await?;
    let again = at.queue().publish(&task, 1).await.kept("publishing again")?;
    ensure_eq!(again, Published::Queued, "an acknowledged task, published again");
    ack(one(at, Duration::ZERO).await?).await
}

/// First in, first out.
pub async fn tasks_come_in_the_order_they_were_published(at: &dyn QueueFixture) -> Result<(), String> {
    let tasks = ["MSFT", "AAPL", "ZM", "BAC"].map(task);
    for task in &tasks {
        publish(at, task.as_ref()?).await?;
    }
    for wanted in tasks {
        let delivery = one(at, Duration::ZERO).await?;
        ensure_eq!(*delivery.task(), wanted?, "the next task");
        ack(delivery).await?;
    }
    Ok(())
}

/// `max` is kept to, and what is not taken stays.
pub async fn a_pull_takes_no_more_than_it_asks_for(at: &dyn QueueFixture) -> Result<(), String> {
    for ticker in ["A", "B", "C", "D", "E"] {
        publish(at, &task(ticker)?).await?;
    }
    let mut seen = BTreeSet::new();
    for _ in 0..5 {
        let pulled = pull(at, 2, at.slack()).await?;
        ensure!(pulled.len() <= 2, "a pull for 2 tasks took {}", pulled.len());
        for delivery in pulled {
            seen.insert(delivery.task().ticker.clone());
            ack(delivery).await?;
        }
        if seen.len() == 5 {
            break;
        }
    }
    ensure_eq!(seen.len(), 5, "tasks delivered in all");
    Ok(())
}

/// A pull for no task is a mistake.
pub async fn a_pull_for_nothing_is_refused(at: &dyn QueueFixture) -> Result<(), String> {
    match at.queue().pull(0, Duration::ZERO).await {
        Err(QueueError::Refused(_)) => Ok(()),
        Err(other) => Err(format!("a pull for 0 tasks should be refused: {other}")),
        Ok(_) => Err("a pull for 0 tasks was answered".to_owned()),
    }
}

/// A holder that vanishes gives its task back (at once in process, else after the acknowledgement time).
pub async fn a_dropped_delivery_comes_back(at: &dyn QueueFixture) -> Result<(), String> {
    let task = task("AAPL")?;
    publish(at, &task).await?;
    drop(one(at, Duration::ZERO).await?);
    let again = one(at, at.ack_wait()).await?;
    ensure_eq!(*again.task(), task, "the task that came back");
    ack(again).await
}

/// `retry_in` puts a task off for its delay, then it comes.
pub async fn a_task_handed_back_comes_again_but_not_before_its_delay(at: &dyn QueueFixture) -> Result<(), String> {
    publish(at, &task("AAPL")?).await?;
    let delay = Duration::from_millis(600);
    let delivery = one(at, Duration::ZERO).await?;
    let handed_back = Instant::now();
    delivery.retry_in(delay).await.kept("handing back")?;
    let again = one(at, delay).await?;
    let after = handed_back.elapsed();
    // The server's timer and ours may differ a little.
    ensure!(after + Duration::from_millis(50) >= delay, "a task put off for {delay:?} came after {after:?}");
    ack(again).await?;
    nothing(at, Duration::from_millis(200), "it was acknowledged").await
}

/// Whoever shows no sign of life for the acknowledgement time loses its delivery to somebody else, not earlier.
pub async fn a_hung_holder_loses_its_delivery(at: &dyn QueueFixture) -> Result<(), String> {
    publish(at, &task("AAPL")?).await?;
    let hung = one(at, Duration::ZERO).await?;
    nothing(at, at.ack_wait() / 2, "its holder still had time").await?;
    let again = one(at, at.ack_wait()).await?;
    drop(hung);
    nothing(at, at.ack_wait() / 2, "somebody else holds it now").await?;
    ack(again).await?;
    nothing(at, Duration::from_millis(200), "somebody else acknowledged it").await
}

/// Progress restarts the acknowledgement time.
pub async fn progress_keeps_a_delivery(at: &dyn QueueFixture) -> Result<(), String> {
    publish(at, &task("AAPL")?).await?;
    let delivery = one(at, Duration::ZERO).await?;
    for _ in 0..6 {
        nothing(at, at.ack_wait() / 3, "its holder showed progress").await?;
        delivery.progress().await.kept("showing progress")?;
    }
    ack(delivery).await
}

/// Done is done, also when the time was over; and it is no error, nor when somebody else was faster.
pub async fn a_late_acknowledgement_counts_and_harms_nobody(at: &dyn QueueFixture) -> Result<(), String> {
    publish(at, &task("AAPL")?).await?;
    let slow = one(at, Duration::ZERO).await?;
    let quick = one(at, at.ack_wait()).await?;
    ack(slow).await?;
    ack(quick).await?;
    nothing(at, at.ack_wait() + at.slack(), "it was acknowledged twice").await
}

/// A purge takes out what it names and nothing else, and says how many.
pub async fn purging_takes_out_one_ticker_or_a_whole_scan(at: &dyn QueueFixture) -> Result<(), String> {
    let other = Task { scan: scan("1030")?, ticker: Ticker::parse("AAPL").kept("naming a ticker")? };
    for ticker in ["AAPL", "MSFT", "ZM"] {
        publish(at, &task(ticker)?).await?;
    }
    publish(at, &other).await?;
    let aapl = task("AAPL")?;
    let purge = |ticker| at.queue().purge(&aapl.scan, ticker);
    ensure_eq!(purge(Some(&aapl.ticker)).await.kept("purging a ticker")?, 1, "tasks purged of one ticker");
    ensure_eq!(purge(Some(&aapl.ticker)).await.kept("purging a ticker")?, 0, "tasks purged of it again");
    ensure_eq!(purge(None).await.kept("purging a scan")?, 2, "tasks purged of the scan");
    let left = one(at, Duration::ZERO).await?;
    ensure_eq!(*left.task(), other, "the task of another scan");
    ack(left).await?;
    ensure_eq!(publish(at, &aapl).await?, Published::Queued, "a purged task, published again");
    Ok(())
}

/// Waiting and delivered tasks are counted, by scan; acknowledged ones are not.
pub async fn the_backlog_counts_waiting_and_delivered_tasks(at: &dyn QueueFixture) -> Result<(), String> {
    let (first, other) = (scan("1000")?, scan("1030")?);
    let backlog = async |scan: &ScanId| at.queue().backlog(scan).await.kept("asking for the backlog");
    ensure_eq!(backlog(&first).await?, 0, "the backlog of an unknown scan");
    publish(at, &task("AAPL")?).await?;
    publish(at, &task("MSFT")?).await?;
    ensure_eq!(backlog(&first).await?, 2, "the backlog with two waiting");
    let delivery = one(at, Duration::ZERO).await?;
    ensure_eq!(backlog(&first).await?, 2, "the backlog with one waiting and one delivered");
    ack(delivery).await?;
    ensure_eq!(backlog(&first).await?, 1, "the backlog with one waiting");
    ensure_eq!(backlog(&other).await?, 0, "the backlog of another scan");
    Ok(())
}

/// Several pulls at once get every task once in all.
pub async fn concurrent_pulls_share_the_tasks(at: &dyn QueueFixture) -> Result<(), String> {
    let mut wanted = BTreeSet::new();
    for n in 0..24 {
        let task = task(&format!("T{n}"))?;
        wanted.insert(task.ticker.clone());
        publish(at, &task).await?;
    }
    let puller = async || -> Result<Vec<Ticker>, String> {
        let mut mine = Vec::new();
        // Bounded: each turn takes a task or is the last.
        for _ in 0..=24 {
            let pulled = pull(at, 2, Duration::from_millis(200)).await?;
            if pulled.is_empty() {
                break;
            }
            for delivery in pulled {
                mine.push(delivery.task().ticker.clone());
                ack(delivery).await?;
            }
        }
        Ok(mine)
    };
    let (a, b, c, d) = tokio::join!(puller(), puller(), puller(), puller());
    let all: Vec<Ticker> = [a?, b?, c?, d?].concat();
    ensure_eq!(all.len(), wanted.len(), "deliveries over four pullers");
    ensure_eq!(all.into_iter().collect::<BTreeSet<_>>(), wanted, "tickers delivered");
    Ok(())
}
