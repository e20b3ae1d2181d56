//! The program `optionfleet-worker`: what was asked → queue and store → a worker → why it ends → goodbye.
//!
//! Promises: nothing of a scan is configured here (the manifest brings it); a signal, an idle time and a notice from the
//! machine's landlord all end it the same orderly way; what it says goes to stderr, and no password is in it. Refuses:
//! to coordinate, and to work without a server's queue and store.

pub mod args;
pub mod asked;
pub mod failure;
pub mod lifecycle;
pub mod metadata;
pub mod notices;
pub mod opening;
pub mod redact;
pub mod times;

#[cfg(unix)]
mod hangup;
mod http;
mod interrupt;
mod sigv4;
mod voice;

use std::sync::Arc;
use std::time::Instant;

use fleet_core::seams::{Budgets, Endpoints, GatewayRows, StoredEndpoints, SystemClock};
use fleet_engines::connect::Engines;
use fleet_scraper::{Access, TlsSettings};
use fleet_telemetry::{Served, serve};

use self::args::Cli;
use self::asked::Asked;
use self::failure::Failure;
#[cfg(unix)]
pub use self::hangup::Hangup;
use self::interrupt::Stop;
use self::notices::{Notice, Notices};
use self::opening::OpeningPatience;
use self::voice::Voice;
use crate::markets::VendorMarkets;
use crate::{Instruments, RunningWorker, WorkerOptions, WorkerParts, start_with};

/// Why a worker ends.
enum End {
    /// Somebody asked for it.
    Asked(&'static str),
    /// It had nothing to do for as long as it was told to wait.
    Idle,
    /// The machine goes away.
    Notice(Notice),
    /// It is of no more use.
    GaveUp(String),
}

/// Works until there is a reason to end; an error is how it ends otherwise.
pub async fn run(cli: &Cli) -> Result<(), Failure> {
    let asked = Asked::of(cli, |name| std::env::var(name).ok())?;
    let voice = Voice::new(asked.log_format);
    let mut stop = interrupt::listen(voice)?;
    let instruments = Instruments::default();
    instruments.health.hold("starting", "the queue and the store are not there yet");
    let served = watched(&asked, &instruments, voice).await?;
    let began = Instant::now();

    let engines = tokio::select! {
        engines = opened(&asked, voice) => engines?,
        signal = stop.asked() => {
            voice.say(&format!("{signal}: ends before it began"));
            return Ok(());
        }
    };
    let worker = start(&asked, engines, instruments.clone()).await?;
    instruments.health.lift("starting");
    voice.say(&asked.up());

    let end = until_the_end(&worker, &asked, &mut stop, voice).await;
    let watch = worker.watch();
    let (drain, why) = match &end {
        End::Asked(signal) => (asked.drain, (*signal).to_owned()),
        End::Idle => (asked.drain, format!("no task for {} s", asked.exit_when_idle.unwrap_or_default().as_secs())),
        End::Notice(notice) => (asked.drain, notice.to_string()),
        End::GaveUp(why) => (std::time::Duration::ZERO, why.clone()),
    };
    voice.say(&format!("drains ({why}): finishes what it holds within {} s, hands the rest back", drain.as_secs()));
    worker.drain(drain).await;
    if let End::Notice(_) = &end {
        may_go(&asked, voice).await;
    }
    if let Some(served) = served {
        served.stop().await;
    }
    let report = watch.report();
    let secs = began.elapsed().as_secs();
    voice.say(&format!("{} ended after {secs} s: {} tickers accounted for", report.name, report.committed));
    match end {
        End::Asked(_) | End::Idle | End::Notice(_) => Ok(()),
        End::GaveUp(why) => Err(Failure::broken(format!("the worker gave up: {why}"))),
    }
}

/// The queue and the store, once they are there.
async fn opened(asked: &Asked, voice: Voice) -> Result<Engines, Failure> {
    let Asked { queue, store, secrets, .. } = asked;
    let engines = opening::open(queue, store, secrets, OpeningPatience::WORKER, |line| voice.warn(line)).await;
    let engines = engines.map_err(|failure| {
        failure.hint(format!("the queue is {queue}, the store {store}; are they started, and reachable from here?"))
    })?;
    for warning in &engines.warnings {
        voice.warn(warning);
    }
    Ok(engines)
}

/// Tells the Auto Scaling group that this instance may go.
async fn may_go(asked: &Asked, voice: Voice) {
    let (Some(lifecycle), Some(notices)) = (&asked.lifecycle, &asked.notices) else { return };
    match lifecycle.complete(&mut notices.metadata()).await {
        Ok(()) => voice.say("the lifecycle action is completed: this instance may go"),
        Err(why) => voice.warn(&format!("the lifecycle action is not completed, it ends by its own time: {why}")),
    }
}

/// Says how it failed, in the form the log has.
pub fn tell(cli: &Cli, failure: &Failure) {
    Voice::new(asked::log_format(cli)).fail(&failure.text());
}

async fn watched(asked: &Asked, instruments: &Instruments, voice: Voice) -> Result<Option<Served>, Failure> {
    let Some(addr) = asked.metrics else { return Ok(None) };
    let served = serve(addr, instruments.health.clone(), instruments.metrics.page())
        .await
        .map_err(|error| Failure::broken(format!("cannot serve metrics at {addr}: {error}")))?;
    voice.say(&format!("serves /livez, /readyz and /metrics at http://{}", served.addr));
    Ok(Some(served))
}

async fn start(asked: &Asked, engines: Engines, instruments: Instruments) -> Result<RunningWorker, Failure> {
    let Engines { queue, store, .. } = engines;
    let budgets: Arc<dyn Budgets> = Arc::clone(&store) as Arc<dyn Budgets>;
    let endpoints: Arc<dyn Endpoints> = Arc::new(StoredEndpoints::new(Arc::clone(&store) as Arc<dyn GatewayRows>));
    let tls = TlsSettings { ca_file: asked.vendor_ca_file.clone() };
    let access = Access { tls, robinhood: asked.robinhood.clone() };
    let markets = Arc::new(VendorMarkets::new(budgets, endpoints, access));
    let parts = WorkerParts { queue, store, markets, clock: Arc::new(SystemClock) };
    let options = WorkerOptions { name: asked.name.clone(), slots: asked.slots };
    start_with(parts, options, instruments).await.map_err(|error| Failure::broken(error.to_string()))
}

async fn until_the_end(worker: &RunningWorker, asked: &Asked, stop: &mut Stop, voice: Voice) -> End {
    let notice = async {
        match &asked.notices {
            Some(settings) => Notices::new(settings).next(voice).await,
            None => std::future::pending().await,
        }
    };
    let idle = async {
        match asked.exit_when_idle {
            Some(limit) => worker.idle_for_at_least(limit).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        why = worker.until_it_gives_up() => End::GaveUp(why),
        signal = stop.asked() => End::Asked(signal),
        notice = notice => End::Notice(notice),
        () = idle => End::Idle,
    }
}
